import { DOCUMENT_TURN_MS, STORAGE_TIMEOUT_MS } from "../../shared/limits.ts";
import { DocumentTurns } from "../../server/game/document_turns.ts";
import { assertEquals } from "../support/assert.ts";
import { SimulatedTime } from "../simulation/simulated_time.ts";

Deno.test("DocumentTurns.take() gives turns in the order in which they were asked for, at each document by itself", async () => {
  const turns = new DocumentTurns(new SimulatedTime());
  const told: string[] = [];
  const ask = async (document: string, name: string) => {
    const turn = await turns.take(document);
    told.push(name);
    return turn!;
  };
  const [first, second, third] = ["a", "b", "c"].map((name) => ask("purses 1", name));
  await ask("purses 2", "other");
  assertEquals(told, ["a", "other"]);
  (await first).end();
  (await second).end();
  (await third).end();
  assertEquals([told, turns.count], [["a", "other", "b", "c"], 1]);
});

Deno.test("DocumentTurns.take() goes on behind who never ends its turn, and lets nobody wait for too long", async () => {
  const time = new SimulatedTime(), turns = new DocumentTurns(time);
  await turns.take("purses 1");
  const inTime = STORAGE_TIMEOUT_MS / DOCUMENT_TURN_MS - 1, tooLate = 3;
  const told: string[] = [];
  for (let each = 0; each < inTime + tooLate; each++) {
    void turns.take("purses 1").then((turn) => void told.push(turn?.document ?? "too late"));
  }
  await time.pass(STORAGE_TIMEOUT_MS + 1);
  assertEquals(told, [...new Array(inTime).fill("purses 1"), ...new Array(tooLate).fill("too late")]);
  await time.pass(2 * DOCUMENT_TURN_MS);
  assertEquals(turns.count, 0);
  (await turns.take("purses 1"))!.end();
});
