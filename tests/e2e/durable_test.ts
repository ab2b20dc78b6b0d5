import { fromBinary } from "@bufbuild/protobuf";
import type { GameClient } from "../../client/client.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { DOCUMENTS } from "../../server/storage/document_store.ts";
import { BuyRequestSchema, contract, type Purse, PurseSchema } from "../game/shop/contract.ts";
import { PRICE, START_COINS } from "../game/shop/game.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RestartedServer } from "../support/restarted_server.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

const SHOP = new URL("../game/shop/game.ts", import.meta.url).pathname;
/** As long as a busy machine may take to start a server again, and clients to find it. */
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

/** What the database has of a player, read beside the server. */
async function readPurse(dataDir: string, name: string): Promise<{ purse: Purse | undefined; revision: number }> {
  const storage = new DirectStorage({ path: `${dataDir}/drawbridge.db` }, { game: "shop", stores: [] });
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

function buy(
  client: GameClient<object>,
  isHeldBack = false,
): Promise<{ readonly success: boolean; readonly bought: number }> {
  return (client as unknown as Buyer).request(BuyRequestSchema, { isHeldBack }, { timeoutMs: PATIENCE_MS });
}

Deno.test("A server killed between commit and answer answers the client's repetition by the receipt", async () => {
  await withTempDir(async (dir) => {
    await using server = await RestartedServer.start(dir, ["--game", SHOP]);
    const ann = await server.enter(contract, await server.register(contract, "ann"));
    assertEquals((await buy(ann)).bought, 1);
    // It is on disk, and the answer is never sent.
    const held = buy(ann, true);
    await until("the purchase is on disk", async () => (await readPurse(dir, "ann")).purse?.bought === 2);
    const before = await readPurse(dir, "ann");
    await server.killAndStart();
    // The client comes back, enters anew and asks again, all by itself.
    const { success, bought } = await held;
    assertEquals([success, bought], [true, 2]);
    assertEquals(await readPurse(dir, "ann"), before, "the repetition changed nothing");
    assertEquals((await buy(ann)).bought, 3);
    assertEquals((await readPurse(dir, "ann")).purse?.coins, START_COINS - 3 * PRICE);
    await ann.close();
  });
});

Deno.test("Whatever moment the server is killed at, everything is bought once", async () => {
  await withTempDir(async (dir) => {
    await using server = await RestartedServer.start(dir, ["--game", SHOP]);
    const names = ["ann", "bob", "cid"];
    const clients = await Promise.all(
      names.map(async (name) => server.enter(contract, await server.register(contract, name))),
    );
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
        until("everybody buys again", () => counts.every((count, index) => count >= enough[index]), PATIENCE_MS),
      ]);
      await server.killAndStart();
    }
    isOver = true;
    await all;
    for (const [index, name] of names.entries()) {
      const { purse } = await readPurse(dir, name);
      assertEquals([purse?.bought, purse?.coins], [counts[index], START_COINS - counts[index] * PRICE], name);
    }
    await Promise.all(clients.map((client) => client.close()));
  });
});
