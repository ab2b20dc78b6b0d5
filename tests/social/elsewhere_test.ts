import { PacketType } from "../../games/marsh/contract.ts";
import {
  AUDIENCE_MESSAGES_PER_SECOND,
  CHAT_MUTE_MS,
  CHAT_REPEATS_MAX,
  CHAT_STRIKES_MAX,
  FAN_OUT_BURST_MS,
} from "../../games/parts/chat/limits.ts";
import { SANCTIONS_RECENT_MS } from "../../shared/limits.ts";
import { WhisperKeptSchema } from "../../games/parts/chat/chat_bus_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { IgnoreAddSchema } from "../../games/parts/friends/friends_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ClusterHarness } from "../support/cluster_harness.ts";
import type { HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { logIn, say } from "./company.ts";

/** What a client heard, with who said it; takes it. */
function heard(node: LogicHarness, client: HarnessClient): string[] {
  return node.take(client, PacketType.CHAT_MESSAGE).map(({ senderName, message }) => `${senderName}: ${message}`);
}

function refusals(node: LogicHarness, client: HarnessClient): ErrorCode[] {
  return node.take(client, PacketType.ERROR_RESPONSE).map(({ errorCode }) => errorCode);
}

function whisper(node: LogicHarness, client: HarnessClient, recipientName: string, message: string): void {
  node.send(client, ChatMessageSchema, { channel: Channel.WHISPER, recipientName, message });
}

Deno.test("GLOBAL chat is heard on every server once and in order, numbered there, but not by who ignores the sender", async () => {
  await using cluster = await ClusterHarness.start(3);
  const [one, two, three] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" }), bert = await two.connect({ name: "Bert" });
  const cleo = await three.connect({ name: "Cleo" }), dora = await three.connect({ name: "Dora" });
  three.send(dora, IgnoreAddSchema, { playerName: "Anna" });
  await cluster.settle();
  for (const text of ["first", "second"]) say(one, anna, Channel.GLOBAL, text);
  say(two, bert, Channel.GLOBAL, "third");
  await cluster.settle();
  assertEquals(heard(one, anna), ["Anna: first", "Anna: second", "Bert: third"]);
  const messages = three.received(cleo, PacketType.CHAT_MESSAGE);
  assertEquals(new Set(messages.map(({ messageId }) => messageId)).size, 3);
  assertEquals(heard(three, cleo), ["Anna: first", "Anna: second", "Bert: third"]);
  assertEquals(heard(three, dora), ["Bert: third"]);
});

Deno.test("GLOBAL chat is heard once in each session of a player: in the world on one server, and logged in on another", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const login = await logIn(two, "Anna"), anna = await one.connect({ name: "Anna" });
  await cluster.settle();
  say(one, anna, Channel.GLOBAL, "hello");
  await cluster.settle();
  assertEquals([login.playerId, heard(one, anna), heard(two, login)], [anna.playerId, ["Anna: hello"], [
    "Anna: hello",
  ]]);
});

Deno.test("GLOBAL chat is refused while the bus is down, and nobody hears it; what is said nearby is heard", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" }), bert = await two.connect({ name: "Bert" });
  cluster.network.isUp = false;
  say(one, anna, Channel.GLOBAL, "hello");
  say(one, anna, Channel.AREA, "nearby");
  await cluster.settle();
  assertEquals(refusals(one, anna), [ErrorCode.UNAVAILABLE]);
  assertEquals(heard(one, anna), ["Anna: nearby"]);
  cluster.network.isUp = true;
  say(one, anna, Channel.GLOBAL, "again");
  await cluster.settle();
  assertEquals([heard(one, anna), heard(two, bert)], [["Anna: again"], ["Anna: again"]]);
});

Deno.test("Who is muted for flooding on one server is muted on every other for as long, and longer the next time, until it is forgiven", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" });
  const flood = (node: LogicHarness, client: HarnessClient) => {
    for (let index = 0; index <= CHAT_REPEATS_MAX + CHAT_STRIKES_MAX; index++) say(node, client, Channel.AREA, "buy");
    return refusals(node, client).at(-1);
  };
  assertEquals(flood(one, anna), ErrorCode.MUTED);
  await cluster.settle();
  one.send(anna, LeaveWorldRequestSchema, {});
  await cluster.settle();
  cluster.advance(2_000);
  await cluster.settle();
  const again = await two.connect({ name: "Anna" });
  const speaks = () => (say(two, again, Channel.AREA, "hello"), refusals(two, again));
  assertEquals(speaks(), [ErrorCode.MUTED]);
  cluster.advance(CHAT_MUTE_MS);
  assertEquals(speaks(), []);
  assertEquals(flood(two, again), ErrorCode.MUTED);
  cluster.advance(CHAT_MUTE_MS);
  assertEquals(speaks(), [ErrorCode.MUTED], "Twice as long");
  await cluster.settle();
  // On whichever server it is forgiven.
  const forgiven = one.logic.moderation.run({ act: "unmute", target: { player: "Anna" }, moderator: "Mia" });
  await cluster.settle();
  assertEquals([(await forgiven).kind, speaks()], ["done", []]);
});

