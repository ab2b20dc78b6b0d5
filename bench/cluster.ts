/**
 * What a cluster carries: `deno task bench:cluster`. First PostgreSQL and NATS by themselves, then a login server and
 * game servers with players, and a single server with the same players. All are started here, on this machine; each
 * figure comes with the processor time that it took, which other work on the machine changes little.
 *
 * @module
 */

import { MARSH_RECORDS } from "../games/marsh/records.ts";
import { NatsConnection } from "../server/bus/nats_connection.ts";
import { parseNatsUrl } from "../server/bus/nats_target.ts";
import { DIRECTORY, NODES } from "../server/cluster/directory_store.ts";
import { integer } from "../server/config/kinds.ts";
import { PostgresStorage } from "../server/storage/postgres_storage.ts";
import { parsePostgresUrl } from "../server/storage/postgres_target.ts";
import { NODE_LEASE_MS } from "../shared/limits.ts";
import { startNats, startPostgres } from "../tools/cluster/backbone.ts";
import { findPrograms, programFolders, type Programs } from "../tools/cluster/programs.ts";
import { freePort } from "../tests/support/free_port.ts";
import { measureRoles, measureSingle, type RolesResult } from "./cluster_roles.ts";
import { markdownTable, readFlags, runCommand, someOf } from "./flags.ts";
import { usageOf } from "./process_usage.ts";

const HELP = `Usage: deno task bench:cluster [--only A,B] [--seconds N] [flags]

  --only A,B   of parts, cluster, single [all three]
  --seconds N  how long each figure is measured [5]
  --nodes N    parts: servers that ask PostgreSQL, and that hear each line over NATS [8]
  --writers N  parts: requests under way at a time from each of them [40]
  --players N  cluster, single: players who log in, walk and talk [300]
  --servers N  cluster: game servers [2]
  --logins N   cluster, single: players who log in a second; a busy machine takes fewer [10]`;
const SUBJECTS = ["parts", "cluster", "single"] as const;
const PLAYERS = 2_000;
/** Of a line of chat with what stands around it, in bytes. */
const LINE_BYTES = 300;
/** Lines on their way at a time. */
const LINES_UNDER_WAY = 64;
interface Row {
  readonly what: string;
  readonly perSecond: number;
  readonly coreShare: number;
}

/** Runs work for some seconds and says what it was and what it took of a process. */
async function measure(
  what: string,
  pid: number,
  seconds: number,
  run: (isOver: () => boolean, done: (count: number) => void) => Promise<void>,
): Promise<Row> {
  const startMs = performance.now(), startProcessorMs = usageOf(pid).processorMs;
  let count = 0;
  await run(() => performance.now() - startMs > seconds * 1_000, (more) => count += more);
  const tookMs = performance.now() - startMs;
  return { what, perSecond: count / tookMs * 1_000, coreShare: (usageOf(pid).processorMs - startProcessorMs) / tookMs };
}

async function measurePostgres(
  url: string,
  pid: number,
  { seconds, nodes, writers }: { readonly seconds: number; readonly nodes: number; readonly writers: number },
): Promise<Row[]> {
  const storages = await Promise.all(
    Array.from({ length: nodes }, () => PostgresStorage.open(parsePostgresUrl(url)!, MARSH_RECORDS)),
  );
  try {
    const [first] = storages;
    const names = Array.from({ length: PLAYERS }, (_, index) => `bench${index}`);
    for (let at = 0; at < PLAYERS; at += 500) {
      await first.accounts.createMany(
        names.slice(at, at + 500).map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: 1 })),
      );
    }
    const accounts = await Promise.all(names.map(async (name) => (await first.accounts.findByName(name))!.accountId));
    const characters = await Promise.all(
      accounts.map(async (id) => (await first.characters.load({ accountId: id, characterId: 0 }))!.characterId),
    );
    const ids = storages.map((_, index) => ({ serverId: index + 1, incarnation: `bench ${index}` }));
    const address = { serverName: "Bench", host: "127.0.0.1", gamePort: 1, gatewayUrl: "" };
    const load = { currentPlayers: 0, maxPlayers: PLAYERS, isDraining: false };
    for (const [index, storage] of storages.entries()) {
      await storage.of(NODES).join({ node: { ...ids[index], ...address, ...load }, leaseMs: 100 * NODE_LEASE_MS });
    }
    const each = (what: string, work: (storage: PostgresStorage, node: number, turn: number) => Promise<unknown>) =>
      measure(what, pid, seconds, async (isOver, done) => {
        let turn = 0;
        await Promise.all(storages.flatMap((storage, node) =>
          Array.from({ length: writers }, async () => {
            while (!isOver()) {
              await work(storage, node, turn++);
              done(1);
            }
          })
        ));
      });
    const place = { mapId: 1, x: 1, y: 0, z: 1, yaw: 0, hp: 100 };
    const own = (node: number, turn: number) => (turn * nodes + node) % PLAYERS;
    return [
      await each(
        "entries: a player is claimed",
        (storage, node, turn) =>
          storage.of(DIRECTORY).claim({
            playerId: accounts[own(node, turn)],
            node: ids[node],
            mark: { characterId: 0, tokenHash: `token of ${own(node, turn)}`, previousTokenHash: null },
          }),
      ),
      await each(
        "a character is saved",
        (storage, node, turn) =>
          storage.characters.save({ characterId: characters[own(node, turn)], ...place, x: turn % 100 }),
      ),
      await each("logins: an account and the servers are read", async (storage, node, turn) => {
        await storage.accounts.findByName(names[own(node, turn)]);
        await storage.of(NODES).list(null);
      }),
    ];
  } finally {
    await Promise.all(storages.map((storage) => storage.close()));
  }
}

