/**
 * The pace at which what one player says reaches many.
 *
 * @module
 */

import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import {
  AUDIENCE_MESSAGES_PER_SECOND,
  FAN_OUT_BURST_MS,
  FAN_OUT_COPIES_PER_SECOND,
  FAN_OUT_DELAY_MS_MAX,
  FAN_OUT_INTERVAL_MS,
  FAN_OUT_RESERVE_MS,
} from "./limits.ts";
import { type Clock, type Faults, Refused } from "../../../server/game/game.ts";

/** Something one player says or does that others hear. */
export interface Utterance {
  readonly senderId: number;
  /** Who hears it together: a room, a guild, a place, everybody. Empty: one player, which has no pace of its own. */
  readonly audience: string;
  /** How many will hear it, as far as can be told. */
  readonly hearerCount: number;
  /** Delivers it; gives how many heard it. */
  readonly deliver: () => number;
}

/** One that waits. */
interface Waiting extends Utterance {
  readonly priceMs: number;
  /** It was said, and did not just happen. */
  readonly isSaid: boolean;
}

const MS_PER_COPY = 1_000 / FAN_OUT_COPIES_PER_SECOND;
const MS_PER_MESSAGE = 1_000 / AUDIENCE_MESSAGES_PER_SECOND;

/**
 * Delivers what players say at once, as long as all of it together stays below a number of copies a second and no
 * audience hears more than a number of messages a second; what is beyond that waits, and where it would wait too long,
 * its sender is refused. Waiting senders have turns. What one says is heard in the order it was said, and everybody hears
 * the same order.
 */
export class FanOut {
  #isPaced: boolean;
  readonly #mayBeHeard: (senderId: number) => boolean;
  readonly #clock: Clock;
  readonly #faults: Faults;
  /** What waits, by sender; who is first has its turn next. */
  readonly #lanes = new Map<number, Waiting[]>();
  /** How long what waits will take, if one comes after the other, in milliseconds. */
  #waitingMs = 0;
  /** When what was delivered will be paid for, monotonic milliseconds: all copies, and the messages of each audience. */
  #paidAtMs = 0;
  readonly #audiencePaidAtMs = new Map<string, number>();
  #nextDeliveryMs = 0;

  /**
   * @param options Whether there is a pace at all; without one everything is delivered at once. Whether what a sender has
   * said and what has waited since may still be heard.
   */
  constructor(
    clock: Clock,
    faults: Faults,
    { isPaced, mayBeHeard }: { readonly isPaced: boolean; readonly mayBeHeard: (senderId: number) => boolean },
  ) {
    this.#isPaced = isPaced;
    this.#mayBeHeard = mayBeHeard;
    this.#clock = clock;
    this.#faults = faults;
  }

