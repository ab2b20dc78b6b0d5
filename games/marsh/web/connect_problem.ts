/**
 * Why the WebSocket could not be opened, as far as plain HTTP can find out.
 *
 * @module
 */

const CHECK_TIMEOUT_MS = 5_000;

const PROBLEMS: ReadonlyMap<number, string> = new Map([
  [200, "The castle answers, but something on the way, such as a proxy, does not let WebSockets through."],
  [403, "The castle is there but refuses this page's address. Whoever runs it can allow it (--allowed-origins)."],
  [421, "The castle is there but does not go by this name. Whoever runs it can add it (--public-host)."],
  [429, "The castle is there but lets nobody more in from your address for now. Try again in a while."],
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
    return null;
  }
}
