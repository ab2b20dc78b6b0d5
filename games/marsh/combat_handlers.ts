/**
 * Combat and monsters, as sessions see them: skills, respawns, and who is told of what.
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
} from "../../shared/gen/game_pb.ts";
import { PacketType } from "../../shared/gen/packet_pb.ts";
import {
  COOLDOWN_SWEEP_INTERVAL_MS,
  PLAYERS_PER_OTHER,
  RESPAWN_DELAY_MS,
  RESPAWN_DISTANCE_MAX,
  RESPAWN_DISTANCE_MIN,
} from "../../shared/limits.ts";
import { type BlowReport, Combat, type CombatRefusal } from "../parts/combat/combat.ts";
import type { Health } from "../parts/combat/components.ts";
import { Respawns } from "../parts/combat/respawns.ts";
import { SafeAreas } from "../parts/combat/safe_areas.ts";
import { EFFECT_STUN } from "../parts/combat/status_effects.ts";
import type { GuildService } from "../parts/guilds/guild_handlers.ts";
import type { Atlas } from "./maps/atlas.ts";
import type { MonsterData } from "./monsters/monster_data.ts";
import { monsterHomes } from "./monsters/monster_homes.ts";
import { Monsters } from "./monsters/monsters.ts";
import type { Prng } from "../../server/world/prng.ts";
import type { Place } from "../../server/world/world.ts";
import type { LogicContext } from "../../server/session/context.ts";
import { type Dispatcher, RequestError } from "../../server/session/dispatcher.ts";
import type { Penalty } from "../../server/session/penalties.ts";
import type { Participant, Presence, Session } from "../../server/session/session.ts";
import type { SavedState, WorldService } from "../../server/session/world_service.ts";

/** Told of every death: `killer` is null for a monster's doing, `victim` for a monster. */
export type KillListener = (killer: Participant | null, victim: Participant | null) => void;

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

/** Who comes with no penalty. */
const UNHELD = { fightsUntilMs: 0, struckUntilMs: 0, stunnedUntilMs: 0 };

/** What the {@linkcode CombatService} is made with. */
export interface CombatServiceOptions {
  readonly atlas: Atlas;
  /** Chance, one for each purpose. */
  readonly random: (name: string) => Prng;
  /** Who lives in the world beside players. */
  readonly monsters: MonsterData;
  /** Who may fight in safe areas, too. */
  readonly guilds: Pick<GuildService, "areAtWar">;
}

/** The fights of a world, on all its maps. */
export class CombatService {
  readonly monsters: Monsters;
  readonly #context: LogicContext;
  readonly #world: WorldService;
  readonly #combat: Combat;
  readonly #respawns = new Respawns();
  readonly #killListeners: KillListener[] = [];
  /** Chooses where the dead come back. */
  readonly #places: Prng;
  readonly #watchers: Int32Array;
  readonly #recipients: Session[] = [];
  /** Round in which each entity's session was last added to the recipients. */
  readonly #rounds: Float64Array;
  #round = 0;
  #nextSweepMs: number;

