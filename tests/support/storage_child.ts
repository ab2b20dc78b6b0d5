/**
 * A second process on a database, for the storage tests.
 *
 * `write PATH` creates accounts and saves their characters, many at once, and writes a line `accountId x` for each as
 * soon as it is acknowledged, until it is killed. `bulk PATH COUNT` creates accounts in one go, as the admin tool does.
 *
 * @module
 */

import { storageAt } from "./storage_entry.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { PostgresStorage } from "../../server/storage/postgres_storage.ts";
import { parsePostgresUrl } from "../../server/storage/postgres_target.ts";
import { startStorageWorker } from "../../server/storage/start_storage_worker.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { WorkerStorage } from "../../server/storage/worker_storage.ts";

const WRITERS = 8;
const encoder = new TextEncoder();

async function writeForever(storage: Storage, writer: number): Promise<void> {
  for (let x = 0;; x++) {
    const name = `w${writer}_${x}`;
    const account = { name, nameKey: name, passwordVerifier: null, createdAtMs: 0 };
    const result = await storage.accounts.create(account);
    if (result.kind !== "created") throw new Error(`${name} is taken`);
    const { accountId } = result;
    const character = await storage.characters.load({ accountId, characterId: 0 });
    if (!character) throw new Error(`${name} has no character`);
    await storage.characters.save({ characterId: character.characterId, mapId: 0, x, y: 0, z: 0, yaw: 0, hp: 1 });
    Deno.stdout.writeSync(encoder.encode(`${accountId} ${x}\n`));
  }
}

if (import.meta.main) {
  const [mode, path, count] = Deno.args;
  if (mode === "write") {
    const storage = new WorkerStorage((await startStorageWorker(storageAt(path))).connect());
    await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeForever(storage, writer)));
  } else {
    const postgres = parsePostgresUrl(path);
    const storage = postgres === undefined
      ? new DirectStorage({ path }, MARSH_RECORDS)
      : await PostgresStorage.open(postgres, MARSH_RECORDS);
    const names = Array.from({ length: Number(count) }, (_, i) => `bulk${i}`);
    await storage.accounts.createMany(
      names.map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: 0 })),
    );
    await storage.close();
  }
}
