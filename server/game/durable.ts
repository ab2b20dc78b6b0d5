/** Answers that wait for the disk. @module */

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { LogicContext } from "../session/context.ts";
import type { Player } from "../session/player.ts";
import { DOCUMENTS } from "../storage/document_store.ts";
import type { Documents, Transaction } from "./documents.ts";

/** Makes the fields of a reply; it may run several times, as the work of a `Documents.transaction` may. */
export type DurableWork<Fields = MessageInitShape<DescMessage>> = (
  transaction: Transaction,
) => Fields | Promise<Fields>;

/** A reply that leaves when what it tells of is on disk: what {@linkcode durable} makes. */
export class Durable<Fields = MessageInitShape<DescMessage>> {
  /** Made by {@linkcode durable}. */
  constructor(
    readonly work: DurableWork<Fields>,
    // deno-lint-ignore no-explicit-any -- what its work gives
    readonly done: (reply: any) => void,
  ) {}
}

/**
 * Answers a request with what a transaction gives, once its changes are on disk, and with them a receipt of the answer.
 * The same request again - after a resume, after a new entry, after the process was killed - is answered by the receipt
 * and changes nothing.
 *
 * ```ts ignore
 * game.on(BuyHatRequestSchema, (player, { hatId }) =>
 *   durable(async (transaction) => {
 *     const purse = await transaction.getOrEmpty(purses, player.playerId);
 *     if (purse.coins < PRICE) throw new Refused(ErrorCode.INVALID_STATE, "Too poor");
 *     purse.coins -= PRICE;
 *     transaction.put(purses, player.playerId, purse);
 *     return { hatId, coins: purse.coins };
 *   }));
 * ```
 *
 * The request's proto must say `durable: true`. A refusal changes nothing and leaves no receipt.
 *
 * @param done Called once what `work` gave is on disk, behind the answer: for what the game keeps or shows beside it. Not
 * called when a receipt answered.
 */
export function durable<Fields extends MessageInitShape<DescMessage>>(
  work: (transaction: Transaction) => Fields | Promise<Fields>,
  done: (reply: Fields) => void = () => {},
): Durable<Fields> {
  return new Durable(work, done);
}

/** Whose request it is that is answered durably. */
export interface DurableRequest {
  readonly documents: Documents;
  readonly storage: LogicContext["storage"];
  readonly player: Pick<Player, "playerId" | "asker">;
  /** The client's name for it; 0: it has none, and a repeat is a request of its own. */
  readonly requestKey: number;
  /** Unix time in milliseconds. */
  readonly atMs: number;
}

/**
 * Does a request, unless its receipt tells that it was done before.
 *
 * @param work Gives the encoded reply.
 * @returns The reply, as it is on disk.
 * @throws What its work throws, unless it was done before after all.
 */
export async function settleDurable(
  { documents, storage, player, requestKey, atMs }: DurableRequest,
  work: (transaction: Transaction) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const { playerId, asker } = player;
  const findReply = async () =>
    requestKey === 0 ? undefined : await storage.for(asker).of(DOCUMENTS).findReceipt({ playerId, requestKey });
  const before = await findReply();
  if (before !== undefined) return before;
  try {
    const receiptOf = (reply: Uint8Array) => requestKey === 0 ? null : { playerId, requestKey, reply, atMs };
    const outcome = await documents.run(work, receiptOf, asker);
    return outcome.kind === "repeated" ? outcome.reply : outcome.result;
  } catch (error) {
    // The same request, of a session before, may have been done meanwhile: then it is what made this one fail.
    const meanwhile = await findReply();
    if (meanwhile === undefined) throw error;
    return meanwhile;
  }
}