  constructor(context: LogicContext, world: WorldService, options: CombatServiceOptions) {
    const nowMs = context.clock.monotonicMs();
    this.#context = context;
    this.#world = world;
    this.#watchers = new Int32Array(context.world.slotCount);
    this.#rounds = new Float64Array(context.world.slotCount);
    this.#nextSweepMs = nowMs + COOLDOWN_SWEEP_INTERVAL_MS;
    // Each has a die of its own: how a fight ends does not depend on where some wolf goes for a walk.
    const [dice, places, whims] = ["dice", "places", "whims"].map(options.random);
    this.#places = places;
    const safeAreas = new SafeAreas(options.atlas.maps);
    this.#combat = new Combat({
      world: context.world,
      dice,
      safeAreas,
      areAtWar: (entityId, otherId) => options.guilds.areAtWar(this.#playerOf(entityId), this.#playerOf(otherId)),
      faults: context.faults,
      events: {
        onBlow: (report) => this.#onBlow(report),
        onDeath: (killerId, victimId) => this.#onDeath(killerId, victimId),
      },
    });
    const maps = context.world.maps.map((map) => {
      const { areaFactor, safeAreas } = options.atlas.find(map.mapId)!;
      return { map, areaFactor, safeAreas };
    });
    // Monsters have places of their own in the world; these are all of them.
    const countMax = Math.floor(context.worldCapacity / PLAYERS_PER_OTHER);
    const homes = monsterHomes(options.monsters, { maps, countMax }, places);
    this.monsters = new Monsters({
      world: context.world,
      combat: this.#combat,
      prng: whims,
      homes,
      safeAreas,
      faults: context.faults,
    }, nowMs);
    world.saveHealth((entityId) => this.health.hpOf(entityId));
    world.keepWhile((entityId, nowMs) => this.#combat.isFighting(entityId, nowMs));
    world.onLeave((_who, entityId, penalty) => this.#remove(entityId, penalty));
    world.onEnter((_session, entityId, penalty) => this.#enter(entityId, penalty));
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
    return this.#combat.isFighting(entityId, this.#context.clock.monotonicMs());
  }

  /** Registers the handlers of this module. */
  register(dispatcher: Dispatcher): void {
    dispatcher.on(CombatActionSchema, (session, action) => this.#act(session, action));
    dispatcher.on(RespawnRequestSchema, (session) => this.#onRespawnRequest(session));
  }

  /** A player has a new entity: it is as hurt as it was saved, but whoever died comes back sound. */
  appear(entityId: number, saved: SavedState | null): void {
    const hp = saved !== null && saved.hp > 0 ? saved.hp : PLAYER_HP_MAX;
    this.health.set(entityId, { hp, hpMax: PLAYER_HP_MAX });
  }

  /** Adds a listener for every death a player has a part in. */
  onKill(listener: KillListener): void {
    this.#killListeners.push(listener);
  }

  /** Brings effects, the dead and monsters up to date; to be called every tick, before the world's step. */
  step(nowMs: number): void {
    this.#combat.step(nowMs);
    for (let id = this.#respawns.due(nowMs); id !== 0; id = this.#respawns.due(nowMs)) {
      this.#context.faults.run("respawn", () => this.#respawn(id, nowMs));
    }
    this.monsters.step(nowMs);
    if (nowMs < this.#nextSweepMs) return;
    this.#nextSweepMs = nowMs + COOLDOWN_SWEEP_INTERVAL_MS;
    this.#combat.sweep(nowMs);
  }

  #act(session: Session, action: CombatAction): void {
    const { entityId, characterId } = presenceOf(session);
    const attackerId = Number(action.attackerId);
    if (attackerId !== 0 && attackerId !== entityId) {
      throw new RequestError(ErrorCode.PERMISSION_DENIED, "You can act only as your own entity");
    }
    const verdict = this.#combat.act({
      attackerId: entityId,
      attackerKey: characterId,
      skillId: action.skillId,
      targetId: Number(action.targetId),
      targetPosition: action.targetPosition,
    }, this.#context.clock.monotonicMs());
    if (verdict !== "ok") throw new RequestError(REFUSALS[verdict].code, REFUSALS[verdict].message);
  }

  /** 0: nobody plays the entity. */
  #playerOf(entityId: number): number {
    return this.#world.participantOf(entityId)?.player?.playerId ?? 0;
  }

  #onRespawnRequest(session: Session): void {
    const { entityId } = presenceOf(session);
    const nowMs = this.#context.clock.monotonicMs();
    const { may, waitMs } = this.#respawns.ask(entityId, nowMs);
    if (may === "not_dead") throw new RequestError(ErrorCode.INVALID_STATE, "Only the dead can respawn");
    if (may === "too_soon") {
      throw new RequestError(ErrorCode.INVALID_STATE, `Respawning is possible in ${Math.ceil(waitMs)} ms`);
    }
    this.#respawn(entityId, nowMs);
  }

  /** Brings a dead player back: near by, sound. */
  #respawn(entityId: number, nowMs: number): void {
    const { world } = this.#context;
    this.#respawns.remove(entityId);
    this.#combat.endFight(entityId);
    const { health } = this.#combat, hpMax = health.hpMaxOf(entityId);
    world.teleport(entityId, nowMs, this.#respawnPlace(entityId));
    health.set(entityId, { hp: hpMax, hpMax });
    const session = this.#world.sessionOf(entityId);
    if (session !== undefined) this.#world.correct(session, { sequenceNumber: 0, reason: "respawn" });
  }

  /** Near where it lies, out of the reach of a sword and mostly out of that of a bow. */
  #respawnPlace(entityId: number): Place {
    const { world } = this.#context, places = this.#places;
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
    this.#context.sessions.broadcast(recipients, PacketType.COMBAT_RESULT, toBinary(CombatResultSchema, result));
    if (targetId !== 0) this.monsters.provoke(targetId, attackerId, this.#context.clock.monotonicMs());
  }

  #onDeath(killerId: number, victimId: number): void {
    const nowMs = this.#context.clock.monotonicMs();
    const killer = this.#world.participantOf(killerId) ?? null, victim = this.#world.participantOf(victimId) ?? null;
    if (victim !== null) {
      this.#respawns.add(victimId, nowMs);
      // At once, so that no crash gives it its hit points back.
      this.#world.save(victim);
    }
    this.monsters.onDeath(victimId, nowMs);
    this.#context.faults.notify("kill", this.#killListeners, killer, victim);
  }

