/**
 * What a client can be told, and its defaults.
 *
 * @module
 */

import type { Contract, PacketShapes } from "../shared/contract.ts";
import {
  CLIENT_QUEUE_BYTES_MAX,
  CLIENT_QUEUE_PACKETS_MAX,
  CONNECT_TIMEOUT_MS,
  HEARTBEAT_INTERVAL_MS,
  HEARTBEAT_INTERVAL_MS_MAX,
  RECONNECT_BASE_MS,
  RECONNECT_CAP_MS,
  RECONNECT_STABLE_MS,
  REQUEST_TIMEOUT_MS,
} from "../shared/limits.ts";
import type { ServerInfo } from "../shared/gen/auth_pb.ts";
import type { PacketView } from "../shared/packet_codec.ts";
import type { OutgoingQueueMax } from "./outgoing.ts";
import type { Connect } from "./transport.ts";

/** Timers, so that a test can run them by hand. */
export interface Timers {
  /** Calls `run` once after `delayMs` milliseconds; gives a handle. */
  set(run: () => void, delayMs: number): unknown;
  /** Cancels a timer by its handle. */
  clear(handle: unknown): void;
}

/** How a client comes back after it lost its connection. */
export interface ReconnectOptions {
  /** Ceiling of the first wait, in milliseconds. Default 250. */
  baseMs?: number;
  /** Ceiling that no wait exceeds, in milliseconds. Default 10,000. */
  capMs?: number;
  /**
   * The wait begins at the base again after a connection that lasted this long, in milliseconds, and on another server than
   * before. Default 5,000.
   */
  stableMs?: number;
  /** Attempts in a row before the client gives up. Default: never. */
  attemptsMax?: number;
}

/** What a client of any game can be told. */
export interface GameClientOptions<P extends PacketShapes<P>> extends ClientOptions {
  /** What the game's protos say: `contract` of its generated module. */
  contract: Contract<P>;
}

/** What a client can be told. Only `connect` has no default. */
export interface ClientOptions {
  /** Makes a connection: `() => connectWebSocket(url)` or `() => connectTcp({ hostname, port })`. */
  connect: Connect;
  /**
   * More servers of the same game, such as `gameServers` of a LOGIN_RESPONSE: tried in turn while the one before cannot be
   * reached. Those of the client's own logins take their place. Default: none.
   */
  servers?: readonly ServerInfo[];
  /** Sent with LOGIN_REQUEST. */
  clientVersion?: string;
  /** Sent with LOGIN_REQUEST. */
  deviceId?: string;
  /** How to come back; `false`: not at all. */
  reconnect?: ReconnectOptions | false;
  /** Whether to enter the world anew when the session could not be resumed. Default true. */
  reenter?: boolean;
  /** Bounds of the RELIABLE packets kept while they cannot be sent. Default 256 packets, 262,144 bytes. */
  queueMax?: Partial<OutgoingQueueMax>;
  /** Time between two heartbeats, in milliseconds, at most 15,000. Default 5,000. */
  heartbeatIntervalMs?: number;
  /** Silence after which the server counts as gone, in milliseconds, at least two intervals. Default three. */
  deadAfterMs?: number;
  /** How long one attempt to connect may take, in milliseconds. Default 10,000. */
  connectTimeoutMs?: number;
  /** How long a request waits for its answer unless told otherwise, in milliseconds. Default 10,000. */
  requestTimeoutMs?: number;
  /** Whether payloads above 1,024 bytes are compressed when that makes them smaller. Default true. */
  compress?: boolean;
  /**
   * Takes every packet as it came, replays of applied ones excepted, before anything else looks at it. The payload is
   * `bytes.subarray(view.payloadStart, view.payloadEnd)`; both are valid only during the call.
   */
  onPacket?: (view: PacketView, bytes: Uint8Array) => void;
  /** Takes what handlers throw and what the server got wrong, and where. Default: `console.error`. */
  onError?: (error: unknown, source: string) => void;
  /** The clock: milliseconds since 1970, never backwards. */
  now?: () => number;
  /** Gives a number in `[0, 1)`. */
  random?: () => number;
  /** Timers. */
  timers?: Timers;
}

/** {@linkcode ClientOptions} with every default filled in. */
export type ResolvedClientOptions =
  & Required<Omit<ClientOptions, "reconnect" | "queueMax" | "onPacket">>
  & { reconnect: Required<ReconnectOptions> | null; queueMax: OutgoingQueueMax; onPacket: ClientOptions["onPacket"] };

/** A timer's delay has 31 bits; more of it would fire at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

const SYSTEM_TIMERS: Timers = {
  set: (run, delayMs) => setTimeout(run, delayMs),
  clear: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
};

/** Monotonic and finer than a millisecond, unlike `Date.now`. */
function systemNow(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} when an interval is out of its bounds.
 */
export function resolveClientOptions(options: ClientOptions): ResolvedClientOptions {
  const heartbeatIntervalMs = options.heartbeatIntervalMs ?? HEARTBEAT_INTERVAL_MS;
  const deadAfterMs = options.deadAfterMs ?? 3 * heartbeatIntervalMs;
  if (!(heartbeatIntervalMs > 0 && heartbeatIntervalMs <= HEARTBEAT_INTERVAL_MS_MAX)) {
    throw new RangeError(
      `Cannot send heartbeats every ${heartbeatIntervalMs} ms, allowed are up to ${HEARTBEAT_INTERVAL_MS_MAX} ms`,
    );
  }
  if (!(deadAfterMs >= 2 * heartbeatIntervalMs)) {
    throw new RangeError(
      `Cannot give the server up after ${deadAfterMs} ms, the least is two heartbeats, ${2 * heartbeatIntervalMs} ms`,
    );
  }
  return {
    connect: options.connect,
    servers: options.servers ?? [],
    clientVersion: options.clientVersion ?? "",
    deviceId: options.deviceId ?? "",
    reconnect: options.reconnect === false ? null : {
      baseMs: options.reconnect?.baseMs ?? RECONNECT_BASE_MS,
      capMs: options.reconnect?.capMs ?? RECONNECT_CAP_MS,
      stableMs: options.reconnect?.stableMs ?? RECONNECT_STABLE_MS,
      attemptsMax: options.reconnect?.attemptsMax ?? Infinity,
    },
    reenter: options.reenter ?? true,
    queueMax: {
      packets: options.queueMax?.packets ?? CLIENT_QUEUE_PACKETS_MAX,
      bytes: options.queueMax?.bytes ?? CLIENT_QUEUE_BYTES_MAX,
    },
    heartbeatIntervalMs,
    deadAfterMs,
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    requestTimeoutMs: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    compress: options.compress ?? true,
    onPacket: options.onPacket,
    onError: options.onError ?? ((error, source) => console.error(`drawbridge client, ${source}:`, error)),
    now: options.now ?? systemNow,
    random: options.random ?? Math.random,
    timers: options.timers ?? SYSTEM_TIMERS,
  };
}
