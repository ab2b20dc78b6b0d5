/**
 * Judges what happened while ways between servers and their database were cut, told only what clients and the database
 * saw.
 *
 * @module
 */

/** Something a client wanted done for good: a guild of its own founded, or left, which ends it. */
export interface Deed {
  readonly player: string;
  /** The id of the server that was asked. */
  readonly serverId: number;
  readonly kind: "found" | "leave";
  /** The guild's name. */
  readonly guild: string;
  /** Unix milliseconds. */
  readonly askedAtMs: number;
  readonly answeredAtMs: number;
  /** `unknown`: no answer, so it may be done or not. */
  readonly outcome: "done" | "refused" | "unknown";
  /** What a refusal says of the player: whether it is in a guild; undefined: nothing. */
  readonly isInGuild?: boolean | undefined;
}

/** Whose a player was at a moment, as the database says. */
export interface OwnerSample {
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly player: string;
  readonly epoch: number;
  /** Null: nobody's. */
  readonly serverId: number | null;
  readonly incarnation: string | null;
}

/** How long after it was asked something whose answer is unknown may be done, in milliseconds: it waits in queues. */
const LATE_MS = 12_000;
/** How far the clocks and the samples may be apart, in milliseconds. */
const TOLERANCE_MS = 1_500;

/** Says what must not be, of a history; empty: all is well. */
export function problemsOf(
  deeds: readonly Deed[],
  samples: readonly OwnerSample[],
  guilds: ReadonlyMap<string, string>,
): string[] {
  return [...ownerProblems(samples), ...fenceProblems(deeds, samples), ...lossProblems(deeds, guilds)];
}

/** Epochs rise, and each is one server's. */
function ownerProblems(samples: readonly OwnerSample[]): string[] {
  const problems: string[] = [];
  const newest = new Map<string, OwnerSample>();
  for (const sample of samples) {
    const { epoch, incarnation, player } = sample;
    const before = newest.get(player);
    newest.set(player, sample);
    if (before === undefined) continue;
    if (epoch < before.epoch) problems.push(`${player} had epoch ${epoch} after ${before.epoch}`);
    const isTwo = epoch === before.epoch && incarnation !== null && incarnation !== before.incarnation;
    if (isTwo) problems.push(`${player} had two owners in epoch ${epoch}: ${before.incarnation} and ${incarnation}`);
  }
  return problems;
}

/** What was done was done by the player's own server. */
function fenceProblems(deeds: readonly Deed[], samples: readonly OwnerSample[]): string[] {
  const owners = new Map<string, number>();
  for (const { epoch, player, serverId } of samples) if (serverId !== null) owners.set(`${player} ${epoch}`, serverId);
  // An hour has a hundred thousand of each: those of one player are found by their time.
  const byPlayer = Map.groupBy(samples, ({ player }) => player);
  return deeds.flatMap(({ answeredAtMs, askedAtMs, guild, outcome, player, serverId }) => {
    if (outcome !== "done") return [];
    const from = askedAtMs - TOLERANCE_MS, until = answeredAtMs + TOLERANCE_MS;
    const epochs = between(byPlayer.get(player) ?? [], from, until).map(({ epoch }) => epoch);
    const first = Math.min(...epochs), count = epochs.length === 0 ? 0 : Math.max(...epochs) - first + 1;
    const seen = Array.from({ length: count }, (_, index) => owners.get(`${player} ${first + index}`));
    // An owner of a moment may not have been seen.
    if (seen.length === 0 || seen.includes(undefined) || seen.includes(serverId)) return [];
    return [`Server ${serverId} did something for ${player} (${guild}), who was on ${seen}`];
  });
}

/** Those of some samples, which are in the order of time, that were taken between two times. */
function between(samples: readonly OwnerSample[], fromMs: number, untilMs: number): readonly OwnerSample[] {
  const firstAfter = (isAfter: (atMs: number) => boolean) => {
    let low = 0, high = samples.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isAfter(samples[middle].atMs)) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return samples.slice(firstAfter((atMs) => atMs >= fromMs), firstAfter((atMs) => atMs > untilMs));
}

/** In no guild. */
const NONE = "";

/**
 * Follows what each player may be in by what it was told, from the first deed, which is of a player without a guild, to
 * what the database has at the end. What had no answer may be done until {@linkcode LATE_MS} have passed, or never.
 */
function lossProblems(deeds: readonly Deed[], guilds: ReadonlyMap<string, string>): string[] {
  const byPlayer = Map.groupBy(deeds, ({ player }) => player);
  return [...byPlayer].flatMap(([player, own]) => {
    const problems: string[] = [];
    let possible = new Set([NONE]), open: Deed[] = [];
    for (const deed of own) {
      addLate(possible, open);
      open = open.filter(({ askedAtMs }) => askedAtMs + LATE_MS >= deed.askedAtMs);
      if (deed.outcome === "unknown") {
        open.push(deed);
        continue;
      }
      const { before, text } = claimOf(deed);
      const fitting = [...possible].filter(before);
      if (fitting.length === 0) problems.push(`${player} ${text}, and was in ${namesOf(possible)}`);
      if (deed.outcome === "done") possible = new Set([deed.kind === "found" ? deed.guild : NONE]);
      else if (fitting.length > 0) possible = new Set(fitting);
    }
    addLate(possible, open);
    const found = guilds.get(player) ?? NONE;
    if (!possible.has(found)) problems.push(`${player} is in ${namesOf([found])} and was told of ${namesOf(possible)}`);
    return problems;
  });
}

/** Adds what may have come of deeds without an answer, whichever of them was done and when. */
function addLate(possible: Set<string>, open: readonly Deed[]): void {
  for (const { kind } of open) if (kind === "leave") possible.add(NONE);
  if (possible.has(NONE)) { for (const { guild, kind } of open) if (kind === "found") possible.add(guild); }
}

/** What an answer says of the moment before: where the player may have been. */
function claimOf({ guild, isInGuild, kind, outcome }: Deed): { before: (place: string) => boolean; text: string } {
  const did = kind === "found" ? `founded ${guild}` : `left ${guild}`;
  if (outcome === "done") return { before: (place) => (place === NONE) === (kind === "found"), text: did };
  const before = (place: string) => isInGuild === undefined || isInGuild === (place !== NONE);
  return { before, text: `heard that it is in ${isInGuild ? "a" : "no"} guild` };
}

function namesOf(places: Iterable<string>): string {
  return [...places].map((place) => place === NONE ? "no guild" : place).join(" or ");
}
