import { Matchmaker, type MatchRules, type Ticket } from "../../../games/parts/matchmaking/matchmaker.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { RULES, simulateQueue } from "./queue_simulation.ts";

interface Named extends Ticket {
  readonly name: string;
}

/** A queue with tickets such as `a1` and `b3`: name and size, a second apart. */
function queueOf(tickets: string, rules: Partial<MatchRules> = {}): Matchmaker<Named> {
  const queue = new Matchmaker<Named>({ ...RULES, ...rules });
  for (const [index, text] of tickets.split(" ").entries()) {
    assert(queue.tryAdd({ name: text, size: Number(text.slice(1)), sinceMs: index * 1_000 }), `${text} has no room`);
  }
  return queue;
}

const FULL: readonly [tickets: string, match: string | null][] = [
  ["a1 b1 c1", null],
  ["a1 b1 c1 d1 e1", "a1 b1 c1 d1"],
  ["a3 b2 c2", "b2 c2"],
  ["a3 b2 c1", "a3 c1"],
  ["a1 b2 c2 d1", "a1 b2 d1"],
  ["a2 b1 c3 d1", "a2 b1 d1"],
  ["a4 b1", "a4"],
];
for (const [tickets, match] of FULL) {
  Deno.test(`Matchmaker.find() makes ${match ?? "no match"} of ${tickets}, older ones first`, () => {
    assertEquals(queueOf(tickets).find(5_000)?.map(({ name }) => name).join(" ") ?? null, match);
  });
}

Deno.test("Matchmaker.find() is content with fewer players, but as many as there are, once one has waited", () => {
  const queue = queueOf("a1 b2");
  assertEquals(queue.find(RULES.waitMs - 1), null);
  assertEquals(queue.find(RULES.waitMs)?.map(({ name }) => name), ["a1", "b2"]);
  assertEquals(queueOf("a1").find(1e9), null, "One is not enough");
  assertEquals(queueOf("a3 b3").find(RULES.waitMs)?.map(({ name }) => name), ["a3"], "Three are");
});

Deno.test("Matchmaker has bounds: tickets in line, players of a ticket, rules", () => {
  const queue = queueOf("a1 b1", { ticketsMax: 2 });
  const ticket = { name: "c1", size: 1, sinceMs: 0 };
  assertEquals([queue.tryAdd(ticket), queue.count, queue.playerCount], [false, 2, 2]);
  assertEquals([queue.remove(ticket), queue.remove(queue.find(1e9)![0]), queue.tryAdd(ticket)], [false, true, true]);
  for (const size of [0, 5, 1.5]) assertThrows(() => queue.tryAdd({ ...ticket, size }), RangeError);
  for (const rules of [{ wanted: 17 }, { wanted: 0 }, { least: 5 }, { least: 0 }]) {
    assertThrows(() => queueOf("a1", rules), RangeError);
  }
});

Deno.test("Matchmaker serves 10,000 tickets, each once, the same in every run, and nobody waits while others fit", () => {
  for (const gapMs of [100, 1_000]) {
    const run = simulateQueue({ seed: 7, tickets: 10_000, gapMs });
    assertEquals(simulateQueue({ seed: 7, tickets: 10_000, gapMs }), run);
    const served = run.matches.flat();
    assertEquals(new Set(served).size, served.length);
    assertEquals(served.length + run.leftOver, 10_000);
    assert(run.leftOver <= 1, `${run.leftOver} left over`);
    assert(run.players.every((count) => count >= RULES.least && count <= RULES.wanted), "A match has a wrong size");
    // Whoever brings enough players needs nobody else.
    for (const size of [2, 3, 4]) assert(run.waits[size].at(-1)! <= RULES.waitMs, `Size ${size} waited too long`);
  }
});
