import { GameClient } from "../../client/client.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import type { Connect, Transport } from "../../client/transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { PLAIN_ENTITIES } from "../../client/world/world_model.ts";
import { WorldView } from "../../client/world/world_view.ts";
import {
  BuyHatRequestSchema,
  contract,
  Kind,
  type MatchEnded,
  MatchEndedSchema,
  type MatchStarted,
  MatchStartedSchema,
  type Packets,
  QueueJoinRequestSchema,
  RanksRequestSchema,
  RunnerSchema,
  type Tagged,
  TaggedSchema,
  WalletSchema,
} from "../../games/tag/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

const TAG = new URL("../../games/tag/game.ts", import.meta.url).pathname;
const NAMES = ["ann", "ben", "cid", "dee"];
/** How often each is cut at least - `deno task soak:arena` does it ten times as often -, and how many tags each hears. */
const CUTS = Number(Deno.env.get("ARENA_CUTS") ?? 20), TAGS = 4;
/** What a runner sees and does between two cuts. */
const FRAMES_BETWEEN_CUTS = 3;
/** Far longer than it takes: the match is ended when all has happened. */
const MATCH_SECONDS = 3_600;
const MATCH_PATIENCE_MS = 6_000 * CUTS;

/** One player, whose connection can be cut in the middle of anything. */
class Runner {
  readonly client: GameClient<Packets>;
  readonly view: WorldView;
  readonly started: MatchStarted[] = [];
  readonly tagged: Tagged[] = [];
  readonly ended: MatchEnded[] = [];
  resumeCount = 0;
  lossCount = 0;
  frameCount = 0;
  #cut: () => void = () => {};

  constructor(readonly name: string, connect: Connect) {
    this.client = new GameClient({
      contract,
      connect: async (signal) => this.#cuttable(await connect(signal)),
      reconnect: { baseMs: 20, capMs: 50 },
    });
    this.view = new WorldView(this.client, { reader: PLAIN_ENTITIES, onStay: () => {} });
    this.client.on(MatchStartedSchema, (started) => void this.started.push(started));
    this.client.on(TaggedSchema, (tagged) => void this.tagged.push(tagged));
    this.client.on(MatchEndedSchema, (ended) => void this.ended.push(ended));
    this.client.on("sessionLost", () => void this.lossCount++);
    this.client.on("state", (state) => {
      if (state === "connected") this.resumeCount++;
    });
  }

  /** Loses whatever is under way, and waits until the client is back. */
  async cut(): Promise<void> {
    const before = this.resumeCount;
    this.#cut();
    await until(`${this.name} is back`, () => this.resumeCount > before);
  }

  /** Goes on as a page does in every frame: whoever is it runs after somebody. */
  frame(): void {
    const { view, own } = this;
    const target = [...view.stay!.model.entities.values()].find(({ kind }) => kind === Kind.RUNNER);
    const pose = target?.track.poseAt(view.playbackMs);
    if (own.isIt && pose !== undefined) view.stay!.movement.walkTo(pose.x, pose.z);
    view.step(performance.now());
    this.frameCount++;
  }

  /** Is cut every few frames until it has been cut often enough and has heard enough. */
  async cutInMatch(): Promise<void> {
    let cuts = 0;
    await until(`${this.name} hears tags between cuts`, async () => {
      await this.cut();
      const before = this.frameCount;
      await until("frames pass", () => this.frameCount >= before + FRAMES_BETWEEN_CUTS);
      return ++cuts >= CUTS && this.tagged.length >= TAGS;
    }, MATCH_PATIENCE_MS);
  }

  get own() {
    return this.view.stay!.model.ownComponents.get(RunnerSchema);
  }

  get coins(): number {
    return this.view.stay!.model.ownComponents.get(WalletSchema).coins;
  }

  #cuttable(transport: Transport): Transport {
    let isCut = false;
    this.#cut = () => {
      isCut = true;
      transport.close();
    };
    return {
      get bufferedBytes() {
        return transport.bufferedBytes;
      },
      start: (handler) =>
        transport.start({
          onBytes: (bytes) => isCut || handler.onBytes(bytes),
          onClose: (reason) => handler.onClose(reason),
        }),
      send: (bytes) => void (isCut || transport.send(bytes)),
      close: () => transport.close(),
    };
  }
}

