/** Waiting for conditions instead of for time. @module */

/** How long anything may take before a test gives it up, in milliseconds: far beyond what a busy machine needs. */
export const PATIENCE_MS = 20_000;
const POLL_MS = 10;

/**
 * Resolves with the first value of `probe` that is neither `undefined`, `null` nor `false`.
 *
 * @param what What is waited for, for the error.
 * @throws {Error} when it does not come in time.
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== null && value !== false) return value as T;
    if (performance.now() > deadlineMs) throw new Error(`Waited ${patienceMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
