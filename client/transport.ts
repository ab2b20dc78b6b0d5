/**
 * What carries bytes between a client and a server. The client knows nothing else about sockets, so the same client
 * runs over TCP, over a browser's WebSocket and, in tests, over memory.
 *
 * @module
 */

import type { ServerInfo } from "../shared/gen/auth_pb.ts";

/** Takes what one {@linkcode Transport} reports. */
export interface TransportHandler {
  /** Takes the next bytes of the stream; they may be overwritten after the call. */
  onBytes(bytes: Uint8Array): void;
  /** The transport is closed, by whichever side; called once, and nothing is called after it. */
  onClose(reason: string): void;
}

/** One open byte stream to the server. */
export interface Transport {
  /** Bytes accepted by {@linkcode Transport.send} that the network has not taken yet. */
  readonly bufferedBytes: number;
  /** Begins to report to `handler`, never from within {@linkcode Transport.send}. Called once. */
  start(handler: TransportHandler): void;
  /** Sends `bytes`, which belong to the transport from here on. Does nothing once closed. */
  send(bytes: Uint8Array): void;
  /** Closes after what was sent is out; {@linkcode TransportHandler.onClose} reports it. */
  close(): void;
}

/**
 * Makes one connection; called again for every reconnection.
 *
 * @param signal Aborts when the client does not wait any longer.
 * @param server Where to, as LOGIN_RESPONSE lists it, or as a server said where the session is; undefined: to the server
 * that the client was made for.
 * @throws {Error} when the server cannot be reached.
 */
export type Connect = (signal: AbortSignal, server?: ServerInfo) => Promise<Transport>;