async function measureNats(
  url: string,
  pid: number,
  { seconds, nodes }: { readonly seconds: number; readonly nodes: number },
): Promise<Row> {
  let heard = 0;
  const open = (subjects: readonly string[]) =>
    NatsConnection.open({
      target: parseNatsUrl(url)!,
      ca: "",
      subjects,
      onMessage: () => heard++,
      onState: () => {},
      random: Math.random,
    });
  const listeners = await Promise.all(Array.from({ length: nodes }, () => open(["bench"])));
  const speaker = await open([]);
  try {
    return await measure(
      `lines of ${LINE_BYTES} bytes, each delivered to ${nodes} servers`,
      pid,
      seconds,
      async (isOver, done) => {
        const line = new Uint8Array(LINE_BYTES);
        let said = 0;
        while (!isOver()) {
          while (said * nodes - heard < LINES_UNDER_WAY * nodes) {
            speaker.publish("bench", line);
            said++;
          }
          await new Promise((resolve) => setTimeout(resolve));
        }
        done(heard);
      },
    );
  } finally {
    await Promise.all([speaker, ...listeners].map((connection) => connection.close()));
  }
}

/** Measures in a folder of its own, which is gone afterwards. */
export async function runClusterBench(
  programs: Programs,
  options: { readonly seconds: number; readonly nodes: number; readonly writers: number },
): Promise<Row[]> {
  const folder = await Deno.makeTempDir({ prefix: "drawbridge-bench-" });
  await Deno.chmod(folder, 0o755);
  const common = { programs, folder, onEnd: () => {} };
  try {
    const postgres = await startPostgres({ ...common, port: freePort() });
    const nats = await startNats({ ...common, port: freePort() });
    try {
      return [
        ...await measurePostgres(postgres.url, postgres.child.pid, options),
        await measureNats(nats.url, nats.child.pid, options),
      ];
    } finally {
      await Promise.all([nats.child.stop(), postgres.child.stop()]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What was measured of servers, as a table. */
export function rolesTable({ costs, packetsPerS, played, visible }: RolesResult): string {
  const rows = costs.map(({ arrivalMs, exitMs, idleShare, memoryMb, name, packetUs, playingShare }) => [
    name,
    idleShare.toFixed(0),
    arrivalMs.toFixed(2),
    playingShare.toFixed(3),
    packetUs.toFixed(1),
    exitMs.toFixed(2),
    memoryMb.toFixed(0),
  ]);
  const head = ["Process", "idle, ‰ of a core", "ms an entry", "‰ a player", "µs a packet"];
  const players = Object.entries(played).map(([name, count]) => `${count} at ${name}`).join(", ");
  return `Players: ${players}; each sees ${visible.toFixed(0)}, all together ${
    Math.round(packetsPerS).toLocaleString("en")
  } packets/s\n${markdownTable([...head, "ms an exit", "MB"], rows, 1)}`;
}

/** The parts as a table. */
function partsTable(rows: readonly Row[]): string {
  const cells = rows.map(({ what, perSecond, coreShare }) => [
    what,
    Math.round(perSecond).toLocaleString("en"),
    coreShare.toFixed(2),
    Math.round(coreShare / perSecond * 1e6).toLocaleString("en"),
  ]);
  return markdownTable(["What", "a second", "cores of it", "µs of a core each"], cells, 1);
}

if (import.meta.main) {
  const count = integer({ min: 1, max: 1_000 }), players = integer({ min: 2, max: 10_000 });
  await runCommand(HELP, async (args) => {
    const flag = readFlags(args, {
      ...{ "--seconds": count, "--nodes": count, "--writers": count, "--players": players, "--logins": count },
      ...{ "--servers": integer({ min: 1, max: 16 }), "--only": someOf(SUBJECTS) },
    });
    const programs = findPrograms(programFolders(Deno.env.get("PATH") ?? ""));
    if (typeof programs === "string") throw new Error(programs);
    const only = flag("--only", SUBJECTS), seconds = flag("--seconds", 5);
    const roles = {
      ...{ programs, seconds, players: flag("--players", 300), servers: flag("--servers", 2) },
      logins: flag("--logins", 10),
    };
    const tables: Record<typeof SUBJECTS[number], () => Promise<string>> = {
      parts: async () =>
        partsTable(
          await runClusterBench(programs, { seconds, nodes: flag("--nodes", 8), writers: flag("--writers", 40) }),
        ),
      cluster: async () => rolesTable(await measureRoles(roles)),
      single: async () => rolesTable(await measureSingle(roles)),
    };
    for (const subject of SUBJECTS.filter((each) => only.includes(each))) console.log(`${await tables[subject]()}\n`);
  });
}
