import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { GUILDS } from "../../games/parts/guilds/guild_store.ts";
import { LoginRequestSchema, LogoutRequestSchema, RegisterRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInviteListRequestSchema,
  GuildInviteRequestSchema,
  GuildInviteWithdrawSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildLeaveRequestSchema,
  GuildRank,
  GuildSetRankRequestSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { STORAGE_PENDING_PER_SOURCE_MAX } from "../../shared/limits.ts";
import {
  GUILD_FORGET_INTERVAL_MS,
  GUILD_INVITE_LIFETIME_MS,
  GUILD_INVITES_PER_PLAYER_MAX,
  GUILD_MEMBERS_MAX,
} from "../../games/parts/guilds/limits.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { ask, breakableStorage, enlist, found, infoOf, must, rosterOf, settle, twoGuilds } from "./guild_scene.ts";

/** The guild tag that `viewer` sees on an entity since it was last asked; `undefined` where nothing new was shown. */
function tagSeen(harness: LogicHarness, viewer: HarnessClient, entityId: number): string | undefined {
  const updates = harness.take(viewer, PacketType.WORLD_SNAPSHOT).flatMap(({ updates }) => updates);
  return updates.filter((update) => Number(update.entityId) === entityId)
    .map(({ update }) => update.case === "spawn" ? update.value.guildTag : undefined)
    .findLast((tag) => tag !== undefined);
}

function guildChat(harness: LogicHarness, client: HarnessClient): string[] {
  return harness.take(client, PacketType.CHAT_MESSAGE)
    .map(({ senderName, channel, message }) => `${senderName} ${Channel[channel]} ${message}`);
}

Deno.test("A guild is founded, grows, talks, changes hands and ends", async () => {
  await using harness = await LogicHarness.create();
  const [anna, bert, cleo] = [
    await harness.connect({ name: "Anna" }),
    await harness.connect({ name: "Bert" }),
    await harness.connect({ name: "Cleo" }),
  ];
  const guildId = await found(harness, anna, "Iron Wolves", "IW");
  await must(harness, anna, GuildInviteRequestSchema, { playerName: "bert" });
  const notices = harness.take(bert, PacketType.GUILD_INVITE_NOTICE);
  assertEquals(notices.map(({ guildId, guildName, inviterName }) => ({ guildId, guildName, inviterName })), [
    { guildId, guildName: "Iron Wolves", inviterName: "Anna" },
  ]);
  await must(harness, bert, GuildJoinRequestSchema, { guildId, accept: true });
  await enlist(harness, anna, cleo);
  assertEquals(await rosterOf(harness, cleo), ["Anna LEADER", "Bert MEMBER", "Cleo MEMBER"]);

  const answer = await ask(harness, anna, GuildSetRankRequestSchema, { playerName: "Cleo", rank: GuildRank.OFFICER });
  assertEquals(answer, { code: "NONE", type: PacketType.GUILD_INFO_RESPONSE });
  await must(harness, anna, GuildSetRankRequestSchema, { playerName: "Bert", rank: GuildRank.LEADER });
  assertEquals(await rosterOf(harness, cleo), ["Anna OFFICER", "Bert LEADER", "Cleo OFFICER"]);

  harness.forget();
  harness.send(cleo, ChatMessageSchema, { channel: Channel.GUILD, message: "hi" });
  for (const client of [anna, bert, cleo]) assertEquals(guildChat(harness, client), ["Cleo GUILD hi"]);

  await must(harness, bert, GuildLeaveRequestSchema, {});
  assertEquals(await rosterOf(harness, cleo), ["Anna LEADER", "Cleo OFFICER"]);
  await must(harness, anna, GuildKickRequestSchema, { playerName: "Cleo" });
  await must(harness, anna, GuildLeaveRequestSchema, {});
  assertEquals((await infoOf(harness, anna, guildId)).success, false);
  await found(harness, cleo, "Iron Wolves", "IW");
});

Deno.test("GUILD_INFO_RESPONSE says of the own guild who of its members is online", async () => {
  await using scene = await twoGuilds();
  const { harness, wolves, mia, otto } = scene;
  harness.send(otto, LogoutRequestSchema, {});
  await settle(harness);
  const info = await infoOf(harness, mia, wolves);
  assertEquals([info.guildId, info.name, info.tag, info.wars], [wolves, "Iron Wolves", "IW", []]);
  assertEquals(info.members.map(({ name, online }) => [name, online]), [["Anna", true], ["Otto", false], [
    "Mia",
    true,
  ]]);
  assertEquals(info.members[0].playerId, BigInt(scene.anna.playerId));
});

Deno.test("GUILD_INVITE_NOTICE comes at every login until the invitation is answered or expires", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, wolves } = scene;
  const away = await harness.connect({ name: "Away" });
  harness.send(away, LogoutRequestSchema, {});
  await settle(harness);
  assertEquals((await ask(harness, anna, GuildInviteRequestSchema, { playerName: "AWAY" })).code, "NONE");
  for (let login = 0; login < 2; login++) {
    const client = await harness.connect({ name: "Away" });
    await settle(harness);
    const types = client.packets.map(({ type }) => type);
    assertEquals(types[0], PacketType.ENTER_WORLD_RESPONSE);
    const [notice, ...more] = harness.received(client, PacketType.GUILD_INVITE_NOTICE);
    assertEquals([notice.guildId, notice.guildName, notice.inviterName, more], [wolves, "Iron Wolves", "Anna", []]);
    const { sequence } = client.packets.find(({ type }) => type === PacketType.GUILD_INVITE_NOTICE)!;
    assert(sequence > 1, "It is reliable");
  }
  harness.clock.advance(GUILD_INVITE_LIFETIME_MS);
  const late = await harness.connect({ name: "Away" });
  await settle(harness);
  assertEquals(harness.received(late, PacketType.GUILD_INVITE_NOTICE), []);
  await must(harness, anna, GuildInviteRequestSchema, { playerName: "Away" });
  await must(harness, late, GuildJoinRequestSchema, { guildId: wolves, accept: false });
  const again = await harness.connect({ name: "Away" });
  await settle(harness);
  assertEquals(harness.received(again, PacketType.GUILD_INVITE_NOTICE), []);
});

