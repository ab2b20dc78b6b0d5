import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, type Page, visit } from "../support/browser.ts";
import { untilStill } from "../support/game_page.ts";
import { ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";

/** All of the first map is in sight, and its portals are a few steps away. */
const SMALL_MAP = ["--map-size", "40", "--interest-radius", "60", "--monsters", "off"];
/** Where the portal to the other map ends and the one back is: see games/marsh/data/maps.json. */
const BACK = { x: 9.6, z: 80 };

function html(page: Page): Promise<Record<string, string>> {
  return page.evaluate(() => ({ ...document.documentElement.dataset })) as Promise<Record<string, string>>;
}

async function register(page: Page, name: string): Promise<void> {
  await page.locator('#login-form label:has(input[value="register"])').click();
  await page.locator("#login-name").fill(name);
  await page.locator("#login-password").fill("correct horse");
  await page.locator("#login-submit").click();
  await page.locator('html[data-connection="connected"][data-map="Bridgefield"]').waitFor({ state: "attached" });
  await page.locator("#world").focus();
}

async function untilOn(page: Page, map: string): Promise<void> {
  await page.locator(`html[data-map="${map}"][data-x]`).waitFor({ state: "attached" });
}

/** Walks with the arrow keys until the page offers a portal to her who stands. */
async function walkToPortal(page: Page, goal: { x: number; z: number }): Promise<void> {
  const held = new Set<string>();
  const steer = async (key: string, isWanted: boolean) => {
    if (isWanted === held.has(key)) return;
    await (isWanted ? page.keyboard.down(key) : page.keyboard.up(key));
    if (isWanted) held.add(key);
    else held.delete(key);
  };
  await until("the portal's button", async () => {
    const isOffered = await page.locator("#portal").isVisible();
    const { x, z } = await html(page);
    const dx = isOffered ? 0 : goal.x - Number(x), dz = isOffered ? 0 : goal.z - Number(z);
    await steer("ArrowRight", dx > 1);
    await steer("ArrowLeft", dx < -1);
    await steer("ArrowDown", dz > 1);
    await steer("ArrowUp", dz < -1);
    if (!isOffered) return false;
    // On a slow machine she may have walked on before she stopped.
    await untilStill(page);
    return await page.locator("#portal").isVisible();
  });
}

browserTest("The page goes through portals, by key and by button, and comes back where it was", async (browser) => {
  await using server = await ServerProcess.start({ flags: SMALL_MAP });
  const url = `http://127.0.0.1:${server.ports.gateway}/`;
  const [alice, bob] = [await visit(browser, url), await visit(browser, url)];
  await register(alice.page, "Alice");
  await register(bob.page, "Bob");
  await until("Bob sees Alice", async () => (await html(bob.page)).visible === "1");

  await walkToPortal(alice.page, { x: 20, z: 20 });
  await alice.page.keyboard.press("KeyE");
  await until("another map", async () => (await html(alice.page)).map !== "Bridgefield");
  const { map } = await html(alice.page);
  await alice.page.locator("#map-name", { hasText: map }).waitFor();
  await until("Alice's going", async () => (await html(bob.page)).visible === "0");

  // A login comes back on the map where the player was.
  await alice.page.reload();
  await untilOn(alice.page, map);
  await alice.page.locator("#world").focus();
  if (map === "The Undercroft") await walkToPortal(alice.page, BACK);
  else await walkToPortal(alice.page, { x: 250, z: 288 });
  await alice.page.locator("#portal").click();
  await untilOn(alice.page, "Bridgefield");
  await until("Alice's return", async () => (await html(bob.page)).visible === "1");
  assert((await alice.page.locator("#chat-log").innerText()).includes("You have arrived in Bridgefield."));
  assertEquals([alice.errors, bob.errors], [[], []]);
  await server.stop();
});
