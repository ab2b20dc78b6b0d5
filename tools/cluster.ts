/**
 * A whole cluster on one machine: a login server, two game servers, PostgreSQL and NATS, all in one folder. To try
 * things out and to develop; docs/deploy.md says how several machines are set up.
 *
 * @module
 */

import { resolve } from "node:path";
import { problemText } from "../server/config/config.ts";
import { readLaunch } from "../server/process/launch.ts";
import { checkPortsFree } from "../server/process/listen_error.ts";
import { serveArguments } from "../server/process/process_keeper.ts";
import { ConfigError, EXIT_CONFIG } from "../shared/errors.ts";
import { splitArgs } from "./admin_args.ts";
import { type Backbone, startNats, startPostgres, until } from "./cluster/backbone.ts";
import { Child } from "./cluster/child.ts";
import { findPrograms, programFolders } from "./cluster/programs.ts";

/** What `--help` prints. */
export const CLUSTER_HELP =
  `Starts a login server, two game servers, PostgreSQL and NATS on this machine. Ctrl+C stops them all; what players have
stays in the folder.

Usage: deno task cluster [--folder DIR] [--public-host HOST] [--free-ports] [flags of the servers]

  --folder DIR        Folder for everything [./cluster]
  --public-host HOST  Address by which other machines reach this one [this machine alone]
  --free-ports        Free ports instead of 8080 to 8084, 9090 to 9092, 4222 and 5432 (a second cluster, or ports in use)`;

/** The servers, in the order they are started, and the ports of each: login or game, gateway, admin. */
const NODES = [
  { name: "login", serverId: 1, serverName: "Gate", role: "login", ports: { login: 8080, admin: 9090 } },
  {
    name: "dragon",
    serverId: 2,
    serverName: "Dragon Server",
    role: "game",
    ports: { game: 8081, gateway: 8082, admin: 9091 },
  },
  {
    name: "phoenix",
    serverId: 3,
    serverName: "Phoenix Server",
    role: "game",
    ports: { game: 8083, gateway: 8084, admin: 9092 },
  },
] as const;
const NATS_PORT = 4222, POSTGRES_PORT = 5432;
const READY = /^ready .*$/m;

/** Everything that runs, in the order it was started. */
const children: Child[] = [];

