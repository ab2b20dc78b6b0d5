/** What every io backend promises, held by each of them with real sockets. @module */

import type { ListenOptions } from "../../server/io/backend.ts";
import { concatenate } from "../gateway/frames.ts";
import { pattern, sameBytes } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { PATIENCE_MS, until } from "../support/wait.ts";
import type { BackendCommand, BackendEvent } from "./backend_worker.ts";

/** How long a worker may take to load its modules, which nothing has compiled before, in milliseconds. */
const START_PATIENCE_MS = 3 * PATIENCE_MS;

/** A backend in its worker, and everything it reported. */
class BackendUnderTest {
  readonly events: BackendEvent[] = [];
  port = 0;
  readonly #worker = new Worker(new URL("./backend_worker.ts", import.meta.url), { type: "module" });
  readonly #clients: Deno.TcpConn[] = [];
  /** Ends what waits in vain for bytes. */
  readonly #watchdog = setTimeout(() => this.#closeClients(), START_PATIENCE_MS + 3 * PATIENCE_MS);

  constructor() {
    this.#worker.onmessage = ({ data }) => this.events.push(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.events.push({ kind: "failed", message: event.message });
    };
  }

  /** Tells the worker, and waits until it reports `kind`; gives that report. */
  async tell<Kind extends BackendEvent["kind"]>(
    command: BackendCommand,
    kind: Kind,
    patienceMs: number = PATIENCE_MS,
  ): Promise<Extract<BackendEvent, { kind: Kind }>> {
    const before = this.events.length;
    this.#worker.postMessage(command);
    return await until(`${kind} after ${command.kind}`, () => {
      const event = this.events.slice(before).find((event) => event.kind === kind || event.kind === "failed");
      if (event?.kind === "failed" && kind !== "failed") throw new Error(event.message);
      return event as Extract<BackendEvent, { kind: Kind }> | undefined;
    }, patienceMs);
  }

  /** Stops its thread while `play` runs, so that all of that is there for its next round. */
  async hold(play: () => Promise<void>): Promise<void> {
    const gate = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    await this.tell({ kind: "hold", gate }, "held");
    try {
      await play();
    } finally {
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
    }
  }

  async listen(options: Partial<ListenOptions> = {}, takes = true): Promise<void> {
    const all = { hostname: "127.0.0.1", port: 0, backlog: 128, noDelay: true, reusePort: true, ...options };
    this.port = (await this.tell({ kind: "listen", options: all, takes }, "listening")).port;
  }

  /** A client, and the id of its socket in the backend. */
  async connect(hostname = "127.0.0.1"): Promise<{ client: Deno.TcpConn; id: number }> {
    const before = this.count("accepted");
    const client = await this.connectAlone(hostname);
    await until("the accept", () => this.count("accepted") > before);
    return { client, id: before };
  }

  /** A client that need not be accepted. */
  async connectAlone(hostname = "127.0.0.1"): Promise<Deno.TcpConn> {
    const client = await Deno.connect({ hostname, port: this.port });
    this.#clients.push(client);
    return client;
  }

  count(kind: BackendEvent["kind"], id?: number): number {
    return this.events.filter((event) => event.kind === kind && (id === undefined || "id" in event && event.id === id))
      .length;
  }

  /** All bytes that came from one socket. */
  bytesOf(id: number): Uint8Array {
    return concatenate(
      ...this.events.flatMap((event) => event.kind === "bytes" && event.id === id ? [event.bytes] : []),
    );
  }

  byteCountOf(id: number): number {
    return this.events.reduce(
      (sum, event) => event.kind === "bytes" && event.id === id ? sum + event.bytes.length : sum,
      0,
    );
  }

  async close(): Promise<void> {
    clearTimeout(this.#watchdog);
    this.#closeClients();
    await this.tell({ kind: "stop" }, "stopped");
    this.#worker.terminate();
  }

  #closeClients(): void {
    for (const client of this.#clients) {
      try {
        client.close();
      } catch {
        // The test has closed it.
      }
    }
  }
}

async function writeAll(client: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await client.write(bytes.subarray(at));
}

