import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { DespawnReason, EntityKind, EntityUpdateSchema, WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import { ALTITUDE_MAX, ENTITY_KIND_MAX, ENTITY_NAME_BYTES_MAX, MAP_SIZE_MAX, SPEED_MAX } from "../../shared/limits.ts";
import { STATUS_EFFECTS_MAX } from "../../games/parts/combat/limits.ts";
import { GUILD_TAG_BYTES_MAX } from "../../games/parts/guilds/limits.ts";
import { EntityStore } from "../../server/world/entity_store.ts";
import { MARSH_ENTITIES } from "../../games/marsh/entities.ts";
import { HEALTH, Health, setStatus, STATUS } from "../../games/parts/combat/components.ts";
import { showGuild } from "../../games/parts/guilds/guild_component.ts";
import { Components } from "../../server/world/components.ts";
import {
  DESPAWN_BYTES_MAX,
  MOVE_SLOT_BYTES,
  SnapshotEncoder,
  writeDespawn,
} from "../../server/world/snapshot_encoder.ts";
import type { World } from "../../server/world/world.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const CAPACITY = 17_000;
const STORE = new EntityStore(CAPACITY, 0);
const COMPONENTS = new Components(MARSH_ENTITIES.components!, STORE.slotCount);
const ENCODER = new SnapshotEncoder(STORE, COMPONENTS);
const SPAWN_SLOT_BYTES = 4 * ENCODER.spawnSlotWords;
/** As much of a world as sets components. */
const WORLD = {
  slotCount: STORE.slotCount,
  set(id: number, componentId: number, content: Uint8Array, length: number) {
    ENCODER.encodeComponent(COMPONENTS.get(componentId), id, content, length);
    return true;
  },
  hold() {},
  release() {},
} as unknown as World;
const HEALTH_OF = new Health(WORLD);

const anyId = fc.integer({ min: 1, max: CAPACITY });
const anyCm = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: MAP_SIZE_MAX * 100 }));
const anyHeightCm = fc.oneof(fc.constant(0), fc.integer({ min: -ALTITUDE_MAX * 100, max: ALTITUDE_MAX * 100 }));
const anySpeedCm = fc.oneof(fc.constant(0), fc.integer({ min: -SPEED_MAX * 115, max: SPEED_MAX * 115 }));
const anyHp = fc.oneof(fc.constant(0), fc.float({ noNaN: true, noDefaultInfinity: true, min: 0 }));
const anyState = fc.record({
  id: anyId,
  x: anyCm,
  y: anyHeightCm,
  z: anyCm,
  vx: anySpeedCm,
  vz: anySpeedCm,
  yaw: fc.nat(255),
  hp: anyHp,
  hpMax: anyHp,
  shield: anyHp,
});
type State = typeof anyState extends fc.Arbitrary<infer T> ? T : never;

function put(state: State): void {
  for (const key of ["x", "y", "z", "vx", "vz", "yaw"] as const) STORE[key][state.id] = state[key];
  HEALTH_OF.set(state.id, state);
}

function slot(words: Int32Array, at: number, length: number): Uint8Array {
  return new Uint8Array(words.buffer, at, length).slice();
}

/** The slot of a component, as a snapshot copies it. */
function componentSlot(componentId: number, id: number): Uint8Array {
  const { words, slotBytes, lengths } = COMPONENTS.get(componentId);
  assert(lengths[id] <= slotBytes);
  return slot(words, id * slotBytes, lengths[id]);
}

/** The same as the generated codec writes it. */
function snapshotBytes(init: MessageInitShape<typeof WorldSnapshotSchema>): Uint8Array {
  return toBinary(WorldSnapshotSchema, create(WorldSnapshotSchema, init));
}

function updateBytes(id: number, update: MessageInitShape<typeof EntityUpdateSchema>["update"]): Uint8Array {
  return snapshotBytes({ updates: [{ entityId: BigInt(id), update }] });
}

