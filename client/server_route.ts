/**
 * Where an entry into the world goes: to the servers that the login listed, one after the other, until one takes it.
 *
 * @module
 */

import type { LoginResponse, ServerInfo } from "../shared/gen/auth_pb.ts";
import { ErrorCode } from "../shared/gen/common_pb.ts";
import { GAME_SERVERS_LISTED_MAX } from "../shared/limits.ts";
import type { OutgoingPacket } from "./outgoing.ts";

/** Refusals to enter that another server may not have. */
const ELSEWHERE_CODES: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.SERVER_FULL,
  ErrorCode.MAINTENANCE,
  ErrorCode.INTERNAL,
  ErrorCode.SHUTTING_DOWN,
  ErrorCode.UNAVAILABLE,
]);

/** Whether the next server is worth asking after this refusal. */
export function mayEnterElsewhere(code: ErrorCode): boolean {
  return ELSEWHERE_CODES.has(code);
}

/** Each server once, and no more of them than a login may list: they are tried one after the other without a pause. */
function listed(servers: readonly ServerInfo[]): ServerInfo[] {
  const byId = new Map<number, ServerInfo>();
  for (const server of servers) {
    if (byId.size >= GAME_SERVERS_LISTED_MAX) break;
    if (!byId.has(server.serverId)) byId.set(server.serverId, server);
  }
  return [...byId.values()];
}

/** The servers of one login, the best first, and the entry that is on its way to them. */
export class ServerRoute<Entry = OutgoingPacket> {
  #servers: (ServerInfo | undefined)[] = [];
  /** The login was at a server where nobody plays, and it knew of none. */
  #isNowhere = false;
  #entry: Entry | null = null;

  /**
   * Takes what a login says.
   *
   * @param here Where its connection is to.
   * @returns The servers, the best first; undefined: where the client was opened to.
   */
  learn({ serverId, gameServers }: LoginResponse, here: ServerInfo | undefined): readonly (ServerInfo | undefined)[] {
    this.#isNowhere = serverId === 0 && gameServers.length === 0;
    this.#servers = serverId === undefined
      ? []
      : listed(gameServers).map((server) => server.serverId === serverId ? here : server);
    return [...this.#servers];
  }

  /** Whether there is no server to enter. */
  get isNowhere(): boolean {
    return this.#isNowhere;
  }

  /** Nothing is known of servers any more. */
  clear(): void {
    this.#isNowhere = false;
    this.#servers = [];
    this.#entry = null;
  }

  /** Whether there are servers to go to. */
  get isKnown(): boolean {
    return this.#servers.length > 0;
  }

  /** Where to enter; undefined: where the client was opened to. */
  get server(): ServerInfo | undefined {
    return this.#servers[0];
  }

  /** Whether there is no other after this one. */
  get isAtLast(): boolean {
    return this.#servers.length === 1;
  }

  /** Whether the next server had room when it was listed. */
  get hasRoomElsewhere(): boolean {
    const next = this.#servers[1];
    return this.#entry !== null && next !== undefined && next.currentPlayers < next.maxPlayers;
  }

  /** The entry on its way; `null`: none is. */
  get entry(): Entry | null {
    return this.#entry;
  }

  /** An entry goes to the first server. */
  begin(entry: Entry): void {
    if (this.isKnown) this.#entry = entry;
  }

  /** The server did not take the entry. @returns Whether there is another. */
  tryNext(): boolean {
    if (this.#entry === null || this.#servers.length < 2) return false;
    this.#servers.shift();
    return true;
  }

  /** The entry is answered, or given up. */
  end(): void {
    this.#entry = null;
  }
}
