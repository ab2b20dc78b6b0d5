import {
  checkPublicHost,
  describeConfig,
  loadConfig,
  problemText,
  type ServerConfig,
  sqlitePath,
} from "../../server/config/config.ts";
import { integer } from "../../server/config/kinds.ts";
import { environmentVariableOf, flagOf, OPTION_KEYS, type OptionKey, OPTIONS } from "../../server/config/schema.ts";
import { ConfigError, EXIT_CONFIG } from "../../shared/errors.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const LINUX = { os: "linux", cores: 4 };

interface Given {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly os?: string;
}

function load({ args = [], env = {}, files = {}, os = "linux" }: Given): ServerConfig {
  return loadConfig({
    args,
    env,
    platform: { ...LINUX, os },
    readTextFile: (path) => {
      if (Object.hasOwn(files, path)) return files[path];
      throw new Deno.errors.NotFound("No such file");
    },
  });
}

function problemsOf(given: Given): readonly string[] {
  return assertThrows(() => load(given), ConfigError).problems;
}

const DOCUMENTED_NAMES: Readonly<Record<string, string>> = {
  "--host": "DRAWBRIDGE_HOST",
  "--data-dir": "DRAWBRIDGE_DATA_DIR",
  "--dependency-wait": "DRAWBRIDGE_DEPENDENCY_WAIT",
  "--login-port": "DRAWBRIDGE_LOGIN_PORT",
  "--game-port": "DRAWBRIDGE_GAME_PORT",
  "--gateway-port": "DRAWBRIDGE_GATEWAY_PORT",
  "--admin-host": "DRAWBRIDGE_ADMIN_HOST",
  "--admin-port": "DRAWBRIDGE_ADMIN_PORT",
  "--admin-token": "DRAWBRIDGE_ADMIN_TOKEN",
  "--io-workers": "DRAWBRIDGE_IO_WORKERS",
  "--io-backend": "DRAWBRIDGE_IO_BACKEND",
  "--accept-backlog": "DRAWBRIDGE_ACCEPT_BACKLOG",
  "--tcp-no-delay": "DRAWBRIDGE_TCP_NO_DELAY",
  "--max-connections": "DRAWBRIDGE_MAX_CONNECTIONS",
  "--login-max-connections": "DRAWBRIDGE_LOGIN_MAX_CONNECTIONS",
  "--gateway-max-connections": "DRAWBRIDGE_GATEWAY_MAX_CONNECTIONS",
  "--database-url": "DRAWBRIDGE_DATABASE_URL",
  "--database-ca": "DRAWBRIDGE_DATABASE_CA",
  "--nats-url": "DRAWBRIDGE_NATS_URL",
  "--nats-ca": "DRAWBRIDGE_NATS_CA",
  "--role": "DRAWBRIDGE_ROLE",
  "--server-id": "DRAWBRIDGE_SERVER_ID",
  "--server-name": "DRAWBRIDGE_SERVER_NAME",
  "--log-logins": "DRAWBRIDGE_LOG_LOGINS",
  "--diagnostics": "DRAWBRIDGE_DIAGNOSTICS",
  "--supervise": "DRAWBRIDGE_SUPERVISE",
  "--dev": "DRAWBRIDGE_DEV",
  "--flood-control": "DRAWBRIDGE_FLOOD_CONTROL",
  "--tls-cert": "DRAWBRIDGE_TLS_CERT",
  "--tls-key": "DRAWBRIDGE_TLS_KEY",
  "--allowed-origins": "DRAWBRIDGE_ALLOWED_ORIGINS",
  "--log-level": "DRAWBRIDGE_LOG_LEVEL",
  "--log-format": "DRAWBRIDGE_LOG_FORMAT",
  "--tick-ms": "DRAWBRIDGE_TICK_MS",
  "--map-size": "DRAWBRIDGE_MAP_SIZE",
  "--interest-radius": "DRAWBRIDGE_INTEREST_RADIUS",
  "--snapshot-bytes": "DRAWBRIDGE_SNAPSHOT_BYTES",
  "--max-speed": "DRAWBRIDGE_MAX_SPEED",
  "--game": "DRAWBRIDGE_GAME",
  "--max-players": "DRAWBRIDGE_MAX_PLAYERS",
  "--login-queue": "DRAWBRIDGE_LOGIN_QUEUE",
  "--duplicate-login": "DRAWBRIDGE_DUPLICATE_LOGIN",
  "--session-token-hours": "DRAWBRIDGE_SESSION_TOKEN_HOURS",
  "--client-version-min": "DRAWBRIDGE_CLIENT_VERSION_MIN",
  "--names": "DRAWBRIDGE_NAMES",
  "--reserved-names": "DRAWBRIDGE_RESERVED_NAMES",
  "--link-dead-ms": "DRAWBRIDGE_LINK_DEAD_MS",
  "--drain-timeout": "DRAWBRIDGE_DRAIN_TIMEOUT",
  "--send-queue-soft-bytes": "DRAWBRIDGE_SEND_QUEUE_SOFT_BYTES",
  "--send-queue-hard-bytes": "DRAWBRIDGE_SEND_QUEUE_HARD_BYTES",
  "--debug-packets": "DRAWBRIDGE_DEBUG_PACKETS",
  "--public-host": "DRAWBRIDGE_PUBLIC_HOST",
  "--gateway-url": "DRAWBRIDGE_GATEWAY_URL",
  "--proxy-protocol-from": "DRAWBRIDGE_PROXY_PROTOCOL_FROM",
  "--trusted-proxies": "DRAWBRIDGE_TRUSTED_PROXIES",
  "--address-max-connections": "DRAWBRIDGE_ADDRESS_MAX_CONNECTIONS",
  "--address-connects-per-second": "DRAWBRIDGE_ADDRESS_CONNECTS_PER_SECOND",
  "--address-tokens-per-second": "DRAWBRIDGE_ADDRESS_TOKENS_PER_SECOND",
  "--address-registrations-per-hour": "DRAWBRIDGE_ADDRESS_REGISTRATIONS_PER_HOUR",
  "--trusted-addresses": "DRAWBRIDGE_TRUSTED_ADDRESSES",
};

