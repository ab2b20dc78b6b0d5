import type { BusMessage } from "../../server/bus/bus.ts";
import type { FromBus, ToBus } from "../../server/bus/bus_messages.ts";
import { type BusPort, WorkerBus } from "../../server/bus/worker_bus.ts";
import { assertEquals } from "../support/assert.ts";

const MESSAGE: BusMessage = {
  ...{ sender: "a", number: 1, receiver: "", topic: "topic", sentAtMs: 1, question: 0, answerTo: 0 },
  payload: new Uint8Array(2),
};

/** A bus thread's end, by hand. */
class TestPort implements BusPort {
  readonly said: ToBus[] = [];
  onmessage: BusPort["onmessage"] = null;

  postMessage(said: ToBus): void {
    this.said.push(said);
  }

  close(): void {}

  gives(...messages: BusMessage[]): void {
    const data: FromBus = { messages, isUp: true, sent: 0, sentBytes: 0 };
    // Stands in for a port of which the bus uses no more than this has.
    this.onmessage!.call(this as unknown as MessagePort, new MessageEvent("message", { data }));
  }
}

Deno.test("WorkerBus tells a bus thread what was taken of what that one gave, not of what the one before it gave", () => {
  const dead = new TestPort(), port = new TestPort();
  const bus = new WorkerBus(dead, () => {});
  dead.gives(MESSAGE, MESSAGE, MESSAGE);
  bus.take();
  bus.onDeath();
  bus.replacePort(port);
  port.gives(MESSAGE);
  for (let count = 0; count < 2; count++) bus.take();
  bus.flush();
  assertEquals([dead.said, port.said], [[], []]);
  bus.take();
  bus.flush();
  assertEquals(port.said, [{ messages: [], taken: 1 }]);
});
