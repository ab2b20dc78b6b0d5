import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import type { ModerationOutcome, ModerationRequest } from "../../server/moderation/moderation_request.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { DependencyError } from "../../shared/errors.ts";
import {
  DisconnectReason,
  LoginRequestSchema,
  RegisterRequestSchema,
  ResumeRequestSchema,
} from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { ADDRESS_BANS_MAX, ADDRESS_BANS_READ_INTERVAL_MS } from "../../shared/limits.ts";
import { CHAT_MUTE_MS, CHAT_REPEATS_MAX, CHAT_STRIKES_MAX } from "../../games/parts/chat/limits.ts";
import { breakableStorage, settle } from "../guild/guild_scene.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { storageWith } from "../support/storage_with.ts";
import { withTempDir } from "../support/temp_dir.ts";

const PASSWORD_HASH = "ab".repeat(32);
const REST = { reason: "spam", moderator: "mod" };

/** Carries out a moderator's request. */
async function moderate(harness: LogicHarness, request: ModerationRequest): Promise<ModerationOutcome> {
  const { promise, resolve } = Promise.withResolvers<ModerationOutcome>();
  let outcome: ModerationOutcome | undefined;
  harness.logic.moderation.run(request).then((done) => resolve(outcome = done));
  await harness.until(() => outcome !== undefined);
  return await promise;
}

function ban(harness: LogicHarness, player: string, seconds: number | null = null): Promise<ModerationOutcome> {
  return moderate(harness, { act: "ban", target: { player }, seconds, ...REST });
}

function banAddress(harness: LogicHarness, address: string): Promise<ModerationOutcome> {
  return moderate(harness, { act: "ban", target: { address }, seconds: null, ...REST });
}

function mute(harness: LogicHarness, player: string, seconds: number | null = null): Promise<ModerationOutcome> {
  return moderate(harness, { act: "mute", target: { player }, seconds, ...REST });
}

/** Enters by token; gives the name of the code it is answered with. */
async function enter(harness: LogicHarness, { playerId, name }: HarnessClient, address?: string): Promise<string> {
  const client = harness.open({ name, address });
  harness.send(client, EnterWorldRequestSchema, { sessionToken: `plain:${playerId}:${name}` });
  await harness.until(() => client.packets.length > 0 || client.closedBy !== null);
  if (client.closedBy !== null) return `closed ${DisconnectReason[client.closedBy.reason]}`;
  return ErrorCode[harness.received(client, PacketType.ENTER_WORLD_RESPONSE)[0].errorCode];
}

/** Says something to everyone; gives what it is answered with, or "said". */
async function say(harness: LogicHarness, client: HarnessClient, message: string): Promise<string> {
  harness.forget(client);
  harness.send(client, ChatMessageSchema, { channel: Channel.GLOBAL, message });
  await settle(harness);
  const [error] = harness.take(client, PacketType.ERROR_RESPONSE);
  if (error !== undefined) return `${ErrorCode[error.errorCode]}: ${error.message}`;
  assertEquals(harness.take(client, PacketType.CHAT_MESSAGE).map((heard) => heard.message), [message]);
  return "said";
}

function closedBy({ closedBy }: HarnessClient): string {
  return closedBy === null ? "open" : `${DisconnectReason[closedBy.reason]}: ${closedBy.message}`;
}

Deno.test("ModerationService kicks a player, whose session cannot be resumed and who may come back", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann" });
  const outcome = await moderate(harness, { act: "kick", target: { player: "ann" }, ...REST });
  assertEquals(outcome, { kind: "done", text: "Ann is kicked: spam" });
  harness.tick();
  assertEquals(closedBy(ann), "KICKED: You were kicked: spam");
  const again = harness.open();
  harness.send(again, ResumeRequestSchema, { resumeToken: ann.resumeToken });
  const [{ errorCode }] = harness.take(again, PacketType.RESUME_RESPONSE);
  assertEquals(ErrorCode[errorCode], "RESUME_EXPIRED");
  assertEquals(await enter(harness, ann), "NONE");
});

Deno.test("ModerationService kicks who is link-dead, and who only logged in", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann" });
  harness.disconnect(ann);
  const kick = { act: "kick", target: { player: "Ann" }, ...REST } as const;
  assertEquals((await moderate(harness, kick)).kind, "done");
  assertEquals(harness.sessions.isPlayerOnline(ann.playerId), false);
  assertEquals(await moderate(harness, kick), { kind: "not_found", text: "Ann is not online" });
});

