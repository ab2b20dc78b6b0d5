/**
 * A PostgreSQL server of a test's own: Debian's, in a temporary folder, on a free port, for this machine only.
 *
 * @module
 */

import { freePort } from "./free_port.ts";
import { findProgram } from "./programs.ts";

const USER = "drawbridge";
const PASSWORD = "a password: 1/2@3";

/** How a server is run. */
export interface PostgresOptions {
  /** Whether commits wait for the disk; default: they reach the kernel alone, as no test pulls a plug. */
  readonly isDurable?: boolean;
  /** More settings, as `name=value`. */
  readonly settings?: readonly string[];
  /** Its certificate and key, files in PEM, which it is given: it speaks TLS then. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Where it listens; all who reach it there may connect with the password. Default: this machine alone. */
  readonly host?: string;
  /** A command that runs the server's programs, which follow it. Default: none. */
  readonly launcher?: readonly string[];
}

/** A running server. */
export class TestPostgres implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly #host: string;
  readonly #launcher: readonly string[];
  readonly #settings: readonly string[];
  #process: Deno.ChildProcess | undefined;
  #databaseCount = 0;

  private constructor(
    folder: string,
    port: number,
    { host, launcher, settings }: Required<Omit<PostgresOptions, "isDurable" | "tls">>,
  ) {
    this.folder = folder;
    this.port = port;
    this.#host = host;
    this.#launcher = launcher;
    this.#settings = settings;
  }

  /** Makes a cluster in a new folder, and starts its server. */
  static async start(
    { isDurable = false, settings = [], host = "127.0.0.1", launcher = [], tls }: PostgresOptions = {},
  ): Promise<TestPostgres> {
    const folder = await Deno.makeTempDir({ prefix: "drawbridge-test-" });
    const passwordFile = `${folder}/password`;
    await Deno.writeTextFile(passwordFile, PASSWORD);
    if (Deno.uid() === 0) {
      const { uid, gid } = ordinaryUser();
      for (const path of [folder, passwordFile]) await Deno.chown(path, uid, gid);
    }
    const cluster = ["--no-sync", "--auth=scram-sha-256", `--username=${USER}`, `--pwfile=${passwordFile}`];
    await run(command("initdb", [...cluster, "--encoding=UTF8", "--locale=C.UTF-8", "-D", `${folder}/data`]));
    await Deno.writeTextFile(`${folder}/data/pg_hba.conf`, "host all all samenet scram-sha-256\n", { append: true });
    const port = freePort();
    const secured = tls === undefined ? [] : await giveCertificate(folder, tls);
    const fsync = isDurable ? [] : ["fsync=off", "full_page_writes=off"];
    const own = [`listen_addresses=${host}`, `port=${port}`, "unix_socket_directories=", "shared_buffers=16MB"];
    const server = new TestPostgres(folder, port, {
      host,
      launcher,
      settings: [...own, ...fsync, ...secured, ...settings],
    });
    await server.resume();
    return server;
  }

  /** The address of a database for `--database-url`, with its password. */
  urlOf(database: string, { password = PASSWORD }: { readonly password?: string } = {}): string {
    return `postgres://${USER}:${encodeURIComponent(password)}@${this.#host}:${this.port}/${database}`;
  }

  /** Makes an empty database. @returns Its address. */
  async createDatabase(): Promise<string> {
    const name = `test_${++this.#databaseCount}`;
    await this.query(`CREATE DATABASE ${name}`);
    return this.urlOf(name);
  }

  /** Runs SQL with the server's own client. @returns One line for each row, its columns parted by `|`. */
  async query(sql: string, database = "postgres"): Promise<string[]> {
    const options = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", this.urlOf(database)];
    const text = await run(this.#command("psql", [...options, "-c", sql]));
    return text.split("\n").filter((line) => line !== "");
  }

  /** Runs SQL every so many seconds, until the process is killed; it writes lines as {@linkcode TestPostgres.query} gives. */
  watch(sql: string, seconds: number, database: string): Deno.ChildProcess {
    const options = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", this.urlOf(database)];
    const pipes = { stdin: "piped", stdout: "piped" } as const;
    const process = this.#command("psql", options, pipes).spawn();
    const writer = process.stdin.getWriter();
    void writer.write(new TextEncoder().encode(`${sql}\n\\watch ${seconds}\n`)).then(() => writer.releaseLock());
    return process;
  }

  /** Starts the server, again on the same data and port. */
  async resume(): Promise<void> {
    const settings = this.#settings.flatMap((setting) => ["-c", setting]);
    this.#process = this.#command("postgres", ["-D", `${this.folder}/data`, ...settings], {
      stdout: "null",
      stderr: "null",
    }).spawn();
    let isEnded = false;
    void this.#process.status.then(() => isEnded = true);
    // It answers "rejecting" while it recovers what a crash has left.
    const isReady = () => this.#command("pg_isready", ["-h", this.#host, "-p", `${this.port}`]).output();
    while (!(await isReady()).success) {
      if (isEnded) throw new Error("Cannot start PostgreSQL");
    }
  }

  /** Ends the server: at once, as a power failure would, or in order. */
  async stop(signal: "SIGKILL" | "SIGINT" = "SIGINT"): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    if (signal === "SIGKILL") {
      // Its own children are told as well: they would hold the port.
      await run(this.#command("pg_ctl", ["stop", "-m", "immediate", "-W", "-D", `${this.folder}/data`]));
    } else process.kill(signal);
    await process.status;
  }

  /** Ends the server without waiting for it, and removes its folder. */
  stopAtOnce(): void {
    this.#process?.kill("SIGQUIT");
    Deno.removeSync(this.folder, { recursive: true });
  }

  #command(program: string, args: readonly string[], options: Deno.CommandOptions = {}): Deno.Command {
    return command(program, args, options, this.#launcher);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The server reads a key only where nobody else can. */
async function giveCertificate(folder: string, { cert, key }: { readonly cert: string; readonly key: string }) {
  const { uid, gid } = ordinaryUser();
  for (const [name, file] of [["cert", cert], ["key", key]]) {
    await Deno.writeTextFile(`${folder}/${name}.pem`, await Deno.readTextFile(file), { mode: 0o600 });
    if (Deno.uid() === 0) await Deno.chown(`${folder}/${name}.pem`, uid, gid);
  }
  return ["ssl=on", `ssl_cert_file=${folder}/cert.pem`, `ssl_key_file=${folder}/key.pem`];
}

/** The server refuses to run for root. */
function command(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
  launcher: readonly string[] = [],
): Deno.Command {
  const path = Deno.realPathSync(findProgram("postgresql")!).replace(/[^/]+$/, program);
  const { uid, gid } = ordinaryUser();
  const drop = Deno.uid() === 0 ? [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"] : [];
  // It does not outlive a test that is killed.
  const [first, ...others] = [...launcher, "setpriv", ...drop, "--pdeathsig=INT", "--", path, ...args];
  return new Deno.Command(first, { cwd: "/", ...options, args: others });
}

async function run(command: Deno.Command): Promise<string> {
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(`Cannot run a program of PostgreSQL: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** The user that Debian's package made. */
function ordinaryUser(): { readonly uid: number; readonly gid: number } {
  const line = Deno.readTextFileSync("/etc/passwd").split("\n").find((each) => each.startsWith("postgres:"));
  const [, , uid, gid] = (line ?? "").split(":").map(Number);
  return { uid, gid };
}

/** A server for all tests of a file, which is gone with them; undefined where the program is missing. */
export async function sharedPostgres(options: PostgresOptions = {}): Promise<TestPostgres | undefined> {
  if (findProgram("postgresql") === undefined) return undefined;
  const server = await TestPostgres.start(options);
  globalThis.addEventListener("unload", () => server.stopAtOnce());
  return server;
}
