import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { MovementReader } from "../../server/session/movement_reader.ts";
import { MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const READER = new MovementReader();

/** What the reader read, or null when it leaves the payload to the generated codec. */
function tryRead(payload: Uint8Array) {
  const padded = new Uint8Array(payload.length + 20).fill(0x12);
  padded.set(payload, 7);
  if (!READER.tryRead(padded, 7, 7 + payload.length)) return null;
  const { entityId, x, y, z, vx, vy, vz, yaw, sequenceNumber } = READER;
  return { entityId, x, y, z, vx, vy, vz, yaw, sequenceNumber };
}

/** The same by the generated codec. */
function readGenerated(payload: Uint8Array): ReturnType<typeof tryRead> {
  const { entityId, position, velocity, rotation, sequenceNumber } = fromBinary(MovementUpdateSchema, payload);
  return {
    entityId: Number(entityId),
    x: position?.x ?? 0,
    y: position?.y ?? 0,
    z: position?.z ?? 0,
    vx: velocity?.x ?? 0,
    vy: velocity?.y ?? 0,
    vz: velocity?.z ?? 0,
    yaw: rotation?.y ?? 0,
    sequenceNumber,
  };
}

const float = fc.oneof(fc.float(), fc.constantFrom(0, 1, -1.5, NaN, Infinity, -Infinity, -0, 3.4e38));
const vector = fc.option(fc.record({ x: float, y: float, z: float }), { nil: undefined });
const movement = fc.record({
  entityId: fc.bigInt({ min: 0n, max: 2n ** 48n }),
  position: vector,
  velocity: vector,
  rotation: vector,
  timestamp: fc.bigInt({ min: 0n, max: 2n ** 48n }),
  sequenceNumber: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
});

Deno.test("MovementReader.tryRead() reads what the generated codec writes", () => {
  fc.assert(
    fc.property(movement, (fields) => {
      const payload = toBinary(MovementUpdateSchema, create(MovementUpdateSchema, fields));
      assertEquals(tryRead(payload), readGenerated(payload));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("MovementReader.tryRead() reads fields in any order", () => {
  const fieldsOf = (fields: typeof movement extends fc.Arbitrary<infer Fields> ? Fields : never) =>
    Object.entries(fields).filter(([, value]) => value !== undefined).map(([name, value]) =>
      toBinary(MovementUpdateSchema, create(MovementUpdateSchema, { [name]: value }))
    );
  fc.assert(
    fc.property(
      movement.chain((fields) => fc.shuffledSubarray(fieldsOf(fields), { minLength: 0 })),
      (parts) => {
        const payload = new Uint8Array(parts.flatMap((part) => [...part]));
        assertEquals(tryRead(payload), readGenerated(payload));
      },
    ),
    { numRuns: 1_000 },
  );
});

Deno.test("MovementReader.tryRead() of an empty payload gives a movement of nothing but zeros", () => {
  assertEquals(tryRead(new Uint8Array(0)), readGenerated(new Uint8Array(0)));
});

Deno.test("MovementReader.tryRead() forgets the movement before", () => {
  const full = { x: 1, y: 2, z: 3 };
  const everything = { entityId: 9n, position: full, velocity: full, rotation: full, sequenceNumber: 7 };
  tryRead(toBinary(MovementUpdateSchema, create(MovementUpdateSchema, everything)));
  const little = toBinary(MovementUpdateSchema, create(MovementUpdateSchema, { position: { y: 5 } }));
  assertEquals(tryRead(little), readGenerated(little));
});

Deno.test("MovementReader.tryRead() leaves what is unusual to the generated codec", () => {
  const unusual: Readonly<Record<string, BinaryWriter>> = {
    "an unknown field": new BinaryWriter().tag(9, WireType.Varint).uint32(1),
    "another wire type": new BinaryWriter().tag(2, WireType.Varint).uint32(1),
    "an unknown field in a vector": new BinaryWriter().tag(2, WireType.LengthDelimited)
      .bytes(new BinaryWriter().tag(4, WireType.Bit32).float(1).finish()),
    "another wire type in a vector": new BinaryWriter().tag(2, WireType.LengthDelimited)
      .bytes(new BinaryWriter().tag(1, WireType.Bit64).double(1).finish()),
    "an entity id above 2^49": new BinaryWriter().tag(1, WireType.Varint).uint64(2n ** 49n),
    "a vector that is longer than the payload": new BinaryWriter().raw(new Uint8Array([0x12, 0x05, 0x0d, 0, 0])),
    "a number that is cut": new BinaryWriter().raw(new Uint8Array([0x08, 0x80])),
    "a float that is cut": new BinaryWriter().raw(new Uint8Array([0x12, 0x04, 0x0d, 0, 0, 0])),
    "a vector without a length": new BinaryWriter().raw(new Uint8Array([0x12])),
  };
  for (const [what, writer] of Object.entries(unusual)) assertEquals(tryRead(writer.finish()), null, what);
});

/** Whether position, velocity or rotation comes more than once, which protobuf merges. */
function hasRepeatedVector(payload: Uint8Array): boolean {
  const reader = new BinaryReader(payload);
  const seen = new Set<number>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    reader.skip(wireType, number);
    if (number >= 2 && number <= 4 && seen.has(number)) return true;
    seen.add(number);
  }
  return false;
}

Deno.test("MovementReader.tryRead() of any bytes reads what the generated codec reads, or leaves it to that", () => {
  let readCount = 0;
  const bent = fc.tuple(movement, fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 3 }), fc.nat(80)).map(
    ([fields, changes, length]) => {
      const payload = toBinary(MovementUpdateSchema, create(MovementUpdateSchema, fields));
      for (const [at, byte] of changes) if (payload.length > 0) payload[at % payload.length] = byte;
      return payload.slice(0, payload.length - length % 3);
    },
  );
  fc.assert(
    fc.property(fc.oneof(bent, fc.uint8Array({ maxLength: 30 })), (payload) => {
      const read = tryRead(payload);
      if (read === null || hasRepeatedVector(payload)) return;
      readCount++;
      assertEquals(read, readGenerated(payload));
    }),
    { numRuns: 5_000 },
  );
  assert(readCount > 500, `Only ${readCount} payloads were read`);
});
