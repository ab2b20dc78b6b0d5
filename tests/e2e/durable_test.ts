import { fromBinary } from "@bufbuild/protobuf";
import { GameClient } from "../../client/client.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { DOCUMENTS } from "../../server/storage/document_store.ts";
import { BuyRequestSchema, contract, type Purse, PurseSchema } from "../game/shop/contract.ts";
import { PRICE, START_COINS } from "../game/shop/game.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

const SHOP = new URL("../game/shop/game.ts", import.meta.url).pathname;
/** As long as a busy machine may take to start a server again. */
const PATIENCE_MS = 60_000;
const KILLS = 4;

/** What a client of a game without generated types is typed as. */
interface Buyer {
  request(
    schema: unknown,
    message: { readonly isHeldBack?: boolean },
    options: { readonly timeoutMs: number },
  ): Promise<{ readonly success: boolean; readonly bought: number }>;
}

/** A server that is started again and again on one data folder, and clients that find it wherever it is then. */
class Restarted implements AsyncDisposable {
  #server: ServerProcess;
  readonly #dataDir: string;

  private constructor(dataDir: string, server: ServerProcess) {
    this.#dataDir = dataDir;
    this.#server = server;
  }

  static async start(dataDir: string): Promise<Restarted> {
    return new Restarted(dataDir, await Restarted.#start(dataDir));
  }

  static #start(dataDir: string): Promise<ServerProcess> {
    return ServerProcess.start({ flags: ["--game", SHOP, "--flood-control", "off"], dataDir, errorsExpected: true });
  }

  async killAndStart(): Promise<void> {
    this.#server.kill("SIGKILL");
    await this.#server[Symbol.asyncDispose]();
    this.#server = await Restarted.#start(this.#dataDir);
  }

  /** A new player in the world. */
  async enter(name: string): Promise<GameClient<object>> {
    const registering = new GameClient({
      contract,
      connect: () => connectWebSocket(`ws://127.0.0.1:${this.#server.ports.gateway}/ws`),
    });
    await registering.open();
    await registering.register(name, `secret of ${name}`);
    const { sessionToken } = await registering.login(name, `secret of ${name}`);
    await registering.close();
    const client = new GameClient({
      contract,
      connect: () => connectTcp({ hostname: "127.0.0.1", port: this.#server.ports.game }),
    });
    await client.open();
    await client.enterWorld({ token: sessionToken });
    return client;
  }

  /** What the database has of a player, read beside the server. */
  async read(name: string): Promise<{ purse: Purse | undefined; revision: number }> {
    const storage = new DirectStorage({ path: `${this.#dataDir}/drawbridge.db` }, { game: "shop", stores: [] });
    try {
      const account = await storage.accounts.findByName(name);
      assert(account !== undefined);
      const key = String(account.accountId);
      const stored = await storage.of(DOCUMENTS).load({ collection: "purses", key });
      const purse = stored && fromBinary(PurseSchema, stored.bytes) as unknown as Purse;
      return { purse, revision: stored?.revision ?? 0 };
    } finally {
      await storage.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

function buy(
  client: GameClient<object>,
  isHeldBack = false,
): Promise<{ readonly success: boolean; readonly bought: number }> {
  return (client as unknown as Buyer).request(BuyRequestSchema, { isHeldBack }, { timeoutMs: PATIENCE_MS });
}

Deno.test("A server killed between commit and answer answers the client's repetition by the receipt", async () => {
  await withTempDir(async (dir) => {
    await using server = await Restarted.start(dir);
    const ann = await server.enter("ann");
    assertEquals((await buy(ann)).bought, 1);
    // It is on disk, and the answer is never sent.
    const held = buy(ann, true);
    await until("the purchase is on disk", async () => (await server.read("ann")).purse?.bought === 2);
    const before = await server.read("ann");
    await server.killAndStart();
    // The client comes back, enters anew and asks again, all by itself.
    const { success, bought } = await held;
    assertEquals([success, bought], [true, 2]);
    assertEquals(await server.read("ann"), before, "the repetition changed nothing");
    assertEquals((await buy(ann)).bought, 3);
    assertEquals((await server.read("ann")).purse?.coins, START_COINS - 3 * PRICE);
    await ann.close();
  });
});

Deno.test("Whatever moment the server is killed at, everything is bought once", async () => {
  await withTempDir(async (dir) => {
    await using server = await Restarted.start(dir);
    const names = ["ann", "bob", "cid"];
    const clients = await Promise.all(names.map((name) => server.enter(name)));
    const counts = names.map(() => 0);
    let isOver = false;
    const buying = clients.map(async (client, index) => {
      while (!isOver) {
        const { success, bought } = await buy(client);
        // No purchase is lost, and none is made twice.
        counts[index]++;
        assertEquals([success, bought], [true, counts[index]], names[index]);
      }
    });
    const all = Promise.all(buying);
    for (let kill = 1; kill <= KILLS; kill++) {
      const enough = counts.map((count) => count + 5 * kill);
      await Promise.race([
        all,
        until("everybody buys again", () => counts.every((count, index) => count >= enough[index])),
      ]);
      await server.killAndStart();
    }
    isOver = true;
    await all;
    for (const [index, name] of names.entries()) {
      const { purse } = await server.read(name);
      assertEquals([purse?.bought, purse?.coins], [counts[index], START_COINS - counts[index] * PRICE], name);
    }
    await Promise.all(clients.map((client) => client.close()));
  });
});
