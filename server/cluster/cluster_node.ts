/** This node among others: its lease, and the players it owns. @module */

import type { Clock, Timers } from "../base/clock.ts";
import type { LimitedLogger } from "../ops/rate_limited_log.ts";
import type { SavedCharacter, Stores } from "../storage/storage.ts";
import { DIRECTORY, type Directory, type NodeEntry, type NodeLoad } from "./directory_store.ts";
import { Membership } from "./membership.ts";
import { ClaimedOwnerships } from "./ownerships.ts";

/** What is needed of the sessions of a node. */
export interface NodeSessions {
  readonly world: { giveUp(playerIds: Iterable<number>): void };
  /** How the node is now. */
  nodeLoad(): NodeLoad;
}

/** A node that has joined. */
export class ClusterNode {
  readonly ownerships: ClaimedOwnerships;
  readonly #options: {
    readonly storage: Pick<Stores, "of">;
    readonly node: NodeEntry;
    readonly clock: Pick<Clock, "monotonicMs">;
    readonly timers: Timers;
    readonly log: LimitedLogger;
  };
  readonly #directory: Directory;
  #sessions: NodeSessions | undefined;
  #membership: Membership | undefined;

  constructor(options: {
    readonly storage: Pick<Stores, "of">;
    readonly node: NodeEntry;
    readonly clock: Pick<Clock, "monotonicMs">;
    readonly timers: Timers;
    readonly log: LimitedLogger;
  }) {
    const { log, node, storage, timers } = options;
    this.#options = options;
    this.#directory = storage.of(DIRECTORY);
    this.ownerships = new ClaimedOwnerships({
      directory: this.#directory,
      node,
      timers,
      log,
      onLost: (playerId) => this.#sessions?.world.giveUp([playerId]),
      isCurrent: () => this.#membership?.isCurrent ?? true,
    });
  }

  /** Keeps the lease for these sessions from now on. */
  begin(sessions: NodeSessions): void {
    const { clock, log, node, timers } = this.#options;
    this.#sessions = sessions;
    this.#membership = new Membership({
      directory: this.#directory,
      node,
      clock,
      timers,
      log,
      load: () => sessions.nodeLoad(),
      onWanted: (playerIds) => sessions.world.giveUp(playerIds),
      onReturn: () => this.ownerships.check(),
    });
  }

  /** Some of these characters could not be saved: whose player is another node's is played here no longer. */
  onSkipped(batch: readonly SavedCharacter[]): void {
    this.ownerships.checkSoon(batch.flatMap(({ owner }) => owner === undefined ? [] : [owner.playerId]));
  }

  /** Gives up everybody, and the lease. */
  async stop(): Promise<void> {
    this.ownerships.sweep(() => false);
    await this.#membership?.stop();
  }
}
