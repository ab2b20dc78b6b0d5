import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import { directoryContract } from "../contract/directory_contract.ts";

directoryContract("DIRECTORY (SQLite)", {
  races: 10_000,
  open: () => {
    let nowMs = 1_000_000;
    const storage = new DirectStorage({ path: MEMORY_PATH, nowMs: () => nowMs }, MARSH_RECORDS);
    return Promise.resolve({
      storage,
      pass: (ms) => Promise.resolve(void (nowMs += ms)),
      close: () => storage.close(),
    });
  },
});
