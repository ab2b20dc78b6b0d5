/**
 * Messages of every packet type, made from its schema: ordinary ones, ones at the edges of their types, and bytes that
 * come close to a message.
 *
 * @module
 */

import { create, type DescField, type DescMessage, ScalarType, toBinary } from "@bufbuild/protobuf";
import { deflateRawSync } from "node:zlib";
import { contract } from "../../games/marsh/contract.ts";
import { type PacketRow } from "../../shared/packet_table.ts";
import type { CheapChance } from "./chance.ts";

/** Types that clients may send. */
export const CLIENT_ROWS: readonly PacketRow[] = contract.packets.rows.filter(({ states }) => states !== 0);

const NUMBERS_32 = [0, 1, 2, 3, 7, 255, 1_000, 2 ** 31 - 1, 2 ** 32 - 1];
const NUMBERS_64 = [0n, 1n, 2n, 3n, 255n, 2n ** 31n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];
const FLOATS = [0, -0, 1, -1, 0.5, 500, 999.9, 1_000, -1_000, 1e9, 3.4e38, 1e-40, NaN, Infinity, -Infinity];
const TEXTS = [
  ...["", "a", "hi", "player1", "PLAYER2", "player3", "Guild", "TAG", "Room", "00", "ab".repeat(32)],
  ...[
    "%s%n",
    "../../etc/passwd",
    "'; DROP TABLE accounts; --",
    "<script>alert(1)</script>",
    "\0",
    "\x1b[31m",
    "\u202e",
  ],
  ...["constructor", "__proto__", "\ud7ff", "\uffff", "\u{10ffff}", "용의 서버", "e\u0301".repeat(40), "x".repeat(255)],
  ...["plain:1:player1", "plain:999:nobody", "token1", "token2", "token3", "eyJhbGciOiJub25lIn0.e30."],
];

/** A message of a schema, each field absent, ordinary or at an edge. */
export function randomMessage(chance: CheapChance, schema: DescMessage): Uint8Array {
  return toBinary(schema, create(schema, randomFields(chance, schema, 3)));
}

function randomFields(chance: CheapChance, schema: DescMessage, depth: number): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const field of schema.fields) {
    if (field.oneof !== undefined || chance.oneIn(4)) continue;
    const value = randomValue(chance, field, depth);
    if (value === undefined) continue;
    fields[field.localName] = field.fieldKind === "list" ? [value, value] : value;
  }
  return fields;
}

function randomValue(chance: CheapChance, field: DescField, depth: number): unknown {
  if (field.message !== undefined) {
    return depth > 0 ? randomFields(chance, field.message, depth - 1) : undefined;
  }
  if (field.enum !== undefined) return chance.oneIn(4) ? chance.pick([-1, 99, 2 ** 31 - 1]) : chance.below(9);
  switch (field.scalar) {
    case ScalarType.STRING:
      return chance.pick(TEXTS);
    case ScalarType.BYTES:
      return chance.bytes(chance.below(40));
    case ScalarType.BOOL:
      return chance.oneIn(2);
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return chance.pick(FLOATS);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return chance.pick(NUMBERS_64);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return chance.pick(NUMBERS_64) - 2n ** 63n;
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return chance.pick(NUMBERS_32);
    default:
      return chance.pick(NUMBERS_32) - 2 ** 31;
  }
}

/** Bends a payload a little: bits, bytes, a piece moved or repeated, a tail cut off or added. */
export function bend(chance: CheapChance, payload: Uint8Array): Uint8Array {
  if (payload.length === 0) return chance.bytes(chance.below(8));
  const bent = payload.slice();
  switch (chance.below(6)) {
    case 0:
      bent[chance.below(bent.length)] ^= 1 << chance.below(8);
      return bent;
    case 1:
      bent[chance.below(bent.length)] = chance.below(256);
      return bent;
    case 2:
      bent.copyWithin(chance.below(bent.length), chance.below(bent.length), bent.length);
      return bent;
    case 3:
      return bent.subarray(0, chance.below(bent.length));
    case 4:
      return new Uint8Array([...bent, ...bent.subarray(0, 100)]);
    default:
      return new Uint8Array([...bent, ...chance.bytes(1 + chance.below(12))]);
  }
}

/** Payloads that no message is: each must be refused, or read as the message that it happens to be. */
export const BAD_PAYLOADS: ReadonlyMap<string, Uint8Array> = new Map([
  ["a field cut off", new Uint8Array([0x0a, 0x05, 0x61])],
  ["a varint that does not end", new Uint8Array([0x08, ...new Array(20).fill(0xff)])],
  ["a length beyond the end", new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])],
  ["bytes that are no UTF-8", new Uint8Array([0x0a, 0x04, 0xff, 0xfe, 0xc0, 0x80, 0x12, 0x02, 0xed, 0xa0])],
  ["field number 0", new Uint8Array([0x00, 0x01])],
  ["groups, deeply nested", new Uint8Array([...new Array(100).fill(0x0b), ...new Array(100).fill(0x0c)])],
  ["a group without an end", new Uint8Array([0x0b])],
  ["wire types that do not exist", new Uint8Array([0x0e, 0x01, 0x0f, 0x01])],
  ["messages, deeply nested", nested(60)],
  ["a crowd of empty submessages", new Uint8Array(new Array(120).fill([0x12, 0x00]).flat())],
  ["a crowd of unknown fields", new Uint8Array(new Array(80).fill([0xf8, 0x07, 0x01]).flat())],
  ["noise", new Uint8Array(200).map((_, at) => at * 167 + 13)],
]);

function nested(depth: number): Uint8Array {
  let bytes: Uint8Array = new Uint8Array(0);
  for (let level = 0; level < depth; level++) {
    bytes = new Uint8Array([
      0x12,
      ...(bytes.length < 128 ? [bytes.length] : [bytes.length & 127 | 128, bytes.length >> 7]),
      ...bytes,
    ]);
  }
  return bytes;
}

/** A payload as it is carried. */
export interface Carried {
  readonly payload: Uint8Array;
  readonly isCompressed: boolean;
}

/** Many payloads for one type: right, bent and bad ones, some of them compressed. */
export function payloadPool(chance: CheapChance, row: PacketRow, count: number): Carried[] {
  return Array.from({ length: count }, () => {
    const right = randomMessage(chance, contract.schemaOf(row.type)!);
    const payload = chance.oneIn(3)
      ? bend(chance, right)
      : chance.oneIn(6)
      ? chance.pick([...BAD_PAYLOADS.values()])
      : right;
    const isCompressed = chance.oneIn(8);
    return { payload: isCompressed ? new Uint8Array(deflateRawSync(payload)) : payload, isCompressed };
  });
}
