/** The game servers that a player may choose from, as LOGIN_RESPONSE lists them. @module */

import { create } from "@bufbuild/protobuf";
import type { Bus } from "../bus/bus.ts";
import { DIRECTORY, type NodeAddress, type NodeEntry, type NodeLoad, NODES } from "../cluster/directory_store.ts";
import { GAME_SERVERS_LISTED_MAX, PLAYER_UNDER_WAY_MS } from "../../shared/limits.ts";
import type { ServerConfig } from "../config/config.ts";
import { type ServerInfo, ServerInfoSchema } from "../../shared/gen/auth_pb.ts";
import type { LogicContext, NodePorts } from "./context.ts";
import type { Session } from "./session.ts";

/** This node alone, by addresses that the client can reach. */
export function ownServer({ config, ports, sessions }: LogicContext, session: Session): ServerInfo {
  const host = config.publicHost !== "" ? config.publicHost : session.link?.info.localAddress ?? "127.0.0.1";
  const load = { currentPlayers: sessions.inWorld.size, maxPlayers: playersMaxOf(config), isDraining: false };
  return serverInfoOf({ ...addressOf(config, ports, host), serverId: config.serverId, ...load });
}

/** The server of the list whose world a session's connection can enter; 0: none. */
export function enteredBy({ config }: LogicContext, session: Session): number {
  return session.link?.info.port === "login" ? 0 : config.serverId;
}

/** The nodes that take players, for logins at this one. */
export class ServerList {
  readonly #context: LogicContext;
  /** By server id. */
  #underWay: Map<number, UnderWay> = new Map();

  constructor(context: LogicContext) {
    this.#context = context;
  }

  /**
   * The nodes for one login, the least loaded first, `GAME_SERVERS_LISTED_MAX` at most. Of equal ones the session's own
   * comes first. A node tells its load from time to time, and all who log in meanwhile would go to the same: so those who
   * were sent to a node count as its players until it tells of them. Rejects as the storage does.
   *
   * Before all comes the node where the player still is, whose load it is already: there the entity is taken up at once,
   * where another node would have to wait for it, until the end of a fight if need be.
   */
  async read(session: Session, playerId: number): Promise<ServerInfo[]> {
    const { bus, clock, storage } = this.#context;
    const stores = storage.for(session.entrant);
    const [registered, owner] = await Promise.all([
      stores.of(NODES).list(null),
      stores.of(DIRECTORY).ownerOf(playerId),
    ]);
    const nodes = registered.flatMap((node) => asHeard(bus, node));
    const here = enteredBy(this.#context, session);
    const nowMs = clock.monotonicMs();
    const before = this.#underWay;
    this.#underWay = new Map(nodes.map(({ serverId }) => [serverId, before.get(serverId) ?? new UnderWay()]));
    const isThere = ({ incarnation }: NodeEntry) => incarnation === owner?.incarnation;
    const listed = nodes.filter(({ isDraining }) => !isDraining)
      .map((node) => ({ node, load: this.#underWay.get(node.serverId)!.playersOf(node, nowMs) / node.maxPlayers }))
      .map((each) => isThere(each.node) ? { ...each, load: -1 } : each)
      .sort((a, b) => a.load - b.load || Number(b.node.serverId === here) - Number(a.node.serverId === here))
      .slice(0, GAME_SERVERS_LISTED_MAX)
      .map(({ node }) => node);
    if (listed.length > 0 && !isThere(listed[0])) this.#underWay.get(listed[0].serverId)!.send(nowMs);
    return listed.map(serverInfoOf);
  }
}

/** A node as it says it is; nobody is sent to one that should be heard and says nothing. */
function asHeard(bus: Bus, node: NodeEntry): readonly NodeEntry[] {
  const load = bus.loadOf(node.incarnation);
  return load === "silent" ? [] : [{ ...node, ...load }];
}

/** The players sent to one node that it has not told of yet. */
class UnderWay {
  /** When each was sent, the first first. */
  #sentMs: number[] = [];
  #told = 0;

  /** How many players a node has or is about to have. Who does not arrive is not waited for. */
  playersOf({ currentPlayers }: Pick<NodeLoad, "currentPlayers">, nowMs: number): number {
    const arrivedCount = Math.max(0, currentPlayers - this.#told);
    this.#told = currentPlayers;
    this.#sentMs = this.#sentMs.slice(arrivedCount).filter((sentMs) => nowMs - sentMs < PLAYER_UNDER_WAY_MS);
    return currentPlayers + this.#sentMs.length;
  }

  /** One more is sent. */
  send(nowMs: number): void {
    this.#sentMs.push(nowMs);
  }
}

/** How clients reach a node at `host`. */
export function addressOf(config: ServerConfig, ports: NodePorts, host: string): NodeAddress {
  const scheme = config.tlsCert !== "" ? "wss" : "ws";
  const named = host.includes(":") ? `[${host}]` : host;
  const gatewayUrl = config.gatewayUrl !== "" ? config.gatewayUrl : `${scheme}://${named}:${ports.gateway}/ws`;
  return { serverName: config.serverName, host, gamePort: ports.game, gatewayUrl };
}

/** Players that a node takes: nobody plays who cannot connect. */
export function playersMaxOf({ maxConnections, maxPlayers }: ServerConfig): number {
  return Math.min(maxPlayers, maxConnections);
}

/** A node as clients are told of it. */
export function serverInfoOf(
  { serverId, serverName, host, gamePort, gatewayUrl, currentPlayers, maxPlayers }:
    & Pick<NodeEntry, "serverId">
    & NodeAddress
    & NodeLoad,
): ServerInfo {
  return create(ServerInfoSchema, {
    ...{ serverId, serverName, ipAddress: host, port: gamePort, gatewayUrl, currentPlayers, maxPlayers },
    loadFactor: Math.min(1, currentPlayers / maxPlayers),
  });
}
