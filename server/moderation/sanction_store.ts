/**
 * What moderators have decided, as the storage keeps it: mutes and bans that stand, each with its reason, until they
 * end or are lifted.
 *
 * @module
 */

import { defineStore, read, type StoreOf, write } from "../storage/store.ts";

/** What a sanction forbids: to chat, or to play. */
export type SanctionKind = "mute" | "ban";

/** Sanctions. A player has at most one of each kind, and a range of addresses at most one ban. */
export const SANCTIONS = defineStore("sanctions", {
  /**
   * Sets a sanction in place of the one of its kind that its target has, if any.
   *
   * @returns `full` where `ADDRESS_BANS_MAX` ranges are banned already; nothing is changed then.
   */
  set: write<NewSanction, "set" | "full">(),

  /** Lifts a sanction. @returns False where none stood at `nowMs`. */
  lift: write<SanctionTarget & { readonly kind: SanctionKind; readonly nowMs: number }, boolean>(),

  /** What stands against a player at `nowMs`. */
  ofPlayer: read<{ readonly playerId: number; readonly nowMs: number }, Standing>(),

  /** The same of several players, at most `STORAGE_ROWS_MAX`, as it is stored. */
  ofPlayers: read<{ readonly playerIds: readonly number[]; readonly nowMs: number }, readonly Sanction[]>(),

  /** The banned ranges of addresses at `nowMs`, at most `ADDRESS_BANS_MAX`. */
  ofAddresses: read<{ readonly nowMs: number }, Sanction[]>(),

  /** What stands at `nowMs`, newest first. @param query `limit` is at most `STORAGE_ROWS_MAX`. */
  list: read<{ readonly nowMs: number; readonly limit: number }, Sanction[]>(),

  /** Deletes what has ended at `nowMs`, at most `EXPIRED_DELETED_MAX` of it. @returns How much. */
  deleteEnded: write<{ readonly nowMs: number }, number>(),
});

/** The store {@linkcode SANCTIONS}, as callers have it. */
export type SanctionStore = StoreOf<typeof SANCTIONS>;

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
