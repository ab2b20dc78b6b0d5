import { HeartbeatRequestSchema } from "../../shared/gen/auth_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildCreateResponseSchema,
  GuildInfoRequestSchema,
  GuildInfoResponseSchema,
  GuildWarStartSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { CombatResultSchema } from "../../games/parts/combat/combat_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type Browser, browserTest, visit, type Visitor } from "../support/browser.ts";
import { freePortFlags } from "../support/free_port.ts";
import {
  chooseTarget,
  openPanel,
  registerOnPage,
  stateOf,
  submitForm,
  untilInWorld,
  untilRow,
} from "../support/game_page.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import type { WireClient } from "../support/wire.ts";
import { connect, enterWorld } from "../support/wire_session.ts";

/** Everyone is in sight and in range of everyone. */
const FLAGS = ["--map-size", "12", "--interest-radius", "20"];
const PHONE = { width: 375, height: 667 };

/** Two at a desk, one with a phone, and one who plays with a program of its own. */
async function gather(browser: Browser, url: string): Promise<[anna: Visitor, ben: Visitor, cora: Visitor]> {
  const visitors = [await visit(browser, url), await visit(browser, url), await visit(browser, url, PHONE)];
  for (const [index, name] of ["Anna", "Ben", "Cora"].entries()) await registerOnPage(visitors[index].page, name);
  return visitors as [Visitor, Visitor, Visitor];
}

/** Anna founds a guild and has Ben join; Ben becomes an officer and has Cora join. */
async function foundGuild([anna, ben, cora]: Visitor[], stranger: string): Promise<void> {
  await openPanel(anna.page, "guild");
  await submitForm(anna.page, "guild-create", { name: "Grey Bears", tag: "GB" });
  await anna.page.locator('html[data-guild="Grey Bears"]').waitFor({ state: "attached" });
  await submitForm(anna.page, "guild-invite", { player: "Ben" });
  await openPanel(ben.page, "guild");
  await ben.page.getByLabel("Join Grey Bears", { exact: true }).click();
  await untilRow(ben.page, "guild-roster", "Ben");
  await untilRow(anna.page, "guild-roster", "Ben");
  await anna.page.getByLabel("Promote Ben", { exact: true }).click();
  await untilRow(anna.page, "guild-roster", "Ben", "Officer");
  await ben.page.locator("#guild-invite").waitFor();
  await withdrawByKeys(ben, stranger);
  await submitForm(ben.page, "guild-invite", { player: "Cora" });
  await openPanel(cora.page, "guild");
  await cora.page.getByLabel("Join Grey Bears", { exact: true }).click();
  await untilRow(cora.page, "guild-roster", "Cora");
}

