import { STORAGE_ENTRY } from "../support/storage_entry.ts";
import { DatabaseSync } from "node:sqlite";
import { createClaimsBuffer, RequestClaims } from "../../server/storage/request_claims.ts";
import { startStorageWorker } from "../../server/storage/start_storage_worker.ts";
import { ENTRY, ORDINARY, type Urgency } from "../../server/storage/storage.ts";
import { WorkerStorage, type WorkerStorageOptions } from "../../server/storage/worker_storage.ts";
import type { NumberedRequest } from "../../server/storage/storage_messages.ts";
import { DependencyError } from "../../shared/errors.ts";
import { STORAGE_IN_FLIGHT_MAX, STORAGE_LOCK_PAUSE_MS, STORAGE_WINDOW_MIN } from "../../shared/limits.ts";
import { newAccount, type OpenedStorage, storageContract } from "../contract/storage_contract.ts";
import { SimulatedTime } from "../simulation/simulated_time.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

storageContract("WorkerStorage in memory", { isDurable: false, open: () => openWorker(":memory:") });

storageContract("WorkerStorage on a file", {
  isDurable: true,
  open: async () => {
    const dir = await Deno.makeTempDir({ prefix: "drawbridge-test-" });
    return openWorker(`${dir}/storage.db`, dir);
  },
});

async function openWorker(path: string, dir?: string): Promise<OpenedStorage> {
  let worker = await startStorageWorker({ entry: STORAGE_ENTRY, path });
  let storage = new WorkerStorage(worker.connect());
  return {
    storage,
    location: path,
    reopen: async (meanwhile) => {
      await storage.close();
      await worker.stop();
      await meanwhile?.();
      worker = await startStorageWorker({ entry: STORAGE_ENTRY, path });
      return storage = new WorkerStorage(worker.connect());
    },
    close: async () => {
      await storage.close();
      await worker.stop();
      if (dir) await Deno.remove(dir, { recursive: true });
    },
  };
}

/** A storage whose other end is the test: it sees the requests and answers if it likes. */
async function withSilentWorker(
  options: WorkerStorageOptions,
  run: (storage: WorkerStorage, far: MessagePort, claims: RequestClaims) => Promise<void>,
  inFlightMax = 8,
): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const claims = createClaimsBuffer(inFlightMax);
  const storage = new WorkerStorage({ port: port1, claims }, options);
  try {
    await run(storage, port2, new RequestClaims(claims));
  } finally {
    await storage.close();
    port2.close();
  }
}

/** Time for a storage, which passes only when the test says so: the machine may be as slow as it likes. */
function standstill(): { time: SimulatedTime; nowMs: () => number; timers: SimulatedTime } {
  const time = new SimulatedTime();
  return { time, nowMs: () => time.monotonicMs(), timers: time };
}

function nextRequests(far: MessagePort): Promise<NumberedRequest[]> {
  return new Promise((resolve) => far.onmessage = ({ data }) => resolve(data));
}

Deno.test("WorkerStorage refuses requests above its bound without sending them", () =>
  withSilentWorker({ pendingMax: 2 }, async (storage, far) => {
    const received = nextRequests(far);
    const waiting = [storage.accounts.find(1), storage.accounts.find(2)];
    const error = await assertRejects(() => storage.accounts.find(3), DependencyError, "limit for all is 2 requests");
    assertEquals(error.code, "overloaded");
    assertEquals(await storage.isHealthy(), false);
    const requests = await received;
    assertEquals(requests.map(({ argument }) => argument), [1, 2]);
    far.postMessage(requests.map(({ id }) => ({ id, value: undefined })));
    assertEquals(await Promise.all(waiting), [undefined, undefined]);
    assertEquals(storage.pendingCount, 0);
  }));

