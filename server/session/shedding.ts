/**
 * What logic refuses instead of handling it when there is more than it can do: packets of the types that take its time.
 *
 * @module
 */

import { LOGIC_LATE_MS, LOGIC_LATE_WORK_MS, LOGIC_TOO_LATE_MS } from "../../shared/limits.ts";
import type { PacketTable } from "../../shared/packet_table.ts";
import type { RingConsumer } from "../ring/byte_ring.ts";

/** A place in a ring, for which it is known since when it waits to be read. */
interface Mark {
  at: number;
  /** Monotonic milliseconds; below 0: nothing waits. */
  sinceMs: number;
  /** How long what was read last had waited, in milliseconds. */
  waitedMs: number;
}

/** Knows how long packets wait for logic, and what they take its time for. */
export class Shedding {
  readonly #packets: PacketTable;
  readonly #marks: Mark[] = [];
  /** What each type took lately, in milliseconds: half of it is forgotten every second. */
  readonly #workMs: Float64Array;
  #waitMs = 0;

  constructor(packets: PacketTable) {
    this.#packets = packets;
    this.#workMs = new Float64Array(packets.typeMax + 1);
  }

  /** How long what comes next has waited, at least, in milliseconds. */
  get waitMs(): number {
    return this.#waitMs;
  }

  /** What a type took in the last second or two, in milliseconds. */
  workMs(type: number): number {
    return this.#workMs[type];
  }

  /**
   * Looks how long what is in the rings has waited; to be called once a turn.
   *
   * @param answersWaitMs For how long answers of the storage have, whose requests go on behind them.
   */
  look(rings: readonly (RingConsumer | undefined)[], nowMs: number, answersWaitMs: number): void {
    this.#waitMs = answersWaitMs;
    for (let index = 0; index < rings.length; index++) {
      const ring = rings[index];
      if (ring !== undefined) this.#waitMs = Math.max(this.#waitMs, this.#waitOf(index, ring, nowMs));
    }
  }

  #waitOf(index: number, ring: RingConsumer, nowMs: number): number {
    const mark = this.#marks[index] ??= { at: 0, sinceMs: -1, waitedMs: 0 };
    if (ring.empty) {
      mark.sinceMs = -1;
      return 0;
    }
    if (mark.sinceMs < 0 || ring.isPast(mark.at)) {
      mark.waitedMs = mark.sinceMs < 0 ? 0 : nowMs - mark.sinceMs;
      mark.at = ring.end;
      mark.sinceMs = nowMs;
    }
    return Math.max(mark.waitedMs, nowMs - mark.sinceMs);
  }

  /** Takes note of the rings in which nothing waits; to be called when packets were taken, before whatever comes next. */
  onTaken(rings: readonly (RingConsumer | undefined)[]): void {
    for (let index = 0; index < this.#marks.length; index++) {
      if (this.#marks[index] !== undefined && rings[index]?.empty !== false) this.#marks[index].sinceMs = -1;
    }
  }

  /** An io worker has another ring from now on. */
  onRing(index: number): void {
    delete this.#marks[index];
  }

  /** Takes note of how long a packet took. Cost: one addition. */
  note(type: number, elapsedMs: number): void {
    this.#workMs[type] += elapsedMs;
  }

  /** To be called once a second. */
  sweep(): void {
    for (let type = 0; type < this.#workMs.length; type++) this.#workMs[type] /= 2;
  }

  /**
   * Whether a packet is to be refused now. After {@linkcode LOGIC_LATE_MS} those are whose type took
   * {@linkcode LOGIC_LATE_WORK_MS} lately; the later it is, the less is enough. Never what leads to another state, as
   * nobody could enter or leave an overloaded server.
   */
  refuses(type: number): boolean {
    if (this.#waitMs < LOGIC_LATE_MS || this.#packets.row(type)?.changesState !== false) return false;
    return this.#waitMs >= LOGIC_TOO_LATE_MS ||
      this.#workMs[type] * this.#waitMs >= LOGIC_LATE_WORK_MS * LOGIC_LATE_MS;
  }
}
