/**
 * What `deno task dev` has the server do that it started: lines of JSON on standard input.
 *
 * @module
 */

import type { Asset } from "../../gateway/app.ts";
import { printLine } from "./standard_output.ts";

/** A command. `savedAtMs`: when a file was saved, in Unix milliseconds. */
export type DevCommand =
  | { readonly kind: "game"; readonly savedAtMs: number }
  | { readonly kind: "page"; readonly savedAtMs: number };

/** How a game was reloaded. */
export interface GameReload {
  /** How long players were held, in milliseconds. */
  readonly heldMs: number;
  /** Under which names the game and its parts have kept what was not on disk. */
  readonly kept: readonly string[];
}

/** What the commands are done with. */
export interface DevDesk {
  /** Puts the game as it is now in the place of the one that runs. */
  readonly reloadGame: () => Promise<GameReload>;
  /** Reads the files of the page again. */
  readonly reloadPage: () => Promise<void>;
  /** The source of commands is gone. */
  readonly onEnd: () => void;
}

/** Characters of a command, far more than any has: what is longer is none, and is not kept until its line ends. */
const COMMAND_LENGTH_MAX = 4_096;

/** Does what comes in, one after the other, and says on the console what came of it. */
export async function obeyDev(input: ReadableStream<Uint8Array<ArrayBuffer>>, desk: DevDesk): Promise<void> {
  let rest = "";
  for await (const text of input.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    // One character more than a command may have still tells that it is too long.
    rest = lines.pop()!.slice(0, COMMAND_LENGTH_MAX + 1);
    for (const line of lines) {
      const command = line.length > COMMAND_LENGTH_MAX ? null : commandOf(line);
      if (command === null) printLine("not a command of deno task dev, nothing is done", "error");
      else await obey(command, desk);
    }
  }
  desk.onEnd();
}

/** What a line says; `null` where that is no command, such as what somebody types in a terminal. */
function commandOf(line: string): DevCommand | null {
  let said: Partial<DevCommand> | null;
  try {
    said = JSON.parse(line);
  } catch {
    // Not JSON: somebody typed into the terminal.
    return null;
  }
  const isCommand = (said?.kind === "game" || said?.kind === "page") && typeof said.savedAtMs === "number";
  return isCommand ? said as DevCommand : null;
}

async function obey({ kind, savedAtMs }: DevCommand, { reloadGame, reloadPage }: DevDesk): Promise<void> {
  try {
    let more = "";
    if (kind === "game") {
      const { heldMs, kept } = await reloadGame();
      more = `, players were held for ${seconds(heldMs)}\n  ${whatWasKept(kept)}`;
    } else await reloadPage();
    printLine(`reloaded ${kind}: live ${seconds(Date.now() - savedAtMs)} after the save${more}`);
  } catch (error) {
    const { message } = error as Error;
    printLine(`not reloaded, the previous ${kind} continues: ${message}`, "error");
  }
}

function whatWasKept(kept: readonly string[]): string {
  return kept.length === 0
    ? "the game keeps nothing: its variables, timers and unplayed entities begin anew"
    : `kept: ${kept.join(", ")}; the game's other variables, timers and unplayed entities begin anew`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

const VERSION_PATH = "/dev-version.txt";
const SCRIPT_PATH = "/dev-reload.js";
const SCRIPT = `// Of deno task dev: loads the page anew when its files have changed.
const read = async () => (await fetch("${VERSION_PATH}", { cache: "no-store" })).text();
const version = await read();
setInterval(async () => {
  // The server may be starting anew.
  const now = await read().catch(() => version);
  if (now !== version && now !== "") location.reload();
}, 500);
`;

/** The files of a page which loads itself anew when they have changed. */
export async function withPageReload(assets: ReadonlyMap<string, Asset>): Promise<Map<string, Asset>> {
  const text = new TextEncoder(), type = "text/javascript; charset=utf-8";
  const reloading = new Map(assets);
  const digests: Uint8Array[] = [];
  for (const [path, asset] of assets) {
    digests.push(text.encode(path), new Uint8Array(await crypto.subtle.digest("SHA-256", asset.bytes)));
    if (!path.endsWith(".html")) continue;
    const html = `${new TextDecoder().decode(asset.bytes)}<script type="module" src="${SCRIPT_PATH}"></script>\n`;
    reloading.set(path, { ...asset, bytes: text.encode(html) });
  }
  const whole = new Uint8Array(await new Blob(digests as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  const version = new Uint8Array(await crypto.subtle.digest("SHA-256", whole)).toHex();
  reloading.set(SCRIPT_PATH, { type, bytes: text.encode(SCRIPT) });
  reloading.set(VERSION_PATH, { type: "text/plain; charset=utf-8", bytes: text.encode(version) });
  return reloading;
}
