/**
 * What PostgreSQL and NATS carry: `deno task bench:cluster`. Both are started here, on this machine; each figure comes
 * with the processor time that it took there, which other work on the machine changes little.
 *
 * @module
 */

import { MARSH_RECORDS } from "../games/marsh/records.ts";
import { NatsConnection } from "../server/bus/nats_connection.ts";
import { parseNatsUrl } from "../server/bus/nats_target.ts";
import { DIRECTORY } from "../server/cluster/directory_store.ts";
import { integer } from "../server/config/kinds.ts";
import { PostgresStorage } from "../server/storage/postgres_storage.ts";
import { parsePostgresUrl } from "../server/storage/postgres_target.ts";
import { NODE_LEASE_MS } from "../shared/limits.ts";
import { startNats, startPostgres } from "../tools/cluster/backbone.ts";
import { findPrograms, programFolders } from "../tools/cluster/programs.ts";
import { markdownTable, readFlags, runCommand } from "./flags.ts";

const HELP = `Usage: deno task bench:cluster [--seconds N] [--nodes N] [--writers N]

  --seconds N  how long each figure is measured [5]
  --nodes N    servers that ask PostgreSQL, and that hear each line over NATS [8]
  --writers N  requests under way at a time from each of them [40]`;
const PLAYERS = 2_000;
/** Of a line of chat with what stands around it, in bytes. */
const LINE_BYTES = 300;
/** Lines on their way at a time. */
const LINES_UNDER_WAY = 64;
/** The kernel counts processor time in these, 100 a second. */
const TICK_MS = 10;

interface Row {
  readonly what: string;
  readonly perSecond: number;
  readonly coreShare: number;
}

/** The processor time of a process and those it has started, in milliseconds. */
function processorMsOf(pid: number): number {
  let ticks = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const fields = Deno.readTextFileSync(`/proc/${name}/stat`).replace(/^.*\) /s, "").split(" ");
      // State, parent, …; user and system time are the 14th and 15th of all.
      if (Number(name) === pid || Number(fields[1]) === pid) ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It has just ended.
    }
  }
  return ticks * TICK_MS;
}

/** Runs work for some seconds and says what it was and what it took of a process. */
async function measure(
  what: string,
  pid: number,
  seconds: number,
  run: (isOver: () => boolean, done: (count: number) => void) => Promise<void>,
): Promise<Row> {
  const startMs = performance.now(), startProcessorMs = processorMsOf(pid);
  let count = 0;
  await run(() => performance.now() - startMs > seconds * 1_000, (more) => count += more);
  const tookMs = performance.now() - startMs;
  return { what, perSecond: count / tookMs * 1_000, coreShare: (processorMsOf(pid) - startProcessorMs) / tookMs };
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
      await storage.of(DIRECTORY).join({ node: { ...ids[index], ...address, ...load }, leaseMs: 100 * NODE_LEASE_MS });
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
        await storage.of(DIRECTORY).nodes(null);
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
  options: { readonly seconds: number; readonly nodes: number; readonly writers: number },
): Promise<Row[]> {
  const programs = findPrograms(programFolders(Deno.env.get("PATH") ?? ""));
  if (typeof programs === "string") throw new Error(programs);
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

function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  return listener.addr.port;
}

if (import.meta.main) {
  const count = integer({ min: 1, max: 1_000 });
  await runCommand(HELP, async (args) => {
    const flag = readFlags(args, { "--seconds": count, "--nodes": count, "--writers": count });
    const options = { seconds: flag("--seconds", 5), nodes: flag("--nodes", 8), writers: flag("--writers", 40) };
    const rows = await runClusterBench(options);
    const cells = rows.map(({ what, perSecond, coreShare }) => [
      what,
      Math.round(perSecond).toLocaleString("en"),
      coreShare.toFixed(2),
      Math.round(coreShare / perSecond * 1e6).toLocaleString("en"),
    ]);
    console.log(markdownTable(["What", "a second", "cores of it", "µs of a core each"], cells, 1));
  });
}
