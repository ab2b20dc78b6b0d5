/** What the game keeps in the database. @module */

import type { GameRecords } from "../../server/game/store.ts";
import { STORED_SOCIAL } from "../parts/friends/stored_social.ts";
import { STORED_GUILDS } from "../parts/guilds/stored_guilds.ts";
import { STORED_SCORES } from "../parts/leaderboards/stored_scores.ts";

/** The stores of the parts that the game uses. Before databases named their game there was only this one. */
export const MARSH_RECORDS: GameRecords = {
  game: "marsh",
  takesUnnamed: true,
  stores: [STORED_SOCIAL, STORED_GUILDS, STORED_SCORES],
};

export default MARSH_RECORDS;
