/**
 * Judges the server's own state: one live session a player, link-death that ends, gauges that tell the truth, nothing
 * that stays behind.
 *
 * @module
 */

import { CONNECTION_STATES, connectionSlot, Gauge, TRANSPORTS } from "../../server/ops/counters.ts";
import { type LogicLife, SAFE_AREA, type SimulatedServer } from "./simulated_server.ts";
import type { Verdict } from "./verdict.ts";

/** Link-death is looked at once a second. */
const LINK_DEAD_TOLERANCE_MS = 2_500;

/** Looks at the server after every turn of logic. */
export class StateJudge {
  readonly #verdict: Verdict;
  /** Since when entities that nobody plays have not fought. */
  readonly #leftSinceMs = new Map<number, number>();
  readonly #playerIds = new Set<number>();
  /** When each entity id was seen last in the world. */
  readonly #entityOwners = new Map<number, { readonly playerId: number; lastMs: number }>();

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** A new life of logic has a new world. */
  begin(): void {
    this.#leftSinceMs.clear();
    this.#entityOwners.clear();
  }

  afterTurn({ life, config }: SimulatedServer, nowMs: number): void {
    const { sessions, world } = life;
    this.#playerIds.clear();
    for (const session of sessions.inWorld) {
      const { player, presence, link, linkDeadSinceMs } = session;
      if (player === null || presence === null) return this.#fail("A session is in the world without a player");
      const { playerId } = player;
      if (this.#playerIds.has(playerId)) return this.#fail(`Player ${playerId} has two live sessions`);
      this.#playerIds.add(playerId);
      if (sessions.findPlayer(playerId) !== session) this.#fail(`Player ${playerId} is not found by its id`);
      if (!world.has(presence.entityId)) this.#fail(`Player ${playerId} has no entity`);
      if (link !== null && link.session !== session) this.#fail(`Player ${playerId} has the connection of another`);
      if ((link === null) !== (linkDeadSinceMs !== 0)) {
        this.#fail(`Player ${playerId} is neither connected nor link-dead`);
      }
      if (linkDeadSinceMs !== 0 && nowMs - linkDeadSinceMs > config.linkDeadMs + LINK_DEAD_TOLERANCE_MS + 2_000) {
        this.#fail(`Player ${playerId} is link-dead for ${Math.round(nowMs - linkDeadSinceMs)} ms`);
      }
      this.#noteEntity(presence.entityId, playerId, nowMs);
    }
    const playerCount = this.#playerIds.size, leftCount = world.viewerCount - playerCount;
    const fightingCount = life.logic.world.occupants.stayCount;
    this.#verdict.expect(
      leftCount === fightingCount,
      "sessions",
      `${world.viewerCount} players' entities are in the world, ${playerCount} sessions, ${fightingCount} were left`,
    );
  }

  /** What only the marsh promises. */
  afterTurnOfMarsh(life: LogicLife, nowMs: number): void {
    this.#checkLeft(life, nowMs);
    this.#checkMonsters(life);
  }

