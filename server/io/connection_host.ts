/**
 * What a connection needs of its io worker, and what the worker's parts need of each other.
 *
 * @module
 */

import type { DisconnectReason } from "../../shared/gen/enums.ts";
import type { PacketView } from "../../shared/packet_codec.ts";
import type { PacketTable } from "../../shared/packet_table.ts";
import type { BucketRate } from "../base/token_bucket.ts";
import type { CounterBlock } from "../ops/counters.ts";
import type { PacketLogger } from "../ops/packet_logger.ts";
import type { RingProducer } from "../ring/byte_ring.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { Connection } from "./connection.ts";
import type { SendQueue } from "./send_queue.ts";

/** What carries a connection's bytes. */
export type TransportName = "tcp" | "tls" | "websocket" | "http";

/** Where a connection came in. */
export interface PortInfo {
  readonly name: "login" | "game" | "gateway";
  /** Its bit in the packet table. */
  readonly bit: number;
}

/** What a connection counts as: an HTTP connection, one that has a place on its port, one that is told that it has none. */
export type Place = "http" | "admitted" | "refused";

/** Turns the socket's bytes into the bytes of frames, where the socket does not carry them bare. */
export interface ConnectionAdapter {
  /** Bytes from the socket. */
  onBytes(bytes: Uint8Array, start: number, end: number): void;
  /** It is the connection's turn again: goes on with what it has kept; gives whether reading may go on. */
  goOn(): boolean;
  /** Whether packets can be sent: the upgrade is done. */
  readonly open: boolean;
  /** Whether an answer is being made, or waits to be: a peer that has ended its side may still read it. */
  readonly answering: boolean;
  /** The send queue may grow beyond its caps: a diagnostic echo, which stops reading instead. */
  readonly uncapped: boolean;
  /** When {@linkcode onDeadline} is due, monotonic milliseconds; 0: never. */
  readonly deadlineMs: number;
  /** The deadline has passed. */
  onDeadline(): void;
  /** Everything that was to be sent has been taken by the kernel. */
  onDrained(): void;
  /** Appends the transport's own farewell behind the DISCONNECT_NOTICE. */
  appendClose(queue: SendQueue, reason: DisconnectReason, message: string): void;
}

/** What all connections of an io worker share. */
export interface ConnectionHost {
  readonly packets: PacketTable;
  readonly view: PacketView;
  readonly toLogic: RingProducer;
  /** Whether something in the ring to logic must not wait for logic's next step. */
  logicIsDue: boolean;
  readonly pool: BufferPool;
  readonly counters: CounterBlock;
  /** `null` unless packets are logged. */
  readonly tap: PacketLogger | null;
  /** ECHO is answered. */
  readonly diagnostics: boolean;
  /** `null`: flood control is off. */
  readonly packetRate: BucketRate | null;
  /** Price of a read, in microseconds. */
  readonly readUs: number;
  readonly sendQueueSoftBytes: number;
  readonly sendQueueHardBytes: number;
  /** Monotonic, in milliseconds; as of this round. */
  readonly nowMs: number;
  /** Unix milliseconds; as of this round. */
  readonly unixMs: number;
  /** Takes tokens of the connection's address, which is limited; `false` when there are too few. */
  tryTakeOfAddress(connection: Connection, tokens: number): boolean;
  /** Charges the connection's address, which is limited; gives in how many milliseconds it will have paid. */
  chargeAddress(connection: Connection, us: number): number;
  /** Whether others should have their turn now. */
  isTimeUp(): boolean;
  /** Something took long: the next question for the time is answered by the clock. */
  lookSoon(): void;
  /** Lets the connection go on in so many milliseconds, when its debt is paid. */
  throttle(connection: Connection, waitMs: number): void;
  /** Lets the connection go on when it is its turn. */
  waitTurn(connection: Connection): void;
  /** The connection floods and will be closed; gives when its peer may come back, in milliseconds, 0 for at once. */
  onFlood(connection: Connection): number;
  /** The connection has something to send or to say this round. */
  touch(connection: Connection): void;
  /** The connection has come to another state of the packet table. */
  onState(connection: Connection): void;
  /** The connection waits for room in the ring to logic. */
  waitForRing(connection: Connection): void;
  /**
   * The connection closes: logic is to be told.
   *
   * @param reason 0: the peer went.
   * @param broken Whether the network broke it.
   */
  onClosing(connection: Connection, reason: DisconnectReason, broken: boolean): void;
  /** The socket is closed: the connection no longer counts, its slot is free. */
  onGone(connection: Connection): void;
}
