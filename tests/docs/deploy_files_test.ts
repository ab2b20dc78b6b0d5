/** The files that a server is deployed with: whatever they name is there. @module */

import { loadConfig } from "../../server/config/config.ts";
import { environmentVariableOf, OPTION_KEYS } from "../../server/config/schema.ts";
import { serveArguments } from "../../server/process/process_keeper.ts";
import { DRAIN_SECONDS, SESSIONS_DRAIN_MS, STOP_TIMEOUT_MS } from "../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { type ComposeService, readCompose } from "../support/compose.ts";
import { programTest } from "../support/programs.ts";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, ROOT));

const CONTAINERFILE = read("Containerfile");
const UNIT = read("docs/deploy/drawbridge@.service");
const COMPOSE = read("compose.yaml");
const VARIABLES = { POSTGRES_PASSWORD: "secret1", NATS_PASSWORD: "secret2" };
const compose = readCompose(COMPOSE, VARIABLES);
/** The services that are servers of ours. */
const servers: readonly (readonly [string, ComposeService])[] = Object.entries(compose.services)
  .filter(([, { image }]) => image === "drawbridge");

/** The instructions of a Containerfile, each with what follows it, in one line. */
function instructions(text: string): [name: string, rest: string][] {
  const joined = text.replace(/^#.*\n/gm, "").replace(/\\\n\s*/g, "");
  return joined.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const [name, ...rest] = line.trim().split(" ");
    return [name, rest.join(" ")];
  });
}

function argumentsOf(name: string): string[] {
  const [, rest] = instructions(CONTAINERFILE).findLast(([each]) => each === name)!;
  return JSON.parse(rest.replace(/^.*CMD /, "")) as string[];
}

/** A command without what differs from machine to machine: the configuration of Deno, and where the server's source is. */
function plainCommand(args: readonly string[]): string[] {
  const kept = args.filter((arg, index) =>
    arg !== "--cached-only" && arg !== "--config" && args[index - 1] !== "--config"
  );
  return kept.map((arg) => arg.endsWith("server/main.ts") ? "server/main.ts" : arg).sort();
}

Deno.test("Containerfile and the systemd unit start the server as deno task serve does", () => {
  const served = plainCommand(serveArguments());
  assertEquals(plainCommand(argumentsOf("ENTRYPOINT").slice(1)), served);
  const [, command] = /^ExecStart=\/usr\/bin\/env --block-signal=USR1 deno ((?:.*\\\n)*.*)$/m.exec(UNIT)!;
  assertEquals(plainCommand(command.replace(/\\\n/g, " ").trim().split(/\s+/)), served);
  const task = JSON.parse(read("deno.json")).tasks.serve.command as string;
  const allocator = task.split(" ")[0];
  for (const text of [CONTAINERFILE, UNIT]) assert(text.includes(allocator), allocator);
});

Deno.test("compose.yaml and the systemd unit give a server the time that it may take to stop", () => {
  const neededSeconds = DRAIN_SECONDS + (SESSIONS_DRAIN_MS + STOP_TIMEOUT_MS) / 1_000;
  assert(neededSeconds < 30, "Kubernetes gives 30 s unless told");
  const given = [/^TimeoutStopSec=(\d+)$/m.exec(UNIT), /^ {2}stop_grace_period: (\d+)s$/m.exec(COMPOSE)];
  for (const seconds of given) assert(Number(seconds?.[1]) > neededSeconds, `${seconds}`);
});

Deno.test("Containerfile copies and loads files that are there, and .dockerignore lets them through", () => {
  const let_through = read(".dockerignore").split("\n").filter((line) => line.startsWith("!")).map((line) =>
    line.slice(1)
  );
  const copied = instructions(CONTAINERFILE).filter(([name, rest]) => name === "COPY" && !rest.startsWith("--from"))
    .flatMap(([, rest]) => rest.split(" ").slice(0, -1));
  assertEquals(copied.sort(), let_through.sort());
  const [, cache] = instructions(CONTAINERFILE).find(([name, rest]) => name === "RUN" && rest.includes("deno cache"))!;
  const loaded = cache.split(" ").filter((word) => word.endsWith(".ts"));
  assert(loaded.includes("server/main.ts"));
  for (const path of [...copied, ...loaded, "LICENSE"]) assert(Deno.statSync(new URL(path, ROOT)), path);
  for (const path of loaded) assert(copied.includes(path.split("/")[0]), path);
  const [by_hand] = /deno cache (?:.*\\\n)*.*/.exec(read("docs/deploy.md"))!;
  assertEquals(by_hand.match(/\S+\.ts/g), loaded, "docs/deploy.md loads the same");
});

