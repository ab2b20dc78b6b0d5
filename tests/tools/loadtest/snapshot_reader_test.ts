import { create, toBinary } from "@bufbuild/protobuf";
import { ProtocolError } from "../../../shared/errors.ts";
import { EntityUpdateSchema, WorldSnapshotSchema } from "../../../shared/gen/world_pb.ts";
import { SnapshotReader } from "../../../tools/loadtest/snapshot_reader.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { fc } from "../../support/property.ts";

type Event = [kind: string, entityId: number, x?: number, z?: number];

/** Keeps what a snapshot tells. */
function recorder(events: Event[], readsMoves: boolean) {
  return {
    readsMoves,
    onMove: (entityId: number, x: number, z: number) => void events.push(["move", entityId, x, z]),
    onSpawn: (entityId: number, x: number, z: number) => void events.push(["spawn", entityId, x, z]),
    onDespawn: (entityId: number) => void events.push(["despawn", entityId]),
  };
}

const centimetres = fc.integer({ min: -1_000_000, max: 1_000_000 });
const news = fc.record({
  kind: fc.constantFrom("move", "spawn", "despawn", "health", "movement"),
  entityId: fc.integer({ min: 1, max: 2 ** 40 }),
  x: centimetres,
  z: centimetres,
});

Deno.test("SnapshotReader.readSnapshot() tells what the generated codec has written", () => {
  const reader = new SnapshotReader();
  fc.assert(fc.property(
    fc.array(news, { maxLength: 20 }),
    fc.integer({ min: 0, max: 2 ** 31 }),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.boolean(),
    (items, tick, lastMovementSequence, readsMoves) => {
      const snapshot = create(WorldSnapshotSchema, {
        tick: BigInt(tick),
        serverTimestamp: 1_700_000_000_000n,
        lastMovementSequence,
      });
      const updates: Event[] = [], moves: Event[] = [];
      for (const { entityId: id, kind, x, z } of items) {
        const entityId = BigInt(id);
        const movement = { position: { x: x / 100, y: 3, z: z / 100 }, velocity: { x: 1 }, sequenceNumber: 9 };
        if (kind === "move") {
          snapshot.moves.push(create(WorldSnapshotSchema, { moves: [{ entityId, x, z, vx: -5, yaw: 7 }] }).moves[0]);
          if (readsMoves) moves.push(["move", id, x, z]);
          continue;
        }
        const update = create(EntityUpdateSchema, { entityId });
        if (kind === "spawn") update.update = { case: "spawn", value: spawnOf(movement) };
        else if (kind === "despawn") update.update = despawn();
        else if (kind === "movement") update.update = { case: "movement", value: spawnOf(movement).movement! };
        else update.update = health();
        snapshot.updates.push(update);
        if (kind === "spawn") updates.push(["spawn", id, x, z]);
        if (kind === "despawn") updates.push(["despawn", id]);
        if (kind === "movement" && readsMoves) updates.push(["move", id, x, z]);
      }
      const bytes = toBinary(WorldSnapshotSchema, snapshot);
      const events: Event[] = [];
      reader.readSnapshot(bytes, 0, bytes.length, recorder(events, readsMoves));
      assertEquals(events, [...updates, ...moves]);
      assertEquals([reader.tick, reader.lastMovementSequence, reader.moveCount], [
        tick,
        lastMovementSequence,
        snapshot.moves.length,
      ]);
    },
  ));
});

function spawnOf(movement: { position: { x: number; y: number; z: number } }) {
  const { update } = create(EntityUpdateSchema, { update: { case: "spawn", value: { name: "a", movement } } });
  if (update.case !== "spawn") throw new Error("No spawn");
  return update.value;
}

function despawn() {
  return create(EntityUpdateSchema, { update: { case: "despawn", value: { reason: 2 } } }).update;
}

function health() {
  return create(EntityUpdateSchema, { update: { case: "health", value: { currentHp: 1, maxHp: 2 } } }).update;
}

Deno.test("SnapshotReader.readSnapshot() takes any bytes for a snapshot or refuses them as a broken packet", () => {
  const reader = new SnapshotReader();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, readsMoves) => {
    try {
      reader.readSnapshot(bytes, 0, bytes.length, recorder([], readsMoves));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
    }
  }));
  const cut = Uint8Array.of(0x2a, 20, 0x08, 1);
  for (const readsMoves of [true, false]) {
    const sink = recorder([], readsMoves);
    assertThrows(() => reader.readSnapshot(cut, 0, cut.length, sink), ProtocolError, "Cannot read WORLD_SNAPSHOT");
  }
});
