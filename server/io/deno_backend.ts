/**
 * The io backend on `Deno.listen`: runs everywhere, also for TLS.
 *
 * Fairness: a read that is ready resolves at once, so a busy connection could keep the loop to itself. Here every
 * connection reads once a round: it re-arms its read only when the round is over, and a round ends with one
 * `setImmediate` that all connections share. All reads that became ready resolve before it; those that come when the
 * round has taken its time are kept, and handed over in the next rounds, in the order they came.
 *
 * @module
 */

import {
  ACCEPT_PAUSE_MS,
  ACCEPTS_PER_ROUND_MAX,
  ACCEPTS_PER_ROUND_MIN,
  READ_BUFFER_BYTES,
  READ_CHUNK_BYTES,
} from "../../shared/limits.ts";
import { isPeerGone } from "../base/accept_error.ts";
import type {
  AcceptHandler,
  IoBackend,
  Listener,
  ListenOptions,
  LoopHandler,
  Socket,
  SocketHandler,
} from "./backend.ts";
import { acceptTls } from "./tls_socket.ts";

/** The loop on Deno's own event loop. */
export class DenoBackend implements IoBackend {
  #handler: LoopHandler | null = null;
  #roundAsked = false;
  #gate = Promise.withResolvers<void>();
  /** A socket has been served since the last round ended. */
  #isServing = false;
  /** Sockets that have read what could not be handed over in time, from `#lateAt` on, oldest first. */
  #late: DenoSocket[] = [];
  #lateAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  listen(options: ListenOptions, onAccept: AcceptHandler): Listener {
    const { hostname, port, reusePort } = options;
    const listener = Deno.listen({ hostname, port, reusePort, tcpBacklog: options.backlog });
    void this.#accept(
      listener,
      options.noDelay,
      options.tls === undefined ? onAccept : acceptTls(options.tls, onAccept),
    );
    return { port: (listener.addr as Deno.NetAddr).port, close: () => listener.close() };
  }

  start(handler: LoopHandler): void {
    this.#handler = handler;
  }

  stop(): void {
    this.#handler = null;
    clearTimeout(this.#timer);
  }

  requestRound(): void {
    if (this.#roundAsked) return;
    this.#roundAsked = true;
    setImmediate(this.#endRound);
  }

  requestRoundIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.requestRound();
    }, ms);
  }

  /** A socket has something: the first of a round sets the time. Gives whether there is time for it in this round. */
  tryServe(): boolean {
    const handler = this.#handler;
    if (handler === null) return true;
    if (!this.#isServing) {
      this.#isServing = true;
      handler.onWake();
      this.requestRound();
    }
    return this.#late.length === 0 && !handler.isTimeUp();
  }

  /** Calls `DenoSocket.deliver` in one of the next rounds, behind all others. */
  deliverLater(socket: DenoSocket): void {
    this.#late.push(socket);
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
    if (this.#late.length > 0) this.#deliverLate();
    this.#isServing = false;
    this.#handler?.onRound(this.#late.length > 0);
    gate.resolve();
    if (this.#late.length > 0) this.requestRound();
  };

  #deliverLate(): void {
    const handler = this.#handler;
    handler?.onWake();
    while (this.#lateAt < this.#late.length && handler?.isTimeUp() !== true) this.#late[this.#lateAt++].deliver();
    if (this.#lateAt < this.#late.length) return;
    this.#late = [];
    this.#lateAt = 0;
  }

  async #accept(listener: Deno.TcpListener, noDelay: boolean, onAccept: AcceptHandler): Promise<void> {
    for (let accepted = 1;; accepted++) {
      try {
        void this.#serve(await listener.accept(), noDelay, onAccept);
      } catch (error) {
        // BadResource: the listener was closed. All else, such as a want of file descriptors, passes.
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
        if (!isPeerGone(error)) {
          this.#handler?.onAcceptError();
          await new Promise((resolve) => setTimeout(resolve, ACCEPT_PAUSE_MS));
        }
      }
      // One that is ready resolves at once, so a crowd of newcomers would keep everyone waiting.
      const isLate = accepted % ACCEPTS_PER_ROUND_MIN === 0 && this.#handler?.isTimeUp() === true;
      if (isLate || accepted % ACCEPTS_PER_ROUND_MAX === 0) await this.roundEnd();
    }
  }

  async #serve(conn: Deno.TcpConn, noDelay: boolean, onAccept: AcceptHandler): Promise<void> {
    const socket = new DenoSocket(conn, this);
    try {
      if (noDelay) conn.setNoDelay(true);
    } catch {
      return socket.close();
    }
    this.tryServe();
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
  readonly #conn: Deno.TcpConn;
  readonly #backend: DenoBackend;
  #handler: SocketHandler | null = null;
  #closed = false;
  #endAsked = false;
  #writing = false;
  #ended = false;
  /** What is read into: a small buffer while little comes, a large one for who sends much, and back. */
  #buffer = new Uint8Array(READ_BUFFER_BYTES);
  /** What was read last: bytes in the buffer, or `null` for the peer's end. */
  #count: number | null = 0;
  #delivered: (() => void) | null = null;
  #resume: (() => void) | null = null;
  #paused = false;

  constructor(conn: Deno.TcpConn, backend: DenoBackend) {
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
    try {
      while (!this.#closed) {
        this.#count = await this.#conn.read(this.#buffer);
        if (this.#closed) return;
        if (this.#backend.tryServe()) this.deliver();
        else await this.#waitForDelivery();
        if (this.#ended) return;
        await this.#backend.roundEnd();
        if (this.#paused && !this.#closed) await new Promise<void>((resolve) => this.#resume = resolve);
      }
    } catch (error) {
      this.#break(error);
    }
  }

  #waitForDelivery(): Promise<void> {
    this.#backend.deliverLater(this);
    return new Promise((resolve) => this.#delivered = resolve);
  }

  /** Hands over what was read last. */
  deliver(): void {
    this.#delivered?.();
    this.#delivered = null;
    if (this.#closed) return;
    const buffer = this.#buffer;
    const count = this.#count;
    try {
      if (count === null) {
        this.#ended = true;
        return this.#handler!.onEnd();
      }
      this.#handler!.onBytes(buffer, 0, count);
    } catch (error) {
      return this.#break(error);
    }
    if (count === buffer.length && count < READ_CHUNK_BYTES) this.#buffer = new Uint8Array(count * 4);
    else if (count < READ_BUFFER_BYTES / 2 && buffer.length > READ_BUFFER_BYTES) {
      this.#buffer = new Uint8Array(READ_BUFFER_BYTES);
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
