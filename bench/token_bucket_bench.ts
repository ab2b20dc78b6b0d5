/**
 * What flood control costs a packet: a token bucket against a log of the last second, which is what it stands for.
 *
 * Run: `deno bench --no-prompt bench/token_bucket_bench.ts`. Each measurement is of 1,000 packets at 100 a second.
 *
 * @module
 */

import { TokenBucket } from "../server/base/token_bucket.ts";
import { assert } from "../shared/errors.ts";

const RATE = { perSecond: 100, burst: 100 };
const PACKET_COUNT = 1_000;

/** Lets a sender through that sent less than the burst in the second before; exact, and as large as the burst. */
class SlidingLog {
  #timesMs: number[] = [];

  tryTake(nowMs: number): boolean {
    while (this.#timesMs.length > 0 && this.#timesMs[0] <= nowMs - 1_000) this.#timesMs.shift();
    if (this.#timesMs.length >= RATE.burst) return false;
    this.#timesMs.push(nowMs);
    return true;
  }
}

/** Packets let through of {@linkcode PACKET_COUNT}, one every `intervalMs`. */
export function throughBucket(intervalMs: number): number {
  const bucket = new TokenBucket(RATE, 0);
  let taken = 0;
  for (let count = 1; count <= PACKET_COUNT; count++) if (bucket.tryTake(1, RATE, count * intervalMs)) taken++;
  return taken;
}

/** The same by the log. */
export function throughLog(intervalMs: number): number {
  const log = new SlidingLog();
  let taken = 0;
  for (let count = 1; count <= PACKET_COUNT; count++) if (log.tryTake(count * intervalMs)) taken++;
  return taken;
}

// At the rate both let everything through; at ten times the rate the burst, and after it the rate.
assert(throughBucket(10) === PACKET_COUNT && throughLog(10) === PACKET_COUNT, "Nobody honest is held up");
assert(Math.abs(throughBucket(1) - 200) <= 1, "A flood gets its burst and its rate");
assert(throughLog(1) === RATE.burst, "A flood gets its burst");

/** What is measured; a test calls each once. */
export const BENCHES: readonly Deno.BenchDefinition[] = [
  { group: "at the rate", name: "log of a second", baseline: true, fn: () => void throughLog(10) },
  { group: "at the rate", name: "TokenBucket", fn: () => void throughBucket(10) },
  { group: "in a flood", name: "log of a second", baseline: true, fn: () => void throughLog(1) },
  { group: "in a flood", name: "TokenBucket", fn: () => void throughBucket(1) },
];

for (const bench of BENCHES) Deno.bench(bench);
