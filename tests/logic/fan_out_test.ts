import type { MessageType } from "../../client/browser.ts";
import { FanOut } from "../../games/parts/chat/fan_out.ts";
import { RequestError } from "../../server/session/dispatcher.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  GuildCreateRequestSchema,
  GuildInviteRequestSchema,
  GuildJoinRequestSchema,
  GuildLeaveRequestSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import {
  RoomCreateRequestSchema,
  RoomJoinRequestSchema,
  RoomLeaveRequestSchema,
} from "../../games/parts/rooms/rooms_pb.ts";
import { LogoutRequestSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  AUDIENCE_MESSAGES_PER_SECOND,
  FAN_OUT_BURST_MS,
  FAN_OUT_COPIES_PER_SECOND,
  FAN_OUT_DELAY_MS_MAX,
  FAN_OUT_INTERVAL_MS,
} from "../../games/parts/chat/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness, ManualClock } from "../support/logic_harness.ts";
import { recordingFaults, RecordingLogger } from "../support/recording_logger.ts";

/** A fan-out, what was heard of it, and who was refused. */
class Scene {
  readonly clock = new ManualClock();
  readonly log = new RecordingLogger();
  readonly fanOut = new FanOut(this.clock, recordingFaults(this.log), {
    isPaced: true,
    mayBeHeard: (senderId) => !this.silenced.has(senderId),
  });
  readonly silenced = new Set<number>();
  readonly heard: { readonly text: string; readonly delayMs: number }[] = [];
  refusedCount = 0;

  say(senderId: number, text: string, { audience = "all", hearerCount = 450 } = {}): void {
    const saidAtMs = this.clock.monotonicMs();
    const deliver = () => {
      this.heard.push({ text, delayMs: this.clock.monotonicMs() - saidAtMs });
      return hearerCount;
    };
    try {
      this.fanOut.say({ senderId, audience, hearerCount, deliver });
    } catch (error) {
      assert(error instanceof RequestError && error.code === ErrorCode.RATE_LIMITED);
      this.refusedCount++;
    }
  }

  /** Lets time pass as turns of logic do. */
  pass(ms: number): void {
    for (let passedMs = 0; passedMs < ms; passedMs += FAN_OUT_INTERVAL_MS) {
      this.clock.advance(FAN_OUT_INTERVAL_MS);
      this.fanOut.deliverDue(Infinity);
    }
  }
}

Deno.test("FanOut.say() delivers at once what its audience can hear", () => {
  const scene = new Scene();
  for (let count = 0; count < 50; count++) scene.say(1, `${count}`);
  assertEquals(scene.heard.map(({ text, delayMs }) => [text, delayMs]), scene.heard.map((_, index) => [`${index}`, 0]));
  assertEquals([scene.heard.length, scene.fanOut.waitingCount], [50, 0]);
});

Deno.test("FanOut.letGo() delivers what waits in each sender's order, and everything at once from then on", () => {
  const scene = new Scene();
  for (let count = 0; count < 196; count++) scene.say(1 + count % 2, `${count}`);
  scene.silenced.add(2);
  const before = scene.heard.length;
  assert(before < 196 && scene.fanOut.waitingCount > 0);
  scene.fanOut.letGo();
  assertEquals(scene.fanOut.waitingCount, 0);
  const later = scene.heard.slice(before).map(({ text }) => Number(text));
  assertEquals(later, later.toSorted((a, b) => a - b));
  assert(later.every((count) => count % 2 === 0), "Who is silenced is not heard after all");
  const { length } = scene.heard;
  for (let count = 0; count < 90; count++) scene.say(1, `again ${count}`);
  assertEquals(scene.heard.length, length + 90);
});

Deno.test("FanOut.say() lets wait what an audience cannot hear, no longer than FAN_OUT_DELAY_MS_MAX, and refuses the rest", () => {
  const scene = new Scene();
  for (let sender = 1; sender <= 60; sender++) {
    for (let count = 0; count < 98; count++) scene.say(sender, `${sender}.${count}`);
  }
  const heardAtOnce = scene.heard.length;
  const accepted = heardAtOnce + scene.fanOut.waitingCount;
  assertEquals(accepted + scene.refusedCount, 60 * 98);
  assert(heardAtOnce <= FAN_OUT_BURST_MS / 1_000 * AUDIENCE_MESSAGES_PER_SECOND + 1, `${heardAtOnce} at once`);
  assert(scene.fanOut.waitingCount <= FAN_OUT_DELAY_MS_MAX / 1_000 * AUDIENCE_MESSAGES_PER_SECOND);
  scene.pass(FAN_OUT_DELAY_MS_MAX + 2 * FAN_OUT_INTERVAL_MS);
  assertEquals([scene.heard.length, scene.fanOut.waitingCount], [accepted, 0]);
  assert(scene.heard.every(({ delayMs }) => delayMs <= FAN_OUT_DELAY_MS_MAX + 2 * FAN_OUT_INTERVAL_MS));
  // What one says is heard in the order it was said.
  const lastCounts = new Map<string, number>();
  for (const { text } of scene.heard) {
    const [sender, count] = text.split(".");
    assert(Number(count) > (lastCounts.get(sender) ?? -1), text);
    lastCounts.set(sender, Number(count));
  }
});

