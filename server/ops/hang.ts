/**
 * A drill: a thread that does not come round.
 *
 * @module
 */

/** Keeps this thread busy with nothing for `ms` milliseconds; `Infinity`: for good. */
export function hang(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}
