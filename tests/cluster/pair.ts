/**
 * Two nodes on one database, step by step.
 *
 * @module
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import type { Timers } from "../../server/base/clock.ts";
import { DIRECTORY, type NodeEntry, NODES } from "../../server/cluster/directory_store.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { DependencyError } from "../../shared/errors.ts";
import { ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { NODE_LEASE_MS } from "../../shared/limits.ts";
import { type HarnessClient, type HarnessOptions, LogicHarness } from "../support/logic_harness.ts";
import type { MemoryBus } from "../support/memory_bus.ts";
import { replaceIn } from "../support/storage_with.ts";

/** Timers on a node's own clock, which stands still while the node is paused. */
class NodeTimers implements Timers {
  nowMs = 0;
  readonly #due = new Map<number, { readonly atMs: number; readonly run: () => void }>();
  #lastHandle = 0;

  set(run: () => void, delayMs: number): number {
    this.#due.set(++this.#lastHandle, { atMs: this.nowMs + delayMs, run });
    return this.#lastHandle;
  }

  clear(handle: unknown): void {
    this.#due.delete(handle as number);
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const [handle, { atMs, run }] of [...this.#due]) {
      if (atMs <= this.nowMs && this.#due.delete(handle)) run();
    }
  }
}

export interface Node {
  readonly harness: LogicHarness;
  readonly timers: NodeTimers;
}

export const STEP_MS = 50;

/** Two nodes on one database, each with a clock of its own; `paused` ones stand still, as by SIGSTOP. */
export class Pair implements AsyncDisposable {
  databaseMs = 1_000_000;
  /**
   * `down`: not reached; `deaf`: does what it is asked, and its answers are lost; `lapsed`: finds no lease of whoever takes
   * a session.
   */
  readonly directory = { isDown: false, isDeaf: false, isLapsed: false };
  /** Sessions are handed over once this resolves. */
  handOverOpen: Promise<void> = Promise.resolve();
  /** Whoever takes a session is told so once this resolves. */
  takenOpen: Promise<void> = Promise.resolve();
  /** Whoever says by what a session is resumed hears that it is known once this resolves. */
  markOpen: Promise<void> = Promise.resolve();
  /** Whoever asks for the nodes hears of them once this resolves. */
  nodesOpen: Promise<void> = Promise.resolve();
  readonly storage: Storage = this.#storage();
  readonly nodes: Node[] = [];

  /** @param options `bus`: what they hear each other by; nothing unless told. */
  static async start(
    { bus, config = {}, ...options }: {
      readonly worldCapacity?: number;
      readonly bus?: MemoryBus;
      readonly config?: HarnessOptions["config"];
      readonly game?: HarnessOptions["game"];
    } = {},
  ): Promise<Pair> {
    const pair = new Pair();
    for (const serverId of [1, 2]) {
      const node: NodeEntry = {
        ...{ serverId, incarnation: `run ${serverId}`, serverName: `Server ${serverId}`, host: "192.0.2.1" },
        ...{ gamePort: 8081, gatewayUrl: "ws://192.0.2.1/ws", currentPlayers: 0, maxPlayers: 100, isDraining: false },
      };
      await pair.storage.of(NODES).join({ node, leaseMs: NODE_LEASE_MS });
      const timers = new NodeTimers();
      pair.nodes.push({
        harness: await LogicHarness.create({
          ...options,
          config: { databaseUrl: "postgres://user:password@192.0.2.9/drawbridge", serverId, ...config },
          carrier: bus?.carrier(node.incarnation),
          storage: pair.storage,
          node,
          timers,
          nowMs: () => pair.databaseMs,
        }),
        timers,
      });
    }
    return pair;
  }

  /** One database, whose directory may be out of reach: of those who renew their leases, and of those who resume. */
  #storage(): Storage {
    const storage = new DirectStorage({ path: MEMORY_PATH, nowMs: () => this.databaseMs }, MARSH_RECORDS);
    const directory = this.directory, own = storage.of(DIRECTORY);
    const port: Record<string, unknown> = {};
    for (const method of ["claim", "release", "mark", "findSession", "takeSession"] as const) {
      const ask = own[method].bind(own) as (argument: unknown) => Promise<unknown>;
      port[method] = async (argument: unknown) => {
        if (directory.isDown) throw new DependencyError("unavailable", "out of reach");
        if (method === "takeSession" && directory.isLapsed) return { kind: "lapsed" };
        const { isDeaf } = directory, answer = await ask(argument);
        if (method === "takeSession") await this.takenOpen;
        if (method === "mark") await this.markOpen;
        if (isDeaf) throw new DependencyError("timeout", "no answer");
        return answer;
      };
    }
    port.handOver = async (session: Parameters<typeof own.handOver>[0]) => {
      await this.handOverOpen;
      return await own.handOver(session);
    };
    replaceIn(storage, DIRECTORY, () => port);
    replaceIn(storage, NODES, (nodes) => ({
      renew: async (argument) => {
        if (directory.isDown) throw new DependencyError("unavailable", "out of reach");
        const { isDeaf } = directory, answer = await nodes.renew(argument);
        if (isDeaf) throw new DependencyError("timeout", "no answer");
        return answer;
      },
      list: async () => {
        await this.nodesOpen;
        return await nodes.list(null);
      },
    }));
    return storage;
  }

  /** Time passes for the database, and for the nodes that are not paused. */
  async pass(ms: number, ...paused: Node[]): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
      this.databaseMs += STEP_MS;
      for (const node of this.nodes) {
        if (paused.includes(node)) continue;
        node.timers.advance(STEP_MS);
        node.harness.tick(STEP_MS / node.harness.config.tickMs);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    }
  }

  /** A node dies: nothing of it is heard any more. */
  kill(node: Node): void {
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  /** Asks for a session on a node; the answer comes with time. */
  resume({ harness }: Node, request: MessageInitShape<typeof ResumeRequestSchema>): HarnessClient {
    const client = harness.open({ port: "game" });
    harness.send(client, ResumeRequestSchema, request);
    return client;
  }

  /** Asks for the world on a node; the answer comes with time. */
  ask({ harness }: Node, player: HarnessClient): HarnessClient {
    const client = harness.open({ name: player.name, port: "game" });
    harness.send(client, EnterWorldRequestSchema, { sessionToken: `plain:${player.playerId}:${player.name}` });
    return client;
  }

  /** The nodes that say that they play a player. */
  playersOf(playerId: number): number[] {
    return this.nodes.flatMap(({ harness }, index) =>
      (harness.sessions.findPlayer(playerId)?.presence ?? null) !== null ? [index + 1] : []
    );
  }

  async savedX(player: HarnessClient): Promise<number | undefined> {
    const { playerId: accountId, characterId } = player;
    return (await this.storage.characters.load({ accountId, characterId }))?.state?.x;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { harness } of this.nodes) await harness.logic.stop();
    await this.storage.close();
  }
}

export function entered({ harness }: Node, client: HarnessClient): string | undefined {
  const [answer] = harness.received(client, PacketType.ENTER_WORLD_RESPONSE);
  return answer && (answer.success ? "in" : ErrorCode[answer.errorCode]);
}
