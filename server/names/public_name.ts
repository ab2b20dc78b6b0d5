/**
 * What names that everybody reads have in common: those of players, and what a game lets them name.
 *
 * @module
 */

import { cleanText } from "../../shared/player_text.ts";
import { hasOneNumberSystem, isHighlyRestrictive, isIdentifierAllowed, skeletonOf } from "./unicode_security.ts";

/** Which names are taken: of one script, or of ASCII only. */
export type NameRule = "unicode" | "ascii";

/** What a name is measured by: visible characters, and bytes of UTF-8. */
export interface NameBounds {
  /** Visible characters, at least. */
  readonly lengthMin: number;
  /** Visible characters, at most. */
  readonly lengthMax: number;
  /** Bytes of UTF-8, at most. */
  readonly bytesMax: number;
}

const SEGMENTER = new Intl.Segmenter("und", { granularity: "grapheme" });
const UTF8 = new TextEncoder();

/**
 * Tells whether a text can be a name by its looks: nothing invisible, at most few marks on a letter, one script and one
 * system of digits, and within its bounds.
 */
export function looksLikeName(text: string, { lengthMin, lengthMax, bytesMax }: NameBounds): boolean {
  if (UTF8.encode(text).length > bytesMax) return false;
  const clean = cleanText(text);
  if (!("text" in clean) || clean.text !== text || /^\p{M}/u.test(text)) return false;
  let length = 0;
  for (const _ of SEGMENTER.segment(text)) length++;
  return length >= lengthMin && length <= lengthMax && isHighlyRestrictive(text) && hasOneNumberSystem(text);
}

/** Tells whether a text is of letters, their marks and digits that UTS 39 allows in identifiers. */
export function isWord(text: string): boolean {
  return /^[\p{L}\p{M}\p{Nd}]+$/u.test(text) && isIdentifierAllowed(text);
}

/**
 * What names have in common that differ only in case, or in how Unicode writes the same letters. Names of ASCII are
 * their own lower case.
 */
export function foldName(name: string): string {
  // Each step undoes what the one before it leaves apart: ẞ and ss, K and the Kelvin sign, Σ at the end of a word.
  const upper = name.normalize("NFKC").toLowerCase().toUpperCase();
  return upper.toLowerCase().replaceAll("ς", "σ").normalize("NFKC");
}

/**
 * The skeletons of a name as it is written, in lower and in upper case. Two names can be taken for each other where
 * they have one in common: "Alice" and "AIice" as they are written, "mipa" and a Cyrillic "МІРА" in upper case.
 */
export function looksOf(name: string): string[] {
  return [...new Set([name, name.toLowerCase(), name.toUpperCase()].map(skeletonOf))];
}
