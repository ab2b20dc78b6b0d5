/**
 * What is done with the sources of a game before they run: each step is a program of its own.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A step did not succeed; the lines say why, each with file, line and column where that is known. */
export class StepError extends Error {
  /** What went wrong. */
  readonly lines: readonly string[];

  /** @param step What it is called. */
  constructor(step: string, lines: readonly string[]) {
    super(`${step} failed`);
    this.lines = lines;
  }
}

/** The game that somebody works on. */
export interface GameSource {
  /** Ends with a slash. */
  readonly folder: string;
  /** The `deno.json` that says where the engine is. */
  readonly config: string;
}

/** Makes messages and contract of the protos. */
export async function generate({ folder }: GameSource, signal: AbortSignal): Promise<void> {
  const options = [`--config=${ROOT}deno.json`, `--lock=${ROOT}dev.lock`, "--no-prompt", "-A"];
  const text = await run(["run", ...options, `${ROOT}tools/generate.ts`, folder], folder, signal);
  if (text === undefined) return;
  const places = text.split("\n").filter((line) => /^\S+:\d+:\d+:/.test(line));
  throw new StepError("generate", places.length > 0 ? places : [text]);
}

/** Checks types. @param modules Paths from the folder. */
export async function check(
  { folder, config }: GameSource,
  modules: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const text = await run(["check", "--quiet", "--config", config, ...modules], folder, signal);
  if (text !== undefined) throw new StepError("check", problemsOf(text, folder));
}

/** Whether the game can be loaded by a server, whatever its flags say. */
export async function canLoad({ folder, config }: GameSource, signal: AbortSignal): Promise<boolean> {
  const [loader, path] = [`${ROOT}server/process/game_file.ts`, `${folder}game.ts`].map((each) => JSON.stringify(each));
  const code = `const { loadGame } = await import(${loader}); await loadGame(${path});`;
  return await run(["eval", "--no-lock", "--config", config, code], folder, signal) === undefined;
}

/** Bundles the page. @returns Whether the bundle is another than before. */
export async function bundle({ folder, config }: GameSource, signal: AbortSignal): Promise<boolean> {
  const read = () => Deno.readTextFile(`${folder}web/dist/page.js`).catch(() => "");
  const before = await read();
  const options = ["--quiet", "--config", config, "--platform", "browser", "--minify"];
  const text = await run(["bundle", ...options, "-o", "web/dist/page.js", "web/page.ts"], folder, signal);
  if (text !== undefined) throw new StepError("bundle", problemsOf(text, folder));
  return await read() !== before;
}

/**
 * The problems that Deno tells of, a line each: `game.ts:12:7 Type 'string' is not assignable to type 'number'.` What
 * explains one, such as where a name is declared, follows it, set in.
 */
function problemsOf(text: string, folder: string): string[] {
  const problems: string[] = [];
  for (const block of text.split(/\n\n+/)) {
    const place = /(file:\/\/\S+?):(\d+):(\d+)/.exec(block);
    if (place === null) continue;
    const [what, ...rest] = block.trim().replace(/^error: /, "").split("\n");
    const full = fileURLToPath(place[1]), path = full.startsWith(folder) ? full.slice(folder.length) : full;
    // Problems start at the margin.
    const indent = problems.length > 0 && /^\s/.test(block) ? "  " : "";
    const said = what.replace(/ at file:\S+$/, "").replace(" [ERROR]:", ":");
    problems.push(`${indent}${path}:${place[2]}:${place[3]} ${said}`);
    const reason = reasonOf(rest);
    if (reason !== "") problems.push(`  ${reason}`);
  }
  return problems.length > 0 ? problems : [text];
}

/** Of why types do not fit, which the compiler tells from the whole to the part: the part. @param lines Below the first. */
function reasonOf(lines: readonly string[]): string {
  // The line of the source stands above its mark.
  const why = lines.slice(0, Math.max(0, lines.findIndex((line) => /^\s*[~^]+$/.test(line)) - 1));
  const [property, last] = why.slice(-2).map((line) => line.trim());
  if (last === undefined) return property ?? "";
  return property.includes("incompatible") ? `${property} ${last}` : last;
}

/** Runs Deno; gives what it printed where it failed. */
async function run(args: readonly string[], cwd: string, signal: AbortSignal): Promise<string | undefined> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal,
  });
  const { success, stdout, stderr } = await command.output();
  signal.throwIfAborted();
  if (success) return undefined;
  const decoder = new TextDecoder();
  return (decoder.decode(stdout) + decoder.decode(stderr)).trim();
}