Deno.test("WorkerStorage gives up a request without an answer and takes no late one", () => {
  const { time, ...clock } = standstill();
  return withSilentWorker({ timeoutMs: 20, sweepIntervalMs: 5, ...clock }, async (storage, far, claims) => {
    const received = nextRequests(far);
    const outcome = assertRejects(() => storage.accounts.find(1), DependencyError, "no answer within 20 ms");
    const [late] = await received;
    assert(claims.tryBegin(late.id));
    await time.pass(25);
    assertEquals((await outcome).code, "timeout");
    const following = nextRequests(far);
    const second = storage.accounts.findNames([]);
    const [request] = await following;
    assert(request.id !== late.id, "its number is taken until it is answered");
    far.postMessage([{ id: late.id, value: "late" }, { id: request.id, value: [] }]);
    assertEquals(await second, []);
    assertEquals(storage.pendingCount, 0);
  });
});

Deno.test("WorkerStorage gives up what was not begun, and it never is", () => {
  const { time, ...clock } = standstill();
  const options = { timeoutMs: 20, sweepIntervalMs: 5, ...clock };
  return withSilentWorker(options, async (storage, far, claims) => {
    const received = nextRequests(far);
    const outcomes = [storage.accounts.create(newAccount("Mira")), storage.accounts.find(1), storage.accounts.find(2)]
      .map((waiting) => assertRejects(() => waiting, DependencyError, "not begun within 20 ms"));
    const sent = await received;
    assertEquals(sent.length, 2, "the third has no room");
    await time.pass(20);
    for (const { code } of await Promise.all(outcomes)) assertEquals(code, "unavailable");
    assertEquals(sent.map(({ id }) => claims.tryBegin(id)), [false, false]);
    // Answered, their numbers are free again.
    const following = nextRequests(far);
    far.postMessage(sent.map(({ id }) => ({ id })));
    const later = storage.accounts.find(3);
    const [request] = await following;
    far.postMessage([{ id: request.id, value: undefined }]);
    assertEquals(await later, undefined);
  }, 2);
});

Deno.test("WorkerStorage gives up only the requests whose time is over", () => {
  const { time, ...clock } = standstill();
  return withSilentWorker({ timeoutMs: 50, sweepIntervalMs: 5, ...clock }, async (storage, far) => {
    const received = nextRequests(far);
    const outcome = assertRejects(() => storage.accounts.find(1), DependencyError, "not begun");
    await received;
    await time.pass(30);
    const following = nextRequests(far);
    const later = storage.accounts.find(2);
    const [request] = await following;
    await time.pass(20);
    await outcome;
    far.postMessage([{ id: request.id, value: undefined }]);
    assertEquals(await later, undefined);
  });
});

Deno.test("WorkerStorage.for() gives one undertaking one time, however many requests it makes", async () => {
  let nowMs = 0;
  await withSilentWorker({ timeoutMs: 1_000, nowMs: () => nowMs }, async (storage) => {
    const stores = storage.for({ source: "a", urgency: ENTRY });
    nowMs = 1_000;
    const error = await assertRejects(() => stores.accounts.find(1), DependencyError, "not begun");
    assertEquals(error.code, "unavailable");
  });
});

Deno.test("WorkerStorage sends the urgent first, then entries, then each source in its turn", () =>
  withSilentWorker({}, async (storage, far) => {
    const find = (source: string, urgency: Urgency, id: number) => storage.for({ source, urgency }).accounts.find(id);
    const answer = (requests: NumberedRequest[]) => far.postMessage(requests.map(({ id }) => ({ id })));
    const asked: unknown[] = [];
    let received = nextRequests(far);
    const waiting = [find("flood", ORDINARY, 0)];
    const first = await received;
    // One is on its way, and no more have room.
    for (let id = 1; id <= 4; id++) waiting.push(find("flood", ORDINARY, id));
    waiting.push(find("honest", ORDINARY, 10), find("honest", ORDINARY, 11), find("newcomer", ENTRY, 20));
    waiting.push(storage.accounts.find(30));
    for (let requests = first; asked.length < waiting.length;) {
      asked.push(...requests.map(({ argument }) => argument));
      if (asked.length === waiting.length) {
        answer(requests);
        break;
      }
      received = nextRequests(far);
      answer(requests);
      requests = await received;
    }
    await Promise.all(waiting);
    assertEquals(asked, [0, 30, 20, 1, 10, 2, 11, 3, 4]);
  }, 1));

