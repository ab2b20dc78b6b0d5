/**
 * The sections of the Autobahn test suite that need no extension, as tables: what a client sends, what must come back.
 * Each case runs whole, in pieces of 997 bytes and, where it is small, byte by byte.
 *
 * @module
 */

import { EchoSession } from "../../gateway/echo.ts";
import { ECHO_MESSAGE_BYTES_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import {
  clientClose,
  clientFrame,
  clientHeader,
  concatenate,
  pushInPieces,
  readServerFrames,
  type ServerFrame,
  utf8,
} from "./frames.ts";

/** What came back: every frame, and whether the session closed its socket, once and last. */
interface Echoed {
  readonly frames: ServerFrame[];
  readonly isClosed: boolean;
}

function echo(stream: Uint8Array, pieceBytes: number): Echoed {
  const sent: Uint8Array[] = [];
  let closeCount = 0;
  const session = new EchoSession({
    send(bytes) {
      assertEquals(closeCount, 0, "Sent after closing");
      sent.push(bytes);
    },
    close: () => void closeCount++,
  });
  pushInPieces(session.push.bind(session), stream, pieceBytes);
  assert(closeCount < 2, "Closed twice");
  return { frames: readServerFrames(concatenate(...sent)), isClosed: closeCount === 1 };
}

interface Case {
  readonly name: string;
  /** The client's frames; a close 1000 of its own is added when none is here and `failsWith` is not given. */
  readonly send: readonly Uint8Array[];
  readonly expect?: readonly ServerFrame[];
  /** The session closes by itself with this code. */
  readonly failsWith?: number;
  /** What answers a close among `send`: its code, 1005 for none. */
  readonly closesWith?: number;
}

const text = (payload: string): ServerFrame => ({ opcode: 1, payload: utf8(payload) });
const binary = (payload: Uint8Array): ServerFrame => ({ opcode: 2, payload });
const pong = (payload: string): ServerFrame => ({ opcode: 10, payload: utf8(payload) });

const sendText = (payload: string | Uint8Array) => clientFrame({ opcode: 1, payload });
const sendPing = (payload: string | Uint8Array) => clientFrame({ opcode: 9, payload });
const first = (payload: string | Uint8Array, opcode = 1) => clientFrame({ opcode, payload, isFinal: false });
const middle = (payload: string | Uint8Array) => clientFrame({ opcode: 0, payload, isFinal: false });
const last = (payload: string | Uint8Array) => clientFrame({ opcode: 0, payload });

function runCase({ name, send, expect = [], failsWith, closesWith }: Case): void {
  const needsClose = failsWith === undefined && closesWith === undefined;
  const stream = concatenate(...send, ...(needsClose ? [clientClose(1000)] : []));
  const closeCode = failsWith ?? closesWith ?? 1000;
  for (const pieceBytes of [stream.length, 997, ...(stream.length < 70_000 ? [1] : [])]) {
    const { frames, isClosed } = echo(stream, pieceBytes);
    const where = `${name}, in pieces of ${pieceBytes} bytes`;
    assertEquals(frames.slice(0, -1), [...expect], where);
    const close = frames.at(-1);
    assertEquals(close?.opcode, 8, where);
    const [high, low] = close?.payload ?? [];
    assertEquals(high === undefined ? 1005 : high << 8 | low, closeCode, where);
    assert(isClosed, where);
  }
}

function section(claim: string, cases: readonly Case[]): void {
  Deno.test(`EchoSession.push() ${claim}`, () => cases.forEach(runCase));
}

const SIZES = [0, 125, 126, 127, 128, 65_535, 65_536];

section("echoes text and binary of every length form (1.x)", [
  ...SIZES.map((size) => ({
    name: `1.1 text of ${size}`,
    send: [sendText("*".repeat(size))],
    expect: [text("*".repeat(size))],
  })),
  ...SIZES.map((size) => ({
    name: `1.2 binary of ${size}`,
    send: [clientFrame({ opcode: 2, payload: new Uint8Array(size).fill(0xfe) })],
    expect: [binary(new Uint8Array(size).fill(0xfe))],
  })),
]);

const pings = Array.from({ length: 10 }, (_, index) => `payload-${index}`);
const allBytes = new Uint8Array(125).map((_, index) => 255 - index);

section("answers pings with their payload, ignores pongs (2.x)", [
  { name: "2.1 empty ping", send: [sendPing("")], expect: [pong("")] },
  { name: "2.2 ping with text", send: [sendPing("Hello, world!")], expect: [pong("Hello, world!")] },
  {
    name: "2.3 ping with bytes that are no text",
    send: [sendPing(Uint8Array.fromHex("00fffefdfcfb00ff"))],
    expect: [{ opcode: 10, payload: Uint8Array.fromHex("00fffefdfcfb00ff") }],
  },
  { name: "2.4 ping of 125", send: [sendPing(allBytes)], expect: [{ opcode: 10, payload: allBytes }] },
  { name: "2.5 ping of 126", send: [sendPing(new Uint8Array(126).fill(0xfe))], failsWith: 1002 },
  { name: "2.7 unasked empty pong", send: [clientFrame({ opcode: 10 })] },
  { name: "2.8 unasked pong", send: [clientFrame({ opcode: 10, payload: "unsolicited" })] },
  {
    name: "2.9 unasked pong, then ping",
    send: [clientFrame({ opcode: 10, payload: "unsolicited" }), sendPing("ping")],
    expect: [pong("ping")],
  },
  { name: "2.10 ten pings", send: pings.map(sendPing), expect: pings.map(pong) },
]);

section("fails on reserved bits, after what came before (3.x)", [
  { name: "3.1", send: [clientFrame({ opcode: 1, payload: "Hello", reserved: 1 })], failsWith: 1002 },
  {
    name: "3.2",
    send: [sendText("Hello"), clientFrame({ opcode: 1, payload: "Hello", reserved: 2 }), sendPing("")],
    expect: [text("Hello")],
    failsWith: 1002,
  },
  {
    name: "3.4",
    send: [sendText("Hello"), clientFrame({ opcode: 1, payload: "Hello", reserved: 4 }), sendPing("")],
    expect: [text("Hello")],
    failsWith: 1002,
  },
  {
    name: "3.5",
    send: [clientFrame({ opcode: 2, payload: Uint8Array.fromHex("00fffe"), reserved: 5 })],
    failsWith: 1002,
  },
  { name: "3.6", send: [clientFrame({ opcode: 9, payload: "Hello", reserved: 6 })], failsWith: 1002 },
  { name: "3.7", send: [clientFrame({ opcode: 8, reserved: 7 })], failsWith: 1002 },
]);

section(
  "fails on reserved opcodes, after what came before (4.x)",
  [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
    { name: `4 opcode ${opcode}`, send: [clientFrame({ opcode })], failsWith: 1002 },
    {
      name: `4 opcode ${opcode} between`,
      send: [sendText("Hello"), clientFrame({ opcode, payload: "reserved" }), sendPing("")],
      expect: [text("Hello")],
      failsWith: 1002,
    },
  ]),
);

