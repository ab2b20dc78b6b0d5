import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { DespawnReason, EntityKind, type WorldSnapshot, WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import {
  ENTITY_ID_QUARANTINE,
  ENTITY_KIND_MAX,
  ENTITY_NAME_BYTES_MAX,
  SNAPSHOT_BYTES_MAX,
  WORLD_ENTITIES_MAX,
} from "../../shared/limits.ts";
import { Prng } from "../../server/world/prng.ts";
import { SnapshotEncoder } from "../../server/world/snapshot_encoder.ts";
import type { World, WorldOptions } from "../../server/world/world.ts";
import type { MapOptions } from "../../server/world/world_map.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { FaultList, plant } from "../support/planted.ts";
import { ClientModel } from "./client_model.ts";
import { type MarshEntityOptions, MarshWorld } from "./marsh_world.ts";

const TARGET = new Uint8Array(SNAPSHOT_BYTES_MAX);
const PLAYER: MarshEntityOptions = {
  kind: EntityKind.PLAYER,
  name: "Ann",
  x: 500,
  z: 500,
  hp: 100,
  hpMax: 100,
  viewer: true,
};
const MAP: MapOptions = { mapId: 0, width: 1_000, height: 1_000, interestRadius: 50 };
const STILL = { x: 500, y: 0, z: 500, vx: 0, vy: 0, vz: 0, yaw: 0, sequenceNumber: 0 };

/** A world of one map, which `options` may also describe. */
function makeWorld(options: Partial<WorldOptions & MapOptions> = {}): MarshWorld {
  return new MarshWorld({
    maps: [{ ...MAP, ...options }],
    maxSpeed: 10,
    tickIntervalMs: 50,
    capacity: 600,
    prng: new Prng(1),
    ...options,
  });
}

/** The viewer's snapshot decoded, `undefined` when there is none. */
function snapshotOf(world: World, viewer: number): WorldSnapshot | undefined {
  const length = world.buildSnapshot(viewer, TARGET, 0);
  return length === 0 ? undefined : fromBinary(WorldSnapshotSchema, TARGET.subarray(0, length));
}

/** Joins players at the given x, steps once and lets everybody see. */
function populate(world: MarshWorld, ...xs: number[]): number[] {
  const ids = xs.map((x, index) => world.join({ ...PLAYER, name: `p${index}`, x }, 0));
  settle(world);
  return ids;
}

function settle(world: World): void {
  world.step(0);
  for (let index = 0; index < world.viewerCount; index++) world.buildSnapshot(world.viewerAt(index), TARGET, 0);
}

/** Steps until the client was told everything. */
function settleFully(world: World, client: ClientModel): void {
  for (let tick = 0, length = 1; length > 0; tick++) {
    assert(tick < 50, "What waits is told within a bounded number of ticks");
    world.step(0);
    length = world.buildSnapshot(client.entityId, TARGET, 0);
    if (length > 0) client.apply(TARGET.subarray(0, length));
  }
}

function updatesOf(snapshot: WorldSnapshot | undefined): string[] {
  return (snapshot?.updates ?? []).map((update) => `${update.update.case} ${update.entityId}`);
}

Deno.test("World.buildSnapshot() tells a viewer its own spawn first, then nothing while nothing changes", () => {
  const world = makeWorld();
  const id = world.join({ ...PLAYER, guildId: 9, guildTag: "ANN", hp: 80 }, 0);
  world.step(1_234);
  const snapshot = snapshotOf(world, id)!;
  assertEquals([snapshot.tick, snapshot.serverTimestamp, snapshot.lastMovementSequence], [1n, 1_234n, 0]);
  assertEquals(updatesOf(snapshot), [`spawn ${id}`]);
  const { value } = snapshot.updates[0].update;
  assert(value?.$typeName === "drawbridge.v1.EntitySpawn");
  assertEquals([value.name, value.health?.currentHp, value.guildId, value.guildTag], ["Ann", 80, 9n, "ANN"]);
  for (let tick = 0; tick < 5; tick++) {
    world.step(2_000 + tick);
    assertEquals(world.buildSnapshot(id, TARGET, 0), 0);
  }
});

Deno.test("World.buildSnapshot() writes what the generated codec writes, field order aside", () => {
  const world = makeWorld();
  const ids = populate(world, 500, 510, 520, 530);
  ids.forEach((id, index) => {
    const movement = { ...STILL, x: 500.5 + 10 * index, y: index, vx: 5, vz: -5, yaw: 1, sequenceNumber: 300 };
    assertEquals(world.move(id, movement, 1_000), "ok");
  });
  world.setHealth(ids[1], { hp: 50, hpMax: 100, shield: 5 });
  world.setStatus(ids[2], { buffIds: [1, 500], debuffIds: [], isStunned: false, isSilenced: true });
  world.join({ ...PLAYER, name: "new", x: 501 }, 0);
  world.leave(ids[3], DespawnReason.DIED);
  world.step(1_700_000_000_000);
  const length = world.buildSnapshot(ids[0], TARGET, 0), payload = TARGET.slice(0, length);
  const snapshot = fromBinary(WorldSnapshotSchema, payload);
  assertEquals(toBinary(WorldSnapshotSchema, snapshot).toSorted(), payload.toSorted());
  assertEquals(snapshot.lastMovementSequence, 300);
  assertEquals(updatesOf(snapshot).sort(), [
    `despawn ${ids[3]}`,
    `health ${ids[1]}`,
    "spawn 5",
    `status ${ids[2]}`,
  ]);
  assertEquals(snapshot.moves.map((move) => Number(move.entityId)).sort(), [ids[1], ids[2]]);
  assertEquals(snapshot.moves.find((move) => move.entityId === BigInt(ids[1]))?.y, 100);
});

Deno.test("World.buildSnapshot() acknowledges a viewer's own movement and never shows it to itself", () => {
  const world = makeWorld();
  const [id] = populate(world, 500);
  assertEquals(world.move(id, { ...STILL, x: 500.5, sequenceNumber: 77 }, 100), "ok");
  world.step(100);
  const snapshot = snapshotOf(world, id)!;
  assertEquals([snapshot.lastMovementSequence, snapshot.moves.length, snapshot.updates.length], [77, 0, 0]);
  world.step(150);
  assertEquals(snapshotOf(world, id), undefined);
});

Deno.test("World.buildSnapshot() says that an entity stopped, in a move without velocity", () => {
  const world = makeWorld();
  const [viewer, walker] = populate(world, 500, 510);
  assertEquals(world.move(walker, { ...STILL, x: 511, vx: 10 }, 1_000), "ok");
  world.step(1_000);
  assertEquals(snapshotOf(world, viewer)?.moves[0].vx, 1_000);
  assertEquals(world.move(walker, { ...STILL, x: 511 }, 1_100), "ok");
  world.step(1_100);
  const [move] = snapshotOf(world, viewer)!.moves;
  assertEquals([move.x, move.vx, move.vz], [51_100, 0, 0]);
});

Deno.test("World.move() tells nobody but its sender of a movement that changes nothing", () => {
  const world = makeWorld();
  const [viewer, other] = populate(world, 500, 510);
  assertEquals(world.move(other, { ...STILL, x: 510.001, sequenceNumber: 1 }, 100), "ok");
  world.step(100);
  assertEquals(snapshotOf(world, viewer), undefined);
  assertEquals(snapshotOf(world, other)?.lastMovementSequence, 1);
});

Deno.test("World.move() gives the reason and changes nothing when it refuses", () => {
  const world = makeWorld();
  const [viewer, other] = populate(world, 500, 510);
  assertEquals(world.move(other, { ...STILL, x: 600, sequenceNumber: 5 }, 0), "too_fast");
  world.step(50);
  assertEquals([snapshotOf(world, viewer), snapshotOf(world, other)], [undefined, undefined]);
  assertEquals([world.xOf(other), world.zOf(other)], [510, 500]);
});

Deno.test("World.move() shortens a velocity above the tolerated speed", () => {
  const world = makeWorld();
  const [viewer, other] = populate(world, 500, 510);
  assertEquals(world.move(other, { ...STILL, x: 510, vx: 300, vz: 400 }, 0), "ok");
  world.step(50);
  const [move] = snapshotOf(world, viewer)!.moves;
  assertEquals([move.vx, move.vz], [690, 920]);
});

Deno.test("World.setHealth() at 0 stops the entity until it has hit points again", () => {
  const world = makeWorld();
  const [viewer, other] = populate(world, 500, 510);
  world.move(other, { ...STILL, x: 511, vx: 10 }, 1_000);
  settle(world);
  world.setHealth(other, { hp: 0, hpMax: 100 });
  world.step(1_100);
  const snapshot = snapshotOf(world, viewer)!;
  assertEquals([updatesOf(snapshot), snapshot.moves[0].vx], [[`health ${other}`], 0]);
  assertEquals(world.move(other, { ...STILL, x: 511.5 }, 1_200), "dead");
  world.setHealth(other, { hp: 100, hpMax: 100 });
  assertEquals(world.move(other, { ...STILL, x: 511.5 }, 1_200), "ok");
});

Deno.test("World.setStatus() stuns and is told with the spawn to whoever comes later", () => {
  const world = makeWorld();
  const [, other] = populate(world, 500, 510);
  world.setStatus(other, { buffIds: [3], debuffIds: [4], isStunned: true, isSilenced: false });
  assertEquals(world.move(other, { ...STILL, x: 510.5 }, 100), "stunned");
  settle(world);
  const late = world.join({ ...PLAYER, x: 505 }, 0);
  world.step(100);
  const updates = updatesOf(snapshotOf(world, late));
  assertEquals(updates.indexOf(`status ${other}`), updates.indexOf(`spawn ${other}`) + 1);
});

Deno.test("World tells a viewer its own health and status", () => {
  const world = makeWorld();
  const [id] = populate(world, 500);
  world.setHealth(id, { hp: 40, hpMax: 100 });
  world.setStatus(id, { buffIds: [], debuffIds: [8], isStunned: false, isSilenced: false });
  world.step(50);
  assertEquals(updatesOf(snapshotOf(world, id)), [`health ${id}`, `status ${id}`]);
});

Deno.test("World.leave() says why, to those who see", () => {
  const world = makeWorld();
  const [viewer, other, far] = populate(world, 500, 510, 900);
  world.leave(other, DespawnReason.DIED);
  world.step(50);
  const [update] = snapshotOf(world, viewer)!.updates;
  assertEquals(update.update, {
    case: "despawn",
    value: { $typeName: "drawbridge.v1.EntityDespawn", reason: DespawnReason.DIED },
  });
  assertEquals(snapshotOf(world, far), undefined);
  assertEquals([world.has(other), world.entityCount, world.viewerCount], [false, 2, 2]);
});

Deno.test("World makes no spawns or despawns for an entity that swings between the two radii", () => {
  const world = makeWorld();
  const [viewer, other] = populate(world, 500, 549);
  for (let swing = 0; swing < 50; swing++) {
    world.teleport(other, 0, { x: swing % 2 === 0 ? 554.9 : 550.1, y: 0, z: 500, yaw: 0 });
    world.step(50 * swing);
    const snapshot = snapshotOf(world, viewer)!;
    assertEquals([snapshot.updates.length, snapshot.moves.length], [0, 1]);
  }
  world.teleport(other, 0, { x: 555.01, y: 0, z: 500, yaw: 0 });
  world.step(5_000);
  assertEquals(updatesOf(snapshotOf(world, viewer)), [`despawn ${other}`]);
  world.teleport(other, 0, { x: 550.01, y: 0, z: 500, yaw: 0 });
  world.step(5_050);
  assertEquals(snapshotOf(world, viewer), undefined);
  world.teleport(other, 0, { x: 550, y: 0, z: 500, yaw: 0 });
  world.step(5_100);
  assertEquals(updatesOf(snapshotOf(world, viewer)), [`spawn ${other}`]);
});

Deno.test("World.step() encodes what changed once, however many see it", () => {
  const world = makeWorld();
  const ids = populate(world, ...Array.from({ length: 100 }, (_, index) => 480 + index * 0.4));
  const before = world.encodedCount;
  for (const id of ids.slice(0, 30)) world.move(id, { ...STILL, x: world.xOf(id) + 0.5, vx: 1 }, 1_000);
  world.setHealth(ids[5], { hp: 1, hpMax: 100 });
  settle(world);
  assertEquals(world.encodedCount - before, 31);
  settle(world);
  assertEquals(world.encodedCount - before, 31);
});

Deno.test("World.requestFullSnapshot() brings everything as spawn and nothing as despawn", () => {
  const world = makeWorld();
  const [viewer, stays, leaves] = populate(world, 500, 510, 520);
  world.leave(leaves);
  world.step(50);
  world.requestFullSnapshot(viewer);
  assertEquals(updatesOf(snapshotOf(world, viewer)).sort(), [`spawn ${stays}`, `spawn ${viewer}`].sort());
  world.step(100);
  assertEquals(snapshotOf(world, viewer), undefined);
});

Deno.test("World.buildSnapshot() gives a viewer that was left out the newest state of what it missed", () => {
  const world = makeWorld();
  const [viewer, walker, leaver, idle] = populate(world, 500, 510, 520, 530);
  const comer = world.join({ ...PLAYER, x: 540 }, 0);
  for (let tick = 1; tick <= 20; tick++) {
    world.move(walker, { ...STILL, x: 510 + tick / 2, sequenceNumber: tick }, tick * 50);
    if (tick === 10) world.leave(leaver);
    world.step(tick * 50);
  }
  const snapshot = snapshotOf(world, viewer)!;
  assertEquals(updatesOf(snapshot).sort(), [`despawn ${leaver}`, `spawn ${comer}`].sort());
  assertEquals(snapshot.moves.map((move) => [Number(move.entityId), move.x]), [[walker, 52_000]]);
  assert(snapshot.moves.every((move) => move.entityId !== BigInt(idle)));
});

Deno.test("World.buildSnapshot() despawns an entity before it spawns the next one with its id", () => {
  const world = makeWorld({ capacity: 2, idQuarantine: 0 });
  const [viewer, first] = populate(world, 500, 510);
  world.leave(first);
  world.step(50);
  assertEquals(world.join({ ...PLAYER, name: "second", x: 510 }, 0), first);
  world.step(100);
  assertEquals(updatesOf(snapshotOf(world, viewer)), [`despawn ${first}`, `spawn ${first}`]);
});

Deno.test("World.buildSnapshot() despawns an entity whose id is in use again far away", () => {
  const world = makeWorld({ capacity: 2, idQuarantine: 0 });
  const [viewer, first] = populate(world, 500, 510);
  for (let reuse = 0; reuse < 3; reuse++) {
    world.leave(first);
    world.step(50);
    assertEquals(world.join({ ...PLAYER, name: `far ${reuse}`, x: 900 }, 0), first);
  }
  world.step(100);
  assertEquals(updatesOf(snapshotOf(world, viewer)), [`despawn ${first}`]);
});

Deno.test("World.buildSnapshot() tells the nearest first when not all fits", () => {
  const world = makeWorld({ snapshotBytesMax: 1_024 });
  const distances = Array.from({ length: 49 }, (_, index) => index + 1);
  const others = distances.map((distance) => world.join({ ...PLAYER, x: 500 + distance }, 0));
  const viewer = world.join(PLAYER, 0);
  const client = new ClientModel(viewer);
  for (let tick = 1; client.shown.size < others.length; tick++) {
    assert(tick <= 10, "All are told within a few ticks");
    world.step(tick * 50);
    const length = world.buildSnapshot(viewer, TARGET, 0);
    assert(length <= 1_024, `${length} bytes`);
    client.apply(TARGET.subarray(0, length));
    const toldCount = client.shown.size;
    assert(toldCount >= Math.min(others.length, 10 * tick), `${toldCount} told after ${tick} ticks`);
    assertEquals([...client.shown.keys()].sort((a, b) => a - b), others.slice(0, toldCount));
  }
});

Deno.test("World.buildSnapshot() starves nobody when everybody moves all the time and little fits", () => {
  const world = makeWorld({ snapshotBytesMax: 1_024 });
  const ids = populate(world, ...Array.from({ length: 200 }, (_, index) => 480 + index * 0.2));
  const viewer = ids[0], client = new ClientModel(viewer);
  const toldTicks = new Map<bigint, number>();
  let waitMax = 0;
  world.requestFullSnapshot(viewer);
  for (let tick = 1; tick <= 200; tick++) {
    for (const id of ids) {
      world.move(id, { ...STILL, x: world.xOf(id), z: 500 + (tick % 2) / 5, vx: tick % 7 }, tick * 50);
    }
    // Some die and some come, so that every kind of news competes for room.
    if (tick % 10 === 0) world.setHealth(ids[tick / 10], { hp: tick, hpMax: 200 });
    world.step(tick * 50);
    const snapshot = client.apply(TARGET.subarray(0, world.buildSnapshot(viewer, TARGET, 0)));
    for (const { entityId } of [...snapshot.moves, ...snapshot.updates]) toldTicks.set(entityId, tick);
    if (tick < 60) continue;
    for (const id of ids) if (id !== viewer) waitMax = Math.max(waitMax, tick - (toldTicks.get(BigInt(id)) ?? 0));
  }
  // 199 moves of some 23 bytes are 5 snapshots; nobody may wait longer than two rounds of that and a little.
  assert(waitMax <= 12, `Longest wait was ${waitMax} ticks`);
});

Deno.test("World.buildSnapshot() still tells what waited of an entity that was lost and found between snapshots", () => {
  const world = makeWorld({ snapshotBytesMax: 1_024 });
  const viewer = world.join(PLAYER, 0), client = new ClientModel(viewer);
  const others = Array.from({ length: 90 }, (_, index) => world.join({ ...PLAYER, x: 500 + index / 2 }, 0));
  settleFully(world, client);
  for (const id of others) world.setHealth(id, { hp: 7, hpMax: 100 });
  world.step(100);
  client.apply(TARGET.subarray(0, world.buildSnapshot(viewer, TARGET, 0)));
  assert([...client.shown.values()].some(({ hp }) => hp === 100), "Some had to wait");
  for (const x of [480, 500]) {
    world.teleport(viewer, 0, { x, y: 0, z: 500, yaw: 0 });
    world.step(150);
  }
  settleFully(world, client);
  assertEquals([...client.shown.values()].map(({ hp }) => hp), others.map(() => 7));
});

Deno.test("World.requestFullSnapshot() forgets what waited for room", () => {
  const world = makeWorld({ snapshotBytesMax: 1_024 });
  const viewer = world.join(PLAYER, 0), client = new ClientModel(viewer);
  const others = Array.from({ length: 90 }, (_, index) => world.join({ ...PLAYER, x: 500 + index / 2 }, 0));
  settleFully(world, client);
  for (const id of others) world.setHealth(id, { hp: 7, hpMax: 100 });
  world.step(100);
  world.buildSnapshot(viewer, TARGET, 0);
  client.reset();
  world.requestFullSnapshot(viewer);
  settleFully(world, client);
  assertEquals([...client.shown.values()].map(({ hp }) => hp), others.map(() => 7));
});

Deno.test("World.buildSnapshot() keeps to the room behind the offset and leaves what lies before it alone", () => {
  const world = makeWorld();
  const ids = Array.from({ length: 100 }, (_, index) => world.join({ ...PLAYER, x: 490 + index / 10 }, 0));
  world.step(50);
  const target = new Uint8Array(3_000).fill(0xee);
  const length = world.buildSnapshot(ids[0], target, 1_500);
  assert(length > 1_300 && length <= 1_500, `${length} bytes`);
  assert(target.subarray(0, 1_500).every((byte) => byte === 0xee));
  fromBinary(WorldSnapshotSchema, target.subarray(1_500, 1_500 + length));
  assertThrows(() => world.buildSnapshot(ids[1], target, 2_000), RangeError, "at least 1024 bytes");
});

Deno.test("World shows a crowd of 500 in one radius to each other, moves and all", () => {
  const world = makeWorld(), prng = new Prng(4), ids: number[] = [];
  for (let index = 0; index < 500; index++) {
    const x = 490 + prng.nextFloat() * 20, z = 490 + prng.nextFloat() * 20;
    ids.push(world.join({ ...PLAYER, name: `p${index}`, x, z }, 0));
  }
  // Everybody gets snapshots; decoding those of some is enough.
  const clients = new Map(ids.filter((_, index) => index % 20 === 0).map((id) => [id, new ClientModel(id)]));
  for (let tick = 1; tick <= 20; tick++) {
    world.step(tick * 50);
    for (const id of ids) {
      const length = world.buildSnapshot(id, TARGET, 0);
      if (length > 0) clients.get(id)?.apply(TARGET.subarray(0, length));
      const movement = { ...STILL, x: world.xOf(id) + 0.1, z: world.zOf(id), vx: 2 };
      if (tick <= 10) assertEquals(world.move(id, movement, tick * 50), "ok");
    }
  }
  for (const client of clients.values()) {
    assertEquals(client.shown.size, 499);
    for (const [id, { x, vx }] of client.shown) assertEquals([x, vx], [Math.round(world.xOf(id) * 100), 200]);
  }
});

/** `count` players within one interest radius who have all been told of each other. */
function crowd(
  count: number,
): { readonly world: World; readonly ids: readonly number[]; tick(isMoving: boolean): number } {
  const world = makeWorld({ capacity: count }), prng = new Prng(4);
  const ids = Array.from(
    { length: count },
    () => world.join({ ...PLAYER, x: 490 + prng.nextInt(20), z: 490 + prng.nextInt(20) }, 0),
  );
  let nowMs = 0;
  const tick = (isMoving: boolean) => {
    nowMs += 50;
    for (const id of isMoving ? ids : []) {
      const x = world.xOf(id) + (world.tick % 2 === 0 ? 0.2 : -0.2);
      assertEquals(world.move(id, { ...STILL, x, z: world.zOf(id), vx: 4 }, nowMs), "ok");
    }
    world.step(nowMs);
    let bytes = 0;
    for (const id of ids) {
      const length = world.buildSnapshot(id, TARGET, 0);
      assert(length <= SNAPSHOT_BYTES_MAX, `${length} bytes`);
      bytes += length;
    }
    return bytes;
  };
  for (let count = 0; tick(false) > 0; count++) assert(count < 50, "All are told within a bounded number of ticks");
  return { world, ids, tick };
}

Deno.test("World looks at each pair of a crowd of 500 a fixed number of times a tick, and encodes each once", () => {
  const { world, ids, tick } = crowd(500);
  for (let count = 0; count < 5; count++) tick(true);
  const lookedAt = world.lookedAtCount, encoded = world.encodedCount;
  const bytes = tick(true);
  assertEquals(world.encodedCount - encoded, ids.length);
  // Who is still near, who is near now, what is due, and what of it did not fit: once each.
  const pairs = ids.length ** 2, count = world.lookedAtCount - lookedAt;
  assert(count >= 2 * pairs && count <= 4.1 * pairs, `${count / pairs} looks a pair`);
  assert(bytes > 0.9 * ids.length * SNAPSHOT_BYTES_MAX, "The byte bound is used");
});

Deno.test("World looks at nobody while a crowd of 500 stands still, and at one's neighbours when one moves", () => {
  const { world, ids, tick } = crowd(500);
  let before = world.lookedAtCount;
  assertEquals([tick(false), world.lookedAtCount - before], [0, 0]);
  before = world.lookedAtCount;
  world.move(ids[0], { ...STILL, x: world.xOf(ids[0]) + 0.1, z: world.zOf(ids[0]) }, 1e6);
  world.step(1e6);
  assert(world.lookedAtCount - before <= 2 * ids.length, `${world.lookedAtCount - before}`);
});

Deno.test("World.buildSnapshot() tells of a blow far away before the steps of those who are nearer", () => {
  const world = makeWorld({ snapshotBytesMax: 1_024 });
  const viewer = world.join(PLAYER, 0), client = new ClientModel(viewer);
  const others = Array.from({ length: 90 }, (_, index) => world.join({ ...PLAYER, x: 500 + (index + 1) / 2 }, 0));
  settleFully(world, client);
  for (const id of others) world.move(id, { ...STILL, x: world.xOf(id), vx: 3 }, 10_000);
  // At 40 units, which then count as 20; some 55 moves fit.
  world.setHealth(others[79], { hp: 7, hpMax: 100 });
  world.step(10_000);
  client.apply(TARGET.subarray(0, world.buildSnapshot(viewer, TARGET, 0)));
  assertEquals(client.shown.get(others[79])?.hp, 7);
  assertEquals(client.shown.get(others[70])?.vx, 0);
});

Deno.test("World.join() uses an id again only after the quarantine", () => {
  const world = makeWorld({ capacity: 2 });
  const first = world.join(PLAYER, 0);
  world.leave(first);
  let otherCount = 0;
  for (let id = world.join(PLAYER, 0); id !== first; id = world.join(PLAYER, 0)) {
    world.leave(id);
    otherCount++;
  }
  assert(otherCount >= ENTITY_ID_QUARANTINE, `Id came back after ${otherCount} others`);
});

Deno.test("World.join() and leave() 100,000 times leave nothing behind", () => {
  const world = makeWorld({ capacity: 50 });
  const ids: number[] = [], { slotCount } = world;
  const viewer = world.join(PLAYER, 0), client = new ClientModel(viewer);
  for (let round = 0; round < 100_000; round++) {
    const id = world.join({ ...PLAYER, name: `p${round}`, x: 480 + round % 40 }, 0);
    assert(id > 0 && id < slotCount, `Entity id ${id}`);
    ids.push(id);
    if (ids.length === 49) world.leave(ids.splice(round % 49, 1)[0]);
    if (round % 500 !== 0) continue;
    world.step(round);
    const length = world.buildSnapshot(viewer, TARGET, 0);
    if (length > 0) client.apply(TARGET.subarray(0, length));
  }
  for (const id of ids) world.leave(id);
  for (let tick = 0; tick < 20; tick++) {
    world.step(100_000 + tick);
    const length = world.buildSnapshot(viewer, TARGET, 0);
    if (length > 0) client.apply(TARGET.subarray(0, length));
  }
  assertEquals([client.shown.size, world.entityCount, world.viewerCount, world.slotCount], [0, 1, 1, slotCount]);
});

Deno.test("World.join() and leave() many times within one tick lose nothing", () => {
  const world = makeWorld({ capacity: 3 });
  const [viewer] = populate(world, 500);
  for (let round = 0; round < 3 * world.slotCount; round++) world.leave(world.join({ ...PLAYER, x: 510 }, 0));
  const last = world.join({ ...PLAYER, x: 510 }, 0);
  world.step(50);
  assertEquals(updatesOf(snapshotOf(world, viewer)), [`spawn ${last}`]);
});

Deno.test("World.join() returns 0 when the world is full and takes the next after someone left", () => {
  const world = makeWorld({ capacity: 2 });
  const [first] = [world.join(PLAYER, 0), world.join(PLAYER, 0)];
  assertEquals(world.join(PLAYER, 0), 0);
  world.leave(first);
  assert(world.join(PLAYER, 0) > 0);
});

Deno.test("World.join() spreads those without a position over the map", () => {
  const world = makeWorld(), quarters = [0, 0, 0, 0], out = new Int32Array(world.slotCount), [map] = world.maps;
  for (let index = 0; index < 400; index++) {
    const id = world.join({ ...PLAYER, x: undefined, z: undefined }, 0);
    quarters[(world.xOf(id) < 500 ? 0 : 1) + (world.zOf(id) < 500 ? 0 : 2)]++;
  }
  for (const count of quarters) assert(count > 80, `${count} of 400 in one quarter`);
  for (let index = 0; index < world.viewerCount; index++) {
    const id = world.viewerAt(index);
    const count = world.entitiesInRadius({ map, x: world.xOf(id), z: world.zOf(id), radius: 50 }, out);
    assert(count < 15, `${count} within one interest radius`);
  }
});

Deno.test("World.join() refuses a place off the map and a name too long, and keeps no entity", () => {
  const world = makeWorld();
  assertThrows(() => world.join({ ...PLAYER, x: 1_000.5 }, 0), RangeError, "is not on the map");
  assertThrows(() => world.join({ ...PLAYER, y: NaN }, 0), RangeError, "is not on the map");
  assertThrows(() => world.join({ ...PLAYER, name: "n".repeat(81) }, 0), RangeError, "limit is 80 bytes");
  assertEquals([world.entityCount, world.viewerCount], [0, 0]);
});

Deno.test("World.teleport() puts an entity elsewhere, at rest, with the tolerance only", () => {
  const world = makeWorld();
  const [viewer, other] = populate(world, 500, 510);
  world.teleport(other, 10_000, { x: 900, y: 0, z: 900, yaw: Math.PI });
  assertEquals(world.move(other, { ...STILL, x: 903, z: 900 }, 10_000), "too_fast");
  world.step(10_000);
  assertEquals(updatesOf(snapshotOf(world, viewer)), [`despawn ${other}`]);
  assertEquals([world.xOf(other), world.yOf(other), world.zOf(other), world.yawOf(other)], [900, 0, 900, Math.PI]);
  world.teleport(other, 10_000);
  assert(world.has(other));
});

Deno.test("World.watchersOf() gives the viewers that see an entity, and no monsters", () => {
  const world = makeWorld();
  const [a, b, c] = populate(world, 500, 530, 560);
  const monster = world.join({ ...PLAYER, kind: EntityKind.MONSTER, x: 530, viewer: false }, 0);
  settle(world);
  const out = new Int32Array(world.slotCount);
  assertEquals([...out.subarray(0, world.watchersOf(b, out))].sort(), [a, c]);
  assertEquals([...out.subarray(0, world.watchersOf(monster, out))].sort(), [a, b, c]);
  assertEquals([...out.subarray(0, world.watchersOf(a, out))], [b]);
  assertEquals([world.sees(a, b), world.sees(a, c), world.sees(a, -4), world.sees(1e9, a)], [
    true,
    false,
    false,
    false,
  ]);
  assertEquals(world.watchersOf(monster, out.subarray(0, 2)), 2);
});

Deno.test("World.entitiesInRadius() sees positions as they are now and refuses nonsense", () => {
  const world = makeWorld(), out = new Int32Array(world.slotCount), [map] = world.maps;
  const [a, b] = populate(world, 500, 510);
  world.teleport(b, 0, { x: 500, y: 0, z: 502, yaw: 0 });
  assertEquals([...out.subarray(0, world.entitiesInRadius({ map, x: 500, z: 500, radius: 2 }, out))].sort(), [a, b]);
  for (const radius of [NaN, -1]) assertEquals(world.entitiesInRadius({ map, x: 0, z: 0, radius }, out), 0);
  assertEquals(world.entitiesInRadius({ map, x: NaN, z: 0, radius: 5 }, out), 0);
  assertEquals(world.entitiesInRadius({ map, x: 500, z: 500, radius: Infinity }, out), 2);
  assertEquals(world.distanceBetween(a, b), 2);
});

Deno.test("World refuses options out of their range", () => {
  const table: [Partial<WorldOptions & MapOptions>, string][] = [
    [{ width: 0 }, "width is 0"],
    [{ height: 10_001 }, "height is 10001"],
    [{ interestRadius: NaN }, "interest radius is NaN"],
    [{ mapId: 256 }, "id is 256"],
    [{ mapId: 0.5 }, "id is 0.5"],
    [{ maps: [] }, "it has no map"],
    [{ maps: [MAP, MAP] }, "two maps have the same id"],
    [{ maxSpeed: -1 }, "max speed is -1"],
    [{ capacity: WORLD_ENTITIES_MAX + 1 }, `capacity is ${WORLD_ENTITIES_MAX + 1}`],
    [{ capacity: 1.5 }, "capacity is 1.5"],
    [{ snapshotBytesMax: 1_023 }, "bound is 1023 bytes"],
  ];
  for (const [options, message] of table) assertThrows(() => makeWorld(options), RangeError, message);
});

Deno.test("World refuses entities that are not in it, and snapshots for those who do not view", () => {
  const world = makeWorld();
  const monster = world.join({ ...PLAYER, viewer: false }, 0);
  world.step(0);
  assertThrows(() => world.buildSnapshot(monster, TARGET, 0), RangeError, "is not a viewer");
  for (const id of [0, -1, 1.5, 99, 1e9]) {
    assertThrows(() => world.leave(id), RangeError, "is not in this world");
    assertThrows(() => world.move(id, STILL, 0), RangeError, "is not in this world");
  }
});

Deno.test("World run twice from the same seed gives the same bytes", () => {
  const run = () => {
    const world = makeWorld({ prng: new Prng(11), width: 200, height: 200 }), prng = new Prng(12);
    const bytes: number[] = [];
    for (let tick = 1; tick <= 30; tick++) {
      world.join({ ...PLAYER, name: `p${tick}`, x: undefined }, tick * 50);
      for (let index = 0; index < world.viewerCount; index++) {
        const id = world.viewerAt(index), x = world.xOf(id) + prng.nextFloat() - 0.5;
        world.move(id, { ...STILL, x, z: world.zOf(id) }, tick * 50);
      }
      world.step(tick * 50);
      for (let index = 0; index < world.viewerCount; index++) {
        bytes.push(...TARGET.subarray(0, world.buildSnapshot(world.viewerAt(index), TARGET, 0)));
      }
    }
    return bytes;
  };
  assertEquals(run(), run());
});

Deno.test("World.step() shows everybody's news but that of the entity it throws for, which it shows with its next", () => {
  const list = new FaultList();
  const world = makeWorld({ faults: list });
  const [viewer, broken, sound] = populate(world, 500, 501, 502);
  const go = (x: number) => {
    for (const id of [broken, sound]) world.place(id, { x: x + id, z: 500, vx: 0, vz: 0, yaw: 0 });
    world.step(0);
    return snapshotOf(world, viewer)?.moves.map(({ entityId }) => Number(entityId));
  };
  {
    using _planted = plant(SnapshotEncoder.prototype, "encodeMove", (id: number) => id === broken);
    assertEquals(go(503), [sound]);
  }
  assertEquals(list.faults, [["entity", broken]]);
  assertEquals(go(504)?.sort(), [broken, sound]);
  assertEquals(list.faults.length, 1);
});

Deno.test("World.join() and World.setProfile() refuse a kind that does not fit beside a long name, and change nothing", () => {
  const world = makeWorld();
  const kindMax: EntityKind = Number(ENTITY_KIND_MAX);
  const long = { ...PLAYER, name: "n".repeat(ENTITY_NAME_BYTES_MAX), guildTag: "TAG" };
  const viewer = world.join({ ...PLAYER, x: 501 }, 0);
  assertThrows(() => world.join({ ...long, kind: kindMax + 1 }, 0), RangeError, "kind is 128, must be");
  assertEquals(world.entityCount, 1);
  const id = world.join({ ...long, kind: kindMax }, 0);
  const wrong = { ...long, name: "other", kind: kindMax + 1 };
  assertThrows(() => world.setProfile(id, wrong), RangeError, "kind is 128, must be");
  world.step(0);
  const spawns = snapshotOf(world, viewer)!.updates.filter(({ entityId }) => entityId === BigInt(id));
  assertEquals(spawns.map(({ update }) => update.case === "spawn" && [update.value.name, update.value.kind]), [
    [long.name, kindMax],
  ]);
  assertEquals(spawns.map(({ update }) => update.case === "spawn" && update.value.guildTag), ["TAG"]);
});
