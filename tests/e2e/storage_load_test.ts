import { DatabaseSync } from "node:sqlite";
import {
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
  LogoutRequestSchema,
  LogoutResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { attackLists, fillLists } from "../support/list_attack.ts";
import { IO_BACKENDS, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { WireClient } from "../support/wire.ts";
import { enterWorld, login, register } from "../support/wire_session.ts";

const PASSWORD = "correct horse";
const ATTACKER_COUNT = 50;
/** Logins and entries of others beside the attack, and what the attackers are answered until it counts as one. */
const TRY_COUNT = 10;
const ATTACK_BYTES_MIN = 4_000_000;
const HOUSE = 100;
/** Longer than a request to the storage may take. */
const HANG_MS = 6_000;

/** How many characters a database has that were saved in the world. */
function savedCount(path: string): number {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return Number(database.prepare("SELECT count(*) AS count FROM characters WHERE map_id IS NOT NULL").get()!.count);
  } finally {
    database.close();
  }
}

for (const backend of IO_BACKENDS) {
  Deno.test(`serve lets everybody in and saves beside an address that asks for full lists and guilds, io ${backend}`, async () => {
    await withTempDir(async (dataDir) => {
      await using server = await ServerProcess.start({
        backend,
        dataDir,
        players: ATTACKER_COUNT + 1,
        errorsExpected: true,
        flags: ["--trusted-addresses", "192.0.2.1/32"],
      });
      const comer = server.takePlayer();
      const attackers = Array.from({ length: ATTACKER_COUNT }, () => server.takePlayer());
      await fillLists(`${dataDir}/drawbridge.db`, attackers.map(({ name }) => name));
      {
        await using client = await WireClient.tcp(server.ports.login, { localAddress: "127.0.1.1" });
        assert((await register(client, "Honest", PASSWORD)).success);
      }
      const attacks = attackers.map(({ token }, index) => attackLists(server.ports.game, "127.0.0.10", token, index));
      try {
        const answered = () => attacks.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
        for (let tried = 0; tried < TRY_COUNT || answered() < ATTACK_BYTES_MIN; tried++) {
          await using client = await WireClient.tcp(server.ports.login, { localAddress: `127.0.1.${2 + tried % 200}` });
          assert((await login(client, "Honest", PASSWORD)).success, `login ${tried}`);
          await using player = await WireClient.tcp(server.ports.game, { localAddress: "127.0.2.1" });
          await enterWorld(player, comer.token);
          assert((await player.ask(LogoutRequestSchema, {}, LogoutResponseSchema)).success);
        }
        await until("the save", () => savedCount(`${dataDir}/drawbridge.db`) >= 1);
        assertEquals(server.status, null);
      } finally {
        for (const attack of attacks) attack.stop();
      }
      assert(!(await server.log()).includes("Cannot save"));
      await server.stop();
    });
  });
}

Deno.test("serve keeps a full house while the storage hangs, and saves everybody afterwards", async () => {
  await withTempDir(async (dataDir) => {
    await using server = await ServerProcess.start({
      dataDir,
      players: HOUSE,
      flags: ["--diagnostics", "on"],
      errorsExpected: true,
    });
    const clients: WireClient[] = [];
    try {
      for (let count = 0; count < HOUSE; count++) {
        const client = await WireClient.tcp(server.ports.game);
        clients.push(client);
        await enterWorld(client, server.takePlayer().token);
      }
      const admin = `http://127.0.0.1:${server.ports.admin}`;
      const drill = await fetch(`${admin}/drill/hang-storage-worker?ms=${HANG_MS}`, {
        method: "POST",
        headers: { "X-Drawbridge-Drill": "yes" },
      });
      await drill.body?.cancel();
      assert(drill.ok);
      await until("the hang to show", async () => (await server.readiness()).includes("storage makes no progress"));
      // Half of them go meanwhile.
      const going = clients.slice(0, HOUSE / 2), staying = clients.slice(HOUSE / 2);
      const left = await Promise.all(going.map((client) => client.ask(LogoutRequestSchema, {}, LogoutResponseSchema)));
      assertEquals(left.filter(({ success }) => success).length, going.length);
      await server.untilReady();
      // Whoever stayed is there.
      await Promise.all(staying.map((client) => client.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema)));
    } finally {
      for (const client of clients) await client[Symbol.asyncDispose]();
    }
    await server.stop();
    assertEquals(savedCount(`${dataDir}/drawbridge.db`), HOUSE);
  });
});
