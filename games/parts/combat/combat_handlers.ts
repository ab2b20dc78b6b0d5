/**
 * Combat, as players see it: skills, respawns, and who is told of what.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { packetTypeOf } from "../../../shared/contract.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import {
  definePart,
  type Game,
  Penalties,
  type Place,
  type Player,
  type PlayerName,
  type Prng,
  Refused,
  type SavedState,
} from "../../../server/game/game.ts";
import { type BlowReport, Combat, type CombatRefusal } from "./combat.ts";
import { type CombatAction, CombatActionSchema, CombatResultSchema, RespawnRequestSchema } from "./combat_pb.ts";
import { type Health, setStatus } from "./components.ts";
import {
  AREA_COPIES_MAX,
  AREA_TARGETS_MAX,
  AREA_TARGETS_MIN,
  COOLDOWN_SWEEP_INTERVAL_MS,
  RESPAWN_DELAY_MS,
  RESPAWN_DISTANCE_MAX,
  RESPAWN_DISTANCE_MIN,
} from "./limits.ts";
import { Respawns } from "./respawns.ts";
import { SafeAreas } from "./safe_areas.ts";
import { EFFECT_STUN } from "./status_effects.ts";

const COMBAT_RESULT = packetTypeOf(CombatResultSchema);

/** Told of every death: `killer` is null for a monster's doing, `victim` for a monster. */
export type KillListener = (killer: PlayerName | null, victim: PlayerName | null) => void;

/** What an attacker is told. */
const REFUSALS: Readonly<Record<CombatRefusal, { readonly code: ErrorCode; readonly message: string }>> = {
  unknown_skill: { code: ErrorCode.INVALID_PACKET, message: "No such skill" },
  bad_position: { code: ErrorCode.INVALID_PACKET, message: "The target position must be there and finite" },
  cannot_act: { code: ErrorCode.INVALID_STATE, message: "The dead and the stunned cannot act" },
  just_entered: { code: ErrorCode.INVALID_STATE, message: "Nobody can strike within a second of the entry" },
  bad_target: { code: ErrorCode.TARGET_INVALID, message: "No such target in sight" },
  protected: { code: ErrorCode.TARGET_INVALID, message: "The target stands in a safe area" },
  out_of_range: { code: ErrorCode.OUT_OF_RANGE, message: "The target is too far away" },
  on_cooldown: { code: ErrorCode.ON_COOLDOWN, message: "The skill is not ready yet" },
};

/** Hit points of a player. */
const PLAYER_HP_MAX = 100;

/** What held a character back when it left the world. Times by the server's clock, in milliseconds; 0: none. */
interface FightPenalty {
  readonly diedAtMs: number;
  readonly stunnedUntilMs: number;
  readonly fightsUntilMs: number;
  /** Until when it counts as having dealt a blow of late; never beyond `fightsUntilMs`. */
  readonly struckUntilMs: number;
}

/** What is kept of a player when the game is reloaded; the dead are so since `diedAtMs`, by the engine's clock. */
type KeptHealth = Readonly<Record<"hp" | "hpMax" | "diedAtMs", number>>;

/** What a game says of its fights. Its `components` have COMBAT_COMPONENTS, its `holdReasons` COMBAT_HOLD_REASONS. */
export interface CombatOptions {
  /** Where nobody strikes a player; left out: nowhere. */
  readonly safeAreas?: SafeAreas;
  /** Whether two players may fight in safe areas, too; left out: nobody may. 0 for who is nobody's. */
  readonly areAtWar?: (playerId: number, otherId: number) => boolean;
}

/** Who comes with no penalty. */
const UNHELD: FightPenalty = { diedAtMs: 0, fightsUntilMs: 0, struckUntilMs: 0, stunnedUntilMs: 0 };

/** When a penalty holds nothing back any more. */
export function fightPenaltyEndMs({ diedAtMs, stunnedUntilMs, fightsUntilMs }: FightPenalty): number {
  return Math.max(diedAtMs === 0 ? 0 : diedAtMs + RESPAWN_DELAY_MS, stunnedUntilMs, fightsUntilMs);
}

/** How often penalties that hold nobody back are forgotten, in milliseconds. */
const PENALTY_SWEEP_INTERVAL_MS = 1_000;

