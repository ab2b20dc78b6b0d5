/**
 * Kills a server at random moments while companies of players play on it, starts it again on the same data, and
 * compares what is there with what was acknowledged.
 *
 * @module
 */

import { Prng } from "../../server/world/prng.ts";
import { runAdmin } from "../../tools/admin.ts";
import { type IoBackendName, ServerProcess, type TestPlayer } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { Company } from "./company.ts";
import { SavedState } from "./saved_state.ts";

/** The longest life of a server after its players are there, in milliseconds: some of most kinds of deeds. */
const LIFE_MS_MAX = 400;
/** Of so many starts one is killed before it is ready. */
const STARTS_PER_EARLY_KILL = 8;
/** The latest moment of such a kill, in milliseconds. */
const EARLY_KILL_MS_MAX = 700;
const PLAYERS_PER_COMPANY = 4;

/** What to run. */
export interface KillSoakOptions {
  readonly backend: IoBackendName;
  readonly kills: number;
  readonly companies: number;
  readonly seed: number;
  /** Told after every kill. */
  readonly onProgress?: (progress: KillSoakProgress) => void;
}

/** How far it is. */
export interface KillSoakProgress {
  /** Kills so far, those before the server was ready included. */
  readonly kills: number;
  readonly earlyKills: number;
  /** Things that were acknowledged, and so had to be there after the kill. */
  readonly deeds: number;
}

/** What came of it. */
export interface KillSoakResult extends KillSoakProgress {
  /** What was lost, torn or made up; empty when all is well. */
  readonly problems: readonly string[];
}

/** Runs until so many servers were killed, or something is wrong. */
export function runKillSoak(options: KillSoakOptions): Promise<KillSoakResult> {
  return withTempDir((dir) => new KillSoak(options, `${dir}/data`).run());
}

class KillSoak {
  readonly #options: KillSoakOptions;
  readonly #dataDir: string;
  readonly #prng: Prng;
  readonly #companies: Company[] = [];
  #kills = 0;
  #earlyKills = 0;

  constructor(options: KillSoakOptions, dataDir: string) {
    this.#options = options;
    this.#dataDir = dataDir;
    this.#prng = new Prng(options.seed);
  }

  async run(): Promise<KillSoakResult> {
    for (let index = 0; index < this.#options.companies; index++) {
      const prefix = `k${String.fromCharCode(97 + index)}`;
      this.#companies.push(new Company(prefix, await makePlayers(this.#dataDir, prefix), this.#prng));
    }
    const problems: string[] = [];
    while (problems.length === 0 && this.#kills < this.#options.kills) {
      if (this.#prng.nextInt(STARTS_PER_EARLY_KILL) === 0) await this.#killEarly();
      // The last life ends the same way: its server is started once more, to be judged.
      problems.push(...await this.#live());
      this.#options.onProgress?.(this.#progress());
    }
    if (problems.length === 0) problems.push(...await this.#judgeOnce());
    return { ...this.#progress(), problems };
  }

  #progress(): KillSoakProgress {
    const deeds = this.#companies.reduce((sum, { deedCount }) => sum + deedCount, 0);
    return { kills: this.#kills, earlyKills: this.#earlyKills, deeds };
  }

  #start(killAfterMs?: number): Promise<ServerProcess> {
    const { backend } = this.#options;
    const flags = ["--io-workers", "1", "--flood-control", "off"];
    return ServerProcess.start({ backend, dataDir: this.#dataDir, flags, killAfterMs });
  }

  /** A server that is killed while it starts: the next one must not mind. */
  async #killEarly(): Promise<void> {
    try {
      await using _ready = await this.#start(this.#prng.nextInt(EARLY_KILL_MS_MAX));
    } catch {
      this.#earlyKills++;
    }
    this.#kills++;
  }

  async #live(): Promise<string[]> {
    await using server = await this.#start();
    const problems = this.#judge();
    if (problems.length > 0) return problems;
    let gone = false;
    try {
      await Promise.all(this.#companies.map((company) => company.enter(server.ports)));
      const acting = Promise.all(this.#companies.map((company) => company.act(() => gone)));
      const killing = new Promise<void>((resolve) =>
        setTimeout(() => {
          gone = true;
          server.kill("SIGKILL");
          resolve();
        }, this.#prng.nextInt(LIFE_MS_MAX))
      );
      await Promise.all([acting, killing]);
    } catch (error) {
      problems.push(`${(error as Error).message}\n${await server.log()}`);
    } finally {
      gone = true;
      await Promise.all(this.#companies.map((company) => company.leave()));
    }
    this.#kills++;
    return problems;
  }

  async #judgeOnce(): Promise<string[]> {
    await using server = await this.#start();
    const problems = this.#judge();
    await server.stop();
    return problems;
  }

  #judge(): string[] {
    using saved = new SavedState(`${this.#dataDir}/drawbridge.db`);
    return [...this.#companies.flatMap((company) => company.judge(saved)), ...saved.damages()];
  }
}

async function makePlayers(dataDir: string, prefix: string): Promise<TestPlayer[]> {
  const file = `${dataDir}-tokens`;
  const args = ["players", "--count", String(PLAYERS_PER_COMPANY), "--prefix", prefix, "--data-dir", dataDir];
  let said = "";
  const say = (text: string) => void (said += text);
  const status = await runAdmin([...args, "--tokens", file], {}, { print: say, report: say });
  if (status !== 0) throw new Error(`Cannot make players: ${said}`);
  const lines = (await Deno.readTextFile(file)).trimEnd().split("\n");
  return lines.map((line) => line.split(" ")).map(([name, token]) => ({ name, token }));
}
