/**
 * The soak of slow readers: some players read nothing while others talk. What the server keeps for them is bounded
 * and freed, they are closed, and the others lose nothing.
 *
 * @module
 */

import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { LatencyHistogram, type LatencySummary } from "../../tools/loadtest/histogram.ts";
import { bucketOf, LATENCY_BUCKETS } from "../../tools/loadtest/latency_counts.ts";
import type { LedgerTotals } from "../../tools/loadtest/sequence_ledger.ts";
import { type IoBackendName, ServerProcess, type TestPlayer } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { DeliveryLedger } from "./delivery_ledger.ts";
import { SlowReaders } from "./slow_readers.ts";

/** What to do. */
export interface SlowSoakOptions {
  readonly backend: IoBackendName;
  /** Players that read; every second one over WebSocket. */
  readonly honest: number;
  /** Players that do not. */
  readonly slow: number;
  /** `--send-queue-hard-bytes`. */
  readonly hardBytes: number;
  /** Messages that everyone is to hear, a second; 0: as fast as they are heard. */
  readonly rate: number;
  /** How many of them before the slow ones come, so that heaps and pools have their size. */
  readonly warmUpMessages: number;
  /** How many afterwards, at least; it goes on until all slow readers are closed. */
  readonly messages: number;
  readonly onProgress?: (text: string) => void;
}

/** What came of it. */
export interface SlowSoakResult {
  readonly backend: IoBackendName;
  readonly honest: number;
  readonly slow: number;
  readonly hardBytes: number;
  /** Connections that the server closed as SLOW_READER. */
  readonly slowClosed: number;
  /** Messages until the last of them was closed; 0: there were none. */
  readonly messagesUntilClosed: number;
  /** Resident memory of the server in bytes: with the honest players warmed up, at most afterwards, at the end. */
  readonly memory: { readonly before: number; readonly peak: number; readonly after: number };
  /** How long messages took from one honest player to another, in milliseconds, after the warm-up. */
  readonly latency: LatencySummary;
  readonly messages: LedgerTotals;
  /** Everything that must not be. Empty when all is well. */
  readonly problems: readonly string[];
}

/** Players that speak in turn. */
const SPEAKERS = 4;
/** Honest players that enter at once. */
const ENTRIES_MAX = 16;
/** Makes a frame of some 300 bytes. */
const PADDING = "x".repeat(200);
/** Messages under way when no rate is given. */
const OUTSTANDING_MAX = 16;
const HEARTBEAT_INTERVAL_MS = 2_000;
/** Heartbeats that were due for longer are left out: they would come in a burst. */
const BEAT_SPAN_MS_MAX = 50;
const MEMORY_INTERVAL_MS = 250;
/** How long the rest may take to arrive, in milliseconds. */
const SETTLE_PATIENCE_MS = 60_000;
/** Messages after which slow readers count as never closed: far more than caps and kernel buffers hold. */
const MESSAGES_MAX = 50_000;

/** Runs one server with its players and gives the account. */
export async function runSlowSoak(options: SlowSoakOptions): Promise<SlowSoakResult> {
  const { backend, honest, slow, hardBytes } = options;
  const softBytes = Math.floor(hardBytes / 4);
  await using server = await ServerProcess.start({
    backend,
    players: honest + slow,
    flags: ["--flood-control", "off", "--send-queue-soft-bytes", `${softBytes}`].concat(
      ["--send-queue-hard-bytes", `${hardBytes}`, "--io-workers", "2"],
    ),
  });
  using readers = new SlowReaders();
  const soak = new SlowSoak(options, server, readers);
  await soak.enter();
  const result = await soak.run();
  await server.stop();
  return result;
}