Deno.test("FanOut.say() has room for who says one thing while others have filled theirs, and lets it have its turn", () => {
  const scene = new Scene();
  for (let sender = 1; sender <= 10; sender++) {
    for (let count = 0; count < 98; count++) scene.say(sender, "noise");
  }
  const refusedBefore = scene.refusedCount;
  assert(refusedBefore > 0);
  scene.say(99, "honest");
  assertEquals(scene.refusedCount, refusedBefore);
  scene.pass(500);
  assert(scene.heard.some(({ text }) => text === "honest"), "within a turn of each sender");
});

Deno.test("FanOut keeps audiences apart until all copies together are too many", () => {
  const scene = new Scene();
  for (let count = 0; count < 400; count++) scene.say(1 + count % 5, "noise", { audience: "room 1", hearerCount: 2 });
  scene.say(9, "elsewhere", { audience: "room 2", hearerCount: 2 });
  assertEquals(scene.heard.at(-1), { text: "elsewhere", delayMs: 0 });
  // Many audiences: no more copies a second than FAN_OUT_COPIES_PER_SECOND, and a burst.
  const wide = new Scene();
  for (let ms = 0; ms < 2_000; ms += 25) {
    for (let audience = 0; audience < 20; audience++) {
      wide.say(1_000 + audience, "x", { audience: `room ${audience}`, hearerCount: 500 });
    }
    wide.pass(25);
  }
  const copies = wide.heard.length * 500;
  assert(copies <= FAN_OUT_COPIES_PER_SECOND * (2 + FAN_OUT_BURST_MS / 1_000) + 500, `${copies} copies`);
  assert(copies >= FAN_OUT_COPIES_PER_SECOND * 2 * 0.95, `${copies} copies`);
});

Deno.test("FanOut delivers nothing more of what waits of a player who was silenced meanwhile, but what happened", () => {
  const scene = new Scene();
  for (let count = 0; scene.fanOut.waitingCount < 2; count++) scene.say(1, `${count}`);
  scene.say(2, "honest");
  const happened: string[] = [];
  const deliver = () => happened.push("left");
  scene.fanOut.tell({ senderId: 1, audience: "all", hearerCount: 1, deliver });
  const before = scene.heard.length;
  scene.silenced.add(1);
  scene.pass(FAN_OUT_DELAY_MS_MAX);
  assertEquals([scene.heard.slice(before).map(({ text }) => text), happened], [["honest"], ["left"]]);
  assertEquals(scene.fanOut.waitingCount, 0);
});

Deno.test("FanOut goes on when a delivery throws", () => {
  const scene = new Scene();
  scene.fanOut.say({
    senderId: 1,
    audience: "all",
    hearerCount: 1,
    deliver: () => {
      throw new Error("planted");
    },
  });
  scene.say(1, "after");
  assertEquals(scene.heard.map(({ text }) => text), ["after"]);
  assertEquals(scene.log.records.map(({ level }) => level), ["error"]);
});

Deno.test("Chat of 24 players, 98 messages each at once, closes nobody and leaves nobody a gap", async () => {
  await using harness = await LogicHarness.create();
  const clients: HarnessClient[] = [];
  for (let count = 0; count < 84; count++) clients.push(await harness.connect());
  const [attackers, honest] = [clients.slice(0, 24), clients.slice(24)];
  harness.forget();
  for (const attacker of attackers) {
    for (let count = 0; count < 98; count++) {
      harness.post(attacker, ChatMessageSchema, { channel: Channel.GLOBAL, message: `${attacker.playerId}.${count}` });
    }
  }
  harness.turn();
  // Each acknowledges once a second.
  let widest = 0;
  for (let second = 0; second < 4; second++) {
    for (const client of clients) {
      const { outbox } = harness.sessionOf(client);
      widest = Math.max(widest, outbox!.count);
      outbox!.acknowledge(outbox!.sentSequence);
    }
    harness.advance(1_000);
  }
  const heard = honest.map((client) => harness.received(client, PacketType.CHAT_MESSAGE).map(({ message }) => message));
  const refusedCount = attackers.reduce(
    (sum, client) => sum + harness.received(client, PacketType.ERROR_RESPONSE).length,
    0,
  );
  assertEquals(clients.filter(({ closedBy }) => closedBy !== null).length, 0);
  assert(widest < 512, `${widest} packets in an outbox`);
  assertEquals(heard[0].length + refusedCount, 24 * 98);
  for (const lines of heard) assertEquals(lines, heard[0], "everybody hears the same in the same order");
  const ids = harness.received(honest[0], PacketType.CHAT_MESSAGE).map(({ messageId }) => messageId);
  assert(ids.every((id, index) => index === 0 || id > ids[index - 1]), "numbers ascend");
});

