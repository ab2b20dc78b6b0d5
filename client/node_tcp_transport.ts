/**
 * The {@linkcode Transport} over TCP, plain or TLS, for Node.
 *
 * @module
 */

import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { LINGER_TIMEOUT_MS } from "../shared/limits.ts";
import type { Transport, TransportHandler } from "./transport.ts";

/** Where to connect to. */
export interface TcpOptions {
  /** Host name or address. Default 127.0.0.1. */
  hostname?: string;
  /** Port number. */
  port: number;
  /** Present: TLS. `caCerts`, in PEM, are trusted instead of the system's. */
  tls?: { caCerts?: string[] };
  /** Aborts the attempt. */
  signal?: AbortSignal;
  /** How long a closing connection may take to get rid of what was sent, in milliseconds. Default 2,000. */
  lingerMs?: number;
}

/**
 * Connects over TCP.
 *
 * @throws {Error} Node's, when the server cannot be reached.
 */
export function connectTcp(options: TcpOptions): Promise<Transport> {
  const { hostname = "127.0.0.1", port, tls, signal, lingerMs = LINGER_TIMEOUT_MS } = options;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = tls === undefined
      ? connectPlain({ host: hostname, port })
      : connectTls({ host: hostname, port, servername: hostname, ca: tls.caCerts });
    // Packets of one turn leave as one write already; Nagle's algorithm would only delay the next one.
    socket.setNoDelay(true);
    const settle = (error: Error | null) => {
      signal?.removeEventListener("abort", abort);
      socket.removeAllListeners();
      if (error === null) return resolve(new NodeTcpTransport(socket, lingerMs));
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const abort = () =>
      settle(signal!.reason instanceof Error ? signal!.reason : new Error("The attempt was given up"));
    signal?.addEventListener("abort", abort);
    socket.once(tls === undefined ? "connect" : "secureConnect", () => settle(null));
    socket.once("error", settle);
    socket.once("close", () => settle(new Error(`Cannot connect to ${hostname}:${port}: closed`)));
  });
}

/** The bytes and the end of one socket. */
class NodeTcpTransport implements Transport {
  readonly #socket: Socket;
  readonly #lingerMs: number;
  #handler: TransportHandler | null = null;
  #isClosing = false;
  #isClosed = false;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: Socket, lingerMs: number) {
    this.#socket = socket;
    this.#lingerMs = lingerMs;
    // Nothing is read before somebody listens; an error meanwhile is told by the close that follows it.
    socket.pause();
    socket.on("error", (error) => this.#closed(`Connection lost: ${error.message}`));
    socket.on("end", () => this.#closed("Server closed the connection"));
    socket.on("close", () => this.#closed("Connection lost"));
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  start(handler: TransportHandler): void {
    this.#handler = handler;
    if (this.#isClosed) return queueMicrotask(() => handler.onClose("Connection lost"));
    this.#socket.on("data", (bytes) => {
      if (!this.#isClosed && !this.#isClosing) handler.onBytes(bytes as Uint8Array);
    });
    this.#socket.resume();
  }

  send(bytes: Uint8Array): void {
    if (!this.#isClosing && !this.#isClosed) this.#socket.write(bytes);
  }

  close(): void {
    if (this.#isClosing || this.#isClosed) return;
    this.#isClosing = true;
    if (this.#socket.writableLength === 0) return this.#closed("Connection closed by the client");
    this.#lingerTimer = setTimeout(() => this.#closed("Connection closed with bytes unsent"), this.#lingerMs);
    this.#socket.end(() => this.#closed("Connection closed by the client"));
  }

  #closed(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#lingerTimer);
    // What was written is on its way; the rest is not waited for.
    if (this.#socket.writableLength === 0) this.#socket.end();
    this.#socket.destroy();
    this.#handler?.onClose(reason);
  }
}
