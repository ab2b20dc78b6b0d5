/** Counts what maps and sets hold. @module */

import { collectGarbage } from "./garbage.ts";

/** The maps and sets that one place in the code has made, and how many entries they hold together. */
export interface CensusRow {
  /** The line that made them, and the one that called it. */
  readonly made: string;
  readonly count: number;
}

interface Counted {
  readonly made: string;
  readonly ref: WeakRef<{ readonly size: number }>;
}

/** Watches all maps and sets that are made until it is disposed of, in the code of the server and its games. */
export class Census {
  readonly #counted: Counted[] = [];
  readonly #map = globalThis.Map;
  readonly #set = globalThis.Set;

  constructor() {
    const note = (made: { readonly size: number }) => {
      const places = new Error().stack!.matchAll(/\/((?:server|games)\/.*?:\d+)/g).map(([, place]) => place).take(2);
      const line = [...places].join(" < ");
      if (line !== "") this.#counted.push({ made: line, ref: new WeakRef(made) });
    };
    globalThis.Map = class<K, V> extends this.#map<K, V> {
      constructor(entries?: Iterable<readonly [K, V]> | null) {
        super(entries);
        note(this);
      }
    } as MapConstructor;
    globalThis.Set = class<T> extends this.#set<T> {
      constructor(values?: Iterable<T> | null) {
        super(values);
        note(this);
      }
    } as SetConstructor;
  }

  /** What is held now by maps and sets that are still there. */
  entries(): CensusRow[] {
    collectGarbage();
    const counts = new this.#map<string, number>();
    for (const { made, ref } of this.#counted) counts.set(made, (counts.get(made) ?? 0) + (ref.deref()?.size ?? 0));
    return [...counts].map(([made, count]) => ({ made, count }));
  }

  [Symbol.dispose](): void {
    globalThis.Map = this.#map;
    globalThis.Set = this.#set;
  }
}
