/** Leaderboards: whether they show the kills that the blows made. @module */

import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  LeaderboardBoard,
  type LeaderboardEntry,
  LeaderboardPeriod,
  type LeaderboardResponse,
} from "../../games/parts/leaderboards/leaderboards_pb.ts";
import { type Actor, type Board, Contradiction } from "./board.ts";
import type { DueLedger } from "./due_ledger.ts";

/** A leaderboard may be as old as this, of contract and documentation, with a tick on either side. */
const OLD_MS = 1_100;
const NOTE_INTERVAL_MS = 250;
const ENTRIES_MAX = 100;
const DAY_MS = 86_400_000;

/** Kills, deaths and monsters killed of every player, by its index: three numbers each. */
type Scores = Uint32Array;
const COUNTS = 3;

/** What was counted over one period, now and a moment ago. */
class Tally {
  readonly now: Scores;
  /** Oldest first: the first is as old as an answer may be, or older. */
  #notes: { readonly atMs: number; readonly scores: Scores }[] = [];

  constructor(playerCount: number, atMs: number) {
    this.now = new Uint32Array(playerCount * COUNTS);
    this.#notes.push({ atMs, scores: this.now.slice() });
  }

  note(atMs: number): void {
    if (atMs - this.#notes[this.#notes.length - 1].atMs < NOTE_INTERVAL_MS) return;
    this.#notes.push({ atMs, scores: this.now.slice() });
    while (this.#notes.length > 1 && this.#notes[1].atMs <= atMs - OLD_MS) this.#notes.shift();
  }

  /** At least as old as an answer given at `atMs` may be. */
  before(atMs: number): Scores {
    const note = this.#notes.findLast((note) => note.atMs <= atMs - OLD_MS);
    return (note ?? this.#notes[0]).scores;
  }
}

/** Follows who has killed whom how often. */
export class ScoreCheck {
  readonly #board: Board;
  readonly #dues: DueLedger;
  #allTime: Tally | null = null;
  #today: Tally | null = null;
  #day = 0;
  /** Entries asked for, by who asked last. */
  readonly #limits = new Map<Actor, number>();
  /** Entries looked at. */
  entryCount = 0;

  constructor(board: Board, dues: DueLedger) {
    this.#board = board;
    this.#dues = dues;
  }

  /** A tick begins; with a new day its scores begin at 0. */
  beginTick(): void {
    const { actors, nowMs, unixMs } = this.#board;
    this.#allTime ??= new Tally(actors.length, nowMs);
    const day = Math.floor(unixMs / DAY_MS);
    if (day !== this.#day) this.#today = new Tally(actors.length, nowMs);
    this.#day = day;
    this.#allTime.note(nowMs);
    this.#today!.note(nowMs);
  }

  /** A player killed somebody; `victim` is null for a monster. */
  onKill(killer: Actor, victim: Actor | null): void {
    for (const tally of [this.#allTime!, this.#today!]) {
      if (victim === null) tally.now[killer.index * COUNTS + 2]++;
      else {
        tally.now[killer.index * COUNTS]++;
        tally.now[victim.index * COUNTS + 1]++;
      }
    }
  }

  /** A player asks for a leaderboard. */
  ask(actor: Actor, { board, period, limit }: { board: number; period: number; limit: number }): void {
    const isKnown = LeaderboardBoard[board] !== undefined && LeaderboardPeriod[period] !== undefined;
    const code = isKnown ? limit > ENTRIES_MAX ? ErrorCode.OUT_OF_RANGE : ErrorCode.NONE : ErrorCode.INVALID_PACKET;
    this.#limits.set(actor, limit === 0 ? ENTRIES_MAX : limit);
    this.#dues.expect(actor, "leaderboard", code === ErrorCode.NONE ? `${board} ${period}` : ErrorCode[code]);
  }

  /** A leaderboard came. */
  onResponse(actor: Actor, response: LeaderboardResponse): void {
    const { success, errorCode, board, period, entries, own } = response;
    this.#dues.take(actor, "leaderboard", success ? `${board} ${period}` : ErrorCode[errorCode]);
    if (!success || actor.isReplaying) return;
    const tally = period === LeaderboardPeriod.DAY ? this.#today! : this.#allTime!;
    const limits = { before: tally.before(this.#board.nowMs), now: tally.now };
    for (const entry of entries) this.#checkCounts(entry, limits);
    this.#checkOrder(entries, board);
    this.#checkNobodyMissing(entries, { board, before: limits.before, limit: this.#limits.get(actor)! });
    if (own === undefined || Number(own.playerId) !== actor.playerId) {
      throw new Contradiction(`${actor.name} was shown the place of ${own?.name}`);
    }
    this.#checkCounts(own, limits);
    this.#checkRank(own, board, limits);
  }

  /** Every count is one that was right at some moment of late. */
  #checkCounts(entry: LeaderboardEntry, { before, now }: { before: Scores; now: Scores }): void {
    this.entryCount++;
    const player = this.#board.byPlayerId.get(Number(entry.playerId));
    if (player === undefined || player.name !== entry.name) throw new Contradiction(`There is no player ${entry.name}`);
    for (const board of [0, 1, 2]) {
      const count = countOf(entry, board), at = player.index * COUNTS + board;
      if (count >= before[at] && count <= now[at]) continue;
      throw new Contradiction(
        `The leaderboard has ${count} ${LeaderboardBoard[board]} of ${entry.name}, the blows made ${before[at]} to ${
          now[at]
        }`,
      );
    }
  }

  #checkOrder(entries: readonly LeaderboardEntry[], board: number): void {
    entries.forEach((entry, index) => {
      const count = countOf(entry, board), before = entries[index - 1];
      const rank = before !== undefined && countOf(before, board) === count ? before.rank : index + 1;
      const isAfter = before === undefined || countOf(before, board) > count ||
        (countOf(before, board) === count && before.playerId < entry.playerId);
      if (count > 0 && isAfter && entry.rank === rank) return;
      throw new Contradiction(
        `The leaderboard has ${entry.name} at ${entry.rank} with ${count}, in place ${index + 1}`,
      );
    });
  }

  /** Whoever had more than the last on the list is on it. */
  #checkNobodyMissing(
    entries: readonly LeaderboardEntry[],
    { board, before, limit }: { board: number; before: Scores; limit: number },
  ): void {
    if (entries.length > limit) throw new Contradiction(`The leaderboard has ${entries.length} of ${limit} entries`);
    const least = entries.length < limit ? 0 : countOf(entries[entries.length - 1], board);
    const shown = new Set(entries.map(({ playerId }) => Number(playerId)));
    for (const { index, name, playerId } of this.#board.actors) {
      if (before[index * COUNTS + board] <= least || shown.has(playerId)) continue;
      throw new Contradiction(`${name} is not on the leaderboard, with ${before[index * COUNTS + board]}`);
    }
  }

  /** As many are ahead as its rank says. */
  #checkRank(own: LeaderboardEntry, board: number, { before, now }: { before: Scores; now: Scores }): void {
    const count = countOf(own, board);
    let least = 1, most = 1;
    for (const { index } of this.#board.actors) {
      if (before[index * COUNTS + board] > count) least++;
      if (now[index * COUNTS + board] > count) most++;
    }
    if (count === 0 ? own.rank === 0 : own.rank >= least && own.rank <= most) return;
    throw new Contradiction(`${own.name} has rank ${own.rank} with ${count}, it must be ${least} to ${most}`);
  }
}

function countOf({ deaths, kills, monsterKills }: LeaderboardEntry, board: number): number {
  return [kills, deaths, monsterKills][board];
}
