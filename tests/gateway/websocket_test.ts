import {
  acceptKey,
  encodeClose,
  encodePong,
  frameHeaderBytes,
  isCloseCode,
  isWebSocketKey,
  type Opcode,
  unmask,
  WebSocketDecoder,
  type WebSocketDecoderOptions,
  WebSocketError,
  writeFrameHeader,
} from "../../gateway/websocket.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import {
  clientClose,
  clientFrame,
  clientHeader,
  concatenate,
  pushInPieces,
  readServerFrames,
  RecordingSink,
  utf8,
} from "./frames.ts";

const OPTIONS: WebSocketDecoderOptions = { messageBytesMax: 1_000, text: "accept" };

/** Pushes whole and byte by byte; both must end with `code`. */
function assertRefused(bytes: Uint8Array, code: number, options = OPTIONS): void {
  for (const pieceBytes of [bytes.length, 1]) {
    const decoder = new WebSocketDecoder(new RecordingSink(), options);
    const error = assertThrows(() => pushInPieces(decoder.push.bind(decoder), bytes, pieceBytes), WebSocketError);
    assertEquals(error.code, code, error.message);
    assert(decoder.isClosed);
  }
}

const FRAGMENT = clientFrame({ opcode: 2, payload: "a", isFinal: false });

Deno.test("WebSocketDecoder.push() closes with 1002 what breaks the protocol", () => {
  const table: [string, Uint8Array][] = [
    ["unmasked data", clientFrame({ opcode: 2, payload: "a", mask: null })],
    ["unmasked and empty", clientFrame({ opcode: 2, mask: null })],
    ["unmasked ping", clientFrame({ opcode: 9, mask: null })],
    ["RSV1", clientFrame({ opcode: 2, reserved: 4 })],
    ["RSV2", clientFrame({ opcode: 9, reserved: 2 })],
    ["RSV3", clientFrame({ opcode: 8, reserved: 1 })],
    ["fragmented ping", clientFrame({ opcode: 9, isFinal: false })],
    ["fragmented close", clientFrame({ opcode: 8, isFinal: false })],
    ["ping of 126 bytes", clientFrame({ opcode: 9, payload: new Uint8Array(126) })],
    ["close of 126 bytes", clientFrame({ opcode: 8, payload: new Uint8Array(126) })],
    ["continuation of nothing", clientFrame({ opcode: 0, payload: "a" })],
    ["continuation after the end", concatenate(clientFrame({ opcode: 2 }), clientFrame({ opcode: 0 }))],
    ["binary inside a message", concatenate(FRAGMENT, clientFrame({ opcode: 2 }))],
    ["text inside a message", concatenate(FRAGMENT, clientFrame({ opcode: 1 }))],
    ["125 in 16 bits", clientFrame({ opcode: 2, payload: new Uint8Array(125), lengthBytes: 2 })],
    ["125 in 64 bits", clientFrame({ opcode: 2, payload: new Uint8Array(125), lengthBytes: 8 })],
    ["65535 in 64 bits", clientHeader({ opcode: 2, lengthBytes: 8 }, 65_535)],
    ["64-bit length with the top bit", clientHeader({ opcode: 2, lengthBytes: 8 }, 1n << 63n)],
    ["close of 1 byte", clientFrame({ opcode: 8, payload: "a" })],
  ];
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) table.push([`opcode ${opcode}`, clientFrame({ opcode })]);
  for (const [name, bytes] of table) {
    try {
      assertRefused(bytes, 1002);
    } catch (cause) {
      throw new Error(`Case "${name}" failed`, { cause });
    }
  }
});

