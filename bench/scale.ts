/**
 * How far a cluster goes, by simulation: `deno task bench:scale`. Players come, enter, are saved, talk and leave by
 * chance, second by second, on as many servers as they need; what that asks of PostgreSQL, NATS and each server is
 * counted, and held against what they carry (docs/scale.md).
 *
 * @module
 */

import { PRESENCE_DIGEST_INTERVAL_MS } from "../games/parts/friends/limits.ts";
import { integer } from "../server/config/kinds.ts";
import { Prng } from "../server/world/prng.ts";
import { CHARACTER_SAVE_INTERVAL_MS, NODE_BEAT_INTERVAL_MS, NODE_RENEWAL_INTERVAL_MS } from "../shared/limits.ts";
import { markdownTable, readFlags, runCommand } from "./flags.ts";

const HELP = `Usage: deno task bench:scale [--players N] [--seconds N] [--seed N] [--on-node N]

  --players N  players online at once; default: a table from 2,000 to 1,000,000
  --seconds N  simulated time [600]
  --seed N     of chance [1]
  --on-node N  players on each server [2000]`;

/** What players do. Assumptions, to be replaced by what a game sees. */
export const HABITS = {
  /** Mean length of a session. */
  sessionSeconds: 1_800,
  /** A character is saved once in so many seconds. */
  savedEverySeconds: CHARACTER_SAVE_INTERVAL_MS / 1_000,
  /** Seconds between two things that one player says or does. */
  globalSeconds: 3_600,
  guildSeconds: 300,
  whisperSeconds: 300,
  durableSeconds: 120,
} as const;

/** What is sent whether players do anything or not, by the program's own limits; per server and second. */
const BEATS_PER_SECOND = 1_000 / NODE_BEAT_INTERVAL_MS;
const RENEWALS_PER_SECOND = 1_000 / NODE_RENEWAL_INTERVAL_MS;
const DIGESTS_PER_SECOND = 1_000 / PRESENCE_DIGEST_INTERVAL_MS;

/** What each thing costs, in µs of a core; docs/scale.md says which are measured. */
export const COSTS = {
  /** PostgreSQL: a login with its entry, an exit, both as whole players do them, and the rest. */
  entryUs: 2_750,
  exitUs: 100,
  saveUs: 70,
  durableUs: 300,
  renewalUs: 90,
  /** NATS: a message taken, or delivered once. */
  messageUs: 1,
  /** A server: a message heard, and one more player of another server who is known. */
  heardUs: 30,
  knownBytes: 400,
  /** A server: a player who moves and sees 45 others, and what is sent to one. */
  playerCoreShare: 0.000_26,
  playerBytesPerSecond: 10_000,
} as const;

/** How long a commit takes, in milliseconds: a store takes one after the other, of all servers together. */
const COMMIT_MS = 2;
/** Groups of saves that a server sends in a second. */
const SAVE_GROUPS_PER_SECOND = 1;

/** What a second asks for, at its mean or at its worst. */
export interface Demand {
  readonly postgresCores: number;
  /** Of the time, by the busiest store's lock, were no requests to share a commit; above 1 they have to. */
  readonly lockShare: number;
  readonly natsCores: number;
  readonly natsDeliveries: number;
  readonly nodeBusShare: number;
}

/** What came of it. */
export interface Outcome {
  readonly players: number;
  readonly nodes: number;
  readonly mean: Demand;
  /** Of the seconds, the one that 99 of 100 ask less than. */
  readonly worst: Demand;
  readonly knownMb: number;
}

/** A number of things that happen by chance, `mean` of them on average. */
function poisson(prng: Prng, mean: number): number {
  if (mean > 50) {
    const [a, b] = [1 - prng.nextFloat(), prng.nextFloat()];
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b)));
  }
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = prng.nextFloat(); product > limit; product *= prng.nextFloat()) count++;
  return count;
}

