/**
 * Where a packet's time goes: the server's own code, stage by stage, for an echo of 100 bytes on the epoll backend, and
 * the kernel's calls on loopback sockets around it. One packet a call, as with one outstanding: batches cost less.
 *
 * Run: `deno task bench:stages`. Linux only.
 *
 * @module
 */

import { scanEcho } from "../server/io/diagnostics.ts";
import { BufferPool } from "../server/io/buffer_pool.ts";
import { SendQueue } from "../server/io/send_queue.ts";
import { TokenBucket } from "../server/base/token_bucket.ts";
import { createRingBuffer, RingConsumer, RingProducer } from "../server/ring/byte_ring.ts";
import { RECORD_HEADER_BYTES, RECORD_PACKET, tryPushRecord } from "../server/ring/records.ts";
import { assert } from "../shared/errors.ts";
import { FrameDecoder } from "../shared/frame_decoder.ts";
import { contract, PacketType } from "../games/marsh/contract.ts";
import { PacketView } from "../shared/packet_codec.ts";
import { EchoTemplate } from "../tools/loadtest/echo_scenario.ts";
import { readFlags, runCommand } from "./flags.ts";
import { LoopbackPairs } from "./loopback_pairs.ts";

const FRAME_BYTES = 100;
const NOW_MS = 1_700_000_000_000;
const RATE = { perSecond: 1e9, burst: 1e9 };
const NOTHING = { write: () => true };

/** One stage, for a number of packets. */
export interface Stage {
  readonly name: string;
  /** Which way of an echo has it: the io worker's own, or through logic too. */
  readonly route: "io" | "logic";
  /** How often a packet passes it. */
  readonly times: number;
  /** Handles so many packets; gives how long that took, in milliseconds. */
  readonly run: (packets: number) => number;
}

function timed(step: (packet: number) => void): (packets: number) => number {
  return (packets) => {
    const startMs = performance.now();
    for (let packet = 0; packet < packets; packet++) step(packet);
    return performance.now() - startMs;
  };
}

/** The stages of an echo, in its order. */
export function createStages(pairs: LoopbackPairs): Stage[] {
  const frame = Uint8Array.from(new EchoTemplate({ frameBytes: FRAME_BYTES, route: 1, unixMs: NOW_MS }).bytes);
  const view = new PacketView();
  view.decode(frame, 4, frame.length);
  const { payloadEnd, payloadStart } = view;
  const decoder = new FrameDecoder({ onFrame: () => true });
  const bucket = new TokenBucket(RATE, 0);
  const buffer = createRingBuffer(1_048_576);
  const producer = new RingProducer(buffer), consumer = new RingConsumer(buffer);
  const queue = new SendQueue(new BufferPool());
  let sum = 0;
  const check = () => {
    const row = contract.packets.row(view.type);
    assert(row !== undefined && bucket.tryTake(row.cost, RATE, sum++), "It may pass");
    assert(scanEcho(frame, payloadStart, payloadEnd) === 1, "It is an echo through logic");
  };
  const ring = () => {
    const at = tryPushRecord(producer, RECORD_PACKET, 7, 1, view.type, 0, 0, frame, payloadStart, payloadEnd);
    assert(at >= 0, "The ring has room");
    producer.publish();
    sum += consumer.bytes[consumer.next() + RECORD_HEADER_BYTES];
    consumer.release();
  };
  const append = () => {
    queue.appendPacket(PacketType.ECHO_RESPONSE, 0, NOW_MS, false, 0, frame, payloadStart, payloadEnd);
    queue.flush(NOTHING as unknown as Parameters<SendQueue["flush"]>[0]);
  };
  return [
    { name: "epoll_wait, a share of it", route: "io", times: 1, run: (packets) => pairs.time("wait", packets, frame) },
    { name: "recv", route: "io", times: 1, run: (packets) => pairs.time("receive", packets, frame) },
    { name: "frame", route: "io", times: 1, run: timed(() => decoder.push(frame, 0, frame.length)) },
    { name: "envelope", route: "io", times: 1, run: timed(() => view.decode(frame, 4, frame.length)) },
    { name: "packet table, token bucket, echo", route: "io", times: 1, run: timed(check) },
    { name: "ring, there and back", route: "logic", times: 2, run: timed(ring) },
    { name: "send queue", route: "io", times: 1, run: timed(append) },
    { name: "send", route: "io", times: 1, run: (packets) => pairs.time("send", packets, frame) },
  ];
}

/** A stage and what it takes, in microseconds a packet: the least of several runs, as others only add to it. */
export function measureStages(
  stages: readonly Stage[],
  options: { readonly packets: number; readonly rounds: number },
): { readonly stage: Stage; readonly us: number }[] {
  return stages.map((stage) => {
    let leastMs = Infinity;
    for (let round = 0; round < options.rounds; round++) leastMs = Math.min(leastMs, stage.run(options.packets));
    return { stage, us: stage.times * leastMs * 1_000 / options.packets };
  });
}

/** The table, with sums of each route. */
export function stageTable(measured: ReturnType<typeof measureStages>): string {
  const sumOf = (routes: readonly string[]) =>
    measured.filter(({ stage }) => routes.includes(stage.route)).reduce((sum, { us }) => sum + us, 0);
  const rows = [
    ...measured.map(({ stage, us }) => [stage.name, stage.route === "io" ? us.toFixed(2) : "", us.toFixed(2)]),
    ["sum", sumOf(["io"]).toFixed(2), sumOf(["io", "logic"]).toFixed(2)],
  ];
  const lines = rows.map(([name, io, logic]) => `| ${name.padEnd(33)} | ${io.padStart(12)} | ${logic.padStart(13)} |`);
  const head = [`| ${"Stage, µs a packet".padEnd(33)} |     echo, io |   echo, logic |`];
  return [...head, `| ${"-".repeat(33)} | -----------: | ------------: |`, ...lines].join("\n");
}

if (import.meta.main) {
  await runCommand("Usage: deno task bench:stages", (args) => {
    readFlags(args, {});
    using pairs = new LoopbackPairs(64);
    console.log(stageTable(measureStages(createStages(pairs), { packets: 64 * 500, rounds: 7 })));
  });
}
