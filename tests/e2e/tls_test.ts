import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import tls from "node:tls";
import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { RoomListRequestSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { makeCertificate, openssl } from "../support/certificate.ts";
import { programTest } from "../support/programs.ts";
import { RawSocket } from "../support/raw_socket.ts";
import { runServerToEnd, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

const PLAINTEXT_WARNING = "Passwords and chat travel unencrypted";

/** The first line of the gateway's answer to a WebSocket over TLS. */
async function upgradeStatus(port: number, caCerts: string[]): Promise<string> {
  using conn = await Deno.connectTls({ hostname: "localhost", port, caCerts });
  const head = [
    ...["GET /ws HTTP/1.1", `Host: localhost:${port}`, "Connection: Upgrade", "Upgrade: websocket"],
    ...["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", ""],
  ];
  await conn.write(new TextEncoder().encode(head.join("\r\n")));
  let answer = "";
  const buffer = new Uint8Array(1_024);
  while (!answer.includes("\r\n\r\n")) {
    answer += new TextDecoder().decode(buffer.subarray(0, await conn.read(buffer) ?? 0));
  }
  return answer.split("\r\n")[0];
}

/** Whether a TLS handshake in one version, and no other, succeeds. */
async function shakesHands(port: number, version: string): Promise<boolean> {
  const { success } = await new Deno.Command("openssl", {
    // Level 0: else openssl itself would not offer the old versions.
    args: ["s_client", "-connect", `127.0.0.1:${port}`, `-${version}`, "-cipher", "DEFAULT@SECLEVEL=0"],
    stdin: "null",
  }).output();
  return success;
}

/** Whether a client that trusts one certificate gets through to the game port. */
async function isTrusted(port: number, caCerts: string[]): Promise<boolean> {
  try {
    using conn = await Deno.connectTls({ hostname: "localhost", port, caCerts });
    await conn.handshake();
    return true;
  } catch {
    return false;
  }
}

programTest("openssl", "serve --tls-cert speaks TLS on the login, game and gateway ports", async () => {
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
      assertEquals(await upgradeStatus(server.ports.gateway, caCerts), "HTTP/1.1 101 Switching Protocols");
    } finally {
      await Promise.all([gate.close(), client.close()]);
    }
    assert(!(await server.log()).includes(PLAINTEXT_WARNING));
    await server.stop();
  });
});

programTest("openssl", "serve refuses TLS without its key, and with the epoll backend", async () => {
  await withTempDir(async (dir) => {
    const { cert, key } = await makeCertificate(dir);
    const data = ["--data-dir", `${dir}/data`];
    const alone = await runServerToEnd([...data, "--tls-cert", cert]);
    assertEquals([alone.code, alone.stderr.includes("--tls-key")], [78, true], alone.stderr);
    const epoll = await runServerToEnd([...data, "--tls-cert", cert, "--tls-key", key, "--io-backend", "epoll"]);
    assertEquals([epoll.code, epoll.stderr.includes("epoll")], [78, true], epoll.stderr);
  });
});

programTest("openssl", "serve speaks TLS 1.2 and 1.3, and nothing older, on every port", async () => {
  await withTempDir(async (dir) => {
    const { cert, key } = await makeCertificate(dir);
    await using server = await ServerProcess.start({ flags: ["--tls-cert", cert, "--tls-key", key] });
    for (const port of [server.ports.login, server.ports.game, server.ports.gateway]) {
      const versions = ["tls1", "tls1_1", "tls1_2", "tls1_3"];
      const taken = await Promise.all(versions.map((version) => shakesHands(port, version)));
      assertEquals(taken, [false, false, true, true]);
    }
    await server.stop();
  });
});

