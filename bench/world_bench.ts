/**
 * What a tick of the world costs: movement in, step, and every viewer's snapshot, against building each snapshot with
 * the generated codec.
 *
 * Run: `deno bench --no-prompt bench/world_bench.ts`. For microseconds per player and tick divide by the players in the
 * name; at 20 ticks/s, 12.5 µs per player and tick is a whole core with 4,000 players.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { assert } from "../shared/errors.ts";
import { EntityKind, EntityMoveSchema, type WorldSnapshot, WorldSnapshotSchema } from "../shared/gen/world_pb.ts";
import { SNAPSHOT_BYTES_MAX } from "../shared/limits.ts";
import { MARSH_ENTITIES } from "../games/marsh/entities.ts";
import { Health } from "../games/parts/combat/components.ts";
import { Prng } from "../server/world/prng.ts";
import { World } from "../server/world/world.ts";

const TICK_MS = 50;
const MAX_SPEED = 10;
const RADIUS = 50;

/** Players that walk straight on and turn around at the border, each moving at 10 Hz, half of them in each tick. */
export class WalkingCrowd {
  readonly world: World;
  readonly playerCount: number;
  readonly target = new Uint8Array(SNAPSHOT_BYTES_MAX);
  readonly x: Float64Array;
  readonly z: Float64Array;
  readonly vx: Float64Array;
  readonly vz: Float64Array;
  readonly #movement = { x: 0, y: 0, z: 0, vx: 0, vy: 0, vz: 0, yaw: 0, sequenceNumber: 0 };
  #nowMs = 1_700_000_000_000;
  /** Bytes of the last tick's snapshots. */
  bytes = 0;
  /** Moves accepted so far. */
  acceptedCount = 0;
  refusedCount = 0;

  /** @param options Players on a square map of `size` units. */
  constructor(options: { playerCount: number; size: number }) {
    const { playerCount, size } = options;
    const prng = new Prng(7);
    this.playerCount = playerCount;
    this.x = new Float64Array(playerCount);
    this.z = new Float64Array(playerCount);
    this.vx = new Float64Array(playerCount);
    this.vz = new Float64Array(playerCount);
    this.world = new World({
      maps: [{ mapId: 0, width: size, height: size, interestRadius: RADIUS }],
      ...MARSH_ENTITIES,
      maxSpeed: MAX_SPEED,
      tickIntervalMs: TICK_MS,
      capacity: playerCount,
      prng,
    });
    const health = new Health(this.world);
    for (let index = 0; index < playerCount; index++) {
      const x = prng.nextFloat() * size, z = prng.nextFloat() * size, angle = prng.nextFloat() * 2 * Math.PI;
      const name = `player${index}`;
      const id = this.world.join(
        { kind: EntityKind.PLAYER, name, x, z, viewer: true },
        this.#nowMs,
      );
      assert(id === index + 1, "A fresh world hands out ids in order");
      health.set(id, { hp: 100, hpMax: 100 });
      this.x[index] = x;
      this.z[index] = z;
      this.vx[index] = Math.cos(angle) * MAX_SPEED;
      this.vz[index] = Math.sin(angle) * MAX_SPEED;
    }
  }