  /** Whoever is in the world without a session has fought of late; the end of it is looked at once a second. */
  #checkLeft({ marsh, sessions, world }: LogicLife, nowMs: number): void {
    const played = new Set([...sessions.inWorld].map(({ presence }) => presence?.entityId));
    for (let index = 0; index < world.viewerCount; index++) {
      const entityId = world.viewerAt(index);
      if (played.has(entityId) || marsh.combat.isFighting(entityId)) this.#leftSinceMs.delete(entityId);
      else {
        const sinceMs = this.#leftSinceMs.get(entityId) ?? nowMs;
        this.#leftSinceMs.set(entityId, sinceMs);
        if (nowMs - sinceMs > LINK_DEAD_TOLERANCE_MS + 2_000) {
          this.#fail(`Entity ${entityId} is left and fights no more`);
        }
      }
    }
  }

  /** An id is somebody else's only after a long time. */
  #noteEntity(entityId: number, playerId: number, nowMs: number): void {
    const owner = this.#entityOwners.get(entityId);
    if (owner?.playerId === playerId) {
      owner.lastMs = nowMs;
      return;
    }
    if (owner !== undefined) {
      this.#verdict.fail("entities", `Entity ${entityId} of player ${owner.playerId} is now player ${playerId}`);
    }
    this.#entityOwners.set(entityId, { playerId, lastMs: nowMs });
  }

  /** Monsters stay out of safe areas. */
  #checkMonsters(life: LogicLife): void {
    const { monsters } = life.marsh;
    for (let entityId = 1; entityId < life.world.slotCount; entityId++) {
      if (!monsters.isMonster(entityId) || !isInSafety(life, entityId)) continue;
      this.#verdict.fail("fights", `Monster ${entityId} is in a safe area`);
    }
  }

  #fail(text: string): void {
    this.#verdict.fail("sessions", text);
  }

  /** Which gauge is wrong; null: none. */
  wrongGauge({ io, life, logicCounters }: SimulatedServer): string | null {
    const { sessions, world } = life;
    const gauges: readonly [string, number, number][] = [
      ["sessions", logicCounters.get(Gauge.SESSIONS), sessions.sessionCount],
      ["players online", logicCounters.get(Gauge.PLAYERS_ONLINE), sessions.inWorld.size],
      ["entities", logicCounters.get(Gauge.ENTITIES), world.entityCount],
      ["link-dead", logicCounters.get(Gauge.LINK_DEAD), [...sessions.inWorld].filter(({ link }) => !link).length],
    ];
    for (const [name, told, real] of gauges) {
      if (told !== real) return `the gauge of ${name} says ${told}, it is ${real}`;
    }
    for (const { counters, worker } of io) {
      const told = gaugeOf(counters, () => true);
      if (told !== worker.connectionCount) return `${told} connections are told, there are ${worker.connectionCount}`;
    }
    const told = io.reduce((sum, { counters }) => sum + gaugeOf(counters, (transport) => transport !== "http"), 0);
    const admitted = [0, 1, 2].reduce((sum, port) => sum + io[0].admitted.total(port), 0);
    if (told !== admitted) return `${admitted} connections are admitted, there are ${told}`;
    const inWorld = io.reduce((sum, { counters }) => sum + gaugeOf(counters, () => true, [2]), 0);
    const linked = [...sessions.inWorld].filter(({ link }) => link !== null).length;
    return inWorld === linked ? null : `${inWorld} connections are told to be in the world, there are ${linked}`;
  }

  /** What stayed behind after everybody went; null: nothing. */
  leftover(server: SimulatedServer): string | null {
    const { io, life, disk } = server;
    const { sessions, saver, storage } = life;
    const connections = io.reduce((sum, { worker }) => sum + worker.connectionCount, 0);
    if (connections > 0) return `${connections} connections are left`;
    if (life.world.viewerCount > 0) return `${life.world.viewerCount} players' entities are left`;
    if (sessions.inWorld.size > 0) return `${sessions.inWorld.size} players are left in the world`;
    if (sessions.sessionCount > 0) return `${sessions.sessionCount} sessions are left`;
    if ([...sessions.online].length > 0) return "players are left online";
    if (saver.unsavedCount > 0) return `${saver.unsavedCount} characters are not saved`;
    if (!disk.isIdle || storage.pendingCount > 0) return "the storage still works";
    return this.wrongGauge(server);
  }
}

/** Whether an entity of the world stands in a safe area. */
export function isInSafety({ world }: LogicLife, entityId: number): boolean {
  return world.mapOf(entityId).mapId === 0 &&
    Math.hypot(world.xOf(entityId) - SAFE_AREA.x, world.zOf(entityId) - SAFE_AREA.z) <= SAFE_AREA.radius;
}

function gaugeOf(
  counters: { get(slot: number): number },
  counts: (transport: string) => boolean,
  states: readonly number[] = CONNECTION_STATES.map((_, state) => state),
): number {
  let sum = 0;
  for (const state of states) {
    TRANSPORTS.forEach((transport, index) => {
      if (counts(transport)) sum += counters.get(connectionSlot(state, index));
    });
  }
  return sum;
}
