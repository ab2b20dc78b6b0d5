/**
 * Who may be told what by whom. Whatever one player does that appears at another goes through here: who is muted writes
 * nothing that others read, nobody hears of whom it ignores, and nobody appears at others more often than its budget
 * allows. What passes goes out through `ChatDelivery`, and in no other way.
 *
 * @module
 */

import { Cause, ErrorCode } from "../../../shared/gen/common_pb.ts";
import { KEPT_WHISPERS_BURST, KEPT_WHISPERS_INTERVAL_MS } from "../friends/limits.ts";
import { Counter, type Game, type Player, Refused } from "../../../server/game/game.ts";
import { explain } from "../../../server/game/kit.ts";
import type { ChatGuard } from "./chat_guard.ts";
import { Buckets, NoticeBudget } from "./notice_budget.ts";
import type { OnlineLists } from "../friends/online_lists.ts";

/** What the gate asks. */
export interface ContactRules {
  readonly guard: Pick<ChatGuard, "mutedForMs">;
  readonly lists: OnlineLists;
}

/** The gate between players. */
export class ContactGate {
  readonly #game: Game;
  readonly #rules: ContactRules;
  readonly #budget = new NoticeBudget();
  readonly #keptWhispers = new Buckets<number>(KEPT_WHISPERS_BURST, KEPT_WHISPERS_INTERVAL_MS);

  constructor(game: Game, rules: ContactRules) {
    this.#game = game;
    this.#rules = rules;
  }

  /**
   * Holds that a player may write what others read: chat, names of rooms and guilds, invitations, requests.
   *
   * @throws {Refused} `MUTED`, with how long it lasts and why.
   */
  checkMayWrite(player: Player): void {
    this.#game.checkNotMuted(player);
    const { clock, config, counters } = this.#game;
    if (!config.floodControl) return;
    const forMs = this.#rules.guard.mutedForMs(player.playerId, clock.monotonicMs());
    if (forMs === 0) return;
    counters.add(Counter.CHAT_REFUSED_MUTED, 1);
    throw new Refused(ErrorCode.MUTED, explain(Cause.CHAT_FLOOD, { remainingMs: BigInt(Math.ceil(forMs)) }));
  }

  /**
   * Takes what a player wants to appear at others from its budget. What begins something is counted, what ends it is
   * free, as it can end but once.
   *
   * @param target Who is told, as a text that no other target has; empty: nobody in particular.
   * @throws {Refused} `RATE_LIMITED` when nothing is left.
   */
  takeNotice(senderId: number, target: string): void {
    if (this.tryTakeNotice(senderId, target)) return;
    throw new Refused(ErrorCode.RATE_LIMITED, "You are doing this too often");
  }

  /** The same where nobody waits for an answer. */
  tryTakeNotice(senderId: number, target: string): boolean {
    const { clock, config, counters } = this.#game;
    if (!config.floodControl || this.#budget.tryTake(senderId, target, clock.monotonicMs())) return true;
    counters.add(Counter.CHAT_REFUSED_FLOOD, 1);
    return false;
  }

  /**
   * Takes a whisper that is to be kept for somebody from a player's budget.
   *
   * @throws {Refused} `RATE_LIMITED` when nothing is left.
   */
  takeKeptWhisper(senderId: number): void {
    const { clock, config } = this.#game;
    if (!config.floodControl || this.#keptWhispers.tryTake(senderId, clock.monotonicMs())) return;
    throw new Refused(ErrorCode.RATE_LIMITED, "Too many of your whispers wait for players who are away");
  }

  /** Whether what a player has said may still be delivered: not if it was muted or banned in the meantime. */
  mayBeHeard(senderId: number): boolean {
    if (this.#game.isSilenced(senderId)) return false;
    const { clock, config } = this.#game;
    return !config.floodControl || this.#rules.guard.mutedForMs(senderId, clock.monotonicMs()) === 0;
  }

  /** Whether a player who is online may be told of what another says or does. */
  mayHear(playerId: number, senderId: number): boolean {
    return !this.#rules.lists.ignores(playerId, senderId);
  }

  /**
   * Whether a player may know that another, its friend or of its guild, is online: not while one of them ignores the
   * other, and not before it is known whom the other ignores.
   */
  mayKnowOnline(viewerId: number, playerId: number): boolean {
    if (viewerId === playerId) return true;
    const { lists } = this.#rules;
    return lists.has(playerId) && !lists.ignores(playerId, viewerId) && !lists.ignores(viewerId, playerId);
  }
}

/** The target of a notice to a player, whether it is online or not. */
export function playerTarget(nameKey: string): string {
  return `player ${nameKey}`;
}
