/**
 * The {@linkcode Transport} over TCP, plain or TLS, for Deno.
 *
 * @module
 */

import { LINGER_TIMEOUT_MS, READ_CHUNK_BYTES } from "../shared/limits.ts";
import type { Transport, TransportHandler } from "./transport.ts";

/** First size of the read buffer, in bytes; it grows when reads fill it, so that idle connections cost little. */
const FIRST_READ_BYTES = 2_048;

/** Where to connect to. */
export interface TcpOptions {
  /** Host name or address. Default 127.0.0.1. */
  hostname?: string;
  /** Port number. */
  port: number;
  /** Present: TLS. `caCerts` are trusted beside the system's, in PEM. */
  tls?: { caCerts?: string[] };
  /** Aborts the attempt. */
  signal?: AbortSignal;
  /** How long a closing connection may take to get rid of what was sent, in milliseconds. Default 2,000. */
  lingerMs?: number;
}

/**
 * Connects over TCP.
 *
 * @throws {Error} Deno's, when the server cannot be reached.
 */
export async function connectTcp(options: TcpOptions): Promise<Transport> {
  const { hostname = "127.0.0.1", port, tls, signal, lingerMs = LINGER_TIMEOUT_MS } = options;
  signal?.throwIfAborted();
  const conn = await Deno.connect({ hostname, port, signal });
  // Packets of one turn leave as one write already; Nagle's algorithm would only delay the next one.
  conn.setNoDelay(true);
  if (tls === undefined) return new TcpTransport(conn, lingerMs);
  return new TcpTransport(await Deno.startTls(conn, { hostname, caCerts: tls.caCerts }), lingerMs);
}

/** One read and one write in flight; what is sent meanwhile is joined into the next write. */
class TcpTransport implements Transport {
  readonly #conn: Deno.TcpConn | Deno.TlsConn;
  readonly #lingerMs: number;
  #handler: TransportHandler | null = null;
  #waiting: Uint8Array[] = [];
  #bufferedBytes = 0;
  #isWriting = false;
  #isClosing = false;
  #isClosed = false;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(conn: Deno.TcpConn | Deno.TlsConn, lingerMs: number) {
    this.#conn = conn;
    this.#lingerMs = lingerMs;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    this.#readAll();
  }

  send(bytes: Uint8Array): void {
    if (this.#isClosing || this.#isClosed) return;
    this.#waiting.push(bytes);
    this.#bufferedBytes += bytes.length;
    if (!this.#isWriting) this.#writeAll();
  }

  close(): void {
    if (this.#isClosing || this.#isClosed) return;
    this.#isClosing = true;
    if (!this.#isWriting) return this.#closed("Connection closed by the client");
    this.#lingerTimer = setTimeout(() => this.#closed("Connection closed with bytes unsent"), this.#lingerMs);
  }

  async #readAll(): Promise<void> {
    let buffer = new Uint8Array(FIRST_READ_BYTES);
    try {
      while (!this.#isClosed) {
        const readBytes = await this.#conn.read(buffer);
        if (readBytes === null) return this.#closed("Server closed the connection");
        if (this.#isClosed) return;
        this.#handler!.onBytes(buffer.subarray(0, readBytes));
        if (readBytes === buffer.length && buffer.length < READ_CHUNK_BYTES) {
          buffer = new Uint8Array(Math.min(4 * buffer.length, READ_CHUNK_BYTES));
        }
      }
    } catch (error) {
      this.#closed(`Connection lost: ${messageOf(error)}`);
    }
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#waiting.length > 0 && !this.#isClosed) {
        const bytes = this.#waiting.length === 1 ? this.#waiting[0] : join(this.#waiting);
        this.#waiting = [];
        for (let start = 0; start < bytes.length;) {
          const writtenBytes = await this.#conn.write(start === 0 ? bytes : bytes.subarray(start));
          start += writtenBytes;
          this.#bufferedBytes -= writtenBytes;
        }
      }
    } catch (error) {
      return this.#closed(`Connection lost: ${messageOf(error)}`);
    }
    this.#isWriting = false;
    if (this.#isClosing) this.#closed("Connection closed by the client");
  }

  #closed(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#waiting = [];
    this.#bufferedBytes = 0;
    clearTimeout(this.#lingerTimer);
    this.#conn.close();
    this.#handler?.onClose(reason);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function join(parts: Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
