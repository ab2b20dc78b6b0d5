/** Times as moderators write them and players read them. @module */

const UNITS: readonly (readonly [unit: string, ms: number, name: string])[] = [
  ["d", 86_400_000, "d"],
  ["h", 3_600_000, "h"],
  ["m", 60_000, "min"],
  ["s", 1_000, "s"],
];

/** Reads `90s`, `10m`, `2h` or `7d` as seconds; `null` where the text is none of these. */
export function parseDuration(text: string): number | null {
  const [, digits, letter] = /^([1-9]\d{0,8})([smhd])$/.exec(text) ?? [];
  const unit = UNITS.find(([unit]) => unit === letter);
  return unit === undefined ? null : Number(digits) * unit[1] / 1_000;
}

/** Writes a time in its two largest units, `9 min 30 s`; what has begun of the last one counts. */
export function durationText(ms: number): string {
  const wholeSeconds = Math.ceil(Math.max(ms, 1) / 1_000) * 1_000;
  const first = UNITS.findIndex(([, unitMs]) => wholeSeconds >= unitMs);
  const [, firstMs, firstName] = UNITS[first];
  const second = UNITS[first + 1];
  const restMs = wholeSeconds % firstMs;
  const count = second === undefined ? 0 : Math.floor(restMs / second[1]);
  const head = `${Math.floor(wholeSeconds / firstMs)} ${firstName}`;
  return count === 0 ? head : `${head} ${count} ${second[2]}`;
}
