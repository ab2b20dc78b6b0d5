/**
 * Servers on one database and one NATS server are killed, one after the other, under players who found and leave guilds: nothing that was
 * acknowledged may be lost or doubled, and all must play on elsewhere.
 *
 * @module
 */

import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import type { Connect } from "../../client/transport.ts";
import type { ServerInfo } from "../../shared/gen/auth_pb.ts";
import { freePort } from "../support/free_port.ts";
import { TestNats } from "../support/nats.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServerProcess } from "../support/server_process.ts";
import { enterPatiently, signUp } from "../support/sign_up.ts";
import { until } from "../support/wait.ts";
import { GuildDeeds, GUILDS } from "./guild_deeds.ts";
import { problemsOf } from "./partition_history.ts";

const SERVERS = 2;
/** Time between two deeds, in milliseconds: what may be founded in a second is limited. */
const PAUSE_MS = 400;
/**
 * Of so many players the last two have poor connections, which break again and again, once also while their sessions are
 * found anew. The first of these is quiet: it has nothing to send meanwhile.
 */
const PLAYERS_PER_POOR = 5;
/** Time between two deeds of who is quiet, in milliseconds: longer than everybody takes to play again. */
const QUIET_PAUSE_MS = 30_000;
/** Time between two breaks, in milliseconds. */
const BREAK_INTERVAL_MS = 700;
/** The first is of the connection, the second while there is none. */
const BREAKS_PER_CONNECTION = 2;
/** How long everybody may take to play again, in milliseconds; what it took is reported. */
const PATIENCE_MS = 60_000;

/** What came of it. */
export interface DeathResult {
  readonly deeds: number;
  readonly done: number;
  /** How often players were told that something may be missing. */
  readonly gaps: number;
  readonly problems: readonly string[];
  /**
   * How long each player of a killed server, whose connection is good, took until something it wanted for good was done,
   * in milliseconds, shortest first.
   */
  readonly backMs: readonly number[];
}

/** Runs it. */
export async function runDeaths(
  { kills, onKill = () => {}, players }: {
    readonly kills: number;
    readonly players: number;
    /** Told before each. */
    readonly onKill?: (index: number) => void;
  },
): Promise<DeathResult> {
  await using stack = new AsyncDisposableStack();
  // Commits that take a while are caught halfway more often.
  const settings = ["commit_delay=80000", "commit_siblings=0"];
  const database = stack.use(await TestPostgres.start({ isDurable: true, settings }));
  const nats = stack.use(await TestNats.start());
  const common = [
    "--public-host",
    "127.0.0.1",
    "--database-url",
    await database.createDatabase(),
    "--nats-url",
    nats.url(),
  ];
  const ports = Array.from({ length: SERVERS }, freePort);
  const start = async (index: number) => {
    const flags = [...common, "--server-id", `${index + 1}`, "--game-port", `${ports[index]}`];
    return await ServerProcess.start({ flags, errorsExpected: true });
  };
  const servers: ServerProcess[] = [];
  stack.defer(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
  });
  for (let index = 0; index < SERVERS; index++) servers.push(await start(index));
  const company = Array.from({ length: players }, (_, index) => new Founder(index));
  stack.defer(async () => void await Promise.all(company.map((player) => player.close())));
  for (const [index, player] of company.entries()) await player.enter(servers[index % SERVERS], ports[index % SERVERS]);
  const lives = company.map((player) => player.live());
  const backMs: number[] = [], problems: string[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const index = kill % SERVERS;
    await until("everybody to play", () => company.every(({ deeds }) => deeds.lastDoneMs > 0), PATIENCE_MS);
    onKill(kill);
    const killedMs = performance.now();
    // Who is on its way tries one server after the other; its session is on the one that took it last.
    const struck = company.filter(({ home }) => home === ports[index]).map((player) => ({ player, gaps: player.gaps }));
    for (const { player } of struck) player.strike();
    servers[index].kill("SIGKILL");
    // Who does not is reported below.
    await until(
      "everybody to play again",
      () => struck.every(({ player }) => player.backAtMs !== undefined),
      PATIENCE_MS,
    )
      .catch(() => {});
    for (const { gaps, player } of struck) {
      const { backAtMs } = player;
      if (backAtMs === undefined) problems.push(`${player.name} did not play again`);
      else if (!player.isPoor) backMs.push(backAtMs - killedMs);
      // Whatever the dead server had yet to send is gone.
      if (player.gaps === gaps) problems.push(`${player.name} was not told of a gap`);
    }
    await servers[index][Symbol.asyncDispose]();
    servers[index] = await start(index);
  }
  for (const player of company) player.end();
  await Promise.all(lives);
  const guilds = new Map((await database.query(GUILDS, "test_1")).map((line) => line.split("|") as [string, string]));
  const deeds = company.flatMap(({ deeds }) => deeds.deeds);
  problems.push(
    ...problemsOf(deeds, [], guilds),
    ...company.flatMap(({ deeds, losses }) => [...losses, ...deeds.surprises]),
  );
  const done = deeds.filter(({ outcome }) => outcome === "done").length;
  const gaps = company.reduce((sum, { gaps }) => sum + gaps, 0);
  return { deeds: deeds.length, done, gaps, problems, backMs: backMs.sort((a, b) => a - b) };
}

