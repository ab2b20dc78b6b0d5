/**
 * Keeps game code under test from time and chance that no seed repeats.
 *
 * @module
 */

/** What gives another answer in every run, and what a game has instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  "Date.now": "game.clock.unixMs()",
  "Math.random": "game.random(name)",
  "performance.now": "game.nowMs",
  "crypto.getRandomValues": "game.random(name)",
  "crypto.randomUUID": "game.randomToken()",
  setTimeout: "game.after(ms, act)",
  setInterval: "game.every(ms, act)",
};

/** Folders of games under test, as URLs that end with a slash. */
const folders = new Set<string>();
let isInstalled = false;

/**
 * Makes calls from files below `folder` throw if no seed could repeat them: the date, the clock, randomness and timers of
 * the platform. Calls from anywhere else work as before. For tests and simulations; it holds as long as
 * the process lives.
 *
 * @param folder As a URL that ends with a slash.
 */
export function refuseOutsideChance(folder: string): void {
  if (!folder.endsWith("/")) throw new RangeError(`Cannot watch ${JSON.stringify(folder)}: it is no folder`);
  folders.add(folder);
  if (isInstalled) return;
  isInstalled = true;
  for (const [path, instead] of Object.entries(INSTEAD)) {
    const names = path.split(".");
    const name = names.pop()!;
    const owner = (names.length === 0 ? globalThis : Reflect.get(globalThis, names[0])) as Record<string, unknown>;
    const original = owner[name] as (...args: unknown[]) => unknown;
    owner[name] = function (this: unknown, ...args: unknown[]) {
      const { stackTraceLimit } = Error;
      // Simulations set it to nothing, as they count errors by the thousand.
      Error.stackTraceLimit = 2;
      const { stack } = new Error();
      Error.stackTraceLimit = stackTraceLimit;
      const place = callerOf(stack);
      if (place === undefined) return original.apply(this, args);
      throw new TypeError(`Cannot call ${path} in a game (${place}): no seed repeats it, use ${instead}`);
    };
  }
}

/** Where in a game a call comes from; `undefined`: it does not come from one. */
function callerOf(stack = ""): string | undefined {
  // The lines of a stack: the message, this module, who called.
  const place = /\(?((?:file|https?):\/\/[^\s)]+)\)?$/.exec(stack.split("\n")[2] ?? "")?.[1];
  if (place === undefined) return undefined;
  for (const folder of folders) if (place.startsWith(folder)) return place;
  return undefined;
}
