/** Servers that are to stop while matches are played: these may finish, as long as `--drain-timeout` says. @module */

import { GameClient } from "../../client/client.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { PLAIN_ENTITIES } from "../../client/world/world_model.ts";
import { WorldView } from "../../client/world/world_view.ts";
import {
  AnnouncementSchema,
  contract,
  MatchEndedSchema,
  MatchStartedSchema,
  type Packets,
  QueueJoinRequestSchema,
  WalletSchema,
} from "../../games/tag/contract.ts";
import type { LoginResponse, ServerInfo } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { TestPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";

const TAG = new URL("../../games/tag/game.ts", import.meta.url).pathname;
/** Far longer than a test takes: a match goes on until something ends it. */
const FLAGS = ["--game", TAG, "--match-seconds", "3600", "--fill-seconds", "0", "--flood-control", "off"];

/** One player, with what it was told. */
class Runner {
  readonly client: GameClient<Packets>;
  readonly #view: WorldView;
  readonly started: unknown[] = [];
  readonly scores: Map<string, number>[] = [];
  readonly heard: string[] = [];
  /** What must not happen. */
  readonly losses: string[] = [];
  /** The port that it is connected to. */
  port = 0;

  private constructor(readonly name: string, home: ServerProcess, servers: readonly ServerInfo[]) {
    this.client = new GameClient({
      contract,
      servers,
      connect: (signal, server) => connectTcp({ port: this.port = server?.port ?? home.ports.game, signal }),
    });
    this.#view = new WorldView(this.client, { reader: PLAIN_ENTITIES, onStay: () => {} });
    this.client.on(MatchStartedSchema, (started) => void this.started.push(started));
    this.client.on(MatchEndedSchema, ({ scores }) => {
      this.scores.push(new Map(scores.map(({ name, coins }) => [name, coins])));
    });
    this.client.on(AnnouncementSchema, ({ text }) => void this.heard.push(text));
    this.client.on("gap", () => void this.losses.push("gap"));
    this.client.on("sessionLost", () => void this.losses.push("session"));
  }

  static async enter(name: string, home: ServerProcess): Promise<Runner> {
    const { gameServers, sessionToken } = await logIn(name, home);
    const runner = new Runner(name, home, gameServers), { client } = runner;
    await client.open();
    assert((await client.enterWorld({ token: sessionToken })).success, name);
    return runner;
  }

  get coins(): number | undefined {
    this.#view.step(performance.now());
    return this.#view.stay?.model.ownComponents.get(WalletSchema).coins;
  }

  /** Whether it is connected to a server. */
  isAt({ ports }: ServerProcess): boolean {
    return this.client.state === "connected" && this.port === ports.game;
  }
}

/** Makes an account, and gives what its login says. */
async function logIn(name: string, { ports }: ServerProcess): Promise<LoginResponse> {
  const client = new GameClient({ contract, connect: (signal) => connectTcp({ port: ports.login, signal }) });
  await client.open();
  assert((await client.register(name, `secret of ${name}`)).success, name);
  const login = await client.login(name, `secret of ${name}`);
  await client.close();
  return login;
}

/** Two who play a match, and one in the lobby. */
async function company(home: ServerProcess): Promise<[Runner, Runner, Runner]> {
  const runners = [await Runner.enter("ann", home), await Runner.enter("ben", home)] as const;
  for (const { client } of runners) {
    assert((await client.request(QueueJoinRequestSchema, {}, { timeoutMs: 60_000 })).success);
  }
  await until("the match", () => runners.every(({ started }) => started.length === 1));
  return [...runners, await Runner.enter("cid", home)];
}

/** Two servers of tag on one database, the players of `company` on the first, which is told to stop. */
async function drained(
  drainSeconds: number,
  run: (parts: {
    readonly home: ServerProcess;
    readonly other: ServerProcess;
    readonly players: readonly Runner[];
    readonly rivals: readonly Runner[];
  }) => Promise<void>,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await TestPostgres.start());
  const url = await database.createDatabase();
  const start = async (id: number) =>
    stack.use(
      await ServerProcess.start({
        flags: [
          ...FLAGS,
          ...["--server-id", String(id), "--public-host", "127.0.0.1", "--database-url", url],
          ...["--drain-timeout", String(drainSeconds)],
        ],
      }),
    );
  const home = await start(1), other = await start(2);
  const players = await company(home), [ann, ben] = players;
  stack.defer(async () => void await Promise.all(players.map(({ client }) => client.close())));
  home.kill("SIGTERM");
  await run({ home, other, players, rivals: [ann, ben] });
  await until("all play on there", () => players.every((player) => player.isAt(other)));
  const [scores] = ann.scores;
  for (const { losses, name, scores: told } of players) {
    assertEquals([losses, told], [[], name === "cid" ? [] : [scores]], `${name} was told once how it ended`);
  }
  // What it earned is read by the server that it comes to.
  await until("the coins are there", () => [ann, ben].every(({ coins, name }) => coins === scores.get(name)));
  assert([...scores.values()].some((coins) => coins > 0), "Somebody has won something");
  await home.stop();
}

