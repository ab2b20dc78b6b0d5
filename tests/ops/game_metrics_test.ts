import { defineGame, definePart, type GameMetric, type GameMetricWriter } from "../../server/game/game.ts";
import { createGameMetricsBlock, GameMetrics } from "../../server/ops/game_metrics.ts";
import { renderMetrics } from "../../server/ops/metrics.ts";
import { Monitor } from "../../server/ops/monitor.ts";
import { GAME_METRIC_LABEL_VALUES_MAX, GAME_METRIC_SERIES_MAX } from "../../shared/limits.ts";
import { contract } from "../game/counter/contract.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";
import { LogicHarness } from "../support/logic_harness.ts";
import { parsePrometheusText } from "../support/prometheus_text.ts";

const ENDED: GameMetric = { kind: "counter", help: "Matches that ended", label: { name: "end", valuesMax: 2 } };
const WAITING: GameMetric = { kind: "gauge", help: "Players who wait" };

function declared(memory = createGameMetricsBlock()): GameMetrics {
  const metrics = new GameMetrics(memory);
  metrics.begin();
  metrics.declare("matches_total", ENDED);
  metrics.declare("waiting", WAITING);
  return metrics;
}

const numbers = (metrics: GameMetrics) => metrics.read().map(({ name, value, number }) => [name, value, number]);

Deno.test("GameMetrics: what a label has beyond its bound, or cannot have, is counted under other", () => {
  const metrics = declared();
  const ended = metrics.writer("matches_total");
  for (const end of ["time", "left", "time", "operator", "fire", "new\nline", "x".repeat(49), "other"]) {
    ended.add(1, end);
  }
  metrics.writer("waiting").set(7);
  metrics.writer("waiting").add(-2);
  assertEquals(numbers(metrics), [
    ["waiting", "", 5],
    ["matches_total", "time", 2],
    ["matches_total", "left", 1],
    ["matches_total", "other", 5],
  ]);
});

Deno.test("GameMetrics: counters go on in the worker that comes after one, gauges begin anew, and the bound holds", () => {
  const memory = createGameMetricsBlock();
  const first = declared(memory);
  for (const end of ["time", "left", "fire"]) first.writer("matches_total").add(1, end);
  first.writer("waiting").set(3);
  const second = declared(memory);
  for (const end of ["ice", "left"]) second.writer("matches_total").add(1, end);
  assertEquals(numbers(second), [
    ["waiting", "", 0],
    ["matches_total", "time", 1],
    ["matches_total", "left", 2],
    ["matches_total", "other", 2],
  ]);
});

Deno.test("GameMetrics: what cannot be declared, counted or set is refused", () => {
  const metrics = declared();
  const refused: readonly [name: string, metric: GameMetric, what: string][] = [
    ["Matches", WAITING, "must match"],
    ["waiting", WAITING, "one of that name"],
    ["a", { ...WAITING, help: "" }, "help"],
    ["a", { ...WAITING, help: 'a "quote"' }, "help"],
    ["a", { ...WAITING, label: { name: "a b", valuesMax: 1 } }, "label"],
    ["a", { ...WAITING, label: { name: "a", valuesMax: GAME_METRIC_LABEL_VALUES_MAX + 1 } }, "values"],
  ];
  for (const [name, metric, what] of refused) assertThrows(() => metrics.declare(name, metric), TypeError, what);
  assertThrows(() => metrics.writer("matches_total").add(-1, "time"), RangeError, "only grows");
  assertThrows(() => metrics.writer("matches_total").set(1, "time"), TypeError, "counter");
  assertThrows(() => metrics.writer("matches_total").add(1), TypeError, "a label, end");
  assertThrows(() => metrics.writer("waiting").set(1, "room"), TypeError, "no label");
  assertThrows(() => metrics.writer("nothing"), TypeError, "There is no metric nothing");
  const widest = { ...WAITING, label: { name: "a", valuesMax: GAME_METRIC_LABEL_VALUES_MAX } };
  assertThrows(
    () => {
      for (let index = 0; index < GAME_METRIC_SERIES_MAX; index++) metrics.declare(`m${index}`, widest);
    },
    TypeError,
    "at most",
  );
});

Deno.test("renderMetrics() has a game's own metrics beside the server's", async () => {
  const monitor = new Monitor({ nowMs: () => 0 });
  const metrics = declared(monitor.gameMetrics);
  metrics.writer("matches_total").add(4, "time");
  metrics.writer("waiting").set(2);
  const samples = parsePrometheusText(await renderMetrics(monitor)).filter(({ name }) => name.includes("_game_"));
  assertEquals(samples.map(({ name, labels, value }) => [name, labels, value]), [
    ["drawbridge_game_waiting", {}, 2],
    ["drawbridge_game_matches_total", { end: "time" }, 4],
  ]);
});

Deno.test("Game.metric(): a game and its parts declare theirs, each name once", async () => {
  const maps = () => [{ mapId: 0, width: 100, height: 100, interestRadius: 20 }];
  const part = definePart("part", (game) => game.metric("waiting"), { waiting: WAITING });
  let writers: GameMetricWriter[] = [];
  const metrics = { matches_total: ENDED };
  const game = defineGame(contract, { maps, metrics }, (game) => {
    writers = [game.metric("matches_total"), game.use(part)];
  });
  await using _harness = await LogicHarness.create({ game });
  writers[0].add(1, "time");
  writers[1].set(1);
  const twice = defineGame(contract, { maps, metrics: { waiting: WAITING } }, (game) => void game.use(part));
  assertThrows(() => void LogicHarness.create({ game: twice }), TypeError, "there is one of that name");
});
