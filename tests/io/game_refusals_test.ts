/**
 * Every packet of every game in games/ through an io worker, one by one: refused in the wrong state, on the wrong port,
 * too large and too often, and taken where it may be sent. Made from each game's contract.
 *
 * @module
 */

import { deflateRawSync } from "node:zlib";
import { loadGame } from "../../server/process/game_file.ts";
import { RECORD_PACKET, RECORD_REFUSED } from "../../server/ring/records.ts";
import { ErrorResponseSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { FRAME_BYTES_MAX, PACKET_TOKENS_BURST } from "../../shared/limits.ts";
import {
  type PacketRow,
  type PacketTable,
  PORT_GAME,
  PORT_GATEWAY,
  PORT_LOGIN,
  STATE_AUTHENTICATED,
  STATE_CONNECTED,
  STATE_IN_WORLD,
} from "../../shared/packet_table.ts";
import type { PortName, StateLetter } from "../shared/contract.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { GAMES } from "../support/games.ts";
import { IoFixture, messageOf, type Peer } from "./io_fixture.ts";

const STATES = [["C", STATE_CONNECTED], ["A", STATE_AUTHENTICATED], ["W", STATE_IN_WORLD]] as const;
const PORTS = [["login", PORT_LOGIN], ["game", PORT_GAME], ["gateway", PORT_GATEWAY]] as const;

/** What a client is told, at once or, in the world, through logic; `null`: its packet was passed on. */
function takeOutcome(peer: Peer): { readonly type: number; readonly payload: Uint8Array } | null {
  const records = peer.fixture.takeRecordsButOpen(), packets = peer.takePackets();
  assertEquals(records.length + packets.length, 1, "One answer, or one record");
  if (packets.length === 1) return packets[0];
  assert(records[0].kind === RECORD_PACKET || records[0].kind === RECORD_REFUSED);
  return records[0].kind === RECORD_PACKET ? null : records[0];
}

/** Holds that the request was refused with an ERROR_RESPONSE of this code that names it. */
function checkRefused(peer: Peer, type: number, code: ErrorCode): void {
  const outcome = takeOutcome(peer);
  assertEquals(outcome?.type, PacketType.ERROR_RESPONSE);
  const { errorCode, requestType } = messageOf(ErrorResponseSchema, outcome!);
  assertEquals([ErrorCode[errorCode], requestType], [ErrorCode[code], type]);
  assert(!peer.connection.closing);
}

/** A connection of the first state, on the first port, that a packet may be sent in. */
function connectFor(packets: PacketTable, row: PacketRow): Peer {
  const [state] = STATES.find(([, bit]) => (row.states & bit) !== 0)!;
  const [port] = PORTS.find(([, bit]) => (row.ports & bit) !== 0)!;
  return new IoFixture({ packets }).connectIn(state, port);
}

function checkEverywhere(packets: PacketTable, row: PacketRow): void {
  for (const [state, stateBit] of STATES) {
    for (const [port, portBit] of PORTS) {
      const peer = new IoFixture({ packets }).connectIn(state as StateLetter, port as PortName);
      const payload = pattern(Math.min(20, row.payloadBytesMax));
      peer.send({ type: row.type, payload });
      if ((row.ports & portBit) === 0) checkRefused(peer, row.type, ErrorCode.UNSUPPORTED);
      else if ((row.states & stateBit) === 0) {
        checkRefused(peer, row.type, state === "C" ? ErrorCode.NOT_AUTHENTICATED : ErrorCode.INVALID_STATE);
      } else {
        const [record, ...others] = peer.fixture.takeRecordsButOpen();
        assertEquals([record.kind, record.type, record.payload, others.length], [RECORD_PACKET, row.type, payload, 0]);
      }
    }
  }
}

function checkTooLarge(packets: PacketTable, row: PacketRow): void {
  const tooLarge = new Uint8Array(row.payloadBytesMax + 1);
  const deflated = { type: row.type, payload: new Uint8Array(deflateRawSync(tooLarge)), isCompressed: true };
  const plain = { type: row.type, payload: tooLarge };
  // Of the largest, only a compressed one fits a frame.
  for (const request of row.payloadBytesMax < FRAME_BYTES_MAX - 64 ? [plain, deflated] : [deflated]) {
    const peer = connectFor(packets, row);
    peer.send(request);
    const outcome = takeOutcome(peer);
    assertEquals(outcome?.type, row.refusal?.type ?? PacketType.ERROR_RESPONSE, "INVALID_PACKET in its own reply");
    assert(!peer.connection.closing);
  }
  const peer = connectFor(packets, row);
  peer.send({ type: row.type, payload: new Uint8Array(row.payloadBytesMax) });
  assertEquals(takeOutcome(peer), null, "The largest is taken");
}

/** As many pass at once as its rate, or the tokens of a connection, allow; the next one is told that it is too many. */
function checkRate(packets: PacketTable, row: PacketRow): void {
  const peer = connectFor(packets, row);
  const countMax = Math.min(row.rate?.burst ?? Infinity, Math.floor(PACKET_TOKENS_BURST / row.cost));
  for (let count = 0; count < countMax; count++) {
    peer.send({ type: row.type });
    assertEquals(takeOutcome(peer), null, `${row.name} ${count + 1} of ${countMax}`);
    // Whatever follows waits for the answer.
    if (row.changesState) peer.connection.reader.onAnswer(row.replyType, true, new Uint8Array(0), 0, 0);
  }
  peer.send({ type: row.type, sequence: 0 });
  checkRefused(peer, row.type, ErrorCode.RATE_LIMITED);
}

for (const path of GAMES) {
  const { module: { name, contract: { packets } } } = await loadGame(path);
  const rows = [...packets.rows];
  const fromClients = rows.filter(({ states, handledBy }) => states !== 0 && handledBy === "logic");

  Deno.test(`${name}: the contract has packets that clients send`, () => assert(fromClients.length > 10));

  for (const row of fromClients) {
    Deno.test(`${name}: ${row.name} is taken and refused by state, port, size and rate as its proto says`, () => {
      checkEverywhere(packets, row);
      checkTooLarge(packets, row);
      checkRate(packets, row);
    });
  }

  Deno.test(`${name}: a client may send nothing that only the server sends, nor types that nobody has`, () => {
    const serversOwn = rows.filter(({ states }) => states === 0).map(({ type }) => type);
    const unknown = [9_999, 10_000, 10_001, 12_345, 16_383].filter((type) => packets.row(type) === undefined);
    for (const type of [...serversOwn, ...unknown]) {
      const peer = new IoFixture({ packets }).connectIn("A");
      peer.send({ type });
      checkRefused(peer, type, ErrorCode.UNSUPPORTED);
    }
  });
}
