import { createDoorbellBuffer, Doorbell } from "../../server/ring/doorbell.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** Long enough that only a lost ring would ever wait so long. */
const WAIT_MS = 60_000;

Deno.test("Doorbell.wait() resolves when another end rings", async () => {
  const buffer = createDoorbellBuffer();
  const waiter = new Doorbell(buffer);
  const ringer = new Doorbell(buffer);
  waiter.markSleeping();
  const rung = waiter.wait(WAIT_MS);
  assert(rung !== null);
  ringer.ring();
  assertEquals(await rung, "ok");
});

Deno.test("Doorbell.wait() gives null when it was rung between markSleeping() and the wait", () => {
  const doorbell = new Doorbell(createDoorbellBuffer());
  doorbell.markSleeping();
  doorbell.ring();
  assertEquals(doorbell.wait(WAIT_MS), null);
});

Deno.test("Doorbell.ring() does nothing while the waiter is awake, and the mark is gone after it", () => {
  const doorbell = new Doorbell(createDoorbellBuffer());
  doorbell.ring();
  doorbell.markSleeping();
  doorbell.markAwake();
  doorbell.ring();
  assertEquals(doorbell.wait(WAIT_MS), null);
});

Deno.test("Doorbell.takeSleeping() is true for one of several ringers", () => {
  const buffer = createDoorbellBuffer();
  const [waiter, first, second] = [new Doorbell(buffer), new Doorbell(buffer), new Doorbell(buffer)];
  assertEquals(first.takeSleeping(), false);
  waiter.markSleeping();
  assertEquals([first.takeSleeping(), second.takeSleeping()], [true, false]);
});

Deno.test("Doorbell.wait() ends by itself when its time is over", async () => {
  const doorbell = new Doorbell(createDoorbellBuffer());
  // A wait alone does not keep the event loop going.
  const keptAlive = setInterval(() => {}, WAIT_MS);
  try {
    doorbell.markSleeping();
    assertEquals(await doorbell.wait(1), "timed-out");
  } finally {
    clearInterval(keptAlive);
  }
});

Deno.test("Doorbell.wait() is ended by a ring from another thread", async () => {
  const buffer = createDoorbellBuffer();
  const doorbell = new Doorbell(buffer);
  const worker = new Worker(new URL("./ringing_worker.ts", import.meta.url), { type: "module" });
  try {
    for (let count = 0; count < 50; count++) {
      doorbell.markSleeping();
      const rung = doorbell.wait(WAIT_MS);
      worker.postMessage(buffer);
      assertEquals(await (rung ?? "ok"), "ok");
    }
  } finally {
    worker.terminate();
  }
});
