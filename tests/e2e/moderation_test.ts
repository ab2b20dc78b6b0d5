import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { SCORES } from "../../games/parts/leaderboards/score_store.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import {
  DisconnectNoticeSchema,
  DisconnectReason,
  ErrorResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { CombatActionSchema, CombatResultSchema } from "../../games/parts/combat/combat_pb.ts";
import { EnterWorldRequestSchema, EnterWorldResponseSchema } from "../../shared/gen/world_pb.ts";
import { LeaderboardRequestSchema, LeaderboardResponseSchema } from "../../games/parts/leaderboards/leaderboards_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, visit } from "../support/browser.ts";
import { registerOnPage, untilInWorld } from "../support/game_page.ts";
import { ServerProcess, type TestPlayer } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { connect, WirePlayer } from "../support/wire_session.ts";

async function enterCode(server: ServerProcess, { token }: TestPlayer): Promise<string> {
  await using client = await connect(server, "tcp");
  const { errorCode } = await client.ask(EnterWorldRequestSchema, { sessionToken: token }, EnterWorldResponseSchema);
  return ErrorCode[errorCode];
}

/** Why the server closed a connection. */
async function noticeTo({ client }: WirePlayer): Promise<string> {
  const { reason, message } = await client.expect(DisconnectNoticeSchema);
  await client.ended();
  return `${DisconnectReason[reason]}: ${message}`;
}

async function chatRefusal(player: WirePlayer): Promise<string> {
  player.say(Channel.GLOBAL, "hello");
  const { errorCode, message } = await player.client.expect(ErrorResponseSchema);
  return `${ErrorCode[errorCode]}: ${message}`;
}

Deno.test("admin mutes, announces, kicks and bans on a running server, and the log says so", async () => {
  await using server = await ServerProcess.start({ players: 2 });
  const [ann, bob] = [server.takePlayer(), server.takePlayer()];
  await using annOnTcp = await WirePlayer.enter(server, "tcp", ann);
  await using bobOnWeb = await WirePlayer.enter(server, "websocket", bob);

  assertEquals(await server.admin("mute", ann.name, "--for", "10m", "--reason", "shouting"), [
    0,
    `${ann.name} is muted for 10 min: shouting`,
  ]);
  assertEquals(await chatRefusal(annOnTcp), "MUTED: You are muted for another 10 min: shouting");
  assertEquals(await server.admin("announce", "Back", "in", "a", "minute"), [0, "Announced to 2 players"]);
  for (const { client } of [annOnTcp, bobOnWeb]) {
    const { channel, message } = await client.expect(ChatMessageSchema);
    assertEquals([Channel[channel], message], ["SYSTEM", "Back in a minute"]);
  }
  const [, list] = await server.admin("list");
  assert(list.startsWith("2 online\n") && list.includes("in the world  muted"), list);

  assertEquals((await server.admin("kick", bob.name))[0], 0);
  assertEquals(await noticeTo(bobOnWeb), "KICKED: You were kicked");
  assertEquals(await server.admin("kick", bob.name), [1, `Cannot run kick: ${bob.name} is not online`]);
  assertEquals((await server.admin("ban", ann.name, "--for", "1h", "--reason", "worse"))[0], 0);
  assert((await noticeTo(annOnTcp)).startsWith("BANNED: You are banned for another "));
  assertEquals(await enterCode(server, ann), "BANNED");
  assertEquals((await server.admin("unban", ann.name))[0], 0);
  assertEquals(await enterCode(server, ann), "NONE");

  await using idle = await connect(server, "tcp");
  idle.send(HeartbeatRequestSchema, {});
  await idle.expect(HeartbeatResponseSchema);
  assertEquals((await server.admin("ban", "--address", "127.0.0.1"))[0], 0);
  assertEquals((await idle.expect(DisconnectNoticeSchema)).reason, DisconnectReason.BANNED, "Logic never heard of it");
  await using turnedAway = await connect(server, "websocket");
  turnedAway.send(EnterWorldRequestSchema, { sessionToken: bob.token });
  assertEquals((await turnedAway.expect(DisconnectNoticeSchema)).reason, DisconnectReason.BANNED);
  assertEquals((await server.admin("unban", "--address", "127.0.0.1/32"))[0], 0);
  assertEquals(await enterCode(server, bob), "NONE");
  assert((await server.log()).includes('"logger":"moderation"'));
  await server.stop();
});