Deno.test("FanOut.retract() forgets what waits for one audience, and not what is for others, or happened", () => {
  const scene = new Scene();
  const { fanOut } = scene;
  const guild = { audience: "guild", hearerCount: 1 };
  for (let count = 0; fanOut.waitingCount < 2; count++) scene.say(1, `${count}`, guild);
  const before = scene.heard.length;
  scene.say(1, "elsewhere", { audience: "room", hearerCount: 1 });
  scene.say(2, "another's", guild);
  const happened: string[] = [];
  fanOut.tell({ senderId: 1, ...guild, deliver: () => happened.push("left") });
  fanOut.retract(1, "guild");
  fanOut.retract(3, "guild");
  assertEquals(fanOut.waitingCount, 3);
  scene.pass(FAN_OUT_DELAY_MS_MAX);
  assertEquals([scene.heard.slice(before).map(({ text }) => text).toSorted(), happened], [
    ["another's", "elsewhere"],
    ["left"],
  ]);
  assertEquals([fanOut.waitingCount, scene.refusedCount], [0, 0]);
});

for (const goesOffline of [false, true]) {
  Deno.test(`What waits of who leaves a room is not heard there, ${goesOffline ? "though it logs out at once" : "though it stays online"}`, async () => {
    await using harness = await LogicHarness.create();
    const [ann, bob] = [await harness.connect(), await harness.connect()];
    harness.send(ann, RoomCreateRequestSchema, { name: "Den" });
    const [{ room }] = harness.received(ann, PacketType.ROOM_RESPONSE);
    harness.send(bob, RoomJoinRequestSchema, { roomId: room!.roomId });
    harness.forget();
    const say = (client: HarnessClient, count: number) => {
      for (let index = 0; index < count; index++) {
        const message = `${client.name} ${index}`;
        harness.post(client, ChatMessageSchema, { channel: Channel.ROOM, roomId: room!.roomId, message });
      }
    };
    say(ann, 98);
    say(bob, 10);
    harness.turn();
    const heardOf = ({ name }: HarnessClient) =>
      harness.received(ann, PacketType.CHAT_MESSAGE).filter(({ senderName }) => senderName === name).length;
    const before = heardOf(bob);
    assert(before < 10);
    harness.post(bob, RoomLeaveRequestSchema, { roomId: room!.roomId });
    if (goesOffline) harness.post(bob, LogoutRequestSchema, {});
    harness.advance(2 * FAN_OUT_DELAY_MS_MAX);
    assertEquals([heardOf(bob), heardOf(ann)], [before, 98]);
  });
}

Deno.test("Chat that waits is not heard of whoever has left the guild that it was said to, though it logs out at once, or is muted, meanwhile", async () => {
  await using harness = await LogicHarness.create();
  const [ann, bob, dan, eve] = [
    await harness.connect(),
    await harness.connect(),
    await harness.connect(),
    await harness.connect(),
  ];
  const ask = async (client: HarnessClient, type: MessageType, send: () => void) => {
    send();
    await harness.until(() => harness.received(client, type).length > 0);
  };
  await ask(ann, PacketType.GUILD_CREATE_RESPONSE, () => {
    harness.send(ann, GuildCreateRequestSchema, { name: "Wardens", tag: "WARD" });
  });
  const [{ guildId }] = harness.received(ann, PacketType.GUILD_CREATE_RESPONSE);
  for (const member of [bob, dan, eve]) {
    await ask(member, PacketType.GUILD_INVITE_NOTICE, () => {
      harness.send(ann, GuildInviteRequestSchema, { playerName: member.name });
    });
    await ask(member, PacketType.GUILD_ACTION_RESPONSE, () => {
      harness.send(member, GuildJoinRequestSchema, { guildId, accept: true });
    });
  }
  harness.forget();
  // More than the guild can hear at once: the rest waits.
  for (const [client, count] of [[ann, 98], [bob, 10], [dan, 10], [eve, 10], [ann, 1]] as const) {
    for (let index = 0; index < count; index++) {
      harness.post(client, ChatMessageSchema, { channel: Channel.GUILD, message: `${client.name} ${index}` });
    }
  }
  harness.post(bob, GuildLeaveRequestSchema, {});
  harness.post(dan, GuildLeaveRequestSchema, {});
  harness.post(dan, LogoutRequestSchema, {});
  harness.turn();
  const heardOf = ({ name }: HarnessClient) =>
    harness.received(ann, PacketType.CHAT_MESSAGE).filter(({ senderName }) => senderName === name).length;
  const heardAtOnce = [bob, dan, eve].map(heardOf);
  assert(heardAtOnce.every((count) => count < 10), `${heardAtOnce}`);
  await harness.until(() => harness.received(bob, PacketType.GUILD_ACTION_RESPONSE).length > 0);
  const mute = { act: "mute", target: { player: eve.name }, seconds: 60, reason: "spam", moderator: "mod" } as const;
  let outcome = "";
  void harness.logic.moderation.run(mute).then(({ kind }) => outcome = kind);
  await harness.until(() => outcome === "done");
  harness.advance(2 * FAN_OUT_DELAY_MS_MAX);
  assertEquals([[bob, dan, eve].map(heardOf), heardOf(ann)], [heardAtOnce, 99]);
});
