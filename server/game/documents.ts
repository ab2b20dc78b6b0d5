/**
 * Documents of a game: proto messages by collection and key, read and changed together or not at all.
 *
 * A transaction reads what it needs, decides, and puts. Its changes are made in one step, if all it has looked at is
 * still as it was; else it is run again. So its function may run several times: what it does beside the documents is
 * done several times too, and belongs behind it.
 *
 * @module
 */

import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { DependencyError } from "../../shared/errors.ts";
import {
  DOCUMENT_ROWS_MAX,
  DOCUMENT_TRIES_MAX,
  DOCUMENTS_PER_TRANSACTION_MAX,
  PERSIST_RETRY_MS_MAX,
  PERSIST_RETRY_MS_MIN,
} from "../../shared/limits.ts";
import { SYSTEM_TIMERS, type Timers } from "../base/clock.ts";
import { Counter, type CounterBlock } from "../ops/counters.ts";
import type { Logger } from "../ops/logging.ts";
import {
  type DocumentChange,
  type DocumentRecords,
  DOCUMENTS,
  type IndexedDocument,
  type StoredDocument,
} from "../storage/document_store.ts";
import type { NewReceipt } from "../storage/receipt_store.ts";
import { type Asker, ORDINARY, type Storage, SYSTEM_SOURCE } from "../storage/storage.ts";
import { type Collection, contentOf, DocumentError, type DocumentKey, keyText, readDocument } from "./collection.ts";
import { type DocumentTurn, DocumentTurns } from "./document_turns.ts";

export {
  type Collection,
  type CollectionOptions,
  DocumentError,
  type DocumentErrorReason,
  type DocumentKey,
  documents,
  type Migration,
} from "./collection.ts";

/** The game asks for itself, behind what keeps the server whole. */
export const GAME: Asker = { source: SYSTEM_SOURCE, urgency: ORDINARY };

/** What {@linkcode Documents} needs. */
export interface DocumentsOptions {
  readonly storage: Pick<Storage, "for">;
  readonly counters: Pick<CounterBlock, "add">;
  readonly log: Pick<Logger, "error" | "warn">;
  /** Default: the thread's own. */
  readonly timers?: Timers;
}

/** Which documents, by one of their numbers. */
export interface Range {
  /** Lowest number; default: any. */
  readonly from?: number;
  /** Highest number; default: any. */
  readonly to?: number;
  /** Default: the highest first. Of equal ones, the oldest is first in ascending order and last in descending order. */
  readonly order?: "ascending" | "descending";
  /** How many are left out at the beginning, at most `DOCUMENT_RANK_MAX`; default: none. */
  readonly offset?: number;
  /** At most, and by default, `DOCUMENT_ROWS_MAX`. Fewer are found where they have more than `DOCUMENT_ROWS_BYTES_MAX`. */
  readonly limit?: number;
}

/** A document that a range query found. */
export interface Found<Desc extends DescMessage> {
  readonly key: string;
  /** The number it was found by. */
  readonly value: number;
  readonly document: MessageShape<Desc>;
}

/** What came of a transaction: its result, or the answer its request had before. */
export type Outcome<T> = { readonly kind: "done"; readonly result: T } | {
  readonly kind: "repeated";
  readonly reply: Uint8Array;
};

/** The documents of a game that runs. */
export class Documents {
  readonly #options: DocumentsOptions;
  readonly #turns: DocumentTurns;
  /** Collections in use, by name, each with its job, which has ended where all documents are of the newest version. */
  readonly #collections = new Map<string, { readonly collection: Collection; isMigrated: boolean }>();

  /** The engine makes it. */
  constructor(options: DocumentsOptions) {
    this.#options = options;
    this.#turns = new DocumentTurns(options.timers ?? SYSTEM_TIMERS);
  }

