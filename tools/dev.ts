/**
 * Plays a game while somebody works on it: `deno task dev ../my-game`, or `deno task dev` in the game's own folder. When
 * a file is saved, types are checked and the game is reloaded: connections and sessions stay.
 *
 * @module
 */

import { resolve } from "node:path";
import { serveArguments } from "../server/process/process_keeper.ts";
import type { DevCommand } from "../server/process/dev_desk.ts";
import { type DevServer, Workbench } from "./dev/workbench.ts";
import { canLoad, type GameSource } from "./dev/steps.ts";
import { EXIT_CONFIG } from "../shared/errors.ts";

/** How long nothing must be written before files are looked at, in milliseconds, and how long that is waited for at most. */
const QUIET_MS = 50;
const QUIET_MS_MAX = 500;

const ROOT = new URL("../", import.meta.url).pathname;
const HELP = `Plays a game and reloads its rules and its page when their files change. Nobody is disconnected by that.

Usage: deno task dev FOLDER [--inspect[=HOST:PORT]] [flags of the server]

  FOLDER                 Folder of the game: it has a game.ts
  --inspect[=HOST:PORT]  Let a debugger attach to the threads of the server

Flags of the server: deno task serve --help`;

/** The server as a child process, which ends when its input does: also where this process is killed. */
class ServerChild implements DevServer {
  readonly #source: GameSource;
  readonly #args: readonly string[];
  #child: Deno.ChildProcess | null = null;
  #input: WritableStreamDefaultWriter<Uint8Array> | null = null;
  #isStopping = false;

  constructor(source: GameSource, args: readonly string[]) {
    this.#source = source;
    this.#args = args;
  }

  get isRunning(): boolean {
    return this.#child !== null;
  }

  send(command: DevCommand): void {
    // One that has just ended is told of by its status.
    this.#input?.write(new TextEncoder().encode(`${JSON.stringify(command)}\n`)).catch(() => {});
  }

  async restart(): Promise<void> {
    if (this.#child !== null) {
      console.log("the server restarts: connections are lost");
      await this.stop();
    }
    this.#isStopping = false;
    // In a process group of its own: Ctrl+C would reach it directly and again through us, and twice means at once.
    const child = new Deno.Command(Deno.execPath(), { args: [...this.#args], stdin: "piped", detached: true }).spawn();
    this.#child = child;
    this.#input = child.stdin.getWriter();
    void this.#watch(child);
  }

  async #watch(child: Deno.ChildProcess): Promise<void> {
    const { code } = await child.status;
    if (this.#child === child) this.#child = this.#input = null;
    if (this.#isStopping) return;
    // It refuses its flags, or its data folder, and has said why: no change of the game would help.
    if (code === EXIT_CONFIG && await canLoad(this.#source, new AbortController().signal) && this.#child === null) {
      Deno.exit(EXIT_CONFIG);
    }
    console.error(`the server has ended with ${code}: it starts again at the next change`);
  }

  /** Stops it in order. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#isStopping = true;
    child.kill("SIGTERM");
    await child.status;
  }
}

/** Calls `onChange` when files below a folder have been written, and nothing more is for a moment. */
async function watch(folder: string, onChange: (sinceMs: number) => void): Promise<void> {
  let sinceMs = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  for await (const { kind, paths } of Deno.watchFs(folder, { recursive: true })) {
    if (kind === "access" || paths.every((path) => isBesides(path.slice(folder.length)))) continue;
    const nowMs = Date.now();
    if (timer === undefined) sinceMs = nowMs;
    else clearTimeout(timer);
    timer = setTimeout(() => {
      timer = undefined;
      onChange(sinceMs);
    }, Math.min(QUIET_MS, Math.max(0, sinceMs + QUIET_MS_MAX - nowMs)));
  }
}

/** What the server and Git write all the time. */
function isBesides(path: string): boolean {
  return /^(?:data|\.[^/]*)(?:\/|$)/.test(path);
}

/** The folder of a game, by its path or that of its module. */
async function findGame(path: string): Promise<GameSource> {
  const given = resolve(Deno.env.get("INIT_CWD") ?? Deno.cwd(), path);
  const folder = `${(await Deno.realPath(given)).replace(/\/game\.ts$/, "")}/`;
  await Deno.stat(`${folder}game.ts`);
  const hasConfig = await Deno.stat(`${folder}deno.json`).then(() => true, () => false);
  return { folder, config: hasConfig ? `${folder}deno.json` : `${ROOT}deno.json` };
}

async function main([path = "", ...flags]: readonly string[]): Promise<void> {
  if ([path, ...flags].some((flag) => flag === "--help" || flag === "-h")) return console.log(HELP);
  if (path === "" || path.startsWith("-")) {
    console.error(HELP);
    Deno.exit(EXIT_CONFIG);
  }
  const source = await findGame(path).catch(() => {
    console.error(`Cannot find a game at ${path}: there is no game.ts`);
    Deno.exit(EXIT_CONFIG);
  });
  const isInspector = (flag: string) => /^--inspect(?:-brk|-wait)?(?:=|$)/.test(flag);
  const inspector = flags.filter(isInspector);
  const [run, ...rest] = serveArguments(source.config);
  const server = new ServerChild(source, [
    ...[run, ...inspector, ...rest, "--game", `${source.folder}game.ts`],
    ...["--dev", inspector.length > 0 ? "inspect" : "on", ...flags.filter((flag) => !isInspector(flag))],
  ]);
  const bench = new Workbench({ source, server, print: (line) => console.error(line) });
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, async () => {
      await server.stop();
      Deno.exit(0);
    });
  }
  const watching = watch(source.folder, (sinceMs) => void bench.onChange(sinceMs));
  await bench.start();
  await watching;
}

await main(Deno.args);
