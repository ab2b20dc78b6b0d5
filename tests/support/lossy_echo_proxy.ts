/**
 * A TCP proxy that mistreats echoes on their way back, and keeps count: some never arrive, some arrive twice, some after
 * the next one, some changed.
 *
 * @module
 */

import { FrameDecoder } from "../../shared/frame_decoder.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { FRAME_HEADER_BYTES } from "../../shared/limits.ts";
import { PacketView } from "../../shared/packet_codec.ts";

const DROP_EVERY = 23;
const DUPLICATE_EVERY = 31;
const SWAP_EVERY = 41;
const CORRUPT_EVERY = 53;

/** The proxy. */
export class LossyEchoProxy implements AsyncDisposable {
  dropped = 0;
  duplicated = 0;
  /** Echoes that were kept back until the next one had passed. */
  swapped = 0;
  corrupted = 0;
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #targetPort: number;
  readonly #tasks: Promise<void>[] = [];
  readonly #conns = new Set<Deno.TcpConn>();
  readonly #holds: { frame: Uint8Array | null }[] = [];
  #echoes = 0;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.#tasks.push(this.#accept());
  }

  /** Echoes that were kept back and never let go, as no other followed. */
  get heldCount(): number {
    return this.#holds.filter((hold) => hold.frame !== null).length;
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      this.#tasks.push(this.#serve(client));
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#targetPort });
    for (const conn of [client, server]) {
      conn.setNoDelay(true);
      this.#conns.add(conn);
    }
    const hold: { frame: Uint8Array | null } = { frame: null };
    this.#holds.push(hold);
    await Promise.all([
      this.#pipe(client, server, (bytes) => [bytes]),
      this.#pipe(server, client, this.#mistreater(hold)),
    ]);
  }

  /** Copies until either end is gone; then both are. */
  async #pipe(from: Deno.TcpConn, to: Deno.TcpConn, treat: (bytes: Uint8Array) => Uint8Array[]): Promise<void> {
    const buffer = new Uint8Array(16_384);
    try {
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        for (const bytes of treat(buffer.subarray(0, count))) {
          for (let sent = 0; sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
        }
      }
    } catch {
      // One end is gone.
    }
    for (const conn of [from, to]) {
      if (this.#conns.delete(conn)) conn.close();
    }
  }

  #mistreater(hold: { frame: Uint8Array | null }): (bytes: Uint8Array) => Uint8Array[] {
    let out: Uint8Array[] = [];
    const view = new PacketView();
    const decoder = new FrameDecoder({
      onFrame: (bytes, start, end) => {
        view.decode(bytes, start, end);
        const frame = bytes.slice(start - FRAME_HEADER_BYTES, end);
        // The data's first byte, behind its tag and length: the number of the connection.
        const dataAt = view.payloadStart - start + FRAME_HEADER_BYTES + 2;
        if (view.type === PacketType.ECHO_RESPONSE) out.push(...this.#mistreat(frame, dataAt, hold));
        else out.push(frame);
        return true;
      },
    });
    return (bytes) => {
      out = [];
      decoder.push(bytes, 0, bytes.length);
      return out;
    };
  }

  /** What goes on in the place of one echo. */
  #mistreat(frame: Uint8Array, dataAt: number, hold: { frame: Uint8Array | null }): Uint8Array[] {
    const number = ++this.#echoes;
    if (number % DROP_EVERY === 0) {
      this.dropped++;
      return [];
    }
    if (number % SWAP_EVERY === 0 && hold.frame === null) {
      hold.frame = frame;
      return [];
    }
    if (number % CORRUPT_EVERY === 0) {
      this.corrupted++;
      frame[dataAt] ^= 0x80;
    }
    const frames = [frame];
    if (number % DUPLICATE_EVERY === 0 && number % CORRUPT_EVERY !== 0) {
      this.duplicated++;
      frames.push(frame);
    }
    if (hold.frame !== null) {
      // After a corrupted one it would not be late: the judge knows no number for that.
      if (number % CORRUPT_EVERY !== 0) this.swapped++;
      frames.push(hold.frame);
      hold.frame = null;
    }
    return frames;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    this.#conns.clear();
    await Promise.allSettled(this.#tasks);
  }
}
