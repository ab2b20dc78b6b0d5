import { assertEquals } from "../support/assert.ts";
import { DeliveryLedger } from "./delivery_ledger.ts";

/** A ledger in which A said five things to B, and B heard what is given. */
function heard(...numbers: number[]): DeliveryLedger {
  const ledger = new DeliveryLedger();
  for (let count = 0; count < 5; count++) ledger.said("A", "B", "whisper");
  for (const number of numbers) ledger.heard("A", "B", "whisper", number);
  return ledger;
}

Deno.test("DeliveryLedger finds nothing wrong with what was heard once and in order", () => {
  assertEquals(heard(0, 1, 2, 3, 4).faults(), []);
});

for (
  const [what, numbers, account] of [
    ["is missing at the end", [0, 1, 2, 3], "of 5 1 lost, 0 doubled, 0 out of order, 0 corrupted"],
    ["is missing between others", [0, 1, 3, 4], "of 5 1 lost, 0 doubled, 0 out of order, 0 corrupted"],
    ["comes twice", [0, 1, 1, 2, 3, 4], "of 5 0 lost, 1 doubled, 0 out of order, 0 corrupted"],
    ["comes late", [0, 2, 1, 3, 4], "of 5 0 lost, 0 doubled, 1 out of order, 0 corrupted"],
    ["was never said", [0, 1, 2, 3, 4, 5], "of 5 0 lost, 0 doubled, 0 out of order, 1 corrupted"],
    ["is no number", [0, 1, 2, 3, 4, NaN], "of 5 0 lost, 0 doubled, 0 out of order, 1 corrupted"],
  ] as const
) {
  Deno.test(`DeliveryLedger finds a message that ${what}`, () => {
    assertEquals(heard(...numbers).faults(), [`A to B, whisper: ${account}`]);
  });
}

Deno.test("DeliveryLedger keeps streams apart by speaker, hearer and name", () => {
  const ledger = heard(0, 1, 2, 3, 4);
  ledger.said("A", "B", "room");
  ledger.said("B", "A", "whisper");
  ledger.heard("C", "B", "whisper", 0);
  assertEquals(ledger.faults().map((fault) => fault.split(":")[0]), [
    "A to B, room",
    "B to A, whisper",
    "C to B, whisper",
  ]);
});
