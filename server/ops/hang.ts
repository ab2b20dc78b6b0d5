/**
 * A drill: a thread in an endless loop: it finishes nothing.
 *
 * @module
 */

/** Keeps this thread busy with nothing for `ms` milliseconds; `Infinity`: for good. */
export function hang(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}
