/**
 * The time that instances take of the ticks: each has a share, and one that takes more waits with its next tick, so that no
 * other does.
 *
 * @module
 */

import { INSTANCES_TICK_PART } from "../../shared/limits.ts";
import { Counter } from "../ops/counters.ts";
import type { WorldMap } from "../world/world_map.ts";
import type { LogicContext } from "./context.ts";

/** What one instance does, and the time it takes. */
export class TickShare {
  readonly map: WorldMap;
  /** What it does once a tick, in order. */
  readonly systems: { readonly name: string; readonly step: (nowMs: number) => void }[] = [];
  readonly #context: Pick<LogicContext, "clock" | "faults">;
  /** Time it has taken and not been given yet, in milliseconds; below 0: what it has left. */
  owedMs = 0;
  /** What its last tick took, in milliseconds. */
  lastMs = 0;
  /** Its next tick is to come in this one. */
  isDue = false;
  /** Ticks that it has skipped since that was told. */
  skippedCount = 0;
  /** What packets of those who play in it took in the meantime, in milliseconds. */
  packetsMs = 0;

  /** Made by {@linkcode TickShares.of}. */
  constructor(map: WorldMap, context: Pick<LogicContext, "clock" | "faults">) {
    this.map = map;
    this.#context = context;
  }

  /** Whether it has to wait: it has taken more than it was given. */
  get isSpent(): boolean {
    return this.owedMs > 0 && !this.map.isOver;
  }

  /** Does something of it, and counts the time that takes. */
  run(place: string, act: () => unknown): void {
    const { clock, faults } = this.#context, startMs = clock.monotonicMs();
    faults.run(place, act);
    this.owedMs += clock.monotonicMs() - startMs;
  }

  /** A packet of somebody who plays in it was handled. */
  onPacket(tookMs: number): void {
    this.owedMs += tookMs;
    this.packetsMs += tookMs;
  }

  /** One tick of it. */
  step(nowMs: number): void {
    const { clock, faults } = this.#context, startMs = clock.monotonicMs();
    for (const { name, step } of this.systems) {
      // A system may end it.
      if (!this.map.isOver) faults.run(name, () => step(nowMs));
    }
    this.lastMs = clock.monotonicMs() - startMs;
    this.owedMs += this.lastMs;
  }
}

/**
 * The shares of all instances that do something. Together they are given a part of every tick; what some do not need, the
 * others get. Time is that of the clock: where it stands still meanwhile, as in a simulation, nobody ever waits.
 */
export class TickShares {
  readonly #context: Pick<LogicContext, "clock" | "counters" | "faults" | "log">;
  readonly #shares = new Map<WorldMap, TickShare>();
  /** What all are given in one tick, in milliseconds: nobody saves up more. */
  readonly #tickMs: number;
  /** Those whose tick is to come, what takes long last. */
  #due: TickShare[] = [];

  constructor(context: Pick<LogicContext, "clock" | "config" | "counters" | "faults" | "log">) {
    this.#context = context;
    this.#tickMs = context.config.tickMs * INSTANCES_TICK_PART;
  }

  /** Instances that do something. */
  get size(): number {
    return this.#shares.size;
  }

  /** Whether there are ticks that are still to come. */
  get isBehind(): boolean {
    return this.#due.length > 0;
  }

  /** The share of an instance. */
  of(map: WorldMap): TickShare {
    let share = this.#shares.get(map);
    if (share === undefined) this.#shares.set(map, share = new TickShare(map, this.#context));
    return share;
  }

  /** The share of a map; undefined: it is no instance, or one that does nothing by itself. */
  find(map: WorldMap): TickShare | undefined {
    return map.template === null ? undefined : this.#shares.get(map);
  }

  /** A tick begins: gives each its share, and makes those due that have any left. */
  beginTick(): void {
    if (this.#shares.size === 0) return;
    this.#give();
    let skippedCount = 0;
    this.#due = [];
    for (const share of this.#shares.values()) {
      if (share.map.isOver) {
        this.#shares.delete(share.map);
        continue;
      }
      if (share.systems.length === 0) continue;
      // Still due: it was not its turn in all of the tick before.
      if (share.isSpent || share.isDue) {
        share.skippedCount++;
        skippedCount++;
      }
      share.isDue = !share.isSpent;
      if (share.isDue) this.#due.push(share);
    }
    if (skippedCount > 0) this.#context.counters.add(Counter.INSTANCE_TICKS_SKIPPED, skippedCount);
    // Taken from the end: those that need little wait for none that needs much, and equals keep their order.
    this.#due.sort((a, b) => a.lastMs - b.lastMs).reverse();
  }

  /** Runs ticks that are due, at least one, until the time is over. */
  run(nowMs: number, untilMs: number): void {
    const { clock } = this.#context;
    for (let share = this.#due.pop(); share !== undefined; share = this.#due.pop()) {
      share.isDue = false;
      if (!share.map.isOver) share.step(nowMs);
      if (this.#due.length > 0 && clock.monotonicMs() >= untilMs) return;
    }
  }

  /** Tells operators which instances skip ticks; to be called about once a second. */
  sweep(): void {
    for (const share of this.#shares.values()) {
      const { packetsMs, skippedCount } = share;
      share.packetsMs = share.skippedCount = 0;
      if (skippedCount === 0) continue;
      this.#context.log.warn("An instance takes more than its share of time, so it skips ticks", {
        type: share.map.template?.name,
        mapId: share.map.mapId,
        systems: share.systems.map(({ name }) => name).join(),
        tickMs: Math.round(share.lastMs * 1_000) / 1_000,
        packetsMs: Math.round(packetsMs * 1_000) / 1_000,
        skipped: skippedCount,
      });
    }
  }

  /** Each is given the same, and what it has no use for goes to those that owe more. */
  #give(): void {
    let left = this.#tickMs, takers = this.#shares.size;
    for (let round = 0; round < 2 && takers > 0; round++) {
      const eachMs = left / takers;
      takers = 0;
      for (const share of this.#shares.values()) {
        if (round > 0 && share.owedMs <= 0) continue;
        const givenMs = Math.min(eachMs, share.owedMs + this.#tickMs);
        share.owedMs -= givenMs;
        left -= givenMs;
        if (share.owedMs > 0) takers++;
      }
    }
  }
}
