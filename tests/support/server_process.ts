/**
 * The real server as a process of its own, on free ports, with a data folder of its own.
 *
 * @module
 */

import { runAdmin } from "../../tools/admin.ts";
import { assert, assertEquals } from "./assert.ts";
import { parsePrometheusText } from "./prometheus_text.ts";
import { until } from "./wait.ts";

/** The io backends this machine has. */
export const IO_BACKENDS: readonly IoBackendName[] = Deno.build.os === "linux" ? ["deno", "epoll"] : ["deno"];

/** What `--io-backend` takes. */
export type IoBackendName = "deno" | "epoll";

/** How long a server may take to start on a busy machine, in milliseconds. */
const START_PATIENCE_MS = 60_000;
/** How long a server may take to stop, in milliseconds; it gives itself 10 s and says by its exit status when it took more. */
const STOP_PATIENCE_MS = 30_000;
const ROOT = new URL("../../", import.meta.url).pathname;

/** Servers that run, so that none is left behind when the tests are broken off. */
const running = new Set<Deno.ChildProcess>();
globalThis.addEventListener("unload", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** How to start a server. */
export interface ServerOptions {
  /** Default: `deno`. */
  readonly backend?: IoBackendName;
  /** More flags; the last of two counts. Monsters are off: they would walk into the tests. */
  readonly flags?: readonly string[];
  /** Accounts to make first, for {@linkcode ServerProcess.takePlayer}. Default: none. */
  readonly players?: number;
  /** A data folder that outlives the server. Default: one of its own, removed with it. */
  readonly dataDir?: string;
  /** Whether lines of level `error` in the log are no fault. Default: false. */
  readonly errorsExpected?: boolean;
  /** The folder of the source that is run. Default: this one. */
  readonly root?: string;
  /** When to kill it where it is not ready by then, in milliseconds; the start then fails. Default: never. */
  readonly killAfterMs?: number;
  /** The task that is run. Default: `serve`. */
  readonly task?: "serve" | "supervise";
  /** Whether its game can be reloaded, as `deno task dev` does it. Default: no. */
  readonly isDev?: boolean;
  /** A command that runs the server's, which follows it. Default: none. */
  readonly launcher?: readonly string[];
}

/** An account that needs no password. */
export interface TestPlayer {
  readonly name: string;
  readonly token: string;
}

/** Where a server listens; `NaN` for a port that its role leaves out. */
export interface ServerPorts {
  readonly login: number;
  readonly game: number;
  readonly gateway: number;
  readonly admin: number;
}

/** How a server that did not start ended. */
export interface FailedStart {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a task runs, after `deno`: the server must do with the permissions it is given there. */
function taskArgs(task: "serve" | "supervise" = "serve"): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`)) as Manifest;
  const command = tasks[task].command.replace(`"$(deno eval -p 'Deno.execPath()')"`, Deno.execPath());
  const [allocator, program, ...args] = command.split(" ");
  assertEquals([allocator, program, args.includes("server/main.ts")], [
    `${ALLOCATOR}=${ALLOCATOR_VALUE}`,
    "deno",
    true,
  ]);
  return args;
}

/** What the tasks set in the environment of the server. */
const ALLOCATOR = "MALLOC_MMAP_THRESHOLD_";
const ALLOCATOR_VALUE = "131072";

interface Manifest {
  readonly tasks: Readonly<Record<"serve" | "supervise", { readonly command: string }>>;
}

/** The environment of this process without the settings of servers and tests, and with what the tasks set. */
function cleanEnvironment(): Record<string, string> {
  const environment = Deno.env.toObject();
  for (const name of Object.keys(environment)) {
    if (name.startsWith("DRAWBRIDGE_") || name.startsWith("TEST_")) delete environment[name];
  }
  environment[ALLOCATOR] = ALLOCATOR_VALUE;
  return environment;
}

const FREE_PORTS = ["--login-port", "0", "--game-port", "0", "--gateway-port", "0", "--admin-port", "0"];
const READY =
  /^ready (?:login=\S+:(\d+) )?(?:game=\S+:(\d+) )?(?:gateway=https?:\/\/\S+:(\d+) )?admin=http:\/\/\S+:(\d+)$/gm;

/**
 * Runs the server's command until it exits by itself. Ports are free ones unless told: those of the defaults may be
 * somebody else's, which is looked at before much else.
 *
 * @param env Added to the environment.
 */
export async function runServerToEnd(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<FailedStart> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [...taskArgs(), ...FREE_PORTS, ...args],
    cwd: ROOT,
    env: { ...cleanEnvironment(), ...env },
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code: output.code, stdout: decoder.decode(output.stdout), stderr: decoder.decode(output.stderr) };
}

/** A running server. */
export class ServerProcess {
  readonly dataDir: string;
  readonly backend: IoBackendName;
  ports: ServerPorts;
  /** What it printed on standard output when it was ready. */
  readonly readyText: string;
  readonly #child: Deno.ChildProcess;
  readonly #workDir: string;
  readonly #options: ServerOptions;
  readonly #players: TestPlayer[];
  #status: Deno.CommandStatus | null = null;
  /** A second signal would end it out of order. */
  #isStopping = false;

  private constructor(
    child: Deno.ChildProcess,
    parts: { workDir: string; dataDir: string; options: ServerOptions; readyText: string; players: TestPlayer[] },
  ) {
    this.#child = child;
    this.#workDir = parts.workDir;
    this.#options = parts.options;
    this.#players = parts.players;
    this.dataDir = parts.dataDir;
    this.backend = parts.options.backend ?? "deno";
    this.readyText = parts.readyText;
    this.ports = portsOf(parts.readyText);
    void child.status.then((status) => {
      this.#status = status;
      running.delete(child);
    });
  }

  /** Starts a server; rejects with its output when it does not become ready. */
  static async start(options: ServerOptions = {}): Promise<ServerProcess> {
    const workDir = await Deno.makeTempDir({ prefix: "drawbridge-server-" });
    try {
      const dataDir = options.dataDir ?? `${workDir}/data`;
      const players = options.players === undefined
        ? []
        : await makePlayers(`${dataDir}-tokens`, options.players, ["--data-dir", dataDir]);
      const child = spawn(workDir, options, [
        ...["--data-dir", dataDir, "--io-backend", options.backend ?? "deno", "--io-workers", "2", ...FREE_PORTS],
        // Of the marsh, which is played unless told.
        ...options.flags?.includes("--game") ? [] : ["--monsters", "off"],
        ...options.isDev ? ["--dev", "on"] : [],
        ...options.flags ?? [],
      ]);
      const { killAfterMs } = options;
      const killing = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
      const readyText = await waitForReady(child, workDir).finally(() => clearTimeout(killing));
      return new ServerProcess(child, { workDir, dataDir, options, readyText, players });
    } catch (error) {
      await Deno.remove(workDir, { recursive: true });
      throw error;
    }
  }

  /** An account that no other test has. */
  takePlayer(): TestPlayer {
    const player = this.#players.pop();
    assert(player !== undefined, "The server was started with too few players");
    return player;
  }

  /** Its resident memory, in bytes. */
  async memoryBytes(): Promise<number> {
    return await this.metric("drawbridge_process_resident_memory_bytes");
  }

  /** Everything on standard output and standard error so far. */
  async log(): Promise<string> {
    return await readOutput(this.#workDir);
  }

  /** How often a server has been ready: more than once where a parent process starts it again. */
  async readyCount(): Promise<number> {
    return (await this.log()).match(READY)?.length ?? 0;
  }

  /** Takes the ports of the last ready line: a server that is started again chooses free ones anew. */
  async readPortsAnew(): Promise<void> {
    this.ports = portsOf(await this.log());
  }

  /** The sum of one metric's samples that have these labels. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.ports.admin}/metrics`);
    return parsePrometheusText(await response.text())
      .filter((sample) => sample.name === name)
      .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** What `/readyz` says: `ready` in the first line, or why it is not. */
  async readiness(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.ports.admin}/readyz`);
    const text = await response.text();
    assertEquals(response.status, text.startsWith("ready\n") ? 200 : 503, text);
    return text;
  }

  /** Resolves when it is ready, with nothing to add: on a busy machine one that has just started may be behind. */
  async untilReady(): Promise<void> {
    await until("readiness", async () => await this.readiness() === "ready\n", START_PATIENCE_MS);
  }

  /** Runs `deno task admin` on it; gives the exit status and what was written. */
  async admin(...args: string[]): Promise<[status: number, text: string]> {
    const lines: string[] = [];
    const write = (text: string) => void lines.push(text);
    const flags = ["--data-dir", this.dataDir, "--admin-port", String(this.ports.admin)];
    const status = await runAdmin([...args, ...flags], {}, { print: write, report: write });
    return [status, lines.join("\n")];
  }

  /** Reloads its game, and waits until that is done. */
  async reloadGame(): Promise<void> {
    const count = async () => (await this.log()).match(/^(?:not )?reloaded/gm)?.length ?? 0;
    const before = await count();
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`{"kind":"game","savedAtMs":${Date.now()}}\n`));
    writer.releaseLock();
    await until("the reload", async () => await count() > before, START_PATIENCE_MS);
  }

  /** The number of its process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The exit status, or `null` while it runs. */
  get status(): Deno.CommandStatus | null {
    return this.#status;
  }

  /** Sends a signal. */
  kill(signal: Deno.Signal): void {
    this.#isStopping = true;
    if (this.#status === null) this.#child.kill(signal);
  }

  /** Resolves with the exit code. */
  async exitCode(): Promise<number> {
    const status = await until("the server's exit", () => this.#status, STOP_PATIENCE_MS);
    return status.code;
  }

  /** Stops it in order, unless it is stopping: it must exit 0, and have nothing to complain about in its log. */
  async stop(): Promise<void> {
    try {
      if (!this.#isStopping) this.kill("SIGTERM");
      const code = await this.exitCode();
      const log = await this.log();
      assertEquals(code, 0, `The server must stop in order. Its log:\n${log}`);
      if (this.#options.errorsExpected) return;
      const errors = log.split("\n").filter((line) =>
        line.includes('"level":"error"') || /^error:|Uncaught/.test(line)
      );
      assertEquals(errors, [], "The server must log no errors");
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  /** Ends it by force where it still runs, and removes what is its own. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.#child.status;
    if (this.#options.isDev) await this.#child.stdin.close().catch(() => {});
    await Deno.remove(this.#workDir, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

/** The ports of the last ready line. */
function portsOf(text: string): ServerPorts {
  const [login, game, gateway, admin] = [...text.matchAll(READY)].at(-1)!.slice(1).map(Number);
  return { login, game, gateway, admin };
}

/** Its output goes to files: a pipe would have a read pending from one test to the next. */
function spawn(workDir: string, options: ServerOptions, args: readonly string[]): Deno.ChildProcess {
  const { launcher = [], root = ROOT, task } = options;
  const child = new Deno.Command("sh", {
    args: ["-c", `exec "$@" >"$TEST_OUTPUT/stdout" 2>"$TEST_OUTPUT/stderr"`, "sh"].concat(
      launcher,
      Deno.execPath(),
      taskArgs(task),
      args,
    ),
    cwd: root,
    env: { ...cleanEnvironment(), TEST_OUTPUT: workDir },
    clearEnv: true,
    stdin: options.isDev ? "piped" : "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  running.add(child);
  return child;
}

async function readOutput(workDir: string): Promise<string> {
  const read = (name: string) => Deno.readTextFile(`${workDir}/${name}`).catch(() => "");
  return await read("stdout") + await read("stderr");
}

async function waitForReady(child: Deno.ChildProcess, workDir: string): Promise<string> {
  let exit: Deno.CommandStatus | undefined;
  void child.status.then((status) => exit = status);
  try {
    await until("the server's start", async () => {
      const hasEnded = exit !== undefined;
      if ((await readOutput(workDir)).search(READY) >= 0) return true;
      if (hasEnded) throw new Error(`The server exited with ${exit!.code}`);
      return false;
    }, START_PATIENCE_MS);
    return await Deno.readTextFile(`${workDir}/stdout`);
  } catch (error) {
    if (exit === undefined) child.kill("SIGKILL");
    await child.status;
    running.delete(child);
    throw new Error(`${(error as Error).message}. Its output:\n${await readOutput(workDir)}`);
  }
}

/**
 * Makes accounts.
 *
 * @param file Where their tokens are written.
 * @param where The flags that say in which database.
 */
export async function makePlayers(file: string, count: number, where: readonly string[]): Promise<TestPlayer[]> {
  let printed = "";
  const args = ["players", "--count", String(count), "--prefix", "Player", ...where];
  const status = await runAdmin([...args, "--tokens", file], cleanEnvironment(), {
    print: (text) => void (printed += text),
    report: (text) => void (printed += text),
  });
  assertEquals(status, 0, printed);
  const lines = (await Deno.readTextFile(file)).trimEnd().split("\n");
  return lines.map((line) => {
    const [name, token] = line.split(" ");
    return { name, token };
  }).reverse();
}

/**
 * One server for each io backend, shared by all tests of a file: started before the first and stopped after the last.
 *
 * @param register Registers the tests of one backend; `server` gives the server once the tests run.
 */
export function onEachBackend(
  options: Omit<ServerOptions, "backend">,
  register: (backend: IoBackendName, server: () => ServerProcess) => void,
): void {
  const servers = new Map<IoBackendName, ServerProcess>();
  Deno.test.beforeAll(async () => {
    await Promise.all(IO_BACKENDS.map(async (backend) => {
      servers.set(backend, await ServerProcess.start({ ...options, backend }));
    }));
  });
  Deno.test.afterAll(async () => {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  });
  for (const backend of IO_BACKENDS) register(backend, () => servers.get(backend)!);
}
