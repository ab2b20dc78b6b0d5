import { ErrorResponseSchema, HeartbeatRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { onEachBackend } from "../support/server_process.ts";
import { assertNumbered, WirePlayer } from "../support/wire_session.ts";

const ATTACKERS = 24;
const HONEST = 60;
const LINES = 98;

onEachBackend({ players: ATTACKERS + HONEST }, (backend, server) => {
  Deno.test(`serve (${backend}) closes nobody and loses nothing when ${ATTACKERS} players say ${LINES} lines at once`, async () => {
    const players: WirePlayer[] = [];
    try {
      while (players.length < ATTACKERS + HONEST) players.push(await WirePlayer.enter(server(), "tcp"));
      const attackers = players.slice(0, ATTACKERS), honest = players.slice(ATTACKERS);
      // Of what is said while a player's ignore list is read the newest is kept: who hears this has its list.
      honest[0].say(Channel.GLOBAL, "all are here");
      for (const player of players) await player.hears(honest[0].name);
      for (const attacker of attackers) {
        for (let line = 0; line < LINES; line++) attacker.say(Channel.GLOBAL, `${line} of ${attacker.name}`);
      }
      // Each line is heard by everybody, its sender included, or refused.
      const lineCount = (player: WirePlayer) => player.client.all(ChatMessageSchema).length - 1;
      for (const attacker of attackers) {
        await attacker.client.until("each line heard or refused", () => {
          const refused = attacker.client.all(ErrorResponseSchema).length;
          return attacker.heard(attacker.name).length + refused === LINES;
        });
      }
      const [first] = honest;
      const heardCount = attackers.reduce((sum, attacker) => sum + attacker.heard(attacker.name).length, 0);
      assert(heardCount < ATTACKERS * LINES, "Some are refused");
      for (const player of honest) {
        await player.client.until(`all ${heardCount} lines`, () => lineCount(player) === heardCount);
        assertNumbered(player.client, 1);
        player.client.send(HeartbeatRequestSchema, { timestamp: 1n });
      }
      const linesOf = (player: WirePlayer) => player.client.all(ChatMessageSchema).map(({ message }) => message);
      for (const player of honest) assertEquals(linesOf(player), linesOf(first), "the same order for everybody");
      assertEquals(await server().metric("drawbridge_connections_closed_total", { reason: "slow_reader" }), 0);
      assertEquals(await server().metric("drawbridge_sessions_link_dead"), 0);
    } finally {
      for (const player of players) await player[Symbol.asyncDispose]();
    }
  });
});