  /** The collections in use. */
  get collections(): Collection[] {
    return Array.from(this.#collections.values(), ({ collection }) => collection);
  }

  /**
   * Takes a collection into use: documents of earlier versions are brought up to date, little by little; until that is
   * done each is when it is read. While the storage fails it waits.
   *
   * @returns Resolves when all are, or cannot be.
   * @throws {TypeError} when another one has its name.
   */
  open(collection: Collection): Promise<void> {
    if (this.#collections.has(collection.name)) throw new TypeError(`Cannot open documents ${collection.name} twice`);
    const entry = { collection, isMigrated: collection.options.version === 1 };
    this.#collections.set(collection.name, entry);
    if (entry.isMigrated) return Promise.resolve();
    return this.#migrateAll(collection).then(() => void (entry.isMigrated = true));
  }

  /**
   * Reads a document.
   *
   * @param asker On whose behalf; default: the game's own.
   * @throws {DocumentError} when it cannot be read.
   * @throws {DependencyError} when the storage cannot be reached.
   */
  async get<Desc extends DescMessage>(
    collection: Collection<Desc, never>,
    key: DocumentKey,
    asker: Asker = GAME,
  ): Promise<MessageShape<Desc> | undefined> {
    const name = { collection: collection.name, key: keyText(collection, key) };
    const stored = await this.#records(asker).load(name);
    return stored && this.#read(collection, stored);
  }

  /**
   * Reads and changes documents together.
   *
   * @param work Runs again where others have changed meanwhile what it has looked at.
   * @param asker On whose behalf; default: the game's own. By `player.asker` nothing is changed that was decided for a
   * player who is another server's by now. Without it, all that is put must follow from what `work` reads.
   * @returns What `work` gave, once all is on disk.
   * @throws What `work` throws; nothing is changed then.
   * @throws {DocumentError} `conflict` when others were in the way each time; see {@linkcode DocumentErrorReason}.
   * @throws {DependencyError} when the storage cannot be reached; with `timeout` it may have been done. `fenced` when the
   * asker is a player of another server by now.
   */
  async transaction<T>(work: (transaction: Transaction) => T | Promise<T>, asker: Asker = GAME): Promise<T> {
    const outcome = await this.run(work, () => null, asker);
    return (outcome as { readonly result: T }).result;
  }

  /** The same, with a receipt of what came of it, made by `receiptOf`, in the same step. */
  async run<T>(
    work: (transaction: Transaction) => T | Promise<T>,
    receiptOf: (result: T) => NewReceipt | null,
    asker: Asker,
  ): Promise<Outcome<T>> {
    const records = this.#records(asker);
    let turn: DocumentTurn | undefined;
    try {
      for (let tries = 1;; tries++) {
        const transaction = new Transaction(records, (collection, stored) => this.#read(collection, stored));
        const result = await work(transaction);
        const outcome = await records.commit({ changes: transaction.end(), receipt: receiptOf(result) });
        if (outcome.kind === "committed") return { kind: "done", result };
        if (outcome.kind === "repeated") return outcome;
        const document = `${outcome.collection} ${outcome.key}`;
        if (outcome.kind === "full" || tries === DOCUMENT_TRIES_MAX) throw new DocumentError(outcome.kind, document);
        if (turn?.document === document) continue;
        // Nobody waits in one line while it has its turn in another.
        turn?.end();
        turn = await this.#turns.take(document);
        if (turn === undefined) throw new DocumentError("conflict", document);
      }
    } finally {
      turn?.end();
    }
  }

  /**
   * Documents by one of their numbers. Those that cannot be read are left out.
   *
   * @throws {RangeError} when `offset` or `limit` is beyond its bound.
   * @throws {DependencyError} `unavailable` while documents of earlier versions are brought up to date: their numbers are
   * not known.
   */
  async range<Desc extends DescMessage, Index extends string>(
    collection: Collection<Desc, Index>,
    index: NoInfer<Index>,
    range: Range = {},
    asker: Asker = GAME,
  ): Promise<Found<Desc>[]> {
    this.#checkIndexed(collection, index);
    const { from = -Infinity, to = Infinity, order = "descending", offset = 0, limit = DOCUMENT_ROWS_MAX } = range;
    const query = { collection: collection.name, index, from, to, isDescending: order === "descending", offset, limit };
    const rows = await this.#records(asker).range(query);
    return rows.flatMap((row: IndexedDocument) => {
      const document = this.#tryRead(collection, row);
      return document === undefined ? [] : [{ key: row.key, value: row.value, document }];
    });
  }

  /**
   * One more than there are documents with a higher number; it counts up to `DOCUMENT_RANK_MAX`.
   *
   * @throws as {@linkcode range} does.
   */
  async rankOf<Index extends string>(
    collection: Collection<DescMessage, Index>,
    index: NoInfer<Index>,
    value: number,
    asker: Asker = GAME,
  ): Promise<number> {
    this.#checkIndexed(collection, index);
    return 1 + await this.#records(asker).countAbove({ collection: collection.name, index, value });
  }

  #records(asker: Asker): DocumentRecords {
    return this.#options.storage.for(asker).of(DOCUMENTS);
  }

  #checkIndexed({ name }: { readonly name: string }, index: string): void {
    const entry = this.#collections.get(name);
    if (entry === undefined) throw new TypeError(`Cannot query documents ${name}: they are not open`);
    if (!Object.hasOwn(entry.collection.options.indexes, index)) {
      throw new TypeError(`Cannot query documents ${name} by ${index}: there is no such index`);
    }
    if (!entry.isMigrated) throw new DependencyError("unavailable", `Documents ${name} are being brought up to date`);
  }

  /** Reads a document; one that cannot be read is left as it is, and the operator hears of it. */
  #read<Desc extends DescMessage>(collection: Collection<Desc>, stored: StoredDocument): MessageShape<Desc> {
    try {
      return readDocument(collection, stored);
    } catch (error) {
      this.#tell(collection, stored, error);
      throw error;
    }
  }

