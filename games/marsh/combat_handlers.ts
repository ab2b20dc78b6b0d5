/**
 * Combat and monsters, as players see them: skills, respawns, and who is told of what.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  type CombatAction,
  CombatActionSchema,
  CombatResultSchema,
  RespawnRequestSchema,
} from "../parts/combat/combat_pb.ts";
import { PacketType } from "./contract.ts";
import { PLAYERS_PER_OTHER } from "../../shared/limits.ts";
import {
  AREA_COPIES_MAX,
  AREA_TARGETS_MIN,
  COOLDOWN_SWEEP_INTERVAL_MS,
  RESPAWN_DISTANCE_MAX,
  RESPAWN_DISTANCE_MIN,
} from "./limits.ts";
import { AREA_TARGETS_MAX, RESPAWN_DELAY_MS } from "../parts/combat/limits.ts";
import { type BlowReport, Combat, type CombatRefusal } from "../parts/combat/combat.ts";
import { type Health, setStatus } from "../parts/combat/components.ts";
import { Respawns } from "../parts/combat/respawns.ts";
import { SafeAreas } from "../parts/combat/safe_areas.ts";
import { EFFECT_STUN } from "../parts/combat/status_effects.ts";
import type { GuildService } from "../parts/guilds/guild_handlers.ts";
import type { Atlas } from "./maps/atlas.ts";
import type { MonsterData } from "./monsters/monster_data.ts";
import { monsterHomes } from "./monsters/monster_homes.ts";
import { Monsters } from "./monsters/monsters.ts";
import {
  type Game,
  Penalties,
  type Place,
  type Player,
  type PlayerName,
  type Prng,
  Refused,
  type SavedState,
} from "../../server/game/game.ts";

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

/** What the {@linkcode CombatService} is made with. */
export interface CombatServiceOptions {
  readonly atlas: Atlas;
  /** Who lives in the world beside players. */
  readonly monsters: MonsterData;
  /** Who may fight in safe areas, too. */
  readonly guilds: Pick<GuildService, "areAtWar">;
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
  readonly monsters: Monsters;
  readonly #game: Game;
  readonly #penalties = new Penalties(fightPenaltyEndMs);
  readonly #combat: Combat;
  readonly #respawns = new Respawns();
  readonly #killListeners: KillListener[] = [];
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