/** The fights of a world, on all its maps. */
export class CombatService {
  /** The fights themselves, for those whom nobody plays. */
  readonly rules: Combat;
  readonly safeAreas: SafeAreas;
  readonly #game: Game;
  readonly #penalties = new Penalties(fightPenaltyEndMs);
  readonly #respawns = new Respawns();
  /** Entities that came back to life and that nobody plays: they go, whatever strikes them until then. */
  readonly #departing = new Set<number>();
  readonly #killListeners: KillListener[] = [];
  readonly #blowListeners: ((blow: BlowReport) => void)[] = [];
  readonly #deathListeners: ((victimId: number) => void)[] = [];
  /** Chooses where the dead come back. */
  readonly #places: Prng;
  readonly #watchers: Int32Array;
  readonly #recipients: Player[] = [];
  /** Round in which each entity's player was last added to the recipients. */
  readonly #rounds: Float64Array;
  #round = 0;
  /** Whose watchers the recipients begin with, how many these are, and their round; 0: nobody's. */
  #attackerId = 0;
  #attackerCount = 0;
  #attackerRound = 0;
  #nextSweepMs: number;

  /** Made by {@linkcode combat}. */
  constructor(game: Game, { safeAreas = new SafeAreas(), areAtWar = () => false }: CombatOptions = {}) {
    this.#game = game;
    this.safeAreas = safeAreas;
    this.#watchers = new Int32Array(game.world.slotCount);
    this.#rounds = new Float64Array(game.world.slotCount);
    this.#nextSweepMs = game.nowMs + COOLDOWN_SWEEP_INTERVAL_MS;
    this.#places = game.random("respawns");
    this.rules = new Combat({
      world: game.world,
      // A die of its own: how a fight ends does not depend on where some wolf goes for a walk.
      dice: game.random("dice"),
      safeAreas,
      areAtWar: (entityId, otherId) => areAtWar(this.#playerIdOf(entityId), this.#playerIdOf(otherId)),
      areaTargetsMax: (attackerId) => this.#areaTargetsMax(attackerId),
      faults: game.faults,
      events: {
        onBlow: (report) => this.#onBlow(report),
        onDeath: (killerId, victimId) => this.#onDeath(killerId, victimId),
      },
    });
    this.#keepHealth();
    game.hooks.savedHp((entityId) => this.health.hpOf(entityId));
    game.hooks.stays((entityId, nowMs) => !this.#departing.has(entityId) && this.rules.isFighting(entityId, nowMs));
    // A player who died enters as after a respawn: anywhere on its map.
    game.hooks.entryPlace((_player, saved) => saved !== null && saved.hp <= 0 ? { mapId: saved.mapId } : undefined);
    game.hooks.despawn((entityId, characterId) => this.#remove(entityId, characterId));
    game.hooks.spawn((entityId, characterId, hasStayed) => this.#enter(entityId, characterId, hasStayed));
    game.system("combat", (nowMs) => this.step(nowMs));
    game.every(PENALTY_SWEEP_INTERVAL_MS, () => this.#penalties.sweep(game.nowMs));
    game.on(CombatActionSchema, (player, action) => this.#act(player, action));
    game.on(RespawnRequestSchema, (player) => this.#onRespawnRequest(player));
  }

  /** Who is hurt how much when it appears, and when the game is reloaded. */
  #keepHealth(): void {
    const game = this.#game;
    const before = new Map(game.kept<[entityId: number, health: KeptHealth][]>("health") ?? []);
    game.keep(
      "health",
      () =>
        Array.from({ length: game.world.viewerCount }, (_, index): [entityId: number, health: KeptHealth] => {
          const id = game.world.viewerAt(index), diedAtMs = this.#respawns.diedAtMs(id);
          return [id, { hp: this.health.hpOf(id), hpMax: this.health.hpMaxOf(id), diedAtMs }];
        }),
    );
    game.hooks.appear((entityId, _player, saved) => {
      const health = before.get(entityId);
      if (saved !== "stayed") this.#appear(entityId, saved);
      else if (before.delete(entityId)) {
        // Fights, and what they did to anybody, end with the game that was reloaded.
        this.health.set(entityId, health!);
        if (health!.hp <= 0) this.#respawns.add(entityId, health!.diedAtMs);
        setStatus(game.world, entityId, { buffIds: [], debuffIds: [], isStunned: false, isSilenced: false });
      }
    });
  }

  /** Hit points of everybody. */
  get health(): Health {
    return this.rules.health;
  }

  /** Whether the entity can move and act: it is in the world, alive and not stunned. */
  canAct(entityId: number): boolean {
    return this.rules.canAct(entityId);
  }

  /** Whether the entity gave or took a blow of late. */
  isFighting(entityId: number): boolean {
    return this.rules.isFighting(entityId, this.#game.clock.monotonicMs());
  }

  /** A player has a new entity: it is as hurt as it was saved, but a player who died comes back in full health. */
  #appear(entityId: number, saved: SavedState | null): void {
    const hp = saved !== null && saved.hp > 0 ? saved.hp : PLAYER_HP_MAX;
    this.health.set(entityId, { hp, hpMax: PLAYER_HP_MAX });
  }

  /** Adds a listener for every blow, once those who see it are told. */
  onBlow(listener: (blow: BlowReport) => void): void {
    this.#blowListeners.push(listener);
  }

  /** Adds a listener for every death, of whomever; it comes before those of {@linkcode onKill}. */
  onDeath(listener: (victimId: number) => void): void {
    this.#deathListeners.push(listener);
  }

  /** Adds a listener for every death a player has a part in. */
  onKill(listener: KillListener): void {
    this.#killListeners.push(listener);
  }

  /** Brings effects and the dead up to date; to be called every tick, before the world's step. */
  step(nowMs: number): void {
    this.#attackerId = 0;
    this.rules.step(nowMs);
    for (let id = this.#respawns.due(nowMs); id !== 0; id = this.#respawns.due(nowMs)) {
      this.#game.faults.run("respawn", () => this.#respawn(id, nowMs));
    }
    if (nowMs < this.#nextSweepMs) return;
    this.#nextSweepMs = nowMs + COOLDOWN_SWEEP_INTERVAL_MS;
    this.rules.sweep(nowMs);
  }

  #act(player: Player, action: CombatAction): void {
    const { entityId, characterId } = player;
    const attackerId = Number(action.attackerId);
    if (attackerId !== 0 && attackerId !== entityId) {
      throw new Refused(ErrorCode.PERMISSION_DENIED, "You can act only as your own entity");
    }
    this.#attackerId = 0;
    const verdict = this.rules.act({
      attackerId: entityId,
      attackerKey: characterId,
      skillId: action.skillId,
      targetId: Number(action.targetId),
      targetPosition: action.targetPosition,
    }, this.#game.clock.monotonicMs());
    if (verdict !== "ok") throw new Refused(REFUSALS[verdict].code, REFUSALS[verdict].message);
  }

  /** 0: nobody plays the entity. */
  #playerIdOf(entityId: number): number {
    return this.#game.players.ownerOf(entityId)?.playerId ?? 0;
  }

  #onRespawnRequest(player: Player): void {
    const { entityId } = player;
    const nowMs = this.#game.clock.monotonicMs();
    const { may, waitMs } = this.#respawns.ask(entityId, nowMs);
    if (may === "not_dead") throw new Refused(ErrorCode.INVALID_STATE, "Only the dead can respawn");
    if (may === "too_soon") {
      throw new Refused(ErrorCode.INVALID_STATE, `You can respawn in ${Math.ceil(waitMs)} ms`);
    }
    this.#respawn(entityId, nowMs);
  }

  /** Brings a dead player back: near by, sound. */
  #respawn(entityId: number, nowMs: number): void {
    const { world } = this.#game;
    this.#respawns.remove(entityId);
    this.rules.endFight(entityId);
    const { health } = this.rules, hpMax = health.hpMaxOf(entityId);
    world.teleport(entityId, nowMs, this.#respawnPlace(entityId));
    health.set(entityId, { hp: hpMax, hpMax });
    const player = this.#game.players.at(entityId);
    if (player !== undefined) this.#game.correct(player, "respawn");
    else this.#departing.add(entityId);
  }

  /** Near where it lies, out of the reach of a sword and mostly out of that of a bow. */
  #respawnPlace(entityId: number): Place {
    const { world } = this.#game, places = this.#places;
    const distance = RESPAWN_DISTANCE_MIN + places.nextFloat() * (RESPAWN_DISTANCE_MAX - RESPAWN_DISTANCE_MIN);
    const angle = places.nextFloat() * 2 * Math.PI;
    const x = world.xOf(entityId) + distance * Math.cos(angle), z = world.zOf(entityId) + distance * Math.sin(angle);
    return { ...world.mapOf(entityId).clamp({ x, z }), y: 0, yaw: 0 };
  }

  #onBlow(report: BlowReport): void {
    const { attackerId, targetId, skillId, damage, isCritical, isDodged, isBlocked, stunMs, targetDied } = report;
    const result = create(CombatResultSchema, {
      attackerId: BigInt(attackerId),
      targetId: BigInt(targetId),
      skillId,
      damage,
      isCritical,
      isDodged,
      isBlocked,
      appliedEffects: stunMs > 0 ? [{ effectId: EFFECT_STUN, duration: stunMs / 1_000, value: 0 }] : [],
      targetDied,
    });
    const recipients = this.#whoSees(attackerId, targetId);
    this.#game.players.send(recipients, COMBAT_RESULT, toBinary(CombatResultSchema, result));
    this.#game.faults.notify("blow", this.#blowListeners, report);
  }

  /**
   * Everybody who sees one of two is told of each blow, at once, and nobody's blow is refused for what others do: an area
   * skill hits fewer where more look on.
   */
  #areaTargetsMax(attackerId: number): number {
    const copies = this.#whoSees(attackerId, 0).length;
    return Math.min(AREA_TARGETS_MAX, Math.max(AREA_TARGETS_MIN, Math.floor(AREA_COPIES_MAX / copies)));
  }

  #onDeath(killerId: number, victimId: number): void {
    const nowMs = this.#game.clock.monotonicMs();
    const { players } = this.#game;
    const killer = players.ownerOf(killerId) ?? null, victim = players.ownerOf(victimId) ?? null;
    if (victim !== null) {
      this.#respawns.add(victimId, nowMs);
      // At once, so that no crash gives it its hit points back.
      this.#game.save(victimId);
    }
    this.#game.faults.notify("death", this.#deathListeners, victimId);
    this.#game.faults.notify("kill", this.#killListeners, killer, victim);
  }

  /** Everyone who sees either of two entities, and those who play them, each once; valid until the next call. */
  #whoSees(attackerId: number, targetId: number): readonly Player[] {
    const recipients = this.#recipients;
    this.#round++;
    // The blows of an area skill have one attacker.
    if (attackerId !== this.#attackerId) {
      recipients.length = 0;
      this.#attackerId = attackerId;
      this.#attackerRound = this.#round;
      this.#addWatchers(attackerId);
      this.#attackerCount = recipients.length;
    }
    recipients.length = this.#attackerCount;
    if (targetId !== 0) this.#addWatchers(targetId);
    return recipients;
  }

