/**
 * One match: who is it, who touches whom, and what everybody has earned.
 *
 * @module
 */

import type { Entity, Game, Instance, Player } from "../../server/game/game.ts";
import { Kind, MatchEndedSchema, MatchStartedSchema, RunnerSchema, TaggedSchema } from "./contract.ts";

/** What touches does so within this, in units. */
const TOUCH_UNITS = 1.5;
/** A player who has passed it on cannot get it back for so long, in milliseconds. */
const SAFE_MS = 2_000;
const SHIELD_MS = 6_000;
const FREEZE_MS = 3_000;
/** A power-up comes so often, in milliseconds. */
const POWER_UP_MS = 12_000;
const POWER_UP_POINTS = 5;
/** Power-ups that lie about, at most. */
const POWER_UPS_MAX = 3;
/** What the winner of a whole match gets beside a coin for every five points. */
const WINNER_COINS = 10;

/** What came of a match for one player. */
export interface Result extends Readonly<Record<"score" | "coins", number>> {
  readonly player: Player;
  readonly isWinner: boolean;
}

interface PowerUp {
  readonly kind: Kind;
  readonly entity: Entity;
}

type Prng = ReturnType<Game["random"]>;

/** How long a player was not it, its points, and until when it is what, in milliseconds of the engine's clock. */
const NEW_SEAT = { freeMs: 0, points: 0, safeUntilMs: 0, shieldUntilMs: 0, frozenUntilMs: 0 };
type SeatState = typeof NEW_SEAT & { readonly playerId: number };
/** A player in a match. */
type Seat = SeatState & { readonly player: Player; readonly entity: Entity };
/** A match as plain data: what goes on when the game is reloaded. */
export interface MatchState {
  /** By the engine's clock, in milliseconds. */
  readonly endsMs: number;
  readonly seats: readonly SeatState[];
  readonly powerUps: readonly { readonly kind: Kind; readonly x: number; readonly z: number }[];
}
/** What is seen of somebody who is in no match. */
const NOTHING = { isIt: false, isShielded: false, isFrozen: false, score: 0 };

/** A match that begins. */
export function newMatch(players: readonly Player[], endsMs: number): MatchState {
  return { endsMs, seats: players.map(({ playerId }) => ({ playerId, ...NEW_SEAT })), powerUps: [] };
}

/** A match that runs. */
export class Match {
  readonly #game: Game;
  readonly #arena: Instance;
  readonly #prng: Prng;
  readonly #endsMs: number;
  readonly #seats: Seat[];
  readonly #powerUps: PowerUp[] = [];
  #it: Seat;
  #steppedMs: number;

