import { OrderedCalls } from "../../games/parts/common/ordered_calls.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

Deno.test("OrderedCalls.run() calls at once and takes the answers as they come", async () => {
  const calls = new OrderedCalls();
  const answers = [1, 2, 3].map(() => Promise.withResolvers<void>());
  const asked: number[] = [], taken: number[] = [];
  const done = answers.map(({ promise }, index) =>
    calls.run(() => (asked.push(index), promise), () => void taken.push(index))
  );
  assertEquals(asked, [0, 1, 2]);
  // In one go, as the answers of one turn of the storage.
  for (const index of [2, 0, 1]) answers[index].resolve();
  await Promise.all(done);
  assertEquals(taken, [2, 0, 1]);
});

Deno.test("OrderedCalls.run() rejects as the call or its taking does, and goes on with the next", async () => {
  const calls = new OrderedCalls();
  const taken: string[] = [];
  const failed = calls.run(() => Promise.reject(new RangeError("call")), () => void taken.push("never"));
  const refused = calls.run(() => Promise.resolve(), () => {
    throw new TypeError("taking");
  });
  const good = calls.run(() => Promise.resolve("good"), (answer) => void taken.push(answer));
  await assertRejects(() => failed, RangeError, "call");
  await assertRejects(() => refused, TypeError, "taking");
  await good;
  assertEquals(taken, ["good"]);
});

Deno.test("OrderedCalls.idle() resolves when everything called is answered", async () => {
  const calls = new OrderedCalls();
  const answers = [1, 2].map(() => Promise.withResolvers<void>());
  let takenCount = 0;
  const done = answers.map(({ promise }) => calls.run(() => promise, () => void takenCount++));
  const idle = calls.idle().then(() => assertEquals(takenCount, 2));
  answers[1].resolve();
  answers[0].resolve();
  await Promise.all([...done, idle]);
});

Deno.test("OrderedCalls.run() lets what reacts to a failure react before the next answer is taken", async () => {
  const calls = new OrderedCalls();
  const events: string[] = [];
  const failed = calls.run(() => Promise.reject(new Error("refused")), () => {})
    .catch(() => void events.push("refusal"));
  await calls.run(() => Promise.resolve(), () => void events.push("answer"));
  await failed;
  assertEquals(events, ["refusal", "answer"]);
});
