import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { LogoutRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import {
  RoomCreateRequestSchema,
  RoomJoinRequestSchema,
  RoomLeaveRequestSchema,
  RoomListRequestSchema,
} from "../../games/parts/rooms/rooms_pb.ts";
import { PartyInviteRequestSchema } from "../../games/parts/parties/parties_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInfoRequestSchema,
  GuildInviteRequestSchema,
  GuildJoinRequestSchema,
  GuildLeaveRequestSchema,
  GuildWarStartSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import {
  FriendAnswerSchema,
  FriendListRequestSchema,
  FriendNoticeKind,
  FriendRemoveSchema,
  FriendRequestSchema,
  IgnoreAddSchema,
} from "../../games/parts/friends/friends_pb.ts";
import {
  CHAT_REPEATS_MAX,
  CHAT_STRIKES_MAX,
  NOTICES_BURST,
  NOTICES_TO_ONE_BURST,
} from "../../games/parts/chat/limits.ts";
import { sourceFiles } from "../support/source_files.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { answerTo, gather, say, settle } from "./company.ts";

/** Sends a request and gives the code it is answered with. */
async function ask<Desc extends DescMessage>(
  harness: LogicHarness,
  client: HarnessClient,
  schema: Desc,
  message: MessageInitShape<Desc>,
): Promise<string> {
  const row = contract.rowOf(schema);
  // What is said comes back to who said it.
  const own = row.type === PacketType.CHAT_MESSAGE ? row.type : row.refusal?.type ?? 0;
  const types = [own, PacketType.ERROR_RESPONSE];
  client.packets = client.packets.filter(({ type }) => !types.includes(type));
  harness.send(client, schema, message);
  await harness.until(() => client.packets.some(({ type }) => types.includes(type)));
  const { type } = client.packets.find(({ type }) => types.includes(type))!;
  return ErrorCode[harness.take(client, type as PacketType.GUILD_ACTION_RESPONSE)[0].errorCode ?? ErrorCode.NONE];
}

async function must<Desc extends DescMessage>(
  harness: LogicHarness,
  client: HarnessClient,
  schema: Desc,
  message: MessageInitShape<Desc>,
): Promise<void> {
  assertEquals(await ask(harness, client, schema, message), "NONE", schema.typeName);
}

async function befriend(harness: LogicHarness, client: HarnessClient, other: HarnessClient): Promise<void> {
  await must(harness, client, FriendRequestSchema, { playerName: other.name });
  await must(harness, other, FriendAnswerSchema, { playerName: client.name, accept: true });
  harness.forget(client, other);
}

async function found(harness: LogicHarness, leader: HarnessClient, name: string, tag: string): Promise<bigint> {
  await must(harness, leader, GuildCreateRequestSchema, { name, tag });
  harness.send(leader, GuildInfoRequestSchema, {});
  return (await answerTo(harness, leader, PacketType.GUILD_INFO_RESPONSE)).guildId;
}

async function createRoom(harness: LogicHarness, client: HarnessClient, name: string): Promise<bigint> {
  harness.send(client, RoomCreateRequestSchema, { name });
  return (await answerTo(harness, client, PacketType.ROOM_RESPONSE)).room!.roomId;
}

/** Mutes somebody, as a moderator. */
async function mute(harness: LogicHarness, { name }: HarnessClient): Promise<void> {
  const target = { player: name };
  const outcome = await harness.logic.moderation.run({ act: "mute", target, seconds: 60, reason: "x", moderator: "m" });
  assertEquals(outcome.kind, "done");
}

/** What a client was told of others since it was last asked: kinds of packets, without those that show the world. */
function told(harness: LogicHarness, client: HarnessClient): string[] {
  const seen = [PacketType.WORLD_SNAPSHOT, PacketType.COMBAT_RESULT, PacketType.ENTITY_UPDATE];
  const types = client.packets.filter(({ type }) => !seen.includes(type)).map(({ type }) => PacketType[type]);
  harness.forget(client);
  return types;
}

/** What reaches somebody else than the one whose request is being handled, and why it may. */
const REACHES_OTHERS: Readonly<Record<string, string>> = {
  "chat_delivery.ts players.send": "the gate's way out",
  "chat_delivery.ts players.find(playerId)?.send": "the gate's way out, for what waited",
  "chat_handlers.ts players.tell": "the operator speaks",
  "combat_handlers.ts players.send": "a blow is seen in the world, and carries no text",
  "parties.ts players.tell": "who is in a party, its members need to know; it carries names and no text",
  "kept_whispers.ts recipient.tell": "the gate is asked for each whisper, when it is kept and again",
};

/** What sends to the connection of who asked, or has messages wait for the gate. */
const OTHER_WAYS = [
  "context.sessions",
  "sessions",
  "link.output",
  ".output",
  "output",
  "this",
  "transfers",
  "contacts.delivery.fanOut",
  "social.delivery.fanOut",
];

Deno.test("ContactGate: no call of the server or a part reaches another player past the gate", async () => {
  const reaching = new Set<string>();
  let answerCount = 0;
  const root = new URL("../../", import.meta.url);
  const folders = ["server/session", "server/moderation", "games/parts", "games/marsh"];
  for (const file of (await Promise.all(folders.map(sourceFiles))).flat()) {
    if (file.startsWith("games/marsh/web/")) continue;
    const name = file.slice(file.lastIndexOf("/") + 1);
    // They carry out what the others call.
    const carriers = ["instances.ts", "link.ts", "player.ts", "players.ts", "session.ts", "session_manager.ts"];
    if (carriers.includes(name)) continue;
    const source = await Deno.readTextFile(new URL(file, root));
    for (const [, method] of source.matchAll(/\.(broadcast\w*|sendToPlayer|addRecipient)\(/g)) {
      reaching.add(`${name} ${method}`);
    }
    // Who asked is called `session` or `player`, and nobody who was looked up is.
    for (const [, first] of source.matchAll(/sessions\.send\w*\(\s*([\w.]+)/g)) {
      if (first === "session") answerCount++;
      else reaching.add(`${name} sessions.send(${first})`);
    }
    for (const [, to, method] of source.matchAll(/([\w.]+(?:\(\w+\)\?)?)\.(tell|send|sendPacked)\(/g)) {
      const receiver = to.replace(/^(?:this\.)?#?(?:game\.)?/, "");
      if (receiver === "player") answerCount++;
      else if (!OTHER_WAYS.includes(receiver)) reaching.add(`${name} ${receiver}.${method}`);
    }
    const lookedUp =
      /const (?:session|player) = [^\n]*find\w*\((?:(?!\n {2}\}\n)[^])*?(?:[.#]send\(session|player\.(?:send|tell))/
        .exec(source);
    assertEquals(lookedUp?.[0], undefined, name);
  }
  assertEquals([...reaching].sort(), Object.keys(REACHES_OTHERS).sort());
  assert(answerCount > 20, "The calls are found");
});

Deno.test("ContactGate: whatever an ignored player does, who ignores it is told nothing", async () => {
  await using harness = await LogicHarness.create({ config: { floodControl: false } });
  const { ann, troll, cid } = await gather(harness, "ann", "troll", "cid");
  await befriend(harness, troll, ann);
  const lion = await createRoom(harness, ann, "Lion");
  const bears = await found(harness, ann, "Grey Bears", "GB");
  await must(harness, ann, GuildInviteRequestSchema, { playerName: "cid" });
  await must(harness, cid, GuildJoinRequestSchema, { guildId: bears, accept: true });
  await must(harness, ann, IgnoreAddSchema, { playerName: "troll" });
  harness.forget();

  await must(harness, troll, RoomJoinRequestSchema, { roomId: lion });
  for (const channel of [Channel.GLOBAL, Channel.AREA, Channel.ROOM]) {
    say(harness, troll, channel, "insult", { roomId: lion });
  }
  say(harness, troll, Channel.WHISPER, "insult", { recipientName: "ann" });
  await must(harness, troll, RoomLeaveRequestSchema, { roomId: lion });
  await must(harness, troll, GuildCreateRequestSchema, { name: "An Insult", tag: "INS" });
  await must(harness, troll, GuildWarStartSchema, { enemyGuildId: bears });
  await must(harness, troll, GuildLeaveRequestSchema, {});
  await must(harness, troll, FriendRemoveSchema, { playerName: "ann" });
  await must(harness, troll, FriendRequestSchema, { playerName: "ann" });
  await must(harness, troll, FriendRemoveSchema, { playerName: "ann" });
  await settle(harness);
  assert(told(harness, cid).includes("GUILD_WAR_START"), "Others of the guild are told");
  assertEquals(told(harness, ann), []);

  await createRoom(harness, troll, "Insult");
  await createRoom(harness, cid, "Zebra");
  const namesFor = async (client: HarnessClient) => {
    harness.send(client, RoomListRequestSchema, {});
    return (await answerTo(harness, client, PacketType.ROOM_LIST_RESPONSE)).rooms.map(({ name }) => name);
  };
  assertEquals(await namesFor(ann), ["Zebra", "Lion"]);
  assertEquals(await namesFor(cid), ["Zebra", "Insult", "Lion"]);
});

Deno.test("ContactGate: friends who ignore each other, either way, know nothing of each other's presence", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  await befriend(harness, ann, bob);
  await befriend(harness, ann, cid);
  const bears = await found(harness, ann, "Grey Bears", "GB");
  for (const client of [bob, cid]) {
    await must(harness, ann, GuildInviteRequestSchema, { playerName: client.name });
    await must(harness, client, GuildJoinRequestSchema, { guildId: bears, accept: true });
  }
  harness.forget();
  // Bob is ignored by ann, and cid ignores ann.
  await must(harness, ann, IgnoreAddSchema, { playerName: "bob" });
  await must(harness, cid, IgnoreAddSchema, { playerName: "ann" });
  const seen = async (client: HarnessClient) => {
    harness.send(client, FriendListRequestSchema, {});
    const { friends } = await answerTo(harness, client, PacketType.FRIEND_LIST_RESPONSE);
    harness.send(client, GuildInfoRequestSchema, {});
    const { members } = await answerTo(harness, client, PacketType.GUILD_INFO_RESPONSE);
    const namesOf = (players: { name: string; online: boolean }[]) =>
      players.filter(({ online }) => online).map(({ name }) => name).join(" ");
    return [namesOf(friends), namesOf(members)];
  };
  assertEquals(await seen(ann), ["", "ann"]);
  assertEquals(await seen(bob), ["", "bob cid"]);
  assertEquals(await seen(cid), ["", "bob cid"]);
  // To who is ignored from now on it looks as if the other had gone.
  const noticesOf = (client: HarnessClient) =>
    harness.take(client, PacketType.FRIEND_NOTICE).map(({ kind, player }) =>
      `${FriendNoticeKind[kind]} ${player?.name}`
    );
  assertEquals([noticesOf(ann), noticesOf(bob), noticesOf(cid)], [["OFFLINE cid"], ["OFFLINE ann"], []]);
  for (const client of [ann, cid]) {
    await must(harness, client, LogoutRequestSchema, {});
    await harness.connect({ name: client.name });
  }
  await settle(harness);
  assertEquals([noticesOf(bob), noticesOf(cid)], [[], []]);
});

Deno.test("ContactGate: GUILD_INFO of another guild shows nobody as online", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const bears = await found(harness, ann, "Grey Bears", "GB");
  harness.send(bob, GuildInfoRequestSchema, { guildId: bears });
  const { members } = await answerTo(harness, bob, PacketType.GUILD_INFO_RESPONSE);
  assertEquals(members.map(({ name, online }) => [name, online]), [["ann", false]]);
});

/** Whatever carries a player's words to others. */
const WRITINGS: readonly {
  readonly what: string;
  readonly write: (harness: LogicHarness, muted: HarnessClient) => Promise<string>;
}[] = [
  { what: "chat", write: (h, c) => ask(h, c, ChatMessageSchema, { channel: Channel.GLOBAL, message: "insult" }) },
  {
    what: "a whisper",
    write: (h, c) => ask(h, c, ChatMessageSchema, { channel: Channel.WHISPER, message: "i", recipientName: "bob" }),
  },
  { what: "a room's name", write: (h, c) => ask(h, c, RoomCreateRequestSchema, { name: "Insult" }) },
  { what: "a guild's name", write: (h, c) => ask(h, c, GuildCreateRequestSchema, { name: "Insult", tag: "INS" }) },
  { what: "an invitation", write: (h, c) => ask(h, c, GuildInviteRequestSchema, { playerName: "bob" }) },
  {
    what: "an invitation to a party",
    write: (h, c) => ask(h, c, PartyInviteRequestSchema, { playerName: "bob" }),
  },
  { what: "a request", write: (h, c) => ask(h, c, FriendRequestSchema, { playerName: "bob" }) },
  { what: "a declaration of war", write: (h, c) => ask(h, c, GuildWarStartSchema, { enemyName: "Grey Bears" }) },
];

for (const { what, write } of WRITINGS) {
  Deno.test(`ContactGate: who is muted, by a moderator or for flooding, cannot write ${what}`, async () => {
    await using harness = await LogicHarness.create();
    const { ann, bob, flood } = await gather(harness, "ann", "bob", "flood");
    await found(harness, bob, "Grey Bears", "GB");
    await mute(harness, ann);
    const refused = CHAT_REPEATS_MAX + CHAT_STRIKES_MAX + 1;
    for (let index = 0; index < refused; index++) say(harness, flood, Channel.GLOBAL, "gg");
    await settle(harness);
    harness.forget();
    for (const muted of [ann, flood]) assertEquals(await write(harness, muted), "MUTED");
    assertEquals(told(harness, bob), []);
    await harness.logic.moderation.run({ act: "unmute", target: { player: "ann" }, moderator: "m" });
    assert(await write(harness, ann) !== "MUTED", "It can again");
  });
}

Deno.test("ContactGate: friend requests and withdrawals reach a stranger a few times, and in all NOTICES_BURST people", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const codes: string[] = [];
  for (let index = 0; index < 140; index++) {
    codes.push(await ask(harness, ann, FriendRequestSchema, { playerName: "bob" }));
    await ask(harness, ann, FriendRemoveSchema, { playerName: "bob" });
  }
  const [done, refused] = ["NONE", "RATE_LIMITED"].map((code) => codes.filter((one) => one === code).length);
  assertEquals([done, refused], [NOTICES_TO_ONE_BURST, 140 - NOTICES_TO_ONE_BURST]);
  assertEquals(harness.take(bob, PacketType.FRIEND_NOTICE).length, 2 * NOTICES_TO_ONE_BURST);

  const names = Array.from({ length: NOTICES_BURST + 1 }, (_, index) => `stranger${index}`);
  await harness.storage.accounts.createMany(
    names.map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: 0 })),
  );
  const toMany: string[] = [];
  for (const playerName of names) toMany.push(await ask(harness, ann, FriendRequestSchema, { playerName }));
  const left = NOTICES_BURST - NOTICES_TO_ONE_BURST;
  assertEquals(toMany, names.map((_, index) => index < left ? "NONE" : "RATE_LIMITED"));
});

Deno.test("ContactGate: guilds that are founded to invite somebody, and rooms entered and left, share the budget", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  for (let index = 0; index < 20; index++) {
    if (await ask(harness, ann, GuildCreateRequestSchema, { name: `Insult ${index}`, tag: `I${index}` }) !== "NONE") {
      break;
    }
    await ask(harness, ann, GuildInviteRequestSchema, { playerName: "bob" });
    await must(harness, ann, GuildLeaveRequestSchema, {});
  }
  assertEquals(harness.take(bob, PacketType.GUILD_INVITE_NOTICE).length, NOTICES_TO_ONE_BURST);
  const lion = await createRoom(harness, bob, "Lion");
  harness.clock.advance(3_600_000);
  for (let index = 0; index < 20; index++) {
    if (await ask(harness, ann, RoomJoinRequestSchema, { roomId: lion }) !== "NONE") break;
    await must(harness, ann, RoomLeaveRequestSchema, { roomId: lion });
  }
  assertEquals(harness.take(bob, PacketType.ROOM_EVENT).length, 2 * NOTICES_TO_ONE_BURST);
});