programTest(
  "postgresql",
  "A server that stops lets a match finish: who is in none goes at once, nobody comes, and the others follow at its end",
  () =>
    drained(3_600, async ({ home, other, players: [ann, ben, cid], rivals }) => {
      await until("who is in no match goes at once", () => cid.isAt(other));
      await until("the others are told", () => rivals.every(({ heard }) => heard.length === 1));
      assertEquals(ann.heard, [
        "The server stops within 1 h: what you are in the middle of may be finished until then",
      ]);
      const { gameServers, sessionToken } = await logIn("dee", home);
      assertEquals(gameServers.map(({ serverId }) => serverId), [2]);
      const late = new GameClient({ contract, connect: (signal) => connectTcp({ port: home.ports.game, signal }) });
      await late.open();
      assertEquals((await late.enterWorld({ token: sessionToken })).errorCode, ErrorCode.SHUTTING_DOWN);
      await late.close();
      assertEquals([rivals.map((rival) => rival.isAt(home)), ben.scores.length], [[true, true], 0]);
      const readiness = await fetch(`http://127.0.0.1:${home.ports.admin}/readyz`);
      assertEquals([readiness.status, await readiness.text().then((text) => text.includes("is stopping"))], [
        503,
        true,
      ]);
      assertEquals(await home.admin("game", "end-match"), [0, "1 ended"]);
    }),
);

programTest(
  "postgresql",
  "A server that stops ends matches after --drain-timeout: players are told, keep what they have earned, and go on elsewhere",
  () =>
    drained(1, async ({ rivals }) => {
      await until("the match is over", () => rivals.every(({ scores }) => scores.length === 1));
    }),
);

programTest(
  "postgresql",
  "A server that waits for a match is ended by a second signal, and loses nothing",
  () =>
    drained(3_600, async ({ home, other, players: [, , cid], rivals }) => {
      await until("it waits for the match", () => cid.isAt(other));
      assertEquals(rivals.map((rival) => rival.isAt(home)), [true, true]);
      home.kill("SIGINT");
    }),
);

Deno.test("A server by itself lets a match finish before it stops", async () => {
  await using home = await ServerProcess.start({ flags: [...FLAGS, "--drain-timeout", "3600"] });
  const players = await company(home), [ann, ben, cid] = players;
  try {
    home.kill("SIGTERM");
    await until("all are told", () => players.every(({ heard }) => heard.length === 1));
    assertEquals(players.map((player) => player.isAt(home)), [true, true, true]);
    assertEquals((await cid.client.request(QueueJoinRequestSchema, {})).success, true);
    assertEquals(await home.admin("game", "end-match"), [0, "1 ended"]);
    await home.exitCode();
    // What was sent before may be read after it.
    await until("the match is over", () => [ann, ben].every(({ scores }) => scores.length === 1));
    assertEquals(cid.started.length, 0);
  } finally {
    await Promise.all(players.map(({ client }) => client.close()));
  }
  await home.stop();
});