  #tell({ name }: { readonly name: string }, { key, version }: StoredDocument, error: unknown): void {
    this.#options.counters.add(Counter.DOCUMENTS_UNREADABLE, 1);
    this.#options.log.error("Cannot read document, it is kept as it is", {
      ...{ collection: name, key, version },
      ...{ error: String(error), cause: String((error as Error).cause ?? "") },
    });
  }

  #tryRead<Desc extends DescMessage>(collection: Collection<Desc>, stored: StoredDocument) {
    try {
      return this.#read(collection, stored);
    } catch (error) {
      if (error instanceof DocumentError) return undefined;
      throw error;
    }
  }

  async #migrateAll(collection: Collection): Promise<void> {
    const { log, timers = SYSTEM_TIMERS } = this.#options, { name } = collection;
    let afterKey: string | undefined = "", waitMs = PERSIST_RETRY_MS_MIN;
    while (afterKey !== undefined) {
      try {
        afterKey = await this.#migrateSome(collection, afterKey);
        waitMs = PERSIST_RETRY_MS_MIN;
      } catch (error) {
        log.warn("Cannot migrate documents now, will try again", { collection: name, waitMs, error: String(error) });
        await new Promise<void>((resolve) => void timers.set(resolve, waitMs));
        waitMs = Math.min(2 * waitMs, PERSIST_RETRY_MS_MAX);
      }
    }
  }

  /**
   * Each document in a step of its own: none is ever half of one version.
   *
   * @returns The key behind which there may be more; undefined: there are none.
   */
  async #migrateSome(collection: Collection, afterKey: string): Promise<string | undefined> {
    const { name, options: { version } } = collection, records = this.#records(GAME);
    const found = await records.listOlder({ collection: name, below: version, afterKey });
    for (const stored of found) {
      const document = this.#tryRead(collection, stored);
      if (document === undefined) continue;
      const { key, revision } = stored;
      const content = contentOf(collection, key, document);
      try {
        // The faster one has written it in the newest version.
        await records.commit({ changes: [{ collection: name, key, revision, content }], receipt: null });
      } catch (error) {
        if (error instanceof DependencyError && error.code !== "conflict") throw error;
        // Such as that of a player whom there is not, where documents have become players'.
        this.#tell(collection, stored, error);
      }
    }
    return found.at(-1)?.key;
  }
}

/** A document that a transaction has looked at. */
interface Seen {
  readonly collection: Collection;
  readonly key: string;
  readonly revision: number;
  /** As it will be; undefined: it is not there. */
  document: MessageShape<DescMessage> | undefined;
  isChanged: boolean;
}

