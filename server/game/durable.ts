/** Answers that wait for the disk. @module */

import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import type { LogicContext } from "../session/context.ts";
import type { Player } from "../session/player.ts";
import { decodeKept, isKept, type OnceRequest, RECEIPTS } from "../storage/receipt_store.ts";
import type { Stores } from "../storage/storage.ts";
import type { Once, OnceStoreOf, StoreDefinition } from "../storage/store.ts";
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
 * The request's proto must say `durable: true`. A refusal changes nothing and leaves no receipt. Also where the handler
 * throws before it returns this, a request that was done before gets its answer of then.
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

/**
 * The stores of a game, or a part, for one request of a player that is done once: what its handler gets as third
 * argument. A write leaves a receipt beside what it changes; the same request again finds it, changes nothing, and is
 * answered from what was kept.
 *
 * ```ts ignore
 * game.on(TeamCreateRequestSchema, async (player, { name }, once) => {
 *   const { isRepeated, result } = await once.orDone(() => {
 *     checkName(name);
 *     return once.of(TEAMS).create({ leaderId: player.playerId, name });
 *   });
 *   if (!isRepeated) show(player, result.teamId);
 *   return { teamId: result.teamId };
 * });
 * ```
 *
 * The request's proto must say `durable: true`. One write for each request.
 */
export class OnceStores {
  readonly #stores: () => Stores;
  readonly #request: OnceRequest;
  #isUsed = false;

  /** The engine makes it. */
  constructor(stores: () => Stores, request: OnceRequest) {
    this.#stores = stores;
    this.#request = request;
  }

  /** Whether its client has named it: else a repetition is a request of its own. */
  get isNamed(): boolean {
    return this.#request.requestKey !== 0;
  }

  /** Whether its handler has asked for a write, or for what was kept: then it decides what a repetition is answered. */
  get isUsed(): boolean {
    return this.#isUsed;
  }

  /** A store whose writes are done once, see `write` for what is kept of them. */
  of<Definition extends StoreDefinition>(definition: Definition): OnceStoreOf<Definition> {
    this.#isUsed = true;
    return this.#stores().once(definition, this.#request);
  }

  /** What was kept of the request, if it was done before. */
  async find<Kept>(): Promise<Kept | undefined> {
    this.#isUsed = true;
    if (!this.isNamed) return undefined;
    const receipt = await this.#stores().of(RECEIPTS).find(this.#request);
    return receipt && decodeKept(receipt) as Kept;
  }

  /**
   * Does what `work` asks for. Where that throws, such as because the player may not ask so often, and the request was
   * done before, that counts.
   *
   * @throws What `work` throws, unless it was done before.
   */
  async orDone<Result, Kept>(work: () => Promise<Once<Result, Kept>>): Promise<Once<Result, Kept>> {
    try {
      return await work();
    } catch (error) {
      const result = await this.find<Kept>();
      if (result === undefined) throw error;
      return { isRepeated: true, result };
    }
  }
}

/** A reply that is on disk, or was sent before. */
export class KeptReply {
  /** @param done What is to be called behind it. */
  constructor(readonly payload: Uint8Array, readonly done?: () => void) {}
}

/**
 * What a durable request is answered that its handler has refused before it looked for a receipt: what it was answered
 * when it was done.
 *
 * @throws `error`, where it was not done before. {@linkcode TypeError} where it was by a store's write: only its handler
 * can make the reply of what was kept, within {@linkcode OnceStores.orDone}.
 */
export async function replyOfBefore(
  error: unknown,
  { storage, player: { playerId, asker }, requestType, requestKey }: Omit<DurableRequest, "documents" | "atMs">,
): Promise<KeptReply> {
  const receipt = await storage.for(asker).of(RECEIPTS).find({ playerId, requestType, requestKey });
  if (receipt === undefined) throw error;
  if (!isKept(receipt)) return new KeptReply(receipt);
  throw new TypeError(`Cannot refuse what was done before: decide it within once.orDone`, { cause: error });
}

/** Whose request it is that is answered durably. */
export interface DurableRequest {
  readonly documents: Documents;
  readonly storage: LogicContext["storage"];
  readonly player: Pick<Player, "playerId" | "asker">;
  /** Its packet type; 0: a change that the game makes by itself. */
  readonly requestType: number;
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
  { documents, storage, player, requestType, requestKey, atMs }: DurableRequest,
  work: (transaction: Transaction) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const { playerId, asker } = player;
  const findReply = async () =>
    requestKey === 0 ? undefined : await storage.for(asker).of(RECEIPTS).find({ playerId, requestType, requestKey });
  const before = await findReply();
  if (before !== undefined) return before;
  try {
    const receiptOf = (reply: Uint8Array) =>
      requestKey === 0 ? null : { playerId, requestType, requestKey, reply, atMs };
    const outcome = await documents.run(work, receiptOf, asker);
    return outcome.kind === "repeated" ? outcome.reply : outcome.result;
  } catch (error) {
    // The same request, of a session before, may have been done meanwhile: then it is what made this one fail.
    const meanwhile = await findReply();
    if (meanwhile === undefined) throw error;
    return meanwhile;
  }
}
