import { fromBinary } from "@bufbuild/protobuf";
import { COMPONENT_BYTES_MAX, COMPONENT_ID_MAX, COMPONENTS_MAX } from "../../shared/limits.ts";
import { type WorldSnapshot, WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import type { ComponentRow } from "../../server/world/components.ts";
import { Prng } from "../../server/world/prng.ts";
import { World, type WorldOptions } from "../../server/world/world.ts";
import { MARSH_ENTITIES } from "../../games/marsh/entities.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const IT: ComponentRow = { id: 1, name: "it", seenBy: "interest", bytesMax: 16, saved: false };
const PURSE: ComponentRow = { id: 2, name: "purse", seenBy: "owner", bytesMax: 300, saved: true };
const SECRET: ComponentRow = { id: 3, name: "secret", seenBy: "server", bytesMax: 8, saved: true };
const TARGET = new Uint8Array(8_192);

function makeWorld(options: Partial<WorldOptions> = {}): World {
  return new World({
    maps: [{ mapId: 0, width: 100, height: 100, interestRadius: 30 }],
    components: [IT, PURSE, SECRET],
    maxSpeed: 10,
    tickIntervalMs: 50,
    capacity: 8,
    prng: new Prng(1),
    ...options,
  });
}

function join(world: World, x = 50): number {
  return world.join({ kind: 1, name: `at ${x}`, x, z: 50, viewer: true }, 0);
}

function snapshotOf(world: World, viewer: number): WorldSnapshot | undefined {
  const length = world.buildSnapshot(viewer, TARGET, 0);
  return length === 0 ? undefined : fromBinary(WorldSnapshotSchema, TARGET.subarray(0, length));
}

/** What a snapshot tells, in order: "spawn 1", or entity, component and content as "1.2=3,4". */
function told(world: World, viewer: number): string[] {
  return (snapshotOf(world, viewer)?.updates ?? []).flatMap(({ entityId, update, components }) => [
    ...update.case === undefined ? [] : [`${update.case} ${entityId}`],
    ...components.map(({ componentId, content }) => `${entityId}.${componentId}=${content}`),
  ]);
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

Deno.test("World.set() tells a component to who is to see it, with spawns and once a change, newest state only", () => {
  const world = makeWorld(), [ann, ben] = [join(world), join(world, 55)];
  for (const { id } of [IT, PURSE, SECRET]) assert(world.set(ann, id, bytes(id, 7)));
  world.step(0);
  assertEquals(told(world, ann), [`spawn ${ann}`, `${ann}.1=1,7`, `${ann}.2=2,7`, `spawn ${ben}`]);
  assertEquals(told(world, ben), [`spawn ${ben}`, `spawn ${ann}`, `${ann}.1=1,7`]);
  world.step(50);
  assertEquals([told(world, ann), told(world, ben)], [[], []]);
  for (const value of [1, 2, 3]) {
    world.set(ben, IT.id, bytes(value));
    world.set(ben, PURSE.id, bytes(10 * value));
    world.set(ben, SECRET.id, bytes(value));
  }
  world.step(100);
  assertEquals([told(world, ann), told(world, ben)], [[`${ben}.1=3`], [`${ben}.1=3`, `${ben}.2=30`]]);
  world.set(ben, PURSE.id, bytes(31));
  world.set(ben, SECRET.id, bytes(4));
  world.step(150);
  assertEquals([told(world, ann), told(world, ben)], [[], [`${ben}.2=31`]]);
  assertEquals([...world.contentOf(ben, SECRET.id)], [4]);
});

Deno.test("World.set() tells a component that becomes empty, and a spawn is followed by none that is", () => {
  const world = makeWorld(), [ann, ben] = [join(world), join(world, 55)];
  world.set(ann, IT.id, bytes(9));
  world.set(ann, PURSE.id, bytes(9));
  world.step(0);
  told(world, ann);
  told(world, ben);
  world.set(ann, IT.id, bytes());
  world.set(ann, PURSE.id, bytes());
  world.step(50);
  assertEquals([told(world, ann), told(world, ben)], [[`${ann}.1=`, `${ann}.2=`], [`${ann}.1=`]]);
  world.requestFullSnapshot(ben);
  world.step(100);
  assertEquals(told(world, ben), [`spawn ${ben}`, `spawn ${ann}`]);
});

Deno.test("World.setProfile() repeats all components after the spawn, the owner's own to the owner", () => {
  const world = makeWorld(), [ann, ben] = [join(world), join(world, 55)];
  world.set(ann, IT.id, bytes(1));
  world.set(ann, PURSE.id, bytes(2));
  world.step(0);
  told(world, ann);
  told(world, ben);
  world.setProfile(ann, { kind: 2, name: "Anna" });
  world.step(50);
  assertEquals(told(world, ann), [`spawn ${ann}`, `${ann}.1=1`, `${ann}.2=2`]);
  assertEquals(told(world, ben), [`spawn ${ann}`, `${ann}.1=1`]);
});

Deno.test("World.set() refuses one byte more than the bound, counts it, and what was there stays", () => {
  const world = makeWorld(), ann = join(world);
  assert(world.set(ann, IT.id, new Uint8Array(16).fill(5)));
  assertEquals([world.set(ann, IT.id, new Uint8Array(17)), world.refusedCount], [false, 1]);
  assertEquals([...world.contentOf(ann, IT.id)], new Array(16).fill(5));
  assert(world.set(ann, IT.id, bytes(1, 2, 3, 4), 2));
  assertEquals([...world.contentOf(ann, IT.id)], [1, 2]);
  assertThrows(() => world.set(ann, 9, bytes()), RangeError, "declares none with this id");
  assertThrows(() => world.set(7, IT.id, bytes()), RangeError, "it is not in this world");
});

Deno.test("World.join() gives an entity no component of the one before it", () => {
  const world = makeWorld({ idQuarantine: 0, capacity: 2 }), ann = join(world);
  const ben = join(world);
  for (const { id } of [IT, PURSE, SECRET]) world.set(ben, id, bytes(1));
  world.step(0);
  told(world, ann);
  world.leave(ben);
  assertEquals(join(world), ben);
  assertEquals([IT, PURSE, SECRET].map(({ id }) => world.isSet(ben, id) || world.contentOf(ben, id).length), [0, 0, 0]);
  world.step(50);
  assertEquals(told(world, ann), [`despawn ${ben}`, `spawn ${ben}`]);
  assertEquals(told(world, ben), [`spawn ${ben}`, `spawn ${ann}`]);
});

Deno.test("World.set() tells contents of every length up to the largest", () => {
  const row = { ...IT, bytesMax: COMPONENT_BYTES_MAX, id: COMPONENT_ID_MAX };
  const world = makeWorld({ components: [row], capacity: 200 });
  for (let count = 1; count < 199; count++) join(world, count % 2 === 0 ? 0 : 100);
  const ann = join(world);
  for (const length of [0, 1, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 200, COMPONENT_BYTES_MAX]) {
    const content = new Uint8Array(length).map((_byte, index) => index);
    world.set(ann, row.id, content);
    world.step(0);
    const updates = snapshotOf(world, ann)!.updates.filter(({ components }) => components.length > 0);
    if (length > 0) assertEquals(updates.map(({ components }) => components[0].content), [content]);
  }
});

Deno.test("World refuses components that do not go together or whose news would fit no snapshot", () => {
  const many = (count: number, row: Partial<ComponentRow>) =>
    Array.from({ length: count }, (_, index) => ({ ...IT, id: index + 1, ...row }));
  const table: [rows: ComponentRow[], says: string][] = [
    [[IT, { ...PURSE, id: 1 }], "Cannot keep component purse: it has its id, 1"],
    [[{ ...IT, id: 0 }], "its id is 0, must be an integer from 1 to 127"],
    [[{ ...IT, id: COMPONENT_ID_MAX + 1 }], "its id is 128"],
    [[{ ...IT, bytesMax: 0 }], "its bound is 0 bytes"],
    [[{ ...IT, bytesMax: COMPONENT_BYTES_MAX + 1 }], "its bound is 513 bytes"],
    [[{ ...IT, wire: { update: 16 } }], "its field is 16, must be from 1 to 15"],
    [[{ ...IT, wire: {} }], "it has no field to be told in"],
    [[{ ...PURSE, wire: { update: 8 } }], "it has fields of its own, which everybody is shown"],
    [many(COMPONENTS_MAX + 1, {}), "there are 32, limit is 31"],
    [many(20, { bytesMax: 500 }), "Cannot bound snapshots: bound is 8192 bytes, at least 22"],
    [many(20, { bytesMax: 500, seenBy: "owner" }), "Cannot bound snapshots: bound is 8192 bytes, at least 11"],
  ];
  for (const [components, says] of table) assertThrows(() => makeWorld({ components }), RangeError, says);
  makeWorld({ components: many(20, { bytesMax: 500, seenBy: "server" }) });
  makeWorld({ components: many(COMPONENTS_MAX, { bytesMax: 4 }) });
  makeWorld({ ...MARSH_ENTITIES, snapshotBytesMax: 1_024 });
});

Deno.test("World.buildSnapshot() tells even the widest news in the smallest snapshot that the world lets pass", () => {
  const components = [{ ...IT, bytesMax: 400 }, { ...PURSE, bytesMax: 450 }];
  let bytesMax = 1_024;
  for (;; bytesMax++) {
    try {
      makeWorld({ components, snapshotBytesMax: bytesMax });
      break;
    } catch (error) {
      assert(error instanceof RangeError);
    }
  }
  assert(bytesMax > 1_024 && bytesMax < 2_000, `${bytesMax} bytes`);
  const world = makeWorld({ components, snapshotBytesMax: bytesMax, capacity: 8 });
  const ids = Array.from(
    { length: 8 },
    (_, index) => world.join({ kind: 1, name: "n".repeat(80), x: 50 + index, z: 50, viewer: true }, 0),
  );
  const seen = new Set<string>();
  for (let tick = 1; seen.size < ids.length; tick++) {
    assert(tick < 20, "Everybody is shown, whatever is new about the viewer itself in every tick");
    for (const id of ids) world.set(id, IT.id, new Uint8Array(400).fill(tick));
    world.set(ids[0], PURSE.id, new Uint8Array(450).fill(tick));
    world.step(tick);
    for (const line of told(world, ids[0])) if (line.startsWith("spawn")) seen.add(line);
  }
});
