/**
 * Why the WebSocket could not be opened, as far as plain HTTP can find out.
 *
 * @module
 */

import { TEXTS } from "./language.ts";

const CHECK_TIMEOUT_MS = 5_000;

const PROBLEMS: ReadonlyMap<number, string> = new Map([
  [200, TEXTS.connect.noWebSocket],
  [403, TEXTS.connect.origin],
  [421, TEXTS.connect.host],
  [429, TEXTS.connect.address],
]);

/** @returns What is wrong in words, or `null` where the server cannot be reached either, or says nothing of use. */
export async function connectProblem(): Promise<string | null> {
  const url = new URL("ws/check", location.href);
  url.search = new URLSearchParams({ origin: location.origin }).toString();
  url.hash = "";
  try {
    const { status } = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(CHECK_TIMEOUT_MS) });
    return PROBLEMS.get(status) ?? null;
  } catch {
    // The server cannot be reached, or takes too long.
    return null;
  }
}
