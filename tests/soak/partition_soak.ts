/**
 * Three servers, their database and their bus, each on a host of its own: ways between them are cut while players go from server to
 * server, and healed; then {@linkcode problemsOf} judges what clients and the database saw.
 *
 * @module
 */

import { Prng } from "../../server/world/prng.ts";
import { type Cut, TestNetwork } from "../support/network_namespaces.ts";
import { TestNats } from "../support/nats.ts";
import { TestPostgres } from "../support/postgres.ts";
import { ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { type Deed, type OwnerSample, problemsOf } from "./partition_history.ts";
import type { Farewell } from "./partition_players.ts";

const SERVERS = ["one", "two", "three"] as const;
const OTHERS = ["db", "bus", "players"] as const;
const HOSTS = [...OTHERS, ...SERVERS] as const;
const DATABASE = "test_1";
const CUTS: readonly Cut[] = ["in", "out", "both"];
/** Time between two cuts, in milliseconds: as much as a server takes to be itself again. */
const HEALED_MS = 4_000;
/** How long a machine that others keep busy may take to make all accounts, in milliseconds. */
const PATIENCE_MS = 240_000;
/** How soon nobody owns anybody once all have logged out, in milliseconds. */
const GHOST_MS = 30_000;
const SAMPLE_SECONDS = 0.3;
const SAMPLE = `SELECT round(extract(epoch FROM clock_timestamp()) * 1000), name, epoch, server_id, incarnation
  FROM player_owners JOIN accounts ON accounts.id = player_id`;
const GUILDS = `SELECT accounts.name, guilds.name FROM guild_members JOIN guilds ON guilds.id = guild_id
  JOIN accounts ON accounts.id = player_id`;
const OWNED = "SELECT name, server_id FROM player_owners JOIN accounts ON accounts.id = player_id WHERE server_id > 0";

/** Ways that are cut at one time. */
export interface Partition {
  readonly ways: readonly {
    readonly host: typeof SERVERS[number];
    readonly from: typeof OTHERS[number];
    readonly way: Cut;
  }[];
  readonly forMs: number;
}

/**
 * Every way alone, those of two servers to the database, and those of one to database and bus, in each direction, for each
 * of these times.
 */
export function allPartitions(times: readonly number[]): Partition[] {
  const single = SERVERS.flatMap((host) => OTHERS.flatMap((from) => CUTS.map((way) => ({ host, from, way }))));
  const pairs = SERVERS.flatMap((host, index) =>
    CUTS.flatMap((way) =>
      [
        [{ host, from: "db", way }, { host: SERVERS[(index + 1) % 3], from: "db", way }],
        [{ host, from: "db", way }, { host, from: "bus", way }],
      ] as const
    )
  );
  return times.flatMap((forMs) => [...single.map((way) => [way]), ...pairs].map((ways) => ({ ways, forMs })));
}

/** What came of it. */
export interface PartitionResult {
  readonly deeds: readonly Deed[];
  readonly samples: readonly OwnerSample[];
  readonly problems: readonly string[];
}

/** Runs these partitions, one after the other. */
export async function runPartitions(
  { onPartition = () => {}, partitions, players, seed }: {
    readonly partitions: readonly Partition[];
    readonly players: number;
    readonly seed: number;
    /** Told before each. */
    readonly onPartition?: (partition: Partition, index: number) => void;
  },
): Promise<PartitionResult> {
  await using stack = new AsyncDisposableStack();
  const network = stack.use(await TestNetwork.make(HOSTS));
  const { bus, db } = network.hosts;
  const database = stack.use(await TestPostgres.start({ host: db.address, launcher: db.launcher }));
  const nats = stack.use(await TestNats.start({ host: bus.address, launcher: bus.launcher }));
  const common = ["--database-url", await database.createDatabase(), "--nats-url", nats.url()];
  const servers: ServerProcess[] = [];
  for (const [index, name] of SERVERS.entries()) {
    const { address, launcher } = network.hosts[name];
    const flags = ["--server-id", `${index + 1}`, "--host", address, "--public-host", address, ...common];
    servers.push(stack.use(await ServerProcess.start({ launcher, flags, errorsExpected: true })));
  }
  const samples = stack.use(new OwnerWatch(database));
  const addresses = servers.map(({ ports: { game, login } }, index) =>
    `${network.hosts[SERVERS[index]].address}:${login}:${game}`
  );
  const company = stack.use(new Company(network.hosts.players.launcher, [`${players}`, `${seed}`, ...addresses]));
  await until("the players to be there", () => company.hasBegun, PATIENCE_MS);
  await pause(HEALED_MS);
  for (const [index, partition] of partitions.entries()) {
    onPartition(partition, index);
    for (const { from, host, way } of partition.ways) await network.cut(host, from, way);
    await pause(partition.forMs);
    await network.heal();
    await pause(HEALED_MS);
  }
  await company.end();
  const problems: string[] = [];
  for (const { player, stuckOn } of company.farewells) {
    if (stuckOn.length > 0) problems.push(`${player} cannot play on ${stuckOn}`);
  }
  if (company.farewells.length < players) problems.push(`${players - company.farewells.length} players did not end`);
  let owned: string[] = [];
  for (const untilMs = Date.now() + GHOST_MS; Date.now() < untilMs; await pause(500)) {
    owned = await database.query(OWNED, DATABASE);
    if (owned.length === 0) break;
  }
  problems.push(...owned.map((line) => `All have logged out, and a server still has ${line}`));
  const guilds = new Map((await database.query(GUILDS, DATABASE)).map((line) => line.split("|") as [string, string]));
  const looks = samples.all.length;
  // The last owners are looked at, too.
  await until("one more look at the owners", () => samples.all.length > looks, 10_000);
  problems.push(...problemsOf(company.deeds, samples.all, guilds));
  return { deeds: company.deeds, samples: samples.all, problems };
}

/** Which of all partitions a seed runs where not all are. */
export function somePartitions(count: number, times: readonly number[], seed: number): Partition[] {
  const prng = new Prng(seed), all = allPartitions(times);
  return Array.from({ length: count }, () => all.splice(prng.nextInt(all.length), 1)).flat();
}

/** Reads lines of a process as they come. */
async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    lines.forEach(take);
  }
}

