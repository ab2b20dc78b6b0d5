import { EXIT_CONFIG } from "../../server/config/config.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { TestNats } from "../support/nats.ts";
import { TestPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { runServerToEnd, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

programTest(
  ["nats", "postgresql"],
  "serve --nats-url says which NATS server it cannot use, and what to do",
  async () => {
    await using nats = await TestNats.start();
    await using database = await TestPostgres.start();
    const databaseUrl = await database.createDatabase();
    await withTempDir(async (dir) => {
      const start = async (url: string, ...more: string[]) => {
        const ports = ["--login-port", "0", "--game-port", "0", "--gateway-port", "0", "--admin-port", "0"];
        const flags = ["--data-dir", dir, "--database-url", databaseUrl, "--public-host", "127.0.0.1", ...ports];
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
      const unreachable = await start(nats.url(), "--dependency-wait", "3");
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
  const ready = async () => await (await fetch(`http://127.0.0.1:${server.ports.admin}/readyz`)).text();
  assertEquals(await ready(), "ready\n");
  await nats.stop();
  const notice = "ready\nThe NATS server cannot be reached: players do not hear those on other servers\n";
  await until("the server to say that NATS is gone", async () => await ready() === notice);
  await nats.resume();
  await until("the server to be as before", async () => await ready() === "ready\n");
  await server.stop();
});