Deno.test("WorkerStorage refuses one source above its bound, and nobody else", () => {
  const { time, ...clock } = standstill();
  const options = { perSourceMax: 2, timeoutMs: 20, sweepIntervalMs: 5, ...clock };
  return withSilentWorker(options, async (storage) => {
    const ask = (source: string) => storage.for({ source, urgency: ORDINARY }).accounts.find(1);
    const waiting = ["flood", "flood"].map((source) => assertRejects(() => ask(source), DependencyError, "not begun"));
    const error = await assertRejects(() => ask("flood"), DependencyError, "limit for one source is 2 requests");
    assertEquals(error.code, "overloaded");
    waiting.push(...["honest", ""].map((source) => assertRejects(() => ask(source), DependencyError, "not begun")));
    await time.pass(20);
    await Promise.all(waiting);
  });
});

Deno.test("WorkerStorage.takeAnswers() takes as many as it is told, in their order", () =>
  withSilentWorker({ onAnswers: () => {} }, async (storage, far) => {
    const received = nextRequests(far);
    const taken: number[] = [];
    const waiting = [0, 1, 2].map((id) => storage.accounts.find(id).then(() => taken.push(id)));
    far.postMessage((await received).map(({ id }) => ({ id })));
    await until("answers", () => storage.answerCount === 3);
    assertEquals(taken, []);
    storage.takeAnswers(2);
    await until("two are taken", () => taken.length === 2);
    assertEquals([taken, storage.answerCount], [[0, 1], 1]);
    storage.takeAnswers(Infinity);
    await Promise.all(waiting);
    assertEquals(taken, [0, 1, 2]);
  }));

Deno.test("WorkerStorage asks for a few things at a time, for more while answers are taken quickly, and lets the urgent pass", () =>
  withSilentWorker({ onAnswers: () => {} }, async (storage, far) => {
    const asked: NumberedRequest[] = [];
    far.onmessage = ({ data }: MessageEvent<NumberedRequest[]>) => void asked.push(...data);
    const ordinary = Array.from(
      { length: 300 },
      () => storage.for({ source: "one", urgency: ORDINARY }).accounts.find(1),
    );
    await until("the first", () => asked.length > 0);
    assertEquals(asked.length, STORAGE_WINDOW_MIN);
    const entry = storage.for({ source: "two", urgency: ENTRY }).accounts.find(2);
    await until("the entry", () => asked.length > STORAGE_WINDOW_MIN);
    assertEquals(asked.at(-1)!.argument, 2);
    // On their way are those that are asked and not taken: nothing is answered twice.
    let answered = 0, most = 0, isSlow: boolean | undefined;
    const answerAll = async () => {
      const count = asked.length - answered;
      most = Math.max(most, count);
      far.postMessage(asked.slice(answered).map(({ id }) => ({ id, isSlow })));
      answered += count;
      await until("the answers", () => storage.answerCount === count);
      return count;
    };
    for (let round = 0; round < 3; round++) {
      const count = await answerAll();
      storage.takeAnswers(count);
      await until("more", () => asked.length > answered);
    }
    assert(most >= 3 * STORAGE_WINDOW_MIN, `${most} at once`);
    // What goes on behind them takes long from now on.
    storage.takeAnswers(await answerAll());
    storage.onSlowAnswers();
    await until("more", () => asked.length > answered);
    assert(asked.length - answered <= STORAGE_WINDOW_MIN, `${asked.length - answered} at once`);
    for (let round = 0; round < 2; round++) {
      storage.takeAnswers(await answerAll());
      await until("more", () => asked.length > answered);
    }
    assert(asked.length - answered > STORAGE_WINDOW_MIN, `${asked.length - answered} at once`);
    // They take the database long from now on.
    isSlow = true;
    storage.takeAnswers(await answerAll());
    await until("more", () => asked.length > answered);
    assert(asked.length - answered <= STORAGE_WINDOW_MIN, `${asked.length - answered} at once`);
    isSlow = undefined;
    while (answered < asked.length) {
      storage.takeAnswers(await answerAll());
      await until("more, or the end", () => asked.length > answered || storage.pendingCount === 0);
    }
    assertEquals((await Promise.all([...ordinary, entry])).length, 301);
  }, 64));

