import { connectTcp } from "../../client/tcp_transport.ts";
import { connectWebSocket, DrawbridgeClient, type ServerInfo, type Transport } from "../../client/browser.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { TestPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { runServerToEnd, ServerProcess } from "../support/server_process.ts";
import { signUp } from "../support/sign_up.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { EXIT_CONFIG } from "../../shared/errors.ts";

/** Two servers on one PostgreSQL. */
class Cluster implements AsyncDisposable {
  private constructor(
    readonly database: TestPostgres,
    readonly url: string,
    readonly servers: ServerProcess[],
  ) {}

  static async start(): Promise<Cluster> {
    const database = await TestPostgres.start();
    const cluster = new Cluster(database, await database.createDatabase(), []);
    await cluster.add(1);
    await cluster.add(2);
    return cluster;
  }

  async add(serverId: number): Promise<ServerProcess> {
    const flags = [
      "--server-id",
      String(serverId),
      "--server-name",
      `Server ${serverId}`,
      "--public-host",
      "127.0.0.1",
    ];
    // What cannot be done while a lease has lapsed is told in the log.
    const server = await ServerProcess.start({ flags: [...flags, "--database-url", this.url], errorsExpected: true });
    this.servers.push(server);
    return server;
  }

  /** A client that has a token, and what the server lists. */
  async player(name: string, at: ServerProcess) {
    return await signUp((signal) => connectTcp({ port: at.ports.login, signal }), name, "secret");
  }

  /** Sets when the lease of the first server lapses. */
  async endLeaseIn(interval: string): Promise<void> {
    const untilMs = `extract(epoch FROM clock_timestamp() + interval '${interval}') * 1000`;
    await this.database.query(`UPDATE nodes SET lease_until_ms = ${untilMs} WHERE server_id = 1`, "test_1");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.servers) await server[Symbol.asyncDispose]();
    await this.database[Symbol.asyncDispose]();
  }
}

const TRANSPORTS: Readonly<
  Record<string, (home: ServerProcess, signal: AbortSignal, server?: ServerInfo) => Promise<Transport>>
> = {
  TCP: ({ ports }, signal, server) =>
    connectTcp({ hostname: server?.ipAddress, port: server?.port ?? ports.game, signal }),
  WebSocket: ({ ports }, signal, server) =>
    connectWebSocket(server?.gatewayUrl ?? `ws://127.0.0.1:${ports.gateway}/ws`, { signal }),
};

function clientOf(server: ServerProcess): DrawbridgeClient {
  const { game } = server.ports;
  return new DrawbridgeClient({ connect: (signal) => connectTcp({ port: game, signal }), reconnect: false });
}

programTest(
  "postgresql",
  "Servers on one PostgreSQL list each other at every login, and hand a player over who enters elsewhere",
  async () => {
    await using cluster = await Cluster.start();
    const [one, two] = cluster.servers;
    const { gameServers, sessionToken } = await cluster.player("Anna", one);
    assertEquals(gameServers.map(({ serverId, serverName }) => [serverId, serverName]).sort(), [
      [1, "Server 1"],
      [2, "Server 2"],
    ]);
    assertEquals(new Set(gameServers.map(({ port }) => port)), new Set([one.ports.game, two.ports.game]));
    const [first, second] = [clientOf(one), clientOf(two)];
    try {
      await first.open();
      await second.open();
      const entered = await first.enterWorld({ token: sessionToken });
      assert(entered.success);
      let reason: DisconnectReason | undefined;
      first.on("state", (_state, change) => reason ??= change.notice?.reason);
      const again = await second.enterWorld({ token: sessionToken });
      assertEquals([again.success, again.spawnPosition], [true, entered.spawnPosition]);
      await until("the first server to say why", () => reason !== undefined);
      assertEquals(reason, DisconnectReason.LOGGED_IN_ELSEWHERE);
      await until("the list to tell where the player is", async () => {
        const { gameServers: listed } = await cluster.player("Bert", one);
        return listed.find(({ serverId }) => serverId === 2)?.currentPlayers === 1 && listed[0].serverId === 1;
      });
    } finally {
      await Promise.all([first.close(), second.close()]);
    }
  },
);

