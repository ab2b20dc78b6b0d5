/**
 * What an io worker is paid for that is no packet: HTTP requests, WebSocket frames, bytes read and inflated. Each with the
 * worst content the limits allow; what it was charged for is set against what it took. The kernel's calls, which the
 * charge for a read is for, are left out.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { type App, createApp } from "../gateway/app.ts";
import { Opcode } from "../gateway/websocket.ts";
import { loadWebAssets } from "../server/process/web_assets.ts";
import { compressedBytesMax } from "../server/io/inflate.ts";
import { contract, PacketType } from "../games/marsh/contract.ts";
import { EchoRequestSchema } from "../shared/gen/auth_pb.ts";
import {
  ENVELOPE_FIELDS_MAX,
  HTTP_HEAD_BYTES_MAX,
  WEBSOCKET_CONTROL_BYTES_MAX,
  WEBSOCKET_FRAMES_PER_SERVICE_MAX,
  WORK_ACCEPT_US,
} from "../shared/limits.ts";
import { type ClientFrame, clientFrame, concatenate, utf8 } from "../tests/gateway/frames.ts";
import { FakeSocket, IoFixture, packetFrame, type Peer, upgrade } from "../tests/io/io_fixture.ts";
import { frameOf } from "../tests/shared/frames.ts";
import { emptyBlocks } from "../tests/support/empty_blocks.ts";
import { processorMs } from "./processor_time.ts";

/** One line of the table. */
export interface WorkRow {
  readonly name: string;
  /** Microseconds that one was charged for. */
  readonly chargedUs: number;
  /** Microseconds that it took. */
  readonly tookUs: number;
}

/** The page of the game. */
export const WEB = new URL("../games/marsh/web/", import.meta.url);

/** Something a peer can have an io worker do. */
interface Work {
  readonly name: string;
  readonly port: "game" | "gateway";
  /** It follows the upgrade to a WebSocket. */
  readonly isWebSocket?: boolean;
  /** What the peer writes at once. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Items of the row in these bytes. */
  readonly count: number;
}

/** A request with so long a head as there may be, if told. */
function request(target: string, fields = "", { isLong = false } = {}): Uint8Array<ArrayBuffer> {
  const head = `GET ${target} HTTP/1.1\r\nHost: gateway\r\n${fields}`;
  return utf8(`${head}${isLong ? `X: ${"x".repeat(HTTP_HEAD_BYTES_MAX - head.length - 7)}\r\n` : ""}\r\n`);
}

const UPGRADE = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** Paths of the gateway that are no assets. */
const PATHS = ["/healthz", "/ws", `/ws/check?origin=http://${"a".repeat(60)}`, "/echo", "/nothing"];

/** Every frame that a client can send, and those of no content: nothing else costs as much for its bytes. */
const FRAMES: readonly (readonly [string, readonly ClientFrame[]])[] = [
  ["BINARY", [{ opcode: Opcode.BINARY }]],
  ["CONTINUATION", [{ opcode: Opcode.BINARY, isFinal: false }, { opcode: Opcode.CONTINUATION }]],
  ["TEXT, refused", [{ opcode: Opcode.TEXT }]],
  ["CLOSE", [{ opcode: Opcode.CLOSE }]],
  ["PING", [{ opcode: Opcode.PING }]],
  ["PING of the largest size", [{ opcode: Opcode.PING, payload: new Uint8Array(WEBSOCKET_CONTROL_BYTES_MAX) }]],
  ["PONG", [{ opcode: Opcode.PONG }]],
];
/** After one of these the connection closes. */
const LAST: readonly number[] = [Opcode.TEXT, Opcode.CLOSE];

function httpWork(assets: Iterable<string>): Work[] {
  const one = { port: "gateway", count: 1 } as const;
  return [
    ...["/", ...assets, ...PATHS].map((path) => ({ ...one, name: `GET ${path.split("?")[0]}`, bytes: request(path) })),
    { ...one, name: "GET / with the longest head", bytes: request("/", "", { isLong: true }) },
    {
      ...one,
      name: "GET / with the most entity tags",
      bytes: request("/", `If-None-Match: ${'"",'.repeat((HTTP_HEAD_BYTES_MAX - 100) / 3)}\r\n`),
    },
    { ...one, name: "GET /ws, upgraded", bytes: request("/ws", UPGRADE) },
    { ...one, name: "GET /echo, upgraded", bytes: request("/echo", UPGRADE) },
  ];
}

