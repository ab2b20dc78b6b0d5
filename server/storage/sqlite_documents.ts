/** Documents and receipts in SQLite. @module */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import {
  DOCUMENT_BYTES_MAX,
  DOCUMENT_INDEXES_MAX,
  DOCUMENT_KEY_LENGTH_MAX,
  DOCUMENT_RANK_MAX,
  DOCUMENT_ROWS_MAX,
  DOCUMENTS_PER_COLLECTION_MAX,
  DOCUMENTS_PER_TRANSACTION_MAX,
  EXPIRED_DELETED_MAX,
  RECEIPT_BYTES_MAX,
  RECEIPTS_PER_PLAYER_MAX,
} from "../../shared/limits.ts";
import type {
  DocumentChange,
  DocumentContent,
  DocumentName,
  DOCUMENTS,
  IndexedDocument,
  NewReceipt,
  StoredDocument,
} from "./document_store.ts";
import { checkFinite, checkId } from "./storage_checks.ts";
import type { HandlersOf } from "./store.ts";

type Handlers = HandlersOf<typeof DOCUMENTS>;
type Commit = Pick<Handlers, "commit" | "findReceipt" | "deleteOldReceipts">;

const COLUMNS = "key, revision, version, bytes";

/** Prepares the statements for documents and receipts. */
export function sqliteDocuments(database: DatabaseSync): Handlers {
  return { ...documentReading(database), ...documentChanging(database) };
}

function documentReading(database: DatabaseSync): Omit<Handlers, keyof Commit> {
  const selectOne = database.prepare(`SELECT ${COLUMNS} FROM documents WHERE collection = ? AND key = ?`);
  const selectRange = (order: string) =>
    database.prepare(
      `SELECT documents.${COLUMNS}, value FROM document_indexes JOIN documents ON documents.id = document_id
        WHERE document_indexes.collection = ? AND name = ? AND value BETWEEN ? AND ?
        ORDER BY value ${order}, key LIMIT ? OFFSET ?`,
    );
  const ascending = selectRange("ASC"), descending = selectRange("DESC");
  const countAbove = database.prepare(
    `SELECT count(*) AS count FROM (SELECT 1 FROM document_indexes
      WHERE collection = ? AND name = ? AND value > ? LIMIT ${DOCUMENT_RANK_MAX})`,
  );
  const selectOlder = database.prepare(
    `SELECT ${COLUMNS} FROM documents WHERE collection = ? AND version < ? AND key > ?
      ORDER BY key LIMIT ${DOCUMENT_ROWS_MAX}`,
  );

  return {
    load: ({ collection, key }) => documentOf(selectOne.get(collection, key)),
    range: ({ collection, index, from, to, isDescending, offset, limit }) => {
      checkId(offset, "offset");
      if (!(limit >= 0 && limit <= DOCUMENT_ROWS_MAX)) {
        throw new RangeError(`Cannot give ${limit} documents: limit is ${DOCUMENT_ROWS_MAX} documents`);
      }
      const rows = (isDescending ? descending : ascending).all(collection, index, from, to, limit, offset);
      return rows.map((row) => ({ ...row }) as unknown as IndexedDocument);
    },
    countAbove: ({ collection, index, value }) => {
      checkFinite(value);
      return Number(countAbove.get(collection, index, value)!.count);
    },
    listOlder: ({ collection, below, afterKey }) =>
      selectOlder.all(collection, below, afterKey).map((row) => ({ ...row }) as unknown as StoredDocument),
  };
}

