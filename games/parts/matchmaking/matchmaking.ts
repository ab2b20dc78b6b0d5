/**
 * A queue for matches: players and parties wait until enough fit together.
 *
 * @module
 */

import { definePart, type Game, type Player, Refused } from "../../../server/game/game.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { Matchmaker, type MatchRules, type Ticket } from "./matchmaker.ts";
import { QueueJoinRequestSchema, QueueLeaveRequestSchema, QueueStatusSchema } from "./matchmaking_pb.ts";

/** What a game says of its queue. */
export interface MatchmakingOptions extends MatchRules {
  /**
   * Begins a match.
   *
   * @returns `false` when it cannot begin now: they go on waiting, first in line.
   */
  readonly start: (players: readonly Player[]) => boolean;
  /**
   * The players who queue together with a player, itself included; itself alone unless told. Throws a `Refused` when it may not wait now.
   */
  readonly groupOf?: (player: Player) => readonly Player[];
}

interface PlayersTicket extends Ticket {
  readonly players: readonly Player[];
}

/** Who waits, and since when, by the engine's clock. */
interface KeptTicket {
  readonly playerIds: readonly number[];
  readonly sinceMs: number;
}

/** A queue that runs. A player is in it until a match begins, it leaves or its session ends; a lost connection changes nothing. */
export class MatchQueue {
  readonly #game: Game;
  readonly #options: MatchmakingOptions;
  readonly #matchmaker: Matchmaker<PlayersTicket>;
  readonly #tickets = new Map<Player, PlayersTicket>();

  /** Made by {@linkcode matchmaking}. */
  constructor(game: Game, options: MatchmakingOptions) {
    this.#game = game;
    this.#options = options;
    this.#matchmaker = new Matchmaker(options);
    game.on(QueueJoinRequestSchema, (player) => {
      this.join(player);
      return {};
    });
    game.on(QueueLeaveRequestSchema, (player) => {
      if (!this.leave(player)) throw new Refused(ErrorCode.INVALID_STATE, "You are not in the queue");
      return {};
    });
    game.hooks.leave((player) => void this.leave(player));
    // What was told before the connection was lost may be long ago.
    game.hooks.resumed((player) => {
      if (this.isWaiting(player)) this.#tell([player]);
    });
    game.system("matchmaking", (nowMs) => this.#makeMatches(nowMs));
    for (const { playerIds, sinceMs } of game.kept<KeptTicket[]>("matchmaking") ?? []) {
      this.#add(playerIds.flatMap((id) => game.players.find(id) ?? []), sinceMs);
    }
    game.keep("matchmaking", () =>
      Array.from(new Set(this.#tickets.values()), ({ players, sinceMs }): KeptTicket => ({
        playerIds: players.map(({ playerId }) => playerId),
        sinceMs,
      })));
  }

  /** Whether a player waits for a match. */
  isWaiting(player: Player): boolean {
    return this.#tickets.has(player);
  }

  /**
   * Puts a player, and whom it brings along, into the queue.
   *
   * @throws {Refused} when one of them waits already, they are too many, or the queue is full.
   */
  join(player: Player): void {
    const players = this.#options.groupOf?.(player) ?? [player];
    if (players.some((member) => this.isWaiting(member))) {
      throw new Refused(ErrorCode.INVALID_STATE, "Already in the queue");
    }
    if (players.length > this.#options.wanted) {
      throw new Refused(ErrorCode.OUT_OF_RANGE, "More players than a match has");
    }
    if (!this.#add(players, this.#game.nowMs)) throw new Refused(ErrorCode.SERVER_FULL, "The queue is full");
    this.#tell(players);
  }

  #add(players: readonly Player[], sinceMs: number): boolean {
    const ticket = { players, size: players.length, sinceMs };
    if (!this.#matchmaker.tryAdd(ticket)) return false;
    for (const member of players) this.#tickets.set(member, ticket);
    this.#count();
    return true;
  }

  /** Takes a player, and whom it came with, out of the queue. @returns `false` when it is not in it. */
  leave(player: Player): boolean {
    const ticket = this.#tickets.get(player);
    if (ticket === undefined) return false;
    this.#remove(ticket);
    this.#tell(ticket.players);
    return true;
  }

  #makeMatches(nowMs: number): void {
    for (;;) {
      const tickets = this.#matchmaker.find(nowMs);
      if (tickets === null) return;
      const players = tickets.flatMap(({ players }) => players);
      if (!this.#tryStart(players)) return;
      for (const ticket of tickets) this.#remove(ticket);
      this.#tell(players);
    }
  }

  /** A match that a fault keeps from beginning must not hold up others: its players leave the queue. */
  #tryStart(players: readonly Player[]): boolean {
    try {
      return this.#options.start(players);
    } catch (error) {
      this.#game.faults.report("matchmaking", error);
      return true;
    }
  }

  #remove(ticket: PlayersTicket): void {
    this.#matchmaker.remove(ticket);
    this.#count();
    for (const player of ticket.players) this.#tickets.delete(player);
  }

  #count(): void {
    this.#game.metric("queue_players").set(this.#matchmaker.playerCount);
  }

  #tell(players: readonly Player[]): void {
    for (const player of players) {
      const ticket = this.#tickets.get(player);
      player.tell(QueueStatusSchema, {
        isWaiting: ticket !== undefined,
        waitedMs: ticket === undefined ? 0 : Math.round(this.#game.nowMs - ticket.sinceMs),
        waiting: this.#matchmaker.playerCount,
        wanted: this.#options.wanted,
      });
    }
  }
}

/** A queue for matches of players and parties. */
export const matchmaking = definePart(
  "matchmaking",
  (game, options: MatchmakingOptions) => new MatchQueue(game, options),
  { queue_players: { kind: "gauge", help: "Players who wait for a match" } },
);