Deno.test("WorkerStorage gives up nothing whose answer is here, however late it is taken", () => {
  const { time, ...clock } = standstill();
  const options = { onAnswers: () => {}, timeoutMs: 20, sweepIntervalMs: 5, ...clock };
  return withSilentWorker(options, async (storage, far) => {
    const received = nextRequests(far);
    const answered = storage.accounts.find(1);
    const silent = assertRejects(() => storage.accounts.find(2), DependencyError, "not begun");
    const [{ id }] = await received;
    far.postMessage([{ id }]);
    await until("the answer", () => storage.answerCount === 1);
    await time.pass(20);
    await silent;
    storage.takeAnswers(Infinity);
    assertEquals(await answered, undefined);
  });
});

Deno.test("WorkerStorage answers reads while another process writes, refuses writes in time, and then writes again", async () => {
  await withTempDir(async (dir) => {
    const worker = await startStorageWorker({ entry: STORAGE_ENTRY, path: `${dir}/storage.db` });
    const { time, ...clock } = standstill();
    const storage = new WorkerStorage(worker.connect(), { timeoutMs: 200, sweepIntervalMs: 100, ...clock });
    const patient = new WorkerStorage(worker.connect(), { timeoutMs: Infinity, ...clock });
    // What is asked before a read has been tried when that is answered, and then time passes until it is tried again.
    const tryAgain = async () => {
      for (const each of [storage, patient]) assertEquals((await each.accounts.findByName("before"))?.accountId, 1);
      await time.pass(STORAGE_LOCK_PAUSE_MS);
    };
    const other = new DatabaseSync(`${dir}/storage.db`);
    try {
      await storage.accounts.create(newAccount("Before"));
      other.exec("BEGIN IMMEDIATE");
      const refused = Array.from(
        { length: 50 },
        (_, index) =>
          assertRejects(() => storage.accounts.create(newAccount(`During${index}`)), DependencyError, "locked"),
      );
      let hasWaited = true;
      const late = patient.accounts.create(newAccount("Patient")).finally(() => hasWaited = false);
      late.catch(() => {});
      while (storage.pendingCount > 0) await tryAgain();
      for (const { code } of await Promise.all(refused)) assertEquals(code, "unavailable");
      assert(hasWaited);
      other.exec("ROLLBACK");
      while (hasWaited) await tryAgain();
      assertEquals((await late).kind, "created");
      assertEquals((await storage.accounts.create(newAccount("After"))).kind, "created");
      const names = other.prepare("SELECT name FROM accounts ORDER BY name").all().map(({ name }) => name);
      assertEquals(names, ["After", "Before", "Patient"], "what was refused was never done");
    } finally {
      other.close();
      await Promise.all([storage.close(), patient.close()]);
      await worker.stop();
    }
  });
});

Deno.test("WorkerStorage does not count the time for which the process was stopped", () =>
  withSilentWorker({ sweepIntervalMs: 5 }, async (storage, far) => {
    const received = nextRequests(far);
    const waiting = storage.accounts.find(1);
    const [request] = await received;
    const { now } = performance;
    let looks = 0;
    performance.now = () => {
      looks++;
      return now.call(performance) + 60_000;
    };
    try {
      await until("some looks at the time", () => looks > 3);
      assertEquals(storage.pendingCount, 1);
      far.postMessage([{ id: request.id, value: undefined }]);
      assertEquals(await waiting, undefined);
    } finally {
      performance.now = now;
    }
  }));

