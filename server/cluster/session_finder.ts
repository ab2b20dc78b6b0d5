/**
 * Sessions that are not on this node: their clients may come to any. The directory knows where they are, by what it
 * holds of their resume tokens.
 *
 * @module
 */

import { NODE_LEASE_MS, NODE_RENEWAL_INTERVAL_MS } from "../../shared/limits.ts";
import { resumeTokenHash } from "../auth/resume_token.ts";
import type { Asker } from "../storage/storage.ts";
import type { Directory, NodeEntry, TakenSession } from "./directory_store.ts";
import type { ClaimedOwnerships } from "./ownerships.ts";

/** Who has missed a renewal, and half of the next, may be dead. */
const SILENT_LEFT_MS = NODE_LEASE_MS - 1.5 * NODE_RENEWAL_INTERVAL_MS;

/**
 * Where a session is. `elsewhere`: on a node that was heard of a moment ago · `later`: its node may be dead, which is known
 * in so many milliseconds · `free`: on no node · `here`: this node has the player, and the session is in its memory, on
 * its way here or from here, or over · `over`: nowhere, and it will not come back.
 */
export type FoundSession =
  | { readonly kind: "elsewhere"; readonly owner: NodeEntry }
  | { readonly kind: "later"; readonly retryAfterMs: number }
  | { readonly kind: "free"; readonly playerId: number; readonly characterId: number }
  | { readonly kind: "here"; readonly playerId: number }
  | { readonly kind: "over" };

/** Finds and takes sessions of other nodes. */
export class SessionFinder {
  readonly #directoryFor: (asker: Asker) => Directory;
  readonly #incarnation: string;
  readonly #ownerships: ClaimedOwnerships;
  readonly #graceMs: number;

  /**
   * @param options `directoryFor` asks the directory on somebody's behalf; `graceMs`: how long a session is kept for its
   * client after its node is gone, in milliseconds.
   */
  constructor(
    { directoryFor, incarnation, ownerships, graceMs }: {
      readonly directoryFor: (asker: Asker) => Directory;
      readonly incarnation: string;
      readonly ownerships: ClaimedOwnerships;
      readonly graceMs: number;
    },
  ) {
    this.#directoryFor = directoryFor;
    this.#incarnation = incarnation;
    this.#ownerships = ownerships;
    this.#graceMs = graceMs;
  }

  /**
   * Looks where the session of a token is that is not in this node's memory. Rejects as the directory does.
   *
   * @param asker Who brings it: anybody may bring any number, so their look-ups take turns.
   */
  async find(token: string, asker: Asker): Promise<FoundSession> {
    const directory = this.#directoryFor(asker);
    const place = await directory.findSession({ tokenHash: resumeTokenHash(token), graceMs: this.#graceMs });
    if (place.kind !== "owned") return place;
    const { characterId, leaseLeftMs, owner, playerId } = place;
    // Logic was started again, and knows nothing of those it had; else it would know of the session.
    if (owner.incarnation === this.#incarnation) {
      return this.#ownerships.isStray(playerId) ? { kind: "free", playerId, characterId } : { kind: "here", playerId };
    }
    return leaseLeftMs < SILENT_LEFT_MS ? { kind: "later", retryAfterMs: leaseLeftMs } : { kind: "elsewhere", owner };
  }

  /**
   * Takes a session that was found `free`. Rejects as the directory does.
   *
   * @param tokens `nextToken`: by which it is resumed from then on; the one that was brought is the one before.
   * @returns undefined: somebody else was faster, or this node holds no lease.
   */
  async take(
    playerId: number,
    asker: Asker,
    { token, nextToken }: { readonly token: string; readonly nextToken: string },
  ): Promise<TakenSession | undefined> {
    const taken = await this.#ownerships.take(playerId, asker, {
      tokenHash: resumeTokenHash(token),
      nextTokenHash: resumeTokenHash(nextToken),
      graceMs: this.#graceMs,
    });
    return taken.kind === "taken" ? taken : undefined;
  }

  /** A session that was taken could not be brought into the world: its client may ask again. */
  forget(playerId: number): void {
    this.#ownerships.forget(playerId);
  }
}
