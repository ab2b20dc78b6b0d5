/**
 * The command line of the load test.
 *
 * @module
 */

import { choice, decimal, integer, type Kind, text } from "../../server/config/kinds.ts";
import { ConfigError } from "../../shared/errors.ts";
import {
  LOADTEST_CONNECTIONS_MAX,
  LOADTEST_CONNECTIONS_PER_ADDRESS,
  LOADTEST_DELIVERIES_MAX,
  LOADTEST_OUTSTANDING_MAX,
  LOADTEST_RATE_MAX,
  LOADTEST_SECONDS_MAX,
  LOADTEST_THREADS_MAX,
} from "../limits.ts";
import { ClientLibc } from "./client_libc.ts";
import { ECHO_FRAME_BYTES_MIN } from "./echo_scenario.ts";
import { ENGINE_NAMES, type EngineName } from "./engine.ts";
import {
  CHAT_CHANNELS,
  type ChatChannel,
  ENTRY_CHOICES,
  type EntryChoice,
  SCENARIO_NAMES,
  type ScenarioName,
  TRANSPORT_CHOICES,
  type TransportChoice,
} from "./messages.ts";
import { metricNames, metricsHelp, parseThreshold, type Threshold } from "./metrics.ts";

/** Everything that can be chosen. */
export interface LoadOptions {
  readonly scenario: ScenarioName;
  /** Whether the command line names it. */
  readonly isScenarioNamed: boolean;
  readonly host: string;
  readonly gamePort: number;
  readonly gatewayPort: number;
  readonly loginPort: number;
  readonly enter: EntryChoice;
  /** A file of certificates that TLS trusts; "": no TLS. */
  readonly tlsCa: string;
  readonly transport: TransportChoice;
  readonly engine: EngineName;
  readonly threads: number;
  readonly connections: number;
  /** 0: a closed loop. */
  readonly rate: number;
  readonly outstanding: number;
  readonly ramp: number;
  readonly duration: number;
  readonly drain: number;
  readonly tokens: string;
  readonly size: number;
  readonly route: number;
  readonly chatRate: number;
  readonly fightRate: number;
  readonly channel: ChatChannel;
  /** A second; 0: none. */
  readonly newcomers: number;
  /** One in so many players watches; 0: as many as leave enough watchers. */
  readonly sample: number;
  readonly admin: string;
  readonly adminToken: string;
  /** 0: none. */
  readonly pid: number;
  readonly thresholds: readonly Threshold[];
  readonly json: string;
  readonly html: string;
}

/** Rates that suit each scenario, a second and connection. */
const RATES: Readonly<Record<ScenarioName, number>> = { echo: 10, login: 0.1, world: 10, chat: 0.02, idle: 0.1 };
/** Connections opened a second, unless `--ramp` says otherwise; logins cost a password hash each. */
const RAMP_PER_S = 1_000, LOGIN_RAMP_PER_S = 10;

/** Where the text of a flag begins, and how long its lines are. */
const HELP_INDENT = 31;
const HELP_COLUMNS = 78;

interface Flag {
  readonly kind: Kind<unknown>;
  readonly default: unknown;
  readonly defaultText?: string;
  readonly help: string;
}

const port = integer({ min: 1, max: 65_535, placeholder: "PORT" });
const seconds = decimal({ min: 0, max: LOADTEST_SECONDS_MAX, placeholder: "S" });
const file = text("a path", "FILE", (value) => value === "" ? undefined : value);
const anyText = (placeholder: string) => text("a text", placeholder, (value) => value === "" ? undefined : value);

