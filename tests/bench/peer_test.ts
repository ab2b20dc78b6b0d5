import {
  compare,
  comparisonTable,
  medianOf,
  parseEchoload,
  parsePeerOptions,
  ROWS,
  type Sample,
} from "../../bench/peer.ts";
import { ConfigError } from "../../shared/errors.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

const LINE = "conns=1000 size=100 depth=4 rate=0 echoed=202883/s sent=203681/s mean=19.540ms p50=17.1 p95=40.25 " +
  "p99=58.9 max=1e+02 connect=0.06s warm=0.02s errors=1 bad=2 gen_cpu=1.1s\n";

Deno.test("parseEchoload() reads the load generator's line and refuses everything else", () => {
  assertEquals(parseEchoload(LINE), {
    echoedPerS: 202_883,
    meanMs: 19.54,
    p50Ms: 17.1,
    p95Ms: 40.25,
    p99Ms: 58.9,
    maxMs: 100,
    errors: 3,
  });
  assertThrows(() => parseEchoload("FAILED warm-up: 3 of 5"), Error, "The load generator said: FAILED warm-up: 3 of 5");
  assertThrows(() => parseEchoload(""), Error, "said: nothing");
});

function sample(echoedPerS: number, meanMs: number): Sample {
  return { echoedPerS, meanMs, p50Ms: 1, p95Ms: 2, p99Ms: 3, maxMs: 4, errors: 1, cpuUsPerEcho: 5, memoryMb: 6 };
}

Deno.test("compare() sets medians in relation: throughput in a closed loop, mean latency in an open one", () => {
  const [closed, open] = [ROWS.find(({ ratePerS }) => ratePerS === 0)!, ROWS.find(({ ratePerS }) => ratePerS > 0)!];
  const ofRow = new Map([
    ["drawbridge epoll", [sample(300, 2), sample(100, 9), sample(200, 1)]],
    ["C++ peer", [sample(100, 4)]],
    ["kernel limit", [sample(400, 1)]],
  ]);
  const comparisons = compare(new Map([[closed.name, ofRow], [open.name, ofRow]]), [closed, open]);
  const ours = comparisons.filter(({ contender }) => contender === "drawbridge epoll");
  assertEquals(ours.map(({ againstPeer, againstLimit, median }) => [againstPeer, againstLimit, median.errors]), [
    [2, 0.5, 3],
    [2, 0.5, 3],
  ]);
  assertEquals(medianOf([sample(1, 1), sample(4, 1)], "echoedPerS"), 2.5);
  const table = comparisonTable(comparisons).split("\n");
  assertEquals(table.length, 2 + 6);
  assert(table[2].includes("| drawbridge epoll |") && table[2].includes("2.00x") && table[2].includes("0.50x"));
  assertEquals(new Set(table.map((line) => line.length)).size, 1);
});

Deno.test("parsePeerOptions() takes rows and backends by name and names every problem", () => {
  const options = parsePeerOptions(["--rows=5000@10,100x8", "--backends", "epoll", "--seconds", "2"]);
  assertEquals(options.rows.map(({ name }) => name), ["100x8", "5000@10"]);
  assertEquals([options.backends, options.seconds, options.alternations], [["epoll"], 2, 5]);
  assert(options.peer.endsWith("shared/peer"));
  const { problems } = assertThrows(
    () => parsePeerOptions(["--rows", "9x9", "--secs", "--alternations=0", "--json"]),
    ConfigError,
  );
  assertEquals(problems, [
    'Cannot use --rows "9x9": expected some of 100x8, 100x1, 1000x4, 5000x1, 5000@10, separated by commas',
    "Unknown flag --secs",
    'Cannot use --alternations "0": expected an integer from 1 to 100',
    "Cannot use --json undefined: expected a path",
  ]);
});