/** The players' process. */
class Company implements AsyncDisposable {
  hasBegun = false;
  readonly deeds: Deed[] = [];
  readonly farewells: Farewell[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;

  constructor([program, ...launcher]: readonly string[], args: readonly string[]) {
    const root = new URL("../../", import.meta.url).pathname;
    const run = [Deno.execPath(), "run", "--lock=dev.lock", "-A", "tests/soak/partition_players.ts"];
    const options = { cwd: root, stdin: "piped", stdout: "piped" } as const;
    this.#process = new Deno.Command(program, { ...options, args: [...launcher, ...run, ...args] }).spawn();
    this.#reading = readLines(this.#process.stdout, (line) => {
      const said = JSON.parse(line) as Partial<Deed & Farewell>;
      if (said.kind !== undefined) this.deeds.push(said as Deed);
      else if (said.stuckOn !== undefined) this.farewells.push(said as Farewell);
      else this.hasBegun = true;
    });
  }

  /** Resolves when everybody has tried every server, and has logged out. */
  async end(): Promise<void> {
    const writer = this.#process.stdin.getWriter();
    await writer.write(new TextEncoder().encode("end\n"));
    writer.releaseLock();
    await this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#process.stdin.close().catch(() => {});
    await this.#reading;
    await this.#process.status;
  }
}

/** Looks whose the players are, again and again, on the database's own host. */
class OwnerWatch implements AsyncDisposable {
  readonly all: OwnerSample[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<void>;

  constructor(database: TestPostgres) {
    this.#process = database.watch(SAMPLE, SAMPLE_SECONDS, DATABASE);
    this.#reading = readLines(this.#process.stdout, (line) => {
      const [atMs, player, epoch, serverId, incarnation] = line.split("|");
      if (incarnation === undefined) return;
      this.all.push({
        ...{ atMs: Number(atMs), player, epoch: Number(epoch) },
        ...{ serverId: serverId === "" ? null : Number(serverId), incarnation: incarnation || null },
      });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.stdin.close().catch(() => {});
    await this.#reading;
    await this.#process.status;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
