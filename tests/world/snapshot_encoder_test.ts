import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { DespawnReason, EntityKind, EntityUpdateSchema, WorldSnapshotSchema } from "../../shared/gen/game_pb.ts";
import {
  ALTITUDE_MAX,
  ENTITY_NAME_BYTES_MAX,
  GUILD_TAG_BYTES_MAX,
  MAP_SIZE_MAX,
  SPEED_MAX,
  STATUS_EFFECTS_MAX,
} from "../../shared/limits.ts";
import { EntityStore } from "../../server/world/entity_store.ts";
import {
  DESPAWN_BYTES_MAX,
  SMALL_SLOT_BYTES,
  SnapshotEncoder,
  SPAWN_SLOT_BYTES,
  STATUS_SLOT_BYTES,
  writeDespawn,
} from "../../server/world/snapshot_encoder.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const CAPACITY = 17_000;
const STORE = new EntityStore(CAPACITY, 0);
const ENCODER = new SnapshotEncoder(STORE);

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
  for (const key of ["x", "y", "z", "vx", "vz", "yaw", "hp", "hpMax", "shield"] as const) {
    STORE[key][state.id] = state[key];
  }
}

function slot(words: Int32Array, at: number, length: number): Uint8Array {
  return new Uint8Array(words.buffer, at, length).slice();
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
      slot(ENCODER.moveWords, state.id * SMALL_SLOT_BYTES, length),
      snapshotBytes({ moves: [{ entityId: BigInt(state.id), x, y, z, vx, vz, yaw }] }),
    );
    assert(length <= SMALL_SLOT_BYTES);
  }));
});

Deno.test("SnapshotEncoder.encodeHealth() writes the generated codec's bytes, within its slot", () => {
  fc.assert(fc.property(anyState, (state) => {
    put(state);
    ENCODER.encodeHealth(state.id);
    const { hp, hpMax, shield } = state;
    const value = { currentHp: hp, maxHp: hpMax, shield };
    const expected = updateBytes(state.id, { case: "health", value });
    assertEquals(slot(ENCODER.healthWords, state.id * SMALL_SLOT_BYTES, ENCODER.healthLengths[state.id]), expected);
    assert(expected.length <= SMALL_SLOT_BYTES);
  }));
});

Deno.test("SnapshotEncoder.encodeStatus() writes the generated codec's bytes, within its slot", () => {
  const anyIds = fc.array(fc.oneof(fc.nat(200), fc.nat(0xffff_ffff)), { maxLength: STATUS_EFFECTS_MAX });
  fc.assert(fc.property(anyId, anyIds, anyIds, fc.boolean(), fc.boolean(), (id, buffIds, debuffIds, a, b) => {
    const value = { buffIds, debuffIds, isStunned: a, isSilenced: b };
    ENCODER.encodeStatus(id, value);
    const expected = updateBytes(id, { case: "status", value });
    assertEquals(slot(ENCODER.statusWords, id * STATUS_SLOT_BYTES, ENCODER.statusLengths[id]), expected);
    assertEquals(ENCODER.statusShown[id] === 1, a || b || buffIds.length + debuffIds.length > 0);
  }));
});

Deno.test("SnapshotEncoder.encodeStatus() fits its slot at its widest and refuses one effect more", () => {
  const widest = new Array<number>(STATUS_EFFECTS_MAX).fill(0xffff_ffff);
  ENCODER.encodeStatus(CAPACITY, { buffIds: widest, debuffIds: widest, isStunned: true, isSilenced: true });
  assert(ENCODER.statusLengths[CAPACITY] <= STATUS_SLOT_BYTES);
  const tooMany = { buffIds: [...widest, 1], debuffIds: [], isStunned: false, isSilenced: false };
  assertThrows(() => ENCODER.encodeStatus(1, tooMany), RangeError, "it has 17 effects, limit is 16");
});

Deno.test("SnapshotEncoder.ensureSpawn() writes the generated codec's bytes, within its slot", () => {
  const anyName = fc.string({ unit: "binary", maxLength: ENTITY_NAME_BYTES_MAX / 4 });
  const anyTag = fc.string({ unit: "binary", maxLength: GUILD_TAG_BYTES_MAX / 4 });
  const anyGuild = fc.oneof(fc.constant(0), fc.maxSafeNat());
  fc.assert(fc.property(anyState, anyName, anyTag, anyGuild, fc.nat(1), (state, name, guildTag, guildId, kind) => {
    put(state);
    ENCODER.setProfile(state.id, { name, kind, guildId, guildTag });
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
  ENCODER.setProfile(id, {
    name: "n".repeat(ENTITY_NAME_BYTES_MAX),
    kind: EntityKind.MONSTER,
    guildId: Number.MAX_SAFE_INTEGER,
    guildTag: "t".repeat(GUILD_TAG_BYTES_MAX),
  });
  const length = ENCODER.ensureSpawn(id);
  assert(length <= SPAWN_SLOT_BYTES, `${length} bytes`);
  const snapshot = fromBinary(WorldSnapshotSchema, slot(ENCODER.spawnWords, id * SPAWN_SLOT_BYTES, length));
  assertEquals(snapshot.updates[0].update.case, "spawn");
});

Deno.test("SnapshotEncoder.ensureSpawn() encodes again only after something changed", () => {
  ENCODER.setProfile(1, { name: "Ann", kind: EntityKind.PLAYER, guildId: 0, guildTag: "" });
  ENCODER.ensureSpawn(1);
  const before = ENCODER.encodedCount;
  ENCODER.ensureSpawn(1);
  assertEquals(ENCODER.encodedCount, before);
  ENCODER.encodeMove(1);
  ENCODER.ensureSpawn(1);
  assertEquals(ENCODER.encodedCount, before + 2);
});

Deno.test("SnapshotEncoder.setProfile() refuses a text one byte too long and keeps what it had", () => {
  ENCODER.setProfile(1, { name: "Ann", kind: EntityKind.PLAYER, guildId: 7, guildTag: "ANN" });
  const before = slot(ENCODER.spawnWords, SPAWN_SLOT_BYTES, ENCODER.ensureSpawn(1));
  const profile = { name: "Bob", kind: EntityKind.PLAYER, guildId: 0, guildTag: "t".repeat(GUILD_TAG_BYTES_MAX + 1) };
  assertThrows(() => ENCODER.setProfile(1, profile), RangeError, "it is 33 bytes, limit is 32 bytes");
  const name = "é".repeat(ENTITY_NAME_BYTES_MAX / 2) + "n";
  assertThrows(() => ENCODER.setProfile(1, { ...profile, name, guildTag: "" }), RangeError, "limit is 80 bytes");
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