Deno.test("OPTIONS has exactly the documented flags and environment variables", () => {
  const names = Object.fromEntries(OPTION_KEYS.map((key) => [flagOf(key), environmentVariableOf(key)]));
  assertEquals(Object.entries(names).sort(), Object.entries(DOCUMENTED_NAMES).sort());
});

Deno.test("loadConfig() gives the documented defaults", () => {
  assertEquals({ ...load({}) }, {
    host: "0.0.0.0",
    loginPort: 8080,
    gamePort: 8081,
    gatewayPort: 8082,
    ioBackend: "deno",
    ioWorkers: 4,
    acceptBacklog: 1024,
    tcpNoDelay: true,
    tlsCert: "",
    tlsKey: "",
    allowedOrigins: [],
    proxyProtocolFrom: [],
    trustedProxies: [],
    maxConnections: 5000,
    maxPlayers: 12500,
    loginQueue: 1000,
    loginMaxConnections: 1000,
    gatewayMaxConnections: 5000,
    sendQueueSoftBytes: 65_536,
    sendQueueHardBytes: 1_048_576,
    linkDeadMs: 60_000,
    drainTimeout: 15,
    floodControl: true,
    addressMaxConnections: 500,
    addressConnectsPerSecond: 100,
    addressTokensPerSecond: 5_000,
    addressRegistrationsPerHour: 100,
    trustedAddresses: ["127.0.0.0/8", "::1"],
    role: "all",
    serverId: 1,
    serverName: "Dragon Server",
    publicHost: "",
    gatewayUrl: "",
    dataDir: "./data",
    databaseUrl: "sqlite:drawbridge.db",
    dependencyWait: 0,
    natsUrl: "",
    natsCa: "",
    databaseCa: "",
    duplicateLogin: "replace",
    sessionTokenHours: 24,
    clientVersionMin: "",
    names: "unicode",
    reservedNames: [
      ...["admin", "administrator", "drawbridge", "gamemaster", "gm", "mod", "moderator", "official", "root", "server"],
      ...["staff", "support", "system"],
    ],
    tickMs: 50,
    mapSize: 1000,
    interestRadius: 50,
    snapshotBytes: 8192,
    maxSpeed: 10,
    gameOptions: {},
    game: "",
    adminHost: "127.0.0.1",
    adminPort: 9090,
    adminToken: "",
    logLevel: "info",
    logFormat: "auto",
    debugPackets: false,
    logLogins: false,
    diagnostics: false,
    supervise: false,
    dev: "off",
  });
});

Deno.test("loadConfig() gives one io worker where ports cannot be shared", () => {
  assertEquals(load({ os: "darwin" }).ioWorkers, 1);
});

Deno.test("loadConfig() takes the gateway's limit from --max-connections unless it is given", () => {
  assertEquals(load({ args: ["--max-connections", "70"] }).gatewayMaxConnections, 70);
  const both = load({ args: ["--max-connections", "70", "--gateway-max-connections", "9"] });
  assertEquals(both.gatewayMaxConnections, 9);
});

Deno.test("loadConfig() prefers flags over environment over file over defaults", () => {
  const files = { "c.json": JSON.stringify({ loginPort: 1001, gamePort: 1002, gatewayPort: 1003 }) };
  const config = load({
    files,
    env: { DRAWBRIDGE_CONFIG: "c.json", DRAWBRIDGE_GAME_PORT: "2002", DRAWBRIDGE_GATEWAY_PORT: "2003" },
    args: ["--gateway-port", "3003"],
  });
  assertEquals(
    [config.loginPort, config.gamePort, config.gatewayPort, config.adminPort],
    [1001, 2002, 3003, 9090],
  );
});

