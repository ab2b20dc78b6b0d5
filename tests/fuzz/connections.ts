/**
 * Frames, right and wrong, through real connections: decoder, packet table, inflater, ring, WebSocket and all, without
 * a kernel.
 *
 * @module
 */

import { deflateRawSync } from "node:zlib";
import {
  RECORD_CONGESTED,
  RECORD_HEADER_BYTES,
  RECORD_OPEN,
  RECORD_PACKET,
  RECORD_REQUEST_KEY,
} from "../../server/ring/records.ts";
import { assert as hold } from "../../shared/errors.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { DECOMPRESSED_BYTES_MAX } from "../../shared/limits.ts";
import { writeFrame } from "../../shared/packet_codec.ts";
import { type PacketRow } from "../../shared/packet_table.ts";
import { IoFixture, type Peer } from "../io/io_fixture.ts";
import type { CheapChance } from "./chance.ts";
import { type Carried, CLIENT_ROWS, payloadPool } from "./messages.ts";

/** What became of the frames. */
export interface ConnectionFuzzReport {
  frameCount: number;
  /** Packets that logic was handed. */
  forwardedCount: number;
  /** Connections that were closed for what they sent. */
  closedCount: number;
}

/** Frames that arrive on one connection at once, at most. */
const BATCH_FRAMES_MAX = 16;
const PEERS = 12;
const PAYLOADS_PER_TYPE = 24;
const STREAM_BYTES = 400_000;
const PORTS = ["login", "game", "gateway"] as const;
const STATES = ["C", "A", "W"] as const;

/** Runs frames through connections; throws what no frame may cause. */
export function fuzzConnections(chance: CheapChance, frameCount: number): ConnectionFuzzReport {
  return new ConnectionFuzz(chance).run(frameCount);
}

