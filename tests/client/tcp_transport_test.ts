import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { EchoRequestSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { PacketView } from "../../shared/packet_codec.ts";
import { FrameDecoder } from "../../shared/frame_decoder.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { framePayload } from "./support/memory_server.ts";
import { assertSameBytes, noise } from "./support/noise.ts";
import { listenTcp } from "./support/tcp_far_end.ts";
import { transportContract } from "./support/transport_contract.ts";

transportContract("TcpTransport", () => listenTcp(connectTcp));

Deno.test("TcpTransport.close() cuts a connection whose server does not read, after it lingered", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const transport = await connectTcp({ port: (listener.addr as Deno.NetAddr).port, lingerMs: 10 });
  const conn = await accepted;
  const closed = Promise.withResolvers<string>();
  transport.start({ onBytes() {}, onClose: closed.resolve });
  for (let i = 0; i < 300; i++) transport.send(new Uint8Array(100_000));
  transport.close();
  assertEquals(await closed.promise, "Connection closed with bytes unsent");
  assertEquals(transport.bufferedBytes, 0);
  conn.close();
  listener.close();
});

/** Answers every ECHO_REQUEST with its payload. */
async function serveEcho(listener: Deno.Listener): Promise<void> {
  for await (const conn of listener) {
    const view = new PacketView();
    const decoder = new FrameDecoder({
      onFrame(bytes, start, end) {
        view.decode(bytes, start, end);
        if (view.type !== PacketType.ECHO_REQUEST) return true;
        const payload = bytes.slice(view.payloadStart, view.payloadEnd);
        conn.write(framePayload(PacketType.ECHO_RESPONSE, payload, {}, view.isCompressed)).catch(() => {});
        return true;
      },
    });
    for await (const bytes of conn.readable) decoder.push(bytes, 0, bytes.length);
  }
}

Deno.test("DrawbridgeClient over TcpTransport echoes with an echo server", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serveEcho(listener);
  const { port } = listener.addr as Deno.NetAddr;
  const client = new DrawbridgeClient({ connect: (signal) => connectTcp({ port, signal }) });
  await client.open();
  for (const length of [0, 1, 1_000, 3_000, 60_000]) {
    const data = length === 3_000 ? new Uint8Array(length) : noise(length);
    assertSameBytes((await client.request(EchoRequestSchema, { data })).data, data);
  }
  const many = Array.from({ length: 500 }, (_, i) => client.request(EchoRequestSchema, { data: noise(100, i) }));
  for (const [i, { data }] of (await Promise.all(many)).entries()) assertSameBytes(data, noise(100, i));
  await client.close();
  listener.close();
  await serving;
});

Deno.test("connectTcp() aborts an attempt under way", async () => {
  const abort = new AbortController();
  // An address of the documentation block, which nobody answers or which is refused at once.
  const connecting = assertRejects(() => connectTcp({ hostname: "192.0.2.1", port: 9, signal: abort.signal }), Error);
  abort.abort();
  await connecting;
});
