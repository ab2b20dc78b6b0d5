/** What every transport must do, checked against a real server at the far end. @module */

import type { Connect, Transport } from "../../../client/transport.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { assertSameBytes, noise } from "./noise.ts";

/** The server's end of one connection. */
export interface FarEnd {
  /** Sends bytes to the client. */
  send(bytes: Uint8Array): Promise<void>;
  /** Reads until `byteCount` bytes have come, or the end. */
  read(byteCount: number): Promise<Uint8Array>;
  /** Closes; what was sent before arrives. */
  close(): void;
}

/** A listening server. */
export interface FarServer {
  /** Connects to it. */
  connect: Connect;
  /** The next connection made. */
  accept(): Promise<FarEnd>;
  /** Stops listening and ends every connection. */
  stop(): Promise<void>;
}

/** Collects what a transport reports. */
export class Collector {
  readonly closed: Promise<string>;
  closeCount = 0;
  byteCount = 0;
  #parts: Uint8Array[] = [];
  #resolveClosed!: (reason: string) => void;
  #wanted: { byteCount: number; resolve: () => void } | null = null;

  constructor() {
    this.closed = new Promise((resolve) => this.#resolveClosed = resolve);
  }

  onBytes(bytes: Uint8Array): void {
    assertEquals(this.closeCount, 0, "bytes after the close");
    this.#parts.push(bytes.slice());
    this.byteCount += bytes.length;
    if (this.#wanted !== null && this.byteCount >= this.#wanted.byteCount) this.#wanted.resolve();
  }

  onClose(reason: string): void {
    this.closeCount++;
    this.#resolveClosed(reason);
  }

  /** Everything received, once there are `byteCount` bytes. */
  async read(byteCount: number): Promise<Uint8Array> {
    if (this.byteCount < byteCount) {
      await new Promise<void>((resolve) => this.#wanted = { byteCount, resolve });
    }
    const joined = new Uint8Array(this.byteCount);
    let offset = 0;
    for (const part of this.#parts) {
      joined.set(part, offset);
      offset += part.length;
    }
    return joined;
  }
}

/** Registers the contract's tests for one kind of transport. */
export function transportContract(name: string, listen: () => FarServer): void {
  async function run(test: (transport: Transport, far: FarEnd, seen: Collector) => Promise<void>): Promise<void> {
    const server = listen();
    const accepted = server.accept();
    const transport = await server.connect(new AbortController().signal);
    const seen = new Collector();
    transport.start(seen);
    assertEquals(seen.byteCount, 0);
    try {
      await test(transport, await accepted, seen);
    } finally {
      transport.close();
      await server.stop();
      await seen.closed;
    }
    assertEquals(seen.closeCount, 1);
  }

  Deno.test(`${name}.send() delivers everything in order`, () =>
    run(async (transport, far) => {
      const bytes = noise(300_000);
      for (let start = 0, size = 1; start < bytes.length; start += size, size = (size * 3) % 5_000 + 1) {
        transport.send(bytes.slice(start, start + size));
      }
      assertSameBytes(await far.read(bytes.length), bytes);
    }));

  Deno.test(`${name} reports everything the server sends, in order`, () =>
    run(async (_transport, far, seen) => {
      const bytes = noise(300_000);
      for (let start = 0, size = 1; start < bytes.length; start += size, size = (size * 3) % 5_000 + 1) {
        await far.send(bytes.slice(start, start + size));
      }
      assertSameBytes(await seen.read(bytes.length), bytes);
    }));

  Deno.test(`${name} reports the server's close after its last bytes, once`, () =>
    run(async (transport, far, seen) => {
      await far.send(Uint8Array.of(1, 2, 3));
      far.close();
      assert((await seen.closed) !== "");
      assertEquals(await seen.read(3), Uint8Array.of(1, 2, 3));
      transport.send(Uint8Array.of(4));
      transport.close();
      assertEquals(seen.closeCount, 1);
    }));

  Deno.test(`${name}.close() closes after what was sent is out, and sends nothing afterwards`, () =>
    run(async (transport, far, seen) => {
      transport.send(noise(100_000));
      transport.send(Uint8Array.of(7));
      transport.close();
      transport.close();
      transport.send(Uint8Array.of(8));
      const received = await far.read(100_002);
      assertEquals([received.length, received.at(-1)], [100_001, 7]);
      await seen.closed;
    }));

  Deno.test(`${name}.bufferedBytes counts what is not out yet`, () =>
    run(async (transport, far) => {
      assertEquals(transport.bufferedBytes, 0);
      const bytes = new Uint8Array(100_000);
      for (let i = 0; i < 100; i++) transport.send(bytes);
      assert(transport.bufferedBytes > 0);
      await far.read(100 * bytes.length);
      while (transport.bufferedBytes > 0) await new Promise((resume) => setTimeout(resume));
    }));

  Deno.test(`${name} cannot be had without a server, or once the attempt is given up`, async () => {
    const server = listen();
    const aborted = AbortSignal.abort(new Error("given up"));
    await assertRejects(() => server.connect(aborted), Error, "given up");
    await server.stop();
    await assertRejects(() => server.connect(new AbortController().signal), Error);
  });
}