class ConnectionFuzz {
  readonly #chance: CheapChance;
  /** With flood control, and without: behind it lies what few get to. */
  readonly #fixtures = [true, false].map((floodControl) =>
    new IoFixture({ config: { diagnostics: true, floodControl } })
  );
  readonly #peers: Peer[] = [];
  readonly #pools: ReadonlyMap<number, Carried[]>;
  readonly #bomb = new Uint8Array(deflateRawSync(new Uint8Array(DECOMPRESSED_BYTES_MAX + 1)));
  readonly #stream = new Uint8Array(STREAM_BYTES);
  readonly #report: ConnectionFuzzReport = { frameCount: 0, forwardedCount: 0, closedCount: 0 };

  constructor(chance: CheapChance) {
    this.#chance = chance;
    this.#pools = new Map(CLIENT_ROWS.map((row) => [row.type, payloadPool(chance, row, PAYLOADS_PER_TYPE)]));
    for (let index = 0; index < PEERS; index++) this.#peers.push(this.#open(index));
  }

  run(frameCount: number): ConnectionFuzzReport {
    const stackTraceLimit = Error.stackTraceLimit;
    // A stack for each of so many errors would be most of the work.
    Error.stackTraceLimit = 0;
    try {
      while (this.#report.frameCount < frameCount) this.#step();
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
    for (const peer of this.#peers) this.#end(peer);
    for (const { worker } of this.#fixtures) hold(worker.connectionCount === 0, "A connection is left");
    return this.#report;
  }

  #open(index: number): Peer {
    const peer = this.#fixtures[index & 1].connectIn(this.#chance.pick(STATES), this.#chance.pick(PORTS));
    return peer;
  }

  #step(): void {
    const chance = this.#chance;
    const index = chance.below(PEERS);
    const peer = this.#peers[index];
    const { state, port } = peer.connection;
    const end = this.#writeBatch(
      CLIENT_ROWS.filter(({ states, ports }) => (states & state) !== 0 && (ports & port.bit) !== 0),
    );
    const cut = chance.oneIn(4) ? chance.below(Math.min(end, 65_535)) : end;
    this.#arrive(peer, 0, cut);
    this.#arrive(peer, cut, end);
    peer.fixture.round();
    this.#drain(peer.fixture);
    // Logic answers what changes the state, so that what waits behind it goes on.
    peer.connection.reader.onAnswer(PacketType.ERROR_RESPONSE, true, new Uint8Array(0), 0, 0);
    peer.fixture.round();
    this.#drain(peer.fixture);
    peer.socket.takeSent();
    if (chance.oneIn(8)) peer.fixture.clock.advance(chance.below(300));
    if (!peer.connection.closing && !chance.oneIn(200)) return;
    if (peer.connection.closing) this.#report.closedCount++;
    this.#end(peer);
    this.#peers[index] = this.#open(index);
  }

  #end(peer: Peer): void {
    if (this.#chance.oneIn(2)) peer.handler.onEnd();
    else peer.handler.onBroken(false);
    peer.fixture.round();
    if (!peer.connection.gone) peer.connection.closeSocket();
    this.#drain(peer.fixture);
  }

  #arrive(peer: Peer, start: number, end: number): void {
    if (start === end) return;
    if (!peer.isWebSocket) return peer.handler.onBytes(this.#stream.slice(start, end), 0, end - start);
    const frame = webSocketFrame(this.#chance, this.#stream.subarray(start, end));
    peer.handler.onBytes(frame, 0, frame.length);
  }

  /** @param welcome Types that the peer may send now. */
  #writeBatch(welcome: readonly PacketRow[]): number {
    let end = 0;
    for (let count = 1 + this.#chance.below(BATCH_FRAMES_MAX); count > 0; count--) {
      end = this.#writeOne(end, this.#chance.oneIn(16) ? CLIENT_ROWS : welcome);
      this.#report.frameCount++;
    }
    return end;
  }

  #writeOne(start: number, rows: readonly PacketRow[]): number {
    const chance = this.#chance;
    const kind = chance.below(64);
    const stream = this.#stream;
    const type = kind === 0 ? chance.below(9_000) : chance.pick(rows).type;
    const pool = this.#pools.get(type);
    let { payload, isCompressed } = pool === undefined ? NOTHING : chance.pick(pool);
    if (kind === 1) payload = chance.bytes(chance.below(600));
    if (kind === 2) isCompressed = !isCompressed;
    if (kind === 3 && chance.oneIn(20)) [payload, isCompressed] = [this.#bomb, true];
    const sequence = chance.oneIn(3) ? chance.below(65_536) * 2 ** chance.below(37) : 0;
    const ack = chance.oneIn(3) ? chance.below(65_536) : 0;
    let end = writeFrame(
      stream,
      start,
      type,
      sequence,
      1_700_000_000_000,
      isCompressed,
      ack,
      payload,
      0,
      payload.length,
    );
    if (kind >= 4 && kind < 10) end = this.#bendFrame(start, end);
    return end;
  }

  /** Bends a frame; where its body's length changes, what it announces does too, most of the time. */
  #bendFrame(start: number, end: number): number {
    const chance = this.#chance;
    const stream = this.#stream;
    const bodyBytes = end - start - 4;
    if (chance.oneIn(3)) {
      const cut = chance.below(Math.min(bodyBytes, 64));
      if (!chance.oneIn(8)) setLength(stream, start, bodyBytes - cut);
      return end - cut;
    }
    for (let count = chance.below(3); count >= 0; count--) {
      const at = chance.oneIn(40) ? start + chance.below(4) : start + 4 + chance.below(Math.min(28, bodyBytes));
      if (chance.oneIn(2)) stream[at] ^= 1 << chance.below(8);
      else stream[at] = chance.below(256);
    }
    return end;
  }

  /** Takes what logic would get, and holds it to what logic may rely on. */
  #drain({ toLogic }: IoFixture): void {
    for (let at = toLogic.next(); at >= 0; at = toLogic.next()) {
      const word = at >>> 2;
      const kind = toLogic.words[word + 1];
      const type = toLogic.words[word + 4];
      const payloadBytes = toLogic.words[word + 5];
      const isKnown = kind >= RECORD_OPEN && kind <= RECORD_REFUSED_MAX || kind === RECORD_REQUEST_KEY;
      hold(isKnown, `Logic got a record of kind ${kind}`);
      if (kind !== RECORD_PACKET) continue;
      this.#report.forwardedCount++;
      const row = contract.packets.row(type);
      hold(row !== undefined && row.states !== 0, `Logic got a packet of type ${type}`);
      hold(payloadBytes <= row!.payloadBytesMax, `Logic got ${payloadBytes} bytes of ${row!.name}`);
      hold(at + RECORD_HEADER_BYTES + payloadBytes <= toLogic.bytes.length, "A record is longer than its ring");
      hold(toLogic.doubles[(at >>> 3) + 3] >= 0 && toLogic.doubles[(at >>> 3) + 4] >= 0, "A number is negative");
    }
    toLogic.release();
  }
}

const NOTHING: Carried = { payload: new Uint8Array(0), isCompressed: false };
/** The last kind that an io worker writes. */
const RECORD_REFUSED_MAX = RECORD_CONGESTED + 1;

function setLength(stream: Uint8Array, at: number, length: number): void {
  stream[at] = length;
  stream[at + 1] = length >>> 8;
  stream[at + 2] = length >>> 16;
  stream[at + 3] = 0;
}

/** A frame of a client around bytes, right most of the time. */
function webSocketFrame(chance: CheapChance, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const headBytes = payload.length < 126 ? 6 : payload.length < 65_536 ? 8 : 14;
  const frame = new Uint8Array(headBytes + payload.length);
  frame[0] = 0x82;
  if (headBytes === 6) frame[1] = 0x80 | payload.length;
  else if (headBytes === 8) frame.set([0x80 | 126, payload.length >> 8, payload.length & 255], 1);
  else {frame.set(
      [0x80 | 127, 0, 0, 0, 0, 0, payload.length >> 16, (payload.length >> 8) & 255, payload.length & 255],
      1,
    );}
  const mask = chance.bytes(4);
  frame.set(mask, headBytes - 4);
  for (let at = 0; at < payload.length; at++) frame[headBytes + at] = payload[at] ^ mask[at & 3];
  if (chance.oneIn(24)) frame[chance.below(headBytes)] ^= 1 << chance.below(8);
  return frame;
}