const FLAGS: Readonly<Record<string, Flag>> = {
  host: { kind: anyText("NAME"), default: "127.0.0.1", help: "Host of the server" },
  gamePort: { kind: port, default: 8081, help: "Game port of the server, for tcp" },
  gatewayPort: { kind: port, default: 8082, help: "Gateway port of the server, for ws" },
  enter: {
    kind: choice(ENTRY_CHOICES),
    default: "token",
    help: "token: at the ports above; login: players log in, over tcp at the login port, over ws at the gateway, and " +
      "play where the list sends them",
  },
  loginPort: { kind: port, default: 8080, help: "Login port of the server, for tcp and --enter login" },
  tlsCa: {
    kind: file,
    default: "",
    defaultText: "none: no TLS",
    help: "Connect over TLS, and trust the certificates in this PEM file; for tcp, with the deno engine",
  },
  transport: {
    kind: choice(TRANSPORT_CHOICES),
    default: "tcp",
    help: "Transport of the connections; both: half of each",
  },
  connections: {
    kind: integer({ min: 1, max: LOADTEST_CONNECTIONS_MAX }),
    default: 1_000,
    help: "Number of connections or players",
  },
  rate: {
    kind: decimal({ min: 0, max: LOADTEST_RATE_MAX, placeholder: "R" }),
    default: undefined,
    defaultText: "echo 10, login 0.1, world 10, chat 0.02, idle 0.1",
    help: "Messages per second of each connection: echoes, logins, movements, chat messages, heartbeats",
  },
  outstanding: {
    kind: integer({ min: 1, max: LOADTEST_OUTSTANDING_MAX }),
    default: 0,
    defaultText: "none",
    help: "echo: a closed loop instead of a rate, with N messages in flight on each connection",
  },
  ramp: {
    kind: seconds,
    default: undefined,
    defaultText: "1 for every 1000 connections, or 10 logins",
    help: "Time in which all connections are opened",
  },
  duration: {
    kind: decimal({ min: 0.1, max: LOADTEST_SECONDS_MAX, placeholder: "S" }),
    default: 10,
    help: "Time that is measured after that",
  },
  drain: {
    kind: seconds,
    default: 5,
    help: "At the end, how long late messages are still sent, and then how long to wait for answers",
  },
  tokens: {
    kind: file,
    default: "",
    defaultText: "none",
    help: "login, world, chat, idle: players, one line 'name token' each, as 'deno task admin players' writes them",
  },
  size: {
    kind: integer({ min: ECHO_FRAME_BYTES_MIN, max: 65_000, placeholder: "BYTES" }),
    default: 100,
    help: "echo: size of a frame, including its length",
  },
  route: { kind: choice(["io", "logic"]), default: "io", help: "echo: which thread of the server answers" },
  chatRate: {
    kind: decimal({ min: 0, max: LOADTEST_RATE_MAX, placeholder: "R" }),
    default: 0.05,
    help: "world: lines a second that each player says to those near it",
  },
  fightRate: {
    kind: decimal({ min: 0, max: LOADTEST_RATE_MAX, placeholder: "R" }),
    default: 0,
    help: "world: blows a second that each player deals to someone in range; the skill is ready every 1.5 s",
  },
  channel: {
    kind: choice(CHAT_CHANNELS),
    default: "global",
    help: "chat: said to everyone, or whispered from one to another, in pairs",
  },
  newcomers: {
    kind: decimal({ min: 0, max: LOADTEST_RATE_MAX, placeholder: "R" }),
    default: 0,
    help: "New connections per second, each for one heartbeat, to measure how long newcomers wait",
  },
  sample: {
    kind: integer({ min: 1, max: LOADTEST_CONNECTIONS_MAX }),
    default: 0,
    defaultText: "world: as many as leave 150 watchers; echo: 1",
    help: "world, echo: one in N reads at once and is timed, and looks at every move; others read as they send",
  },
  threads: {
    kind: integer({ min: 1, max: LOADTEST_THREADS_MAX }),
    default: undefined,
    defaultText: "half the cores, 4 at most",
    help: "Number of threads of the load test",
  },
  engine: {
    kind: choice(ENGINE_NAMES),
    default: undefined,
    defaultText: "epoll on Linux without TLS, else deno",
    help: "How sockets are handled: by epoll through FFI, or by Deno.connect, which costs several times as much",
  },
  admin: {
    kind: text("http:// or https:// and a host", "URL", (value) => /^https?:\/\/[^/]/.test(value) ? value : undefined),
    default: "",
    defaultText: "none",
    help: "URL of the server's admin site, for its processor time, memory and ticks; token: DRAWBRIDGE_ADMIN_TOKEN",
  },
  pid: {
    kind: integer({ min: 1, max: 2 ** 31 - 1 }),
    default: 0,
    defaultText: "none",
    help: "Instead of that, the server's process id on this machine (Linux)",
  },
  failIf: {
    kind: anyText("CONDITION"),
    default: "",
    defaultText: "none",
    help: "Exit with 1 if this is true, such as 'p99>50'; may be repeated",
  },
  json: {
    kind: file,
    default: "",
    defaultText: "none",
    help: "Write all results as JSON; - is standard output",
  },
  html: { kind: file, default: "", defaultText: "none", help: "Write a report with charts as one HTML file" },
};

