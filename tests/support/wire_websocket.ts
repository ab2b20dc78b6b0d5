/**
 * A WebSocket client of the tests' own (RFC 6455), which can also do what no client should. It shares no code with the
 * project.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";
import { assert, assertEquals } from "./assert.ts";
import { RawSocket } from "./raw_socket.ts";

/** Frame opcodes. */
export const OPCODE = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

const HEADER_END = new Uint8Array([13, 10, 13, 10]);
const ACCEPT_SALT = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** One frame as a test wants it. */
export interface FrameOptions {
  readonly opcode: number;
  readonly payload?: Uint8Array | string;
  /** Default true. */
  readonly fin?: boolean;
  /** Default true, as a client must. */
  readonly masked?: boolean;
  /** The three reserved bits. */
  readonly rsv?: number;
}

/** Writes a frame. */
export function encodeWebSocketFrame(options: FrameOptions): Uint8Array {
  const { opcode, payload = "", fin = true, masked = true, rsv = 0 } = options;
  const data = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const maskBit = masked ? 0x80 : 0;
  if (data.length < 126) {
    head.push(maskBit | data.length);
  } else if (data.length < 65_536) {
    head.push(maskBit | 126, data.length >> 8, data.length & 255);
  } else {
    const length = new DataView(new ArrayBuffer(8));
    length.setBigUint64(0, BigInt(data.length));
    head.push(maskBit | 127, ...new Uint8Array(length.buffer));
  }
  const mask = masked ? new Uint8Array(randomBytes(4)) : new Uint8Array(4);
  return join([new Uint8Array(head), masked ? mask : new Uint8Array(0), data.map((byte, at) => byte ^ mask[at & 3])]);
}

/** The response to a request for a WebSocket. */
export interface UpgradeAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** What came behind the head. */
  readonly rest: Uint8Array;
}

/** How to ask for a WebSocket. */
export interface UpgradeOptions {
  /** Default `/ws`. */
  readonly path?: string;
  /** More fields, such as `Origin`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Where from, such as `127.0.0.5`. */
  readonly localAddress?: string;
  /** Over TLS, whatever certificate is shown. */
  readonly isSecure?: boolean;
  /** What to send before the request. */
  readonly head?: Uint8Array;
}

/** Joins bytes. */
export function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function findHeadEnd(bytes: Uint8Array): number {
  for (let at = 0; at + 4 <= bytes.length; at++) {
    if (HEADER_END.every((byte, index) => bytes[at + index] === byte)) return at + 4;
  }
  return -1;
}

/** Asks for a WebSocket on a fresh connection and gives the answer, whatever it is. */
export async function requestUpgrade(
  socket: RawSocket,
  port: number,
  options: UpgradeOptions = {},
): Promise<UpgradeAnswer> {
  const key = randomBytes(16).toString("base64");
  const fields = {
    "Host": `127.0.0.1:${port}`,
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": key,
    "Sec-WebSocket-Version": "13",
    ...options.headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(new TextEncoder().encode(`GET ${options.path ?? "/ws"} HTTP/1.1\r\n${lines.join("")}\r\n`));
  let received: Uint8Array = new Uint8Array(0);
  const headEnd = await Promise.race([
    new Promise<number>((resolve) => {
      socket.onBytes((bytes) => {
        received = join([received, bytes]);
        const end = findHeadEnd(received);
        if (end > 0) resolve(end);
      });
    }),
    socket.ended.then(() => -1),
  ]);
  assert(headEnd > 0, "The connection ended before the head of the response");
  const [statusLine, ...fieldLines] = new TextDecoder().decode(received.subarray(0, headEnd - 4)).split("\r\n");
  const headers = new Map(fieldLines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  }));
  const status = Number(statusLine.split(" ")[1]);
  if (status === 101) {
    const accept = createHash("sha1").update(key + ACCEPT_SALT).digest("base64");
    assertEquals(headers.get("sec-websocket-accept"), accept);
    assertEquals(headers.get("sec-websocket-extensions"), undefined, "No extension is negotiated");
  }
  return { status, headers, rest: received.slice(headEnd) };
}

