/** A game whose handlers take 50 ms each is asked for far more than it can do. @module */

import { GameClient } from "../../client/client.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { contract, CountRequestSchema, type Packets } from "../game/counter/contract.ts";
import { Slow } from "../game/slow/game.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";

const SLOW = new URL("../game/slow/game.ts", import.meta.url).pathname;
const CLIENTS = 4;
/** Of each client: together ten times as long as a client waits for an answer, if all were done. */
const REQUESTS = 500;

/** What a client of a game without generated types is typed as. */
type Untyped = {
  request(schema: unknown, message: unknown): Promise<{ readonly success: boolean; readonly errorCode: ErrorCode }>;
};

type Client = GameClient<Packets>;

/** Players who ask for more than can be done. */
class Flood {
  readonly #clients: Client[] = [];
  answered = 0;
  refused = 0;
  readonly problems: string[] = [];

  constructor(readonly server: ServerProcess) {}

  /** Makes accounts; gives what each enters with. */
  async tokens(count: number): Promise<string[]> {
    const connect = () => connectWebSocket(`ws://127.0.0.1:${this.server.ports.gateway}/ws`);
    return await Promise.all(Array.from({ length: count }, async (_, index) => {
      const client = new GameClient({ contract, connect });
      await client.open();
      await client.register(`player${index}`, "their secret");
      const { sessionToken } = await client.login(`player${index}`, "their secret");
      await client.close();
      return sessionToken;
    }));
  }

  /** Enters the world, within the time that a client waits for. */
  async enter(token: string): Promise<void> {
    const client = new GameClient({
      contract,
      connect: () => connectTcp({ hostname: "127.0.0.1", port: this.server.ports.game }),
    });
    this.#clients.push(client);
    await client.open();
    await client.enterWorld({ token });
  }

  /** Asks for something; resolves when that is answered. */
  async ask(index: number, by: number): Promise<boolean> {
    try {
      const { success, errorCode } = await (this.#clients[index] as unknown as Untyped).request(CountRequestSchema, {
        by,
      });
      this.answered++;
      if (success) return true;
      this.refused++;
      if (errorCode !== ErrorCode.UNAVAILABLE) this.problems.push(ErrorCode[errorCode]);
    } catch (error) {
      this.problems.push(String(error));
    }
    return false;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}

for (const [name, by] of [["at once", Slow.WORKS], ["behind an answer of the storage", Slow.WORKS_LATE]] as const) {
  Deno.test(`serve answers every request in time, lets a player in, shows its overload and stops in order, where handlers work for 50 ms ${name}`, async () => {
    const flags = ["--game", SLOW, "--flood-control", "off"];
    await using server = await ServerProcess.start({ errorsExpected: true, flags });
    const flood = new Flood(server);
    const tokens = await flood.tokens(CLIENTS + 1);
    for (let count = 0; count < CLIENTS; count++) await flood.enter(tokens.pop()!);
    const asked = Array.from({ length: CLIENTS * REQUESTS }, (_, count) => flood.ask(count % CLIENTS, by));
    await until("the first is done", () => flood.answered > 0);
    await flood.enter(tokens.pop()!);
    await Promise.all(asked);
    assertEquals([flood.answered, flood.problems], [CLIENTS * REQUESTS, []]);
    assert(flood.refused > 0 && flood.refused < CLIENTS * REQUESTS, `${flood.refused} refused`);

    // It goes on, and shows.
    let isOver = false;
    const asking = Promise.all(Array.from({ length: CLIENTS }, async (_, index) => {
      while (!isOver) await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(() => flood.ask(index, by)));
    }));
    await until("it is not ready", async () => {
      const response = await fetch(`http://127.0.0.1:${server.ports.admin}/readyz`);
      return (await response.text()).includes("Worker logic is overloaded");
    });
    await until("a refusal", async () => await server.metric("drawbridge_requests_shed_total") > 0);
    const log = await server.log();
    for (const line of ["Handling a packet took too long", "Requests are refused because there are too many"]) {
      const lines = log.split("\n").filter((text) => text.includes(line));
      assert(lines.some((text) => text.includes("COUNT_REQUEST")), `${line}: ${lines}`);
    }
    server.kill("SIGTERM");
    assertEquals(await server.exitCode(), 0);
    isOver = true;
    await flood.close();
    await asking;
    assert((await server.log()).includes(`"message":"Stopped"`));
  });
}

Deno.test("serve answers what comes behind a request whose handler never ends", async () => {
  await using server = await ServerProcess.start({ errorsExpected: true, flags: ["--game", SLOW] });
  const flood = new Flood(server);
  await flood.enter((await flood.tokens(1))[0]);
  assertEquals(await Promise.all([Slow.NEVER_ENDS, Slow.WORKS].map((by) => flood.ask(0, by))), [false, true]);
  assertEquals([flood.refused, flood.problems], [1, []]);
  await until("the log to tell", async () => (await server.log()).includes("Cannot answer COUNT_REQUEST within"));
  await flood.close();
  await server.stop();
});
