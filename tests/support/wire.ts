/**
 * A client of the wire contract that shares no framing and no envelope with the project, only the generated messages:
 * what the project's own client and server get wrong in the same way shows here.
 *
 * @module
 */

import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { contract, type DisconnectNotice, type ErrorResponse, PacketType } from "../../games/marsh/contract.ts";
import { type PacketHeader, PacketSchema } from "../../shared/gen/packet_pb.ts";
import { assert, assertEquals } from "./assert.ts";
import { RawSocket, type SocketEnd } from "./raw_socket.ts";
import { PATIENCE_MS } from "./wait.ts";
import { join, OPCODE, type UpgradeOptions, WireWebSocket } from "./wire_websocket.ts";

/** What a session may travel on. */
export type WireTransport = "tcp" | "websocket";

/** A packet as it came. */
export interface WirePacket {
  readonly type: PacketType;
  readonly sequence: number;
  readonly ack: number;
  readonly isCompressed: boolean;
  /** As carried. */
  readonly payload: Uint8Array;
  readonly message: Message;
}

/** How a connection ended: a WebSocket's close status, or `null`. */
export interface WireEnd {
  readonly kind: SocketEnd;
  readonly closeCode: number | null;
}

/** Header fields a test may set; the rest is filled in. */
export type HeaderInit = Partial<Omit<PacketHeader, "$typeName" | "$unknown">>;

/** Messages by packet type: a type is named as its message, in other letters. */
/** The largest body of a frame, in bytes. */
const BODY_BYTES_MAX = 65_536;
const SCHEMAS: ReadonlyMap<number, DescMessage> = new Map(
  contract.files.flatMap(({ messages }) =>
    messages.map((schema) => [typeNumber(schema), schema] as const).filter(([type]) => type !== undefined)
  ),
);

function typeNumber(schema: DescMessage): number {
  const name = schema.name.replace(/(?<!^)([A-Z])/g, "_$1").toUpperCase();
  return PacketType[name as keyof typeof PacketType];
}

/** The packet type of a message. */
export function typeOf(schema: DescMessage): PacketType {
  const type = typeNumber(schema);
  assert(type !== undefined, `${schema.name} is no packet's message`);
  return type;
}

/** A frame: length, then body. */
export function frame(body: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, body.length, true);
  return join([length, body]);
}

/** The body of a packet with a payload as it is. */
export function packetBody(type: number, payload: Uint8Array, header: HeaderInit = {}): Uint8Array {
  return toBinary(
    PacketSchema,
    create(PacketSchema, {
      header: { type, size: payload.length, timestamp: BigInt(Date.now()), ...header },
      payload,
    }),
  );
}

/** The frame of a packet with a message. */
export function packet<D extends DescMessage>(
  schema: D,
  message: MessageInitShape<D>,
  header: HeaderInit = {},
): Uint8Array {
  const payload = toBinary<DescMessage>(schema, create(schema, message));
  const carried = header.isCompressed ? new Uint8Array(deflateRawSync(payload)) : payload;
  return frame(packetBody(typeOf(schema), carried, header));
}

/** What a password is sent as. */
export function passwordHash(password: string): string {
  return createHash("sha256").update(password).digest("hex");
}

/** How long something may be waited for while other things come, in milliseconds. */
const TALK_PATIENCE_MS: number = 6 * PATIENCE_MS;

interface Waiter {
  /** Looks at what has come; gives whether it has what it waits for. */
  readonly check: () => boolean;
  readonly reject: (error: Error) => void;
}

/** One connection of the wire contract. */
export class WireClient {
  /** Everything that came, in order. */
  readonly packets: WirePacket[] = [];
  /** The WebSocket below; `null` on TCP. */
  readonly webSocket: WireWebSocket | null;
  readonly socket: RawSocket;
  readonly #unclaimed: WirePacket[] = [];
  readonly #waiters = new Set<Waiter>();
  #kept: Uint8Array = new Uint8Array(0);
  /** When something came last, as `performance.now()` has it. */
  #cameMs = 0;
  #fault: Error | null = null;
  #end: SocketEnd | null = null;

