import {
  DisconnectNoticeSchema,
  DisconnectReason,
  EchoRequestSchema,
  EchoResponseSchema,
  ErrorResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
  LoginRequestSchema,
  LoginResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { deflateRawSync } from "node:zlib";
import { assert, assertEquals } from "../support/assert.ts";
import { onEachBackend } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { frame, packet, packetBody, type WireClient } from "../support/wire.ts";
import { join } from "../support/wire_websocket.ts";
import { connect, TRANSPORTS, WirePlayer } from "../support/wire_session.ts";

const BODY_BYTES_MAX = 65_536;
const INFLATED_BYTES_MAX = 262_144;

/** Bytes of a frame that announces `length` bytes of body. */
function announce(length: number, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, length, true);
  return join([head, body]);
}

/** An echo request whose frame has a body of the largest size: behind the payload comes a field nobody knows. */
function largestEcho(data: Uint8Array): Uint8Array {
  const body = packet(EchoRequestSchema, { data }).subarray(4);
  const paddingBytes = BODY_BYTES_MAX - body.length - 3;
  assert(paddingBytes >= 0 && paddingBytes < 128, `${paddingBytes} bytes are missing`);
  // Field 100, length-delimited.
  return frame(join([body, new Uint8Array([0xa2, 0x06, paddingBytes]), new Uint8Array(paddingBytes)]));
}

