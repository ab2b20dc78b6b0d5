import { AssertionError } from "../../shared/errors.ts";
import { CHUNK_IDS, IdLists } from "../../server/world/id_lists.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const LISTS = 3;

/** The ids of a list, read as its documentation says. */
function read(lists: IdLists, list: number): number[] {
  const ids: number[] = [];
  let fill = lists.headFill(list);
  for (let chunk = lists.heads[list]; chunk !== 0; chunk = lists.nexts[chunk]) {
    for (let at = chunk * CHUNK_IDS; at < chunk * CHUNK_IDS + fill; at++) ids.push(lists.ids[at]);
    fill = CHUNK_IDS;
  }
  return ids.sort((a, b) => a - b);
}

Deno.test("IdLists holds what sets hold under any order of adding and removing", () => {
  const action = fc.tuple(fc.nat(LISTS - 1), fc.nat(9), fc.integer({ min: 1, max: 120 }));
  fc.assert(fc.property(fc.array(action, { maxLength: 800, size: "max" }), (actions) => {
    const lists = new IdLists(LISTS, 1), sets = Array.from({ length: LISTS }, () => new Set<number>());
    for (const [list, kind, id] of actions) {
      const set = sets[list];
      if (kind === 0) {
        lists.clear(list);
        set.clear();
      } else if (kind < 3) {
        assertEquals(lists.tryRemove(list, id), set.delete(id));
      } else if (kind === 3 && set.size > 0) {
        set.delete(lists.newestOf(list));
        lists.removeNewest(list);
      } else if (!set.has(id)) {
        const at = lists.add(list, id);
        assertEquals(lists.ids[at], id);
        set.add(id);
      }
      assertEquals(lists.counts[list], set.size);
      assertEquals(lists.has(list, id), set.has(id));
    }
    sets.forEach((set, list) => assertEquals(read(lists, list), [...set].sort((a, b) => a - b)));
  }));
});

Deno.test("IdLists.add() uses released chunks before it grows the pool", () => {
  const lists = new IdLists(2, 4);
  for (let round = 0; round < 1_000; round++) {
    for (let id = 1; id <= 4 * CHUNK_IDS; id++) lists.add(round & 1, id);
    lists.clear(round & 1);
  }
  assertEquals(lists.chunkCount, 4);
  for (let id = 1; id <= 4 * CHUNK_IDS + 1; id++) lists.add(0, id);
  assert(lists.chunkCount > 4, "One more than fits grows it");
});

Deno.test("IdLists.removeAt() says which id moved to the freed place", () => {
  const lists = new IdLists(1, 1);
  const place = lists.add(0, 7);
  lists.add(0, 8);
  lists.add(0, 9);
  assertEquals(lists.removeAt(0, place), 9);
  assertEquals(lists.ids[place], 9);
  assertEquals(read(lists, 0), [8, 9]);
});

Deno.test("IdLists.removeNewest() refuses an empty list", () => {
  assertThrows(() => new IdLists(1, 1).removeNewest(0), AssertionError, "newest");
});
