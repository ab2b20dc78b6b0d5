import { fromBinary } from "@bufbuild/protobuf";
import {
  GuildActionResponseSchema,
  GuildCreateRequestSchema,
  GuildCreateResponseSchema,
  GuildInfoRequestSchema,
  GuildInfoResponseSchema,
  GuildInviteRequestSchema,
  GuildInviteResponseSchema,
  GuildJoinRequestSchema,
  GuildLeaveRequestSchema,
  GuildRank,
  GuildSetRankRequestSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import {
  FriendAnswerSchema,
  FriendRemoveSchema,
  FriendRequestSchema,
  FriendResponseSchema,
  IgnoreAddSchema,
  IgnoreRemoveSchema,
  IgnoreResponseSchema,
} from "../../games/parts/friends/friends_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { ErrorResponseSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { storageWith } from "../support/storage_with.ts";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";

/** Sends a request under a name and takes its answer. */
async function ask<Desc extends DescMessage, Reply extends DescMessage>(
  harness: LogicHarness,
  client: HarnessClient,
  { request, reply, key }: { readonly request: Desc; readonly reply: Reply; readonly key: number },
  message: MessageInitShape<Desc>,
): Promise<MessageShape<Reply>> {
  const type = contract.rowOf(reply).type;
  client.packets = client.packets.filter((packet) => packet.type !== type);
  harness.send(client, request, message, { requestKey: key });
  await harness.until(() => client.packets.some((packet) => packet.type === type));
  return fromBinary(reply, client.packets.find((packet) => packet.type === type)!.payload);
}

const CREATE = { request: GuildCreateRequestSchema, reply: GuildCreateResponseSchema };
const INVITE = { request: GuildInviteRequestSchema, reply: GuildInviteResponseSchema };
const JOIN = { request: GuildJoinRequestSchema, reply: GuildActionResponseSchema };
const INFO = { request: GuildInfoRequestSchema, reply: GuildInfoResponseSchema };
const LEAVE = { request: GuildLeaveRequestSchema, reply: GuildActionResponseSchema };
const BEFRIEND = { request: FriendRequestSchema, reply: FriendResponseSchema };
const IGNORE = { request: IgnoreAddSchema, reply: IgnoreResponseSchema };

Deno.test("A guild request with a key is done once, and answered the same, also by a server that was started anew", async () => {
  const storage = new DirectStorage({ path: ":memory:" }, MARSH_RECORDS);
  const kept = { storage: { ...storageWith(storage, {}), close: () => Promise.resolve() } };
  let guildId = 0n;
  const wolves = { name: "Wolves", tag: "WO" };
  {
    await using harness = await LogicHarness.create(kept);
    const anna = await harness.connect({ name: "anna" }), bert = await harness.connect({ name: "bert" });
    ({ guildId } = await ask(harness, anna, { ...CREATE, key: 1 }, wolves));
    assert(guildId > 0n);
    assertEquals((await ask(harness, anna, { ...CREATE, key: 1 }, wolves)).guildId, guildId);
    // Another request of the same text is another request.
    assertEquals((await ask(harness, anna, { ...CREATE, key: 2 }, wolves)).errorCode, ErrorCode.ALREADY_EXISTS);
    assertEquals((await ask(harness, anna, { ...INVITE, key: 3 }, { playerName: "bert" })).success, true);
    assertEquals((await ask(harness, anna, { ...INVITE, key: 3 }, { playerName: "bert" })).success, true);
    assertEquals(harness.received(bert, PacketType.GUILD_INVITE_NOTICE).length, 1, "a repetition tells nobody");
    assertEquals((await ask(harness, bert, { ...JOIN, key: 1 }, { guildId, accept: true })).success, true);
    assertEquals((await ask(harness, bert, { ...LEAVE, key: 2 }, {})).success, true);
    // Its guild is what it is now, not what it was when the repeated request was done.
    assertEquals((await ask(harness, bert, { ...JOIN, key: 1 }, { guildId, accept: true })).success, true);
    assertEquals(harness.marsh.guilds.find(bert.playerId), null);
  }
  await using harness = await LogicHarness.create(kept);
  const anna = await harness.connect({ name: "anna" });
  assertEquals((await ask(harness, anna, { ...CREATE, key: 1 }, wolves)).guildId, guildId);
  assertEquals((await ask(harness, anna, { ...INVITE, key: 3 }, { playerName: "bert" })).success, true);
  assertEquals(harness.marsh.guilds.find(anna.playerId)?.tag, "WO");
});

Deno.test("A guild request that was done is answered as before, whatever its player may ask for by now", async () => {
  await using harness = await LogicHarness.create();
  const anna = await harness.connect({ name: "anna" });
  const wolves = { name: "Wolves", tag: "WO" };
  const { guildId } = await ask(harness, anna, { ...CREATE, key: 1 }, wolves);
  let refused = ErrorCode.NONE;
  for (let key = 100; refused !== ErrorCode.RATE_LIMITED; key++) {
    await harness.connect({ name: `p${key}` });
    refused = (await ask(harness, anna, { ...INVITE, key }, { playerName: `p${key}` })).errorCode;
    assert(key < 1_000, "her notices are bounded");
  }
  assertEquals((await ask(harness, anna, { ...CREATE, key: 1 }, wolves)).guildId, guildId);
  assertEquals((await ask(harness, anna, { ...INVITE, key: 100 }, { playerName: "p100" })).success, true);
});

Deno.test("Requests about friends and ignored players with a key are done once", async () => {
  await using harness = await LogicHarness.create();
  const anna = await harness.connect({ name: "anna" }), bert = await harness.connect({ name: "bert" });
  for (let i = 0; i < 2; i++) {
    const asked = await ask(harness, anna, { ...BEFRIEND, key: 1 }, { playerName: "bert" });
    assertEquals([asked.success, asked.isFriend, asked.player?.name], [true, false, "bert"]);
  }
  assertEquals(harness.received(bert, PacketType.FRIEND_NOTICE).length, 1);
  for (let i = 0; i < 2; i++) {
    const accepted = await ask(harness, bert, { ...BEFRIEND, key: 1 }, { playerName: "anna" });
    assertEquals([accepted.success, accepted.isFriend], [true, true]);
  }
  const notices = harness.received(anna, PacketType.FRIEND_NOTICE);
  assertEquals(notices.map(({ player }) => player?.name), ["bert"]);
  const again = await ask(harness, anna, { ...BEFRIEND, key: 2 }, { playerName: "bert" });
  assertEquals(again.errorCode, ErrorCode.ALREADY_EXISTS);
  for (let i = 0; i < 2; i++) {
    assertEquals((await ask(harness, anna, { ...IGNORE, key: 3 }, { playerName: "bert" })).success, true);
  }
});

Deno.test("GUILD_SET_RANK_REQUEST needs no receipt: again it changes nothing, and a hand-over that comes again is refused", async () => {
  await using harness = await LogicHarness.create();
  const [anna, bert] = [await harness.connect({ name: "anna" }), await harness.connect({ name: "bert" })];
  const { guildId } = await ask(harness, anna, { ...CREATE, key: 1 }, { name: "Wolves", tag: "WO" });
  await ask(harness, anna, { ...INVITE, key: 2 }, { playerName: "bert" });
  await ask(harness, bert, { ...JOIN, key: 1 }, { guildId, accept: true });
  const setRank = { request: GuildSetRankRequestSchema, key: 3 };
  const ranks = async (rank: GuildRank) => {
    const reply = await ask(harness, anna, { ...setRank, reply: GuildInfoResponseSchema }, {
      playerName: "bert",
      rank,
    });
    return reply.members.map(({ name, rank }) => `${name} ${rank}`).sort();
  };
  const promoted = [`anna ${GuildRank.LEADER}`, `bert ${GuildRank.OFFICER}`];
  for (let times = 0; times < 2; times++) assertEquals(await ranks(GuildRank.OFFICER), promoted);
  const handedOver = [`anna ${GuildRank.OFFICER}`, `bert ${GuildRank.LEADER}`];
  assertEquals(await ranks(GuildRank.LEADER), handedOver);
  const again = { playerName: "bert", rank: GuildRank.LEADER };
  const { errorCode } = await ask(harness, anna, { ...setRank, reply: ErrorResponseSchema }, again);
  const { members } = await ask(harness, anna, { ...INFO, key: 0 }, { guildId });
  assertEquals(errorCode, ErrorCode.PERMISSION_DENIED);
  assertEquals(members.map(({ name, rank }) => `${name} ${rank}`).sort(), handedOver);
});

Deno.test("A key that was used for a request of another type names another request", async () => {
  await using harness = await LogicHarness.create({});
  const anna = await harness.connect({ name: "anna" });
  await harness.connect({ name: "bert" });
  const bert = { playerName: "bert" }, wolves = { name: "Wolves", tag: "WO" };
  assertEquals((await ask(harness, anna, { ...BEFRIEND, key: 9 }, bert)).success, true);
  assert((await ask(harness, anna, { ...CREATE, key: 9 }, wolves)).guildId > 0n);
  assertEquals((await ask(harness, anna, { ...LEAVE, key: 9 }, {})).success, true);
  assertEquals(harness.marsh.guilds.find(anna.playerId), null, "What was answered was done");
  assertEquals(harness.log.records.filter(({ level }) => level === "error"), []);
});

const ANSWER = { request: FriendAnswerSchema, reply: FriendResponseSchema };
const UNFRIEND = { request: FriendRemoveSchema, reply: FriendResponseSchema };
const HEED = { request: IgnoreRemoveSchema, reply: IgnoreResponseSchema };

interface Outcome {
  readonly success: boolean;
  readonly errorCode: ErrorCode;
}

const OF_ANOTHER: readonly { readonly request: DescMessage; readonly reply: DescMessage }[] = [
  ...[BEFRIEND, ANSWER, UNFRIEND],
  ...[IGNORE, HEED],
];

for (const asked of OF_ANOTHER) {
  const { name } = contract.rowOf(asked.request);
  Deno.test(`A repetition of ${name} is refused where the other player is gone since, and is no fault`, async () => {
    await using harness = await LogicHarness.create();
    const anna = await harness.connect({ name: "anna" }), bert = await harness.connect({ name: "bert" });
    if (asked === ANSWER) await ask(harness, bert, { ...BEFRIEND, key: 1 }, { playerName: "anna" });
    if (asked === UNFRIEND) await ask(harness, anna, { ...BEFRIEND, key: 1 }, { playerName: "bert" });
    if (asked === HEED) await ask(harness, anna, { ...IGNORE, key: 1 }, { playerName: "bert" });
    const request = { playerName: "bert", ...asked === ANSWER ? { accept: true } : {} };
    const outcome = async () => {
      // All of these replies have both.
      const reply = await ask(harness, anna, { ...asked, key: 2 }, request) as unknown as Outcome;
      return [reply.success, reply.errorCode];
    };
    assertEquals(await outcome(), [true, ErrorCode.NONE]);
    assertEquals(await harness.logic.accounts.remove(bert), "removed");
    assertEquals(await outcome(), [false, ErrorCode.NOT_FOUND]);
    assertEquals(harness.log.records.filter(({ level }) => level === "error"), []);
  });
}
