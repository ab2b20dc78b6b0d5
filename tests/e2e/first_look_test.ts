/** What newcomers read on the page: what is wrong with a name, what to press, who struck them, what was said before. @module */

import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, type Page, visit } from "../support/browser.ts";
import { registerOnPage, stateOf, untilInWorld } from "../support/game_page.ts";
import { ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";

const DESK = { width: 1_100, height: 700 };
const PHONE = { width: 375, height: 667, hasTouch: true };
/** Everyone is in reach of everyone, and nowhere is safe. */
const ARENA = ["--map-size", "12", "--interest-radius", "20"];

function urlOf({ ports }: ServerProcess): string {
  return `http://127.0.0.1:${ports.gateway}/`;
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
}

browserTest(
  "The page says what is wrong with a new name and password in the place of what is asked for",
  async (browser) => {
    await using server = await ServerProcess.start({ players: 1 });
    const { page, errors } = await visit(browser, urlOf(server));
    await page.locator('#login-form label:has(input[value="register"])').click();
    /** Which fields tell what is asked for, and which what is wrong. */
    const told = () =>
      page.evaluate(() =>
        ["name", "password"].map((field) =>
          ["help", "error"].filter((kind) => {
            const element = document.getElementById(`login-${field}-${kind}`)!;
            return element.checkVisibility() && element.textContent !== "";
          }).join()
        )
      );
    const submit = async (name: string, password: string) => {
      await page.locator("#login-name").fill(name);
      await page.locator("#login-password").fill(password);
      await page.locator("#login-submit").click();
    };
    assertEquals(await told(), ["help", "help"]);
    await submit("A", "correct horse");
    assertEquals(await told(), ["error", "help"]);
    await submit("Alice", "short");
    assertEquals(await told(), ["help", "error"]);
    // What only the server knows, too.
    await submit(server.takePlayer().name, "correct horse");
    await page.locator("#login-name-error:not(:empty)").waitFor();
    assertEquals(await told(), ["error", "help"]);
    await submit("Alice", "correct horse");
    await untilInWorld(page);
    assertEquals(errors, []);
    await server.stop();
  },
);

browserTest("The page's hints are for the device, and the focus lays no frame around the world", async (browser) => {
  await using server = await ServerProcess.start({});
  for (const [screen, name] of [[DESK, "Desk"], [PHONE, "Phone"]] as const) {
    const { page, errors } = await visit(browser, urlOf(server), screen);
    await registerOnPage(page, name);
    await page.locator("#hint").waitFor();
    const seen = await page.evaluate(() => {
      const shown = [...document.querySelectorAll<HTMLElement>(".hint-keys, .hint-touch, .skill-key")]
        .filter((element) => element.checkVisibility());
      return [...new Set(shown.map(({ className }) => className))];
    });
    const hasKeys = screen === DESK;
    assertEquals(seen.sort(), hasKeys ? ["hint-keys", "skill-key"] : ["hint-touch"]);
    const welcome = await page.locator("#chat-log li", { hasText: `Welcome` }).first().textContent();
    assertEquals(/Enter/.test(welcome ?? ""), hasKeys, welcome ?? "");
    if (!hasKeys) assert(!/\bEnter\b/.test(await page.locator("body").innerText()), "A phone has no Enter");
    // By key, as a frame is only for those who use keys.
    await page.locator("#world").focus();
    await page.keyboard.press("Shift");
    const [isFocused, frame] = await page.evaluate(() => {
      const world = document.getElementById("world")!;
      return [world.matches(":focus-visible"), getComputedStyle(world).outlineStyle];
    });
    assertEquals([isFocused, frame], [true, "none"]);
    assertEquals(errors, []);
    await page.context().close();
  }
  await server.stop();
});

browserTest(
  "The page keeps what was said to everyone over a reload, and shows it to the same player only",
  async (browser) => {
    await using server = await ServerProcess.start({});
    const anna = await visit(browser, urlOf(server)), ben = await visit(browser, urlOf(server));
    await registerOnPage(anna.page, "Anna");
    await registerOnPage(ben.page, "Ben");
    const lines = (page: Page) => page.locator("#chat-log .line-global .line-text").allInnerTexts();
    await say(anna.page, "Where is the market?");
    await ben.page.locator("#chat-log .line-global", { hasText: "Where is the market?" }).waitFor();
    await say(ben.page, "Behind the gate");
    await anna.page.locator("#chat-log .line-global", { hasText: "Behind the gate" }).waitFor();
    const said = ["Where is the market?", "Behind the gate"];
    for (const { page } of [anna, ben]) {
      await page.reload();
      await untilInWorld(page);
      await page.locator("#chat-log .line-global", { hasText: said[1] }).waitFor();
      assertEquals(await lines(page), said);
    }
    await ben.page.getByRole("button", { name: "Leave" }).click();
    await ben.page.locator("#login-form").waitFor();
    await ben.page.reload();
    await registerOnPage(ben.page, "Cleo");
    await ben.page.locator("#chat-log li", { hasText: "Cleo" }).first().waitFor({ state: "attached" });
    assertEquals(await lines(ben.page), []);
    assertEquals([anna.errors, ben.errors], [[], []]);
    await server.stop();
  },
);

browserTest("The page tells the fallen who struck them and lets them rise, and tells who struck", async (browser) => {
  await using server = await ServerProcess.start({ flags: ARENA });
  const anna = await visit(browser, urlOf(server)), ben = await visit(browser, urlOf(server));
  await registerOnPage(anna.page, "Anna");
  await registerOnPage(ben.page, "Ben");
  await anna.page.locator('ul[aria-label="Players nearby"] li[data-name="Ben"]').waitFor({ state: "attached" });
  await anna.page.locator("#world").focus();
  await until("Ben's fall", async () => {
    await anna.page.keyboard.press("q");
    await anna.page.keyboard.press("2");
    return (await stateOf(ben.page)).hp === "0";
  });
  await ben.page.locator("#notice-title", { hasText: "Slain by Anna" }).waitFor();
  await anna.page.locator("#chat-log li", { hasText: "You have slain Ben." }).waitFor();
  assert(!(await ben.page.locator("#chat-log").innerText()).includes("slain"));
  await ben.page.getByRole("button", { name: "Rise again" }).click();
  await until("Ben's return", async () => (await stateOf(ben.page)).hp === "100");
  await ben.page.locator("#notice").waitFor({ state: "hidden" });
  assertEquals([anna.errors, ben.errors], [[], []]);
  await server.stop();
});