/** Reads until the end, or until a reset; gives what came and which it was. */
async function readToEnd(client: Deno.TcpConn): Promise<{ bytes: Uint8Array; isReset: boolean }> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(65_536);
  let isReset = false;
  try {
    for (let count = await client.read(buffer); count !== null; count = await client.read(buffer)) {
      parts.push(buffer.slice(0, count));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    isReset = true;
  }
  return { bytes: concatenate(...parts), isReset };
}

async function readBytes(client: Deno.TcpConn, byteCount: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(byteCount);
  for (let at = 0; at < byteCount;) {
    const count = await client.read(bytes.subarray(at));
    assert(count !== null, `The end came after ${at} of ${byteCount} bytes`);
    at += count;
  }
  return bytes;
}

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

/** Sockets served in one part of a round where that is bounded. */
const ITEMS_PER_ROUND = 8;
/** More than a first read takes on the event loop, and less than the kernel keeps of one connection. */
const READABLE = 20_000;
/** More than two reads take, and less than the kernel keeps of one connection that is read fast. */
const SEVERAL_READS = 150_003;
/** More than the kernel's buffers of both ends hold. */
const MUCH = 12 * 1_048_576;

for (const name of ["deno", "epoll"] as const) {
  const backendName = name === "deno" ? "DenoBackend" : "EpollBackend";
  const claim = (what: string, run: (backend: BackendUnderTest) => Promise<void>, itemsPerRound?: number) => {
    Deno.test({
      name: `${backendName} ${what}`,
      ignore: name === "epoll" && Deno.build.os !== "linux",
      fn: async () => {
        const backend = new BackendUnderTest();
        try {
          await backend.tell({ kind: "start", backend: name, itemsPerRound }, "started", START_PATIENCE_MS);
          await run(backend);
          assertEquals(backend.events.filter(({ kind }) => kind === "failed"), []);
        } finally {
          await backend.close();
        }
      },
    });
  };

  claim("takes a free port for 0 and tells both addresses of a connection", async (backend) => {
    await backend.listen();
    assert(backend.port > 0);
    await backend.connect();
    const [accepted] = backend.events.filter((event) => event.kind === "accepted");
    assertEquals([accepted.remoteAddress, accepted.localAddress], ["127.0.0.1", "127.0.0.1"]);
  });

  claim("hands over what a peer sends, in order, and then its end, once", async (backend) => {
    await backend.listen();
    const { client, id } = await backend.connect();
    const sent = pattern(1_000_003);
    await writeAll(client, sent);
    await client.closeWrite();
    await until("the end", () => backend.count("ended", id) === 1);
    assert(sameBytes(backend.bytesOf(id), sent));
    // It still can be written to.
    await backend.tell({ kind: "write", id, bytes: pattern(100), offset: 0 }, "write");
    assertEquals(await readBytes(client, 100), pattern(100));
    assertEquals([backend.count("ended", id), backend.count("broken", id)], [1, 0]);
  });

  claim("tells the end of a peer that ended behind more than one read takes", async (backend) => {
    await backend.listen();
    const { client, id } = await backend.connect();
    // The kernel keeps more of one who has been read fast.
    await writeAll(client, pattern(MUCH));
    await until("the first bytes", () => backend.byteCountOf(id) === MUCH);
    await backend.hold(async () => {
      await writeAll(client, pattern(SEVERAL_READS));
      await client.closeWrite();
    });
    await until("the end", () => backend.count("ended", id) === 1);
    assertEquals(backend.byteCountOf(id), MUCH + SEVERAL_READS);
  });

  claim("writes from an offset, however slowly the peer reads, and says once when that is done", async (backend) => {
    await backend.listen();
    const { client, id } = await backend.connect();
    const { taken } = await backend.tell({ kind: "write", id, bytes: pattern(MUCH + 5), offset: 5 }, "write");
    assertEquals(taken, false);
    assertEquals(backend.count("written", id), 0);
    const received = await readBytes(client, MUCH);
    assert(sameBytes(received, pattern(MUCH + 5).subarray(5)));
    await until("the end of the write", () => backend.count("written", id) === 1);
    // Another write after it.
    const next = await backend.tell({ kind: "write", id, bytes: pattern(10), offset: 0 }, "write");
    assertEquals(await readBytes(client, 10), pattern(10));
    await until("the end of the write", () => backend.count("written", id) === (next.taken ? 1 : 2));
  });

  claim("reads nothing while paused and everything after", async (backend) => {
    await backend.listen();
    const { client, id } = await backend.connect();
    await writeAll(client, pattern(10));
    await until("the first bytes", () => backend.byteCountOf(id) === 10);
    await backend.tell({ kind: "pause", id }, "done");
    const sent = pattern(MUCH);
    const writing = writeAll(client, sent);
    // Whoever comes later is served many times: had the first been read, its bytes would be here.
    const other = await backend.connect();
    for (let turn = 1; turn <= 20; turn++) {
      await writeAll(other.client, pattern(1_000));
      await until("the other's bytes", () => backend.byteCountOf(other.id) === turn * 1_000);
    }
    // One read may have been under way.
    assert(backend.byteCountOf(id) <= 10 + 65_536, `${backend.byteCountOf(id)} bytes were read`);
    await backend.tell({ kind: "resume", id }, "done");
    await writing;
    await until("everything", () => backend.byteCountOf(id) === 10 + MUCH);
    assert(sameBytes(backend.bytesOf(id), concatenate(pattern(10), sent)));
  });

  claim("endWriting() sends the end behind what was written, and reading goes on", async (backend) => {
    await backend.listen();
    const { client, id } = await backend.connect();
    await backend.tell({ kind: "write", id, bytes: pattern(500), offset: 0 }, "write");
    await backend.tell({ kind: "end", id }, "done");
    assertEquals(await readToEnd(client), { bytes: pattern(500), isReset: false });
    await writeAll(client, pattern(33));
    await until("what came after", () => backend.byteCountOf(id) === 33);
    client.close();
    await until("the peer's end", () => backend.count("ended", id) === 1);
  });

  claim("close() ends the connection, and nothing is told after it", async (backend) => {
    await backend.listen();
    const { client, id } = await backend.connect();
    await backend.tell({ kind: "write", id, bytes: pattern(500), offset: 0 }, "write");
    await until("the write", () => backend.count("written", id) === 1 || name === "epoll");
    await backend.tell({ kind: "close", id }, "done");
    assertEquals(await readToEnd(client), { bytes: pattern(500), isReset: false });
    await client.write(pattern(10)).catch(() => {});
    // Another connection's whole life passes.
    const other = await backend.connect();
    other.client.close();
    await until("the other's end", () => backend.count("ended", other.id) === 1);
    assertEquals([backend.count("bytes", id), backend.count("ended", id), backend.count("broken", id)], [0, 0, 0]);
  });

  claim("abort() ends the connection though the peer has not taken everything", async (backend) => {
    await backend.listen();
    const { client, id } = await backend.connect();
    const { taken } = await backend.tell({ kind: "write", id, bytes: pattern(MUCH), offset: 0 }, "write");
    assertEquals(taken, false);
    await backend.tell({ kind: "abort", id }, "done");
    const { bytes, isReset } = await readToEnd(client);
    assert(bytes.length < MUCH);
    if (name === "epoll") assert(isReset, "The kernel drops what it has not sent");
    assertEquals([backend.count("written", id), backend.count("broken", id)], [0, 0]);
  });

  claim("tells once that a peer went without a word in the middle of a write", async (backend) => {
    await backend.listen();
    const { client, id } = await backend.connect();
    await backend.tell({ kind: "write", id, bytes: pattern(MUCH), offset: 0 }, "write");
    // What it has not read makes its close a reset.
    client.close();
    await until("the break", () => backend.count("broken", id) === 1);
    const other = await backend.connect();
    other.client.close();
    await until("the other's end", () => backend.count("ended", other.id) === 1);
    assertEquals([backend.count("broken", id), backend.count("written", id)], [1, 0]);
  });

  claim("closes a connection that nobody wants", async (backend) => {
    await backend.listen({}, false);
    assertEquals((await readToEnd(await backend.connectAlone())).bytes, new Uint8Array(0));
    assertEquals(backend.count("accepted"), 0);
  });

  claim("stops accepting when its listener is closed, and keeps who is there", async (backend) => {
    await backend.listen();
    const { client, id } = await backend.connect();
    await backend.tell({ kind: "unlisten" }, "unlistened");
    // The kernel lets go of it once nobody waits for a connection there any more.
    await until("a refusal", () =>
      backend.connectAlone().then(() => false, (error) => {
        if (error instanceof Deno.errors.ConnectionRefused) return true;
        throw error;
      }));
    await writeAll(client, pattern(20));
    await until("the bytes", () => backend.byteCountOf(id) === 20);
  });

  claim("serves two listeners, one of IPv6 where there is IPv6", async (backend) => {
    await backend.listen();
    const first = await backend.connect();
    if (!hasIpv6()) return;
    await backend.listen({ hostname: "::1" });
    const second = await backend.connect("::1");
    for (const { client, id } of [first, second]) {
      await writeAll(client, pattern(7, id));
      await until("the bytes", () => backend.byteCountOf(id) === 7);
    }
    const [, accepted] = backend.events.filter((event) => event.kind === "accepted");
    assertEquals([accepted.remoteAddress, accepted.localAddress], ["::1", "::1"]);
  });

  claim("names peers of IPv4 by their own address where it listens on IPv6", async (backend) => {
    if (!hasIpv6()) return;
    await backend.listen({ hostname: "::" });
    const { client, id } = await backend.connect("127.0.0.1");
    await writeAll(client, pattern(7));
    await until("the bytes", () => backend.byteCountOf(id) === 7);
    const [accepted] = backend.events.filter((event) => event.kind === "accepted");
    assertEquals([accepted.remoteAddress, accepted.localAddress], ["127.0.0.1", "127.0.0.1"]);
  });

  claim("says why it cannot listen", async (backend) => {
    await backend.listen();
    const { port } = backend;
    const options = { hostname: "127.0.0.1", port, backlog: 1, noDelay: true, reusePort: false };
    const { message } = await backend.tell({ kind: "listen", options, takes: true }, "failed");
    assert(message !== "");
    backend.events.splice(0);
  });

  claim("serves many connections at once", async (backend) => {
    await backend.listen();
    const peers: { client: Deno.TcpConn; id: number }[] = [];
    for (let count = 0; count < 60; count++) peers.push(await backend.connect());
    await Promise.all(peers.map(({ client, id }) => writeAll(client, pattern(3_000, id))));
    await until("everyone's bytes", () => peers.every(({ id }) => backend.byteCountOf(id) === 3_000));
    for (const { id } of peers) assert(sameBytes(backend.bytesOf(id), pattern(3_000, id)));
    for (const { client } of peers) client.close();
    await until("everyone's end", () => backend.count("ended") === peers.length);
  });

  claim("ends a round when its time is up, and goes on where it stopped", async (backend) => {
    await backend.listen();
    const peers: { client: Deno.TcpConn; id: number }[] = [];
    for (let count = 0; count < 60; count++) peers.push(await backend.connect());
    const before = backend.events.length;
    await backend.hold(async () => {
      // More than one read takes, and less than the kernel keeps.
      await Promise.all(peers.map(({ client, id }) => writeAll(client, pattern(READABLE, id))));
    });
    await until("everyone's bytes", () => peers.every(({ id }) => backend.byteCountOf(id) === READABLE));
    for (const { id } of peers) assert(sameBytes(backend.bytesOf(id), pattern(READABLE, id)));
    const events = backend.events.slice(before);
    const rounds = events.flatMap((event) => event.kind === "round" ? [event] : []);
    assert(rounds.some(({ more }) => more), "Some round left sockets for the next");
    // On the event loop a round has two parts: what becomes ready, and what was left.
    assert(rounds.every(({ served }) => served <= 2 * ITEMS_PER_ROUND), `${rounds.map(({ served }) => served)}`);
  }, ITEMS_PER_ROUND);
}
