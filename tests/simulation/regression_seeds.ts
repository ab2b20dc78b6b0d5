/** Seeds that once found something. @module */

/** Each with what it found. */
export const REGRESSION_SEEDS: readonly { readonly seed: number; readonly was: string }[] = [];
