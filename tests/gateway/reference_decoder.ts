/**
 * RFC 6455 read once more, slowly: over a stream that is all there, one byte after the other. The yardstick of the
 * decoder's property tests and fuzzer.
 *
 * @module
 */

import { isCloseCode } from "../../gateway/websocket.ts";
import { concatenate, type SinkEvent } from "./frames.ts";

/** What became of a stream. */
export interface DecodedStream {
  readonly events: SinkEvent[];
  /** The close code of the error that ended it. */
  readonly errorCode?: number;
}

/** The stream is over in the middle of something. */
class EndOfStream extends Error {}

class Refusal extends Error {
  constructor(readonly code: number) {
    super();
  }
}

class Reader {
  at = 0;
  constructor(readonly bytes: Uint8Array) {}

  byte(): number {
    if (this.at === this.bytes.length) throw new EndOfStream();
    return this.bytes[this.at++];
  }

  number(byteCount: number): bigint {
    let value = 0n;
    for (let index = 0; index < byteCount; index++) value = value << 8n | BigInt(this.byte());
    return value;
  }
}

function refuseIf(condition: boolean, code: number): void {
  if (condition) throw new Refusal(code);
}

/** Decodes a client's whole stream. */
export function decodeStream(
  bytes: Uint8Array,
  options: { messageBytesMax: number; text: "refuse" | "accept" },
): DecodedStream {
  const events: SinkEvent[] = [];
  try {
    decodeFrames(new Reader(bytes), events, options);
  } catch (error) {
    if (error instanceof Refusal) return { events, errorCode: error.code };
    if (!(error instanceof EndOfStream)) throw error;
  }
  return { events };
}

function decodeFrames(
  reader: Reader,
  events: SinkEvent[],
  options: { messageBytesMax: number; text: "refuse" | "accept" },
): void {
  let message: { opcode: number; payload: Uint8Array } | undefined;
  while (true) {
    const first = reader.byte();
    const opcode = first & 15;
    const isControl = opcode >= 8;
    refuseIf((first & 0x70) !== 0, 1002);
    refuseIf(![0, 1, 2, 8, 9, 10].includes(opcode), 1002);
    refuseIf(isControl && first < 128, 1002);
    refuseIf(!isControl && (opcode === 0) !== (message !== undefined), 1002);
    refuseIf(opcode === 1 && options.text === "refuse", 1003);
    const second = reader.byte();
    refuseIf(second < 128, 1002);
    let length = BigInt(second & 127);
    refuseIf(isControl && length > 125n, 1002);
    if (length === 126n) {
      length = reader.number(2);
      refuseIf(length < 126n, 1002);
    } else if (length === 127n) {
      length = reader.number(8);
      refuseIf(length >= 1n << 63n || length < 65_536n, 1002);
    }
    const messageBytes = BigInt(message?.payload.length ?? 0) + length;
    refuseIf(!isControl && messageBytes > BigInt(options.messageBytesMax), 1009);
    const mask = [reader.byte(), reader.byte(), reader.byte(), reader.byte()];
    const raw = reader.bytes.slice(reader.at, reader.at + Number(length));
    reader.at += raw.length;
    const payload = raw.map((byte, index) => byte ^ mask[index % 4]);
    const isWhole = BigInt(payload.length) === length;
    if (isControl) {
      if (!isWhole) throw new EndOfStream();
      if (opcode === 8) {
        events.push(readClose(payload));
        return;
      }
      events.push({ kind: opcode === 9 ? "ping" : "pong", payload });
      continue;
    }
    message = {
      opcode: message?.opcode ?? opcode,
      payload: concatenate(message?.payload ?? new Uint8Array(0), payload),
    };
    const isEnd = isWhole && first >= 128;
    if (message.opcode === 1) readText(message.payload, isEnd);
    if (!isWhole) throw new EndOfStream();
    if (!isEnd) continue;
    events.push({ kind: "message", ...message });
    message = undefined;
  }
}

function readText(bytes: Uint8Array, isEnd: boolean): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: !isEnd });
  } catch {
    throw new Refusal(1007);
  }
}

function readClose(payload: Uint8Array): SinkEvent {
  if (payload.length === 0) return { kind: "close", code: 1005, reason: "" };
  refuseIf(payload.length === 1, 1002);
  const code = payload[0] * 256 + payload[1];
  refuseIf(!isCloseCode(code), 1002);
  return { kind: "close", code, reason: readText(payload.subarray(2), true) };
}
