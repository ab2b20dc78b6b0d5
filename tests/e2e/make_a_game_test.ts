/** docs/make-a-game.md: each of its snippets goes into the file it names, and the game passes the tests printed there. @module */

import { assert, assertEquals } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

async function run(cwd: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success, `deno ${args.join(" ")}:\n${out}${errors}`);
  return out;
}

/** How a game begins. */
const DEFINITION = /^export default defineGame\([^]*?=> \{$/m;

/**
 * A file with a snippet in it: imports at the top, rules at the end of the game's function, another beginning of it in
 * place of the one there, all else at the end.
 */
function withSnippet(file: string, text: string, snippet: string): string {
  if (file === "game.proto") return `${text}\n${snippet}`;
  if (DEFINITION.test(snippet)) return text.replace(DEFINITION, () => snippet.trimEnd());
  const imports = snippet.match(/^import [^]*?;$/gm)?.join("\n") ?? "";
  const rest = snippet.replaceAll(/^import [^]*?;$/gm, "");
  const end = file === "game.ts" ? text.lastIndexOf("});") : text.length;
  return `${imports}\n${text.slice(0, end)}\n${rest}\n${text.slice(end)}`;
}

Deno.test("docs/make-a-game.md leads from deno task new to a game that passes its tests", async () => {
  const text = await Deno.readTextFile(`${ROOT}docs/make-a-game.md`);
  const blocks = [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language, code]) => ({ language, code }));
  assertEquals(blocks.filter(({ language }) => language === "sh").map(({ code }) => code.split("\n")), [
    ["deno task new ../my-game", "cd ../my-game", "deno task test", "deno task dev", ""],
    [
      "deno task admin players --count 200 --prefix bot --tokens bots.txt",
      "deno task loadtest --tokens bots.txt --connections 200 --duration 60",
      "",
    ],
  ]);
  await withTempDir(async (dir) => {
    const folder = `${dir}/my-game`;
    await run(ROOT, "task", "new", folder);
    let count = 0;
    for (const { language, code } of blocks) {
      if (language === "sh") continue;
      const [, file, snippet] = /^\/\/ (game\.proto|game\.ts|game_test\.ts|web\/page\.ts)\n([^]*)$/.exec(code) ?? [];
      assert(file !== undefined, `A snippet names no file:\n${code}`);
      const path = `${folder}/${file}`;
      await Deno.writeTextFile(path, withSnippet(file, await Deno.readTextFile(path), snippet));
      count++;
    }
    assertEquals(count, 17);
    await run(folder, "task", "generate");
    await run(folder, "check", "--quiet");
    const tested = await run(folder, "task", "test");
    assert(tested.includes("5 passed | 0 failed"), tested);
  });
});

Deno.test("README.md shows the rule of the game that deno task new makes", async () => {
  const [, shown] = /^```ts ignore\n(game\.on\([^]*?)^```$/m.exec(await Deno.readTextFile(`${ROOT}README.md`)) ?? [];
  const rules = await Deno.readTextFile(`${ROOT}games/template/game.ts`);
  assert(shown !== undefined && rules.replaceAll(/^ {2}/gm, "").includes(shown), "They differ");
});
