/** What servers that share a database wait for, and for how long. @module */

import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DIRECTORY, type NodeEntry, NODES } from "../../server/cluster/directory_store.ts";
import { PostgresConnection } from "../../server/storage/postgres_connection.ts";
import { PostgresStorage } from "../../server/storage/postgres_storage.ts";
import { parsePostgresUrl } from "../../server/storage/postgres_target.ts";
import { APPLICATION_ID } from "../../server/storage/schema.ts";
import { POSTGRES_GROUP_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { until } from "../support/wait.ts";

const SERVER = await sharedPostgres();
const LEASE_MS = 600_000;
const NODE: NodeEntry = {
  ...{ serverId: 1, incarnation: "run 1", serverName: "Server 1", host: "192.0.2.1", gamePort: 8081 },
  ...{ gatewayUrl: "ws://192.0.2.1/ws", currentPlayers: 0, maxPlayers: 100, isDraining: false },
};
const LOAD = { currentPlayers: 3, maxPlayers: 100, isDraining: false };

/** A database with one node in it, and a connection beside the storage: another server's, say. */
async function withNode(run: (storage: PostgresStorage, other: PostgresConnection) => Promise<void>): Promise<void> {
  const target = parsePostgresUrl(await SERVER!.createDatabase())!;
  const storage = await PostgresStorage.open(target, MARSH_RECORDS);
  const other = await PostgresConnection.open(target, () => {});
  try {
    assertEquals(await storage.of(NODES).join({ node: NODE, leaseMs: LEASE_MS }), "joined");
    await run(storage, other);
  } finally {
    await other.close();
    await storage.close();
  }
}

/** The players of some new accounts. */
function players(storage: PostgresStorage, count: number): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, async (_, index) => {
    const account = { name: `P${index}`, nameKey: `p${index}`, passwordVerifier: "none", createdAtMs: 1 };
    const created = await storage.accounts.create(account);
    assert(created.kind === "created");
    return created.accountId;
  }));
}

function claim(storage: PostgresStorage, playerId: number) {
  const mark = { characterId: 0, tokenHash: `token of ${playerId}`, previousTokenHash: null };
  return storage.of(DIRECTORY).claim({ playerId, node: NODE, mark });
}

programTest(
  "postgresql",
  "A lease is renewed while claims wait for another server's, and what settles waits for them",
  () =>
    withNode(async (storage, other) => {
      const [playerId] = await players(storage, 1);
      await other.query("BEGIN", []);
      const locks = "SELECT pg_advisory_xact_lock($1, hashtext(name)) FROM unnest(ARRAY['directory', 'nodes']) AS name";
      await other.query(locks, [APPLICATION_ID]);
      const done: string[] = [];
      const claimed = claim(storage, playerId).then(({ kind }) => done.push(kind));
      const settled = storage.of(DIRECTORY).settle(null).then(() => done.push("settled"));
      const waits = "SELECT count(*)::integer AS count FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
      await until("somebody waits", async () => (await other.query(waits, [])).rows[0].count === 1);
      const { isHeld } = await storage.of(NODES).renew({ node: NODE, load: LOAD, leaseMs: LEASE_MS });
      assertEquals([isHeld, done], [true, []]);
      await other.query("COMMIT", []);
      await Promise.all([claimed, settled]);
      assertEquals(done, ["claimed", "settled"]);
    }),
);

programTest(
  "postgresql",
  "A lease is renewed while another server has a session in hand whose time is over",
  () =>
    withNode(async (storage, other) => {
      const expired = "INSERT INTO handed_over_sessions (player_id, epoch, until_ms, session) VALUES ($1, 1, 1, $2)";
      const ids = await players(storage, 2);
      for (const id of ids) await other.query(expired, [id, new Uint8Array(1)]);
      await other.query("BEGIN", []);
      await other.query("UPDATE handed_over_sessions SET epoch = 2 WHERE player_id = $1", [ids[0]]);
      assert((await storage.of(NODES).renew({ node: NODE, load: LOAD, leaseMs: LEASE_MS })).isHeld);
      await other.query("COMMIT", []);
      const { rows } = await other.query("SELECT CAST(player_id AS INTEGER) AS id FROM handed_over_sessions", []);
      assertEquals(rows.map(({ id }) => id), [ids[0]]);
    }),
);

programTest(
  "postgresql",
  "A claim that has waited for a row takes no lease for over that was held when it began",
  () =>
    withNode(async (storage, other) => {
      const second = { ...NODE, serverId: 2, incarnation: "run 2" };
      assertEquals(await storage.of(NODES).join({ node: second, leaseMs: LEASE_MS }), "joined");
      const [playerId] = await players(storage, 1);
      assertEquals((await claim(storage, playerId)).kind, "claimed");
      // The player's row is held until after the lease of its owner is over, which is renewed meanwhile.
      await other.query("BEGIN", []);
      await other.query("SELECT 1 FROM player_owners WHERE player_id = $1 FOR UPDATE", [playerId]);
      await other.query(
        "UPDATE nodes SET lease_until_ms = floor(extract(epoch FROM clock_timestamp()) * 1000) + 400 WHERE server_id = 1",
        [],
      );
      await other.query("COMMIT", []);
      await other.query("BEGIN", []);
      await other.query("SELECT 1 FROM player_owners WHERE player_id = $1 FOR UPDATE", [playerId]);
      const mark = { characterId: 0, tokenHash: "a token", previousTokenHash: null };
      const claimed = storage.of(DIRECTORY).claim({ playerId, node: second, mark });
      const waits = "SELECT count(*)::integer AS count FROM pg_locks WHERE NOT granted";
      await until("somebody waits", async () => (await other.query(waits, [])).rows[0].count === 1);
      assert((await storage.of(NODES).renew({ node: NODE, load: LOAD, leaseMs: LEASE_MS })).isHeld);
      await other.query("SELECT pg_sleep(0.5)", []);
      await other.query("COMMIT", []);
      assertEquals(await claimed, { kind: "owned", owner: { serverId: 1, incarnation: "run 1" } });
    }),
);

programTest(
  "postgresql",
  "PostgresDatabase.write() commits what it has done for a while: other servers do not wait for a whole group",
  () =>
    withNode(async (storage, other) => {
      const ids = await players(storage, 12);
      for (
        const sql of [
          `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN PERFORM pg_sleep(${POSTGRES_GROUP_MS / 1_000}); RETURN NEW; END'`,
          "CREATE TRIGGER slow BEFORE INSERT ON player_owners FOR EACH ROW EXECUTE FUNCTION slow()",
        ]
      ) await other.query(sql, []);
      const claims = await Promise.all(ids.map((id) => claim(storage, id)));
      assertEquals(claims.map(({ kind }) => kind), ids.map(() => "claimed"));
      const { rows } = await other.query(
        "SELECT count(DISTINCT CAST(xmin AS TEXT))::integer AS transactions, count(*)::integer AS rows FROM player_owners",
        [],
      );
      assertEquals([rows[0].transactions, rows[0].rows], [12, 12]);
    }),
);
