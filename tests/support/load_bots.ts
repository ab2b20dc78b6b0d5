/**
 * Many players in a process of their own, for the load test: as little work a packet as it takes to notice what is
 * wrong. Reads one {@linkcode LoadPlan} as JSON on standard input and writes one {@linkcode LoadReport} on standard
 * output. Shares no framing with the project.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  DisconnectNoticeSchema,
  DisconnectReason,
  ErrorResponseSchema,
  LogoutRequestSchema,
} from "../../shared/gen/auth_pb.ts";
import { ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema, EnterWorldResponseSchema, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { PacketSchema } from "../../shared/gen/packet_pb.ts";

/** What to do. */
export interface LoadPlan {
  readonly gamePort: number;
  readonly gatewayPort: number;
  /** Session tokens: the first half plays over TCP, the second over WebSocket. */
  readonly tokens: readonly string[];
  /** Movements each player makes in all. */
  readonly movesEach: number;
  /** Movements a second and player, where the machine is fast enough. */
  readonly movesPerSecond: number;
  /** After how many movements of each the next message goes to everyone. */
  readonly movesPerMessage: number;
}

/** What happened. */
export interface LoadReport {
  /** Players that were in the world at once. */
  readonly entered: number;
  /** What went wrong, by kind, with its count. */
  readonly problems: Readonly<Record<string, number>>;
  readonly moveCount: number;
  readonly snapshotCount: number;
  /** Messages that were sent to everyone. */
  readonly messageCount: number;
  /** Players that heard every message once and in order. */
  readonly heardAll: number;
  /** TCP players whose logout was answered. */
  readonly loggedOut: number;
}

/** Plays a plan in a process of its own. */
export async function playLoad(plan: LoadPlan): Promise<LoadReport> {
  const bots = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "-A", new URL(import.meta.url).pathname],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  await new Blob([JSON.stringify(plan)]).stream().pipeTo(bots.stdin);
  const { stdout, success } = await bots.output();
  if (!success) throw new Error("The players' process failed");
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Connections made at once. */
const CONNECTS_MAX = 100;
/** How long the last message may take to reach the last player, in milliseconds. */
const DELIVERY_PATIENCE_MS = 30_000;
/** Groups of players that move in turn within one interval. */
const MOVE_GROUPS = 10;
/** The start of a packet of type WORLD_SNAPSHOT, behind the length of its header: they are counted, not read. */
const SNAPSHOT_TAG = [0x08, PacketType.WORLD_SNAPSHOT & 127 | 128, PacketType.WORLD_SNAPSHOT >> 7] as const;
const READ_BYTES = 4_096;

const problems: Record<string, number> = {};
let moveCount = 0;
let snapshotCount = 0;
let entered = 0;
let loggedOut = 0;

function complain(what: string): void {
  problems[what] = (problems[what] ?? 0) + 1;
}

/** The frame of one packet. */
function encodeFrame(type: PacketType, payload: Uint8Array): Uint8Array {
  const body = toBinary(PacketSchema, create(PacketSchema, { header: { type, size: payload.length }, payload }));
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length, true);
  bytes.set(body, 4);
  return bytes;
}

/** A masked binary WebSocket frame; a key of zeros is a key, and changes nothing. */
function encodeWebSocket(payload: Uint8Array): Uint8Array {
  const headBytes = payload.length < 126 ? 6 : 8;
  const bytes = new Uint8Array(headBytes + payload.length);
  bytes[0] = 0x82;
  if (headBytes === 6) {
    bytes[1] = 0x80 | payload.length;
  } else {
    bytes[1] = 0x80 | 126;
    bytes[2] = payload.length >> 8;
    bytes[3] = payload.length;
  }
  bytes.set(payload, headBytes);
  return bytes;
}

/** Bytes that wait for the rest of their frame. */
class Kept {
  #bytes: Uint8Array = new Uint8Array(0);

