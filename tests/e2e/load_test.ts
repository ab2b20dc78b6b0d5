import { assert, assertEquals } from "../support/assert.ts";
import { type LoadReport, playLoad } from "../support/load_bots.ts";
import { IO_BACKENDS, ServerProcess, type TestPlayer } from "../support/server_process.ts";
import { until } from "../support/wait.ts";

/** Players over each transport. */
const PLAYERS_EACH = 1_000;
/** How long an idle server may take to give memory back, in milliseconds. */
const MEMORY_PATIENCE_MS = 60_000;

async function play(
  server: ServerProcess,
  players: readonly TestPlayer[],
  movesEach: number,
): Promise<LoadReport> {
  const { game: gamePort, gateway: gatewayPort } = server.ports;
  const tokens = players.map(({ token }) => token);
  return await playLoad({ gamePort, gatewayPort, tokens, movesEach, movesPerSecond: 5, movesPerMessage: 5 });
}

/** Resolves when nothing of the players is left in the server. */
async function untilEmpty(server: ServerProcess): Promise<void> {
  for (const gauge of ["sessions", "players_online", "entities", "connections"]) {
    await until(`${gauge} to be 0`, async () => await server.metric(`drawbridge_${gauge}`) === 0);
  }
}

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) carries 1,000 native and 1,000 browser players at once and keeps nothing of them`, async () => {
    await using server = await ServerProcess.start({
      backend,
      players: 2 * PLAYERS_EACH,
      flags: ["--flood-control", "off", "--link-dead-ms", "1000"],
    });
    const players = Array.from({ length: 2 * PLAYERS_EACH }, () => server.takePlayer());
    // Heaps and pools grow to their size at the first load.
    await play(server, players, 75);
    await untilEmpty(server);
    const memoryBefore = await server.memoryBytes();

    const report = await play(server, players, 150);
    assertEquals(report.problems, {});
    assertEquals([report.entered, report.heardAll], [2 * PLAYERS_EACH, 2 * PLAYERS_EACH]);
    assertEquals(report.loggedOut, PLAYERS_EACH);
    assertEquals([report.messageCount, report.moveCount], [30, 2 * PLAYERS_EACH * 150]);
    assert(report.snapshotCount > report.moveCount, `Only ${report.snapshotCount} snapshots came`);

    await untilEmpty(server);
    const isBack = async () => await server.memoryBytes() <= memoryBefore * 1.1;
    await until(`memory near ${memoryBefore} bytes`, isBack, MEMORY_PATIENCE_MS);
    await server.stop();
  });
}