Deno.test("Mutes, bans and kills that were shown survive SIGKILL", async () => {
  await withTempDir(async (dir) => {
    const dataDir = `${dir}/data`;
    const players: TestPlayer[] = [];
    {
      await using server = await ServerProcess.start({ players: 3, dataDir });
      for (let count = 0; count < 3; count++) players.push(server.takePlayer());
      const [killer, victim, banned] = players;
      await placeSideBySide(dataDir, killer, victim);
      await using first = await WirePlayer.enter(server, "tcp", killer);
      await using second = await WirePlayer.enter(server, "tcp", victim);
      await killOff(first, second);
      await until("the kill to be shown", async () => (await killsOf(first)).join() === `1 ${killer.name} 1`);
      assertEquals((await server.admin("mute", killer.name))[0], 0);
      assertEquals((await server.admin("ban", banned.name))[0], 0);
      server.kill("SIGKILL");
      await server.exitCode();
    }
    await using server = await ServerProcess.start({ dataDir });
    const [killer, , banned] = players;
    await using again = await WirePlayer.enter(server, "websocket", killer);
    assertEquals(await killsOf(again), [`1 ${killer.name} 1`]);
    assertEquals(await chatRefusal(again), "MUTED: You are muted");
    assertEquals(await enterCode(server, banned), "BANNED");
    await server.stop();
  });
});

browserTest("The page shows ranks and announcements, and says why a player is muted and sent out", async (browser) => {
  await using server = await ServerProcess.start({ players: 2 });
  const storage = new DirectStorage({ path: `${server.dataDir}/drawbridge.db` }, MARSH_RECORDS);
  // Midnight may come before the page asks.
  const today = Math.floor(Date.now() / 86_400_000);
  for (const day of [today, today + 1]) await storage.of(SCORES).add([{ killerId: 1, victimId: 2, day }]);
  await storage.close();
  const { page, errors } = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`, {
    width: 375,
    height: 667,
  });
  await page.locator('#login-form label:has(input[value="register"])').click();
  await page.locator("#login-name").fill("Alice");
  await page.locator("#login-password").fill("correct horse");
  await page.locator("#login-submit").click();
  await page.locator('html[data-connection="connected"][data-entity-id]').waitFor({ state: "attached" });

  await page.keyboard.press("KeyL");
  for (const period of ["1", "0"]) {
    await page.locator('#ranks-choice select[name="period"]').selectOption(period);
    await page.locator("#ranks-rows tr", { hasText: "Player1" }).waitFor();
  }
  await page.locator("#ranks-own", { hasText: "You have no kills yet." }).waitFor();
  assertEquals((await server.admin("announce", "Back in a minute"))[0], 0);
  await page.locator("#announcement", { hasText: "Back in a minute" }).waitFor();
  const widths = await page.evaluate(() => {
    const side = document.querySelector("#side")!;
    return [document.documentElement.scrollWidth, side.scrollWidth - side.clientWidth];
  });
  assertEquals(widths, [375, 0]);
  await page.keyboard.press("Escape");

  assertEquals((await server.admin("mute", "Alice", "--reason", "shouting"))[0], 0);
  await page.locator("#chat-toggle").click();
  await page.locator("#chat-log li", { hasText: "Back in a minute" }).waitFor();
  await page.getByLabel("Message", { exact: true }).fill("hello");
  await page.keyboard.press("Enter");
  await page.locator("#chat-log li", { hasText: "You are muted: shouting." }).waitFor();
  assertEquals((await server.admin("kick", "Alice", "--reason", "go and calm down"))[0], 0);
  await page.locator("#login-form", { hasText: "You were kicked: go and calm down." }).waitFor();

  const token = (await Deno.readTextFile(`${server.dataDir}/admin.token`)).trim();
  const console = await visit(browser, `http://127.0.0.1:${server.ports.admin}/?token=${token}`);
  await console.page.locator("#moderation summary").click();
  await console.page.getByRole("button", { name: "Lift the mute of Alice" }).click();
  await console.page.locator("#moderation-message", { hasText: "Alice is no longer muted" }).waitFor();
  const planned = console.page.locator("#planned");
  assertEquals(await planned.isVisible(), false);
  assertEquals((await server.admin("maintenance", "on", "--in", "10m", "--message", "a new map"))[0], 0);
  await planned.filter({ hasText: /^Maintenance begins at .+: a new map$/ }).waitFor();
  assertEquals((await server.admin("maintenance", "on"))[0], 0);
  await console.page.locator("#notice", { hasText: "The server is under maintenance" }).waitFor();
  await planned.waitFor({ state: "hidden" });
  assertEquals((await server.admin("maintenance", "off"))[0], 0);
  assertEquals([errors, console.errors], [[], []]);
  await server.stop();
});

