/**
 * Ten thousand tickets through a queue, and how long they wait:
 * `deno run tests/games/matchmaking/queue_simulation.ts [SEED]`.
 *
 * @module
 */

import { Matchmaker, type MatchRules, type Ticket } from "../../../games/parts/matchmaking/matchmaker.ts";
import { Prng } from "../../../server/world/prng.ts";

/** The arena's. */
export const RULES: MatchRules = { wanted: 4, least: 2, waitMs: 10_000, ticketsMax: 1_000 };
const STEP_MS = 50;
/** How many of a hundred tickets are of each size. */
const SHARES = [80, 12, 5, 3];

interface Waiting extends Ticket {
  readonly number: number;
}

/** What came of a run. */
export interface QueueRun {
  /** Tickets of each match, by number, in the order in which the matches began. */
  readonly matches: readonly (readonly number[])[];
  /** How long tickets of each size waited, ascending, in milliseconds; by size. */
  readonly waits: readonly (readonly number[])[];
  /** Players in each match. */
  readonly players: readonly number[];
  /** Tickets that nobody fitted with. */
  readonly leftOver: number;
  /** Tickets at once, at most. */
  readonly longest: number;
}

/** Tickets come by chance, one every `gapMs` on average. */
export function simulateQueue({ seed, tickets, gapMs }: { seed: number; tickets: number; gapMs: number }): QueueRun {
  const prng = new Prng(seed), queue = new Matchmaker<Waiting>(RULES);
  const matches: number[][] = [], players: number[] = [];
  const waits: number[][] = Array.from({ length: RULES.wanted + 1 }, () => []);
  let [nowMs, nextMs, number, longest] = [0, 0, 0, 0];
  for (; number < tickets || nowMs < nextMs + 2 * RULES.waitMs; nowMs += STEP_MS) {
    for (; number < tickets && nextMs <= nowMs; nextMs -= gapMs * Math.log(1 - prng.nextFloat())) {
      let roll = prng.nextInt(100), size = 1;
      for (; roll >= SHARES[size - 1]; size++) roll -= SHARES[size - 1];
      queue.tryAdd({ number: number++, size, sinceMs: nowMs });
    }
    longest = Math.max(longest, queue.count);
    for (let match = queue.find(nowMs); match !== null; match = queue.find(nowMs)) {
      for (const ticket of match) {
        queue.remove(ticket);
        waits[ticket.size].push(nowMs - ticket.sinceMs);
      }
      matches.push(match.map(({ number }) => number));
      players.push(match.reduce((sum, { size }) => sum + size, 0));
    }
  }
  for (const times of waits) times.sort((a, b) => a - b);
  return { matches, waits, players, leftOver: queue.count, longest };
}

function secondsAt(times: readonly number[], part: number): string {
  return ((times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0) / 1_000).toFixed(1).padStart(6);
}

if (import.meta.main) {
  const seed = Number(Deno.args[0] ?? 1);
  for (const gapMs of [100, 1_000, 5_000, 20_000]) {
    const { waits, players, leftOver, longest } = simulateQueue({ seed, tickets: 10_000, gapMs });
    const full = players.filter((count) => count === RULES.wanted).length;
    console.log(
      `\n10,000 tickets, one in ${gapMs / 1_000} s: ${players.length} matches, ${full} of them full, ` +
        `${longest} tickets in line at most, ${leftOver} left over`,
    );
    console.log("size  tickets  waited, in s: median   p95   max");
    for (const [size, times] of waits.entries()) {
      if (size === 0) continue;
      const columns = [0.5, 0.95, 1].map((part) => secondsAt(times, part)).join("");
      console.log(`${size}     ${String(times.length).padStart(7)}               ${columns}`);
    }
  }
}
