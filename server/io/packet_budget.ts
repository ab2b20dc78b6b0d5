/**
 * What one connection may cost: tokens for its packets, microseconds for all other work it makes, and patience with what
 * has to be dropped or refused.
 *
 * @module
 */

import {
  ADDRESS_TOKENS_BATCH,
  FLOOD_DROPS_MAX,
  FLOOD_INTERVAL_MS,
  REFUSED_INTERVAL_MS,
  REFUSED_PACKETS_MAX,
  WORK_US_BATCH,
  WORK_US_BURST,
  WORK_US_PER_SECOND,
} from "../../shared/limits.ts";
import type { PacketRow } from "../../shared/packet_table.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionHost } from "./connection_host.ts";
import { type BucketRate, TokenBucket } from "../base/token_bucket.ts";

const WARN_INTERVAL_MS = 1_000;
const WORK_RATE: BucketRate = { perSecond: WORK_US_PER_SECOND, burst: WORK_US_BURST };

/** The budget of one connection. */
export class PacketBudget {
  readonly #bucket: TokenBucket | null;
  readonly #work: TokenBucket | null;
  /** Buckets of the types that have one of their own, by type; made when the first of them comes. */
  #typeBuckets: Map<number, TokenBucket> | null = null;
  #addressTokens = 0;
  /** Work that was not charged yet, in microseconds. */
  #dueUs = 0;
  /** So much of it is charged; infinite while flood control is off. */
  readonly #batchUs: number;
  /** What was charged last. */
  #lastWorkUs = WORK_US_BATCH;
  #drops = 0;
  #dropsSinceMs = 0;
  #warnedMs = -Infinity;
  #refusals = 0;
  #refusalsSinceMs = 0;

  /** @param rate `null`: flood control is off. */
  constructor(rate: BucketRate | null, nowMs: number) {
    this.#bucket = rate === null ? null : new TokenBucket(rate, nowMs);
    this.#batchUs = rate === null ? Infinity : WORK_US_BATCH;
    this.#work = rate === null ? null : new TokenBucket(WORK_RATE, nowMs);
  }

  /** What was charged last, in microseconds. */
  get lastWorkUs(): number {
    return this.#lastWorkUs;
  }

  /** Notes work that was done, or will be in any case; `false`: it is enough to be charged. */
  tryGather(us: number): boolean {
    return (this.#dueUs += us) < this.#batchUs;
  }

  /**
   * Charges the connection and its address for the work that gathered.
   *
   * @returns In how many milliseconds both will have paid; 0: they have.
   */
  chargeGathered(connection: Connection, host: ConnectionHost): number {
    const dueUs = this.#dueUs;
    this.#dueUs = 0;
    this.#lastWorkUs = dueUs;
    const waitMs = this.#work!.charge(dueUs, WORK_RATE, host.nowMs);
    return connection.addressEntry < 0 ? waitMs : Math.max(waitMs, host.chargeAddress(connection, dueUs));
  }

  /**
   * Whether a connection in debt may go on. It pays ahead for as much as it was charged last, so that of all that wait
   * for the same address only so many go on as it has work left for.
   *
   * @returns In how many milliseconds to ask again; 0: it may.
   */
  tryGoOn(connection: Connection, host: ConnectionHost): number {
    if (this.#work === null) return 0;
    const { nowMs } = host;
    const waitMs = this.#work.charge(0, WORK_RATE, nowMs);
    if (waitMs > 0 || connection.addressEntry < 0) return waitMs;
    const aheadUs = this.#lastWorkUs;
    const addressWaitMs = host.chargeAddress(connection, aheadUs);
    if (addressWaitMs > 0) {
      host.chargeAddress(connection, -aheadUs);
    } else {
      this.#work.charge(aheadUs, WORK_RATE, nowMs);
      this.#dueUs -= aheadUs;
    }
    return addressWaitMs;
  }

  /** Takes what a packet costs: from the connection, from the type where it has a bucket, from the address. */
  tryPay(row: PacketRow, connection: Connection, host: ConnectionHost): boolean {
    const bucket = this.#bucket;
    // Of what is free nothing is counted.
    if (bucket === null || (row.cost === 0 && row.rate === null)) return true;
    const { nowMs, packetRate } = host;
    if (!bucket.tryTake(row.cost, packetRate!, nowMs)) return false;
    if (row.rate !== null && !this.#bucketOf(row.type, row.rate, nowMs).tryTake(1, row.rate, nowMs)) return false;
    if (connection.addressEntry < 0) return true;
    if (this.#addressTokens < row.cost) {
      if (!host.tryTakeOfAddress(connection, ADDRESS_TOKENS_BATCH)) return false;
      this.#addressTokens += ADDRESS_TOKENS_BATCH;
    }
    this.#addressTokens -= row.cost;
    return true;
  }

  #bucketOf(type: number, rate: BucketRate, nowMs: number): TokenBucket {
    this.#typeBuckets ??= new Map();
    let bucket = this.#typeBuckets.get(type);
    if (bucket === undefined) this.#typeBuckets.set(type, bucket = new TokenBucket(rate, nowMs));
    return bucket;
  }

  /** Counts a packet that was dropped for want of tokens; gives whether it is one too many. */
  countDrop(nowMs: number): boolean {
    if (nowMs - this.#dropsSinceMs > FLOOD_INTERVAL_MS) {
      this.#dropsSinceMs = nowMs;
      this.#drops = 0;
    }
    return ++this.#drops > FLOOD_DROPS_MAX;
  }

  /** Whether to warn of a drop: once a second, and of every packet with a number, whose sender waits for an answer. */
  takeWarning(nowMs: number, sequence: number): boolean {
    if (sequence === 0 && nowMs - this.#warnedMs < WARN_INTERVAL_MS) return false;
    this.#warnedMs = nowMs;
    return true;
  }

  /** Counts a packet that was refused; gives whether it is one too many. */
  countRefusal(nowMs: number): boolean {
    if (nowMs - this.#refusalsSinceMs > REFUSED_INTERVAL_MS) {
      this.#refusalsSinceMs = nowMs;
      this.#refusals = 0;
    }
    return ++this.#refusals > REFUSED_PACKETS_MAX;
  }
}
