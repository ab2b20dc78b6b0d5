/** Parties on the page, wide and on a phone, in English and Korean. @module */

import { assertEquals } from "../support/assert.ts";
import { browserTest, type Page, visit, type Visitor } from "../support/browser.ts";
import { openPanel, registerOnPage, submitForm, untilInWorld, untilRow } from "../support/game_page.ts";
import { ServerProcess } from "../support/server_process.ts";

const PHONE = { width: 375, height: 740, hasTouch: true, locale: "ko-KR" };
const TAG = new URL("../../games/tag/game.ts", import.meta.url).pathname;
/** Where screenshots go, for who wants to look at them. */
const shots = Deno.env.get("SHOTS");

async function look({ page }: Visitor, name: string): Promise<void> {
  assertEquals(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, name);
  if (shots !== undefined) await page.screenshot({ path: `${shots}/${name}.png` });
}

async function say(page: Page, text: string): Promise<void> {
  await page.locator("#world").focus();
  await page.keyboard.press("Enter");
  await page.locator("#chat-input").fill(text);
  await page.keyboard.press("Enter");
}

/** Whether what the page offers is inside it. */
async function cutOff({ page }: Visitor): Promise<string[]> {
  return await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("#friends button, #friends .row-title, #channels span")]
      .filter((element) => element.checkVisibility())
      .filter((element) => {
        const { left, right } = element.getBoundingClientRect();
        return left < -1 || right > innerWidth + 1;
      }).map(({ textContent }) => textContent ?? "")
  );
}

browserTest("On the page players invite, join, talk, hand over and leave a party, also on a phone", async (browser) => {
  await using server = await ServerProcess.start();
  const url = `http://127.0.0.1:${server.ports.gateway}/`;
  const [anna, ben] = [await visit(browser, url), await visit(browser, url, PHONE)];
  for (const [visitor, name] of [[anna, "Anna"], [ben, "Ben"]] as const) await registerOnPage(visitor.page, name);

  await openPanel(anna.page, "friends");
  await untilRow(anna.page, "party-members", "You are not in a party.");
  await submitForm(anna.page, "party-invite", { player: "nobody" });
  await anna.page.locator("#side-message", { hasText: "Nobody has that name." }).waitFor();
  await submitForm(anna.page, "party-invite", { player: "ben" });
  await untilRow(anna.page, "party-members", "Anna", "Leader");
  await ben.page.locator("#badge-friends", { hasText: "1" }).waitFor();
  await ben.page.locator("#open-friends").tap();
  await look(ben, "party-invited-375");
  // Over the world too: with panels closed, nobody misses it.
  await ben.page.locator("#notice", { hasText: "Anna님이 파티에 초대했습니다." }).waitFor();
  await ben.page.locator("#notice-second", { hasText: "거절" }).tap();
  await anna.page.locator("#chat-log li", { hasText: "Ben declined your invitation." }).waitFor();
  await ben.page.locator("#notice").waitFor({ state: "hidden" });
  await submitForm(anna.page, "party-invite", { player: "ben" });
  await ben.page.getByLabel("Anna님의 파티 초대 수락", { exact: true }).tap();
  for (const { page } of [anna, ben]) {
    await untilRow(page, "party-members", "Anna");
    await untilRow(page, "party-members", "Ben");
  }
  await ben.page.locator("#notice").waitFor({ state: "hidden" });
  await ben.page.locator("#badge-friends").waitFor({ state: "hidden" });
  assertEquals(await cutOff(ben), []);
  await look(ben, "party-member-375");
  await look(anna, "party-leader-wide");

  await say(anna.page, "/p to the gate");
  await ben.page.locator("#chat-log .line-party", { hasText: "to the gate" }).waitFor({ state: "attached" });
  await ben.page.locator("#side-close").tap();
  await ben.page.locator("#chat-toggle").tap();
  await ben.page.locator("#channel-party").tap();
  await look(ben, "party-chat-375");
  assertEquals(await cutOff(ben), []);
  await ben.page.locator("#chat-input").fill("coming");
  await ben.page.locator("#chat-send").tap();
  await anna.page.locator("#chat-log .line-party", { hasText: "coming" }).waitFor();

  // A page that is loaded again keeps its place.
  await ben.page.reload();
  await untilInWorld(ben.page);
  await ben.page.locator("#open-friends").tap();
  await untilRow(ben.page, "party-members", "Anna", "파티장");
  await anna.page.getByLabel("Make Ben the leader of the party", { exact: true }).click();
  await untilRow(anna.page, "party-members", "Ben", "Leader");
  await untilRow(ben.page, "party-members", "Ben", "파티장");
  await ben.page.locator("#party-disband").tap();
  await untilRow(anna.page, "party-members", "You are not in a party.");
  // The first ended when its only guest declined.
  await anna.page.locator("#chat-log li", { hasText: "Your party was disbanded." }).nth(1).waitFor();
  await anna.page.locator("#channel-party").waitFor({ state: "hidden" });
  assertEquals([anna.errors, ben.errors], [[], []]);
  await server.stop();
});

browserTest("On the arena's page a player invites another, and they queue as one", async (browser) => {
  await using server = await ServerProcess.start({ flags: ["--game", TAG] });
  const url = `http://127.0.0.1:${server.ports.gateway}/`;
  const [ann, ben] = [await visit(browser, url), await visit(browser, url, PHONE)];
  for (const [{ page }, name] of [[ann, "ann"], [ben, "ben"]] as const) {
    await page.locator('#login [name="name"]').fill(name);
    await page.locator('#login [name="password"]').fill("correct horse");
    await page.locator("#login button").click();
    await page.locator("nav").waitFor();
    assertEquals(await page.locator("#login").isVisible(), false);
  }
  await ann.page.locator('#party [name="player"]').fill("nobody");
  await ann.page.locator("#party button").click();
  await ann.page.locator("#news", { hasText: "no player" }).waitFor();
  await ann.page.locator('#party [name="player"]').fill("ben");
  await ann.page.locator("#party button").click();
  await ben.page.locator("#join", { hasText: "Join ann" }).tap();
  for (const { page } of [ann, ben]) await page.locator("#news", { hasText: "Together: ann, ben" }).waitFor();
  await ben.page.locator("#queue").tap();
  await ben.page.locator("#news", { hasText: "Only the leader" }).waitFor();
  await ann.page.locator("#queue").click();
  for (const { page } of [ann, ben]) await page.locator("#queue", { hasText: "Leave the queue" }).waitFor();
  await look(ben, "tag-party-375");
  assertEquals([ann.errors, ben.errors], [[], []]);
  await server.stop();
});
