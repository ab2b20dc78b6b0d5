/** A game that asks the platform what it should ask the engine: each number counts by another way. @module */

import { defineGame } from "../../../server/game/game.ts";
import { contract, CountRequestSchema } from "../counter/contract.ts";

const WAYS: readonly (() => number)[] = [
  () => 1,
  () => Date.now(),
  () => Math.random(),
  () => performance.now(),
  () => crypto.getRandomValues(new Uint8Array(1))[0],
  () => crypto.randomUUID().length,
  () => Number(setTimeout(() => {}, 1)),
  () => Number(setInterval(() => {}, 1)),
];

export default defineGame(
  contract,
  { maps: () => [{ mapId: 0, width: 10, height: 10, interestRadius: 5 }] },
  (game) => {
    game.on(CountRequestSchema, (_player, message) => {
      const { by } = message as unknown as { readonly by: number };
      return { count: WAYS[by]() > 0 ? 1 : 0 };
    });
  },
);
