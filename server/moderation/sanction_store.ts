/**
 * What moderators have decided, as the storage keeps it: mutes and bans that stand, each with its reason, until they
 * end or are lifted.
 *
 * @module
 */

/** What a sanction forbids: to chat, or to play. */
export type SanctionKind = "mute" | "ban";

/** Sanctions. A player has at most one of each kind, and a range of addresses at most one ban. */
export interface SanctionStore {
  /**
   * Sets a sanction in place of the one of its kind that its target has, if any.
   *
   * @returns `full` where `ADDRESS_BANS_MAX` ranges are banned already; nothing is changed then.
   */
  set(sanction: NewSanction): Promise<"set" | "full">;

  /** Lifts a sanction. @returns False where none stood at `nowMs`. */
  lift(target: SanctionTarget & { readonly kind: SanctionKind; readonly nowMs: number }): Promise<boolean>;

  /** What stands against a player at `nowMs`. */
  ofPlayer(query: { readonly playerId: number; readonly nowMs: number }): Promise<Standing>;

  /** The banned ranges of addresses at `nowMs`, at most `ADDRESS_BANS_MAX`. */
  ofAddresses(query: { readonly nowMs: number }): Promise<Sanction[]>;

  /** What stands at `nowMs`, newest first. @param query `limit` is at most `STORAGE_ROWS_MAX`. */
  list(query: { readonly nowMs: number; readonly limit: number }): Promise<Sanction[]>;

  /** Deletes what has ended at `nowMs`, at most `EXPIRED_DELETED_MAX` of it. @returns How much. */
  deleteEnded(query: { readonly nowMs: number }): Promise<number>;
}

/** Who a sanction is against: exactly one of the two is not null. */
export interface SanctionTarget {
  readonly playerId: number | null;
  /** A range of addresses, as `AddressRange.text` has it; only for bans. */
  readonly address: string | null;
}

/** A sanction to set. Times are Unix times in milliseconds. */
export interface NewSanction extends SanctionTarget {
  readonly kind: SanctionKind;
  readonly reason: string;
  /** Who decided it. */
  readonly moderator: string;
  readonly createdAtMs: number;
  /** Null: it ends when it is lifted. */
  readonly endsAtMs: number | null;
}

/** A sanction as it is stored. */
export interface Sanction extends NewSanction {
  /** Of the player; null for addresses. */
  readonly playerName: string | null;
}

/** What stands against a player. */
export interface Standing {
  readonly ban: Sanction | null;
  readonly mute: Sanction | null;
}