section("puts fragments together, control frames between them (5.x)", [
  { name: "5.1 ping in two", send: [first("frag", 9), last("ment")], failsWith: 1002 },
  { name: "5.2 pong in two", send: [first("frag", 10), last("ment")], failsWith: 1002 },
  { name: "5.3 text in two", send: [first("frag"), last("ment")], expect: [text("fragment")] },
  {
    name: "5.6 ping between",
    send: [first("frag"), sendPing("ping"), last("ment")],
    expect: [pong("ping"), text("fragment")],
  },
  { name: "5.9 continuation of nothing", send: [last("continued"), sendText("Hello")], failsWith: 1002 },
  { name: "5.12 open continuation of nothing", send: [middle("continued"), sendText("Hello")], failsWith: 1002 },
  {
    name: "5.15 continuation after the end",
    send: [first("frag"), last("ment"), middle("again"), sendText("Hello")],
    expect: [text("fragment")],
    failsWith: 1002,
  },
  { name: "5.18 text inside text", send: [first("fragment1"), sendText("fragment2")], failsWith: 1002 },
  {
    name: "5.19 five fragments, pings between",
    send: [first("1"), middle("2"), sendPing("a"), middle("3"), middle("4"), sendPing("b"), last("5")],
    expect: [pong("a"), pong("b"), text("12345")],
  },
  { name: "6.1.2 three empty fragments", send: [first(""), middle(""), last("")], expect: [text("")] },
  { name: "6.1.3 text between empty fragments", send: [first(""), middle("mid"), last("")], expect: [text("mid")] },
  {
    name: "binary in three",
    send: [first("a", 2), middle(""), last("b")],
    expect: [binary(utf8("ab"))],
  },
]);

const VALID_TEXTS = [
  "",
  "κόσμε",
  "Hello-µ@ßöäüàá-UTF-8!!",
  "\u0000",
  "\u007f",
  "\u0080",
  "\u07ff",
  "\u0800",
  "\ud7ff",
  "\ue000",
  "\ufffd",
  "\uffff",
  "\ufffe",
  "\ufeffkeeps its byte order mark",
  "\u{10000}",
  "\u{1fffe}",
  "\u{10ffff}",
  "𝄞𠀋",
];

