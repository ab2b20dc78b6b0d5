/**
 * Who comes in at the ports of one io worker, and as whom: places of ports, limits of addresses, what proxies say.
 *
 * @module
 */

import { HttpError, type HttpHead } from "../../gateway/http.ts";
import { DisconnectReason } from "../../shared/gen/enums.ts";
import {
  HTTP_CONNECTIONS_MAX,
  REFUSED_CONNECTIONS_MAX,
  UNAUTHENTICATED_MS,
  WORK_ACCEPT_US,
} from "../../shared/limits.ts";
import { PORT_GAME, PORT_GATEWAY, PORT_LOGIN, STATE_CONNECTED } from "../../shared/packet_table.ts";
import type { ServerConfig } from "../config/config.ts";
import { origins } from "../config/kinds.ts";
import { Counter } from "../ops/counters.ts";
import type { LimitedLogger } from "../ops/rate_limited_log.ts";
import type { AddressGate } from "./address_gate.ts";
import type { AdmissionCounts } from "./admission.ts";
import type { Socket } from "./backend.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHost, Place, PortInfo } from "./connection_host.ts";
import type { ConnectionTable } from "./connection_table.ts";
import { readForwarded } from "./forwarded_header.ts";
import { GatewayAdapter, type GatewayRequests, type GatewaySite, type Misplacement } from "./gateway_adapter.ts";
import { Newcomers } from "./newcomers.ts";
import { ProxyAdapter, type ProxyHost } from "./proxy_adapter.ts";
import type { ProxyHeader } from "./proxy_header.ts";

/** The three ports, in the order of the shared admission counts. */
export const PORTS: readonly PortInfo[] = [
  { name: "login", bit: PORT_LOGIN },
  { name: "game", bit: PORT_GAME },
  { name: "gateway", bit: PORT_GATEWAY },
];

/** The gateway's place in {@linkcode PORTS}. */
const GATEWAY = 2;
/** When who finds no room may come back, in milliseconds. */
const FULL_RETRY_MS = 5_000;
/** The place of HTTP connections behind them. */
const HTTP = 3;
/** Characters of a host or an origin in the log: names have 253 at most. */
const LOGGED_CHARS_MAX = 270;

/** What may be given to `--allowed-origins`. */
const ORIGINS = origins();

/** What a {@linkcode Doorkeeper} works with. */
export interface DoorkeeperParts {
  readonly config: ServerConfig;
  readonly connections: ConnectionTable;
  readonly admitted: AdmissionCounts;
  readonly addresses: AddressGate;
  readonly log: LimitedLogger;
  readonly host: ConnectionHost;
  /** What the gateway serves. */
  readonly site: GatewaySite;
}

/** Lets connections in. */
export class Doorkeeper implements ProxyHost, GatewayRequests {
  readonly #parts: DoorkeeperParts;
  readonly #admittedMax: readonly number[];
  /** Newcomers that each port turned away as it was full, since {@linkcode makeRoom}. */
  readonly #turnedAway = PORTS.map(() => 0);
  /** Connections that count as these. */
  readonly #counts = { http: 0, refused: 0 };
  /** Who gives way, by port; then those who speak HTTP. */
  readonly #newcomers = [...PORTS, "http"].map(() => new Newcomers());

  constructor(parts: DoorkeeperParts) {
    const { config } = parts;
    this.#parts = parts;
    this.#admittedMax = [config.loginMaxConnections, config.maxConnections, config.gatewayMaxConnections];
  }

  /** Monotonic, in milliseconds; as of this round. */
  get nowMs(): number {
    return this.#parts.host.nowMs;
  }

