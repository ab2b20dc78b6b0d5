/**
 * Says how much of its memory a thread uses, and ends it before that is used up: V8 would end the whole process then, and
 * say so to nobody's log.
 *
 * @module
 */

import { getHeapStatistics } from "node:v8";
import { MEMORY_CHECK_INTERVAL_MS, MEMORY_SHARE_MAX } from "../../shared/limits.ts";
import { type CounterBlock, Gauge } from "./counters.ts";

const BYTES_PER_MB = 1_048_576;

/** What V8 says of a thread's memory, in bytes. */
type Memory = Pick<ReturnType<typeof getHeapStatistics>, "used_heap_size" | "external_memory" | "heap_size_limit">;

/** Looks at the memory of its thread now and then. */
export class MemoryWatch {
  readonly #counters: Pick<CounterBlock, "set">;
  readonly #read: () => Memory;
  #nextMs = 0;

  /** @param read Left out: that of this thread. */
  constructor(counters: Pick<CounterBlock, "set">, read: () => Memory = getHeapStatistics) {
    this.#counters = counters;
    this.#read = read;
  }

  /**
   * To be called often.
   *
   * @throws {Error} when more than {@linkcode MEMORY_SHARE_MAX} of what a thread may have is in use.
   */
  check(nowMs: number): void {
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + MEMORY_CHECK_INTERVAL_MS;
    const { used_heap_size, external_memory, heap_size_limit } = this.#read();
    const usedBytes = used_heap_size + external_memory;
    this.#counters.set(Gauge.MEMORY_SHARE, usedBytes / heap_size_limit);
    if (usedBytes <= MEMORY_SHARE_MAX * heap_size_limit) return;
    const [used, limit] = [usedBytes, heap_size_limit].map((bytes) => Math.round(bytes / BYTES_PER_MB));
    throw new Error(`Out of memory: ${used} MB are in use, limit is ${limit} MB; something keeps more and more`);
  }
}
