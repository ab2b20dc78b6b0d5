/** A server that speaks NATS as far as a connection needs it, and then hangs. @module */

import { NatsConnection } from "../../server/bus/nats_connection.ts";
import { parseNatsUrl } from "../../server/bus/nats_target.ts";
import { BUS_MESSAGE_BYTES_MAX } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { until } from "../support/wait.ts";

const INFO = { server_id: "test", version: "2.10.0", proto: 1, headers: true };
const PING = "PING\r\n";
/** More than the kernel's buffers of both ends hold. */
const MESSAGES = 40;

/** Answers pings until it hangs. */
class HangingNats implements AsyncDisposable {
  readonly connections: Deno.TcpConn[] = [];
  /** Largest message that it takes, as it tells those who connect. */
  payloadBytesMax = BUS_MESSAGE_BYTES_MAX;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  /** Those of the first connections hang. */
  #hanging = 0;
  readonly #served: Promise<void>[] = [];
  readonly #accepting = this.#accept();

  get url(): string {
    return `nats://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Whoever is connected now is heard and answered no longer. */
  hang(): void {
    this.#hanging = this.connections.length;
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#served.push(this.#serve(connection, this.connections.push(connection)).catch(() => {}));
    }
  }

  async #serve(connection: Deno.TcpConn, count: number): Promise<void> {
    const encoder = new TextEncoder(), decoder = new TextDecoder();
    await connection.write(
      encoder.encode(`INFO ${JSON.stringify({ ...INFO, max_payload: this.payloadBytesMax })}\r\n`),
    );
    const buffer = new Uint8Array(65_536);
    let rest = "";
    while (this.#hanging < count) {
      const byteCount = await connection.read(buffer);
      if (byteCount === null) return;
      const parts = (rest + decoder.decode(buffer.subarray(0, byteCount))).split(PING);
      rest = parts.at(-1)!.slice(1 - PING.length);
      await connection.write(encoder.encode("PONG\r\n".repeat(parts.length - 1)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const connection of this.connections) {
      try {
        connection.close();
      } catch {
        // The test has closed it.
      }
    }
    await Promise.all(this.#served);
  }
}

for (const isReset of [false, true]) {
  const what = isReset ? "hangs and then resets it" : "hangs";
  Deno.test(`NatsConnection comes back from a server that ${what} with much unread`, async () => {
    await using nats = new HangingNats();
    const states: boolean[] = [];
    const connection = await NatsConnection.open({
      target: parseNatsUrl(nats.url)!,
      ca: "",
      subjects: ["heard"],
      onMessage: () => {},
      onState: (isUp) => {
        states.push(isUp);
        if (isReset && !isUp) nats.connections[0].close();
      },
      random: () => 0,
    });
    nats.hang();
    for (let count = 0; count < MESSAGES; count++) {
      connection.publish("said", new Uint8Array(BUS_MESSAGE_BYTES_MAX));
    }
    await until("it to be back", () => states.at(-1) === true);
    assertEquals(states, [false, true]);
    assertEquals(nats.connections.length, 2);
    await connection.close();
  });
}

Deno.test("NatsConnection.close() ends it where the server is gone, too", async () => {
  const nats = new HangingNats();
  const states: boolean[] = [];
  const connection = await NatsConnection.open({
    target: parseNatsUrl(nats.url)!,
    ca: "",
    subjects: [],
    onMessage: () => {},
    onState: (isUp) => void states.push(isUp),
    random: () => 0,
  });
  await nats[Symbol.asyncDispose]();
  await until("it to be down", () => states.length > 0);
  assertEquals(states, [false]);
  connection.publish("said", new Uint8Array(1));
  await connection.flush();
  await connection.close();
});

Deno.test("NatsConnection does not use a server that takes too little when it comes back, and tries again", async () => {
  await using nats = new HangingNats();
  const states: boolean[] = [], reasons: string[] = [];
  const connection = await NatsConnection.open({
    target: parseNatsUrl(nats.url)!,
    ca: "",
    subjects: [],
    onMessage: () => {},
    onState: (isUp, reason) => {
      states.push(isUp);
      reasons.push(reason);
    },
    random: () => 0,
  });
  nats.payloadBytesMax = 1_024;
  nats.connections[0].close();
  await until("a second attempt", () => nats.connections.length > 2);
  connection.publish("said", new Uint8Array(BUS_MESSAGE_BYTES_MAX));
  assertEquals(states.includes(true), false);
  assertEquals(reasons[1].split(": ")[0], `${nats.url} takes messages of 1024 bytes`);
  nats.payloadBytesMax = BUS_MESSAGE_BYTES_MAX;
  await until("it to be back", () => states.at(-1) === true);
  await connection.close();
});
