/**
 * One live socket: what it is, its way from accept to the end, and what is sent to it. What it receives is its
 * {@linkcode PacketReader}'s.
 *
 * @module
 */

import { assert } from "../../shared/errors.ts";
import { DeliveryClass, DisconnectReason } from "../../shared/gen/enums.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import {
  ENVELOPE_BYTES_MAX,
  FRAME_BYTES_MAX,
  IDLE_TIMEOUT_MS,
  LINGER_TIMEOUT_MS,
  WORK_HANDSHAKE_US,
  WORK_READ_BYTES_PER_US,
  WORK_TLS_RECORD_US,
} from "../../shared/limits.ts";
import { STATE_CONNECTED, STATE_IN_WORLD } from "../../shared/packet_table.ts";
import { disconnectNotice } from "../base/refusal.ts";
import { connectionSlot, Counter, TRANSPORTS } from "../ops/counters.ts";
import { RECORD_CONGESTED, RECORD_OPEN, tryPushRecord } from "../ring/records.ts";
import type { Socket, SocketHandler } from "./backend.ts";
import type { ConnectionAdapter, ConnectionHost, Place, PortInfo, TransportName } from "./connection_host.ts";
import { LIST_TOUCHED } from "./connection_list.ts";
import { PacketReader } from "./packet_reader.ts";
import { SendQueue } from "./send_queue.ts";

const EMPTY = new Uint8Array(0);
/** Room that the announcement of a connection may take in the ring. */
export const OPEN_RECORD_BYTES_MAX = 512;

/**
 * How far a connection has come: nothing valid was received; a valid packet was; it was told why it ends, or its peer
 * went, and what is queued is being sent; all is sent, and the peer has a moment to end its side; its socket is closed.
 */
export type Phase = "new" | "proven" | "closing" | "ended" | "gone";

/** What may follow each phase. */
export const NEXT_PHASES: Readonly<Record<Phase, readonly Phase[]>> = {
  new: ["proven", "closing"],
  proven: ["closing"],
  closing: ["ended", "gone"],
  ended: ["gone"],
  gone: [],
};

/** One connection; made at accept, or for a WebSocket at its upgrade. */
export class Connection implements SocketHandler {
  readonly slot: number;
  readonly generation: number;
  readonly port: PortInfo;
  readonly queue: SendQueue;
  /** What it receives. */
  readonly reader: PacketReader;
  /** When it was accepted, monotonic milliseconds. */
  readonly acceptedMs: number;
  /** Set while the socket carries something else than bare frames. */
  adapter: ConnectionAdapter | null = null;
  /** One of the packet table's states; {@linkcode setState} keeps the gauges. */
  state = STATE_CONNECTED;
  /** Highest sequence that logic has taken from the client; goes out with every packet. */
  ack = 0;
  /** What it counts as; whoever lets connections in says so. */
  place: Place;
  /** The lists of the io worker that it is in, a bit each: see `ConnectionList`. */
  lists = 0;

  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  #transport: TransportName;
  #phase: Phase = "new";
  /** When anything arrived last, monotonic milliseconds. */
  #lastBytesMs: number;
  /** Until when the peer of one that closes may still read what was sent, monotonic milliseconds. */
  #closingUntilMs = 0;
  /** Since when the send queue is above its soft cap, monotonic milliseconds; -1: it is not. */
  #congestedSinceMs = -1;
  /** What logic knows of that. */
  #congestionTold = false;
  #announced = false;
  #peerEnded = false;
  /** What a proxy said of the peer; otherwise the socket knows. */
  #proxied: { readonly remoteAddress: string; readonly localAddress: string } | null = null;
  #addressEntry = -1;
  #forwards = false;
  #forwardedFrom: string | null = null;

  constructor(
    host: ConnectionHost,
    socket: Socket,
    options: { slot: number; generation: number; port: PortInfo; transport: TransportName; place: Place },
  ) {
    this.#host = host;
    this.#socket = socket;
    this.slot = options.slot;
    this.generation = options.generation;
    this.port = options.port;
    this.place = options.place;
    this.#transport = options.transport;
    this.queue = new SendQueue(host.pool);
    this.reader = new PacketReader(host, this, socket);
    this.acceptedMs = this.#lastBytesMs = host.nowMs;
  }

  /** What carries its bytes. */
  get transport(): TransportName {
    return this.#transport;
  }

