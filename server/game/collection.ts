/** What a game keeps as documents, and how their bytes are read. @module */

import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { DependencyError } from "../../shared/errors.ts";
import { DOCUMENT_BYTES_MAX, DOCUMENT_INDEXES_MAX, DOCUMENTS_PER_COLLECTION_MAX } from "../../shared/limits.ts";
import type { DocumentContent, StoredDocument } from "../storage/document_store.ts";

/** Leads a document of one version to the next; it may change what it is given. */
export type Migration<Desc extends DescMessage> = (document: MessageShape<Desc>) => MessageInitShape<Desc>;

/** How documents are kept. */
export interface CollectionOptions<Desc extends DescMessage, Index extends string = string> {
  /** `player`: one document for each player, which goes with its account. `global`: by a text of the game's choice. */
  readonly owner: "player" | "global";
  /** Of what stands in documents, from 1; raised with every change that needs a migration, or another index. Default: 1. */
  readonly version?: number;
  /** For every version before, what leads to the next. */
  readonly migrate?: Readonly<Record<number, Migration<Desc>>>;
  /** Numbers that documents are found by. */
  readonly indexes?: Readonly<Record<Index, (document: MessageShape<Desc>) => number>>;
  /** Largest document, in bytes. Default, and the most: `DOCUMENT_BYTES_MAX`. */
  readonly bytesMax?: number;
  /** Documents that a global collection may have. Default, and the most: `DOCUMENTS_PER_COLLECTION_MAX`. */
  readonly countMax?: number;
}

/** A collection of documents: what {@linkcode documents} makes. */
export interface Collection<Desc extends DescMessage = DescMessage, Index extends string = string> {
  /** Its name in the database. */
  readonly name: string;
  /** The message of its documents. */
  readonly schema: Desc;
  /** Whose they are, and what is found by. */
  readonly options: CollectionRules<Index>;
}

/** {@linkcode CollectionOptions} without gaps; what is done with a document is checked where they are declared. */
export interface CollectionRules<Index extends string = string> {
  readonly owner: "player" | "global";
  readonly version: number;
  // deno-lint-ignore no-explicit-any -- typed where the collection is declared
  readonly migrate: Readonly<Record<number, (document: any) => any>>;
  // deno-lint-ignore no-explicit-any -- typed where the collection is declared
  readonly indexes: Readonly<Record<Index, (document: any) => number>>;
  readonly bytesMax: number;
  readonly countMax: number;
}

/** The key of a document: a player's id, or a text. */
export type DocumentKey = number | string;

/**
 * Why a document cannot be had or kept. `unreadable`: its bytes cannot be parsed · `newer`: a newer version of the game
 * wrote it · `migration_failed` · `too_large` · `full`: the collection has as many as it may · `conflict`: it is not as
 * it was when it was read. What is stored stays as it is, to the byte.
 */
export type DocumentErrorReason = "unreadable" | "newer" | "migration_failed" | "too_large" | "full" | "conflict";

/** A document that cannot be had or kept. */
export class DocumentError extends DependencyError {
  /** Makes one; `what` is the document, as text. */
  constructor(readonly reason: DocumentErrorReason, what: string, options?: ErrorOptions) {
    const mayPass = reason === "conflict" || reason === "full";
    super(mayPass ? "conflict" : "unusable", `Cannot use document ${what}: ${reason}`, options);
  }
}

const NAME = /^[a-z][a-z0-9_]{0,31}$/;

/**
 * Declares documents of a game.
 *
 * ```ts
 * const purses = documents("purses", PurseSchema, { owner: "player", indexes: { coins: ({ coins }) => coins } });
 * ```
 *
 * @throws {TypeError} when the name, the bounds or the indexes cannot be, or a migration is missing.
 */
