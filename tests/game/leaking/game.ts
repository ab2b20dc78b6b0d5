/** A counter that keeps more and more once an operator says so. @module */

import { defineGame } from "../../../server/game/game.ts";
import { contract, CountRequestSchema } from "../counter/contract.ts";

const kept: unknown[] = [];

export default defineGame(
  contract,
  { maps: () => [{ mapId: 0, width: 10, height: 10, interestRadius: 5 }] },
  (game) => {
    let isLeaking = false;
    game.on(CountRequestSchema, () => ({ count: 1 }));
    game.system("leak", () => {
      // Numbers with a fraction: 1 MB of them.
      if (isLeaking) kept.push(Array.from({ length: 131_072 }, (_, index) => index + 0.5));
    });
    game.admin("leak", {}, () => {
      isLeaking = true;
      return "It leaks";
    });
  },
);
