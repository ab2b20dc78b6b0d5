/** Servers that each do a part: one for logins, two for the game, on one PostgreSQL. @module */

import { connectTcp } from "../../client/tcp_transport.ts";
import { DrawbridgeClient, RequestError } from "../../client/browser.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { visit, withBrowser } from "../support/browser.ts";
import { freePort } from "../support/free_port.ts";
import { registerOnPage, untilInWorld } from "../support/game_page.ts";
import { TestPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { runServerToEnd, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { EXIT_CONFIG } from "../../shared/errors.ts";

const PLAYERS_MAX = 4;

/** A login server and two game servers, as an operator starts them. */
class Realm implements AsyncDisposable {
  private constructor(
    readonly database: TestPostgres,
    readonly login: ServerProcess,
    readonly games: readonly ServerProcess[],
  ) {}

  static async start(): Promise<Realm> {
    const database = await TestPostgres.start();
    const shared = ["--database-url", await database.createDatabase(), "--public-host", "127.0.0.1"];
    const start = (serverId: number, role: string) =>
      ServerProcess.start({
        flags: [...shared, "--role", role, "--server-id", `${serverId}`, "--max-players", `${PLAYERS_MAX}`].concat(
          ["--login-queue", "0"],
        ),
      });
    return new Realm(database, await start(1, "login"), [await start(2, "game"), await start(3, "game")]);
  }

  /** A native client as an application makes it, and the ids of the servers that it was told to go to. */
  native(): { readonly client: DrawbridgeClient; readonly visited: number[] } {
    const visited: number[] = [];
    const { login } = this.login.ports;
    const client = new DrawbridgeClient({
      connect: (signal, server) => {
        if (server !== undefined) visited.push(server.serverId);
        return connectTcp({ port: server?.port ?? login, hostname: server?.ipAddress ?? "127.0.0.1", signal });
      },
      reconnect: false,
    });
    return { client, visited };
  }

  async stop(): Promise<void> {
    for (const server of [this.login, ...this.games]) await server.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.login, ...this.games]) await server[Symbol.asyncDispose]();
    await this.database[Symbol.asyncDispose]();
  }
}

async function isOpen(port: number): Promise<boolean> {
  try {
    await (await RawSocket.connect(port)).close();
    return true;
  } catch {
    return false;
  }
}

programTest("postgresql", "serve --role opens the ports of its role only", async () => {
  await using realm = await Realm.start();
  const { login, games } = realm;
  assert(/^ready login=\S+ admin=\S+$/m.test(login.readyText), login.readyText);
  const { ports } = login;
  assertEquals([await isOpen(ports.login), ports.game, ports.gateway], [true, NaN, NaN]);
  for (const { ports, readyText } of games) {
    assert(/^ready game=\S+ gateway=\S+ admin=\S+$/m.test(readyText), readyText);
    assertEquals([ports.login, await isOpen(ports.game), await isOpen(ports.gateway)], [NaN, true, true]);
  }
  for (const server of [login, ...games]) await server.untilReady();
  const rows = await realm.database.query("SELECT server_id FROM nodes ORDER BY server_id", "test_1");
  assertEquals(rows, ["2", "3"], "A login server is no game server");
  await realm.stop();
});

programTest(
  "postgresql",
  "Players who log in at the login server play on both game servers, and on the other when one is full",
  async () => {
    await using realm = await Realm.start();
    const players: { readonly client: DrawbridgeClient; readonly visited: number[] }[] = [];
    try {
      for (let index = 0; index < 2 * PLAYERS_MAX; index++) {
        const player = realm.native();
        players.push(player);
        await player.client.open();
        await player.client.register(`Player${index}`, "secret");
        const { gameServers } = await player.client.login(`Player${index}`, "secret");
        assertEquals(gameServers.map(({ serverId }) => serverId).sort(), [2, 3]);
        assert((await player.client.enterWorld()).success);
        assertEquals(player.visited[0], gameServers[0].serverId);
      }
      const counts = [2, 3].map((id) => players.filter(({ visited }) => visited.at(-1) === id).length);
      assertEquals(counts, [PLAYERS_MAX, PLAYERS_MAX]);

      // One leaves: whoever comes next is sent to either, and gets in where there is room.
      await players[0].client.close();
      const late = realm.native();
      players.push(late);
      await late.client.open();
      await late.client.register("Late", "secret");
      await late.client.login("Late", "secret");
      assert((await late.client.enterWorld()).success);
      assertEquals(late.visited.at(-1), players[0].visited.at(-1));
    } finally {
      await Promise.all(players.map(({ client }) => client.close()));
    }
    await realm.stop();
  },
);

