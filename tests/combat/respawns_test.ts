import { Respawns } from "../../games/parts/combat/respawns.ts";
import { RESPAWN_DELAY_MS, RESPAWN_DELAY_MS_MAX } from "../../games/parts/combat/limits.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("Respawns.ask() lets the dead back after the delay and not before", () => {
  const respawns = new Respawns();
  respawns.add(7, 1_000);
  assertEquals(respawns.ask(7, 1_000), { may: "too_soon", waitMs: RESPAWN_DELAY_MS });
  assertEquals(respawns.ask(7, 1_000 + RESPAWN_DELAY_MS - 1), { may: "too_soon", waitMs: 1 });
  assertEquals(respawns.ask(7, 1_000 + RESPAWN_DELAY_MS), { may: "yes", waitMs: 0 });
});

Deno.test("Respawns.ask() says that the living are not dead", () => {
  const respawns = new Respawns();
  assertEquals(respawns.ask(7, 0).may, "not_dead");
  respawns.add(7, 0);
  respawns.remove(7);
  assertEquals(respawns.ask(7, RESPAWN_DELAY_MS_MAX).may, "not_dead");
});

Deno.test("Respawns.due() gives the dead in the order of their deaths, each when its time is over", () => {
  const respawns = new Respawns();
  respawns.add(9, 0);
  respawns.add(3, 10);
  respawns.add(5, 20);
  assertEquals(respawns.due(RESPAWN_DELAY_MS_MAX - 1), 0);
  assertEquals(respawns.due(RESPAWN_DELAY_MS_MAX), 9);
  respawns.remove(9);
  assertEquals(respawns.due(RESPAWN_DELAY_MS_MAX), 0);
  assertEquals(respawns.due(RESPAWN_DELAY_MS_MAX + 20), 3);
  respawns.remove(3);
  assertEquals(respawns.due(RESPAWN_DELAY_MS_MAX + 20), 5);
});

Deno.test("Respawns.add() counts from the last death", () => {
  const respawns = new Respawns();
  respawns.add(1, 0);
  respawns.add(2, 5);
  respawns.add(1, 10);
  assertEquals(respawns.due(RESPAWN_DELAY_MS_MAX + 5), 2);
  assertEquals(respawns.count, 2);
});
