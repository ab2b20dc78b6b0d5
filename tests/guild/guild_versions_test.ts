import { GuildVersions } from "../../games/parts/guilds/guild_versions.ts";
import { GUILD_VERSIONS_AHEAD_MAX } from "../../games/parts/guilds/limits.ts";
import { assertEquals } from "../support/assert.ts";

/** Versions of a server that has begun when `version` changes had been made. */
function begun(version: number): GuildVersions {
  const versions = new GuildVersions();
  versions.look(version);
  return versions;
}

Deno.test("GuildVersions.look() finds nothing missing where every change was told, in whatever order", () => {
  const versions = begun(7);
  for (const version of [9, 8, 11, 10]) versions.note(version);
  assertEquals([versions.look(11), versions.look(11)], [false, false]);
  assertEquals(versions.newest, 11);
});

Deno.test("GuildVersions.look() waits for what may be on its way until the next look, and no longer", () => {
  const versions = begun(7);
  versions.note(9);
  assertEquals(versions.look(9), false, "8 may come");
  assertEquals(versions.look(9), true);
  assertEquals(versions.look(9), false, "All was read again");
  versions.note(8);
  versions.note(10);
  assertEquals([versions.look(10), versions.look(10)], [false, false]);
});

Deno.test("GuildVersions.look() finds missing whatever was made before the first one", () => {
  assertEquals(new GuildVersions().look(0), true);
  assertEquals(new GuildVersions().look(5), true);
});

Deno.test("GuildVersions.note() keeps no more than GUILD_VERSIONS_AHEAD_MAX that lie ahead, and the next look finds a hole", () => {
  const versions = begun(0);
  for (let version = 2; version <= GUILD_VERSIONS_AHEAD_MAX + 2; version++) versions.note(version);
  versions.note(1);
  assertEquals(versions.look(GUILD_VERSIONS_AHEAD_MAX + 2), false);
  assertEquals(versions.look(GUILD_VERSIONS_AHEAD_MAX + 2), true);
});