/** An officer invites two and takes both invitations back, with the keyboard alone. */
async function withdrawByKeys({ page }: Visitor, stranger: string): Promise<void> {
  for (const player of ["Cora", stranger]) {
    await submitForm(page, "guild-invite", { player });
    await untilRow(page, "guild-invited", player, "by Ben");
  }
  await page.setViewportSize(PHONE);
  await page.locator("#guild-invited").scrollIntoViewIfNeeded();
  assertEquals(await page.evaluate(() => document.documentElement.scrollWidth), PHONE.width);
  await page.setViewportSize({ width: 1_100, height: 700 });
  await page.getByLabel("Withdraw Cora's invitation", { exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.locator("#guild-invited li", { hasText: "Cora" }).waitFor({ state: "detached" });
  // The focus is where the next one is.
  await page.keyboard.press("Enter");
  await untilRow(page, "guild-invited", "No open invitations");
}

async function befriend(anna: Visitor, ben: Visitor): Promise<void> {
  await openPanel(anna.page, "friends");
  await submitForm(anna.page, "friend-add", { player: "ben" });
  await openPanel(ben.page, "friends");
  await ben.page.getByLabel("Become friends with Anna", { exact: true }).click();
  for (const [{ page }, name] of [[anna, "Ben"], [ben, "Anna"]] as const) {
    await openPanel(page, "friends");
    await untilRow(page, "friends-list", name, "online");
  }
}

async function openRoom(anna: Visitor, cora: Visitor): Promise<void> {
  await openPanel(anna.page, "rooms");
  await submitForm(anna.page, "room-create", { name: "Tavern" });
  await untilRow(anna.page, "rooms-joined", "Tavern");
  await openPanel(cora.page, "rooms");
  await cora.page.getByLabel("Join Tavern", { exact: true }).click();
  await untilRow(anna.page, "rooms-joined", "Tavern", "2");
}

/** Anna and Ben shoot at the one they are at war with until she is dead. */
async function killEnemy(anna: Visitor, ben: Visitor, enemy: WireClient, entityId: bigint): Promise<void> {
  const isDead = () =>
    enemy.all(CombatResultSchema).some(({ targetId, targetDied }) => targetId === entityId && targetDied);
  for (const { page } of [anna, ben]) await chooseTarget(page, entityId);
  await until("a kill", async () => {
    for (const { page } of [anna, ben]) await page.keyboard.press("2");
    enemy.send(HeartbeatRequestSchema, {});
    return isDead();
  });
}

/** Buttons of a panel of the page that something else lies over. */
function coveredButtons({ page }: Visitor, panel: string): Promise<string[]> {
  return page.evaluate((panel) =>
    [...document.querySelectorAll(`${panel} button`)].filter((button) => {
      const { left, top, width, height } = button.getBoundingClientRect();
      const hit = document.elementFromPoint(left + width / 2, top + height / 2);
      return hit === null || !button.contains(hit);
    }).map(({ id }) => id), panel);
}

browserTest(
  "On the page a guild is founded, grows, goes to war and kills, and all of it is there after a restart",
  async (browser) => {
    await withTempDir(async (dir) => {
      const dataDir = `${dir}/data`;
      const flags = [...FLAGS, ...freePortFlags()];
      let server = await ServerProcess.start({ dataDir, flags, players: 1 });
      try {
        const dora = server.takePlayer();
        const visitors = await gather(browser, `http://127.0.0.1:${server.ports.gateway}/`);
        const [anna, ben, cora] = visitors;
        await foundGuild(visitors, dora.name);
        await befriend(anna, ben);
        await openRoom(anna, cora);

        const enemy = await connect(server, "tcp");
        const { entityId } = await enterWorld(enemy, dora.token);
        const founding = { name: "Red Foxes", tag: "RF" };
        assert((await enemy.ask(GuildCreateRequestSchema, founding, GuildCreateResponseSchema)).success);
        await openPanel(anna.page, "guild");
        await submitForm(anna.page, "guild-war", { enemy: "red foxes" });
        await untilRow(anna.page, "guild-wars", "Red Foxes", "0 : 0");
        assertEquals((await enemy.expect(GuildWarStartSchema)).enemyName, "Grey Bears");
        await chooseTarget(cora.page, entityId);
        assertEquals(await coveredButtons(cora, "#menu"), []);
        await killEnemy(anna, ben, enemy, entityId);
        await untilRow(anna.page, "guild-wars", "Red Foxes", "1 : 0, ahead");
        await openPanel(cora.page, "guild");
        await untilRow(cora.page, "guild-wars", "Red Foxes", "1 : 0, ahead");
        const { wars } = await enemy.ask(GuildInfoRequestSchema, {}, GuildInfoResponseSchema);
        assertEquals(wars.map(({ ownKills, enemyKills }) => [ownKills, enemyKills]), [[0, 1]]);

        await enemy.close();
        await server.stop();
        for (const { page } of visitors) {
          await page.locator('html[data-connection="reconnecting"]').waitFor({ state: "attached" });
        }
        server = await ServerProcess.start({ dataDir, flags });
        for (const { page } of visitors) await untilInWorld(page);

        for (const { page } of visitors) {
          await openPanel(page, "guild");
          await untilRow(page, "guild-roster", "Anna", "Leader");
          await untilRow(page, "guild-roster", "Ben", "Officer");
          await untilRow(page, "guild-roster", "Cora", "Member");
          await untilRow(page, "guild-wars", "Red Foxes", "1 : 0, ahead");
          assertEquals((await stateOf(page)).guild, "Grey Bears");
        }
        await openPanel(ben.page, "friends");
        await untilRow(ben.page, "friends-list", "Anna", "online");
        // A room lives as long as somebody is in it.
        await openPanel(anna.page, "rooms");
        await untilRow(anna.page, "rooms-joined", "You are not in a room");
        await anna.page.locator("#chat-log li", { hasText: "The room Tavern is closed" }).waitFor();
        const width = await cora.page.evaluate(() => document.documentElement.scrollWidth);
        assertEquals([width, ...visitors.map(({ errors }) => errors.length)], [PHONE.width, 0, 0, 0]);
        await server.stop();
      } finally {
        await server[Symbol.asyncDispose]();
      }
    });
  },
);