  #addWatchers(entityId: number): void {
    const watchers = this.#watchers;
    const count = this.#game.world.watchersOf(entityId, watchers);
    this.#addPlayer(entityId);
    for (let index = 0; index < count; index++) this.#addPlayer(watchers[index]);
  }

  #addPlayer(entityId: number): void {
    const round = this.#rounds[entityId];
    if (round === this.#round || round === this.#attackerRound) return;
    this.#rounds[entityId] = this.#round;
    const player = this.#game.players.at(entityId);
    if (player !== undefined) this.#recipients.push(player);
  }

  /** What holds a character back is known again: it is dead until it may respawn, stunned and fighting as it was. */
  #enter(entityId: number, characterId: number, hasStayed: boolean): void {
    const { health } = this.rules;
    const { nowMs } = this.#game;
    this.#departing.delete(entityId);
    if (hasStayed) return this.rules.enter(entityId, nowMs, undefined);
    const penalty = this.#penalties.find(characterId, nowMs) ?? UNHELD;
    this.#penalties.forget(characterId);
    this.rules.enter(entityId, nowMs, penalty);
    if (penalty.diedAtMs === 0 || nowMs - penalty.diedAtMs >= RESPAWN_DELAY_MS) return;
    health.set(entityId, { hp: 0, hpMax: health.hpMaxOf(entityId) });
    this.#respawns.add(entityId, penalty.diedAtMs);
  }

  #remove(entityId: number, characterId: number): void {
    this.#penalties.hold(characterId, {
      diedAtMs: this.#respawns.diedAtMs(entityId),
      ...this.rules.stateOf(entityId),
    }, this.#game.nowMs);
    this.rules.remove(entityId);
    this.#respawns.remove(entityId);
    this.#departing.delete(entityId);
  }
}

/** Skills, blows, death and respawn. */
export const combat = definePart(
  "combat",
  (game, options: CombatOptions | undefined) => new CombatService(game, options),
);
