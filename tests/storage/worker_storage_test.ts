import { startStorageWorker } from "../../server/storage/start_storage_worker.ts";
import { WorkerStorage, type WorkerStorageOptions } from "../../server/storage/worker_storage.ts";
import type { NumberedRequest } from "../../server/storage/storage_messages.ts";
import { DependencyError } from "../../shared/errors.ts";
import { newAccount, type OpenedStorage, storageContract } from "../contract/storage_contract.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
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
  let worker = await startStorageWorker({ path });
  let storage = new WorkerStorage(worker.connect());
  return {
    storage,
    location: path,
    reopen: async (meanwhile) => {
      await storage.close();
      await worker.stop();
      await meanwhile?.();
      worker = await startStorageWorker({ path });
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
  run: (storage: WorkerStorage, far: MessagePort) => Promise<void>,
): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const storage = new WorkerStorage(port1, options);
  try {
    await run(storage, port2);
  } finally {
    await storage.close();
    port2.close();
  }
}

function nextRequests(far: MessagePort): Promise<NumberedRequest[]> {
  return new Promise((resolve) => far.onmessage = ({ data }) => resolve(data));
}

Deno.test("WorkerStorage refuses requests above its bound without sending them", () =>
  withSilentWorker({ pendingMax: 2 }, async (storage, far) => {
    const received = nextRequests(far);
    const waiting = [storage.accounts.find(1), storage.accounts.find(2)];
    const error = await assertRejects(() => storage.accounts.find(3), DependencyError, "limit is 2 requests");
    assertEquals(error.code, "overloaded");
    assertEquals(await storage.isHealthy(), false);
    const requests = await received;
    assertEquals(requests.map(({ argument }) => argument), [1, 2]);
    far.postMessage(requests.map(({ id }) => ({ id, value: undefined })));
    assertEquals(await Promise.all(waiting), [undefined, undefined]);
    assertEquals(storage.pendingCount, 0);
  }));

Deno.test("WorkerStorage gives up a request without an answer and takes no late one", () =>
  withSilentWorker({ timeoutMs: 20, sweepIntervalMs: 5 }, async (storage, far) => {
    const received = nextRequests(far);
    const error = await assertRejects(() => storage.accounts.find(1), DependencyError, "no answer within 20 ms");
    assertEquals(error.code, "timeout");
    assertEquals(storage.pendingCount, 0);
    const [late] = await received;
    const following = nextRequests(far);
    const second = storage.accounts.findNames([]);
    const [request] = await following;
    far.postMessage([{ id: late.id, value: "late" }, { id: request.id, value: [] }]);
    assertEquals(await second, []);
  }));

Deno.test("WorkerStorage gives up only the requests whose time is over", () =>
  withSilentWorker({ timeoutMs: 50, sweepIntervalMs: 5 }, async (storage, far) => {
    const received = nextRequests(far);
    const first = storage.accounts.find(1);
    const [request] = await received;
    far.postMessage([{ id: request.id, value: undefined }]);
    assertEquals(await first, undefined);
    await assertRejects(() => storage.accounts.find(2), DependencyError, "no answer");
  }));

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
  const worker = await startStorageWorker({ path: ":memory:" });
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
    const worker = await startStorageWorker({ path: ":memory:" });
    const storage = new WorkerStorage(worker.connect());
    await storage.isHealthy();
    const requestCount = round === 0 ? 3_000 : 10;
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
  const first = await startStorageWorker({ path: ":memory:", onError: died.resolve });
  const storage = new WorkerStorage(first.connect());
  assertEquals(await storage.isHealthy(), true);
  // Not a list of requests: our own mistake, so the worker dies of it.
  const broken = first.connect();
  broken.postMessage(0);
  assert(await died.promise instanceof DependencyError);
  const waiting = storage.accounts.find(1);
  const second = await startStorageWorker({ path: ":memory:" });
  storage.replacePort(second.connect());
  const error = await assertRejects(() => waiting, DependencyError, "restarted");
  assertEquals(error.code, "timeout");
  assertEquals(await storage.isHealthy(), true);
  await storage.close();
  broken.close();
  await first.stop();
  await second.stop();
});
