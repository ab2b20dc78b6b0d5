/** The rules: players wave, and everybody is told. @module */

import { defineGame, Refused } from "drawbridge/game";
import { contract, ErrorCode, WavedSchema, WaveRequestSchema, WavesSchema } from "./contract.ts";

const MEADOW = { mapId: 0, width: 100, height: 100, interestRadius: 150 }; // Everybody sees all of it.

export default defineGame(contract, { maps: () => [MEADOW] }, (game) => {
  game.on(WaveRequestSchema, (player, { times }) => {
    if (times < 1 || times > 3) throw new Refused(ErrorCode.OUT_OF_RANGE, "Wave one to three times");
    const entity = game.entities.of(player);
    const count = entity.get(WavesSchema).count + times;
    entity.set(WavesSchema, { count });
    game.players.tell(game.players.inWorld, WavedSchema, { name: player.name, count });
    return { count };
  });
});
