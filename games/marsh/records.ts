/** What the game keeps in the database. @module */

import type { GameRecords } from "../../server/storage/sqlite_store.ts";
import { SQLITE_SOCIAL } from "../parts/friends/sqlite_social.ts";
import { SQLITE_GUILDS } from "../parts/guilds/sqlite_guilds.ts";
import { SQLITE_SCORES } from "../parts/leaderboards/sqlite_scores.ts";

/** The stores of the parts that the game uses. Before databases named their game there was only this one. */
export const MARSH_RECORDS: GameRecords = {
  game: "marsh",
  takesUnnamed: true,
  stores: [SQLITE_SOCIAL, SQLITE_GUILDS, SQLITE_SCORES],
};

export default MARSH_RECORDS;