  /** The gauge that counts connections of this state and transport. */
  get gaugeSlot(): number {
    const state = this.state === STATE_CONNECTED ? 0 : this.state === STATE_IN_WORLD ? 2 : 1;
    return connectionSlot(state, TRANSPORTS.indexOf(this.#transport));
  }

  // Whose it is

  /** The peer's address, without its port: behind a proxy that says so, the address that connected to the proxy. */
  get remoteAddress(): string {
    return this.#forwardedFrom ?? (this.#proxied ?? this.#socket).remoteAddress;
  }

  /** Its address's place among those that are limited; -1: it is not. */
  get addressEntry(): number {
    return this.#addressEntry;
  }

  /** An HTTP proxy is its peer: each request is somebody else's, who has a name and an address only while it lasts. */
  get forwards(): boolean {
    return this.#forwards;
  }

  /** A proxy said who the peer is. */
  setProxied(addresses: { readonly remoteAddress: string; readonly localAddress: string }): void {
    this.#proxied = addresses;
  }

  /** Its peer is an HTTP proxy, until it becomes a WebSocket. */
  setForwarding(): void {
    this.#forwards = true;
  }

  /**
   * Counts towards an address from now on.
   *
   * @param entry As {@linkcode addressEntry}.
   * @param forwardedFrom Whom the proxy names; `null`: nobody, or there is none.
   */
  countFor(entry: number, forwardedFrom: string | null = null): void {
    this.#addressEntry = entry;
    this.#forwardedFrom = forwardedFrom;
  }

  // How far it has come

  /** Whether a valid packet has arrived. */
  get proven(): boolean {
    return this.#phase === "proven";
  }

  /** Whether it closes or has closed. */
  get closing(): boolean {
    // Nearly all are proven: one comparison.
    return this.#phase !== "proven" && this.#phase !== "new";
  }

  /** Whether its socket is closed. */
  get gone(): boolean {
    return this.#phase === "gone";
  }

  /** Whether the peer has sent all it will send. */
  get peerEnded(): boolean {
    return this.#peerEnded;
  }

  /** Whether the time is over that the peer of one that closes had to read. */
  isOverdue(nowMs: number): boolean {
    return this.closing && nowMs >= this.#closingUntilMs;
  }

  /** For how long nothing has arrived, in milliseconds. */
  silentMs(nowMs: number): number {
    return nowMs - this.#lastBytesMs;
  }

  /** For how long its send queue has been above the soft cap, in milliseconds; 0: it is not. */
  congestedMs(nowMs: number): number {
    return this.#congestedSinceMs < 0 ? 0 : nowMs - this.#congestedSinceMs;
  }

  /** Something valid has arrived. */
  prove(): void {
    if (this.#phase === "new") this.#phase = "proven";
  }

  #enter(phase: Phase): void {
    assert(NEXT_PHASES[this.#phase].includes(phase), `A connection that is ${this.#phase} cannot be ${phase}`);
    this.#phase = phase;
  }

  // SocketHandler

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    const { counters } = this.#host;
    counters.add(Counter.ITEMS, 1);
    this.reader.charge(this.#host.readUs + (end - start) / WORK_READ_BYTES_PER_US);
    if (this.closing) return;
    this.#lastBytesMs = this.#host.nowMs;
    this.reader.beginTurn();
    counters.add(Counter.BYTES_IN, end - start);
    if (this.adapter !== null) this.adapter.onBytes(bytes, start, end);
    else this.reader.push(bytes, start, end);
  }

  onHandshake(): void {
    this.#host.counters.add(Counter.ITEMS, 1);
    this.reader.charge(WORK_HANDSHAKE_US);
  }

  onRecords(count: number): void {
    this.reader.charge(count * WORK_TLS_RECORD_US);
  }

  onWritten(): void {
    this.queue.onWritten();
    if (!this.queue.idle) this.queue.flush(this.#socket);
    if (this.#congestedSinceMs >= 0) this.#host.touch(this);
    if (!this.queue.idle) return;
    if (this.closing) this.#endWriting();
    else this.adapter?.onDrained();
  }

  onEnd(): void {
    this.#peerEnded = true;
    if (!this.closing) this.#closeAnswered();
    else if (this.#phase === "ended") this.closeSocket();
  }

  /**
   * Closes behind a peer that has ended its side, once it has the answer to what it asked before. In the world it has
   * left at once: a session must not look as if its player were there.
   */
  #closeAnswered(): void {
    const isAnswering = this.adapter === null
      ? this.reader.awaiting && this.state !== STATE_IN_WORLD
      : this.adapter.answering;
    if (!isAnswering) this.#beginClosing(DisconnectReason.UNSPECIFIED);
  }

  /** Whether the answer to what it asked is under way. */
  get awaitsAnswer(): boolean {
    return this.reader.awaiting || this.adapter?.answering === true;
  }

  onBroken(timedOut: boolean): void {
    // The kernel gives a peer up that takes nothing for long enough, and is sometimes the first to do so. One that was
    // heard of meanwhile, or for which more waits than the kernel takes, did not read.
    const isThere = this.silentMs(this.#host.nowMs) < IDLE_TIMEOUT_MS / 2;
    const isSlow = this.#congestedSinceMs >= 0 || (timedOut && (isThere || !this.queue.idle));
    if (!this.closing) this.#beginClosing(isSlow ? DisconnectReason.SLOW_READER : DisconnectReason.UNSPECIFIED, true);
    this.queue.clear(true);
    this.#leave();
  }

  // Announcing

  /** Whether logic knows of it. */
  get announced(): boolean {
    return this.#announced;
  }

  /** Lets logic know of a connection that speaks frames and has not sent it anything. */
  tryAnnounce(): void {
    const speaksFrames = this.#transport !== "http" && (this.adapter === null || this.adapter.open);
    const host = this.#host;
    // Where there is no room, the next roll call finds it.
    if (!speaksFrames || this.closing || this.#announced || !host.toLogic.hasRoom(OPEN_RECORD_BYTES_MAX)) return;
    this.announce();
    host.logicIsDue = true;
  }

  /** Lets logic know of it, unless it does; there must be room for {@linkcode OPEN_RECORD_BYTES_MAX}. */
  announce(): void {
    if (this.#announced) return;
    this.#announced = true;
    const info = new TextEncoder().encode(JSON.stringify({
      transport: this.#transport,
      port: this.port.name,
      address: this.remoteAddress,
      localAddress: (this.#proxied ?? this.#socket).localAddress,
    }));
    tryPushRecord(this.#host.toLogic, RECORD_OPEN, this.slot, this.generation, 0, 0, 0, info, 0, info.length);
    if (this.#congestedSinceMs >= 0) this.#host.touch(this);
  }

  // Sending

  /** Sends one packet; see {@linkcode SendQueue.appendPacket}. */
  send(
    type: number,
    sequence: number,
    isCompressed: boolean,
    payload: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (this.adapter !== null && !this.adapter.open) return;
    const host = this.#host;
    // The largest payloads leave no room for the parts of the header that can be done without.
    const tight = end - start > FRAME_BYTES_MAX - ENVELOPE_BYTES_MAX;
    const timestamp = tight ? 0 : host.unixMs;
    this.queue.appendPacket(type, sequence, timestamp, isCompressed, tight ? 0 : this.ack, payload, start, end);
    host.counters.add(Counter.PACKETS_OUT, 1);
    if (host.tap !== null) this.log("out", type, sequence, payload, start, end);
    if ((this.lists & LIST_TOUCHED) === 0) host.touch(this);
  }

  /** Shows a packet to the packet logger, which must be there. */
  log(
    direction: "in" | "out",
    type: number,
    sequence: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const payload = bytes.subarray(start, end);
    this.#host.tap!.log({ direction, connection: this.slot, type, sequence, payload });
  }

  /** Sends a packet, unless the send queue is above its soft cap. */
  sendDroppable(type: number, payload: Uint8Array, start: number, end: number): void {
    if (this.queue.pendingBytes > this.#host.sendQueueSoftBytes) this.#host.counters.add(Counter.DROPPABLE_SHED, 1);
    else this.send(type, 0, false, payload, start, end);
  }

  /** Sends a packet that logic sent; a DROPPABLE one is dropped while the send queue is above its soft cap. */
  sendFromLogic(
    type: number,
    sequence: number,
    isCompressed: boolean,
    payload: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (this.closing) return;
    if (sequence === 0 && this.#host.packets.row(type)?.delivery === DeliveryClass.DROPPABLE) {
      this.sendDroppable(type, payload, start, end);
    } else {
      this.send(type, sequence, isCompressed, payload, start, end);
    }
  }

  /** Moves to another state of the packet table. */
  setState(state: number): void {
    if (this.closing || state === this.state) return;
    const { counters } = this.#host;
    counters.add(this.gaugeSlot, -1);
    this.state = state;
    counters.add(this.gaugeSlot, 1);
    this.#host.onState(this);
  }

  /** At the end of a round: hands what gathered to the socket, and holds the caps of the send queue. */
  flush(): void {
    if (this.gone) return;
    const host = this.#host;
    if (this.#peerEnded && !this.closing) this.#closeAnswered();
    const drained = this.queue.flush(this.#socket);
    host.counters.add(Counter.BYTES_OUT, this.queue.takeSentBytes());
    if (this.closing) return drained ? this.#endWriting() : undefined;
    if (drained) this.adapter?.onDrained();
    if (this.adapter !== null && this.adapter.uncapped) return;
    const { pendingBytes } = this.queue;
    if (pendingBytes > host.sendQueueHardBytes) return this.closeSlowReader();
    this.#noteCongestion(pendingBytes);
  }

  /** Notes when the send queue is above its soft cap, and when it is well below again; logic is told. */
  #noteCongestion(pendingBytes: number): void {
    const host = this.#host, wasCongested = this.#congestedSinceMs >= 0;
    const isCongested = pendingBytes > (wasCongested ? host.sendQueueSoftBytes / 2 : host.sendQueueSoftBytes);
    if (isCongested !== wasCongested) this.#congestedSinceMs = isCongested ? host.nowMs : -1;
    if (isCongested === this.#congestionTold || !this.#announced) return;
    const type = isCongested ? 1 : 0, { generation, slot } = this;
    const isTold = tryPushRecord(host.toLogic, RECORD_CONGESTED, slot, generation, type, 0, 0, EMPTY, 0, 0) >= 0;
    if (!isTold) return host.touch(this);
    host.logicIsDue = true;
    this.#congestionTold = isCongested;
  }

  /** Sends bytes as they are: an adapter's own. */
  sendRaw(bytes: Uint8Array): void {
    if (this.gone) return;
    this.queue.appendRaw(bytes);
    this.#host.touch(this);
  }

  /** Stops reading until it goes on: an adapter is busy. */
  pauseReading(): void {
    this.#socket.pauseReading();
  }

  /** Becomes a WebSocket: packets travel in binary messages from now on. */
  startWebSocket(): void {
    const { counters } = this.#host;
    this.queue.startWebSocket();
    counters.add(this.gaugeSlot, -1);
    this.#transport = "websocket";
    this.#forwards = false;
    counters.add(this.gaugeSlot, 1);
  }

  /** Becomes a WebSocket of diagnostics, which speaks no frames. */
  startEcho(): void {
    this.#forwards = false;
    this.prove();
  }

  // Closing

  /**
   * Tells the peer why, and closes: nothing more is read as packets, and the peer has a moment to read the notice.
   *
   * @param retryAfterMs When the peer may come back; 0 says nothing.
   * @param explanation An `Explanation`; empty: none.
   */
  close(reason: DisconnectReason, message: string, retryAfterMs = 0, explanation: Uint8Array = EMPTY): void {
    if (this.closing) return;
    if (this.adapter === null || this.adapter.open) {
      const payload = disconnectNotice(reason, message, retryAfterMs, explanation);
      this.send(PacketType.DISCONNECT_NOTICE, 0, false, payload, 0, payload.length);
    }
    this.adapter?.appendClose(this.queue, reason, message);
    this.#beginClosing(reason);
  }

  /** Closes the socket now, behind as much of what gathered as the kernel takes at once. */
  flushAndClose(): void {
    this.flush();
    this.closeSocket();
  }

  /** Closes without a word, once what gathered has been sent. */
  closeQuietly(): void {
    if (!this.closing) this.#beginClosing(DisconnectReason.UNSPECIFIED);
  }

  /** Closes the socket now. */
  closeSocket(): void {
    if (this.gone) return;
    if (!this.closing) this.#beginClosing(DisconnectReason.UNSPECIFIED);
    // What a peer has not taken by now it need not be sent for minutes.
    if (this.queue.idle) this.#socket.close();
    else this.#socket.abort();
    this.queue.clear(false);
    this.#leave();
  }

  /**
   * Nothing was received for too long. From a peer that does not read this may be the kernel's doing: it drops what does
   * not fit, and an acknowledgement in it, so that the peer sends the same again and again instead of what is new.
   */
  closeIdle(): void {
    if (this.queue.idle) this.close(DisconnectReason.IDLE, "Nothing was received for too long");
    else this.closeSlowReader();
  }

  /** Closes now: a peer that does not read cannot be told why either. */
  closeSlowReader(): void {
    this.#beginClosing(DisconnectReason.SLOW_READER);
    this.closeSocket();
  }

  #beginClosing(reason: DisconnectReason, isBroken = false): void {
    this.#enter("closing");
    this.#closingUntilMs = this.#host.nowMs + LINGER_TIMEOUT_MS;
    this.#host.onClosing(this, reason, isBroken);
    this.#host.touch(this);
    if (!this.reader.throttled) this.#socket.resumeReading();
  }

  /** Everything is sent: says so, and closes once the peer has said the same or its time is over. */
  #endWriting(): void {
    if (this.#phase !== "ended") {
      this.#enter("ended");
      this.#socket.endWriting();
    }
    if (this.#peerEnded) this.closeSocket();
  }

  #leave(): void {
    if (this.gone) return;
    this.#enter("gone");
    this.#host.onGone(this);
  }
}
