import { acceptKey, encodeClose, encodePong, WebSocketDecoder } from "../../../gateway/websocket.ts";
import {
  MASKED_HEADER_BYTES_MAX,
  UpgradeError,
  upgradeRequest,
  WebSocketReader,
  writeMaskedFrame,
} from "../../../tools/loadtest/websocket_client.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { fc } from "../../support/property.ts";

/** Keeps what a reader finds. */
class Found {
  upgraded = 0;
  closeCode = 0;
  readonly bytes: number[] = [];
  readonly replies: Uint8Array[] = [];

  onUpgraded(): void {
    this.upgraded++;
  }

  onStream(bytes: Uint8Array, start: number, end: number): void {
    this.bytes.push(...bytes.subarray(start, end));
  }

  onReply(bytes: Uint8Array): void {
    this.replies.push(bytes.slice());
  }

  onCloseFrame(code: number): void {
    this.closeCode = code;
  }
}

/** What the server's decoder makes of a client's bytes. */
function decodeAsServer(bytes: Uint8Array) {
  const data: number[] = [], pongs: number[][] = [];
  const decoder = new WebSocketDecoder({
    onMessageStart: () => {},
    onData: (chunk, start, end) => void data.push(...chunk.subarray(start, end)),
    onMessageEnd: () => {},
    onPing: () => {},
    onPong: (chunk, start, end) => void pongs.push([...chunk.subarray(start, end)]),
    onClose: () => {},
  }, { messageBytesMax: 1_000_000, text: "refuse" });
  decoder.push(bytes, 0, bytes.length);
  return { data, pongs };
}

/** An unmasked frame, as servers send it. */
function serverFrame(head: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const header = length < 126
    ? [head, length]
    : length < 65_536
    ? [head, 126, length >> 8, length & 255]
    : [head, 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
  return Uint8Array.of(...header, ...payload);
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function answer(accept: string, status = "101 Switching Protocols"): Uint8Array {
  return new TextEncoder().encode(`HTTP/1.1 ${status}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
}

Deno.test("writeMaskedFrame() writes what the gateway's decoder reads, for every size of header", () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index * 7);
  const target = new Uint8Array(bytes.length + MASKED_HEADER_BYTES_MAX);
  for (const length of [1, 2, 3, 4, 5, 125, 126, 127, 65_535, 65_536, 70_000]) {
    const written = writeMaskedFrame(new DataView(target.buffer), bytes, 0, length);
    assertEquals(decodeAsServer(target.subarray(0, written)).data, [...bytes.subarray(0, length)]);
  }
});

Deno.test("upgradeRequest() asks with a key that the accepted answer proves", () => {
  const { bytes, accept } = upgradeRequest("127.0.0.1:8082", "/ws");
  const text = new TextDecoder().decode(bytes);
  assert(text.startsWith("GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8082\r\n") && text.endsWith("\r\n\r\n"));
  assertEquals(accept, acceptKey(/^Sec-WebSocket-Key: (.+)\r$/m.exec(text)![1]));
});

Deno.test("WebSocketReader.push() yields the same stream for every split, and answers pings", () => {
  const payloads = [1, 125, 126, 300].map((length) => new Uint8Array(length).fill(length & 255));
  const stream = concat(
    answer("key"),
    ...payloads.map((payload) => serverFrame(0x82, payload)),
    serverFrame(0x89, Uint8Array.of(1, 2, 3)),
    serverFrame(0x02, Uint8Array.of(9)),
    serverFrame(0x80, Uint8Array.of(8)),
    encodePong(Uint8Array.of(5), 0, 1),
    encodeClose(1001, "bye"),
    serverFrame(0x82, Uint8Array.of(7)),
  );
  const expected = [...concat(...payloads), 9, 8];
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 }), (cuts) => {
    const found = new Found();
    const reader = new WebSocketReader(found, "key");
    let start = 0;
    for (const end of [...cuts.toSorted((left, right) => left - right), stream.length]) {
      reader.push(stream, start, end);
      start = end;
    }
    assertEquals(found.bytes, expected);
    assertEquals([found.upgraded, found.closeCode, found.replies.length], [1, 1001, 1]);
    assertEquals(decodeAsServer(found.replies[0]).pongs, [[1, 2, 3]]);
  }));
});

Deno.test("WebSocketReader.push() refuses another status, a wrong accept key, masks and reserved bits", () => {
  const push = (bytes: Uint8Array) => new WebSocketReader(new Found(), "key").push(bytes, 0, bytes.length);
  assertThrows(() => push(answer("key", "403 Forbidden")), UpgradeError, "upgrade refused with 403");
  assertThrows(() => push(answer("other")), UpgradeError, "wrong accept key");
  assertThrows(() => push(new Uint8Array(9_000).fill(65)), UpgradeError, "without an end");
  assertThrows(() => push(concat(answer("key"), Uint8Array.of(0x82, 0x81, 0, 0, 0, 0, 0))), UpgradeError, "mask");
  assertThrows(() => push(concat(answer("key"), Uint8Array.of(0xc2, 1, 0))), UpgradeError, "reserved");
});
