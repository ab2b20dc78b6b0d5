import { contract } from "../../games/marsh/contract.ts";
import { GuildCreateRequestSchema, GuildLeaveRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RestartedServer } from "../support/restarted_server.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

/** As long as a busy machine may take to start a server again, and clients to find it. */
const PATIENCE_MS = 60_000;
const KILLS = 3;

Deno.test("A guild that was founded before the server was killed is the answer to the same request after it", async () => {
  await withTempDir(async (dir) => {
    await using server = await RestartedServer.start(dir);
    const token = await server.register(contract, "ann");
    // The same chance gives requests the same name.
    const found = async () => {
      const ann = await server.enter(contract, token, () => 0.5);
      const { success, guildId } = await ann.request(GuildCreateRequestSchema, { name: "Wolves", tag: "WO" });
      await ann.close();
      return [success, guildId > 0n, guildId];
    };
    const first = await found();
    assertEquals(first.slice(0, 2), [true, true]);
    await server.killAndStart();
    assertEquals(await found(), first);
  });
});

Deno.test("Whatever moment the server is killed at, guilds are founded and left once", async () => {
  await withTempDir(async (dir) => {
    await using server = await RestartedServer.start(dir);
    const names = ["ann", "bob", "cid"];
    const clients = await Promise.all(
      names.map(async (name) => server.enter(contract, await server.register(contract, name))),
    );
    const counts = names.map(() => 0), guildIds = new Set<bigint>();
    let isOver = false;
    const playing = clients.map(async (client, index) => {
      const options = { timeoutMs: PATIENCE_MS };
      while (!isOver) {
        const name = `Guild of ${names[index]}`, tag = names[index];
        const created = await client.request(GuildCreateRequestSchema, { name, tag }, options);
        // Done twice, it would be refused: one is in a guild already.
        assertEquals([created.success, created.errorCode], [true, 0], names[index]);
        assert(!guildIds.has(created.guildId), "every guild has its own answer");
        guildIds.add(created.guildId);
        const left = await client.request(GuildLeaveRequestSchema, {}, options);
        assertEquals([left.success, left.errorCode], [true, 0], names[index]);
        counts[index]++;
      }
    });
    const all = Promise.all(playing);
    for (let kill = 1; kill <= KILLS; kill++) {
      const enough = counts.map((count) => count + 4);
      const isPlayed = () => counts.every((count, index) => count >= enough[index]);
      const again = until("everybody plays again", isPlayed, PATIENCE_MS);
      await Promise.race([all, again]);
      await server.killAndStart();
    }
    isOver = true;
    await all;
    await Promise.all(clients.map((client) => client.close()));
  });
});
