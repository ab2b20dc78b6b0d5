/** One address makes the server work, within its limits, and honest players at another notice nothing. @module */

import { RawSocket } from "../support/raw_socket.ts";
import { IO_BACKENDS, ServerProcess } from "../support/server_process.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { until } from "../support/wait.ts";
import { OVERLOAD_ATTACKS } from "../soak/overload_attacks.ts";
import { OverloadPlayer } from "../soak/overload_player.ts";

const ATTACKERS = 130;
const PLAYERS = 4;
/** Heartbeats that each player has answered while the attack goes on. */
const HEARTBEATS = 10;
/** What each attack is seen by, besides that it does no harm. */
const TRACES: Readonly<Record<string, string>> = {
  http: "drawbridge_read_pauses_total",
  pings: "drawbridge_read_pauses_total",
  inflate: "drawbridge_read_pauses_total",
};

for (const backend of IO_BACKENDS) {
  for (const [name, trace] of Object.entries(TRACES)) {
    Deno.test(`serve (${backend}) lives on beside ${ATTACKERS} connections of one address with ${name}, and so do players`, async () => {
      const attack = OVERLOAD_ATTACKS[name];
      await using server = await ServerProcess.start({
        backend,
        players: PLAYERS,
        flags: ["--trusted-addresses", "192.0.2.1/32", "--address-tokens-per-second", "500"],
      });
      const place = { port: server.ports.game, localAddress: "127.0.1.1", head: new Uint8Array(0) };
      const players: OverloadPlayer[] = [];
      for (let count = 0; count < PLAYERS; count++) {
        players.push(await OverloadPlayer.enter(place, server.takePlayer()));
      }
      const attackers: RawSocket[] = [];
      for (let count = 0; count < ATTACKERS; count++) {
        const socket = await RawSocket.connect(server.ports[attack.port], "127.0.0.9");
        attackers.push(socket);
        socket.write(attack.head);
        if (attack.body !== undefined) socket.write(attack.body);
      }
      for (let beat = 1; beat <= HEARTBEATS; beat++) {
        for (const player of players) player.sendHeartbeat();
        players[0].say();
        await until("the answers", () => players.every(({ roundTripsMs }) => roundTripsMs.length === beat));
      }
      await until("the lines", () => players.every(({ heardCount }) => heardCount === HEARTBEATS));
      await until("the attackers' debt", async () => await server.metric(trace) > 0);
      assertEquals(players.flatMap(({ faults }) => faults), []);
      assert(server.status === null);
      for (const socket of attackers) socket.reset();
      for (const player of players) await player.leave();
      await server.stop();
    });
  }
}

/** Writes a body to a server again and again, as fast as it is taken, until told to stop. */
async function press(socket: RawSocket, body: Uint8Array, isOver: () => boolean): Promise<void> {
  // What comes back is thrown away: it may be gigabytes before a fast server is overloaded.
  socket.onBytes(() => {});
  let hasEnded = false;
  socket.ended.then(() => hasEnded = true);
  while (!isOver() && !hasEnded) await socket.flush(body);
  socket.reset();
}

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) is not ready while it has more to do than it can, is not ended, and is ready again`, async () => {
    const { head, body } = OVERLOAD_ATTACKS.pings;
    await using server = await ServerProcess.start({
      backend,
      players: 1,
      flags: ["--flood-control", "off", "--io-workers", "1"],
    });
    const place = { port: server.ports.game, localAddress: "127.0.1.1", head: new Uint8Array(0) };
    const player = await OverloadPlayer.enter(place, server.takePlayer());
    // How far behind the thread is grows with how many wait for their turn: few are no overload for a fast machine.
    const sockets = await Promise.all(
      Array.from({ length: ATTACKERS }, () => RawSocket.connect(server.ports.gateway, "127.0.0.9")),
    );
    let isOver = false;
    const pressing = sockets.map(async (socket) => {
      await socket.flush(head);
      await press(socket, body!, () => isOver);
    });
    await until("the overload to show", async () => (await server.readiness()).includes("Worker io-0 is overloaded"));
    player.sendHeartbeat();
    await until("the answer", () => player.roundTripsMs.length === 1);
    isOver = true;
    await Promise.all(pressing);
    await server.untilReady();
    assert((await server.log()).includes("A worker is overloaded"));
    assertEquals([server.status, player.faults], [null, []]);
    await player.leave();
    await server.stop();
  });
}
