import { CombatResultSchema } from "../../games/parts/combat/combat_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, type Page, visit } from "../support/browser.ts";
import { registerOnPage, stateOf, untilInWorld, untilStill } from "../support/game_page.ts";
import { ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { WirePlayer } from "../support/wire_session.ts";

/** Everyone is on one screen, and sees everyone. */
const FLAGS = ["--map-size", "20", "--interest-radius", "30"];
const PHONE = { width: 375, height: 667, hasTouch: true };
/** A place between the panels of a phone, and how far from the middle a finger taps, in CSS pixels. */
const PHONE_MIDDLE = { x: PHONE.width / 2, y: 300 };
const TAP_PX = 60;

async function placeOf(page: Page): Promise<{ x: number; z: number }> {
  const { x, z } = await stateOf(page);
  return { x: Number(x), z: Number(z) };
}

/** Resolves with where the player stands when it has gone `distance` units or more, and the page tells of no more steps. */
async function untilWalked(
  page: Page,
  from: { x: number; z: number },
  distance: number,
): Promise<{ x: number; z: number }> {
  await until("a walk", async () => {
    const { x, z } = await placeOf(page);
    return Math.hypot(x - from.x, z - from.z) >= distance;
  });
  return await untilStill(page);
}

/** Resolves when somebody was hit, whom the page has chosen. */
async function untilHit(player: WirePlayer, attempt: () => Promise<void>): Promise<void> {
  await until("a blow", async () => {
    await attempt();
    await player.settle();
    return player.client.all(CombatResultSchema).some(({ targetId }) => targetId === player.entityId);
  });
}

browserTest(
  "The page is played by keyboard alone: register, walk, fight, look into a panel, talk, leave",
  async (browser) => {
    await using server = await ServerProcess.start({ flags: FLAGS, players: 1 });
    const enemy = await WirePlayer.enter(server, "tcp");
    const { page, errors } = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`);
    const { keyboard } = page;
    const focusOn = (id: string) =>
      until(`the focus on ${id}`, async () => {
        if (await page.evaluate((id) => document.activeElement?.id === id, id)) return true;
        await keyboard.press("Tab");
        return false;
      });

    await until("the choice", async () => {
      await keyboard.press("Tab");
      return await page.evaluate(() => (document.activeElement as HTMLInputElement | null)?.name === "mode");
    });
    await keyboard.press("ArrowRight");
    await focusOn("login-name");
    await keyboard.type("Alice");
    await focusOn("login-password");
    await keyboard.type("correct horse");
    await keyboard.press("Enter");
    await untilInWorld(page);

    const start = await placeOf(page);
    const key = start.x > 10 ? "ArrowLeft" : "ArrowRight";
    await keyboard.down(key);
    await until("a walk", async () => Math.abs((await placeOf(page)).x - start.x) >= 3);
    await keyboard.up(key);

    await until("a target", async () => {
      await keyboard.press("q");
      return (await stateOf(page)).target === String(enemy.entityId);
    });
    await untilHit(enemy, () => keyboard.press("2"));

    await keyboard.press("l");
    await page.locator("#ranks").waitFor();
    await keyboard.press("Escape");
    await page.locator("#ranks").waitFor({ state: "hidden" });

    await keyboard.press("Enter");
    await keyboard.type("No mouse here");
    await keyboard.press("Enter");
    assertEquals((await enemy.hears("Alice")).message, "No mouse here");
    await keyboard.press("Escape");

    await focusOn("leave");
    await keyboard.press("Enter");
    await page.locator("#login-form").waitFor();
    assertEquals(errors, []);
    await enemy.client.close();
    await server.stop();
  },
);

browserTest("The page is played by touch on a phone: walk, fight, look into a panel, talk", async (browser) => {
  await using server = await ServerProcess.start({ flags: FLAGS, players: 1 });
  const enemy = await WirePlayer.enter(server, "tcp");
  const { page, errors } = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`, PHONE);
  await registerOnPage(page, "Alice");
  await page.locator("#world").waitFor();

  // Where the first tap leads tells how the screen and the world lie on each other.
  const start = await placeOf(page);
  const tapPx = start.x > 10 ? -TAP_PX : TAP_PX;
  await enemy.walkTo({ x: start.x > 10 ? 19 : 1, z: 10 });
  await page.touchscreen.tap(PHONE_MIDDLE.x + tapPx, PHONE_MIDDLE.y);
  const place = await untilWalked(page, start, 3);
  const pixelsPerUnit = tapPx / (place.x - start.x);
  const middleY = PHONE_MIDDLE.y - (place.z - start.z) * pixelsPerUnit;
  assert(pixelsPerUnit > 0, `A tap of ${tapPx} px led from ${start.x} to ${place.x}`);

  const tapEnemy = async () => {
    // A tap that missed has led her elsewhere.
    const { x, z } = await untilWalked(page, place, 0);
    // Beside her: above her a portal that is near has its button, which would be tapped instead.
    await enemy.walkTo({ x: x > 10 ? x - 5 : x + 5, z });
    const seen = page.locator(`ul[aria-label="Players nearby"] li[data-name="${enemy.name}"]`);
    await seen.waitFor({ state: "attached" }).catch(async (error) => {
      throw new Error(`${enemy.name} is not in view: ${JSON.stringify(await stateOf(page))}`, { cause: error });
    });
    const offset = async (): Promise<[dx: number, dz: number]> => [
      Number(await seen.getAttribute("data-x")) - x,
      Number(await seen.getAttribute("data-z")) - z,
    ];
    await until(`${enemy.name} beside her`, async () => Math.abs((await offset())[1]) < 0.5);
    const [dx, dz] = await offset();
    await page.touchscreen.tap(PHONE_MIDDLE.x + dx * pixelsPerUnit, middleY + dz * pixelsPerUnit - 6);
  };
  await untilHit(enemy, tapEnemy);
  // The page tells of its target with the next frame.
  await until("the target", async () => (await stateOf(page)).target === String(enemy.entityId));

  await page.locator("#open-friends").tap();
  await page.locator("#friends").waitFor();
  assertEquals(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);
  await page.locator("#side-close").tap();
  await page.locator("#friends").waitFor({ state: "hidden" });

  await page.locator("#chat-toggle").tap();
  const message = page.getByLabel("Message", { exact: true });
  await message.tap();
  await message.fill("With one finger");
  await page.getByRole("button", { name: "Send" }).tap();
  assertEquals((await enemy.hears("Alice")).message, "With one finger");
  assertEquals(errors, []);
  await enemy.client.close();
  await server.stop();
});