Deno.test("loadConfig() prefers --config over DRAWBRIDGE_CONFIG", () => {
  const files = { "a.json": '{"serverId": 1}', "b.json": '{"serverId": 2}' };
  assertEquals(load({ files, env: { DRAWBRIDGE_CONFIG: "a.json" }, args: ["--config=b.json"] }).serverId, 2);
});

Deno.test("loadConfig() reads --flag value, --flag=value, a switch alone, and the last of two flags", () => {
  const config = load({
    args: ["--", "--server-name", "A = B", "--tick-ms=20", "--diagnostics", "--flood-control=off", "--tick-ms", "40"],
  });
  assertEquals(
    [config.serverName, config.tickMs, config.diagnostics, config.floodControl],
    ["A = B", 40, true, false],
  );
});

Deno.test("loadConfig() reads on, off, true and false for a switch", () => {
  for (const [word, value] of [["on", true], ["true", true], ["off", false], ["false", false]] as const) {
    assertEquals(load({ args: ["--debug-packets", word] }).debugPackets, value);
    assertEquals(load({ env: { DRAWBRIDGE_DEBUG_PACKETS: word } }).debugPackets, value);
    assertEquals(
      load({ files: { f: JSON.stringify({ debugPackets: word }) }, args: ["--config", "f"] }).debugPackets,
      value,
    );
  }
  assertEquals(load({ files: { f: '{"debugPackets": true}' }, args: ["--config", "f"] }).debugPackets, true);
});

Deno.test("loadConfig() counts an empty environment variable as unset", () => {
  assertEquals(load({ env: { DRAWBRIDGE_LOGIN_PORT: "", DRAWBRIDGE_PUBLIC_HOST: "" } }).loginPort, 8080);
});

Deno.test("loadConfig() leaves environment variables of others alone", () => {
  assertEquals(load({ env: { PATH: "/bin", LOGIN_PORT: "x" } }).loginPort, 8080);
});

Deno.test("loadConfig() reads origins from a list with commas and from a JSON array, in their canonical form", () => {
  const expected = ["https://a.example", "http://b.example:8080"];
  assertEquals(load({ args: ["--allowed-origins", "Capacitor://localhost"] }).allowedOrigins, [
    "capacitor://localhost",
  ]);
  const flag = load({ args: ["--allowed-origins", "https://A.example:443/, http://b.example:8080"] });
  assertEquals(flag.allowedOrigins, expected);
  const files = { f: JSON.stringify({ allowedOrigins: ["https://a.example", "http://b.example:8080"] }) };
  assertEquals(load({ files, args: ["--config", "f"] }).allowedOrigins, expected);
});

Deno.test("loadConfig() gives a frozen object that can be posted to a worker", () => {
  const config = load({ args: ["--allowed-origins", "https://a.example"] });
  assert(Object.isFrozen(config));
  assertEquals(structuredClone(config), config);
});

