import { HeartbeatRequestSchema, HeartbeatResponseSchema } from "../../shared/gen/auth_pb.ts";
import { Channel } from "../../games/parts/chat/chat_pb.ts";
import { ROUNDS_CHECK_INTERVAL_MS, THREAD_STALL_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { freePortFlags } from "../support/free_port.ts";
import { IO_BACKENDS, ServerProcess, type TestPlayer } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { WireClient } from "../support/wire.ts";
import { connect, enterWorld, resume, TRANSPORTS, WirePlayer } from "../support/wire_session.ts";

async function drill(server: ServerProcess, name: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${server.ports.admin}/drill/${name}`, {
    method: "POST",
    headers: { "x-drawbridge-drill": "yes" },
  });
  assertEquals([response.status, await response.text()], [202, "started\n"]);
}

/** Connections of one worker, as of the monitor's last look. */
async function connectionsOf(server: ServerProcess, worker: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${server.ports.admin}/status.json`);
  const { workers } = await response.json() as { workers: { worker: string; connectionCount: number }[] };
  return workers.find((load) => load.worker === worker)?.connectionCount ?? 0;
}

Deno.test("serve collects the garbage of every thread by a drill", async () => {
  await using server = await ServerProcess.start({ flags: ["--diagnostics", "on", "--io-workers", "2"] });
  await drill(server, "collect-garbage");
  await until("all threads", async () => {
    const lines = (await server.log()).split("\n").filter((line) => line.includes("Garbage collected"));
    return ["main", "logic", "io-0", "io-1"].every((thread) => lines.some((line) => line.includes(`"${thread}"`)));
  });
});

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) starts a crashed io worker again, and nobody's session is lost`, async () => {
    await using server = await ServerProcess.start({
      backend,
      players: 30,
      flags: ["--diagnostics", "on"],
      errorsExpected: true,
    });
    await using cleanUp = new AsyncDisposableStack();
    const players: WirePlayer[] = [];
    const enter = async () => {
      const player = await WirePlayer.enter(server, TRANSPORTS[players.length % 2]);
      players.push(cleanUp.use(player));
    };
    // The kernel spreads connections over the workers by their ports.
    while (players.length < 8) await enter();
    await until("connections of both workers", async () => {
      const both = await connectionsOf(server, "io-0") > 0 && await connectionsOf(server, "io-1") > 0;
      if (!both && players.length < 20) await enter();
      return both;
    });
    const speaker = players[0];
    const crashed = new Set<WirePlayer>();
    for (const player of players) void player.client.socket.ended.then(() => crashed.add(player));

    await drill(server, "crash-io-worker?index=1");
    await until("the worker's connections to end", () => crashed.size > 0);
    await until("the worker's return", async () => (await server.log()).includes("Worker is running again"));
    await server.untilReady();
    const survivors = players.filter((player) => !crashed.has(player));
    assert(survivors.length > 0, "The other worker's connections stay");
    for (const player of survivors) {
      await player.client.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
    }
    const voice = survivors.includes(speaker) ? speaker : survivors[0];
    voice.say(Channel.GLOBAL, "still here");
    for (const player of survivors) assertEquals((await player.hears(voice.name)).message, "still here");
    // The others' sessions wait for them, on whatever worker.
    for (const [index, player] of [...crashed].entries()) {
      const client = cleanUp.use(await connect(server, TRANSPORTS[index % 2]));
      const answer = await resume(client, player.entry.resumeToken, player.client.lastSequence);
      assertEquals([answer.success, answer.gap, answer.entityId], [true, false, player.entityId]);
      await client.until("what was missed", () => client.reliable.length > 0);
    }
    // New connections reach the new worker, and none is left with the old one's listeners.
    const fresh: WireClient[] = [];
    await until("connections of the new worker", async () => {
      for (let count = 0; count < 4; count++) {
        const client = cleanUp.use(await WireClient.tcp(server.ports.game));
        await client.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
        fresh.push(client);
      }
      return await connectionsOf(server, "io-1") > 0;
    });
    await cleanUp.disposeAsync();
    await until("all connections to be gone", async () => await server.metric("drawbridge_connections") === 0);
    await server.stop();
  });

  Deno.test(`serve (${backend}) starts anew on the same ports after logic crashed, and players are where they were`, async () => {
    await using server = await ServerProcess.start({
      backend,
      players: 2,
      flags: ["--diagnostics", "on", ...freePortFlags()],
      errorsExpected: true,
    });
    const accounts: TestPlayer[] = [server.takePlayer(), server.takePlayer()];
    {
      await using native = await WirePlayer.enter(server, "tcp", accounts[0]);
      await using browser = await WirePlayer.enter(server, "websocket", accounts[1]);
      await drill(server, "crash-logic-worker");
      await Promise.all([native, browser].map((player) => player.client.ended()));
    }
    await until("everything's return", async () => (await server.log()).includes("Everything is running again"));
    await server.untilReady();
    for (const [index, transport] of TRANSPORTS.entries()) {
      await using client = await connect(server, transport);
      assert((await enterWorld(client, accounts[index].token)).success);
    }
    await server.stop();
  });
}

