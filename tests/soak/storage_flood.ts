/**
 * `deno task soak:storage`: attackers in the world ask for what the storage has - a guild of 100, full lists of friends
 * and ignored players - in a burst and then 20 times a second on each connection, within the limits of their addresses.
 * Beside them honest players log in and enter from other addresses, and send heartbeats. Prints a row a backend. Exit
 * status 0: the server lived, every login and entry succeeded, and heartbeats were answered soon enough.
 *
 * @module
 */

import { HeartbeatRequestSchema, HeartbeatResponseSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { attackLists, fillLists } from "../support/list_attack.ts";
import { type IoBackendName, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { WireClient } from "../support/wire.ts";
import { enterWorld, login, register } from "../support/wire_session.ts";
import { backends, backendsOf, count, readOptions } from "./options.ts";

/** What honest players may wait for a heartbeat in all but one of a hundred, in milliseconds. */
const P99_MS_MAX = 250;
const PASSWORD = "correct horse";

const options = readOptions("soak:storage", {
  backend: backends(),
  addresses: count(1, 1, 20, "addresses of attackers"),
  connections: count(50, 1, 60, "connections of each of them"),
  seconds: count(60, 1, 3_600, "how long the attack lasts"),
});

async function run(backend: IoBackendName): Promise<boolean> {
  return await withTempDir(async (dataDir) => {
    const attackerCount = options.addresses * options.connections;
    await using server = await ServerProcess.start({
      backend,
      dataDir,
      players: attackerCount + 2,
      errorsExpected: true,
      flags: ["--trusted-addresses", "192.0.2.1/32"],
    });
    const [honest, comer] = [server.takePlayer(), server.takePlayer()];
    const attackers = Array.from({ length: attackerCount }, () => server.takePlayer());
    await fillLists(`${dataDir}/drawbridge.db`, attackers.map(({ name }) => name));
    {
      await using client = await WireClient.tcp(server.ports.login, { localAddress: "127.0.1.1" });
      if (!(await register(client, "Honest", PASSWORD)).success) throw new Error("Cannot register");
    }
    await using player = await WireClient.tcp(server.ports.game, { localAddress: "127.0.1.2" });
    await enterWorld(player, honest.token);
    const attacks = attackers.map(({ token }, index) =>
      attackLists(server.ports.game, `127.0.0.${10 + index % options.addresses}`, token, index)
    );
    const untilMs = Date.now() + options.seconds * 1_000;
    const roundTrips: number[] = [];
    const tries = { logins: 0, loginsFailed: 0, entries: 0, entriesFailed: 0 };
    const failures: string[] = [];
    const beat = async () => {
      while (Date.now() < untilMs && server.status === null) {
        const startMs = performance.now();
        await player.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
        roundTrips.push(performance.now() - startMs);
        await sleep(50);
      }
    };
    const come = async () => {
      while (Date.now() < untilMs && server.status === null) {
        tries.logins++;
        const login = await tryLogin(server, `127.0.1.${3 + tries.logins % 200}`);
        tries.entries++;
        const entry = await tryEntry(server, comer.token);
        if (login !== "") tries.loginsFailed++;
        if (entry !== "") tries.entriesFailed++;
        failures.push(...[login, entry].filter((failure) => failure !== ""));
        await sleep(500);
      }
    };
    await Promise.allSettled([beat(), come()]);
    const lived = server.status === null;
    const closed = lived ? await closedOf(server) : [];
    for (const attack of attacks) attack.stop();
    const closedAttacks = attacks.filter(({ end }) => end === "closed"), closedCount = closedAttacks.length;
    const refusedCount = closedAttacks.filter(({ hasEntered }) => hasEntered === false).length;
    const unansweredCount = closedAttacks.filter(({ hasEntered }) => hasEntered === null).length;
    const bytesRead = attacks.reduce((sum, attack) => sum + attack.bytesRead, 0);
    const log = await server.log();
    const errorLines = log.split("\n").filter((line) => line.includes('"level":"error"') || / error /i.test(line));
    const savesFailed = log.includes("Cannot save characters");
    roundTrips.sort((a, b) => a - b);
    const p99Ms = roundTrips[Math.floor(roundTrips.length * 0.99)] ?? NaN;
    const right = lived && tries.loginsFailed + tries.entriesFailed === 0 && tries.logins > 0 && p99Ms < P99_MS_MAX &&
      !savesFailed;
    console.log(
      `| ${backend} | ${options.addresses} x ${options.connections} | ${lived ? "lives" : "ended"} | ` +
        `${tries.logins - tries.loginsFailed}/${tries.logins} | ${
          tries.entries - tries.entriesFailed
        }/${tries.entries} | ` +
        `${p99Ms.toFixed(1)} ms | ${savesFailed ? "failed" : "done"} | ${errorLines.length} | ` +
        `${(bytesRead / 1e6).toFixed(1)} MB answered, ${closedCount} closed |`,
    );
    for (const [kind, line] of new Map(errorLines.map((line) => [kindOf(line), line]))) console.log(`${kind}: ${line}`);
    for (const failure of new Set(failures)) console.log(`failed: ${failure}`);
    if (closedCount > 0) {
      const entries = `${refusedCount} had been refused entry, and ${unansweredCount} had no answer`;
      console.log(`closed: ${closed.join(" ")}; of the attackers among them ${entries}`);
    }
    return right;
  });
}

/** Logs in; gives why that failed, or nothing. */
async function tryLogin({ ports }: ServerProcess, localAddress: string): Promise<string> {
  try {
    await using client = await WireClient.tcp(ports.login, { localAddress });
    const { success, errorCode } = await login(client, "Honest", PASSWORD);
    return success ? "" : `login refused as ${ErrorCode[errorCode]}`;
  } catch (error) {
    return `login: ${error}`;
  }
}

/** Enters the world; gives why that failed, or nothing. */
async function tryEntry({ ports }: ServerProcess, token: string): Promise<string> {
  try {
    await using client = await WireClient.tcp(ports.game, { localAddress: "127.0.1.1" });
    await enterWorld(client, token);
    return "";
  } catch (error) {
    return `entry: ${error}`;
  }
}

/** The message of a line of the log. */
function kindOf(line: string): string {
  return /"message":"([^"]*)"/.exec(line)?.[1] ?? line;
}

/** How many connections the server says it closed, for each reason that there was. */
async function closedOf({ ports }: ServerProcess): Promise<string[]> {
  const page = await (await fetch(`http://127.0.0.1:${ports.admin}/metrics`)).text();
  const counts = page.matchAll(/^drawbridge_connections_closed_total\{reason="(.*?)"\} (\d+)$/gm);
  return [...counts].filter(([, , count]) => count !== "0").map(([, reason, count]) => `${reason} ${count}`);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

console.log(
  "| Backend | Attackers | Server | Logins | Entries | Heartbeat p99 | Saves | Error lines | What they got |",
);
console.log("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
let isRight = true;
for (const backend of backendsOf(options.backend)) isRight = await run(backend) && isRight;
Deno.exit(isRight ? 0 : 1);