const SCENARIO_HELP: Readonly<Record<ScenarioName, string>> = {
  echo: "messages that must come back once, in order, unchanged (server: --diagnostics on)",
  login: "players connect, enter the world with their token, log out, disconnect",
  world: "players enter, walk on short random paths, talk, and look at each other",
  chat: "players who talk to everyone, or in pairs; every line must reach everyone once",
  idle: "connections with nothing but heartbeats; with --tokens players who enter and stay",
};

/** What `--help` prints. */
export function loadtestHelp(): string {
  const flags = Object.entries(FLAGS).map(([name, flag]) => {
    const standard = flag.defaultText ?? String(flag.default);
    const lines = wrap(`${flag.help} [${standard}]`, HELP_COLUMNS);
    return `  ${`--${dashed(name)} ${flag.kind.placeholder}`.padEnd(HELP_INDENT - 2)}${
      lines.join(`\n${" ".repeat(HELP_INDENT)}`)
    }`;
  });
  return `Puts load on a server and judges it: latencies, throughput, and whether every message arrived.

Usage: deno task loadtest [SCENARIO | games/x/load.ts] [flags]

Without a scenario: echo, or idle if the server answers no echoes. A module is a game's own load test, whose bots
play it: only --tokens, --connections, --duration, --ramp, --transport, --enter and the flags that say where the
server is apply to it.

Scenarios:
${SCENARIO_NAMES.map((name) => `  ${name.padEnd(8)} ${SCENARIO_HELP[name]}`).join("\n")}

Flags:
${flags.join("\n")}

The server limits what one connection may send (about 100 packets a second): to measure more than that, start it with
--flood-control off, and with --max-connections as high as --connections; for the world also with --monsters off,
or monsters will kill players while they walk.
Players come from: deno task admin players --count 2000 --prefix bot --tokens FILE --data-dir DATA_OF_THE_SERVER
and, to log in, with --passwords on; a server of 2 cores takes 24 logins a second.

Latencies are measured from when a message was due, not from when it could be sent, so a server that stalls
cannot hide it. On this machine, connections above ${LOADTEST_CONNECTIONS_PER_ADDRESS} come from 127.0.0.2, 127.0.0.3 and so on; the deno engine
goes there instead, so the server must listen on 0.0.0.0.

Conditions of --fail-if: METRIC then >, >=, < or <= and a number. Metrics:
    p50 p90 p95 p99 p999 mean min max: the scenario's latency in ms (echo; login; world: from a
    player's movement to another's screen; chat). Others likewise: connect_p99, enter_p95, ack_max,
    chat_p95 (world), logout_mean, heartbeat_p99 …
${metricsHelp()}

Exit status: 0 done, 1 a condition of --fail-if holds or nobody could connect, 78 the command cannot be used`;
}

