import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { PacketSchema } from "../../shared/gen/packet_pb.ts";
import { ENVELOPE_BYTES_MAX, ENVELOPE_FIELDS_MAX } from "../../shared/limits.ts";
import { PacketView, varintBytes, writeFrame, writeVarint } from "../../shared/packet_codec.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { frameOf, pattern, sameBytes } from "./frames.ts";
import { readReferencePacket, ReferenceError, type ReferencePacket } from "./reference_packet.ts";

/** What a {@linkcode PacketView} shows; 64-bit numbers are rounded as `Number()` rounds. */
interface Seen {
  readonly type: number;
  readonly size: number;
  readonly sequence: number;
  readonly timestamp: number;
  readonly isCompressed: boolean;
  readonly ack: number;
  readonly requestKey: number;
  readonly payload: Uint8Array;
}

const VIEW = new PacketView();

/** Decodes `bytes` in the middle of others, so that a read beyond either end shows. */
function decode(bytes: Uint8Array): Seen {
  const padded = new Uint8Array(bytes.length + 24).fill(0x01);
  padded.set(bytes, 8);
  VIEW.decode(padded, 8, 8 + bytes.length);
  const { type, size, sequence, timestamp, isCompressed, ack, requestKey, payloadStart, payloadEnd } = VIEW;
  const payload = padded.slice(payloadStart, payloadEnd);
  return { type, size, sequence, timestamp, isCompressed, ack, requestKey, payload };
}

function seenBy(packet: ReferencePacket): Seen {
  const { sequence, timestamp, ack, requestKey, payload, ...rest } = packet;
  return {
    ...rest,
    sequence: Number(sequence),
    timestamp: Number(timestamp),
    ack: Number(ack),
    requestKey: Number(requestKey),
    payload: payload.slice(),
  };
}

function decodeGenerated(bytes: Uint8Array): Seen {
  const { header, payload } = fromBinary(PacketSchema, bytes);
  return {
    type: header?.type ?? 0,
    size: header?.size ?? 0,
    sequence: Number(header?.sequence ?? 0n),
    timestamp: Number(header?.timestamp ?? 0n),
    isCompressed: header?.isCompressed ?? false,
    ack: Number(header?.ack ?? 0n),
    requestKey: Number(header?.requestKey ?? 0n),
    payload: payload.slice(),
  };
}

/** Holds ours to the reference: the same packet, or MALFORMED_PACKET where the reference finds none. */
function checkAgainstReference(bytes: Uint8Array): Seen | null {
  let expected: Seen;
  try {
    expected = seenBy(readReferencePacket(bytes));
  } catch (error) {
    assert(error instanceof ReferenceError);
    const { reason } = assertThrows(() => decode(bytes), ProtocolError, "Cannot decode packet: ");
    assertEquals(reason, DisconnectReason.MALFORMED_PACKET);
    return null;
  }
  assertEquals(decode(bytes), expected);
  return expected;
}

const uint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 2n ** 53n - 4n, max: 2n ** 53n + 40n }),
  fc.constantFrom(0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n),
  // Rounding to even is where two steps of rounding would differ from one.
  fc.tuple(fc.integer({ min: 0, max: 10 }), fc.bigInt({ min: 0n, max: 2n ** 53n }), fc.integer({ min: -1, max: 1 }))
    .map(
      ([shift, base, step]) => BigInt.asUintN(64, (base << BigInt(shift)) + BigInt(step) + (1n << BigInt(shift)) / 2n),
    ),
);
const header = fc.record({
  type: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  size: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  sequence: uint64,
  timestamp: uint64,
  isCompressed: fc.boolean(),
  ack: uint64,
  requestKey: uint64,
});
const packet = fc.record({ header: fc.option(header, { nil: undefined }), payload: fc.uint8Array({ maxLength: 300 }) });

