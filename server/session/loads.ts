/**
 * Loads what a game must know of a player before it enters: by its hooks, which may take long, or never end.
 *
 * @module
 */

import { DependencyError } from "../../shared/errors.ts";
import { LOAD_ABANDONED_MS } from "../../shared/limits.ts";
import type { Clock } from "../base/clock.ts";
import type { HookLists } from "../game/hooks.ts";
import type { Stores } from "../storage/storage.ts";

/** All hooks for one player, one after the other. */
interface Load {
  readonly sinceMs: number;
  /** The hook that it is at. */
  place: string;
  /** Nobody waits for it any more: it begins no other hook. */
  isGivenUp: boolean;
  done: Promise<void>;
}

/** What is being loaded. */
export class Loads {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #hooks: HookLists["load"];
  readonly #loads = new Map<number, Load>();
  /** Those who wait, each until its time is over. */
  readonly #waiting = new Set<{ readonly untilMs: number; readonly giveUp: () => void }>();

  /** @param hooks Asked one after the other. */
  constructor(clock: Pick<Clock, "monotonicMs">, hooks: HookLists["load"]) {
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /**
   * Loads a player, when what was begun for it before is over: late, that would replace what is newer.
   *
   * @param untilMs How long this may take, monotonic milliseconds.
   * @throws {DependencyError} `timeout` when it takes longer, with the hook's name; what hooks throw.
   */
  async run(playerId: number, stores: Stores, untilMs: number): Promise<void> {
    let before: Load | undefined;
    while ((before = this.#loads.get(playerId)) !== undefined && !this.#isAbandoned(before)) {
      // How it ended is told to whom it was for; here it only has to be over.
      await this.#within(before, untilMs, before.done.catch(() => {}));
    }
    const load: Load = {
      sinceMs: this.#clock.monotonicMs(),
      place: "load",
      isGivenUp: false,
      done: Promise.resolve(),
    };
    this.#loads.set(playerId, load);
    load.done = this.#load(load, playerId, stores);
    try {
      await this.#within(load, untilMs, load.done);
    } finally {
      load.isGivenUp = true;
    }
  }

  /** Lets nobody wait whose time is over; to be called about once a tick. */
  tick(): void {
    if (this.#waiting.size === 0) return;
    const nowMs = this.#clock.monotonicMs();
    for (const { untilMs, giveUp } of this.#waiting) if (nowMs >= untilMs) giveUp();
  }

  /** Whether it seems never to end: its player is not kept out for ever. */
  #isAbandoned({ sinceMs }: Load): boolean {
    return this.#clock.monotonicMs() - sinceMs >= LOAD_ABANDONED_MS;
  }

  async #load(load: Load, playerId: number, stores: Stores): Promise<void> {
    try {
      for (const hook of this.#hooks) {
        if (load.isGivenUp) return;
        load.place = hook.name;
        await hook(playerId, stores);
      }
    } finally {
      if (this.#loads.get(playerId) === load) this.#loads.delete(playerId);
    }
  }

  async #within(load: Load, untilMs: number, done: Promise<void>): Promise<void> {
    const late = Promise.withResolvers<never>();
    const giveUp = () =>
      late.reject(new DependencyError("timeout", `Cannot load a player in time: ${load.place} waits`));
    const waiting = { untilMs, giveUp };
    this.#waiting.add(waiting);
    try {
      await Promise.race([done, late.promise]);
    } finally {
      this.#waiting.delete(waiting);
    }
  }
}
