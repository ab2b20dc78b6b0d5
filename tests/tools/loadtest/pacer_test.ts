import { LOADTEST_SENDS_PER_ROUND_MAX } from "../../../tools/limits.ts";
import { Pacer } from "../../../tools/loadtest/pacer.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("Pacer.takeDue() gives connections their turns in order, evenly spaced, whatever the time of asking", () => {
  const pacer = new Pacer({ connectionCount: 4, ratePerS: 10, startUs: 1_000, offset: 0.5 });
  const turns: [number, number][] = [];
  const note = (index: number, dueUs: number) => void turns.push([index, dueUs]);
  assertEquals(pacer.takeDue(0, note), 13_500);
  assertEquals(pacer.takeDue(13_500, note), 38_500);
  assertEquals(pacer.takeDue(140_000, note), 163_500);
  assertEquals(turns, [[0, 13_500], [1, 38_500], [2, 63_500], [3, 88_500], [0, 113_500], [1, 138_500]]);
});

Deno.test("Pacer.takeDue() stops after so many turns and says that more are due", () => {
  const pacer = new Pacer({ connectionCount: 1, ratePerS: 100_000, startUs: 0 });
  let count = 0;
  const dueUs = pacer.takeDue(1e6, () => void count++);
  assertEquals(count, LOADTEST_SENDS_PER_ROUND_MAX);
  assert(dueUs <= 1e6);
});

Deno.test("Pacer without a rate or without connections never has a turn", () => {
  const never = () => {
    throw new Error("A turn");
  };
  for (const options of [{ connectionCount: 3, ratePerS: 0 }, { connectionCount: 0, ratePerS: 3 }]) {
    assertEquals(new Pacer({ ...options, startUs: 0 }).takeDue(1e9, never), Infinity);
  }
});

Deno.test("Pacer.countDue() says what was due before a time and not given, and skipTo() lets it go", () => {
  const pacer = new Pacer({ connectionCount: 3, ratePerS: 10, startUs: 0 });
  const turns: number[] = [];
  const note = (index: number) => void turns.push(index);
  pacer.takeDue(0, note);
  assertEquals([pacer.countDue(0), pacer.countDue(33_333), pacer.countDue(33_334), pacer.countDue(1e6)], [0, 0, 1, 29]);
  pacer.skipTo(150_000);
  assertEquals(pacer.countDue(150_000), 0);
  assert(pacer.takeDue(200_000, note) > 200_000);
  assertEquals(turns, [0, 2, 0]);
});
