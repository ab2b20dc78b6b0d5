/**
 * A drill: a thread in an endless loop: it finishes nothing.
 *
 * @module
 */

/** A fault on purpose. */
export type DrillCommand =
  /** Dies of an uncaught error. */
  | { readonly kind: "crash" }
  /** Ends no round for so many milliseconds, or ever: `Infinity`. */
  | { readonly kind: "hang"; readonly ms: number };

/** Keeps this thread busy with nothing for `ms` milliseconds; `Infinity`: for good. */
export function hang(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}
