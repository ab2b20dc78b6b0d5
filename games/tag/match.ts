/**
 * One match: who is it, who touches whom, and what everybody has earned.
 *
 * @module
 */

import type { Entity, Game, Group, Instance, Player } from "../../server/game/game.ts";
import { Kind, MatchEndedSchema, MatchStartedSchema, type Runner, RunnerSchema, TaggedSchema } from "./contract.ts";

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
/** What the winner gets beside a coin for every five points. */
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
/** A player in a match. */
type Seat = typeof NEW_SEAT & { readonly player: Player; readonly entity: Entity };
/** A match as plain data. */
export interface MatchImage {
  readonly id: number;
  readonly endsMs: number;
  readonly itId: number;
  readonly seats: readonly (typeof NEW_SEAT & { readonly playerId: number })[];
  readonly powerUps: readonly { readonly kind: Kind; readonly x: number; readonly z: number }[];
}
/** What is seen of somebody who is in no match. */
const NOTHING = { isIt: false, isShielded: false, isFrozen: false, score: 0 };

/** A match that runs. */
export class Match {
  /** That of its map: no other that runs has it. */
  readonly id: number;
  /** By the engine's clock, in milliseconds. */
  readonly endsMs: number;
  readonly #game: Game;
  readonly #arena: Instance;
  readonly #prng: Prng;
  /** Who plays, and is told of it. */
  readonly #group: Group;
  readonly #seats: Seat[];
  readonly #powerUps: PowerUp[] = [];
  #it: Seat;
  #steppedMs: number;

  /** Takes the players to the arena, unless it goes on with a match from before the game was reloaded. */
  constructor(game: Game, { arena, players, prng, durationMs, before }: {
    readonly arena: Instance;
    readonly players: readonly Player[];
    readonly prng: Prng;
    readonly durationMs: number;
    readonly before?: MatchImage;
  }) {
    this.#game = game;
    this.#arena = arena;
    this.#prng = prng;
    this.id = arena.map.mapId;
    this.#group = game.group(`match ${this.id}`);
    for (const player of players) this.#group.add(player);
    this.endsMs = before?.endsMs ?? game.nowMs + durationMs;
    this.#steppedMs = game.nowMs;
    this.#seats = players.map((player, index) => {
      const { playerId: _, ...seat } = before?.seats[index] ?? { playerId: 0, ...NEW_SEAT };
      if (before === undefined) game.instances.move(player, arena, placeOf(index, players.length, arena));
      return { player, entity: game.entities.of(player), ...seat };
    });
    if (before === undefined) {
      this.#group.tell(MatchStartedSchema, { matchId: this.id, durationMs });
      this.#it = this.#passTo(this.#seats[prng.nextInt(this.#seats.length)], null);
    } else {
      this.#it = this.#seats.find(({ player }) => player.playerId === before.itId)!;
      for (const powerUp of before.powerUps) this.#place(powerUp);
    }
    game.every(POWER_UP_MS, () => this.#placePowerUp(), arena);
  }

  /** All that goes on when the game is reloaded. */
  image(): MatchImage {
    return {
      id: this.id,
      endsMs: this.endsMs,
      itId: this.#it.player.playerId,
      seats: this.#seats.map(({ player: { playerId }, entity: _, ...seat }) => ({ playerId, ...seat })),
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
    this.#group.remove(player);
    if (seat === this.#it && this.#seats.length > 0) {
      this.#it = this.#passTo(this.#seats[this.#prng.nextInt(this.#seats.length)], null);
    }
  }

  /** Ends it: everybody is told the scores and goes back to the lobby. @returns What came of it. */
  end(): Result[] {
    const ranked = this.#seats.map((seat) => ({ seat, score: scoreOf(seat) })).sort((a, b) => b.score - a.score);
    const results = ranked.map(({ seat: { player }, score }): Result => {
      const isWinner = score === ranked[0].score;
      return { player, score, isWinner, coins: Math.floor(score / 5) + (isWinner ? WINNER_COINS : 0) };
    });
    const scores = results.map(({ player: { name }, score, coins }) => ({ name, score, coins }));
    this.#group.tell(MatchEndedSchema, { matchId: this.id, scores });
    this.#group.clear();
    for (const { entity } of this.#seats) {
      if (entity.get(RunnerSchema).isFrozen) entity.release("frozen");
      change(entity, NOTHING);
    }
    this.#arena.end();
    return results;
  }

  #passTo(to: Seat, from: Seat | null): Seat {
    if (from !== null) {
      from.safeUntilMs = this.#steppedMs + SAFE_MS;
      from.frozenUntilMs = 0;
      change(from.entity, { isIt: false });
    }
    change(to.entity, { isIt: true });
    const ids = { fromEntityId: BigInt(from?.entity.id ?? 0), toEntityId: BigInt(to.entity.id) };
    this.#group.tell(TaggedSchema, ids);
    return to;
  }

  #placePowerUp(): void {
    if (this.#powerUps.length >= POWER_UPS_MAX) return;
    const kind = this.#prng.nextInt(2) === 0 ? Kind.SHIELD : Kind.FREEZE;
    const { map } = this.#arena;
    const [x, z] = [map.width * this.#prng.nextFloat(), map.height * this.#prng.nextFloat()];
    this.#place({ kind, x, z });
  }

  #place({ kind, x, z }: MatchImage["powerUps"][number]): void {
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
    const before = entity.get(RunnerSchema);
    const now = { score: scoreOf(seat), isShielded: nowMs < seat.shieldUntilMs, isFrozen: nowMs < seat.frozenUntilMs };
    if (now.isFrozen !== before.isFrozen) now.isFrozen ? entity.hold("frozen") : entity.release("frozen");
    if (!Object.entries(now).every(([name, value]) => before[name as keyof typeof now] === value)) change(entity, now);
  }
}

function scoreOf({ freeMs, points }: Pick<Seat, "freeMs" | "points">): number {
  return Math.floor(freeMs / 1_000) + points;
}

function change(entity: Entity, news: Partial<Runner>): void {
  entity.set(RunnerSchema, { ...entity.get(RunnerSchema), ...news });
}

function areNear(a: Entity, b: Entity): boolean {
  return Math.hypot(a.x - b.x, a.z - b.z) <= TOUCH_UNITS;
}

/** Players stand in a circle at first. */
function placeOf(index: number, count: number, { map: { width, height } }: Instance): { x: number; z: number } {
  const angle = 2 * Math.PI * index / count;
  return { x: width * (0.5 + 0.3 * Math.sin(angle)), z: height * (0.5 + 0.3 * Math.cos(angle)) };
}
