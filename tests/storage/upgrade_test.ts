import { DatabaseSync } from "node:sqlite";
import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import { GUILDS, RANK_OFFICER } from "../../games/parts/guilds/guild_store.ts";
import { ALL_TIME, SCORES } from "../../games/parts/leaderboards/score_store.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { ConfigError } from "../../shared/errors.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

/**
 * Databases as the program of each schema version left them, written out as SQL. All were made by the same requests, as
 * far as that program knew them: see `fill()`.
 */
const FIXTURES = new URL("fixtures/", import.meta.url);
const NOW_MS = 1_760_000_000_000;
const DAY = 20_370;
const NAMES = ["Ann", "Bert", "Cleo", "Dora"];

/** What was asked of the programs that made the fixtures. */
async function fill(storage: DirectStorage): Promise<void> {
  const ids: number[] = [];
  for (const name of NAMES) {
    const account = { name, nameKey: name.toLowerCase(), passwordVerifier: `verifier of ${name}`, createdAtMs: NOW_MS };
    const result = await storage.accounts.create(account);
    assert(result.kind === "created");
    const { accountId } = result;
    ids.push(accountId);
    const { characterId } = (await storage.characters.load({ accountId, characterId: 0 }))!;
    const place = { mapId: 0, x: ids.length * 1.5, y: 0, z: -2.25, yaw: 0.5, hp: 80 };
    await storage.characters.save({ characterId, ...place });
  }
  const [ann, bert, cleo, dora] = ids;
  const social = storage.of(SOCIAL), guilds = storage.of(GUILDS);
  await social.requestFriend({ playerId: ann, otherId: bert, atMs: NOW_MS });
  await social.requestFriend({ playerId: bert, otherId: ann, atMs: NOW_MS });
  await social.requestFriend({ playerId: cleo, otherId: ann, atMs: NOW_MS });
  await social.addIgnored({ playerId: dora, otherId: ann });
  await social.keepWhisper({ recipientId: bert, senderId: ann, message: "see you", sentAtMs: NOW_MS });
  for (const [leaderId, name, tag] of [[ann, "Wolves", "WLF"], [dora, "Foxes", "FOX"]] as const) {
    const keys = { nameKey: name.toLowerCase(), tagKey: tag.toLowerCase() };
    await guilds.create({ leaderId, name, tag, ...keys, createdAtMs: NOW_MS });
  }
  const times = { nowMs: NOW_MS, expiresAtMs: NOW_MS + 1e9 };
  await guilds.invite({ inviterId: ann, nameKey: "bert", ...times });
  await guilds.join({ playerId: bert, guildId: 1, nowMs: NOW_MS });
  await guilds.invite({ inviterId: ann, nameKey: "cleo", ...times });
  const war = { enemyGuildId: 0, enemyNameKey: "foxes", nowMs: NOW_MS, endsAtMs: NOW_MS + 3_600_000 };
  await guilds.declareWar({ actorId: ann, ...war });
  await guilds.addKills([{ killerId: bert, victimId: dora, atMs: NOW_MS + 5 }]);
  await storage.of(SCORES).add([{ killerId: bert, victimId: dora, day: DAY }, {
    killerId: ann,
    victimId: null,
    day: DAY,
  }]);
  const mute = { kind: "mute", playerId: cleo, address: null, reason: "spam", moderator: "op" } as const;
  await storage.sanctions.set({ ...mute, createdAtMs: NOW_MS, endsAtMs: null });
}

/** All that players see of a database, by the version from which on it was kept. */
async function contents(storage: DirectStorage): Promise<Map<number, unknown>> {
  const accounts = await Promise.all(NAMES.map((name) => storage.accounts.findByName(name.toLowerCase())));
  const each = <T>(ask: (playerId: number) => Promise<T>) => Promise.all(accounts.map((one) => ask(one!.accountId)));
  const of = { social: storage.of(SOCIAL), guilds: storage.of(GUILDS), scores: storage.of(SCORES) };
  return new Map<number, unknown>([
    [1, [accounts, await each((accountId) => storage.characters.load({ accountId, characterId: 0 }))]],
    [
      3,
      [
        await each((playerId) => of.social.load(playerId)),
        await each((recipientId) => of.social.listWhispers({ recipientId, sentFromMs: 0 })),
        await each((playerId) => of.guilds.loadOf({ playerId })),
        await each((playerId) => of.guilds.findInvites({ playerId, nowMs: NOW_MS })),
      ],
    ],
    [
      4,
      [
        await each((playerId) => storage.sanctions.ofPlayer({ playerId, nowMs: NOW_MS })),
        await of.scores.top({ board: "kills", day: DAY, limit: 9 }),
        await each((playerId) => of.scores.of({ board: "monsterKills", day: ALL_TIME, playerId })),
      ],
    ],
  ]);
}