/** What a server sends over one WebSocket, as it arrives. */
export interface WebSocketEvents {
  /** One whole message. */
  onMessage(opcode: number, payload: Uint8Array): void;
  onPong?(payload: Uint8Array): void;
}

/** An open WebSocket. */
export class WireWebSocket {
  /** The status of the server's close frame; `null` before it. */
  closeCode: number | null = null;
  /** Its reason. */
  closeReason = "";
  readonly socket: RawSocket;
  readonly #events: WebSocketEvents;
  #kept: Uint8Array = new Uint8Array(0);
  #message: Uint8Array[] = [];
  #messageOpcode = 0;

  private constructor(socket: RawSocket, events: WebSocketEvents) {
    this.socket = socket;
    this.#events = events;
  }

  /** Connects and opens a WebSocket. */
  static async connect(port: number, events: WebSocketEvents, options: UpgradeOptions = {}): Promise<WireWebSocket> {
    const { isSecure = false, localAddress } = options;
    const socket = await (isSecure ? RawSocket.secure(port, localAddress) : RawSocket.connect(port, localAddress));
    if (options.head !== undefined) socket.write(options.head);
    try {
      const { status, rest } = await requestUpgrade(socket, port, options);
      assertEquals(status, 101);
      const webSocket = new WireWebSocket(socket, events);
      webSocket.#take(rest);
      socket.onBytes((bytes) => webSocket.#take(bytes));
      return webSocket;
    } catch (error) {
      await socket.close();
      throw error;
    }
  }

  /** Sends one frame. */
  send(frame: FrameOptions): void {
    this.socket.write(encodeWebSocketFrame(frame));
  }

  #take(bytes: Uint8Array): void {
    let rest = this.#kept.length === 0 ? bytes : join([this.#kept, bytes]);
    for (let taken = this.#takeFrame(rest); taken > 0; taken = this.#takeFrame(rest)) rest = rest.subarray(taken);
    this.#kept = rest.slice();
  }

  /** Takes the first frame of `bytes`; gives its length, or 0 when it is not complete. */
  #takeFrame(bytes: Uint8Array): number {
    if (bytes.length < 2) return 0;
    assertEquals(bytes[0] & 0x70, 0, "A server sets no reserved bit");
    assertEquals(bytes[1] & 0x80, 0, "A server masks nothing");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let start = 2;
    let length = bytes[1];
    if (length === 126) {
      if (bytes.length < 4) return 0;
      length = view.getUint16(2);
      start = 4;
      assert(length > 125, "A length takes its shortest form");
    } else if (length === 127) {
      if (bytes.length < 10) return 0;
      length = Number(view.getBigUint64(2));
      start = 10;
      assert(length > 65_535, "A length takes its shortest form");
    }
    if (bytes.length < start + length) return 0;
    this.#onFrame((bytes[0] & 0x80) !== 0, bytes[0] & 15, bytes.slice(start, start + length));
    return start + length;
  }

  #onFrame(fin: boolean, opcode: number, payload: Uint8Array): void {
    assertEquals(this.closeCode, null, "Nothing follows a close frame");
    if (opcode === OPCODE.CLOSE) {
      this.closeCode = payload.length < 2 ? 1005 : payload[0] << 8 | payload[1];
      this.closeReason = new TextDecoder().decode(payload.subarray(2));
    } else if (opcode === OPCODE.PING) {
      this.send({ opcode: OPCODE.PONG, payload });
    } else if (opcode === OPCODE.PONG) {
      this.#events.onPong?.(payload);
    } else {
      if (opcode !== OPCODE.CONTINUATION) this.#messageOpcode = opcode;
      this.#message.push(payload);
      if (!fin) return;
      const message = join(this.#message);
      this.#message = [];
      this.#events.onMessage(this.#messageOpcode, message);
    }
  }

  /** Closes the socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.socket.close();
  }
}