/** Hexadecimal, by the suite's subsection; none is UTF-8. */
const INVALID_TEXTS: readonly [string, string][] = [
  ["6.3 text with a surrogate", "cebae1bdb9cf83cebceda080656469746564"],
  ["6.8 lone first byte of two", "ce"],
  ["6.8 two of three", "e1bd"],
  ["6.8 after a whole letter", "cebae1"],
  ["6.10 above U+10FFFF", "f4908080"],
  ["6.10 five bytes", "f888808080"],
  ["6.10 six bytes", "fc8480808080"],
  ["6.11 five bytes, U+200000", "f888808080"],
  ["6.12 above U+10FFFF, F7", "f7bfbfbf"],
  ["6.12 five bytes, largest", "fbbfbfbfbf"],
  ["6.12 six bytes, largest", "fdbfbfbfbfbf"],
  ["6.14 lone 80", "80"],
  ["6.14 lone BF", "bf"],
  ["6.14 seven continuations", "80bf80bf80bf80"],
  ["6.14 all continuations", Array.from({ length: 64 }, (_, index) => (0x80 + index).toString(16)).join("")],
  ["6.15 lone first bytes, spaced", "c020c120c220c320"],
  ["6.15 first bytes of three, spaced", "e020e120e220"],
  ["6.15 first bytes of four, spaced", "f020f120f220"],
  ["6.16 last byte missing, two", "c0"],
  ["6.16 last byte missing, three", "e080"],
  ["6.16 last byte missing, four", "f08080"],
  ["6.16 last byte missing, EF", "efbf"],
  ["6.16 last byte missing, F7", "f7bfbf"],
  ["6.17 all of them", "c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf"],
  ["6.18 FE", "fe"],
  ["6.18 FF", "ff"],
  ["6.18 FE FE FF FF", "fefeffff"],
  ["6.19 overlong slash, two", "c0af"],
  ["6.19 overlong slash, three", "e080af"],
  ["6.19 overlong slash, four", "f08080af"],
  ["6.19 overlong slash, five", "f8808080af"],
  ["6.19 overlong slash, six", "fc80808080af"],
  ["6.20 largest overlong, two", "c1bf"],
  ["6.20 largest overlong, three", "e09fbf"],
  ["6.20 largest overlong, four", "f08fbfbf"],
  ["6.21 overlong NUL, two", "c080"],
  ["6.21 overlong NUL, three", "e08080"],
  ["6.21 overlong NUL, four", "f0808080"],
  ["6.22 surrogate D800", "eda080"],
  ["6.22 surrogate DB7F", "edadbf"],
  ["6.22 surrogate DC00", "edb080"],
  ["6.22 surrogate DFFF", "edbfbf"],
  ["6.23 pair of surrogates", "eda080edb080"],
  ["6.23 last pair of surrogates", "edafbfedbfbf"],
];

section("echoes every valid text, whole and in fragments of one byte (6.x)", [
  ...VALID_TEXTS.map((payload) => ({ name: `6 ${payload}`, send: [sendText(payload)], expect: [text(payload)] })),
  ...VALID_TEXTS.map((payload) => ({
    name: `6.2 ${payload} in fragments`,
    send: [first(""), ...Array.from(utf8(payload), (byte) => middle(new Uint8Array([byte]))), last("")],
    expect: [text(payload)],
  })),
]);

section("fails with 1007 on text that is not UTF-8 (6.x)", [
  ...INVALID_TEXTS.map(([name, hex]) => ({ name, send: [sendText(Uint8Array.fromHex(hex))], failsWith: 1007 })),
  ...INVALID_TEXTS.map(([name, hex]) => ({
    name: `${name}, in fragments`,
    send: [
      ...Array.from(
        Uint8Array.fromHex(hex),
        (byte, index) => clientFrame({ opcode: index === 0 ? 1 : 0, payload: new Uint8Array([byte]), isFinal: false }),
      ),
      last(""),
    ],
    failsWith: 1007,
  })),
  // Fails before the rest of the message or of the frame is there.
  {
    name: "6.4.1 fragment with a bad middle, no last one",
    send: [first("κόσμε"), middle(Uint8Array.fromHex("f4908080"))],
    failsWith: 1007,
  },
  {
    name: "6.4.2 first bad byte",
    send: [first(concatenate(utf8("κόσμε"), Uint8Array.fromHex("f490")))],
    failsWith: 1007,
  },
  {
    name: "6.4.3 inside one frame",
    send: [clientHeader({ opcode: 1, mask: [0, 0, 0, 0] }, 40), utf8("κόσμε"), Uint8Array.fromHex("f490")],
    failsWith: 1007,
  },
]);

