import { create } from "@bufbuild/protobuf";
import { LoginResponseSchema, type ServerInfo, ServerInfoSchema } from "../../../shared/gen/auth_pb.ts";
import {
  CLIENT_FOLLOW_PAUSE_MS,
  CLIENT_FOLLOWED_MAX,
  RECONNECT_BASE_MS,
  RECONNECT_STABLE_MS,
} from "../../../shared/limits.ts";
import { PlayerWay } from "../../../tools/loadtest/player_way.ts";
import { assertEquals } from "../../support/assert.ts";

function server(serverId: number): ServerInfo {
  return create(ServerInfoSchema, { serverId, serverName: `S${serverId}`, port: serverId, maxPlayers: 10 });
}

/** A player who has logged in; chance is always 0.5. */
function wayTo(gameServers: ServerInfo[], serverId: number): PlayerWay {
  const way = new PlayerWay(() => 0.5);
  way.begin();
  way.learn(create(LoginResponseSchema, { success: true, serverId, gameServers }));
  return way;
}

Deno.test("PlayerWay goes to the server that the list names first, and to the next when that one does not take the entry", () => {
  const way = wayTo([server(2), server(3)], 0);
  assertEquals([way.serverId, way.serverName, way.route.isNowhere], [2, "S2 (2)", false]);
  assertEquals([way.tryNext(), way.serverId, way.tryNext()], [true, 3, false]);
});

Deno.test("PlayerWay stays where the player logged in when the list names that server first", () => {
  const way = wayTo([server(1), server(2)], 1);
  assertEquals([way.server, way.serverId, way.serverName], [undefined, 1, "S1 (1)"]);
  assertEquals(wayTo([], 0).route.isNowhere, true);
});

Deno.test("PlayerWay goes round the listed servers while none is reached, and waits for longer after each round", () => {
  const way = wayTo([server(2), server(3)], 0);
  const steps = Array.from({ length: 4 }, () => [way.unreached(), way.serverId]);
  const half = RECONNECT_BASE_MS / 2;
  assertEquals(steps, [[half, 3], [half, 2], [half, 3], [2 * half, 2]]);
});

Deno.test("PlayerWay follows servers at once twice in a row, then with a pause, and again at once after a connection that lasted", () => {
  const way = wayTo([server(2)], 0);
  const waits = Array.from({ length: CLIENT_FOLLOWED_MAX }, () => way.follow(server(9), 70));
  assertEquals([waits, way.serverId, way.serverName], [waits.map(() => 70), 9, "S9 (9)"]);
  assertEquals(way.follow(server(9), 70), CLIENT_FOLLOW_PAUSE_MS + RECONNECT_BASE_MS / 2);
  way.lasted(CLIENT_FOLLOW_PAUSE_MS - 100);
  assertEquals(way.follow(server(9), 70), 100 + RECONNECT_BASE_MS / 2, "What it lasted counts towards the pause");
  way.lasted(CLIENT_FOLLOW_PAUSE_MS);
  assertEquals(way.follow(server(9), 70), 70);
  way.lasted(RECONNECT_STABLE_MS);
  assertEquals([way.follow(server(2), 70), way.lose(1_000)], [70, 1_000 + RECONNECT_BASE_MS / 2]);
});
