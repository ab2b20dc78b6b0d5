import { HeartbeatRequestSchema, HeartbeatResponseSchema } from "../../shared/gen/auth_pb.ts";
import { Channel } from "../../games/parts/chat/chat_pb.ts";
import { THREAD_HANG_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { IO_BACKENDS, ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { TRANSPORTS, WirePlayer } from "../support/wire_session.ts";

/** Longer than a thread may hang, and than a request's head may take (5 s). */
const PAUSE_MS: number = 2 * THREAD_HANG_MS;

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) that was stopped by SIGSTOP goes on where it was: nobody's time is over`, async () => {
    await using server = await ServerProcess.start({ backend, players: 2 });
    await using stack = new AsyncDisposableStack();
    const players: WirePlayer[] = [];
    for (const transport of TRANSPORTS) players.push(stack.use(await WirePlayer.enter(server, transport)));
    const http = await RawSocket.connect(server.ports.gateway);
    stack.defer(() => http.close());
    let answer = "";
    http.onBytes((bytes) => answer += new TextDecoder().decode(bytes));
    http.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\nHost: "));

    Deno.kill(server.pid, "SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    Deno.kill(server.pid, "SIGCONT");

    for (const { client } of players) await client.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
    players[0].say(Channel.GLOBAL, "as if nothing had happened");
    assertEquals((await players[1].hears(players[0].name)).message, "as if nothing had happened");
    http.write(new TextEncoder().encode("localhost\r\nConnection: close\r\n\r\n"));
    await until("the answer", () => answer.includes("\r\n\r\n"));
    assert(answer.startsWith("HTTP/1.1 200"), answer);
    assertEquals(server.status, null);
    await stack.disposeAsync();
    await server.stop();
  });
}
