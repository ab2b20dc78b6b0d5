/**
 * An io worker without a kernel and without logic: sockets, clock and the other ends of both rings are the test's.
 *
 * @module
 */

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { App } from "../../gateway/app.ts";
import { loadConfig, type ServerConfig } from "../../server/config/config.ts";
import { AddressGate } from "../../server/io/address_gate.ts";
import { createAddressTableBuffer } from "../../server/io/address_table.ts";
import { AdmissionCounts, createAdmissionBuffer } from "../../server/io/admission.ts";
import type { Socket, SocketHandler } from "../../server/io/backend.ts";
import { Connection } from "../../server/io/connection.ts";
import { PORTS } from "../../server/io/doorkeeper.ts";
import { IoWorker } from "../../server/io/io_worker.ts";
import type { Clock } from "../../server/base/clock.ts";
import { CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { LimitedLogger } from "../../server/ops/rate_limited_log.ts";
import { createRingBuffer, RingConsumer, RingProducer } from "../../server/ring/byte_ring.ts";
import { createDoorbellBuffer, Doorbell } from "../../server/ring/doorbell.ts";
import {
  type OpenInfo,
  RECORD_ACK,
  RECORD_HEADER_BYTES,
  RECORD_OPEN,
  RECORD_SEND,
  tryPushRecord,
} from "../../server/ring/records.ts";
import { readRecord, STATE_SHIFT } from "../support/records.ts";
import { PacketSchema } from "../../shared/gen/packet_pb.ts";
import { contract } from "../../games/marsh/contract.ts";
import { type PacketTable, STATE_AUTHENTICATED, STATE_CONNECTED, STATE_IN_WORLD } from "../../shared/packet_table.ts";
import { clientFrame, concatenate, readServerFrames, type ServerFrame, utf8 } from "../gateway/frames.ts";
import type { PortName, StateLetter } from "../shared/contract.ts";
import { frameOf } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RecordingLogger } from "../support/recording_logger.ts";

const EMPTY = new Uint8Array(0);

/** The states of the packet table by the contract's letters. */
export const STATES: Readonly<Record<StateLetter, number>> = {
  C: STATE_CONNECTED,
  A: STATE_AUTHENTICATED,
  W: STATE_IN_WORLD,
};

/** A clock that stands still until it is moved, or moves with each look at it. */
export class ManualClock implements Clock {
  /** Time between two looks, in milliseconds. */
  stepMs = 0;
  #nowMs = 50_000;

  monotonicMs(): number {
    this.#nowMs += this.stepMs;
    return this.#nowMs;
  }

  unixMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  advance(byMs: number): void {
    this.#nowMs += byMs;
  }
}

/** Where peers come from unless it matters: they are trusted. */
const PEER_ADDRESS = "192.0.2.7";

/** A socket whose kernel is the test. */
export class FakeSocket implements Socket {
  readonly localAddress = "198.51.100.1";
  /** The kernel takes writes at once; otherwise they stay in flight until {@linkcode FakeSocket.take}. */
  takesAtOnce = true;
  isReading = true;
  isWritingEnded = false;
  /** How it was closed by its owner. */
  closed: "no" | "close" | "abort" = "no";
  writeCount = 0;
  #taken: Uint8Array[] = [];
  #inFlight: { readonly bytes: Uint8Array; readonly start: number; readonly end: number } | null = null;

  constructor(readonly remoteAddress = PEER_ADDRESS) {}

  /** Bytes in flight. */
  get inFlightBytes(): number {
    return this.#inFlight === null ? 0 : this.#inFlight.end - this.#inFlight.start;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    assert(this.#inFlight === null, "Two writes are in flight");
    assert(this.closed === "no", "A closed socket is written to");
    assert(!this.isWritingEnded, "A socket is written to after its end");
    assert(end > start && end <= bytes.length, "A write has no bytes");
    this.writeCount++;
    if (this.takesAtOnce) {
      this.#taken.push(bytes.slice(start, end));
      return true;
    }
    this.#inFlight = { bytes, start, end };
    return false;
  }

