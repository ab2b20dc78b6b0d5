import { HeartbeatRequestSchema, HeartbeatResponseSchema } from "../../shared/gen/auth_pb.ts";
import { Channel } from "../../games/parts/chat/chat_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { RawHttp } from "../support/raw_http.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { IO_BACKENDS, ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { WireClient } from "../support/wire.ts";
import { WirePlayer } from "../support/wire_session.ts";

/** How many more descriptors than it has now the server may open. */
const SPARE = 20;
const STORM = 100;

async function descriptorCount(server: ServerProcess): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${server.pid}/fd`)) count++;
  return count;
}

async function setDescriptorsMax(server: ServerProcess, max: number): Promise<void> {
  const { success } = await new Deno.Command("prlimit", { args: ["--pid", String(server.pid), `--nofile=${max}:`] })
    .output();
  assert(success, "prlimit");
}

for (const backend of IO_BACKENDS) {
  Deno.test(`serve (${backend}) out of file descriptors plays on, lets newcomers wait, and takes them when there is room`, async () => {
    await using server = await ServerProcess.start({ backend, players: 3 });
    await using stack = new AsyncDisposableStack();
    const native = stack.use(await WirePlayer.enter(server, "tcp"));
    const browser = stack.use(await WirePlayer.enter(server, "websocket"));
    // This connection to the admin site stays, and is used again.
    const acceptErrors = () => server.metric("drawbridge_accept_errors_total");
    assertEquals(await acceptErrors(), 0);
    const before = await descriptorCount(server);
    await setDescriptorsMax(server, before + SPARE);

    // The kernel takes them all; the server cannot.
    const storm = await Promise.all(Array.from({ length: STORM }, () => RawSocket.connect(server.ports.game)));
    for (const socket of storm) stack.defer(() => socket.close());
    await until("accepts that fail", async () => await acceptErrors() > 0);
    // The admin site cannot accept either; whoever asks it waits.
    const asking = stack.use(await RawHttp.connect(server.ports.admin));
    asking.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    await until("a line in the log", async () => (await server.log()).includes("admin site cannot accept"));
    for (const [speaker, listener] of [[native, browser], [browser, native]]) {
      speaker.say(Channel.GLOBAL, `${speaker.name} is still here`);
      assertEquals((await listener.hears(speaker.name)).message, `${speaker.name} is still here`);
    }
    assertEquals(server.status, null);

    // Room comes as peers leave; whoever waits is let in without being asked again.
    const waiting = stack.use(await WireClient.tcp(server.ports.game));
    await Promise.all(storm.map((socket) => socket.close()));
    await waiting.ask(HeartbeatRequestSchema, {}, HeartbeatResponseSchema);
    assertEquals((await asking.readToEnd()).responses.map(({ status }) => status), [200]);
    // Each io worker has those who left in its own line, and takes them before it can say that they are gone.
    const everyone = [native, browser, ...storm, waiting].length;
    // While the admin site has no descriptor for us, it tells nothing: asked again.
    const taken = () => server.metric("drawbridge_connections_accepted_total").catch(() => 0);
    await until("the end of the line", async () => await taken() === everyone);
    await until("room", async () => await descriptorCount(server) < before + SPARE / 2);
    const failed = await acceptErrors();
    stack.use(await WirePlayer.enter(server, "tcp"));
    native.say(Channel.GLOBAL, "and all is well");
    assertEquals((await browser.hears(native.name)).message, "and all is well");
    assertEquals(await acceptErrors(), failed);
    await stack.disposeAsync();
    await server.stop();
  });
}
