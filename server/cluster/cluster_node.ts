/** This node among others: its lease, and the players it owns. @module */

import { ConfigError } from "../../shared/errors.ts";
import { NODE_LEASE_MS, NODE_RENEWAL_INTERVAL_MS } from "../../shared/limits.ts";
import type { Timers } from "../base/clock.ts";
import type { LimitedLogger } from "../ops/rate_limited_log.ts";
import type { Asker, SavedCharacter, Storage } from "../storage/storage.ts";
import { DIRECTORY, type Directory, type NodeEntry, type NodeLoad, NODES, type Nodes } from "./directory_store.ts";
import { Membership } from "./membership.ts";
import { ClaimedOwnerships, markOf, type ResumeMark } from "./ownerships.ts";
import { SessionFinder } from "./session_finder.ts";

/** What is needed of the sessions of a node. */
export interface NodeSessions {
  readonly world: {
    /** Others want these players: they are given up once they are saved. */
    giveUp(playerIds: Iterable<number>): void;
    /** A player is another node's: nothing of it is saved here any more. */
    lose(playerId: number): void;
  };
  /** How the node is now. */
  nodeLoad(): NodeLoad;
}

/** A session with all that another node needs to go on with it. */
export interface SessionToGive extends Omit<Parameters<Directory["handOver"]>[0], "mark"> {
  readonly mark: ResumeMark;
}

/** What a node is made of. */
export interface ClusterNodeOptions {
  readonly storage: Pick<Storage, "of" | "for">;
  readonly node: NodeEntry;
  /** Monotonic, in milliseconds, and goes on while the process is stopped. */
  readonly nowMs: () => number;
  readonly timers: Timers;
  readonly log: LimitedLogger;
  /** How long sessions are kept for their clients, in milliseconds. */
  readonly linkDeadMs: number;
}

/** A node that shares its database with others. */
export class ClusterNode {
  readonly ownerships: ClaimedOwnerships;
  readonly finder: SessionFinder;
  readonly #options: ClusterNodeOptions;
  readonly #directory: Directory;
  readonly #nodes: Nodes;
  #sessions: NodeSessions | undefined;
  #membership: Membership | undefined;

  constructor(options: ClusterNodeOptions) {
    const { linkDeadMs, log, node, nowMs, storage, timers } = options;
    this.#options = options;
    this.#directory = storage.of(DIRECTORY);
    this.#nodes = storage.of(NODES);
    const directoryFor = (asker: Asker) => storage.for(asker).of(DIRECTORY);
    this.ownerships = new ClaimedOwnerships({
      directory: this.#directory,
      directoryFor,
      node,
      nowMs,
      timers,
      log,
      onLost: (playerId) => this.#sessions?.world.lose(playerId),
      isCurrent: () => this.#membership?.isCurrent ?? true,
    });
    this.finder = new SessionFinder({
      directoryFor,
      incarnation: node.incarnation,
      ownerships: this.ownerships,
      graceMs: linkDeadMs,
    });
  }

  /** This run of this node. */
  get incarnation(): string {
    return this.#options.node.incarnation;
  }

  /**
   * Enters the directory. A node that ended without leaving it still holds the lease there for a while.
   *
   * @throws {ConfigError} when another server has this one's id.
   */
  async join(): Promise<void> {
    const { log, node, nowMs, timers } = this.#options;
    const untilMs = nowMs() + NODE_LEASE_MS + NODE_RENEWAL_INTERVAL_MS;
    let isTold = false;
    // Until it is in there is no lease to renew, nor one that could be late.
    this.#membership?.cancel();
    this.#membership = undefined;
    while (await this.#nodes.join({ node, leaseMs: NODE_LEASE_MS }) === "taken") {
      if (nowMs() >= untilMs) {
        const other = (await this.#nodes.list(null)).find(({ serverId }) => serverId === node.serverId);
        const who = other === undefined ? "" : `, ${other.serverName} on ${other.host}, port ${other.gamePort}`;
        throw new ConfigError([
          `Cannot use --server-id ${node.serverId}: another server that runs has it${who}; give this one its own`,
        ]);
      }
      if (!isTold) {
        log.warn("A server with this one's id has not left: it was killed, or runs. Waits until its lease is over", {
          serverId: node.serverId,
          secondsMax: (NODE_LEASE_MS + NODE_RENEWAL_INTERVAL_MS) / 1_000,
        });
      }
      isTold = true;
      await new Promise<void>((resolve) => timers.set(resolve, NODE_RENEWAL_INTERVAL_MS / 2));
    }
    if (this.#sessions !== undefined) this.begin(this.#sessions);
  }

  /** Keeps the lease for these sessions from now on, or from when the node has joined. */
  begin(sessions: NodeSessions): void {
    const { log, node, nowMs, timers } = this.#options;
    this.#sessions = sessions;
    this.#membership = new Membership({
      nodes: this.#nodes,
      node,
      nowMs,
      timers,
      log,
      load: () => sessions.nodeLoad(),
      onWanted: (wanted) => {
        this.ownerships.giveBackUnknown(wanted);
        sessions.world.giveUp(wanted.map(({ playerId }) => playerId));
      },
      onReturn: async () => {
        await this.#directory.settle(null);
        await this.ownerships.check();
      },
    });
  }

  /** Some of these characters could not be saved: whose player is another node's is played here no longer. */
  onSkipped(batch: readonly SavedCharacter[]): void {
    this.ownerships.checkSoon(batch.flatMap(({ owner }) => owner === undefined ? [] : [owner.playerId]));
  }

  /** Tells the others how this node is now, without waiting for the next renewal. */
  async announce(): Promise<void> {
    await this.#membership?.renew();
  }

  /** The other nodes that take players, the least loaded first. Rejects as the directory does. */
  async others(): Promise<NodeEntry[]> {
    const { incarnation } = this.#options.node;
    const load = ({ currentPlayers, maxPlayers }: NodeEntry) => currentPlayers / maxPlayers;
    return (await this.#nodes.list(null)).filter((node) => node.incarnation !== incarnation && !node.isDraining)
      .sort((a, b) => load(a) - load(b));
  }

  /** Gives a player up, with the session; false: it was not this node's. Rejects as the directory does. */
  async handOver({ mark, ...session }: SessionToGive): Promise<boolean> {
    if (!await this.#directory.handOver({ ...session, mark: markOf(mark) })) return false;
    this.ownerships.forget(session.playerId);
    return true;
  }

  /** Gives up everybody, and the lease. */
  async stop(): Promise<void> {
    this.ownerships.sweep(() => false);
    await this.#membership?.stop();
  }
}
