import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { hashPassword } from "../../client/password.ts";
import { PasswordHasher } from "../../server/auth/password.ts";
import { loadSessionKey } from "../../server/auth/key_file.ts";
import { SessionTokens } from "../../server/auth/token.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { BULK_PLAYERS_BATCH } from "../../tools/limits.ts";
import { ConfigError } from "../../shared/errors.ts";
import { runAdmin } from "../../tools/admin.ts";
import { createPlayers, parsePlayersOptions } from "../../tools/admin_players.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

/** Runs the command line and keeps what it writes. */
async function admin(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const printed: string[] = [], reported: string[] = [];
  const output = {
    print: (text: string) => void printed.push(text),
    report: (text: string) => void reported.push(text),
  };
  const status = await runAdmin(args, env, output);
  return { status, printed: printed.join("\n"), reported: reported.join("\n") };
}

async function readTokens(path: string): Promise<[name: string, token: string][]> {
  const text = await Deno.readTextFile(path);
  assert(text.endsWith("\n"));
  return text.trimEnd().split("\n").map((line) => line.split(" ") as [string, string]);
}

Deno.test("admin players creates accounts and writes a token each that the server believes", async () => {
  await withTempDir(async (dir) => {
    const dataDir = `${dir}/data`, tokensPath = `${dir}/tokens`;
    const { status, reported } = await admin(["players", "--count=3", "--prefix", "bot", "--tokens", tokensPath], {
      DRAWBRIDGE_DATA_DIR: dataDir,
    });
    assertEquals([status, reported], [
      0,
      `3 players created, 0 were there; 3 tokens, good for 24 hours, written to ${tokensPath}`,
    ]);
    const lines = await readTokens(tokensPath);
    assertEquals(lines.map(([name]) => name), ["bot1", "bot2", "bot3"]);
    const tokens = await SessionTokens.create({ key: await loadSessionKey(dataDir) });
    const storage = new DirectStorage({ path: `${dataDir}/drawbridge.db` }, MARSH_RECORDS);
    for (const [name, token] of lines) {
      const verdict = await tokens.verify(token, Date.now());
      assert(verdict.ok && verdict.name === name);
      assertEquals((await storage.accounts.find(verdict.playerId))?.passwordVerifier, null);
      assert(await storage.characters.load({ accountId: verdict.playerId, characterId: 0 }) !== undefined);
    }
    await storage.close();
  });
});

Deno.test("admin players can be repeated and extended while the database is open elsewhere", async () => {
  await withTempDir(async (dataDir) => {
    const running = new DirectStorage({ path: `${dataDir}/drawbridge.db` }, MARSH_RECORDS);
    const bot2 = { name: "BOT2", nameKey: "bot2", passwordVerifier: "v", createdAtMs: 1 };
    const existing = await running.accounts.create(bot2);
    assert(existing.kind === "created");
    const tokensPath = `${dataDir}/tokens`;
    const args = ["players", "--tokens", tokensPath, "--data-dir", dataDir];
    assertEquals((await admin([...args, "--count", "2"])).status, 0);
    const first = await readTokens(tokensPath);
    const { reported } = await admin([...args, "--count", "4"]);
    assert(reported.startsWith("2 players created, 2 were there; 4 tokens"), reported);
    const second = await readTokens(tokensPath);
    assertEquals(second.map(([name]) => name), ["bot1", "BOT2", "bot3", "bot4"]);
    assertEquals((await running.accounts.find(existing.accountId))?.passwordVerifier, "v");

    const tokens = await SessionTokens.create({ key: await loadSessionKey(dataDir) });
    for (const lines of [first, second]) {
      assertEquals(await tokens.verify(lines[1][1], Date.now()), {
        ok: true,
        playerId: existing.accountId,
        name: "BOT2",
        createdAtMs: 1,
        tokenEpoch: 0,
        clientVersion: null,
      });
    }
    await running.close();
  });
});

