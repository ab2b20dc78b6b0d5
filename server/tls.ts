/**
 * The certificate and key that listeners speak TLS with.
 *
 * @module
 */

import { ConfigError } from "../shared/errors.ts";
import type { ServerConfig } from "./config.ts";

/** A certificate chain and its key, PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads `--tls-cert` and `--tls-key`.
 *
 * @returns `null` when neither is given.
 * @throws {ConfigError} when a file cannot be read.
 */
export async function readTls(config: ServerConfig): Promise<TlsFiles | null> {
  if (config.tlsCert === "") return null;
  const read = async (flag: string, path: string) => {
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      throw new ConfigError([`${flag}: cannot read ${path}: ${error instanceof Error ? error.message : error}`]);
    }
  };
  return { cert: await read("--tls-cert", config.tlsCert), key: await read("--tls-key", config.tlsKey) };
}
