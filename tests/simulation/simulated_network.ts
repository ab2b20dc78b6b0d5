/**
 * A network in memory: byte streams that are cut into arbitrary pieces, delayed, held up, lost and reset, all by chance
 * from a seed. Each stream keeps its order; between streams there is none.
 *
 * @module
 */

import type { Socket } from "../../server/io/backend.ts";
import type { Transport, TransportHandler } from "../../client/transport.ts";
import type { Prng } from "../../server/world/prng.ts";
import { concatenate } from "../gateway/frames.ts";
import { assert } from "../support/assert.ts";
import type { SimulatedTime } from "./simulated_time.ts";
import type { Trace } from "./trace.ts";

/** How a connection is broken: both ends learn, both see an ordinary end, nobody learns, or one direction is dead. */
export type Break = "reset" | "end" | "silence" | "deaf" | "mute";

/** How slow the network is, in milliseconds. */
export interface Weather {
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Bytes that a stream holds before its sender must wait. */
  readonly windowBytes: number;
}

/** What takes new connections: the ports of the server. */
export interface Listeners {
  /** Takes a socket on the port with this index; false: nobody listens. */
  tryAccept(portIndex: number, socket: ServerSocket): boolean;
}

/** Who takes the bytes of one direction. */
interface Receiver {
  onPiece(piece: Uint8Array): void;
  onEnd(): void;
}

/** One direction of a connection. */
class Stream {
  /** Bytes that were sent and not taken. */
  heldBytes = 0;
  #isCut = false;
  #lastMs = 0;
  readonly #network: SimulatedNetwork;
  readonly #receiver: Receiver;

  constructor(network: SimulatedNetwork, receiver: Receiver) {
    this.#network = network;
    this.#receiver = receiver;
  }

  get roomBytes(): number {
    return Math.max(0, this.#network.weather.windowBytes - this.heldBytes);
  }

  /** Sends a copy of the bytes, in pieces of any size. */
  send(bytes: Uint8Array): void {
    this.heldBytes += bytes.length;
    const { prng } = this.#network;
    for (let start = 0; start < bytes.length;) {
      // Most travel whole, some fall to crumbs.
      const left = bytes.length - start;
      const pieceBytes = prng.nextInt(4) > 0
        ? left
        : 1 + prng.nextInt(prng.nextInt(3) === 0 ? Math.min(left, 6) : left);
      const piece = bytes.slice(start, start + pieceBytes);
      this.#arrive(() => this.#receiver.onPiece(piece));
      start += pieceBytes;
    }
  }

  end(): void {
    this.#arrive(() => this.#receiver.onEnd());
  }

  /** Nothing arrives any more, what is on its way included. */
  cut(): void {
    this.#isCut = true;
  }

  /** Nothing arrives for a while. */
  hold(ms: number): void {
    this.#lastMs = Math.max(this.#lastMs, this.#network.time.monotonicMs() + ms);
  }

  #arrive(run: () => void): void {
    const { time } = this.#network;
    const nowMs = time.monotonicMs();
    this.#lastMs = Math.max(this.#lastMs, nowMs + this.#network.delayMs());
    time.at(this.#lastMs - nowMs, () => {
      if (!this.#isCut) run();
    });
  }
}

/** A connection, as the network sees it. */
export class SimulatedConnection {
  readonly client: ClientSocket;
  readonly server: ServerSocket;
  readonly toServer: Stream;
  readonly toClient: Stream;
  isBroken = false;
  /** One direction is dead. */
  isHalfDead = false;

  constructor(readonly network: SimulatedNetwork, readonly id: number, readonly address: string) {
    this.client = new ClientSocket(this);
    this.server = new ServerSocket(this, address);
    this.toServer = new Stream(network, this.server);
    this.toClient = new Stream(network, this.client);
  }

  get isOpen(): boolean {
    return !this.isBroken && !(this.client.isClosed && this.server.isClosed);
  }