Deno.test("GUILD_CREATE_REQUEST of two at once for one name: the first wins", async () => {
  await using harness = await LogicHarness.create();
  const players = await Promise.all(["Anna", "Bert", "Cleo"].map((name) => harness.connect({ name })));
  players.forEach((client, index) =>
    harness.send(client, GuildCreateRequestSchema, { name: "Wolves", tag: `W${index}` })
  );
  harness.send(players[0], GuildCreateRequestSchema, { name: "Foxes", tag: "FX" });
  const answersOf = (client: HarnessClient) => harness.received(client, PacketType.GUILD_CREATE_RESPONSE);
  await harness.until(() =>
    answersOf(players[0]).length === 2 && players.every((client) => answersOf(client).length > 0)
  );
  const ok = ({ success, guildId }: { success: boolean; guildId: bigint }) => success && guildId > 0n;
  assertEquals(players.map((client) => answersOf(client).map(ok)), [[true, false], [false], [false]]);
});

Deno.test("Two who kick each other at once: exactly one stays", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, otto } = scene;
  harness.send(anna, GuildSetRankRequestSchema, { playerName: "Otto", rank: GuildRank.LEADER });
  harness.send(anna, GuildKickRequestSchema, { playerName: "Otto" });
  harness.send(otto, GuildKickRequestSchema, { playerName: "Anna" });
  await settle(harness);
  assertEquals(await rosterOf(harness, otto), ["Otto LEADER", "Mia MEMBER"]);
  assertEquals(harness.marsh.guilds.find(anna.playerId), null);
});

Deno.test("GUILD chat reaches the members online, in the world or not, and nobody else", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, otto, mia, bela, rosa, ines, lena } = scene;
  harness.send(mia, LeaveWorldRequestSchema, {});
  harness.send(otto, ChatMessageSchema, { channel: Channel.GUILD, message: "one" });
  harness.send(mia, ChatMessageSchema, { channel: Channel.GUILD, message: "two" });
  for (const client of [anna, otto, mia]) {
    assertEquals(guildChat(harness, client), ["Otto GUILD one", "Mia GUILD two"]);
  }
  for (const client of [bela, rosa, ines, lena]) assertEquals(guildChat(harness, client), []);
  await must(harness, anna, GuildKickRequestSchema, { playerName: "Mia" });
  harness.send(anna, ChatMessageSchema, { channel: Channel.GUILD, message: "three" });
  assertEquals(guildChat(harness, mia), []);
  assertEquals(
    (await ask(harness, mia, ChatMessageSchema, { channel: Channel.GUILD, message: "me?" })).code,
    "NOT_FOUND",
  );
});

