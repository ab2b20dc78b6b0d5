/**
 * `deno task soak:entries`: two servers on one PostgreSQL, and attackers who each enter the world on the one, then on the
 * other, as fast as they are let: every entry takes a player from the other server. Beside them honest players register,
 * log in and enter from other addresses, and others, who are in the world, send heartbeats. Exit status 0: both servers
 * lived and kept their leases, every entry of others succeeded, and heartbeats were answered soon enough.
 *
 * @module
 */

import { HeartbeatRequestSchema, HeartbeatResponseSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema, EnterWorldResponseSchema } from "../../shared/gen/world_pb.ts";
import { TestPostgres } from "../support/postgres.ts";
import { makePlayers, ServerProcess, type TestPlayer } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { WireClient } from "../support/wire.ts";
import { enterWorld, login, register } from "../support/wire_session.ts";
import { backend, count, readOptions } from "./options.ts";

/** What honest players may wait for a heartbeat in all but one of a hundred, beside one address and beside more. */
const P99_MS_MAX = 250, P99_MS_MAX_OF_MANY = 1_000;
const PASSWORD = "correct horse";
/** Lines of the log by which a server says that it may have lost its players. */
const LAPSE = /lease of this server may have lapsed|not heard of its lease/;

const options = readOptions("soak:entries", {
  backend: backend(),
  addresses: count(1, 1, 20, "addresses of attackers"),
  players: count(400, 1, 4_000, "attackers"),
  seconds: count(30, 1, 3_600, "how long the attack lasts"),
});

/** Enters here and there until it is over; gives how often it was let in. */
async function moveToAndFro(
  servers: readonly ServerProcess[],
  { token }: TestPlayer,
  { index, isOver }: { readonly index: number; readonly isOver: () => boolean },
): Promise<number> {
  const localAddress = `127.0.0.${10 + index % options.addresses}`;
  let entryCount = 0;
  for (let turn = index; !isOver(); turn++) {
    try {
      await using client = await WireClient.tcp(servers[turn % servers.length].ports.game, { localAddress });
      const { success } = await client.ask(EnterWorldRequestSchema, { sessionToken: token }, EnterWorldResponseSchema);
      if (success) entryCount++;
    } catch {
      // It was refused, or closed: comes again.
      await sleep(10);
    }
  }
  return entryCount;
}

/** Registers, logs in and enters; gives what failed, or nothing. */
async function come(server: ServerProcess, number: number): Promise<string> {
  const name = `Honest${number}`, localAddress = `127.0.1.${10 + number % 200}`;
  try {
    await using client = await WireClient.tcp(server.ports.login, { localAddress });
    const registered = await register(client, name, PASSWORD);
    if (!registered.success) return `registration refused as ${ErrorCode[registered.errorCode]}`;
    const { success, errorCode, sessionToken } = await login(client, name, PASSWORD);
    if (!success) return `login refused as ${ErrorCode[errorCode]}`;
    await using player = await WireClient.tcp(server.ports.game, { localAddress });
    await enterWorld(player, sessionToken);
    return "";
  } catch (error) {
    return `${error}`;
  }
}

async function run(): Promise<boolean> {
  return await withTempDir(async (folder) => {
    await using stack = new AsyncDisposableStack();
    const database = stack.use(await TestPostgres.start()), url = await database.createDatabase();
    const flags = ["--database-url", url, "--public-host", "127.0.0.1", "--trusted-addresses", "192.0.2.1/32"];
    const servers: ServerProcess[] = [];
    for (const serverId of [1, 2]) {
      const own = ["--server-id", `${serverId}`];
      servers.push(
        stack.use(
          await ServerProcess.start({
            backend: options.backend,
            errorsExpected: true,
            flags: [...flags, ...own],
          }),
        ),
      );
    }
    const players = await makePlayers(`${folder}/tokens`, options.players + servers.length, ["--database-url", url]);
    const untilMs = Date.now() + options.seconds * 1_000;
    const isOver = () => Date.now() >= untilMs || servers.some(({ status }) => status !== null);
    const roundTrips: number[] = [], entriesMs: number[] = [], failures: string[] = [];
    const beat = async (server: ServerProcess, index: number) => {
      await using client = await WireClient.tcp(server.ports.game, { localAddress: `127.0.1.${1 + index}` });
      await enterWorld(client, players.pop()!.token);
      while (!isOver()) {
        const startMs = performance.now();
        await client.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
        roundTrips.push(performance.now() - startMs);
        await sleep(50);
      }
    };
    const comeAgain = async () => {
      for (let number = 0; !isOver(); number++) {
        const startMs = performance.now(), failure = await come(servers[number % servers.length], number);
        if (failure === "") entriesMs.push(performance.now() - startMs);
        else failures.push(failure);
        await sleep(1_000);
      }
    };
    const honest = [...servers.map(beat), comeAgain()];
    const moves = players.slice(0, options.players).map((player, index) =>
      moveToAndFro(servers, player, { index, isOver })
    );
    for (const outcome of await Promise.allSettled(honest)) {
      if (outcome.status === "rejected") failures.push(`${outcome.reason}`);
    }
    const moveCount = (await Promise.all(moves)).reduce((sum, entryCount) => sum + entryCount, 0);
    const lived = servers.every(({ status }) => status === null);
    const logs = (await Promise.all(servers.map((server) => server.log()))).join("\n").split("\n");
    const lapses = logs.filter((line) => LAPSE.test(line));
    roundTrips.sort((a, b) => a - b);
    const p99Ms = roundTrips[Math.floor(roundTrips.length * 0.99)] ?? NaN;
    const errors = logs.filter((line) => line.includes('"level":"error"') || / error /i.test(line));
    console.log(
      `${lived ? "Both servers lived" : "A server ended"}; ${moveCount} entries of ${options.players} attackers from ` +
        `${options.addresses} addresses; ${entriesMs.length} of ${entriesMs.length + failures.length} newcomers were ` +
        `let in, after ${Math.max(0, ...entriesMs).toFixed(0)} ms at most; heartbeats had a p99 of ` +
        `${p99Ms.toFixed(1)} ms; ${lapses.length} lines of a lease that lapsed, ${errors.length} of errors`,
    );
    for (const failure of new Set(failures)) console.log(`failed: ${failure}`);
    for (const line of new Map([...lapses, ...errors].map((line) => [kindOf(line), line])).values()) console.log(line);
    const isQuick = p99Ms < (options.addresses === 1 ? P99_MS_MAX : P99_MS_MAX_OF_MANY);
    return lived && isQuick && failures.length === 0 && entriesMs.length > 0 && lapses.length === 0;
  });
}

/** The message of a line of the log. */
function kindOf(line: string): string {
  return /"message":"([^"]*)"/.exec(line)?.[1] ?? line;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

Deno.exit(await run() ? 0 : 1);