for (const [transport, connectTo] of Object.entries(TRANSPORTS)) {
  programTest(
    "postgresql",
    `A client over ${transport} that comes to another server follows its session, and goes on where it is`,
    async () => {
      await using cluster = await Cluster.start();
      const [one, two] = cluster.servers;
      const { sessionToken } = await cluster.player("Anna", one);
      // Home is the first server; where the network breaks, the second one is the first that is reached.
      let home = one;
      const visited: string[] = [];
      const client = new DrawbridgeClient({
        connect: (signal, server) => {
          visited.push(server === undefined ? `home ${home === one ? 1 : 2}` : `at ${server.serverId}`);
          return connectTo(home, signal, server);
        },
      });
      const heard: string[] = [];
      client.on(ChatMessageSchema, ({ message }) => heard.push(message));
      let gaps = 0, losses = 0;
      client.on("gap", () => gaps++);
      client.on("sessionLost", () => losses++);
      try {
        await client.open();
        const { entityId } = await client.enterWorld({ token: sessionToken });
        home = two;
        for (let times = 1; times <= 3; times++) {
          client.reconnectNow();
          // Held back until the session goes on.
          client.send(ChatMessageSchema, { channel: Channel.AREA, message: `after ${times}` });
          await until("the client to be heard", () => heard.includes(`after ${times}`));
        }
        assertEquals([client.entityId, gaps, losses], [entityId, 0, 0]);
        assertEquals(visited, ["home 1", "home 2", "at 1", "at 1", "at 1"], "Where it found its session it comes back");
      } finally {
        await client.close();
      }
    },
  );
}

programTest(
  "postgresql",
  "The players of a server that is killed, or stopped for longer than its lease, play on another one",
  async () => {
    await using cluster = await Cluster.start();
    const [one, two] = cluster.servers;
    const { sessionToken } = await cluster.player("Anna", one);
    const first = clientOf(one);
    await first.open();
    assert((await first.enterWorld({ token: sessionToken })).success);
    one.kill("SIGSTOP");
    const second = clientOf(two);
    try {
      // However long it takes to come here, it ends after that.
      await cluster.endLeaseIn("1 hour");
      await second.open();
      const early = await second.enterWorld({ token: sessionToken });
      assertEquals([early.success, early.errorCode], [false, ErrorCode.UNAVAILABLE], "Its server may live");
      await cluster.endLeaseIn("1 second");
      let entityId = 0n;
      await until("the lease to lapse", async () => {
        const answer = await second.enterWorld({ token: sessionToken });
        entityId = answer.entityId;
        return answer.success;
      });
      assert(entityId > 0n);
      const { gameServers } = await cluster.player("Bert", two);
      assertEquals(gameServers.map(({ serverId }) => serverId), [2], "Nobody is sent to a server that says nothing");
      one.kill("SIGCONT");
      await until("the server that was stopped to see that the player is elsewhere", () => first.state !== "connected");
      assertEquals((await cluster.database.query("SELECT server_id FROM player_owners", "test_1"))[0], "2");
      await until("it to be listed again", async () => (await cluster.player("Bert", two)).gameServers.length === 2);
    } finally {
      await Promise.all([first.close(), second.close()]);
    }
  },
);

programTest(
  "postgresql",
  "serve refuses a server id that another server on the database has, and a host that nobody can be told",
  async () => {
    await using cluster = await Cluster.start();
    await withTempDir(async (dir) => {
      const flags = ["--data-dir", dir, "--database-url", cluster.url, "--login-port", "0", "--game-port", "0"];
      const ports = ["--gateway-port", "0", "--admin-port", "0"];
      const taken = await runServerToEnd([...flags, ...ports, "--server-id", "2", "--public-host", "127.0.0.1"]);
      assertEquals(taken.code, EXIT_CONFIG, taken.stderr);
      assertEquals(taken.stderr.match(/A server with this one's id has not left/g)?.length, 1, "It says why it waits");
      const problem =
        /Cannot use --server-id 2: another server that runs has it, .* on 127\.0\.0\.1, port \d+; give this/;
      assert(problem.test(taken.stderr), taken.stderr);
      const nowhere = await runServerToEnd([...flags, ...ports, "--server-id", "3"]);
      assertEquals(nowhere.code, EXIT_CONFIG, nowhere.stderr);
      assert(/give --public-host/.test(nowhere.stderr), nowhere.stderr);
    });
  },
);
