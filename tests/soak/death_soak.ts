/**
 * Servers on one database are killed, one after the other, under players who found and leave guilds: nothing that was
 * acknowledged may be lost or doubled, and all must play on elsewhere.
 *
 * @module
 */

import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { GuildCreateRequestSchema, GuildLeaveRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import type { ServerInfo } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { freePort } from "../support/free_port.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { type Deed, problemsOf } from "./partition_history.ts";

const SERVERS = 2;
/** Time between two deeds, in milliseconds: what may be founded in a second is limited. */
const PAUSE_MS = 400;
/** How long everybody may take to play again, in milliseconds; what it took is reported. */
const PATIENCE_MS = 60_000;
const GUILDS = `SELECT accounts.name, guilds.name FROM guild_members JOIN guilds ON guilds.id = guild_id
  JOIN accounts ON accounts.id = player_id`;

/** What came of it. */
export interface DeathResult {
  readonly deeds: number;
  readonly done: number;
  /** Sessions that went on elsewhere and were told that something may be missing. */
  readonly gaps: number;
  readonly problems: readonly string[];
  /** How long each player of a killed server took until something it wanted for good was done, in milliseconds, shortest first. */
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
  const url = await database.createDatabase();
  const ports = Array.from({ length: SERVERS }, freePort);
  const start = async (index: number) => {
    const flags = ["--server-id", `${index + 1}`, "--public-host", "127.0.0.1", "--database-url", url];
    return await ServerProcess.start({ flags: [...flags, "--game-port", `${ports[index]}`], errorsExpected: true });
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
    await until("everybody to play", () => company.every(({ lastDoneMs }) => lastDoneMs > 0), PATIENCE_MS);
    onKill(kill);
    const killedMs = performance.now(), struck = company.filter(({ port }) => port === ports[index]);
    servers[index].kill("SIGKILL");
    const isBack = ({ lastDoneMs }: Founder) => lastDoneMs > killedMs;
    // Who does not is reported below.
    await until("everybody to play again", () => struck.every(isBack), PATIENCE_MS).catch(() => {});
    for (const player of struck) {
      if (player.firstDoneAfter(killedMs) === undefined) problems.push(`${player.name} did not play again`);
      else backMs.push(player.firstDoneAfter(killedMs)! - killedMs);
    }
    await servers[index][Symbol.asyncDispose]();
    servers[index] = await start(index);
  }
  for (const player of company) player.end();
  await Promise.all(lives);
  const guilds = new Map((await database.query(GUILDS, "test_1")).map((line) => line.split("|") as [string, string]));
  const deeds = company.flatMap(({ deeds }) => deeds);
  problems.push(...problemsOf(deeds, [], guilds), ...company.flatMap(({ surprises }) => surprises));
  const done = deeds.filter(({ outcome }) => outcome === "done").length;
  const gaps = company.reduce((sum, { gaps }) => sum + gaps, 0);
  return { deeds: deeds.length, done, gaps, problems, backMs: backMs.sort((a, b) => a - b) };
}

/** A player who founds a guild and leaves it, again and again. */
class Founder {
  readonly name: string;
  readonly deeds: Deed[] = [];
  /** Answers that cannot be, after what was answered before. */
  readonly surprises: string[] = [];
  gaps = 0;
  port = 0;
  lastDoneMs = 0;
  readonly #doneMs: number[] = [];
  readonly #index: number;
  #client: DrawbridgeClient | undefined;
  #token = "";
  #guild = "";
  /** The last deed had no answer: either may be. */
  #isUnsure = false;
  #isOver = false;

  constructor(index: number) {
    this.#index = index;
    this.name = `founder${index}`;
  }

  /** When something was done first after a moment; undefined: nothing was. */
  firstDoneAfter(atMs: number): number | undefined {
    return this.#doneMs.find((doneMs) => doneMs > atMs);
  }

  async enter(server: ServerProcess, port: number): Promise<void> {
    const { login } = server.ports;
    const client = new DrawbridgeClient({ connect: (signal) => connectTcp({ port: login, signal }) });
    await client.open();
    await client.register(this.name, "secret");
    const { gameServers, sessionToken } = await client.login(this.name, "secret");
    await client.close();
    this.#token = sessionToken;
    this.#client = this.#connected(gameServers, port);
    await this.#client.open();
    await this.#client.enterWorld({ token: this.#token });
  }

  #connected(servers: readonly ServerInfo[], home: number): DrawbridgeClient {
    const client = new DrawbridgeClient({
      servers,
      requestTimeoutMs: 30_000,
      connect: (signal, server) => {
        this.port = server?.port ?? home;
        return connectTcp({ port: this.port, signal });
      },
    });
    client.on("gap", () => this.gaps++);
    client.on("sessionLost", () => this.surprises.push(`${this.name} lost its session`));
    return client;
  }

  async live(): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      await this.#act(count);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  end(): void {
    this.#isOver = true;
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#client?.close();
  }

  async #act(count: number): Promise<void> {
    const client = this.#client!;
    const kind = this.#guild === "" ? "found" : "leave";
    const guild = kind === "found" ? `${this.name} ${count.toString(36)}` : this.#guild;
    const askedAtMs = Date.now();
    let outcome: Deed["outcome"] = "unknown";
    try {
      const { errorCode, success } = kind === "found"
        ? await client.request(GuildCreateRequestSchema, { name: guild, tag: this.#tagOf(count) })
        : await client.request(GuildLeaveRequestSchema, {});
      const isUnknown = errorCode === ErrorCode.UNAVAILABLE || errorCode === ErrorCode.TIMEOUT;
      outcome = success ? "done" : isUnknown ? "unknown" : "refused";
      // What was asked once and is answered must fit what was answered before.
      if (outcome === "refused" && !this.#isUnsure) {
        this.surprises.push(`${this.name} was refused to ${kind} ${guild}: ${ErrorCode[errorCode]}`);
      }
      // Who cannot found has a guild already, who cannot leave has none.
      if (outcome === "done") this.#guild = kind === "found" ? guild : "";
      else if (outcome === "refused") this.#guild = kind === "found" ? "some" : "";
    } catch {
      // No answer in time.
    }
    this.#isUnsure = outcome === "unknown" || outcome === "refused";
    this.deeds.push({ player: this.name, serverId: 0, kind, guild, askedAtMs, answeredAtMs: Date.now(), outcome });
    if (outcome !== "done") return;
    this.lastDoneMs = performance.now();
    this.#doneMs.push(this.lastDoneMs);
  }

  /** No two players share one. */
  #tagOf(count: number): string {
    const code = (this.#index * 1_679 + count % 1_679).toString(36).toUpperCase();
    return code.padStart(4, "0");
  }
}
