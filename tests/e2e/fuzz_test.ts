/** Fuzzed frames over sockets to the real server: it goes on, and keeps nothing of them. @module */

import { assert, assertEquals } from "../support/assert.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { IO_BACKENDS, ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { frame, packet, packetBody } from "../support/wire.ts";
import { WirePlayer } from "../support/wire_session.ts";
import { encodeWebSocketFrame, join, OPCODE, requestUpgrade } from "../support/wire_websocket.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { CheapChance, fuzzSeed } from "../fuzz/chance.ts";
import { bend, type Carried, CLIENT_ROWS, payloadPool } from "../fuzz/messages.ts";

/** Frames for each backend. */
const FRAMES = 100_000;
/** Frames of one connection: refused ones close it, so what follows them counts for little. */
const FRAMES_PER_CONNECTION = 100;
/** Connections at once. */
const LANES = 8;
/** What heaps and pools may have grown by, in bytes. */
const GROWTH_BYTES_MAX = 64 * 1_048_576;

/** Sends the frames of one connection, over the port that chance picks, and resolves when it is closed. */
async function sendOne(server: ServerProcess, chance: CheapChance, pools: Pools, token: string): Promise<void> {
  const port = chance.pick(["login", "game", "gateway"] as const);
  await using socket = await RawSocket.connect(server.ports[port]);
  const entry = chance.oneIn(3) ? [packet(EnterWorldRequestSchema, { sessionToken: token })] : [];
  const frames = Array.from({ length: FRAMES_PER_CONNECTION }, () => {
    const row = chance.pick(CLIENT_ROWS);
    const { payload, isCompressed } = chance.pick(pools.get(row.type)!);
    const bytes = frame(packetBody(row.type, payload, { isCompressed, sequence: BigInt(chance.below(3)) }));
    return chance.oneIn(150) ? bend(chance, bytes) : bytes;
  });
  const stream = join([...entry, ...frames]);
  if (port === "gateway") {
    await requestUpgrade(socket, server.ports.gateway);
    socket.onBytes(() => {});
    socket.write(encodeWebSocketFrame({ opcode: OPCODE.BINARY, payload: stream.subarray(0, 60_000) }));
  } else {
    socket.onBytes(() => {});
    socket.write(stream);
  }
  if (chance.oneIn(10)) return socket.reset();
  socket.end();
  await socket.ended;
}

type Pools = ReadonlyMap<number, readonly Carried[]>;

/** Everything that must be gone when everyone is. */
async function untilEmpty(server: ServerProcess): Promise<void> {
  for (const gauge of ["connections", "sessions", "players_online", "entities"]) {
    await until(`${gauge} to be 0`, async () => await server.metric(`drawbridge_${gauge}`) === 0);
  }
}

/**
 * Descriptors that the server has open, but for connections to its admin site: how many of these stay open for the next
 * look at a metric is up to the test's own HTTP client.
 */
function descriptorCount(server: ServerProcess): number {
  const port = server.ports.admin.toString(16).toUpperCase().padStart(4, "0");
  const onAdmin = new Set(
    Deno.readTextFileSync("/proc/net/tcp").split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[1]?.endsWith(`:${port}`))
      .map((columns) => `socket:[${columns[9]}]`),
  );
  const directory = `/proc/${server.pid}/fd`;
  return [...Deno.readDirSync(directory)].filter(({ name }) => {
    try {
      return !onAdmin.has(Deno.readLinkSync(`${directory}/${name}`));
    } catch {
      return false; // Closed since it was listed.
    }
  }).length;
}

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) takes ${FRAMES} fuzzed frames over sockets, and keeps no session, descriptor or memory of them`, async () => {
    const seed = fuzzSeed();
    console.log(`FUZZ_SEED=${seed}`);
    const chance = new CheapChance(seed);
    const pools: Pools = new Map(CLIENT_ROWS.map((row) => [row.type, payloadPool(chance, row, 24)]));
    await using server = await ServerProcess.start({
      backend,
      players: LANES + 1,
      flags: ["--link-dead-ms", "300", "--flood-control", "off", "--diagnostics", "on"],
      // A login that waits in a full queue is told UNAVAILABLE, and the log says so.
      errorsExpected: true,
    });
    const lanes = Array.from({ length: LANES }, () => server.takePlayer().token);
    let peakBytes = 0;
    const run = async (frameCount: number) => {
      let left = frameCount;
      await Promise.all(lanes.map(async (token) => {
        for (; left > 0; left -= FRAMES_PER_CONNECTION) {
          await sendOne(server, chance, pools, token);
          peakBytes = Math.max(peakBytes, await server.memoryBytes());
        }
      }));
      await untilEmpty(server);
    };
    // Heaps and pools grow to their size at first. The highest they stood at counts, as nothing is collected after the
    // last frame until more comes.
    await run(FRAMES / 5);
    const before = { descriptors: descriptorCount(server), bytes: peakBytes };
    const witness = server.takePlayer();
    await run(FRAMES * 4 / 5);
    await until("descriptors to be closed", () => descriptorCount(server) <= before.descriptors);
    await until("memory to be given back", async () => await server.memoryBytes() < before.bytes + GROWTH_BYTES_MAX);
    await using player = await WirePlayer.enter(server, "tcp", witness);
    await player.settle();
    assertEquals(server.status, null);
    // Whoever ends a connection is let go at once, whatever it has sent.
    assertEquals(await server.metric("drawbridge_connections_closed_total", { reason: "idle" }), 0);
    const log = await server.log();
    assert(!/Uncaught|Worker crashed|worker crashed|hangs/.test(log), log.slice(-2_000));
    const faults = log.split("\n").filter((line) =>
      /Cannot handle packet|Something failed/.test(line) && !line.includes("hashes wait")
    );
    assertEquals(faults, []);
  });
}
