import { createRingBuffer } from "../../server/ring/byte_ring.ts";
import { createDoorbellBuffer } from "../../server/ring/doorbell.ts";
import { assertEquals } from "../support/assert.ts";
import type { StreamOrder, StreamReport } from "./stream_worker.ts";

/** Runs one end of a stream in a worker of its own. */
async function runEnd(order: StreamOrder): Promise<StreamReport> {
  const worker = new Worker(new URL("./stream_worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise<StreamReport>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
      };
      worker.postMessage(order);
    });
  } finally {
    worker.terminate();
  }
}

for (
  const { recordCount, ringBytes } of [{ recordCount: 1_000_000, ringBytes: 65_536 }, {
    recordCount: 20_000,
    ringBytes: 1_024,
  }]
) {
  Deno.test(`RingProducer streams ${recordCount} records to another thread through ${ringBytes} bytes, none lost or torn`, async () => {
    const shared = {
      recordCount,
      ring: createRingBuffer(ringBytes),
      senderDoorbell: createDoorbellBuffer(),
      receiverDoorbell: createDoorbellBuffer(),
    };
    const [sent, received] = await Promise.all([
      runEnd({ role: "send", ...shared }),
      runEnd({ role: "receive", ...shared }),
    ]);
    assertEquals(received.problem, "");
    assertEquals(received.recordCount, recordCount);
    assertEquals(received.checksum, sent.checksum);
    assertEquals([sent.timedOutCount, received.timedOutCount], [0, 0], "A ring was lost");
  });
}