Deno.test("Containerfile runs the server as an ordinary user, keeps its data in a volume, and pins versions", () => {
  const all = instructions(CONTAINERFILE);
  const last = all.slice(all.findLastIndex(([name]) => name === "FROM"));
  assertEquals(last.filter(([name]) => name === "USER"), [["USER", "drawbridge"]]);
  const [, volume] = last.find(([name]) => name === "VOLUME")!;
  assert(last.some(([name, rest]) => name === "ENV" && rest.includes(`DRAWBRIDGE_DATA_DIR=${volume}`)));
  assertEquals(all.filter(([name]) => name === "FROM").length, 3);
  for (const [, image] of all.filter(([name]) => name === "FROM")) assert(/:\S+/.test(image), image);
  assert(
    CONTAINERFILE.includes(`deno:bin-${/DENO_VERSION=(\S+)/.exec(read(".ci/run"))![1]} `),
    "As the tests run with",
  );
  const plain = loadConfig({ args: [], env: {} });
  const [, exposed] = last.find(([name]) => name === "EXPOSE")!;
  assertEquals(exposed.split(" ").map(Number), [plain.loginPort, plain.gamePort, plain.gatewayPort]);
  assert(argumentsOf("HEALTHCHECK").at(-1)!.includes(`\${DRAWBRIDGE_ADMIN_PORT:-${plain.adminPort}}`));
});

Deno.test("Whatever is set in the files for deployment is an option of the server", () => {
  const variables = new Set(OPTION_KEYS.map(environmentVariableOf));
  for (const text of [CONTAINERFILE, UNIT, COMPOSE, read("docs/deploy.md")]) {
    for (const [name] of text.matchAll(/\bDRAWBRIDGE_[A-Z_]*[A-Z]/g)) assert(variables.has(name), name);
  }
});

Deno.test("compose.yaml gives each server a configuration that it takes, ports that it opens, and a volume", () => {
  assertEquals(servers.map(([name]) => name), ["login", "dragon", "phoenix"]);
  const ids = new Set<number>();
  for (const [name, service] of servers) {
    const config = loadConfig({ args: argumentsOf("ENTRYPOINT").slice(-1).slice(1), env: service.environment! });
    ids.add(config.serverId);
    const own = config.role === "login" ? [config.loginPort] : [config.gamePort, config.gatewayPort];
    assertEquals(service.ports, own.map((port) => `${port}:${port}`), name);
    assertEquals(service.volumes, [`${name}:/var/lib/drawbridge`]);
    assertEquals([service.read_only, service.build?.dockerfile], [true, "Containerfile"]);
    const { hostname, username, password } = new URL(config.databaseUrl);
    const { POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD } = compose.services[hostname].environment!;
    assertEquals([username, password, new URL(config.databaseUrl).pathname], [
      POSTGRES_USER,
      POSTGRES_PASSWORD,
      `/${POSTGRES_DB}`,
    ]);
    const nats = new URL(config.natsUrl);
    const [, user, , secret] = compose.services[nats.hostname].command!;
    assertEquals([nats.username, nats.password, nats.port], [user, secret, "4222"]);
    for (const other of [hostname, nats.hostname]) assert(other in service.depends_on!, other);
  }
  assertEquals(ids.size, servers.length);
  const gateways = servers.flatMap(([, { environment }]) => environment!.DRAWBRIDGE_GATEWAY_PORT ?? []);
  for (const [, { environment }] of servers) {
    assertEquals(environment!.DRAWBRIDGE_ALLOWED_ORIGINS.split(",").map((origin) => new URL(origin).port), gateways);
  }
  const named = Object.values(compose.services).flatMap(({ volumes = [] }) =>
    volumes.map((volume) => volume.split(":")[0])
  );
  assertEquals(Object.keys(compose.volumes!).sort(), named.sort());
});

Deno.test("readCompose() refuses what the schema of Compose does not have, and a variable that is missing", () => {
  assertThrows(() => readCompose(COMPOSE.replace("read_only:", "readonly:"), VARIABLES), Error, "additionalProperties");
  assertThrows(() => readCompose(COMPOSE, {}), Error, "POSTGRES_PASSWORD is not given");
});

programTest("systemd", "systemd finds nothing wrong with the unit", async () => {
  const dir = await Deno.makeTempDir({ prefix: "drawbridge-test-" });
  try {
    await Deno.writeTextFile(`${dir}/drawbridge@test.service`, UNIT);
    const { success, stderr } = await new Deno.Command("systemd-analyze", {
      args: ["verify", "--man=no", `${dir}/drawbridge@test.service`],
    }).output();
    const text = new TextDecoder().decode(stderr);
    assertEquals([success, text.split("\n").filter((line) => line.includes("drawbridge"))], [true, []], text);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
