import { deflateRawSync } from "node:zlib";
import { RECORD_CLOSED, RECORD_OPEN, RECORD_PACKET } from "../../server/ring/records.ts";
import { DisconnectNoticeSchema, DisconnectReason, HeartbeatRequestSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  DECOMPRESSED_BYTES_MAX,
  HTTP_CONNECTIONS_MAX,
  HTTP_HEAD_TIMEOUT_MS,
  HTTP_PIECE_BYTES,
  HTTP_TAKE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  LINGER_TIMEOUT_MS,
  SEND_QUEUE_HARD_BYTES,
  WORK_US_BATCH,
} from "../../shared/limits.ts";
import { clientClose, clientFrame, concatenate, readServerFrames, utf8 } from "../gateway/frames.ts";
import { headerOf, pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { until } from "../support/wait.ts";
import {
  encode,
  IoFixture,
  messageOf,
  openInfoOf,
  packetFrame,
  type PacketInit,
  type Peer,
  upgrade,
} from "./io_fixture.ts";

const CHAT: PacketInit = { type: PacketType.CHAT_MESSAGE, payload: pattern(12) };
/** A debt is paid within that time. */
const DEBT_MS = 500;
const HEARTBEAT: PacketInit = { type: PacketType.HEARTBEAT_REQUEST, payload: encode(HeartbeatRequestSchema, {}) };

/** The close code in the peer's last control frame. */
function closeCode(peer: Peer): number {
  const frame = peer.controlFrames.at(-1)!;
  assertEquals(frame.opcode, 8);
  return frame.payload[0] << 8 | frame.payload[1];
}

function textOf(peer: Peer): string {
  return new TextDecoder("latin1").decode(peer.socket.takeSent());
}

Deno.test("GatewayAdapter makes a WebSocket whose messages carry frames, whatever their borders", () => {
  const stream = concatenate(...[1, 2, 3, 4].map((sequence) => packetFrame({ ...CHAT, sequence })));
  for (let messageBytes = 1; messageBytes <= stream.length; messageBytes += 5) {
    const fixture = new IoFixture();
    const peer = fixture.connectIn("A", "gateway");
    for (let at = 0; at < stream.length; at += messageBytes) {
      const half = Math.ceil(messageBytes / 2);
      const piece = stream.subarray(at, at + messageBytes);
      // A message in two fragments, with a ping in between.
      peer.arrive(clientFrame({ opcode: 2, payload: piece.subarray(0, half), isFinal: false }));
      peer.arrive(clientFrame({ opcode: 9, payload: "still there?" }));
      peer.arrive(clientFrame({ opcode: 0, payload: piece.subarray(half) }));
    }
    fixture.round();
    const [open, ...packets] = fixture.takeRecords();
    assertEquals(openInfoOf(open).transport, "websocket");
    assertEquals(packets.map(({ kind, sequence }) => [kind, sequence]), [1, 2, 3, 4].map((at) => [RECORD_PACKET, at]));
    assertEquals(peer.takePackets(), []);
    for (const { opcode, payload } of peer.controlFrames) assertEquals([opcode, payload], [10, utf8("still there?")]);
  }
});

Deno.test("GatewayAdapter sends the packets of a round as one binary message", () => {
  const fixture = new IoFixture();
  const peer = fixture.connectIn("W", "gateway");
  for (let sequence = 1; sequence <= 3; sequence++) {
    fixture.sendFromLogic(peer, PacketType.CHAT_MESSAGE, pattern(50), { sequence });
  }
  fixture.round();
  const frames = readServerFrames(peer.socket.takeSent());
  assertEquals(frames.map(({ opcode }) => opcode), [2]);
});

Deno.test("GatewayAdapter takes frames that arrive with the upgrade request", () => {
  const fixture = new IoFixture();
  const peer = fixture.tryConnect("gateway")!;
  const head = utf8(
    "GET /ws HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  peer.arrive(concatenate(head, clientFrame({ opcode: 2, payload: packetFrame(HEARTBEAT) })));
  fixture.round();
  const sent = peer.socket.takeSent();
  const bodyAt = new TextDecoder("latin1").decode(sent).indexOf("\r\n\r\n") + 4;
  assertEquals(readServerFrames(sent.subarray(bodyAt)).map(({ opcode }) => opcode), [2]);
});

Deno.test("GatewayAdapter pauses and resumes a WebSocket while the ring is full, without loss", () => {
  const fixture = new IoFixture({ ringBytes: 4_096, config: { floodControl: false } });
  const peer = fixture.connectIn("A", "gateway");
  const sequences = Array.from({ length: 150 }, (_, index) => index + 1);
  peer.send(...sequences.map((sequence) => ({ ...CHAT, sequence, payload: pattern(90, sequence) })));
  assert(!peer.socket.isReading);
  const taken: number[] = [];
  for (let turn = 0; turn < 200 && taken.length < sequences.length; turn++) {
    taken.push(...fixture.takeRecordsButOpen().map(({ sequence }) => sequence));
    fixture.round();
  }
  assertEquals(taken, sequences);
  assert(peer.socket.isReading);
});

const CLOSES: readonly { what: string; bytes: Uint8Array; reason: DisconnectReason | null; code: number }[] = [
  {
    what: "a bad length",
    bytes: clientFrame({ opcode: 2, payload: headerOf(0) }),
    reason: DisconnectReason.MALFORMED_FRAME,
    code: 1002,
  },
  {
    what: "a decompression bomb",
    bytes: clientFrame({
      opcode: 2,
      payload: packetFrame({
        ...HEARTBEAT,
        payload: new Uint8Array(deflateRawSync(new Uint8Array(DECOMPRESSED_BYTES_MAX + 1))),
        isCompressed: true,
      }),
    }),
    reason: DisconnectReason.MALFORMED_FRAME,
    code: 1002,
  },
  { what: "a text message", bytes: clientFrame({ opcode: 1, payload: "hi" }), reason: null, code: 1003 },
  { what: "an unmasked frame", bytes: clientFrame({ opcode: 2, payload: "hi", mask: null }), reason: null, code: 1002 },
  { what: "a close", bytes: clientClose(1001, "bye"), reason: null, code: 1001 },
  { what: "a close without a code", bytes: clientFrame({ opcode: 8 }), reason: null, code: 1000 },
];

for (const { what, bytes, reason, code } of CLOSES) {
  Deno.test(`GatewayAdapter answers ${what} with close ${code}, and takes nothing after it`, () => {
    const fixture = new IoFixture();
    const peer = fixture.connectIn("A", "gateway");
    peer.send(CHAT);
    fixture.takeRecords();
    peer.arrive(concatenate(bytes, clientFrame({ opcode: 2, payload: packetFrame(CHAT) })));
    fixture.round();
    const notices = peer.takePackets();
    assertEquals(
      notices.map((packet) => messageOf(DisconnectNoticeSchema, packet).reason),
      reason === null ? [] : [reason],
    );
    assertEquals(closeCode(peer), code);
    assertEquals(peer.controlFrames.length, 1);
    assertEquals(fixture.takeRecords().map(({ kind }) => kind), [RECORD_CLOSED]);
    assert(peer.socket.isWritingEnded);
  });
}

Deno.test("GatewayAdapter closes an idle WebSocket with a DISCONNECT_NOTICE and a close frame behind it", () => {
  const fixture = new IoFixture();
  const peer = fixture.connect("gateway");
  peer.send(HEARTBEAT);
  peer.takePackets();
  fixture.pass(IDLE_TIMEOUT_MS);
  assertEquals(messageOf(DisconnectNoticeSchema, peer.takePacket()).reason, DisconnectReason.IDLE);
  assertEquals(closeCode(peer), 1001);
});

Deno.test("GatewayAdapter tells a WebSocket that is too many SERVER_FULL, close 1013", () => {
  const fixture = new IoFixture({ config: { gatewayMaxConnections: 1 } });
  const first = fixture.connect("gateway");
  const second = fixture.tryConnect("gateway")!;
  upgradeAlone(second);
  const sent = second.socket.takeSent();
  const bodyAt = new TextDecoder("latin1").decode(sent).indexOf("\r\n\r\n") + 4;
  const frames = readServerFrames(sent.subarray(bodyAt));
  assertEquals(frames.map(({ opcode }) => opcode), [2, 8]);
  assertEquals(frames[1].payload[0] << 8 | frames[1].payload[1], 1013);
  first.handler.onEnd();
  second.handler.onEnd();
  fixture.round();
  const third = fixture.connect("gateway");
  assert(!third.connection.closing);
});

/** Sends the upgrade and leaves everything that comes back to the test. */
function upgradeAlone(peer: Peer): void {
  const { takeSent } = peer.socket;
  const kept: Uint8Array[] = [];
  peer.socket.takeSent = () => {
    const bytes = takeSent.call(peer.socket);
    kept.push(bytes);
    const headEnd = new TextDecoder("latin1").decode(bytes).indexOf("\r\n\r\n") + 4;
    return bytes.slice(0, headEnd);
  };
  upgrade(peer);
  peer.socket.takeSent = () => concatenate(...kept.splice(0), takeSent.call(peer.socket));
}

// HTTP

Deno.test("GatewayAdapter answers requests one after the other, those that came too early among them", async () => {
  const fixture = new IoFixture();
  const peer = fixture.tryConnect("gateway")!;
  const request = "GET /page HTTP/1.1\r\nHost: gateway\r\n\r\n";
  peer.arrive(utf8(request + request));
  peer.arrive(utf8(request));
  assert(!fixture.worker.beforeSleep(), "A response is being made");
  let text = "";
  await until("three responses", () => {
    fixture.round();
    text += textOf(peer);
    return text.split("HTTP/1.1 200 ").length === 4;
  });
  fixture.round();
  assert(peer.socket.isReading);
  assertEquals(fixture.takeRecords(), []);
  assert(fixture.worker.beforeSleep());
});

Deno.test("GatewayAdapter closes after a response when the client wants it", async () => {
  const fixture = new IoFixture();
  const peer = fixture.tryConnect("gateway")!;
  peer.arrive(utf8("GET / HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"));
  await until("the end of writing", () => {
    fixture.round();
    return peer.socket.isWritingEnded;
  });
  assert(textOf(peer).startsWith("HTTP/1.1 200 "));
});

Deno.test("GatewayAdapter refuses what is no HTTP, and a head that takes too long with 408", () => {
  const fixture = new IoFixture();
  const strange = fixture.tryConnect("gateway")!;
  strange.arrive(utf8("\x16\x03\x01\r\n\r\n"));
  fixture.round();
  assert(textOf(strange).startsWith("HTTP/1.1 400 "));
  assert(strange.socket.isWritingEnded);

  const slow = fixture.tryConnect("gateway")!;
  const silent = fixture.tryConnect("gateway")!;
  slow.arrive(utf8("GET / HTTP/1.1\r\n"));
  fixture.pass(HTTP_HEAD_TIMEOUT_MS - 1);
  assertEquals(textOf(slow), "");
  fixture.pass(1);
  assert(textOf(slow).startsWith("HTTP/1.1 408 "));
  assertEquals([textOf(silent), silent.socket.isWritingEnded], ["", true]);
});

Deno.test("GatewayAdapter gives a head no more time for having been in debt", () => {
  const fixture = new IoFixture();
  const peer = fixture.tryConnect("gateway")!;
  const { reader } = peer.connection;
  peer.arrive(utf8("GET / HTTP/1.1\r\nX: "));
  for (let passedMs = 0; passedMs < HTTP_HEAD_TIMEOUT_MS; passedMs += DEBT_MS) {
    assertEquals(textOf(peer), "");
    while (!reader.throttled) reader.charge(WORK_US_BATCH);
    peer.arrive(utf8("x"));
    fixture.pass(DEBT_MS);
    assert(!reader.throttled, "It has paid, and goes on");
  }
  assert(textOf(peer).startsWith("HTTP/1.1 408 "));
});

Deno.test("GatewayAdapter cuts off who does not read an answer within HTTP_TAKE_TIMEOUT_MS, and not before", async () => {
  const fixture = new IoFixture();
  const [never, late] = [fixture.tryConnect("gateway")!, fixture.tryConnect("gateway")!];
  for (const peer of [never, late]) {
    peer.socket.takesAtOnce = false;
    peer.arrive(utf8("GET / HTTP/1.1\r\nHost: gateway\r\n\r\n".repeat(2)));
  }
  await until("the answers", () => {
    fixture.round();
    return never.socket.inFlightBytes > 0 && late.socket.inFlightBytes > 0;
  });
  fixture.pass(HTTP_TAKE_TIMEOUT_MS - 1);
  assertEquals([never.socket.closed, late.socket.closed], ["no", "no"]);
  late.drain();
  assert(textOf(late).startsWith("HTTP/1.1 200 "));
  late.socket.takesAtOnce = true;
  fixture.pass(1);
  assertEquals([never.socket.closed, late.socket.closed], ["abort", "no"]);
  await until("the answer to the second", () => {
    fixture.round();
    return textOf(late).includes("HTTP/1.1 200 ");
  });
  fixture.round();
  // From then on it has as long as any other until its next request.
  fixture.pass(HTTP_HEAD_TIMEOUT_MS - 1);
  assert(!late.connection.closing);
  fixture.pass(1);
  assert(late.connection.closing);
});

for (
  const [what, fields, hangsUp] of [
    ["a client that stays", "", false],
    ["a client that wants no other", "Connection: close\r\n", false],
    ["a client that has ended its side", "", true],
  ] as const
) {
  Deno.test(`GatewayAdapter sends a file of any length to ${what}, and holds a piece of it at a time`, () => {
    const body = pattern(3 * SEND_QUEUE_HARD_BYTES + 1) as Uint8Array<ArrayBuffer>;
    const fixture = new IoFixture({
      app: { asset: () => ({ status: 200, fields: [], body }), fetch: () => new Response("page\n") },
    });
    const peer = fixture.tryConnect("gateway")!;
    peer.socket.takesAtOnce = false;
    peer.arrive(utf8(`GET /big.js HTTP/1.1\r\nHost: gateway\r\n${fields}\r\n`));
    if (hangsUp) peer.handler.onEnd();
    fixture.round();
    const pieces: Uint8Array[] = [];
    while (peer.socket.inFlightBytes > 0) {
      assert(peer.connection.queue.pendingBytes < HTTP_PIECE_BYTES + 500);
      assert(!peer.socket.isReading, "The next request waits for the end of this answer");
      // As slow as it likes, as long as it reads.
      fixture.pass(2 * LINGER_TIMEOUT_MS);
      peer.drain();
      pieces.push(peer.socket.takeSent());
      fixture.round();
    }
    const answer = concatenate(...pieces);
    assertEquals(answer.subarray(answer.length - body.length), body);
    fixture.round();
    assertEquals(peer.socket.isWritingEnded, fields !== "" || hangsUp);
    assertEquals(peer.connection.closing, fields !== "" || hangsUp);
  });
}

Deno.test("GatewayAdapter refuses an upgrade from a page of another origin, and one of another version", () => {
  const fixture = new IoFixture();
  const upgradeWith = (line: string) => {
    const peer = fixture.tryConnect("gateway")!;
    peer.arrive(utf8(
      `GET /ws HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${line}\r\n` +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ));
    fixture.round();
    return textOf(peer).slice(0, 12);
  };
  assertEquals(upgradeWith("Sec-WebSocket-Version: 13\r\nOrigin: http://evil.example"), "HTTP/1.1 403");
  assertEquals(upgradeWith("Sec-WebSocket-Version: 13\r\nOrigin: http://gateway"), "HTTP/1.1 101");
  assertEquals(upgradeWith("Sec-WebSocket-Version: 8"), "HTTP/1.1 426");
});

Deno.test("GatewayAdapter bounds the HTTP connections, and frees their places", () => {
  const fixture = new IoFixture();
  const peers = Array.from({ length: HTTP_CONNECTIONS_MAX }, () => fixture.tryConnect("gateway")!);
  assertEquals(fixture.tryConnect("gateway"), null);
  // One becomes a WebSocket, one goes.
  upgrade(peers[0]);
  assert(fixture.tryConnect("gateway") !== null);
  assertEquals(fixture.tryConnect("gateway"), null);
  peers[1].handler.onEnd();
  fixture.round();
  assert(fixture.tryConnect("gateway") !== null);
});

// Echo

Deno.test("GatewayAdapter echoes on /echo with diagnostics only, and reads no further while nothing is taken", async () => {
  const fixture = new IoFixture({ config: { diagnostics: true, sendQueueHardBytes: 70_000, sendQueueSoftBytes: 10 } });
  const peer = fixture.tryConnect("gateway")!;
  upgrade(peer, "/echo");
  peer.socket.takesAtOnce = false;
  peer.arrive(clientFrame({ opcode: 1, payload: "x".repeat(100_000) }));
  fixture.round();
  assert(!peer.socket.isReading);
  assert(!peer.connection.closing, "The caps of game traffic do not apply");
  peer.drain();
  fixture.round();
  assert(peer.socket.isReading);
  assertEquals(readServerFrames(peer.socket.takeSent()).map(({ payload }) => payload.length), [100_000]);
  peer.socket.takesAtOnce = true;
  peer.arrive(clientFrame({ opcode: 2, payload: pattern(200) }));
  fixture.round();
  fixture.round();
  assert(peer.socket.isReading);
  assertEquals(readServerFrames(peer.socket.takeSent()).map(({ payload }) => payload), [pattern(200)]);

  const plain = new IoFixture().tryConnect("gateway")!;
  plain.arrive(utf8(
    "GET /echo HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  ));
  await until("a response", () => {
    plain.fixture.round();
    return textOf(plain).startsWith("HTTP/1.1 200 ");
  });
  assertEquals(plain.fixture.takeRecords().filter(({ kind }) => kind === RECORD_OPEN), []);
});