/** Simulates so many players. */
export function simulate(
  players: number,
  { seconds, seed, onNode }: { readonly seconds: number; readonly seed: number; readonly onNode: number },
): Outcome {
  const prng = new Prng(seed);
  const nodes = Math.max(1, Math.ceil(players / onNode));
  const others = nodes - 1;
  const demands: Demand[] = [];
  for (let second = 0; second < seconds; second++) {
    const every = (interval: number) => poisson(prng, players / interval);
    const entries = every(HABITS.sessionSeconds), exits = every(HABITS.sessionSeconds);
    const saves = every(HABITS.savedEverySeconds), durables = every(HABITS.durableSeconds);
    const renewals = poisson(prng, nodes * RENEWALS_PER_SECOND);
    // Heard by all servers: who came and went, what everybody or a guild is told, and what servers say of themselves.
    const toAll = entries + exits + every(HABITS.globalSeconds) + every(HABITS.guildSeconds) +
      poisson(prng, nodes * (BEATS_PER_SECOND + DIGESTS_PER_SECOND));
    // A question to the server of the other, and its answer; one in `nodes` is on the same.
    const toOne = nodes === 1 ? 0 : Math.round(2 * every(HABITS.whisperSeconds) * others / nodes);
    const deliveries = nodes === 1 ? 0 : toAll * others + toOne;
    const heard = nodes === 1 ? 0 : (toAll * others + toOne) / nodes;
    const us = entries * COSTS.entryUs + exits * COSTS.exitUs + saves * COSTS.saveUs + durables * COSTS.durableUs +
      renewals * COSTS.renewalUs;
    const directory = entries + exits + renewals, characters = nodes * SAVE_GROUPS_PER_SECOND + exits;
    demands.push({
      postgresCores: us / 1e6,
      lockShare: Math.max(directory, characters) * COMMIT_MS / 1_000,
      natsCores: nodes === 1 ? 0 : (toAll + toOne + deliveries) * COSTS.messageUs / 1e6,
      natsDeliveries: deliveries,
      nodeBusShare: heard * COSTS.heardUs / 1e6,
    });
  }
  const keys = Object.keys(demands[0]) as (keyof Demand)[];
  const at = (pick: (sorted: number[]) => number) =>
    Object.fromEntries(
      keys.map((key) => [key, pick(demands.map((each) => each[key]).sort((a, b) => a - b))]),
    ) as unknown as Demand;
  return {
    players,
    nodes,
    mean: at((sorted) => sorted.reduce((sum, each) => sum + each, 0) / sorted.length),
    worst: at((sorted) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))]),
    knownMb: players * others / nodes * COSTS.knownBytes / 1e6,
  };
}

/** The outcomes as a table; demands are the worst. */
export function scaleTable(counts: readonly number[], options: Parameters<typeof simulate>[1]): string {
  const rows = counts.map((count) => simulate(count, options)).map(({ players, nodes, worst, knownMb }) => [
    players.toLocaleString("en"),
    `${nodes}`,
    (Math.min(players, options.onNode) * COSTS.playerCoreShare + worst.nodeBusShare).toFixed(2),
    `${Math.round(knownMb)}`,
    worst.postgresCores.toFixed(2),
    worst.lockShare.toFixed(2),
    worst.natsCores.toFixed(2),
    worst.natsDeliveries.toLocaleString("en"),
    (players * COSTS.playerBytesPerSecond * 8 / 1e9).toFixed(1),
  ]);
  const head = ["players", "servers", "cores of each", "MB of others", "PostgreSQL: cores", "busiest lock"];
  return markdownTable([...head, "NATS: cores", "deliveries/s", "Gbit/s to players"], rows, 0);
}

/** What the table has unless told. */
export const SCALE_COUNTS: readonly number[] = [2_000, 10_000, 50_000, 100_000, 250_000, 1_000_000];
/** How it is simulated unless told. */
export const SCALE_OPTIONS = { seconds: 600, seed: 1, onNode: 2_000 } as const;

if (import.meta.main) {
  const count = integer({ min: 1, max: 100_000_000 });
  await runCommand(HELP, (args) => {
    const flag = readFlags(args, { "--players": count, "--seconds": count, "--seed": count, "--on-node": count });
    const { seconds, seed, onNode } = SCALE_OPTIONS;
    const asked = flag("--players", 0);
    const options = {
      seconds: flag("--seconds", seconds),
      seed: flag("--seed", seed),
      onNode: flag("--on-node", onNode),
    };
    console.log(scaleTable(asked > 0 ? [asked] : SCALE_COUNTS, options));
    return Promise.resolve();
  });
}
