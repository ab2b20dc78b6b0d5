import { STORAGE_ENTRY } from "../support/storage_entry.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DatabaseSync } from "node:sqlite";
import { Counter, CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import type { StorageOutcome, StorageRequest } from "../../server/storage/operations.ts";
import { storedDocuments } from "../../server/storage/stored_documents.ts";
import { MEMORY_PATH, SqliteDatabase, type SqliteOptions } from "../../server/storage/sqlite_database.ts";
import { startStorageWorker } from "../../server/storage/start_storage_worker.ts";
import { WorkerStorage } from "../../server/storage/worker_storage.ts";
import { ConfigError, DependencyError } from "../../shared/errors.ts";
import { STORAGE_LOCK_PAUSE_MS, STORAGE_LOG_BYTES_KEPT } from "../../shared/limits.ts";
import { newAccount } from "../contract/storage_contract.ts";
import { SimulatedTime } from "../simulation/simulated_time.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { collectGarbage } from "../support/garbage.ts";
import { withTempDir } from "../support/temp_dir.ts";

/** With a few less or more, SQLite may give up the whole transaction where a statement alone is to fail. */
const SPARE_PAGES = 30;

async function withDatabase(
  options: Partial<SqliteOptions>,
  run: (database: SqliteDatabase, path: string) => void,
): Promise<void> {
  await withTempDir((dir) => {
    const path = `${dir}/storage.db`;
    const database = new SqliteDatabase({ path, ...options }, MARSH_RECORDS);
    try {
      run(database, path);
    } finally {
      database.close();
    }
  });
}

/** With a disk that has room for the tables and for {@linkcode SPARE_PAGES} more, whatever tables there are. */
async function withSmallDisk(run: (database: SqliteDatabase, path: string) => void): Promise<void> {
  let pages = 0;
  await withDatabase({}, (_database, path) => {
    pages = Number(withOther(path, (other) => other.prepare("PRAGMA page_count").get())?.page_count);
  });
  await withDatabase({ pagesMax: pages + SPARE_PAGES }, run);
}

/** Another program that has the file open. */
function withOther<T>(path: string, run: (other: DatabaseSync) => T): T {
  const other = new DatabaseSync(path);
  try {
    return run(other);
  } finally {
    other.close();
  }
}

function create(name: string): StorageRequest {
  return { operation: "accounts.create", argument: newAccount(name) };
}

function createMany(prefix: string, count: number): StorageRequest {
  const accounts = Array.from({ length: count }, (_, i) => newAccount(`${prefix}${i}`, "x".repeat(200)));
  return { operation: "accounts.createMany", argument: accounts };
}

function findByName(name: string): StorageRequest {
  return { operation: "accounts.findByName", argument: name };
}

const PROBE: StorageRequest = { operation: "health.probe", argument: undefined };

function runOne(database: SqliteDatabase, request: StorageRequest): unknown {
  const [outcome] = database.execute([request]);
  if ("error" in outcome) throw outcome.error;
  assert("value" in outcome, "nobody keeps the database locked");
  return outcome.value;
}

function assertFull(outcome: StorageOutcome): void {
  assert("error" in outcome && outcome.error instanceof DependencyError);
  assertEquals(outcome.error.code, "unavailable");
  assert(outcome.error.message.includes("full"));
  assert(outcome.error.cause instanceof Error);
}

function isNameFree(database: SqliteDatabase, name: string): boolean {
  return runOne(database, findByName(name)) === undefined;
}

Deno.test("SqliteDatabase.constructor() makes a file that only its owner reads", async () => {
  await withDatabase({}, (database, path) => {
    runOne(database, create("Mira"));
    for (const each of [path, `${path}-wal`, `${path}-shm`]) {
      assertEquals((Deno.statSync(each).mode ?? 0) & 0o777, 0o600, each);
    }
  });
});

Deno.test("SqliteDatabase.constructor() keeps a write-ahead log", async () => {
  await withDatabase({}, (_database, path) => {
    const mode = withOther(path, (other) => other.prepare("PRAGMA journal_mode").get());
    assertEquals(mode?.journal_mode, "wal");
  });
});

Deno.test("SqliteDatabase.constructor() refuses files it must not use, and says why", async () => {
  await withTempDir((dir) => {
    const open = (name: string) => () => new SqliteDatabase({ path: `${dir}/${name}` }, MARSH_RECORDS);
    assertThrows(open("missing/storage.db"), ConfigError, "Cannot open database");
    Deno.mkdirSync(`${dir}/folder`);
    assertThrows(open("folder"), ConfigError, "Cannot open database");
    Deno.writeTextFileSync(`${dir}/text`, "This is a text, not a database. ".repeat(100));
    assertThrows(open("text"), ConfigError, "not a database");
    withOther(`${dir}/foreign`, (other) => other.exec("CREATE TABLE notes (text TEXT)"));
    assertThrows(open("foreign"), ConfigError, "belongs to another program");
    new SqliteDatabase({ path: `${dir}/newer` }, MARSH_RECORDS).close();
    withOther(`${dir}/newer`, (other) => other.exec("PRAGMA user_version = 999"));
    assertThrows(open("newer"), ConfigError, "the schema of the database has version 999");
    // Refused is untouched.
    withOther(`${dir}/newer`, (other) => assertEquals(other.prepare("PRAGMA user_version").get()?.user_version, 999));
  });
});

/** Overwrites every page after the first few with noise. */
function damage(path: string): void {
  using file = Deno.openSync(path, { write: true });
  file.seekSync(8 * 4_096, Deno.SeekMode.Start);
  const noise = new Uint8Array(4_096).fill(0xa5);
  for (let page = 8; page < Deno.statSync(path).size / 4_096; page++) file.writeSync(noise);
}

Deno.test("SqliteDatabase.constructor() refuses a damaged file where it is to look, and says what helps", async () => {
  await withTempDir((dir) => {
    const path = `${dir}/storage.db`;
    const first = new SqliteDatabase({ path, isChecked: true }, MARSH_RECORDS);
    assertEquals(first.isNew, true);
    runOne(first, createMany("bot", 1_000));
    first.close();
    const second = new SqliteDatabase({ path, isChecked: true }, MARSH_RECORDS);
    assertEquals(second.isNew, false);
    second.close();
    damage(path);
    assertThrows(() => new SqliteDatabase({ path, isChecked: true }, MARSH_RECORDS), ConfigError, "restore a backup");
  });
});

Deno.test("startStorageWorker() counts reads that a damaged file could not answer, and no others", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/storage.db`;
    const database = new SqliteDatabase({ path }, MARSH_RECORDS);
    runOne(database, createMany("bot", 1_000));
    database.close();
    const counters = createCounterBlock();
    const failures = () => new CounterBlock(counters).get(Counter.STORAGE_READ_FAILURES);
    const worker = await startStorageWorker({ entry: STORAGE_ENTRY, path, counters });
    const storage = new WorkerStorage(worker.connect());
    damage(path);
    await assertRejects(() => storage.accounts.find(-1), RangeError);
    assertEquals(failures(), 0);
    const error = await assertRejects(() => storage.accounts.findByName("bot999"), DependencyError);
    assertEquals([error.code, failures()], ["unavailable", 1]);
    await storage.close();
    await worker.stop();
  });
});

Deno.test("startStorageWorker() counts writes for which the disk has no room, and no others", async () => {
  await withTempDir(async (dir) => {
    const counters = createCounterBlock();
    const failures = () => new CounterBlock(counters).get(Counter.STORAGE_WRITE_FAILURES);
    const path = `${dir}/storage.db`;
    new SqliteDatabase({ path }, MARSH_RECORDS).close();
    const worker = await startStorageWorker({ entry: STORAGE_ENTRY, path, counters });
    const storage = new WorkerStorage(worker.connect());
    await storage.accounts.create(newAccount("Mira"));
    // A request that fails for its own sake, whatever room there is: types allow no such account.
    const nameless = { ...newAccount("Bad"), name: null as unknown as string };
    assertEquals((await assertRejects(() => storage.accounts.create(nameless), DependencyError)).code, "conflict");
    assertEquals([failures(), await storage.isHealthy()], [0, true]);
    // What the disk says of some pages and not of others; the health check writes elsewhere.
    withOther(path, (other) => {
      other.exec("CREATE TRIGGER full BEFORE INSERT ON accounts BEGIN SELECT RAISE(FAIL, 'disk is full'); END");
    });
    const error = await assertRejects(() => storage.accounts.create(newAccount("Late")), DependencyError, "full");
    assertEquals([error.code, failures(), await storage.isHealthy()], ["unavailable", 1, true]);
    await storage.close();
    await worker.stop();
  });
});

Deno.test("SqliteDatabase.constructor() reports a locked file as unavailable", async () => {
  await withDatabase({}, (_database, path) => {
    withOther(path, (other) => {
      other.exec("BEGIN IMMEDIATE");
      const open = () => new SqliteDatabase({ path, busyTimeoutMs: 10 }, MARSH_RECORDS);
      assertEquals(assertThrows(open, DependencyError, "locked").code, "unavailable");
    });
    new SqliteDatabase({ path, busyTimeoutMs: 10 }, MARSH_RECORDS).close();
  });
});

Deno.test("SqliteDatabase.execute() leaves other requests of the transaction alone when one fails", async () => {
  await withDatabase({}, (database) => {
    const bad: StorageRequest = { operation: "accounts.create", argument: { ...newAccount("Bad"), name: null } };
    const outcomes = database.execute([create("First"), bad, findByName("first"), create("first"), create("Last")]);
    assert("error" in outcomes[1] && outcomes[1].error instanceof DependencyError);
    assertEquals(outcomes[1].error.code, "conflict");
    assert("value" in outcomes[2] && outcomes[2].value !== undefined, "a read sees the writes before it");
    assertEquals("value" in outcomes[3] && outcomes[3].value, { kind: "name_taken" });
    assertEquals(["first", "bad", "last"].map((name) => isNameFree(database, name)), [false, true, false]);
  });
});

Deno.test("SqliteDatabase.execute() refuses an account id that a number cannot hold", async () => {
  await withDatabase({}, (database, path) => {
    withOther(path, (other) => {
      other.exec(
        `INSERT INTO accounts (id, name, name_key, created_at_ms) VALUES (${Number.MAX_SAFE_INTEGER}, 'Last', 'last', 0)`,
      );
    });
    const found = runOne(database, { operation: "accounts.find", argument: Number.MAX_SAFE_INTEGER });
    assertEquals((found as { accountId: number }).accountId, Number.MAX_SAFE_INTEGER);
    assertEquals(assertThrows(() => runOne(database, create("Next")), DependencyError).code, "conflict");
  });
});

Deno.test("SqliteDatabase.execute() fails only the request for which the disk has no room", async () => {
  await withSmallDisk((database) => {
    const outcomes = database.execute([create("Small"), createMany("bot", 5_000), findByName("bot0"), PROBE]);
    assertFull(outcomes[1]);
    assertEquals(outcomes[2], { value: undefined });
    assertEquals(isNameFree(database, "small"), false);
    assertEquals(isNameFree(database, "bot0"), true);
  });
});

Deno.test("SqliteDatabase.execute() fails all writes when SQLite gives up the transaction, and recovers", async () => {
  await withSmallDisk((database, path) => {
    // First in large steps, then in small ones, as each waits for the disk.
    let count = 0;
    assertThrows(
      () => {
        for (;; count += 100) runOne(database, createMany(`bot${count}_`, 100));
      },
      DependencyError,
      "full",
    );
    const full = assertThrows(
      () => {
        for (;; count++) runOne(database, create(`bot${count}`));
      },
      DependencyError,
      "full",
    );
    assertEquals(full.code, "unavailable");
    // Growing a row in place has no journal of its own, so there is no way back but to the transaction's beginning.
    const states = Array.from({ length: count }, (_, i) => (
      { characterId: i + 1, mapId: 1, x: 0.5, y: 0.5, z: 0.5, yaw: 0.5, hp: 0.5 }
    ));
    const save: StorageRequest = { operation: "characters.save", argument: states[0] };
    const saveAll: StorageRequest = { operation: "characters.saveMany", argument: states };
    const load: StorageRequest = { operation: "characters.load", argument: { accountId: 1, characterId: 0 } };
    const outcomes = database.execute([save, load, saveAll, load, PROBE]);
    for (const index of [0, 2, 4]) assertFull(outcomes[index]);
    for (const index of [1, 3]) {
      const outcome = outcomes[index];
      assert("value" in outcome, "reads are answered");
      assertEquals((outcome.value as { state: unknown }).state, null, "with what is on disk");
    }
    // Room is made as an operator would make it, by another program.
    withOther(path, (other) => other.exec("PRAGMA foreign_keys = ON; DELETE FROM accounts WHERE id > 100"));
    assertEquals(runOne(database, { ...saveAll, argument: states.slice(0, 100) }), 100);
  });
});

Deno.test("SqliteDatabase.execute() does reads and no writes while another process keeps the file locked, and recovers", async () => {
  await withDatabase({ busyTimeoutMs: 10 }, (database, path) => {
    runOne(database, create("Before"));
    withOther(path, (other) => {
      other.exec("BEGIN IMMEDIATE");
      const [locked, read] = database.execute([create("During"), findByName("before")]);
      assertEquals(locked, { isLocked: true });
      assert("value" in read && read.value !== undefined);
      other.exec("ROLLBACK");
    });
    runOne(database, create("During"));
  });
});

Deno.test("SqliteDatabase.execute() begins no further request when its time is up, and commits what it did", async () => {
  await withDatabase({}, (database, path) => {
    const outcomes = database.execute([createMany("slow", 5_000), create("Late"), findByName("late")], 1);
    assertEquals([outcomes.length, outcomes[0].isSlow], [1, true]);
    assertEquals(database.execute([createMany("slower", 5_000)])[0].isSlow, undefined, "nobody waits");
    withOther(path, (other) => {
      assertEquals(other.prepare("SELECT count(*) AS count FROM accounts").get()?.count, 10_000);
    });
    assertEquals(database.execute([findByName("slow0"), findByName("slow1")], 0).length, 1);
  });
});

Deno.test("SqliteDatabase.execute() gives back what the write-ahead log grew by beside a long read", async () => {
  await withDatabase({}, (database, path) => {
    runOne(database, create("Before"));
    const logBytes = () => Deno.statSync(`${path}-wal`).size;
    withOther(path, (reader) => {
      reader.exec("BEGIN");
      reader.prepare("SELECT count(*) FROM accounts").get();
      while (logBytes() <= STORAGE_LOG_BYTES_KEPT) runOne(database, createMany(`bot${logBytes()}_`, 10_000));
      reader.exec("COMMIT");
    });
    // One commit brings the log into the database, the next begins it anew.
    for (let i = 0; i < 4; i++) runOne(database, create(`After${i}`));
    assert(logBytes() <= STORAGE_LOG_BYTES_KEPT, `${logBytes()} bytes`);
  });
});

Deno.test("SqliteDatabase.shortenLog() ends a log that grew beside a reader, with nothing written since", async () => {
  await withDatabase({}, (database, path) => {
    runOne(database, create("Before"));
    assert(database.shortenLog()! < 1_048_576);
    withOther(path, (reader) => {
      reader.exec("BEGIN");
      reader.prepare("SELECT count(*) FROM accounts").get();
      withOther(path, (writer) => writer.exec(`UPDATE health SET bytes = zeroblob(${2 * STORAGE_LOG_BYTES_KEPT})`));
      assert(database.shortenLog()! > 2 * STORAGE_LOG_BYTES_KEPT);
      reader.exec("COMMIT");
    });
    assertEquals([database.shortenLog(), Deno.statSync(`${path}-wal`).size], [0, 0]);
    assertEquals(isNameFree(database, "before"), false);
  });
});

Deno.test("SqliteDatabase.execute() runs every operation in memory too", () => {
  const database = new SqliteDatabase({ path: MEMORY_PATH }, MARSH_RECORDS);
  runOne(database, create("Mira"));
  runOne(database, PROBE);
  assertEquals([isNameFree(database, "mira"), database.shortenLog()], [false, 0]);
  database.close();
});

Deno.test("startStorageWorker() rejects with what is wrong with the database", async () => {
  await withTempDir(async (dir) => {
    await assertRejects(
      () => startStorageWorker({ entry: STORAGE_ENTRY, path: `${dir}/missing/storage.db` }),
      ConfigError,
      "Cannot open",
    );
    withOther(`${dir}/foreign`, (other) => other.exec("CREATE TABLE notes (text TEXT)"));
    await assertRejects(
      () => startStorageWorker({ entry: STORAGE_ENTRY, path: `${dir}/foreign` }),
      ConfigError,
      "another program",
    );
  });
});

Deno.test("SqliteDatabase.constructor() waits for another process that is opening the same new file", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/storage.db`;
    const locker = new Worker(new URL("../support/storage_locker.ts", import.meta.url), { type: "module" });
    const nextMessage = () => new Promise((resolve) => locker.onmessage = resolve);
    const isOpening = new Int32Array(new SharedArrayBuffer(4));
    locker.postMessage({ path, isOpening });
    await nextMessage();
    Atomics.store(isOpening, 0, 1);
    Atomics.notify(isOpening, 0);
    new SqliteDatabase({ path, busyTimeoutMs: 60_000 }, MARSH_RECORDS).close();
    await nextMessage();
    locker.terminate();
  });
});

