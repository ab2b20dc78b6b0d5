/** Times as players read them. @module */

/** Days, hours, minutes and seconds, in milliseconds. */
const UNITS_MS = [86_400_000, 3_600_000, 60_000, 1_000] as const;

/**
 * A time in its two largest units, `9 min 30 s`; what has begun of the last one counts.
 *
 * @param names What a day, an hour, a minute and a second are called.
 * @param gap What is between a number and its unit.
 */
export function durationOf(ms: number, names: readonly [string, string, string, string], gap: string): string {
  const wholeMs = Math.ceil(Math.max(ms, 1) / 1_000) * 1_000;
  const first = UNITS_MS.findIndex((unitMs) => wholeMs >= unitMs);
  let restMs = wholeMs;
  return [first, first + 1].filter((unit) => unit < UNITS_MS.length).flatMap((unit) => {
    const count = Math.floor(restMs / UNITS_MS[unit]);
    restMs -= count * UNITS_MS[unit];
    return count === 0 ? [] : [`${count}${gap}${names[unit]}`];
  }).join(" ");
}
