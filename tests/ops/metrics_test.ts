import {
  connectionSlot,
  Counter,
  CounterBlock,
  createCounterBlock,
  Gauge,
  Histogram,
} from "../../server/ops/counters.ts";
import { METRICS_CONTENT_TYPE, renderMetrics } from "../../server/ops/metrics.ts";
import { Monitor } from "../../server/ops/monitor.ts";
import { DisconnectReason, DisconnectReasonSchema } from "../../shared/gen/auth_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { parsePrometheusText } from "../support/prometheus_text.ts";

function setup() {
  const memory = createCounterBlock();
  const monitor = new Monitor({ nowMs: () => 2_500 });
  monitor.attach("io-1", memory);
  return { monitor, block: new CounterBlock(memory) };
}

Deno.test("renderMetrics() gives valid Prometheus text in which every name is ours", async () => {
  const samples = parsePrometheusText(await renderMetrics(setup().monitor));
  for (const { name } of samples) assert(name.startsWith("drawbridge_"), name);
  assertEquals(METRICS_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
});

Deno.test("renderMetrics() gives the counters with their labels", async () => {
  const { monitor, block } = setup();
  block.add(Counter.PACKETS_IN, 7);
  block.add(Counter.BYTES_OUT, 2 ** 40);
  block.add(Counter.CLOSED_BY_REASON + DisconnectReason.FLOOD, 3);
  block.add(Counter.LOGINS_FAILED, 2);
  block.add(connectionSlot(2, 2), 5);
  block.set(Gauge.PLAYERS_ONLINE, 4);
  const samples = parsePrometheusText(await renderMetrics(monitor));
  const valueOf = (name: string, labels: Record<string, string> = {}) =>
    samples.find((sample) =>
      sample.name === `drawbridge_${name}` &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value)
    )?.value;
  assertEquals(valueOf("packets_total", { direction: "in" }), 7);
  assertEquals(valueOf("bytes_total", { direction: "out" }), 2 ** 40);
  assertEquals(valueOf("connections_closed_total", { reason: "flood" }), 3);
  assertEquals(valueOf("logins_total", { result: "failed" }), 2);
  assertEquals(valueOf("connections", { state: "in_world", transport: "websocket" }), 5);
  assertEquals(valueOf("players_online"), 4);
  assertEquals(valueOf("uptime_seconds"), 0);
  assertEquals(valueOf("build_info", { deno: Deno.version.deno }), 1);
  assert((valueOf("process_resident_memory_bytes") ?? 0) > 1_000_000);
  assert((valueOf("process_cpu_seconds_total") ?? 0) > 0);
});

Deno.test("renderMetrics() has the same lines however much was counted", async () => {
  const { monitor, block } = setup();
  const linesOf = async () =>
    parsePrometheusText(await renderMetrics(monitor)).map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`);
  const before = await linesOf();
  for (let count = 0; count < 1_000; count++) {
    block.observe(Histogram.RTT_MS, count * 37);
    block.add(Counter.CLOSED_BY_REASON + count % 14, 1);
  }
  assertEquals(await linesOf(), before);
  for (const { name } of DisconnectReasonSchema.values) {
    const reason = name.replace("DISCONNECT_REASON_", "").toLowerCase();
    assert(before.some((line) => line.includes(`"reason":"${reason}"`)), reason);
  }
});

Deno.test("renderMetrics() gives cumulative histograms in seconds whose buckets hold their bound", async () => {
  const { monitor, block } = setup();
  for (const value of [1, 2, 2.5, 64, 64.5, 16_384, 16_385]) block.observe(Histogram.RTT_MS, value);
  const samples = parsePrometheusText(await renderMetrics(monitor));
  const buckets = samples.filter(({ name }) => name === "drawbridge_rtt_seconds_bucket");
  const upTo = (le: string) => buckets.find((bucket) => bucket.labels.le === le)?.value;
  assertEquals(["0.001", "0.002", "0.004", "0.064", "0.128", "16.384", "+Inf"].map(upTo), [1, 2, 3, 4, 5, 6, 7]);
  assertEquals(samples.find(({ name }) => name === "drawbridge_rtt_seconds_count")?.value, 7);
  assertEquals(samples.find(({ name }) => name === "drawbridge_rtt_seconds_sum")?.value, 32.903);
});
