import { busContract } from "../contract/bus_contract.ts";
import { MemoryBus } from "../support/memory_bus.ts";

busContract("MemoryBus", Deno.test, () => {
  const bus = new MemoryBus();
  return Promise.resolve({
    carrier: (node) => Promise.resolve(bus.carrier(node)),
    stop: () => Promise.resolve(void (bus.isUp = false)),
    start: () => Promise.resolve(void (bus.isUp = true)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
