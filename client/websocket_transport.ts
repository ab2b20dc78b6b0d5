/**
 * The {@linkcode Transport} over the platform's own WebSocket: browsers, Node from version 22, Deno.
 *
 * @module
 */

import type { Transport, TransportHandler } from "./transport.ts";

/** The status of a normal close, RFC 6455 section 7.4.1. */
const STATUS_NORMAL = 1000;

/** Options of {@linkcode connectWebSocket}. */
export interface WebSocketOptions {
  /** Aborts the attempt. */
  signal?: AbortSignal;
}

/**
 * Connects over WebSocket.
 *
 * @param url Of the gateway, such as `ws://localhost:8082/ws`.
 * @throws {Error} when the server cannot be reached; browsers do not say why.
 */
export function connectWebSocket(url: string, { signal }: WebSocketOptions = {}): Promise<Transport> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const transport = new WebSocketTransport(socket);
    const settle = (error: Error | null) => {
      signal?.removeEventListener("abort", abort);
      socket.onopen = socket.onerror = socket.onclose = null;
      if (error === null) resolve(transport);
      else reject(error);
    };
    const fail = (why: string) => settle(new Error(`Cannot connect to ${url}: ${why}`));
    const abort = () => {
      socket.close();
      fail("the attempt was given up");
    };
    signal?.addEventListener("abort", abort);
    socket.onopen = () => settle(null);
    socket.onerror = (event) => fail((event as Partial<ErrorEvent>).message || "no connection");
    socket.onclose = ({ code }) => fail(`closed with status ${code}`);
  });
}

/** The bytes and the end of one socket. */
class WebSocketTransport implements Transport {
  readonly #socket: WebSocket;
  #handler: TransportHandler | null = null;
  /** What arrived before there was a handler. */
  #early: Uint8Array[] = [];
  /** Why the server's messages are refused; `null`: they are not. */
  #refusal: string | null = null;
  #closeReason: string | null = null;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(data);
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  start(handler: TransportHandler): void {
    this.#socket.onclose = ({ code, reason }) => {
      this.#closed(this.#refusal ?? `Connection closed with status ${code}${reason === "" ? "" : `, ${reason}`}`);
    };
    queueMicrotask(() => {
      this.#handler = handler;
      for (const bytes of this.#early) handler.onBytes(bytes);
      this.#early = [];
      // A close between the connection and the start has had nobody to go to.
      if (this.#socket.readyState === WebSocket.CLOSED) this.#closed("Connection closed");
    });
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes as Uint8Array<ArrayBuffer>);
  }

  close(): void {
    this.#socket.close(STATUS_NORMAL);
  }

  #receive(data: unknown): void {
    if (this.#refusal !== null) return;
    if (!(data instanceof ArrayBuffer)) {
      this.#refusal = "Server sent a text message";
      return this.close();
    }
    const bytes = new Uint8Array(data);
    if (this.#handler === null) this.#early.push(bytes);
    else this.#handler.onBytes(bytes);
  }

  #closed(reason: string): void {
    if (this.#closeReason !== null) return;
    this.#closeReason = reason;
    this.#handler?.onClose(reason);
  }
}
