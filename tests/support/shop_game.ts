/**
 * A shop: the least game whose answers wait for the disk. It borrows packets of guilds: who asks for a guild buys something
 * of that name for ten coins.
 *
 * @module
 */

import { contract as marshContract } from "../../games/marsh/contract.ts";
import { loadGameData } from "../../games/marsh/data/game_data.ts";
import { marshWith } from "../../games/marsh/game.ts";
import { defineGame, documents, durable, type Game, type GameModule, Refused } from "../../server/game/game.ts";
import { Contract } from "../../shared/contract.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { GuildCreateRequestSchema } from "../../shared/gen/guild_pb.ts";
import { LeaderboardEntrySchema } from "../../shared/gen/leaderboard_pb.ts";

/** What each player starts with, and what one thing costs. */
export const START_COINS = 100;
export const PRICE = 10;

/** Kills stand for coins, deaths for things bought. */
export const PURSES = documents("purses", LeaderboardEntrySchema, {
  owner: "player",
  indexes: { bought: ({ deaths }) => deaths },
});

/** What a game of a test may look at: how often anything was really bought, and what comes between decision and commit. */
export interface Shop {
  readonly game: Game;
  /** Called by each purchase before it is committed. */
  beforeCommit: () => void | Promise<void>;
}

/** The game; its own contract says that the packet that it borrows is durable. */
export function shopGame(): GameModule<Shop> {
  const contract = new Contract("shop", marshContract.files);
  Object.assign(contract.rowOf(GuildCreateRequestSchema), { isDurable: true });
  const { maps } = marshWith(loadGameData());
  return defineGame(contract, { maps }, (game): Shop => {
    const shop: Shop = { game, beforeCommit: () => {} };
    void game.store.open(PURSES);
    game.on(GuildCreateRequestSchema, ({ playerId }) =>
      durable(async (transaction) => {
        const purse = await transaction.get(PURSES, playerId);
        const coins = purse?.kills ?? START_COINS, bought = purse?.deaths ?? 0;
        await shop.beforeCommit();
        if (coins < PRICE) throw new Refused(ErrorCode.INVALID_STATE, "Too poor");
        transaction.put(PURSES, playerId, { kills: coins - PRICE, deaths: bought + 1 });
        return { guildId: BigInt(bought + 1) };
      }));
    return shop;
  });
}
