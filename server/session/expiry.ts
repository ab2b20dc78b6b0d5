/** Deletes by date what is over, but not because a clock is wrong for a moment. @module */

import { EXPIRY_CONFIRM_MS, EXPIRY_INTERVAL_MS, RECEIPT_MS } from "../../shared/limits.ts";
import type { Clock } from "../base/clock.ts";
import type { HookLists } from "../game/hooks.ts";
import { RECEIPTS } from "../storage/receipt_store.ts";
import { SYSTEM } from "../storage/storage.ts";
import type { LogicContext } from "./context.ts";

/**
 * The date as far as it can be believed. How far the date is ahead of the monotonic clock is believed when every look for
 * {@linkcode EXPIRY_CONFIRM_MS} has found it as far ahead: a date that jumps and comes back is not, and neither is that
 * of the first look of a server that starts with a wrong clock.
 */
export class BelievedDate {
  readonly #clock: Clock;
  /** How far the date is ahead, in milliseconds: what is believed, and the least of the looks since then. */
  #believedMs = -Infinity;
  #leastMs = Infinity;
  #sinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#sinceMs = clock.monotonicMs();
  }

  /** Looks at the clock; gives the latest date that can be believed, in Unix milliseconds; 0: none yet. */
  look(): number {
    const nowMs = this.#clock.monotonicMs(), dateMs = this.#clock.unixMs();
    const aheadMs = dateMs - nowMs;
    this.#leastMs = Math.min(this.#leastMs, aheadMs);
    if (nowMs - this.#sinceMs >= EXPIRY_CONFIRM_MS) {
      this.#believedMs = this.#leastMs;
      this.#leastMs = aheadMs;
      this.#sinceMs = nowMs;
    }
    return Math.max(0, Math.floor(Math.min(dateMs, nowMs + this.#believedMs)));
  }
}

/** Looks at the date, and has the storage delete what is over. */
export class Expiry {
  readonly #context: LogicContext;
  readonly #date: BelievedDate;
  readonly #hooks: Pick<HookLists, "expire">;
  #dateMs = 0;
  #nextMs = 0;

  constructor(context: LogicContext, hooks: Pick<HookLists, "expire">) {
    this.#context = context;
    this.#hooks = hooks;
    this.#date = new BelievedDate(context.clock);
  }

  /** The date by which things are over, as of the last sweep, in Unix milliseconds; 0: not known yet. */
  get dateMs(): number {
    return this.#dateMs;
  }

  /** Looks at the date, and by now and then deletes what is over; to be called every second or so. */
  sweep(): void {
    this.#dateMs = this.#date.look();
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#dateMs === 0 || nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + EXPIRY_INTERVAL_MS;
    this.#delete(this.#dateMs).catch((error) => {
      this.#context.log.warn("Cannot delete expired data, will try again", { error: String(error) });
    });
  }

  async #delete(dateMs: number): Promise<void> {
    const stores = this.#context.storage.for(SYSTEM);
    await Promise.all([
      stores.sanctions.deleteEnded({ nowMs: dateMs }),
      stores.of(RECEIPTS).deleteOld({ beforeMs: Math.max(0, dateMs - RECEIPT_MS) }),
      ...this.#hooks.expire.map(async (expire) => await expire(dateMs)),
    ]);
  }
}
