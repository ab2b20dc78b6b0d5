/** Admin commands where no server runs. @module */

import { createHash } from "node:crypto";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { PasswordHasher } from "../../server/auth/password.ts";
import { loadAdminToken } from "../../server/ops/admin_token_file.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { DOCUMENTS } from "../../server/storage/document_store.ts";
import { runAdmin } from "../../tools/admin.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { CLOSED_PORT } from "../support/free_port.ts";
import { TestPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { withTempDir } from "../support/temp_dir.ts";

/** A data folder as a server leaves it, with the account bot1, and a command line for it. */
async function withStoppedServer(
  test: (folder: { readonly dataDir: string; admin(...args: string[]): Promise<[number, string]> }) => Promise<void>,
  { env = {} }: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  await withTempDir(async (dataDir) => {
    const admin = async (...args: string[]): Promise<[number, string]> => {
      const lines: string[] = [];
      const output = { print: (text: string) => lines.push(text), report: (text: string) => lines.push(text) };
      const flags = ["--data-dir", dataDir, ...args[0] === "players" ? [] : ["--admin-port", String(CLOSED_PORT)]];
      const status = await runAdmin([...args, ...flags], env, output);
      return [status, lines.join("\n").replaceAll(dataDir, "DIR").replaceAll(`:${CLOSED_PORT};`, ":PORT;")];
    };
    await loadAdminToken(dataDir);
    for (const name of ["login", "game"]) await Deno.writeTextFile(`${dataDir}/${name}.lock`, "process 7\n");
    assertEquals((await admin("players", "--count", "1", "--tokens", `${dataDir}/tokens`))[0], 0);
    await test({ dataDir, admin });
  });
}

async function accountOf(dataDir: string) {
  const storage = new DirectStorage({ path: `${dataDir}/drawbridge.db` }, MARSH_RECORDS);
  try {
    const account = await storage.accounts.findByName("bot1");
    assert(account !== undefined);
    return account;
  } finally {
    await storage.close();
  }
}

const WHERE = "(in DIR, where no server runs)";

Deno.test("admin changes accounts, mutes and bans of a stopped server in its database", async () => {
  await withStoppedServer(async ({ dataDir, admin }) => {
    const before = await accountOf(dataDir);
    const [status, text] = await admin("password", "bot1");
    assertEquals(status, 0);
    const [, done, password] = /^(.*)\nThe password: (\w+)$/.exec(text)!;
    assertEquals(done, `bot1 has a new password, and its sessions and tokens have ended ${WHERE}`);
    const after = await accountOf(dataDir);
    assert(after.tokenEpoch > before.tokenEpoch);
    const clientHash = createHash("sha256").update(password).digest("hex");
    assert(await new PasswordHasher().verify(clientHash, after.passwordVerifier, "test"));

    assertEquals((await admin("delete", "bot1"))[0], 0);
    assert((await accountOf(dataDir)).deleteAtMs !== null);
    assertEquals(await admin("restore", "bot1"), [0, `bot1 will not be deleted ${WHERE}`]);
    assertEquals((await accountOf(dataDir)).deleteAtMs, null);
    assertEquals(await admin("restore", "bot1"), [1, "Cannot run restore: bot1 is not going to be deleted"]);

    assertEquals((await admin("ban", "bot1", "--for", "7d", "--by", "anna"))[0], 0);
    const [listed, list] = await admin("list");
    assertEquals([listed, list.split("\n").slice(0, 2)], [0, ["0 online", "1 mute or ban"]]);
    assert(list.includes("ban  bot1  another 7 d"), list);
    assertEquals(await admin("unban", "bot1"), [0, `bot1 is no longer banned ${WHERE}`]);
  });
});

Deno.test("admin opens a stopped server's data with the game it belongs to, and with no other", async () => {
  const env = { DRAWBRIDGE_GAME: "games/tag/game.ts" };
  await withStoppedServer(async ({ admin }) => {
    assertEquals(await admin("restore", "bot1"), [1, "Cannot run restore: bot1 is not going to be deleted"]);
    assertEquals((await admin("ban", "bot1", "--for", "7d"))[0], 0);
    const other = await admin("unban", "bot1", "--game", "games/marsh/game.ts");
    assertEquals(other, [
      78,
      "Cannot run unban:\n  - Cannot use database: it belongs to the game tag, and this is marsh; " +
      "give each game a data folder of its own\nAll flags: deno task admin unban --help",
    ]);
    const missing = await admin("unban", "bot1", "--game", "games/none/game.ts");
    assertEquals([missing[0], missing[1].includes("Cannot use --game games/none/game.ts")], [78, true]);
    assertEquals(await admin("unban", "bot1"), [0, `bot1 is no longer banned ${WHERE}`]);
  }, { env });
});

Deno.test("admin takes a configuration that holds options of the game", async () => {
  const env = { DRAWBRIDGE_MONSTERS: "off" };
  await withStoppedServer(async ({ admin }) => {
    assertEquals((await admin("list", "--guild-war-minutes", "30"))[0], 0);
    assertEquals((await admin("list", "--guild-war-minutes", "0"))[0], 78);
  }, { env });
});

Deno.test("admin plans maintenance of a stopped server for its next start", async () => {
  await withStoppedServer(async ({ dataDir, admin }) => {
    assertEquals(await admin("maintenance", "on", "--message", "New maps"), [0, `Maintenance begins now ${WHERE}`]);
    const plan = JSON.parse(await Deno.readTextFile(`${dataDir}/maintenance.json`));
    assertEquals([plan.message, plan.allow], ["New maps", []]);
    assertEquals(await admin("maintenance", "off"), [0, `Maintenance is over ${WHERE}`]);
    assertEquals(await admin("maintenance", "off"), [1, "Cannot run maintenance: There is no maintenance"]);
  });
});

Deno.test("admin leaves a data folder alone that a server uses, and says what to do", async () => {
  await withStoppedServer(async ({ dataDir, admin }) => {
    const refused = (act: string, host = "127.0.0.1") =>
      `Cannot run ${act}: No server listens at http://${host}:PORT; start it, or give its --admin-host and --admin-port`;
    assertEquals(await admin("kick", "bot1"), [1, refused("kick")]);
    assertEquals(await admin("announce", "Hello"), [1, refused("announce")]);
    using lock = Deno.openSync(`${dataDir}/game.lock`, { read: true, write: true });
    assert(lock.tryLockSync(true));
    assertEquals(await admin("revoke", "bot1"), [1, refused("revoke")]);
    assertEquals(await admin("maintenance", "on"), [1, refused("maintenance")]);
    assertEquals((await accountOf(dataDir)).tokenEpoch, 0);
  });
});

Deno.test("admin makes no database where there is none", async () => {
  await withStoppedServer(async ({ dataDir, admin }) => {
    for await (const { name } of Deno.readDir(dataDir)) {
      if (name.startsWith("drawbridge.db")) await Deno.remove(`${dataDir}/${name}`);
    }
    const [status, text] = await admin("list");
    assertEquals([status, text.includes("No server listens")], [1, true]);
    assert(![...Deno.readDirSync(dataDir)].some(({ name }) => name.startsWith("drawbridge.db")));
  });
});

programTest(
  "postgresql",
  "admin changes accounts, mutes and bans on PostgreSQL while no server runs there, without a data folder",
  async () => {
    await using database = await TestPostgres.start();
    const url = await database.createDatabase();
    await withTempDir(async (dir) => {
      const admin = async (...args: string[]): Promise<[number, string]> => {
        const lines: string[] = [];
        const output = { print: (text: string) => lines.push(text), report: (text: string) => lines.push(text) };
        const flags = args[0] === "players" ? [] : ["--admin-port", String(CLOSED_PORT)];
        const env = { DRAWBRIDGE_DATABASE_URL: url, DRAWBRIDGE_DATA_DIR: `${dir}/none` };
        return [await runAdmin([...args, ...flags], env, output), lines.join("\n")];
      };
      assertEquals((await admin("players", "--count", "1", "--tokens", `${dir}/tokens`))[0], 0);
      const where = `(in postgres://drawbridge@127.0.0.1:${database.port}/test_1, where no server runs)`;
      assertEquals((await admin("ban", "bot1", "--for", "7d"))[0], 0);
      const [, list] = await admin("list");
      assert(list.includes("ban  bot1  another 7 d"), list);
      assertEquals(await admin("unban", "bot1"), [0, `bot1 is no longer banned ${where}`]);
      assertEquals((await admin("delete", "bot1"))[0], 0);
      assertEquals(await admin("restore", "bot1"), [0, `bot1 will not be deleted ${where}`]);

      const entry = "1, 'run', 'Dragon Server', '10.0.0.7', 8081, '', 0, 100, 0";
      await database.query(
        "INSERT INTO nodes (server_id, incarnation, server_name, host, game_port, gateway_url, current_players, " +
          `max_players, is_draining, lease_until_ms) VALUES (${entry}, extract(epoch FROM now()) * 1000 + 600000)`,
        "test_1",
      );
      const [status, text] = await admin("ban", "bot1");
      assertEquals([status, text.includes("Servers run on postgres://drawbridge@")], [1, true], text);
      assert(text.includes("1 (Dragon Server, 10.0.0.7); ask one of them, by its --admin-host and --admin-port"), text);
    });
  },
);

Deno.test("admin lists, shows, puts aside and restores documents of a stopped server", async () => {
  const env = { DRAWBRIDGE_GAME: "games/tag/game.ts" };
  await withStoppedServer(async ({ dataDir, admin }) => {
    const storage = new DirectStorage({ path: `${dataDir}/drawbridge.db` }, { game: "tag", stores: [] });
    const { accountId } = (await storage.accounts.findByName("bot1"))!;
    const key = String(accountId);
    const content = { version: 1, bytes: new Uint8Array([255]), indexes: {}, playerId: accountId, countMax: 1 };
    await storage.of(DOCUMENTS).commit({
      changes: [{ collection: "purses", key, revision: 0, content }],
      receipt: null,
    });
    const at = (collection: string) => storage.of(DOCUMENTS).load({ collection, key });
    const before = await at("purses");

    const [listed, list] = await admin("documents", "list");
    assertEquals([listed, list.split("\n")[0]], [0, "1 documents unreadable or put aside"]);
    assert(list.includes(`purses ${key}  version 1, `), list);
    const [shown, text] = await admin("documents", "show", "purses", key);
    assert(shown === 0 && text.includes("\n  ff\nbase64 /w=="), text);
    assertEquals(await admin("documents", "aside", "purses", key), [
      0,
      `Document purses ${key} is put aside ${WHERE}`,
    ]);
    assertEquals(await at("purses"), undefined);
    assertEquals((await admin("documents", "aside", "purses", key))[0], 1);
    assertEquals(await admin("documents", "restore", "purses", key), [
      0,
      `Document purses ${key} is back in place ${WHERE}`,
    ]);
    assertEquals((await at("purses"))?.bytes, before?.bytes);
    await storage.close();

    const [missing, problem] = await admin("documents", "show", "scrolls", key);
    assertEquals([missing, problem.includes("There is no collection scrolls. The game has ")], [1, true]);
    assertEquals((await admin("documents", "show", "purses"))[0], 78);
    assertEquals((await admin("documents", "burn", "purses", key))[0], 78);
  }, { env });
});
