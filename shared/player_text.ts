/**
 * The text of players: what they say and what they call things. One order, the same for everything that others read:
 * NFC, something to see, no forbidden character, few marks on each letter, single blanks.
 *
 * @module
 */

import { MARKS_PER_LETTER_MAX } from "./limits.ts";

/** What is wrong with a text: nothing to see in it, a forbidden character, or too many marks on one letter. */
export type TextProblem = "empty" | "forbidden" | "marks";

/** What {@linkcode cleanText} makes of a text. */
export type CleanText = { readonly text: string } | { readonly problem: TextProblem };

/** What is blank and no `White_Space`: no property tells these, only their names (blank, null, filler). */
const BLANK = String.raw`\p{Zs}\u2800\u{13441}\u{13442}\u{16fe4}\u{1d159}`;
const VISIBLE = new RegExp(
  String.raw`(?![${BLANK}\p{Default_Ignorable_Code_Point}])[\p{L}\p{N}\p{P}\p{S}\p{Extended_Pictographic}]`,
  "u",
);

/**
 * Controls, line ends, formats, private and unassigned code points, and everything that is ignored in display. LRM and
 * RLM pass: they only put a full stop where it belongs. A code point that is reserved for an emoji may be one of a newer
 * Unicode than ours.
 */
const FORBIDDEN_CLASS = String
  .raw`(?![\u200e\u200f\p{Extended_Pictographic}])[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]`;
const FORBIDDEN = new RegExp(FORBIDDEN_CLASS, "u");

/** Scripts whose letters ZWJ and ZWNJ join and part: those of UAX 31, section 2.3, and Mongolian. */
const JOINING = [
  ..."Arab Beng Deva Gujr Guru Khmr Knda Mlym Mong Mymr Orya Sinh Syrc Taml Telu Tibt".split(" "),
].map((script) => String.raw`\p{scx=${script}}`).join("");

/** Where characters that are forbidden by themselves belong: emoji, variants of ideographs, joined letters. */
const SEQUENCES = new RegExp(
  [
    String.raw`(?:\p{Extended_Pictographic}[\ufe0e\ufe0f]?\p{Emoji_Modifier}?\u200d)+\p{Extended_Pictographic}` +
    String.raw`[\ufe0e\ufe0f]?\p{Emoji_Modifier}?`,
    // The flags of regions: a black flag and the region's code in tags.
    String.raw`\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{1,6}\u{e007f}`,
    String.raw`\p{Emoji}[\ufe0e\ufe0f]`,
    String.raw`\p{Ideographic}[\ufe00-\ufe0f\u{e0100}-\u{e01ef}]`,
    String.raw`\p{scx=Mong}[\u180b-\u180d\u180f]`,
    String.raw`(?=[\p{L}\p{M}])[${JOINING}][\u200c\u200d]`,
  ].join("|"),
  "gu",
);

const MARKS = new RegExp(String.raw`(?:[\p{Mn}\p{Me}][\u200c\u200d]?){${MARKS_PER_LETTER_MAX + 1}}`, "u");
/** Blanks in a row, also where LRM and RLM stand between them. */
const BLANKS = new RegExp(String.raw`[${BLANK}](?:[\u200e\u200f]*[${BLANK}])*`, "gu");

/**
 * Brings a text into the form that others read, or says what is wrong with it. What it gives, it gives again
 * unchanged.
 *
 * Runs of blanks, whatever Unicode calls one, become one space: a line of chat can look like two otherwise. Blanks at
 * either end go.
 */
export function cleanText(raw: string): CleanText {
  const text = raw.normalize("NFC");
  if (isInvisible(text)) return { problem: "empty" };
  if (FORBIDDEN.test(text.replace(SEQUENCES, "o"))) return { problem: "forbidden" };
  if (MARKS.test(text)) return { problem: "marks" };
  // A blank that goes may leave a mark behind another letter, which it then joins.
  return { text: text.replace(BLANKS, " ").trim().normalize("NFC") };
}

/** Tells whether there is nothing to see in a text. */
export function isInvisible(text: string): boolean {
  return !VISIBLE.test(text);
}

const LINE_ENDS = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;
const EACH_FORBIDDEN = new RegExp(`(${SEQUENCES.source})|${FORBIDDEN_CLASS}`, "gu");

/** A text without what {@linkcode cleanText} forbids, as it is found in text that was pasted; line ends become blanks. */
export function withoutForbidden(raw: string): string {
  let text = raw.replace(LINE_ENDS, " "), before: string;
  // What goes lets marks change places, and a joiner lose its letter.
  do {
    before = text;
    text = text.normalize("NFC").replace(EACH_FORBIDDEN, (_, sequence?: string) => sequence ?? "");
  } while (text !== before);
  return text;
}

/** What is wrong with a text, for its writer: "The message" + " is empty". */
export function textProblem(problem: TextProblem): string {
  switch (problem) {
    case "empty":
      return "is empty";
    case "forbidden":
      return "has control characters or invisible ones";
    case "marks":
      return `has more than ${MARKS_PER_LETTER_MAX} marks on one letter`;
  }
}