/** Bytes that do not compress. */
function noise(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** Fails unless the server says why it closes, and closes. */
async function assertClosed(client: WireClient, reason: DisconnectReason): Promise<void> {
  const notice = await client.expect(DisconnectNoticeSchema);
  assertEquals(notice.reason, reason, DisconnectReason[notice.reason]);
  assert(notice.message !== "");
  assertEquals(await client.ended(), { kind: "fin", closeCode: client.webSocket === null ? null : 1002 });
  assertEquals(client.packets.at(-1)?.type, PacketType.DISCONNECT_NOTICE, "The notice is the last packet");
}

onEachBackend({ players: 20, flags: ["--diagnostics", "on"] }, (backend, server) => {
  for (const transport of TRANSPORTS) {
    for (const length of [0, BODY_BYTES_MAX + 1, 0xffff_ffff]) {
      Deno.test(`serve (${backend}) handles the frames before one of ${length} bytes over ${transport}, then says why it closes`, async () => {
        await using client = await connect(server(), transport);
        client.sendBytes(join([packet(HeartbeatRequestSchema, { timestamp: 5n }), announce(length)]));
        assertEquals((await client.expect(HeartbeatResponseSchema)).clientTimestamp, 5n);
        await assertClosed(client, DisconnectReason.MALFORMED_FRAME);
      });
    }

    Deno.test(`serve (${backend}) takes a frame of the largest size over ${transport}, in any pieces`, async () => {
      await using client = await connect(server(), transport);
      const data = noise(BODY_BYTES_MAX - 68);
      const bytes = largestEcho(data);
      assertEquals(bytes.length, 4 + BODY_BYTES_MAX);
      client.sendBytes(bytes);
      assertEquals((await client.expect(EchoResponseSchema)).data, data);
      for (let at = 0; at < bytes.length; at += 9_999) client.sendBytes(bytes.subarray(at, at + 9_999));
      assertEquals((await client.expect(EchoResponseSchema)).data, data);
    });

    Deno.test(`serve (${backend}) echoes the largest frame over ${transport}`, async () => {
      await using client = await connect(server(), transport);
      // Without a timestamp 17 bytes go around the data, so that the body is as large as it may be.
      const data = noise(BODY_BYTES_MAX - 17);
      const answer = await client.ask(EchoRequestSchema, { data }, EchoResponseSchema, { timestamp: 0n });
      assertEquals(answer.data.length, data.length);
      assert(answer.data.every((byte, index) => byte === data[index]), "The data come back as they were");
    });

    Deno.test(`serve (${backend}) closes a connection that sends garbage over ${transport}`, async () => {
      await using client = await connect(server(), transport);
      client.sendBytes(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: example\r\n\r\n"));
      await assertClosed(client, DisconnectReason.MALFORMED_FRAME);
      await using second = await connect(server(), transport);
      second.sendBytes(frame(new Uint8Array([0xff, 0xff, 0xff, 0xff])));
      await assertClosed(second, DisconnectReason.MALFORMED_PACKET);
    });

    Deno.test(`serve (${backend}) answers INVALID_PACKET over ${transport} to a size that is not the payload's, and goes on`, async () => {
      await using client = await connect(server(), transport);
      const wrong = await client.ask(HeartbeatRequestSchema, { timestamp: 1n }, ErrorResponseSchema, {
        size: 99,
        sequence: 3n,
      });
      assertEquals(
        [wrong.errorCode, wrong.requestType, wrong.requestSequence],
        [ErrorCode.INVALID_PACKET, PacketType.HEARTBEAT_REQUEST, 3n],
      );
      const login = await client.ask(
        LoginRequestSchema,
        {},
        transport === "tcp" ? ErrorResponseSchema : LoginResponseSchema,
        {
          size: 99,
        },
      );
      assertEquals(login.errorCode, transport === "tcp" ? ErrorCode.UNSUPPORTED : ErrorCode.INVALID_PACKET);
      const unchecked = await client.ask(HeartbeatRequestSchema, { timestamp: 2n }, HeartbeatResponseSchema, {
        size: 0,
      });
      assertEquals(unchecked.clientTimestamp, 2n);
    });

    Deno.test(`serve (${backend}) answers unknown and server-only types over ${transport} with UNSUPPORTED`, async () => {
      await using client = await connect(server(), transport);
      for (const type of [0, 1, 999, 1_001, 2_007, 9_999, 2 ** 31 - 1]) {
        client.sendBytes(frame(packetBody(type, new Uint8Array(2))));
        const answer = await client.expect(ErrorResponseSchema);
        assertEquals([answer.errorCode, answer.requestType], [ErrorCode.UNSUPPORTED, type]);
      }
      client.sendBytes(frame(new Uint8Array([0x12, 0])));
      assertEquals((await client.expect(ErrorResponseSchema)).requestType, 0);
    });

    Deno.test(`serve (${backend}) takes compressed payloads over ${transport} and refuses broken ones`, async () => {
      await using client = await connect(server(), transport);
      const data = new Uint8Array(60_000).fill(65);
      const echo = await client.ask(EchoRequestSchema, { data, route: 1 }, EchoResponseSchema, { isCompressed: true });
      assertEquals([echo.data.length, echo.route], [data.length, 1]);
      // Begins with a block of the type that does not exist: pure noise is valid once in some hundred times.
      const broken = noise(200);
      broken[0] = 0xff;
      client.sendBytes(frame(packetBody(PacketType.HEARTBEAT_REQUEST, broken, { isCompressed: true })));
      assertEquals((await client.expect(ErrorResponseSchema)).errorCode, ErrorCode.INVALID_PACKET);
      // Cut off, and followed by rubbish.
      const deflated = new Uint8Array(deflateRawSync(new Uint8Array(2_000).fill(8)));
      client.sendBytes(
        frame(packetBody(PacketType.HEARTBEAT_REQUEST, deflated.subarray(0, -4), { isCompressed: true })),
      );
      assertEquals((await client.expect(ErrorResponseSchema)).errorCode, ErrorCode.INVALID_PACKET);
      assertEquals((await client.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema)).latencyMs, 0);
    });

    Deno.test(`serve (${backend}) does not inflate a payload over ${transport} beyond its limit`, async () => {
      // What inflates to the limit is inflated, and is then too large for its type; one byte more closes.
      await using client = await connect(server(), transport);
      const bomb = (bytes: number) => {
        const payload = new Uint8Array(deflateRawSync(new Uint8Array(bytes)));
        return frame(packetBody(PacketType.ECHO_REQUEST, payload, { isCompressed: true }));
      };
      client.sendBytes(bomb(INFLATED_BYTES_MAX));
      assertEquals((await client.expect(ErrorResponseSchema)).errorCode, ErrorCode.INVALID_PACKET);
      client.sendBytes(bomb(INFLATED_BYTES_MAX + 1));
      await assertClosed(client, DisconnectReason.MALFORMED_FRAME);
      await using second = await connect(server(), transport);
      second.sendBytes(bomb(40_000_000));
      await assertClosed(second, DisconnectReason.MALFORMED_FRAME);
    });

    Deno.test(`serve (${backend}) acknowledges over ${transport} what it received, and numbers what it sends`, async () => {
      await using player = await WirePlayer.enter(server(), transport);
      const { client } = player;
      for (const text of ["one", "two", "three"]) player.say(Channel.AREA, text);
      await client.until("three messages", () => player.heard(player.name).length === 3);
      assertEquals(player.heard(player.name), ["one", "two", "three"]);
      assertEquals(client.reliable.map(({ sequence }) => sequence), [1, 2, 3, 4]);
      // The io worker answers, which hears from logic what it has taken.
      await until("the acknowledgement", async () => {
        client.send(HeartbeatRequestSchema, {});
        return (await client.expectPacket(HeartbeatResponseSchema)).ack === 3;
      });
      const snapshots = client.packets.filter(({ type }) => type === PacketType.WORLD_SNAPSHOT);
      assert(snapshots.every(({ sequence }) => sequence === 0), "Snapshots are not reliable");
      await client.expect(WorldSnapshotSchema, (snapshot) => snapshot.updates.length > 0);
      // Not numbered: neither acknowledged nor de-duplicated.
      client.send(ChatMessageSchema, { channel: Channel.AREA, message: "four" });
      client.send(ChatMessageSchema, { channel: Channel.AREA, message: "four" });
      await client.until("both", () => player.heard(player.name).length === 5);
    });
  }
});
