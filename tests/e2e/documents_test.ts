import { GameClient } from "../../client/client.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { DOCUMENTS } from "../../server/storage/document_store.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { BuyRequestSchema, contract } from "../game/shop/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { browserTest, visit } from "../support/browser.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";

const FLAGS = ["--game", new URL("../game/shop/game.ts", import.meta.url).pathname];

/** What a client of a game without generated types is typed as. */
interface Buyer {
  request(
    schema: unknown,
    message: object,
  ): Promise<{ readonly success: boolean; readonly errorCode: number; readonly bought: number }>;
}

/** Somebody in the world; an account is made where there is none. */
async function enter({ ports: { gateway } }: ServerProcess, name: string): Promise<GameClient<object>> {
  const client = new GameClient({ contract, connect: () => connectWebSocket(`ws://127.0.0.1:${gateway}/ws`) });
  await client.open();
  await client.register(name, `secret of ${name}`);
  await client.login(name, `secret of ${name}`);
  assert((await client.enterWorld()).success, name);
  return client;
}

async function buy(client: GameClient<object>): Promise<[success: boolean, code: ErrorCode, bought: number]> {
  const { success, errorCode, bought } = await (client as unknown as Buyer).request(BuyRequestSchema, {});
  return [success, errorCode, bought];
}

/** Makes of each player's purse what it should not be, while no server runs. */
async function damage(dataDir: string): Promise<void> {
  const storage = new DirectStorage({ path: `${dataDir}/drawbridge.db` }, { game: "shop", stores: [] });
  try {
    for (const name of ["ann", "ben"]) {
      const { accountId } = (await storage.accounts.findByName(name))!;
      const key = String(accountId);
      const { revision, bytes } = (await storage.of(DOCUMENTS).load({ collection: "purses", key }))!;
      const content = { indexes: {}, playerId: accountId, countMax: 9 };
      const [version, damaged] = name === "ann" ? [1, Uint8Array.of(0xff, 0xff, 1)] : [9, bytes];
      await storage.of(DOCUMENTS).commit({
        changes: [{ collection: "purses", key, revision, content: { ...content, version, bytes: damaged } }],
        receipt: null,
      });
    }
  } finally {
    await storage.close();
  }
}

browserTest(
  "A document that cannot be read is refused once and kept, others play on, and log, metric, command and status page tell",
  async (browser) => {
    await withTempDir(async (dataDir) => {
      let server = await ServerProcess.start({ dataDir, flags: FLAGS });
      for (const name of ["ann", "ben"]) {
        const client = await enter(server, name);
        assertEquals(await buy(client), [true, ErrorCode.NONE, 1]);
        await client.close();
      }
      await server.stop();
      await damage(dataDir);
      server = await ServerProcess.start({ dataDir, flags: FLAGS, errorsExpected: true });
      try {
        const [ann, ben, cid] = await Promise.all(["ann", "ben", "cid"].map((name) => enter(server, name)));
        // Not UNAVAILABLE, which the client would ask again after.
        for (const client of [ann, ben]) assertEquals(await buy(client), [false, ErrorCode.INVALID_STATE, 0]);
        assertEquals(await buy(cid), [true, ErrorCode.NONE, 1]);

        assertEquals(await server.metric("drawbridge_documents_unreadable_total"), 2);
        const [status, list] = await server.admin("documents", "list");
        assertEquals([status, list.split("\n")[0]], [0, "2 documents unreadable or put aside"]);
        assert(/^ {2}purses 1 .* 3 bytes .*: unreadable/m.test(list) && /^ {2}purses 2 .*: newer$/m.test(list), list);
        const log = await server.log();
        for (const key of ["1", "2"]) {
          assert(new RegExp(`"Cannot read document, it is kept as it is".*"key":"${key}"`).test(log), log);
        }
        const token = (await Deno.readTextFile(`${dataDir}/admin.token`)).trim();
        const { page } = await visit(browser, `http://127.0.0.1:${server.ports.admin}/?token=${token}`);
        await page.locator("#world dt", { hasText: "Unreadable documents met" })
          .locator("xpath=following-sibling::dd[1][text()='2']").waitFor();

        // What is put aside is kept, and its player starts over.
        assertEquals(await server.admin("documents", "aside", "purses", "1"), [0, "Document purses 1 is put aside"]);
        assertEquals(await buy(ann), [true, ErrorCode.NONE, 1]);
        await Promise.all([ann, ben, cid].map((client) => client.close()));
        await server.stop();
      } finally {
        await server[Symbol.asyncDispose]();
      }
    });
  },
);
