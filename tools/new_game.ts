/**
 * Writes a small complete game into a new folder, which may lie anywhere: `deno task new ../my-game`.
 *
 * @module
 */

import { basename, dirname, relative, resolve } from "node:path";
import { EXIT_CONFIG } from "../shared/errors.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const TEMPLATE = `${ROOT}games/template/`;
/** What a game may be called. */
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
const FILES = [
  ...["game.proto", "game.ts", "game_test.ts", "load.ts", "README.md"],
  ...["web/index.html", "web/page.ts", "web/style.css"],
];

/** The game cannot be made; the message says why. */
class NewGameError extends Error {}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The `deno.json` of a game in `folder`: the engine's import map, and what the engine needs of Deno. */
async function manifestOf(folder: string): Promise<string> {
  const { tasks, unstable, nodeModulesDir, compilerOptions } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  return `${
    JSON.stringify(
      {
        importMap: `${relative(folder, ROOT)}/deno.json`,
        tasks: {
          serve: tasks.serve.command.replace("server/main.ts", "drawbridge/server/main.ts --game game.ts"),
          dev: "MALLOC_MMAP_THRESHOLD_=131072 deno run --no-prompt -A drawbridge/tools/dev.ts .",
          test: "deno test --no-prompt -A",
          generate: "deno run --no-prompt -A drawbridge/tools/generate.ts .",
          admin: "DRAWBRIDGE_GAME=game.ts deno run --no-prompt -A drawbridge/tools/admin.ts",
          loadtest: "deno run --no-prompt -A drawbridge/tools/loadtest.ts load.ts",
          build: "deno bundle --quiet --platform browser --minify -o web/dist/page.js web/page.ts",
        },
        ...{ unstable, nodeModulesDir, compilerOptions },
        lint: { exclude: ["*_pb.ts", "web/dist"] },
        fmt: { lineWidth: 120, exclude: ["web/dist"] },
        exclude: ["data"],
      },
      null,
      2,
    )
  }\n`;
}

async function runTask(folder: string, task: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", task],
    cwd: folder,
  }).output();
  const text = new TextDecoder();
  if (!success) throw new NewGameError(`deno task ${task} failed:\n${text.decode(stdout)}${text.decode(stderr)}`);
}

/**
 * Makes a game.
 *
 * @param path Of its folder, which must not be there; its last part is the game's name.
 * @throws {NewGameError} that says why there is none now.
 */
async function makeGame(path: string): Promise<void> {
  const folder = resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), path), name = basename(folder);
  if (!NAME.test(name)) {
    throw new NewGameError(
      `${JSON.stringify(name)} is no name for a game: use small letters, digits and "-", a letter first, at most 32`,
    );
  }
  if (await exists(folder)) throw new NewGameError(`${folder} is there already`);
  if (!await exists(dirname(folder))) throw new NewGameError(`there is no folder ${dirname(folder)}`);
  await Deno.mkdir(`${folder}/web`, { recursive: true });
  for (const file of FILES) {
    const text = (await Deno.readTextFile(TEMPLATE + file))
      .replace("package template.", `package ${name.replaceAll("-", "_")}.`)
      .replaceAll(/(?<=^# |<title>|<h1>)template/gm, name);
    await Deno.writeTextFile(`${folder}/${file}`, text);
  }
  await Deno.writeTextFile(`${folder}/deno.json`, await manifestOf(folder));
  await Deno.writeTextFile(`${folder}/.gitignore`, "data/\n");
  await runTask(folder, "generate");
  await runTask(folder, "build");
}

const USAGE = "Usage: deno task new FOLDER\nFor example: deno task new ../my-game";
const [path] = Deno.args;
if (path === "--help" || path === "-h") {
  console.log(`Makes a small game in a folder of its own, with its tests and its page.\n\n${USAGE}`);
  Deno.exit(0);
}
if (Deno.args.length !== 1 || path.startsWith("-")) {
  console.error(USAGE);
  Deno.exit(EXIT_CONFIG);
}
try {
  await makeGame(path);
  console.log(`Made ${path}. Next:\n\n  cd ${path}\n  deno task test\n  deno task dev`);
} catch (error) {
  if (!(error instanceof NewGameError)) throw error;
  console.error(`Cannot make a game: ${error.message}`);
  Deno.exit(1);
}
