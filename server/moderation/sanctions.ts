/**
 * Mutes and bans as they hold: nobody who is banned logs in, enters or resumes, and who is muted does not chat. The
 * storage has the truth; kept here are the banned addresses, and of each player online its mute.
 *
 * @module
 */

import type { Explanation } from "../../shared/gen/common_pb.ts";
import { Cause, DisconnectReason, ErrorCode } from "../../shared/gen/enums.ts";
import { SANCTIONS_RECENT_MAX, SANCTIONS_RECENT_MS } from "../../shared/limits.ts";
import { AddressMap, parseAddressRange } from "./address_range.ts";
import { Counter } from "../ops/counters.ts";
import { NO_REASON } from "./moderation_request.ts";
import type { Sanction, Standing } from "./sanction_store.ts";
import { type Stores, SYSTEM } from "../storage/storage.ts";
import type { LogicContext } from "../session/context.ts";
import { RequestError } from "../session/dispatcher.ts";
import type { Link } from "../session/link.ts";
import type { Session } from "../session/session.ts";
import { explain } from "../session/told.ts";

/** What players are told of a reason. */
export function reasonTold(reason: string): string {
  return reason === NO_REASON ? "" : reason;
}

/** What stands against whom. */
export class Sanctions {
  readonly #context: LogicContext;
  /** Players whose sanctions changed last, oldest first: a login may have asked the storage just before the change. */
  readonly #recent = new Map<number, Standing & { readonly setAtMs: number }>();
  readonly #addresses = new AddressMap<Sanction>();
  #reading: Promise<void> | null = null;

  constructor(context: LogicContext) {
    this.#context = context;
  }

  // Players

  /**
   * What stands against a player who wants in.
   *
   * @throws {RequestError} `BANNED` when that is a ban.
   * @throws {DependencyError} when the storage cannot tell.
   */
  async read(playerId: number, stores: Stores): Promise<Standing> {
    const standing = await stores.sanctions.ofPlayer({ playerId, nowMs: this.#context.clock.unixMs() });
    this.#refuseBanned(standing);
    return standing;
  }

  /**
   * What stands against a player right before it is let in: what has changed since `standing` was read counts.
   *
   * @throws {RequestError} `BANNED` when the player is banned.
   */
  newest(playerId: number, standing: Standing): Standing {
    const newest = this.#recentOf(playerId) ?? standing;
    this.#refuseBanned(newest);
    return newest;
  }

  /** Takes note of what stands against a player from now on. */
  setStanding(playerId: number, standing: Standing): void {
    // The newest stands last, so that the first is the oldest.
    this.#recent.delete(playerId);
    this.#recent.set(playerId, { ...standing, setAtMs: this.#context.clock.monotonicMs() });
    if (this.#recent.size > SANCTIONS_RECENT_MAX) this.#recent.delete(this.#recent.keys().next().value!);
    const session = this.#context.sessions.findPlayer(playerId);
    if (session !== undefined) session.mute = standing.mute;
  }

  /**
   * Holds that a player may chat.
   *
   * @throws {RequestError} `MUTED`, with how long it lasts and why.
   */
  checkMayChat(session: Session): void {
    const { mute } = session;
    if (mute === null) return;
    if (!this.#stands(mute)) {
      session.mute = null;
      return;
    }
    this.#context.counters.add(Counter.CHAT_REFUSED_MUTED, 1);
    throw new RequestError(ErrorCode.MUTED, this.explain(Cause.MUTED, mute));
  }

  /** Whether a player, who may be gone, was muted or banned a moment ago. */
  isSilenced(playerId: number): boolean {
    const { mute = null, ban = null } = this.#recentOf(playerId) ?? {};
    return mute !== null && this.#stands(mute) || ban !== null && this.#stands(ban);
  }

  /** What a player is told of a sanction. */
  explain(cause: Cause.MUTED | Cause.BANNED, { endsAtMs, reason }: Sanction): Explanation {
    const remainingMs = endsAtMs === null ? 0 : Math.max(1, endsAtMs - this.#context.clock.unixMs());
    return explain(cause, { reason: reasonTold(reason), remainingMs: BigInt(remainingMs) });
  }

  /** What changed a moment ago. What did longer ago was read since, and another server may have changed it. */
  #recentOf(playerId: number): Standing | undefined {
    const recent = this.#recent.get(playerId);
    if (recent === undefined) return undefined;
    return this.#context.clock.monotonicMs() - recent.setAtMs < SANCTIONS_RECENT_MS ? recent : undefined;
  }

  #refuseBanned({ ban }: Standing): void {
    if (ban !== null && this.#stands(ban)) throw new RequestError(ErrorCode.BANNED, this.explain(Cause.BANNED, ban));
  }

  #stands({ endsAtMs }: Sanction): boolean {
    return endsAtMs === null || endsAtMs > this.#context.clock.unixMs();
  }

  // Addresses

  /** Closes a connection that comes from a banned address; gives whether it did. */
  turnAway(link: Link): boolean {
    const ban = this.banOf(link.info.address);
    if (ban === undefined) return false;
    link.output.close(link, DisconnectReason.BANNED, this.explain(Cause.BANNED, ban), 0);
    return true;
  }

  /** Whether there are any. */
  get hasBannedAddresses(): boolean {
    return !this.#addresses.isEmpty;
  }

  /** The ban that stands against an address. */
  banOf(address: string): Sanction | undefined {
    return this.#addresses.find(address, (ban) => this.#stands(ban));
  }

  /** Reads the banned addresses; those who ask while it reads get what is read after that. */
  async readAddresses(): Promise<void> {
    const before = this.#reading;
    const reading = (async () => {
      await before?.catch(() => {});
      const { clock, storage } = this.#context;
      const bans = await storage.for(SYSTEM).sanctions.ofAddresses({ nowMs: clock.unixMs() });
      this.#addresses.clear();
      for (const ban of bans) {
        const range = parseAddressRange(ban.address!);
        if (!("problem" in range)) this.#addresses.set(range, ban);
      }
    })();
    this.#reading = reading;
    await reading;
  }
}
