/** The smallest game: players count together. Nothing of marsh is in it. @module */

import { defineGame, integer, Refused } from "../../../server/game/game.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { contract, CountedSchema, CountRequestSchema } from "./contract.ts";

/** What a test may look at. */
export interface Counter {
  readonly log: string[];
  readonly count: () => number;
}

const MAP = { mapId: 0, width: 100, height: 100, interestRadius: 20 };

const OPTIONS = {
  countMax: { kind: integer({ min: 1, max: 100 }), default: 10, help: "How far one request may count" },
};

export default defineGame(contract, { maps: () => [MAP], options: OPTIONS }, (game, { countMax }): Counter => {
  let count = 0;
  const log: string[] = [];
  game.on(CountRequestSchema, (player, { by }) => {
    if (by === 13) throw new Error("Cannot count by 13");
    if (by > countMax) throw new Refused(ErrorCode.OUT_OF_RANGE, `At most ${countMax} at a time`);
    count += by;
    game.players.tell(game.players.inWorld, CountedSchema, { name: player.name, count });
    return { count };
  });
  game.admin(
    "set",
    { to: { kind: integer({ min: 0, max: 1_000 }), default: 0, help: "What it is then" } },
    ({ to }) => {
      if (to === 13) throw new Error("Cannot count to 13");
      if (to === count) throw new Refused(ErrorCode.NOT_FOUND, "It is that already");
      count = to;
      return `The count is ${count}`;
    },
  );
  game.admin("forget", {}, () => {
    void Promise.reject(new Error("Nobody awaits this"));
    game.after(0, () => Promise.reject(new Error("Nobody awaits a timer")));
    return "Forgotten";
  });
  game.hooks.enter((player) => {
    log.push(`enter ${player.name}`);
    player.tell(CountedSchema, { name: "server", count });
  });
  game.hooks.leave((player, why) => void log.push(`leave ${player.name} ${why} ${player.isInWorld}`));
  game.hooks.linkDead(({ name }) => void log.push(`link-dead ${name}`));
  game.hooks.resumed(({ name }) => void log.push(`resumed ${name}`));
  return { log, count: () => count };
});
