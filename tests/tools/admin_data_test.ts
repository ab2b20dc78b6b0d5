import { DatabaseSync } from "node:sqlite";
import { GUILDS } from "../../games/parts/guilds/guild_store.ts";
import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { DOCUMENTS } from "../../server/storage/document_store.ts";
import { PostgresStorage } from "../../server/storage/postgres_storage.ts";
import { parsePostgresUrl } from "../../server/storage/postgres_target.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { runAdmin } from "../../tools/admin.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { withTempDir } from "../support/temp_dir.ts";

const SERVER = await sharedPostgres();

async function admin(...args: string[]): Promise<[status: number, text: string]> {
  const lines: string[] = [];
  const write = (text: string) => void lines.push(text);
  return [await runAdmin(args, {}, { print: write, report: write }), lines.join("\n")];
}

/** Something in every kind of table, and ids that were given and are free again. */
async function fill(storage: Storage): Promise<void> {
  const names = ["Anna", "Bért", "Gone"];
  const [anna, bert, gone] = await storage.accounts.createMany(
    names.map((name) => ({ name, nameKey: name.toLowerCase(), passwordVerifier: "v", createdAtMs: 1_760_000_000_000 })),
  );
  await storage.accounts.remove({ accountId: gone.accountId, nowMs: 1, isDue: false });
  const state = { mapId: 1, x: 0.1, y: -1e-9, z: 1e9, yaw: 0, hp: 100, components: new Uint8Array([0, 255, 7]) };
  const character = await storage.characters.load({ accountId: anna.accountId, characterId: 0 });
  await storage.characters.save({ characterId: character!.characterId, ...state });
  const guild = { name: "Wolves", nameKey: "wolves", tag: "WO", tagKey: "wo", createdAtMs: 5 };
  await storage.of(GUILDS).create({ ...guild, leaderId: anna.accountId });
  await storage.of(SOCIAL).requestFriend({ playerId: anna.accountId, otherId: bert.accountId, atMs: 7 });
  const content = { version: 1, bytes: new Uint8Array([1, 2]), indexes: { best: -0.5 }, playerId: null, countMax: 9 };
  const receipt = {
    playerId: bert.accountId,
    requestType: 3_000,
    requestKey: 2 ** 53 - 1,
    reply: new Uint8Array(0),
    atMs: 9,
  };
  await storage.of(DOCUMENTS).commit({ changes: [{ collection: "c", key: "ключ", revision: 0, content }], receipt });
}

programTest("postgresql", "admin export and import move all rows from SQLite to PostgreSQL and back", async () => {
  await withTempDir(async (dir) => {
    const url = await SERVER!.createDatabase();
    const at = (folder: string) => ["--data-dir", `${dir}/${folder}`];
    await Deno.mkdir(`${dir}/first`, { mode: 0o700 });
    const first = new DirectStorage({ path: `${dir}/first/drawbridge.db` }, MARSH_RECORDS);
    await fill(first);
    await first.close();
    assertEquals((await admin("export", `${dir}/one`, ...at("first")))[0], 0);
    const [isImported, told] = await admin("import", `${dir}/one`, ...at("other"), "--database-url", url);
    assertEquals([isImported, /^\d+ lines imported from \S+one, and compared$/.test(told)], [0, true], told);
    assertEquals((await admin("export", `${dir}/two`, ...at("other"), "--database-url", url))[0], 0);
    assertEquals((await admin("import", `${dir}/two`, ...at("second")))[0], 0);
    assertEquals((await admin("export", `${dir}/three`, ...at("second")))[0], 0);
    const rows = async (name: string) =>
      (await Deno.readTextFile(`${dir}/${name}`)).split("\n").filter((line) => !line.includes('"columns"')).sort();
    assertEquals(await rows("three"), await rows("one"));
    assertEquals(
      await Deno.readTextFile(`${dir}/second/session.key`),
      await Deno.readTextFile(`${dir}/first/session.key`),
    );
    assertEquals((await Deno.stat(`${dir}/one`)).mode! & 0o777, 0o600);

    // Ids go on behind those that were given, also to who is gone.
    const moved = await PostgresStorage.open(parsePostgresUrl(url)!, MARSH_RECORDS);
    const [{ accountId }] = await moved.accounts.createMany([
      { name: "Next", nameKey: "next", passwordVerifier: null, createdAtMs: 1 },
    ]);
    await moved.close();
    assertEquals(accountId, 4);
    const [status, text] = await admin("import", `${dir}/one`, ...at("other"), "--database-url", url);
    assertEquals(
      [status, /the database is not empty: there are accounts; nothing was imported/.test(text)],
      [78, true],
      text,
    );
  });
});

Deno.test("admin import refuses a file that is cut short, and one that was changed, and imports nothing", async () => {
  await withTempDir(async (dir) => {
    const first = new DirectStorage({ path: `${dir}/drawbridge.db` }, MARSH_RECORDS);
    await fill(first);
    await first.close();
    assertEquals((await admin("export", `${dir}/whole`, "--data-dir", dir))[0], 0);
    const text = await Deno.readTextFile(`${dir}/whole`);
    await Deno.writeTextFile(`${dir}/cut`, text.slice(0, text.length / 2));
    // A number that SQLite keeps as it can, and not as it is.
    await Deno.writeTextFile(`${dir}/changed`, text.replace("1760000000000", "1760000000000.5"));
    for (
      const [name, reason] of [["cut", /cut short|JSON/], ["changed", /nothing was imported/], [
        "none",
        /No such file/,
      ]] as const
    ) {
      const [status, told] = await admin("import", `${dir}/${name}`, "--data-dir", `${dir}/new`);
      assertEquals([status, reason.test(told)], [78, true], told);
    }
    assertEquals((await admin("import", `${dir}/whole`, "--data-dir", `${dir}/new`))[0], 0);
  });
});

Deno.test("admin backup copies a database that is in use, for its owner alone, and never over another file", async () => {
  await withTempDir(async (dir) => {
    const storage = new DirectStorage({ path: `${dir}/drawbridge.db` }, MARSH_RECORDS);
    await fill(storage);
    assertEquals((await admin("backup", `${dir}/copy`, "--data-dir", dir))[0], 0);
    assertEquals((await Deno.stat(`${dir}/copy`)).mode! & 0o777, 0o600);
    const copy = new DatabaseSync(`${dir}/copy`, { readOnly: true });
    assertEquals(copy.prepare("SELECT name FROM accounts ORDER BY id").all().map(({ name }) => name), ["Anna", "Bért"]);
    copy.close();
    await storage.close();
    const [status, text] = await admin("backup", `${dir}/copy`, "--data-dir", dir);
    assertEquals([status, text.includes("it already exists")], [78, true], text);
    const [, missing] = await admin("backup", `${dir}/more`, "--data-dir", `${dir}/nowhere`);
    assert(missing.includes("there is no such database"), missing);
    const [, postgres] = await admin("backup", `${dir}/more`, "--database-url", "postgres://u:p@h/d");
    assert(postgres.includes("pg_dump does that"), postgres);
  });
});