/** For each option: values at the ends of its range, and values just outside or of another kind. */
const RANGES: {
  readonly [Key in OptionKey]: { readonly good: readonly string[]; readonly bad: readonly string[] };
} = {
  host: {
    good: ["127.0.0.1", "::", "::1", "fe80::1", "localhost", "play.example-1.org", "255.255.255.255"],
    bad: [
      "256.0.0.1",
      "1.2.3",
      "01.2.3.4",
      "[::1]",
      "a b",
      "-a",
      "a..b",
      "host:80",
      "::1::2",
      "http://x",
      "a".repeat(254),
    ],
  },
  loginPort: { good: ["0", "1", "65535"], bad: ["-1", "65536", "80.5", "0x50", "1e3", "", " 80", "http"] },
  gamePort: { good: ["0", "65535"], bad: ["-1", "65536"] },
  gatewayPort: { good: ["0", "65535"], bad: ["-1", "65536"] },
  ioBackend: { good: ["deno"], bad: ["DENO", "io_uring", ""] },
  ioWorkers: { good: ["1", "64"], bad: ["0", "65", "1.5"] },
  acceptBacklog: { good: ["1", "65535"], bad: ["0", "65536"] },
  tcpNoDelay: { good: ["on", "off"], bad: ["yes", "1", "ON"] },
  tlsCert: { good: [""], bad: ["a\0b"] },
  tlsKey: { good: [""], bad: ["a\0b"] },
  allowedOrigins: {
    good: ["", "https://a.example", "http://localhost:3000,https://a.example"],
    bad: ["a.example", "https://a.example/path", "ftp://a.example", "https://a.example,", "*", "https://u@a.example"],
  },
  proxyProtocolFrom: {
    good: ["", "10.0.0.0/8", "192.0.2.1,::1, 2001:db8::/32", "0.0.0.0/0", "::ffff:192.0.2.1"],
    bad: ["10.0.0.1/8", "10.0.0.0/33", "::/129", "10.0.0", "localhost", "10.0.0.0/8,", "1.2.3.4/", "1.2.3.4/8/8"],
  },
  trustedProxies: { good: ["", "127.0.0.1,10.0.0.0/8"], bad: ["loopback", "*", "127.0.0.1:80"] },
  maxConnections: { good: ["1", "65536"], bad: ["0", "65537", "-5"] },
  maxPlayers: { good: ["1", "16384"], bad: ["0", "16385", "x"] },
  loginQueue: { good: ["0", "10000"], bad: ["-1", "10001", "1.5"] },
  loginMaxConnections: { good: ["1", "65536"], bad: ["0", "65537"] },
  gatewayMaxConnections: { good: ["1", "65536"], bad: ["0", "65537"] },
  sendQueueSoftBytes: { good: ["4096", "1048575"], bad: ["4095", "67108865", "64k"] },
  sendQueueHardBytes: { good: ["327684", "67108864"], bad: ["327683", "67108865"] },
  linkDeadMs: { good: ["0", "3600000"], bad: ["-1", "3600001"] },
  drainTimeout: { good: ["0", "3600"], bad: ["-1", "3601", "1s"] },
  floodControl: { good: ["on", "off"], bad: ["no"] },
  addressMaxConnections: { good: ["1", "65536"], bad: ["0", "65537"] },
  addressConnectsPerSecond: { good: ["1", "100000"], bad: ["0", "100001"] },
  addressTokensPerSecond: { good: ["100", "10000000"], bad: ["99", "10000001"] },
  addressRegistrationsPerHour: { good: ["1", "1000000"], bad: ["0", "1000001"] },
  trustedAddresses: { good: ["", "127.0.0.1,10.0.0.0/8"], bad: ["loopback", "127.0.0.1:80", "[::1]"] },
  role: { good: ["all", "login", "game"], bad: ["both", "Login"] },
  serverId: { good: ["1", "65535"], bad: ["0", "65536"] },
  serverName: { good: ["x", "용의 서버", "n".repeat(64)], bad: ["", "n".repeat(65), "a\nb", "\x1b[31m"] },
  publicHost: { good: ["", "game.example.org", "203.0.113.7"], bad: ["game.example.org:8081", "a b"] },
  gatewayUrl: {
    good: ["", "wss://g.example/ws", "http://g.example:8082", `wss://g.example/${"p".repeat(496)}`],
    bad: ["g.example", "ftp://g", "ws:/g", "wss://a b", `wss://g.example/${"p".repeat(497)}`],
  },
  dataDir: { good: ["/var/lib/x", "."], bad: ["", "a\0b", "d".repeat(4097)] },
  databaseCa: { good: [""], bad: ["a\0b", "f".repeat(4097)] },
  dependencyWait: { good: ["0", "3600"], bad: ["-1", "3601", "1s"] },
  natsUrl: {
    good: ["", "nats://h", "tls://u:p%40@[::1]:4222", "nats://u:p@h/"],
    bad: ["h:4222", "http://h", "nats://", "nats://u@h", "nats://h/x", "nats://h?x=1", "nats://u:%@h", "nats://h h"],
  },
  natsCa: { good: [""], bad: ["a\0b", "f".repeat(4097)] },
  databaseUrl: {
    good: [
      ...["sqlite:a.db", "sqlite:/tmp/a.db", "sqlite::memory:", "postgres://u:p@h/d"],
      ...["postgresql://u@[::1]:5433/d?sslmode=verify-full", "postgres://u:p%40%3A%2F@h:1/d"],
    ],
    bad: [
      ...[
        "a.db",
        "sqlite:",
        "postgres://u:p@h",
        "postgres://h/d",
        "postgres://u:p@h/d?sslmode=maybe",
        "postgres://u:%zz@h/d",
        "mysql://h/d",
        "sqlite:a\n",
        "SQLITE:a.db",
      ],
      ...["sqlite://a.db", "sqlite:///tmp/a.db", "sqlite:a.db?mode=ro", "sqlite:a#b", "sqlite:file:a.db", "sqlite: a"],
      ...["sqlite:.", "sqlite:..", "sqlite:a/", "sqlite:/", "sqlite:/a/..", "sqlite::memory:x"],
    ],
  },
  duplicateLogin: { good: ["replace", "reject"], bad: ["kick"] },
  sessionTokenHours: { good: ["1", "8760"], bad: ["0", "8761", "0.5"] },
  clientVersionMin: { good: ["", "1", "1.2", "1.2.3.4"], bad: ["v1", "1.", "1..2", "1.2.3.4.5", "1.2-beta", "123456"] },
  names: { good: ["unicode", "ascii"], bad: ["ASCII", "latin", ""] },
  reservedNames: { good: ["", "admin", "관리자, админ"], bad: ["a b", "admin,", "a-b", "\u200b", "<b>"] },
  tickMs: { good: ["10", "1000"], bad: ["9", "1001", "33.3"] },
  mapSize: { good: ["10", "10000", "560.5"], bad: ["9.9", "10001", "NaN", "Infinity", "1e3"] },
  interestRadius: { good: ["1", "10000", "12.5"], bad: ["0", "0.99", "10001"] },
  snapshotBytes: { good: ["1024", "32768"], bad: ["1023", "32769", "8192.5"] },
  maxSpeed: { good: ["0.1", "1000"], bad: ["0", "1000.1", "-3", "fast"] },
  game: { good: ["", "games/tag/game.ts", "/srv/game.ts"], bad: ["a\0b"] },
  adminHost: { good: ["127.0.0.1", "::1", "localhost", "127.1.2.3"], bad: ["", "a b"] },
  adminPort: { good: ["0", "65535"], bad: ["-1", "65536"] },
  adminToken: { good: ["", "t", "!~".repeat(128)], bad: ["a b", "a\n", "é", "t".repeat(257)] },
  logLevel: { good: ["debug", "info", "warn", "error"], bad: ["trace", "warning", "INFO"] },
  logFormat: { good: ["auto", "pretty", "json"], bad: ["text"] },
  debugPackets: { good: ["on", "off"], bad: ["maybe"] },
  logLogins: { good: ["on", "off"], bad: ["maybe"] },
  diagnostics: { good: ["on", "off"], bad: ["1"] },
  supervise: { good: ["on", "off"], bad: ["1"] },
  dev: { good: ["off", "on", "inspect"], bad: ["1", "yes"] },
};

