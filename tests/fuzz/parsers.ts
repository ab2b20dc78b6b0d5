/**
 * Whatever else reads a peer's or an operator's bytes: each may throw one kind of error and nothing else.
 *
 * @module
 */

import { contract } from "../../games/marsh/contract.ts";
import { deflateRawSync } from "node:zlib";
import { HttpError, HttpHeadParser, toRequest, upgradeDecision } from "../../gateway/http.ts";
import { WebSocketDecoder, WebSocketError, type WebSocketSink } from "../../gateway/websocket.ts";
import { loadConfig } from "../../server/config/config.ts";
import { AddressRanges, parseIpAddress } from "../../server/base/ip_address.ts";
import { flagOf, OPTION_KEYS } from "../../server/config/schema.ts";
import { checkGameData } from "../../games/marsh/data/game_data.ts";
import { ECHO_UNUSUAL, parseEcho, parseHeartbeat, scanEcho } from "../../server/io/diagnostics.ts";
import { inflatePayload } from "../../server/io/inflate.ts";
import { readForwarded } from "../../server/io/forwarded_header.ts";
import { readProxyHeader } from "../../server/io/proxy_header.ts";
import { MovementReader } from "../../server/session/movement_reader.ts";
import { assert as hold, ConfigError, ProtocolError } from "../../shared/errors.ts";
import {
  DECOMPRESSED_BYTES_MAX,
  ECHO_PAYLOAD_BYTES_MAX,
  MESSAGE_FIELDS_MAX,
  WEBSOCKET_MESSAGE_BYTES_MAX,
} from "../../shared/limits.ts";
import { isMessageWithin } from "../../shared/message_scan.ts";
import { clientFrame, concatenate, utf8 } from "../gateway/frames.ts";
import { proxyHeader, proxyHeaderV4 } from "../support/proxy_header.ts";
import type { CheapChance } from "./chance.ts";
import { bend, CLIENT_ROWS, randomMessage } from "./messages.ts";

/** One parser: reads one input that chance makes. */
export type ParserFuzz = (chance: CheapChance) => void;

/** Calls a parser that may throw errors of one class. */
function expectOnly<E extends Error>(kind: new (...args: never[]) => E, parse: () => void): void {
  try {
    parse();
  } catch (error) {
    if (!(error instanceof kind)) throw error;
  }
}

/** Bends text some times. */
function bendText(chance: CheapChance, text: string, pieces: readonly string[]): string {
  for (let edits = chance.below(4); edits > 0; edits--) {
    const at = chance.below(text.length + 1);
    const piece = chance.oneIn(2) ? chance.pick(pieces) : String.fromCharCode(chance.below(256));
    text = text.slice(0, at) + piece + text.slice(at + chance.below(4));
  }
  return text;
}

const OPCODES = [0, 1, 2, 8, 9, 10, 3, 15];
const TEXT_MODES = ["refuse", "accept"] as const;

class CountingSink implements WebSocketSink {
  byteCount = 0;
  onMessageStart(): void {}
  onMessageEnd(): void {}
  onData(_bytes: Uint8Array, start: number, end: number): void {
    hold(start <= end, "Data ends before it starts");
    this.byteCount += end - start;
  }
  onPing(): void {}
  onPong(): void {}
  onClose(code: number): void {
    hold(code >= 1_000 && code < 5_000, `Close code ${code}`);
  }
}

function fuzzWebSocket(chance: CheapChance): void {
  const frames: Uint8Array[] = [];
  for (let count = 1 + chance.below(5); count > 0; count--) {
    const opcode = chance.oneIn(3) ? chance.pick(OPCODES) : 2;
    frames.push(
      clientFrame({
        opcode,
        payload: chance.bytes(chance.below(chance.oneIn(4) ? 400 : 40)),
        isFinal: !chance.oneIn(4),
      }),
    );
  }
  const whole = concatenate(...frames);
  const bytes = chance.oneIn(2) ? bend(chance, whole) : whole;
  const sink = new CountingSink();
  const decoder = new WebSocketDecoder(sink, {
    messageBytesMax: WEBSOCKET_MESSAGE_BYTES_MAX,
    text: chance.pick(TEXT_MODES),
  });
  const cut = chance.below(bytes.length + 1);
  expectOnly(WebSocketError, () => {
    decoder.push(bytes, 0, cut);
    decoder.push(bytes, cut, bytes.length);
  });
  hold(sink.byteCount <= bytes.length, "More came out than went in");
}

const HEAD = "GET /a?b HTTP/1.1\r\nHost: x:1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://x:1\r\n\r\n";
const HEAD_PIECES = [
  "\r\n",
  "\r",
  "\n",
  " ",
  "\t",
  ":",
  "\0",
  "Host: y\r\n",
  "Transfer-Encoding: chunked\r\n",
  "HTTP/1.0",
  "//",
];

function fuzzHttp(chance: CheapChance): void {
  const bytes = utf8(bendText(chance, HEAD.repeat(1 + chance.below(2)), HEAD_PIECES));
  expectOnly(HttpError, () => {
    const parser = new HttpHeadParser();
    for (let at = 0; at < bytes.length;) {
      at += parser.push(bytes, at, Math.min(bytes.length, at + 1 + chance.below(300)));
      if (parser.head === undefined) continue;
      toRequest(parser.head, "http://gateway");
      upgradeDecision(parser.head, { allowedOrigins: [] });
      if (!parser.head.keepAlive) return;
      parser.next();
    }
  });
}

