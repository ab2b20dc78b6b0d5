import { RateLimitedLog } from "../../server/ops/rate_limited_log.ts";
import { assertEquals } from "../support/assert.ts";
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
