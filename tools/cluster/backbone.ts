/** PostgreSQL and NATS for a cluster on one machine: each a private one, in the cluster's folder. @module */

import { Child, type ChildOptions } from "./child.ts";
import type { Programs } from "./programs.ts";

const USER = "drawbridge";
const DATABASE = "drawbridge";
/** Pause between two looks at a program that starts, in milliseconds. */
const LOOK_MS = 100;

/** What is needed to start one of them. */
export interface BackboneOptions {
  readonly programs: Programs;
  readonly folder: string;
  readonly port: number;
  readonly onEnd: ChildOptions["onEnd"];
}

/** A program that runs, and its address with a password, as a server's option takes it. */
export interface Backbone {
  readonly child: Child;
  readonly url: string;
}

/**
 * Starts PostgreSQL, as an ordinary user where this is root, with a database for the cluster.
 *
 * @throws {Error} when it cannot be started; it says why.
 */
export async function startPostgres({ programs, folder, port, onEnd }: BackboneOptions): Promise<Backbone> {
  const data = `${folder}/postgres`;
  const password = await secretOf(`${folder}/postgres-password`);
  const user = ordinaryUser();
  const program = (name: string) => `${programs.postgresFolder}/${name}`;
  const run = async (name: string, args: readonly string[]) => {
    const [command, ...rest] = [
      ...user.flags.length > 0 ? ["setpriv", ...user.flags, "--"] : [],
      program(name),
      ...args,
    ];
    const { success, stdout, stderr } = await new Deno.Command(command, {
      args: rest,
      cwd: "/",
      env: { PGPASSWORD: password },
    }).output();
    return { success, stdout: textOf(stdout), stderr: textOf(stderr) };
  };
  if (!await exists(`${data}/PG_VERSION`)) {
    await Deno.mkdir(data, { recursive: true, mode: 0o700 });
    const passwordFile = `${folder}/postgres-password`;
    if (user.ids !== undefined) {
      for (const path of [data, passwordFile]) await Deno.chown(path, ...user.ids);
    }
    const cluster = ["--auth=scram-sha-256", `--username=${USER}`, `--pwfile=${passwordFile}`, "--encoding=UTF8"];
    const made = await run("initdb", [...cluster, "--locale=C.UTF-8", "-D", data]);
    if (!made.success) throw new Error(`Cannot make a database in ${data}: ${made.stderr.trim()}`);
  }
  const settings = ["listen_addresses=127.0.0.1", `port=${port}`, "unix_socket_directories=", "max_connections=200"];
  const server = ["-h", "127.0.0.1", "-p", `${port}`, "-U", USER];
  const child = new Child({
    name: "postgresql",
    command: [program("postgres"), "-D", data, ...settings.flatMap((setting) => ["-c", setting])],
    user: user.flags,
    folder,
    signal: "SIGINT",
    onEnd,
  });
  await until(child, async () => (await run("pg_isready", server)).success);
  const query = ["-X", "-A", "-t", "-d", "postgres", "-c"];
  const { stdout } = await run("psql", [
    ...server,
    ...query,
    `SELECT 1 FROM pg_database WHERE datname = '${DATABASE}'`,
  ]);
  if (stdout.trim() !== "1") await run("psql", [...server, ...query, `CREATE DATABASE ${DATABASE}`]);
  return { child, url: `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}?sslmode=disable` };
}

/**
 * Starts NATS.
 *
 * @throws {Error} when it cannot be started; it says why.
 */
export async function startNats({ programs, folder, port, onEnd }: BackboneOptions): Promise<Backbone> {
  const password = await secretOf(`${folder}/nats-password`);
  const config = `${folder}/nats.conf`;
  const lines = [`listen: "127.0.0.1:${port}"`, `authorization: { user: "${USER}", password: "${password}" }`];
  await Deno.writeTextFile(config, `${lines.join("\n")}\n`, { mode: 0o600 });
  const child = new Child({ name: "nats-server", command: [programs.nats, "-c", config], folder, onEnd });
  await until(child, async () => {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch {
      return false;
    }
  });
  return { child, url: `nats://${USER}:${password}@127.0.0.1:${port}` };
}

/** Waits for a program that starts. @throws {Error} with what it wrote when it ends instead. */
export async function until(child: Child, isReady: () => Promise<boolean>): Promise<void> {
  while (!await isReady()) {
    if (child.isEnded) throw new Error(`Cannot start ${child.name}:\n${(await child.output()).trim()}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** A password that was made once. */
async function secretOf(path: string): Promise<string> {
  if (await exists(path)) return (await Deno.readTextFile(path)).trim();
  const secret = crypto.getRandomValues(new Uint8Array(24)).toHex();
  await Deno.writeTextFile(path, `${secret}\n`, { mode: 0o600 });
  return secret;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** PostgreSQL refuses to run for root: the user that Debian's package made does it instead. */
function ordinaryUser(): { readonly flags: readonly string[]; readonly ids: [number, number] | undefined } {
  if (Deno.uid() !== 0) return { flags: [], ids: undefined };
  const line = Deno.readTextFileSync("/etc/passwd").split("\n").find((each) => each.startsWith("postgres:"));
  const [, , uid, gid] = (line ?? "").split(":").map(Number);
  if (!uid || !gid) throw new Error("Cannot run PostgreSQL for root: there is no user postgres");
  return { flags: [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"], ids: [uid, gid] };
}
