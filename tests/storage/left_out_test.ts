/** Stores that a game used and leaves out. @module */

import { DatabaseSync } from "node:sqlite";
import { GUILDS, RANK_LEADER, RANK_MEMBER, RANK_OFFICER } from "../../games/parts/guilds/guild_store.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

const NOW_MS = 1_760_000_000_000;

async function createPlayer(storage: DirectStorage, name: string): Promise<number> {
  const result = await storage.accounts.create({ name, nameKey: name, passwordVerifier: null, createdAtMs: NOW_MS });
  assert(result.kind === "created");
  return result.accountId;
}

async function found(storage: DirectStorage, leaderId: number, name: string, members: readonly string[] = []) {
  const guild = { leaderId, name, nameKey: name, tag: name, tagKey: name, createdAtMs: NOW_MS };
  const founded = await storage.of(GUILDS).create(guild);
  assert(founded.kind === "created");
  const { guildId } = founded;
  for (const nameKey of members) {
    await storage.of(GUILDS).invite({ inviterId: leaderId, nameKey, nowMs: NOW_MS, expiresAtMs: NOW_MS + 1e9 });
    const playerId = (await storage.accounts.findByName(nameKey))!.accountId;
    assertEquals((await storage.of(GUILDS).join({ playerId, guildId, nowMs: NOW_MS })).kind, "joined");
  }
  return guildId;
}

Deno.test("A store that is left out keeps its tables, and they keep no account from being deleted", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/marsh.db`;
    const all = new DirectStorage({ path }, MARSH_RECORDS);
    const ids = Object.fromEntries(
      await Promise.all(["ann", "bert", "cleo", "dora"].map(async (name) => [name, await createPlayer(all, name)])),
    );
    const wolves = await found(all, ids.ann, "wolves", ["bert", "cleo"]);
    await all.of(GUILDS).setRank({ actorId: ids.ann, nameKey: "cleo", rank: RANK_OFFICER });
    const foxes = await found(all, ids.dora, "foxes");
    await all.close();

    const without = new DirectStorage({ path }, { ...MARSH_RECORDS, stores: [] });
    for (const accountId of [ids.ann, ids.dora]) {
      const removed = await without.accounts.remove({ accountId, nowMs: NOW_MS, isDue: false });
      assertEquals(removed.kind, "removed");
    }
    await without.close();

    const again = new DirectStorage({ path }, MARSH_RECORDS);
    const guild = await again.of(GUILDS).load({ guildId: wolves });
    assertEquals(guild!.members.map(({ name, rank }) => [name, rank]), [["bert", RANK_MEMBER], ["cleo", RANK_LEADER]]);
    assertEquals(await again.of(GUILDS).load({ guildId: foxes }), undefined);
    await again.close();
    using database = new DatabaseSync(path);
    assertEquals(database.prepare("PRAGMA foreign_key_check").all(), []);
  });
});
