/**
 * What is asked of the storage about guilds, and the order in which its answers are taken.
 *
 * @module
 */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Once, OnceStores } from "../../../server/game/game.ts";
import { OrderedCalls } from "../common/ordered_calls.ts";
import type { Refused as RefusedByStore } from "./guild_store.ts";
import { isRefused, refusalOf } from "./guild_refusals.ts";
import type { GuildActionResponseSchema } from "./guilds_pb.ts";

/** The reply of all deeds that have none of their own. */
export type GuildActionReply = MessageInitShape<typeof GuildActionResponseSchema>;

/** Something that a player asks to be done to guilds. */
export interface GuildDeed<Done extends { readonly kind: string }, Kept, Reply> {
  /** Asks the storage. */
  ask(): Promise<Once<Done | RefusedByStore, Kept>>;
  /** What the client is answered, of what was done now or before. */
  reply(answer: Exclude<Done, RefusedByStore> | Kept): Reply;
  /** Called only when it was done now, before it is answered. */
  apply?(answer: Exclude<Done, RefusedByStore>): void;
}

/** Asks the storage; what is known here is built from its answers, in their order. */
export class GuildCalls {
  readonly #calls = new OrderedCalls();
  readonly #onFailure: (error: unknown) => void;

  /** @param onFailure Told of each request that failed: it may have been done. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /**
   * Asks the storage to decide and do something, once for each request, and takes the answer in its turn; resolves to the
   * reply, rejects with what the client is told.
   *
   * @param deed Its `ask` throws where nothing is to be asked: that is what the client is told, unless it was done before.
   */
  durably<Done extends { readonly kind: string }, Kept, Reply>(
    once: OnceStores,
    { ask, reply, apply }: GuildDeed<Done, Kept, Reply>,
  ): Promise<Reply> {
    let asked: ReturnType<typeof ask>;
    try {
      asked = ask();
    } catch (refusal) {
      if (!once.isNamed) throw refusal;
      return this.#calls.run(() => once.find<Kept>(), (before) => {
        if (before === undefined) throw refusal;
        return reply(before);
      });
    }
    // The promise of the call itself, so that refusals go out in their turn as well.
    return this.#calls.run(() => this.#watched(asked), (answer) => {
      if (answer.isRepeated) return reply(answer.result);
      const done = doneOf(answer.result);
      apply?.(done);
      return reply(done);
    });
  }

  /**
   * Asks the storage to decide something that leaves no receipt, and takes the answer in its turn; resolves to the reply,
   * rejects with what the client is told.
   *
   * @param apply Called only when it was not refused.
   */
  request<Done extends { readonly kind: string }, Reply>(
    call: () => Promise<Done | RefusedByStore>,
    apply: (answer: Exclude<Done, RefusedByStore>) => Reply,
  ): Promise<Reply> {
    return this.#calls.run(() => this.#watched(call()), (answer) => apply(doneOf(answer)));
  }

  /** Asks the storage for something that no player's request is about, and takes the answer in its turn. */
  run<T>(call: () => Promise<T>, apply: (answer: T) => void): Promise<void> {
    return this.#calls.run(call, apply);
  }

  /** Resolves when everything called so far is answered. */
  idle(): Promise<void> {
    return this.#calls.idle();
  }

  #watched<T>(answered: Promise<T>): Promise<T> {
    // Beside the way of the answer, which must not become longer than that of others: they are taken as they come.
    answered.catch((error) => this.#onFailure(error));
    return answered;
  }
}

/** @throws {Refused} what the client is told, where the storage refused. */
function doneOf<Done extends { readonly kind: string }>(answer: Done | RefusedByStore): Exclude<Done, RefusedByStore> {
  if (isRefused(answer)) throw refusalOf(answer.reason);
  return answer as Exclude<Done, RefusedByStore>;
}
