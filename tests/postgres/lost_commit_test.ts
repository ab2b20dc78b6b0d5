/** Answers to COMMIT that never come, and COMMITs that never arrive. @module */

import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { PostgresStorage } from "../../server/storage/postgres_storage.ts";
import { parsePostgresUrl } from "../../server/storage/postgres_target.ts";
import { DependencyError } from "../../shared/errors.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { programTest } from "../support/programs.ts";
import { until } from "../support/wait.ts";

const SERVER = await sharedPostgres();
/** A statement without values, as PostgreSQL's protocol has it. */
const COMMIT = new TextEncoder().encode("COMMIT\0");

/** What becomes of the next COMMIT: it does not reach the server, or its answer does not reach the client. */
type Cut = "before" | "after";

/** Stands between a client and the server, and cuts connections at their COMMIT. */
class CuttingProxy implements AsyncDisposable {
  readonly port: number;
  /** What to do at the next COMMITs, the first first. */
  readonly cuts: Cut[] = [];
  cutCount = 0;
  readonly #serverPort: number;
  readonly #listener: Deno.TcpListener;
  readonly #work = new Set<Promise<void>>();
  readonly #connections = new Set<Deno.TcpConn>();

  constructor(serverPort: number) {
    this.#serverPort = serverPort;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#run(this.#accept());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) close(connection);
    await Promise.all(this.#work);
  }

  #run(work: Promise<void>): void {
    const done: Promise<void> = work.catch(() => {}).finally(() => this.#work.delete(done));
    this.#work.add(done);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#serverPort });
      for (const connection of [client, server]) this.#connections.add(connection);
      const link = { client, server, isDeaf: false };
      this.#run(this.#toServer(link));
      this.#run(this.#toClient(link));
    }
  }

  async #toServer(link: Link): Promise<void> {
    await eachChunk(link.client, async (bytes) => {
      const cut = includes(bytes, COMMIT) ? this.cuts.shift() : undefined;
      if (cut === "after") link.isDeaf = true;
      if (cut === "before") close(link.server);
      else await writeAll(link.server, bytes);
      if (cut !== undefined) this.cutCount++;
      if (cut === "before") close(link.client);
    });
    close(link.server);
  }

  async #toClient(link: Link): Promise<void> {
    await eachChunk(link.server, async (bytes) => {
      // The server has answered: what was asked for is done.
      if (link.isDeaf) close(link.client);
      else await writeAll(link.client, bytes);
    });
    close(link.client);
  }
}

interface Link {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
  isDeaf: boolean;
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

async function eachChunk(connection: Deno.TcpConn, take: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      await take(buffer.slice(0, count));
    }
  } catch {
    // It was cut.
  }
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let start = 0; start < bytes.length;) start += await connection.write(bytes.subarray(start));
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  const text = (each: Uint8Array) => new TextDecoder("latin1").decode(each);
  return text(bytes).includes(text(part));
}

const account = (name: string) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: 1 });

async function openThrough(proxy: CuttingProxy, url: string): Promise<PostgresStorage> {
  const through = url.replace(/:\d+\//, `:${proxy.port}/`);
  return await PostgresStorage.open(parsePostgresUrl(`${through}?sslmode=disable`)!, MARSH_RECORDS);
}

programTest(
  "postgresql",
  "PostgresStorage acknowledges a write whose COMMIT was done though its answer was lost, and does it once",
  async () => {
    await using proxy = new CuttingProxy(SERVER!.port);
    const url = await SERVER!.createDatabase();
    const storage = await openThrough(proxy, url);
    try {
      for (const cut of ["after", "before"] as const) {
        proxy.cuts.push(cut);
        // Done twice, the second time would find the name taken.
        const result = await storage.accounts.create(account(cut));
        assertEquals([result.kind, proxy.cuts], ["created", []], cut);
        assertEquals((await storage.accounts.findByName(cut))?.name, cut);
      }
      assertEquals(proxy.cutCount, 2);
    } finally {
      await storage.close();
    }
  },
);

programTest(
  "postgresql",
  "PostgresStorage acknowledges nothing that is not there and does nothing twice, however its connections are cut",
  async () => {
    await using proxy = new CuttingProxy(SERVER!.port);
    const url = await SERVER!.createDatabase();
    const storage = await openThrough(proxy, url);
    const created: string[] = [], unknown: string[] = [];
    try {
      for (let round = 0; round < 20; round++) {
        // More cuts in a row than a request is tried again leave it undone, or unknown.
        for (let count = 0; count <= round % 5; count++) {
          proxy.cuts.push((round + count) % 3 === 0 ? "before" : "after");
        }
        await Promise.all(Array.from({ length: 8 }, async (_, index) => {
          const name = `player${round}x${index}`;
          try {
            const { kind } = await storage.accounts.create(account(name));
            assertEquals(kind, "created", name);
            created.push(name);
          } catch (error) {
            assert(error instanceof DependencyError, String(error));
            unknown.push(name);
          }
        }));
      }
      proxy.cuts.length = 0;
      await until("a connection that lasts", async () => await storage.isHealthy());
      for (const name of created) assert(await storage.accounts.findByName(name) !== undefined, name);
      const [rows, names] =
        (await SERVER!.query("SELECT count(*), count(DISTINCT name) FROM accounts", databaseOf(url)))[0]
          .split("|").map(Number);
      assertEquals(rows, names);
      assert(
        rows >= created.length && rows <= created.length + unknown.length,
        `${rows} rows, ${created.length} created`,
      );
      assert(proxy.cutCount > 20 && created.length > 80, `${proxy.cutCount} cuts, ${created.length} created`);
    } finally {
      await storage.close();
    }
  },
);

function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

programTest("postgresql", "PostgresStorage.open() migrates once when several servers start together", async () => {
  const url = await SERVER!.createDatabase();
  const open = () => PostgresStorage.open(parsePostgresUrl(url)!, MARSH_RECORDS);
  const storages = await Promise.all(Array.from({ length: 4 }, open));
  try {
    const kinds = await Promise.all(storages.map((storage) => storage.accounts.create(account("anna"))));
    assertEquals(kinds.map(({ kind }) => kind).sort(), ["created", "name_taken", "name_taken", "name_taken"]);
  } finally {
    await Promise.all(storages.map((storage) => storage.close()));
  }
});

programTest(
  "postgresql",
  "PostgresStorage answers UNAVAILABLE while another holds a store's lock, and then goes on",
  async () => {
    const url = await SERVER!.createDatabase();
    const storage = await PostgresStorage.open(parsePostgresUrl(url)!, MARSH_RECORDS);
    const hold = "DO $$ BEGIN LOCK TABLE accounts IN EXCLUSIVE MODE; PERFORM pg_sleep(60); END $$";
    const held = SERVER!.query(hold, databaseOf(url)).catch(() => {});
    try {
      await until("the lock", async () => {
        const locks = await SERVER!.query(
          "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND relation IS NOT NULL",
          databaseOf(url),
        );
        return Number(locks[0]) > 0;
      });
      const refused = await storage.accounts.create(account("anna")).catch((error) => error);
      assert(refused instanceof DependencyError, String(refused));
      assertEquals(await storage.accounts.findByName("anna"), undefined, "Reads go on");
      await SERVER!.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'DO $$%'");
      await until(
        "a write",
        async () => (await storage.accounts.create(account("anna")).catch(() => null))?.kind === "created",
      );
    } finally {
      await held;
      await storage.close();
    }
  },
);
