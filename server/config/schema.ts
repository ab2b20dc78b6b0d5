/**
 * The configuration of a server and the one table of its options: parsing, `--help`, the documentation's table and
 * every error come from it.
 *
 * @module
 */

import { parseNatsUrl } from "../bus/nats_target.ts";
import { isPostgresUrl, parsePostgresUrl } from "../storage/postgres_target.ts";
import {
  CONNECTIONS_MAX,
  DRAIN_SECONDS,
  IO_WORKERS_MAX,
  LINK_DEAD_MS,
  LOGIN_QUEUE_MAX,
  MAP_SIZE_MAX,
  RESERVED_NAMES_MAX,
  SEND_QUEUE_HARD_BYTES,
  SEND_QUEUE_HARD_BYTES_MIN,
  SEND_QUEUE_SOFT_BYTES,
  SERVER_NAME_LENGTH_MAX,
  SESSION_TOKEN_LIFETIME_MS,
  SNAPSHOT_BYTES_CONFIG_MAX,
  SNAPSHOT_BYTES_CONFIG_MIN,
  SNAPSHOT_BYTES_MAX,
  SPEED_MAX,
  WORLD_PLAYERS_MAX,
} from "../../shared/limits.ts";
import {
  addressRanges,
  choice,
  decimal,
  host,
  integer,
  type Kind,
  onOff,
  origins,
  path,
  text,
  url,
  words,
} from "./kinds.ts";
import type { NameRule } from "../names/public_name.ts";

/** Everything an operator can set. Plain values only: it is posted to every worker. */
export interface ServerConfig {
  readonly host: string;
  readonly loginPort: number;
  readonly gamePort: number;
  readonly gatewayPort: number;
  readonly ioBackend: "deno" | "epoll";
  readonly ioWorkers: number;
  readonly acceptBacklog: number;
  readonly tcpNoDelay: boolean;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly allowedOrigins: readonly string[];
  readonly proxyProtocolFrom: readonly string[];
  readonly trustedProxies: readonly string[];

  readonly maxConnections: number;
  readonly maxPlayers: number;
  readonly loginQueue: number;
  readonly loginMaxConnections: number;
  readonly gatewayMaxConnections: number;
  readonly sendQueueSoftBytes: number;
  readonly sendQueueHardBytes: number;
  readonly linkDeadMs: number;
  readonly drainTimeout: number;
  readonly floodControl: boolean;
  readonly addressMaxConnections: number;
  readonly addressConnectsPerSecond: number;
  readonly addressTokensPerSecond: number;
  readonly addressRegistrationsPerHour: number;
  readonly trustedAddresses: readonly string[];

  readonly role: "all" | "login" | "game";
  readonly serverId: number;
  readonly serverName: string;
  readonly publicHost: string;
  readonly gatewayUrl: string;

  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly databaseCa: string;
  readonly dependencyWait: number;
  readonly natsUrl: string;
  readonly natsCa: string;

  readonly duplicateLogin: "replace" | "reject";
  readonly sessionTokenHours: number;
  readonly clientVersionMin: string;
  readonly names: NameRule;
  readonly reservedNames: readonly string[];

  readonly game: string;
  readonly tickMs: number;
  readonly mapSize: number;
  readonly interestRadius: number;
  readonly snapshotBytes: number;
  readonly maxSpeed: number;

  readonly adminHost: string;
  readonly adminPort: number;
  readonly adminToken: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly logFormat: "auto" | "pretty" | "json";
  readonly logLogins: boolean;
  readonly debugPackets: boolean;
  readonly diagnostics: boolean;
  readonly supervise: boolean;
  readonly dev: "off" | "on" | "inspect";

  /** Values of the game's own options, by key. */
  readonly gameOptions: Readonly<Record<string, unknown>>;
}

/** The key of one of the server's own options. */
export type OptionKey = Exclude<keyof ServerConfig, "gameOptions">;

