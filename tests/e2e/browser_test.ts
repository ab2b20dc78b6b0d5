import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, type Page, visit, type Visitor } from "../support/browser.ts";
import { freePortFlags } from "../support/free_port.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

/** Everyone sees everyone. */
const SMALL_MAP = ["--map-size", "40", "--interest-radius", "60"];

function html(page: Page): Promise<Record<string, string>> {
  return page.evaluate(() => ({ ...document.documentElement.dataset })) as Promise<Record<string, string>>;
}

async function untilConnected(page: Page): Promise<void> {
  await page.locator('html[data-connection="connected"][data-entity-id]').waitFor({ state: "attached" });
}

async function logIn(page: Page, mode: "login" | "register", name: string, password: string): Promise<void> {
  await page.locator(`#login-form label:has(input[value="${mode}"])`).click();
  await page.locator("#login-name").fill(name);
  await page.locator("#login-password").fill(password);
  await page.locator("#login-submit").click();
}

/** Where a page shows someone else; `undefined` when it does not. */
async function placeOf(page: Page, name: string): Promise<{ x: number; z: number } | undefined> {
  const place = await page.evaluate((wanted) => {
    const item = document.querySelector<HTMLElement>(`ul[aria-label="Players nearby"] li[data-name="${wanted}"]`);
    return item === null ? null : { x: Number(item.dataset.x), z: Number(item.dataset.z) };
  }, name);
  return place ?? undefined;
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
  await page.locator("#world").focus();
}

async function untilHears(page: Page, sender: string, text: string): Promise<void> {
  await page.locator("#chat-log li", { hasText: text }).filter({ hasText: sender }).first().waitFor();
}

/** Resolves when the page shows someone where that one's own page says. */
async function untilSeenInPlace(viewer: Page, name: string, own: Page): Promise<void> {
  let last = "";
  const isInPlace = async () => {
    const [seen, { x, z }] = [await placeOf(viewer, name), await html(own)];
    last = `seen at ${seen?.x}, ${seen?.z}, is at ${x}, ${z}`;
    return seen !== undefined && Math.hypot(seen.x - Number(x), seen.z - Number(z)) < 0.15;
  };
  await until(`${name} in place`, isInPlace).catch((error) => {
    throw new Error(`${error.message}: ${last}`);
  });
}

/** Walks with a key, away from the nearer border, until `distance` units are behind. */
async function walk(page: Page, distance: number): Promise<void> {
  const start = Number((await html(page)).x);
  const key = start > 20 ? "KeyA" : "KeyD";
  await page.keyboard.down(key);
  await until("a walk", async () => Math.abs(Number((await html(page)).x) - start) >= distance);
  await page.keyboard.up(key);
}

browserTest(
  "The page registers, walks, talks, whispers, and comes back after a reload and a restart",
  async (browser) => {
    await withTempDir(async (dir) => {
      const dataDir = `${dir}/data`;
      const flags = [...SMALL_MAP, ...freePortFlags()];
      let server = await ServerProcess.start({ dataDir, flags });
      try {
        const url = `http://127.0.0.1:${server.ports.gateway}/`;
        const alice: Visitor = await visit(browser, url);
        const bob: Visitor = await visit(browser, url);
        assertEquals((await html(alice.page)).connection, "idle");
        await logIn(alice.page, "login", "Alice", "correct horse");
        await alice.page.locator("#login-password-error:not(:empty)").waitFor();
        await logIn(alice.page, "register", "Alice", "correct horse");
        await logIn(bob.page, "register", "Bob", "battery staple");
        await Promise.all([untilConnected(alice.page), untilConnected(bob.page)]);

        await untilSeenInPlace(bob.page, "Alice", alice.page);
        await untilSeenInPlace(alice.page, "Bob", bob.page);
        assertEquals((await html(bob.page)).visible, "1");
        const before = await placeOf(bob.page, "Alice");
        await walk(alice.page, 8);
        await untilSeenInPlace(bob.page, "Alice", alice.page);
        const after = await placeOf(bob.page, "Alice");
        assert(Math.abs(after!.x - before!.x) >= 7, `Bob saw her go from ${before!.x} to ${after!.x}`);

        await say(alice.page, "Good evening <b>all</b>");
        await untilHears(bob.page, "Alice", "Good evening <b>all</b>");
        await say(bob.page, "/w alice psst");
        await untilHears(alice.page, "Bob", "psst");
        await say(bob.page, "/w Nobody-here psst");
        await bob.page.locator("#chat-log li", { hasText: "Nobody-here" }).waitFor();

        // A reload keeps the login and the place.
        const place = await html(alice.page);
        await alice.page.reload();
        await untilConnected(alice.page);
        const restored = await html(alice.page);
        assert(Math.hypot(Number(restored.x) - Number(place.x), Number(restored.z) - Number(place.z)) < 1);
        await untilSeenInPlace(bob.page, "Alice", alice.page);
        await say(alice.page, "Back again");
        await untilHears(bob.page, "Alice", "Back again");

        // A server that stands still is told of long before the connection counts as lost.
        Deno.kill(server.pid, "SIGSTOP");
        await alice.page.locator("#connection-text", { hasText: "No answer" }).waitFor();
        Deno.kill(server.pid, "SIGCONT");
        await untilConnected(alice.page);
        await say(alice.page, "Still here");
        await untilHears(bob.page, "Alice", "Still here");

        // The server goes and comes: the pages find it by themselves.
        await server.stop();
        await Promise.all(
          [alice, bob].map(({ page }) =>
            page.locator('html[data-connection="reconnecting"]').waitFor({ state: "attached" })
          ),
        );
        server = await ServerProcess.start({ dataDir, flags });
        await Promise.all([untilConnected(alice.page), untilConnected(bob.page)]);
        await untilSeenInPlace(bob.page, "Alice", alice.page);
        await say(bob.page, "Was that an earthquake?");
        await untilHears(alice.page, "Bob", "Was that an earthquake?");
        await walk(bob.page, 3);
        await untilSeenInPlace(alice.page, "Bob", bob.page);

        await bob.page.getByRole("button", { name: "Leave" }).click();
        await bob.page.locator("#login-form").waitFor();
        await until("Bob's going", async () => await placeOf(alice.page, "Bob") === undefined);
        assertEquals([alice.errors, bob.errors], [[], []]);
        await server.stop();
      } finally {
        await server[Symbol.asyncDispose]();
      }
    });
  },
);

browserTest("The page fits a screen 375 pixels wide, before and in the world", async (browser) => {
  await using server = await ServerProcess.start({ flags: SMALL_MAP });
  const url = `http://127.0.0.1:${server.ports.gateway}/`;
  const { page, errors } = await visit(browser, url, { width: 375, height: 667 });
  const check = async () => {
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, document.body.scrollWidth]);
    assertEquals(widths, [375, 375]);
    const screenshot = await page.screenshot();
    const view = new DataView(screenshot.buffer, screenshot.byteOffset);
    assertEquals([view.getUint32(16), view.getUint32(20)], [375, 667]);
  };
  await check();
  await logIn(page, "register", "Alice", "correct horse");
  await untilConnected(page);
  await page.locator("#world").waitFor();
  await check();
  await page.locator("#chat-toggle").click();
  await page.getByLabel("Message", { exact: true }).waitFor();
  await check();
  assertEquals(errors, []);
  await server.stop();
});
