import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import type { Transport } from "../../client/transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import {
  DisconnectNoticeSchema,
  DisconnectReason,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
  ResumeRequestSchema,
  ResumeResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { onEachBackend, ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { packet, type WireTransport } from "../support/wire.ts";
import { join } from "../support/wire_websocket.ts";
import { assertNumbered, connect, enterWorld, resume, TRANSPORTS, WirePlayer } from "../support/wire_session.ts";

/** How a connection is lost. */
const LOSSES = ["reset", "end"] as const;

onEachBackend({ players: 60, flags: ["--flood-control", "off"] }, (backend, server) => {
  for (const loss of LOSSES) {
    const how = loss === "reset" ? "RST" : "FIN";

    Deno.test(`serve (${backend}) replays after a ${how} what was missed, once and in order, on any transport`, async () => {
      await using player = await WirePlayer.enter(server(), "tcp");
      await using speaker = await WirePlayer.enter(server(), "tcp");
      const said: string[] = [];
      const heard: string[] = [];
      const say = (count: number) => {
        for (let index = 0; index < count; index++) {
          said.push(`message ${said.length}`);
          speaker.say(Channel.GLOBAL, said.at(-1)!);
        }
      };
      let { client } = player;
      let token = player.entry.resumeToken;
      let last = 0;
      /** Takes what the connection brought beyond what earlier ones did; it must go on where they ended. */
      const take = () => {
        assertNumbered(client, last + 1);
        const chats = client.all(ChatMessageSchema).filter(({ senderName }) => senderName === speaker.name);
        heard.push(...chats.map(({ message }) => message));
        last = Math.max(last, client.lastSequence);
      };
      for (const transport of ["tcp", "websocket", "tcp", "websocket", "tcp"] satisfies WireTransport[]) {
        say(20);
        await client.until("some of the messages", () => client.reliable.length > 3);
        // Lost with messages on their way, in both directions.
        say(10);
        client.socket[loss]();
        if (loss === "end") await client.ended();
        await client.close();
        take();
        say(10);
        client = await connect(server(), transport);
        const answer = await resume(client, token, last);
        assertEquals([answer.success, answer.gap, answer.entityId], [true, false, player.entityId]);
        assert(answer.resumeToken !== "" && answer.resumeToken !== token);
        token = answer.resumeToken;
        const snapshot = await client.expect(WorldSnapshotSchema);
        const own = snapshot.updates.find(({ entityId }) => entityId === player.entityId);
        assertEquals(own?.update.case, "spawn", "A full snapshot follows");
        say(5);
      }
      await using _client = client;
      await client.until("the last message", () => client.all(ChatMessageSchema).at(-1)?.message === said.at(-1));
      take();
      assertEquals(heard, said);
    });
  }

  Deno.test(`serve (${backend}) applies what a client sends twice once, and tells it at the resume what has come`, async () => {
    await using player = await WirePlayer.enter(server(), "tcp");
    await using listener = await WirePlayer.enter(server(), "websocket");
    const chat = (number: number) =>
      packet(ChatMessageSchema, { message: `number ${number}` }, { sequence: BigInt(number) });
    player.client.sendBytes(join([chat(1), chat(2), chat(1), chat(2), chat(3), chat(2)]));
    await listener.client.until("all of them", () => listener.heard(player.name).length >= 3);
    player.client.socket.reset();
    await using again = await connect(server(), "websocket");
    const answer = await resume(again, player.entry.resumeToken, 1);
    assertEquals([answer.success, answer.lastSequence], [true, 3n]);
    again.sendBytes(join([chat(2), chat(3), chat(4)]));
    await listener.client.until("the fourth", () => listener.heard(player.name).includes("number 4"));
    assertEquals(listener.heard(player.name), ["number 1", "number 2", "number 3", "number 4"]);
    // A number that is repeated is acknowledged again.
    // It goes with the next packet, and no packet is sent for it alone: an answer may have been on its way before.
    await until("the acknowledgement", async () => {
      again.send(HeartbeatRequestSchema, {}, { sequence: 4n });
      return (await again.expectPacket(HeartbeatResponseSchema)).ack === 4;
    });
  });

  Deno.test(`serve (${backend}) closes a client that skips a number`, async () => {
    for (const transport of TRANSPORTS) {
      await using player = await WirePlayer.enter(server(), transport);
      player.say(Channel.GLOBAL, "first");
      player.client.send(ChatMessageSchema, { message: "third" }, { sequence: 3n });
      const notice = await player.client.expect(DisconnectNoticeSchema);
      assertEquals(notice.reason, DisconnectReason.PROTOCOL_VIOLATION);
      assertEquals(await player.client.ended(), { kind: "fin", closeCode: transport === "tcp" ? null : 1002 });
      assertEquals(player.heard(player.name), ["first"]);
    }
  });

  Deno.test(`serve (${backend}) takes a resume token once, and no other`, async () => {
    await using player = await WirePlayer.enter(server(), "tcp");
    const { resumeToken } = player.entry;
    player.client.socket.reset();
    await using again = await connect(server(), "tcp");
    const answer = await resume(again, resumeToken, 1);
    assert(answer.success);
    // It was heard, as this shows: the token is spent.
    again.send(ChatMessageSchema, { message: "heard" }, { sequence: 1n, ack: 1n });
    await again.expect(ChatMessageSchema);
    await using late = await connect(server(), "tcp");
    for (const bad of [resumeToken, "", "x", `${answer.resumeToken}x`, "x".repeat(900)]) {
      const refused = await resume(late, bad, 1);
      assertEquals([refused.success, refused.errorCode], [false, ErrorCode.RESUME_EXPIRED], bad);
    }
    // A number that was never sent gives the token away, but not the session.
    const impossible = await resume(late, answer.resumeToken, 99);
    assertEquals([impossible.success, impossible.errorCode], [false, ErrorCode.INVALID_PACKET]);
    await again.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
    const wins = await resume(late, answer.resumeToken, 1);
    assert(wins.success, "A live connection is replaced by the one that resumes");
    assertEquals((await again.expect(DisconnectNoticeSchema)).reason, DisconnectReason.LOGGED_IN_ELSEWHERE);
    await again.ended();
  });

  Deno.test(`serve (${backend}) gives the same new token for as long as its answers are lost`, async () => {
    await using player = await WirePlayer.enter(server(), "tcp");
    player.client.socket.reset();
    const tokens = new Set<string>();
    for (const transport of ["tcp", "websocket", "tcp"] as const) {
      await using client = await connect(server(), transport);
      // Whoever comes back at once may find that the server has not seen the end of the connection before: it waits.
      const { success, resumeToken } = await resume(client, player.entry.resumeToken, 1);
      assert(success);
      tokens.add(resumeToken);
      client.socket.reset();
    }
    assertEquals(tokens.size, 1);
  });

  Deno.test(`serve (${backend}) lets one of two resumes at the same time win`, async () => {
    await using player = await WirePlayer.enter(server(), "tcp");
    const { resumeToken } = player.entry;
    player.client.socket.reset();
    await using first = await connect(server(), "tcp");
    await using second = await connect(server(), "websocket");
    for (const client of [first, second]) client.send(ResumeRequestSchema, { resumeToken, lastSequence: 1n });
    const answers = await Promise.all([first.expect(ResumeResponseSchema), second.expect(ResumeResponseSchema)]);
    assertEquals(answers.map(({ success }) => success).sort(), [false, true]);
    assertEquals(answers.find(({ success }) => !success)!.errorCode, ErrorCode.RESUME_EXPIRED);
    const winner = answers[0].success ? first : second;
    winner.send(ChatMessageSchema, { message: "won" }, { sequence: 1n });
    assertEquals((await winner.expect(ChatMessageSchema)).message, "won");
  });

  Deno.test(`serve (${backend}) tells a client of the gap when more was missed than is kept`, async () => {
    await using player = await WirePlayer.enter(server(), "tcp");
    await using speaker = await WirePlayer.enter(server(), "tcp");
    await player.settle();
    const last = player.client.lastSequence;
    player.client.socket.reset();
    await player.client.close();
    const count = 1_500;
    const said = await speaker.sayAll(Array.from({ length: count }, (_, index) => `message ${index + 1}`));
    await using again = await connect(server(), "websocket");
    const answer = await resume(again, player.entry.resumeToken, last);
    assertEquals([answer.success, answer.gap], [true, true]);
    await again.until("the last message", () => again.all(ChatMessageSchema).at(-1)?.message === said.at(-1));
    const [{ sequence: first }] = again.reliable;
    assert(first > last + 1, "Some are gone");
    assertNumbered(again, first);
    assertEquals(again.lastSequence, last + count);
    assert(again.reliable.length >= 500, `Only ${again.reliable.length} were kept`);
    await again.expect(WorldSnapshotSchema);
  });

  Deno.test(`serve (${backend}) closes who does not read, and nobody else notices`, async () => {
    const slowCloses = () => server().metric("drawbridge_connections_closed_total", { reason: "slow_reader" });
    const before = await slowCloses();
    await using native = await WirePlayer.enter(server(), "tcp");
    await using browser = await WirePlayer.enter(server(), "websocket");
    await using speaker = await WirePlayer.enter(server(), "tcp");
    for (const player of [native, browser]) player.client.socket.pause();
    const said: string[] = [];
    await until("both to be closed", async () => {
      const lines = Array.from({ length: 500 }, (_, index) => `${said.length + index} ${"x".repeat(240)}`);
      said.push(...await speaker.sayAll(lines));
      return await slowCloses() - before >= 2;
    }, 180_000);
    assertNumbered(speaker.client, 1);
    assertEquals(speaker.heard(speaker.name), said);
    for (const player of [native, browser]) {
      player.client.socket.resume();
      await player.client.ended();
    }
  });

  for (const transport of TRANSPORTS) {
    Deno.test(`DrawbridgeClient loses, doubles and reorders nothing over ${transport} while its connection breaks (${backend})`, async () => {
      const { game, gateway } = server().ports;
      const live: Transport[] = [];
      const client = new DrawbridgeClient({
        connect: async (signal) => {
          const made = transport === "tcp"
            ? await connectTcp({ port: game, signal })
            : await connectWebSocket(`ws://127.0.0.1:${gateway}/ws`, { signal });
          live.push(made);
          return made;
        },
        reconnect: { baseMs: 1, capMs: 20 },
      });
      const account = server().takePlayer();
      await using speaker = await WirePlayer.enter(server(), "tcp");
      const heard: string[] = [];
      const lost: unknown[] = [];
      client.on(PacketType.CHAT_MESSAGE, ({ senderName, message }) => {
        if (senderName === speaker.name) heard.push(message);
      });
      client.on("gap", () => lost.push("gap"));
      client.on("sessionLost", (loss) => lost.push(loss));
      await client.open();
      try {
        assert((await client.enterWorld({ token: account.token })).success);
        const said: string[] = [];
        const own: string[] = [];
        for (let round = 0; round < 8; round++) {
          for (let index = 0; index < 15; index++) {
            said.push(`${said.length}`);
            own.push(`own ${own.length}`);
            speaker.say(Channel.GLOBAL, said.at(-1)!);
            client.send(ChatMessageSchema, { channel: Channel.GLOBAL, message: own.at(-1)! });
            if (index === 7) live.at(-1)!.close();
          }
          await until("the reconnection", () => live.length > round + 1 && client.state === "connected");
        }
        await until("what was said to it", () => heard.length >= said.length);
        await speaker.client.until("what it said", () => speaker.heard(account.name).length >= own.length);
        assertEquals(heard, said);
        assertEquals(speaker.heard(account.name), own);
        assertEquals(lost, []);
        assertEquals(live.length, 9);
      } finally {
        await client.logout();
      }
    });
  }
});

Deno.test("serve --link-dead-ms ends a session that nobody resumes in time, and its player may enter anew", async () => {
  await using server = await ServerProcess.start({ players: 2, flags: ["--link-dead-ms", "300", "--map-size", "10"] });
  await using viewer = await WirePlayer.enter(server, "tcp");
  const account = server.takePlayer();
  await using player = await WirePlayer.enter(server, "tcp", account);
  await viewer.untilSees(player.entityId, "the player", (seen) => seen !== undefined);
  player.client.socket.reset();
  await viewer.untilSees(player.entityId, "nobody", (seen) => seen === undefined);
  await using again = await connect(server, "tcp");
  const answer = await resume(again, player.entry.resumeToken, 1);
  assertEquals([answer.success, answer.errorCode], [false, ErrorCode.RESUME_EXPIRED]);
  const entry = await enterWorld(again, account.token);
  assertEquals(entry.spawnPosition, player.entry.spawnPosition);
  assertEquals(again.reliable.map(({ sequence }) => sequence), [1], "A new session is numbered anew");
  await server.stop();
});
