/** What `deno task dev` makes of the files of a game. @module */

import { type Change, changeOf, GameFiles } from "../../tools/dev/game_files.ts";
import { check, StepError } from "../../tools/dev/steps.ts";
import { type DevServer, Workbench } from "../../tools/dev/workbench.ts";
import { assertEquals } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

Deno.test("changeOf() says what follows from a change of each file of a game, and that nothing does from those beside it", () => {
  const TABLE: Readonly<Record<string, Change | undefined>> = {
    "game.ts": "code",
    "rules/match.ts": "code",
    "maps.json": "code",
    "contract.ts": "code",
    "game.proto": "proto",
    "records.ts": "restart",
    "deno.json": "restart",
    "web/page.ts": "page",
    "web/arena/draw.ts": "page",
    "web/style.css": "asset",
    "web/index.html": "asset",
    "web/dist/page.js": "asset",
    "game_test.ts": undefined,
    "README.md": undefined,
    "game.ts~": undefined,
    ".game.ts.swp": undefined,
    ".git/HEAD": undefined,
    "data/drawbridge.db": undefined,
    "data/plan.json": undefined,
    "deno.lock": undefined,
    "node_modules/x/index.js": undefined,
  };
  for (const [path, change] of Object.entries(TABLE)) assertEquals(changeOf(path), change, path);
});

Deno.test("GameFiles.look() finds what is another, new or gone, however it was written, and nothing that is the same", async () => {
  await withTempDir(async (dir) => {
    const files = new GameFiles(`${dir}/`);
    const write = (path: string, text: string) => Deno.writeTextFile(`${dir}/${path}`, text);
    await Deno.mkdir(`${dir}/web/dist`, { recursive: true });
    await Deno.mkdir(`${dir}/data`);
    for (const path of ["game.ts", "match.ts", "game.proto", "web/page.ts", "data/x.json"]) await write(path, "1");
    assertEquals((await files.look()).sort(), ["game.proto", "game.ts", "match.ts", "web/page.ts"]);
    assertEquals(await files.look(), []);
    // An editor writes another file and puts it in the place; one that saves the same changes nothing.
    await write("game.ts.new", "2");
    await Deno.rename(`${dir}/game.ts.new`, `${dir}/game.ts`);
    await write("match.ts", "1");
    await write("data/x.json", "2");
    assertEquals(await files.look(), ["game.ts"]);
    // A branch with a hundred files more, and without one.
    await Deno.remove(`${dir}/match.ts`);
    for (let index = 0; index < 100; index++) await write(`rule${index}.ts`, "1");
    assertEquals((await files.look()).length, 101);
    // What the tools make is no news once it is taken over; what somebody has written meanwhile still is.
    for (const path of ["contract.ts", "game_pb.ts", "web/dist/page.js", "game.ts"]) await write(path, "3");
    await files.adopt();
    assertEquals(await files.look(), ["game.ts"]);
  });
});

Deno.test("check() tells each problem at the margin, what explains it set in, and paths from the folder", async () => {
  await withTempDir(async (dir) => {
    // Blanks are written in another way in URLs.
    const folder = `${await Deno.realPath(dir)}/my game/`;
    await Deno.mkdir(folder);
    const write = (path: string, text: string) => Deno.writeTextFile(`${folder}${path}`, text);
    await write("deno.json", "{}");
    await write("purse.ts", "export const answer = 42;\nexport interface Purse {\n  of: { coins: number };\n}\n");
    await write(
      "game.ts",
      'import { anser, type Purse } from "./purse.ts";\n' +
        'const poor = { of: { coins: "none" } };\nexport const purse: Purse = poor;\nconsole.log(anser);\n',
    );
    const source = { folder, config: `${folder}deno.json` }, { signal } = new AbortController();
    const error = await check(source, ["game.ts"], signal).then(() => undefined, (error: unknown) => error);
    const lines = error instanceof StepError ? error.lines : [String(error)];
    assertEquals(lines.map((line) => line.replace(/'"file:.*"'/, "MODULE")), [
      "game.ts:1:10 TS2724: MODULE has no exported member named 'anser'. Did you mean 'answer'?",
      "  purse.ts:1:14 'answer' is declared here.",
      "game.ts:3:14 TS2322: Type '{ of: { coins: string; }; }' is not assignable to type 'Purse'.",
      "  The types of 'of.coins' are incompatible between these types. Type 'string' is not assignable to type 'number'.",
    ]);
  });
});

Deno.test("Workbench starts nothing that does not compile, and goes on with the next good change", async () => {
  await withTempDir(async (dir) => {
    const told: string[] = [], saves: number[] = [], printed: string[] = [];
    let isRunning = false;
    const server: DevServer = {
      get isRunning() {
        return isRunning;
      },
      send: ({ kind, savedAtMs }) => {
        told.push(kind);
        saves.push(savedAtMs);
      },
      restart: () => {
        told.push("restart");
        isRunning = true;
        return Promise.resolve();
      },
    };
    const write = (path: string, text: string) => Deno.writeTextFile(`${dir}/${path}`, text);
    await write("deno.json", "{}");
    await write("contract.ts", "export const answer: number = 41;\n");
    await write("game.ts", 'import { answer } from "./contract.ts";\nexport const text: string = answer;\n');
    const source = { folder: `${await Deno.realPath(dir)}/`, config: `${dir}/deno.json` };
    const print = (line: string) => {
      // Told where it takes a while.
      if (line !== "checking types …") printed.push(line);
    };
    const bench = new Workbench({ source, server, print });
    await bench.start();
    assertEquals([told, printed], [[], [
      "game.ts:2:14 TS2322: Type 'number' is not assignable to type 'string'.",
      "not reloaded, nothing runs yet: check failed",
    ]]);
    await write("game.ts", "export const text = 1;\n");
    await bench.onChange(0);
    await write("game.ts", "export const text = ;\n");
    await bench.onChange(1_000);
    assertEquals(told, ["restart"]);
    assertEquals(printed.at(-1), "not reloaded, the previous version continues: check failed");
    assertEquals(/^game\.ts:1:21 .*Expression expected/.test(printed.at(-2)!), true, printed.at(-2));
    await write("game.ts", "export const text = 2;\n");
    await bench.onChange(2_000);
    // It is live since the save that compiles, not since the one before that did not.
    assertEquals(saves, [2_000]);
    await write("records.ts", "export default {};\n");
    await bench.onChange(0);
    await write("README.md", "nothing\n");
    await bench.onChange(0);
    assertEquals(told, ["restart", "game", "restart"]);
  });
});
