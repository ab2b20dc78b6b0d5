/**
 * `deno task soak:churn`: clients come, do a little of everything and go in every way there is, again and again, some of
 * them with new accounts. Prints what the server holds before and after. Exit status 0: sessions, entities and
 * connections are none again, and descriptors and heaps are where they were.
 *
 * @module
 */

import { LogoutRequestSchema, LogoutResponseSchema } from "../../shared/gen/auth_pb.ts";
import { LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { FriendRequestSchema } from "../../games/parts/friends/friends_pb.ts";
import { GuildCreateRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { PartyInviteRequestSchema } from "../../games/parts/parties/parties_pb.ts";
import { RoomCreateRequestSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { CombatActionSchema } from "../../games/parts/combat/combat_pb.ts";
import { SKILL_AREA } from "../../games/parts/combat/skills.ts";
import { LINK_DEAD_MS } from "../../shared/limits.ts";
import { Prng } from "../../server/world/prng.ts";
import { ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import type { WireClient } from "../support/wire.ts";
import { connect, connectToLogin, enterWorld, login, register, TRANSPORTS } from "../support/wire_session.ts";
import { backend, count, readOptions, seed } from "./options.ts";

/** How long the churn goes on before the first look: code is compiled, caches are filled. */
const WARM_UP_SECONDS = 60;
const STAY_MS_MIN = 5_000;
const STAY_MS_MAX = 15_000;
/** Every so many visits one registers first: a password costs more than all else. */
const NEW_ACCOUNT_EVERY = 16;
/** What the heap of a thread may differ by, in MB: some 100 bytes a visit are forgotten within the hour. */
const HEAP_MB = 3;
/** What is kept of a player for a while is forgotten then, in milliseconds after the last has gone. */
const CALM_MS = LINK_DEAD_MS + 60_000;
const DRILL = { method: "POST", headers: { "X-Drawbridge-Drill": "yes" } };

const options = readOptions("soak:churn", {
  clients: count(150, 1, 1_000, "clients at once"),
  seconds: count(600, 1, 86_400, "how long they come and go"),
  backend: backend(),
  seed: seed(),
});
const prng = new Prng(options.seed);
const PASSWORD = "correct horse";

const WAYS_OUT: Readonly<Record<string, (client: WireClient) => Promise<unknown> | void>> = {
  "a logout": (client) => client.ask(LogoutRequestSchema, {}, LogoutResponseSchema),
  "a departure and a logout": (client) => {
    client.send(LeaveWorldRequestSchema, {});
    return client.ask(LogoutRequestSchema, {}, LogoutResponseSchema);
  },
  "the end of the connection": () => {},
  "a reset": (client) => client.socket.reset(),
};

let visitCount = 0, accountCount = 0;

/** One client comes, acts, and goes. */
async function visit(server: ServerProcess, player: { name: string; token: string } | null): Promise<void> {
  const number = ++visitCount;
  const transport = TRANSPORTS[number % TRANSPORTS.length];
  const token = player?.token ?? await makeAccount(server, number);
  await using client = await connect(server, transport);
  await enterWorld(client, token);
  for (const channel of [Channel.GLOBAL, Channel.AREA]) {
    client.send(ChatMessageSchema, { channel, message: `visit ${number}` });
  }
  client.send(ChatMessageSchema, { channel: Channel.WHISPER, recipientName: "Player1", message: `visit ${number}` });
  client.send(FriendRequestSchema, { playerName: "Player1" });
  client.send(PartyInviteRequestSchema, { playerName: "Player1" });
  client.send(RoomCreateRequestSchema, { name: `Room ${number}` });
  client.send(GuildCreateRequestSchema, { name: `Guild ${number}`, tag: `G${number % 1_000}` });
  client.send(CombatActionSchema, { skillId: SKILL_AREA, targetPosition: { x: 500, y: 0, z: 500 } });
  await sleep(STAY_MS_MIN + prng.nextFloat() * (STAY_MS_MAX - STAY_MS_MIN));
  const ways = Object.values(WAYS_OUT);
  await ways[Math.floor(prng.nextFloat() * ways.length)](client);
}

async function makeAccount(server: ServerProcess, number: number): Promise<string> {
  const name = `New${options.seed % 1_000}x${number}`;
  await using client = await connectToLogin(server, "tcp");
  await register(client, name, PASSWORD);
  const { sessionToken } = await login(client, name, PASSWORD);
  accountCount++;
  return sessionToken;
}

/** Clients come and go for a time; gives what failed. */
async function churn(server: ServerProcess, seconds: number): Promise<string[]> {
  const untilMs = Date.now() + seconds * 1_000;
  const failures: string[] = [];
  const client = async (player: { name: string; token: string }) => {
    while (Date.now() < untilMs) {
      try {
        await visit(server, visitCount % NEW_ACCOUNT_EVERY === 0 ? null : player);
      } catch (error) {
        failures.push(String(error).split("\n")[0]);
      }
    }
  };
  await Promise.all(Array.from({ length: options.clients }, () => client(server.takePlayer())));
  return failures;
}

/** What a server holds with nobody there. */
interface Holdings {
  readonly descriptors: number;
  /** Heap in use by thread, in MB. */
  readonly heaps: Readonly<Record<string, number>>;
}

/** Waits until everybody is gone and what is kept for a while is forgotten, and looks. */
async function look(server: ServerProcess): Promise<Holdings> {
  for (const gauge of ["sessions", "entities", "connections"]) {
    await until(`no ${gauge}`, async () => await server.metric(`drawbridge_${gauge}`) === 0, CALM_MS);
  }
  await sleep(CALM_MS);
  const linesBefore = (await garbageLines(server)).length;
  await (await fetch(`http://127.0.0.1:${server.ports.admin}/drill/collect-garbage`, DRILL)).body?.cancel();
  // Main, logic, storage and two io workers, as far as they tell.
  await sleep(5_000);
  const lines = (await garbageLines(server)).slice(linesBefore);
  let descriptors = 0;
  for await (const _ of Deno.readDir(`/proc/${server.pid}/fd`)) descriptors++;
  return {
    descriptors,
    heaps: Object.fromEntries(lines.map(({ thread, properties }) => [thread, properties.heapUsedMb])),
  };
}

interface GarbageLine {
  readonly thread: string;
  readonly properties: { readonly heapUsedMb: number };
}

async function garbageLines(server: ServerProcess): Promise<GarbageLine[]> {
  const lines = (await server.log()).split("\n").filter((line) => line.includes('"heapUsedMb"'));
  return lines.map((line) => JSON.parse(line));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

await using server = await ServerProcess.start({
  backend: options.backend,
  players: 2 * options.clients + 1,
  errorsExpected: true,
  flags: ["--diagnostics", "on"],
});
console.log(`${options.clients} clients, ${options.backend}, seed ${options.seed}`);
await churn(server, WARM_UP_SECONDS);
const before = await look(server);
const [visitsBefore, accountsBefore] = [visitCount, accountCount];
const failures = await churn(server, options.seconds);
const after = await look(server);
console.log(`${visitCount - visitsBefore} visits, ${accountCount - accountsBefore} new accounts`);
if (failures.length > 0) console.log(`${failures.length} failed: ${[...new Set(failures)].slice(0, 5).join("; ")}`);
console.log(`descriptors: ${before.descriptors} before, ${after.descriptors} after`);
let isRight = failures.length === 0 && Math.abs(after.descriptors - before.descriptors) <= 2;
for (const [thread, heapMb] of Object.entries(after.heaps)) {
  const beforeMb = before.heaps[thread] ?? NaN;
  console.log(`heap of ${thread}: ${beforeMb} MB before, ${heapMb} MB after`);
  isRight &&= heapMb - beforeMb <= HEAP_MB;
}
Deno.exit(isRight ? 0 : 1);
