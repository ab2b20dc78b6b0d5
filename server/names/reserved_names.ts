/** Names that only the operator's own people may have. @module */

import { looksOf } from "./public_name.ts";

const SEPARATORS = /[\p{Z}\p{P}\p{S}]+/u;

/** Words that no name may be, or have among its words, nor what can be taken for one. */
export class ReservedNames {
  readonly #looks: ReadonlySet<string>;

  constructor(words: readonly string[]) {
    this.#looks = new Set(words.flatMap((word) => looksOf(bare(word))));
  }

  /** Tells whether a name says that it is somebody in charge: "Admin", "GM_Anna", "Moderators", "А d m i n 2". */
  has(name: string): boolean {
    if (this.#looks.size === 0) return false;
    return [name, ...name.split(SEPARATORS)].some((part) => {
      const word = bare(part);
      return [word, word.replace(/\p{Nd}+$/u, ""), word.replace(/s$/i, "")].some((variant) =>
        variant !== "" && looksOf(variant).some((look) => this.#looks.has(look))
      );
    });
  }
}

/** A name without what only parts its letters. */
function bare(name: string): string {
  return name.split(SEPARATORS).join("");
}
