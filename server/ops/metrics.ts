/**
 * The monitor as Prometheus text; the only file that knows prom-client. A scrape is rare, so each one builds its
 * metrics anew from the counters instead of keeping a second set of them.
 *
 * @module
 */

import process from "node:process";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { VERSION } from "./build_info.ts";
import { bucketUpperBound, HISTOGRAM_BUCKETS, type HistogramSnapshot } from "./histogram.ts";
import type { GameSeries } from "./game_metrics.ts";
import type { Monitor, Totals } from "./monitor.ts";

/** The content type of {@linkcode renderMetrics}. */
export const METRICS_CONTENT_TYPE: string = Registry.PROMETHEUS_CONTENT_TYPE;

/** All metrics in Prometheus' text format. Labels come from closed lists: the text does not grow with the players. */
export function renderMetrics(monitor: Monitor): Promise<string> {
  const registry = new Registry();
  const page = new MetricsPage(registry);
  const totals = monitor.totals();
  addTraffic(page, totals);
  addConnections(page, totals);
  addLogic(page, totals);
  addProcess(page, monitor);
  addGame(page, monitor.gameSeries());
  const lag = page.gaugeOf("loop_lag_seconds", "How far a thread was behind at worst in half a second", ["worker"]);
  for (const { worker, lagMs } of monitor.loads()) lag.set({ worker }, lagMs / 1_000);
  new SampledHistogram(registry, {
    name: "drawbridge_rtt_seconds",
    help: "Round trips of heartbeats as the server measured them",
    histogram: monitor.rtt(),
    unitsPerSecond: 1_000,
    boundMin: 1,
    boundMax: 16_384,
  });
  new SampledHistogram(registry, {
    name: "drawbridge_tick_duration_seconds",
    help: "Work of one tick of the world",
    histogram: monitor.tick(),
    unitsPerSecond: 1_000_000,
    boundMin: 64,
    boundMax: 1_048_576,
  });
  return registry.metrics();
}

function addTraffic(page: MetricsPage, totals: Totals): void {
  page.counter("packets_total", "Packets received and sent", "direction", {
    in: totals.packetsIn,
    out: totals.packetsOut,
  });
  page.counter("bytes_total", "Bytes received and sent, before TLS", "direction", {
    in: totals.bytesIn,
    out: totals.bytesOut,
  });
  page.counter("ring_full_pauses_total", "Times reading stopped because a ring was full", totals.ringFullPauses);
  page.counter("read_pauses_total", "Times a connection was not read until it had paid", totals.readPauses);
  page.counter("droppable_shed_total", "Droppable packets left out for slow readers", totals.droppableShed);
  page.counter("packets_dropped_total", "Packets dropped by flood control", totals.packetsDropped);
  page.counter("slow_packets_total", "Packets whose handling took over 1 ms", totals.slowPackets);
  page.counter("handler_errors_total", "Packets, ticks and listeners that threw", totals.handlerErrors);
  page.counter(
    "documents_unreadable_total",
    "Times that a document of the game could not be read: it is of a newer version, damaged, or its migration fails",
    totals.documentsUnreadable,
  );
}

function addConnections(page: MetricsPage, totals: Totals): void {
  page.counter("connections_accepted_total", "Connections accepted", totals.accepted);
  page.counter("connections_refused_total", "Connections refused", "reason", {
    full: totals.refused,
    address: totals.refusedByAddress,
  });
  page.counter("address_bans_total", "Bans of addresses that flooded", totals.addressBans);
  page.counter("accept_errors_total", "Connections the system could not accept", totals.acceptErrors);
  page.counter("connections_closed_total", "Connections closed", "reason", totals.closed);
  page.gauge("connections_throttled", "Connections not read until they have paid for their work", totals.throttled);
  const connections = page.gaugeOf("connections", "Connections now", ["state", "transport"]);
  for (const { state, transport, count } of totals.connections) connections.set({ state, transport }, count);
}

function addLogic(page: MetricsPage, totals: Totals): void {
  page.gauge("sessions", "Sessions, with or without a connection", totals.sessions);
  page.gauge("players_online", "Players in the world", totals.playersOnline);
  page.gauge("login_queue_players", "Players who wait for room in the world", totals.loginQueue);
  page.gauge("sessions_link_dead", "Sessions that wait for their player to come back", totals.linkDead);
  page.gauge("entities", "Entities in the world", totals.entities);
  page.gauge("storage_pending", "Requests that wait for the storage", totals.storagePending);
  page.gauge("logic_memory_ratio", "Memory that logic uses, as a share of what V8 gives it", totals.logicMemoryShare);
  page.counter("logic_replaced_total", "Logic workers that went on for the one before", totals.logicReplaced);
  page.counter("requests_shed_total", "Requests refused as too many wait", totals.requestsShed);
  page.counter("tick_overruns_total", "Ticks that took longer than their interval", totals.tickOverruns);
  page.counter(
    "instance_ticks_skipped_total",
    "Ticks that instances skipped as they took more than their share of time",
    totals.instanceTicksSkipped,
  );
  page.counter("snapshots_total", "Snapshots built", totals.snapshotsBuilt);
  page.counter("snapshot_bytes_total", "Bytes of snapshots built", totals.snapshotBytes);
  page.counter("entities_encoded_total", "Entities encoded for snapshots", totals.encoderCalls);
  page.counter("chat_messages_total", "Chat messages delivered", totals.chatMessages);
  page.counter("chat_refused_total", "Chat refused for flooding, or as its sender is muted", "reason", {
    flood: totals.chatRefusedFlood,
    muted: totals.chatRefusedMuted,
  });
  page.counter("chat_crowded_out_total", "Chat not delivered to who had just come online", totals.chatCrowdedOut);
  page.counter("bus_messages_total", "Messages between this server and others, by what became of them", "kind", {
    sent: totals.busSent,
    received: totals.busReceived,
    dropped: totals.busDropped,
    refused: totals.busRefused,
  });
  page.counter("logins_total", "Logins", "result", { ok: totals.loginsOk, failed: totals.loginsFailed });
}