function documentChanging(database: DatabaseSync): Commit {
  const selectRevision = database.prepare(
    "SELECT id, revision, player_id AS playerId FROM documents WHERE collection = ? AND key = ?",
  );
  const nextRevision = database.prepare("UPDATE document_revisions SET last = last + 1 RETURNING last");
  const insert = database.prepare(
    `INSERT INTO documents (revision, version, bytes, player_id, collection, key) VALUES (?, ?, ?, ?, ?, ?)
      RETURNING id`,
  );
  const update = database.prepare("UPDATE documents SET revision = ?, version = ?, bytes = ? WHERE id = ?");
  const remove = database.prepare("DELETE FROM documents WHERE id = ?");
  const deleteIndexes = database.prepare("DELETE FROM document_indexes WHERE document_id = ?");
  const insertIndex = database.prepare(
    "INSERT INTO document_indexes (document_id, collection, name, value) VALUES (?, ?, ?, ?)",
  );
  const hasRoom = roomIn(database.prepare("SELECT count(*) AS count FROM documents WHERE collection = ?"));
  const receipts = receiptStatements(database);

  /** The row of a document that is as it was looked at; null: it is not there, as it was. */
  function find({ collection, key, revision }: DocumentChange): { id: number } | null | "conflict" {
    const row = selectRevision.get(collection, key);
    if (Number(row?.revision ?? 0) !== revision) return "conflict";
    return row === undefined ? null : { id: Number(row.id) };
  }

  function write({ collection, key }: DocumentName, id: number | null, content: DocumentContent): number {
    const { version, bytes, indexes, playerId } = content;
    const revision = Number(nextRevision.get()!.last);
    if (id === null) id = Number(insert.get(revision, version, bytes, playerId, collection, key)!.id);
    else update.run(revision, version, bytes, id);
    deleteIndexes.run(id);
    for (const [name, value] of Object.entries(indexes)) insertIndex.run(id, collection, name, value);
    return revision;
  }

  return {
    commit: ({ changes, receipt }) => {
      if (changes.length > DOCUMENTS_PER_TRANSACTION_MAX) {
        throw new RangeError(
          `Cannot change ${changes.length} documents: limit is ${DOCUMENTS_PER_TRANSACTION_MAX} documents`,
        );
      }
      for (const change of changes) checkChange(change);
      const reply = receipt === null ? undefined : receipts.find(receipt);
      if (reply !== undefined) return { kind: "repeated", reply };
      const found = changes.map(find);
      // Nothing is changed before all has been looked at.
      for (const [index, { collection, key, content }] of changes.entries()) {
        if (found[index] === "conflict") return { kind: "conflict", collection, key };
        const isNew = found[index] === null && content != null && content.playerId === null;
        if (isNew && !hasRoom(collection, Math.min(content.countMax, DOCUMENTS_PER_COLLECTION_MAX))) {
          return { kind: "full", collection, key };
        }
      }
      const revisions = changes.map((change, index) => {
        const row = found[index] as { id: number } | null;
        if (change.content === undefined) return change.revision;
        if (change.content !== null) return write(change, row?.id ?? null, change.content);
        if (row !== null) remove.run(row.id);
        return 0;
      });
      if (receipt !== null) receipts.add(receipt);
      return { kind: "committed", revisions };
    },
    findReceipt: (name) => receipts.find(name),
    deleteOldReceipts: ({ beforeMs }) => {
      checkId(beforeMs, "beforeMs");
      return receipts.deleteOld(beforeMs);
    },
  };
}

/** Counting takes time, so it is done only where there may be too many: what is known is never less than there are. */
function roomIn(count: StatementSync): (collection: string, countMax: number) => boolean {
  const countMost = new Map<string, number>();
  return (collection, countMax) => {
    let known = countMost.get(collection) ?? Infinity;
    if (known >= countMax) known = Number(count.get(collection)!.count);
    countMost.set(collection, known + 1);
    return known < countMax;
  };
}

function receiptStatements(database: DatabaseSync) {
  const select = database.prepare("SELECT reply FROM receipts WHERE player_id = ? AND request_key = ?");
  const insert = database.prepare("INSERT INTO receipts (player_id, request_key, reply, at_ms) VALUES (?, ?, ?, ?)");
  const deleteMore = database.prepare(
    `DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE player_id = ? ORDER BY id DESC
      LIMIT -1 OFFSET ${RECEIPTS_PER_PLAYER_MAX})`,
  );
  const deleteOld = database.prepare(
    `DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE at_ms < ? LIMIT ${EXPIRED_DELETED_MAX})`,
  );
  return {
    find: ({ playerId, requestKey }: Pick<NewReceipt, "playerId" | "requestKey">): Uint8Array | undefined => {
      checkId(playerId, "playerId");
      checkId(requestKey, "requestKey");
      return select.get(playerId, requestKey)?.reply as Uint8Array | undefined;
    },
    add: ({ playerId, requestKey, reply, atMs }: NewReceipt): void => {
      checkId(atMs, "atMs");
      checkBytes(reply, RECEIPT_BYTES_MAX);
      insert.run(playerId, requestKey, reply, atMs);
      deleteMore.run(playerId);
    },
    deleteOld: (beforeMs: number): number => Number(deleteOld.run(beforeMs).changes),
  };
}

function checkChange({ key, revision, content }: DocumentChange): void {
  checkId(revision, "revision");
  if (key.length === 0 || key.length > DOCUMENT_KEY_LENGTH_MAX) {
    throw new RangeError(`Cannot use key of ${key.length} characters: limit is ${DOCUMENT_KEY_LENGTH_MAX} characters`);
  }
  if (content == null) return;
  const { version, bytes, indexes, playerId } = content;
  checkId(version, "version");
  checkBytes(bytes, DOCUMENT_BYTES_MAX);
  if (playerId !== null) checkId(playerId, "playerId");
  const values = Object.values(indexes);
  if (values.length > DOCUMENT_INDEXES_MAX) {
    throw new RangeError(`Cannot index by ${values.length} numbers: limit is ${DOCUMENT_INDEXES_MAX} numbers`);
  }
  for (const value of values) checkFinite(value);
}

function checkBytes({ length }: Uint8Array, max: number): void {
  if (length > max) throw new RangeError(`Cannot store ${length} bytes: limit is ${max} bytes`);
}

function documentOf(row: Record<string, unknown> | undefined): StoredDocument | undefined {
  return row && { ...row } as unknown as StoredDocument;
}
