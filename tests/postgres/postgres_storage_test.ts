import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { PostgresStorage } from "../../server/storage/postgres_storage.ts";
import { parsePostgresUrl } from "../../server/storage/postgres_target.ts";
import { type OpenedStorage, storageContract } from "../contract/storage_contract.ts";
import { sharedPostgres, type TestPostgres } from "../support/postgres.ts";

const SERVER = await sharedPostgres();

storageContract("PostgresStorage", {
  isDurable: true,
  program: "postgresql",
  open: () => openOn(SERVER!),
});

async function openOn(server: TestPostgres): Promise<OpenedStorage> {
  const url = await server.createDatabase();
  const open = () => PostgresStorage.open(parsePostgresUrl(url)!, MARSH_RECORDS);
  let storage = await open();
  return {
    storage,
    location: url,
    reopen: async (meanwhile) => {
      await storage.close();
      await meanwhile?.();
      return storage = await open();
    },
    close: () => storage.close(),
  };
}