Deno.test("WorkerStorage.close() rejects what waits", async () => {
  await withSilentWorker({}, async (storage) => {
    const waiting = storage.accounts.find(1);
    await storage.close();
    const error = await assertRejects(() => waiting, DependencyError, "closed");
    assertEquals(error.code, "unavailable");
  });
});

Deno.test("startStorageWorker() serves several ports, each in its own order", async () => {
  const worker = await startStorageWorker({ entry: STORAGE_ENTRY, path: ":memory:" });
  const storages = [new WorkerStorage(worker.connect()), new WorkerStorage(worker.connect())];
  const results = await Promise.all(
    Array.from({ length: 200 }, (_, i) => storages[i % 2].accounts.create(newAccount(`bot${i >> 1}`))),
  );
  assertEquals(results.filter(({ kind }) => kind === "created").length, 100);
  for (const storage of storages) await storage.close();
  await worker.stop();
});

Deno.test("StorageWorker.stop() answers what was asked before it", async () => {
  // Which of the two channels the worker hears first is chance, so it is tried often.
  for (let round = 0; round < 20; round++) {
    const worker = await startStorageWorker({ entry: STORAGE_ENTRY, path: ":memory:" });
    const storage = new WorkerStorage(worker.connect());
    await storage.isHealthy();
    const requestCount = round === 0 ? STORAGE_IN_FLIGHT_MAX : 10;
    const created = Promise.all(
      Array.from({ length: requestCount }, (_, i) => storage.accounts.create(newAccount(`bot${i}`))),
    );
    await Promise.resolve();
    await worker.stop();
    assert((await created).every(({ kind }) => kind === "created"));
    await storage.close();
  }
});

Deno.test("WorkerStorage.replacePort() goes on with a new worker after the old one has died", async () => {
  const died = Promise.withResolvers<Error>();
  const first = await startStorageWorker({ entry: STORAGE_ENTRY, path: ":memory:", onError: died.resolve });
  const storage = new WorkerStorage(first.connect());
  assertEquals(await storage.isHealthy(), true);
  // Not a list of requests: our own mistake, so the worker dies of it.
  const { port: broken } = first.connect();
  broken.postMessage(0);
  assert(await died.promise instanceof DependencyError);
  const waiting = storage.accounts.find(1);
  const second = await startStorageWorker({ entry: STORAGE_ENTRY, path: ":memory:" });
  storage.replacePort(second.connect());
  const error = await assertRejects(() => waiting, DependencyError, "restarted");
  assertEquals(error.code, "unavailable", "nobody began it");
  assertEquals(await storage.isHealthy(), true);
  await storage.close();
  broken.close();
  await first.stop();
  await second.stop();
});

Deno.test("WorkerStorage keeps room for what is urgent: it is sent while entries have taken all the rest", () =>
  withSilentWorker({}, async (storage, far) => {
    const received = nextRequests(far);
    const entries = Array.from({ length: 12 }, (_, index) => {
      return storage.for({ source: `192.0.2.${index}`, urgency: ENTRY }).accounts.find(index);
    });
    const sent = await received;
    assertEquals(sent.map(({ argument }) => argument), [0, 1, 2, 3, 4, 5, 6]);
    const following = nextRequests(far);
    const urgent = storage.accounts.find(99);
    const [request] = await following;
    assertEquals(request.argument, 99);
    const rest = nextRequests(far);
    far.postMessage([request, ...sent].map(({ id }) => ({ id, value: undefined })));
    assertEquals((await rest).map(({ argument }) => argument), [7, 8, 9, 10, 11]);
    await urgent;
    await Promise.allSettled([storage.close(), ...entries]);
  }));