programTest(
  "openssl",
  "serve reads its certificate again on SIGHUP: newcomers meet the new one, players play on, a bad one changes nothing",
  async () => {
    await withTempDir(async (dir) => {
      const { cert, key } = await makeCertificate(dir);
      await using server = await ServerProcess.start({
        players: 1,
        flags: ["--tls-cert", cert, "--tls-key", key],
        errorsExpected: true,
      });
      const { game } = server.ports;
      const first = [await Deno.readTextFile(cert)];
      const connect = (signal: AbortSignal) =>
        connectTcp({ hostname: "localhost", port: game, tls: { caCerts: first }, signal });
      const player = new DrawbridgeClient({ connect, reconnect: false });
      await player.open();
      try {
        assert((await player.enterWorld({ token: server.takePlayer().token })).success);
        await makeCertificate(dir);
        const second = [await Deno.readTextFile(cert)];
        Deno.kill(server.pid, "SIGHUP");
        await until("the new certificate", async () => (await server.log()).includes("Certificate reloaded"));
        // A worker that shares the port may have the old one for a moment yet.
        await until("newcomers to meet it", async () => !await isTrusted(game, first) && await isTrusted(game, second));

        await Deno.writeTextFile(cert, "no certificate");
        Deno.kill(server.pid, "SIGHUP");
        await until("the refusal", async () => (await server.log()).includes("Cannot reload the certificate"));
        for (let count = 0; count < 8; count++) assert(await isTrusted(game, second));

        assert((await player.request(RoomListRequestSchema, {})).rooms.length === 0, "The player is still there");
        assertEquals(player.state, "connected");
      } finally {
        await player.close();
      }
      await server.stop();
    });
  },
);

/** The lowest number that a new descriptor of a process would get. */
function lowestFreeDescriptor(pid: number): number {
  const taken = new Set([...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => Number(name)));
  let free = 0;
  while (taken.has(free)) free++;
  return free;
}

programTest(
  "openssl",
  "serve keeps its certificate where a reload finds no descriptor free, and takes the new one once there are some",
  async () => {
    await withTempDir(async (dir) => {
      const { cert, key } = await makeCertificate(dir);
      await using server = await ServerProcess.start({
        flags: ["--tls-cert", cert, "--tls-key", key],
        errorsExpected: true,
      });
      const { game } = server.ports;
      const first = [await Deno.readTextFile(cert)];
      const limit = async (count: number | string) => {
        const args = ["--pid", `${server.pid}`, `--nofile=${count}:`];
        assert((await new Deno.Command("prlimit", { args }).output()).success);
      };
      const reload = async (outcome: string) => {
        Deno.kill(server.pid, "SIGHUP");
        await until(outcome, async () => (await server.log()).includes(outcome));
      };
      const before = await isTrusted(game, first);
      await makeCertificate(dir);
      const second = [await Deno.readTextFile(cert)];
      await limit(lowestFreeDescriptor(server.pid));
      await reload("Cannot reload the certificate");
      await limit(1_024);
      assertEquals([before, await isTrusted(game, first), await isTrusted(game, second)], [true, true, false]);
      await reload("Certificate reloaded");
      await until("newcomers to meet it", async () => !await isTrusted(game, first) && await isTrusted(game, second));
      await server.stop();
    });
  },
);

Deno.test("serve warns once when it listens beyond this machine without TLS, and not on loopback", async () => {
  for (const [host, count] of [["0.0.0.0", 1], ["127.0.0.1", 0]] as const) {
    await using server = await ServerProcess.start({ flags: ["--host", host] });
    assertEquals((await server.log()).split(PLAINTEXT_WARNING).length - 1, count, host);
    await server.stop();
  }
});

/** The certificate a newcomer is shown; throws when it is reset, or shown none. */
async function shownCertificate(port: number): Promise<string> {
  const socket = tls.connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerX509Certificate()!.fingerprint256;
  } finally {
    socket.destroy();
  }
}

programTest(
  "openssl",
  "serve resets no newcomer while its certificate is read again 20 times, also after files that did not fit, and then shows the new one only",
  async () => {
    await withTempDir(async (dir) => {
      const fingerprint = async () => new X509Certificate(await Deno.readTextFile(`${dir}/cert.pem`)).fingerprint256;
      const { cert, key } = await makeCertificate(dir);
      await using server = await ServerProcess.start({
        flags: ["--tls-cert", cert, "--tls-key", key],
        errorsExpected: true,
      });
      const known = new Set([await fingerprint()]);
      const listeners = () =>
        [...Deno.readDirSync(`/proc/${server.pid}/fd`)].filter(({ name }) => {
          try {
            return Deno.readLinkSync(`/proc/${server.pid}/fd/${name}`).startsWith("socket:");
          } catch {
            return false;
          }
        }).length;
      const before = listeners();
      const strange: string[] = [];
      let isOver = false;
      let newcomers = 0;
      const coming = [server.ports.login, server.ports.game, server.ports.gateway].map(async (port) => {
        while (!isOver) {
          const shown = await shownCertificate(port).catch(String);
          if (!known.has(shown)) strange.push(shown);
          newcomers++;
        }
      });
      const reload = async (outcome: string, count: number) => {
        Deno.kill(server.pid, "SIGHUP");
        await until(outcome, async () => (await server.log()).split(outcome).length - 1 === count);
        const before = newcomers;
        await until("a newcomer", () => newcomers > before);
      };
      for (let count = 1; count <= 20; count++) {
        // The key comes later than the certificate.
        const oldKey = await Deno.readTextFile(key);
        await makeCertificate(dir);
        const newKey = await Deno.readTextFile(key);
        await Deno.writeTextFile(key, oldKey);
        await reload("Cannot reload the certificate", count);
        await Deno.writeTextFile(key, newKey);
        known.add(await fingerprint());
        await reload("Certificate reloaded", count);
      }
      const last = await fingerprint();
      isOver = true;
      await Promise.all(coming);
      assertEquals(strange, []);
      for (let count = 0; count < 12; count++) {
        for (const port of [server.ports.login, server.ports.game, server.ports.gateway]) {
          assertEquals(await shownCertificate(port), last);
        }
      }
      await until("as many listeners as before", () => listeners() === before);
      await server.stop();
    });
  },
);