/** An option of a game: a flag, an environment variable and a key of the file, as the server's own have. */
export type GameOption<T = unknown> = Pick<Option<T>, "kind" | "help" | "alsoCalled"> & { readonly default: T };

/** The machine the server runs on, as far as defaults and checks depend on it. */
export interface Platform {
  readonly os: string;
  /** Processor cores, 1 or more. */
  readonly cores: number;
}

/** A heading of `--help` and of the documentation. */
export type OptionGroup = "Listening" | "Limits" | "Identity" | "Storage" | "Accounts" | "World" | "Operation";

/** One option. */
export interface Option<T> {
  readonly group: OptionGroup;
  readonly kind: Kind<T>;
  /** The default, or how it follows from the machine and the other options. */
  readonly default: T | ((platform: Platform, given: Partial<ServerConfig>) => T);
  /** The default in words, where {@linkcode default} is worked out. */
  readonly defaultText?: string;
  readonly help: string;
  /** Other names people try, only used to suggest this one. */
  readonly alsoCalled?: readonly string[];
  /** `hidden`: never shown. `url`: not shown where it was refused, as a URL of another kind may hold a password. */
  readonly secret?: "hidden" | "url";
}

/** The table: a row for each key of {@linkcode ServerConfig}. */
export type OptionTable = { readonly [Key in OptionKey]: Option<ServerConfig[Key]> };

/** What players call those in charge. */
const RESERVED_NAMES: readonly string[] = [
  ...["admin", "administrator", "drawbridge", "gamemaster", "gm", "mod", "moderator", "official", "root", "server"],
  ...["staff", "support", "system"],
];

const port: Kind<number> = integer({ min: 0, max: 65_535, placeholder: "PORT" });
const MAX_CONNECTIONS = 5_000;
const connections: Kind<number> = integer({ min: 1, max: CONNECTIONS_MAX });

