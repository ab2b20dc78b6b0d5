import type { Connection } from "../../server/io/connection.ts";
import type { ConnectionHost } from "../../server/io/connection_host.ts";
import { PacketBudget } from "../../server/io/packet_budget.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import {
  ADDRESS_TOKENS_BATCH,
  FLOOD_DROPS_MAX,
  FLOOD_INTERVAL_MS,
  REFUSED_INTERVAL_MS,
  REFUSED_PACKETS_MAX,
} from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";

const CHAT = contract.packets.row(PacketType.CHAT_MESSAGE)!;
const ENOUGH = { perSecond: 1_000_000, burst: 1_000_000 };

/** How many chat messages a budget pays for at one moment, at most `count`. */
function payableOf(budget: PacketBudget, count: number, host: Partial<ConnectionHost>, addressEntry = -1): number {
  let paid = 0;
  while (paid < count && budget.tryPay(CHAT, { addressEntry } as Connection, host as ConnectionHost)) paid++;
  return paid;
}

Deno.test("PacketBudget.tryPay() takes from the connection's tokens what the packet table says", () => {
  const packetRate = { perSecond: 10, burst: 5 * CHAT.cost };
  const budget = new PacketBudget(packetRate, 1_000);
  assertEquals(payableOf(budget, 100, { packetRate, nowMs: 1_000 }), 5);
  assertEquals(payableOf(budget, 100, { packetRate, nowMs: 1_000 + 100 * CHAT.cost }), 1);
});

Deno.test("PacketBudget.tryPay() takes of the address in batches, and nothing of one that is not limited", () => {
  const budget = new PacketBudget(ENOUGH, 0);
  let batches = 0;
  const host = { packetRate: ENOUGH, nowMs: 0, tryTakeOfAddress: () => ++batches <= 2 };
  const payable = Math.floor(2 * ADDRESS_TOKENS_BATCH / CHAT.cost);
  assertEquals(payableOf(budget, 1_000, host, 3), payable);
  assertEquals(batches, 3);
  assertEquals(payableOf(budget, 50, host), 50);
  assertEquals(batches, 3);
});

Deno.test("PacketBudget.tryPay() pays for everything when flood control is off", () => {
  assertEquals(payableOf(new PacketBudget(null, 0), 10_000, {}), 10_000);
});

Deno.test("PacketBudget counts drops and refusals by their intervals", () => {
  const budget = new PacketBudget(ENOUGH, 0);
  for (
    const [count, limit, intervalMs] of [
      [(nowMs: number) => budget.countDrop(nowMs), FLOOD_DROPS_MAX, FLOOD_INTERVAL_MS],
      [(nowMs: number) => budget.countRefusal(nowMs), REFUSED_PACKETS_MAX, REFUSED_INTERVAL_MS],
    ] as const
  ) {
    for (const startMs of [1_000_000, 1_000_000 + intervalMs + 1]) {
      for (let index = 0; index < limit; index++) assert(!count(startMs));
      assert(count(startMs + intervalMs - 1));
    }
  }
});

Deno.test("PacketBudget.takeWarning() warns once a second, and of each packet with a number", () => {
  const budget = new PacketBudget(ENOUGH, 0);
  const warned = [[0, 0], [999, 0], [999, 7], [1_000, 0], [1_999, 0], [2_000, 8]].map(([nowMs, sequence]) =>
    budget.takeWarning(nowMs, sequence)
  );
  assertEquals(warned, [true, false, true, false, true, true]);
});
