/**
 * Receipts: that a request of a player was done, and what came of it. Each is written in the transaction that did what it
 * tells of: with documents by `documents.commit`, with a write of any other store by {@linkcode Stores.once}.
 *
 * @module
 */

import { defineStore, read, write } from "./store.ts";

/** Receipts. */
export const RECEIPTS = defineStore("receipts", {
  /** What is kept of a request that was done; undefined: it was not, or too long ago. */
  find: read<ReceiptName, Uint8Array | undefined>(),

  /** Deletes receipts, at most `EXPIRED_DELETED_MAX`, of before a time. @returns How many. */
  deleteOld: write<{ readonly beforeMs: number }, number>(),
});

/** Which request: the key is its client's choice, and may be that of a request of another type. */
export interface ReceiptName {
  readonly playerId: number;
  /** Its packet type; 0: a change that the game makes by itself. */
  readonly requestType: number;
  readonly requestKey: number;
}

/** A request that is to be done once; one with key 0 has no name, and is done each time. */
export interface OnceRequest extends ReceiptName {
  /** Unix time in milliseconds. */
  readonly atMs: number;
}

/**
 * That a request was done. Of each player the `RECEIPTS_PER_PLAYER_MAX` newest are kept, and beside them those of the
 * `CHANGE_RECEIPTS_PER_PLAYER_MAX` newest changes that the game made by itself.
 */
export interface NewReceipt extends OnceRequest {
  /** At most `RECEIPT_BYTES_MAX`. */
  readonly reply: Uint8Array;
}

const UTF8 = new TextEncoder();
/** Begins what is kept of a write's result: no message begins so, as there is no field 0. */
const KEPT_MARK = "\x07";

/** What is kept of a write's result, as a receipt has it. */
export function encodeKept(kept: unknown): Uint8Array {
  return UTF8.encode(KEPT_MARK + JSON.stringify(kept));
}

/** The same again. Receipts of builds before 0.1.0, which last a day, have no mark. */
export function decodeKept(bytes: Uint8Array): unknown {
  const isMarked = bytes[0] === KEPT_MARK.charCodeAt(0);
  return JSON.parse(new TextDecoder().decode(isMarked ? bytes.subarray(KEPT_MARK.length) : bytes));
}

/** Whether a receipt is of a write, and not a reply as it was sent: no message begins with the brace of an object. */
export function isKept(bytes: Uint8Array): boolean {
  return bytes[0] === KEPT_MARK.charCodeAt(0) || bytes[0] === "{".charCodeAt(0);
}
