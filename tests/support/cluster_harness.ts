/** Nodes of a cluster in one thread: each a whole logic, on one database and one bus. @module */

import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { type NodeEntry, NODES } from "../../server/cluster/directory_store.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import { assert } from "./assert.ts";
import { LogicHarness } from "./logic_harness.ts";
import { MemoryBus } from "./memory_bus.ts";

/** Far beyond what a test takes: no lease lapses. */
const LEASE_MS = 3_600_000;
const TURNS_MAX = 100_000;
/** Turns after which nothing more comes of what was said. */
const QUIET_TURNS = 20;

/** Some nodes. */
export class ClusterHarness implements AsyncDisposable {
  readonly network = new MemoryBus();
  readonly storage = new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS);
  readonly nodes: LogicHarness[] = [];

  /** Starts nodes that have heard each other. */
  static async start(count = 2): Promise<ClusterHarness> {
    const cluster = new ClusterHarness();
    for (let index = 0; index < count; index++) await cluster.add();
    cluster.advance(2_000);
    return cluster;
  }

  /** Starts one more node. */
  async add(): Promise<LogicHarness> {
    const serverId = this.nodes.length + 1, incarnation = `run ${serverId}`;
    const node: NodeEntry = {
      ...{ serverId, incarnation, serverName: `Server ${serverId}`, host: "192.0.2.1", gamePort: 8081 },
      ...{ gatewayUrl: "ws://192.0.2.1/ws", currentPlayers: 0, maxPlayers: 100, isDraining: false },
    };
    await this.storage.of(NODES).join({ node, leaseMs: LEASE_MS });
    const timers = { set: () => 0, clear: () => {} };
    const carrier = this.network.carrier(incarnation);
    // Only what it says counts: others share the database.
    const config = { databaseUrl: "postgres://user:password@192.0.2.9/drawbridge", serverId };
    // By which it has heard of its lease just now.
    const nowMs = () => 0;
    const harness = await LogicHarness.create({ storage: this.storage, node, timers, nowMs, carrier, config });
    this.nodes.push(harness);
    return harness;
  }

  /** Time passes everywhere, or on some nodes: the others stand still. */
  advance(ms: number, nodes: readonly LogicHarness[] = this.nodes): void {
    for (let passedMs = 0; passedMs < ms; passedMs += 50) for (const node of nodes) node.advance(50);
  }

  /** Lets all nodes go on until `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    for (let turn = 0; !condition(); turn++) {
      assert(turn < TURNS_MAX, `Waited for ${TURNS_MAX} turns: ${condition}`);
      await this.#turn();
    }
  }

  /** Lets all be done that was begun. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < QUIET_TURNS; turn++) await this.#turn();
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    for (const node of this.nodes) node.turn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await node.logic.stop();
    await this.storage.close();
  }
}
