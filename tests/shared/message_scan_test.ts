import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { LeaveWorldRequestSchema, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { MESSAGE_FIELDS_MAX } from "../../shared/limits.ts";
import { isMessageWithin } from "../../shared/message_scan.ts";
import { contract } from "../../games/marsh/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

function isWithin(bytes: readonly number[], fieldsMax = MESSAGE_FIELDS_MAX): boolean {
  // What stands around a message is not looked at.
  const around = new Uint8Array([0x80, 0x80, ...bytes, 0x08, 0x01]);
  return isMessageWithin(around, 2, 2 + bytes.length, fieldsMax);
}

Deno.test("isMessageWithin() takes as many fields as allowed and not one more, of every wire type", () => {
  const fields = [[0x08, 0x96, 0x01], [0x11, 1, 2, 3, 4, 5, 6, 7, 8], [0x1a, 2, 9, 9], [0x25, 1, 2, 3, 4], [0x1a, 0]];
  for (const field of fields) {
    for (const count of [0, 1, 7, 8, 9]) {
      assertEquals(isWithin(new Array(count).fill(field).flat(), 8), count <= 8, `${count} of ${field}`);
    }
  }
  assertEquals(isWithin(fields.flat(), 5), true);
  assertEquals(isWithin(fields.flat(), 4), false);
});

Deno.test("isMessageWithin() refuses what ends in a field, groups and wire types that do not exist", () => {
  for (
    const bytes of [
      ...[[0x08], [0x08, 0x80], [0x80], [0x11, 1, 2, 3, 4, 5, 6, 7], [0x25, 1, 2, 3], [0x1a], [0x1a, 1], [0x1a, 0x80]],
      ...[[0x0b, 0x0c], [0x0b], [0x0c], [0x0e], [0x0f], [0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f]],
      [0x08, ...new Array(10).fill(0x80), 0x01],
      [...new Array(10).fill(0x88), 0x01, 0x01],
      [0x1a, ...new Array(9).fill(0xff), 0x7f],
    ]
  ) assertEquals(isWithin(bytes), false, String(bytes));
});

Deno.test("isMessageWithin() takes everything that the generated codec writes for a client", () => {
  for (const { type, states } of contract.packets.rows) {
    if (states === 0) continue;
    const schema = contract.schemaOf(type)!;
    assert(schema.fields.length < MESSAGE_FIELDS_MAX / 4, schema.name);
    // Otherwise the bound would be one of how many entries a client may send, and belong to that type.
    assert(schema.fields.every(({ fieldKind }) => fieldKind !== "list" && fieldKind !== "map"), schema.name);
  }
  const movement = toBinary(MovementUpdateSchema, create(MovementUpdateSchema, { position: { x: 1 }, timestamp: 5n }));
  assert(isMessageWithin(movement, 0, movement.length, MESSAGE_FIELDS_MAX));
});

/** The longest varint that there is: 64 bits, seven a byte. */
const VARINT_BYTES_MAX = 10;

Deno.test("isMessageWithin() agrees with the generated codec on whether any bytes are a message of the protocol", () => {
  const piece = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 6 }),
    fc.constantFrom([0x08, 0x01], [0x1a, 0x01, 0x61], [0x78, 0xff, 0x7f], [0x7d, 1, 2, 3, 4]).map((bytes) =>
      new Uint8Array(bytes)
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const bytes = new Uint8Array(pieces.flatMap((piece) => [...piece]));
      let error = "";
      try {
        // A message without fields: all are unknown to it.
        fromBinary(LeaveWorldRequestSchema, bytes);
      } catch (caught) {
        error = String(caught);
      }
      fc.pre(!/illegal tag/.test(error) && !isTakenByCodecAlone(bytes));
      assertEquals(isMessageWithin(bytes, 0, bytes.length, Infinity), error === "", `${bytes}: ${error}`);
    }),
    { numRuns: 5_000 },
  );
});

/**
 * Whether a message, as far as it can be read, has what the codec takes and the protocol does not: a group, or an
 * unknown field whose varint is longer than ten bytes.
 */
function isTakenByCodecAlone(bytes: Uint8Array): boolean {
  const reader = new BinaryReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const [, wireType] = reader.tag();
      if (wireType === WireType.StartGroup || wireType === WireType.EndGroup) return true;
      const start = reader.pos;
      reader.skip(wireType);
      if (wireType === WireType.Varint && reader.pos - start > VARINT_BYTES_MAX) return true;
    }
  } catch {
    // Cut off, or no message at all.
  }
  return false;
}
