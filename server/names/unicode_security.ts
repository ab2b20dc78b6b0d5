/**
 * Unicode's tables of what looks alike and what may be in identifiers (UTS 39), and the skeleton that is made with them.
 *
 * @module
 */

import tables from "./unicode_security.json" with { type: "json" };

/** By code point. */
let prototypes: ReadonlyMap<number, string> | null = null;

/** Read when first needed: not every thread has to do with names. */
function readPrototypes(): ReadonlyMap<number, string> {
  const text = (codes: string) => String.fromCodePoint(...codes.split("+").map((code) => parseInt(code, 16)));
  return new Map(
    tables.confusables.split(" ").map((pair) => {
      const [from, to] = pair.split(":");
      return [parseInt(from, 16), text(to)];
    }),
  );
}

const ALLOWED = new RegExp(
  `^[${
    tables.allowed.split(" ").map((range) => range.replaceAll(/[0-9a-f]+/g, (code) => String.raw`\u{${code}}`)).join("")
  }]+$`,
  "u",
);

/** Tells whether every character has the Identifier_Status Allowed. */
export function isIdentifierAllowed(text: string): boolean {
  return ALLOWED.test(text);
}

/** What two texts that look the same have in common: `skeleton()` of UTS 39, section 4. */
export function skeletonOf(text: string): string {
  prototypes ??= readPrototypes();
  let skeleton = "";
  for (const character of text.normalize("NFD")) {
    if (/\p{Default_Ignorable_Code_Point}/u.test(character)) continue;
    skeleton += prototypes.get(character.codePointAt(0)!) ?? character;
  }
  return skeleton.normalize("NFD");
}

/** UAX 31's scripts in customary use, as Unicode abbreviates them. */
const SCRIPTS =
  "Arab Armn Beng Bopo Cyrl Deva Ethi Geor Grek Gujr Guru Hang Hani Hebr Hira Kana Khmr Knda Laoo Latn Mlym Mymr Orya " +
  "Sinh Taml Telu Thaa Thai Tibt";
/** What is written together all the same: Japanese, Chinese with Bopomofo, Korean; each with Latin. */
const MIXED = ["Latn Hani Hira Kana", "Latn Hani Bopo", "Latn Hani Hang"];

const HIGHLY_RESTRICTIVE = new RegExp(
  [...SCRIPTS.split(" "), ...MIXED].map((scripts) => {
    const classes = [...scripts.split(" "), "Zyyy", "Zinh"].map((script) => String.raw`\p{scx=${script}}`).join("");
    return `^[${classes}]+$`;
  }).join("|"),
  "u",
);

/** Tells whether a text is in one script, or a mixture of UTS 39's restriction level Highly Restrictive. */
export function isHighlyRestrictive(text: string): boolean {
  return HIGHLY_RESTRICTIVE.test(text);
}

/** Tells whether all decimal digits of a text are of one system: 3 and ३ and ৩ are not mixed. */
export function hasOneNumberSystem(text: string): boolean {
  const zeros = new Set([...text].filter((character) => DIGIT.test(character)).map(zeroOf));
  return zeros.size <= 1;
}

const DIGIT = /\p{Nd}/u;

/** Digits stand in rows of ten; outside of mathematics, which identifiers have not, no two rows touch. */
function zeroOf(digit: string): number {
  let zero = digit.codePointAt(0)!;
  while (DIGIT.test(String.fromCodePoint(zero - 1))) zero--;
  return zero;
}
