/// <reference lib="deno.worker" />
/**
 * One end of a stream of records through a ring: sends or receives them, sleeping on a doorbell while it cannot.
 *
 * @module
 */

import { RingConsumer, RingProducer } from "../../server/ring/byte_ring.ts";
import { Doorbell } from "../../server/ring/doorbell.ts";
import { RECORD_HEADER_BYTES, tryPushRecord } from "../../server/ring/records.ts";

/** What a stream worker is to do. */
export interface StreamOrder {
  readonly role: "send" | "receive";
  readonly recordCount: number;
  readonly ring: SharedArrayBuffer;
  /** Where the sender, and where the receiver waits. */
  readonly senderDoorbell: SharedArrayBuffer;
  readonly receiverDoorbell: SharedArrayBuffer;
}

/** What became of it; both ends must give the same checksum. */
export interface StreamReport {
  readonly recordCount: number;
  readonly checksum: number;
  /** Waits that nobody ended: a ring was lost. */
  readonly timedOutCount: number;
  readonly problem: string;
}

/** Far longer than the whole test may take. */
const WAIT_MS = 60_000;
const PAYLOAD_BYTES_MAX = 300;
/** Records between two publications, at most. */
const BATCH_MAX = 64;
/** Records between two releases, at most. */
const RELEASE_EVERY = 1_000;

/** FNV-1a, over words that a record is made of. */
function mix(checksum: number, word: number): number {
  return Math.imul(checksum ^ word, 16_777_619) >>> 0;
}

/** Sizes that are the same for both ends: mostly small, now and then large. */
function payloadBytesOf(number: number): number {
  const mixed = Math.imul(number + 1, 2_654_435_761) >>> 0;
  return mixed % 97 === 0 ? mixed % PAYLOAD_BYTES_MAX : mixed % 48;
}

let timedOutCount = 0;

/** Sleeps until `isReady` or rung. */
async function waitFor(doorbell: Doorbell, isReady: () => boolean): Promise<void> {
  doorbell.markSleeping();
  if (isReady()) return doorbell.markAwake();
  if (await doorbell.wait(WAIT_MS) === "timed-out") timedOutCount++;
  doorbell.markAwake();
}

async function send(order: StreamOrder): Promise<StreamReport> {
  const ring = new RingProducer(order.ring);
  const own = new Doorbell(order.senderDoorbell);
  const other = new Doorbell(order.receiverDoorbell);
  const payload = new Uint8Array(PAYLOAD_BYTES_MAX);
  let checksum = 0;
  for (let number = 0; number < order.recordCount; number++) {
    const byteCount = payloadBytesOf(number);
    for (let index = 0; index < byteCount; index++) payload[index] = number + index;
    while (tryPushRecord(ring, 1, number, ~number, 7, number * 2 ** 20, 0, payload, 0, byteCount) < 0) {
      if (ring.publish()) other.ring();
      await waitFor(own, () => ring.hasRoom(RECORD_HEADER_BYTES + PAYLOAD_BYTES_MAX));
    }
    checksum = mix(mix(checksum, number), byteCount === 0 ? 0 : payload[byteCount - 1]);
    if (number % BATCH_MAX === (number >>> 8) % BATCH_MAX && ring.publish()) other.ring();
  }
  if (ring.publish()) other.ring();
  return { recordCount: order.recordCount, checksum, timedOutCount, problem: "" };
}

async function receive(order: StreamOrder): Promise<StreamReport> {
  const ring = new RingConsumer(order.ring);
  const own = new Doorbell(order.receiverDoorbell);
  const other = new Doorbell(order.senderDoorbell);
  let checksum = 0;
  let number = 0;
  let problem = "";
  while (number < order.recordCount && problem === "") {
    for (let count = 0; count < RELEASE_EVERY; count++) {
      const at = ring.next();
      if (at < 0) break;
      problem ||= findProblem(ring, at, number);
      const byteCount = ring.words[(at >>> 2) + 5];
      const last = byteCount === 0 ? 0 : ring.bytes[at + RECORD_HEADER_BYTES + byteCount - 1];
      checksum = mix(mix(checksum, ring.words[(at >>> 2) + 2]), last);
      number++;
    }
    ring.release();
    other.ring();
    if (number < order.recordCount && ring.empty) await waitFor(own, () => !ring.empty);
  }
  return { recordCount: number, checksum, timedOutCount, problem };
}

/** What is wrong with a record, or nothing. */
function findProblem(ring: RingConsumer, at: number, number: number): string {
  const word = at >>> 2;
  if (ring.words[word + 2] !== number) return `Record ${ring.words[word + 2]} came for ${number}`;
  if (ring.words[word + 3] !== ~number >>> 0) return `Record ${number} has another generation`;
  if (ring.doubles[(at >>> 3) + 3] !== number * 2 ** 20) return `Record ${number} has another sequence`;
  const byteCount = ring.words[word + 5];
  if (byteCount !== payloadBytesOf(number)) return `Record ${number} has ${byteCount} bytes`;
  for (let index = 0; index < byteCount; index++) {
    if (ring.bytes[at + RECORD_HEADER_BYTES + index] !== ((number + index) & 0xff)) return `Record ${number} is torn`;
  }
  return "";
}

self.onmessage = async ({ data: order }: MessageEvent<StreamOrder>) => {
  self.postMessage(order.role === "send" ? await send(order) : await receive(order));
};
