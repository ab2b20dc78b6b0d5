/**
 * What an io backend is: the loop that accepts connections, reads and writes. Everything above it - framing,
 * WebSocket, sessions - is the same for every backend.
 *
 * @module
 */

import type { TlsIdentity } from "./tls_socket.ts";

/** Takes what happens on one socket. Calls never nest: none is made from within a call to the socket. */
export interface SocketHandler {
  /** A TLS handshake is about to begin; after {@linkcode Socket.pauseReading} it waits. */
  onHandshake(): void;
  /** So many records of TLS came, which are deciphered next, whatever they hold. */
  onRecords(count: number): void;
  /** Bytes arrived: `bytes[start, end)`, which the handler may overwrite but not keep. */
  onBytes(bytes: Uint8Array, start: number, end: number): void;
  /** A write that {@linkcode Socket.write} left in flight is done; its bytes may be used again. */
  onWritten(): void;
  /** The peer has sent all it will send. */
  onEnd(): void;
  /**
   * The socket broke and is closed; nothing is called after this.
   *
   * @param timedOut Whether the kernel gave the peer up, as it took nothing for too long.
   */
  onBroken(timedOut: boolean): void;
}

/** One accepted socket. */
export interface Socket {
  /** The peer's address, without its port. */
  readonly remoteAddress: string;
  /** The address the peer connected to, without its port. */
  readonly localAddress: string;
  /**
   * Writes `bytes[start, end)`. At most one write may be in flight.
   *
   * @returns `true` when all of it was taken; `false` when it is in flight: the bytes must stay as they are until
   * `onWritten`.
   */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /** Stops reading; the peer's bytes stay in the kernel. */
  pauseReading(): void;
  /** Reads again after {@linkcode Socket.pauseReading}. */
  resumeReading(): void;
  /** Sends FIN behind what has been written; reading goes on. */
  endWriting(): void;
  /** Closes at once, once what was written is on its way. No handler is called after this. */
  close(): void;
  /** Closes at once and drops what the peer has not taken, where the backend can. No handler is called after this. */
  abort(): void;
}

/** Called for each connection; gives the handler, or `null` to close it at once. */
export type AcceptHandler = (socket: Socket) => SocketHandler | null;

/** How to listen. */
export interface ListenOptions {
  readonly hostname: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** Connections the kernel holds until they are accepted. */
  readonly backlog: number;
  /** Sends small packets at once (TCP_NODELAY). */
  readonly noDelay: boolean;
  /** Several workers share the port (SO_REUSEPORT). */
  readonly reusePort: boolean;
  /** The listener speaks TLS. */
  readonly tls?: TlsIdentity;
}

/** An open listener. */
export interface Listener {
  /** The real port. */
  readonly port: number;
  /** Stops accepting. */
  close(): void;
}

/** What a backend calls in its loop. */
export interface LoopHandler {
  /** Monotonic, in milliseconds; as of this round. */
  readonly nowMs: number;
  /** Promises at work: the event loop has to run for them. */
  readonly pendingPromises: number;
  /** Sockets are about to be served: what time is it? Their part of the round begins. */
  onWake(): void;
  /**
   * Whether this part of the round has taken its time; to be asked between one thing and the next. What is left is the
   * next round's, in the order it came.
   */
  isTimeUp(): boolean;
  /**
   * After the sockets of one round have been served: drains rings, flushes what is to be sent.
   *
   * @param more Whether sockets are left that had something when the round began.
   */
  onRound(more: boolean): void;
  /** A connection could not be accepted: no descriptors, no memory. */
  onAcceptError(): void;
  /** The loop is about to wait; gives whether it may: `false` when there is work. */
  beforeSleep(): boolean;
  /** The wait is over. */
  afterSleep(): void;
}

/** A loop that serves sockets. */
export interface IoBackend {
  listen(options: ListenOptions, onAccept: AcceptHandler): Listener;
  /** Starts the loop; `handler` is called once a round from now on. */
  start(handler: LoopHandler): void;
  /** Asks for a round soon, even if no socket has anything. */
  requestRound(): void;
  /** Asks for a round within so many milliseconds, where the loop would sleep longer. */
  requestRoundIn(ms: number): void;
  /** Ends the loop; listeners and sockets are closed by their owners. */
  stop(): void;
}
