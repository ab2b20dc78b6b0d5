/** A counter that keeps more and more once an operator says so. @module */

import { getHeapStatistics } from "node:v8";
import { choice, defineGame } from "../../../server/game/game.ts";
import { contract, CountRequestSchema } from "../counter/contract.ts";

/** Numbers with a fraction, 8 bytes each, in one tick: fast up to a share of the limit, then slowly. */
const FAST = 1_310_720, SLOW = 16_384, FAST_SHARE = 0.7;
const piledUp: number[][] = [];

export default defineGame(
  contract,
  { maps: () => [{ mapId: 0, width: 10, height: 10, interestRadius: 5 }] },
  (game) => {
    const counts = new Map(game.kept<[number, number][]>("counts"));
    game.keep("counts", () => [...counts]);
    game.on(CountRequestSchema, ({ playerId }) => {
      const count = (counts.get(playerId) ?? 0) + 1;
      counts.set(playerId, count);
      return { count };
    });
    const add = (length: number) => piledUp.push(Array.from({ length }, (_, index) => index + 0.5));
    /** What it makes anew when it is reloaded, in numbers. */
    const before = game.kept<{ fast: number }>("made anew") ?? { fast: 0 };
    for (let count = 0; count < before.fast; count++) add(FAST);
    let then = "forgotten";
    game.keep("piled up", () => then === "kept" ? piledUp : []);
    game.keep(
      "made anew",
      () => ({ fast: then === "made anew" ? piledUp.filter(({ length }) => length === FAST).length : 0 }),
    );
    let isLeaking = false;
    game.system("leak", () => {
      if (!isLeaking) return;
      const { used_heap_size, heap_size_limit } = getHeapStatistics();
      add(used_heap_size < FAST_SHARE * heap_size_limit ? FAST : SLOW);
    });
    game.admin(
      "leak",
      { then: { kind: choice(["forgotten", "kept", "made anew"]), default: "forgotten", help: "What a reload does" } },
      (input) => {
        then = input.then;
        isLeaking = true;
        return "It leaks";
      },
    );
  },
);
