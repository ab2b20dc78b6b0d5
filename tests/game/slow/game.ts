/** A game whose handlers take long, for tests of what becomes of everybody else meanwhile. @module */

import { defineGame, documents, type Game, type Player } from "../../../server/game/game.ts";
import { contract, CountRequestSchema, MarkSchema } from "../counter/contract.ts";

const MAP = { mapId: 0, width: 100, height: 100, interestRadius: 20 };
const MARKS = documents("marks", MarkSchema, { owner: "player" });

/** What a request has its handler do, by what it counts: work at once, or behind an answer of the storage, or nothing. */
export const Slow = { WORKS: 1, WORKS_LATE: 2, NEVER_ENDS: 3, PERSISTS: 4 } as const;
/** How long a handler works, in milliseconds. */
const WORK_MS = 50;

export default defineGame(contract, { maps: () => [MAP] }, (game) => {
  void game.store.open(MARKS);
  game.on(CountRequestSchema, async (player: Player, { by }) => {
    if (by === Slow.NEVER_ENDS) return await new Promise<never>(() => {});
    if (by === Slow.WORKS_LATE) await game.store.get(MARKS, player.playerId, player.asker);
    if (by === Slow.PERSISTS) persist(game, player);
    else work(game);
    return { count: by };
  });
});

/** Has the server make 200 changes by itself. */
function persist(game: Game, player: Player): void {
  for (let count = 0; count < 200; count++) {
    const change = game.persist(
      player,
      MarkSchema,
      (transaction) => transaction.update(MARKS, player.playerId, (mark) => void mark.count++),
    );
    game.background("persist", () => change);
  }
}

/** Keeps the thread busy. */
function work(game: Game): void {
  const untilMs = game.nowMs + WORK_MS;
  while (game.nowMs < untilMs);
}
