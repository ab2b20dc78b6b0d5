import { AdmissionCounts, createAdmissionBuffer } from "../../server/io/admission.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("AdmissionCounts.tryAdmit() admits up to the limit, over all workers and for each port by itself", () => {
  const buffer = createAdmissionBuffer(2);
  const [left, right] = [new AdmissionCounts(buffer, 0), new AdmissionCounts(buffer, 1)];
  assert(left.tryAdmit(1, 3) && right.tryAdmit(1, 3) && left.tryAdmit(1, 3));
  assertEquals([left.tryAdmit(1, 3), right.tryAdmit(1, 3)], [false, false]);
  assert(left.tryAdmit(0, 1) && right.tryAdmit(2, 1));
  assertEquals([0, 1, 2].map((port) => right.total(port)), [1, 3, 1]);
  left.release(1);
  assert(right.tryAdmit(1, 3));
  assertEquals(left.tryAdmit(1, 3), false);
});

Deno.test("AdmissionCounts of a worker that takes over takes off what the crashed one held", () => {
  const buffer = createAdmissionBuffer(3);
  const workers = [0, 1, 2].map((worker) => new AdmissionCounts(buffer, worker));
  for (const [index, worker] of workers.entries()) {
    for (let count = 0; count <= index; count++) for (const port of [0, 1, 2]) assert(worker.tryAdmit(port, 100));
  }
  const successor = new AdmissionCounts(buffer, 2);
  assertEquals([0, 1, 2].map((port) => successor.total(port)), [3, 3, 3]);
  assert(successor.tryAdmit(1, 4));
  assertEquals(workers[0].tryAdmit(1, 4), false);
});
