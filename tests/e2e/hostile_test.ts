/** Honest players beside as many hostile peers: nobody honest is disconnected, and nothing of theirs is lost. @module */

import { assert, assertEquals } from "../support/assert.ts";
import { HostilePeers } from "../support/hostile_peers.ts";
import { type LoadPlan, playLoad } from "../support/load_bots.ts";
import { IO_BACKENDS, ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";

const HONEST = 100;
const HOSTILE = 100;
/** Hostile ones who have accounts. */
const CHEATS = 15;

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) lets ${HONEST} honest players play beside ${HOSTILE} hostile peers, and keeps nothing of these`, async () => {
    await using server = await ServerProcess.start({
      backend,
      players: HONEST + CHEATS,
      flags: ["--link-dead-ms", "1000"],
    });
    const { login: loginPort, game: gamePort, gateway: gatewayPort } = server.ports;
    const tokensOf = (count: number) => Array.from({ length: count }, () => server.takePlayer().token);
    const peers = await HostilePeers.start({
      loginPort,
      gamePort,
      gatewayPort,
      peerCount: HOSTILE,
      seed: 1,
      tokens: tokensOf(CHEATS),
      holdMs: 3_000,
    });
    const plan: LoadPlan = {
      gamePort,
      gatewayPort,
      tokens: tokensOf(HONEST),
      movesEach: 60,
      movesPerSecond: 10,
      movesPerMessage: 10,
    };
    const report = await playLoad(plan);
    const { attacks, endedByServer } = await peers.stop();
    assertEquals(report.problems, {});
    assertEquals([report.entered, report.heardAll, report.loggedOut], [HONEST, HONEST, HONEST / 2]);
    assert(Object.keys(attacks).length >= 20, `Only these attacks came to their end: ${Object.keys(attacks)}`);
    assert(endedByServer > 50, `The server ended only ${endedByServer} connections`);
    for (const gauge of ["sessions", "players_online", "entities", "connections"]) {
      await until(`${gauge} to be 0`, async () => await server.metric(`drawbridge_${gauge}`) === 0);
    }
    assertEquals(await server.metric("drawbridge_handler_errors_total"), 0);
    await server.stop();
  });
}