/** What some options cannot be without. */
const BESIDES: Partial<Record<OptionKey, readonly string[]>> = {
  role: ["--database-url=postgres://db:secret@db.example/drawbridge"],
  natsUrl: ["--database-url=postgres://db:secret@db.example/drawbridge"],
};

for (const key of OPTION_KEYS) {
  Deno.test(`loadConfig() takes the values of ${flagOf(key)} up to the ends of its range and no others`, () => {
    const { good, bad } = RANGES[key];
    for (const value of good) load({ args: [...BESIDES[key] ?? [], `${flagOf(key)}=${value}`] });
    for (const value of bad) {
      const [problem, ...others] = problemsOf({ args: [`${flagOf(key)}=${value}`] });
      assertEquals(others, []);
      assert(problem.startsWith(`Cannot use ${flagOf(key)}`), problem);
      assert(problem.endsWith(`expected ${OPTIONS[key].kind.expects}`), problem);
    }
  });
}

Deno.test("loadConfig() takes no JSON value of another type", () => {
  const wrong: readonly (readonly [OptionKey, unknown])[] = [
    ["loginPort", "8080"],
    ["loginPort", null],
    ["loginPort", 80.5],
    ["mapSize", "1000"],
    ["diagnostics", 1],
    ["serverName", 7],
    ["role", ["all"]],
    ["allowedOrigins", [1]],
    ["allowedOrigins", {}],
    ["host", null],
  ];
  for (const [key, value] of wrong) {
    const [problem, ...others] = problemsOf({
      files: { f: JSON.stringify({ [key]: value }) },
      args: ["--config", "f"],
    });
    assertEquals(others, []);
    assert(problem.startsWith(`Cannot use "${key}" in f ${JSON.stringify(value)}: expected `), problem);
  }
});

