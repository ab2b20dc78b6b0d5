import { type KeptProcess, ProcessKeeper } from "../../server/process/process_keeper.ts";
import { KEEPER_PAUSE_MS, KEEPER_PAUSE_MS_MAX, KEEPER_STABLE_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** A keeper whose processes live and end as told, on a clock of its own. */
function keeperOf(lives: readonly { readonly ms: number; readonly code: number }[]) {
  let nowMs = 0;
  const pauses: number[] = [];
  let started = 0;
  const keeper = new ProcessKeeper({
    start: (): KeptProcess => {
      const life = lives[started++];
      assert(life !== undefined, "It is started once too often");
      nowMs += life.ms;
      return { ended: Promise.resolve(life.code), kill: () => {} };
    },
    nowMs: () => nowMs,
    pause: (ms) => {
      pauses.push(ms);
      nowMs += ms;
      return Promise.resolve();
    },
    log: { error: () => {}, info: () => {} },
  });
  return { keeper, pauses };
}

for (const code of [0, 78]) {
  Deno.test(`ProcessKeeper.run() gives exit status ${code} on, and starts nothing again`, async () => {
    const { keeper, pauses } = keeperOf([{ ms: 10, code }]);
    assertEquals(await keeper.run(), code);
    assertEquals(pauses, []);
  });
}

Deno.test("ProcessKeeper.run() starts again after pauses that double up to their bound", async () => {
  const faults = Array.from({ length: 12 }, (_, index) => ({ ms: 100, code: [1, 70, 137, 134][index % 4] }));
  const { keeper, pauses } = keeperOf([...faults, { ms: 0, code: 0 }]);
  assertEquals(await keeper.run(), 0);
  assertEquals(pauses.length, faults.length);
  assertEquals(pauses.slice(0, 3), [KEEPER_PAUSE_MS, 2 * KEEPER_PAUSE_MS, 4 * KEEPER_PAUSE_MS]);
  assertEquals(pauses.slice(-2), [KEEPER_PAUSE_MS_MAX, KEEPER_PAUSE_MS_MAX]);
});

Deno.test("ProcessKeeper.run() begins with the first pause again after a process that was well", async () => {
  const { keeper, pauses } = keeperOf([
    { ms: 0, code: 70 },
    { ms: KEEPER_STABLE_MS - 1, code: 70 },
    { ms: KEEPER_STABLE_MS, code: 70 },
    { ms: 0, code: 0 },
  ]);
  await keeper.run();
  assertEquals(pauses, [KEEPER_PAUSE_MS, 2 * KEEPER_PAUSE_MS, KEEPER_PAUSE_MS]);
});

Deno.test("ProcessKeeper.signal() passes signals on, and ends the keeper with the process's status after all but SIGHUP", async () => {
  const signals: string[] = [];
  const lives = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  let started = 0;
  const keeper = new ProcessKeeper({
    start: () => ({ ended: lives[started++].promise, kill: (signal) => void signals.push(signal) }),
    nowMs: () => 0,
    pause: () => Promise.resolve(),
    log: { error: () => {}, info: () => {} },
  });
  const run = keeper.run();
  keeper.signal("SIGHUP");
  lives[0].resolve(70);
  while (started < 2) await Promise.resolve();
  keeper.signal("SIGTERM");
  keeper.signal("SIGTERM");
  lives[1].resolve(143);
  assertEquals([await run, signals], [143, ["SIGHUP", "SIGTERM", "SIGTERM"]]);
});

Deno.test("ProcessKeeper.signal() ends a pause, and nothing is started after it", async () => {
  const paused = Promise.withResolvers<void>();
  const keeper = new ProcessKeeper({
    start: () => ({ ended: Promise.resolve(1), kill: () => {} }),
    nowMs: () => 0,
    pause: (_, end) => {
      paused.resolve();
      return end;
    },
    log: { error: () => {}, info: () => {} },
  });
  const run = keeper.run();
  await paused.promise;
  keeper.signal("SIGINT");
  assertEquals(await run, 0);
});
