/** Documents in a database. @module */

import {
  DOCUMENT_BYTES_MAX,
  DOCUMENT_INDEXES_MAX,
  DOCUMENT_KEY_LENGTH_MAX,
  DOCUMENT_RANK_MAX,
  DOCUMENT_ROWS_BYTES_MAX,
  DOCUMENT_ROWS_MAX,
  DOCUMENTS_PER_COLLECTION_MAX,
  DOCUMENTS_PER_TRANSACTION_MAX,
} from "../../shared/limits.ts";
import type {
  DocumentChange,
  DocumentContent,
  DocumentName,
  DocumentOutcome,
  DOCUMENTS,
  IndexedDocument,
  StoredDocument,
} from "./document_store.ts";
import { Room } from "./room.ts";
import { type Count, countOf, mapSql, type Sql, statement } from "./sql.ts";
import { addReceipt, findReceipt } from "./stored_receipts.ts";
import { checkBytes, checkFinite, checkId } from "./storage_checks.ts";
import type { HandlersOf } from "./store.ts";

type Handlers = HandlersOf<typeof DOCUMENTS>;
type Commit = Pick<Handlers, "commit">;

interface IdRow {
  readonly id: number;
}

const COLUMNS = "key, revision, version, bytes";
const SELECT_ONE = statement<StoredDocument>(`SELECT ${COLUMNS} FROM documents WHERE collection = ? AND key = ?`);
/** Of documents that are found as rows of `document_id` and more, as many as one query gives, in their order. */
function givenOf(found: string, columns: string, inOrder: string): string {
  return `SELECT ${columns} FROM (
      SELECT found.*, sum(length(bytes)) OVER (${inOrder}) AS bytes_so_far
        FROM (${found}) AS found JOIN documents ON documents.id = document_id) AS measured
    JOIN documents ON documents.id = document_id WHERE bytes_so_far <= ${DOCUMENT_ROWS_BYTES_MAX} ${inOrder}`;
}

const [SELECT_ASCENDING, SELECT_DESCENDING] = ["ASC", "DESC"].map((order) => {
  const inOrder = `ORDER BY value ${order}, document_id ${order}`;
  // Found in the index alone, however many numbers are equal; only the documents that are given are read.
  const found = `SELECT document_id, value FROM document_indexes
    WHERE collection = ? AND name = ? AND value BETWEEN ? AND ? ${inOrder} LIMIT ? OFFSET ?`;
  return statement<IndexedDocument>(givenOf(found, `${COLUMNS}, value`, inOrder));
});
const COUNT_ABOVE: Count = statement(
  `SELECT count(*) AS count FROM (SELECT 1 FROM document_indexes
    WHERE collection = ? AND name = ? AND value > ? LIMIT ${DOCUMENT_RANK_MAX}) AS above`,
);
const SELECT_OLDER = statement<StoredDocument>(
  givenOf(
    `SELECT id AS document_id, key AS found_key FROM documents WHERE collection = ? AND version < ? AND key > ?
      ORDER BY key LIMIT ${DOCUMENT_ROWS_MAX}`,
    COLUMNS,
    "ORDER BY found_key",
  ),
);
const SELECT_REVISION = statement<IdRow & { readonly revision: number }>(
  "SELECT id, revision FROM documents WHERE collection = ? AND key = ?",
);
const NEXT_REVISION = statement<{ readonly last: number }>(
  "UPDATE document_revisions SET last = last + 1 RETURNING last",
  // No row that all writers wait for.
  "SELECT nextval('document_revisions') AS last",
);
const INSERT = statement<IdRow>(
  `INSERT INTO documents (revision, version, bytes, player_id, collection, key) VALUES (?, ?, ?, ?, ?, ?)
    RETURNING id`,
);
const UPDATE = statement("UPDATE documents SET revision = ?, version = ?, bytes = ?, player_id = ? WHERE id = ?");
const MOVE = statement("UPDATE documents SET collection = ?, revision = ? WHERE id = ?");
const MOVE_INDEXES = statement("UPDATE document_indexes SET collection = ? WHERE document_id = ?");
const DELETE = statement("DELETE FROM documents WHERE id = ?");
const DELETE_INDEXES = statement("DELETE FROM document_indexes WHERE document_id = ?");
const INSERT_INDEX = statement(
  "INSERT INTO document_indexes (document_id, collection, name, value) VALUES (?, ?, ?, ?)",
);
const COUNT: Count = statement("SELECT count(*) AS count FROM documents WHERE collection = ?");
/** Documents, on one database. */
export function storedDocuments(): Handlers {
  return { ...OTHERS, ...changing() };
}