/** Documents as one transaction sees and changes them. */
export class Transaction {
  readonly #records: DocumentRecords;
  readonly #read: (collection: Collection, stored: StoredDocument) => MessageShape<DescMessage>;
  readonly #seen = new Map<string, Seen>();
  #isOver = false;

  /** Made by {@linkcode Documents}. */
  constructor(
    records: DocumentRecords,
    read: (collection: Collection, stored: StoredDocument) => MessageShape<DescMessage>,
  ) {
    this.#records = records;
    this.#read = read;
  }

  /**
   * Reads a document, or what was put in its place.
   *
   * @returns The transaction's own: it may be changed, and put.
   * @throws as {@linkcode Documents.get} does; {@linkcode RangeError} beyond `DOCUMENTS_PER_TRANSACTION_MAX` documents.
   */
  async get<Desc extends DescMessage>(
    collection: Collection<Desc, never>,
    key: DocumentKey,
  ): Promise<MessageShape<Desc> | undefined> {
    const text = keyText(collection, key), id = `${collection.name} ${text}`;
    let seen = this.#seen.get(id);
    if (seen === undefined) {
      if (this.#seen.size >= DOCUMENTS_PER_TRANSACTION_MAX) {
        throw new RangeError(
          `Cannot read ${id}: a transaction has at most ${DOCUMENTS_PER_TRANSACTION_MAX} documents`,
        );
      }
      const stored = await this.#records.load({ collection: collection.name, key: text });
      const document = stored && this.#read(collection, stored);
      seen = { collection, key: text, revision: stored?.revision ?? 0, document, isChanged: false };
      this.#seen.set(id, seen);
    }
    this.#checkOpen(id);
    return seen.document as MessageShape<Desc> | undefined;
  }

  /** The same, with an empty document where there is none. */
  async getOrEmpty<Desc extends DescMessage>(
    collection: Collection<Desc, never>,
    key: DocumentKey,
  ): Promise<MessageShape<Desc>> {
    return await this.get(collection, key) ?? create(collection.schema);
  }

  /**
   * Puts a document in the place of what was read, or where nothing was.
   *
   * @throws {TypeError} when the document was not read before: what is there would be lost unseen.
   */
  put<Desc extends DescMessage>(
    collection: Collection<Desc, never>,
    key: DocumentKey,
    document: MessageInitShape<Desc>,
  ): void {
    this.#change(collection, key, create(collection.schema, document));
  }

  /**
   * Reads a document, an empty one where there is none, changes it, and puts it.
   *
   * @returns The document as it was put.
   * @throws as {@linkcode Transaction.get} does.
   */
  async update<Desc extends DescMessage>(
    collection: Collection<Desc, never>,
    key: DocumentKey,
    change: (document: MessageShape<Desc>) => void,
  ): Promise<MessageShape<Desc>> {
    const document = await this.getOrEmpty(collection, key);
    change(document);
    this.#change(collection, key, document);
    return document;
  }

  /** Deletes a document that was read. @throws {TypeError} when it was not. */
  delete(collection: Collection<DescMessage, never>, key: DocumentKey): void {
    this.#change(collection, key, undefined);
  }

  /**
   * Ends it: code that kept it can no longer use it.
   *
   * @returns All it has looked at, with what is to change.
   * @throws {DocumentError} `too_large`.
   */
  end(): DocumentChange[] {
    this.#isOver = true;
    return [...this.#seen.values()].map(({ collection, key, revision, document, isChanged }) => {
      const change = { collection: collection.name, key, revision };
      if (!isChanged) return change;
      return { ...change, content: document === undefined ? null : contentOf(collection, key, document) };
    });
  }

  #change(collection: Collection, key: DocumentKey, document: MessageShape<DescMessage> | undefined): void {
    const id = `${collection.name} ${keyText(collection, key)}`;
    this.#checkOpen(id);
    const seen = this.#seen.get(id);
    if (seen === undefined) throw new TypeError(`Cannot change document ${id}: get it first`);
    seen.document = document;
    seen.isChanged = true;
  }

  #checkOpen(id: string): void {
    if (this.#isOver) throw new TypeError(`Cannot use document ${id}: its transaction is over; await what it does`);
  }
}