Deno.test("GUILD chat is kept for a member whose connection was lost", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, otto } = scene;
  const session = harness.sessionOf(otto);
  const before = session.outbox!.lastSequence;
  harness.disconnect(otto);
  harness.send(anna, ChatMessageSchema, { channel: Channel.GUILD, message: "hi" });
  assertEquals(session.outbox!.lastSequence, before + 1);
});

Deno.test("EntitySpawn shows a guild's tag from the entry on and changes with the guild", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, lena, mia, ines } = scene;
  harness.tick();
  harness.forget();
  const entered = await harness.connect({ name: "Watcher", at: { x: 510, z: 500 } });
  harness.tick();
  const spawns = harness.take(entered, PacketType.WORLD_SNAPSHOT).flatMap(({ updates }) => updates)
    .flatMap(({ update }) => update.case === "spawn" ? [update.value] : []);
  const shown = new Map(spawns.map(({ name, guildTag, guildId }) => [name, [guildTag, guildId]]));
  assertEquals(shown.get("Mia"), ["IW", scene.wolves]);
  assertEquals(shown.get("Rosa"), ["RF", scene.foxes]);
  assertEquals(shown.get("Lena"), ["", 0n]);

  await must(harness, anna, GuildKickRequestSchema, { playerName: "Mia" });
  harness.tick();
  assertEquals(tagSeen(harness, lena, mia.entityId), "");
  await must(harness, ines, GuildJoinRequestSchema, { guildId: scene.wolves, accept: true });
  harness.tick();
  assertEquals(tagSeen(harness, lena, ines.entityId), "IW");
  await must(harness, mia, GuildCreateRequestSchema, { name: "Grey Bears", tag: "GB" });
  harness.tick();
  assertEquals(tagSeen(harness, lena, mia.entityId), "GB");
  await must(harness, mia, GuildLeaveRequestSchema, {});
  harness.tick();
  assertEquals(tagSeen(harness, lena, mia.entityId), "");

  harness.send(ines, LeaveWorldRequestSchema, {});
  await harness.enter(ines);
  harness.tick();
  assertEquals(tagSeen(harness, lena, ines.entityId), "IW");
});

Deno.test("Guilds serve players who are logged in and not in the world", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, wolves } = scene;
  const client = harness.open({ name: "Gate" });
  const login = { username: "Gate", passwordHash: "0".repeat(64) };
  harness.send(client, RegisterRequestSchema, login);
  await harness.until(() => harness.received(client, PacketType.REGISTER_RESPONSE).length === 1);
  await must(harness, anna, GuildInviteRequestSchema, { playerName: "Gate" });
  harness.send(client, LoginRequestSchema, login);
  await harness.until(() => harness.received(client, PacketType.GUILD_INVITE_NOTICE).length === 1);
  await must(harness, client, GuildJoinRequestSchema, { guildId: wolves, accept: true });
  assertEquals((await infoOf(harness, client)).members.map(({ name, online }) => [name, online]).at(-1), [
    "Gate",
    true,
  ]);
  harness.send(anna, ChatMessageSchema, { channel: Channel.GUILD, message: "welcome" });
  assertEquals(guildChat(harness, client), ["Anna GUILD welcome"]);
});

