/**
 * Servers on one database and one NATS server are stopped and started again, one after the other, while players walk, talk
 * and change what lasts: each must hear what it said, once and in order, and stay logged in, and nothing that was
 * acknowledged may be lost or doubled.
 *
 * @module
 */

import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import type { Connect } from "../../client/transport.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { ErrorResponseSchema, type ServerInfo } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { freePort } from "../support/free_port.ts";
import { TestNats } from "../support/nats.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServerProcess } from "../support/server_process.ts";
import { enterPatiently, signUp } from "../support/sign_up.ts";
import { until } from "../support/wait.ts";
import { GuildDeeds, GUILDS } from "./guild_deeds.ts";
import { problemsOf } from "./partition_history.ts";

/** Time between two steps of a player, in milliseconds. */
const STEP_MS = 100;
/** What all say together, in messages a second: more would be refused, as it is more than anybody can hear. */
const MESSAGES_PER_SECOND = 100;
const PLAYERS_PER_LOGIN = 16;
/** Deeds of all together in a second: what may be founded in one is limited. */
const DEEDS_PER_SECOND = 60;

/** One player of so many has a poor connection: it breaks, and for a while there is none. */
const PLAYERS_PER_POOR = 5;
/** Steps between two breaks. */
const STEPS_PER_BREAK = 20;
/** How long there is no connection at most, in milliseconds. */
const BREAK_MS_MAX = 1_500;

/** What to run. */
export interface RollingOptions {
  readonly servers: number;
  /** How often each server is stopped and started again. */
  readonly rounds: number;
  readonly players: number;
  readonly onRestart?: (server: number, round: number) => void;
  /** The folder of the source that servers run at first. Default: this one. */
  readonly before?: string;
  /** The folder of the source that they run once they were started again. Default: this one. */
  readonly now?: string;
  /** Called when a server was started again, with the flags that all servers share. */
  readonly onRestarted?: (flags: readonly string[]) => Promise<void>;
}

/** What came of it. */
export interface RollingResult {
  readonly said: number;
  readonly moves: number;
  /** Deeds that were done, of those that were asked for. */
  readonly deeds: number;
  readonly done: number;
  readonly problems: readonly string[];
  /**
   * The longest time after which each player whose connection is good has heard something that it had said, in
   * milliseconds, shortest first.
   */
  readonly pausesMs: readonly number[];
  /** The longest time that each of them was without a session, in milliseconds, shortest first: a move is all of it. */
  readonly movesMs: readonly number[];
}

/** Runs it. */
export async function runRolling(
  { before, now, onRestart = () => {}, onRestarted, players, rounds, servers }: RollingOptions,
): Promise<RollingResult> {
  await using stack = new AsyncDisposableStack();
  const database = stack.use(await TestPostgres.start()), nats = stack.use(await TestNats.start());
  const url = await database.createDatabase();
  const common = ["--public-host", "127.0.0.1", "--database-url", url, "--nats-url", nats.url()];
  // A server that is started again is found where it was.
  const ports = Array.from({ length: servers }, freePort);
  const start = async (index: number, root: string | undefined) =>
    await ServerProcess.start({
      root,
      flags: [...common, "--server-id", `${index + 1}`, ...["--game-port", `${ports[index]}`]],
      errorsExpected: true,
    });
  const running: ServerProcess[] = [];
  stack.defer(async () => {
    for (const server of running) await server[Symbol.asyncDispose]();
  });
  for (let index = 0; index < servers; index++) running.push(await start(index, before));
  const company = Array.from({ length: players }, (_, index) => new Talker(index, running));
  stack.defer(async () => void await Promise.all(company.map((talker) => talker.close())));
  for (let from = 0; from < players; from += PLAYERS_PER_LOGIN) {
    await Promise.all(company.slice(from, from + PLAYERS_PER_LOGIN).map((talker) => talker.enter()));
  }
  const stepsPerMessage = Math.ceil(players / MESSAGES_PER_SECOND * 1_000 / STEP_MS);
  for (const [index, talker] of company.entries()) talker.begin(stepsPerMessage, index);
  const lives = company.map((talker) => talker.trade(players / DEEDS_PER_SECOND * 1_000));
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < servers; index++) {
      onRestart(index, round);
      await pause(1_000);
      const server = running[index];
      server.kill("SIGTERM");
      const code = await server.exitCode();
      if (code !== 0) company[0].problems.push(`Server ${index + 1} ended with ${code}: ${await server.log()}`);
      await server[Symbol.asyncDispose]();
      running[index] = await start(index, now);
      await onRestarted?.(common);
    }
  }
  await pause(1_000);
  for (const talker of company) talker.end();
  await Promise.all(lives);
  // Who does not is reported by its findings.
  await until("everybody to hear the last of what it said", () => company.every(({ isSettled }) => isSettled), 30_000)
    .catch(() => {});
  const guilds = new Map((await database.query(GUILDS, "test_1")).map((line) => line.split("|") as [string, string]));
  const steady = company.filter(({ isPoor }) => !isPoor);
  const deeds = company.flatMap(({ deeds }) => deeds.deeds);
  return {
    deeds: deeds.length,
    done: deeds.filter(({ outcome }) => outcome === "done").length,
    said: company.reduce((sum, { said }) => sum + said, 0),
    moves: company.reduce((sum, { moves }) => sum + moves, 0),
    problems: [...company.flatMap((talker) => talker.findings()), ...problemsOf(deeds, [], guilds)],
    pausesMs: steady.map(({ pauseMs }) => pauseMs).sort((a, b) => a - b),
    movesMs: steady.map(({ moveMs }) => moveMs).sort((a, b) => a - b),
  };
}

