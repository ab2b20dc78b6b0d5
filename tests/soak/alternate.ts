/**
 * Comparing a server with and without a burden on one machine, whose pace changes: both are run in turn, and medians are
 * compared.
 *
 * @module
 */

/** The results of both ways, in the order they were run. */
export interface Alternated<R> {
  readonly without: readonly R[];
  readonly burdened: readonly R[];
}

/** Runs without and with the burden, `rounds` times each, in turn. */
export async function alternate<R>(
  rounds: number,
  run: (isBurdened: boolean, round: number) => Promise<R>,
): Promise<Alternated<R>> {
  const results: { without: R[]; burdened: R[] } = { without: [], burdened: [] };
  for (let round = 0; round < rounds; round++) {
    results.without.push(await run(false, round));
    results.burdened.push(await run(true, round));
  }
  return results;
}

/** The median of some numbers; of an even count, the mean of the two in the middle. `NaN` of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
}

/** How many times as high a figure is under the burden, by the medians of all runs. */
export function medianRatio<R>({ without, burdened }: Alternated<R>, figure: (result: R) => number): number {
  return median(burdened.map(figure)) / median(without.map(figure));
}
