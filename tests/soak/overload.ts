/**
 * `deno task soak:overload`: honest players in the world beside attackers at other addresses, who do one thing that costs
 * the server more than them, within its limits. Prints a row for each attack and backend. Exit status 0: in every row the
 * server lived, no honest player was closed or missed a line, and their heartbeats were answered soon enough.
 *
 * @module
 */

import { choice } from "../../server/config/kinds.ts";
import { HeartbeatRequestSchema, HeartbeatResponseSchema } from "../../shared/gen/auth_pb.ts";
import { makeCertificate } from "../support/certificate.ts";
import { type IoBackendName, ServerProcess } from "../support/server_process.ts";
import { WireClient } from "../support/wire.ts";
import { until } from "../support/wait.ts";
import { backends, backendsOf, count, readOptions } from "./options.ts";
import { OVERLOAD_ATTACKS, type OverloadAttack } from "./overload_attacks.ts";
import type { AttackerPlan } from "./overload_attacker.ts";
import { OverloadPlayer } from "./overload_player.ts";

/** Honest players of one address. */
const PLAYERS_PER_ADDRESS = 10;
const HEARTBEAT_INTERVAL_MS = 1_000;
const SAY_INTERVAL_MS = 10_000;
/** An honest peer that was not there before connects to the port that is attacked this often, each at another address. */
const NEWCOMER_INTERVAL_MS = 1_000;
const NEWCOMER_PATIENCE_MS = 5_000;
/** So many of them must be answered in time. */
const NEWCOMERS_ANSWERED_MIN = 0.95;
/** Heartbeats of honest players may take so long in all but one in a hundred, in milliseconds: beside one address, or more. */
const P99_MS_BESIDE_ONE = 250;
const P99_MS_BESIDE_MORE = 1_000;
/** How long lines may take to arrive when the attack is over, in milliseconds. */
const SETTLE_MS = 30_000;
const ALL = "all";

const options = readOptions("soak:overload", {
  attack: { kind: choice([...Object.keys(OVERLOAD_ATTACKS), ALL]), fallback: ALL, help: "what the attackers do" },
  backend: backends(),
  addresses: count(1, 1, 20, "addresses of attackers"),
  connections: count(490, 1, 500, "connections of each of them"),
  players: count(100, 1, 1_000, "honest players, at other addresses"),
  seconds: count(20, 1, 3_600, "how long each attack lasts"),
});

/** Honest peers that came during an attack. */
interface Newcomers {
  tried: number;
  answered: number;
  waiting: number;
}

/** What became of honest players beside one attack. */
interface Row {
  readonly attack: string;
  readonly backend: IoBackendName;
  readonly lived: boolean;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly unanswered: number;
  /** Lines of honest players that were refused because too much was being said, of so many. */
  readonly refused: string;
  readonly newcomers: Newcomers;
  /** Connections of honest players that were closed, packets and lines that are missing or came out of order. */
  readonly faults: readonly string[];
  readonly attackerConnections: number;
  readonly attackerMegabytes: number;
}

async function run(name: string, backend: IoBackendName): Promise<Row> {
  const attack = OVERLOAD_ATTACKS[name];
  const certificateDir = await Deno.makeTempDir();
  const { cert, key } = await makeCertificate(certificateDir);
  await using server = await ServerProcess.start({
    backend,
    players: options.players + attackingPlayers(attack),
    errorsExpected: true,
    flags: [
      ...["--trusted-addresses", "192.0.2.1/32"],
      ...attack.overTls === true ? ["--tls-cert", cert, "--tls-key", key] : [],
      ...attack.flags ?? [],
    ],
  });
  await Deno.remove(certificateDir, { recursive: true });
  const players = await enterAll(server, attack);
  const attackers = startAttackers({
    attack: name,
    port: server.ports[attack.port],
    tokens: Array.from({ length: attackingPlayers(attack) }, () => server.takePlayer().token),
    addresses: Array.from({ length: options.addresses }, (_, index) => `127.0.0.${10 + index}`),
    connectionsPerAddress: options.connections,
  });
  const beats = setInterval(() => spread(players, HEARTBEAT_INTERVAL_MS, (player) => player.sendHeartbeat()), 1_000);
  const lines = setInterval(() => spread(players, SAY_INTERVAL_MS, (player) => player.say()), SAY_INTERVAL_MS);
  const newcomers: Newcomers = { tried: 0, answered: 0, waiting: 0 };
  const comes = setInterval(() => void come(server, attack, newcomers), NEWCOMER_INTERVAL_MS);
  await new Promise((resolve) => setTimeout(resolve, options.seconds * 1_000));
  clearInterval(comes);
  clearInterval(beats);
  clearInterval(lines);
  const done = await attackers.stop();
  const lived = server.status === null;
  const late = lived ? await settle(players) : "";
  await until("the last newcomers", () => newcomers.waiting === 0);
  for (const player of players) await player.leave();
  const roundTrips = players.flatMap(({ roundTripsMs }) => roundTripsMs).sort((a, b) => a - b);
  const sent = sumOf(players, ({ heartbeatsSent }) => heartbeatsSent);
  // Who is a player may be refused, but not closed.
  const closedCount = attack.linesAtOnce === undefined ? 0 : done.connectionCount - attackingPlayers(attack);
  return {
    attack: name,
    backend,
    lived,
    p50Ms: roundTrips[Math.floor(roundTrips.length * 0.5)] ?? NaN,
    p99Ms: roundTrips[Math.floor(roundTrips.length * 0.99)] ?? NaN,
    unanswered: sent - roundTrips.length,
    refused: `${sumOf(players, ({ refusedCount }) => refusedCount)} of ${sumOf(players, ({ saidCount }) => saidCount)}`,
    newcomers,
    faults: [
      ...players.flatMap(({ faults }) => faults),
      ...late === "" ? [] : [late],
      ...closedCount > 0 ? [`attackers were closed ${closedCount} times`] : [],
    ],
    attackerConnections: done.connectionCount,
    attackerMegabytes: done.byteCount / 1e6,
  };
}

