import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorResponseSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { makeCertificate } from "../support/certificate.ts";
import { TestNats } from "../support/nats.ts";
import { TestPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { runServerToEnd, ServerProcess } from "../support/server_process.ts";
import { signUp } from "../support/sign_up.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { EXIT_CONFIG } from "../../shared/errors.ts";

const FREE_PORTS = ["--login-port", "0", "--game-port", "0", "--gateway-port", "0", "--admin-port", "0"];

programTest(
  ["nats", "postgresql"],
  "serve --nats-url says which NATS server it cannot use, and what to do",
  async () => {
    await using nats = await TestNats.start();
    await using database = await TestPostgres.start();
    const databaseUrl = await database.createDatabase();
    await withTempDir(async (dir) => {
      const start = async (url: string, ...more: string[]) => {
        const flags = ["--data-dir", dir, "--database-url", databaseUrl, "--public-host", "127.0.0.1", ...FREE_PORTS];
        const { code, stderr } = await runServerToEnd([...flags, "--nats-url", url, ...more]);
        assertEquals(code, EXIT_CONFIG, stderr);
        assert(!stderr.includes("a%20password") && !stderr.includes("a password"), "No password is shown");
        return stderr;
      };
      const name = `nats://drawbridge@127.0.0.1:${nats.port}`;
      assert((await start(nats.url({ password: "wrong" }))).includes(
        `Cannot use --nats-url ${name}: ${name} refuses user or password`,
      ));
      await nats.stop();
      // Long enough for a busy machine to try, and to begin to wait.
      const unreachable = await start(nats.url(), "--dependency-wait", "10");
      assert(
        unreachable.includes(`Cannot use --nats-url ${name}: ${name} cannot be reached: `) &&
          unreachable.includes("start the NATS server, or have this one wait for it with --dependency-wait SECONDS"),
        unreachable,
      );
      assert(unreachable.includes("Waiting for the NATS server"), unreachable);
    });
  },
);

programTest(["nats", "postgresql"], "serve waits for a NATS server as long as --dependency-wait says", async () => {
  await using nats = await TestNats.start();
  await using database = await TestPostgres.start();
  await nats.stop();
  const flags = ["--database-url", await database.createDatabase(), "--nats-url", nats.url()];
  const starting = ServerProcess.start({ flags: [...flags, "--public-host", "127.0.0.1", "--dependency-wait", "60"] });
  await nats.resume();
  const server = await starting;
  await server.untilReady();
  await nats.stop();
  const notice = "ready\nThe NATS server cannot be reached: players do not hear those on other servers\n";
  await until("the server to say that NATS is gone", async () => await server.readiness() === notice);
  await nats.resume();
  await server.untilReady();
  await server.stop();
});

programTest(["nats", "openssl", "postgresql"], "serve takes the NATS server that --nats-ca vouches for", async () => {
  await withTempDir(async (dir) => {
    const tls = await makeCertificate(dir);
    await using nats = await TestNats.start({ tls });
    await using database = await TestPostgres.start();
    const flags = ["--database-url", await database.createDatabase(), "--public-host", "127.0.0.1"];
    flags.push("--nats-url", nats.url());
    const { code, stderr } = await runServerToEnd([...flags, "--data-dir", dir, ...FREE_PORTS]);
    assertEquals([code, stderr.includes("shows an invalid certificate: ")], [EXIT_CONFIG, true], stderr);
    await using server = await ServerProcess.start({ flags: [...flags, "--nats-ca", tls.cert] });
    await server.untilReady();
    await server.stop();
  });
});

/** Servers on one PostgreSQL and one NATS server, and their players. */
class Cluster implements AsyncDisposable {
  readonly servers: ServerProcess[] = [];
  readonly #clients: DrawbridgeClient[] = [];

  private constructor(
    readonly database: TestPostgres,
    readonly nats: TestNats,
    readonly databaseUrl: string,
    readonly flags: readonly string[],
  ) {}

  /** @param flags More of them, for each server. */
  static async start(flags: readonly string[] = []): Promise<Cluster> {
    const [database, nats] = await Promise.all([TestPostgres.start(), TestNats.start()]);
    const cluster = new Cluster(database, nats, await database.createDatabase(), flags);
    for (const serverId of [1, 2]) await cluster.add(serverId);
    return cluster;
  }

  async add(serverId: number): Promise<ServerProcess> {
    const own = ["--server-id", String(serverId), "--public-host", "127.0.0.1"];
    const shared = ["--database-url", this.databaseUrl, "--nats-url", this.nats.url()];
    const server = await ServerProcess.start({ flags: [...own, ...shared, ...this.flags] });
    this.servers.push(server);
    return server;
  }

  /** A player in the world, and what it heard. */
  async player(name: string, server: ServerProcess): Promise<{ client: DrawbridgeClient; heard: string[] }> {
    const { sessionToken } = await signUp((signal) => connectTcp({ port: server.ports.login, signal }), name, "secret");
    const client = new DrawbridgeClient({ connect: (signal) => connectTcp({ port: server.ports.game, signal }) });
    this.#clients.push(client);
    await client.open();
    assert((await client.enterWorld({ token: sessionToken })).success);
    const heard: string[] = [];
    client.on(ChatMessageSchema, ({ senderName, message }) => void heard.push(`${senderName}: ${message}`));
    return { client, heard };
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.close();
    for (const server of this.servers) await server.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.close();
    for (const server of this.servers) await server[Symbol.asyncDispose]();
    await this.nats[Symbol.asyncDispose]();
    await this.database[Symbol.asyncDispose]();
  }
}

programTest(
  ["nats", "postgresql"],
  "Players of two servers hear each other in GLOBAL chat and whisper to each other",
  async () => {
    await using cluster = await Cluster.start();
    const anna = await cluster.player("Anna", cluster.servers[0]);
    const bert = await cluster.player("Bert", cluster.servers[1]);
    for (let index = 0; index < 20; index++) {
      anna.client.send(ChatMessageSchema, { channel: Channel.GLOBAL, message: `line ${index}` });
    }
    await until("all lines", () => bert.heard.length === 20 && anna.heard.length === 20);
    assertEquals(bert.heard, Array.from({ length: 20 }, (_, index) => `Anna: line ${index}`));
    bert.client.send(ChatMessageSchema, { channel: Channel.WHISPER, recipientName: "Anna", message: "psst" });
    await until("the whisper and its copy", () => bert.heard.length === 21 && anna.heard.length === 21);
    assertEquals([anna.heard[20], bert.heard[20]], ["Bert: psst", "Bert: psst"]);
    for (const server of cluster.servers) {
      assertEquals(await server.metric("drawbridge_bus_messages_total", { kind: "refused" }), 0);
      assertEquals(await server.metric("drawbridge_bus_messages_total", { kind: "dropped" }), 0);
    }
    await cluster.stop();
  },
);

programTest(
  ["nats", "postgresql"],
  "A login lists no server that has said nothing for BUS_SILENT_MS, and lists it again once it speaks",
  async () => {
    await using cluster = await Cluster.start();
    const [one, two] = cluster.servers;
    await cluster.player("Anna", two);
    const listed = async () => {
      const login = new DrawbridgeClient({ connect: (signal) => connectTcp({ port: one.ports.login, signal }) });
      await login.open();
      const { gameServers } = await login.login("Anna", "secret");
      await login.close();
      return gameServers.map(({ serverId, currentPlayers }) => `${serverId}: ${currentPlayers}`).sort();
    };
    await until("the load of the other server", async () => (await listed()).join() === "1: 0,2: 1");
    two.kill("SIGSTOP");
    await until("it to be left out", async () => (await listed()).join() === "1: 0");
    two.kill("SIGCONT");
    await until("it to be listed again", async () => (await listed()).includes("2: 1"));
  },
);

programTest(
  ["nats", "postgresql"],
  "Players play on while NATS is gone or silent, or the bus thread dies, and hear each other again when it is back",
  async () => {
    await using cluster = await Cluster.start(["--diagnostics"]);
    const [one, two] = cluster.servers;
    const anna = await cluster.player("Anna", one), bert = await cluster.player("Bert", two);
    const refused: ErrorCode[] = [];
    anna.client.on(ErrorResponseSchema, ({ errorCode }) => void refused.push(errorCode));
    const say = (channel: Channel, message: string) => anna.client.send(ChatMessageSchema, { channel, message });
    const notice = async () => (await one.readiness()).split("\n")[1];
    /** Says something new now and then. */
    const sayUntil = async (what: string, text: string, probe: () => boolean) => {
      let probes = 0;
      await until(what, () => {
        if (probes % 30 === 0) say(Channel.GLOBAL, `${text} ${probes}`);
        probes++;
        return probe();
      });
    };
    const heardAgain = (text: string) =>
      sayUntil(
        "both to hear it",
        text,
        () => [anna, bert].every(({ heard }) => heard.some((line) => line.startsWith(`Anna: ${text} `))),
      );
    const faults: readonly (readonly [what: string, begin: () => Promise<unknown>, end: () => Promise<unknown>])[] = [
      ["stopped", () => cluster.nats.stop(), () => cluster.nats.resume()],
      [
        "silent",
        () => Promise.resolve(cluster.nats.kill("SIGSTOP")),
        () => Promise.resolve(cluster.nats.kill("SIGCONT")),
      ],
    ];
    for (const [what, begin, end] of faults) {
      await heardAgain(`before ${what}`);
      // Those of before say nothing of this fault: logic learns of it last.
      refused.length = 0;
      await begin();
      await until("the server to notice", async () => (await notice()).startsWith("The NATS server cannot be reached"));
      await sayUntil("logic to know", `at the edge, ${what}`, () => refused.length > 0);
      refused.length = 0;
      say(Channel.GLOBAL, `while ${what}`);
      say(Channel.AREA, `nearby while ${what}`);
      await until("Anna to be heard nearby", () => anna.heard.at(-1) === `Anna: nearby while ${what}`);
      await until("Anna to be told", () => refused.length > 0);
      assertEquals([...new Set(refused)], [ErrorCode.UNAVAILABLE]);
      await until("the server to be ready all the same", async () => (await one.readiness()).startsWith("ready\n"));
      await end();
      await until("the server to be as before", async () => await notice() === "");
      await heardAgain(`after ${what}`);
    }
    const response = await fetch(`http://127.0.0.1:${one.ports.admin}/drill/crash-bus-thread`, {
      method: "POST",
      headers: { "x-drawbridge-drill": "yes" },
    });
    assertEquals(response.status, 202, await response.text());
    await until("the crash", async () => (await one.log()).includes("The bus thread crashed and is being restarted"));
    await heardAgain("after the crash");
    assert(!anna.heard.concat(bert.heard).some((line) => line.startsWith("Anna: while")));
  },
);
