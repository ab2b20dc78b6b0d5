/**
 * Documents as the storage keeps them: bytes by collection and key, with a revision for compare-and-set and numbers to
 * find them by. What is in the bytes, their owner knows.
 *
 * @module
 */

import type { NewReceipt } from "./receipt_store.ts";
import { defineStore, read, type StoreOf, write } from "./store.ts";

/** Documents. */
export const DOCUMENTS = defineStore("documents", {
  load: read<DocumentName, StoredDocument | undefined>(),

  /**
   * Changes documents, all or none: `conflict` where one that was looked at is not as it was, `full` where a collection
   * has as many as it may. With a receipt that is there already nothing is done, and `repeated` gives the old answer.
   * A document of a player, or a receipt, that is nobody rejects with `conflict`.
   */
  commit: write<DocumentCommit, DocumentOutcome>(),

  /** Documents by one of their numbers, those with equal ones in the order in which they were made. */
  range: read<RangeQuery, IndexedDocument[]>(),

  /** How many documents have a higher number, at most `DOCUMENT_RANK_MAX`. */
  countAbove: read<IndexName & { readonly value: number }, number>(),

  /** Documents of earlier versions, by key, from behind `afterKey` on, at most `DOCUMENT_ROWS_MAX`; none: there are no more. */
  listOlder: read<
    { readonly collection: string; readonly below: number; readonly afterKey: string },
    StoredDocument[]
  >(),

  /**
   * Has a document be in another collection, with its numbers: `not_found` where there is none, `taken` where the other
   * has one of that key.
   */
  move: write<{ readonly from: string; readonly to: string; readonly key: string }, "moved" | "not_found" | "taken">(),
});

/** The store {@linkcode DOCUMENTS}, as callers have it. */
export type DocumentRecords = StoreOf<typeof DOCUMENTS>;

/** Which document. */
export interface DocumentName {
  readonly collection: string;
  /** At most `DOCUMENT_KEY_LENGTH_MAX` characters. */
  readonly key: string;
}

/** A document as it is stored. */
export interface StoredDocument {
  readonly key: string;
  /** Another one after every change, also where it was deleted and is there again. */
  readonly revision: number;
  /** Of what is in the bytes. */
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** A document that was looked at, and what is to become of it. */
export interface DocumentChange extends DocumentName {
  /** The revision it must have; 0: it must not be there. */
  readonly revision: number;
  /** Left out: it stays; null: it is deleted. */
  readonly content?: DocumentContent | null;
}

/** What is in a document. */
export interface DocumentContent {
  readonly version: number;
  /** At most `DOCUMENT_BYTES_MAX`. */
  readonly bytes: Uint8Array;
  /** Numbers to find it by, at most `DOCUMENT_INDEXES_MAX`. */
  readonly indexes: Readonly<Record<string, number>>;
  /** With whose account it goes; null: it is nobody's. */
  readonly playerId: number | null;
  /** How many documents its collection may have, where it is nobody's. */
  readonly countMax: number;
}

/** Changes that are made together. At most `DOCUMENTS_PER_TRANSACTION_MAX`. */
export interface DocumentCommit {
  readonly changes: readonly DocumentChange[];
  readonly receipt: NewReceipt | null;
}

/** What became of changes. */
export type DocumentOutcome =
  /** The new revisions, one for each change; that of one that stayed, and 0 for one that is deleted. */
  | { readonly kind: "committed"; readonly revisions: readonly number[] }
  | ({ readonly kind: "conflict" | "full" } & DocumentName)
  | { readonly kind: "repeated"; readonly reply: Uint8Array };

/** Which number of the documents of a collection. */
export interface IndexName {
  readonly collection: string;
  readonly index: string;
}

/** Documents whose number is within `[from, to]`, the lowest first; or the other way round, those with equal ones too. */
export interface RangeQuery extends IndexName {
  readonly from: number;
  readonly to: number;
  readonly isDescending: boolean;
  /** How many are left out at the beginning, at most `DOCUMENT_RANK_MAX`. */
  readonly offset: number;
  /** At most `DOCUMENT_ROWS_MAX`; it gives fewer where they have more than `DOCUMENT_ROWS_BYTES_MAX` together. */
  readonly limit: number;
}

/** A document with the number it was found by. */
export interface IndexedDocument extends StoredDocument {
  readonly value: number;
}
