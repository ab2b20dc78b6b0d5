/**
 * What players cost each process of a cluster, and a single server beside it: a login server and game servers on a
 * PostgreSQL and a NATS server of their own, whose players log in and go where the list sends them.
 *
 * @module
 */

import { serveArguments } from "../server/process/process_keeper.ts";
import { parsePlayersOptions, runPlayers } from "../tools/admin_players.ts";
import { startNats, startPostgres, until } from "../tools/cluster/backbone.ts";
import { Child } from "../tools/cluster/child.ts";
import type { Programs } from "../tools/cluster/programs.ts";
import { parseLoadOptions } from "../tools/loadtest/options.ts";
import { runLoad } from "../tools/loadtest/run.ts";
import { pause } from "./load.ts";
import { freePort } from "../tests/support/free_port.ts";
import { type ProcessUsage, usageOf } from "./process_usage.ts";

const READY = /^ready (.*)$/m;
/** Movements of each player, a second. */
const MOVES_PER_S = 10;
/** Players of the first, short run. */
const WARM_PLAYERS = 24;
/** How long is looked at what is needed without players, in milliseconds. */
const IDLE_MS = 4_000;
/** Sides of a map on which a player sees about as many as in docs/performance.md, for so many players. */
const MAP_UNITS_PER_PLAYER = 45;

/** What to run. */
export interface RolesOptions {
  readonly programs: Programs;
  readonly players: number;
  readonly servers: number;
  readonly seconds: number;
  /** Players who log in a second: fewer than the login server can hash passwords. */
  readonly logins: number;
}

/** What one process, or all game servers together, needed. */
export interface RoleCost {
  readonly name: string;
  /** Share of a core while nobody is there, in thousandths; it is in none of the figures below. */
  readonly idleShare: number;
  /** Processor time for a player who logs in and enters, in milliseconds, without what those do who are there. */
  readonly arrivalMs: number;
  /** Share of a core for a player who plays, in thousandths, and for a packet of any direction, in microseconds. */
  readonly playingShare: number;
  readonly packetUs: number;
  /** Processor time for a player who logs out, in milliseconds. */
  readonly exitMs: number;
  /** Resident memory, shared pages by their share, while all play. */
  readonly memoryMb: number;
}

/** One measurement. */
export interface RolesResult {
  readonly costs: readonly RoleCost[];
  /** Players by server. */
  readonly played: Readonly<Record<string, number>>;
  readonly packetsPerS: number;
  /** Entities that a player is shown, mean. */
  readonly visible: number;
}

/** A program under load, or several of a kind. */
interface Watched {
  readonly name: string;
  readonly pids: readonly number[];
}

/** Measures a cluster. */
export async function measureRoles(options: RolesOptions): Promise<RolesResult> {
  await using stage = await Stage.open();
  const { folder } = stage, common = { programs: options.programs, folder, onEnd: () => {} };
  const database = await startPostgres({ ...common, port: freePort() });
  stage.keep(database.child);
  const bus = await startNats({ ...common, port: freePort() });
  stage.keep(bus.child);
  const env = { DRAWBRIDGE_DATABASE_URL: database.url, DRAWBRIDGE_NATS_URL: bus.url };
  const login = await stage.serve("login", ["--role", "login", "--server-id", "1"], env);
  const games: Server[] = [];
  for (let index = 0; index < options.servers; index++) {
    const size = mapFlags(options.players / options.servers);
    games.push(
      await stage.serve(`game ${index + 2}`, ["--role", "game", "--server-id", `${index + 2}`, ...size], env),
    );
  }
  return await load({ ...options, folder, env, loginPort: login.ports.get("login")! }, [
    { name: "login server", pids: [login.child.pid] },
    { name: `${games.length} game servers`, pids: games.map(({ child }) => child.pid) },
    { name: "PostgreSQL", pids: [database.child.pid] },
    { name: "NATS", pids: [bus.child.pid] },
  ]);
}

/** Measures one server that does all, on SQLite, with the same players in its one world, which is as much larger. */
export async function measureSingle(options: RolesOptions): Promise<RolesResult> {
  await using stage = await Stage.open();
  const server = await stage.serve("all", mapFlags(options.players), {});
  const loginPort = server.ports.get("login")!;
  const env = { DRAWBRIDGE_DATA_DIR: `${stage.folder}/all` };
  return await load({ ...options, folder: stage.folder, env, loginPort }, [{
    name: "all",
    pids: [server.child.pid],
  }]);
}

function mapFlags(players: number): string[] {
  return ["--map-size", `${Math.max(100, Math.round(MAP_UNITS_PER_PLAYER * Math.sqrt(players)))}`];
}

