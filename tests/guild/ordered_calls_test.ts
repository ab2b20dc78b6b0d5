import { OrderedCalls } from "../../server/guild/ordered_calls.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";

Deno.test("OrderedCalls.run() calls at once and takes the answers in the order of the calls", async () => {
  const calls = new OrderedCalls();
  const answers = [1, 2, 3].map(() => Promise.withResolvers<void>());
  const asked: number[] = [], taken: number[] = [];
  const done = answers.map(({ promise }, index) =>
    calls.run(() => (asked.push(index), promise), () => void taken.push(index))
  );
  assertEquals(asked, [0, 1, 2]);
  answers[2].resolve();
  answers[1].resolve();
  await answers[1].promise;
  assertEquals(taken, []);
  answers[0].resolve();
  await Promise.all(done);
  assertEquals(taken, [0, 1, 2]);
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
  const answer = Promise.withResolvers<void>();
  let isTaken = false;
  const done = calls.run(() => answer.promise, () => void (isTaken = true));
  const idle = calls.idle().then(() => assertEquals(isTaken, true));
  answer.resolve();
  await Promise.all([done, idle]);
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