  private constructor(socket: RawSocket, webSocket: WireWebSocket | null) {
    this.socket = socket;
    this.webSocket = webSocket;
  }

  /**
   * Connects over TCP.
   *
   * @param from Where from, and what to send first.
   */
  static async tcp(port: number, from: { localAddress?: string; head?: Uint8Array } = {}): Promise<WireClient> {
    const client = new WireClient(await RawSocket.connect(port, from.localAddress), null);
    if (from.head !== undefined) client.socket.write(from.head);
    client.socket.onBytes((bytes) => client.#take(bytes));
    client.#watchEnd();
    return client;
  }

  /** Connects to the gateway's WebSocket. */
  static async webSocket(port: number, options: UpgradeOptions = {}): Promise<WireClient> {
    const early: Uint8Array[] = [];
    let take: (bytes: Uint8Array) => void = (bytes) => early.push(bytes);
    const webSocket = await WireWebSocket.connect(port, {
      onMessage: (opcode, payload) => {
        assertEquals(opcode, OPCODE.BINARY, "Packets travel in binary messages");
        take(payload);
      },
    }, options);
    const client = new WireClient(webSocket.socket, webSocket);
    take = (bytes) => client.#take(bytes);
    for (const bytes of early) take(bytes);
    client.#watchEnd();
    return client;
  }

  /** The highest number of the server's reliable packets here, all before it included when none was lost. */
  get lastSequence(): number {
    return this.packets.reduce((last, { sequence }) => Math.max(last, sequence), 0);
  }

  /** The reliable packets that came, in order. */
  get reliable(): WirePacket[] {
    return this.packets.filter(({ sequence }) => sequence > 0);
  }

  /** The messages of one type that came, in order. */
  all<D extends DescMessage>(schema: D): MessageShape<D>[] {
    return this.packets.filter(({ message }) => message.$typeName === schema.typeName)
      .map(({ message }) => message as MessageShape<D>);
  }

  /** Sends bytes of the frame stream, on a WebSocket as one binary message. */
  sendBytes(bytes: Uint8Array): void {
    if (this.webSocket === null) this.socket.write(bytes);
    else this.webSocket.send({ opcode: OPCODE.BINARY, payload: bytes });
  }

  /** Sends a message. */
  send<D extends DescMessage>(schema: D, message: MessageInitShape<D>, header: HeaderInit = {}): void {
    this.sendBytes(packet(schema, message, header));
  }

  /** Sends a request and gives the next message of type `answer`. */
  ask<D extends DescMessage, A extends DescMessage>(
    schema: D,
    message: MessageInitShape<D>,
    answer: A,
    header: HeaderInit = {},
  ): Promise<MessageShape<A>> {
    this.send(schema, message, header);
    return this.expect(answer);
  }

  /** The first message of a type that was not asked for before, come or still to come; others stay for later. */
  async expect<D extends DescMessage>(
    schema: D,
    matches: (message: MessageShape<D>) => boolean = () => true,
  ): Promise<MessageShape<D>> {
    return (await this.expectPacket(schema, matches)).message as MessageShape<D>;
  }

  /** As {@linkcode expect}, with the envelope. */
  async expectPacket<D extends DescMessage>(
    schema: D,
    matches: (message: MessageShape<D>) => boolean = () => true,
  ): Promise<WirePacket> {
    let found: WirePacket | undefined;
    await this.#wait(schema.name, () => {
      const index = this.#unclaimed.findIndex(({ message }) =>
        message.$typeName === schema.typeName && matches(message as MessageShape<D>)
      );
      if (index >= 0) found = this.#unclaimed.splice(index, 1)[0];
      return index >= 0;
    });
    return found!;
  }

  /** Resolves when `condition`, which is asked after each arrival, holds. */
  until(what: string, condition: () => boolean): Promise<void> {
    return this.#wait(what, condition);
  }

  /** Resolves when the server has ended the connection. */
  async ended(): Promise<WireEnd> {
    await this.#wait("the end of the connection", () => this.#end !== null);
    return { kind: this.#end!, closeCode: this.webSocket?.closeCode ?? null };
  }

  /** Closes. */
  async close(): Promise<void> {
    await this.socket.close();
  }

  /** As {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #take(bytes: Uint8Array): void {
    this.#cameMs = performance.now();
    try {
      const all = join([this.#kept, bytes]);
      const view = new DataView(all.buffer, all.byteOffset);
      let at = 0;
      while (all.length - at >= 4) {
        const length = view.getUint32(at, true);
        assert(length >= 1 && length <= 65_536, `The server sent a frame of ${length} bytes`);
        if (all.length - at < 4 + length) break;
        this.#onBody(all.subarray(at + 4, at + 4 + length));
        at += 4 + length;
        this.#kept = all.subarray(at);
      }
      if (at === 0) this.#kept = all;
    } catch (error) {
      this.#fault = error as Error;
    }
    this.#checkWaiters();
  }

  #onBody(body: Uint8Array): void {
    const { header, payload } = fromBinary(PacketSchema, body);
    assert(header !== undefined, "Every packet has a header");
    assertEquals(header.size, payload.length, "`size` is the length of the payload as carried");
    // The largest packets have no room for it.
    if (body.length < BODY_BYTES_MAX - 64 || header.timestamp !== 0n) {
      assert(Math.abs(Number(header.timestamp) - Date.now()) < 60_000, "`timestamp` is the server's clock");
    }
    const schema = SCHEMAS.get(header.type);
    assert(schema !== undefined, `The server sent type ${header.type}`);
    const plain = header.isCompressed ? new Uint8Array(inflateRawSync(payload)) : payload;
    const packet: WirePacket = {
      type: header.type,
      sequence: Number(header.sequence),
      ack: Number(header.ack),
      isCompressed: header.isCompressed,
      payload: payload.slice(),
      message: fromBinary(schema, plain),
    };
    this.packets.push(packet);
    this.#unclaimed.push(packet);
  }

  #watchEnd(): void {
    void this.socket.ended.then((end) => {
      this.#end = end;
      this.#checkWaiters();
    });
  }

  #checkWaiters(): void {
    for (const waiter of this.#waiters) {
      if (waiter.check()) this.#waiters.delete(waiter);
      else if (this.#fault !== null) waiter.reject(this.#fault);
      else if (this.#end !== null) waiter.reject(new Error(`The connection ended (${this.#end})`));
    }
  }

  #wait(what: string, isMet: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const startMs = performance.now();
      const look = () => {
        const nowMs = performance.now(), quietMs = nowMs - Math.max(startMs, this.#cameMs);
        if (quietMs >= PATIENCE_MS) waiter.reject(new Error(`nothing came in ${PATIENCE_MS} ms`));
        else if (nowMs - startMs >= TALK_PATIENCE_MS) waiter.reject(new Error(`not within ${TALK_PATIENCE_MS} ms`));
        else timer = setTimeout(look, PATIENCE_MS - quietMs);
      };
      let timer = setTimeout(look, PATIENCE_MS);
      const waiter: Waiter = {
        check: () => {
          if (!isMet()) return false;
          clearTimeout(timer);
          resolve();
          return true;
        },
        reject: (error) => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          reject(new Error(`Waited in vain for ${what}: ${error.message}; ${this.#summary()}`, { cause: error }));
        },
      };
      this.#waiters.add(waiter);
      this.#checkWaiters();
    });
  }

  /** What came, for an error: counts by type, and the last words of the server. */
  #summary(): string {
    const counts = new Map<string, number>();
    for (const { type } of this.packets) counts.set(PacketType[type], (counts.get(PacketType[type]) ?? 0) + 1);
    const words = this.packets.filter(({ type }) =>
      type === PacketType.DISCONNECT_NOTICE || type === PacketType.ERROR_RESPONSE
    ).map(({ message }) => (message as ErrorResponse | DisconnectNotice).message);
    return `came: ${[...counts].map(([type, count]) => `${count} ${type}`).join(", ") || "nothing"}; said: ${
      words.join(" | ") || "nothing"
    }`;
  }
}
