/**
 * A client of the world as docs/protocol.md describes it, which complains about whatever a real one could not use.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import {
  type EntityMove,
  type EntitySpawn,
  type EntityUpdate,
  type HealthUpdate,
  type StatusUpdate,
  type WorldSnapshot,
  WorldSnapshotSchema,
} from "../../shared/gen/world_pb.ts";
import { assert } from "../support/assert.ts";

/** An entity as a client shows it: centimetres, cm/s, 1/256 turns. */
export interface ShownEntity {
  name: string;
  guildTag: string;
  x: number;
  y: number;
  z: number;
  vx: number;
  vz: number;
  yaw: number;
  hp: number;
  buffs: number[];
  /** Content of each component that is not empty, by its id. */
  components: Record<number, string>;
}

/** Applies snapshots. */
export class ClientModel {
  readonly shown = new Map<number, ShownEntity>();
  /** Itself; `undefined` before the first snapshot. */
  own: ShownEntity | undefined;
  lastMovementSequence = 0;
  #tick = 0n;

  constructor(readonly entityId: number) {}

  /** Begins anew, as after RESUME_RESPONSE. */
  reset(): void {
    this.shown.clear();
    this.own = undefined;
    this.#tick = 0n;
  }

  /** Applies one WORLD_SNAPSHOT payload and gives it decoded. */
  apply(payload: Uint8Array): WorldSnapshot {
    const snapshot = fromBinary(WorldSnapshotSchema, payload);
    assert(snapshot.$unknown === undefined, "A snapshot has no unknown fields");
    assert(snapshot.tick >= this.#tick, "Ticks do not go back");
    this.#tick = snapshot.tick;
    if (snapshot.lastMovementSequence !== 0) this.lastMovementSequence = snapshot.lastMovementSequence;
    for (const update of snapshot.updates) this.#applyUpdate(update);
    for (const move of snapshot.moves) this.#applyMove(move);
    return snapshot;
  }

  #applyUpdate(update: EntityUpdate): void {
    const id = Number(update.entityId), { case: kind, value } = update.update;
    if (kind === "spawn") this.#spawn(id, value);
    else if (kind === "despawn") assert(this.shown.delete(id), `Despawn of ${id}, which is not shown`);
    else if (kind === "health") this.#get(id).hp = healthOf(value);
    else if (kind === "status") this.#get(id).buffs = (value as StatusUpdate).buffIds;
    else assert(kind === undefined && update.components.length > 0, `Update of unexpected kind ${kind}`);
    for (const { componentId, content } of update.components) {
      const { components } = this.#get(id);
      if (content.length === 0) delete components[componentId];
      else components[componentId] = content.join();
    }
  }

  #spawn(id: number, spawn: EntitySpawn): void {
    const { position, velocity, rotation } = spawn.movement!;
    const entity: ShownEntity = {
      name: spawn.name,
      guildTag: spawn.guildTag,
      x: Math.round(position!.x * 100),
      y: Math.round(position!.y * 100),
      z: Math.round(position!.z * 100),
      vx: Math.round((velocity?.x ?? 0) * 100),
      vz: Math.round((velocity?.z ?? 0) * 100),
      yaw: Math.round((rotation?.y ?? 0) * 256 / (2 * Math.PI)),
      hp: spawn.health === undefined ? 0 : healthOf(spawn.health),
      buffs: [],
      components: {},
    };
    const before = id === this.entityId ? this.own : this.shown.get(id);
    assert(before === undefined || before.name === entity.name, `Spawn of ${id} over another entity`);
    // A client may keep buffs and components over a spawn of the same entity, or forget them: both must come out right.
    if (before !== undefined && this.entityId % 2 === 0) {
      entity.buffs = before.buffs;
      entity.components = before.components;
    }
    if (id === this.entityId) this.own = entity;
    else this.shown.set(id, entity);
  }

  #applyMove(move: EntityMove): void {
    const id = Number(move.entityId);
    assert(id !== this.entityId, "Move of the viewer itself");
    const { x, y, z, vx, vz, yaw } = move;
    Object.assign(this.#get(id), { x, y, z, vx, vz, yaw });
  }

  #get(id: number): ShownEntity {
    const entity = id === this.entityId ? this.own : this.shown.get(id);
    assert(entity !== undefined, `News of ${id}, which is not shown`);
    return entity;
  }
}

function healthOf(health: HealthUpdate): number {
  return health.currentHp;
}
