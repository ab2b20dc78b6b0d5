/**
 * What follows when files of a game change: generate, check, bundle, and tell the server.
 *
 * @module
 */

import type { DevCommand } from "../../server/process/dev_desk.ts";
import { type Change, changeOf, GameFiles, isGenerated, isMade } from "./game_files.ts";
import { bundle, check, type GameSource, generate, StepError } from "./steps.ts";

/** The server that plays the game. */
export interface DevServer {
  readonly isRunning: boolean;
  /** Has it do something, if it runs. */
  send(command: DevCommand): void;
  /** Stops it if it runs, and starts it. */
  restart(): Promise<void>;
}

/** What a {@linkcode Workbench} works with. */
export interface WorkbenchOptions {
  readonly source: GameSource;
  readonly server: DevServer;
  /** Takes what the developer should read, a line at a time. */
  readonly print: (line: string) => void;
}

/** Types that take longer to check than this are told of, in milliseconds: a save must not look unseen. */
const CHECK_TOLD_MS = 1_000;

/** Sources and server of one game. What could not be done stays due until a later change makes it possible. */
export class Workbench {
  readonly #options: WorkbenchOptions;
  readonly #files: GameFiles;
  readonly #due = new Set<Change>();
  /** Of the first change that is due, Unix milliseconds; since what was last done could not be: of the next one. */
  #savedAtMs = 0;
  #hasFailed = false;
  /** Ends what is under way: there are newer files. */
  #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** Files are being made from others. */
  #isMaking = false;

  constructor(options: WorkbenchOptions) {
    this.#options = options;
    this.#files = new GameFiles(options.source.folder);
  }

  /** Does all that is done with a game, and starts the server. */
  async start(): Promise<void> {
    const paths = await this.#files.look();
    if (!paths.some(isGenerated)) this.#due.add("proto");
    this.#due.add("restart");
    this.#savedAtMs = Date.now();
    await (this.#running = this.#work());
  }

  /** Files may have changed: does what follows, in place of what is under way. @param savedAtMs Unix milliseconds. */
  async onChange(savedAtMs: number): Promise<void> {
    const paths = (await this.#files.look()).filter((path) => !this.#isMaking || !isMade(path));
    if (paths.length === 0) return;
    if (this.#due.size === 0 || this.#hasFailed) this.#savedAtMs = savedAtMs;
    this.#hasFailed = false;
    for (const path of paths) this.#due.add(changeOf(path)!);
    this.#abort.abort();
    await (this.#running = this.#running.then(() => this.#due.size > 0 ? this.#work() : undefined));
  }

  async #work(): Promise<void> {
    const { print, server } = this.#options, { signal } = this.#abort = new AbortController();
    try {
      await this.#steps(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof StepError)) throw error;
      this.#hasFailed = true;
      for (const line of error.lines) print(line);
      print(
        `not reloaded, ${server.isRunning ? "the previous version continues" : "nothing runs yet"}: ${error.message}`,
      );
    }
  }

  async #steps(signal: AbortSignal): Promise<void> {
    const { source, server, print } = this.#options, due = this.#due;
    if (due.has("proto")) {
      await this.#make(() => generate(source, signal));
      due.add("code");
      due.delete("proto");
    }
    if (!server.isRunning) due.add("restart");
    const isGame = due.has("code") || due.has("restart");
    // What the page imports may lie outside of its folder.
    const isPage = (isGame || due.has("page")) && await isFile(`${source.folder}web/page.ts`);
    if (isGame || isPage) {
      const telling = setTimeout(() => print("checking types …"), CHECK_TOLD_MS);
      try {
        await check(source, [...isGame ? ["game.ts"] : [], ...isPage ? ["web/page.ts"] : []], signal);
      } finally {
        clearTimeout(telling);
      }
    }
    const savedAtMs = this.#savedAtMs;
    if (isGame && !due.has("restart")) server.send({ kind: "game", savedAtMs });
    due.delete("code");
    if (isPage && await this.#make(() => bundle(source, signal))) due.add("asset");
    due.delete("page");
    // It reads all files at its start.
    if (due.has("restart")) await server.restart();
    else if (due.has("asset")) server.send({ kind: "page", savedAtMs });
    due.delete("restart");
    due.delete("asset");
  }

  async #make<T>(make: () => Promise<T>): Promise<T> {
    this.#isMaking = true;
    try {
      return await make();
    } finally {
      await this.#files.adopt();
      this.#isMaking = false;
    }
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