class SlowSoak {
  readonly #options: SlowSoakOptions;
  readonly #server: ServerProcess;
  readonly #readers: SlowReaders;
  readonly #clients: { readonly name: string; readonly client: DrawbridgeClient }[] = [];
  readonly #ledger = new DeliveryLedger();
  readonly #problems: string[] = [];
  /** When each message was said, by the number in it. */
  readonly #saidMs: number[] = [];
  /** How many have heard each message. */
  readonly #heardBy: number[] = [];
  #heardByAll = 0;
  #latencies = new Uint32Array(LATENCY_BUCKETS);
  #memoryPeak = 0;
  #memoryNextMs = 0;
  #beatenMs = performance.now();
  #beatsDue = 0;
  #isLeaving = false;

  constructor(options: SlowSoakOptions, server: ServerProcess, readers: SlowReaders) {
    this.#options = options;
    this.#server = server;
    this.#readers = readers;
  }

  async enter(): Promise<void> {
    const { honest } = this.#options;
    for (let from = 0; from < honest; from += ENTRIES_MAX) {
      const count = Math.min(ENTRIES_MAX, honest - from);
      await Promise.all(Array.from({ length: count }, (_, index) => this.#enterHonest(from + index)));
    }
  }

  async #enterHonest(index: number): Promise<void> {
    const { name, token }: TestPlayer = this.#server.takePlayer();
    const { game, gateway } = this.#server.ports;
    const client = new DrawbridgeClient({
      connect: (signal) =>
        index % 2 === 0
          ? connectTcp({ port: game, signal })
          : connectWebSocket(`ws://127.0.0.1:${gateway}/ws`, { signal }),
      onError: (error, source) => this.#problems.push(`${name}: ${source}: ${error}`),
    });
    await client.open();
    client.onState((state, { reason }) => {
      if (!this.#isLeaving) this.#problems.push(`${name} is ${state}: ${reason}`);
    });
    client.on("gap", () => this.#problems.push(`${name}: a gap`));
    client.on(PacketType.CHAT_MESSAGE, ({ senderName, message }) => this.#onChat(name, senderName, message));
    const { success, errorCode } = await client.enterWorld({ token });
    if (!success) throw new Error(`${name} cannot enter: error ${errorCode}`);
    this.#clients.push({ name, client });
  }

  async run(): Promise<SlowSoakResult> {
    const { backend, honest, slow, hardBytes, warmUpMessages, messages } = this.#options;
    await this.#speak(() => Promise.resolve(this.#saidMs.length >= warmUpMessages));
    await this.#settle();
    this.#latencies = new Uint32Array(LATENCY_BUCKETS);
    const before = this.#memoryPeak = await this.#server.memoryBytes();
    await this.#enterSlow();
    const messagesUntilClosed = await this.#speakUntilClosed();
    await this.#speak(() => Promise.resolve(this.#saidMs.length - warmUpMessages >= messages));
    await this.#settle();
    const slowClosed = await this.#slowClosed();
    const idleClosed = await this.#closedFor("idle");
    // With Deno.listen the kernel takes megabytes for each, so one whose heartbeats stop getting through before that is
    // full looks idle, and nothing tells the server otherwise.
    const closed = backend === "deno" ? slowClosed + idleClosed : slowClosed;
    if (closed < slow) {
      this.#problems.push(`Of ${slow} slow readers ${slowClosed} were closed as such, ${idleClosed} as idle`);
    }
    this.#problems.push(...this.#ledger.faults());
    const latency = new LatencyHistogram();
    latency.add(this.#latencies);
    await this.#watchMemory();
    const memory = { before, peak: this.#memoryPeak, after: await this.#server.memoryBytes() };
    this.#isLeaving = true;
    await Promise.all(this.#clients.map(({ client }) => client.logout()));
    return {
      backend,
      honest,
      slow,
      hardBytes,
      slowClosed,
      messagesUntilClosed,
      memory,
      latency: latency.summary()!,
      messages: this.#ledger.totals(),
      problems: this.#problems,
    };
  }

  async #enterSlow(): Promise<void> {
    const { honest, slow } = this.#options;
    for (let index = 0; index < slow; index++) {
      this.#readers.enter(this.#server.ports.game, this.#server.takePlayer().token);
      // The honest ones live in this thread.
      if (index % ENTRIES_MAX === 0) await new Promise((resolve) => setTimeout(resolve));
    }
    const online = () => this.#server.metric("drawbridge_players_online");
    await until("everybody in the world", async () => await online() === honest + slow);
  }

  /** Gives how many messages it took until the slow ones were closed, or gone otherwise. */
  async #speakUntilClosed(): Promise<number> {
    const { slow } = this.#options;
    if (slow === 0) return 0;
    const start = this.#saidMs.length;
    const count = () => this.#saidMs.length - start;
    const isOver = () => this.#readers.count === 0 || count() >= MESSAGES_MAX;
    await this.#speak(async () => await this.#slowClosed() >= slow || isOver());
    return count();
  }

  #slowClosed(): Promise<number> {
    return this.#closedFor("slow_reader");
  }

  #closedFor(reason: string): Promise<number> {
    return this.#server.metric("drawbridge_connections_closed_total", { reason });
  }

  /** Says one thing after the other until `isDone`, which is asked some times a second. */
  async #speak(isDone: () => Promise<boolean>): Promise<void> {
    const { rate, onProgress } = this.#options;
    const startMs = performance.now();
    const start = this.#saidMs.length;
    for (let round = 0; this.#problems.length === 0; round++) {
      if (round % 16 === 0) {
        if (await isDone()) return;
        await this.#watchMemory();
        onProgress?.(`${this.#saidMs.length} said, ${this.#readers.count} slow readers, ${this.#memoryPeak} bytes`);
      }
      const due = rate > 0 ? start + (performance.now() - startMs) * rate / 1_000 : this.#heardByAll + OUTSTANDING_MAX;
      while (this.#saidMs.length < due) this.#sayNext();
      this.#beat();
      await new Promise((resolve) => setTimeout(resolve, rate > 0 ? 10 : 0));
    }
  }

  /** Spread over the interval, as the heartbeats of players are who did not come all at once. */
  #beat(): void {
    const nowMs = performance.now();
    const elapsedMs = Math.min(nowMs - this.#beatenMs, BEAT_SPAN_MS_MAX);
    this.#beatsDue += this.#readers.count * elapsedMs / HEARTBEAT_INTERVAL_MS;
    this.#beatenMs = nowMs;
    const count = Math.floor(this.#beatsDue);
    this.#beatsDue -= count;
    this.#readers.beat(count);
  }

  #sayNext(): void {
    const number = this.#saidMs.length;
    const speaker = this.#clients[number % Math.min(SPEAKERS, this.#clients.length)];
    const streamNumber = this.#ledger.next(speaker.name, speaker.name, "global");
    const message = `${number} ${streamNumber} ${PADDING}`;
    this.#saidMs.push(performance.now());
    this.#heardBy.push(0);
    const result = speaker.client.send(ChatMessageSchema, { channel: Channel.GLOBAL, message });
    if (result !== "sent" && result !== "queued") this.#problems.push(`${speaker.name} cannot speak: ${result}`);
    for (const { name } of this.#clients) this.#ledger.said(speaker.name, name, "global");
  }

  #onChat(hearer: string, speaker: string, message: string): void {
    const [number, streamNumber] = message.split(" ", 2).map(Number);
    this.#ledger.heard(speaker, hearer, "global", streamNumber);
    this.#latencies[bucketOf((performance.now() - this.#saidMs[number]) * 1_000)]++;
    this.#heardBy[number]++;
    while (this.#heardBy[this.#heardByAll] >= this.#clients.length) this.#heardByAll++;
  }

  async #settle(): Promise<void> {
    await until("everything to be heard", () => this.#heardByAll === this.#saidMs.length, SETTLE_PATIENCE_MS)
      .catch((error) => this.#problems.push(error.message));
  }

  async #watchMemory(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs < this.#memoryNextMs) return;
    this.#memoryNextMs = nowMs + MEMORY_INTERVAL_MS;
    this.#memoryPeak = Math.max(this.#memoryPeak, await this.#server.memoryBytes());
  }
}
