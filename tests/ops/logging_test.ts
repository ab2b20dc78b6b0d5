import { getLogger, type LoggingOptions, setupLogging } from "../../server/ops/logging.ts";
import { LOG_LINE_BYTES_MAX } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

/** Sets up logging into a list of lines. */
function capture(options: Partial<LoggingOptions> = {}): string[] {
  const lines: string[] = [];
  const write = (line: Uint8Array) => void lines.push(new TextDecoder("utf-8", { fatal: true }).decode(line));
  setupLogging({ level: "debug", format: "json", ...options, write });
  return lines;
}

Deno.test("Logger writes one JSON object a line with time, level, logger, thread, message and properties", () => {
  const lines = capture({ thread: "io-1" });
  const logger = getLogger("gateway");
  logger.debug("One");
  logger.info("Two", { port: 8082, nothing: null, big: 12n });
  logger.warn("Three");
  logger.error("Four");
  const records = lines.map((line) => JSON.parse(line));
  assert(lines.every((line) => line.endsWith("}\n") && !line.slice(0, -1).includes("\n")));
  assertEquals(records.map(({ level, message }) => [level, message]), [
    ["debug", "One"],
    ["info", "Two"],
    ["warn", "Three"],
    ["error", "Four"],
  ]);
  const { time, ...rest } = records[1];
  assert(!Number.isNaN(Date.parse(time)));
  assertEquals(rest, {
    level: "info",
    logger: "gateway",
    thread: "io-1",
    message: "Two",
    properties: { port: 8082, nothing: null, big: "12" },
  });
});

Deno.test("setupLogging() leaves out what is below its level", () => {
  const lines = capture({ level: "warn" });
  getLogger("x").info("No");
  getLogger("x").warn("Yes");
  assertEquals(lines.map((line) => JSON.parse(line).message), ["Yes"]);
});

Deno.test("setupLogging() may be called again, also for loggers made before", () => {
  const logger = getLogger("x");
  const first = capture();
  const second = capture();
  logger.info("Here");
  assertEquals([first.length, second.length], [0, 1]);
});

Deno.test("Logger takes braces in a message as they are", () => {
  const lines = capture();
  getLogger("x").info("Cannot parse {name} of {{x}}", { name: "secret" });
  assertEquals(JSON.parse(lines[0]).message, "Cannot parse {name} of {{x}}");
});

Deno.test("Logger shows an error with its stack and its causes", () => {
  const lines = capture();
  getLogger("x").error("Cannot start", { error: new Error("outer", { cause: new TypeError("inner") }) });
  const { error } = JSON.parse(lines[0]).properties;
  assert(error.startsWith("Error: outer\n    at "));
  assert(error.endsWith("\nCaused by: TypeError: inner"));
});

Deno.test("Logger writes JSON lines of bounded length whatever it is given", () => {
  const lines = capture();
  const logger = getLogger("x");
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  logger.info("m".repeat(100_000));
  logger.info("Long value", { text: "\u0001".repeat(100_000), kept: 1 });
  logger.info(
    "Many",
    Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`key${index}`, "é".repeat(900)])),
  );
  logger.info("Odd", {
    circular,
    symbol: Symbol("s"),
    call: () => 1,
    map: new Map([[1, 2]]),
    half: "\ud800",
    nan: NaN,
  });
  fc.assert(fc.property(fc.string(), fc.dictionary(fc.string(), fc.anything()), (message, properties) => {
    logger.info(message, properties);
  }));
  for (const line of lines) {
    assert(new TextEncoder().encode(line).length <= LOG_LINE_BYTES_MAX, `${line.length} characters`);
    JSON.parse(line);
  }
  assertEquals(JSON.parse(lines[1]).properties, { kept: 1 });
  assertEquals(JSON.parse(lines[1]).truncated, true);
});

Deno.test("Logger writes no control characters of others in pretty lines", () => {
  const lines = capture({ format: "pretty", thread: "io-2", colors: false });
  getLogger("x").warn("Refused \x1b[2J name", { name: "\x1b[31mred\r\x07\x9b1m", port: 1 });
  assert(!/\p{Cc}/u.test(lines[0].trimEnd()), JSON.stringify(lines[0]));
  assert(lines[0].includes("io-2") && lines[0].includes("port=1"), lines[0]);
});

Deno.test("setupLogging() works in a Worker, which writes to standard error and not to standard output", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-prompt", new URL("../support/logging_main.ts", import.meta.url).pathname],
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 0, text);
  assertEquals(new TextDecoder().decode(stdout), "");
  const records = text.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(records.map(({ thread, message }) => `${thread}: ${message}`), ["main: Before", "io-1: In a worker"]);
});
