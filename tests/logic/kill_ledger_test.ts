import { KillLedger } from "../../games/parts/leaderboards/kill_ledger.ts";
import type { Kill } from "../../games/parts/guilds/guild_store.ts";
import { DependencyError, type DependencyErrorCode } from "../../shared/errors.ts";
import { GUILD_KILLS_PENDING_MAX } from "../../games/parts/guilds/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { RecordingLogger } from "../support/recording_logger.ts";

/** A store that writes down times of kills, unless it fails. */
class FakeStore {
  readonly batches: number[][] = [];
  failure: DependencyErrorCode | null = null;

  async addKills(kills: readonly Kill[]): Promise<number> {
    await null;
    if (this.failure !== null) throw new DependencyError(this.failure, "down");
    this.batches.push(kills.map(({ atMs }) => atMs));
    return kills.length;
  }
}

function ledger() {
  const store = new FakeStore(), log = new RecordingLogger();
  const write = (kills: readonly Kill[]) => store.addKills(kills);
  const begin = (write: () => Promise<void>) => void write();
  return { store, log, kills: new KillLedger<Kill>({ write, begin, pendingMax: GUILD_KILLS_PENDING_MAX, log }) };
}

const killAt = (atMs: number): Kill => ({ killerId: 1, victimId: 2, atMs });

Deno.test("KillLedger.add() writes at once, and together what comes meanwhile", async () => {
  const { store, kills } = ledger();
  for (const atMs of [1, 2, 3]) kills.add(killAt(atMs));
  await kills.flush();
  assertEquals(store.batches, [[1], [2, 3]]);
  assertEquals(kills.pendingCount, 0);
});

Deno.test("KillLedger.flush() writes what the storage refused, in order", async () => {
  const { store, log, kills } = ledger();
  store.failure = "unavailable";
  kills.add(killAt(1));
  await kills.flush();
  kills.add(killAt(2));
  await kills.flush();
  assertEquals([store.batches.length, kills.pendingCount, log.records.length], [0, 2, 2]);
  store.failure = null;
  await kills.flush();
  assertEquals([store.batches, kills.pendingCount], [[[1, 2]], 0]);
});

Deno.test("KillLedger.flush() writes nothing twice of which it is unknown whether it was written", async () => {
  const { store, kills } = ledger();
  store.failure = "timeout";
  kills.add(killAt(1));
  await kills.flush();
  store.failure = null;
  kills.add(killAt(2));
  await kills.flush();
  assertEquals(store.batches, [[2]]);
});

Deno.test(`KillLedger.add() keeps the newest ${GUILD_KILLS_PENDING_MAX} kills`, async () => {
  const { store, kills } = ledger();
  store.failure = "unavailable";
  kills.add(killAt(0));
  await kills.flush();
  for (let atMs = 1; atMs <= GUILD_KILLS_PENDING_MAX; atMs++) kills.add(killAt(atMs));
  assertEquals(kills.pendingCount, GUILD_KILLS_PENDING_MAX);
  store.failure = null;
  await kills.flush();
  assertEquals(store.batches.map((batch) => [batch[0], batch.length]), [[1, GUILD_KILLS_PENDING_MAX]]);
});