  /** The kept bytes and `more`, as one. */
  with(more: Uint8Array): Uint8Array {
    if (this.#bytes.length === 0) return more;
    const whole = new Uint8Array(this.#bytes.length + more.length);
    whole.set(this.#bytes);
    whole.set(more, this.#bytes.length);
    return whole;
  }

  /** Keeps what is left. */
  keep(rest: Uint8Array): void {
    this.#bytes = rest.slice();
  }
}

/** One player. */
class Bot {
  readonly #conn: Deno.TcpConn;
  readonly #isWebSocket: boolean;
  readonly #messages = new Kept();
  readonly #frames = new Kept();
  readonly #entry = Promise.withResolvers<void>();
  readonly #logout = Promise.withResolvers<void>();
  readonly reading: Promise<void>;
  #isClosing = false;
  #center = { x: 0, z: 0 };
  #moveNumber = 0;
  #waiting: Uint8Array[] = [];
  #isWriting = false;
  /** The last message heard; they are numbered from 1. */
  heard = 0;

  private constructor(conn: Deno.TcpConn, isWebSocket: boolean) {
    this.#conn = conn;
    this.#isWebSocket = isWebSocket;
    this.reading = this.#read();
  }

  static async connect(plan: LoadPlan, isWebSocket: boolean): Promise<Bot> {
    const port = isWebSocket ? plan.gatewayPort : plan.gamePort;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    if (isWebSocket) await upgrade(conn, port);
    return new Bot(conn, isWebSocket);
  }

  async enter(sessionToken: string): Promise<void> {
    const request = create(EnterWorldRequestSchema, { sessionToken });
    this.#send(encodeFrame(PacketType.ENTER_WORLD_REQUEST, toBinary(EnterWorldRequestSchema, request)));
    await this.#entry.promise;
  }

  /** Takes the next step on a small circle, slower than allowed. */
  move(): void {
    const angle = ++this.#moveNumber * 0.4;
    const message = create(MovementUpdateSchema, {
      position: { x: this.#center.x + Math.cos(angle), y: 0, z: this.#center.z + Math.sin(angle) },
      sequenceNumber: this.#moveNumber,
    });
    moveCount++;
    this.#send(encodeFrame(PacketType.MOVEMENT_UPDATE, toBinary(MovementUpdateSchema, message)));
  }

  say(message: string): void {
    const chat = create(ChatMessageSchema, { message });
    this.#send(encodeFrame(PacketType.CHAT_MESSAGE, toBinary(ChatMessageSchema, chat)));
  }

  async logOut(): Promise<void> {
    this.#isClosing = true;
    const request = toBinary(LogoutRequestSchema, create(LogoutRequestSchema));
    this.#send(encodeFrame(PacketType.LOGOUT_REQUEST, request));
    await this.#logout.promise;
  }

  close(): void {
    this.#isClosing = true;
    this.#conn.close();
  }

  #send(frame: Uint8Array): void {
    this.#waiting.push(this.#isWebSocket ? encodeWebSocket(frame) : frame);
    if (!this.#isWriting) void this.#write();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      for (let bytes = this.#waiting.shift(); bytes !== undefined; bytes = this.#waiting.shift()) {
        for (let start = 0; start < bytes.length;) start += await this.#conn.write(bytes.subarray(start));
      }
    } catch {
      if (!this.#isClosing) complain("write failed");
    }
    this.#isWriting = false;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    try {
      for (;;) {
        const count = await this.#conn.read(buffer);
        if (count === null) break;
        if (this.#isWebSocket) this.#takeWebSocket(buffer.subarray(0, count));
        else this.#takeStream(buffer.subarray(0, count));
      }
    } catch (error) {
      if (!this.#isClosing) complain(`read failed: ${error}`);
    }
    if (!this.#isClosing) complain("connection ended");
    this.#entry.resolve();
    this.#logout.resolve();
  }

  #takeWebSocket(bytes: Uint8Array): void {
    let rest = this.#messages.with(bytes);
    while (rest.length >= 2) {
      const short = rest[1];
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (rest.length < start) break;
      const view = new DataView(rest.buffer, rest.byteOffset);
      const length = short < 126 ? short : short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
      if (rest.length < start + length) break;
      if (rest[0] === 0x82) this.#takeStream(rest.subarray(start, start + length));
      else if (!this.#isClosing) complain(`WebSocket frame ${rest[0].toString(16)}`);
      rest = rest.subarray(start + length);
    }
    this.#messages.keep(rest);
  }

  #takeStream(bytes: Uint8Array): void {
    let rest = this.#frames.with(bytes);
    while (rest.length >= 4) {
      const length = new DataView(rest.buffer, rest.byteOffset).getUint32(0, true);
      if (rest.length < 4 + length) break;
      this.#takeBody(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
    }
    this.#frames.keep(rest);
  }

  #takeBody(body: Uint8Array): void {
    if (body[2] === SNAPSHOT_TAG[0] && body[3] === SNAPSHOT_TAG[1] && body[4] === SNAPSHOT_TAG[2]) {
      snapshotCount++;
      return;
    }
    const { header, payload } = fromBinary(PacketSchema, body);
    switch (header?.type) {
      case PacketType.CHAT_MESSAGE: {
        const number = Number(fromBinary(ChatMessageSchema, payload).message);
        if (number !== this.heard + 1) complain("message lost, doubled or out of order");
        this.heard = number;
        break;
      }
      case PacketType.ENTER_WORLD_RESPONSE: {
        const { success, errorCode, spawnPosition, mapWidth, mapHeight } = fromBinary(
          EnterWorldResponseSchema,
          payload,
        );
        if (!success) return complain(`entry refused: ${ErrorCode[errorCode]}`);
        const { x = 0, z = 0 } = spawnPosition ?? {};
        // The circle must lie on the map.
        this.#center = {
          x: Math.min(Math.max(x - 1, 1.1), mapWidth - 1.1),
          z: Math.min(Math.max(z, 1.1), mapHeight - 1.1),
        };
        entered++;
        this.#entry.resolve();
        break;
      }
      case PacketType.LOGOUT_RESPONSE:
        loggedOut++;
        this.#logout.resolve();
        break;
      case PacketType.DISCONNECT_NOTICE:
        complain(`closed: ${DisconnectReason[fromBinary(DisconnectNoticeSchema, payload).reason]}`);
        break;
      case PacketType.ERROR_RESPONSE:
        complain(`refused: ${ErrorCode[fromBinary(ErrorResponseSchema, payload).errorCode]}`);
        break;
      default:
        complain(`unexpected ${PacketType[header?.type ?? 0]}`);
    }
  }
}

async function upgrade(conn: Deno.TcpConn, port: number): Promise<void> {
  const head = `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  await conn.write(new TextEncoder().encode(head));
  const buffer = new Uint8Array(1_024);
  let text = "";
  // Nothing follows the head before something was sent.
  while (!text.endsWith("\r\n\r\n")) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("The gateway closed the connection");
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  if (!text.startsWith("HTTP/1.1 101 ")) throw new Error(`The gateway refused: ${text}`);
}

/** Runs `work` for each item, some at a time. */
async function forEach<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const runOne = async () => {
    while (next < items.length) {
      const index = next++;
      await work(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: CONNECTS_MAX }, runOne));
}

async function run(plan: LoadPlan): Promise<LoadReport> {
  const bots: Bot[] = [];
  const isWebSocket = (index: number) => index >= plan.tokens.length / 2;
  await forEach(plan.tokens, async (token, index) => {
    const bot = await Bot.connect(plan, isWebSocket(index));
    bots[index] = bot;
    await bot.enter(token);
  });
  const enteredAtOnce = entered;

  let messageCount = 0;
  const intervalMs = 1_000 / plan.movesPerSecond / MOVE_GROUPS;
  for (let turn = 0; turn < plan.movesEach * MOVE_GROUPS; turn++) {
    for (let index = turn % MOVE_GROUPS; index < bots.length; index += MOVE_GROUPS) bots[index].move();
    // One speaker, so that there is one order.
    if ((turn + 1) % (plan.movesPerMessage * MOVE_GROUPS) === 0) bots[0].say(String(++messageCount));
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
  const heardAll = () => bots.filter(({ heard }) => heard === messageCount).length;
  const deadlineMs = performance.now() + DELIVERY_PATIENCE_MS;
  while (heardAll() < bots.length && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const heard = heardAll();
  await Promise.all(bots.map(async (bot, index) => {
    if (!isWebSocket(index)) await bot.logOut();
    bot.close();
    await bot.reading;
  }));
  return { entered: enteredAtOnce, problems, moveCount, snapshotCount, messageCount, heardAll: heard, loggedOut };
}

if (import.meta.main) {
  const plan = await new Response(Deno.stdin.readable).json() as LoadPlan;
  console.log(JSON.stringify(await run(plan)));
}
