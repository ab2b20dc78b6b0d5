import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { GUILDS } from "../../games/parts/guilds/guild_store.ts";
import { DatabaseSync } from "node:sqlite";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { nameKey } from "../../server/auth/names.ts";
import { assertEquals } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

/** The last version that knew no looks. */
const BEFORE_LOOKS = new URL("fixtures/version_07.sql", import.meta.url);

function account(name: string, isLookUnique: boolean) {
  return { name, nameKey: nameKey(name), isLookUnique, passwordVerifier: null, createdAtMs: 1 };
}

Deno.test("migrate() keeps names that look the same, and takes no further one", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/a.db`;
    using old = new DatabaseSync(path);
    old.exec(await Deno.readTextFile(BEFORE_LOOKS));
    for (const name of ["Alice", "AIice"]) {
      old.prepare("INSERT INTO accounts (name, name_key, created_at_ms) VALUES (?, ?, 1)").run(name, nameKey(name));
    }
    old.prepare(
      "INSERT INTO guilds (name, name_key, tag, tag_key, created_at_ms) VALUES ('Iron', 'iron', 'IR', 'ir', 1)",
    ).run();
    const storage = new DirectStorage({ path }, MARSH_RECORDS);
    try {
      for (const name of ["Alice", "AIice"]) {
        assertEquals((await storage.accounts.findByName(nameKey(name)))?.name, name);
      }
      assertEquals(await storage.accounts.create(account("ΑLICE".replace("Α", "А"), true)), { kind: "name_taken" });
      const created = await storage.accounts.create(account("Malice", true));
      assertEquals(created.kind, "created");
      const leaderId = created.kind === "created" ? created.accountId : 0;
      const guild = { leaderId, name: "lron", nameKey: "lron", tag: "XY", tagKey: "xy", createdAtMs: 1 };
      assertEquals(await storage.of(GUILDS).create({ ...guild, isLookUnique: true }), {
        kind: "refused",
        reason: "name_taken",
      });
      assertEquals((await storage.of(GUILDS).create(guild)).kind, "created");
    } finally {
      await storage.close();
    }
  });
});
