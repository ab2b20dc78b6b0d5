/** TLS over a socket of the test's. @module */

import type { SocketHandler } from "../../server/io/backend.ts";
import { acceptTls, TlsIdentity } from "../../server/io/tls_socket.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { clientHello } from "../support/client_hello.ts";
import { makeCertificate } from "../support/certificate.ts";
import { programTest } from "../support/programs.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";
import { FakeSocket } from "./io_fixture.ts";

/** The first byte of what TLS sends when it answers; of an alert it is another. */
const HANDSHAKE_RECORD = 0x16;

programTest(
  "openssl",
  "TlsSocket begins a handshake when its handler lets it, and keeps what came before",
  async () => {
    await withTempDir(async (dir) => {
      const { cert, key } = await makeCertificate(dir);
      const identity = new TlsIdentity({ cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) });
      const carrier = new FakeSocket();
      const events: string[] = [];
      const handler: SocketHandler = {
        onHandshake: () => {
          events.push("handshake");
          tls.pauseReading();
        },
        onRecords: (count) => events.push(`records ${count}`),
        onBytes: () => events.push("bytes"),
        onWritten: () => {},
        onEnd: () => events.push("end"),
        onBroken: () => events.push("broken"),
      };
      let tls = carrier as Parameters<Parameters<typeof acceptTls>[1]>[0];
      const below = acceptTls(identity, (socket) => {
        tls = socket;
        // In debt from the start: nothing is to be read.
        socket.pauseReading();
        return handler;
      })(carrier)!;
      const hello = clientHello();
      await new Promise((resolve) => setTimeout(resolve, 0));
      assert(!carrier.isReading, "TLS must not read what its handler does not want");
      below.onBytes(hello, 0, hello.length);
      assertEquals(events, ["records 1", "handshake"], "What is to be deciphered is told before it is");
      await new Promise((resolve) => setTimeout(resolve, 0));
      assertEquals(carrier.writeCount, 0);
      tls.resumeReading();
      await until("the server's side of the handshake", () => carrier.writeCount > 0);
      assertEquals(carrier.takeSent()[0], HANDSHAKE_RECORD);
      assert(carrier.isReading);
      assertEquals(events, ["records 1", "handshake"], "Once");
      tls.abort();
    });
  },
);
