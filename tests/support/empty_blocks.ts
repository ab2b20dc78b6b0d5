/**
 * DEFLATE that takes the longest to read for what it is worth: blocks that hold nothing but their own Huffman codes.
 *
 * @module
 */

/** Writes bits as DEFLATE packs them, the lowest first. */
class BitWriter {
  readonly bytes: number[] = [];
  #byte = 0;
  #bitCount = 0;

  put(value: number, bitCount: number): void {
    for (let bit = 0; bit < bitCount; bit++) {
      this.#byte |= ((value >> bit) & 1) << this.#bitCount;
      if (++this.#bitCount === 8) this.flush();
    }
  }

  flush(): void {
    if (this.#bitCount === 0) return;
    this.bytes.push(this.#byte);
    this.#byte = this.#bitCount = 0;
  }
}

/** Raw DEFLATE of nothing, in `byteCount` bytes or a few more (RFC 1951, section 3.2.7). */
export function emptyBlocks(byteCount: number): Uint8Array<ArrayBuffer> {
  const bits = new BitWriter();
  while (bits.bytes.length < byteCount - 12) putBlock(bits, false);
  putBlock(bits, true);
  bits.flush();
  return bits.bytes.length < byteCount ? emptyBlocks(byteCount + 1) : new Uint8Array(bits.bytes);
}

/** A block of 90 bits with one code for its end and one for a distance that is never used. */
function putBlock(bits: BitWriter, isFinal: boolean): void {
  bits.put(isFinal ? 1 : 0, 1);
  bits.put(2, 2);
  bits.put(0, 5 + 5);
  bits.put(14, 4);
  // Two of the code lengths' own codes, for "length 1" and "many zeros", each one bit long.
  for (const symbol of [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1]) {
    bits.put(symbol === 18 || symbol === 1 ? 1 : 0, 3);
  }
  bits.put(1 | (138 - 11) << 1, 8);
  bits.put(1 | (118 - 11) << 1, 8);
  bits.put(0, 3);
}
