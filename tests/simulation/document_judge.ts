/**
 * Judges documents and receipts: what was committed is on disk to the byte, no request was done twice, and no durable
 * reply was sent before its receipt was on disk.
 *
 * @module
 */

import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import type { Contract } from "../../shared/contract.ts";
import type { DocumentCommit, DocumentOutcome, StoredDocument } from "../../server/storage/document_store.ts";
import type { StorageOutcome } from "../../server/storage/operations.ts";
import type { NumberedRequest } from "../../server/storage/storage_messages.ts";
import type { OnceRequest } from "../../server/storage/receipt_store.ts";
import type { Once, StoreDefinition, WriteOperation } from "../../server/storage/store.ts";
import type { SimulatedDisk } from "./simulated_disk.ts";
import type { Verdict } from "./verdict.ts";

const RULE = "documents";

/** Watches commits, and replies that tell of them. */
export class DocumentJudge {
  readonly #verdict: Verdict;
  /** Replies of packets that are answered durably, by type. */
  readonly #replies = new Map<number, DescMessage>();
  /** What each document must be, by collection and key; null: deleted. */
  readonly #documents = new Map<string, Uint8Array | null>();
  /** Replies that are on disk, of each player. */
  readonly #receipts = new Map<string, string>();
  /** Writes of the game's own stores, by operation. */
  readonly #writes = new Map<string, WriteOperation<never, never, unknown>>();
  /** Requests of each player that stores of the game have done once, and that were not answered yet. */
  readonly #doneOnce = new Map<number, number>();

  /** @param stores The game's own. */
  constructor(
    verdict: Verdict,
    contract: Pick<Contract, "packets" | "schemaOf">,
    stores: readonly { readonly definition: StoreDefinition }[],
  ) {
    this.#verdict = verdict;
    for (const { definition: { name, operations } } of stores) {
      for (const [key, operation] of Object.entries(operations)) {
        if (operation.kind === "write") {
          this.#writes.set(`${name}.${key}`, operation as WriteOperation<never, never, unknown>);
        }
      }
    }
    for (const { isDurable, replyType } of contract.packets.rows) {
      if (isDurable) this.#replies.set(replyType, contract.schemaOf(replyType)!);
    }
  }

  onCommit({ operation, argument, once }: NumberedRequest, outcome: StorageOutcome): void {
    if (once !== undefined && "value" in outcome) {
      const { isRepeated, result } = outcome.value as Once<never, unknown>;
      // What was refused has changed nothing: it leaves no receipt, and may be done later.
      const isDone = isRepeated || this.#writes.get(operation)?.keep(result) !== undefined;
      if (isDone) this.#onDoneOnce(once, isRepeated);
    }
    if (operation !== "documents.commit" || !("value" in outcome)) return;
    if ((outcome.value as DocumentOutcome).kind !== "committed") return;
    const { changes, receipt } = argument as DocumentCommit;
    for (const { collection, key, content } of changes) {
      if (content !== undefined) this.#documents.set(`${collection} ${key}`, content && content.bytes);
    }
    if (receipt === null) return;
    const name = `${receipt.playerId} ${receipt.requestType} ${receipt.requestKey}`;
    this.#verdict.expect(!this.#receipts.has(name), RULE, `Request ${name} was done twice`);
    this.#receipts.set(name, receipt.reply.join());
  }

  /** A client was sent something. */
  onReply(playerId: number, type: number, payload: Uint8Array): void {
    const schema = this.#replies.get(type);
    if (schema === undefined || (fromBinary(schema, payload) as { success?: boolean }).success === false) return;
    const text = payload.join();
    for (const [name, reply] of this.#receipts) if (reply === text && name.startsWith(`${playerId} `)) return;
    const doneCount = this.#doneOnce.get(playerId) ?? 0;
    if (doneCount > 0) return void this.#doneOnce.set(playerId, doneCount - 1);
    this.#verdict.fail(RULE, `Player ${playerId} was sent ${schema.typeName}, of which nothing is on disk`);
  }

  #onDoneOnce({ playerId, requestType, requestKey }: OnceRequest, isRepeated: boolean): void {
    const name = `${playerId} ${requestType} ${requestKey}`;
    if (!isRepeated && requestKey !== 0) {
      this.#verdict.expect(!this.#receipts.has(name), RULE, `Request ${name} was done twice`);
      this.#receipts.set(name, "");
    }
    this.#doneOnce.set(playerId, 1 + (this.#doneOnce.get(playerId) ?? 0));
  }

  /** What is not on disk as it was committed; null: nothing. */
  difference(disk: SimulatedDisk): string | null {
    for (const [name, bytes] of this.#documents) {
      const [collection, ...rest] = name.split(" ");
      const stored = disk.read("documents.load", { collection, key: rest.join(" ") }) as StoredDocument | undefined;
      if (stored?.bytes.join() !== bytes?.join()) return `${RULE}: ${name} is not what was committed`;
    }
    return null;
  }
}
