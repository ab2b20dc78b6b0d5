import { KillCredit } from "../../games/parts/combat/kill_credit.ts";
import {
  KILL_PAIRS_MAX,
  KILLS_OF_ONE_VICTIM_INTERVAL_MS,
  KILLS_OF_ONE_VICTIM_MAX,
} from "../../games/parts/combat/limits.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("KillCredit.tryCount() counts a victim for each killer so often an hour, and each pair by itself", () => {
  const credit = new KillCredit();
  const counted = (killerId: number, victimId: number, nowMs: number) =>
    Array.from({ length: 20 }, () => credit.tryCount(killerId, victimId, nowMs)).filter(Boolean).length;
  for (const [killerId, victimId] of [[1, 2], [2, 1], [1, 3], [12, 3]]) {
    assertEquals(counted(killerId, victimId, 1_000), KILLS_OF_ONE_VICTIM_MAX);
  }
  assertEquals(counted(1, 2, 1_000 + KILLS_OF_ONE_VICTIM_INTERVAL_MS - 1), 0);
  assertEquals(counted(1, 2, 1_000 + KILLS_OF_ONE_VICTIM_INTERVAL_MS), KILLS_OF_ONE_VICTIM_MAX);
});

Deno.test("KillCredit.tryCount() forgets the pair that began longest ago", () => {
  const credit = new KillCredit();
  const kill = (victimId: number) => credit.tryCount(1, victimId, 0);
  for (let count = 0; count <= KILLS_OF_ONE_VICTIM_MAX; count++) kill(2);
  assertEquals(kill(2), false);
  for (let other = 0; other < KILL_PAIRS_MAX; other++) kill(10 + other);
  assertEquals([kill(2), kill(10 + KILL_PAIRS_MAX - 1)], [true, true]);
});
