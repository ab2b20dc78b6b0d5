import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { PostgresConnection } from "../../server/storage/postgres_connection.ts";
import { PostgresStorage } from "../../server/storage/postgres_storage.ts";
import { parsePostgresUrl } from "../../server/storage/postgres_target.ts";
import { directoryContract } from "../contract/directory_contract.ts";
import { sharedPostgres } from "../support/postgres.ts";

const SERVER = await sharedPostgres();

directoryContract("DIRECTORY (PostgreSQL)", {
  program: "postgresql",
  races: 1_000,
  open: async () => {
    const target = parsePostgresUrl(await SERVER!.createDatabase())!;
    const storage = await PostgresStorage.open(target, MARSH_RECORDS);
    const connection = await PostgresConnection.open(target, () => {});
    return {
      storage,
      // Its clock is the machine's: all that has a time becomes older instead.
      pass: async (ms) => {
        const nodes = "UPDATE nodes SET lease_until_ms = lease_until_ms - $1, joined_at_ms = joined_at_ms - $1";
        for (const sql of [nodes, "UPDATE handed_over_sessions SET until_ms = until_ms - $1"]) {
          await connection.query(sql, [ms]);
        }
      },
      close: async () => {
        await connection.close();
        await storage.close();
      },
    };
  },
});
