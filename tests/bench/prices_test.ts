import { measurePrices, priceTable } from "../../bench/prices.ts";
import { contract } from "../../games/marsh/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("bench/prices.ts has a row for every packet type that logic handles", async () => {
  const rows = await measurePrices({ packets: 2, rounds: 1 });
  const names = contract.packets.rows.filter(({ direction, handledBy }) =>
    direction !== "server" && handledBy === "logic"
  )
    .map(({ name }) => name);
  assertEquals(rows.map(({ name }) => name), names);
  for (const { name, logicUs } of rows) assert(Number.isFinite(logicUs) && logicUs > 0, name);
  assertEquals(priceTable(rows).split("\n").length, rows.length + 2);
});
