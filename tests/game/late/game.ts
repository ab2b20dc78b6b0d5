/** A game that writes back late what it decided before, for tests of whose its player is by then. @module */

import { defineGame, documents, type Player } from "../../../server/game/game.ts";
import { contract, CountRequestSchema, MarkSchema } from "../counter/contract.ts";

const MAP = { mapId: 0, width: 100, height: 100, interestRadius: 20 };
export const MARKS = documents("marks", MarkSchema, { owner: "player" });

/** What a test may look at, and hold up. */
export interface Late {
  /** Writes wait until this resolves. */
  open: Promise<void>;
  /** What is written for who enters; 0: nothing. */
  enters: number;
  /** What became of writes, in the order in which they ended: what was written, or why nothing was. */
  readonly written: unknown[];
}

export default defineGame(contract, { maps: () => [MAP] }, (game): Late => {
  const late: Late = { open: Promise.resolve(), enters: 0, written: [] };
  const write = async (player: Player, count: number) => {
    await late.open;
    const changed = game.store.transaction(
      (transaction) => transaction.update(MARKS, player.playerId, (mark) => void (mark.count = count)),
      player.asker,
    );
    late.written.push(await changed.then(() => count, (error) => error));
    await changed;
  };
  void game.store.open(MARKS);
  game.on(CountRequestSchema, async (player, { by }) => {
    await write(player, by);
    return { count: by };
  });
  game.hooks.enter(async (player) => {
    if (late.enters !== 0) await write(player, late.enters);
  });
  return late;
});
