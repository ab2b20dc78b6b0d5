/** The repository's own tools, and its load test, as processes of their own. @module */

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoadResult } from "../tools/loadtest/result.ts";
import type { Contender } from "./peer_contenders.ts";

const REPOSITORY = dirname(dirname(fileURLToPath(import.meta.url)));
/** How often memory is looked at, in milliseconds. */
const SAMPLE_MS = 500;

/**
 * Runs a tool of a checkout; gives what it printed.
 *
 * @throws {Error} when it fails, with what it complained of.
 */
export async function runTool(args: readonly string[], root = REPOSITORY): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "-A", ...args],
    stdin: "null",
    cwd: root,
  }).output();
  const [said, complained] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code !== 0) throw new Error(`${args.slice(0, 2).join(" ")} failed: ${complained || said}`);
  return said;
}

/**
 * Loads a server.
 *
 * @param args Of `deno task loadtest`.
 * @throws {Error} when a connection or a message was lost.
 */
export async function runLoad(server: Contender, args: readonly string[]): Promise<LoadResult> {
  const { gatewayPort, pid, port } = server;
  return JSON.parse(
    await runTool(
      ["tools/loadtest.ts", ...args, "--game-port", `${port}`, "--gateway-port", `${gatewayPort}`].concat(
        ["--pid", `${pid}`, "--json", "-", "--fail-if", "failed_connections>0", "--fail-if", "dropped_connections>0"],
        ["--fail-if", "lost>0"],
      ),
    ),
  );
}

/** The lowest resident memory of so many looks, half a second apart, in MB: garbage comes and goes. */
export async function settledMb(server: Contender, samples: number): Promise<number> {
  let lowestMb = Infinity;
  for (let sample = 0; sample < samples; sample++) {
    await pause(SAMPLE_MS);
    lowestMb = Math.min(lowestMb, (await server.usage()).memoryMb);
  }
  return lowestMb;
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The middle of values, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