function sumOf(players: readonly OverloadPlayer[], count: (player: OverloadPlayer) => number): number {
  return players.reduce((sum, player) => sum + count(player), 0);
}

/** How many attackers are players. */
function attackingPlayers(attack: OverloadAttack): number {
  return attack.linesAtOnce === undefined ? 0 : options.addresses * options.connections;
}

async function enterAll(server: ServerProcess, attack: OverloadAttack): Promise<OverloadPlayer[]> {
  const players: OverloadPlayer[] = [];
  for (let index = 0; index < options.players; index++) {
    const localAddress = `127.0.1.${1 + Math.floor(index / PLAYERS_PER_ADDRESS)}`;
    const head = attack.honestHead?.(localAddress) ?? new Uint8Array(0);
    const place = { port: server.ports.game, localAddress, head, overTls: attack.overTls === true };
    players.push(await OverloadPlayer.enter(place, server.takePlayer()));
  }
  return players;
}

/** Connects to the port that is attacked, and says whether a heartbeat is answered. With TLS nobody does. */
async function come({ ports }: ServerProcess, attack: OverloadAttack, newcomers: Newcomers): Promise<void> {
  if (attack.overTls === true) return;
  const localAddress = `127.0.2.${1 + newcomers.tried++ % 250}`;
  newcomers.waiting++;
  const ask = async () => {
    await using client = attack.port === "gateway"
      ? await WireClient.webSocket(ports.gateway, { localAddress })
      : await WireClient.tcp(ports[attack.port], { localAddress, head: attack.honestHead?.(localAddress) });
    await client.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
    return true;
  };
  const asking = ask().catch(() => false);
  const isAnswered = await Promise.race([
    asking,
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), NEWCOMER_PATIENCE_MS)),
  ]);
  if (isAnswered) newcomers.answered++;
  newcomers.waiting--;
}

/** Lets each player do something once, spread evenly over a time. */
function spread(players: readonly OverloadPlayer[], ms: number, act: (player: OverloadPlayer) => void): void {
  players.forEach((player, index) => setTimeout(() => act(player), index * ms / players.length));
}

/** Waits until everybody has heard everything; gives what is wrong with that. */
async function settle(players: readonly OverloadPlayer[]): Promise<string> {
  const isWhole = () => {
    const dueCount = sumOf(players, ({ saidCount, refusedCount }) => saidCount - refusedCount);
    return players.every(({ heardCount }) => heardCount === dueCount);
  };
  try {
    await until("all lines", isWhole, SETTLE_MS);
    return "";
  } catch {
    return "lines are missing";
  }
}

/** Starts the attackers, who give way to everybody else on this machine: they would not share it with the server. */
function startAttackers(plan: AttackerPlan) {
  const file = new URL("./overload_attacker.ts", import.meta.url).pathname;
  const child = new Deno.Command("nice", {
    args: ["-n", "10", Deno.execPath(), "run", "--no-prompt", "-A", file],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const started = writer.write(new TextEncoder().encode(`${JSON.stringify(plan)}\n`));
  return {
    stop: async (): Promise<{ connectionCount: number; byteCount: number }> => {
      await started;
      await writer.close();
      const { stdout } = await child.output();
      return JSON.parse(new TextDecoder().decode(stdout));
    },
  };
}

const p99MsMax = options.addresses === 1 ? P99_MS_BESIDE_ONE : P99_MS_BESIDE_MORE;
const names = options.attack === ALL ? Object.keys(OVERLOAD_ATTACKS) : [options.attack];
let isRight = true;
console.log(`${options.addresses} addresses x ${options.connections} connections, ${options.players} honest players`);
console.log(
  "| Attack | Backend | Server | Heartbeat p50 | p99 | Unanswered | Lines refused | Faults | Newcomers | Attackers |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
for (const name of names) {
  for (const backend of backendsOf(options.backend)) {
    // Which has no TLS.
    if (backend === "epoll" && OVERLOAD_ATTACKS[name].overTls === true) continue;
    const row = await run(name, backend);
    const { answered, tried } = row.newcomers;
    isRight &&= row.lived && row.faults.length === 0 && row.p99Ms < p99MsMax &&
      answered >= tried * NEWCOMERS_ANSWERED_MIN;
    console.log(
      `| ${name} | ${backend} | ${row.lived ? "lives" : "ended"} | ${row.p50Ms.toFixed(1)} ms | ` +
        `${
          row.p99Ms.toFixed(1)
        } ms | ${row.unanswered} | ${row.refused} | ${row.faults.length} | ${answered} of ${tried} | ` +
        `${row.attackerConnections} ` +
        `connections, ${row.attackerMegabytes.toFixed(1)} MB |`,
    );
    if (row.faults.length > 0) console.log(`  ${[...new Set(row.faults)].slice(0, 8).join("; ")}`);
  }
}
Deno.exit(isRight ? 0 : 1);
