import { assertEquals, assertThrows } from "../support/assert.ts";
import { Actor, Contradiction } from "./board.ts";
import { DueLedger } from "./due_ledger.ts";

function ledgerOf(...dues: readonly string[]): { ledger: DueLedger; actor: Actor } {
  const ledger = new DueLedger(), actor = new Actor(0, 1, "Anna");
  actor.isConnected = true;
  for (const due of dues) ledger.expect(actor, "s", due.replace("?", ""), { isOptional: due.endsWith("?") });
  return { ledger, actor };
}

/** What may come, of what is due (`?`: may stay away), in which order, and whether that is all. */
const CASES: readonly { readonly dues: string[]; readonly came: string[]; readonly says: string | null }[] = [
  { dues: ["a", "b"], came: ["a", "b"], says: null },
  { dues: ["a", "b"], came: ["b"], says: 'was sent in "s": b; due was: a, b' },
  { dues: ["a"], came: ["a", "a"], says: 'was sent in "s": a; due was: nothing' },
  { dues: ["a", "b"], came: ["a"], says: 'was not sent in "s": b' },
  { dues: ["a?", "b"], came: ["b"], says: null },
  { dues: ["a?", "b"], came: ["a"], says: 'was not sent in "s": b' },
  { dues: ["a?", "b"], came: ["b", "a"], says: 'was sent in "s": a' },
  // The same may come once for what is optional and once for what is not.
  { dues: ["a?", "a"], came: ["a"], says: null },
  { dues: ["a?", "a"], came: ["a", "a"], says: null },
  { dues: ["a?", "a"], came: ["a", "a", "a"], says: 'was sent in "s": a' },
  { dues: ["a?", "b?", "a", "b"], came: ["a", "b"], says: null },
  { dues: ["a?", "a", "b"], came: ["a"], says: 'was not sent in "s": b' },
];

for (const { dues, came, says } of CASES) {
  Deno.test(`DueLedger: of ${dues.join(", ")} came ${came.join(", ")}: ${says === null ? "right" : "wrong"}`, () => {
    const { ledger, actor } = ledgerOf(...dues);
    const run = () => {
      for (const key of came) ledger.take(actor, "s", key);
      ledger.checkNothingLeft();
    };
    if (says !== null) return void assertThrows(run, Contradiction, says);
    run();
    assertEquals(ledger.arrivedCount, came.length);
  });
}