/** The lines of the log that say that a worker, or everything, is running again: `io-0`, `all`. */
async function returnsIn(server: ServerProcess): Promise<string[]> {
  return (await server.log()).split("\n").flatMap((line) => {
    if (line.includes("Everything is running again")) return ["all"];
    return line.includes("Worker is running again") ? [/io-\d+/.exec(line)![0]] : [];
  });
}

Deno.test("serve starts an io worker that crashed just before logic did once, with everything else", async () => {
  await using server = await ServerProcess.start({
    flags: ["--diagnostics", "on", "--io-workers", "2"],
    errorsExpected: true,
  });
  await drill(server, "crash-io-worker?index=0");
  await until("the worker's return", async () => (await returnsIn(server)).includes("io-0"));
  // So soon again that it is started after a pause, in which everything is.
  await drill(server, "crash-io-worker?index=0");
  await drill(server, "crash-logic-worker");
  await until("everything's return", async () => (await returnsIn(server)).includes("all"));
  // Its pause begins later.
  await drill(server, "crash-io-worker?index=1");
  await until("the other worker's return", async () => (await returnsIn(server)).includes("io-1"));
  const returns = await returnsIn(server);
  assertEquals(returns.slice(returns.indexOf("all") + 1), ["io-1"]);
  await server.stop();
});

Deno.test("serve refuses what moderators ask while logic is started anew, and goes on", async () => {
  await using server = await ServerProcess.start({ flags: ["--diagnostics", "on"], errorsExpected: true });
  let crashCount = 0;
  await until("a refusal", async () => {
    // Logic may be back before anybody has asked.
    if ((await returnsIn(server)).length === crashCount) {
      await drill(server, "crash-logic-worker");
      crashCount++;
    }
    const [, text] = await server.admin("kick", "Nobody");
    return text.includes("The server is not running");
  });
  await until("everything's return", async () => (await returnsIn(server)).length === crashCount);
  const isAnswered = async () =>
    (await server.admin("kick", "Nobody"))[1].includes("There is no player with that name");
  await until("logic's answer", isAnswered);
  await server.stop();
});

/** Drills after which a thread stands still, for as long as the test adds; and what the readiness says. */
const HANGS = [
  { name: "hang-logic-worker?", says: "Worker logic makes no progress" },
  { name: "hang-io-worker?index=0&", says: "Worker io-0 makes no progress" },
] as const;
/** Long enough to be noticed, and far from a hang: a busy machine lets the thread go on late. In milliseconds. */
const STALL_MS: number = THREAD_STALL_MS + 2 * ROUNDS_CHECK_INTERVAL_MS;

/** Stalls a thread until the readiness tells of it: on a busy machine a stall may be over before anybody looks. */
async function stallUntilTold(server: ServerProcess, { name, says }: typeof HANGS[number]): Promise<void> {
  let againAtMs = 0;
  await until("the readiness to tell", async () => {
    if (performance.now() >= againAtMs) {
      await drill(server, `${name}ms=${STALL_MS}`);
      againAtMs = performance.now() + 2 * STALL_MS;
    }
    return (await server.readiness()).includes(says);
  });
}

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) is not ready while a thread stands still, and plays on when it moves again`, async () => {
    await using server = await ServerProcess.start({ backend, players: 6, flags: ["--diagnostics", "on"] });
    await using cleanUp = new AsyncDisposableStack();
    const players: WirePlayer[] = [];
    for (let index = 0; index < 6; index++) {
      players.push(cleanUp.use(await WirePlayer.enter(server, TRANSPORTS[index % 2])));
    }
    for (const thread of HANGS) {
      await stallUntilTold(server, thread);
      await server.untilReady();
      players[0].say(Channel.GLOBAL, thread.name);
      for (const player of players) assertEquals((await player.hears(players[0].name)).message, thread.name);
    }
    await cleanUp.disposeAsync();
    await server.stop();
  });

  for (const { name } of HANGS) {
    const thread = name.split("?")[0].slice("hang-".length);

    Deno.test(`serve (${backend}) exits 70 when the ${thread} hangs, for whoever started it to start it again`, async () => {
      await using server = await ServerProcess.start({ backend, flags: ["--diagnostics", "on"] });
      await drill(server, name);
      assertEquals(await server.exitCode(), 70);
    });
  }
}