Deno.test("WebSocketDecoder.push() takes every shape of message and control frame in order", () => {
  const sink = new RecordingSink();
  const decoder = new WebSocketDecoder(sink, OPTIONS);
  const bytes = concatenate(
    clientFrame({ opcode: 2 }),
    clientFrame({ opcode: 1, payload: "κό", isFinal: false }),
    clientFrame({ opcode: 9, payload: "p" }),
    clientFrame({ opcode: 0, isFinal: false }),
    clientFrame({ opcode: 10, payload: new Uint8Array(125) }),
    clientFrame({ opcode: 0, payload: "σμε" }),
    clientFrame({ opcode: 9 }),
    clientFrame({ opcode: 2, isFinal: false }),
    clientFrame({ opcode: 0 }),
    clientFrame({ opcode: 2, payload: new Uint8Array(126).fill(7) }),
    clientFrame({ opcode: 2, payload: "zero mask", mask: [0, 0, 0, 0] }),
    clientClose(4999, "bye €"),
  );
  decoder.push(bytes, 0, bytes.length);
  const empty = new Uint8Array(0);
  assertEquals(sink.events, [
    { kind: "message", opcode: 2, payload: empty },
    { kind: "ping", payload: utf8("p") },
    { kind: "pong", payload: new Uint8Array(125) },
    { kind: "message", opcode: 1, payload: utf8("κόσμε") },
    { kind: "ping", payload: empty },
    { kind: "message", opcode: 2, payload: empty },
    { kind: "message", opcode: 2, payload: new Uint8Array(126).fill(7) },
    { kind: "message", opcode: 2, payload: utf8("zero mask") },
    { kind: "close", code: 4999, reason: "bye €" },
  ]);
});

Deno.test("WebSocketDecoder.push() stays inside start and end", () => {
  const frame = clientFrame({ opcode: 2, payload: "abc" });
  const bytes = concatenate(utf8("<<<"), frame, utf8(">>>"));
  const sink = new RecordingSink();
  new WebSocketDecoder(sink, OPTIONS).push(bytes, 3, 3 + frame.length);
  assertEquals(sink.events, [{ kind: "message", opcode: 2, payload: utf8("abc") }]);
  assertEquals(bytes.slice(0, 3), utf8("<<<"));
  assertEquals(bytes.slice(-3), utf8(">>>"));
});

Deno.test("WebSocketDecoder.push() takes a message at the limit and closes with 1009 above it, at the header", () => {
  const sink = new RecordingSink();
  const atLimit = clientFrame({ opcode: 2, payload: new Uint8Array(1_000) });
  const decoder = new WebSocketDecoder(sink, OPTIONS);
  // Twice: the count starts anew with each message.
  for (let round = 0; round < 2; round++) decoder.push(atLimit.slice(), 0, atLimit.length);
  assertEquals(sink.events.length, 2);
  assertRefused(clientHeader({ opcode: 2 }, 1_001), 1009);
  assertRefused(clientHeader({ opcode: 2 }, 70_000), 1009);
  assertRefused(clientHeader({ opcode: 1, lengthBytes: 8 }, (1n << 63n) - 1n), 1009);
});

Deno.test("WebSocketDecoder.push() counts the fragments of a message together", () => {
  const part = clientFrame({ opcode: 2, payload: new Uint8Array(600), isFinal: false });
  assertRefused(concatenate(part, clientHeader({ opcode: 0 }, 401)), 1009);
  const sink = new RecordingSink();
  const whole = concatenate(part, clientFrame({ opcode: 0, payload: new Uint8Array(400) }));
  new WebSocketDecoder(sink, OPTIONS).push(whole, 0, whole.length);
  assertEquals(sink.events.length, 1);
});

Deno.test("WebSocketDecoder.push() closes with 1003 at a text's first byte where text is refused", () => {
  const options = { messageBytesMax: 1_000, text: "refuse" } as const;
  assertRefused(new Uint8Array([0x81]), 1003, options);
  assertRefused(new Uint8Array([0x01]), 1003, options);
  assertRefused(concatenate(FRAGMENT, clientFrame({ opcode: 1 })), 1002, options);
});