/** A player who founds a guild and leaves it, again and again. */
class Founder {
  readonly name: string;
  readonly deeds: GuildDeeds;
  readonly isPoor: boolean;
  /** What must not happen. */
  readonly losses: string[] = [];
  gaps = 0;
  /** The port of the server that took its session last. */
  home = 0;
  readonly #isQuiet: boolean;
  #port = 0;
  /** The port of the server that was killed under it. */
  #lost = 0;
  /** When another server took its session, after that. */
  #takenMs: number | undefined;
  #client: DrawbridgeClient | undefined;
  #isOver = false;
  #wake = () => {};
  #breaksLeft = BREAKS_PER_CONNECTION;
  #breaking: ReturnType<typeof setInterval> | undefined;

  constructor(index: number) {
    this.name = `founder${index}`;
    this.deeds = new GuildDeeds(this.name, index);
    const left = PLAYERS_PER_POOR - index % PLAYERS_PER_POOR;
    this.isPoor = left <= 2;
    this.#isQuiet = left === 2;
  }

  async enter(server: ServerProcess, port: number): Promise<void> {
    const { login } = server.ports;
    const connect: Connect = (signal) => connectTcp({ port: login, signal });
    const { gameServers, sessionToken } = await signUp(connect, this.name, "secret");
    this.#client = this.#connected(gameServers, port);
    await this.#client.open();
    await enterPatiently(this.#client, this.name, sessionToken);
  }

  #connected(servers: readonly ServerInfo[], home: number): DrawbridgeClient {
    const client = new DrawbridgeClient({
      servers,
      requestTimeoutMs: 30_000,
      connect: (signal, server) => {
        this.#port = server?.port ?? home;
        return connectTcp({ port: this.#port, signal });
      },
    });
    client.on("state", (state) => {
      if (state !== "connected") return;
      this.home = this.#port;
      if (this.home !== this.#lost) this.#takenMs ??= performance.now();
      this.#breaksLeft = BREAKS_PER_CONNECTION;
    });
    client.on("gap", () => this.gaps++);
    client.on("sessionLost", () => this.losses.push(`${this.name} lost its session`));
    return client;
  }

  /** Its server is about to be killed. */
  strike(): void {
    this.#lost = this.home;
    this.#takenMs = undefined;
  }

  /**
   * When it first played again after its server was killed; undefined: it has not. What was answered before the kill may be
   * read after it: only what is done once another server has its session counts.
   */
  get backAtMs(): number | undefined {
    if (this.#takenMs === undefined || this.#isQuiet) return this.#takenMs;
    return this.deeds.firstDoneAfter(this.#takenMs);
  }

  async live(): Promise<void> {
    if (this.isPoor) this.#breaking = setInterval(() => this.#break(), BREAK_INTERVAL_MS);
    while (!this.#isOver) {
      await this.deeds.act(this.#client!);
      await this.#pause(this.#isQuiet ? QUIET_PAUSE_MS : PAUSE_MS);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#isOver) this.#wake();
    });
  }

  /** More than once would be for ever where a busy machine takes longer to give a session back than a connection holds. */
  #break(): void {
    if (this.#breaksLeft-- > 0) this.#client!.reconnectNow();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
    clearInterval(this.#breaking);
  }

  async close(): Promise<void> {
    this.end();
    await this.#client?.close();
  }
}