  constructor(game: Game, options: CombatServiceOptions) {
    const nowMs = game.clock.monotonicMs();
    this.#game = game;
    this.#watchers = new Int32Array(game.world.slotCount);
    this.#rounds = new Float64Array(game.world.slotCount);
    this.#nextSweepMs = nowMs + COOLDOWN_SWEEP_INTERVAL_MS;
    // Each has a die of its own: how a fight ends does not depend on where some wolf goes for a walk.
    const [dice, places, whims] = ["dice", "places", "whims"].map((name) => game.random(name));
    this.#places = places;
    const safeAreas = new SafeAreas(options.atlas.maps);
    this.#combat = new Combat({
      world: game.world,
      dice,
      safeAreas,
      areAtWar: (entityId, otherId) => options.guilds.areAtWar(this.#playerIdOf(entityId), this.#playerIdOf(otherId)),
      areaTargetsMax: (attackerId) => this.#areaTargetsMax(attackerId),
      faults: game.faults,
      events: {
        onBlow: (report) => this.#onBlow(report),
        onDeath: (killerId, victimId) => this.#onDeath(killerId, victimId),
      },
    });
    const maps = game.world.maps.map((map) => {
      const { areaFactor, safeAreas } = options.atlas.find(map.mapId)!;
      return { map, areaFactor, safeAreas };
    });
    // Monsters have places of their own in the world; these are all of them.
    const countMax = Math.floor(game.worldCapacity / PLAYERS_PER_OTHER);
    const homes = monsterHomes(options.monsters, { maps, countMax }, places);
    const parts = { world: game.world, combat: this.#combat, prng: whims, homes, safeAreas, faults: game.faults };
    this.monsters = new Monsters(parts, nowMs);
    game.hooks.savedHp((entityId) => this.health.hpOf(entityId));
    game.hooks.stays((entityId, nowMs) => this.#combat.isFighting(entityId, nowMs));
    // A player who died enters as after a respawn: anywhere on its map.
    game.hooks.entryPlace((_player, saved) => saved !== null && saved.hp <= 0 ? { mapId: saved.mapId } : undefined);
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
    game.hooks.despawn((entityId, characterId) => this.#remove(entityId, characterId));
    game.hooks.spawn((entityId, characterId, hasStayed) => this.#enter(entityId, characterId, hasStayed));
    game.system("combat", (nowMs) => this.step(nowMs));
    game.every(PENALTY_SWEEP_INTERVAL_MS, () => this.#penalties.sweep(game.nowMs));
    game.on(CombatActionSchema, (player, action) => this.#act(player, action));
    game.on(RespawnRequestSchema, (player) => this.#onRespawnRequest(player));
  }

  /** Hit points of everybody. */
  get health(): Health {
    return this.#combat.health;
  }

  /** Whether the entity can move and act: it is in the world, alive and not stunned. */
  canAct(entityId: number): boolean {
    return this.#combat.canAct(entityId);
  }

  /** Whether the entity gave or took a blow of late. */
  isFighting(entityId: number): boolean {
    return this.#combat.isFighting(entityId, this.#game.clock.monotonicMs());
  }

  /** A player has a new entity: it is as hurt as it was saved, but a player who died comes back in full health. */
  #appear(entityId: number, saved: SavedState | null): void {
    const hp = saved !== null && saved.hp > 0 ? saved.hp : PLAYER_HP_MAX;
    this.health.set(entityId, { hp, hpMax: PLAYER_HP_MAX });
  }

  /** Adds a listener for every death a player has a part in. */
  onKill(listener: KillListener): void {
    this.#killListeners.push(listener);
  }

  /** Brings effects, the dead and monsters up to date; to be called every tick, before the world's step. */
  step(nowMs: number): void {
    this.#attackerId = 0;
    this.#combat.step(nowMs);
    for (let id = this.#respawns.due(nowMs); id !== 0; id = this.#respawns.due(nowMs)) {
      this.#game.faults.run("respawn", () => this.#respawn(id, nowMs));
    }
    this.monsters.step(nowMs);
    if (nowMs < this.#nextSweepMs) return;
    this.#nextSweepMs = nowMs + COOLDOWN_SWEEP_INTERVAL_MS;
    this.#combat.sweep(nowMs);
  }

  #act(player: Player, action: CombatAction): void {
    const { entityId, characterId } = player;
    const attackerId = Number(action.attackerId);
    if (attackerId !== 0 && attackerId !== entityId) {
      throw new Refused(ErrorCode.PERMISSION_DENIED, "You can act only as your own entity");
    }
    this.#attackerId = 0;
    const verdict = this.#combat.act({
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
    this.#combat.endFight(entityId);
    const { health } = this.#combat, hpMax = health.hpMaxOf(entityId);
    world.teleport(entityId, nowMs, this.#respawnPlace(entityId));
    health.set(entityId, { hp: hpMax, hpMax });
    const player = this.#game.players.at(entityId);
    if (player !== undefined) this.#game.correct(player, "respawn");
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
    const nowMs = this.#game.clock.monotonicMs();
    const recipients = this.#whoSees(attackerId, targetId);
    this.#game.players.send(recipients, PacketType.COMBAT_RESULT, toBinary(CombatResultSchema, result));
    if (targetId !== 0) this.monsters.provoke(targetId, attackerId, nowMs);
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
    this.monsters.onDeath(victimId, nowMs);
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
    const { health } = this.#combat;
    const { nowMs } = this.#game;
    if (hasStayed) return this.#combat.enter(entityId, nowMs, undefined);
    const penalty = this.#penalties.find(characterId, nowMs) ?? UNHELD;
    this.#penalties.forget(characterId);
    this.#combat.enter(entityId, nowMs, penalty);
    if (penalty.diedAtMs === 0 || nowMs - penalty.diedAtMs >= RESPAWN_DELAY_MS) return;
    health.set(entityId, { hp: 0, hpMax: health.hpMaxOf(entityId) });
    this.#respawns.add(entityId, penalty.diedAtMs);
  }

  #remove(entityId: number, characterId: number): void {
    this.#penalties.hold(characterId, {
      diedAtMs: this.#respawns.diedAtMs(entityId),
      ...this.#combat.stateOf(entityId),
    }, this.#game.nowMs);
    this.#combat.remove(entityId);
    this.#respawns.remove(entityId);
  }
}