  /** Takes the players to the arena, unless the match goes on after the game was reloaded. */
  constructor(game: Game, { arena, prng, isResumed, state: { endsMs, seats, powerUps } }: {
    readonly arena: Instance;
    readonly prng: Prng;
    readonly isResumed: boolean;
    readonly state: MatchState;
  }) {
    this.#game = game;
    this.#arena = arena;
    this.#prng = prng;
    this.#endsMs = endsMs;
    this.#steppedMs = game.nowMs;
    this.#seats = seats.map((seat, index) => {
      const player = game.players.find(seat.playerId)!;
      if (!isResumed) player.moveTo(arena, placeOf(index, seats.length, arena));
      return { ...seat, player, entity: game.entities.of(player) };
    });
    for (const powerUp of powerUps) this.#place(powerUp);
    game.every(POWER_UP_MS, () => this.#placePowerUp(), arena);
    if (isResumed) {
      this.#it = this.#seats.find(({ entity }) => entity.get(RunnerSchema).isIt)!;
    } else {
      arena.tell(MatchStartedSchema, { matchId: this.id, durationMs: Math.round(endsMs - game.nowMs) });
      this.#it = this.#passTo(this.#seats[prng.nextInt(seats.length)], null);
    }
  }

  /** That of its map: no other that runs has it. */
  get id(): number {
    return this.#arena.map.mapId;
  }

  /** All that goes on when the game is reloaded. */
  get state(): MatchState {
    return {
      endsMs: this.#endsMs,
      seats: this.#seats.map(({ player: _, entity: __, ...seat }) => seat),
      powerUps: this.#powerUps.map(({ kind, entity: { x, z } }) => ({ kind, x, z })),
    };
  }

  /** The players; the one who is it comes first. */
  get players(): Player[] {
    return [this.#it, ...this.#seats.filter((seat) => seat !== this.#it)].map(({ player }) => player);
  }

  /** Power-ups that lie about. */
  get powerUps(): readonly PowerUp[] {
    return this.#powerUps;
  }

  /** Moves everything on. @returns `false` when too few are left to go on. */
  step(nowMs: number): boolean {
    if (this.#seats.length < 2) return false;
    // The match was made after this tick began.
    const elapsedMs = Math.max(0, nowMs - this.#steppedMs);
    this.#steppedMs = nowMs;
    for (const seat of this.#seats) {
      if (seat !== this.#it) seat.freeMs += elapsedMs;
      this.#takePowerUps(seat, nowMs);
    }
    const runner = this.#seats.find((seat) =>
      seat !== this.#it && nowMs >= Math.max(seat.safeUntilMs, seat.shieldUntilMs) &&
      areNear(seat.entity, this.#it.entity)
    );
    if (runner !== undefined) this.#it = this.#passTo(runner, this.#it);
    for (const seat of this.#seats) this.#show(seat, nowMs);
    return true;
  }

  /** Takes out a player who leaves the world. */
  leave(player: Player): void {
    const index = this.#seats.findIndex((seat) => seat.player === player);
    if (index < 0) return;
    const [seat] = this.#seats.splice(index, 1);
    if (seat === this.#it && this.#seats.length > 0) {
      this.#it = this.#passTo(this.#seats[this.#prng.nextInt(this.#seats.length)], null);
    }
  }

  /**
   * Ends it: everybody is told the scores and goes back to the lobby.
   *
   * @param prizePart What the winner gets of the coins for a win, 0 to 1.
   * @returns What came of it.
   */
  end(prizePart: number): Result[] {
    const prize = Math.floor(WINNER_COINS * prizePart);
    const ranked = this.#seats.map((seat) => ({ seat, score: scoreOf(seat) })).sort((a, b) => b.score - a.score);
    const results = ranked.map(({ seat: { player }, score }): Result => {
      const isWinner = score === ranked[0].score;
      return { player, score, isWinner, coins: Math.floor(score / 5) + (isWinner ? prize : 0) };
    });
    const scores = results.map(({ player: { name }, score, coins }) => ({ name, score, coins }));
    this.#arena.tell(MatchEndedSchema, { matchId: this.id, scores });
    for (const { entity } of this.#seats) {
      entity.release("frozen");
      entity.update(RunnerSchema, NOTHING);
    }
    this.#arena.end();
    return results;
  }

  #passTo(to: Seat, from: Seat | null): Seat {
    if (from !== null) {
      from.safeUntilMs = this.#steppedMs + SAFE_MS;
      from.frozenUntilMs = 0;
      from.entity.update(RunnerSchema, { isIt: false });
    }
    to.entity.update(RunnerSchema, { isIt: true });
    const ids = { fromEntityId: BigInt(from?.entity.id ?? 0), toEntityId: BigInt(to.entity.id) };
    this.#arena.tell(TaggedSchema, ids);
    return to;
  }

  #placePowerUp(): void {
    if (this.#powerUps.length >= POWER_UPS_MAX) return;
    const kind = this.#prng.nextInt(2) === 0 ? Kind.SHIELD : Kind.FREEZE;
    const { map } = this.#arena;
    const [x, z] = [map.width * this.#prng.nextFloat(), map.height * this.#prng.nextFloat()];
    this.#place({ kind, x, z });
  }

  #place({ kind, x, z }: MatchState["powerUps"][number]): void {
    const entity = this.#game.entities.spawn({ kind, name: "", map: this.#arena.map, x, z });
    if (entity !== null) this.#powerUps.push({ kind, entity });
  }

  #takePowerUps(seat: Seat, nowMs: number): void {
    if (seat === this.#it) return;
    const index = this.#powerUps.findIndex(({ entity }) => areNear(entity, seat.entity));
    if (index < 0) return;
    const [{ kind, entity }] = this.#powerUps.splice(index, 1);
    entity.leave();
    seat.points += POWER_UP_POINTS;
    if (kind === Kind.SHIELD) seat.shieldUntilMs = nowMs + SHIELD_MS;
    else this.#it.frozenUntilMs = nowMs + FREEZE_MS;
  }

  #show({ entity, ...seat }: Seat, nowMs: number): void {
    const isFrozen = nowMs < seat.frozenUntilMs;
    if (isFrozen !== entity.get(RunnerSchema).isFrozen) isFrozen ? entity.hold("frozen") : entity.release("frozen");
    entity.update(RunnerSchema, { score: scoreOf(seat), isShielded: nowMs < seat.shieldUntilMs, isFrozen });
  }
}

function scoreOf({ freeMs, points }: Pick<Seat, "freeMs" | "points">): number {
  return Math.floor(freeMs / 1_000) + points;
}

function areNear(a: Entity, b: Entity): boolean {
  return Math.hypot(a.x - b.x, a.z - b.z) <= TOUCH_UNITS;
}

/** Players stand in a circle at first. */
function placeOf(index: number, count: number, { map: { width, height } }: Instance): { x: number; z: number } {
  const angle = 2 * Math.PI * index / count;
  return { x: width * (0.5 + 0.3 * Math.sin(angle)), z: height * (0.5 + 0.3 * Math.cos(angle)) };
}