/** Cuts a text into lines. */
function wrap(text: string, columns: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1];
    if (line === "" || line.length + 1 + word.length <= columns) {
      lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

const NAME_OF_FLAG: ReadonlyMap<string, string> = new Map(
  Object.keys(FLAGS).map((name) => [`--${dashed(name)}`, name]),
);

/**
 * Reads the command line.
 *
 * @throws {ConfigError} with every problem.
 */
export function parseLoadOptions(args: readonly string[], env: Readonly<Record<string, string>> = {}): LoadOptions {
  const problems: string[] = [];
  const { given, conditions, isScenarioNamed, scenario } = readArgs(args, problems);
  const value = <T>(name: string) => (given.get(name) ?? FLAGS[name].default) as T;
  const connections = value<number>("connections");
  const outstanding = value<number>("outstanding");
  const tlsCa = value<string>("tlsCa");
  const rampPerS = value("enter") === "login" ? LOGIN_RAMP_PER_S : RAMP_PER_S;
  const options: LoadOptions = {
    scenario,
    isScenarioNamed,
    host: value("host"),
    gamePort: value("gamePort"),
    gatewayPort: value("gatewayPort"),
    loginPort: value("loginPort"),
    enter: value("enter"),
    tlsCa,
    transport: value("transport"),
    engine: value<EngineName | undefined>("engine") ?? (ClientLibc.isSupported() && tlsCa === "" ? "epoll" : "deno"),
    threads: value<number | undefined>("threads") ?? defaultThreads(connections),
    connections,
    rate: outstanding > 0 ? 0 : value<number | undefined>("rate") ?? RATES[scenario],
    outstanding,
    ramp: value<number | undefined>("ramp") ?? connections / rampPerS,
    duration: value("duration"),
    drain: value("drain"),
    tokens: value("tokens"),
    size: value("size"),
    route: value("route") === "logic" ? 1 : 0,
    chatRate: value("chatRate"),
    fightRate: value("fightRate"),
    channel: value("channel"),
    newcomers: value("newcomers"),
    sample: value("sample"),
    admin: value("admin"),
    adminToken: env.DRAWBRIDGE_ADMIN_TOKEN ?? "",
    pid: value("pid"),
    thresholds: readThresholds(conditions, scenario, problems),
    json: value("json"),
    html: value("html"),
  };
  problems.push(...contradictions(options, given));
  if (problems.length > 0) throw new ConfigError(problems);
  return options;
}

function defaultThreads(connections: number): number {
  return Math.max(1, Math.min(4, Math.floor(navigator.hardwareConcurrency / 2), connections));
}

function readArgs(args: readonly string[], problems: string[]) {
  const given = new Map<string, unknown>();
  const conditions: string[] = [];
  let scenario: ScenarioName | undefined;
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    if (arg === "--") continue;
    if (!arg.startsWith("--")) {
      const named = SCENARIO_NAMES.find((name) => name === arg);
      if (named !== undefined && scenario === undefined) scenario = named;
      else problems.push(`Unexpected argument ${shown(arg)}: expected one scenario of ${SCENARIO_NAMES.join(", ")}`);
      continue;
    }
    const equals = arg.indexOf("=");
    const flag = equals < 0 ? arg : arg.slice(0, equals);
    const name = NAME_OF_FLAG.get(flag);
    const next = args[index + 1];
    const takesNext = equals < 0 && next !== undefined && !next.startsWith("--");
    if (takesNext) index++;
    const raw = equals >= 0 ? arg.slice(equals + 1) : takesNext ? next : undefined;
    if (name === undefined) problems.push(`Unknown flag ${flag.slice(0, 80)}`);
    else if (raw === undefined) {
      problems.push(`Cannot use ${flag} without a value: expected ${FLAGS[name].kind.expects}`);
    } else {
      const parsed = FLAGS[name].kind.parse(raw);
      if (parsed === undefined) problems.push(`Cannot use ${flag} ${shown(raw)}: expected ${FLAGS[name].kind.expects}`);
      else if (name === "failIf") conditions.push(String(parsed));
      else given.set(name, parsed);
    }
  }
  // A flag that only one scenario has names it, too.
  const isScenarioNamed = scenario !== undefined || conditions.length > 0 ||
    Object.keys(ONLY_IN).some((name) => given.has(name));
  return { given, conditions, isScenarioNamed, scenario: scenario ?? "echo" };
}

function shown(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
}

