/** Every option of the server changes something that can be seen from outside, or has a test that says what. @module */

import { flagOf, OPTION_KEYS, type OptionKey } from "../../server/config/schema.ts";
import {
  DisconnectNoticeSchema,
  DisconnectReason,
  HeartbeatRequestSchema,
  type ServerInfo,
} from "../../shared/gen/auth_pb.ts";
import type { EnterWorldResponse } from "../../shared/gen/world_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { freePort } from "../support/free_port.ts";
import { programTest } from "../support/programs.ts";
import { IO_BACKENDS, type IoBackendName, type ServerPorts, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { WireClient } from "../support/wire.ts";
import { login, register, WirePlayer } from "../support/wire_session.ts";

const TESTS = new URL("../", import.meta.url).pathname;
const ADMIN_TOKEN = "a-token-of-some-length";

/** What a server shows of an option: one that has its default, and one of {@linkcode changedFlags}. */
interface Seen {
  readonly look: (view: View) => unknown;
  readonly plain: unknown;
  readonly changed: unknown;
}

/** The test that shows the effect, and its file, which names the option. */
interface Elsewhere {
  readonly file: string;
  readonly test: string;
}

/** What one server shows. */
interface View {
  readonly server: ServerProcess;
  readonly listed: ServerInfo;
  readonly entry: EnterWorldResponse;
  readonly sessionToken: string;
  /** Names that could be registered. */
  readonly registered: readonly string[];
  readonly log: string;
}

const NAMES = ["Юлия", "Dragonlord"];
const EFFECTS: Readonly<Record<OptionKey, Seen | Elsewhere>> = {
  host: { look: (view) => listenAddress(view.server.ports.login), plain: "0.0.0.0", changed: "127.0.0.1" },
  loginPort: portRow("login"),
  gamePort: portRow("game"),
  gatewayPort: portRow("gateway"),
  ioBackend: { file: "e2e/permissions_test.ts", test: "leaves each of its threads only what it needs" },
  ioWorkers: { look: ioWorkerCount, plain: 2, changed: 3 },
  acceptBacklog: { file: "e2e/options_test.ts", test: "hands --accept-backlog and --tcp-no-delay to the kernel" },
  tcpNoDelay: { file: "e2e/options_test.ts", test: "hands --accept-backlog and --tcp-no-delay to the kernel" },
  tlsCert: { file: "e2e/tls_test.ts", test: "serve --tls-cert speaks TLS on the login, game and gateway ports" },
  tlsKey: { file: "e2e/tls_test.ts", test: "refuses a certificate and key that it cannot use" },
  allowedOrigins: { file: "e2e/gateway_test.ts", test: "opens WebSockets for its own page and listed origins only" },
  proxyProtocolFrom: { file: "e2e/address_limits_test.ts", test: "takes a player's address from a listed proxy" },
  trustedProxies: {
    file: "io/address_limits_test.ts",
    test: "believes forwarded addresses from trusted proxies alone",
  },
  maxConnections: fullRow("game"),
  maxPlayers: { file: "e2e/entry_queue_test.ts", test: "wait for room in the world, longer than a request may take" },
  loginQueue: { file: "e2e/entry_queue_test.ts", test: "wait for room in the world, longer than a request may take" },
  loginMaxConnections: fullRow("login"),
  gatewayMaxConnections: fullRow("gateway"),
  sendQueueSoftBytes: { file: "io/connection_test.ts", test: "above its soft cap sheds what is DROPPABLE" },
  sendQueueHardBytes: { file: "io/connection_test.ts", test: "above its hard cap is cut off as SLOW_READER" },
  linkDeadMs: { file: "e2e/resume_test.ts", test: "serve --link-dead-ms ends a session that nobody resumes in time" },
  drainTimeout: {
    file: "e2e/drain_test.ts",
    test:
      "A server that stops ends matches after --drain-timeout: players are told, keep what they have earned, and go on elsewhere",
  },
  floodControl: { file: "io/connection_test.ts", test: "has no tokens to run out of when flood control is off" },
  addressMaxConnections: { file: "e2e/address_limits_test.ts", test: "tells a connection too many from an address" },
  addressConnectsPerSecond: {
    file: "io/address_limits_test.ts",
    test: "tells an address that connects too fast FLOOD",
  },
  addressTokensPerSecond: { file: "io/address_limits_test.ts", test: "takes tokens of its address too" },
  addressRegistrationsPerHour: { file: "logic/auth_limits_test.ts", test: "lets an address register so many accounts" },
  trustedAddresses: { file: "e2e/address_limits_test.ts", test: "never bans a trusted address" },
  role: { file: "e2e/roles_test.ts", test: "serve --role opens the ports of its role only" },
  serverId: { look: ({ listed }) => listed.serverId, plain: 1, changed: 7 },
  serverName: { look: ({ listed }) => listed.serverName, plain: "Dragon Server", changed: "Seven" },
  publicHost: { look: ({ listed }) => listed.ipAddress, plain: "127.0.0.1", changed: "play.example.org" },
  gatewayUrl: {
    look: ({ listed, server }) => listed.gatewayUrl.replace(`:${server.ports.gateway}/`, "/"),
    plain: "ws://127.0.0.1/ws",
    changed: "wss://ws.example.org/ws",
  },
  dataDir: { file: "e2e/process_test.ts", test: "saves positions, exits 0, and has them after the restart" },
  dependencyWait: { file: "e2e/postgres_test.ts", test: "waits for a database as long as --dependency-wait says" },
  databaseUrl: {
    look: async ({ server }) =>
      (await Array.fromAsync(Deno.readDir(server.dataDir))).some((at) => at.name === "other.db"),
    plain: false,
    changed: true,
  },
  natsUrl: { file: "e2e/bus_test.ts", test: "says which NATS server it cannot use" },
  databaseCa: { file: "e2e/postgres_test.ts", test: "speaks TLS to a PostgreSQL server whose certificate is good" },
  natsCa: { file: "e2e/bus_test.ts", test: "takes the NATS server that --nats-ca vouches for" },
  duplicateLogin: { file: "e2e/login_test.ts", test: "serve --duplicate-login reject keeps the first connection" },
  sessionTokenHours: { look: ({ sessionToken }) => hoursOf(sessionToken), plain: 24, changed: 2 },
  clientVersionMin: { file: "logic/entry_test.ts", test: "tell a client that is too old" },
  names: { look: ({ registered }) => registered.includes(NAMES[0]), plain: true, changed: false },
  reservedNames: { look: ({ registered }) => registered.includes(NAMES[1]), plain: true, changed: false },
  tickMs: { look: ({ entry }) => entry.tickIntervalMs, plain: 50, changed: 100 },
  mapSize: { look: ({ entry }) => entry.mapWidth, plain: 1_000, changed: 600 },
  interestRadius: { look: ({ entry }) => entry.interestRadius, plain: 50, changed: 40 },
  snapshotBytes: { file: "players/players_test.ts", test: "with little room in snapshots, is told all of it in time" },
  maxSpeed: { look: ({ entry }) => entry.maxSpeed, plain: 10, changed: 8 },
  game: { file: "e2e/game_test.ts", test: "plays the game of --game" },
  adminHost: { look: (view) => listenAddress(view.server.ports.admin), plain: "127.0.0.1", changed: "0.0.0.0" },
  adminPort: portRow("admin"),
  adminToken: { look: adminStatuses, plain: [200, 200], changed: [401, 200] },
  // Packets are logged at level info; the warning that there is no TLS is there in any case.
  logLevel: { look: ({ log }) => log.includes("packets"), plain: false, changed: true },
  logFormat: { look: ({ log }) => log.split("\n").some((line) => line.startsWith("{")), plain: true, changed: false },
  debugPackets: { file: "e2e/admin_test.ts", test: "counts what happened, and nothing is left when everyone is gone" },
  logLogins: { file: "e2e/accounts_test.ts", test: "lets players go and nobody in, over a restart" },
  diagnostics: { file: "e2e/gateway_test.ts", test: "ECHO_REQUEST and drills only with diagnostics on" },
  supervise: { file: "e2e/supervise_test.ts", test: "starts the server again when a thread hangs or it is killed" },
  dev: { file: "e2e/dev_test.ts", test: "deno task dev reloads a game when a file is saved: players stay" },
};

/** Asked of both servers: only one of them has the port that it was given. */
const askedPorts: Record<keyof ServerPorts, number> = { login: 0, game: 0, gateway: 0, admin: 0 };
/** Connections that the changed server takes at a port. */
const ADMITTED: Readonly<Record<"login" | "game" | "gateway", number>> = { login: 5, game: 6, gateway: 7 };

/** What differs from the defaults on the other server. */
const PLAIN_FLAGS = ["--debug-packets", "on", "--log-level", "warn"];

function changedFlags(): string[] {
  return [
    ...Object.entries(askedPorts).flatMap(([name, port]) => [`--${name}-port`, String(port)]),
    ...["--host", "127.0.0.1", "--io-workers", "3"],
    ...["--max-connections", String(ADMITTED.game), "--login-max-connections", String(ADMITTED.login)],
    ...["--gateway-max-connections", String(ADMITTED.gateway)],
    ...["--server-id", "7", "--server-name", "Seven", "--public-host", "play.example.org"],
    ...["--gateway-url", "wss://ws.example.org/ws", "--database-url", "sqlite:other.db", "--session-token-hours", "2"],
    ...["--names", "ascii", "--reserved-names", "dragonlord", "--tick-ms", "100", "--map-size", "600"],
    ...["--interest-radius", "40", "--max-speed", "8", "--admin-host", "0.0.0.0", "--admin-token", ADMIN_TOKEN],
    ...["--debug-packets", "on", "--log-format", "pretty"],
  ];
}

function portRow(name: keyof ServerPorts): Seen {
  return { look: ({ server }) => server.ports[name] === askedPorts[name], plain: false, changed: true };
}

/** Whether the port says to the first one above the changed limit that it is full. */
function fullRow(name: keyof typeof ADMITTED): Seen {
  return { look: ({ server }) => isFullAbove(server, name, ADMITTED[name]), plain: false, changed: true };
}

async function isFullAbove(server: ServerProcess, name: keyof typeof ADMITTED, limit: number): Promise<boolean> {
  await using clients = new AsyncDisposableStack();
  for (let count = 0; count <= limit; count++) {
    const port = server.ports[name];
    const client = clients.use(await (name === "gateway" ? WireClient.webSocket(port) : WireClient.tcp(port)));
    client.send(HeartbeatRequestSchema, {});
    await until("an answer", () => client.packets.length > 0);
    const [notice] = client.all(DisconnectNoticeSchema);
    if (count === limit) return notice?.reason === DisconnectReason.SERVER_FULL;
  }
  return false;
}

/** The IPv4 address that a port of this machine listens on. */
async function listenAddress(port: number): Promise<string | undefined> {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const [, address] = new RegExp(`: ([0-9A-F]{8}):${hex} \\S+ 0A `).exec(await Deno.readTextFile("/proc/net/tcp")) ??
    [];
  return address?.match(/../g)?.toReversed().map((byte) => parseInt(byte, 16)).join(".");
}

const AUTHORIZED = { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };

async function ioWorkerCount({ server }: View): Promise<number> {
  return await until("the monitor's look", async () => {
    const response = await fetch(`http://127.0.0.1:${server.ports.admin}/status.json`, AUTHORIZED);
    const { workers } = await response.json() as { workers: { worker: string }[] };
    return workers.filter(({ worker }) => worker.startsWith("io-")).length || undefined;
  });
}

/** Without the token, and with it. */
async function adminStatuses({ server }: View): Promise<number[]> {
  const statuses: number[] = [];
  for (const init of [{}, AUTHORIZED]) {
    const response = await fetch(`http://127.0.0.1:${server.ports.admin}/status.json`, init);
    await response.body?.cancel();
    statuses.push(response.status);
  }
  return statuses;
}

function hoursOf(token: string): number {
  const { iat, exp } = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  return (exp - iat) / 3_600;
}

async function viewOf(server: ServerProcess): Promise<View> {
  const registered: string[] = [];
  await using client = await WireClient.tcp(server.ports.login);
  for (const name of [...NAMES, "Alice"]) {
    if ((await register(client, name, "correct horse")).success) registered.push(name);
  }
  const { sessionToken, gameServers: [listed] } = await login(client, "Alice", "correct horse");
  await using player = await WirePlayer.enter(server, "tcp", { name: "Alice", token: sessionToken });
  return { server, listed, entry: player.entry, sessionToken, registered, log: await server.log() };
}

Deno.test("OPTIONS: every option has a row here, and the tests that rows name are there", async () => {
  assertEquals(Object.keys(EFFECTS).toSorted(), OPTION_KEYS.toSorted());
  for (const key of OPTION_KEYS) {
    const row = EFFECTS[key];
    if ("look" in row) continue;
    const text = await Deno.readTextFile(`${TESTS}${row.file}`);
    assert(text.includes(row.test), `${flagOf(key)}: ${row.file} has no test "${row.test}"`);
    const isNamed = text.includes(flagOf(key)) || new RegExp(`\\b${key}\\b`).test(text);
    assert(isNamed, `${row.file} says nothing of ${flagOf(key)}`);
  }
});

Deno.test("serve shows the effect of every option that can be seen from outside", async () => {
  for (const name of Object.keys(askedPorts) as (keyof ServerPorts)[]) askedPorts[name] = freePort();
  await using changed = await ServerProcess.start({ flags: changedFlags() });
  await using plain = await ServerProcess.start({ flags: PLAIN_FLAGS });
  const views = { plain: await viewOf(plain), changed: await viewOf(changed) };
  for (const key of OPTION_KEYS) {
    const row = EFFECTS[key];
    if (!("look" in row)) continue;
    for (const which of ["plain", "changed"] as const) {
      assertEquals(await row.look(views[which]), row[which], `${flagOf(key)}, ${which}`);
    }
  }
  await changed.stop();
  await plain.stop();
});

/** What the kernel is told of listeners and connections. */
async function kernelCalls(backend: IoBackendName, flags: readonly string[]): Promise<string> {
  return await withTempDir(async (dir) => {
    const file = `${dir}/calls`;
    await using server = await ServerProcess.start({
      backend,
      flags,
      // -D: the process that is started is the server, so that it is the one that is stopped.
      launcher: ["strace", "-D", "-f", "-qq", "-o", file, "-e", "trace=listen,setsockopt"],
    });
    await using client = await WireClient.tcp(server.ports.game);
    client.send(HeartbeatRequestSchema, {});
    await until("an answer", () => client.packets.length > 0);
    const calls = await Deno.readTextFile(file);
    await client.close();
    await server.stop();
    return calls;
  });
}

for (const backend of IO_BACKENDS) {
  if (Deno.build.os !== "linux") continue;
  programTest("strace", `serve (${backend}) hands --accept-backlog and --tcp-no-delay to the kernel`, async () => {
    const plain = await kernelCalls(backend, []);
    const changed = await kernelCalls(backend, ["--accept-backlog", "77", "--tcp-no-delay", "off"]);
    const sees = (calls: string) => [
      /listen\(\d+, 1024\)/.test(calls),
      /listen\(\d+, 77\)/.test(calls),
      /TCP_NODELAY, \[1\]/.test(calls),
    ];
    assertEquals([sees(plain), sees(changed)], [[true, false, true], [false, true, false]]);
  });
}