  /** Messages that wait. */
  get waitingCount(): number {
    let count = 0;
    for (const lane of this.#lanes.values()) count += lane.length;
    return count;
  }

  /**
   * Delivers an utterance, now or when it can be afforded.
   *
   * @throws {Refused} `RATE_LIMITED` when it would wait too long.
   */
  say(utterance: Utterance): void {
    this.check(utterance);
    this.#tell(utterance, true);
  }

  /** The check of {@linkcode say} alone, before something is done that others must then be told of. */
  check({ senderId, audience, hearerCount }: Omit<Utterance, "deliver">): void {
    const priceMs = priceOf(audience, hearerCount);
    // Who says one thing now and then finds room where others who say much have filled theirs.
    const boundMs = FAN_OUT_DELAY_MS_MAX - (this.#lanes.has(senderId) ? FAN_OUT_RESERVE_MS : 0);
    if (this.#waitingMs === 0 || this.#waitingMs + priceMs <= boundMs) return;
    throw new Refused(ErrorCode.RATE_LIMITED, "There is too much chat right now, try again in a moment");
  }

  /** The same for what cannot be refused: it happened. */
  tell(utterance: Utterance): void {
    this.#tell(utterance, false);
  }

  /** Forgets what a sender has said to an audience and what waits: it has lost the right to speak to it. */
  retract(senderId: number, audience: string): void {
    const lane = this.#lanes.get(senderId);
    if (lane === undefined) return;
    const kept = lane.filter((waiting) => !waiting.isSaid || waiting.audience !== audience);
    if (kept.length === lane.length) return;
    for (const waiting of lane) if (!kept.includes(waiting)) this.#waitingMs -= waiting.priceMs;
    if (kept.length > 0) this.#lanes.set(senderId, kept);
    else this.#lanes.delete(senderId);
    if (this.#lanes.size === 0) this.#waitingMs = 0;
  }

  #tell(utterance: Utterance, isSaid: boolean): void {
    const { senderId, audience, hearerCount } = utterance;
    if (!this.#isPaced) return this.#deliver(utterance);
    const lane = this.#lanes.get(senderId);
    // Nearly always. Where others wait, what comes back to them in the meantime is theirs.
    const burstMs = FAN_OUT_BURST_MS - (this.#lanes.size === 0 ? 0 : 2 * FAN_OUT_INTERVAL_MS);
    if (lane === undefined && this.#canAfford(audience, this.#clock.monotonicMs(), burstMs)) {
      return this.#deliver(utterance);
    }
    const waiting = { ...utterance, isSaid, priceMs: priceOf(audience, hearerCount) };
    this.#waitingMs += waiting.priceMs;
    if (lane !== undefined) lane.push(waiting);
    else this.#lanes.set(senderId, [waiting]);
  }

  /**
   * Delivers what waits and can be afforded by now, a sender after the other; to be called every turn.
   *
   * @param untilMs When to stop, monotonic milliseconds.
   */
  deliverDue(untilMs: number): void {
    let nowMs = this.#clock.monotonicMs();
    if (this.#lanes.size === 0 || nowMs < this.#nextDeliveryMs) return;
    // What comes together leaves the io workers together.
    this.#nextDeliveryMs = nowMs + FAN_OUT_INTERVAL_MS;
    // A lane that is not empty after its turn goes to the end, and this loop comes to it again.
    for (const [senderId, lane] of this.#lanes) {
      if (this.#paidAtMs - nowMs > FAN_OUT_BURST_MS || nowMs >= untilMs) return;
      const next = lane[0];
      if (!this.#canAfford(next.audience, nowMs, FAN_OUT_BURST_MS)) continue;
      lane.shift();
      this.#lanes.delete(senderId);
      if (lane.length > 0) this.#lanes.set(senderId, lane);
      this.#waitingMs = this.#lanes.size === 0 ? 0 : this.#waitingMs - next.priceMs;
      if (!next.isSaid || this.#mayBeHeard(next.senderId)) this.#deliver(next);
      nowMs = this.#clock.monotonicMs();
    }
  }

  /** Delivers all that waits, and from now on everything at once. */
  letGo(): void {
    this.#isPaced = false;
    for (const [senderId, lane] of this.#lanes) {
      this.#lanes.delete(senderId);
      for (const each of lane) if (!each.isSaid || this.#mayBeHeard(senderId)) this.#deliver(each);
    }
    this.#waitingMs = 0;
  }

  /** Forgets the audiences that have paid for all they heard; to be called every second or so. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [audience, paidAtMs] of this.#audiencePaidAtMs) {
      if (paidAtMs <= nowMs) this.#audiencePaidAtMs.delete(audience);
    }
  }

  #canAfford(audience: string, nowMs: number, burstMs: number): boolean {
    if (this.#paidAtMs - nowMs > burstMs) return false;
    return (this.#audiencePaidAtMs.get(audience) ?? 0) - nowMs <= burstMs;
  }

  #deliver({ audience, deliver }: Utterance): void {
    const nowMs = this.#clock.monotonicMs();
    this.#faults.run("delivery", () => {
      this.#paidAtMs = Math.max(this.#paidAtMs, nowMs) + deliver() * MS_PER_COPY;
    });
    if (audience === "" || !this.#isPaced) return;
    const paidAtMs = Math.max(this.#audiencePaidAtMs.get(audience) ?? 0, nowMs) + MS_PER_MESSAGE;
    this.#audiencePaidAtMs.set(audience, paidAtMs);
  }
}

/** How long a message takes of everybody's time at most, in milliseconds. */
function priceOf(audience: string, hearerCount: number): number {
  return Math.max(hearerCount * MS_PER_COPY, audience === "" ? 0 : MS_PER_MESSAGE);
}
