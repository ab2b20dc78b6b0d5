/** The key that signs session tokens, as PostgreSQL keeps it: all servers on a database have the same. @module */

import type { PostgresDatabase } from "./postgres_database.ts";

const NAME = "session key";
const KEY_BYTES = 32;

/** Reads the key, after making one where there is none. */
export async function sessionKeyOf(
  database: Pick<PostgresDatabase, "secret">,
  newKey: Uint8Array = crypto.getRandomValues(new Uint8Array(KEY_BYTES)),
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await database.secret(NAME, newKey));
}