/** Configurations that cannot be used, and each whole list of problems. */
const BAD: readonly { readonly given: Given; readonly problems: readonly string[] }[] = [
  { given: { args: ["--lgoin-port", "1"] }, problems: ["Unknown flag --lgoin-port, did you mean --login-port?"] },
  { given: { args: ["--loginport=1"] }, problems: ["Unknown flag --loginport, did you mean --login-port?"] },
  {
    given: { args: ["--worker-threads", "4"] },
    problems: ["Unknown flag --worker-threads, did you mean --io-workers?"],
  },
  { given: { args: ["--conifg", "f"] }, problems: ["Unknown flag --conifg, did you mean --config?"] },
  { given: { args: ["--xyzzy"] }, problems: ["Unknown flag --xyzzy"] },
  { given: { args: ["--constructor"] }, problems: ["Unknown flag --constructor"] },
  { given: { args: ["serve"] }, problems: ['Unexpected argument "serve": every setting has a flag'] },
  { given: { args: ["-p"] }, problems: ['Unexpected argument "-p": every setting has a flag'] },
  {
    given: { args: ["--tick-ms"] },
    problems: ["Cannot use --tick-ms without a value: expected an integer from 10 to 1000"],
  },
  {
    given: { args: ["--tick-ms", "--role", "all"] },
    problems: ["Cannot use --tick-ms without a value: expected an integer from 10 to 1000"],
  },
  { given: { args: ["--config"] }, problems: ["Cannot use --config without a value: expected a path"] },
  {
    given: { env: { DRAWBRIDGE_LOGINPORT: "1" } },
    problems: ["Unknown environment variable DRAWBRIDGE_LOGINPORT, did you mean DRAWBRIDGE_LOGIN_PORT?"],
  },
  {
    given: { env: { DRAWBRIDGE_QUUX: "1" } },
    problems: ["Unknown environment variable DRAWBRIDGE_QUUX"],
  },
  {
    given: { env: { DRAWBRIDGE_ROLE: "x" } },
    problems: ['Cannot use DRAWBRIDGE_ROLE "x": expected one of all, login, game'],
  },
  {
    given: { args: ["--config", "nope.json"] },
    problems: ["Cannot read configuration file nope.json: No such file"],
  },
  {
    given: { args: ["--config", "f"], files: { f: "[1]" } },
    problems: ["Cannot use configuration file f: expected a JSON object"],
  },
  {
    given: { args: ["--config", "f"], files: { f: '{"adminToken": "s3cret",}' } },
    problems: ["Cannot use configuration file f: it is not valid JSON: see line 1, column 25"],
  },
  {
    given: { args: ["--config", "f"], files: { f: '{"adminToken": s3cret}' } },
    problems: ["Cannot use configuration file f: it is not valid JSON"],
  },
  {
    given: { args: ["--config", "f"], files: { f: " ".repeat(1_048_577) } },
    problems: ["Cannot use configuration file f: it has 1048577 characters, limit is 1048576"],
  },
  {
    given: { args: ["--config", "f"], files: { f: '{"login_port": 1, "toString": 2, "__proto__": 3}' } },
    problems: [
      'Unknown key "login_port" in f, did you mean "loginPort"?',
      'Unknown key "toString" in f',
      'Unknown key "__proto__" in f',
    ],
  },
  {
    given: { args: ["--login-port", "7000", "--admin-port", "7000"] },
    problems: ["Cannot use --admin-port 7000: --login-port is the same port"],
  },
  {
    given: { env: { DRAWBRIDGE_GAME_PORT: "8082" } },
    problems: ["Cannot use --gateway-port 8082: DRAWBRIDGE_GAME_PORT is the same port"],
  },
  {
    given: { args: ["--admin-host", "0.0.0.0"] },
    problems: ["Cannot use --admin-host 0.0.0.0: other machines can reach it, so DRAWBRIDGE_ADMIN_TOKEN must be set"],
  },
  {
    given: { args: ["--admin-host", "0.0.0.0"], env: { DRAWBRIDGE_ADMIN_TOKEN: "123456789012345" } },
    problems: [
      "Cannot use --admin-host 0.0.0.0: other machines can reach it and DRAWBRIDGE_ADMIN_TOKEN has 15 characters, but needs at least 16",
    ],
  },
  {
    given: { args: ["--tls-cert", "c.pem"] },
    problems: ["Cannot use --tls-cert alone: --tls-key must name its private key"],
  },
  {
    given: { args: ["--tls-key", "k.pem"] },
    problems: ["Cannot use --tls-key alone: --tls-cert must name its certificate"],
  },
  {
    given: { args: ["--tls-cert", "c.pem", "--tls-key", "k.pem"], files: { "k.pem": "-----BEGIN CERTIFICATE-----" } },
    problems: [
      "Cannot read --tls-cert c.pem: No such file",
      "Cannot use --tls-key k.pem: it contains no private key in PEM",
    ],
  },
  {
    given: {
      args: ["--io-backend", "epoll", "--tls-cert", "c", "--tls-key", "k"],
      os: "darwin",
      files: { c: "-----BEGIN CERTIFICATE-----", k: "-----BEGIN PRIVATE KEY-----" },
    },
    problems: [
      "Cannot use --io-backend epoll: it needs Linux, this is darwin",
      "Cannot use --io-backend epoll: it does not support TLS, which --tls-cert asks for",
    ],
  },
  {
    given: { args: ["--role", "login"] },
    problems: [
      "Cannot use --role login with --database-url sqlite:drawbridge.db: servers with separate roles share a PostgreSQL " +
      "database; give its address, or leave --role out",
    ],
  },
  {
    given: { args: ["--io-backend", "epoll", "--host", "game.example.org"] },
    problems: [
      "Cannot use --host game.example.org with --io-backend epoll: give an IP address, because it cannot look up host names",
    ],
  },
  {
    given: { args: ["--database-url", "sqlite://a.db"] },
    problems: [`Cannot use --database-url "sqlite://a.db": expected ${OPTIONS.databaseUrl.kind.expects}`],
  },
  {
    given: { args: ["--io-workers", "2"], os: "windows" },
    problems: ["Cannot use --io-workers 2: threads share ports on Linux only, limit is 1 on windows"],
  },
  {
    given: { args: ["--send-queue-soft-bytes", "400000", "--send-queue-hard-bytes", "400000"] },
    problems: [
      "Cannot use --send-queue-soft-bytes 400000: it must be below --send-queue-hard-bytes, which is 400000",
    ],
  },
  {
    given: { env: { DRAWBRIDGE_DATABASE_URL: "postgres://u:p@h" } },
    problems: [`Cannot use DRAWBRIDGE_DATABASE_URL: expected ${OPTIONS.databaseUrl.kind.expects}`],
  },
  {
    given: { args: ["--nats-url=nats://u:p@h:4222"] },
    problems: [
      "Cannot use --nats-url with SQLite: only servers on one PostgreSQL have something to tell each other, so give " +
      "--database-url postgres://…",
    ],
  },
  {
    given: { args: ["--nats-url=nats://u:p@h/x"] },
    problems: [`Cannot use --nats-url: expected ${OPTIONS.natsUrl.kind.expects}`],
  },
  {
    given: { args: ["--nats-ca", "/x/ca.pem"] },
    problems: ["Cannot use --nats-ca: --nats-url is not given"],
  },
];

