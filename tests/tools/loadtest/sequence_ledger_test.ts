import { LOADTEST_GAP_MAX } from "../../../tools/limits.ts";
import { SequenceLedger } from "../../../tools/loadtest/sequence_ledger.ts";
import { assertEquals } from "../../support/assert.ts";
import { fc } from "../../support/property.ts";

Deno.test("SequenceLedger counts what is lost, duplicated and out of order as a list of all arrivals does", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 60 }),
    fc.array(fc.integer({ min: -2, max: 70 }), { maxLength: 200 }),
    (sentCount, arrivals) => {
      const ledger = new SequenceLedger();
      for (let count = 0; count < sentCount; count++) assertEquals(ledger.send(), count);
      const seen = new Set<number>();
      let highest = -1, duplicated = 0, outOfOrder = 0, corrupted = 0;
      for (const sequence of arrivals) {
        const isNew = sequence >= 0 && sequence < sentCount && !seen.has(sequence);
        assertEquals(ledger.receive(sequence), isNew);
        if (sequence < 0 || sequence >= sentCount) corrupted++;
        else if (seen.has(sequence)) duplicated++;
        else {
          if (sequence < highest) outOfOrder++;
          highest = Math.max(highest, sequence);
          seen.add(sequence);
        }
      }
      const received = seen.size;
      assertEquals(ledger.totals(), {
        sent: sentCount,
        received,
        lost: sentCount - received,
        duplicated,
        outOfOrder,
        corrupted,
      });
    },
  ));
});

Deno.test("SequenceLedger gives up the oldest gap when too much is known beyond it, and still counts right", () => {
  const ledger = new SequenceLedger();
  const count = 3 * LOADTEST_GAP_MAX;
  for (let sequence = 0; sequence < count; sequence++) ledger.send();
  for (let sequence = 0; sequence < count; sequence++) if (sequence % 1_000 !== 0) ledger.receive(sequence);
  const lost = Math.ceil(count / 1_000);
  assertEquals([ledger.totals().lost, ledger.outstandingCount], [lost, lost]);
  assertEquals(ledger.receive(0), false);
  assertEquals([ledger.totals().lost, ledger.totals().duplicated], [lost, 1]);
});

Deno.test("SequenceLedger.receiveNumbered() takes the far end's numbers, and restart() begins anew", () => {
  const ledger = new SequenceLedger();
  for (const sequence of [0, 1, 3, 2, 5]) ledger.receiveNumbered(sequence);
  ledger.restart();
  for (const sequence of [0, 0, 1]) ledger.receiveNumbered(sequence);
  assertEquals(ledger.totals(), {
    sent: 8,
    received: 7,
    lost: 1,
    duplicated: 1,
    outOfOrder: 1,
    corrupted: 0,
  });
});
