import { DrawbridgeClient } from "../../client/client.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { runServerToEnd, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";

/** Makes a certificate for this machine. */
async function makeCertificate(dir: string): Promise<{ cert: string; key: string }> {
  const cert = `${dir}/cert.pem`, key = `${dir}/key.pem`;
  const { success, stderr } = await new Deno.Command("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
      ...["-keyout", key, "-out", cert, "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"],
    ],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return { cert, key };
}

Deno.test("serve --tls-cert speaks TLS on the login, game and gateway ports", async () => {
  await withTempDir(async (dir) => {
    const { cert, key } = await makeCertificate(dir);
    await using server = await ServerProcess.start({ flags: ["--tls-cert", cert, "--tls-key", key] });
    assert(server.readyText.includes(`gateway=https://0.0.0.0:${server.ports.gateway}`));
    const caCerts = [await Deno.readTextFile(cert)];
    const connectTo = (port: number) => (signal: AbortSignal) =>
      connectTcp({ hostname: "localhost", port, tls: { caCerts }, signal });
    const gate = new DrawbridgeClient({ connect: connectTo(server.ports.login), reconnect: false });
    const client = new DrawbridgeClient({ connect: connectTo(server.ports.game), reconnect: false });
    await gate.open();
    await client.open();
    try {
      assert((await gate.register("Alice", "correct horse")).success);
      const { gameServers, sessionToken } = await gate.login("Alice", "correct horse");
      assertEquals(gameServers[0].gatewayUrl, `wss://127.0.0.1:${server.ports.gateway}/ws`);
      assert((await client.enterWorld({ token: sessionToken })).success);
      assertEquals(await server.metric("drawbridge_connections", { transport: "tls" }), 2);
      using http = Deno.createHttpClient({ caCerts });
      const health = await fetch(`https://localhost:${server.ports.gateway}/healthz`, { client: http });
      assertEquals([health.status, await health.text()], [200, "ok"]);
    } finally {
      await Promise.all([gate.close(), client.close()]);
    }
    await server.stop();
  });
});

Deno.test("serve refuses TLS without its key, and with the epoll backend", async () => {
  await withTempDir(async (dir) => {
    const { cert, key } = await makeCertificate(dir);
    const data = ["--data-dir", `${dir}/data`];
    const alone = await runServerToEnd([...data, "--tls-cert", cert]);
    assertEquals([alone.code, alone.stderr.includes("--tls-key")], [78, true], alone.stderr);
    const epoll = await runServerToEnd([...data, "--tls-cert", cert, "--tls-key", key, "--io-backend", "epoll"]);
    assertEquals([epoll.code, epoll.stderr.includes("epoll")], [78, true], epoll.stderr);
  });
});
