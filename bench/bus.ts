/**
 * What the bus carries, and what it costs logic: two nodes on a NATS server of their own, one that speaks and one that
 * hears. `deno task bench:bus`
 *
 * @module
 */

import { BytesValueSchema } from "@bufbuild/protobuf/wkt";
import { clusterKeyOf } from "../server/bus/cluster_key.ts";
import { parseNatsUrl } from "../server/bus/nats_target.ts";
import { NodeBus } from "../server/bus/node_bus.ts";
import { startBusThread } from "../server/bus/start_bus.ts";
import { WorkerBus } from "../server/bus/worker_bus.ts";
import { SystemClock } from "../server/base/clock.ts";
import { CounterBlock, createCounterBlock } from "../server/ops/counters.ts";
import { Faults } from "../server/ops/faults.ts";
import { busPermissions } from "../server/process/permissions.ts";
import { RecordingLogger } from "../tests/support/recording_logger.ts";
import { TestNats } from "../tests/support/nats.ts";
import { readFlags, runCommand } from "./flags.ts";
import { processorMs } from "./processor_time.ts";

/** About that of a chat message with its sender. */
const PAYLOAD_BYTES = 200;
/** Messages of one turn of logic. */
const PER_TURN = 100;

/** What was measured. */
export interface BusFigures {
  readonly count: number;
  /** Messages that arrived, per second from the first to the last. */
  readonly perSecond: number;
  /** Logic's time for each message it says, and for each it hears, in microseconds. */
  readonly sayUs: number;
  readonly hearUs: number;
  /** Processor time of all threads of both nodes for each message, in microseconds. */
  readonly processorUs: number;
  /** From one logic to the other and back with nothing else under way, in milliseconds: the median. */
  readonly roundTripMs: number;
}

async function openNode(nats: TestNats, node: string) {
  const target = parseNatsUrl(nats.url())!;
  const thread = await startBusThread({
    ...{ target, ca: "", node, clusterKey: clusterKeyOf(new Uint8Array(32)), counters: createCounterBlock() },
    ...{ permissions: busPermissions(target), onState: () => {} },
    onCrash: (error) => {
      throw error;
    },
  });
  let wake = () => {};
  const carrier = new WorkerBus(thread.connect().port, () => wake());
  const counters = new CounterBlock(createCounterBlock()), log = new RecordingLogger();
  const faults = new Faults(log, counters), clock = new SystemClock();
  const bus = new NodeBus({ carrier, node, life: 0, clock, counters, log, faults });
  /** Resolves when something has come. */
  const next = () => new Promise<void>((resolve) => wake = resolve);
  const close = () => {
    carrier.close();
    return thread.stop();
  };
  return { bus, topic: bus.topic(BytesValueSchema), next, close };
}

/** Measures with so many messages. */
export async function measureBus(count: number, roundTrips: number): Promise<BusFigures> {
  await using nats = await TestNats.start();
  const nodes = [await openNode(nats, "a"), await openNode(nats, "b")];
  const [speaker, hearer] = nodes;
  try {
    while (!nodes.every(({ bus }) => bus.isUp)) await new Promise((resolve) => setTimeout(resolve, 1));
    let heard = 0;
    hearer.topic.on(() => heard++);
    const value = crypto.getRandomValues(new Uint8Array(PAYLOAD_BYTES));
    let sayMs = 0, hearMs = 0, said = 0;
    const startProcessorMs = processorMs();
    const startMs = performance.now();
    while (heard < count) {
      const turnMs = performance.now();
      for (let left = PER_TURN; left > 0 && said < count && speaker.topic.publish({ value }); left--) said++;
      speaker.bus.take(Infinity);
      speaker.bus.flush();
      sayMs += performance.now() - turnMs;
      const hearFromMs = performance.now();
      hearer.bus.take(Infinity);
      hearer.bus.flush();
      hearMs += performance.now() - hearFromMs;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const takenMs = performance.now() - startMs;
    return {
      count,
      perSecond: count / takenMs * 1_000,
      sayUs: sayMs / count * 1_000,
      hearUs: hearMs / count * 1_000,
      processorUs: (processorMs() - startProcessorMs) / count * 1_000,
      roundTripMs: await medianRoundTrip(speaker, hearer, roundTrips),
    };
  } finally {
    for (const { close } of nodes) await close();
  }
}

type Node = Awaited<ReturnType<typeof openNode>>;

async function medianRoundTrip(speaker: Node, hearer: Node, count: number): Promise<number> {
  let isBack = false;
  hearer.topic.on(({ value }) => void hearer.topic.publish({ value }));
  speaker.topic.on(() => void (isBack = true));
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    isBack = false;
    const startMs = performance.now();
    const arrived = hearer.next();
    speaker.topic.publish({ value: new Uint8Array(PAYLOAD_BYTES) });
    speaker.bus.flush();
    await arrived;
    while (!isBack) {
      const back = speaker.next();
      hearer.bus.take(Infinity);
      hearer.bus.flush();
      speaker.bus.take(Infinity);
      if (!isBack) await Promise.race([back, new Promise((resolve) => setTimeout(resolve, 1))]);
    }
    times.push(performance.now() - startMs);
  }
  return times.sort((a, b) => a - b)[Math.floor(count / 2)];
}

if (import.meta.main) {
  await runCommand("Usage: deno task bench:bus", async (args) => {
    readFlags(args, {});
    const { count, perSecond, processorUs, sayUs, hearUs, roundTripMs } = await measureBus(100_000, 200);
    console.log(`${count} messages of ${PAYLOAD_BYTES} bytes: ${Math.round(perSecond)} a second`);
    console.log(`logic: ${sayUs.toFixed(1)} µs for each that is said, ${hearUs.toFixed(1)} µs for each that is heard`);
    console.log(`all threads of both: ${processorUs.toFixed(1)} µs for each`);
    console.log(`there and back: ${roundTripMs.toFixed(2)} ms`);
  });
}
