import {
  GuildCreateRequestSchema,
  GuildCreateResponseSchema,
  GuildInfoRequestSchema,
  GuildInfoResponseSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { makeCertificate, openssl } from "../support/certificate.ts";
import { TestPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { runServerToEnd, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { connect, connectToLogin, enterWorld, login, register } from "../support/wire_session.ts";
import { EXIT_CONFIG } from "../../shared/errors.ts";

const PUBLIC = ["--public-host", "127.0.0.1"];

async function join(server: ServerProcess, name: string): Promise<{ playerId: bigint; sessionToken: string }> {
  await using client = await connectToLogin(server, "tcp");
  assert((await register(client, name, "pw")).success);
  return await login(client, name, "pw");
}

programTest(
  "postgresql",
  "serve on PostgreSQL keeps accounts, characters, guilds and tokens over a restart",
  async () => {
    await using database = await TestPostgres.start();
    const flags = [...PUBLIC, "--database-url", await database.createDatabase()];
    let tokens: string[], guildId: bigint;
    {
      await using server = await ServerProcess.start({ flags });
      tokens = [(await join(server, "Anna")).sessionToken, (await join(server, "Bert")).sessionToken];
      await using anna = await connect(server, "tcp");
      await using bert = await connect(server, "websocket");
      await enterWorld(anna, tokens[0]);
      await enterWorld(bert, tokens[1]);
      anna.send(ChatMessageSchema, { channel: Channel.GLOBAL, message: "hello" });
      assertEquals((await bert.expect(ChatMessageSchema)).message, "hello");
      const founding = { name: "Iron Wolves", tag: "IW" };
      ({ guildId } = await anna.ask(GuildCreateRequestSchema, founding, GuildCreateResponseSchema));
      assert(guildId > 0n);
      await server.stop();
    }
    // Another node: it has nothing of the first one's folder, and takes its tokens all the same.
    await using server = await ServerProcess.start({ flags });
    await using anna = await connect(server, "tcp");
    await enterWorld(anna, tokens[0]);
    const { guildId: found, members } = await anna.ask(GuildInfoRequestSchema, {}, GuildInfoResponseSchema);
    assertEquals([found, members.map(({ name }) => name)], [guildId, ["Anna"]]);
    await server.stop();
  },
);

programTest("postgresql", "serve goes on by itself when PostgreSQL was killed and is there again", async () => {
  await using database = await TestPostgres.start();
  const flags = [...PUBLIC, "--database-url", await database.createDatabase()];
  // What players ask meanwhile cannot be done, and the log says so.
  await using server = await ServerProcess.start({ flags, errorsExpected: true });
  const { sessionToken } = await join(server, "Anna");
  await using anna = await connect(server, "tcp");
  await enterWorld(anna, sessionToken);
  await server.untilReady();

  await database.stop("SIGKILL");
  const refused = await anna.ask(GuildCreateRequestSchema, { name: "Nobody", tag: "NO" }, GuildCreateResponseSchema);
  assertEquals(refused.success, false);
  await until("/readyz to say that there is no database", async () => await server.readiness() !== "ready\n", 30_000);
  await database.resume();
  await server.untilReady();
  const founded = await anna.ask(
    GuildCreateRequestSchema,
    { name: "Iron Wolves", tag: "IW" },
    GuildCreateResponseSchema,
  );
  assert(founded.success);
  assertEquals(await database.query("SELECT name FROM guilds", "test_1"), ["Iron Wolves"]);
  await server.stop();
});

programTest("postgresql", "serve says what is wrong with a database, and tells no password", async () => {
  await using database = await TestPostgres.start();
  const good = await database.createDatabase();
  const newer = await database.createDatabase();
  await (await ServerProcess.start({ flags: [...PUBLIC, "--database-url", newer] }))[Symbol.asyncDispose]();
  await database.query("UPDATE schema_versions SET version = 99 WHERE name = 'guilds'", "test_2");
  const foreign = await database.createDatabase();
  await database.query("CREATE TABLE other (id INTEGER)", "test_3");
  const nobody = good.replace(`:${database.port}/`, ":1/");
  const cases: readonly (readonly [url: string, line: RegExp])[] = [
    [
      database.urlOf("test_1", { password: "secret" }),
      /password authentication failed.*; give the user and the password/,
    ],
    [database.urlOf("missing"), /database "missing" does not exist; create it first/],
    [newer, /schema of guilds has version 99, this program knows versions up to \d; start the newer program/],
    [foreign, /it belongs to another program/],
    [
      nobody,
      /refused.*; check host and port, start the database server, or have this one wait for it with --dependency-wait SECONDS/i,
    ],
  ];
  for (const [url, line] of cases) {
    await withTempDir(async (dir) => {
      const { code, stderr } = await runServerToEnd([...PUBLIC, "--data-dir", dir, "--database-url", url]);
      assertEquals(code, EXIT_CONFIG, stderr);
      const problem = stderr.split("\n").find((each) =>
        each.includes("Cannot use --database-url postgres://drawbridge@")
      );
      assert(line.test(problem ?? ""), stderr);
      assert(!/secret|a password|a%20password/.test(stderr), stderr);
    });
  }
});

programTest(
  ["postgresql", "openssl"],
  "serve speaks TLS to a PostgreSQL server whose certificate is good, and to no other that it is to verify",
  async () => {
    await withTempDir(async (dir) => {
      const tls = await makeCertificate(dir);
      await using database = await TestPostgres.start({ tls });
      const url = await database.createDatabase();
      const ca = ["--database-ca", tls.cert];
      const server = await ServerProcess.start({
        flags: ["--database-url", `${url}?sslmode=verify-full`, ...ca, "--public-host", "127.0.0.1"],
      });
      const encrypted = await database.query(
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'drawbridge' AND ssl",
      );
      assert(Number(encrypted[0]) > 0, "The connections are encrypted");
      await server.stop();

      const refusal = async (url: string, ...flags: string[]) => {
        const { code, stderr } = await runServerToEnd([
          ...["--data-dir", `${dir}/data`, "--public-host", "127.0.0.1", "--database-url", url, ...flags],
        ]);
        assertEquals(code, EXIT_CONFIG, stderr);
        assert(!stderr.includes("1/2"), "No password is told");
        return stderr;
      };
      const verified = `${url}?sslmode=verify-full`;
      const notGood = /shows an invalid certificate: .+; give the certificate that vouches for it as --database-ca/;
      assert(notGood.test(await refusal(verified)), "The system does not vouch for it");
      // Another that is not for this host, signed by itself; it vouches for itself alone.
      await Deno.mkdir(`${dir}/other`);
      const other = { cert: `${dir}/other/cert.pem`, key: `${dir}/other/key.pem` };
      await openssl(
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
        ...[
          "-keyout",
          other.key,
          "-out",
          other.cert,
          "-subj",
          "/CN=elsewhere",
          "-addext",
          "subjectAltName=DNS:elsewhere",
        ],
        ...["-addext", "basicConstraints=critical,CA:FALSE"],
      );
      assert(notGood.test(await refusal(verified, "--database-ca", other.cert)), "Another vouches for another");
      await using elsewhere = await TestPostgres.start({ tls: other });
      const elsewhereUrl = `${await elsewhere.createDatabase()}?sslmode=verify-full`;
      assert(notGood.test(await refusal(elsewhereUrl, "--database-ca", other.cert)), "It is for another host");
      await using plain = await TestPostgres.start();
      const plainUrl = await plain.createDatabase();
      for (const mode of ["require", "verify-full"]) {
        assert(/does not speak TLS/.test(await refusal(`${plainUrl}?sslmode=${mode}`)), mode);
      }
      for (const args of [[url], ["sqlite:a.db"]]) {
        assert((await refusal(args[0], ...ca)).includes("Cannot use --database-ca: write --database-url"), args[0]);
      }
    });
  },
);

programTest("postgresql", "serve waits for a database as long as --dependency-wait says", async () => {
  await using database = await TestPostgres.start();
  const url = await database.createDatabase();
  await database.stop();
  const starting = ServerProcess.start({ flags: [...PUBLIC, "--database-url", url, "--dependency-wait", "60"] });
  await database.resume();
  await using server = await starting;
  await server.untilReady();
  await server.stop();
});
