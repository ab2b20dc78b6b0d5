/**
 * `deno task dev` as a process of its own, with a game in a folder that the test may write.
 *
 * @module
 */

import { assert } from "./assert.ts";
import { type ServerPorts } from "./server_process.ts";
import { until } from "./wait.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** How long types may take to check on a busy machine, in milliseconds. */
const STEP_PATIENCE_MS = 120_000;

/** Makes a game with `deno task new`. */
export async function newGame(folder: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "new", folder],
    cwd: ROOT,
    stdin: "null",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

/** A running `deno task dev`. */
export class DevProcess implements AsyncDisposable {
  /** The folder of the game; ends with a slash. */
  readonly folder: string;
  readonly #child: Deno.ChildProcess;
  readonly #output: string;
  #isOver = false;

  private constructor(folder: string, child: Deno.ChildProcess, output: string) {
    this.folder = folder;
    this.#child = child;
    this.#output = output;
  }

  /** Starts it for the game in a folder, and waits until the game is played. */
  static async start(folder: string, flags: readonly string[] = []): Promise<DevProcess> {
    const dev = DevProcess.spawn(folder, flags);
    try {
      await dev.says(/^ready /gm, 1);
    } catch (error) {
      await dev[Symbol.asyncDispose]();
      throw error;
    }
    return dev;
  }

  /** Starts it for the game in a folder. */
  static spawn(folder: string, flags: readonly string[] = []): DevProcess {
    const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
    const [, , ...args] = tasks.dev.command.split(" ") as string[];
    const ports = ["login", "game", "gateway", "admin"].flatMap((name) => [`--${name}-port`, "0"]);
    const output = `${folder}/.output`;
    // Its output goes to a file: a pipe would have a read pending from one test to the next.
    const child = new Deno.Command("sh", {
      args: ["-c", `exec "$@" >"$TEST_OUTPUT" 2>&1`, "sh", Deno.execPath(), ...args, folder, ...ports]
        .concat(["--data-dir", `${folder}/data`, "--io-workers", "2", "--flood-control", "off"], flags),
      cwd: ROOT,
      env: { TEST_OUTPUT: output, NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    return new DevProcess(`${folder}/`, child, output);
  }

  /** Its exit status, once it has ended by itself. */
  async end(): Promise<number> {
    const { code } = await this.#child.status;
    this.#isOver = true;
    return code;
  }

  /** Everything it has printed. */
  async text(): Promise<string> {
    return await Deno.readTextFile(this.#output).catch(() => "");
  }

  /** Waits until it has printed something so often. */
  async says(what: RegExp, count: number): Promise<void> {
    try {
      const isSaid = async () => ((await this.text()).match(what)?.length ?? 0) >= count;
      await until(`${what} ${count} times`, isSaid, STEP_PATIENCE_MS);
    } catch (error) {
      throw new Error(`${(error as Error).message}. Its output:\n${await this.text()}`);
    }
  }

  /** Where the game is played. */
  async ports(): Promise<ServerPorts> {
    const [, login, game, gateway, admin] = /^ready login=\S+:(\d+) game=\S+:(\d+) gateway=\S+:(\d+) admin=\S+:(\d+)$/m
      .exec(await this.text())!;
    return { login: Number(login), game: Number(game), gateway: Number(gateway), admin: Number(admin) };
  }

  /** Changes a file of the game, as an editor does that puts a new file in the place of the old. */
  async edit(file: string, change: (text: string) => string): Promise<void> {
    const path = this.folder + file, before = await Deno.readTextFile(path), after = change(before);
    assert(after !== before, `${file} is the same`);
    await Deno.writeTextFile(`${path}~`, after);
    await Deno.rename(`${path}~`, path);
  }

  /** Ends it as Ctrl+C does. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    this.#child.kill("SIGINT");
    await this.#child.status;
  }
}