function schemaOf(path: string): unknown[] {
  using database = new DatabaseSync(path);
  assertEquals(database.prepare("PRAGMA integrity_check").all().map((row) => ({ ...row })), [{
    integrity_check: "ok",
  }]);
  assertEquals(database.prepare("PRAGMA foreign_key_check").all(), []);
  const tables = database.prepare("PRAGMA table_list").all().filter(({ name }) => !String(name).startsWith("sqlite_"));
  assertEquals(tables.filter(({ strict }) => strict !== 1).map(({ name }) => name), [], "tables that take any type");
  const rows = database.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name").all();
  const versions = database.prepare("SELECT name, version FROM schema_versions ORDER BY name").all();
  return [...rows, ...versions].map((row) => ({ ...row }));
}

async function fixtures(): Promise<{ version: number; sql: string }[]> {
  const found: { version: number; sql: string }[] = [];
  for await (const { name } of Deno.readDir(FIXTURES)) {
    found.push({ version: Number(/\d+/.exec(name)), sql: await Deno.readTextFile(new URL(name, FIXTURES)) });
  }
  return found.sort((a, b) => a.version - b.version);
}

Deno.test("A database of every version before becomes the same as a new one, with all that was in it", async () => {
  await withTempDir(async (dir) => {
    const fresh = new DirectStorage({ path: `${dir}/fresh.db` }, MARSH_RECORDS);
    await fill(fresh);
    const expected = await contents(fresh);
    await fresh.close();
    const schema = schemaOf(`${dir}/fresh.db`);
    const all = await fixtures();
    assertEquals(all.map(({ version }) => version), [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    for (const { version, sql } of all) {
      const path = `${dir}/${version}.db`;
      const old = new DatabaseSync(path);
      old.exec(sql);
      old.close();
      const storage = new DirectStorage({ path, isChecked: true }, MARSH_RECORDS);
      const found = await contents(storage);
      for (const [since, value] of expected) {
        if (since <= version) assertEquals(found.get(since), value, `what was kept since ${since}, of ${version}`);
      }
      // It goes on as a new one does: the next account has the next id, and the leader's deletion hands the guild on.
      const next = await storage.accounts.create({ name: "Ed", nameKey: "ed", passwordVerifier: null, createdAtMs: 1 });
      assertEquals(next, { kind: "created", accountId: NAMES.length + 1 });
      assertEquals((await storage.accounts.remove({ accountId: 1, nowMs: NOW_MS, isDue: false })).kind, "removed");
      const guild = await storage.of(GUILDS).loadOf({ playerId: 2 });
      if (version >= 3) {
        assertEquals(guild?.members.map(({ name, rank }) => [name, rank > RANK_OFFICER]), [["Bert", true]]);
      }
      await storage.close();
      assertEquals(schemaOf(path), schema, `version ${version}`);
    }
  });
});

Deno.test("A database of another game is refused, one from before games had names too, and stays as it is", async () => {
  await withTempDir(async (dir) => {
    const other = { game: "other", stores: MARSH_RECORDS.stores };
    const open = (path: string) => () => new DirectStorage({ path }, other);
    const path = `${dir}/marsh.db`;
    await new DirectStorage({ path }, MARSH_RECORDS).close();
    assertThrows(open(path), ConfigError, "it belongs to the game marsh, and this is other");
    const [{ sql }] = await fixtures();
    const old = new DatabaseSync(`${dir}/old.db`);
    old.exec(sql);
    old.close();
    assertThrows(open(`${dir}/old.db`), ConfigError, "it belongs to a game without a name, and this is other");
    await new DirectStorage({ path: `${dir}/old.db` }, MARSH_RECORDS).close();
  });
});