  /** Everyone who sees either of two entities, and those who play them, each once; valid until the next call. */
  #whoSees(attackerId: number, targetId: number): readonly Session[] {
    this.#recipients.length = 0;
    this.#round++;
    this.#addWatchers(attackerId);
    if (targetId !== 0) this.#addWatchers(targetId);
    return this.#recipients;
  }

  #addWatchers(entityId: number): void {
    const watchers = this.#watchers;
    const count = this.#context.world.watchersOf(entityId, watchers);
    this.#addSession(entityId);
    for (let index = 0; index < count; index++) this.#addSession(watchers[index]);
  }

  #addSession(entityId: number): void {
    if (this.#rounds[entityId] === this.#round) return;
    this.#rounds[entityId] = this.#round;
    const session = this.#world.sessionOf(entityId);
    if (session !== undefined) this.#recipients.push(session);
  }

  /** What holds a character back is known again: it is dead until it may respawn, stunned and fighting as it was. */
  #enter(entityId: number, penalty: Penalty | "stayed" | undefined): void {
    const { health } = this.#combat;
    const nowMs = this.#context.clock.monotonicMs();
    if (penalty === "stayed") return this.#combat.enter(entityId, nowMs, undefined);
    this.#combat.enter(entityId, nowMs, penalty ?? UNHELD);
    if (penalty === undefined || penalty.diedAtMs === 0 || nowMs - penalty.diedAtMs >= RESPAWN_DELAY_MS) return;
    health.set(entityId, { hp: 0, hpMax: health.hpMaxOf(entityId) });
    this.#respawns.add(entityId, penalty.diedAtMs);
  }

  #remove(entityId: number, penalty: Penalty): void {
    penalty.diedAtMs = this.#respawns.diedAtMs(entityId);
    Object.assign(penalty, this.#combat.stateOf(entityId));
    this.#combat.remove(entityId);
    this.#respawns.remove(entityId);
  }
}

function presenceOf(session: Session): Presence {
  if (session.presence === null) throw new RequestError(ErrorCode.INVALID_STATE, "Enter the world first");
  return session.presence;
}
