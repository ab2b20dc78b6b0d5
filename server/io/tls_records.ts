/** How many records of TLS a peer sends: each is checked and deciphered on its own, however little it holds. @module */

/** Type, version, length. */
const HEADER_BYTES = 5;

/** Counts the records of one direction of a connection, whatever they hold. */
export class TlsRecordCounter {
  /** Bytes of a header that have come. */
  #headerBytes = 0;
  /** What is left of the record whose header came last, in bytes; its length while the header comes. */
  #leftBytes = 0;

  /**
   * Takes the next bytes of the stream, cut anywhere.
   *
   * @returns The records whose headers were completed by them.
   */
  count(bytes: Uint8Array, start: number, end: number): number {
    let records = 0;
    for (let at = start; at < end;) {
      if (this.#headerBytes === 0 && this.#leftBytes > 0) {
        const skipped = Math.min(this.#leftBytes, end - at);
        this.#leftBytes -= skipped;
        at += skipped;
        continue;
      }
      const byte = bytes[at++];
      if (this.#headerBytes === HEADER_BYTES - 2) this.#leftBytes = byte << 8;
      else if (this.#headerBytes === HEADER_BYTES - 1) this.#leftBytes |= byte;
      if (++this.#headerBytes < HEADER_BYTES) continue;
      this.#headerBytes = 0;
      records++;
    }
    return records;
  }
}
