/**
 * Players of {@linkcode PartitionSoak}, in a process of their own, on a host of their own: they go from server to server,
 * found and leave guilds, and write a line for each deed. At the first line on standard input they stop, see that
 * they can play on every server, and log out.
 *
 * Arguments: how many there are, a seed, and `HOST:LOGIN_PORT:GAME_PORT` of each server.
 *
 * @module
 */

import { connectTcp } from "../../client/tcp_transport.ts";
import type { Connect } from "../../client/transport.ts";
import { DrawbridgeClient } from "../../client/browser.ts";
import { GuildCreateRequestSchema, GuildLeaveRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { Prng } from "../../server/world/prng.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { signUp } from "../support/sign_up.ts";
import { inGuildBy } from "./guild_deeds.ts";
import type { Deed } from "./partition_history.ts";

/** What a player writes besides its deeds, once it has tried every server and logged out. */
export interface Farewell {
  readonly player: string;
  /** Ids of servers on which it could not play; empty: all is well. */
  readonly stuckOn: readonly number[];
}

/** How long a player tries to play on a server once nothing is cut any more, in milliseconds. */
const PATIENCE_MS = 40_000;
const PAUSE_MS = 200;

interface Address {
  readonly serverId: number;
  readonly hostname: string;
  readonly loginPort: number;
  readonly gamePort: number;
}

let isOver = false;

class Player {
  readonly #name: string;
  readonly #prng: Prng;
  readonly #servers: readonly Address[];
  #token = "";
  #client: DrawbridgeClient | null = null;
  #server: Address;
  /** One that the player has left behind without a word. */
  #old: { readonly client: DrawbridgeClient; readonly server: Address } | null = null;
  #guild = "";
  #count = 0;

  constructor(index: number, seed: number, servers: readonly Address[]) {
    this.#name = `p${index}x${seed % 10_000}`;
    this.#prng = new Prng(seed + index);
    this.#servers = servers;
    this.#server = servers[index % servers.length];
  }

  async register(): Promise<void> {
    const { hostname, loginPort } = this.#server;
    const connect: Connect = (signal) => connectTcp({ hostname, port: loginPort, signal });
    this.#token = (await signUp(connect, this.#name, "secret")).sessionToken;
  }

  async live(): Promise<void> {
    while (!isOver) {
      if (this.#client === null || this.#prng.nextInt(12) === 0) await this.#move();
      else await this.#act(this.#client, this.#server);
      // Whoever is left behind tries its luck as well.
      if (this.#old !== null && this.#prng.nextInt(3) === 0) await this.#act(this.#old.client, this.#old.server);
      await pause(PAUSE_MS * this.#prng.nextFloat());
    }
  }

  /** Plays on every server, one after the other, and logs out. */
  async leave(): Promise<void> {
    const stuckOn: number[] = [];
    const tryOn = async (server: Address, play: (client: DrawbridgeClient) => Promise<boolean>) => {
      const untilMs = performance.now() + PATIENCE_MS;
      while (performance.now() < untilMs) {
        if (this.#client === null || this.#server !== server) await this.#enter(server);
        if (this.#client !== null && await play(this.#client)) return;
        await pause(PAUSE_MS);
      }
      stuckOn.push(server.serverId);
    };
    for (const server of this.#servers) {
      await this.#client?.close().catch(() => {});
      this.#client = null;
      await tryOn(server, async (client) => await this.#act(client, server) !== "unknown");
    }
    // Whose logout is not answered would stay for as long as a session waits for its player.
    await tryOn(this.#server, async (client) => {
      const hasLeft = await client.logout().then(({ success }) => success, () => false);
      await client.close().catch(() => {});
      this.#client = null;
      return hasLeft;
    });
    await this.#old?.client.close().catch(() => {});
    write({ player: this.#name, stuckOn } satisfies Farewell);
  }

  async #move(): Promise<void> {
    const server = this.#servers[this.#prng.nextInt(this.#servers.length)];
    if (this.#client !== null && this.#prng.nextInt(2) === 0) {
      await this.#old?.client.close().catch(() => {});
      this.#old = { client: this.#client, server: this.#server };
      this.#client = null;
    }
    await this.#enter(server);
  }

  async #enter(server: Address): Promise<void> {
    await this.#client?.close().catch(() => {});
    this.#client = null;
    const { gamePort, hostname } = server;
    const client = new DrawbridgeClient({
      connect: (signal) => connectTcp({ hostname, port: gamePort, signal }),
      connectTimeoutMs: 2_000,
      requestTimeoutMs: 6_000,
      reconnect: false,
    });
    try {
      await client.open();
      if ((await client.enterWorld({ token: this.#token })).success) {
        this.#client = client;
        this.#server = server;
        return;
      }
    } catch {
      // It may be cut off.
    }
    await client.close().catch(() => {});
  }

  /** Founds a guild, or leaves the one there is; gives what came of it. */
  async #act(client: DrawbridgeClient, { serverId }: Address): Promise<Deed["outcome"]> {
    const kind = this.#guild === "" ? "found" : "leave";
    const code = `${this.#name}${(this.#count++).toString(36)}`;
    const guild = kind === "found" ? code : this.#guild;
    const askedAtMs = Date.now();
    let outcome: Deed["outcome"] = "unknown", isInGuild: boolean | undefined;
    try {
      const { errorCode, success } = kind === "found"
        ? await client.request(GuildCreateRequestSchema, { name: guild, tag: tagOf(code) })
        : await client.request(GuildLeaveRequestSchema, {});
      const isUnknown = errorCode === ErrorCode.UNAVAILABLE || errorCode === ErrorCode.INTERNAL ||
        errorCode === ErrorCode.TIMEOUT;
      outcome = success ? "done" : isUnknown ? "unknown" : "refused";
      isInGuild = inGuildBy(errorCode);
      // It is not what it believed to be.
      if (success || isInGuild === true) this.#guild = kind === "found" ? guild : "";
      else if (isInGuild === false) this.#guild = "";
    } catch {
      if (client === this.#client) this.#client = null;
      else if (client === this.#old?.client) this.#old = null;
      await client.close().catch(() => {});
    }
    const answeredAtMs = Date.now();
    write({ player: this.#name, serverId, kind, guild, askedAtMs, answeredAtMs, outcome, isInGuild } satisfies Deed);
    return outcome;
  }
}

/** Five letters that few share. */
function tagOf(code: string): string {
  let hash = 7;
  for (const letter of code) hash = (hash * 31 + letter.charCodeAt(0)) % 36 ** 5;
  return hash.toString(36).padStart(5, "0").toUpperCase();
}

function write(line: Deed | Farewell): void {
  console.log(JSON.stringify(line));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const [count, seed, ...addresses] = Deno.args;
const servers = addresses.map((address, index) => {
  const [hostname, loginPort, gamePort] = address.split(":");
  return { serverId: index + 1, hostname, loginPort: Number(loginPort), gamePort: Number(gamePort) };
});
const players = Array.from({ length: Number(count) }, (_, index) => new Player(index, Number(seed), servers));
for (const player of players) await player.register();
console.log("{}");
const lives = players.map((player) => player.live());
await Deno.stdin.read(new Uint8Array(16));
isOver = true;
await Promise.all(lives);
await Promise.all(players.map((player) => player.leave()));
Deno.exit(0);