Deno.test("admin players keeps tokens and database to their owner, also over a file that was there", async () => {
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/tokens`, "old and longer than what comes\n".repeat(100), { mode: 0o644 });
    await admin(["players", "--count", "1", "--tokens", `${dir}/tokens`, "--data-dir", `${dir}/data`]);
    const modeOf = async (path: string) => ((await Deno.stat(path)).mode ?? 0) & 0o777;
    assertEquals(await modeOf(`${dir}/tokens`), 0o600);
    assertEquals(await modeOf(`${dir}/data`), 0o700);
    assertEquals(await modeOf(`${dir}/data/drawbridge.db`), 0o600);
    assertEquals((await readTokens(`${dir}/tokens`)).length, 1);
  });
});

Deno.test("admin players --passwords gives new accounts one password, and never replaces one", async () => {
  await withTempDir(async (dir) => {
    const tokensPath = `${dir}/tokens`;
    const args = ["players", "--tokens", tokensPath, "--data-dir", dir, "--passwords", "on", "--count"];
    assertEquals((await admin([...args, "2"])).status, 0);
    const text = await Deno.readTextFile(tokensPath);
    const lines = text.trimEnd().split("\n").map((line) => line.split(" "));
    assertEquals(lines.map(([name, , password]) => [name, password.length]), [["bot1", 24], ["bot2", 24]]);
    assertEquals(lines[0][2], lines[1][2]);
    const storage = new DirectStorage({ path: `${dir}/drawbridge.db` }, MARSH_RECORDS);
    for (const [name, , password] of lines) {
      const account = await storage.accounts.findByName(name);
      const hash = await hashPassword(password);
      assert(await new PasswordHasher().verify(hash, account!.passwordVerifier, "test"), name);
    }
    await storage.close();
    const again = await admin([...args, "3"]);
    assertEquals(again.status, 78);
    assert(again.reported.includes("Cannot give bot1 a password: the account exists; choose another --prefix"));
    assertEquals(await Deno.readTextFile(tokensPath), text);
    const { reported } = await admin(["players", "--count", "1", "--data-dir", dir, "--passwords", "yes"]);
    assert(reported.includes('Cannot use --passwords "yes": expected on or off'), reported);
  });
});

Deno.test("createPlayers() makes every account of several batches once, with tokens of the given lifetime", async () => {
  const storage = new DirectStorage({ path: ":memory:" }, MARSH_RECORDS);
  const tokens = await SessionTokens.create({ key: new Uint8Array(32).fill(7), lifetimeMs: 3_600_000 });
  const count = 2 * BULK_PLAYERS_BATCH + 1;
  const created = await createPlayers({ count, prefix: "load_" }, { storage, tokens, nowMs: () => 5_000_000 });
  assertEquals([created.newCount, created.tokens.length], [count, count]);
  assertEquals(new Set(created.tokens.map(({ name }) => name)).size, count);
  const { name, token } = created.tokens[count - 1];
  assertEquals(name, `load_${count}`);
  assertEquals((await tokens.verify(token, 5_000_000 + 3_599_000)).ok, true);
  assertEquals(await tokens.verify(token, 5_000_000 + 3_600_000), { ok: false, error: "token_expired" });
  await storage.close();
});

const BAD: readonly { readonly args: readonly string[]; readonly problems: readonly string[] }[] = [
  { args: [], problems: ["Cannot create players without --count: expected 1 to 100000"] },
  { args: ["--count", "0"], problems: ['Cannot use --count "0": expected 1 to 100000'] },
  { args: ["--count", "100001"], problems: ['Cannot use --count "100001": expected 1 to 100000'] },
  { args: ["--count", "1.5"], problems: ['Cannot use --count "1.5": expected 1 to 100000'] },
  { args: ["--count=1", "--tokens"], problems: ["Cannot use --tokens without a value"] },
  { args: ["--count=1", "--prefix="], problems: ["Cannot use --prefix without a value"] },
  {
    args: ["--count=1", "--prefix", "b"],
    problems: ['Cannot use --prefix "b": "b1" is no name of 3 to 20 letters, digits, _ or -'],
  },
  {
    args: ["--count=1000", "--prefix", "p".repeat(17)],
    problems: [
      `Cannot use --prefix "${"p".repeat(17)}": "${"p".repeat(17)}1000" is no name of 3 to 20 letters, digits, _ or -`,
    ],
  },
  {
    args: ["--count=1", "--prefix", "a b"],
    problems: ['Cannot use --prefix "a b": "a b1" is no name of 3 to 20 letters, digits, _ or -'],
  },
  { args: ["--count=1", "--cuont=2"], problems: ["Unknown flag --cuont"] },
  {
    args: ["--count=1", "--database-url", "sqlite::memory:"],
    problems: ["Cannot create players in memory: --database-url must name a file"],
  },
  {
    args: ["--count=x", "--tick-ms=1", "--tokens", "--prefix"],
    problems: [
      "Cannot use --tokens without a value",
      "Cannot use --prefix without a value",
      'Cannot use --count "x": expected 1 to 100000',
      'Cannot use --tick-ms "1": expected an integer from 10 to 1000',
    ],
  },
];

for (const { args, problems } of BAD) {
  Deno.test(`parsePlayersOptions() refuses ${JSON.stringify(args)}`, () => {
    assertEquals(assertThrows(() => parsePlayersOptions(args, {}), ConfigError).problems, problems);
  });
}

Deno.test("parsePlayersOptions() takes the longest names, and the server's flags and environment", () => {
  const { count, prefix, tokensPath, config } = parsePlayersOptions(
    ["--count=999", "--prefix", "p".repeat(17), "--session-token-hours", "2"],
    { DRAWBRIDGE_DATA_DIR: "/srv/x" },
  );
  assertEquals([count, prefix.length, tokensPath, config.dataDir, config.sessionTokenHours], [
    999,
    17,
    "-",
    "/srv/x",
    2,
  ]);
});

Deno.test("admin exits 78 on an unknown command or bad flags, and says what is wrong", async () => {
  for (const args of [[], ["player"], ["players"], ["players", "--count", "no"], ["players", "x"]]) {
    const { status, printed, reported } = await admin(args);
    assertEquals([status, printed], [78, ""], args.join(" "));
    assert(reported.includes("deno task admin"), reported);
  }
});

Deno.test("admin exits 78 when the data folder or the tokens' file cannot be used, and creates nothing", async () => {
  await withTempDir(async (dir) => {
    await Deno.writeTextFile(`${dir}/file`, "");
    const folder = await admin(["players", "--count=1", "--data-dir", `${dir}/file/data`]);
    assertEquals(folder.status, 78);
    assert(folder.reported.includes("Cannot use --data-dir"), folder.reported);
    const tokens = await admin(["players", "--count=1", "--data-dir", dir, "--tokens", `${dir}/file/tokens`]);
    assertEquals(tokens.status, 78);
    assert(tokens.reported.includes("Cannot write --tokens"), tokens.reported);
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["file"]);
  });
});

Deno.test("admin prints help on standard output and exits 0", async () => {
  for (const args of [["--help"], ["-h"], ["players", "--help"], ["players", "--count", "x", "-h"]]) {
    const { status, printed, reported } = await admin(args);
    assertEquals([status, reported], [0, ""]);
    assert(printed.includes("Usage: deno task admin"), printed);
  }
});
