/**
 * The io backend on `Deno.listen` and `Deno.listenTls`: runs everywhere, also for TLS.
 *
 * Fairness: a read that is ready resolves at once, so a busy connection could keep the loop to itself. Here every
 * connection reads once a round: it re-arms its read only when the round is over, and a round ends with one
 * `setImmediate` that all connections share.
 *
 * @module
 */

import { ACCEPT_PAUSE_MS, READ_BUFFER_BYTES, READ_CHUNK_BYTES } from "../../shared/limits.ts";
import type {
  AcceptHandler,
  IoBackend,
  Listener,
  ListenOptions,
  LoopHandler,
  Socket,
  SocketHandler,
} from "./backend.ts";

/** The loop on Deno's own event loop. */
export class DenoBackend implements IoBackend {
  #handler: LoopHandler | null = null;
  #roundAsked = false;
  #gate = Promise.withResolvers<void>();

  listen(options: ListenOptions, onAccept: AcceptHandler): Listener {
    const { hostname, port, reusePort } = options;
    const listener = options.tls === undefined
      ? Deno.listen({ hostname, port, reusePort, tcpBacklog: options.backlog })
      : Deno.listenTls({ hostname, port, reusePort, tcpBacklog: options.backlog, ...options.tls });
    void this.#accept(listener, options.noDelay, onAccept);
    return { port: (listener.addr as Deno.NetAddr).port, close: () => listener.close() };
  }

  start(handler: LoopHandler): void {
    this.#handler = handler;
  }

  stop(): void {
    this.#handler = null;
  }

  requestRound(): void {
    if (this.#roundAsked) return;
    this.#roundAsked = true;
    setImmediate(this.#endRound);
  }

  /** A socket has something: the first of a round sets the time. */
  beginService(): void {
    if (!this.#roundAsked) this.#handler?.onWake();
  }

  /** Resolves when the round is over. */
  roundEnd(): Promise<void> {
    this.requestRound();
    return this.#gate.promise;
  }

  readonly #endRound = (): void => {
    this.#roundAsked = false;
    const gate = this.#gate;
    this.#gate = Promise.withResolvers();
    this.#handler?.onRound();
    gate.resolve();
  };

  async #accept(listener: Deno.Listener, noDelay: boolean, onAccept: AcceptHandler): Promise<void> {
    for (;;) {
      let conn: Deno.TcpConn | Deno.TlsConn;
      try {
        conn = await listener.accept() as Deno.TcpConn | Deno.TlsConn;
      } catch (error) {
        // BadResource: the listener was closed. All else - file descriptors, an aborted handshake - passes.
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        this.#handler?.onAcceptError();
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        continue;
      }
      void this.#serve(conn, noDelay, onAccept);
    }
  }

  async #serve(conn: Deno.TcpConn | Deno.TlsConn, noDelay: boolean, onAccept: AcceptHandler): Promise<void> {
    const socket = new DenoSocket(conn, this);
    try {
      if (noDelay && "setNoDelay" in conn) conn.setNoDelay(true);
    } catch {
      return socket.close();
    }
    this.beginService();
    const handler = onAccept(socket);
    if (handler === null) return socket.close();
    await socket.run(handler);
  }
}

/** An IPv4 peer as itself: a socket that listens on `::` gives it as `::ffff:192.0.2.1`. */
function unmapped(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice("::ffff:".length) : address;
}

/** One connection: one read and one write in flight at most. */
class DenoSocket implements Socket {
  readonly #conn: Deno.TcpConn | Deno.TlsConn;
  readonly #backend: DenoBackend;
  #handler: SocketHandler | null = null;
  #closed = false;
  #endAsked = false;
  #writing = false;
  #resume: (() => void) | null = null;
  #paused = false;

  constructor(conn: Deno.TcpConn | Deno.TlsConn, backend: DenoBackend) {
    this.#conn = conn;
    this.#backend = backend;
  }

  get remoteAddress(): string {
    return unmapped((this.#conn.remoteAddr as Deno.NetAddr).hostname);
  }

  get localAddress(): string {
    return unmapped((this.#conn.localAddr as Deno.NetAddr).hostname);
  }

  /** Reads until the connection ends. */
  async run(handler: SocketHandler): Promise<void> {
    this.#handler = handler;
    // A small buffer while little comes, a large one for who sends much, back to the small one when it is over.
    let buffer = new Uint8Array(READ_BUFFER_BYTES);
    try {
      while (!this.#closed) {
        const count = await this.#conn.read(buffer);
        if (this.#closed) return;
        this.#backend.beginService();
        if (count === null) return handler.onEnd();
        handler.onBytes(buffer, 0, count);
        if (count === buffer.length && count < READ_CHUNK_BYTES) buffer = new Uint8Array(count * 4);
        else if (count < READ_BUFFER_BYTES / 2 && buffer.length > READ_BUFFER_BYTES) {
          buffer = new Uint8Array(READ_BUFFER_BYTES);
        }
        await this.#backend.roundEnd();
        if (this.#paused && !this.#closed) await new Promise<void>((resolve) => this.#resume = resolve);
      }
    } catch (error) {
      this.#break(error);
    }
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#writing = true;
    void this.#write(bytes, start, end);
    return false;
  }

  async #write(bytes: Uint8Array, start: number, end: number): Promise<void> {
    try {
      while (start < end) {
        start += await this.#conn.write(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
      }
      this.#writing = false;
      if (this.#closed) return;
      this.#handler?.onWritten();
      if (this.#endAsked && !this.#writing) await this.#conn.closeWrite();
    } catch (error) {
      this.#break(error);
    }
  }

  pauseReading(): void {
    this.#paused = true;
  }

  resumeReading(): void {
    this.#paused = false;
    this.#resume?.();
    this.#resume = null;
  }

  endWriting(): void {
    this.#endAsked = true;
    if (!this.#writing && !this.#closed) this.#conn.closeWrite().catch((error) => this.#break(error));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.resumeReading();
    this.#conn.close();
  }

  abort(): void {
    this.close();
  }

  #break(error: unknown): void {
    if (this.#closed) return;
    this.close();
    this.#handler?.onBroken(error instanceof Deno.errors.TimedOut);
  }
}
