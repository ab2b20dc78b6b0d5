/**
 * The client's {@linkcode Transport} over a WebSocket in the simulated network: the real gateway upgrades and unmasks it.
 *
 * @module
 */

import type { Transport, TransportHandler } from "../../client/transport.ts";
import type { Prng } from "../../server/world/prng.ts";
import { UpgradeError, WebSocketReader } from "../../tools/loadtest/websocket_client.ts";
import { clientFrame, utf8 } from "../gateway/frames.ts";
import type { ClientSocket } from "./simulated_network.ts";

const REQUEST = "GET /ws HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
/** What RFC 6455, section 1.3, answers to the key of its example. */
const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const OPCODE_BINARY = 2;

/** Asks for a WebSocket, and resolves when there is one. */
export function upgradeSocket(socket: ClientSocket, prng: Prng): Promise<Transport> {
  return new Promise((resolve, reject) => {
    new SimulatedWebSocket(socket, prng, { resolve, reject });
  });
}

/** One WebSocket; its messages are cut anywhere, as message borders mean nothing. */
class SimulatedWebSocket implements Transport, TransportHandler {
  readonly #socket: ClientSocket;
  readonly #prng: Prng;
  readonly #opening: { resolve(transport: Transport): void; reject(error: Error): void };
  readonly #reader: WebSocketReader;
  #handler: TransportHandler | null = null;
  #isOpen = false;
  #early: Uint8Array[] = [];
  #closeReason: string | null = null;

  constructor(
    socket: ClientSocket,
    prng: Prng,
    opening: { resolve(transport: Transport): void; reject(error: Error): void },
  ) {
    this.#socket = socket;
    this.#prng = prng;
    this.#opening = opening;
    this.#reader = new WebSocketReader({
      onUpgraded: () => {
        this.#isOpen = true;
        this.#opening.resolve(this);
      },
      onStream: (bytes, start, end) => this.#receive(bytes.subarray(start, end)),
      onReply: (bytes) => socket.send(bytes.slice()),
      onCloseFrame: () => socket.close(),
    }, ACCEPT);
    socket.start(this);
    socket.send(utf8(REQUEST));
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  start(handler: TransportHandler): void {
    queueMicrotask(() => {
      this.#handler = handler;
      for (const bytes of this.#early) handler.onBytes(bytes);
      this.#early = [];
      if (this.#closeReason !== null) handler.onClose(this.#closeReason);
    });
  }

  send(bytes: Uint8Array): void {
    const prng = this.#prng;
    for (let start = 0; start < bytes.length;) {
      const end = prng.nextInt(5) === 0 ? start + 1 + prng.nextInt(bytes.length - start) : bytes.length;
      const mask = [0, 0, 0, 0].map(() => prng.nextInt(256));
      this.#socket.send(clientFrame({ opcode: OPCODE_BINARY, payload: bytes.subarray(start, end), mask }));
      start = end;
    }
  }

  close(): void {
    this.#socket.close();
  }

  onBytes(bytes: Uint8Array): void {
    try {
      this.#reader.push(bytes, 0, bytes.length);
    } catch (error) {
      // The gateway has waited too long for a request that the network held up.
      if (this.#isOpen || !(error instanceof UpgradeError)) throw error;
      this.#socket.close();
      this.#opening.reject(error);
    }
  }

  onClose(reason: string): void {
    this.#closeReason = reason;
    this.#opening.reject(new Error(reason));
    this.#handler?.onClose(reason);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#handler === null) this.#early.push(bytes.slice());
    else this.#handler.onBytes(bytes);
  }
}
