/**
 * What marsh keeps about entities beside where they are.
 *
 * @module
 */

import { COMBAT_COMPONENTS, COMBAT_HOLD_REASONS } from "../parts/combat/components.ts";
import { GUILD } from "../parts/guilds/guild_component.ts";
import type { GameDescription } from "../../server/game/game.ts";

/** Part of the options of marsh's world. */
export const MARSH_ENTITIES: Pick<GameDescription, "components" | "holdReasons"> = {
  components: [...COMBAT_COMPONENTS, GUILD],
  holdReasons: COMBAT_HOLD_REASONS,
};