Deno.test("SnapshotEncoder.encodeMove() writes the generated codec's bytes, within its slot", () => {
  fc.assert(fc.property(anyState, (state) => {
    put(state);
    ENCODER.encodeMove(state.id);
    const length = ENCODER.moveLengths[state.id];
    const { x, y, z, vx, vz, yaw } = state;
    assertEquals(
      slot(ENCODER.moveWords, state.id * MOVE_SLOT_BYTES, length),
      snapshotBytes({ moves: [{ entityId: BigInt(state.id), x, y, z, vx, vz, yaw }] }),
    );
    assert(length <= MOVE_SLOT_BYTES);
  }));
});

Deno.test("Health.set() writes the generated codec's bytes, within its slot", () => {
  fc.assert(fc.property(anyState, (state) => {
    put(state);
    const { hp, hpMax, shield } = state;
    const value = { currentHp: hp, maxHp: hpMax, shield };
    const expected = updateBytes(state.id, { case: "health", value });
    assertEquals(componentSlot(HEALTH.id, state.id), expected);
  }));
});

Deno.test("setStatus() writes the generated codec's bytes, within its slot", () => {
  const anyIds = fc.array(fc.oneof(fc.nat(200), fc.nat(0xffff_ffff)), { maxLength: STATUS_EFFECTS_MAX });
  fc.assert(fc.property(anyId, anyIds, anyIds, fc.boolean(), fc.boolean(), (id, buffIds, debuffIds, a, b) => {
    const value = { buffIds, debuffIds, isStunned: a, isSilenced: b };
    setStatus(WORLD, id, value);
    const expected = updateBytes(id, { case: "status", value });
    assertEquals(componentSlot(STATUS.id, id), expected);
    const isShown = COMPONENTS.get(STATUS.id).contentLengths[id] > 0;
    assertEquals(isShown, a || b || buffIds.length + debuffIds.length > 0);
  }));
});

Deno.test("setStatus() fits its bound at its widest and refuses one effect more", () => {
  const widest = new Array<number>(STATUS_EFFECTS_MAX).fill(0xffff_ffff);
  setStatus(WORLD, CAPACITY, { buffIds: widest, debuffIds: widest, isStunned: true, isSilenced: true });
  assertEquals(COMPONENTS.get(STATUS.id).contentLengths[CAPACITY], STATUS.bytesMax);
  componentSlot(STATUS.id, CAPACITY);
  const tooMany = { buffIds: [...widest, 1], debuffIds: [], isStunned: false, isSilenced: false };
  assertThrows(() => setStatus(WORLD, 1, tooMany), RangeError, "it has 17 effects, limit is 16");
});

Deno.test("SnapshotEncoder.ensureSpawn() writes the generated codec's bytes, within its slot", () => {
  const anyName = fc.string({ unit: "binary", maxLength: ENTITY_NAME_BYTES_MAX / 4 });
  const anyTag = fc.string({ unit: "binary", maxLength: GUILD_TAG_BYTES_MAX / 4 });
  const anyGuild = fc.oneof(fc.constant(0), fc.maxSafeNat());
  fc.assert(fc.property(anyState, anyName, anyTag, anyGuild, fc.nat(1), (state, name, guildTag, guildId, kind) => {
    put(state);
    ENCODER.setProfile(state.id, { name, kind });
    showGuild(WORLD, state.id, { guildId, tag: guildTag });
    const length = ENCODER.ensureSpawn(state.id);
    const { x, y, z, vx, vz, yaw, hp, hpMax, shield } = state;
    const value = {
      name,
      kind,
      movement: {
        position: { x: x / 100, y: y / 100, z: z / 100 },
        velocity: vx === 0 && vz === 0 ? undefined : { x: vx / 100, z: vz / 100 },
        rotation: yaw === 0 ? undefined : { y: yaw * 2 * Math.PI / 256 },
      },
      health: { currentHp: hp, maxHp: hpMax, shield },
      guildId: BigInt(guildId),
      guildTag,
    };
    assertEquals(
      slot(ENCODER.spawnWords, state.id * SPAWN_SLOT_BYTES, length),
      updateBytes(state.id, { case: "spawn", value }),
    );
    assert(length <= SPAWN_SLOT_BYTES);
  }));
});

