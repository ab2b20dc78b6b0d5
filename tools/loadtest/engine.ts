/**
 * What a client engine is: the loop that connects, reads and writes for the load test. Everything above it - framing,
 * WebSocket, scenarios - is the same for every engine.
 *
 * @module
 */

/** Takes what happens on one socket. */
export interface SocketHandler {
  /** The connection is made. */
  onOpen(): void;
  /** Bytes arrived: `bytes[start, end)`, which the handler may overwrite but not keep. */
  onBytes(bytes: Uint8Array, start: number, end: number): void;
  /**
   * The socket is closed, and nothing is called after this. Never called from within a call to the socket.
   *
   * @param reason Why, in a few words that are the same each time: they are counted.
   */
  onClosed(reason: string): void;
}

/** One socket. */
export interface ClientSocket {
  /** Bytes that the kernel has not taken yet. */
  readonly pendingBytes: number;
  /** Sends `bytes[start, end)` on an open socket; what the kernel does not take at once is copied and sent later. */
  send(bytes: Uint8Array, start: number, end: number): void;
  /**
   * Chooses whether the handler is told of bytes only when {@linkcode ClientSocket.readNow} asks for them: they wait in
   * the kernel, and one call takes what came meanwhile. An engine that cannot do so goes on telling at once.
   */
  setLazy(isLazy: boolean): void;
  /** Tells the handler of what has arrived, before it returns; not to be called from within a call to a handler. */
  readNow(): void;
  /** Closes; the handler is not called again. */
  close(): void;
}

/** Where to connect. */
export interface Endpoint {
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  /** The address to connect from; only engines with {@linkcode ClientEngine.bindsSource} look at it. */
  readonly source?: string;
  /** The server's name, as its certificate has it; default: the address. */
  readonly host?: string;
  /** Of a WebSocket. */
  readonly path?: string;
}

/** What an engine calls in its loop. */
export interface EngineDriver {
  /**
   * After the sockets of one round have been served.
   *
   * @returns Microseconds until the next call is needed, sockets aside; negative: the loop is over.
   */
  onRound(): number;
}

/** A loop that serves sockets of our own making. */
export interface ClientEngine {
  /** Whether a source address can be chosen. */
  readonly bindsSource: boolean;
  /** A clock that all threads of a run share: microseconds since its base. */
  nowUs(): number;
  connect(endpoint: Endpoint, handler: SocketHandler): ClientSocket;
  /** Resolves when the driver ends the loop; all sockets are closed then. */
  run(driver: EngineDriver): Promise<void>;
}

/** Names of the engines. */
export const ENGINE_NAMES = ["epoll", "deno"] as const;
/** One of {@linkcode ENGINE_NAMES}. */
export type EngineName = typeof ENGINE_NAMES[number];

/** The end of a connection that its peer closed in order. */
export const CLOSED_BY_SERVER = "closed by the server";
