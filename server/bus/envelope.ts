/** What travels over the bus, and who has written it. @module */

import { createHmac, timingSafeEqual } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { BusEnvelopeSchema, BusMessageSchema } from "../../shared/gen/cluster_pb.ts";
import { BUS_ENVELOPE_FIELDS_MAX, BUS_MESSAGE_BYTES_MAX } from "../../shared/limits.ts";
import type { BusMessage } from "./bus.ts";

/** Why something that came over the bus was not taken. */
export type BusProblem = "too_long" | "malformed" | "forged";

/** Seals and opens messages with the key that the nodes of a cluster share, and knows where they go. */
export class Envelopes {
  readonly #key: Uint8Array<ArrayBuffer>;
  /** What parts this cluster from others on the same bus; says nothing about the key. */
  readonly clusterId: string;

  /** @param key What `clusterKeyOf()` made. */
  constructor(key: Uint8Array<ArrayBuffer>) {
    this.#key = key;
    this.clusterId = this.#mac(new TextEncoder().encode("cluster id")).subarray(0, 8).toHex();
  }

  /** Where a message goes. */
  subjectOf({ receiver, topic }: Pick<BusMessage, "receiver" | "topic">): string {
    return `drawbridge.${this.clusterId}.${receiver === "" ? "all" : `node.${receiver}`}.${topic}`;
  }

  /** Where messages for a node come from. */
  subjectsFor(node: string): readonly string[] {
    return [`drawbridge.${this.clusterId}.all.>`, `drawbridge.${this.clusterId}.node.${node}.>`];
  }

  /** A message as it travels. */
  seal(message: BusMessage): Uint8Array {
    const { sender, number, receiver, topic, sentAtMs, payload, question, answerTo } = message;
    const body = toBinary(
      BusMessageSchema,
      create(BusMessageSchema, {
        ...{ sender, receiver, topic, payload },
        ...{ number: BigInt(number), sentAt: BigInt(sentAtMs), question: BigInt(question), answerTo: BigInt(answerTo) },
      }),
    );
    return toBinary(BusEnvelopeSchema, create(BusEnvelopeSchema, { body, mac: this.#mac(body) }));
  }

  /** The message of bytes that came, or why there is none: it is read only where a node of this cluster wrote it. */
  open(bytes: Uint8Array): BusMessage | BusProblem {
    if (bytes.length > BUS_MESSAGE_BYTES_MAX) return "too_long";
    try {
      const { body, mac } = readEnvelope(bytes);
      const expected = this.#mac(body);
      if (mac.length !== expected.length || !timingSafeEqual(mac, expected)) return "forged";
      const { sender, number, receiver, topic, sentAt, payload, question, answerTo } = fromBinary(
        BusMessageSchema,
        body,
      );
      return {
        ...{ sender, receiver, topic, number: Number(number), sentAtMs: Number(sentAt) },
        ...{ question: Number(question), answerTo: Number(answerTo) },
        // A copy: it is sent to another thread, and must not bring along what stands around it.
        payload: payload.slice() as Uint8Array<ArrayBuffer>,
      };
    } catch {
      return "malformed";
    }
  }

  #mac(bytes: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#key).update(bytes).digest();
  }
}

const EMPTY = new Uint8Array(0);

/**
 * Reads an envelope as the generated codec does, but for unknown fields: anybody may have written it, and that codec makes
 * an object of each.
 *
 * @throws what {@linkcode BinaryReader} does, and `RangeError` where there are too many fields, or groups.
 */
function readEnvelope(bytes: Uint8Array): { readonly body: Uint8Array; readonly mac: Uint8Array } {
  const { body: { number: bodyNumber }, mac: { number: macNumber } } = BusEnvelopeSchema.field;
  const reader = new BinaryReader(bytes);
  let body: Uint8Array = EMPTY, mac: Uint8Array = EMPTY;
  for (let fieldCount = 1; reader.pos < reader.len; fieldCount++) {
    const [number, type] = reader.tag();
    if (fieldCount > BUS_ENVELOPE_FIELDS_MAX || type === WireType.StartGroup) {
      throw new RangeError(`Cannot read envelope: it has groups, or over ${BUS_ENVELOPE_FIELDS_MAX} fields`);
    }
    const isBytes = type === WireType.LengthDelimited;
    if (isBytes && number === bodyNumber) body = reader.bytes();
    else if (isBytes && number === macNumber) mac = reader.bytes();
    else reader.skip(type, number);
  }
  return { body, mac };
}