/** Lets players come, play and leave, and looks at the programs between. */
async function load(
  { env, folder, loginPort, logins, players, seconds }: RolesOptions & {
    readonly env: Readonly<Record<string, string>>;
    readonly folder: string;
    readonly loginPort: number;
  },
  watched: readonly Watched[],
): Promise<RolesResult> {
  const tokens = `${folder}/tokens`;
  const dataDir = env.DRAWBRIDGE_DATA_DIR ?? `${folder}/admin`;
  const create = ["--count", `${players}`, "--prefix", "bench", "--passwords", "on", "--tokens", tokens];
  await runPlayers(parsePlayersOptions([...create, "--data-dir", dataDir], env));
  const flags = ["--enter", "login", "--login-port", `${loginPort}`, "--tokens", tokens];
  // Connections to the database, and the code that is compiled when it is hot, are there from then on.
  const few = `${Math.min(players, WARM_PLAYERS)}`;
  await runLoad(parseLoadOptions(["login", ...flags, "--connections", few, "--duration", "4", "--rate", "0.3"]));
  const look = () => watched.map(({ pids }) => sumOf(pids.map(usageOf)));
  const idleFromMs = performance.now(), idle = look();
  await pause(IDLE_MS);
  const looks: ProcessUsage[][] = [look()];
  const startMs = performance.now();
  let arrivedMs = startMs, endedMs = startMs;
  const size = ["--connections", `${players}`, "--duration", `${seconds}`, "--rate", `${MOVES_PER_S}`, "--drain", "1"];
  const ramp = ["--ramp", `${players / logins}`];
  const result = await runLoad(parseLoadOptions(["world", ...flags, ...size, ...ramp]), {
    onSample: ({ phase }) => {
      if (phase !== "measure") return;
      if (looks.length === 1) {
        looks.push(look());
        arrivedMs = performance.now();
      } else {
        looks[2] = look();
        endedMs = performance.now();
      }
    },
  });
  looks.push(look());
  const leftMs = performance.now();
  if (looks.length < 4) throw new Error("Cannot measure: --seconds is too short");
  if (result.connections.ready < players || result.connections.dropped > 0) {
    throw new Error(`Cannot measure: players were lost: ${JSON.stringify(result.failures)}`);
  }
  const playedS = (endedMs - arrivedMs) / 1_000;
  const packetsPerS = result.traffic.sentPerS + result.traffic.receivedPerS;
  const costs = watched.map(({ name }, index): RoleCost => {
    const [start, arrived, ended, left] = looks.map((each) => each[index]);
    // In milliseconds a second: thousandths of a core.
    const idleShare = (start.processorMs - idle[index].processorMs) / (startMs - idleFromMs) * 1_000;
    const playingMs = Math.max(0, (ended.processorMs - arrived.processorMs) / playedS - idleShare);
    // Who has come plays, half of them on average.
    const meanwhileMs = (idleShare + playingMs / 2) * (arrivedMs - startMs) / 1_000;
    const afterwardsMs = idleShare * (leftMs - endedMs) / 1_000;
    return {
      name,
      idleShare,
      arrivalMs: Math.max(0, arrived.processorMs - start.processorMs - meanwhileMs) / players,
      playingShare: playingMs / players,
      packetUs: playingMs * 1_000 / packetsPerS,
      exitMs: Math.max(0, left.processorMs - ended.processorMs - afterwardsMs) / players,
      memoryMb: ended.memoryMb,
    };
  });
  return { costs, played: result.servers!.players, packetsPerS, visible: result.clients.visible!.mean };
}

function sumOf(usages: readonly ProcessUsage[]): ProcessUsage {
  return usages.reduce((sum, { memoryMb, processorMs }) => ({
    memoryMb: sum.memoryMb + memoryMb,
    processorMs: sum.processorMs + processorMs,
  }));
}

interface Server {
  readonly name: string;
  readonly child: Child;
  /** By what listens there. */
  readonly ports: ReadonlyMap<string, number>;
}

/** A folder and the programs in it, all of which are gone afterwards. */
class Stage implements AsyncDisposable {
  readonly folder: string;
  readonly #children: Child[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Stage> {
    const folder = await Deno.makeTempDir({ prefix: "drawbridge-bench-" });
    await Deno.chmod(folder, 0o755);
    return new Stage(folder);
  }

  keep(child: Child): void {
    this.#children.push(child);
  }

  /** Starts a server. */
  async serve(name: string, own: readonly string[], env: Readonly<Record<string, string>>): Promise<Server> {
    const isLogin = own.includes("login");
    const listened = own.includes("game") ? ["game", "gateway"] : isLogin ? ["login"] : ["login", "game", "gateway"];
    const ports = new Map([...listened, "admin"].map((port) => [port, freePort()]));
    const flags = [...ports].flatMap(([port, number]) => [`--${port}-port`, `${number}`]);
    const common = ["--public-host", "127.0.0.1", "--host", "127.0.0.1", "--monsters", "off", "--io-workers", "1"];
    const backend = Deno.build.os === "linux" ? ["--io-backend", "epoll"] : [];
    const folder = ["--data-dir", `${this.folder}/${name.replace(" ", "")}`, "--server-name", name];
    const child = new Child({
      name: name.replace(" ", ""),
      command: [Deno.execPath(), ...serveArguments(), ...own, ...flags, ...common, ...backend, ...folder],
      env: { ...env, MALLOC_MMAP_THRESHOLD_: "131072" },
      folder: this.folder,
      onEnd: () => {},
    });
    this.keep(child);
    await until(child, async () => READY.test(await child.output()));
    return { name, child, ports };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Servers save to databases, so those end last.
    for (const child of this.#children.toReversed()) await child.stop();
    await Deno.remove(this.folder, { recursive: true });
  }
}
