/**
 * Finds the option somebody probably meant.
 *
 * @module
 */

import { CONFIG_FILE_KEY, type GameOption, OPTIONS } from "./schema.ts";

/** The option whose name, or one of whose other names, is nearest to `name`; undefined when none is near. */
export function nearestOption(
  name: string,
  gameOptions: Readonly<Record<string, GameOption>> = {},
): string | undefined {
  const wanted = plain(name);
  let nearest: string | undefined;
  // A typing error or two, more in longer names; never so many that anything matches.
  let nearestDistance = Math.min(3, Math.floor(wanted.length / 3)) + 1;
  for (const [candidate, key] of [...CANDIDATES, ...candidatesOf(gameOptions)]) {
    const distance = editDistance(wanted, candidate);
    if (distance < nearestDistance) {
      nearest = key;
      nearestDistance = distance;
    }
  }
  return nearest;
}

/** Upper case, dashes and underscores make no difference: `login_port` means `loginPort`. */
function plain(name: string): string {
  return name.slice(0, 64).toLowerCase().replace(/[^a-z0-9]/g, "");
}

/** What is compared with what was written, and the key it stands for. */
type Candidate = readonly [name: string, key: string];

const CANDIDATES: readonly Candidate[] = [
  [CONFIG_FILE_KEY, CONFIG_FILE_KEY],
  ...candidatesOf(OPTIONS),
];

function candidatesOf(options: Readonly<Record<string, Pick<GameOption, "alsoCalled">>>): Candidate[] {
  return Object.entries(options).flatMap(([key, { alsoCalled = [] }]) =>
    [key, ...alsoCalled].map((name): Candidate => [plain(name), key])
  );
}

/** Letters to add, drop, change or swap with their neighbour to make `left` into `right`. */
function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const change = left[row - 1] === right[column - 1] ? 0 : 1;
      let best = Math.min(last[column] + 1, current[column - 1] + 1, last[column - 1] + change);
      const swapped = row > 1 && column > 1 && left[row - 1] === right[column - 2] &&
        left[row - 2] === right[column - 1];
      if (swapped) best = Math.min(best, beforeLast[column - 2] + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[right.length];
}