for (const { given, problems } of BAD) {
  Deno.test(`loadConfig() refuses ${JSON.stringify(given).slice(0, 90)}`, () => {
    assertEquals(problemsOf(given), problems);
  });
}

Deno.test("loadConfig() lists the problems of all sources at once", () => {
  const problems = problemsOf({
    args: ["--config", "f", "--tick-ms", "5", "--wat"],
    env: { DRAWBRIDGE_ROLE: "boss", DRAWBRIDGE_TICK_MS: "7" },
    files: { f: '{"gamePort": "x", "nope": 1, "sendQueueSoftBytes": 2000000}' },
  });
  assertEquals(problems.map((problem) => problem.split(":")[0]), [
    "Unknown flag --wat",
    'Unknown key "nope" in f',
    'Cannot use "gamePort" in f "x"',
    'Cannot use DRAWBRIDGE_ROLE "boss"',
    'Cannot use DRAWBRIDGE_TICK_MS "7"',
    'Cannot use --tick-ms "5"',
    'Cannot use "sendQueueSoftBytes" in f 2000000',
  ]);
});

Deno.test("loadConfig() finds no contradiction in an option whose value it refused", () => {
  assertEquals(problemsOf({ args: ["--login-port", "x", "--game-port", "8080"] }).length, 1);
});

Deno.test("loadConfig() allows the same free port and the same port on different addresses", () => {
  load({ args: ["--login-port=0", "--game-port=0", "--gateway-port=0", "--admin-port=0"] });
  load({ args: ["--host=192.0.2.1", "--admin-port=8080"] });
});

Deno.test("loadConfig() ignores what Kubernetes sets for services, and says so", () => {
  const env = {
    DRAWBRIDGE_PORT: "tcp://10.0.0.7:8080",
    DRAWBRIDGE_SERVICE_HOST: "10.0.0.7",
    DRAWBRIDGE_SERVICE_PORT: "8080",
    DRAWBRIDGE_SERVICE_PORT_GAME: "8081",
    DRAWBRIDGE_PORT_8080_TCP: "tcp://10.0.0.7:8080",
    DRAWBRIDGE_PORT_8080_TCP_PROTO: "tcp",
    DRAWBRIDGE_PORT_8080_TCP_PORT: "8080",
    DRAWBRIDGE_PORT_8080_TCP_ADDR: "10.0.0.7",
    // A service that is called drawbridge-login, and one that is called drawbridge-role.
    DRAWBRIDGE_LOGIN_PORT: "tcp://10.0.0.8:8080",
    DRAWBRIDGE_ROLE_SERVICE_HOST: "10.0.0.8",
  };
  const notes: string[] = [];
  const readTextFile = () => "";
  const config = loadConfig({
    args: [],
    env: { ...env, DRAWBRIDGE_GAME_PORT: "7000" },
    readTextFile,
    onNote: (note) => notes.push(note),
  });
  assertEquals([config.loginPort, config.gamePort], [8080, 7000]);
  assertEquals(notes, [
    `Ignored variables that Kubernetes sets for services: ${
      Object.keys(env).join(", ")
    }; enableServiceLinks: false avoids them`,
  ]);
  assertEquals(problemsOf({ env: { DRAWBRIDGE_PORT: "8080" } }).length, 1);
  assertEquals(problemsOf({ env: { DRAWBRIDGE_LOGIN_PORT: "http://10.0.0.8" } }).length, 1);
});

Deno.test("loadConfig() reads a file that begins with a byte order mark", () => {
  assertEquals(load({ args: ["--config", "f"], files: { f: '\ufeff{"tickMs": 40}' } }).tickMs, 40);
});

Deno.test("loadConfig() looks only at the ports that the role opens", () => {
  const shared = ["--login-port=7000", "--game-port=7000", "--database-url=postgres://db:secret@db.example/drawbridge"];
  for (const role of ["login", "game"]) load({ args: ["--role", role, ...shared] });
  assertEquals(problemsOf({ args: ["--role", "all", ...shared] }).length, 1);
  load({ args: [...shared, "--role=game", "--login-port=8082"] });
  load({ args: [...shared, "--role=login", "--gateway-port=7000"] });
});