function readThresholds(conditions: readonly string[], scenario: ScenarioName, problems: string[]): Threshold[] {
  const thresholds: Threshold[] = [];
  const known = metricNames(scenario);
  for (const condition of conditions) {
    const threshold = parseThreshold(condition);
    if (threshold === undefined) {
      problems.push(`Cannot use --fail-if ${shown(condition)}: expected a metric, >, >=, < or <=, and a number`);
    } else if (!known.includes(threshold.metric)) {
      problems.push(
        `Cannot use --fail-if ${shown(condition)}: scenario ${scenario} has no metric ${threshold.metric}; see --help`,
      );
    } else thresholds.push(threshold);
  }
  return thresholds;
}

const ONLY_IN: Readonly<Record<string, readonly ScenarioName[]>> = {
  outstanding: ["echo"],
  size: ["echo"],
  route: ["echo"],
  chatRate: ["world"],
  fightRate: ["world"],
  sample: ["world", "echo"],
  channel: ["chat"],
  enter: ["login", "world", "chat", "idle"],
};

/** What each flag allows by itself and the others do not. */
function contradictions(options: LoadOptions, given: ReadonlyMap<string, unknown>): string[] {
  const problems: string[] = [];
  const { scenario } = options;
  for (const [name, only] of Object.entries(ONLY_IN)) {
    if (given.has(name) && !only.includes(scenario)) {
      problems.push(`Cannot use --${dashed(name)} in scenario ${scenario}: it is for ${only.join(" and ")}`);
    }
  }
  if (scenario !== "echo" && scenario !== "idle" && options.tokens === "") {
    problems.push(
      `Cannot run scenario ${scenario} without --tokens, which lists players; create some with: deno task admin players ` +
        `--count ${options.connections} --prefix bot --tokens FILE`,
    );
  }
  if (scenario === "idle" && options.enter === "login" && options.tokens === "") {
    problems.push("Cannot use --enter login without --tokens, which lists players and their passwords");
  }
  if (options.enter === "token" && given.has("loginPort")) {
    problems.push("Cannot use --login-port without --enter login");
  }
  if (options.tlsCa !== "" && options.transport !== "tcp") {
    problems.push(`Cannot use --tls-ca with --transport ${options.transport}: it is for tcp`);
  }
  if (options.engine === "epoll" && options.tlsCa !== "") {
    problems.push("Cannot use --tls-ca with --engine epoll, which has no TLS");
  }
  if (options.outstanding > 0 && given.has("rate")) {
    problems.push("Cannot use --rate with --outstanding: a closed loop has no rate");
  } else if (options.outstanding === 0 && options.rate === 0) {
    problems.push("Cannot use --rate 0: expected more than 0");
  }
  if (options.outstanding > 0 && given.has("sample")) {
    problems.push("Cannot use --sample with --outstanding: a closed loop reads at once");
  }
  if (options.threads > options.connections) {
    problems.push(`Cannot use --threads ${options.threads}: there are only ${options.connections} connections`);
  }
  if (options.pid !== 0 && options.admin !== "") {
    problems.push("Cannot use --pid with --admin: both give the same figures");
  }
  if (options.engine === "epoll" && !ClientLibc.isSupported()) {
    problems.push(`Cannot use --engine epoll: it needs Linux on x86_64 or aarch64, this is ${Deno.build.target}`);
  }
  for (const { expression, metric } of options.thresholds) {
    if (metric.startsWith("accept_") && options.newcomers === 0) {
      problems.push(`Cannot use --fail-if ${shown(expression)} without --newcomers, which measures it`);
    }
    if (/^(server_|tick_)/.test(metric) && options.admin === "" && (options.pid === 0 || metric.startsWith("tick_"))) {
      problems.push(`Cannot use --fail-if ${shown(expression)} without --admin, which measures it`);
    }
  }
  const heard = options.connections * (options.channel === "global" ? options.connections : 2);
  if (scenario === "chat" && heard * options.rate * options.duration > LOADTEST_DELIVERIES_MAX) {
    problems.push(
      `Cannot keep account of ${Math.round(heard * options.rate * options.duration)} lines heard, ` +
        `limit is ${LOADTEST_DELIVERIES_MAX}: lower --rate, --connections or --duration`,
    );
  }
  return problems;
}
