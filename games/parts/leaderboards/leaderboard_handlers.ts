/**
 * Leaderboards: who has killed and died how often, today and of all time.
 *
 * A kill is handed to the storage at once, together with those that happened while it was writing. What a
 * LEADERBOARD_RESPONSE shows was read from there, so it is on disk.
 *
 * @module
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import {
  LeaderboardBoard,
  type LeaderboardEntrySchema,
  LeaderboardPeriod,
  type LeaderboardRequest,
  LeaderboardRequestSchema,
  LeaderboardResponseSchema,
} from "./leaderboards_pb.ts";
import {
  LEADERBOARD_CACHE_ENTRIES_MAX,
  LEADERBOARD_CACHE_MS,
  LEADERBOARD_ENTRIES_MAX,
  SCORES_PENDING_MAX,
} from "./limits.ts";
import { ShortCache } from "../common/short_cache.ts";
import {
  type Asker,
  definePart,
  type Game,
  type Player,
  type PlayerName,
  Refused,
  SYSTEM,
} from "../../../server/game/game.ts";
import { ALL_TIME, type Board, type PlayerKill, type Score, SCORES } from "./score_store.ts";
import { KillLedger } from "./kill_ledger.ts";

const DAY_MS = 24 * 3_600_000;
/** How often what waits is tried again, in milliseconds. */
const SWEEP_INTERVAL_MS = 1_000;

const BOARDS: Readonly<Record<LeaderboardBoard, Board>> = {
  [LeaderboardBoard.KILLS]: "kills",
  [LeaderboardBoard.DEATHS]: "deaths",
  [LeaderboardBoard.MONSTER_KILLS]: "monsterKills",
};

/** The boards there are: three, of all time and of a day, and those of yesterday for a moment at midnight. */
const BOARDS_CACHED_MAX = 3 * 3;

/** Counts kills, and shows who has the most. */
export class LeaderboardService {
  readonly #game: Game;
  readonly #kills: KillLedger<PlayerKill>;
  readonly #tops: ShortCache<Score[]>;
  readonly #places: ShortCache<Score | undefined>;

  constructor(game: Game) {
    this.#game = game;
    this.#kills = new KillLedger({
      write: (kills) => game.storage.for(SYSTEM).of(SCORES).add(kills),
      begin: (write) => game.background("kills", write),
      pendingMax: SCORES_PENDING_MAX,
      log: game.log,
    });
    const lifetimeMs = LEADERBOARD_CACHE_MS;
    this.#tops = new ShortCache({ lifetimeMs, entriesMax: BOARDS_CACHED_MAX });
    this.#places = new ShortCache({ lifetimeMs, entriesMax: LEADERBOARD_CACHE_ENTRIES_MAX });
    game.hooks.expire((dateMs) => game.storage.for(SYSTEM).of(SCORES).deleteOld({ beforeDay: dayOf(dateMs) }));
    game.hooks.stop(() => this.stop());
    game.every(SWEEP_INTERVAL_MS, () => this.sweep());
    game.on(LeaderboardRequestSchema, (player, request) => this.#show(player, request));
  }

  /** Takes note of a death: it counts where a player was the cause. */
  onKill(killer: PlayerName | null, victim: PlayerName | null): void {
    if (killer === null || killer.playerId === victim?.playerId) return;
    const { playerId: killerId } = killer, victimId = victim === null ? null : victim.playerId;
    this.#kills.add({ killerId, victimId, day: dayOf(this.#game.clock.unixMs()) });
  }

  /** Makes up for what the storage refused; to be called every second or so. */
  sweep(): void {
    if (this.#kills.pendingCount > 0) void this.#kills.flush();
  }

  /** Resolves when everything is written; to be called once, when nobody is in the world any more. */
  async stop(): Promise<void> {
    await this.#kills.flush();
  }

  async #show(
    player: Player,
    request: LeaderboardRequest,
  ): Promise<MessageInitShape<typeof LeaderboardResponseSchema>> {
    const { board, period, limit } = checked(request);
    const nowMs = this.#game.clock.unixMs();
    const day = period === LeaderboardPeriod.DAY ? dayOf(nowMs) : ALL_TIME;
    const [top, own] = await Promise.all([
      this.#top(player.asker, BOARDS[board], day),
      this.#place(player.asker, BOARDS[board], day, player),
    ]);
    return {
      board,
      period,
      entries: top.slice(0, limit).map(entryOf),
      own: own === undefined ? undefined : entryOf(own),
      endsAt: day === ALL_TIME ? 0n : BigInt((day + 1) * DAY_MS),
    };
  }

  #top(asker: Asker, board: Board, day: number): Promise<Score[]> {
    const query = { board, day, limit: LEADERBOARD_ENTRIES_MAX };
    const read = () => this.#game.storage.for(asker).of(SCORES).top(query);
    return this.#tops.get(`${board} ${day}`, this.#game.clock.monotonicMs(), read);
  }

  #place(
    asker: Asker,
    board: Board,
    day: number,
    { playerId }: { readonly playerId: number },
  ): Promise<Score | undefined> {
    const query = { board, day, playerId };
    const read = () => this.#game.storage.for(asker).of(SCORES).of(query);
    return this.#places.get(`${board} ${day} ${playerId}`, this.#game.clock.monotonicMs(), read);
  }
}

/** The day of a date in Unix milliseconds, counted from 1970-01-01 UTC. */
export function dayOf(unixMs: number): number {
  return Math.floor(unixMs / DAY_MS);
}

function checked(
  { board, period, limit }: LeaderboardRequest,
): { board: LeaderboardBoard; period: number; limit: number } {
  if (BOARDS[board] === undefined) throw new Refused(ErrorCode.INVALID_PACKET, `There is no board ${board}`);
  if (LeaderboardPeriod[period] === undefined) {
    throw new Refused(ErrorCode.INVALID_PACKET, `There is no period ${period}`);
  }
  if (limit > LEADERBOARD_ENTRIES_MAX) {
    const message = `${limit} entries are too many, limit is ${LEADERBOARD_ENTRIES_MAX} entries`;
    throw new Refused(ErrorCode.OUT_OF_RANGE, message);
  }
  return { board, period, limit: limit === 0 ? LEADERBOARD_ENTRIES_MAX : limit };
}

function entryOf(score: Score): MessageInitShape<typeof LeaderboardEntrySchema> {
  return { ...score, playerId: BigInt(score.playerId) };
}

/** Who has killed and died how often. */
export const leaderboards = definePart("leaderboards", (game) => new LeaderboardService(game));