Deno.test("ModerationService bans a player: out at once, and no way in until the ban ends", async () => {
  await using harness = await LogicHarness.create();
  const ann = harness.open({ port: "login" });
  harness.send(ann, RegisterRequestSchema, { username: "Ann", passwordHash: PASSWORD_HASH });
  await harness.until(() => harness.received(ann, PacketType.REGISTER_RESPONSE).length > 0);
  const inWorld = await harness.connect({ name: "Ann" });
  assertEquals(await ban(harness, "ann", 3_600), { kind: "done", text: "Ann is banned for 1 h: spam" });
  harness.tick();
  assertEquals(closedBy(inWorld), "BANNED: You are banned for another 1 h: spam");
  assertEquals(await enter(harness, inWorld), "BANNED");
  const again = harness.open();
  harness.send(again, ResumeRequestSchema, { resumeToken: inWorld.resumeToken });
  assertEquals(harness.take(again, PacketType.RESUME_RESPONSE)[0].success, false);

  const logIn = async (passwordHash: string) => {
    const client = harness.open({ port: "login" });
    harness.send(client, LoginRequestSchema, { username: "Ann", passwordHash });
    await harness.until(() => harness.received(client, PacketType.LOGIN_RESPONSE).length > 0);
    const [{ errorCode, errorMessage }] = harness.take(client, PacketType.LOGIN_RESPONSE);
    return `${ErrorCode[errorCode]}: ${errorMessage}`;
  };
  assertEquals(await logIn("cd".repeat(32)), "INVALID_CREDENTIALS: Wrong name or password", "strangers learn nothing");
  harness.advance(60_000);
  assertEquals(await logIn(PASSWORD_HASH), "BANNED: You are banned for another 59 min: spam");
  harness.advance(3_540_000);
  assertEquals(await logIn(PASSWORD_HASH), "NONE: ");
  assertEquals(await enter(harness, inWorld), "NONE");
});

Deno.test("ModerationService bans who is on the way in: neither before the look at the bans nor after it", async () => {
  for (const turnCount of Array.from({ length: 12 }, (_, index) => index)) {
    await using harness = await LogicHarness.create();
    const ann = await harness.connect({ name: "Ann" });
    harness.disconnect(ann);
    await moderate(harness, { act: "kick", target: { player: "Ann" }, ...REST });
    const client = harness.open({ name: "Ann" });
    harness.send(client, EnterWorldRequestSchema, { sessionToken: `plain:${ann.playerId}:Ann` });
    for (let turn = 0; turn < turnCount; turn++) await Promise.resolve();
    await ban(harness, "Ann");
    await settle(harness);
    assertEquals(harness.sessions.isPlayerOnline(ann.playerId), false, `after ${turnCount} turns`);
  }
});

Deno.test("ModerationService lifts a ban, once", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann" });
  await ban(harness, "Ann");
  const lift = { act: "unban", target: { player: "ANN" }, moderator: "mod" } as const;
  assertEquals(await moderate(harness, lift), { kind: "done", text: "Ann is no longer banned" });
  assertEquals(await enter(harness, ann), "NONE");
  assertEquals(await moderate(harness, lift), { kind: "not_found", text: "Ann is not banned" });
});

Deno.test("ModerationService bans addresses: those there go, others stay, new ones are turned away", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann", address: "198.51.100.7" });
  const bob = await harness.connect({ name: "Bob", address: "198.51.101.7" });
  const mapped = await harness.connect({ name: "Cid", address: "::ffff:198.51.100.9" });
  const early = harness.open({ address: "198.51.100.8" });
  assertEquals(harness.rollCallCount, 0);
  const outcome = await banAddress(harness, "198.51.100.0/24");
  assertEquals(harness.rollCallCount, 1, "There may be others that have sent nothing for logic");
  assertEquals(outcome, { kind: "done", text: "198.51.100.0/24 is banned until it is lifted: spam" });
  harness.tick();
  for (const client of [ann, mapped, early]) assertEquals(closedBy(client), "BANNED: You are banned: spam");
  assertEquals(closedBy(bob), "open");
  const late = harness.open({ address: "198.51.100.200", port: "login" });
  assertEquals(closedBy(late), "BANNED: You are banned: spam");
  assertEquals(await enter(harness, ann, "198.51.100.7"), "closed BANNED");
  assertEquals(await enter(harness, ann, "192.0.2.1"), "NONE", "the player itself is not banned");
  const lift = { act: "unban", target: { address: "198.51.100.0/24" }, moderator: "mod" } as const;
  assertEquals((await moderate(harness, lift)).kind, "done");
  assertEquals(closedBy(harness.open({ address: "198.51.100.200" })), "open");
  assertEquals((await moderate(harness, lift)).kind, "not_found");
});