section("shakes hands on closing and ignores what follows (7.x)", [
  { name: "7.1.1 message, close", send: [sendText("Hello World!")], expect: [text("Hello World!")] },
  { name: "7.1.2 two closes", send: [clientClose(1000), clientClose(1000)], closesWith: 1000 },
  { name: "7.1.3 ping after close", send: [clientClose(1000), sendPing("")], closesWith: 1000 },
  { name: "7.1.4 text after close", send: [clientClose(1000), sendText("late")], closesWith: 1000 },
  { name: "7.1.5 close inside a message", send: [first("frag"), clientClose(1000), last("ment")], closesWith: 1000 },
  {
    name: "7.1.6 close after 256 KiB",
    send: [sendText("BAsd7&jh23".repeat(26_214)), sendText("Hello World!"), clientClose(1000), sendPing("")],
    expect: [text("BAsd7&jh23".repeat(26_214)), text("Hello World!")],
    closesWith: 1000,
  },
  { name: "7.3.1 close without payload", send: [clientFrame({ opcode: 8 })], closesWith: 1005 },
  { name: "7.3.2 close of 1 byte", send: [clientFrame({ opcode: 8, payload: "a" })], failsWith: 1002 },
  { name: "7.3.3 close with a code", send: [clientClose(1000)], closesWith: 1000 },
  { name: "7.3.4 close with a reason", send: [clientClose(1000, "Hello World!")], closesWith: 1000 },
  { name: "7.3.5 longest reason", send: [clientClose(1000, "*".repeat(123))], closesWith: 1000 },
  { name: "7.3.6 reason too long", send: [clientClose(1000, "*".repeat(124))], failsWith: 1002 },
  {
    name: "7.5.1 reason not UTF-8",
    send: [clientClose(1000, Uint8Array.fromHex("cebae1bdb9f4908080"))],
    failsWith: 1007,
  },
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map((code) => ({
    name: `7.7 close ${code}`,
    send: [clientClose(code)],
    closesWith: code,
  })),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => ({
    name: `7.9 close ${code}`,
    send: [clientClose(code)],
    failsWith: 1002,
  })),
]);

const MEBIBYTE = 1_048_576;
const megaText = "0123456789abcde€".repeat(4 * MEBIBYTE / 18).slice(0, 3 * MEBIBYTE);
const megaBytes = new Uint8Array(4 * MEBIBYTE).map((_, index) => index * 7);

function fragmented(opcode: number, payload: Uint8Array, fragmentBytes: number): Uint8Array[] {
  const count = Math.ceil(payload.length / fragmentBytes);
  return Array.from({ length: count }, (_, index) =>
    clientFrame({
      opcode: index === 0 ? opcode : 0,
      payload: payload.subarray(index * fragmentBytes, (index + 1) * fragmentBytes),
      isFinal: index === count - 1,
    }));
}

section("echoes messages of several MiB, whole and in fragments (9.x)", [
  { name: "9.1 text", send: [sendText(megaText)], expect: [text(megaText)] },
  { name: "9.2 binary", send: [clientFrame({ opcode: 2, payload: megaBytes })], expect: [binary(megaBytes)] },
  { name: "9.3 text in fragments", send: fragmented(1, utf8(megaText), 65_536), expect: [text(megaText)] },
  { name: "9.4 binary in fragments", send: fragmented(2, megaBytes, 4_096), expect: [binary(megaBytes)] },
  {
    name: "9.7 a thousand small messages",
    send: Array.from({ length: 1_000 }, (_, index) => sendText(`message ${index}`)),
    expect: Array.from({ length: 1_000 }, (_, index) => text(`message ${index}`)),
  },
  {
    name: "10.1 a message in automatic fragments",
    send: fragmented(1, utf8("*".repeat(65_536)), 1_300),
    expect: [text("*".repeat(65_536))],
  },
]);

Deno.test("EchoSession.push() closes with 1009 above the limit, before the payload is sent", () => {
  runCase({ name: "one frame", send: [clientHeader({ opcode: 2 }, ECHO_MESSAGE_BYTES_MAX + 1)], failsWith: 1009 });
  const { frames, isClosed } = echo(clientHeader({ opcode: 2 }, ECHO_MESSAGE_BYTES_MAX), 1);
  assertEquals(frames, []);
  assert(!isClosed);
});

Deno.test("EchoSession.push() sends a message that arrived byte by byte in few pieces of little more than its size", () => {
  const sent: Uint8Array[] = [];
  const session = new EchoSession({ send: (bytes) => void sent.push(bytes), close() {} });
  pushInPieces(session.push.bind(session), clientFrame({ opcode: 2, payload: new Uint8Array(50_000) }), 1);
  assert(sent.length < 25, `${sent.length} pieces`);
  const keptBytes = sent.reduce((sum, piece) => sum + piece.buffer.byteLength, 0);
  assert(keptBytes <= 2 * 50_000 + 16, `${keptBytes} bytes`);
});

Deno.test("EchoSession.push() passes its output's error on", () => {
  const session = new EchoSession({
    send() {
      throw new RangeError("No room");
    },
    close() {},
  });
  const ping = sendPing("");
  assertThrows(() => session.push(ping, 0, ping.length), RangeError, "No room");
});