/** Every option of the server. */
export const OPTIONS: OptionTable = {
  host: {
    group: "Listening",
    kind: host(),
    default: "0.0.0.0",
    help: "Address that the login, game and gateway ports listen on",
    alsoCalled: ["address", "bind", "listen"],
  },
  loginPort: { group: "Listening", kind: port, default: 8080, help: "Login server; 0 takes a free port" },
  gamePort: {
    group: "Listening",
    kind: port,
    default: 8081,
    help: "Game server; 0 takes a free port",
    alsoCalled: ["port"],
  },
  gatewayPort: {
    group: "Listening",
    kind: port,
    default: 8082,
    help: "Web page and WebSocket gateway; 0 takes a free port",
    alsoCalled: ["http-port", "web-port", "websocket-port"],
  },
  ioBackend: {
    group: "Listening",
    kind: choice(["deno", "epoll"]),
    default: "deno",
    help: "How sockets are handled: by Deno's own network calls, or by epoll through FFI (Linux, without TLS)",
  },
  ioWorkers: {
    group: "Listening",
    kind: integer({ min: 1, max: IO_WORKERS_MAX }),
    default: (platform) => platform.os === "linux" ? Math.min(platform.cores, IO_WORKERS_MAX) : 1,
    defaultText: "number of cores; 1 where ports cannot be shared",
    help: "Number of threads that handle sockets",
    alsoCalled: ["worker-threads", "io-context-pool-size", "threads", "workers"],
  },
  acceptBacklog: {
    group: "Listening",
    kind: integer({ min: 1, max: 65_535 }),
    // A shorter queue overflows when thousands come back at once, and each one left out waits a second for its next
    // try. Linux cuts it down to net.core.somaxconn.
    default: 1_024,
    help: "How many connections per listener may wait in the kernel to be accepted",
    alsoCalled: ["backlog"],
  },
  tcpNoDelay: {
    group: "Listening",
    kind: onOff(),
    default: true,
    help: "TCP_NODELAY: send small packets at once instead of waiting up to 44 ms for more",
    alsoCalled: ["no-delay", "nodelay"],
  },
  tlsCert: {
    group: "Listening",
    kind: path("FILE", "optional"),
    default: "",
    defaultText: "none",
    help: "Certificate chain in PEM; with it, login, game and gateway accept only TLS",
  },
  tlsKey: {
    group: "Listening",
    kind: path("FILE", "optional"),
    default: "",
    defaultText: "none",
    help: "Private key of the certificate, in PEM",
  },
  allowedOrigins: {
    group: "Listening",
    kind: origins(),
    default: [],
    defaultText: "same host",
    help:
      "Origins of web pages that may open the gateway's WebSocket, separated by commas; this server's page may also connect to them",
    alsoCalled: ["origins", "cors"],
  },
  proxyProtocolFrom: {
    group: "Listening",
    kind: addressRanges(),
    default: [],
    defaultText: "none",
    help:
      "Addresses of proxies that begin every connection with a PROXY protocol header, v1 or v2, separated by commas",
    alsoCalled: ["proxy-protocol", "send-proxy"],
  },
  trustedProxies: {
    group: "Listening",
    kind: addressRanges(),
    default: [],
    defaultText: "none",
    help:
      "Addresses of HTTP proxies in front of the gateway whose X-Forwarded-For or Forwarded is trusted, separated by commas",
    alsoCalled: ["forwarded-allow-ips", "real-ip-from", "set-real-ip-from", "trust-proxy", "x-forwarded-for"],
  },

  maxConnections: {
    group: "Limits",
    kind: connections,
    default: MAX_CONNECTIONS,
    help: "Highest number of connections to the game port; more are refused with SERVER_FULL",
    alsoCalled: ["game-max-connections"],
  },
  maxPlayers: {
    group: "Limits",
    kind: integer({ min: 1, max: WORLD_PLAYERS_MAX, placeholder: "COUNT" }),
    default: (_platform, given) => {
      const game = given.maxConnections ?? MAX_CONNECTIONS;
      return Math.min(WORLD_PLAYERS_MAX, Math.ceil((game + (given.gatewayMaxConnections ?? game)) * 1.25));
    },
    defaultText: "as many as the connections allow, and a quarter more for link-dead players",
    help: "Highest number of players in the world, link-dead ones included; more wait in the login queue",
    alsoCalled: ["players-max", "max-users"],
  },
  loginQueue: {
    group: "Limits",
    kind: integer({ min: 0, max: LOGIN_QUEUE_MAX, placeholder: "COUNT" }),
    default: 1_000,
    help: "Highest number of players who wait for room in a full world; more are refused with SERVER_FULL",
    alsoCalled: ["login-queue-max", "queue-size"],
  },
  loginMaxConnections: {
    group: "Limits",
    kind: connections,
    default: 1_000,
    help: "Highest number of connections to the login port",
  },
  gatewayMaxConnections: {
    group: "Limits",
    kind: connections,
    default: (_platform, given) => given.maxConnections ?? MAX_CONNECTIONS,
    defaultText: "as --max-connections",
    help: "Highest number of connections to the gateway port",
  },
  sendQueueSoftBytes: {
    group: "Limits",
    kind: integer({ min: 4_096, max: 67_108_864, placeholder: "BYTES" }),
    default: SEND_QUEUE_SOFT_BYTES,
    help: "Unsent bytes above which a connection gets no snapshots and no droppable packets",
  },
  sendQueueHardBytes: {
    group: "Limits",
    kind: integer({ min: SEND_QUEUE_HARD_BYTES_MIN, max: 67_108_864, placeholder: "BYTES" }),
    default: SEND_QUEUE_HARD_BYTES,
    help: "Unsent bytes above which a connection is closed as SLOW_READER",
  },
  linkDeadMs: {
    group: "Limits",
    kind: integer({ min: 0, max: 3_600_000, placeholder: "MS" }),
    default: LINK_DEAD_MS,
    help: "How long a player stays in the world, and may resume, after the connection is lost",
  },
  drainTimeout: {
    group: "Limits",
    kind: integer({ min: 0, max: 3_600, placeholder: "SECONDS" }),
    default: DRAIN_SECONDS,
    help: "How long instances in progress, such as matches, may continue when the server stops",
    alsoCalled: ["drain", "grace-period", "stop-timeout"],
  },
  floodControl: {
    group: "Limits",
    kind: onOff(),
    default: true,
    help:
      "Rate limits, limits and bans of addresses, delays after failed logins, limits on chat; switch off only for load tests on a trusted network",
  },
  addressMaxConnections: {
    group: "Limits",
    kind: connections,
    default: 500,
    help:
      "Highest number of connections from one address, over all ports; many players may share an address behind a router",
    alsoCalled: ["max-connections-per-address", "max-connections-per-ip"],
  },
  addressConnectsPerSecond: {
    group: "Limits",
    kind: integer({ min: 1, max: 100_000 }),
    default: 100,
    help: "New connections per second from one address; five times as many in a burst",
  },
  addressTokensPerSecond: {
    group: "Limits",
    kind: integer({ min: 100, max: 10_000_000 }),
    default: 5_000,
    help: "Packet tokens per second for one address, over all its connections",
  },
  addressRegistrationsPerHour: {
    group: "Limits",
    kind: integer({ min: 1, max: 1_000_000 }),
    default: 100,
    help: "How many accounts one address may register in an hour",
  },
  trustedAddresses: {
    group: "Limits",
    kind: addressRanges(),
    default: ["127.0.0.0/8", "::1"],
    defaultText: "127.0.0.0/8,::1",
    help: "Addresses without address limits, which are never banned, separated by commas",
    alsoCalled: ["allow-list", "exempt-addresses"],
  },

  role: {
    group: "Identity",
    kind: choice(["all", "login", "game"]),
    default: "all",
    help: "What this process serves: everything, or only logins or the game, as one of several servers on PostgreSQL",
  },
  serverId: {
    group: "Identity",
    kind: integer({ min: 1, max: 65_535 }),
    default: 1,
    help: "Number of this server in the server list",
  },
  serverName: {
    group: "Identity",
    kind: text(
      `1 to ${SERVER_NAME_LENGTH_MAX} characters without control characters`,
      "NAME",
      (value) =>
        value.length >= 1 && value.length <= SERVER_NAME_LENGTH_MAX && !/\p{Cc}/u.test(value) ? value : undefined,
    ),
    default: "Dragon Server",
    help: "Name of this server in the server list",
  },
  publicHost: {
    group: "Identity",
    kind: host("optional"),
    default: "",
    defaultText: "the address a client connected to",
    help: "Address of the game server that clients get in the server list",
    alsoCalled: ["public-address", "external-host"],
  },
  gatewayUrl: {
    group: "Identity",
    kind: url(["ws", "wss", "http", "https"]),
    default: "",
    defaultText: "worked out from host and port",
    help: "URL of the gateway that clients get in the server list",
  },

  dataDir: {
    group: "Storage",
    kind: path("DIR"),
    default: "./data",
    help: "Folder for the database and the keys; created if missing",
  },
  databaseUrl: {
    group: "Storage",
    kind: text(
      "sqlite:FILE, such as sqlite:drawbridge.db, or postgres://USER:PASSWORD@HOST/DATABASE, where sslmode may be " +
        "disable, prefer, require or verify-full",
      "URL",
      (value) => isDatabaseUrl(value) ? value : undefined,
    ),
    default: "sqlite:drawbridge.db",
    help:
      "Where accounts and everything that players own are stored: a SQLite file, relative to the data folder, or PostgreSQL",
    alsoCalled: ["database", "db-url"],
    secret: "url",
  },
  databaseCa: {
    group: "Storage",
    kind: path("FILE", "optional"),
    default: "",
    defaultText: "those the system trusts",
    help: "Certificates (PEM) that vouch for a PostgreSQL server at sslmode=verify-full",
    alsoCalled: ["sslrootcert", "database-tls-ca"],
  },
  dependencyWait: {
    group: "Storage",
    kind: integer({ min: 0, max: 3_600, placeholder: "SECONDS" }),
    default: 0,
    help: "How long to wait at start for a database server or a NATS server that does not answer",
  },
  natsUrl: {
    group: "Storage",
    kind: text(
      "nats://USER:PASSWORD@HOST:PORT, or tls:// in place of nats://",
      "URL",
      (value) => value === "" || parseNatsUrl(value) !== undefined ? value : undefined,
    ),
    default: "",
    defaultText: "none",
    help: "NATS server that carries what players say to players on other servers; needs PostgreSQL",
    alsoCalled: ["nats", "bus-url", "message-bus"],
    secret: "url",
  },
  natsCa: {
    group: "Storage",
    kind: path("FILE", "optional"),
    default: "",
    defaultText: "those the system trusts",
    help: "Certificates (PEM) that vouch for a NATS server at tls://",
  },

  duplicateLogin: {
    group: "Accounts",
    kind: choice(["replace", "reject"]),
    default: "replace",
    help: "What a second login of the same player does: replace the first connection, or get rejected",
  },
  sessionTokenHours: {
    group: "Accounts",
    kind: integer({ min: 1, max: 8_760, placeholder: "HOURS" }),
    default: SESSION_TOKEN_LIFETIME_MS / 3_600_000,
    help: "How long a session token is valid after login",
  },
  clientVersionMin: {
    group: "Accounts",
    kind: text(
      "dotted numbers such as 1.4.2, or nothing",
      "VERSION",
      (value) => value === "" || /^\d{1,5}(\.\d{1,5}){0,3}$/.test(value) ? value : undefined,
    ),
    default: "",
    defaultText: "any",
    help: "Oldest client version that may log in, enter or resume; older ones get VERSION_MISMATCH",
    alsoCalled: ["min-client-version", "client-version"],
  },

  names: {
    group: "Accounts",
    kind: choice(["unicode", "ascii"]),
    default: "unicode",
    help: "Letters allowed in names that players choose: any one script, or ASCII only",
    alsoCalled: ["name-rule", "charset"],
  },
  reservedNames: {
    group: "Accounts",
    kind: words("words, separated by commas", "WORDS", RESERVED_NAMES_MAX),
    default: RESERVED_NAMES,
    defaultText: RESERVED_NAMES.join(", "),
    help: "Words that names chosen by players may not contain or imitate",
    alsoCalled: ["forbidden-names", "blocked-names"],
  },

  game: {
    group: "World",
    kind: path("FILE", "optional"),
    default: "",
    defaultText: "games/marsh/game.ts, which comes with the server",
    help: "The game to play: a module whose default export comes from defineGame",
    alsoCalled: ["game-module", "game-file", "module"],
  },
  tickMs: {
    group: "World",
    kind: integer({ min: 10, max: 1_000, placeholder: "MS" }),
    default: 50,
    help: "Length of one step of the world",
    alsoCalled: ["tick-interval-ms", "tick"],
  },
  mapSize: {
    group: "World",
    kind: decimal({ min: 10, max: MAP_SIZE_MAX, placeholder: "UNITS" }),
    default: 1_000,
    help: "Length of each side of the first map",
    alsoCalled: ["map-width", "map-height"],
  },
  interestRadius: {
    group: "World",
    kind: decimal({ min: 1, max: MAP_SIZE_MAX, placeholder: "UNITS" }),
    default: 50,
    help: "How far a player sees",
  },
  snapshotBytes: {
    group: "World",
    kind: integer({ min: SNAPSHOT_BYTES_CONFIG_MIN, max: SNAPSHOT_BYTES_CONFIG_MAX, placeholder: "BYTES" }),
    default: SNAPSHOT_BYTES_MAX,
    help: "Most bytes that a player is sent in one tick; the rest follows in the next",
  },
  maxSpeed: {
    group: "World",
    kind: decimal({ min: 0.1, max: SPEED_MAX, placeholder: "UNITS" }),
    default: 10,
    help: "Highest speed of a player, in units per second",
  },

  adminHost: {
    group: "Operation",
    kind: host(),
    default: "127.0.0.1",
    help: "Address that the admin site listens on; any but loopback needs a token",
  },
  adminPort: { group: "Operation", kind: port, default: 9090, help: "Port of the admin site; 0 takes a free port" },
  adminToken: {
    group: "Operation",
    kind: text(
      "visible ASCII characters without spaces, at most 256",
      "TOKEN",
      (value) => /^[\x21-\x7e]{0,256}$/.test(value) ? value : undefined,
    ),
    default: "",
    defaultText: "none",
    help:
      "Token that the admin site asks for; set it in the environment, because every user of the machine can see flags",
    secret: "hidden",
  },
  logLevel: {
    group: "Operation",
    kind: choice(["debug", "info", "warn", "error"]),
    default: "info",
    help: "Lowest level that is logged",
  },
  logFormat: {
    group: "Operation",
    kind: choice(["auto", "pretty", "json"]),
    default: "auto",
    defaultText: "auto: pretty on a terminal, else json",
    help: "Format of log lines",
  },
  debugPackets: {
    group: "Operation",
    kind: onOff(),
    default: false,
    help: "Log packets with the start of their payload, without secrets, at level info",
    alsoCalled: ["packet-logger", "log-packets"],
  },
  logLogins: {
    group: "Operation",
    kind: onOff(),
    default: false,
    help:
      "Log each login with player and address at level info; players entering and leaving are logged at level debug",
    alsoCalled: ["login-log", "access-log"],
  },
  diagnostics: {
    group: "Operation",
    kind: onOff(),
    default: false,
    help: "Answer ECHO_REQUEST, and serve /echo on the gateway",
    alsoCalled: ["echo"],
  },
  supervise: {
    group: "Operation",
    kind: onOff(),
    default: false,
    help: "Run the server in a child process and restart it after a fault; use deno task supervise for this",
    alsoCalled: ["restart", "watchdog"],
  },
  dev: {
    group: "Operation",
    kind: choice(["off", "on", "inspect"]),
    default: "off",
    help: "Reload the game and its page on command; use deno task dev for this. With inspect, a thread may stand still",
  },
};

