import { loadGame } from "../../server/process/game_file.ts";
import { loadWebAssets } from "../../server/process/web_assets.ts";
import { ConfigError } from "../../shared/errors.ts";
import { WEB_FILES_BYTES_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url);

/** What is wrong with a game whose module has this code; null: it has no module. */
async function problemsOf(code: string | null): Promise<readonly string[]> {
  let problems: readonly string[] = [];
  await withTempDir(async (dir) => {
    const path = `${dir}/game.ts`;
    if (code !== null) await Deno.writeTextFile(path, code);
    try {
      await loadGame(path);
    } catch (error) {
      assert(error instanceof ConfigError, String(error));
      problems = error.problems.map((problem) => problem.replaceAll(`file://${dir}`, "").replaceAll(dir, ""));
    }
  });
  return problems;
}

Deno.test("loadGame() loads the game that comes with the server, and its entries", async () => {
  const { module, logicEntry, storageEntry, folder } = await loadGame("");
  assertEquals(module.name, "marsh");
  assertEquals(folder, new URL("games/marsh/", ROOT).href);
  assert(decodeURIComponent(logicEntry).includes(new URL("games/marsh/game.ts", ROOT).href));
  assert(decodeURIComponent(storageEntry).includes(new URL("games/marsh/records.ts", ROOT).href));
});

const TABLE: readonly [what: string, code: string | null, says: string][] = [
  ["is missing", null, "Cannot use --game /game.ts: there is no such file"],
  ["exports nothing", "export const game = 1;", "Cannot use --game /game.ts: it has no default export"],
  [
    "exports something else",
    `export default { name: "x", start() {} };`,
    "Cannot use --game /game.ts: its default export is not what defineGame gives",
  ],
  [
    "throws while loading",
    `const a = 1;\nthrow new Error("no maps");\nexport default a;`,
    "Cannot load game /game.ts: Error: no maps at /game.ts:2:7",
  ],
];
for (const [what, code, says] of TABLE) {
  Deno.test(`loadGame() says what is wrong with a game that ${what}`, async () => {
    assertEquals(await problemsOf(code), [says]);
  });
}

Deno.test("loadGame() says in which line a game cannot be compiled", async () => {
  const [problem] = await problemsOf("const a = 1;\nexport default ((;\n");
  assert(/^Cannot load game \/game\.ts: .*\/game\.ts:2:1\d/s.test(problem), problem);
});

Deno.test("loadGame() says which module a game misses", async () => {
  const [problem] = await problemsOf(`import "./rules.ts";\nexport default 1;\n`);
  // The place is the game's, not ours, and without the colours that the runtime gives it.
  assert(/^Cannot load game \/game\.ts: .*\/rules\.ts.*at \/game\.ts:1:8$/s.test(problem), problem);
});

Deno.test("loadGame() says that a folder is no module", async () => {
  const folder = new URL("games/tag", ROOT).pathname;
  const { problems } = await assertRejects(() => loadGame(folder), ConfigError);
  assertEquals(problems, [`Cannot use --game ${folder}: it is a folder, give its game.ts`]);
});

Deno.test("loadGame() says that a file of another kind is no module", async () => {
  const file = new URL("README.md", ROOT).pathname;
  const { problems } = await assertRejects(() => loadGame(file), ConfigError);
  assertEquals(problems, [`Cannot use --game ${file}: it is no module, give a game.ts`]);
});

Deno.test("loadWebAssets() serves what a browser reads, dist at the root, and no sources", async () => {
  await withTempDir(async (dir) => {
    await Deno.mkdir(`${dir}/dist/img`, { recursive: true });
    for (const file of ["index.html", "page.ts", "dist/page.js", "dist/img/hat 1.png", "notes.md"]) {
      await Deno.writeTextFile(`${dir}/${file}`, file);
    }
    const assets = await loadWebAssets(new URL(`file://${dir}/`));
    assertEquals([...assets.keys()].sort(), ["/img/hat 1.png", "/index.html", "/page.js"]);
    assertEquals(assets.get("/index.html")?.type, "text/html; charset=utf-8");
    await Deno.writeFile(`${dir}/large.txt`, new Uint8Array(WEB_FILES_BYTES_MAX));
    await assertRejects(() => loadWebAssets(new URL(`file://${dir}/`)), ConfigError);
  });
});

Deno.test("loadWebAssets() takes a game without a page", async () => {
  assertEquals((await loadWebAssets(new URL("no-such-folder/", import.meta.url))).size, 0);
});
