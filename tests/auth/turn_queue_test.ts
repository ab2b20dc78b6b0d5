import { TurnQueue } from "../../server/auth/turn_queue.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

function drain(queue: TurnQueue<string>): string[] {
  const items: string[] = [];
  while (queue.length > 0) items.push(queue.shift()!);
  assertEquals(queue.shift(), undefined);
  return items;
}

Deno.test("TurnQueue.shift() takes one of each asker in turn, and each asker's in order", () => {
  const queue = new TurnQueue<string>(10);
  for (const item of ["a1", "a2", "a3", "b1", "c1", "c2"]) assertEquals(queue.push(item[0], item), undefined);
  assertEquals(drain(queue), ["a1", "b1", "c1", "a2", "c2", "a3"]);
});

Deno.test("TurnQueue.push() into a full queue ousts the newest of who has the most, and never favours who has more", () => {
  const queue = new TurnQueue<string>(4);
  for (const item of ["a1", "a2", "a3", "a4"]) queue.push("a", item);
  assertEquals(queue.push("a", "a5"), "a5");
  assertEquals(queue.push("b", "b1"), "a4");
  assertEquals(queue.push("b", "b2"), "a3");
  assertEquals(queue.push("b", "b3"), "b3");
  assertEquals(queue.push("c", "c1"), "a2");
  assertEquals(queue.length, 4);
  assertEquals(drain(queue), ["a1", "b1", "c1", "b2"]);
});

Deno.test("TurnQueue keeps its bound, loses nothing unsaid and leaves nobody out who asks little", () => {
  const pushes = fc.array(fc.oneof(fc.constantFrom("a", "b", "c", "d", "e"), fc.constant(null)), { maxLength: 200 });
  fc.assert(fc.property(pushes, (steps) => {
    const queue = new TurnQueue<string>(8);
    const waiting = new Set<string>();
    for (const [index, asker] of steps.entries()) {
      if (asker === null) {
        const item = queue.shift();
        assertEquals(item === undefined, waiting.size === 0);
        if (item !== undefined) assert(waiting.delete(item));
        continue;
      }
      const item = `${asker}${index}`;
      const ousted = queue.push(asker, item);
      waiting.add(item);
      if (ousted !== undefined) assert(waiting.delete(ousted));
      // One item of five askers always fits.
      if (![...waiting].some((other) => other !== item && other[0] === asker)) assert(waiting.has(item));
      assertEquals(queue.length, waiting.size);
      assert(queue.length <= 8);
    }
    assertEquals(new Set(drain(queue)), waiting);
  }));
});
