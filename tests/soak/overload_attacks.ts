/**
 * What `deno task soak:overload` throws at a server: one row an attack, each within the server's limits for one address.
 * To add one, add a row.
 *
 * @module
 */

import {
  EchoRequestSchema,
  HeartbeatRequestSchema,
  LoginRequestSchema,
  LogoutRequestSchema,
  ResumeRequestSchema,
} from "../../shared/gen/auth_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { clientHello } from "../support/client_hello.ts";
import { emptyBlocks } from "../support/empty_blocks.ts";
import { proxyHeaderV4 } from "../support/proxy_header.ts";
import { frame, packet, packetBody } from "../support/wire.ts";
import { encodeWebSocketFrame, join, OPCODE } from "../support/wire_websocket.ts";

/** What every line of an attacker begins with. */
export const ATTACK_MARK = "!";

/** One attack: what each of its connections does. */
export interface OverloadAttack {
  /** What it tries, in a few words. */
  readonly what: string;
  readonly port: "login" | "game" | "gateway";
  /** Written as soon as it is connected. */
  readonly head: Uint8Array;
  /** Written again and again; nothing if left out. */
  readonly body?: Uint8Array;
  /** How long it waits between two bodies, in milliseconds; 0: until the kernel has taken the one before. */
  readonly everyMs: number;
  /** How many bytes of the body go out at a time; all if left out. */
  readonly pieceBytes?: number;
  /** It resets the connection as soon as the head is written, and comes back. */
  readonly comesAndGoes?: boolean;
  /** Each connection is a player in the world, who says so many lines to everyone at once, and 20 a second from then on. */
  readonly linesAtOnce?: number;
  /** Flags the server is started with. */
  readonly flags?: readonly string[];
  /** What honest players begin their connections with, from the address that they are at. */
  readonly honestHead?: (address: string) => Uint8Array;
  /** The server speaks TLS, and so do honest players. The attackers write their bytes as they are, unless they do too. */
  readonly overTls?: boolean;
  /** Each piece goes as a record of its own, as often as the attackers' process can. */
  readonly speaksTls?: boolean;
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const repeat = (bytes: Uint8Array, count: number): Uint8Array => join(new Array(count).fill(bytes));
const NOTHING = new Uint8Array(0);
const HEARTBEAT = packet(HeartbeatRequestSchema, {});
const UPGRADE = text(
  "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
);
/** Field 15, a number. */
const UNKNOWN_FIELD_TAG = 15 << 3;
const PROXY = ["--proxy-protocol-from", "127.0.0.0/8"];

/** A compressed packet that takes the longest to inflate among those of `byteCount` bytes. */
function slowToInflate(type: PacketType, byteCount: number): Uint8Array {
  return frame(packetBody(type, emptyBlocks(byteCount), { isCompressed: true }));
}

/** The longest that the io worker lets through to inflating, for each type that a client may send before it is anybody. */
const SLOWEST = join(
  [PacketType.HEARTBEAT_REQUEST, PacketType.ENTER_WORLD_REQUEST, PacketType.RESUME_REQUEST].map((type) =>
    slowToInflate(type, contract.packets.row(type)!.payloadBytesMax)
  ),
);

/** All attacks by name. */
export const OVERLOAD_ATTACKS: Readonly<Record<string, OverloadAttack>> = {
  http: {
    what: "100 GET / in one write, again when closed",
    port: "gateway",
    head: repeat(text("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 100),
    everyMs: 0,
  },
  inflate: {
    what: "two heartbeats of 65 KB that inflate to nothing, each second",
    port: "game",
    head: HEARTBEAT,
    body: repeat(slowToInflate(PacketType.HEARTBEAT_REQUEST, 65_000), 2),
    everyMs: 1_000,
  },
  slowest: {
    what: "the packets slowest to inflate that are let through, 20 times a second",
    port: "game",
    head: HEARTBEAT,
    body: SLOWEST,
    everyMs: 50,
  },
  pings: {
    what: "empty WebSocket pings as fast as they are taken",
    port: "gateway",
    head: UPGRADE,
    body: repeat(encodeWebSocketFrame({ opcode: OPCODE.PING, payload: NOTHING }), 10_000),
    everyMs: 0,
  },
  fragments: {
    what: "empty WebSocket fragments as fast as they are taken",
    port: "gateway",
    head: join([UPGRADE, encodeWebSocketFrame({ opcode: OPCODE.BINARY, payload: NOTHING, fin: false })]),
    body: repeat(encodeWebSocketFrame({ opcode: OPCODE.CONTINUATION, payload: NOTHING, fin: false }), 10_000),
    everyMs: 0,
  },
  envelopes: {
    what: "packets of 65 KB of nothing but fields that nobody knows, 20 times a second",
    port: "game",
    head: HEARTBEAT,
    body: frame(new Uint8Array(65_000).map((_, index) => index % 2 === 0 ? UNKNOWN_FIELD_TAG : 0)),
    everyMs: 50,
  },
  places: {
    what: "places on the login port held by heartbeats; from three addresses on they are all there are",
    port: "login",
    head: HEARTBEAT,
    body: HEARTBEAT,
    everyMs: 5_000,
  },
  heads: {
    what: "heads of requests that go on by a byte a second; from five addresses on they are all that are served",
    port: "gateway",
    head: text("GET / HTTP/1.1\r\nHost: a\r\nX: "),
    body: text("x"),
    everyMs: 1_000,
  },
  bytes: {
    what: "heartbeats, one byte a write, 100 a second",
    port: "game",
    head: HEARTBEAT,
    body: HEARTBEAT,
    pieceBytes: 1,
    everyMs: 10,
  },
  heartbeats: {
    what: "heartbeats as often as one connection may, in bursts",
    port: "game",
    head: HEARTBEAT,
    body: repeat(HEARTBEAT, 95),
    everyMs: 1_000,
  },
  echo: {
    what: "echoes of one byte as fast as they are taken, diagnostics on",
    port: "game",
    head: HEARTBEAT,
    body: repeat(packet(EchoRequestSchema, { data: new Uint8Array(1) }), 2_000),
    everyMs: 0,
    flags: ["--diagnostics", "on"],
  },
  upgrades: { what: "an upgrade, a reset, again", port: "gateway", head: UPGRADE, everyMs: 0, comesAndGoes: true },
  connects: { what: "a connection, a reset, again", port: "login", head: NOTHING, everyMs: 0, comesAndGoes: true },
  resumes: {
    what: "a resume with a wrong token, a reset, again",
    port: "game",
    head: packet(ResumeRequestSchema, { resumeToken: "no such token", lastSequence: 0n }),
    everyMs: 0,
    comesAndGoes: true,
  },
  entries: {
    what: "an entry with a wrong token, and a logout, a reset, again",
    port: "game",
    head: join([packet(EnterWorldRequestSchema, { sessionToken: "x".repeat(2_000) }), packet(LogoutRequestSchema, {})]),
    everyMs: 0,
    comesAndGoes: true,
  },
  logins: {
    what: "a login at a name that is not there, a reset, again",
    port: "login",
    head: packet(LoginRequestSchema, { username: "Nobody", passwordHash: "ab".repeat(32) }),
    everyMs: 0,
    comesAndGoes: true,
  },
  handshakes: {
    what: "the begin of a TLS handshake, a reset, again",
    port: "game",
    head: clientHello(),
    everyMs: 0,
    comesAndGoes: true,
    overTls: true,
  },
  records: {
    what: "heartbeats in TLS records of one byte, as fast as they are taken",
    port: "game",
    head: HEARTBEAT,
    body: HEARTBEAT,
    pieceBytes: 1,
    everyMs: 0,
    overTls: true,
    speaksTls: true,
  },
  chat: {
    what: "players who say 98 lines to everyone at once, and 20 a second from then on",
    port: "game",
    head: NOTHING,
    everyMs: 50,
    linesAtOnce: 98,
  },
  proxy: {
    what: "a PROXY header and ten heartbeats, a reset, again",
    port: "game",
    head: join([proxyHeaderV4("198.51.100.7"), repeat(HEARTBEAT, 10)]),
    everyMs: 0,
    comesAndGoes: true,
    flags: PROXY,
    honestHead: proxyHeaderV4,
  },
};