Deno.test("Guilds go on as they were after a restart", async () => {
  await withTempDir(async (dir) => {
    const open = () => new DirectStorage({ path: `${dir}/storage.db` }, MARSH_RECORDS);
    const scene = await twoGuilds({ storage: open() });
    const before = await infoOf(scene.harness, scene.anna);
    await scene.harness.close();
    await using harness = await LogicHarness.create({ storage: open() });
    const anna = await harness.connect({ name: "Anna" });
    const mia = await harness.connect({ name: "Mia" });
    const ines = await harness.connect({ name: "Ines" });
    await settle(harness);
    const after = await infoOf(harness, anna);
    const plain = (info: typeof after) => info.members.map(({ name, rank }) => [name, rank]);
    assertEquals([after.guildId, after.name, after.tag, plain(after)], [
      before.guildId,
      before.name,
      before.tag,
      plain(before),
    ]);
    assertEquals(harness.received(ines, PacketType.GUILD_INVITE_NOTICE).length, 1);
    harness.send(mia, ChatMessageSchema, { channel: Channel.GUILD, message: "back" });
    assertEquals(guildChat(harness, anna), ["Mia GUILD back"]);
  });
});

Deno.test("A change of which it is unknown whether it was done is looked up again", async () => {
  const { storage, fail } = breakableStorage();
  await using scene = await twoGuilds({ storage });
  const { harness, anna, mia, lena } = scene;
  fail("timeout");
  assertEquals((await ask(harness, anna, GuildKickRequestSchema, { playerName: "Mia" })).code, "UNAVAILABLE");
  assertEquals(harness.marsh.guilds.find(mia.playerId)?.tag, "IW", "Nothing changes without the storage's word");
  fail("unavailable");
  harness.advance(1_000);
  await settle(harness);
  assertEquals(harness.marsh.guilds.find(mia.playerId)?.tag, "IW");
  fail(null);
  harness.forget();
  harness.advance(1_000);
  await settle(harness);
  harness.tick();
  assertEquals(harness.marsh.guilds.find(mia.playerId), null);
  assertEquals(harness.marsh.guilds.find(anna.playerId)?.tag, "IW");
  assertEquals(tagSeen(harness, lena, mia.entityId), "");
});

Deno.test("Whoever logs in while the storage is down hears of the guild when it is back", async () => {
  const { storage, fail } = breakableStorage();
  await using scene = await twoGuilds({ storage });
  const { harness, anna } = scene;
  const login = { username: "Gate", passwordHash: "0".repeat(64) };
  const first = harness.open({ name: "Gate" });
  harness.send(first, RegisterRequestSchema, login);
  await harness.until(() => harness.received(first, PacketType.REGISTER_RESPONSE).length === 1);
  fail("unavailable");
  harness.send(first, LoginRequestSchema, login);
  await harness.until(() => harness.received(first, PacketType.LOGIN_RESPONSE).length === 1);
  assertEquals(
    (await ask(harness, first, ChatMessageSchema, { channel: Channel.GUILD, message: "?" })).code,
    "UNAVAILABLE",
  );
  fail(null);
  harness.advance(1_000);
  await settle(harness);
  assertEquals(
    (await ask(harness, first, ChatMessageSchema, { channel: Channel.GUILD, message: "?" })).code,
    "NOT_FOUND",
  );
  harness.send(anna, ChatMessageSchema, { channel: Channel.GUILD, message: "hi" });
  assertEquals(guildChat(harness, first), []);
});

Deno.test("GuildService refuses nobody because another asks for much", async () => {
  await using scene = await twoGuilds();
  const { harness, lena, anna } = scene;
  const count = 2 * STORAGE_PENDING_PER_SOURCE_MAX;
  for (let index = 0; index < count; index++) harness.send(lena, GuildLeaveRequestSchema, {});
  assertEquals((await ask(harness, anna, GuildInviteListRequestSchema, {})).code, "NONE");
});

Deno.test("GuildService.find() forgets players who have been away for a while", async () => {
  await using scene = await twoGuilds();
  const { harness, mia, anna } = scene;
  harness.send(mia, LogoutRequestSchema, {});
  await settle(harness);
  harness.clock.advance(GUILD_FORGET_INTERVAL_MS);
  harness.tick();
  assertEquals(harness.marsh.guilds.find(mia.playerId)?.tag, "IW");
  harness.clock.advance(GUILD_FORGET_INTERVAL_MS);
  harness.tick();
  assertEquals(harness.marsh.guilds.find(mia.playerId), undefined);
  assertEquals(harness.marsh.guilds.find(anna.playerId)?.tag, "IW");
});

