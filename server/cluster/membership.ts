/** A node among others: it renews its lease, and hears whom others want from it. @module */

import { NODE_LEASE_MS, NODE_RENEWAL_INTERVAL_MS, NODE_SILENT_MS } from "../../shared/limits.ts";
import type { Timers } from "../base/clock.ts";
import type { LimitedLogger } from "../ops/rate_limited_log.ts";
import type { NodeEntry, NodeLoad, Nodes, Ownership } from "./directory_store.ts";

/** What a membership is made of. */
export interface MembershipOptions {
  readonly nodes: Nodes;
  readonly node: NodeEntry;
  /** Monotonic, in milliseconds, and goes on while the process is stopped: the others' time does. */
  readonly nowMs: () => number;
  readonly timers: Timers;
  readonly log: Pick<LimitedLogger, "error" | "warn" | "info">;
  /** How the node is now. */
  readonly load: () => NodeLoad;
  /** Others want these players, which this node owns. */
  readonly onWanted: (wanted: readonly Ownership[]) => void;
  /** The lease had lapsed: players may be others' by now. */
  readonly onReturn: () => Promise<void>;
}

/**
 * The lease is counted by the database's clock; how long this node has not heard of it, by one of its own. What
 * was asked before a pause and answered after it renews nothing in its eyes: it counts from when it asked.
 */
export class Membership {
  readonly #options: MembershipOptions;
  #renewedAtMs: number;
  /** Players may be others' by now: until it has looked, nothing is promised. */
  #isUnsure = false;
  #isLooking = false;
  /** How often it has become unsure: what was looked up before the last time says nothing. */
  #lapseCount = 0;
  #timer: unknown;
  #isStopped = false;

  /** Of a node that has joined just now. */
  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#renewedAtMs = options.nowMs();
    this.#schedule(NODE_RENEWAL_INTERVAL_MS);
  }

  /** Whether the node may promise what must last: it heard of its lease a moment ago. */
  get isCurrent(): boolean {
    return !this.#isUnsure && this.#sinceRenewalMs() < NODE_SILENT_MS;
  }

  /** Renews no more, and leaves the directory as it is. */
  cancel(): void {
    this.#isStopped = true;
    this.#options.timers.clear(this.#timer);
  }

  /** Takes the node out: what it still owns may be claimed at once. Never rejects: else its lease ends by itself. */
  async stop(): Promise<void> {
    this.cancel();
    const { nodes, node: { serverId, incarnation }, log } = this.#options;
    try {
      await nodes.leave({ serverId, incarnation });
    } catch (error) {
      log.warn("Cannot say that this server leaves: others count with it until its lease ends", {
        error: String(error),
      });
    }
  }

  /** Renews the lease now. Never rejects. */
  async renew(): Promise<void> {
    await this.#follow(await this.#renewLease());
  }

  /** Gives whom others want, or null: it is not renewed. */
  async #renewLease(): Promise<readonly Ownership[] | null> {
    const { nodes, node, nowMs, load, log } = this.#options;
    const { serverId, incarnation } = node;
    const askedAtMs = nowMs();
    try {
      const answer = await nodes.renew({ node: { serverId, incarnation }, load: load(), leaseMs: NODE_LEASE_MS });
      // An answer from before it left must not bring it back.
      if (this.#isStopped) return null;
      const isIn = answer.isHeld ||
        await nodes.join({ node: { ...node, ...load() }, leaseMs: NODE_LEASE_MS }) === "joined";
      if (!isIn) {
        log.error("Another server uses this id: choose another --server-id", { serverId });
        return null;
      }
      // That it had lapsed may have been the answer to a renewal that nobody heard.
      if (answer.hadLapsed || this.#sinceRenewalMs() >= NODE_SILENT_MS) {
        this.#isUnsure = true;
        this.#lapseCount++;
      }
      this.#renewedAtMs = askedAtMs;
      return answer.wanted;
    } catch (error) {
      log.warn("Cannot renew the lease of this server, will try again", { error: String(error) });
      return null;
    }
  }

  /** Does what is due after a renewal. */
  async #follow(wanted: readonly Ownership[] | null): Promise<void> {
    if (wanted === null) return;
    if (this.#isUnsure && !this.#isLooking) await this.#look();
    if (!this.#isUnsure && wanted.length > 0) this.#options.onWanted(wanted);
  }

  async #look(): Promise<void> {
    const { log, node: { serverId }, onReturn } = this.#options;
    log.warn("The lease of this server may have lapsed: checking which of its players are on other servers", {
      serverId,
    });
    this.#isLooking = true;
    try {
      for (let seenCount = -1; seenCount !== this.#lapseCount;) {
        seenCount = this.#lapseCount;
        await onReturn();
      }
      this.#isUnsure = false;
    } catch (error) {
      log.warn("Cannot check which players are on other servers, will try again", { error: String(error) });
    } finally {
      this.#isLooking = false;
    }
  }

  #sinceRenewalMs(): number {
    return this.#options.nowMs() - this.#renewedAtMs;
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.timers.set(async () => {
      const wanted = await this.#renewLease();
      // The lease runs from when it was asked for: an answer that was long on its way leaves less time until the next. And
      // it runs while others' players are looked for.
      const passedMs = wanted === null ? 0 : this.#sinceRenewalMs();
      if (!this.#isStopped) this.#schedule(Math.max(0, NODE_RENEWAL_INTERVAL_MS - passedMs));
      await this.#follow(wanted);
    }, delayMs);
  }
}
