import { advanceUtf8, UTF8_COMPLETE, UTF8_INVALID } from "../../gateway/utf8.ts";
import { assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

Deno.test("advanceUtf8() agrees with TextDecoder on every sequence of border bytes", () => {
  const borders = [
    0x00,
    0x7f,
    0x80,
    0x8f,
    0x90,
    0x9f,
    0xa0,
    0xbf,
    0xc0,
    0xc1,
    0xc2,
    0xdf,
    0xe0,
    0xe1,
    0xec,
    0xed,
    0xee,
  ];
  borders.push(0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff);
  const decoder = new TextDecoder("utf-8");
  const bytes = new Uint8Array(4);
  for (let index = 0; index < borders.length ** 4; index++) {
    for (let at = 0, rest = index; at < 4; at++, rest = Math.floor(rest / borders.length)) {
      bytes[at] = borders[rest % borders.length];
    }
    const isValid = !decoder.decode(bytes).includes("\ufffd");
    if ((advanceUtf8(UTF8_COMPLETE, bytes, 0, 4) === UTF8_COMPLETE) !== isValid) {
      throw new Error(`Differs on ${bytes.toHex()}`);
    }
  }
});

Deno.test("advanceUtf8() accepts every text, whole and byte by byte", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const bytes = new TextEncoder().encode(text);
    assertEquals(advanceUtf8(UTF8_COMPLETE, bytes, 0, bytes.length), UTF8_COMPLETE);
    let state = UTF8_COMPLETE;
    for (let at = 0; at < bytes.length; at++) state = advanceUtf8(state, bytes, at, at + 1);
    assertEquals(state, UTF8_COMPLETE);
  }));
});

Deno.test("advanceUtf8() gives the same state for every split of any bytes", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), fc.nat(12), (bytes, cut) => {
    const middle = Math.min(cut, bytes.length);
    const whole = advanceUtf8(UTF8_COMPLETE, bytes, 0, bytes.length);
    assertEquals(advanceUtf8(advanceUtf8(UTF8_COMPLETE, bytes, 0, middle), bytes, middle, bytes.length), whole);
    assertEquals(whole === UTF8_COMPLETE, isUtf8(bytes));
  }));
});

Deno.test("advanceUtf8() fails at the first byte that no text has there", () => {
  const table: [string, number][] = [
    ["c0", 1],
    ["e09f", 2],
    ["eda0", 2],
    ["f08f", 2],
    ["f490", 2],
    ["f5", 1],
    ["80", 1],
    ["c241", 2],
    ["e28241", 3],
    ["f09f9841", 4],
  ];
  for (const [hex, badBytes] of table) {
    const bytes = Uint8Array.fromHex(hex);
    const before = advanceUtf8(UTF8_COMPLETE, bytes, 0, badBytes - 1);
    assertEquals(before === UTF8_INVALID, false, hex);
    assertEquals(advanceUtf8(before, bytes, badBytes - 1, badBytes), UTF8_INVALID, hex);
  }
});
