/**
 * Where one player connects next, and when: the rules of the client package's link, for thousands of players on one
 * thread's clock.
 *
 * @module
 */

import { Backoff } from "../../client/backoff.ts";
import { ServerRoute } from "../../client/server_route.ts";
import type { LoginResponse, ServerInfo } from "../../shared/gen/auth_pb.ts";
import {
  CLIENT_FOLLOW_PAUSE_MS,
  CLIENT_FOLLOWED_MAX,
  CLIENT_FOLLOWED_SLOWLY_MAX,
  RECONNECT_BASE_MS,
  RECONNECT_CAP_MS,
  RECONNECT_STABLE_MS,
  RETRY_AFTER_MS_MAX,
} from "../../shared/limits.ts";

/** The way of one player from server to server. Waits are in milliseconds. */
export class PlayerWay {
  /** The servers to enter, the best first. */
  readonly route = new ServerRoute<true>();
  /** Where connections are made to; undefined: to where the player logged in. */
  server: ServerInfo | undefined;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  /** Where they may be made to, one after the other. */
  #ways: readonly (ServerInfo | undefined)[] = [undefined];
  /** The server at which the player logged in, where one can play there; 0: none. */
  #hereId = 0;
  #names: ReadonlyMap<number, string> = new Map();
  #unreachedCount = 0;
  #followedCount = 0;
  /** How long the newest connection lasted. */
  #lastedMs = 0;

  constructor(random: () => number) {
    this.#random = random;
    this.#backoff = new Backoff({ baseMs: RECONNECT_BASE_MS, capMs: RECONNECT_CAP_MS, random });
  }

  /** The player is about to log in. */
  begin(): void {
    this.server = undefined;
    this.#ways = [undefined];
    this.#unreachedCount = this.#followedCount = 0;
    this.#backoff.reset();
    this.route.clear();
  }

  /** Takes what the login says. */
  learn(response: LoginResponse): void {
    this.#hereId = response.serverId ?? 0;
    this.#names = new Map(response.gameServers.map((server) => [server.serverId, nameOf(server)]));
    const servers = this.route.learn(response, undefined);
    if (servers.length > 0) this.#ways = servers;
    this.route.begin(true);
    this.server = this.route.server;
  }

  /** The id of the server that the way leads to now. */
  get serverId(): number {
    return this.server?.serverId ?? this.#hereId;
  }

  /** Its name, for people. */
  get serverName(): string {
    const { server } = this;
    return this.#names.get(this.serverId) ?? (server === undefined ? "the server of the login" : nameOf(server));
  }

  /** The server did not take the entry; gives whether the next is to be asked, at once. */
  tryNext(): boolean {
    if (!this.route.tryNext()) return false;
    this.server = this.route.server;
    return true;
  }

  /** A connection is made. */
  reached(): void {
    this.#unreachedCount = this.#lastedMs = 0;
  }

  /** A connection ends that lasted for so long: a row of losses ends with one that lasted. */
  lasted(ms: number): void {
    this.#lastedMs = ms;
    if (ms < RECONNECT_STABLE_MS) return;
    this.#backoff.reset();
    this.#followedCount = 0;
  }

  /** The server has named another one. @returns When to go there. */
  follow(server: ServerInfo, delayMs: number): number {
    this.server = server;
    this.#unreachedCount = 0;
    const count = ++this.#followedCount;
    if (count > CLIENT_FOLLOWED_MAX + CLIENT_FOLLOWED_SLOWLY_MAX) return this.lose(delayMs);
    const pauseMs = CLIENT_FOLLOW_PAUSE_MS - this.#lastedMs;
    if (count > CLIENT_FOLLOWED_MAX && pauseMs > 0) return this.waitFor(Math.max(delayMs, pauseMs));
    return Math.min(delayMs, RETRY_AFTER_MS_MAX);
  }

  /** The connection is lost. @returns When to make another. */
  lose(retryAfterMs = 0): number {
    return this.#backoff.next(Math.min(retryAfterMs, RETRY_AFTER_MS_MAX));
  }

  /** The server has said when to come again. @returns When. */
  waitFor(delayMs: number): number {
    if (delayMs > 0) this.#backoff.count();
    return Math.min(delayMs, RETRY_AFTER_MS_MAX) + this.#random() * RECONNECT_BASE_MS;
  }

  /** The server cannot be reached: the next one is tried. @returns When. */
  unreached(): number {
    const id = this.server?.serverId;
    this.server = this.#ways[(this.#ways.findIndex((server) => server?.serverId === id) + 1) % this.#ways.length];
    return ++this.#unreachedCount % this.#ways.length === 0 ? this.lose() : this.waitFor(0);
  }
}

function nameOf({ serverId, serverName }: ServerInfo): string {
  return `${serverName} (${serverId})`;
}
