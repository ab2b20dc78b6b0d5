/** What a step of the schema may do while servers of the version before go on. @module */

import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { ENGINE_SCHEMA_POSTGRES } from "../../server/storage/engine_schema.ts";
import { assert, assertEquals } from "../support/assert.ts";

/** What takes from a statement of the version before what it names, or refuses what it writes. */
const BREAKING =
  /\bDROP (?:TABLE|COLUMN|DEFAULT|VIEW|FUNCTION)\b|\bRENAME\b|\bALTER COLUMN \w+ (?:SET DATA )?TYPE\b|\bSET NOT NULL\b/i;
const ADDED_COLUMN = /\bADD COLUMN (?!IF )[^,;]*/gi;

/** What of a step would break the version before. */
function breakages(sql: string): string[] {
  const columns = (sql.match(ADDED_COLUMN) ?? []).filter((column) => /NOT NULL/i.test(column));
  return [...sql.match(BREAKING) ?? [], ...columns.filter((column) => !/\bDEFAULT\b|\bGENERATED\b/i.test(column))];
}

Deno.test("Steps of the schema in PostgreSQL leave what the version before does working: it goes on beside the newer one", () => {
  const stores = MARSH_RECORDS.stores.map(({ definition, postgresSchema }) =>
    [definition.name, postgresSchema] as const
  );
  const schemas = [["engine", ENGINE_SCHEMA_POSTGRES], ...stores] as const;
  for (const [name, steps] of schemas) {
    for (const [index, sql] of steps.entries()) {
      if (index > 0) assertEquals(breakages(sql), [], `step ${index + 1} of ${name}`);
    }
  }
  assert(ENGINE_SCHEMA_POSTGRES.length > 2);
  const broken = [
    "ALTER TABLE a RENAME COLUMN b TO c",
    "ALTER TABLE a DROP COLUMN b",
    "DROP TABLE a",
    "ALTER TABLE a ALTER COLUMN b TYPE TEXT",
    "ALTER TABLE a ADD COLUMN b BIGINT NOT NULL, ADD COLUMN c BIGINT",
  ];
  for (const sql of broken) assertEquals(breakages(sql).length, 1, sql);
});
