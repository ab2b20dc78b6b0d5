/**
 * The envelope read once more, slowly, from the protobuf specification: the yardstick for packets that the generated
 * codec and ours may see differently, such as fields with a wire type that is not theirs.
 *
 * @module
 */

/** What a packet says. 64-bit numbers are exact here. */
export interface ReferencePacket {
  type: number;
  size: number;
  sequence: bigint;
  timestamp: bigint;
  isCompressed: boolean;
  ack: bigint;
  requestKey: bigint;
  payload: Uint8Array;
}

/** The bytes are no packet. */
export class ReferenceError extends Error {}

/** One field as it is on the wire: a number, or the bytes of a length-delimited one. */
type Field = { readonly number: number; readonly wireType: number; readonly value: bigint | Uint8Array };

class Reader {
  #at = 0;

  constructor(readonly bytes: Uint8Array) {}

  get done(): boolean {
    return this.#at === this.bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const [byte] = this.take(1);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ReferenceError("a varint has more than 10 bytes");
  }

  take(byteCount: number): Uint8Array {
    if (this.bytes.length - this.#at < byteCount) throw new ReferenceError("the end comes too early");
    this.#at += byteCount;
    return this.bytes.subarray(this.#at - byteCount, this.#at);
  }

  /** Reads one field, or the end of the group `group`, which gives null. */
  field(group: number, depth: number): Field | null {
    const tag = this.varint();
    const number = Number(tag >> 3n);
    const wireType = Number(tag & 7n);
    if (tag >= 2n ** 32n || number === 0) throw new ReferenceError("a field has no number");
    if (wireType === 4) {
      if (number !== group) throw new ReferenceError("a group ends that did not begin");
      return null;
    }
    return { number, wireType, value: this.#value(number, wireType, depth) };
  }

  #value(number: number, wireType: number, depth: number): bigint | Uint8Array {
    switch (wireType) {
      case 0:
        return this.varint();
      case 1:
        return this.take(8);
      case 2: {
        const length = this.varint();
        return this.take(length > 2n ** 31n ? 2 ** 31 : Number(length));
      }
      case 3:
        if (depth === 100) throw new ReferenceError("groups are nested too deep");
        while (this.field(number, depth + 1) !== null);
        return 0n;
      case 5:
        return this.take(4);
      default:
        throw new ReferenceError(`wire type ${wireType} does not exist`);
    }
  }
}

function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  const reader = new Reader(bytes);
  while (!reader.done) yield reader.field(-1, 0)!;
}

/** Reads the body of a frame. */
export function readReferencePacket(bytes: Uint8Array): ReferencePacket {
  const packet: ReferencePacket = {
    type: 0,
    size: 0,
    sequence: 0n,
    timestamp: 0n,
    isCompressed: false,
    ack: 0n,
    requestKey: 0n,
    payload: new Uint8Array(0),
  };
  for (const { number, wireType, value } of fieldsOf(bytes)) {
    if (wireType !== 2) continue;
    if (number === 1) readHeader(packet, value as Uint8Array);
    if (number === 2) packet.payload = value as Uint8Array;
  }
  return packet;
}

/** A header that comes twice is merged. */
function readHeader(packet: ReferencePacket, bytes: Uint8Array): void {
  for (const { number, wireType, value } of fieldsOf(bytes)) {
    if (wireType !== 0) continue;
    const varint = value as bigint;
    if (number === 1) packet.type = Number(BigInt.asIntN(32, varint));
    if (number === 2) packet.size = Number(BigInt.asUintN(32, varint));
    if (number === 3) packet.sequence = varint;
    if (number === 4) packet.timestamp = varint;
    if (number === 5) packet.isCompressed = varint !== 0n;
    if (number === 6) packet.ack = varint;
    if (number === 7) packet.requestKey = varint;
  }
}