function webSocketWork(): Work[] {
  return FRAMES.map(([name, frames]) => {
    const count = LAST.includes(frames[0].opcode) ? 1 : WEBSOCKET_FRAMES_PER_SERVICE_MAX / frames.length;
    const bytes = concatenate(...Array.from({ length: count }, () => frames.map(clientFrame)).flat());
    return { name: `WebSocket ${name}`, port: "gateway", isWebSocket: true, bytes, count: count * frames.length };
  });
}

/** The longest payloads that are inflated, of blocks that hold nothing but their own Huffman codes. */
function inflateWork(): Work[] {
  return contract.packets.rows.filter(({ type }) =>
    type === PacketType.HEARTBEAT_REQUEST || type === PacketType.ECHO_REQUEST
  )
    .map(({ name, payloadBytesMax, type }) => {
      const payload = emptyBlocks(Math.min(compressedBytesMax(payloadBytesMax), 65_000));
      const bytes = packetFrame({ type, isCompressed: true, payload });
      return { name: `Compressed ${name}, nothing in it`, port: "game", bytes, count: 1 };
    });
}

/** Everything that is metered in microseconds. */
function allWork(assets: Iterable<string>): Work[] {
  const read: Work = { name: "A read of one byte", port: "game", bytes: new Uint8Array([1]), count: 1 };
  const newcomer: Work = { name: "A connection, opened and closed", port: "game", bytes: new Uint8Array(0), count: 1 };
  const payload = toBinary(EchoRequestSchema, create(EchoRequestSchema, { data: new Uint8Array(60_000) }));
  const echo: Work = {
    name: "ECHO_REQUEST of 60,000 bytes",
    port: "game",
    bytes: packetFrame({ type: PacketType.ECHO_REQUEST, payload }),
    count: 1,
  };
  // More fields end the connection; a packet that is refused costs no token.
  const envelope: Work = {
    name: "A packet with as many fields as it may have",
    port: "game",
    bytes: frameOf(new Uint8Array(2 * ENVELOPE_FIELDS_MAX).map((_, index) => index % 2 === 0 ? 0x78 : 0)),
    count: 1,
  };
  return [newcomer, read, echo, envelope, ...httpWork(assets), ...webSocketWork(), ...inflateWork()];
}

/** Adds up the charges of a connection instead of collecting them: one in debt would have to wait. */
function addUpCharges({ connection }: Peer): () => number {
  let us = 0;
  connection.reader.charge = (charge) => void (us += charge);
  return () => us;
}

/** Lets everything be done that was asked for. */
async function settle({ worker }: IoFixture): Promise<void> {
  worker.onRound();
  while (worker.pendingPromises > 0) {
    await new Promise((resolve) => setImmediate(resolve));
    worker.onRound();
  }
  worker.onRound();
}

async function measureOne(fixture: IoFixture, { bytes, count, isWebSocket, name, port }: Work): Promise<WorkRow> {
  const socket = new FakeSocket();
  const isNewcomer = bytes.length === 0;
  let startMs = processorMs();
  const peer = fixture.tryConnect(port, socket)!;
  if (isWebSocket === true) upgrade(peer);
  const chargedUs = addUpCharges(peer);
  if (!isNewcomer) {
    startMs = processorMs();
    peer.handler.onBytes(bytes.slice(), 0, bytes.length);
    await settle(fixture);
  } else {
    peer.connection.closeSocket();
  }
  const tookUs = (processorMs() - startMs) * 1_000;
  peer.connection.closeSocket();
  await settle(fixture);
  fixture.takeRecords();
  return { name, chargedUs: (isNewcomer ? WORK_ACCEPT_US : chargedUs()) / count, tookUs: tookUs / count };
}

/** Prices all work that is no packet: the median of so many items of each kind. */
export async function measureWork({ items }: { items: number }): Promise<WorkRow[]> {
  const assets = await loadWebAssets(WEB);
  const app: App = createApp({ assets, ready: () => true });
  const rows: WorkRow[] = [];
  for (const work of allWork(assets.keys())) {
    const fixture = new IoFixture({ app, config: { diagnostics: true } });
    const measured: WorkRow[] = [];
    for (let item = 0; item < items; item++) measured.push(await measureOne(fixture, work));
    rows.push(measured.toSorted((one, other) => one.tookUs - other.tookUs)[measured.length >> 1]);
  }
  return rows;
}