  /**
   * Takes a new connection.
   *
   * @param portIndex Its place in {@linkcode PORTS}.
   * @returns `null` when it cannot even be told that the server is full.
   */
  accept(portIndex: number, socket: Socket, transport: "tcp" | "tls"): Connection | null {
    const { addresses, connections, host } = this.#parts;
    const isGateway = portIndex === GATEWAY;
    if (!connections.hasRoom) return this.turnAway();
    const address = addresses.active ? socket.remoteAddress : "";
    const isProxied = addresses.isProxy(address);
    const forwards = isGateway && !isProxied && addresses.forwarders.containsText(address);
    // Behind a proxy the address is not known yet.
    const source = isProxied || forwards ? null : addresses.tryAdmit(address, this.nowMs);
    const isRefused = source !== null && source.kind !== "admitted";
    if (isRefused) host.counters.add(Counter.REFUSED_BY_ADDRESS, 1);
    // A banned peer has been told for how long; HTTP has not begun, and a handshake costs more than a word is worth.
    if (isRefused && (isGateway || transport === "tls" || source.kind === "banned")) return null;
    const entry = source?.entry ?? -1;
    const place = isGateway ? "http" : !isRefused && this.#tryAdmit(portIndex, entry) ? "admitted" : "refused";
    const isTooMany = isGateway ? !this.#hasRoomForHttp(entry) : place === "refused" && this.#isRefusingMany;
    if (isTooMany) {
      if (entry >= 0) addresses.release(entry);
      return isRefused ? null : this.turnAway();
    }
    const kind = { port: PORTS[portIndex], transport: isGateway ? "http" as const : transport, place } as const;
    const connection = connections.add((slot, generation) =>
      new Connection(host, socket, { slot, generation, ...kind })
    );
    this.#count(place, 1);
    connection.countFor(entry);
    this.#newcomersOf(connection)?.add(connection);
    if (forwards) connection.setForwarding();
    host.counters.add(connection.gaugeSlot, 1);
    if (isGateway) connection.adapter = new GatewayAdapter(connection, this.#parts.site, this);
    else if (place === "admitted") host.counters.add(Counter.CONNECTIONS_ACCEPTED, 1);
    else if (isRefused) this.#refuseAddress(connection, source.waitMs);
    else this.#refuse(connection);
    if (isProxied && !connection.closing) connection.adapter = new ProxyAdapter(connection, this, !isGateway);
    if (!isProxied) connection.reader.charge(WORK_ACCEPT_US);
    return connection;
  }

  /** A newcomer is let go without a word. */
  turnAway(): null {
    this.#parts.host.counters.add(Counter.CONNECTIONS_REFUSED, 1);
    return null;
  }

  /** A connection is gone: not before, as a socket that lingers holds a descriptor like any other. */
  onGone(connection: Connection): void {
    const { addresses, admitted, connections } = this.#parts;
    if (connection.place === "admitted") admitted.release(PORTS.indexOf(connection.port));
    this.#count(connection.place, -1);
    if (connection.addressEntry >= 0) addresses.release(connection.addressEntry);
    connections.remove(connection);
  }

  /**
   * Where a port has turned newcomers away, who holds a place with nothing but heartbeats, and has not logged in for
   * long, gives way to as many.
   */
  makeRoom(): void {
    for (const [portIndex, count] of this.#turnedAway.entries()) {
      if (count > 0) this.#makeRoomAt(PORTS[portIndex], count);
      this.#turnedAway[portIndex] = 0;
    }
  }

  #makeRoomAt(port: PortInfo, count: number): void {
    const idle = this.#parts.connections.all()
      .filter((connection) =>
        connection.place === "admitted" && !connection.closing && connection.port === port &&
        connection.state === STATE_CONNECTED && this.nowMs - connection.acceptedMs >= UNAUTHENTICATED_MS
      )
      .sort((a, b) => a.acceptedMs - b.acceptedMs);
    for (const connection of idle.slice(0, count)) {
      connection.close(DisconnectReason.IDLE, "Not logged in for too long, and the server is full");
    }
  }

  /** A connection is somebody's from now on, or nobody's any more. */
  onState(connection: Connection): void {
    const newcomers = this.#newcomersOf(connection);
    if (connection.state === STATE_CONNECTED) newcomers?.add(connection);
    else newcomers?.remove(connection);
  }

  /** A connection closes: nobody has to close it to make room. */
  onClosing(connection: Connection): void {
    this.#newcomersOf(connection)?.remove(connection);
  }