Deno.test("WebSocketDecoder.push() closes with 1007 text that is not UTF-8, before its message ends", () => {
  const header = clientHeader({ opcode: 1, mask: [0, 0, 0, 0] }, 100);
  assertRefused(concatenate(header, Uint8Array.fromHex("61f490")), 1007);
  assertRefused(concatenate(header, Uint8Array.fromHex("eda0")), 1007);
  // Cut off inside a character, in the last fragment and in an empty one after it.
  assertRefused(clientFrame({ opcode: 1, payload: Uint8Array.fromHex("e282") }), 1007);
  const open = clientFrame({ opcode: 1, payload: Uint8Array.fromHex("e282"), isFinal: false });
  assertRefused(concatenate(open, clientFrame({ opcode: 0 })), 1007);
  assertRefused(concatenate(open, clientFrame({ opcode: 0, payload: "a" })), 1007);
});

Deno.test("WebSocketDecoder.push() leaves binary messages unread", () => {
  const sink = new RecordingSink();
  const bytes = clientFrame({ opcode: 2, payload: Uint8Array.fromHex("fffe80") });
  new WebSocketDecoder(sink, OPTIONS).push(bytes, 0, bytes.length);
  assertEquals(sink.events, [{ kind: "message", opcode: 2, payload: Uint8Array.fromHex("fffe80") }]);
});

Deno.test("WebSocketDecoder.push() takes exactly the close codes that are for the wire", () => {
  for (let code = 0; code < 65_536; code++) {
    const isRegistered = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].includes(code);
    assertEquals(isCloseCode(code), isRegistered || code >= 3000 && code <= 4999, String(code));
  }
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) assertRefused(clientClose(code), 1002);
});

Deno.test("WebSocketDecoder.push() reads a close without a code, and checks its reason", () => {
  const sink = new RecordingSink();
  const bytes = clientFrame({ opcode: 8 });
  new WebSocketDecoder(sink, OPTIONS).push(bytes, 0, bytes.length);
  assertEquals(sink.events, [{ kind: "close", code: 1005, reason: "" }]);
  assertRefused(clientClose(1000, Uint8Array.fromHex("80")), 1007);
  assertRefused(clientClose(1000, Uint8Array.fromHex("e282")), 1007);
});

Deno.test("WebSocketDecoder.push() ignores everything after a close frame and after an error", () => {
  for (const last of [clientClose(1000), clientFrame({ opcode: 3 })]) {
    const sink = new RecordingSink();
    const decoder = new WebSocketDecoder(sink, OPTIONS);
    const after = concatenate(last, clientFrame({ opcode: 9 }), clientFrame({ opcode: 15 }));
    try {
      decoder.push(after, 0, after.length);
    } catch (error) {
      assert(error instanceof WebSocketError);
    }
    assert(decoder.isClosed);
    const eventCount = sink.events.length;
    const more = concatenate(clientFrame({ opcode: 2, payload: "a" }), clientFrame({ opcode: 15 }));
    decoder.push(more, 0, more.length);
    assertEquals(sink.events.length, eventCount);
  }
});

Deno.test("WebSocketDecoder.stop() ends the stream from inside every event", () => {
  const bytes = concatenate(
    clientFrame({ opcode: 9, payload: "p" }),
    clientFrame({ opcode: 10 }),
    clientFrame({ opcode: 1, payload: "abc" }),
    clientFrame({ opcode: 2 }),
  );
  for (const method of ["onPing", "onPong", "onMessageStart", "onData", "onMessageEnd"] as const) {
    const calls: string[] = [];
    const note = (name: string) => () => {
      calls.push(name);
      if (name === method) decoder.stop();
    };
    const decoder = new WebSocketDecoder({
      onPing: note("onPing"),
      onPong: note("onPong"),
      onMessageStart: note("onMessageStart"),
      onData: note("onData"),
      onMessageEnd: note("onMessageEnd"),
      onClose: note("onClose"),
    }, OPTIONS);
    decoder.push(bytes.slice(), 0, bytes.length);
    assertEquals(calls.at(-1), method);
    assert(decoder.isClosed);
  }
});

