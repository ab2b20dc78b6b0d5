/**
 * What a server starts with: the values of its options, and its game.
 *
 * A thread of its own reads them and ends. The options are the game's too, so that the game must be loaded before they
 * can be read; but it runs in the logic worker, and here it would only take up memory for as long as the server runs.
 *
 * @module
 */

import { ConfigError } from "../../shared/errors.ts";
import type { PacketRow } from "../../shared/packet_table.ts";
import type { ConfigSources, ServerConfig } from "../config/config.ts";
import type { GameFile } from "./game_file.ts";

/** Where the options are read from. */
export type LaunchSources = Pick<ConfigSources, "args" | "env">;

/** What a server starts with. */
export interface Launch {
  readonly config: ServerConfig;
  /** What was left out of the configuration without being a problem. */
  readonly notes: readonly string[];
  readonly game: Omit<GameFile, "module"> & { readonly name: string; readonly packets: readonly PacketRow[] };
}

/** What the thread that reads finds. */
export type LaunchReport =
  | { readonly kind: "launch"; readonly launch: Launch }
  | { readonly kind: "information"; readonly text: string }
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/**
 * Reads what the command line, the environment, the configuration file and the game say.
 *
 * @returns The text to print instead of starting, where the command line asks for help or the version.
 * @throws {ConfigError} with every problem of the configuration, or that of the game.
 */
export async function readLaunch(sources: LaunchSources): Promise<Launch | string> {
  const reader = new Worker(new URL("launch_reader.ts", import.meta.url), { type: "module", name: "launch" });
  try {
    const report = await new Promise<LaunchReport>((resolve, reject) => {
      reader.onmessage = ({ data }: MessageEvent<LaunchReport>) => resolve(data);
      reader.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      reader.postMessage(sources);
    });
    if (report.kind === "problems") throw new ConfigError(report.problems);
    return report.kind === "information" ? report.text : report.launch;
  } finally {
    reader.terminate();
  }
}