Deno.test("A full guild answers with SERVER_FULL, a full list of invitations with OUT_OF_RANGE", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, bela, ines, lena, wolves } = scene;
  const { storage } = harness;
  const nowMs = harness.clock.unixMs(), expiresAtMs = nowMs + 60_000;
  const names = Array.from({ length: GUILD_MEMBERS_MAX }, (_, index) => `bot${index}`);
  const accounts = names.map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: nowMs }));
  const bots = await storage.accounts.createMany(accounts);
  for (let index = 0; index < GUILD_INVITES_PER_PLAYER_MAX; index++) {
    const leaderId = bots[index].accountId, name = `Guild ${index}`, tag = `T${index}`;
    await storage.of(GUILDS).create({ leaderId, name, nameKey: name, tag, tagKey: tag, createdAtMs: nowMs });
    await storage.of(GUILDS).invite({ inviterId: leaderId, nameKey: "lena", nowMs, expiresAtMs });
  }
  assertEquals((await ask(harness, bela, GuildInviteRequestSchema, { playerName: "Lena" })).code, "OUT_OF_RANGE");
  const members = bots.slice(GUILD_INVITES_PER_PLAYER_MAX, GUILD_INVITES_PER_PLAYER_MAX + GUILD_MEMBERS_MAX);
  for (const [index, { accountId: playerId }] of members.entries()) {
    const nameKey = `bot${index + GUILD_INVITES_PER_PLAYER_MAX}`;
    await storage.of(GUILDS).invite({ inviterId: anna.playerId, nameKey, nowMs, expiresAtMs });
    await storage.of(GUILDS).join({ playerId, guildId: Number(wolves), nowMs });
  }
  const more = GUILD_MEMBERS_MAX - (await infoOf(harness, anna)).members.length;
  for (let index = 0; index < more; index++) {
    await enlist(harness, anna, await harness.connect({ name: `more${index}` }));
  }
  const { members: all } = await infoOf(harness, lena, wolves);
  assertEquals([all.length, all.at(-1)?.name], [GUILD_MEMBERS_MAX, `more${more - 1}`]);
  assertEquals(
    (await ask(harness, ines, GuildJoinRequestSchema, { guildId: wolves, accept: true })).code,
    "SERVER_FULL",
  );
  assertEquals((await ask(harness, anna, GuildInviteRequestSchema, { playerName: "Lena" })).code, "SERVER_FULL");
});

Deno.test("GUILD_INVITE_LIST_RESPONSE names who is invited by whom, and GUILD_INVITE_WITHDRAW takes an invitation back", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, otto, ines, lena, wolves } = scene;
  await must(harness, otto, GuildInviteRequestSchema, { playerName: "Lena" });
  const list = async () => {
    harness.send(otto, GuildInviteListRequestSchema, {});
    await harness.until(() => harness.received(otto, PacketType.GUILD_INVITE_LIST_RESPONSE).length > 0);
    const [{ success, invites }] = harness.take(otto, PacketType.GUILD_INVITE_LIST_RESPONSE);
    assert(success);
    return invites.map(({ playerId, playerName, inviterName, expiresAt }) => [
      ...[playerId, playerName, inviterName],
      Math.ceil((Number(expiresAt) - harness.clock.unixMs()) / 60_000) * 60_000,
    ]);
  };
  assertEquals(await list(), [
    [BigInt(ines.playerId), "Ines", "Anna", GUILD_INVITE_LIFETIME_MS],
    [BigInt(lena.playerId), "Lena", "Otto", GUILD_INVITE_LIFETIME_MS],
  ]);
  const withdrawn = await ask(harness, otto, GuildInviteWithdrawSchema, { playerName: "INES" });
  assertEquals(withdrawn, { code: "NONE", type: PacketType.GUILD_ACTION_RESPONSE });
  assertEquals((await ask(harness, ines, GuildJoinRequestSchema, { guildId: wolves, accept: true })).code, "NOT_FOUND");
  await must(harness, anna, GuildKickRequestSchema, { playerName: "Otto" });
  assertEquals((await ask(harness, lena, GuildJoinRequestSchema, { guildId: wolves, accept: true })).code, "NOT_FOUND");
});