Deno.test("Who is no longer muted is heard on a server that was not told so, also where what is said waits", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" }), bert = await two.connect({ name: "Bert" });
  const cleo = await two.connect({ name: "Cleo" }), target = { player: "Anna" }, moderator = "Mia";
  void one.logic.moderation.run({ act: "mute", target, seconds: null, reason: "spam", moderator });
  await cluster.settle();
  cluster.network.isUp = false;
  void one.logic.moderation.run({ act: "unmute", target, moderator });
  await cluster.settle();
  cluster.advance(SANCTIONS_RECENT_MS);
  cluster.network.isUp = true;
  cluster.advance(2_000);
  await cluster.settle();
  const atOnce = AUDIENCE_MESSAGES_PER_SECOND * FAN_OUT_BURST_MS / 1_000;
  for (let index = 0; index <= atOnce; index++) say(two, index % 2 === 0 ? bert : cleo, Channel.GLOBAL, `${index}`);
  say(one, anna, Channel.GLOBAL, "hello");
  await cluster.settle();
  assert(!heard(two, bert).includes("Anna: hello"), "It waits for its turn");
  cluster.advance(2_000);
  assert(heard(two, bert).includes("Anna: hello"));
});

Deno.test("A whisper reaches a player of another server, who may answer; the sender is told once it is there", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" }), bert = await two.connect({ name: "Bert" });
  let isHeld = true;
  cluster.network.reaches = () => !isHeld;
  whisper(one, anna, "Bert", "lost");
  await cluster.settle();
  assertEquals(heard(one, anna), [], "Nobody has said that it is there");
  cluster.advance(4_000);
  await cluster.settle();
  assertEquals(refusals(one, anna), [ErrorCode.UNAVAILABLE]);
  isHeld = false;
  whisper(one, anna, "bert", "hello");
  await cluster.settle();
  assertEquals([heard(one, anna), heard(two, bert)], [["Anna: hello"], ["Anna: hello"]]);
  whisper(two, bert, "Anna", "and you");
  await cluster.settle();
  assertEquals([heard(one, anna), heard(two, bert)], [["Bert: and you"], ["Bert: and you"]]);
  cluster.network.isUp = false;
  whisper(one, anna, "Bert", "nobody carries this");
  await cluster.settle();
  assertEquals([refusals(one, anna), heard(one, anna), heard(two, bert)], [[ErrorCode.UNAVAILABLE], [], []]);
});

Deno.test("A whisper is kept for a player whom no server has, and is heard where it logs in", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" }), bert = await two.connect({ name: "Bert" });
  two.send(bert, LeaveWorldRequestSchema, {});
  two.disconnect(bert);
  await cluster.settle();
  cluster.advance(2_000);
  whisper(one, anna, "Bert", "for later");
  await cluster.settle();
  assertEquals(heard(one, anna), ["Anna: for later"]);
  const back = await two.connect({ name: "Bert" });
  await cluster.settle();
  assertEquals(heard(two, back), ["Anna: for later"]);
});

Deno.test("A whisper to a player who is logged in on another server, and not in the world, is kept and heard at once", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" }), bert = await two.connect({ name: "Bert" });
  two.send(bert, LeaveWorldRequestSchema, {});
  await cluster.settle();
  cluster.advance(2_000);
  whisper(one, anna, "Bert", "are you there");
  await cluster.settle();
  assertEquals([heard(one, anna), heard(two, bert)], [["Anna: are you there"], ["Anna: are you there"]]);
});

Deno.test("A whisper that was kept, of which a server was not told, is heard once that sees that it has missed something", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" }), bert = await two.connect({ name: "Bert" });
  two.send(bert, LeaveWorldRequestSchema, {});
  await cluster.settle();
  cluster.advance(2_000);
  cluster.network.reaches = ({ topic }) => topic !== WhisperKeptSchema.typeName;
  whisper(one, anna, "Bert", "are you there");
  await cluster.settle();
  assertEquals([heard(one, anna), heard(two, bert)], [["Anna: are you there"], []]);
  cluster.network.reaches = () => true;
  cluster.advance(3_000);
  await cluster.settle();
  assertEquals(heard(two, bert), ["Anna: are you there"]);
});

Deno.test("A whisper is not heard by a player of another server who ignores the sender, and the sender is not told", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" }), bert = await two.connect({ name: "Bert" });
  two.send(bert, IgnoreAddSchema, { playerName: "Anna" });
  await cluster.settle();
  whisper(one, anna, "Bert", "hello");
  await cluster.settle();
  assertEquals([heard(one, anna), heard(two, bert)], [["Anna: hello"], []]);
});
