/** A shop: the least game whose answers wait for the disk. @module */

import { defineGame, documents, durable, type Game, Refused } from "../../../server/game/game.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { type BuyRequest, BuyRequestSchema, contract, type Purse, PurseSchema } from "./contract.ts";

/** What each player starts with, and what one thing costs. */
export const START_COINS = 10_000_000;
export const PRICE = 10;

export const PURSES = documents("purses", PurseSchema, {
  owner: "player",
  indexes: { bought: (purse) => (purse as unknown as Purse).bought },
});

/** What a test may look at. */
export interface Shop {
  readonly game: Game;
  /** Called by each purchase before it is committed. */
  beforeCommit: () => void | Promise<void>;
  /** Called before the handler looks for a receipt: a rule that it should decide on in its work. */
  beforeWork: () => unknown;
}

const MAP = { mapId: 0, width: 100, height: 100, interestRadius: 20 };

export default defineGame(contract, { maps: () => [MAP] }, (game): Shop => {
  const shop: Shop = { game, beforeCommit: () => {}, beforeWork: () => {} };
  let isHolding = false;
  holdBack(game, () => isHolding);
  void game.store.open(PURSES);
  game.on(BuyRequestSchema, ({ playerId }, message) => {
    const { isHeldBack } = message as unknown as BuyRequest;
    const before = shop.beforeWork();
    if (before !== undefined) return before as ReturnType<typeof durable>;
    return durable(async (transaction) => {
      const purse = await transaction.get(PURSES, playerId) as unknown as Purse | undefined;
      const { coins, bought } = purse ?? { coins: START_COINS, bought: 0 };
      await shop.beforeCommit();
      isHolding ||= isHeldBack;
      if (coins < PRICE) throw new Refused(ErrorCode.INVALID_STATE, "Too poor");
      transaction.put(PURSES, playerId, { coins: coins - PRICE, bought: bought + 1 });
      return { bought: bought + 1 };
    });
  });
  return shop;
});

/** What is held back is never told of: as if the process ended between commit and answer. */
function holdBack({ store }: Game, isHeld: () => boolean): void {
  const run = store.run.bind(store);
  store.run = async (work, receiptOf, asker) => {
    const outcome = await run(work, receiptOf, asker);
    return isHeld() ? await new Promise(() => {}) : outcome;
  };
}
