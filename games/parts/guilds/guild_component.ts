/**
 * The guild that an entity shows.
 *
 * @module
 */

import { GUILD_TAG_BYTES_MAX } from "./limits.ts";
import type { ComponentRow, World } from "../../../server/game/game.ts";
import { writeVarintField } from "../../../server/game/kit.ts";

/** `guild_id` and `guild_tag` of EntitySpawn: players who see an entity whose guild changes get its spawn again. */
export const GUILD: ComponentRow = {
  id: 98,
  name: "guild",
  seenBy: "interest",
  bytesMax: 1 + 8 + 2 + GUILD_TAG_BYTES_MAX,
  saved: false,
  wire: { spawn: "fields" },
};

const CONTENT = new Uint8Array(GUILD.bytesMax);
const TAG = { GUILD_ID: 0x28, GUILD_TAG: 0x32 } as const;
const UTF8 = new TextEncoder();

/**
 * Shows an entity's guild, or that it has none.
 *
 * @param guild Its id, below 2^53, and its tag, at most {@linkcode GUILD_TAG_BYTES_MAX} bytes in UTF-8.
 * @throws {RangeError} when the tag is too long; what was shown stays.
 */
export function showGuild(
  world: World,
  entityId: number,
  guild: { readonly guildId: number; readonly tag: string } | null | undefined,
): void {
  const tag = UTF8.encode(guild?.tag ?? "");
  if (tag.length > GUILD_TAG_BYTES_MAX) {
    throw new RangeError(`Cannot show guild: its tag is ${tag.length} bytes, limit is ${GUILD_TAG_BYTES_MAX} bytes`);
  }
  let end = writeVarintField(CONTENT, 0, TAG.GUILD_ID, guild?.guildId ?? 0);
  if (tag.length > 0) {
    CONTENT[end++] = TAG.GUILD_TAG;
    CONTENT[end++] = tag.length;
    CONTENT.set(tag, end);
    end += tag.length;
  }
  world.set(entityId, GUILD.id, CONTENT, end);
}