Deno.test("PacketView.decode() reads what the generated codec writes", () => {
  fc.assert(
    fc.property(packet, (fields) => {
      const bytes = toBinary(PacketSchema, create(PacketSchema, fields));
      assertEquals(decode(bytes), decodeGenerated(bytes));
      assertEquals(checkAgainstReference(bytes)?.payload, fields.payload);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("PacketView.decode() rounds 64-bit numbers above 2^53 as Number() does", () => {
  fc.assert(
    fc.property(uint64, (value) => {
      const bytes = toBinary(
        PacketSchema,
        create(PacketSchema, { header: { sequence: value, timestamp: 1n, ack: value } }),
      );
      assertEquals(decode(bytes).sequence, Number(value));
      assertEquals(decode(bytes).ack, Number(value));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("PacketView.decode() forgets the packet before", () => {
  decode(toBinary(
    PacketSchema,
    create(PacketSchema, {
      header: { type: 1000, size: 3, sequence: 9n, timestamp: 8n, isCompressed: true, ack: 7n, requestKey: 6n },
      payload: pattern(3),
    }),
  ));
  const nothing = {
    type: 0,
    size: 0,
    sequence: 0,
    timestamp: 0,
    isCompressed: false,
    ack: 0,
    requestKey: 0,
    payload: pattern(0),
  };
  assertEquals(decode(new Uint8Array(0)), nothing);
});

// Fields in every shape that a protobuf encoder may write, and some that none does.

type FieldShape = (writer: BinaryWriter) => void;

const fieldNumber = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constantFrom(15, 16, 2047, 2048, 2 ** 29 - 1));
const plainField: fc.Arbitrary<FieldShape> = fc.oneof(
  fc.tuple(fieldNumber, uint64).map(([number, value]): FieldShape => (writer) => {
    writer.tag(number, WireType.Varint).uint64(value);
  }),
  fc.tuple(fieldNumber, uint64).map(([number, value]): FieldShape => (writer) => {
    writer.tag(number, WireType.Bit64).fixed64(value);
  }),
  fc.tuple(fieldNumber, fc.uint8Array({ maxLength: 20 })).map(([number, value]): FieldShape => (writer) => {
    writer.tag(number, WireType.LengthDelimited).bytes(value);
  }),
  fc.tuple(fieldNumber, fc.nat()).map(([number, value]): FieldShape => (writer) => {
    writer.tag(number, WireType.Bit32).fixed32(value);
  }),
);
const { group } = fc.letrec<{ group: FieldShape }>((tie) => ({
  group: fc.tuple(fieldNumber, fc.array(fc.oneof({ depthSize: "small" }, plainField, tie("group")), { maxLength: 3 }))
    .map(([number, fields]): FieldShape => (writer) => {
      writer.tag(number, WireType.StartGroup);
      for (const field of fields) field(writer);
      writer.tag(number, WireType.EndGroup);
    }),
}));
/** A varint in more bytes than it needs. */
const longVarint = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(127), fc.integer({ min: 1, max: 9 })).map(
  ([number, value, extra]): FieldShape => (writer) => {
    writer.tag(number, WireType.Varint);
    writer.raw(new Uint8Array([value | 0x80, ...new Array(extra - 1).fill(0x80), 0]));
  },
);
const anyField: fc.Arbitrary<FieldShape> = fc.oneof(
  { weight: 4, arbitrary: plainField },
  { weight: 1, arbitrary: group },
  { weight: 1, arbitrary: longVarint },
);
const headerBytes = fc.array(anyField, { maxLength: 6 }).map(bytesOf);
/** Headers and payloads any number of times, in any order, among other fields. */
const shapedPacket = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: headerBytes.map((bytes): FieldShape => (writer) => {
        writer.tag(1, WireType.LengthDelimited).bytes(bytes);
      }),
    },
    {
      weight: 1,
      arbitrary: fc.uint8Array({ maxLength: 30 }).map((bytes): FieldShape => (writer) => {
        writer.tag(2, WireType.LengthDelimited).bytes(bytes);
      }),
    },
    { weight: 2, arbitrary: anyField },
  ),
  { maxLength: 6 },
).map(bytesOf);

function bytesOf(fields: readonly FieldShape[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of fields) field(writer);
  return writer.finish();
}

Deno.test("PacketView.decode() skips unknown fields of all wire types, merges headers, takes the last of a field", () => {
  let packetCount = 0;
  fc.assert(
    fc.property(shapedPacket, (bytes) => {
      if (checkAgainstReference(bytes) !== null) packetCount++;
    }),
    { numRuns: 3_000 },
  );
  assert(packetCount > 1_000, `Only ${packetCount} were packets`);
});

/** Any field inside a submessage that nobody knows. */
const unknownField = anyField.map((field): FieldShape => (writer) => {
  writer.tag(100, WireType.LengthDelimited).bytes(bytesOf([field]));
});

Deno.test("PacketView.decode() agrees with the generated codec on unknown fields, merged headers and repeated fields", () => {
  const known = fc.tuple(fc.integer({ min: 1, max: 6 }), uint64).map(([number, value]): FieldShape => (writer) => {
    writer.tag(number, WireType.Varint).uint64(value);
  });
  const unknownGroup = fc.array(unknownField, { maxLength: 2 }).map((fields): FieldShape => (writer) => {
    writer.tag(200, WireType.StartGroup);
    for (const field of fields) field(writer);
    writer.tag(200, WireType.EndGroup);
  });
  const header = fc.array(fc.oneof(known, known, unknownField, unknownGroup), { maxLength: 6 }).map(bytesOf);
  const field = fc.oneof(
    fc.tuple(fc.constant(1), header),
    fc.tuple(fc.constant(2), fc.uint8Array({ maxLength: 20 })),
    fc.tuple(fc.constant(2_000), fc.uint8Array({ maxLength: 20 })),
  ).map(([number, bytes]): FieldShape => (writer) => {
    writer.tag(number, WireType.LengthDelimited).bytes(bytes);
  });
  fc.assert(
    fc.property(fc.array(fc.oneof(field, unknownGroup), { maxLength: 6 }).map(bytesOf), (bytes) => {
      const seen = decode(bytes);
      assertEquals(seen, decodeGenerated(bytes));
      assertEquals(seen, checkAgainstReference(bytes));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("PacketView.decode() treats a known field of another wire type as unknown", () => {
  const mismatched = bytesOf([
    (writer) => writer.tag(1, WireType.Varint).uint32(1),
    (writer) => writer.tag(2, WireType.Bit64).fixed64(1n),
    (writer) => writer.tag(1, WireType.Bit32).fixed32(1),
    (writer) => writer.tag(2, WireType.StartGroup).tag(2, WireType.EndGroup),
    (writer) =>
      writer.tag(1, WireType.LengthDelimited).bytes(bytesOf([
        (header) => header.tag(1, WireType.Varint).uint32(1004),
        (header) => header.tag(1, WireType.Bit32).fixed32(7),
        (header) => header.tag(3, WireType.LengthDelimited).bytes(pattern(3)),
        (header) => header.tag(6, WireType.Bit64).fixed64(7n),
        (header) => header.tag(5, WireType.StartGroup).tag(1, WireType.Varint).uint32(9).tag(5, WireType.EndGroup),
      ])),
  ]);
  assertEquals(checkAgainstReference(mismatched), {
    type: 1004,
    size: 0,
    sequence: 0,
    timestamp: 0,
    isCompressed: false,
    ack: 0,
    requestKey: 0,
    payload: pattern(0),
  });
});

Deno.test("PacketView.decode() accepts 100 groups in each other and refuses 101, without deep recursion", () => {
  const nested = (depth: number) => new Uint8Array([...new Array(depth).fill(0x1b), ...new Array(depth).fill(0x1c)]);
  for (const depth of [1, 2, 99, 100]) assert(checkAgainstReference(nested(depth)) !== null, `Depth ${depth}`);
  for (const depth of [101, 102, 1_000, 32_768]) {
    assertEquals(checkAgainstReference(nested(depth)), null, `Depth ${depth}`);
    assertThrows(() => decodeGenerated(nested(depth)), Error);
  }
});

Deno.test("PacketView.decode() takes ENVELOPE_FIELDS_MAX fields and refuses one more, wherever they are", () => {
  const times = (count: number, field: FieldShape) => bytesOf(new Array<FieldShape>(count).fill(field));
  const unknown = (count: number) => times(count, (writer) => writer.tag(15, WireType.Varint).uint32(0));
  const inHeader = (count: number) => times(1, (writer) => writer.tag(1, 2).bytes(unknown(count - 1)));
  const payloads = (count: number) => times(count, (writer) => writer.tag(2, 2).bytes(pattern(0)));
  const inGroup = (count: number) => new Uint8Array([0x1b, ...unknown(count - 2), 0x1c]);
  for (const make of [unknown, inHeader, payloads, inGroup]) {
    assert(checkAgainstReference(make(ENVELOPE_FIELDS_MAX)) !== null, make.name);
    const error = assertThrows(() => decode(make(ENVELOPE_FIELDS_MAX + 1)), ProtocolError);
    assertEquals(error.message, "Cannot decode packet: it has more than 256 fields", make.name);
  }
});

Deno.test("PacketView.decode() refuses what is no protobuf message", () => {
  const refused: Readonly<Record<string, number[]>> = {
    "field number 0": [0x00, 0x00],
    "field number 0 in the header": [0x0a, 0x02, 0x00, 0x00],
    "wire type 6": [0x1e],
    "wire type 7": [0x1f],
    "a group that ends but did not begin": [0x1c],
    "a group that ends as another": [0x1b, 0x24],
    "a group that never ends": [0x1b],
    "a tag of 33 bits": [0x88, 0x80, 0x80, 0x80, 0x10, 0x00],
    "a varint of 11 bytes": [0x18, ...new Array(10).fill(0x80), 0x00],
    "a payload longer than the packet": [0x12, 0x05, 1, 2, 3, 4],
    "a payload of 2^32 bytes": [0x12, 0x80, 0x80, 0x80, 0x80, 0x10, 1],
    "a header longer than the packet": [0x0a, 0x05, 0x08, 0x01],
    "a header whose field goes on beyond it": [0x0a, 0x01, 0x08, 0x01],
    "a header whose varint goes on beyond it": [0x0a, 0x02, 0x08, 0x80, 0x01],
    "a fixed64 that is cut": [0x19, 1, 2, 3, 4, 5, 6, 7],
    "a fixed32 that is cut": [0x1d, 1, 2, 3],
  };
  for (const [what, bytes] of Object.entries(refused)) {
    const error = assertThrows(() => decode(new Uint8Array(bytes)), ProtocolError, "Cannot decode packet");
    assertEquals(error.reason, DisconnectReason.MALFORMED_PACKET, what);
    assertEquals(checkAgainstReference(new Uint8Array(bytes)), null, what);
  }
});

Deno.test("PacketView.decode() of a packet cut at any byte gives what is whole or MALFORMED_PACKET, nothing else", () => {
  fc.assert(
    fc.property(shapedPacket, (bytes) => {
      for (let length = 0; length < bytes.length; length++) checkAgainstReference(bytes.subarray(0, length));
    }),
    { numRuns: 300 },
  );
});

Deno.test("PacketView.decode() of a written frame cut at any byte agrees with the generated codec", () => {
  const frame = new Uint8Array(400);
  const end = writeFrame(frame, 0, 2002, 2 ** 40, 1_700_000_000_000, true, 300, pattern(200), 0, 200);
  for (let length = 0; length <= end - 4; length++) {
    const bytes = frame.slice(4, 4 + length);
    let expected: Seen | null = null;
    try {
      expected = decodeGenerated(bytes);
    } catch {
      // It refuses: so must ours.
    }
    assertEquals(checkAgainstReference(bytes), expected, `Cut to ${length} bytes`);
  }
});

Deno.test("PacketView.decode() agrees with the reference on any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void checkAgainstReference(bytes)),
    { numRuns: 5_000 },
  );
});

// Writing

const number53 = fc.oneof(
  fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 35, 2 ** 53 - 1),
);

Deno.test("writeVarint() writes what the generated codec writes, in varintBytes() bytes", () => {
  fc.assert(
    fc.property(number53, (value) => {
      const target = new Uint8Array(12);
      const end = writeVarint(target, 1, value);
      assertEquals(target.slice(1, end), new BinaryWriter().uint64(value).finish().slice());
      assertEquals(end - 1, varintBytes(value));
    }),
    { numRuns: 2_000 },
  );
});

const frameFields = fc.record({
  type: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  sequence: number53,
  timestamp: number53,
  isCompressed: fc.boolean(),
  ack: number53,
  requestKey: number53,
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.integer({ min: 0, max: 65_000 }).map((count) => pattern(count)),
  ),
});

Deno.test("writeFrame() writes the bytes of the generated codec behind their length", () => {
  fc.assert(
    fc.property(frameFields, fc.nat(9), fc.nat(5), ({ payload, ...fields }, offset, payloadStart) => {
      const source = new Uint8Array(payloadStart + payload.length + 3).fill(0xee);
      source.set(payload, payloadStart);
      const target = new Uint8Array(offset + payload.length + ENVELOPE_BYTES_MAX + 8).fill(0xaa);
      const { type, sequence, timestamp, isCompressed, ack, requestKey } = fields;
      const payloadEnd = payloadStart + payload.length;
      const end = writeFrame(
        target,
        offset,
        type,
        sequence,
        timestamp,
        isCompressed,
        ack,
        source,
        payloadStart,
        payloadEnd,
        requestKey,
      );
      const header = {
        type,
        size: payload.length,
        sequence: BigInt(sequence),
        timestamp: BigInt(timestamp),
        isCompressed,
        ack: BigInt(ack),
        requestKey: BigInt(requestKey),
      };
      const expected = frameOf(toBinary(PacketSchema, create(PacketSchema, { header, payload })));
      assert(sameBytes(target.subarray(offset, end), expected));
      assert(target.subarray(0, offset).every((byte) => byte === 0xaa), "Nothing is written before the frame");
      assert(target.subarray(end).every((byte) => byte === 0xaa), "Nothing is written behind the frame");
    }),
    { numRuns: 500 },
  );
});

Deno.test("writeFrame() stays within ENVELOPE_BYTES_MAX at its widest", () => {
  const widest = 2 ** 53 - 1;
  const payload = pattern(65_000);
  const target = new Uint8Array(payload.length + ENVELOPE_BYTES_MAX);
  const end = writeFrame(target, 0, 2 ** 31 - 1, widest, widest, true, widest, payload, 0, payload.length, widest);
  assert(end - payload.length <= ENVELOPE_BYTES_MAX, `${end - payload.length} bytes`);
});

Deno.test("PacketView.decode() reads back what writeFrame() wrote", () => {
  fc.assert(fc.property(frameFields, ({ payload, ...fields }) => {
    const target = new Uint8Array(payload.length + ENVELOPE_BYTES_MAX);
    const { type, sequence, timestamp, isCompressed, ack, requestKey } = fields;
    const end = writeFrame(
      target,
      0,
      type,
      sequence,
      timestamp,
      isCompressed,
      ack,
      payload,
      0,
      payload.length,
      requestKey,
    );
    assertEquals(decode(target.subarray(4, end)), { ...fields, size: payload.length, payload: payload.slice() });
  }));
});