Deno.test("ModerationService learns of banned addresses from the storage, and when they end", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann", address: "198.51.100.7" });
  const nowMs = harness.clock.unixMs();
  await harness.storage.sanctions.set({
    kind: "ban",
    playerId: null,
    address: "198.51.100.7/32",
    createdAtMs: nowMs,
    endsAtMs: nowMs + 2 * ADDRESS_BANS_READ_INTERVAL_MS,
    ...REST,
  });
  harness.advance(ADDRESS_BANS_READ_INTERVAL_MS + 1_000);
  await harness.until(() => ann.closedBy !== null);
  assertEquals(closedBy(harness.open({ address: "198.51.100.7" })), "BANNED: You are banned for another 29 s: spam");
  harness.advance(29_000);
  assertEquals(closedBy(harness.open({ address: "198.51.100.7" })), "open");
});

Deno.test(`ModerationService bans ${ADDRESS_BANS_MAX} ranges of addresses, and says so of one more`, async () => {
  await using harness = await LogicHarness.create();
  const sanction = { kind: "ban", playerId: null, createdAtMs: 0, endsAtMs: null, ...REST } as const;
  for (let index = 0; index < ADDRESS_BANS_MAX; index++) {
    await harness.storage.sanctions.set({ ...sanction, address: `10.${index >> 8}.${index & 255}.0/24` });
  }
  assertEquals((await banAddress(harness, "192.0.2.0/24")).kind, "full");
  assertEquals(closedBy(harness.open({ address: "192.0.2.1" })), "open");
});

Deno.test("ModerationService mutes a player, on every channel, until the mute ends or is lifted", async () => {
  await using harness = await LogicHarness.create();
  const [ann, bob] = [await harness.connect({ name: "Ann" }), await harness.connect({ name: "Bob" })];
  assertEquals(await mute(harness, "Ann", 90), { kind: "done", text: "Ann is muted for 1 min 30 s: spam" });
  harness.forget();
  assertEquals(await say(harness, ann, "hello"), "MUTED: You are muted for another 1 min 30 s: spam");
  for (const channel of [Channel.AREA, Channel.GUILD, Channel.WHISPER, Channel.ROOM]) {
    harness.send(ann, ChatMessageSchema, { channel, message: "hello", recipientName: "Bob" });
    assertEquals(ErrorCode[harness.take(ann, PacketType.ERROR_RESPONSE)[0].errorCode], "MUTED");
  }
  assertEquals(harness.take(bob, PacketType.CHAT_MESSAGE), []);
  assertEquals(await say(harness, bob, "hello"), "said");
  harness.advance(89_000);
  assertEquals(await say(harness, ann, "hello"), "MUTED: You are muted for another 1 s: spam");
  harness.advance(1_000);
  assertEquals(await say(harness, ann, "hello"), "said");
  await mute(harness, "Ann");
  assertEquals(await say(harness, ann, "hello"), "MUTED: You are muted: spam");
  const lift = { act: "unmute", target: { player: "Ann" }, moderator: "mod" } as const;
  assertEquals((await moderate(harness, lift)).kind, "done");
  assertEquals(await say(harness, ann, "hello"), "said");
  assertEquals((await moderate(harness, lift)).kind, "not_found");
});

Deno.test("ModerationService mutes who is offline, and through a new login", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann" });
  await moderate(harness, { act: "kick", target: { player: "Ann" }, ...REST });
  await mute(harness, "Ann");
  const again = await harness.connect({ name: "Ann" });
  assertEquals(again.playerId, ann.playerId);
  assertEquals(await say(harness, again, "hello"), "MUTED: You are muted: spam");
});

Deno.test("ModerationService keeps mutes and bans through a restart", async () => {
  await withTempDir(async (dir) => {
    const open = () => new DirectStorage({ path: `${dir}/drawbridge.db` }, MARSH_RECORDS);
    {
      await using harness = await LogicHarness.create({ storage: open() });
      for (const name of ["Ann", "Bob"]) await harness.connect({ name });
      await ban(harness, "Ann");
      await mute(harness, "Bob");
      await banAddress(harness, "192.0.2.1/32");
    }
    await using harness = await LogicHarness.create({ storage: open() });
    await settle(harness);
    const ann = await harness.storage.accounts.findByName("ann");
    assertEquals(await enter(harness, { playerId: ann!.accountId, name: "Ann" } as HarnessClient), "BANNED");
    assertEquals(await say(harness, await harness.connect({ name: "Bob" }), "hello"), "MUTED: You are muted: spam");
    assertEquals(closedBy(harness.open({ address: "192.0.2.1" })), "BANNED: You are banned: spam");
  });
});