async function start(args: readonly string[]): Promise<void> {
  const isFree = args.includes("--free-ports");
  const split = splitArgs(args.filter((arg) => arg !== "--free-ports"), new Set(["--folder", "--public-host"]));
  const unexpected = split.positionals.map((argument) => `Unexpected argument ${JSON.stringify(argument)}`);
  if (split.problems.length + unexpected.length > 0) throw new ConfigError([...split.problems, ...unexpected]);
  const folder = resolve(split.own.get("--folder") ?? "cluster");
  const portOf = (usual: number) => isFree ? freePort() : usual;
  const publicHost = split.own.get("--public-host") ?? "127.0.0.1";
  const nodes = NODES.map((node) => ({
    ...node,
    ports: Object.fromEntries(Object.entries(node.ports).map(([name, port]) => [name, portOf(port)])),
  }));
  const gateways = nodes.flatMap(({ ports: { gateway } }) => gateway === undefined ? [] : [gateway]);
  const origins = gateways.flatMap((port) =>
    [...new Set([publicHost, "localhost"])].map((host) => `http://${host}:${port}`)
  );
  const flags = [
    ...["--public-host", publicHost, "--host", split.own.has("--public-host") ? "0.0.0.0" : "127.0.0.1"],
    ...["--allowed-origins", origins.join(",")],
  ];
  const planned = nodes.map(({ name, serverId, serverName, role, ports }) => ({
    name,
    ports,
    args: [
      ...["--role", role, "--server-id", `${serverId}`, "--server-name", serverName, "--data-dir", `${folder}/${name}`],
      ...Object.entries(ports).flatMap(([port, number]) => [`--${port}-port`, `${number}`]),
      ...flags,
      ...split.others,
    ],
  }));
  const postgresPort = portOf(POSTGRES_PORT), natsPort = portOf(NATS_PORT);
  // The passwords are made later; no flag depends on them.
  await checkServers(planned, envOf(`postgres://x:x@127.0.0.1:${postgresPort}/x`, `nats://127.0.0.1:${natsPort}`));

  const programs = findPrograms(programFolders(Deno.env.get("PATH") ?? ""));
  if (typeof programs === "string") throw new Error(programs);
  await Deno.mkdir(folder, { recursive: true });
  const onEnd = (child: Child, code: number) =>
    console.error(
      `${child.name} has ended with ${code}: see ${child.logFile}; a new start of the cluster has it again`,
    );
  const database = kept(await startPostgres({ programs, folder, onEnd, port: postgresPort }));
  const bus = kept(await startNats({ programs, folder, onEnd, port: natsPort }));
  const env = { ...envOf(database.url, bus.url), MALLOC_MMAP_THRESHOLD_: "131072" };
  const servers = planned.map(({ name, args, ports }) => {
    const command = [Deno.execPath(), ...serveArguments(), ...args];
    const child = new Child({ name, command, env, folder, onEnd });
    children.push(child);
    return { child, ports };
  });
  for (const { child } of servers) await until(child, async () => READY.test(await child.output()));
  for (const { child } of servers) console.log(`${child.name.padEnd(10)} ${READY.exec(await child.output())![0]}`);
  console.log(`postgresql ${database.url}\nnats       ${bus.url}\nlogs       ${folder}/*.log\n`);
  for (const port of gateways) console.log(`  Play in a browser    http://${publicHost}:${port}/`);
  for (const { child, ports } of servers) {
    console.log(`  Watch ${child.name.padEnd(15)}http://127.0.0.1:${ports.admin}/`);
  }
  // One of them is asked for all.
  const [{ child: { name }, ports: { admin } }] = servers;
  console.log(`  Moderate             deno task admin list --data-dir ${folder}/${name} --admin-port ${admin}`);
  console.log(`  Stop                 Ctrl+C\n\nready`);
}

function envOf(databaseUrl: string, natsUrl: string): Record<string, string> {
  return { DRAWBRIDGE_DATABASE_URL: databaseUrl, DRAWBRIDGE_NATS_URL: natsUrl };
}

/**
 * Finds what the servers would refuse, before anything is started for them.
 *
 * @throws {ConfigError} with every problem of their flags, or {DependencyError} where a port is in use.
 */
async function checkServers(
  servers: readonly { readonly args: readonly string[] }[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const problems = new Set<string>();
  for (const { args } of servers) {
    try {
      const launch = await readLaunch({ args, env: { ...Deno.env.toObject(), ...env } });
      if (typeof launch !== "string") checkPortsFree(launch.config);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const problem of error.problems) problems.add(problem);
    }
  }
  if (problems.size > 0) throw new ConfigError([...problems]);
}

function kept(backbone: Backbone): Backbone {
  children.push(backbone.child);
  return backbone;
}

/** Stops everything: the servers, which save, before what they save to. */
async function stop(): Promise<void> {
  const [servers, backbone] = [children.slice(2), children.slice(0, 2)];
  await Promise.all(servers.map((child) => child.stop()));
  await Promise.all(backbone.map((child) => child.stop()));
}

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

if (import.meta.main) {
  if (Deno.args.some((arg) => arg === "--help" || arg === "-h")) {
    console.log(CLUSTER_HELP);
    Deno.exit(0);
  }
  let isStopping = false;
  const end = async (code: number) => {
    if (isStopping) return;
    isStopping = true;
    await stop();
    Deno.exit(code);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) Deno.addSignalListener(signal, () => void end(0));
  try {
    await start(Deno.args);
  } catch (error) {
    const isConfig = error instanceof ConfigError;
    const text = isConfig ? problemText(error) : error instanceof Error ? error.message : error;
    if (!isStopping) console.error(text);
    await end(isConfig ? EXIT_CONFIG : 1);
  }
}
