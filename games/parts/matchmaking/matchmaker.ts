/**
 * Who plays with whom: pure, without time and chance of its own.
 *
 * @module
 */

/** Who waits together: a player or a party. */
export interface Ticket {
  /** Players in it, 1 to {@linkcode MatchRules.wanted}. */
  readonly size: number;
  /** Since when it waits, in milliseconds of a monotonic clock. */
  readonly sinceMs: number;
}

/** When a match begins. */
export interface MatchRules {
  /** Players of a match, 1 to 16. */
  readonly wanted: number;
  /** Players that are enough once one of them has waited for {@linkcode MatchRules.waitMs}; up to `wanted`. */
  readonly least: number;
  /** How long to wait for more than that, in milliseconds. */
  readonly waitMs: number;
  /** Tickets at once, at most. */
  readonly ticketsMax: number;
}

/** What a search may cost: more players in a match have too many ways to come together. */
const WANTED_MAX = 16;

/**
 * A queue of tickets. The one that has waited longest is served first, unless no others fit with it; then the next. Among
 * those that fit, older ones are taken first. A match costs a search over the sizes of tickets, however long the queue is.
 */
export class Matchmaker<T extends Ticket> {
  readonly #rules: MatchRules;
  /** Tickets by size, each in the order in which they came. */
  readonly #lines: readonly Set<T>[];
  #count = 0;
  #playerCount = 0;

  /** @throws {RangeError} when the rules cannot be. */
  constructor(rules: MatchRules) {
    const { wanted, least, waitMs, ticketsMax } = rules;
    const isRight = Number.isInteger(wanted) && wanted >= 1 && wanted <= WANTED_MAX && Number.isInteger(least) &&
      least >= 1 && least <= wanted && waitMs >= 0 && ticketsMax >= 1;
    if (!isRight) throw new RangeError(`Cannot make matches by ${JSON.stringify(rules)}`);
    this.#rules = rules;
    this.#lines = Array.from({ length: wanted + 1 }, () => new Set<T>());
  }

  /** Tickets that wait. */
  get count(): number {
    return this.#count;
  }

  /** Players that wait. */
  get playerCount(): number {
    return this.#playerCount;
  }

  /**
   * Puts a ticket at the end of the line. Tickets come in the order of their `sinceMs`.
   *
   * @returns `false` when the line is full.
   * @throws {RangeError} when it is larger than a match.
   */
  tryAdd(ticket: T): boolean {
    const line = this.#lines[ticket.size];
    if (line === undefined || ticket.size < 1) throw new RangeError(`Cannot match ${ticket.size} players`);
    if (this.#count >= this.#rules.ticketsMax) return false;
    line.add(ticket);
    this.#count++;
    this.#playerCount += ticket.size;
    return true;
  }

  /** Takes a ticket out of the line. @returns `false` when it is not in it. */
  remove(ticket: T): boolean {
    if (this.#lines[ticket.size]?.delete(ticket) !== true) return false;
    this.#count--;
    this.#playerCount -= ticket.size;
    return true;
  }

  /**
   * The tickets of the match that should begin now; they stay in line until they are removed.
   *
   * @returns `null` when none should.
   */
  find(nowMs: number): T[] | null {
    const { wanted, least, waitMs } = this.#rules;
    const heads = this.#heads();
    for (const head of heads) {
      const match = this.#matchOf(head, wanted);
      if (match !== null) return match;
    }
    for (const head of heads) {
      if (nowMs - head.sinceMs < waitMs) break;
      for (let players = wanted - 1; players >= least; players--) {
        const match = this.#matchOf(head, players);
        if (match !== null) return match;
      }
    }
    return null;
  }

  /** The oldest ticket of each size, the oldest first. */
  #heads(): T[] {
    const heads = this.#lines.flatMap((line) => {
      const { value } = line.values().next();
      return value === undefined ? [] : [value];
    });
    return heads.sort((a, b) => a.sinceMs - b.sinceMs);
  }

  /** Tickets with exactly so many players, `first` among them. */
  #matchOf(first: T, players: number): T[] | null {
    if (first.size > players) return null;
    const iterators = this.#lines.map((line) => line.values());
    const next = iterators.map((iterator) => iterator.next().value);
    const left = this.#lines.map(({ size }) => size);
    const match: T[] = [];
    const take = (size: number) => {
      match.push(next[size]!);
      next[size] = iterators[size].next().value;
      left[size]--;
    };
    take(first.size);
    for (let open = players - first.size; open > 0;) {
      let best = 0;
      for (let size = 1; size <= open; size++) {
        if (left[size] === 0 || (best !== 0 && next[size]!.sinceMs >= next[best]!.sinceMs)) continue;
        left[size]--;
        const fits = canFill(open - size, left);
        left[size]++;
        if (fits) best = size;
      }
      if (best === 0) return null;
      take(best);
      open -= best;
    }
    return match;
  }
}

/** Whether tickets of the sizes that are left fill so many places exactly. */
function canFill(places: number, left: readonly number[]): boolean {
  // Places that can be filled with sizes looked at so far, as bits.
  let fillable = 1;
  for (let size = 1; size <= places; size++) {
    for (let count = Math.min(left[size], Math.floor(places / size)); count > 0; count--) fillable |= fillable << size;
  }
  return ((fillable >>> places) & 1) === 1;
}
