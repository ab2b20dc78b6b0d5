/** A node's membership, where what it asks of the database is answered late or not at all. @module */

import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { type NodeEntry, NODES, type Nodes } from "../../server/cluster/directory_store.ts";
import { ClusterNode } from "../../server/cluster/cluster_node.ts";
import { Membership } from "../../server/cluster/membership.ts";
import { LimitedLogger } from "../../server/ops/rate_limited_log.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import { DependencyError } from "../../shared/errors.ts";
import { NODE_LEASE_MS, NODE_RENEWAL_INTERVAL_MS, NODE_SILENT_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RecordingLogger } from "../support/recording_logger.ts";
import { storeWith } from "../support/storage_with.ts";

const NODE: NodeEntry = {
  ...{ serverId: 1, incarnation: "run 1", serverName: "Server 1", host: "192.0.2.1", gamePort: 8081 },
  ...{ gatewayUrl: "ws://192.0.2.1/ws", currentPlayers: 0, maxPlayers: 100, isDraining: false },
};

/** A node that has joined. */
interface Member {
  readonly membership: Membership;
  readonly nodes: Nodes;
  /** What it warns of. */
  readonly warnings: readonly string[];
  /** After how long it renews its lease next, in milliseconds, and how it begins to. */
  readonly next: { delayMs: number; run: () => void };
  /** Its clock. */
  readonly clock: { nowMs: number };
}

/** A node that has joined, with other answers in place of the database's. */
async function withMember(
  replaced: (nodes: Nodes, clock: { nowMs: number }) => Partial<Nodes>,
  use: (member: Member) => Promise<void>,
  onReturn: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const storage = new DirectStorage({ path: MEMORY_PATH, nowMs: () => 1_000_000 }, MARSH_RECORDS);
  const nodes = storage.of(NODES);
  await nodes.join({ node: NODE, leaseMs: NODE_LEASE_MS });
  const warnings: string[] = [];
  const clock = { nowMs: 0 };
  const next = { delayMs: NaN, run: () => {} };
  const membership = new Membership({
    nodes: storeWith(nodes, replaced(nodes, clock)),
    node: NODE,
    nowMs: () => clock.nowMs,
    timers: { set: (run, delayMs) => Object.assign(next, { run, delayMs }), clear: () => {} },
    log: { error: () => {}, info: () => {}, warn: (message) => void warnings.push(message) },
    load: () => ({ currentPlayers: 0, maxPlayers: 100, isDraining: false }),
    onWanted: () => {},
    onReturn,
  });
  await use({ membership, nodes, warnings, next, clock });
  await storage.close();
}

Deno.test("Membership.stop() takes the node out for good: a renewal answered later does not bring it back", async () => {
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  await withMember((nodes) => ({
    renew: async (request) => {
      asked.resolve();
      await answered.promise;
      return await nodes.renew(request);
    },
  }), async ({ membership, nodes }) => {
    const renewed = membership.renew();
    await asked.promise;
    await membership.stop();
    answered.resolve();
    await renewed;
    assertEquals(await nodes.list(null), []);
  });
});

Deno.test("Membership.stop() does not reject where the database does not answer", async () => {
  const leave = () => Promise.reject(new DependencyError("unavailable", "The database is gone"));
  await withMember(() => ({ leave }), async ({ membership, warnings }) => {
    await membership.stop();
    assertEquals(warnings.length, 1);
  });
});

/** Lets whatever can go on do so. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

Deno.test("Membership renews the lease by when it asked for it, however late the answer is", async () => {
  let lateMs = 0;
  await withMember((nodes, clock) => ({
    renew: async (request) => {
      const answer = await nodes.renew(request);
      clock.nowMs += lateMs;
      return answer;
    },
  }), async ({ next }) => {
    for (
      const [late, delayMs] of [[0, NODE_RENEWAL_INTERVAL_MS], [1_500, NODE_RENEWAL_INTERVAL_MS - 1_500], [4_500, 0]]
    ) {
      lateMs = late;
      next.run();
      await settled();
      assertEquals(next.delayMs, delayMs);
    }
  });
});

Deno.test("Membership goes on renewing while it looks which players are on other servers, and looks again where it lapsed meanwhile", async () => {
  const looks: (() => void)[] = [];
  await withMember(() => ({}), async ({ membership, next, clock, warnings }) => {
    for (let renewals = 0; renewals < 3; renewals++) {
      clock.nowMs += NODE_SILENT_MS;
      next.run();
      await settled();
      assertEquals([next.delayMs, looks.length, membership.isCurrent], [NODE_RENEWAL_INTERVAL_MS, 1, false]);
    }
    looks[0]();
    await settled();
    assertEquals([looks.length, membership.isCurrent], [2, false]);
    looks[1]();
    await settled();
    assertEquals([looks.length, membership.isCurrent, warnings.length], [2, true, 1]);
  }, () => new Promise((resolve) => looks.push(resolve)));
});

Deno.test("ClusterNode.join() waits for the lease of a run that was killed, takes it for no other server, and is current at once", async () => {
  let nowMs = 1_000_000;
  const storage = new DirectStorage({ path: MEMORY_PATH, nowMs: () => nowMs }, MARSH_RECORDS);
  await storage.of(NODES).join({ node: NODE, leaseMs: NODE_LEASE_MS });
  const log = new RecordingLogger();
  const due: { readonly atMs: number; readonly run: () => void }[] = [];
  const node = new ClusterNode({
    ...{
      storage,
      log: new LimitedLogger(log, () => nowMs),
      node: { ...NODE, incarnation: "run 2" },
      nowMs: () => nowMs,
      linkDeadMs: 30_000,
    },
    timers: {
      set: (run, delayMs) => due[due.push({ atMs: nowMs + delayMs, run }) - 1],
      clear: (timer) => void due.splice(due.indexOf(timer as typeof due[number]), 1),
    },
  });
  node.begin({
    world: { giveUp: () => {}, lose: () => {} },
    nodeLoad: () => ({ currentPlayers: 0, maxPlayers: 100, isDraining: false }),
  });
  let hasJoined = false;
  const joining = node.join().then(() => hasJoined = true);
  while (!hasJoined) {
    const next = due.sort((a, b) => a.atMs - b.atMs).shift();
    if (next !== undefined) {
      nowMs = next.atMs;
      next.run();
    }
    // What it asks of the storage is answered.
    await new Promise((resolve) => setTimeout(resolve));
  }
  await joining;
  assert(nowMs >= 1_000_000 + NODE_LEASE_MS, `${nowMs}`);
  node.ownerships.checkLease();
  assertEquals(log.records.map(({ level, message }) => `${level}: ${message.split(":")[0]}`), [
    "warn: A server with this one's id has not left",
  ]);
  await node.announce();
  assertEquals((await storage.of(NODES).list(null)).map(({ incarnation }) => incarnation), ["run 2"]);
  await node.stop();
  assertEquals(due, []);
  await storage.close();
});
