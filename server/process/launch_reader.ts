/// <reference lib="deno.worker" />
/**
 * The thread that reads what a server starts with.
 *
 * @see launch.ts
 * @module
 */

import { ConfigError } from "../../shared/errors.ts";
import { gamePathOf, loadConfig } from "../config/config.ts";
import { informationText } from "../config/help.ts";
import { loadGame } from "./game_file.ts";
import type { LaunchReport, LaunchSources } from "./launch.ts";

self.onmessage = async ({ data: sources }: MessageEvent<LaunchSources>) => {
  self.postMessage(await read(sources));
};

async function read(sources: LaunchSources): Promise<LaunchReport> {
  try {
    return informationText(sources.args) === undefined ? await readAll(sources) : await informationOf(sources);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { kind: "problems", problems: error.problems };
  }
}

/** With the options of the game, if it can be loaded. */
async function informationOf(sources: LaunchSources): Promise<LaunchReport> {
  const game = await loadGame(gamePathOf(sources)).catch(() => undefined);
  return { kind: "information", text: informationText(sources.args, game?.module.options)! };
}

async function readAll(sources: LaunchSources): Promise<LaunchReport> {
  const notes: string[] = [];
  const { module, ...places } = await loadGame(gamePathOf(sources));
  const config = loadConfig({ ...sources, gameOptions: module.options, onNote: (note) => notes.push(note) });
  const { name, contract } = module;
  return { kind: "launch", launch: { config, notes, game: { ...places, name, packets: contract.packets.rows } } };
}