Deno.test("ContactGate: who comes and goes again and again is told of a few times, and right in the end", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  await befriend(harness, ann, bob);
  let client = bob;
  for (let index = 0; index < 20; index++) {
    await must(harness, client, LogoutRequestSchema, {});
    client = await harness.connect({ name: "bob" });
  }
  const kindsOf = () => harness.take(ann, PacketType.FRIEND_NOTICE).map(({ kind }) => FriendNoticeKind[kind]);
  const kinds = kindsOf();
  // The login before they were friends was free.
  assertEquals(kinds.filter((kind) => kind === "ONLINE").length, NOTICES_TO_ONE_BURST);
  assertEquals(kinds.at(-1), "OFFLINE");
  harness.advance(60_000);
  assertEquals(kindsOf(), ["ONLINE"]);
});

Deno.test("ContactGate: a whisper by id does not tell the name of whom it was for, one by name tells both", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const recipientId = BigInt(bob.playerId);
  const echoOf = async (to: { recipientId?: bigint; recipientName?: string }) => {
    say(harness, ann, Channel.WHISPER, "psst", to);
    const echo = await answerTo(harness, ann, PacketType.CHAT_MESSAGE);
    return [echo.recipientId, echo.recipientName];
  };
  for (const isOnline of [true, false]) {
    if (!isOnline) await must(harness, bob, LogoutRequestSchema, {});
    assertEquals(await echoOf({ recipientId }), [recipientId, ""]);
    assertEquals(await echoOf({ recipientId, recipientName: "cid" }), [recipientId, ""]);
    assertEquals(await echoOf({ recipientId, recipientName: "BOB" }), [recipientId, "bob"]);
    assertEquals(await echoOf({ recipientName: "BOB" }), [recipientId, "bob"]);
  }
  say(harness, ann, Channel.WHISPER, "psst", { recipientId: 999n });
  assertEquals((await answerTo(harness, ann, PacketType.ERROR_RESPONSE)).errorCode, ErrorCode.NOT_FOUND);
});