Deno.test("startStorageWorker() opens one new file from several threads at once", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/storage.db`;
    const workers = await Promise.all([1, 2, 3, 4].map(() => startStorageWorker({ entry: STORAGE_ENTRY, path })));
    const storages = workers.map((worker) => new WorkerStorage(worker.connect()));
    const results = await Promise.all(
      storages.flatMap((storage) => [1, 2, 3, 4, 5].map((i) => storage.accounts.create(newAccount(`bot${i}`)))),
    );
    assertEquals(results.filter(({ kind }) => kind === "created").length, 5);
    for (const storage of storages) await storage.close();
    for (const worker of workers) await worker.stop();
  });
});

Deno.test("WorkerStorage.isHealthy() is false while nothing can be written, and true again afterwards", async () => {
  await withTempDir(async (dir) => {
    const path = `${dir}/storage.db`;
    const worker = await startStorageWorker({ entry: STORAGE_ENTRY, path });
    // Its time passes only between two tries, however slow the machine is.
    const time = new SimulatedTime();
    const clock = { nowMs: () => time.monotonicMs(), timers: time };
    const storage = new WorkerStorage(worker.connect(), { timeoutMs: 200, sweepIntervalMs: 100, ...clock });
    const afterTries = async <T>(work: Promise<T>) => {
      let isDone = false;
      void work.then(() => isDone = true);
      while (!isDone) {
        // A read is answered behind what was asked before it.
        await storage.accounts.findByName("nobody");
        await time.pass(STORAGE_LOCK_PAUSE_MS);
      }
      return await work;
    };
    const other = new DatabaseSync(path);
    assertEquals(await storage.isHealthy(), true);
    other.exec("BEGIN IMMEDIATE");
    assertEquals(await afterTries(storage.isHealthy()), false);
    const refused = assertRejects(() => storage.accounts.create(newAccount("Mira")), DependencyError, "locked");
    assertEquals((await afterTries(refused)).code, "unavailable");
    assertEquals(await storage.accounts.findByName("mira"), undefined);
    other.exec("ROLLBACK");
    other.close();
    assertEquals(await storage.isHealthy(), true);
    assertEquals((await storage.accounts.create(newAccount("Mira"))).kind, "created");
    await storage.close();
    await worker.stop();
  });
});

Deno.test("documents are found by a number without sorting those with equal ones", async () => {
  await withDatabase({}, (_database, path) => {
    const { countAbove, listOlder, range } = storedDocuments();
    const index = { collection: "things", index: "level" };
    const page = { ...index, from: -Infinity, to: Infinity, offset: 0, limit: 10 };
    for (
      const asked of [
        range({ ...page, isDescending: true }),
        range({ ...page, isDescending: false }),
        countAbove({ ...index, value: 1 }),
        listOlder({ collection: "things", below: 2, afterKey: "" }),
      ]
    ) {
      const { value: call } = asked.next();
      assert(typeof call === "object" && "statement" in call && call.kind !== "each");
      const plan = withOther(
        path,
        (other) => other.prepare(`EXPLAIN QUERY PLAN ${call.statement.text}`).all(...call.values),
      );
      const found = plan.find(({ detail }) => String(detail).startsWith("SEARCH "));
      assert(found !== undefined, call.statement.text);
      // What one query gives at most may be sorted behind it.
      const beside = plan.filter(({ parent }) => parent === found.parent).map(({ detail }) => String(detail));
      assertEquals(beside.filter((step) => step.includes("TEMP B-TREE")), [], call.statement.text);
    }
  });
});

Deno.test("SqliteDatabase.close() lets go of its clock, and of whatever that refers to", async () => {
  const open = () => {
    const owner: { database?: SqliteDatabase } = {};
    owner.database = new SqliteDatabase({
      path: MEMORY_PATH,
      nowMs: () => owner.database === undefined ? 0 : 1,
    }, MARSH_RECORDS);
    owner.database.close();
    return new WeakRef(owner);
  };
  const owners = Array.from({ length: 10 }, open);
  await new Promise((resolve) => setTimeout(resolve));
  collectGarbage();
  assertEquals(owners.filter((owner) => owner.deref() !== undefined).length, 0);
});