const OTHERS: Omit<Handlers, keyof Commit> = {
  *load({ collection, key }) {
    return yield* SELECT_ONE.get(collection, key);
  },
  *range({ collection, index, from, to, isDescending, offset, limit }) {
    if (!(offset >= 0 && offset <= DOCUMENT_RANK_MAX)) {
      throw new RangeError(`Cannot leave out ${offset} documents: limit is ${DOCUMENT_RANK_MAX} documents`);
    }
    if (!(limit >= 0 && limit <= DOCUMENT_ROWS_MAX)) {
      throw new RangeError(`Cannot give ${limit} documents: limit is ${DOCUMENT_ROWS_MAX} documents`);
    }
    return yield* (isDescending ? SELECT_DESCENDING : SELECT_ASCENDING).all(collection, index, from, to, limit, offset);
  },
  *countAbove({ collection, index, value }) {
    checkFinite(value);
    return yield* countOf(COUNT_ABOVE, collection, index, value);
  },
  *listOlder({ collection, below, afterKey }) {
    return yield* SELECT_OLDER.all(collection, below, afterKey);
  },
  *move({ from, to, key }) {
    const row = yield* SELECT_REVISION.get(from, key);
    if (row === undefined) return "not_found";
    if ((yield* SELECT_REVISION.get(to, key)) !== undefined) return "taken";
    yield* MOVE.run(to, (yield* NEXT_REVISION.get())!.last, row.id);
    yield* MOVE_INDEXES.run(to, row.id);
    return "moved";
  },
};

function changing(): Commit {
  const room = new Room();

  /** Where one that is new and nobody's finds its collection full. */
  function* findFull(
    changes: readonly DocumentChange[],
    found: readonly (IdRow | null)[],
  ): Sql<DocumentOutcome | undefined> {
    const pending = new Map<string, number>();
    for (const [index, { collection, key, content }] of changes.entries()) {
      if (found[index] !== null || content == null || content.playerId !== null) continue;
      const max = Math.min(content.countMax, DOCUMENTS_PER_COLLECTION_MAX);
      const query = { key: collection, max, pending: pending.get(collection) ?? 0 };
      if (!(yield* room.tryTake(query, () => countOf(COUNT, collection)))) return { kind: "full", collection, key };
      pending.set(collection, query.pending + 1);
    }
  }

  return {
    *commit({ changes, receipt }) {
      if (changes.length > DOCUMENTS_PER_TRANSACTION_MAX) {
        throw new RangeError(
          `Cannot change ${changes.length} documents: limit is ${DOCUMENTS_PER_TRANSACTION_MAX} documents`,
        );
      }
      for (const change of changes) checkChange(change);
      const reply = receipt === null ? undefined : yield* findReceipt(receipt);
      if (reply !== undefined) return { kind: "repeated", reply };
      // Nothing is changed before all has been looked at.
      const found: (IdRow | null)[] = [];
      for (const { collection, key, revision } of changes) {
        const row = yield* SELECT_REVISION.get(collection, key);
        if ((row?.revision ?? 0) !== revision) return { kind: "conflict", collection, key };
        found.push(row ?? null);
      }
      const full = yield* findFull(changes, found);
      if (full !== undefined) return full;
      const revisions = yield* mapSql([...changes.entries()], function* ([index, change]): Sql<number> {
        const row = found[index];
        if (change.content === undefined) return change.revision;
        if (change.content !== null) return yield* write(change, row, change.content);
        if (row !== null) yield* DELETE.run(row.id);
        return 0;
      });
      if (receipt !== null) yield* addReceipt(receipt);
      return { kind: "committed", revisions };
    },
  };
}

function* write({ collection, key }: DocumentName, row: IdRow | null, content: DocumentContent): Sql<number> {
  const { version, bytes, indexes, playerId } = content;
  const revision = (yield* NEXT_REVISION.get())!.last;
  let id: number;
  if (row === null) {
    id = (yield* INSERT.get(revision, version, bytes, playerId, collection, key))!.id;
  } else {
    id = row.id;
    yield* UPDATE.run(revision, version, bytes, playerId, id);
    yield* DELETE_INDEXES.run(id);
  }
  const lists = Object.entries(indexes).map(([name, value]) => [id, collection, name, value]);
  if (lists.length > 0) yield* INSERT_INDEX.each(lists);
  return revision;
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