  /** Those that give way to others of the same place; `undefined`: it has none. */
  #newcomersOf({ place, port }: Connection): Newcomers | undefined {
    return place === "refused" ? undefined : this.#newcomers[place === "http" ? HTTP : PORTS.indexOf(port)];
  }

  #count(place: Place, change: 1 | -1): void {
    if (place !== "admitted") this.#counts[place] += change;
  }

  get #isRefusingMany(): boolean {
    return this.#counts.refused >= REFUSED_CONNECTIONS_MAX;
  }

  #hasRoomForHttp(entry: number): boolean {
    return this.#counts.http < HTTP_CONNECTIONS_MAX || this.#tryMakeWay(HTTP, entry);
  }

  #tryAdmit(portIndex: number, entry: number): boolean {
    const { admitted } = this.#parts, max = this.#admittedMax[portIndex];
    const isAdmitted = admitted.tryAdmit(portIndex, max) ||
      (this.#tryMakeWay(portIndex, entry) && admitted.tryAdmit(portIndex, max));
    if (!isAdmitted) this.#turnedAway[portIndex]++;
    return isAdmitted;
  }

  /** Closes a connection of the address that has too many, for one more of another. */
  #tryMakeWay(place: number, entry: number): boolean {
    const connection = this.#newcomers[place].findFor(entry);
    if (connection === undefined) return false;
    connection.close(DisconnectReason.SERVER_FULL, "The server is full, and this address has the most", FULL_RETRY_MS);
    // A place that lingers is nobody's.
    connection.flushAndClose();
    return true;
  }

  #refuse(connection: Connection): void {
    this.#parts.host.counters.add(Counter.CONNECTIONS_REFUSED, 1);
    connection.close(DisconnectReason.SERVER_FULL, "The server is full", FULL_RETRY_MS);
  }

  /** The peer's address has too many connections, or opens them too fast. */
  #refuseAddress(connection: Connection, retryAfterMs: number): void {
    connection.close(DisconnectReason.FLOOD, "Too many connections from this address", retryAfterMs);
  }

  // What proxies say

  onProxied(connection: Connection, proxied: ProxyHeader["addresses"]): void {
    const { addresses, host } = this.#parts;
    const isGateway = connection.port === PORTS[GATEWAY];
    connection.adapter = isGateway ? new GatewayAdapter(connection, this.#parts.site, this) : null;
    if (proxied !== null) connection.setProxied(proxied);
    if (isGateway && addresses.forwarders.containsText(connection.remoteAddress)) return connection.setForwarding();
    const source = addresses.tryAdmit(connection.remoteAddress, this.nowMs);
    connection.countFor(source.entry);
    connection.reader.charge(WORK_ACCEPT_US);
    if (source.kind === "admitted") return this.#newcomersOf(connection)?.add(connection);
    host.counters.add(Counter.REFUSED_BY_ADDRESS, 1);
    this.#refuseAddress(connection, source.waitMs);
  }

  beginRequest(connection: Connection, head: HttpHead): void {
    if (!connection.forwards) return;
    const { addresses, host, log } = this.#parts;
    const named = readForwarded(head.headers, addresses.forwarders);
    // A health check may ask for nobody; a WebSocket is somebody's.
    if (named === null && head.path === "/ws") {
      log.warn("A trusted proxy did not name its client", { proxy: connection.remoteAddress });
    }
    const { kind, entry, waitMs } = named === null
      ? addresses.tryAdmitUnnamed(connection.remoteAddress, this.nowMs)
      : addresses.tryAdmit(named, this.nowMs);
    connection.countFor(entry, named);
    if (kind === "admitted") return;
    host.counters.add(Counter.REFUSED_BY_ADDRESS, 1);
    const why = kind === "banned" ? "this address is banned for flooding" : "too many connections from this address";
    throw new HttpError(429, `Cannot accept request: ${why}`, Math.ceil(waitMs / 1_000));
  }

  endRequest(connection: Connection): void {
    if (!connection.forwards) return;
    if (connection.addressEntry >= 0) this.#parts.addresses.release(connection.addressEntry);
    connection.countFor(-1);
  }

  onUpgraded(connection: Connection): void {
    this.#count(connection.place, -1);
    this.#newcomers[HTTP].remove(connection);
    connection.place = this.#tryAdmit(GATEWAY, connection.addressEntry) ? "admitted" : "refused";
    this.#count(connection.place, 1);
    this.#newcomersOf(connection)?.add(connection);
    if (connection.place === "admitted") this.#parts.host.counters.add(Counter.CONNECTIONS_ACCEPTED, 1);
    else this.#refuse(connection);
  }

  onMisplaced(fault: Misplacement, { headers }: HttpHead): void {
    const origin = shorten(headers.get("origin") ?? "");
    const host = shorten(headers.get("host") ?? "");
    const { log } = this.#parts;
    if (fault === "upgrade") log.warn("Cannot accept WebSocket: a proxy removed its Upgrade header", { host });
    else if (fault === "host") {
      log.warn("Cannot accept request: its host is not among the gateway's names", {
        host,
        flag: `--public-host ${host.replace(/:\d+$/, "")}`,
      });
    } else {
      const isOrigin = ORIGINS.parse(origin) !== undefined;
      log.warn("Cannot accept WebSocket: pages of this origin are not allowed", {
        origin,
        host,
        ...(isOrigin ? { flag: `--allowed-origins ${origin}` } : {}),
      });
    }
  }
}

/** Whatever a peer wrote, no longer than a name in the log needs to be. */
function shorten(text: string): string {
  return text.slice(0, LOGGED_CHARS_MAX);
}