Deno.test("ModerationService announces to everybody who is online, link-dead ones too", async () => {
  await using harness = await LogicHarness.create();
  const [ann, bob] = [await harness.connect({ name: "Ann" }), await harness.connect({ name: "Bob" })];
  harness.disconnect(bob);
  const announce = { act: "announce", text: "Restart in 5 minutes", moderator: "mod" } as const;
  assertEquals(await moderate(harness, announce), { kind: "done", text: "Announced to 2 players" });
  const [heard] = harness.take(ann, PacketType.CHAT_MESSAGE);
  assertEquals([heard.channel, heard.message, heard.senderId], [Channel.SYSTEM, "Restart in 5 minutes", 0n]);
  const back = harness.open();
  harness.send(back, ResumeRequestSchema, { resumeToken: bob.resumeToken });
  assertEquals(harness.take(back, PacketType.CHAT_MESSAGE).map(({ message }) => message), ["Restart in 5 minutes"]);
});

Deno.test("ModerationService lists who is online and what stands", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann" });
  const bob = await harness.connect({ name: "Bob" });
  harness.disconnect(bob);
  await mute(harness, "Ann", 60);
  const outcome = await moderate(harness, { act: "list" });
  assert(outcome.kind === "list");
  const { players, playerCount, sanctions } = outcome.list;
  assertEquals(players, [
    { playerId: ann.playerId, serverId: 1, name: "Ann", address: "203.0.113.7", isInWorld: true, isMuted: true },
    { playerId: bob.playerId, serverId: 1, name: "Bob", address: null, isInWorld: true, isMuted: false },
  ]);
  assertEquals(playerCount, 2);
  assertEquals(sanctions.map(({ kind, playerName, moderator }) => [kind, playerName, moderator]), [[
    "mute",
    "Ann",
    "mod",
  ]]);
});

Deno.test("ModerationService says that there is no such player, whatever is asked", async () => {
  await using harness = await LogicHarness.create();
  const target = { player: "Nobody" };
  const requests: readonly ModerationRequest[] = [
    { act: "mute", target, seconds: null, ...REST },
    { act: "unmute", target, moderator: "mod" },
    { act: "kick", target, ...REST },
    { act: "ban", target, seconds: null, ...REST },
    { act: "unban", target, moderator: "mod" },
  ];
  for (const request of requests) assertEquals((await moderate(harness, request)).kind, "not_found", request.act);
});

Deno.test("ModerationService says that there is no such player, whose account goes while it is looked up", async () => {
  await using harness = await LogicHarness.create();
  const anna = await harness.connect({ name: "Anna" });
  const outcome = harness.logic.moderation.run({ act: "ban", target: { player: "Anna" }, seconds: null, ...REST });
  await harness.storage.accounts.remove({ accountId: anna.playerId, nowMs: harness.clock.unixMs(), isDue: false });
  assertEquals(await outcome, { kind: "not_found", text: "The account no longer exists" });
});

Deno.test("ModerationService says that the storage is down, and logins wait for it", async () => {
  const { storage } = breakableStorage();
  let isDown = false;
  const breakable = <Store extends object>(store: Store): Store =>
    new Proxy(store, {
      get: (target, method) => (argument: never) => {
        if (isDown) return Promise.reject(new DependencyError("unavailable", "down"));
        return Reflect.get<object, PropertyKey>(target, method).call(target, argument);
      },
    });
  const [accounts, sanctions] = [breakable(storage.accounts), breakable(storage.sanctions)];
  const flaky = storageWith(storage, { accounts, sanctions });
  await using harness = await LogicHarness.create({ storage: flaky });
  const ann = await harness.connect({ name: "Ann" });
  isDown = true;
  assertEquals((await ban(harness, "Ann")).kind, "unavailable");
  assertEquals(closedBy(ann), "open");
  assertEquals(await enter(harness, ann), "UNAVAILABLE");
});

Deno.test("Chat that floods is refused, then muted; unmute ends it, and --flood-control off knows none of it", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ name: "Ann" });
  for (let index = 0; index < CHAT_REPEATS_MAX; index++) assertEquals(await say(harness, ann, "gg"), "said");
  for (let index = 0; index < CHAT_STRIKES_MAX; index++) {
    assertEquals(await say(harness, ann, "gg"), "RATE_LIMITED: You have said this often enough");
  }
  const muted = `MUTED: You are muted for another ${CHAT_MUTE_MS / 1_000} s: too many messages`;
  assertEquals([await say(harness, ann, "gg"), await say(harness, ann, "sorry")], [muted, muted]);
  const lift = { act: "unmute", target: { player: "Ann" }, moderator: "mod" } as const;
  assertEquals(await moderate(harness, lift), { kind: "done", text: "Ann is no longer muted" });
  assertEquals(await say(harness, ann, "sorry"), "said");

  await using open = await LogicHarness.create({ config: { floodControl: false } });
  const bob = await open.connect({ name: "Bob" });
  for (let index = 0; index < 200; index++) {
    open.send(bob, ChatMessageSchema, { channel: Channel.GLOBAL, message: "gg" });
  }
  assertEquals(open.take(bob, PacketType.CHAT_MESSAGE).length, 200);
});
