import { assertEquals } from "../support/assert.ts";
import { StorageJudge } from "./storage_judge.ts";
import { Verdict } from "./verdict.ts";

const CHARACTER = { characterId: 5, mapId: 0, x: 1, y: 0, z: 1, yaw: 0, hp: 79 };

/** What is found where a player asks to be logged out and is, at these moments, with its save still to come. */
function findingOf(askedAtMs: number, doneAtMs: number): string | undefined {
  const verdict = new Verdict(() => 0), judge = new StorageJudge(verdict);
  judge.onLogoutAsked(5, askedAtMs);
  judge.onToSave(CHARACTER);
  judge.onLoggedOut(5, { saver: { find: () => CHARACTER } }, doneAtMs);
  return verdict.first?.text;
}

Deno.test("StorageJudge.onLoggedOut() takes a timer's 2 s for 2 s at any moment, and nothing less", () => {
  // From the second of these to the moment of a timer of 2,000 ms it is 1,999.999999999998 ms: numbers are rounded.
  for (const askedAtMs of [15_000, 15_629.824937942629]) {
    assertEquals(findingOf(askedAtMs, askedAtMs + 2_000), undefined);
    assertEquals(findingOf(askedAtMs, askedAtMs + 1_999), "Character 5 is logged out and not saved");
  }
});
