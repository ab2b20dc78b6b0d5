import { TlsRecordCounter } from "../../server/io/tls_records.ts";
import { concatenate } from "../gateway/frames.ts";
import { assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

/** Application data of TLS 1.2 and 1.3. */
function record(length: number): Uint8Array<ArrayBuffer> {
  return concatenate(new Uint8Array([0x17, 3, 3, length >> 8, length & 0xff]), new Uint8Array(length).fill(0x17));
}

Deno.test("TlsRecordCounter.count() counts each record once, for every split, empty and longest ones among them", () => {
  const lengths = fc.array(fc.constantFrom(0, 1, 2, 18, 255, 256, 16_640, 65_535), { maxLength: 12 });
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });
  fc.assert(fc.property(lengths, cuts, (lengths, cuts) => {
    const stream = concatenate(new Uint8Array([9, 9]), ...lengths.map(record));
    const ends = [...cuts.map((cut) => 2 + Math.floor(cut * (stream.length - 2))), stream.length].sort((a, b) => a - b);
    const counter = new TlsRecordCounter();
    let start = 2, records = 0;
    for (const end of ends) {
      records += counter.count(stream, start, end);
      start = end;
    }
    assertEquals(records, lengths.length);
  }));
});