/** Everybody registers and enters, by TCP and WebSocket in turn. */
async function enterAll(server: ServerProcess): Promise<Runner[]> {
  const { game, gateway } = server.ports;
  const connectGateway: Connect = (signal) => connectWebSocket(`ws://127.0.0.1:${gateway}/ws`, { signal });
  const runners: Runner[] = [];
  for (const [index, name] of NAMES.entries()) {
    const registering = new GameClient({ contract, connect: connectGateway });
    await registering.open();
    assert((await registering.register(name, `secret of ${name}`)).success, name);
    const { sessionToken } = await registering.login(name, `secret of ${name}`);
    await registering.close();
    const isTcp = index % 2 === 0;
    const runner = new Runner(name, isTcp ? (signal) => connectTcp({ port: game, signal }) : connectGateway);
    await runner.client.open();
    assert((await runner.client.enterWorld({ token: sessionToken })).success, name);
    runners.push(runner);
  }
  return runners;
}

/** Waits until a player who logs in has these coins and this hat; gives what it has done. */
async function recordOf(name: string, connect: Connect, has: { readonly coins: number; readonly hatId: number }) {
  const runner = new Runner(name, connect);
  await runner.client.open();
  await runner.client.login(name, `secret of ${name}`);
  assert((await runner.client.enterWorld()).success, name);
  const frames = setInterval(() => runner.frame(), 50);
  try {
    const isThere = () => runner.view.stay !== null && runner.coins === has.coins && runner.own.hatId === has.hatId;
    await until(`${name} has ${has.coins} coins and hat ${has.hatId}`, isThere);
    const { own } = await runner.client.request(RanksRequestSchema, {});
    return [own?.matches, own?.wins, own?.best];
  } finally {
    clearInterval(frames);
    await runner.client.close();
  }
}

Deno.test(`Four players of the arena play and buy, are cut ${CUTS} times each, and lose nothing, nor by a restart`, async () => {
  await withTempDir(async (dir) => await play(`${dir}/data`));
});

async function play(dataDir: string): Promise<void> {
  const flags = ["--game", TAG, "--match-seconds", String(MATCH_SECONDS), "--flood-control", "off"];
  let server = await ServerProcess.start({ dataDir, flags });
  const runners = await enterAll(server);
  const frames = setInterval(() => {
    for (const runner of runners) runner.frame();
  }, 50);
  try {
    const answers = runners.map(({ client }) => client.request(QueueJoinRequestSchema, {}, { timeoutMs: 60_000 }));
    const cutting = runners.map((runner) => runner.cutInMatch());
    assertEquals((await Promise.all(answers)).map(({ success }) => success), [true, true, true, true]);
    await Promise.all(cutting);
    assertEquals(await server.admin("game", "end-match"), [0, "1 ended"]);
    await until("the match is over", () => runners.every(({ ended }) => ended.length === 1));
    for (const { name, started, tagged, ended, lossCount } of runners) {
      assertEquals([lossCount, started], [0, runners[0].started], name);
      assertEquals([tagged, ended], [runners[0].tagged, runners[0].ended], `${name} heard what all heard, in order`);
      // Each tag goes on where the one before it ended.
      assertEquals(
        tagged.slice(1).map(({ fromEntityId }) => fromEntityId),
        tagged.slice(0, -1).map((t) => t.toEntityId),
      );
    }
    const [{ scores }] = runners[0].ended;
    const winner = runners.find(({ name }) => name === scores[0].name)!;
    const coinsOf = new Map(scores.map(({ name, coins }) => [name, coins]));
    await until("the coins are there", () => runners.every(({ name, coins }) => coins === coinsOf.get(name)));
    const bought = winner.client.request(BuyHatRequestSchema, { hatId: 1 }, { timeoutMs: 60_000 });
    await winner.cut();
    const { success, coins } = await bought;
    assertEquals([success, coins], [true, scores[0].coins - 10]);
    await until("the hat is seen", () => winner.own.hatId === 1 && winner.coins === coins);
    assertEquals((await winner.client.request(BuyHatRequestSchema, { hatId: 1 })).success, false);
    const { records, own } = await winner.client.request(RanksRequestSchema, {});
    assertEquals([records.length, own?.wins, own?.matches, own?.best], [4, 1, 1, scores[0].score]);
    for (const { client } of runners) await client.close();
    await server.stop();

    // All that was earned, bought and won is there when the server is there again.
    server = await ServerProcess.start({ dataDir, flags });
    const connectAgain: Connect = (signal) => connectWebSocket(`ws://127.0.0.1:${server.ports.gateway}/ws`, { signal });
    for (const { name, coins, score } of scores) {
      const has = name === winner.name ? { coins: coins - 10, hatId: 1 } : { coins, hatId: 0 };
      assertEquals(await recordOf(name, connectAgain, has), [1, score === scores[0].score ? 1 : 0, score]);
    }
  } finally {
    clearInterval(frames);
    await Promise.all(runners.map(({ client }) => client.close()));
    await server[Symbol.asyncDispose]();
  }
}

