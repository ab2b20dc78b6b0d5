/** What the compiler knows of handlers; `deno check` is the judge, and refuses a line that has no error to expect. */

import { BuyHatRequestSchema, contract, QueueStatusSchema, RanksRequestSchema } from "../../games/tag/contract.ts";
import { CombatActionSchema } from "../../games/parts/combat/combat_pb.ts";
import { defineGame, durable } from "../../server/game/game.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("Game.on() takes messages of the game's clients alone, and gives their replies their type", () => {
  const game = defineGame(contract, { maps: () => [] }, (game) => {
    game.on(RanksRequestSchema, ({ name }) => ({ ownRank: name.length }));
    game.on(RanksRequestSchema, () => Promise.resolve({ ownRank: 1 }));
    game.on(RanksRequestSchema, () => {});
    // @ts-expect-error: a rank is a number
    game.on(RanksRequestSchema, () => ({ ownRank: "first" }));
    // @ts-expect-error: the reply has no such field
    game.on(RanksRequestSchema, () => ({ rank: 1 }));
    // @ts-expect-error: the reply has no such field either, whatever else it has
    game.on(RanksRequestSchema, () => ({ ownRank: 1, rank: 1 }));
    // @ts-expect-error: nor has one that comes later
    game.on(RanksRequestSchema, () => Promise.resolve({ ownRank: 1, rank: 1 }));
    // @ts-expect-error: the request has no such field
    game.on(RanksRequestSchema, (_player, { hatId }) => ({ ownRank: hatId }));
    game.on(BuyHatRequestSchema, (_player, { hatId }) => durable(() => ({ hatId, coins: 1 })));
    // @ts-expect-error: the reply has no such field, whatever else it has
    game.on(BuyHatRequestSchema, (_player, { hatId }) => durable(() => ({ hatId, coin: 1 })));
    // @ts-expect-error: nor here
    game.on(BuyHatRequestSchema, async () => await Promise.resolve(durable(() => ({ coins: 1, coin: 1 }))));
    // @ts-expect-error: coins are a number
    game.on(BuyHatRequestSchema, () => durable(() => ({ coins: "many" })));
    // @ts-expect-error: the server's own
    game.on(QueueStatusSchema, () => {});
    // @ts-expect-error: another game's
    game.on(CombatActionSchema, () => {});
  });
  assertEquals(game.name, "tag");
});