/** What the game declares: names of its own, and labels whose values are bounded where they are counted. */
function addGame(page: MetricsPage, series: readonly GameSeries[]): void {
  for (const [name, all] of Map.groupBy(series, ({ name }) => name)) {
    const [{ help, kind, label }] = all;
    const metric = kind === "gauge"
      ? page.gaugeOf(`game_${name}`, help, label === "" ? [] : [label])
      : page.counterOf(`game_${name}`, help, label === "" ? [] : [label]);
    for (const { value, number } of all) metric.inc(label === "" ? {} : { [label]: value }, number);
  }
}

function addProcess(page: MetricsPage, monitor: Monitor): void {
  const memory = Deno.memoryUsage();
  page.gauge("process_resident_memory_bytes", "Resident memory of the process", memory.rss);
  page.gauge("main_heap_bytes", "Heap in use on the main thread", memory.heapUsed);
  const cpu = process.cpuUsage();
  page.counter("process_cpu_seconds_total", "Processor time of all threads", (cpu.user + cpu.system) / 1e6);
  page.gauge("uptime_seconds", "Time since the server started", monitor.uptimeMs / 1_000);
  page.gaugeOf("build_info", "Always 1; the labels tell the build", ["version", "deno"])
    .set({ version: VERSION, deno: Deno.version.deno }, 1);
}

/** Adds metrics with their values in one call. */
class MetricsPage {
  readonly #registers: Registry[];

  constructor(registry: Registry) {
    this.#registers = [registry];
  }

  counter(name: string, help: string, value: number): void;
  counter(name: string, help: string, label: string, values: Readonly<Record<string, number>>): void;
  counter(name: string, help: string, labelOrValue: string | number, values?: Readonly<Record<string, number>>): void {
    const labelNames = typeof labelOrValue === "string" ? [labelOrValue] : [];
    const counter = this.counterOf(name, help, labelNames);
    if (typeof labelOrValue === "number") {
      counter.inc(labelOrValue);
      return;
    }
    for (const [label, value] of Object.entries(values ?? {})) counter.inc({ [labelOrValue]: label }, value);
  }

  counterOf<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({ name: `drawbridge_${name}`, help, labelNames: [...labelNames], registers: this.#registers });
  }

  gauge(name: string, help: string, value: number): void {
    this.gaugeOf(name, help, []).set(value);
  }

  gaugeOf<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Gauge<Label> {
    return new Gauge({ name: `drawbridge_${name}`, help, labelNames: [...labelNames], registers: this.#registers });
  }
}

/** A histogram that was counted elsewhere. Its bounds are powers of two of the unit it was counted in. */
class SampledHistogram extends Histogram<string> {
  readonly #options: SampledHistogramOptions;

  constructor(registry: Registry, options: SampledHistogramOptions) {
    super({ name: options.name, help: options.help, registers: [registry] });
    this.#options = options;
  }

  /** What prom-client prints. */
  getForPromString() {
    const { name, help, histogram, unitsPerSecond, boundMin, boundMax } = this.#options;
    const values: { metricName: string; labels: Record<string, string | number>; value: number }[] = [];
    let count = 0;
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      count += histogram.buckets[bucket];
      const bound = bucketUpperBound(bucket);
      // A bound for each power of two is fine enough for a graph.
      if ((bound & (bound - 1)) !== 0 || bound < boundMin || bound > boundMax) continue;
      values.push({ metricName: `${name}_bucket`, labels: { le: bound / unitsPerSecond }, value: count });
    }
    values.push({ metricName: `${name}_bucket`, labels: { le: "+Inf" }, value: histogram.count });
    values.push({ metricName: `${name}_sum`, labels: {}, value: histogram.sum / unitsPerSecond });
    values.push({ metricName: `${name}_count`, labels: {}, value: histogram.count });
    return Promise.resolve({ name, help, type: "histogram", values, aggregator: "sum" });
  }
}

interface SampledHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly histogram: HistogramSnapshot;
  readonly unitsPerSecond: number;
  /** Least and largest bound shown, in the unit of the histogram: powers of two below its largest value. */
  readonly boundMin: number;
  readonly boundMax: number;
}