browserTest(
  "The page says why a player or its address is banned, while it plays and whenever it comes again",
  async (browser) => {
    await using server = await ServerProcess.start({});
    const { page, errors } = await visit(browser, `http://127.0.0.1:${server.ports.gateway}/`);
    const said = (text: string) =>
      page.locator("#login-form", { hasText: text }).waitFor().catch(async (error) => {
        throw new Error(`The page says: ${await page.locator("#login-form").innerText()}`, { cause: error });
      });
    const logIn = async () => {
      await page.locator(`#login-form label:has(input[value="login"])`).click();
      await page.locator("#login-name").fill("Alice");
      await page.locator("#login-password").fill("correct horse");
      await page.locator("#login-submit").click();
    };
    const ask = async (...args: string[]) => assertEquals((await server.admin(...args))[0], 0);
    await registerOnPage(page, "Alice");
    await ask("ban", "Alice", "--reason", "speed hacks");
    await said("You are banned: speed hacks.");
    await logIn();
    await said("You are banned: speed hacks.");
    const korean = await visit(browser, page.url(), { width: 375, height: 740, hasTouch: true, locale: "ko-KR" });
    await korean.page.locator("#login-name").fill("Alice");
    await korean.page.locator("#login-password").fill("correct horse");
    await korean.page.locator("#login-submit").click();
    await korean.page.locator("#login-form", { hasText: "이용이 정지되었습니다. 사유: speed hacks" }).waitFor();
    await ask("unban", "Alice");
    await logIn();
    await untilInWorld(page);
    await ask("ban", "--address", "127.0.0.1", "--reason", "a nest of thieves");
    await said("You are banned: a nest of thieves.");
    await logIn();
    await said("You are banned: a nest of thieves.");
    assertEquals([...errors, ...korean.errors], []);
    await server.stop();
  },
);

/** Two characters within reach of each other, the second one nearly dead. */
async function placeSideBySide(dataDir: string, killer: TestPlayer, victim: TestPlayer): Promise<void> {
  const storage = new DirectStorage({ path: `${dataDir}/drawbridge.db` }, MARSH_RECORDS);
  for (const [index, { name }] of [killer, victim].entries()) {
    const account = await storage.accounts.findByName(name.toLowerCase());
    const character = await storage.characters.load({ accountId: account!.accountId, characterId: 0 });
    const { characterId } = character!;
    const hp = index === 0 ? 100 : 1;
    await storage.characters.save({ characterId, mapId: 0, x: 500 + index, y: 0, z: 500, yaw: 0, hp });
  }
  await storage.close();
}

/** Strikes as often as the skill allows until the victim is dead: it may dodge, or not be in sight yet. */
async function killOff({ client }: WirePlayer, victim: WirePlayer): Promise<void> {
  const striking = setInterval(() => client.send(CombatActionSchema, { skillId: 1, targetId: victim.entityId }), 550);
  try {
    await client.expect(CombatResultSchema, ({ targetDied }) => targetDied);
  } finally {
    clearInterval(striking);
  }
}

async function killsOf({ client }: WirePlayer): Promise<string[]> {
  const { entries } = await client.ask(LeaderboardRequestSchema, {}, LeaderboardResponseSchema);
  return entries.map(({ rank, name, kills }) => `${rank} ${name} ${kills}`);
}
