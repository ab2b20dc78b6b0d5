/** The game servers that a player may choose from, as LOGIN_RESPONSE lists them. @module */

import { create } from "@bufbuild/protobuf";
import type { Bus } from "../bus/bus.ts";
import { DIRECTORY, type NodeAddress, type NodeEntry, type NodeLoad } from "../cluster/directory_store.ts";
import type { ServerConfig } from "../config/config.ts";
import { type ServerInfo, ServerInfoSchema } from "../../shared/gen/auth_pb.ts";
import type { LogicContext, NodePorts } from "./context.ts";
import type { Session } from "./session.ts";

/** This node alone, by addresses that the client can reach. */
export function ownServer({ config, ports, sessions }: LogicContext, session: Session): ServerInfo {
  const host = config.publicHost !== "" ? config.publicHost : session.link?.info.localAddress ?? "127.0.0.1";
  const load = { currentPlayers: sessions.inWorld.size, maxPlayers: playersMaxOf(config), isDraining: false };
  return infoOf({ ...addressOf(config, ports, host), serverId: config.serverId, ...load });
}

/** Every node that takes players, the least loaded first. Rejects as the storage does. */
export async function allServers({ bus, storage }: LogicContext, session: Session): Promise<ServerInfo[]> {
  const nodes = await storage.for(session.entrant).of(DIRECTORY).nodes(null);
  return nodes.flatMap((node) => asHeard(bus, node)).filter(({ isDraining }) => !isDraining).map(infoOf)
    .sort((a, b) => a.loadFactor - b.loadFactor);
}

/** A node as it says it is; nobody is sent to one that should be heard and says nothing. */
function asHeard(bus: Bus, node: NodeEntry): readonly NodeEntry[] {
  const load = bus.loadOf(node.incarnation);
  return load === "silent" ? [] : [{ ...node, ...load }];
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

function infoOf(
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