function fuzzInflate(chance: CheapChance): void {
  const plain = chance.oneIn(50)
    ? new Uint8Array(DECOMPRESSED_BYTES_MAX + chance.below(3))
    : chance.bytes(chance.below(300));
  const deflated = new Uint8Array(deflateRawSync(plain));
  expectOnly(ProtocolError, () => {
    const bytesMax = chance.pick([256, 4_096, ECHO_PAYLOAD_BYTES_MAX]);
    const inflated = inflatePayload(chance.oneIn(4) ? deflated : bend(chance, deflated), bytesMax);
    hold(typeof inflated === "string" || inflated.length <= bytesMax, "Inflated too far");
  });
}

const PROXIES = new AddressRanges(["10.0.0.0/8"]);
const HOPS = [
  ...["192.0.2.1", "10.1.2.3", "10.1.2.3:80", "[2001:db8::1]:4711", "2001:db8::1", "unknown", "_hidden", '"', "\\"],
  ...['for="[2001:db8::1]"', "for=10.0.0.9;proto=https", "For=192.0.2.9", 'by="x,y;z"', ";", ",", ", ", "=", "\t", ""],
];

function fuzzForwarded(chance: CheapChance): void {
  const value = () => {
    const hops = Array.from({ length: chance.below(chance.oneIn(20) ? 60 : 5) }, () => chance.pick(HOPS));
    return bendText(chance, hops.join(chance.pick([",", ", ", ";"])), HOPS);
  };
  const headers = new Map<string, string>();
  if (!chance.oneIn(3)) headers.set("x-forwarded-for", value());
  if (!chance.oneIn(3)) headers.set("forwarded", value());
  expectOnly(HttpError, () => {
    const client = readForwarded(headers, PROXIES);
    hold(client === null || parseIpAddress(client) !== null, `A client is no address: ${client}`);
  });
}

function fuzzProxy(chance: CheapChance): void {
  const right = chance.oneIn(3)
    ? utf8("PROXY TCP4 192.0.2.1 203.0.113.80 50000 8081\r\n")
    : chance.oneIn(2)
    ? proxyHeaderV4("192.0.2.1")
    : proxyHeader({ family: chance.pick([0x21, 0x11, 0x31, 0]), body: chance.bytes(chance.below(300)) });
  const bytes = bend(chance, concatenate(right, chance.bytes(chance.below(20))));
  expectOnly(ProtocolError, () => {
    const header = readProxyHeader(bytes);
    hold(header === null || header.headerBytes <= bytes.length, "A header is longer than its bytes");
  });
}

const VALUES = [
  "",
  "on",
  "0",
  "-1",
  "1e9",
  "65536",
  "10.0.0.0/8",
  "::/0",
  "a\0b",
  "https://a.example",
  "x".repeat(300),
  "{}",
];

function fuzzConfig(chance: CheapChance): void {
  const args: string[] = [];
  const file: Record<string, unknown> = {};
  for (let count = chance.below(5); count > 0; count--) {
    const key = chance.pick(OPTION_KEYS);
    args.push(bendText(chance, flagOf(key), ["--", "=", "-"]), chance.pick(VALUES));
    file[chance.pick([key, "__proto__", "constructor"])] = chance.pick([
      ...VALUES,
      7,
      null,
      [],
      { a: 1 },
      ["::1"],
      true,
    ]);
  }
  const text = bendText(chance, JSON.stringify(file), ["{", "}", '"', ",", "null", "[".repeat(50)]);
  const env = { DRAWBRIDGE_CONFIG: chance.oneIn(2) ? "f" : "", DRAWBRIDGE_TICK_MS: chance.pick(VALUES) };
  const readTextFile = (path: string) => {
    if (path !== "f") throw new Deno.errors.NotFound(path);
    return text;
  };
  expectOnly(ConfigError, () => {
    loadConfig({ args, env, readTextFile, platform: { os: "linux", cores: 2 } });
  });
}

const [MAPS, MONSTERS] = ["maps", "monsters"].map((name) =>
  Deno.readTextFileSync(new URL(`../../games/marsh/data/${name}.json`, import.meta.url))
);

function fuzzGameData(chance: CheapChance): void {
  const pieces = ["-1", "1e999", '""', "null", "[]", "{}", ","];
  let files: unknown[];
  try {
    files = [MAPS, MONSTERS].map((text) => JSON.parse(chance.oneIn(2) ? text : bendText(chance, text, pieces)));
  } catch {
    return;
  }
  expectOnly(ConfigError, () => {
    checkGameData(files[0], files[1]);
  });
}

const reader = new MovementReader();

function fuzzMessages(chance: CheapChance): void {
  const message = bend(chance, randomMessage(chance, contract.schemaOf(chance.pick(CLIENT_ROWS).type)!));
  parseHeartbeat(message);
  const echo = parseEcho(message);
  if (scanEcho(message, 0, message.length) !== ECHO_UNUSUAL) hold(echo !== null, "An echo in the usual form is none");
  isMessageWithin(message, 0, message.length, MESSAGE_FIELDS_MAX);
  reader.tryRead(message, 0, message.length);
}

/** The parsers by name. */
export const PARSERS: ReadonlyMap<string, ParserFuzz> = new Map([
  ["WebSocketDecoder", fuzzWebSocket],
  ["HttpHeadParser", fuzzHttp],
  ["inflatePayload()", fuzzInflate],
  ["readProxyHeader()", fuzzProxy],
  ["readForwarded()", fuzzForwarded],
  ["loadConfig()", fuzzConfig],
  ["checkGameData()", fuzzGameData],
  ["parseEcho() and the like", fuzzMessages],
]);
