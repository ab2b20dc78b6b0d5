/**
 * The client engine on `Deno.connect`: runs everywhere, and costs several times as much as the one on epoll.
 *
 * @module
 */

import { READ_BUFFER_BYTES } from "../../shared/limits.ts";
import {
  type ClientEngine,
  type ClientSocket,
  CLOSED_BY_SERVER,
  type Endpoint,
  type EngineDriver,
  type SocketHandler,
} from "./engine.ts";

/** Longest wait between rounds, in milliseconds. */
const WAIT_MAX_MS = 20;
const PENDING_BYTES_MIN = 1_024;

/** The engine. It cannot choose a source address; it can speak TLS. */
export class DenoClient implements ClientEngine {
  readonly bindsSource = false;
  readonly #baseMs: number;
  readonly #caCerts: readonly string[];
  readonly #sockets = new Set<DenoClientSocket>();
  /** What sockets have under way; the loop is over when it is empty. */
  readonly #tasks = new Set<Promise<void>>();

  /**
   * @param baseUnixMs Where the shared clock begins, in Unix milliseconds.
   * @param caCerts What TLS trusts, in PEM; none: no TLS.
   */
  constructor(baseUnixMs: number, caCerts: readonly string[] = []) {
    this.#baseMs = baseUnixMs - performance.timeOrigin;
    this.#caCerts = caCerts;
  }

  nowUs(): number {
    return (performance.now() - this.#baseMs) * 1_000;
  }

  connect(endpoint: Endpoint, handler: SocketHandler): ClientSocket {
    const socket = new DenoClientSocket(handler);
    this.#sockets.add(socket);
    const task = socket.run(endpoint, this.#caCerts).finally(() => {
      this.#sockets.delete(socket);
      this.#tasks.delete(task);
    });
    this.#tasks.add(task);
    return socket;
  }

  async run(driver: EngineDriver): Promise<void> {
    try {
      for (;;) {
        const waitUs = driver.onRound();
        if (waitUs < 0) break;
        await new Promise<void>((resolve) => {
          // Timers go by milliseconds, which is what this engine's punctuality is worth.
          if (waitUs <= 0) setImmediate(resolve);
          else setTimeout(resolve, Math.min(WAIT_MAX_MS, Math.ceil(waitUs / 1_000)));
        });
      }
    } finally {
      for (const socket of this.#sockets) socket.close();
      await Promise.all(this.#tasks);
    }
  }
}

/** One read and one write in flight at most. */
class DenoClientSocket implements ClientSocket {
  readonly #handler: SocketHandler;
  #conn: Deno.TcpConn | Deno.TlsConn | null = null;
  #closed = false;
  #brokenReason = "";
  #pending = new Uint8Array(0);
  #pendingEnd = 0;
  #inFlightBytes = 0;

  constructor(handler: SocketHandler) {
    this.#handler = handler;
  }

  get pendingBytes(): number {
    return this.#pendingEnd + this.#inFlightBytes;
  }

  /** Connects, and reads until the connection ends. */
  async run({ address, host = address, port }: Endpoint, caCerts: readonly string[]): Promise<void> {
    try {
      const conn = await Deno.connect({ hostname: address, port });
      this.#conn = conn;
      conn.setNoDelay(true);
      if (this.#closed) return;
      if (caCerts.length > 0) this.#conn = await Deno.startTls(conn, { hostname: host, caCerts: [...caCerts] });
      if (this.#closed) return;
      this.#handler.onOpen();
      const buffer = new Uint8Array(READ_BUFFER_BYTES);
      while (!this.#closed) {
        const count = await this.#conn.read(buffer);
        if (this.#closed) return;
        if (count === null) {
          this.#brokenReason = CLOSED_BY_SERVER;
          break;
        }
        this.#handler.onBytes(buffer, 0, count);
      }
    } catch (error) {
      if (this.#brokenReason === "") this.#brokenReason = failureWords(error);
    } finally {
      this.#closeConn();
    }
    if (!this.#closed) {
      this.#closed = true;
      this.#handler.onClosed(this.#brokenReason);
    }
  }

  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#closed || this.#brokenReason !== "") return;
    const endBytes = this.#pendingEnd + end - start;
    if (endBytes > this.#pending.length) {
      const grown = new Uint8Array(Math.max(PENDING_BYTES_MIN, 2 * endBytes));
      grown.set(this.#pending.subarray(0, this.#pendingEnd));
      this.#pending = grown;
    }
    this.#pending.set(bytes.subarray(start, end), this.#pendingEnd);
    this.#pendingEnd = endBytes;
    if (this.#inFlightBytes === 0) void this.#write();
  }

  async #write(): Promise<void> {
    const conn = this.#conn;
    if (conn === null) return;
    try {
      while (this.#pendingEnd > 0 && !this.#closed) {
        const bytes = this.#pending.subarray(0, this.#pendingEnd);
        this.#inFlightBytes = bytes.length;
        this.#pending = new Uint8Array(0);
        this.#pendingEnd = 0;
        for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
      }
    } catch (error) {
      // The pending read ends with the socket, and tells.
      if (this.#brokenReason === "") this.#brokenReason = failureWords(error);
      this.#closeConn();
    } finally {
      this.#inFlightBytes = 0;
    }
  }

  /** A read is always under way here. */
  setLazy(): void {}

  readNow(): void {}

  close(): void {
    this.#closed = true;
    this.#closeConn();
  }

  #closeConn(): void {
    const conn = this.#conn;
    this.#conn = null;
    try {
      conn?.close();
    } catch {
      // It is closed already.
    }
  }
}

/** The same few words that the epoll engine has for it. */
function failureWords(error: unknown): string {
  if (error instanceof Deno.errors.ConnectionRefused) return "connection refused";
  if (error instanceof Deno.errors.ConnectionReset) return "connection reset";
  if (error instanceof Deno.errors.ConnectionAborted) return "connection aborted";
  if (error instanceof Deno.errors.BrokenPipe) return "broken pipe";
  if (error instanceof Deno.errors.TimedOut) return "connection timed out";
  if (error instanceof Deno.errors.AddrNotAvailable) return "out of ports on this address";
  const message = error instanceof Error ? error.message : String(error);
  return message.includes("os error 24") ? "out of file descriptors (ulimit -n)" : message.slice(0, 80);
}
