import { freePortFlags } from "../support/free_port.ts";
import { ServerProcess } from "../support/server_process.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { until } from "../support/wait.ts";
import { GameClient } from "../../client/client.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import type { Connect } from "../../client/transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { contract, CountRequestSchema, type Packets } from "../game/counter/contract.ts";

/** How long a busy machine may take to fill the memory, and to give it back, in milliseconds. */
const FILL_PATIENCE_MS = 180_000;

const OPTIONS = {
  flags: ["--game", new URL("../game/leaking/game.ts", import.meta.url).pathname],
  errorsExpected: true,
  launcher: ["env", "DENO_V8_FLAGS=--max-old-space-size=256"],
};

/** Registers somebody who enters the world. */
async function enter(name: string, gateway: Connect, connect: Connect): Promise<GameClient<Packets>> {
  const registering = new GameClient({ contract, connect: gateway });
  await registering.open();
  assert((await registering.register(name, `secret of ${name}`)).success);
  const { sessionToken } = await registering.login(name, `secret of ${name}`);
  await registering.close();
  // What is asked while another worker takes over waits for it, on a busy machine for longer than a player would.
  const client = new GameClient({ contract, connect, requestTimeoutMs: FILL_PATIENCE_MS });
  await client.open();
  assert((await client.enterWorld({ token: sessionToken })).success);
  return client;
}

/** Counts without a pause until it is told to stop; gives how far. */
function counting(client: GameClient<Packets>) {
  let isOver = false, count = 0;
  const done = (async () => {
    while (!isOver) {
      const reply = await client.request(CountRequestSchema, { by: 1 });
      assertEquals([reply.success, reply.count], [true, ++count]);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  return {
    get count() {
      return count;
    },
    stop: () => {
      isOver = true;
      return done;
    },
  };
}

Deno.test("serve has another logic worker go on before the memory of one is used up: players stay, and lose and repeat nothing", async () => {
  await using server = await ServerProcess.start(OPTIONS);
  const gateway: Connect = (signal) => connectWebSocket(`ws://127.0.0.1:${server.ports.gateway}/ws`, { signal });
  const clients = [
    await enter("ann", gateway, (signal) => connectTcp({ port: server.ports.game, signal })),
    await enter("ben", gateway, gateway),
  ];
  const changes: string[] = [];
  for (const client of clients) client.on("state", (state) => void changes.push(state));
  const counts = clients.map(counting);
  assertEquals(await server.admin("game", "leak"), [0, "It leaks"]);
  const replaced = () => server.metric("drawbridge_logic_replaced_total");
  await until("it is replaced", async () => await replaced() === 1, FILL_PATIENCE_MS);
  const before = counts.map(({ count }) => count);
  await until("both count on", () => counts.every(({ count }, index) => count > before[index] + 10));
  for (const each of counts) await each.stop();
  assertEquals(changes, []);
  assert(await server.metric("drawbridge_logic_memory_ratio") < 0.375);
  const lines = (await server.log()).split("\n").filter((line) => /"level":"(warn|error)"/.test(line));
  const [line] = lines.filter((line) => line.includes("Logic had nearly used up its memory and was replaced"));
  assert(/"memory":"\d\d %, now \d\d? %".*"kept":"counts, piled up, made anew"/.test(line), lines.join("\n"));
  assert(!lines.some((line) => line.includes("crashed")), lines.join("\n"));
  for (const client of clients) await client.close();
  await server.stop();
});

/** What does not help is not done. */
const IN_VAIN: [then: string, why: RegExp][] = [
  ["kept", /cannot be replaced.*Cannot keep piled up: the game keeps more than 200000 values/],
  // A busy machine has no time to make it all anew, and it is the same in vain.
  ["made anew", /cannot be replaced.*(?:The new one would use \d\d % of its memory at once|does not start within)/],
];

for (const [then, why] of IN_VAIN) {
  Deno.test(`serve ends a logic worker that keeps more and more before V8 ends the process, where what piled up is ${then}`, async () => {
    await using server = await ServerProcess.start({ ...OPTIONS, flags: [...OPTIONS.flags, ...freePortFlags()] });
    const connect: Connect = (signal) => connectWebSocket(`ws://127.0.0.1:${server.ports.gateway}/ws`, { signal });
    const ann = await enter("ann", connect, connect);
    let lossCount = 0;
    ann.on("sessionLost", () => void lossCount++);
    assertEquals(await server.admin("game", "leak", `then=${then}`), [0, "It leaks"]);
    await until("the log says why", async () => why.test(await server.log()), FILL_PATIENCE_MS);
    await until("the log says that it is ended", async () => {
      const log = await server.log();
      return /The logic worker crashed, restarting everything.*Out of memory: \d+ MB are in use/.test(log);
    }, FILL_PATIENCE_MS);
    assertEquals(await server.metric("drawbridge_logic_replaced_total"), 0);
    await until("Ann has lost her session", () => lossCount > 0, FILL_PATIENCE_MS);
    const again = new GameClient({ contract, connect });
    await until("Ann is in the world again", async () => {
      try {
        await again.open();
        await again.login("ann", "secret of ann");
        return (await again.enterWorld()).success;
      } catch {
        // The server may still be starting again: another try follows.
        return false;
      }
    }, FILL_PATIENCE_MS);
    await Promise.all([ann.close(), again.close()]);
    await server.stop();
  });
}
