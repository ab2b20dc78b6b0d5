import { parsePairOptions, rowOf } from "../../bench/pairs.ts";
import { ConfigError } from "../../shared/errors.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("parsePairOptions() needs a checkout to compare with and names every problem", () => {
  const { now, ...options } = parsePairOptions(["--before", "/old", "--loads=world,rate", "--flood-control", "off"]);
  assertEquals(options, {
    before: "/old",
    loads: ["world", "rate"],
    backends: ["epoll", "deno"],
    floodControl: "off",
    pairs: 5,
    seconds: 4,
    idle: 60,
  });
  assert(new URL("../..", import.meta.url).pathname.startsWith(now), now);
  const { problems } = assertThrows(() => parsePairOptions(["--loads", "chat", "--pairs=0"]), ConfigError);
  assertEquals(problems, [
    'Cannot use --loads "chat": expected some of rate, closed, world, memory, separated by commas',
    'Cannot use --pairs "0": expected an integer from 1 to 100',
  ]);
  assertEquals(assertThrows(() => parsePairOptions([]), ConfigError).problems, [
    "--before is missing: the checkout to compare with",
  ]);
});

Deno.test("rowOf() compares within each pair, and gives the median of the ratios", () => {
  const pair = (before: number, now: number) => ({
    before: { cpuUs: before, memoryMb: 100 },
    now: { cpuUs: now, memoryMb: 103 },
  });
  const [name, ...cells] = rowOf("rate, epoll", [pair(1, 1.1), pair(2, 2), pair(4, 3.6)]);
  assertEquals([name, cells.slice(0, 4), cells.slice(4)], [
    "rate, epoll",
    ["2.00", "2.00", "1.10 1.00 0.90", "1.000"],
    ["100", "103", "1.03 1.03 1.03", "1.030"],
  ]);
  const idle = { cpuUs: NaN, memoryMb: 160 };
  assertEquals(rowOf("memory, deno", [{ before: idle, now: idle }]).slice(1, 6), ["", "", "", "", "160"]);
});
