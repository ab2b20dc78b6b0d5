/**
 * `deno task soak:storage`: attackers in the world ask for what the storage has - a guild of 100, full lists of friends
 * and ignored players - in a burst and then 20 times a second on each connection, within the limits of their addresses.
 * Beside them honest players log in and enter from other addresses, and send heartbeats. Prints a row a backend. Exit
 * status 0: the server lived, every login and entry succeeded, and heartbeats were answered soon enough.
 *
 * @module
 */

import net from "node:net";
import { DatabaseSync } from "node:sqlite";
import { nameKey } from "../../server/auth/names.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { HeartbeatRequestSchema, HeartbeatResponseSchema } from "../../shared/gen/auth_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/game_pb.ts";
import { GuildInfoRequestSchema } from "../../shared/gen/guild_pb.ts";
import { FriendListRequestSchema, IgnoreListRequestSchema } from "../../shared/gen/social_pb.ts";
import { FRIENDS_MAX, GUILD_MEMBERS_MAX, IGNORED_PLAYERS_MAX } from "../../shared/limits.ts";
import { type IoBackendName, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { packet, WireClient } from "../support/wire.ts";
import { enterWorld, login, register } from "../support/wire_session.ts";
import { join } from "../support/wire_websocket.ts";
import { backends, backendsOf, count, readOptions } from "./options.ts";

/** What honest players may wait for a heartbeat in all but one of a hundred, in milliseconds. */
const P99_MS_MAX = 250;
const BURST = 98;
const INTERVAL_MS = 50;
const PASSWORD = "correct horse";
const NOW_MS = Date.now();

const options = readOptions("soak:storage", {
  backend: backends(),
  addresses: count(1, 1, 20, "addresses of attackers"),
  connections: count(50, 1, 60, "connections of each of them"),
  seconds: count(60, 1, 3_600, "how long the attack lasts"),
});

/** Gives each player full lists, and makes a full guild, number 1. */
async function fill(path: string, names: readonly string[]): Promise<void> {
  const storage = new DirectStorage({ path });
  const fillers = Array.from({ length: Math.max(FRIENDS_MAX, IGNORED_PLAYERS_MAX, GUILD_MEMBERS_MAX) }, (_, index) => {
    const name = `Filler${index}`;
    return { name, nameKey: nameKey(name), passwordVerifier: null, createdAtMs: NOW_MS };
  });
  const others = (await storage.accounts.createMany(fillers)).map(({ accountId }) => accountId);
  const guild = { leaderId: others[0], name: "Full House", nameKey: "full house", tag: "FULL", tagKey: "full" };
  await storage.guilds.create({ ...guild, createdAtMs: NOW_MS });
  for (const [index, playerId] of others.slice(1, GUILD_MEMBERS_MAX).entries()) {
    const invite = { inviterId: others[0], nameKey: fillers[index + 1].nameKey, nowMs: NOW_MS };
    await storage.guilds.invite({ ...invite, expiresAtMs: NOW_MS + 60_000 });
    await storage.guilds.join({ playerId, guildId: 1, nowMs: NOW_MS });
  }
  for (const name of names) {
    const playerId = (await storage.accounts.findByName(nameKey(name)))!.accountId;
    await Promise.all(
      others.slice(0, IGNORED_PLAYERS_MAX).map((otherId) => storage.social.addIgnored({ playerId, otherId })),
    );
  }
  await storage.close();
  befriend(path, names, others.slice(0, FRIENDS_MAX));
}

/** Makes friends past the bound of those on the other side, which is not what is looked at. */
function befriend(path: string, names: readonly string[], others: readonly number[]): void {
  const database = new DatabaseSync(path);
  const insert = database.prepare(
    "INSERT INTO friends (player_id, friend_id, since_ms) SELECT id, ?, 0 FROM accounts WHERE name_key = ?",
  );
  database.exec("BEGIN");
  for (const name of names) for (const otherId of others) insert.run(otherId, nameKey(name));
  database.exec("COMMIT");
  database.close();
}

/** Enters, asks for everything in one write, then again and again; gives what ends it. */
function attack(port: number, localAddress: string, token: string, index: number): () => void {
  const schema = [IgnoreListRequestSchema, FriendListRequestSchema, GuildInfoRequestSchema][index % 3];
  let sequence = 0n;
  // Acknowledges whatever has come.
  const next = () =>
    packet(schema, index % 3 === 2 ? { guildId: 1n } : {}, { sequence: ++sequence, ack: 1_000_000_000n });
  const socket = net.connect({ host: "127.0.0.1", port, localAddress, noDelay: true });
  let timer: ReturnType<typeof setInterval> | undefined;
  socket.on("connect", () => {
    socket.write(packet(EnterWorldRequestSchema, { sessionToken: token }));
    socket.write(join(Array.from({ length: BURST }, next)));
    timer = setInterval(() => socket.write(next()), INTERVAL_MS);
  });
  socket.on("data", ({ length }) => bytesRead += length);
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(timer);
    closedCount++;
  });
  return () => socket.destroy();
}

let bytesRead = 0;
let closedCount = 0;

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
    await fill(`${dataDir}/drawbridge.db`, attackers.map(({ name }) => name));
    {
      await using client = await WireClient.tcp(server.ports.login, { localAddress: "127.0.1.1" });
      if (!(await register(client, "Honest", PASSWORD)).success) throw new Error("Cannot register");
    }
    await using player = await WireClient.tcp(server.ports.game, { localAddress: "127.0.1.2" });
    await enterWorld(player, honest.token);
    bytesRead = closedCount = 0;
    const stops = attackers.map(({ token }, index) =>
      attack(server.ports.game, `127.0.0.${10 + index % options.addresses}`, token, index)
    );
    const untilMs = Date.now() + options.seconds * 1_000;
    const roundTrips: number[] = [];
    const tries = { logins: 0, loginsFailed: 0, entries: 0, entriesFailed: 0 };
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
        await using client = await WireClient.tcp(server.ports.login, {
          localAddress: `127.0.1.${3 + tries.logins % 200}`,
        });
        if (!(await login(client, "Honest", PASSWORD)).success) tries.loginsFailed++;
        tries.entries++;
        await using entrant = await WireClient.tcp(server.ports.game, { localAddress: "127.0.1.1" });
        await enterWorld(entrant, comer.token).catch(() => tries.entriesFailed++);
        await sleep(500);
      }
    };
    await Promise.allSettled([beat(), come()]);
    const closedWhileOn = closedCount;
    const lived = server.status === null;
    for (const stop of stops) stop();
    const log = await server.log();
    const errorLines = log.split("\n").filter((line) =>
      line.includes('"level":"error"') || / error /i.test(line)
    ).length;
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
        `${p99Ms.toFixed(1)} ms | ${savesFailed ? "failed" : "done"} | ${errorLines} | ` +
        `${(bytesRead / 1e6).toFixed(1)} MB answered, ${closedWhileOn} closed |`,
    );
    return right;
  });
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
