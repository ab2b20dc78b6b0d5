import { DenoClient } from "../../../tools/loadtest/deno_client.ts";
import {
  type ClientEngine,
  CLOSED_BY_SERVER,
  ENGINE_NAMES,
  type EngineName,
  type SocketHandler,
} from "../../../tools/loadtest/engine.ts";
import { EpollClient } from "../../../tools/loadtest/epoll_client.ts";
import type { LoadContext } from "../../../tools/loadtest/load_session.ts";
import { endpointOf } from "../../../tools/loadtest/scenario.ts";
import { LOADTEST_CONNECTIONS_PER_ADDRESS } from "../../../tools/limits.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { CLOSED_PORT } from "../../support/free_port.ts";
import type { PeerReport, PeerTask } from "../../support/peer_worker.ts";

const ENGINES = ENGINE_NAMES.filter((name) => name === "deno" || Deno.build.os === "linux");
const PATIENCE_MS = 20_000;

function open(name: EngineName): ClientEngine {
  const nowMs = performance.timeOrigin + performance.now();
  return name === "epoll" ? new EpollClient(nowMs) : new DenoClient(nowMs);
}

/** Goes round until the condition holds. */
async function runUntil(engine: ClientEngine, condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS;
  let inTime = true;
  await engine.run({
    onRound: () => {
      inTime = performance.now() < deadlineMs;
      return condition() || !inTime ? -1 : 1_000;
    },
  });
  assert(inTime, "Waited in vain");
}

/** Keeps what happens on a socket. */
class Recorder implements SocketHandler {
  opened = 0;
  received = 0;
  sum = 0;
  closed: string | null = null;
  constructor(readonly onOpenDo: () => void = () => {}) {}

  onOpen(): void {
    this.opened++;
    this.onOpenDo();
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    this.received += end - start;
    for (let at = start; at < end; at++) this.sum += bytes[at];
  }

  onClosed(reason: string): void {
    assertEquals(this.closed, null);
    this.closed = reason;
  }
}

/** A server in a thread of its own. */
class Peer implements Disposable {
  done: Extract<PeerReport, { kind: "done" }> | null = null;
  readonly #worker: Worker;
  readonly #listening = Promise.withResolvers<number>();

  constructor(task: PeerTask) {
    this.#worker = new Worker(new URL("../../support/peer_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<PeerReport>) => {
      if (data.kind === "listening") this.#listening.resolve(data.port);
      else this.done = data;
    };
    this.#worker.postMessage(task);
  }

  get port(): Promise<number> {
    return this.#listening.promise;
  }

  /** Tells it to read. */
  read(): void {
    this.#worker.postMessage({ kind: "read" });
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }
}

for (const name of ENGINES) {
  Deno.test(`${name} client engine sends megabytes to a server that reads late, and receives as many`, async () => {
    const message = Uint8Array.from({ length: 50_000 }, (_, index) => index % 251);
    const count = 250, replyBytes = 4_000_000;
    using peer = new Peer({ kind: "swallow", bytes: count * message.length, replyBytes });
    const port = await peer.port;
    const engine = open(name);
    const recorder = new Recorder(() => {
      for (let sent = 0; sent < count; sent++) socket.send(message, 0, message.length);
      assert(socket.pendingBytes > 0, "The kernel must not take it all at once");
      peer.read();
    });
    const socket = engine.connect({ address: "127.0.0.1", port }, recorder);
    await runUntil(engine, () => recorder.received === replyBytes && peer.done !== null);
    assertEquals([recorder.opened, recorder.closed, socket.pendingBytes], [1, null, 0]);
    const sum = count * message.reduce((sum, byte) => sum + byte, 0);
    assertEquals([peer.done?.sum, recorder.sum], [sum, replyBytes]);
  });

  Deno.test(`${name} client engine tells when the server hangs up, and when there is none`, async () => {
    using peer = new Peer({ kind: "hang_up" });
    const port = await peer.port;
    const engine = open(name), hungUp = new Recorder(), refused = new Recorder();
    engine.connect({ address: "127.0.0.1", port }, hungUp);
    engine.connect({ address: "127.0.0.1", port: CLOSED_PORT }, refused);
    await runUntil(engine, () => hungUp.closed !== null && refused.closed !== null);
    assertEquals([hungUp.opened, hungUp.closed], [1, CLOSED_BY_SERVER]);
    assertEquals([refused.opened, refused.closed], [0, "connection refused"]);
  });

  Deno.test(`${name} client engine calls no handler after close()`, async () => {
    using peer = new Peer({ kind: "greet" });
    const port = await peer.port;
    const engine = open(name);
    const recorder = new Recorder(() => socket.close());
    const socket = engine.connect({ address: "127.0.0.1", port }, recorder);
    let rounds = 0;
    await runUntil(engine, () => recorder.opened === 1 && ++rounds > 20);
    assertEquals([recorder.received, recorder.closed], [0, null]);
  });

  Deno.test(`${name} client engine's clock is Unix time since its base`, async () => {
    const engine = open(name);
    const before = performance.now();
    const firstUs = engine.nowUs();
    assert(firstUs >= 0);
    await runUntil(engine, () => engine.nowUs() > firstUs + 2_000);
    assert(performance.now() - before >= 1.9);
  });
}

Deno.test({
  name: "epoll client engine connects from the source address it is told",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using peer = new Peer({ kind: "greet" });
    const port = await peer.port;
    const engine = open("epoll"), recorder = new Recorder();
    engine.connect({ address: "127.0.0.1", port, source: "127.0.0.9" }, recorder);
    await runUntil(engine, () => recorder.received === 1 && peer.done !== null);
    assertEquals(peer.done?.remoteAddress, "127.0.0.9");
  },
});

Deno.test({
  name: "epoll client engine leaves a lazy socket's bytes in the kernel until it is asked",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    using peer = new Peer({ kind: "greet" });
    const port = await peer.port;
    const engine = open("epoll");
    const recorder = new Recorder();
    const socket = engine.connect({ address: "127.0.0.1", port }, recorder);
    socket.setLazy(true);
    let rounds = 0;
    await runUntil(engine, () => {
      if (peer.done === null || ++rounds < 20) return false;
      if (rounds > 20) return true;
      assertEquals([recorder.opened, recorder.received], [1, 0]);
      socket.readNow();
      assertEquals(recorder.received, 1);
      return false;
    });
  },
});

Deno.test("endpointOf() spreads many connections over loopback addresses: as sources, or as destinations", () => {
  const context = (bindsSource: boolean, address: string) => ({
    task: {
      plan: { address, host: "play.example", entry: "token", gamePort: 81, gatewayPort: 82 },
      first: LOADTEST_CONNECTIONS_PER_ADDRESS,
    },
    host: { engine: { bindsSource } },
  } as unknown as LoadContext);
  const session = (index: number) => ({ index, transport: index % 2 === 0 ? "tcp" : "ws" } as never);
  assertEquals(endpointOf(context(true, "127.0.0.1"), session(0)), {
    address: "127.0.0.1",
    host: "play.example",
    port: 81,
    source: "127.0.0.2",
  });
  assertEquals(endpointOf(context(false, "127.0.0.1"), session(LOADTEST_CONNECTIONS_PER_ADDRESS + 1)), {
    address: "127.0.0.3",
    host: "play.example",
    port: 82,
  });
  assertEquals(endpointOf(context(true, "192.0.2.1"), session(0)), {
    address: "192.0.2.1",
    host: "play.example",
    port: 81,
  });
});
