/** Receipts in a database. @module */

import {
  CHANGE_RECEIPTS_PER_PLAYER_MAX,
  EXPIRED_DELETED_MAX,
  RECEIPT_BYTES_MAX,
  RECEIPTS_PER_PLAYER_MAX,
} from "../../shared/limits.ts";
import {
  decodeKept,
  encodeKept,
  type NewReceipt,
  type OnceRequest,
  type ReceiptName,
  RECEIPTS,
} from "./receipt_store.ts";
import { type Sql, statement } from "./sql.ts";
import { checkBytes, checkId } from "./storage_checks.ts";
import type { HandlersOf, Once } from "./store.ts";

const SELECT = statement<{ readonly reply: Uint8Array }>(
  "SELECT reply FROM receipts WHERE player_id = ? AND request_type IN (?, 0) AND request_key = ?",
);
const INSERT = statement(
  "INSERT INTO receipts (player_id, request_type, request_key, reply, at_ms) VALUES (?, ?, ?, ?, ?)",
);
const DELETE_MORE_REQUESTS = deleteMore("request_type <> 0", RECEIPTS_PER_PLAYER_MAX);
const DELETE_MORE_CHANGES = deleteMore("request_type = 0", CHANGE_RECEIPTS_PER_PLAYER_MAX);
const DELETE_OLD = statement(
  `DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE at_ms < ? LIMIT ${EXPIRED_DELETED_MAX})`,
);

/** Receipts, on any database. */
export const STORED_RECEIPTS: HandlersOf<typeof RECEIPTS> = {
  find: findReceipt,
  *deleteOld({ beforeMs }) {
    checkId(beforeMs, "beforeMs");
    return yield* DELETE_OLD.run(beforeMs);
  },
};

/** What is kept of a request that was done. */
export function* findReceipt({ playerId, requestType, requestKey }: ReceiptName): Sql<Uint8Array | undefined> {
  checkId(playerId, "playerId");
  checkId(requestType, "requestType");
  checkId(requestKey, "requestKey");
  return (yield* SELECT.get(playerId, requestType, requestKey))?.reply;
}

/** Adds a receipt to what the transaction does. */
export function* addReceipt({ playerId, requestType, requestKey, reply, atMs }: NewReceipt): Sql<void> {
  checkId(atMs, "atMs");
  checkBytes(reply, RECEIPT_BYTES_MAX);
  yield* INSERT.run(playerId, requestType, requestKey, reply, atMs);
  yield* (requestType === 0 ? DELETE_MORE_CHANGES : DELETE_MORE_REQUESTS).run(playerId);
}

/** Nobody's requests make way for the game's changes, nor those for requests: a change may yet be tried again. */
function deleteMore(which: string, countMax: number) {
  return statement(
    `DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE player_id = ? AND ${which} ORDER BY id DESC
      LIMIT ${Number.MAX_SAFE_INTEGER} OFFSET ${countMax})`,
  );
}

/**
 * Does work, unless its receipt tells that it was done before.
 *
 * @param keep What is kept of its result; undefined: it did nothing, and leaves no receipt.
 */
export function* doneOnce(
  request: OnceRequest,
  work: Sql<unknown>,
  keep: (result: unknown) => unknown,
): Sql<Once<unknown, unknown>> {
  if (request.requestKey === 0) return { isRepeated: false, result: yield* work };
  const before = yield* findReceipt(request);
  if (before !== undefined) return { isRepeated: true, result: decodeKept(before) };
  const result = yield* work;
  const kept = keep(result);
  if (kept !== undefined) yield* addReceipt({ ...request, reply: encodeKept(kept) });
  return { isRepeated: false, result };
}
