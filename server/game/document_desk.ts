/** What operators can do about documents that a game cannot read. @module */

import type { DocumentAction } from "../moderation/moderation_request.ts";
import { type DocumentRecords, DOCUMENTS, type StoredDocument } from "../storage/document_store.ts";
import { type Storage, SYSTEM } from "../storage/storage.ts";
import { type Collection, readDocument } from "./collection.ts";

/** What came of it; `isDone` false: there is nothing like that, or something stands in its way. */
export interface DocumentDeskAnswer {
  readonly isDone: boolean;
  readonly text: string;
}

/** Lines of a list, at most. */
const LINES_MAX = 200;
const HEX_BYTES_PER_LINE = 32;

/** The name under which documents are that were put aside; no collection of a game has it. */
function asideOf(collection: string): string {
  return `aside:${collection}`;
}

/**
 * Lists documents that cannot be read, shows them as they are stored, puts them aside, where the game does not see them,
 * and puts them back.
 */
export class DocumentDesk {
  readonly #collections: readonly Collection[];
  readonly #records: DocumentRecords;

  /** @param collections Those that the game has opened. */
  constructor(storage: Pick<Storage, "for">, collections: Iterable<Collection>) {
    this.#collections = [...collections];
    this.#records = storage.for(SYSTEM).of(DOCUMENTS);
  }

  /**
   * Does what an operator asks for.
   *
   * @throws {DependencyError} when the storage cannot be reached.
   */
  async run(
    act: DocumentAction,
    { collection: name, key }: { readonly collection: string; readonly key: string },
  ): Promise<DocumentDeskAnswer> {
    if (act === "list") return done(await this.#list());
    const collection = this.#collections.find((collection) => collection.name === name);
    if (collection === undefined) {
      const names = this.#collections.map(({ name }) => name).join(", ");
      return refused(`There is no collection ${name}. The game has ${names === "" ? "none" : names}`);
    }
    const document = `Document ${name} ${key}`;
    if (act === "show") return await this.#show(collection, key);
    const [from, to] = act === "aside" ? [name, asideOf(name)] : [asideOf(name), name];
    switch (await this.#records.move({ from, to, key })) {
      case "not_found":
        return refused(`${document} ${act === "aside" ? "does not exist" : "is not put aside"}`);
      case "taken":
        return refused(
          act === "aside"
            ? `An earlier ${document.toLowerCase()} is put aside already: restore or keep that one`
            : `${document} exists: put that one aside, or leave it`,
        );
      case "moved":
        return done(`${document} ${act === "aside" ? "is put aside" : "is back in place"}`);
    }
  }

  async #list(): Promise<string> {
    const lines: string[] = [];
    let count = 0;
    for (const collection of this.#collections) {
      for (const [name, isAside] of [[collection.name, false], [asideOf(collection.name), true]] as const) {
        for await (const stored of this.#all(name)) {
          const problem = problemOf(collection, stored);
          if (problem === null && !isAside) continue;
          count++;
          if (lines.length < LINES_MAX) lines.push(`  ${lineOf(collection.name, stored, isAside, problem)}`);
        }
      }
    }
    const more = count > lines.length ? [`  and ${count - lines.length} more`] : [];
    return [`${count} documents unreadable or put aside`, ...lines, ...more].join("\n");
  }

  async #show(collection: Collection, key: string): Promise<DocumentDeskAnswer> {
    const parts: string[] = [];
    for (const [name, isAside] of [[collection.name, false], [asideOf(collection.name), true]] as const) {
      const stored = await this.#records.load({ collection: name, key });
      if (stored === undefined) continue;
      const hex = stored.bytes.toHex().replaceAll(/../g, "$& ");
      const rows = hex.match(new RegExp(`.{1,${3 * HEX_BYTES_PER_LINE}}`, "g")) ?? [];
      const head = lineOf(collection.name, stored, isAside, problemOf(collection, stored));
      parts.push([head, ...rows.map((row) => `  ${row.trim()}`), `base64 ${stored.bytes.toBase64()}`].join("\n"));
    }
    return parts.length === 0 ? refused(`Document ${collection.name} ${key} does not exist`) : done(parts.join("\n"));
  }

  /** Every document of a collection, a portion at a time, so that others are served meanwhile. */
  async *#all(collection: string): AsyncGenerator<StoredDocument> {
    for (let afterKey = "";;) {
      const found = await this.#records.listOlder({ collection, below: Number.MAX_SAFE_INTEGER, afterKey });
      yield* found;
      if (found.length === 0) return;
      afterKey = found[found.length - 1].key;
    }
  }
}

/** Why a document cannot be read; null: it can. */
function problemOf(collection: Collection, stored: StoredDocument): string | null {
  try {
    readDocument(collection, stored);
    return null;
  } catch (error) {
    const { message, cause } = error as Error;
    return cause === undefined ? message : `${message}: ${cause instanceof Error ? cause.message : cause}`;
  }
}

function lineOf(
  collection: string,
  { key, version, revision, bytes }: StoredDocument,
  isAside: boolean,
  problem: string | null,
): string {
  const state = [isAside ? "put aside" : "", problem ?? "readable"].filter((text) => text !== "").join(", ");
  return `${collection} ${key}  version ${version}, revision ${revision}, ${bytes.length} bytes  ${state}`;
}

function done(text: string): DocumentDeskAnswer {
  return { isDone: true, text };
}

function refused(text: string): DocumentDeskAnswer {
  return { isDone: false, text };
}
