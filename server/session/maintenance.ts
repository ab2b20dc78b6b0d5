/**
 * Maintenance as players meet it: announced while it comes, then nobody is let in but those who are allowed, and
 * everybody else is let go.
 *
 * @module
 */

import type { Explanation } from "../../shared/gen/common_pb.ts";
import { Cause, DisconnectReason, ErrorCode } from "../../shared/gen/enums.ts";
import { explain } from "./told.ts";
import { MAINTENANCE_LET_GO_MAX } from "../../shared/limits.ts";
import { nameKey } from "../auth/names.ts";
import type { MaintenancePlan } from "../process/maintenance_plan.ts";
import type { LogicContext } from "./context.ts";
import { RequestError } from "./dispatcher.ts";
import type { ModerationService } from "../moderation/moderation_service.ts";
import type { WorldService } from "./world_service.ts";

/** How long before maintenance begins it is announced once more, in milliseconds. */
const ANNOUNCED_MS: readonly number[] = [10_000, 30_000, 60_000, 120_000, 300_000, 600_000];

/** What maintenance acts through. */
export interface MaintenanceParts {
  readonly moderation: Pick<ModerationService, "announce">;
  readonly world: Pick<WorldService, "expel">;
}

/** The maintenance of one node. */
export class Maintenance {
  readonly #context: LogicContext;
  readonly #parts: MaintenanceParts;
  #plan: MaintenancePlan | null = null;
  #allowed: ReadonlySet<string> = new Set();
  /** When it begins, monotonic milliseconds: a date that is set on or back meanwhile changes nothing. */
  #startsMs = 0;
  /** What was left when it was announced last, in milliseconds. */
  #announcedMs = 0;

  /** @param parts Not used before the first plan. */
  constructor(context: LogicContext, parts: MaintenanceParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** Takes what the operator has planned; null: no maintenance. Tells everybody who is online. */
  set(plan: MaintenancePlan | null): void {
    const { clock } = this.#context;
    const wasPlanned = this.#plan !== null, wasOn = this.#isOn;
    this.#plan = plan;
    if (plan === null) {
      if (wasPlanned) this.#parts.moderation.announce(wasOn ? "Maintenance is over" : "Maintenance is cancelled");
      return;
    }
    const leftMs = Math.max(0, plan.startsAtMs - clock.unixMs());
    this.#allowed = new Set(plan.allow.map(nameKey));
    this.#startsMs = clock.monotonicMs() + leftMs;
    this.#announcedMs = leftMs;
    if (leftMs > 0) this.#announce(leftMs);
  }

  /**
   * Holds that a player may come in now.
   *
   * @throws {RequestError} MAINTENANCE
   */
  check(name: string): void {
    if (this.#isOn && !this.#allowed.has(nameKey(name))) {
      throw new RequestError(ErrorCode.MAINTENANCE, this.#explanation);
    }
  }

  /** Announces what comes, and lets go who may not stay; to be called every second or so. */
  sweep(): void {
    if (this.#plan === null) return;
    const leftMs = this.#startsMs - this.#context.clock.monotonicMs();
    if (leftMs <= 0) return this.#letGo();
    const due = ANNOUNCED_MS.find((ms) => leftMs <= ms && ms < this.#announcedMs);
    if (due === undefined) return;
    this.#announcedMs = due;
    this.#announce(due);
  }

  get #isOn(): boolean {
    return this.#plan !== null && this.#context.clock.monotonicMs() >= this.#startsMs;
  }

  get #explanation(): Explanation {
    return explain(Cause.MAINTENANCE, { reason: this.#plan!.message });
  }

  #announce(leftMs: number): void {
    const { message: reason } = this.#plan!;
    this.#parts.moderation.announce(explain(Cause.MAINTENANCE_PLANNED, { reason, remainingMs: BigInt(leftMs) }));
  }

  /** Some at a time: each is saved, and nobody else waits for that. Clients come back when it is over. */
  #letGo(): void {
    const { sessions, wake } = this.#context;
    let count = 0;
    for (const session of [...sessions.all]) {
      if (session.player === null || this.#allowed.has(nameKey(session.player.name))) continue;
      this.#parts.world.expel(session, DisconnectReason.SHUTDOWN, this.#explanation);
      if (++count === MAINTENANCE_LET_GO_MAX) break;
    }
    if (count > 0) wake();
  }
}
