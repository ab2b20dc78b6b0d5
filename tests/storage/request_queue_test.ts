import { RequestQueue, type Waiting } from "../../server/storage/request_queue.ts";
import { ENTRY, ORDINARY, SYSTEM_SOURCE, type Urgency, URGENT } from "../../server/storage/storage.ts";
import { STORAGE_ENTRIES_IN_A_ROW_MAX } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

interface Named extends Waiting {
  readonly name: string;
}

function request(name: string, part: Partial<Named> = {}): Named {
  return { source: "a", urgency: ORDINARY, isWrite: false, deadlineMs: Infinity, order: 0, name, ...part };
}

function drain(queue: RequestQueue<Named>, which: "all" | "reads" = "all"): string[] {
  const names: string[] = [];
  for (let next = queue.shift(which); next !== undefined; next = queue.shift(which)) names.push(next.name);
  return names;
}

function queueOf(...requests: Named[]): RequestQueue<Named> {
  const queue = new RequestQueue<Named>({ waitingMax: 100, perSourceMax: 50 });
  for (const each of requests) assertEquals(queue.tryPush(each), "taken");
  return queue;
}

Deno.test("RequestQueue.shift() gives the urgent first, and among equals every source its turn", () => {
  const queue = queueOf(
    ...["a1", "a2", "a3", "a4"].map((name) => request(name)),
    ...["b1", "b2"].map((name) => request(name, { source: "b" })),
    request("entry", { urgency: ENTRY }),
    request("save", { source: SYSTEM_SOURCE, urgency: URGENT, isWrite: true }),
  );
  assertEquals(drain(queue), ["save", "entry", "a1", "b1", "a2", "b2", "a3", "a4"]);
  assertEquals([queue.count, queue.sourceCount], [0, 0]);
});

Deno.test("RequestQueue.shift() gives an ordinary request after STORAGE_ENTRIES_IN_A_ROW_MAX entries, and saves before both", () => {
  const count = STORAGE_ENTRIES_IN_A_ROW_MAX;
  const entries = Array.from({ length: 2 * count + 1 }, (_, index) => request(`e${index}`, { urgency: ENTRY }));
  const queue = queueOf(request("o1"), request("o2"), ...entries);
  const names = (from: number, to: number) => entries.slice(from, to).map(({ name }) => name);
  assertEquals(Array.from({ length: count }, () => queue.shift("all")?.name), names(0, count));
  assertEquals(queue.tryPush(request("save", { source: SYSTEM_SOURCE, urgency: URGENT, isWrite: true })), "taken");
  assertEquals(drain(queue), ["save", "o1", ...names(count, 2 * count), "o2", ...names(2 * count, 2 * count + 1)]);
});

Deno.test("RequestQueue.shift() keeps the order of a source, but for writes that cannot be done", () => {
  const mixed = () => queueOf(request("w1", { isWrite: true }), request("r1"), request("w2", { isWrite: true }));
  assertEquals(drain(mixed()), ["w1", "r1", "w2"]);
  const queue = mixed();
  assertEquals([drain(queue, "reads"), drain(queue)], [["r1"], ["w1", "w2"]]);
});

Deno.test("RequestQueue.putBack() puts a request where it was", () => {
  const writes = ["w1", "w2", "w3"].map((name) => request(name, { isWrite: true }));
  const queue = queueOf(...writes);
  const taken = [queue.shift("all")!, queue.shift("all")!];
  for (const each of taken) queue.putBack(each);
  assertEquals(drain(queue), ["w1", "w2", "w3"]);
});

Deno.test("RequestQueue.tryPush() refuses whom its bound concerns, and never the system for being one source", () => {
  const queue = new RequestQueue<Named>({ waitingMax: 5, perSourceMax: 2 });
  const push = (source: string) => queue.tryPush(request("", { source }));
  assertEquals(["a", "a", "a", "b"].map(push), ["taken", "taken", "source_full", "taken"]);
  assertEquals([SYSTEM_SOURCE, SYSTEM_SOURCE, SYSTEM_SOURCE].map(push), ["taken", "taken", "full"]);
  queue.shift("all");
  assertEquals(["b", "c"].map(push), ["source_full", "taken"]);
});

Deno.test("RequestQueue.removeExpired() takes out what is too late, and nothing else", () => {
  const queue = queueOf(
    request("old", { deadlineMs: 10 }),
    request("new", { deadlineMs: 11 }),
    request("old write", { deadlineMs: 5, isWrite: true, source: "b" }),
  );
  assertEquals(queue.removeExpired(10).map(({ name }) => name), ["old", "old write"]);
  assertEquals([queue.count, queue.sourceCount, drain(queue)], [1, 1, ["new"]]);
});

Deno.test("RequestQueue lets no source wait for more than one turn of each other source", () => {
  const act = fc.record({
    source: fc.nat(4),
    urgency: fc.constantFrom<Urgency>(URGENT, ENTRY, ORDINARY),
    isWrite: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
    const requests = acts.map(({ source, ...part }, index) =>
      request(String(index), { source: `s${source}`, ...part })
    );
    const queue = queueOf(...requests.slice(0, 100));
    const served: Named[] = [];
    for (let next = queue.shift("all"); next !== undefined; next = queue.shift("all")) served.push(next);
    assertEquals(served.length, requests.length);
    const urgentCount = requests.filter(({ urgency }) => urgency === URGENT).length;
    assertEquals(served.findIndex(({ urgency }) => urgency !== URGENT), urgentCount < served.length ? urgentCount : -1);
    for (const urgency of [URGENT, ENTRY, ORDINARY]) {
      const left = new Map<string, number>();
      for (const each of requests) {
        if (each.urgency === urgency) left.set(each.source, (left.get(each.source) ?? 0) + 1);
      }
      // While several sources wait, none is served twice before the others were.
      const inRound = new Set<string>();
      for (const { source } of served.filter((each) => each.urgency === urgency)) {
        if (inRound.has(source)) {
          assertEquals([...left.keys()].filter((other) => left.get(other)! > 0 && !inRound.has(other)), []);
          inRound.clear();
        }
        inRound.add(source);
        left.set(source, left.get(source)! - 1);
      }
    }
  }));
});

Deno.test("RequestQueue.tryPush() has room for whoever asks for little, however many ask for all they can", () => {
  for (const greedyCount of [1, 16, 200, 1_000]) {
    const queue = new RequestQueue<Named>({ waitingMax: 16_384, perSourceMax: 1_024 });
    for (let round = 0; round < 1_100; round++) {
      for (let index = 0; index < greedyCount; index++) queue.tryPush(request("much", { source: `greedy${index}` }));
    }
    for (const source of ["honest", "honest", "another", SYSTEM_SOURCE]) {
      assertEquals(queue.tryPush(request("little", { source })), "taken", `beside ${greedyCount}`);
    }
  }
});