/** The keys of {@linkcode OPTIONS} in the order of the table. */
export const OPTION_KEYS: readonly OptionKey[] = Object.keys(OPTIONS) as OptionKey[];

/** The flag of an option: `loginPort` is `--login-port`. */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The environment variable of an option: `loginPort` is `DRAWBRIDGE_LOGIN_PORT`. */
export function environmentVariableOf(key: string): string {
  return `${ENVIRONMENT_PREFIX}${flagOf(key).slice(2).replaceAll("-", "_").toUpperCase()}`;
}

/** What the names of all our environment variables start with. */
export const ENVIRONMENT_PREFIX = "DRAWBRIDGE_";
/** The key, and so the flag and variable, that names the configuration file. */
export const CONFIG_FILE_KEY = "config";

/** An address of PostgreSQL, or a file's path as it is: no URL's host, query or fragment, and nothing that SQLite would read as a URI. */
function isDatabaseUrl(value: string): boolean {
  if (isPostgresUrl(value)) return parsePostgresUrl(value) !== undefined;
  const [, path] = /^sqlite:([^]*)$/.exec(value) ?? [];
  if (path === undefined) return false;
  if (path === ":memory:") return true;
  return path.trim() === path && !/^$|^\/\/|^file:|^:|[?#\p{Cc}]|(^|\/)\.{0,2}$/u.test(path);
}