Deno.test("WebSocketDecoder.push() passes its sink's error on and ends the stream", () => {
  const sink = new RecordingSink();
  sink.onData = () => {
    throw new RangeError("No room");
  };
  const decoder = new WebSocketDecoder(sink, OPTIONS);
  const bytes = concatenate(clientFrame({ opcode: 2, payload: "a" }), clientFrame({ opcode: 9 }));
  assertThrows(() => decoder.push(bytes, 0, bytes.length), RangeError, "No room");
  assert(decoder.isClosed);
  assertEquals(sink.events, []);
});

Deno.test("unmask() agrees with RFC 6455's formula at every alignment and length, and undoes itself", () => {
  const key = [0xa1, 0xff, 0x00, 0x7e];
  const mask = key[0] | key[1] << 8 | key[2] << 16 | key[3] << 24;
  const source = new Uint8Array(1_200).map((_, index) => index * 31);
  for (let offset = 0; offset < 4; offset++) {
    for (let start = 0; start < 5; start++) {
      for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 125, 126, 511, 512, 513, 514, 515, 600, 1_023]) {
        const bytes = new Uint8Array(new ArrayBuffer(1_300), offset, 1_200);
        bytes.set(source);
        unmask(bytes, start, start + length, mask);
        const expected = source.map((byte, index) =>
          index >= start && index < start + length ? byte ^ key[(index - start) & 3] : byte
        );
        assertEquals(bytes.toHex(), expected.toHex());
        unmask(bytes, start, start + length, mask);
        assertEquals(bytes.toHex(), source.toHex());
      }
    }
  }
});

Deno.test("writeFrameHeader() writes each length in the fewest bytes, at the offset", () => {
  const table: [number, string][] = [
    [0, "8200"],
    [125, "827d"],
    [126, "827e007e"],
    [65_535, "827effff"],
    [65_536, "827f0000000000010000"],
    [2 ** 32 - 1, "827f00000000ffffffff"],
  ];
  for (const [payloadBytes, hex] of table) {
    const target = new Uint8Array(12).fill(0xee);
    const written = writeFrameHeader(target, 1, 2, payloadBytes);
    assertEquals(written, frameHeaderBytes(payloadBytes));
    assertEquals(target.toHex(), `ee${hex}`.padEnd(24, "e"));
  }
});

Deno.test("encodeClose() cuts the reason at 123 bytes, between characters", () => {
  const table: [string, string][] = [
    ["", ""],
    ["x".repeat(123), "x".repeat(123)],
    ["x".repeat(124), "x".repeat(123)],
    ["€".repeat(42), "€".repeat(41)],
    ["x" + "€".repeat(41), "x" + "€".repeat(40)],
    ["xxx" + "\u{1f600}".repeat(31), "xxx" + "\u{1f600}".repeat(30)],
  ];
  for (const [reason, sent] of table) {
    const [{ opcode, payload }] = readServerFrames(encodeClose(1001, reason));
    assertEquals(opcode, 8);
    assertEquals(payload, concatenate(new Uint8Array([0x03, 0xe9]), utf8(sent)));
  }
});

Deno.test("encodeClose() sends no payload for a close without a code, and no code that is not for the wire", () => {
  assertEquals(encodeClose(1005, "not sent").toHex(), "8800");
  assertThrows(() => encodeClose(1006, ""), Error, "1006");
});

Deno.test("encodePong() answers with the span it is given", () => {
  assertEquals(readServerFrames(encodePong(utf8("<abc>"), 1, 4)), [{
    opcode: 10 satisfies Opcode,
    payload: utf8("abc"),
  }]);
  assertEquals(encodePong(new Uint8Array(125), 0, 125).length, 127);
});

Deno.test("acceptKey() gives RFC 6455's example, and refuses keys that are not 16 bytes", () => {
  assertEquals(acceptKey("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  for (
    const key of [
      "",
      "dGhlIHNhbXBsZSBub25j",
      "dGhlIHNhbXBsZSBub25jZQ",
      "dGhlIHNhbXBsZSBub25jZWU=",
      "dGhlIHNhbXBsZSBub-5jZQ==",
    ]
  ) {
    assertEquals(isWebSocketKey(key), false, key);
    assertThrows(() => acceptKey(key), RangeError, "16 bytes");
  }
});
