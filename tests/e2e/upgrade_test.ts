/** Servers of two versions on one database, while one after the other is upgraded under players. @module */

import { ENGINE_SCHEMA_POSTGRES } from "../../server/storage/engine_schema.ts";
import { runRolling } from "../soak/rolling_soak.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programTest } from "../support/programs.ts";
import { runServerToEnd } from "../support/server_process.ts";
import { copySource } from "../support/source_copy.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { EXIT_CONFIG } from "../../shared/errors.ts";

/** What the newer version adds: columns in tables that all servers write to, locked for as long as many rows would take. */
const STEP = `
  ALTER TABLE characters ADD COLUMN title TEXT NOT NULL DEFAULT '';
  ALTER TABLE player_owners ADD COLUMN since_ms BIGINT NOT NULL DEFAULT 0;
  CREATE TABLE titles (id BIGINT PRIMARY KEY, title TEXT NOT NULL);
  SELECT pg_sleep(2);
`;

/** A copy of this version with one step of the schema more. */
async function makeNewer(root: string): Promise<void> {
  await copySource(root);
  const file = `${root}/server/storage/engine_schema.ts`;
  const text = await Deno.readTextFile(file);
  const end = text.lastIndexOf("];");
  await Deno.writeTextFile(file, `${text.slice(0, end)}\`${STEP}\`,\n${text.slice(end)}`);
}

programTest(
  ["nats", "postgresql"],
  "A newer server changes the schema while older ones serve: they go on until they are stopped, nothing is lost, and the older program does not start again",
  async () => {
    await withTempDir(async (dir) => {
      await makeNewer(dir);
      const known = ENGINE_SCHEMA_POSTGRES.length;
      const refusals: string[] = [];
      const { done, moves, problems, said } = await runRolling({
        ...{ servers: 2, rounds: 1, players: 20, now: dir },
        onRestarted: async (flags) => {
          const ports = ["login", "game", "gateway", "admin"].flatMap((name) => [`--${name}-port`, "0"]);
          const older = [...flags, ...ports, "--server-id", "9", "--data-dir", `${dir}/older`];
          const { code, stderr } = await runServerToEnd(older);
          assertEquals(code, EXIT_CONFIG, stderr);
          refusals.push(stderr);
        },
      });
      assertEquals(problems, []);
      assert(said > 200 && done > 20 && moves >= 20, `${said} messages, ${done} deeds, ${moves} moves`);
      const line = `the schema of engine has version ${known + 1}, this program knows versions up to ${known}; ` +
        "start the newer program";
      // The first while an older server still plays, the second when there is none.
      assertEquals(refusals.map((text) => text.includes(line)), [true, true], refusals[0]);
    });
  },
);
