import { Counter, CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { SlowPackets } from "../../server/ops/slow_packets.ts";
import { PacketType } from "../../shared/gen/packet_pb.ts";
import { SLOW_PACKET_LINES_MAX } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { RecordingLogger } from "../support/recording_logger.ts";

function setup() {
  const logger = new RecordingLogger();
  const counters = new CounterBlock(createCounterBlock());
  return { logger, counters, slow: new SlowPackets(logger, counters, { nowMs: () => 0 }) };
}

Deno.test("SlowPackets.check() warns above 1 ms and not at 1 ms", () => {
  const { logger, counters, slow } = setup();
  slow.check(PacketType.CHAT_MESSAGE, 1);
  assertEquals([counters.get(Counter.SLOW_PACKETS), logger.records.length], [0, 0]);
  slow.check(PacketType.CHAT_MESSAGE, 1.23456);
  assertEquals(counters.get(Counter.SLOW_PACKETS), 1);
  assertEquals(logger.records, [{
    level: "warn",
    message: "Handling a packet took too long",
    properties: { type: "CHAT_MESSAGE", elapsedMs: 1.235, limitMs: 1 },
  }]);
});

Deno.test("SlowPackets.check() counts every slow packet and warns of a few", () => {
  const { logger, counters, slow } = setup();
  for (let count = 0; count < 1_000; count++) slow.check(PacketType.ECHO_REQUEST, 5);
  assertEquals([counters.get(Counter.SLOW_PACKETS), logger.records.length], [1_000, SLOW_PACKET_LINES_MAX]);
});
