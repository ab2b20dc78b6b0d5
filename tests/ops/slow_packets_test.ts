import { Counter, CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { SlowPackets } from "../../server/ops/slow_packets.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { SLOW_PACKET_LINES_MAX, SLOW_PACKET_MS, SLOW_PACKET_WARNED_MS } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { RecordingLogger } from "../support/recording_logger.ts";

function setup() {
  const logger = new RecordingLogger();
  const counters = new CounterBlock(createCounterBlock());
  return { logger, counters, slow: new SlowPackets(logger, counters, contract.packets, { nowMs: () => 0 }) };
}

Deno.test("SlowPackets.check() counts above 1 ms and not at 1 ms, and warns of neither", () => {
  const { logger, counters, slow } = setup();
  slow.check(PacketType.CHAT_MESSAGE, SLOW_PACKET_MS);
  assertEquals(counters.get(Counter.SLOW_PACKETS), 0);
  for (let count = 0; count < 100; count++) slow.check(PacketType.CHAT_MESSAGE, SLOW_PACKET_WARNED_MS);
  assertEquals([counters.get(Counter.SLOW_PACKETS), logger.records.length], [100, 0]);
});

Deno.test("SlowPackets.check() warns of a type that takes long again, not of code that is new", () => {
  const { logger, counters, slow } = setup();
  for (const type of [PacketType.LOGIN_REQUEST, PacketType.CHAT_MESSAGE]) slow.check(type, 40);
  assertEquals([counters.get(Counter.SLOW_PACKETS), logger.records.length], [2, 0]);
  slow.check(PacketType.CHAT_MESSAGE, 11.23456);
  assertEquals(logger.records, [{
    level: "warn",
    message: "Handling a packet took too long",
    properties: { type: "CHAT_MESSAGE", elapsedMs: 11.235, limitMs: SLOW_PACKET_WARNED_MS },
  }]);
});

Deno.test("SlowPackets.check() does not call the end of a connection an unknown packet", () => {
  const { logger, slow } = setup();
  for (let count = 0; count < 2; count++) slow.check(0, 15);
  assertEquals(logger.records.map(({ properties }) => properties.type), ["none: a connection began or ended"]);
});

Deno.test("SlowPackets.check() counts every slow packet and warns of a few", () => {
  const { logger, counters, slow } = setup();
  for (let count = 0; count < 1_000; count++) slow.check(PacketType.ECHO_REQUEST, 15);
  assertEquals([counters.get(Counter.SLOW_PACKETS), logger.records.length], [1_000, SLOW_PACKET_LINES_MAX]);
});