export function documents<Desc extends DescMessage, Index extends string = never>(
  name: string,
  schema: Desc,
  options: CollectionOptions<Desc, Index>,
): Collection<Desc, Index> {
  const { version = 1, migrate = {}, bytesMax = DOCUMENT_BYTES_MAX, countMax = DOCUMENTS_PER_COLLECTION_MAX } = options;
  const indexes = options.indexes ?? {} as Record<Index, (document: MessageShape<Desc>) => number>;
  const steps = Array.from({ length: version - 1 }, (_, index) => index + 1);
  const problem = !NAME.test(name)
    ? `the name must match ${NAME}`
    : !Number.isSafeInteger(version) || version < 1
    ? `version ${version} is not an integer from 1`
    : steps.some((step) => migrate[step] === undefined)
    ? `there is no migration from version ${steps.find((step) => migrate[step] === undefined)}`
    : Object.keys(migrate).some((step) => !steps.includes(Number(step)))
    ? "a migration leads beyond its version"
    : !isWithin(bytesMax, DOCUMENT_BYTES_MAX)
    ? `${bytesMax} is not 1 to ${DOCUMENT_BYTES_MAX} bytes`
    : !isWithin(countMax, DOCUMENTS_PER_COLLECTION_MAX)
    ? `${countMax} is not 1 to ${DOCUMENTS_PER_COLLECTION_MAX} documents`
    : Object.keys(indexes).length > DOCUMENT_INDEXES_MAX
    ? `it has more than ${DOCUMENT_INDEXES_MAX} indexes`
    : undefined;
  if (problem !== undefined) throw new TypeError(`Cannot declare documents ${JSON.stringify(name)}: ${problem}`);
  return { name, schema, options: { owner: options.owner, version, migrate, indexes, bytesMax, countMax } };
}

/**
 * Reads a document, and brings it to the collection's version. One that could not be stored in that version cannot be
 * brought to it.
 *
 * @throws {DocumentError} `unreadable`, `newer` or `migration_failed`.
 */
export function readDocument<Desc extends DescMessage>(
  collection: Collection<Desc>,
  { key, version, bytes }: StoredDocument,
): MessageShape<Desc> {
  const { name, schema, options } = collection;
  const what = `${name} ${key} of version ${version}`;
  if (version > options.version) throw new DocumentError("newer", what);
  let document: MessageShape<Desc>;
  try {
    document = fromBinary(schema, bytes);
  } catch (cause) {
    throw new DocumentError("unreadable", what, { cause });
  }
  try {
    for (let step = version; step < options.version; step++) {
      document = create(schema, options.migrate[step](document));
    }
    if (version < options.version) contentOf(collection, key, document);
    return document;
  } catch (cause) {
    throw new DocumentError("migration_failed", what, { cause });
  }
}

/**
 * Makes of a document what is stored.
 *
 * @throws {DocumentError} `too_large`.
 * @throws {RangeError} when an index gives no finite number.
 */
export function contentOf<Desc extends DescMessage>(
  { name, schema, options }: Collection<Desc>,
  key: string,
  document: MessageShape<Desc>,
): DocumentContent {
  const bytes = toBinary(schema, document);
  if (bytes.length > options.bytesMax) {
    throw new DocumentError("too_large", `${name} ${key} of ${bytes.length} bytes, limit is ${options.bytesMax} bytes`);
  }
  const indexes: Record<string, number> = {};
  for (const [index, numberOf] of Object.entries<(document: MessageShape<Desc>) => number>(options.indexes)) {
    const value = numberOf(document);
    if (!Number.isFinite(value)) {
      throw new RangeError(`Cannot index ${name} ${key} by ${index}: ${value} is not finite`);
    }
    indexes[index] = value;
  }
  const playerId = options.owner === "player" ? Number(key) : null;
  return { version: options.version, bytes, indexes, playerId, countMax: options.countMax };
}

/**
 * The key as it is stored.
 *
 * @throws {TypeError} when the collection has other keys.
 */
export function keyText({ name, options }: Collection, key: DocumentKey): string {
  const isPlayer = options.owner === "player";
  if (isPlayer ? Number.isSafeInteger(key) : typeof key === "string") return String(key);
  throw new TypeError(`Cannot use key ${JSON.stringify(key)}: ${name} are by ${isPlayer ? "players' ids" : "texts"}`);
}

function isWithin(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 1 && value <= max;
}
