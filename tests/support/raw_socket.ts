/** A TCP connection that a test holds by its bytes: it can stop reading, end and reset. @module */

import net from "node:net";
import tls from "node:tls";

/** How the peer ended a connection: in order, or by a reset or another error. */
export type SocketEnd = "fin" | "reset";

/** One connection to this machine. */
export class RawSocket {
  readonly #socket: net.Socket;
  readonly #ended = Promise.withResolvers<SocketEnd>();
  readonly #closed = Promise.withResolvers<void>();
  #early: Uint8Array[] = [];
  #onBytes: ((bytes: Uint8Array) => void) | null = null;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on("data", (data: Uint8Array) => {
      const bytes = new Uint8Array(data);
      if (this.#onBytes === null) this.#early.push(bytes);
      else this.#onBytes(bytes);
    });
    socket.on("end", () => this.#ended.resolve("fin"));
    socket.on("error", () => this.#ended.resolve("reset"));
    socket.on("close", () => {
      this.#ended.resolve("fin");
      this.#closed.resolve();
    });
  }

  /**
   * Connects; rejects when nothing listens.
   *
   * @param localAddress Where from, such as `127.0.0.5`.
   */
  static connect(port: number, localAddress?: string): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      // Half-open: the test decides when its side ends.
      const socket = net.connect({ port, host: "127.0.0.1", localAddress, allowHalfOpen: true, noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RawSocket(socket));
      });
    });
  }

  /** Connects and shakes hands, whatever certificate is shown; rejects when either fails. */
  static secure(port: number, localAddress?: string): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const options = { port, host: "127.0.0.1", localAddress, allowHalfOpen: true, rejectUnauthorized: false };
      const socket = tls.connect(options);
      socket.once("error", reject);
      socket.once("secureConnect", () => {
        socket.off("error", reject);
        resolve(new RawSocket(socket));
      });
    });
  }

  /** Resolves when the peer ends the connection. */
  get ended(): Promise<SocketEnd> {
    return this.#ended.promise;
  }

  /** Takes all bytes from now on, those before included. */
  onBytes(take: (bytes: Uint8Array) => void): void {
    this.#onBytes = take;
    for (const bytes of this.#early) take(bytes);
    this.#early = [];
  }

  /** Writes; what the kernel does not take is kept. */
  write(bytes: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(bytes);
  }

  /** Writes and resolves when the kernel has taken everything. */
  flush(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  /** Reads nothing until {@linkcode resume}. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads again. */
  resume(): void {
    this.#socket.resume();
  }

  /** Says that nothing more is sent (FIN). */
  end(): void {
    this.#socket.end();
  }

  /** Breaks the connection (RST). */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Closes, and resolves when it is closed. */
  async close(): Promise<void> {
    this.#socket.destroy();
    await this.#closed.promise;
  }

  /** As {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