programTest("postgresql", "A player whose first game server is gone plays on the next, a browser too", async () => {
  await using realm = await Realm.start();
  const [gone, left] = realm.games;
  const { client, visited } = realm.native();
  const { gateway } = left.ports;
  const browser = new DrawbridgeClient({
    connect: (signal, server) => connectWebSocket(server?.gatewayUrl ?? `ws://127.0.0.1:${gateway}/ws`, { signal }),
    reconnect: false,
  });
  try {
    await client.open();
    await client.register("Anna", "secret");
    const { gameServers } = await client.login("Anna", "secret");
    assertEquals(gameServers.map(({ serverId }) => serverId), [2, 3]);
    gone.kill("SIGKILL");
    await gone.exitCode().catch(() => {});
    assert((await client.enterWorld()).success);
    assertEquals(visited, [2, 3]);
    await browser.open();
    await browser.register("Bert", "secret");
    const listed = await browser.login("Bert", "secret");
    assertEquals(listed.serverId, 3, "The gateway that was asked is one of the servers");
    assert((await browser.enterWorld()).success);
  } finally {
    await Promise.all([client.close(), browser.close()]);
  }
});

programTest("postgresql", "A client that nothing is listed for learns that there is no game server", async () => {
  await using database = await TestPostgres.start();
  const flags = ["--role", "login", "--database-url", await database.createDatabase()];
  await using login = await ServerProcess.start({ flags });
  const client = new DrawbridgeClient({ connect: (signal) => connectTcp({ port: login.ports.login, signal }) });
  await client.open();
  try {
    await client.register("Anna", "secret");
    assertEquals((await client.login("Anna", "secret")).gameServers, []);
    await assertRejects(() => client.enterWorld(), RequestError, "no game server takes players");
  } finally {
    await client.close();
  }
  await login.stop();
});

programTest(
  ["postgresql", "chromium"],
  "The page plays on the least loaded server, whose gateway lets pages of the others in",
  () =>
    withBrowser(async (browser) => {
      await using database = await TestPostgres.start();
      const gateways = [freePort(), freePort()];
      const shared = [
        "--role",
        "game",
        "--database-url",
        await database.createDatabase(),
        "--public-host",
        "127.0.0.1",
      ];
      const origins = ["--allowed-origins", gateways.map((port) => `http://127.0.0.1:${port}`).join(",")];
      const start = (index: number) =>
        ServerProcess.start({
          flags: [...shared, ...origins, "--server-id", `${index + 1}`, "--gateway-port", `${gateways[index]}`],
        });
      await using first = await start(0);
      await using second = await start(1);
      const client = new DrawbridgeClient({
        connect: (signal) => connectWebSocket(`ws://127.0.0.1:${gateways[0]}/ws`, { signal }),
        reconnect: false,
      });
      await client.open();
      await client.register("Anna", "secret");
      await client.login("Anna", "secret");
      assert((await client.enterWorld()).success);
      const playersOf = (server: ServerProcess) => server.metric("drawbridge_players_online");
      await until("the first server to tell of its player", async () => {
        const rows = await database.query("SELECT current_players FROM nodes ORDER BY server_id", "test_1");
        return rows.join() === "1,0";
      });
      const { page, errors } = await visit(browser, `http://127.0.0.1:${gateways[0]}/`);
      await registerOnPage(page, "Bert");
      await untilInWorld(page);
      // Whoever has just come is counted a moment later.
      await until("one player on each", async () => await playersOf(first) === 1 && await playersOf(second) === 1);
      assertEquals(errors, []);
      await page.close();
      await client.close();
      await first.stop();
      await second.stop();
    }),
);

Deno.test("serve refuses a role without a database that servers share", async () => {
  await withTempDir(async (dir) => {
    for (const role of ["login", "game"]) {
      const { code, stderr } = await runServerToEnd(["--role", role, "--data-dir", dir]);
      assertEquals(code, EXIT_CONFIG);
      assert(stderr.includes(`Cannot use --role ${role} with --database-url sqlite:drawbridge.db`), stderr);
    }
  });
});
