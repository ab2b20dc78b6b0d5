import { GameKeeps } from "../../server/game/game_keeps.ts";
import type { FaultReport } from "../../shared/errors.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

function keeping(data: unknown) {
  const keeps = new GameKeeps();
  keeps.keep("data", () => data);
  const reports: string[] = [];
  const faults: FaultReport = { report: (place, error) => void reports.push(`${place}: ${error}`) };
  return { give: (max?: number) => keeps.give(faults, max), reports };
}

const self: { self?: unknown } = {};
self.self = self;

/** What is kept, and how many values it counts as. */
const COUNTED: [what: string, data: unknown, values: number][] = [
  ["a number", 1, 1],
  ["a list", [1, [2, 3]], 5],
  ["an object", { a: 1, b: { c: "x" } }, 4 + 1 / 64],
  ["a map", new Map([[1, { a: 2 }], [2, { a: 3 }]]), 7],
  ["a set", new Set([1, 2]), 3],
  ["a text", "x".repeat(640), 11],
  ["a buffer", new Uint8Array(640), 11],
  ["what holds itself", self, 2],
  ["nothing", null, 1],
];

for (const [what, data, values] of COUNTED) {
  Deno.test(`GameKeeps.give() takes ${what} of as many values as may be kept, and nothing of one more`, () => {
    const { give, reports } = keeping(data);
    assertEquals(give(), { data });
    assertEquals(give(values), { data });
    assertThrows(() => give(values - 0.5), RangeError, "Cannot keep data: the game keeps more than");
    assertEquals(reports, []);
  });
}

Deno.test("GameKeeps.give() bounds all that is kept together, and looks no further where there is more", () => {
  let readCount = 0;
  class Numbers extends Set<number> {
    override *[Symbol.iterator]() {
      for (; readCount < 1_000_000; readCount++) yield readCount;
      return undefined;
    }
  }
  const keeps = new GameKeeps();
  keeps.keep("few", () => [1, 2, 3]);
  keeps.keep("many", () => new Numbers());
  const faults: FaultReport = { report: () => {} };
  assertThrows(() => keeps.give(faults, 10), RangeError, "Cannot keep many: the game keeps more than 10 values");
  assert(readCount < 10, `${readCount}`);
});
