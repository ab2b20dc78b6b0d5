import { assertEquals } from "../support/assert.ts";
import { alternate, median, medianRatio } from "./alternate.ts";

Deno.test("median() gives the middle, or the mean of the two in the middle", () => {
  assertEquals([[3], [1, 9], [5, 1, 9], [4, 1, 9, 2]].map(median), [3, 5, 5, 3]);
  assertEquals(median([]), NaN);
});

Deno.test("alternate() runs both ways in turn, and medianRatio() compares their medians", async () => {
  const order: boolean[] = [];
  const results = await alternate(3, (isBurdened, round) => {
    order.push(isBurdened);
    return Promise.resolve((isBurdened ? 3 : 2) * (round === 1 ? 100 : round + 1));
  });
  assertEquals(order, [false, true, false, true, false, true]);
  assertEquals(results, { without: [2, 200, 6], burdened: [3, 300, 9] });
  assertEquals(medianRatio(results, (result) => result), 1.5);
});