  /** Moves in, and the step. */
  step(): void {
    const { world, playerCount } = this, movement = this.#movement;
    this.#nowMs += TICK_MS;
    for (let index = world.tick & 1; index < playerCount; index += 2) {
      this.#walk(index);
      movement.x = this.x[index];
      movement.z = this.z[index];
      movement.vx = this.vx[index];
      movement.vz = this.vz[index];
      movement.yaw = index;
      movement.sequenceNumber = world.tick;
      if (world.move(index + 1, movement, this.#nowMs) === "ok") this.acceptedCount++;
      else this.refusedCount++;
    }
    world.step(this.#nowMs);
  }

  /** Every viewer's snapshot. */
  build(): void {
    const { world, target } = this;
    let bytes = 0;
    for (let index = 0; index < world.viewerCount; index++) {
      bytes += world.buildSnapshot(world.viewerAt(index), target, 0);
    }
    this.bytes = bytes;
  }

  /** As {@linkcode WalkingCrowd.build}, each viewer's snapshot from objects and by the generated codec: the baseline. */
  buildNaive(): void {
    const { world } = this, near = new Int32Array(world.slotCount);
    let bytes = 0;
    for (let index = 0; index < world.viewerCount; index++) {
      const viewer = world.viewerAt(index);
      bytes += toBinary(WorldSnapshotSchema, this.#naiveSnapshot(viewer, near)).length;
    }
    this.bytes = bytes;
  }

  /** One viewer's snapshot by the generated codec: the moves of those within the radius who moved in this tick. */
  #naiveSnapshot(viewer: number, near: Int32Array): WorldSnapshot {
    const { world } = this, moving = (world.tick - 1) & 1;
    const count = world.entitiesInRadius({
      map: world.maps[0],
      x: world.xOf(viewer),
      z: world.zOf(viewer),
      radius: RADIUS,
    }, near);
    const snapshot = create(WorldSnapshotSchema, { tick: BigInt(world.tick), serverTimestamp: BigInt(this.#nowMs) });
    for (let index = 0; index < count; index++) {
      const id = near[index];
      if (id === viewer || ((id - 1) & 1) !== moving) continue;
      snapshot.moves.push(create(EntityMoveSchema, {
        entityId: BigInt(id),
        x: Math.round(this.x[id - 1] * 100),
        z: Math.round(this.z[id - 1] * 100),
        vx: Math.round(this.vx[id - 1] * 100),
        vz: Math.round(this.vz[id - 1] * 100),
        yaw: (id * 7) & 255,
      }));
    }
    return snapshot;
  }

  #walk(index: number): void {
    const [{ width, height }] = this.world.maps, stepSeconds = 2 * TICK_MS / 1_000;
    const x = this.x[index] + this.vx[index] * stepSeconds, z = this.z[index] + this.vz[index] * stepSeconds;
    if (x < 0 || x > width) this.vx[index] = -this.vx[index];
    else this.x[index] = x;
    if (z < 0 || z > height) this.vz[index] = -this.vz[index];
    else this.z[index] = z;
  }
}

/** The sizes measured: 50 others within the radius, and a crowd that all see each other. */
export const SCENARIOS = [
  { name: "2,000 players, 50 in interest", playerCount: 2_000, size: 560 },
  { name: "4,000 players, 50 in interest", playerCount: 4_000, size: 793 },
  { name: "500 players in one radius", playerCount: 500, size: 35 },
] as const;

/** Runs until everybody was told the spawns, then checks that both ways tell about the same. */
export function warmUp(crowd: WalkingCrowd): void {
  for (let tick = 0; tick < 40; tick++) {
    crowd.step();
    crowd.build();
  }
  assert(crowd.refusedCount === 0, "Honest walkers are not refused");
  crowd.step();
  crowd.buildNaive();
  const naiveBytes = crowd.bytes;
  crowd.build();
  // Ours also has spawns, despawns and the entities in the ring between entering and leaving.
  assert(crowd.bytes > naiveBytes && crowd.bytes < 2 * naiveBytes, "Both ways tell about the same");
  const bytes = crowd.world.tick > 0 ? crowd.target.subarray(0, buildOne(crowd)) : crowd.target;
  fromBinary(WorldSnapshotSchema, bytes);
}

function buildOne(crowd: WalkingCrowd): number {
  crowd.step();
  return crowd.world.buildSnapshot(crowd.world.viewerAt(0), crowd.target, 0);
}

for (const { name, playerCount, size } of SCENARIOS) {
  let crowd: WalkingCrowd | undefined;
  const ready = () => {
    if (crowd !== undefined) return crowd;
    crowd = new WalkingCrowd({ playerCount, size });
    warmUp(crowd);
    return crowd;
  };
  Deno.bench({
    name: `${name}: tick, generated codec per viewer`,
    group: name,
    baseline: true,
    n: 3,
    warmup: 1,
    fn: (bench) => {
      const walkers = ready();
      bench.start();
      walkers.step();
      walkers.buildNaive();
      bench.end();
    },
  });
  Deno.bench({
    name: `${name}: tick, encoded once and copied`,
    group: name,
    fn: (bench) => {
      const walkers = ready();
      bench.start();
      walkers.step();
      walkers.build();
      bench.end();
    },
  });
  Deno.bench({
    name: `${name}: tick without snapshots`,
    group: name,
    fn: (bench) => {
      const walkers = ready();
      bench.start();
      walkers.step();
      bench.end();
    },
  });
}

/** Crowds of which a tick's moves are more than the byte bound of a snapshot: they are told over several ticks. */
const CROWDS = [
  { name: "1,000 players in one radius", playerCount: 1_000, size: 35 },
  { name: "2,000 players in one radius", playerCount: 2_000, size: 35 },
] as const;

for (const { name, playerCount, size } of CROWDS) {
  let crowd: WalkingCrowd | undefined;
  Deno.bench({
    name: `${name}: tick, encoded once and copied within the byte bound`,
    group: name,
    fn: (bench) => {
      if (crowd === undefined) {
        crowd = new WalkingCrowd({ playerCount, size });
        for (let tick = 0; tick < 60; tick++) {
          crowd.step();
          crowd.build();
        }
      }
      bench.start();
      crowd.step();
      crowd.build();
      bench.end();
    },
  });
}
