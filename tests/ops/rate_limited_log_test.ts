import { Counter } from "../../server/ops/counters.ts";
import { LimitedLogger, RateLimitedLog } from "../../server/ops/rate_limited_log.ts";
import { GuildCreateRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { LOG_INTERVAL_MS, LOG_KIND_LINES_MAX, LOG_KINDS_MAX } from "../../shared/limits.ts";
import { breakableStorage } from "../guild/guild_scene.ts";
import { assertEquals } from "../support/assert.ts";
import { LogicHarness } from "../support/logic_harness.ts";
import { RecordingLogger } from "../support/recording_logger.ts";

function setup(linesMax: number) {
  const logger = new RecordingLogger();
  const clock = { ms: 0 };
  const log = new RateLimitedLog(logger, { linesMax, intervalMs: 1_000, nowMs: () => clock.ms });
  return { logger, clock, log };
}

Deno.test("RateLimitedLog.log() writes linesMax lines an interval and then says how many it left out", () => {
  const { logger, clock, log } = setup(2);
  for (let count = 0; count < 10; count++) log.log("warn", "Slow", { count });
  assertEquals(log.leftOut, 8);
  clock.ms = 999;
  log.log("warn", "Slow");
  clock.ms = 1_000;
  log.log("warn", "Slow", { count: 11 });
  log.log("warn", "Slow");
  assertEquals(logger.records, [
    { level: "warn", message: "Slow", properties: { count: 0 } },
    { level: "warn", message: "Slow", properties: { count: 1 } },
    { level: "warn", message: "Slow", properties: { count: 11, leftOut: 9 } },
    { level: "warn", message: "Slow", properties: {} },
  ]);
});

Deno.test("RateLimitedLog.tryTake() takes what write() then uses", () => {
  const { logger, log } = setup(1);
  assertEquals([log.tryTake(), log.tryTake()], [true, false]);
  log.write("error", "Taken");
  assertEquals(logger.records, [{ level: "error", message: "Taken", properties: { leftOut: 1 } }]);
  assertEquals(log.leftOut, 0);
});

Deno.test("LimitedLogger limits each message and packet type on its own, and says what it left out", () => {
  const logger = new RecordingLogger();
  let nowMs = 0;
  const log = new LimitedLogger(logger, () => nowMs);
  for (let count = 0; count < 100; count++) {
    log.error("Cannot handle packet", { type: "CHAT_MESSAGE", count });
    log.warn("Cannot note address");
  }
  log.error("Cannot handle packet", { type: "GUILD_INVITE_REQUEST" });
  nowMs = LOG_INTERVAL_MS;
  log.error("Cannot handle packet", { type: "CHAT_MESSAGE" });
  const count = (message: string, type?: string) =>
    logger.records.filter(({ message: text, properties }) => text === message && properties.type === type).length;
  assertEquals(count("Cannot handle packet", "CHAT_MESSAGE"), LOG_KIND_LINES_MAX + 1);
  assertEquals(count("Cannot note address"), LOG_KIND_LINES_MAX);
  assertEquals(count("Cannot handle packet", "GUILD_INVITE_REQUEST"), 1);
  const last = logger.records.at(-1);
  assertEquals([last?.level, last?.properties.leftOut], ["error", 100 - LOG_KIND_LINES_MAX]);
});

Deno.test("LimitedLogger stays bounded where messages hold what a peer chose", () => {
  const logger = new RecordingLogger();
  const log = new LimitedLogger(logger, () => 0);
  for (let count = 0; count < 10 * LOG_KINDS_MAX; count++) log.info(`Name ${count}`);
  assertEquals(logger.records.length, LOG_KINDS_MAX - 1 + LOG_KIND_LINES_MAX);
});

Deno.test("Logic writes a few lines of thousands of requests that fail for want of the storage, and no stacks", async () => {
  const { storage, fail } = breakableStorage();
  await using harness = await LogicHarness.create({ storage, config: { floodControl: false } });
  const players = [];
  for (let index = 0; index < 40; index++) players.push(await harness.connect());
  fail("unavailable");
  for (const player of players) {
    for (let index = 0; index < 95; index++) {
      harness.send(player, GuildCreateRequestSchema, { name: `Guild ${index}`, tag: `G${index}` });
    }
  }
  const failed = () => harness.counters.get(Counter.HANDLER_ERRORS);
  await harness.until(() => failed() >= 40 * 95);
  const lines = harness.log.records.filter(({ message }) => message === "Cannot handle packet");
  assertEquals(lines.length, LOG_KIND_LINES_MAX);
  for (const { properties } of lines) assertEquals(String(properties.error).includes("\n"), false);
});