Deno.test("loadConfig() takes a certificate with its key, and a token for an admin site others can reach", () => {
  const config = load({
    args: ["--tls-cert=c", "--tls-key=k", "--admin-host=0.0.0.0"],
    env: { DRAWBRIDGE_ADMIN_TOKEN: "0123456789abcdef" },
    files: { c: "-----BEGIN CERTIFICATE-----\n", k: "-----BEGIN EC PRIVATE KEY-----\n" },
  });
  assertEquals(config.tlsCert, "c");
});

Deno.test("loadConfig() never shows a secret in its problems", () => {
  const problems = problemsOf({
    args: ["--admin-token", "pass word-1", "--admin-tokne", "pass-word-2", "--nats-url", "http://u:pass-word-3@h"],
    env: { DRAWBRIDGE_DATABASE_URL: "mysql://u:pass-word-4@h/d" },
  });
  assertEquals(problems.length, 4);
  assert(!/pass.word/.test(problems.join()), problems.join());
});

Deno.test("describeConfig() leaves out tokens", () => {
  const config = load({
    args: ["--allowed-origins=https://a.example,https://b.example"],
    env: { DRAWBRIDGE_ADMIN_TOKEN: "secret-token-1234" },
  });
  const described = describeConfig(config);
  assertEquals(described.adminToken, "***");
  assertEquals(described.allowedOrigins, "https://a.example,https://b.example");
  assertEquals(Object.keys(described), [...OPTION_KEYS]);
  assert(!JSON.stringify(described).includes("secret"));
});

Deno.test("describeConfig() shows the game's own options as well", () => {
  const gameOptions = { countMax: { kind: integer({ min: 1, max: 9 }), default: 3, help: "How far" } };
  const config = loadConfig({ args: ["--count-max=4"], env: {}, gameOptions });
  assertEquals(describeConfig(config).countMax, "4");
});

Deno.test("describeConfig() shows that no token is set", () => {
  assertEquals(describeConfig(load({})).adminToken, "");
});

Deno.test("sqlitePath() lies in the data folder unless absolute or in memory", () => {
  const dataDir = "/srv/data";
  assertEquals(sqlitePath({ dataDir, databaseUrl: "sqlite:a.db" }), "/srv/data/a.db");
  assertEquals(sqlitePath({ dataDir, databaseUrl: "sqlite:/x/a.db" }), "/x/a.db");
  assertEquals(sqlitePath({ dataDir, databaseUrl: "sqlite::memory:" }), ":memory:");
});

Deno.test("checkPublicHost() wants an address that other servers on a database can tell players", () => {
  const shared = ["--database-url", "postgres://db:secret@db.example/drawbridge"];
  const check = (...args: string[]) => checkPublicHost(load({ args: [...shared, ...args] }));
  const error = assertThrows(() => check(), ConfigError);
  assertEquals(error.problems, [
    "Cannot use --host 0.0.0.0 with --database-url postgres://db@db.example:5432/drawbridge: give --public-host, the " +
    "address by which players reach this server, as other servers tell it to them",
  ]);
  assertThrows(() => check("--host", "::"), ConfigError);
  for (const told of [["--public-host", "play.example.org"], ["--host", "192.0.2.1"], ["--role", "login"]]) {
    check(...told);
  }
  checkPublicHost(load({}));
});

Deno.test("problemText() gives every problem its own line", () => {
  assertEquals(EXIT_CONFIG, 78);
  const text = problemText(new ConfigError(["One is wrong", "Two is wrong"]));
  assertEquals(text.split("\n").slice(0, 3), [
    "Cannot start, the configuration has 2 problems:",
    "  - One is wrong",
    "  - Two is wrong",
  ]);
});

Deno.test("loadConfig() gives a configuration or a ConfigError for any command line", () => {
  const word = fc.oneof(
    fc.constantFrom(...OPTION_KEYS.map(flagOf), "--", "--config", "on", "off", "0", "-1", "", "=", "--="),
    fc.string({ maxLength: 12 }),
  );
  fc.assert(fc.property(fc.array(word, { maxLength: 8 }), (args) => {
    try {
      load({ args });
    } catch (error) {
      assert(error instanceof ConfigError, String(error));
      assert(error.problems.length > 0);
    }
  }));
});

Deno.test("loadConfig() gives a configuration or a ConfigError for any JSON file", () => {
  const content = fc.oneof(
    fc.json(),
    fc.dictionary(fc.constantFrom(...OPTION_KEYS), fc.jsonValue()).map((value) => JSON.stringify(value)),
  );
  fc.assert(fc.property(content, (text) => {
    try {
      load({ args: ["--config", "f"], files: { f: text } });
    } catch (error) {
      assert(error instanceof ConfigError, String(error));
    }
  }));
});