  /** The kernel takes what is in flight; the bytes must not have changed in between, or the peer gets the change. */
  take(): void {
    assert(this.#inFlight !== null, "Nothing is in flight");
    const { bytes, start, end } = this.#inFlight;
    this.#taken.push(bytes.slice(start, end));
    this.#inFlight = null;
  }

  /** What the kernel took since this was asked last. */
  takeSent(): Uint8Array<ArrayBuffer> {
    const sent = concatenate(...this.#taken);
    this.#taken = [];
    return sent;
  }

  pauseReading(): void {
    this.isReading = false;
  }

  resumeReading(): void {
    this.isReading = true;
  }

  endWriting(): void {
    this.isWritingEnded = true;
  }

  close(): void {
    this.closed = "close";
  }

  abort(): void {
    this.closed = "abort";
  }
}

/** A packet as the peer got it. */
export interface ReceivedPacket {
  readonly type: number;
  readonly size: number;
  readonly sequence: bigint;
  readonly ack: bigint;
  readonly timestamp: bigint;
  readonly isCompressed: boolean;
  readonly payload: Uint8Array;
}

/** The envelope of a packet to send; what is left out is 0, the size is right. */
export interface PacketInit {
  readonly type: number;
  readonly size?: number;
  readonly sequence?: number;
  readonly ack?: number;
  readonly requestKey?: number;
  readonly isCompressed?: boolean;
  readonly payload?: Uint8Array;
}

/** The frame of one packet, by the generated codec. */
export function packetFrame(packet: PacketInit): Uint8Array<ArrayBuffer> {
  const payload = packet.payload ?? EMPTY;
  const header = {
    type: packet.type,
    size: packet.size ?? payload.length,
    sequence: BigInt(packet.sequence ?? 0),
    ack: BigInt(packet.ack ?? 0),
    requestKey: BigInt(packet.requestKey ?? 0),
    isCompressed: packet.isCompressed ?? false,
  };
  return frameOf(toBinary(PacketSchema, create(PacketSchema, { header, payload })));
}

/** A message's bytes. */
export function encode<Desc extends DescMessage>(schema: Desc, fields: MessageInitShape<Desc>): Uint8Array {
  return toBinary(schema, create(schema, fields));
}

/** The message that a packet carries; it must be of the type's own schema. */
export function messageOf<Desc extends DescMessage>(
  schema: Desc,
  packet: { type: number; payload: Uint8Array },
): MessageShape<Desc> {
  assertEquals(contract.schemaOf(packet.type)?.typeName, schema.typeName);
  return fromBinary(schema, packet.payload);
}

/** Reads a whole stream of frames by the generated codec. */
export function readPackets(stream: Uint8Array): ReceivedPacket[] {
  const packets: ReceivedPacket[] = [];
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  for (let at = 0; at < stream.length;) {
    const length = view.getUint32(at, true);
    assert(at + 4 + length <= stream.length, "A frame is cut off");
    const { header, payload } = fromBinary(PacketSchema, stream.subarray(at + 4, at + 4 + length));
    assert(header !== undefined, "A packet has no header");
    const { type, size, sequence, ack, timestamp, isCompressed } = header;
    packets.push({ type, size, sequence, ack, timestamp, isCompressed, payload: payload.slice() });
    at += 4 + length;
  }
  return packets;
}

/** A peer: its socket as the kernel sees it, and the connection behind it. */
export class Peer {
  /** The WebSocket frames that were no packets: pongs, close. */
  readonly controlFrames: ServerFrame[] = [];
  isWebSocket = false;

  constructor(
    readonly fixture: IoFixture,
    readonly socket: FakeSocket,
    readonly handler: SocketHandler,
  ) {}

  /** The io worker's end. */
  get connection(): Connection {
    assert(this.handler instanceof Connection);
    return this.handler;
  }

  /** Bytes arrive; they are overwritten afterwards, as a receive buffer is. */
  arrive(bytes: Uint8Array): void {
    const buffer = new Uint8Array(bytes.length + 7).fill(0xee);
    buffer.set(bytes, 3);
    this.handler.onBytes(buffer, 3, 3 + bytes.length);
    buffer.fill(0xdd);
  }

  /** Packets arrive in one piece, on a WebSocket in one message, and the round ends. */
  send(...packets: PacketInit[]): void {
    const stream = concatenate(...packets.map(packetFrame));
    this.arrive(this.isWebSocket ? clientFrame({ opcode: 2, payload: stream }) : stream);
    this.fixture.round();
  }

  /** The kernel takes what is in flight, and says so. */
  drain(): void {
    this.socket.take();
    this.handler.onWritten();
  }

  /** What the peer got since this was asked last. */
  takePackets(): ReceivedPacket[] {
    const bytes = this.socket.takeSent();
    if (!this.isWebSocket) return readPackets(bytes);
    const packets: ReceivedPacket[] = [];
    for (const frame of readServerFrames(bytes)) {
      if (frame.opcode === 2) packets.push(...readPackets(frame.payload));
      else this.controlFrames.push(frame);
    }
    return packets;
  }

  /** The only packet the peer got. */
  takePacket(): ReceivedPacket {
    const packets = this.takePackets();
    assertEquals(packets.length, 1, `Got packets ${packets.map(({ type }) => type)}`);
    return packets[0];
  }
}

/** A record that logic got. */
export interface LogicRecord {
  readonly kind: number;
  readonly slot: number;
  readonly generation: number;
  readonly type: number;
  readonly sequence: number;
  readonly ack: number;
  readonly payload: Uint8Array;
}

/** How a fixture differs from a server with its defaults. */
export interface FixtureOptions {
  readonly config?: Partial<ServerConfig>;
  /** Those of the marsh unless told. */
  readonly packets?: PacketTable;
  readonly ringBytes?: number;
  /** What answers HTTP; a page of four letters unless told. */
  readonly app?: App;
  /** The table of addresses, where it is shared or looked at. */
  readonly addresses?: SharedArrayBuffer;
  /** Shared with other fixtures: the counts of all io workers. */
  readonly admitted?: { readonly buffer: SharedArrayBuffer; readonly worker: number };
}

/** An io worker and everything around it. */
export class IoFixture {
  readonly clock = new ManualClock();
  readonly counters = new CounterBlock(createCounterBlock());
  readonly worker: IoWorker;
  readonly fromLogic: RingProducer;
  readonly toLogic: RingConsumer;
  readonly doorbell = new Doorbell(createDoorbellBuffer());
  readonly log = new RecordingLogger();
  /** How often logic was woken. */
  wakeCount = 0;
  /** How often the backend was asked for a round. */
  roundsAsked = 0;

  constructor(options: FixtureOptions = {}) {
    const toLogic = createRingBuffer(options.ringBytes ?? 2 * 1_048_576);
    const fromLogic = createRingBuffer(4 * 1_048_576);
    this.toLogic = new RingConsumer(toLogic);
    this.fromLogic = new RingProducer(fromLogic);
    const admitted = options.admitted ?? { buffer: createAdmissionBuffer(1), worker: 0 };
    const config = {
      ...loadConfig({ args: ["--trusted-addresses", PEER_ADDRESS], env: {}, platform: { os: "linux", cores: 1 } }),
      ...options.config,
    };
    this.worker = new IoWorker({
      packets: options.packets ?? contract.packets,
      config,
      clock: this.clock,
      counters: this.counters,
      toLogic: new RingProducer(toLogic),
      fromLogic: new RingConsumer(fromLogic),
      logicWaker: { ring: () => this.wakeCount++ },
      doorbell: this.doorbell,
      admitted: new AdmissionCounts(admitted.buffer, admitted.worker),
      addresses: new AddressGate(config, options.addresses ?? createAddressTableBuffer(1), 0, this.clock),
      log: new LimitedLogger(this.log, () => this.clock.monotonicMs()),
      app: options.app ?? { asset: () => undefined, fetch: () => new Response("page\n") },
      gatewayOrigin: "http://gateway",
      tap: null,
      requestRound: () => this.roundsAsked++,
      requestRoundIn: () => this.roundsAsked++,
    });
  }

  /** Ends a round of the loop. */
  round(): void {
    this.worker.onRound();
  }

  /** Time passes, and the sweep that follows it. */
  pass(ms: number): void {
    this.clock.advance(ms);
    this.round();
    this.worker.sweep();
    this.round();
  }

  /** A new connection, or null when it is turned away. */
  tryConnect(port: PortName, socket = new FakeSocket()): Peer | null {
    const portIndex = PORTS.findIndex(({ name }) => name === port);
    const handler = this.worker.accept(portIndex, socket, "tcp");
    return handler === null ? null : new Peer(this, socket, handler);
  }

  /** A new connection of frames: on the gateway's port a WebSocket. */
  connect(port: PortName = "game", socket = new FakeSocket()): Peer {
    const peer = this.tryConnect(port, socket);
    assert(peer !== null, "The connection was turned away");
    if (port === "gateway") upgrade(peer);
    return peer;
  }

  /** A connection that logic has put into a state. */
  connectIn(state: StateLetter, port: PortName = "game"): Peer {
    const peer = this.connect(port);
    if (state !== "C") this.setState(peer, state);
    return peer;
  }

  /** Logic puts a connection into another state. */
  setState(peer: Peer, state: StateLetter): void {
    const { slot, generation } = peer.connection;
    this.push(RECORD_ACK | (STATES[state] << STATE_SHIFT), slot, generation, {});
    this.round();
    assertEquals(peer.connection.state, STATES[state]);
  }

  /** Logic sends a packet, which goes out at the end of the round. */
  sendFromLogic(peer: Peer, type: number, payload: Uint8Array, fields: { sequence?: number; ack?: number } = {}): void {
    const { slot, generation } = peer.connection;
    this.push(RECORD_SEND, slot, generation, { type, payload, ...fields });
  }

  /** Logic writes a record, as it lies in the ring. */
  push(
    kind: number,
    slot: number,
    generation: number,
    fields: { type?: number; sequence?: number; ack?: number; payload?: Uint8Array },
  ): void {
    const { type = 0, sequence = 0, ack = 0, payload = EMPTY } = fields;
    const ring = this.fromLogic;
    assert(tryPushRecord(ring, kind, slot, generation, type, sequence, ack, payload, 0, payload.length) >= 0);
    ring.publish();
  }

  /** What logic got since this was asked last. */
  takeRecords(): LogicRecord[] {
    const records: LogicRecord[] = [];
    for (let at = this.toLogic.next(); at >= 0; at = this.toLogic.next()) {
      const { payloadBytes, ...fields } = readRecord(this.toLogic, at);
      const start = at + RECORD_HEADER_BYTES;
      records.push({ ...fields, payload: this.toLogic.bytes.slice(start, start + payloadBytes) });
    }
    this.toLogic.release();
    return records;
  }

  /** The same without the announcements of connections. */
  takeRecordsButOpen(): LogicRecord[] {
    return this.takeRecords().filter(({ kind }) => kind !== RECORD_OPEN);
  }
}

/** What a RECORD_OPEN says. */
export function openInfoOf(record: LogicRecord): OpenInfo {
  return JSON.parse(new TextDecoder().decode(record.payload));
}

/** Makes a WebSocket of a gateway connection. */
export function upgrade(peer: Peer, path = "/ws", fields = ""): void {
  peer.arrive(utf8(
    `GET ${path} HTTP/1.1\r\nHost: gateway\r\n${fields}Upgrade: websocket\r\nConnection: Upgrade\r\n` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  ));
  peer.fixture.round();
  const head = new TextDecoder("latin1").decode(peer.socket.takeSent());
  assert(head.startsWith("HTTP/1.1 101 "), head);
  assert(head.endsWith("\r\n\r\n"), head);
  peer.isWebSocket = true;
}