/** A player who talks to itself, and to whoever is near, and founds and leaves guilds. */
class Talker {
  readonly deeds: GuildDeeds;
  /** Its connection breaks now and then. */
  readonly isPoor: boolean;
  said = 0;
  /** How often its session has gone on at another server. */
  moves = 0;
  pauseMs = 0;
  moveMs = 0;
  /** Messages that a busy server had no time for, and refused. */
  #refused = 0;
  readonly problems: string[] = [];
  readonly #name: string;
  #client: DrawbridgeClient | undefined;
  readonly #servers: readonly ServerProcess[];
  readonly #home: number;
  readonly #heard: number[] = [];
  /** The last message of each other player. */
  readonly #overheard = new Map<string, number>();
  readonly #saidAtMs: number[] = [];
  #stepCount = 0;
  #isOver = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #port = 0;
  /** When it was without a session first; 0: it has one. */
  #downMs = 0;
  /** How long its next connection is not made, in milliseconds. */
  #awayMs = 0;
  #x = 0;
  #z = 0;

  constructor(index: number, servers: readonly ServerProcess[]) {
    this.#name = `talker${index}`;
    this.deeds = new GuildDeeds(this.#name, index);
    this.isPoor = index % PLAYERS_PER_POOR === PLAYERS_PER_POOR - 1;
    this.#servers = servers;
    this.#home = index % servers.length;
  }

  #connected(servers: readonly ServerInfo[]): DrawbridgeClient {
    const client = new DrawbridgeClient({
      servers,
      requestTimeoutMs: 30_000,
      connect: async (signal, server) => {
        const port = server?.port ?? this.#servers[this.#home].ports.game;
        if (this.#port !== 0 && this.#port !== port) this.moves++;
        this.#port = port;
        const awayMs = this.#awayMs;
        this.#awayMs = 0;
        await pause(awayMs);
        return await connectTcp({ port, signal });
      },
    });
    client.on("state", (state) => {
      if (state === "connected" && this.#downMs > 0) {
        this.moveMs = Math.max(this.moveMs, performance.now() - this.#downMs);
      }
      if (state === "connected") this.#downMs = 0;
      else if (this.#downMs === 0) this.#downMs = performance.now();
    });
    client.on(ErrorResponseSchema, ({ errorCode, requestType }) => {
      if (requestType === PacketType.CHAT_MESSAGE && errorCode === ErrorCode.UNAVAILABLE) this.#refused++;
    });
    client.on("gap", () => this.problems.push("was told of a gap"));
    client.on("sessionLost", ({ code }) => this.problems.push(`lost its session: ${ErrorCode[code]}`));
    client.on(ChatMessageSchema, ({ message, senderName }) => {
      if (senderName !== this.#name) return this.#overhear(senderName, Number(message));
      this.pauseMs = Math.max(this.pauseMs, performance.now() - this.#saidAtMs[Number(message)]);
      this.#heard.push(Number(message));
    });
    return client;
  }

  /** Others may be on another server for a while, but nothing they say comes twice or late. */
  #overhear(senderName: string, message: number): void {
    const last = this.#overheard.get(senderName) ?? -1;
    if (message <= last) this.problems.push(`heard ${message} of ${senderName} after ${last}`);
    this.#overheard.set(senderName, message);
  }

  get isSettled(): boolean {
    return this.#heard.length + this.#refused >= this.said;
  }

  async enter(): Promise<void> {
    const { login } = this.#servers[this.#home].ports;
    const connect: Connect = (signal) => connectTcp({ port: login, signal });
    const { gameServers, sessionToken } = await signUp(connect, this.#name, "secret");
    this.#client = this.#connected(gameServers);
    await this.#client.open();
    const { spawnPosition } = await enterPatiently(this.#client, this.#name, sessionToken);
    this.#x = spawnPosition!.x;
    this.#z = spawnPosition!.z;
  }

  /** Walks to and fro, and says something every so many steps, beginning with the given one. */
  begin(stepsPerMessage: number, first: number): void {
    this.#stepCount = first;
    this.#timer = setInterval(() => {
      this.#x += ++this.#stepCount % 2 === 0 ? 0.3 : -0.3;
      this.#client!.send(MovementUpdateSchema, { position: { x: this.#x, y: 0, z: this.#z } });
      if (this.isPoor && this.#stepCount % STEPS_PER_BREAK === 0) {
        this.#awayMs = Math.random() * BREAK_MS_MAX;
        this.#client!.reconnectNow();
      }
      if (this.#stepCount % stepsPerMessage !== 0) return;
      this.#saidAtMs.push(performance.now());
      this.#client!.send(ChatMessageSchema, { channel: Channel.AREA, message: `${this.said++}` });
    }, STEP_MS);
  }

  /** Changes what lasts, with a pause after each time, until it is over. */
  async trade(pauseMs: number): Promise<void> {
    await pause(Math.random() * pauseMs);
    while (!this.#isOver) {
      await this.deeds.act(this.#client!);
      await pause(pauseMs);
    }
  }

  end(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
  }

  findings(): string[] {
    const found = [...this.problems, ...this.deeds.surprises];
    const wrong = this.#heard.findIndex((message, index) => index > 0 && message <= this.#heard[index - 1]);
    if (wrong >= 0) found.push(`heard ${this.#heard[wrong]} after ${this.#heard[wrong - 1]}`);
    if (this.#heard.length + this.#refused !== this.said) {
      found.push(`heard ${this.#heard.length} of ${this.said}, ${this.#refused} refused`);
    }
    return found.map((text) => `${this.#name} ${text}`);
  }

  async close(): Promise<void> {
    this.end();
    await this.#client?.close();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
