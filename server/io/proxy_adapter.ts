/**
 * The first bytes of a connection that comes through a proxy: its header tells who the peer is, and gives way to what
 * the port speaks.
 *
 * @module
 */

import { ProtocolError } from "../../shared/errors.ts";
import { PROXY_HEADER_TIMEOUT_MS } from "../../shared/limits.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionAdapter } from "./connection_host.ts";
import { type ProxyHeader, readProxyHeader } from "./proxy_header.ts";

/** What takes over once the header is there. */
export interface ProxyHost {
  /** Monotonic, in milliseconds; as of this round. */
  readonly nowMs: number;
  /** The peer is known: the connection is admitted, or closed, and the adapter replaced. */
  onProxied(connection: Connection, addresses: ProxyHeader["addresses"]): void;
}

/** Reads the header of one connection. */
export class ProxyAdapter implements ConnectionAdapter {
  /** Whether a notice can be sent: frames are spoken behind the header, not HTTP. */
  readonly open: boolean;
  readonly answering = false;
  readonly uncapped = false;
  readonly deadlineMs: number;
  readonly #connection: Connection;
  readonly #host: ProxyHost;
  /** What has arrived of a header that came in pieces. */
  #head: Uint8Array = new Uint8Array(0);

  constructor(connection: Connection, host: ProxyHost, open: boolean) {
    this.#connection = connection;
    this.#host = host;
    this.open = open;
    this.deadlineMs = host.nowMs + PROXY_HEADER_TIMEOUT_MS;
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    const head = new Uint8Array(this.#head.length + end - start);
    head.set(this.#head);
    head.set(bytes.subarray(start, end), this.#head.length);
    let header: ProxyHeader | null;
    try {
      header = readProxyHeader(head);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.#connection.close(error.reason, error.message);
    }
    // Bounded: a header that is not whole is shorter than its bound.
    this.#head = head;
    if (header === null) return;
    const connection = this.#connection;
    this.#host.onProxied(connection, header.addresses);
    if (connection.closing || header.headerBytes === head.length) return;
    if (connection.adapter === null) connection.reader.push(head, header.headerBytes, head.length);
    else connection.adapter.onBytes(head, header.headerBytes, head.length);
  }

  goOn(): boolean {
    return true;
  }

  onDeadline(): void {
    this.#connection.closeQuietly();
  }

  onDrained(): void {}

  appendClose(): void {}
}
