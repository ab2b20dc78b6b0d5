import { errorResponse } from "../../server/base/refusal.ts";
/** Every packet type, in every state, on every port: forwarded, answered or refused as the contract says. @module */

import { deflateRawSync } from "node:zlib";
import { RECORD_OPEN, RECORD_PACKET, RECORD_REFUSED } from "../../server/ring/records.ts";
import {
  EchoRequestSchema,
  EchoResponseSchema,
  ErrorResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { DECOMPRESSED_BYTES_MAX, ENVELOPE_BYTES_MAX, FRAME_BYTES_MAX } from "../../shared/limits.ts";
import { fromBinary, type Message } from "@bufbuild/protobuf";
import { CONTRACT, type ContractRow, type PortName, type StateLetter } from "../shared/contract.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { encode, IoFixture, messageOf, packetFrame, type PacketInit, type Peer } from "./io_fixture.ts";

const STATES: readonly StateLetter[] = ["C", "A", "W"];
const PORTS: readonly PortName[] = ["login", "game", "gateway"];
const FROM_CLIENT = CONTRACT.filter(({ isFromClient }) => isFromClient);

function openFixture(): IoFixture {
  return new IoFixture({ config: { diagnostics: true } });
}

/** A refusal as the client will see it: sent at once, or in the world numbered and sent by logic. */
function takeRefusal(peer: Peer, state: StateLetter): { type: number; payload: Uint8Array } {
  const { fixture } = peer;
  const records = fixture.takeRecordsButOpen();
  if (state !== "W") {
    assertEquals(records, []);
    const packet = peer.takePacket();
    assertEquals([packet.sequence, packet.isCompressed, packet.size], [0n, false, packet.payload.length]);
    return packet;
  }
  assertEquals(peer.takePackets(), []);
  assertEquals(records.map(({ kind }) => kind), [RECORD_REFUSED]);
  return records[0];
}

/** Holds a refusal to `code`, by an ERROR_RESPONSE that names the request. */
function checkErrorResponse(
  refusal: { type: number; payload: Uint8Array },
  code: ErrorCode,
  request: PacketInit,
): void {
  const { errorCode, requestType, requestSequence, message } = messageOf(ErrorResponseSchema, refusal);
  assertEquals(ErrorCode[errorCode], ErrorCode[code]);
  assertEquals([requestType, requestSequence], [request.type, BigInt(request.sequence ?? 0)]);
  assert(message !== "");
}

/** Holds a refusal to INVALID_PACKET, by the request's own response type where it has one. */
function checkInvalid(refusal: { type: number; payload: Uint8Array }, row: ContractRow, request: PacketInit): void {
  assertEquals(PacketType[refusal.type], row.answer);
  if (row.answer === "ERROR_RESPONSE") return checkErrorResponse(refusal, ErrorCode.INVALID_PACKET, request);
  const answer = fromBinary(contract.schemaOf(refusal.type)!, refusal.payload) as
    & Message
    & Record<string, unknown>;
  assertEquals([answer.success, answer.errorCode], [false, ErrorCode.INVALID_PACKET]);
  if ("requestType" in answer) assertEquals(answer.requestType, request.type);
  if ("errorMessage" in answer) assert(answer.errorMessage !== "");
}

/** A payload of each type that the io worker itself can parse where it must. */
function payloadOf(row: ContractRow): Uint8Array {
  if (row.name === "HEARTBEAT_REQUEST") return encode(HeartbeatRequestSchema, { timestamp: 77n });
  if (row.name === "ECHO_REQUEST") return encode(EchoRequestSchema, { data: pattern(20) });
  return pattern(20);
}

/** What must become of a packet on a port in a state. */
function expectedOutcome(row: ContractRow, port: PortName, state: StateLetter): "served" | ErrorCode {
  if (!row.ports.includes(port)) return ErrorCode.UNSUPPORTED;
  if (row.states.includes(state)) return "served";
  return state === "C" ? ErrorCode.NOT_AUTHENTICATED : ErrorCode.INVALID_STATE;
}

for (const row of FROM_CLIENT) {
  for (const port of PORTS) {
    for (const state of STATES) {
      const outcome = expectedOutcome(row, port, state);
      const told = outcome === "served" ? "takes" : `refuses as ${ErrorCode[outcome]}`;
      Deno.test(`Connection.onFrame() ${told} ${row.name} on the ${port} port in state ${state}`, () => {
        const fixture = openFixture();
        const peer = fixture.connectIn(state, port);
        const request = { type: row.type, payload: payloadOf(row), sequence: 0, ack: 0 };
        peer.send(request);
        if (outcome === "served") checkServed(peer, row, request);
        else checkErrorResponse(takeRefusal(peer, state), outcome, request);
        assert(!peer.connection.closing);
      });
    }
  }
}

function checkServed(peer: Peer, row: ContractRow, request: PacketInit): void {
  const records = peer.fixture.takeRecords();
  if (row.name === "HEARTBEAT_REQUEST") {
    assertEquals(records, []);
    assertEquals(messageOf(HeartbeatResponseSchema, peer.takePacket()).clientTimestamp, 77n);
  } else if (row.name === "ECHO_REQUEST") {
    assertEquals(records, []);
    assertEquals(messageOf(EchoResponseSchema, peer.takePacket()).data, pattern(20));
  } else {
    assertEquals(peer.takePackets(), []);
    assertEquals(records.map(({ kind }) => kind), [RECORD_OPEN, RECORD_PACKET]);
    const { slot, generation } = peer.connection;
    const { kind: _, ...record } = records[1];
    assertEquals(record, { slot, generation, type: row.type, sequence: 0, ack: 0, payload: request.payload! });
  }
}

for (const row of CONTRACT.filter(({ isFromClient }) => !isFromClient)) {
  Deno.test(`Connection.onFrame() refuses ${row.name} of the server as UNSUPPORTED in every state`, () => {
    for (const state of STATES) {
      const peer = openFixture().connectIn(state);
      const request = { type: row.type, payload: pattern(3), sequence: 0 };
      peer.send(request);
      checkErrorResponse(takeRefusal(peer, state), ErrorCode.UNSUPPORTED, request);
    }
  });
}

Deno.test("Connection.onFrame() refuses types that do not exist as UNSUPPORTED", () => {
  for (const type of [0, 1, 999, 1_099, 8_191, 8_192, 2 ** 31 - 1, -1, -(2 ** 31)]) {
    const peer = openFixture().connectIn("A");
    peer.send({ type, sequence: 9 });
    checkErrorResponse(takeRefusal(peer, "A"), ErrorCode.UNSUPPORTED, { type, sequence: 9 });
  }
});

/** Served types, each in every state it may be sent in. */
const SERVED = FROM_CLIENT.flatMap((row) => row.states.map((state) => ({ row, state })));

/** A port that serves the type. */
function portFor(row: ContractRow): PortName {
  return row.ports.includes("game") ? "game" : "login";
}

for (const { row, state } of SERVED) {
  Deno.test(`Connection.onFrame() refuses ${row.name} in state ${state} as INVALID_PACKET when size and payload differ`, () => {
    for (const size of [1, 19, 21, 2 ** 32 - 1]) {
      const peer = openFixture().connectIn(state, portFor(row));
      const request = { type: row.type, payload: pattern(20), size, sequence: 4 };
      peer.send(request);
      checkInvalid(takeRefusal(peer, state), row, request);
    }
  });

  Deno.test(`Connection.onFrame() refuses ${row.name} in state ${state} as INVALID_PACKET when its payload is too large`, () => {
    const { payloadBytesMax } = contract.packets.row(row.type)!;
    // A frame cannot carry more than the largest echo as it is, but it can compressed.
    if (payloadBytesMax < FRAME_BYTES_MAX - ENVELOPE_BYTES_MAX) {
      const peer = openFixture().connectIn(state, portFor(row));
      const request = { type: row.type, payload: pattern(payloadBytesMax + 1), sequence: 4 };
      peer.send(request);
      checkInvalid(takeRefusal(peer, state), row, request);
    }
    const peer = openFixture().connectIn(state, portFor(row));
    const payload = new Uint8Array(deflateRawSync(new Uint8Array(payloadBytesMax + 1)));
    const request = { type: row.type, payload, isCompressed: true };
    peer.send(request);
    checkInvalid(takeRefusal(peer, state), row, request);
  });

  Deno.test(`Connection.onFrame() refuses ${row.name} in state ${state} as INVALID_PACKET when it is no DEFLATE`, () => {
    for (const payload of [pattern(0), new Uint8Array([0xff, 0xff]), deflateRawSync(pattern(90)).subarray(0, 40)]) {
      const peer = openFixture().connectIn(state, portFor(row));
      const request = { type: row.type, payload: new Uint8Array(payload), isCompressed: true };
      peer.send(request);
      checkInvalid(takeRefusal(peer, state), row, request);
    }
  });
}

Deno.test("Connection.onFrame() takes every forwarded type at its largest payload, as it is and compressed", () => {
  for (const { row, state } of SERVED) {
    const { handledBy, payloadBytesMax } = contract.packets.row(row.type)!;
    if (handledBy !== "logic") continue;
    const payload = pattern(payloadBytesMax);
    const deflated = new Uint8Array(deflateRawSync(payload));
    for (const carried of [{ payload }, { payload: deflated, isCompressed: true }]) {
      const peer = openFixture().connectIn(state, portFor(row));
      peer.send({ type: row.type, ...carried });
      const records = peer.fixture.takeRecordsButOpen();
      assertEquals(records.map(({ kind, type }) => [kind, type]), [[RECORD_PACKET, row.type]]);
      assertEquals(records[0].payload, payload, row.name);
    }
  }
});

Deno.test("Connection.onFrame() keeps what comes behind a request that changes the state until it is answered", () => {
  for (const { row, state } of SERVED) {
    const { changesState, replyType } = contract.packets.row(row.type)!;
    if (!changesState) continue;
    const peer = openFixture().connectIn(state, portFor(row));
    peer.send({ type: row.type, payload: pattern(4) });
    peer.send({ type: PacketType.HEARTBEAT_REQUEST, payload: new Uint8Array(0) });
    assertEquals(peer.takePackets().map(({ type }) => type), [], `${row.name} holds up what follows`);
    peer.connection.reader.onAnswer(replyType || PacketType.ENTITY_UPDATE, true, new Uint8Array(0), 0, 0);
    peer.fixture.round();
    assertEquals(peer.takePackets().map(({ type }) => type), [PacketType.HEARTBEAT_RESPONSE], row.name);
  }
});

Deno.test("Connection.onAnswer() lets nothing go on for the refusal of what came before the request", () => {
  for (const { row, state } of SERVED) {
    const { changesState, payloadBytesMax, refusal } = contract.packets.row(row.type)!;
    if (!changesState) continue;
    const peer = openFixture().connectIn(state, portFor(row));
    const answer = (requestType: PacketType, requestSequence: number) => {
      const { payload } = errorResponse(ErrorCode.INTERNAL, "", requestType, requestSequence);
      peer.connection.reader.onAnswer(PacketType.ERROR_RESPONSE, false, payload, 0, payload.length);
      peer.fixture.round();
      return peer.takePackets().map(({ type }) => type);
    };
    peer.send({ type: row.type, sequence: 9, payload: pattern(4) });
    peer.send({ type: PacketType.HEARTBEAT_REQUEST, payload: new Uint8Array(0) });
    assertEquals(answer(PacketType.CHAT_MESSAGE, 8), [], row.name);
    assertEquals(answer(row.type, 8), [], `${row.name} before it`);
    assertEquals(answer(row.type, 9), [PacketType.HEARTBEAT_RESPONSE], row.name);
    if (state !== "W" || refusal === null) continue;
    // Too large: refused by this thread, but through logic. The next of its kind waits for this one's refusal.
    peer.send({ type: row.type, sequence: 10, payload: pattern(payloadBytesMax + 1) });
    peer.send({ type: row.type, sequence: 11, payload: pattern(4) });
    peer.send({ type: PacketType.HEARTBEAT_REQUEST, payload: new Uint8Array(0) });
    for (const expected of [[], [PacketType.HEARTBEAT_RESPONSE]]) {
      peer.connection.reader.onAnswer(refusal.type, false, new Uint8Array(0), 0, 0);
      peer.fixture.round();
      assertEquals(peer.takePackets().map(({ type }) => type), expected, row.name);
    }
  }
});

Deno.test("Connection.onFrame() does not check a size of 0", () => {
  const peer = openFixture().connectIn("A");
  peer.send({ type: PacketType.CHAT_MESSAGE, payload: pattern(20), size: 0 });
  assertEquals(peer.fixture.takeRecordsButOpen().map(({ payload }) => payload), [pattern(20)]);
});

Deno.test("Connection.onFrame() closes on a decompression bomb as MALFORMED_FRAME", () => {
  for (const row of FROM_CLIENT) {
    const peer = openFixture().connectIn(row.states[0], portFor(row));
    const bomb = new Uint8Array(deflateRawSync(new Uint8Array(DECOMPRESSED_BYTES_MAX + 1)));
    peer.arrive(packetFrame({ type: row.type, payload: bomb, isCompressed: true }));
    peer.fixture.round();
    assert(peer.connection.closing, row.name);
    const notice = peer.takePackets().at(-1)!;
    assertEquals([notice.type, notice.payload[1]], [PacketType.DISCONNECT_NOTICE, 1], row.name);
  }
});
