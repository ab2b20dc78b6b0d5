/** The load test on several servers: players go where the list of their login sends them. @module */

import { runLoadtest } from "../../tools/loadtest.ts";
import { runAdmin } from "../../tools/admin.ts";
import { ProgressLine } from "../../tools/loadtest/progress.ts";
import type { LoadResult } from "../../tools/loadtest/result.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { TestNats } from "../support/nats.ts";
import { TestPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";

/** Each login takes a password hash, and who waits 10 s for its turn is refused: these a slow machine computes in time. */
const PLAYERS = 8;
const PACE = ["--ramp", "6", "--drain", "60"];
/** Time after the players are there in which they play; a server that dies keeps them for its lease of 6 s. */
const SECONDS = 12;

/** A login server and two game servers, and players that can log in. */
class Realm implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly tokens: string;

  private constructor(
    stack: AsyncDisposableStack,
    readonly login: ServerProcess,
    readonly games: readonly ServerProcess[],
    tokens: string,
  ) {
    this.#stack = stack;
    this.tokens = tokens;
  }

  static async start(): Promise<Realm> {
    await using stack = new AsyncDisposableStack();
    const database = stack.use(await TestPostgres.start()), nats = stack.use(await TestNats.start());
    const url = await database.createDatabase();
    const shared = ["--database-url", url, "--nats-url", nats.url(), "--public-host", "127.0.0.1", "--map-size", "150"];
    const start = async (serverId: number, role: string) =>
      stack.use(
        await ServerProcess.start({
          flags: [...shared, "--role", role, "--server-id", `${serverId}`, "--server-name", `Server ${serverId}`],
          errorsExpected: true,
        }),
      );
    const login = await start(1, "login"), games = [await start(2, "game"), await start(3, "game")];
    const dir = await Deno.makeTempDir({ prefix: "drawbridge-test-" });
    stack.defer(() => Deno.remove(dir, { recursive: true }));
    const tokens = `${dir}/tokens`;
    const args = ["players", "--count", `${PLAYERS}`, "--passwords", "on", "--tokens", tokens, "--data-dir", dir];
    const output = { print: () => {}, report: () => {} };
    assertEquals(await runAdmin(args, { DRAWBRIDGE_DATABASE_URL: url }, output), 0);
    return new Realm(stack.move(), login, games, tokens);
  }

  get flags(): string[] {
    const [{ ports: { gateway } }] = this.games;
    const { login } = this.login.ports;
    const ports = ["--login-port", `${login}`, "--gateway-port", `${gateway}`];
    return ["--enter", "login", ...ports, "--tokens", this.tokens, ...PACE];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** Runs the command line; `onMeasure` is called when all players are there. */
async function loadtest(args: readonly string[], onMeasure = () => {}) {
  const printed: string[] = [], reported: string[] = [];
  let isMeasuring = false;
  const progress = new ProgressLine({
    isTerminal: true,
    columns: () => 80,
    write: (text) => {
      if (isMeasuring || !text.includes("measure")) return;
      isMeasuring = true;
      onMeasure();
    },
  });
  const status = await runLoadtest(args, {}, {
    print: (text) => void printed.push(text),
    report: (text) => void reported.push(text),
    progress,
  });
  return { status, printed: printed.join("\n"), reported: reported.join("\n") };
}

async function resultOf(args: readonly string[], onMeasure?: () => void): Promise<LoadResult> {
  const { printed, reported, status } = await loadtest(
    [...args, "--connections", `${PLAYERS}`, "--json", "-"],
    onMeasure,
  );
  assertEquals([status, reported], [0, ""]);
  return JSON.parse(printed);
}

/** Nothing may be lost, come twice or come late, and nobody be left out. */
function assertFlawless({ connections, failures, ledgers }: LoadResult): void {
  for (const [name, { received, sent, ...flaws }] of Object.entries(ledgers)) {
    assert(sent > 0 && received === sent, `${name}: ${received} of ${sent}`);
    assertEquals(flaws, { lost: 0, duplicated: 0, outOfOrder: 0, corrupted: 0 }, name);
  }
  assertEquals(failures, {});
  assertEquals(connections, { attempted: connections.ready, ready: connections.ready, failed: 0, dropped: 0 });
}

programTest(
  "postgresql",
  "loadtest --enter login plays where the list of each login sends it, and says how many where",
  async () => {
    await using realm = await Realm.start();
    for (
      const scenario of [["world", "--threads", "2"], ["chat", "--rate", "0.5"], ["idle"], ["login", "--rate", "0.3"]]
    ) {
      const result = await resultOf([...scenario, ...realm.flags, "--transport", "both", "--duration", "3"]);
      assertFlawless(result);
      const { players, ...others } = result.servers!;
      assertEquals(Object.keys(players), ["Server 2 (2)", "Server 3 (3)"], scenario[0]);
      assertEquals(others, { returns: 0, gaps: 0, reentries: 0 });
      if (scenario[0] !== "login") assertEquals(players["Server 2 (2)"] + players["Server 3 (3)"], PLAYERS);
      assertEquals(result.latencies.login.all.count, result.latencies.enter.all.count);
    }
  },
);

programTest(
  "postgresql",
  "loadtest --enter login goes on at another server when one stops, with nothing lost",
  async () => {
    await using realm = await Realm.start();
    const [, stopping] = realm.games;
    const args = ["world", ...realm.flags, "--transport", "both", "--chat-rate", "0.5", "--duration", `${SECONDS}`];
    const result = await resultOf(args, () => stopping.kill("SIGTERM"));
    assertFlawless(result);
    const { players, ...others } = result.servers!;
    const movedCount = players["Server 3 (3)"];
    assertEquals(others, { returns: movedCount, gaps: 0, reentries: 0 });
    assertEquals(players["Server 2 (2)"], PLAYERS);
    assertEquals(result.latencies.away.all.count, movedCount);
    assertEquals([result.metrics.returns, result.metrics.gaps], [movedCount, 0]);
    assertEquals(await stopping.exitCode(), 0);
  },
);

programTest(
  "postgresql",
  "loadtest --enter login goes on at another server when one dies, and says who lost packets",
  async () => {
    await using realm = await Realm.start();
    const [, dying] = realm.games;
    const args = ["world", ...realm.flags, "--chat-rate", "0.5", "--duration", `${SECONDS}`];
    const result = await resultOf(args, () => dying.kill("SIGKILL"));
    const { gaps, players, reentries, returns } = result.servers!;
    const movedCount = players["Server 3 (3)"];
    assert(movedCount > 0 && returns === movedCount && gaps + reentries === movedCount, JSON.stringify(result.servers));
    assertEquals(
      [result.connections.dropped, players["Server 2 (2)"]],
      [0, PLAYERS],
      JSON.stringify([result.servers, result.failures]),
    );
    const { lost, outOfOrder, corrupted } = result.ledgers.reliable_down;
    assertEquals({ lost, outOfOrder, corrupted }, { lost: 0, outOfOrder: 0, corrupted: 0 });
  },
);

programTest("postgresql", "loadtest --enter login says in one line why nobody can log in or play", async () => {
  await withTempDir(async (dir) => {
    await using database = await TestPostgres.start();
    const url = await database.createDatabase();
    await using login = await ServerProcess.start({
      flags: ["--database-url", url, "--role", "login", "--server-id", "1", "--public-host", "127.0.0.1"],
    });
    const tokens = `${dir}/tokens`, output = { print: () => {}, report: () => {} };
    const made = ["players", "--count", "3", "--passwords", "on", "--tokens", tokens, "--data-dir", dir];
    assertEquals(await runAdmin(made, { DRAWBRIDGE_DATABASE_URL: url }, output), 0);
    const where = `127.0.0.1:${login.ports.login}`;
    const args = ["--connections", "3", "--enter", "login", "--login-port", `${login.ports.login}`, "--tokens"];
    assertEquals(await loadtest(["world", ...args, tokens]), {
      status: 1,
      printed: "",
      reported:
        `Cannot load ${where}: its login lists no game servers; start one with --role game on the same database`,
    });
    await Deno.writeTextFile(`${dir}/wrong`, "bot1 - wrong\nbot2 - wrong\nbot3 - wrong\n");
    const { reported, status } = await loadtest(["idle", ...args, `${dir}/wrong`]);
    assertEquals([status, reported.startsWith(`Cannot log in at ${where} as bot1: INVALID_CREDENTIALS`)], [1, true]);
    assertEquals(reported.split("\n").length, 1);
    await login.stop();
  });
});