  /** Breaks it. */
  break(how: Break): void {
    if (!this.isOpen) return;
    const { network } = this;
    network.note(`break ${how}`, this.id);
    if (how === "deaf" || how === "mute") {
      this.isHalfDead = true;
      return (how === "deaf" ? this.toClient : this.toServer).cut();
    }
    if (how === "end") {
      this.toServer.end();
      this.toClient.end();
      return;
    }
    this.isBroken = true;
    this.toServer.cut();
    this.toClient.cut();
    if (how === "silence") return;
    network.time.at(network.delayMs(), () => this.client.onReset());
    network.time.at(network.delayMs(), () => this.server.onReset());
  }
}

/** The client's end. */
export class ClientSocket implements Transport, Receiver {
  isClosed = false;
  readonly #connection: SimulatedConnection;
  #handler: TransportHandler | null = null;
  /** What came before there was a handler. */
  #early: Uint8Array[] = [];
  #endReason: string | null = null;

  constructor(connection: SimulatedConnection) {
    this.#connection = connection;
  }

  get id(): number {
    return this.#connection.id;
  }

  get bufferedBytes(): number {
    const { toServer, network } = this.#connection;
    return Math.max(0, toServer.heldBytes - network.weather.windowBytes);
  }

  start(handler: TransportHandler): void {
    queueMicrotask(() => {
      this.#handler = handler;
      for (const bytes of this.#early) handler.onBytes(bytes);
      this.#early = [];
      if (this.#endReason !== null) handler.onClose(this.#endReason);
    });
  }

  send(bytes: Uint8Array): void {
    if (!this.isClosed) this.#connection.toServer.send(bytes);
  }

  close(): void {
    if (this.isClosed) return;
    this.#connection.toServer.end();
    this.#close("Connection closed by the client");
  }

  onPiece(piece: Uint8Array): void {
    const { toClient, network, server, id } = this.#connection;
    toClient.heldBytes -= piece.length;
    server.onRoom();
    if (this.isClosed) return;
    network.trace.step("down", network.time.monotonicMs(), id, piece);
    if (this.#handler === null) return void this.#early.push(piece);
    this.#handler.onBytes(piece);
    // The handler may not keep it.
    piece.fill(0xdd);
  }

  onEnd(): void {
    if (!this.isClosed) this.close();
  }

  onReset(): void {
    this.#close("Connection reset");
  }

  #close(reason: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#endReason = reason;
    this.#handler?.onClose(reason);
  }
}

/** What the kernel has for the owner of a {@linkcode ServerSocket}. */
export interface Readiness {
  /** Pieces to read. */
  readonly pieces: Uint8Array[];
  isEnded: boolean;
  isBroken: boolean;
  /** The write that was left in flight is done. */
  isWritten: boolean;
}

/** The server's end: a socket whose kernel is the simulation. */
export class ServerSocket implements Socket, Receiver {
  readonly localAddress = "198.51.100.1";
  readonly ready: Readiness = { pieces: [], isEnded: false, isBroken: false, isWritten: false };
  isReading = true;
  isClosed = false;
  /** Called when there is something in {@linkcode ready}. */
  onReady: () => void = () => {};
  readonly #connection: SimulatedConnection;
  #isWritingEnded = false;
  #inFlight: { readonly bytes: Uint8Array; start: number; readonly end: number } | null = null;

  constructor(connection: SimulatedConnection, readonly remoteAddress: string) {
    this.#connection = connection;
  }

  get id(): number {
    return this.#connection.id;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    assert(!this.isClosed, "A closed socket is written to");
    assert(this.#inFlight === null, "Two writes are in flight");
    assert(!this.#isWritingEnded, "A socket is written to after its end");
    assert(end > start && end <= bytes.length, "A write has no bytes");
    const { toClient } = this.#connection;
    if (toClient.roomBytes >= end - start) {
      toClient.send(bytes.subarray(start, end));
      return true;
    }
    this.#inFlight = { bytes, start, end };
    this.#pump();
    return false;
  }

  /** The peer has taken something. */
  onRoom(): void {
    if (this.#inFlight !== null && !this.isClosed) this.#pump();
  }

  pauseReading(): void {
    this.isReading = false;
  }

  resumeReading(): void {
    if (this.isReading) return;
    this.isReading = true;
    this.onReady();
  }

  endWriting(): void {
    this.#isWritingEnded = true;
    this.#connection.toClient.end();
  }

  close(): void {
    if (!this.isClosed && !this.#isWritingEnded) this.#connection.toClient.end();
    this.isClosed = true;
  }

  abort(): void {
    this.isClosed = true;
    const { network, toClient, client } = this.#connection;
    if (this.#connection.isBroken) return;
    toClient.cut();
    network.time.at(network.delayMs(), () => client.onReset());
  }

  onPiece(piece: Uint8Array): void {
    if (this.isClosed) return;
    const { network } = this.#connection;
    network.trace.step("up", network.time.monotonicMs(), this.id, piece);
    this.ready.pieces.push(piece);
    this.onReady();
  }

  onEnd(): void {
    if (this.isClosed) return;
    this.ready.isEnded = true;
    this.onReady();
  }

  onReset(): void {
    if (this.isClosed) return;
    this.ready.isBroken = true;
    this.onReady();
  }

  /** Takes bytes out of the kernel: one piece, a part of one, or several. */
  read(): Uint8Array {
    const { pieces } = this.ready;
    const { prng } = this.#connection.network;
    const count = prng.nextInt(2) === 0 ? 1 : Math.min(pieces.length, 4);
    const bytes = concatenate(...pieces.splice(0, count));
    this.#connection.toServer.heldBytes -= bytes.length;
    return bytes;
  }

  /** Hands to the network what it has room for, as late as a kernel would: the owner must not have changed it. */
  #pump(): void {
    const inFlight = this.#inFlight!;
    const { toClient } = this.#connection;
    const bytes = Math.min(toClient.roomBytes, inFlight.end - inFlight.start);
    if (bytes > 0) toClient.send(inFlight.bytes.subarray(inFlight.start, inFlight.start + bytes));
    inFlight.start += bytes;
    if (inFlight.start < inFlight.end) return;
    this.#inFlight = null;
    this.ready.isWritten = true;
    this.onReady();
  }
}

/** All connections of one simulation. */
export class SimulatedNetwork {
  /** Addresses whose network is down: they cannot connect. */
  readonly unreachable = new Set<string>();
  weather: Weather = { latencyMs: 2, jitterMs: 3, windowBytes: 65_536 };
  #connections: SimulatedConnection[] = [];
  #lastId = 0;

  constructor(
    readonly time: SimulatedTime,
    readonly prng: Prng,
    readonly trace: Trace,
    readonly listeners: Listeners,
  ) {}

  /** Connections that are not closed at both ends, broken ones left out. */
  get open(): readonly SimulatedConnection[] {
    this.#connections = this.#connections.filter(({ isOpen }) => isOpen);
    return this.#connections;
  }

  /** How long the next piece takes, in milliseconds. */
  delayMs(): number {
    const { latencyMs, jitterMs } = this.weather;
    return latencyMs + this.prng.nextFloat() * jitterMs;
  }

  note(what: string, who: number): void {
    this.trace.step(what, this.time.monotonicMs(), who);
  }

  /**
   * Connects to a port.
   *
   * @throws {Error} when nobody listens, or the caller does not wait any longer.
   */
  async connect(portIndex: number, address: string, signal?: AbortSignal): Promise<ClientSocket> {
    await this.time.sleep(this.delayMs());
    signal?.throwIfAborted();
    if (this.unreachable.has(address)) throw new Error("Connection refused");
    const connection = new SimulatedConnection(this, ++this.#lastId, address);
    if (!this.listeners.tryAccept(portIndex, connection.server)) throw new Error("Connection refused");
    this.#connections.push(connection);
    this.note(`connect ${portIndex}`, connection.id);
    await this.time.sleep(this.delayMs());
    if (signal?.aborted) {
      connection.client.close();
      signal.throwIfAborted();
    }
    return connection.client;
  }
}
