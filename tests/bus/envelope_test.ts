import { fc } from "../support/property.ts";
import { BUS_ENVELOPE_FIELDS_MAX, BUS_MESSAGE_BYTES_MAX, BUS_PAYLOAD_BYTES_MAX } from "../../shared/limits.ts";
import type { BusMessage } from "../../server/bus/bus.ts";
import { clusterKeyOf } from "../../server/bus/cluster_key.ts";
import { Envelopes } from "../../server/bus/envelope.ts";
import { assertEquals, assertNotEquals } from "../support/assert.ts";

const KEY = clusterKeyOf(new Uint8Array(32).fill(1));
const OURS = new Envelopes(KEY);
const ANY_MESSAGE: fc.Arbitrary<BusMessage> = fc.record({
  sender: fc.uuid(),
  number: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  receiver: fc.oneof(fc.constant(""), fc.uuid()),
  topic: fc.constantFrom("drawbridge.v1.NodeBeat", "x"),
  sentAtMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  payload: fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
  question: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  answerTo: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
}, { noNullPrototype: true });

Deno.test("Envelopes.open() gives every message as it was sealed", () => {
  fc.assert(fc.property(ANY_MESSAGE, (message) => assertEquals(OURS.open(OURS.seal(message)), message)));
});

Deno.test("Envelopes.open() takes nothing in which a bit was changed", () => {
  fc.assert(fc.property(ANY_MESSAGE, fc.nat(), fc.integer({ min: 1, max: 255 }), (message, at, bits) => {
    const sealed = OURS.seal(message);
    sealed[at % sealed.length] ^= bits;
    const opened = OURS.open(sealed);
    // A field of the envelope that nobody knows changes nothing that is said.
    if (typeof opened !== "string") assertEquals(opened, message);
  }));
});

Deno.test("Envelopes.open() takes nothing of another cluster, and no bytes at random", () => {
  const theirs = new Envelopes(clusterKeyOf(new Uint8Array(32).fill(2)));
  assertNotEquals(theirs.clusterId, OURS.clusterId);
  fc.assert(fc.property(ANY_MESSAGE, (message) => assertEquals(OURS.open(theirs.seal(message)), "forged")));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    assertEquals(["forged", "malformed"].includes(OURS.open(bytes) as string), true);
  }));
});

Deno.test("Envelopes.open() reads nothing that is longer than BUS_MESSAGE_BYTES_MAX, and the largest payload is not", () => {
  const message = {
    ...{ sender: "s".repeat(36), number: 2 ** 53 - 1, receiver: "r".repeat(36), topic: "t".repeat(200), sentAtMs: 1 },
    ...{ payload: new Uint8Array(BUS_PAYLOAD_BYTES_MAX), question: 2 ** 53 - 1, answerTo: 2 ** 53 - 1 },
  };
  assertEquals(OURS.open(OURS.seal(message)), message);
  assertEquals(OURS.open(new Uint8Array(BUS_MESSAGE_BYTES_MAX + 1)), "too_long");
  assertEquals(OURS.open(new Uint8Array(BUS_MESSAGE_BYTES_MAX)), "malformed");
});

/** An envelope with so many fields in front that nobody knows. */
function withUnknown(sealed: Uint8Array, ...fields: readonly (readonly number[])[]): Uint8Array {
  return new Uint8Array([...fields.flat(), ...sealed]);
}

Deno.test("Envelopes.open() passes over fields that a later server may write, and reads no more than BUS_ENVELOPE_FIELDS_MAX", () => {
  const message: BusMessage = {
    ...{ sender: "s", number: 1, receiver: "", topic: "t", sentAtMs: 1, question: 0, answerTo: 0 },
    payload: new Uint8Array(3),
  };
  const sealed = OURS.seal(message), varint = [15 << 3, 0], bytes = [(14 << 3) | 2, 1, 9];
  const others = BUS_ENVELOPE_FIELDS_MAX - 2;
  const known = [varint, bytes, ...new Array(others - 2).fill(varint)];
  assertEquals(OURS.open(withUnknown(sealed, ...known)), message);
  assertEquals(OURS.open(withUnknown(sealed, varint, ...known)), "malformed");
  assertEquals(OURS.open(new Uint8Array(BUS_MESSAGE_BYTES_MAX).map((_, at) => varint[at % 2])), "malformed");
  const group = [(15 << 3) | 3, ...varint, (15 << 3) | 4];
  assertEquals(OURS.open(withUnknown(sealed, group)), "malformed");
});