Deno.test("SnapshotEncoder.ensureSpawn() fits its slot at its widest", () => {
  const id = CAPACITY;
  put({ id, x: 1, y: 1, z: 1, vx: 1, vz: 1, yaw: 1, hp: 1, hpMax: 1, shield: 1 });
  ENCODER.setProfile(id, { name: "n".repeat(ENTITY_NAME_BYTES_MAX), kind: ENTITY_KIND_MAX });
  showGuild(WORLD, id, { guildId: Number.MAX_SAFE_INTEGER, tag: "t".repeat(GUILD_TAG_BYTES_MAX) });
  const length = ENCODER.ensureSpawn(id);
  assert(length <= SPAWN_SLOT_BYTES, `${length} bytes`);
  const snapshot = fromBinary(WorldSnapshotSchema, slot(ENCODER.spawnWords, id * SPAWN_SLOT_BYTES, length));
  assertEquals(snapshot.updates[0].update.case, "spawn");
});

Deno.test("SnapshotEncoder.ensureSpawn() encodes again only after something changed", () => {
  ENCODER.setProfile(1, { name: "Ann", kind: EntityKind.PLAYER });
  ENCODER.ensureSpawn(1);
  const before = ENCODER.encodedCount;
  ENCODER.ensureSpawn(1);
  assertEquals(ENCODER.encodedCount, before);
  ENCODER.encodeMove(1);
  ENCODER.ensureSpawn(1);
  assertEquals(ENCODER.encodedCount, before + 2);
});

Deno.test("SnapshotEncoder.setProfile() refuses a name one byte too long and a kind that is none, and keeps what it had", () => {
  ENCODER.setProfile(1, { name: "Ann", kind: EntityKind.PLAYER });
  const before = slot(ENCODER.spawnWords, SPAWN_SLOT_BYTES, ENCODER.ensureSpawn(1));
  const name = "é".repeat(ENTITY_NAME_BYTES_MAX / 2) + "n";
  assertThrows(() => ENCODER.setProfile(1, { name, kind: 0 }), RangeError, "it is 81 bytes, limit is 80 bytes");
  for (const kind of [ENTITY_KIND_MAX + 1, -1, 0.5, NaN]) {
    assertThrows(() => ENCODER.setProfile(1, { name: "Bob", kind }), RangeError, `kind is ${kind}, must be`);
  }
  assertEquals(slot(ENCODER.spawnWords, SPAWN_SLOT_BYTES, ENCODER.ensureSpawn(1)), before);
});

Deno.test("showGuild() refuses a tag one byte too long and keeps what it showed", () => {
  showGuild(WORLD, 1, { guildId: 7, tag: "ANN" });
  const before = slot(ENCODER.spawnWords, SPAWN_SLOT_BYTES, ENCODER.ensureSpawn(1));
  const tag = "t".repeat(GUILD_TAG_BYTES_MAX + 1);
  assertThrows(() => showGuild(WORLD, 1, { guildId: 0, tag }), RangeError, "its tag is 33 bytes, limit is 32 bytes");
  assertEquals(slot(ENCODER.spawnWords, SPAWN_SLOT_BYTES, ENCODER.ensureSpawn(1)), before);
});

Deno.test("writeDespawn() writes the generated codec's bytes, within its bound", () => {
  const reasons = [DespawnReason.LEFT_INTEREST, DespawnReason.LEFT_WORLD, DespawnReason.DIED];
  fc.assert(fc.property(anyId, fc.constantFrom(...reasons), (id, reason) => {
    const bytes = new Uint8Array(DESPAWN_BYTES_MAX);
    const end = writeDespawn(bytes, 0, id, reason);
    assertEquals(bytes.subarray(0, end).slice(), updateBytes(id, { case: "despawn", value: { reason } }));
  }));
});
