import { OthersOnline } from "../../games/parts/friends/others_online.ts";
import { NodeBus } from "../../server/bus/node_bus.ts";
import { CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { Faults } from "../../server/ops/faults.ts";
import { BUS_SILENT_MS, NODE_BEAT_INTERVAL_MS } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { ManualClock } from "../support/logic_harness.ts";
import { MemoryBus } from "../support/memory_bus.ts";
import { RecordingLogger } from "../support/recording_logger.ts";

Deno.test("OthersOnline keeps nothing of servers that are gone, however often they are started", () => {
  const clock = new ManualClock(), network = new MemoryBus(), log = new RecordingLogger();
  const counters = new CounterBlock(createCounterBlock()), faults = new Faults(log, counters);
  const start = (node: string) => {
    const bus = new NodeBus({ carrier: network.carrier(node), node, life: 0, clock, counters, log, faults });
    const game = {
      bus,
      log,
      background: () => {},
      every: () => ({ cancel: () => {} }),
      players: { isOnline: () => false },
    };
    return { bus, others: new OthersOnline(game, { onChange: () => {}, onChanges: () => {} }) };
  };
  const here = start("here");
  for (let run = 0; run < 5; run++) {
    const { bus, others } = start(`run ${run}`);
    others.set({ playerId: 7, name: "Bert", ignoredIds: [] }, []);
    bus.flush();
    here.bus.take(Infinity);
    assertEquals([here.others.nodeCount, here.others.isOnlineFor(1, 7)], [1, true]);
    for (let passedMs = 0; passedMs <= BUS_SILENT_MS; passedMs += NODE_BEAT_INTERVAL_MS) {
      here.bus.sweep({ currentPlayers: 0, maxPlayers: 1, isDraining: false });
      clock.advance(NODE_BEAT_INTERVAL_MS);
    }
    assertEquals([here.others.nodeCount, here.others.isOnlineFor(1, 7)], [0, false], `run ${run}`);
  }
});
