import { cleanText, isInvisible, withoutForbidden } from "../../shared/player_text.ts";
import { MARKS_PER_LETTER_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

/** Texts that people write, which have characters that are forbidden elsewhere. */
const TAKEN = [
  "👨‍👩‍👧‍👦",
  "🧑🏽‍❤️‍💋‍🧑🏻",
  "🏳️‍🌈",
  "👁️‍🗨️",
  "1️⃣",
  "🇰🇷",
  "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
  "می\u200cخواهم",
  "ශ්\u200dරී",
  "क्\u200dष",
  "葛\u{e0100}",
  "שלום!\u200f",
  "C++\u200e",
  "한국어",
  "ễ",
];

/** Any code points in a row: those that matter far more often than they would come by chance. */
const anyText = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 0x10ffff }).map((codePoint) => String.fromCodePoint(codePoint)),
    fc.constantFrom(
      ..." \u00a0\u3000\u2800\u200b\u200c\u200d\u200e\u200f\u202e\u2066\u061c\ufe0f\u0301\u0327aہक्❤",
      ...["👩", "\u{1f3fd}", "\u{1f3f4}", "\u{e0067}", "\u{e007f}", "\u3164", "\ufeff", "\u1100", "\u1161"],
    ),
  ),
  { maxLength: 12 },
).map((parts) => parts.join(""));

Deno.test("cleanText() leaves what people write in their scripts and emoji", () => {
  for (const text of TAKEN) assertEquals(cleanText(text), { text }, text);
});

Deno.test("cleanText() takes every emoji and each script's letters", () => {
  for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
    const text = String.fromCodePoint(codePoint);
    const isPlain = /[\p{L}\p{N}\p{P}\p{S}\p{Extended_Pictographic}]/u.test(text) && text.normalize("NFC") === text;
    if (!isPlain || /[\p{Default_Ignorable_Code_Point}\u2800\u{13441}\u{13442}\u{1d159}]/u.test(text)) continue;
    assertEquals(cleanText(text), { text }, codePoint.toString(16));
  }
});

Deno.test("cleanText() refuses what hides, what turns the text around it, and what nobody has named", () => {
  const forbidden = [0, 7, 9, 0x0a, 0x7f, 0x85, 0xad, 0x034f, 0x061c, 0x115f, 0x180e, 0x200b, 0x2028, 0x202a, 0x202e];
  forbidden.push(0x2060, 0x2066, 0x2069, 0x206a, 0x3164, 0xe000, 0xfeff, 0xffa0, 0xfff9, 0xfffb, 0xffff);
  forbidden.push(0x1d173, 0xe0001, 0xe0041, 0x10fffe);
  for (const codePoint of forbidden) {
    const text = `a${String.fromCodePoint(codePoint)}b`;
    assertEquals(cleanText(text), { problem: "forbidden" }, codePoint.toString(16));
    assertEquals(withoutForbidden(text).replace(" ", ""), "ab");
  }
  // Joiners that join nothing, and variants of what has none.
  for (const text of ["a\u200db", "a\u200cb", "ab\ufe0f", "a\u{e0100}", "👩\u200d", "\u{1f3f4}\u{e0067}"]) {
    assertEquals(cleanText(text), { problem: "forbidden" }, JSON.stringify(text));
  }
});

Deno.test("cleanText() calls a text empty where there is nothing to see", () => {
  for (
    const text of ["", " ", "\u3164", "\u2800", "\u200b", "\u{e0041}", "\u200e\u200f", "\u0301", "\u{1d159}", "\n"]
  ) {
    assertEquals(cleanText(text), { problem: "empty" }, JSON.stringify(text));
  }
});

Deno.test("cleanText() makes one space of blanks in a row, also with direction marks between", () => {
  assertEquals(cleanText(`hi${" ".repeat(70)}23:28 Alice: no`), { text: "hi 23:28 Alice: no" });
  for (const blank of ["\u00a0", "\u1680", "\u2003", "\u202f", "\u205f", "\u3000", "\u2800", " \u200e\u200f "]) {
    assertEquals(cleanText(`a${blank.repeat(9)}b${blank}`), { text: "a b" }, JSON.stringify(blank));
  }
});

Deno.test("cleanText() takes MARKS_PER_LETTER_MAX marks on a letter and not one more", () => {
  const marks = "\u0323".repeat(MARKS_PER_LETTER_MAX);
  assertEquals(cleanText(`q${marks}q${marks}`), { text: `q${marks}q${marks}` });
  assertEquals(cleanText(`q${marks}\u0323`), { problem: "marks" });
  const parted = "\u0951\u200c".repeat(MARKS_PER_LETTER_MAX + 1);
  assertEquals(cleanText(`क${parted}`), { problem: "marks" });
});

Deno.test("cleanText() gives what it gave again, and nothing forbidden, blank or towering comes through", () => {
  fc.assert(
    fc.property(anyText, (raw) => {
      const clean = cleanText(raw);
      if ("problem" in clean) return;
      const { text } = clean;
      assertEquals(cleanText(text), clean);
      assertEquals(text.normalize("NFC"), text);
      assert(!isInvisible(text));
      assert(!/\p{Zs}{2}|^\p{Zs}|\p{Zs}$|[^\P{Zs} ]/u.test(text), JSON.stringify(text));
      assert(!/[\p{Cc}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/u.test(text));
      assert(!/[\p{Mn}\p{Me}]{5}/u.test(text));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("withoutForbidden() leaves a text that cleanText() does not forbid", () => {
  fc.assert(
    fc.property(anyText, (raw) => {
      const clean = cleanText(withoutForbidden(raw));
      assert(!("problem" in clean && clean.problem === "forbidden"), JSON.stringify(raw));
    }),
    { numRuns: 5_000 },
  );
});