/** Threads and descriptors of a process. */
function countOf(pid: number, what: "task" | "fd"): number {
  return [...Deno.readDirSync(`/proc/${pid}/${what}`)].length;
}

Deno.test({
  name:
    "Four players of the arena play on while the game is reloaded 20 times: nothing is lost, and nothing left behind",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using server = await ServerProcess.start({
      isDev: true,
      backend: "epoll",
      flags: ["--game", TAG, "--match-seconds", "3600", "--flood-control", "off"],
    });
    const runners = await enterAll(server);
    const changes: string[] = [];
    for (const { name, client } of runners) client.on("state", (state) => void changes.push(`${name} ${state}`));
    const frames = setInterval(() => {
      for (const runner of runners) runner.frame();
    }, 50);
    try {
      // Two who wait are still in the queue afterwards, with the two who come then.
      const [ann, ben, ...others] = runners;
      for (const { client } of [ann, ben]) assert((await client.request(QueueJoinRequestSchema, {})).success);
      await server.reloadGame();
      for (const { client } of others) assert((await client.request(QueueJoinRequestSchema, {})).success);
      await until("the match", () => runners.every(({ started }) => started.length === 1));
      const entityIds = runners.map(({ client }) => client.entityId);
      const stays = runners.map(({ view }) => view.stay);
      const before = { task: countOf(server.pid, "task"), fd: countOf(server.pid, "fd"), ports: server.ports };
      for (let count = 0, score = 0; count < 20; count++) {
        await server.reloadGame();
        const { own, tagged } = ann;
        assert(own.score >= score, `Ann's score fell from ${score} to ${own.score}`);
        score = own.score;
        const tags = tagged.length;
        if (count % 4 === 0) await until("a tag", () => tagged.length > tags);
      }
      assertEquals((await server.log()).match(/^reloaded game/gm)?.length, 21, await server.log());
      assertEquals(
        (await server.log()).match(/^ {2}kept: .*\bmatchmaking\b.*; the game's other variables/gm)?.length,
        21,
      );
      assertEquals([runners.map(({ client }) => client.entityId), changes], [entityIds, []]);
      assert(runners.every(({ view }, index) => view.stay === stays[index]), "Nobody was told of another map");
      for (const what of ["task", "fd"] as const) {
        await until(`no more of ${what} than before`, () => countOf(server.pid, what) <= before[what]);
      }
      await server.readPortsAnew();
      assertEquals(server.ports, before.ports);
      assertEquals(await server.admin("game", "end-match"), [0, "1 ended"]);
      await until("the match is over", () => runners.every(({ ended }) => ended.length === 1));
      const [{ started, tagged, ended }] = runners;
      for (const runner of runners) {
        assertEquals([runner.lossCount, runner.started, runner.tagged, runner.ended], [0, started, tagged, ended]);
      }
      const froms = tagged.map(({ fromEntityId }) => fromEntityId), tos = tagged.map(({ toEntityId }) => toEntityId);
      assertEquals(froms, [0n, ...tos.slice(0, -1)]);
      const coins = () => ended[0].scores.map(({ name }) => runners.find((runner) => runner.name === name)!.coins);
      await until("the coins are there", () => coins().join() === ended[0].scores.map(({ coins }) => coins).join());
    } finally {
      clearInterval(frames);
      await Promise.all(runners.map(({ client }) => client.close()));
    }
  },
});