programTest(
  "openssl",
  "serve refuses a certificate and key that it cannot use by status 78, setting, value, reason and remedy",
  async () => {
    await withTempDir(async (dir) => {
      const { cert, key } = await makeCertificate(dir);
      await openssl("ec", "-in", key, "-aes256", "-passout", "pass:x", "-out", `${dir}/old.pem`);
      await openssl("pkcs8", "-topk8", "-in", key, "-passout", "pass:x", "-out", `${dir}/pkcs8.pem`);
      await openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${dir}/other.pem`);
      await openssl("genpkey", "-algorithm", "ed448", "-out", `${dir}/ed448.pem`);
      await openssl(
        "req",
        "-x509",
        "-key",
        `${dir}/ed448.pem`,
        "-days",
        "2",
        "-out",
        `${dir}/ed448c.pem`,
        "-subj",
        "/CN=x",
      );
      await Deno.writeTextFile(`${dir}/bom.pem`, `\ufeff${await Deno.readTextFile(cert)}`);
      await Deno.writeTextFile(`${dir}/cut.pem`, (await Deno.readTextFile(cert)).replace(/\n[^-]{9}/, "\nAAAA"));
      const cases = [
        [cert, `${dir}/old.pem`, "--tls-key", "old.pem: a password protects it; remove the password: openssl"],
        [cert, `${dir}/pkcs8.pem`, "--tls-key", "pkcs8.pem: a password protects it; remove the password: openssl"],
        [cert, `${dir}/other.pem`, "--tls-key", "other.pem: it does not belong to"],
        [`${dir}/bom.pem`, key, "--tls-cert", "bom.pem: it begins with a byte order mark; save it"],
        [`${dir}/cut.pem`, key, "--tls-cert", "cut.pem: it is damaged; copy"],
        [`${dir}/ed448c.pem`, `${dir}/ed448.pem`, "--tls-key", "ed448.pem: TLS cannot use it with"],
      ];
      for (const [certFile, keyFile, setting, text] of cases) {
        const data = ["--data-dir", `${dir}/data`];
        const { code, stderr } = await runServerToEnd([...data, "--tls-cert", certFile, "--tls-key", keyFile]);
        assertEquals([code, stderr.includes(`Cannot use ${setting} ${dir}/${text}`)], [78, true], stderr);
      }
    });
  },
);

programTest(
  "openssl",
  "serve closes TLS peers that are silent before one address has used up its descriptors: newcomers and the admin site get in",
  async () => {
    await withTempDir(async (dir) => {
      const { cert, key } = await makeCertificate(dir);
      await using server = await ServerProcess.start({
        launcher: ["prlimit", "--nofile=110"],
        flags: [
          ...["--tls-cert", cert, "--tls-key", key, "--trusted-addresses", "10.0.0.0/8"],
          ...["--address-max-connections", "20"],
        ],
      });
      await using stack = new AsyncDisposableStack();
      for (let count = 0; count < 54; count++) {
        stack.use(
          await RawSocket.connect(server.ports.game, "127.0.0.2").catch(() => ({
            [Symbol.asyncDispose]: async () => {},
          })),
        );
      }
      // Twenty are held for as long as a handshake may take; the others are gone at once.
      for (let count = 0; count < 10; count++) {
        stack.use(await RawSocket.secure(server.ports.login, `127.0.0.${3 + count}`));
      }
      assertEquals(await server.metric("drawbridge_accept_errors_total"), 0);
      await server.stop();
    });
  },
);
