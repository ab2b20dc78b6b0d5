/**
 * The messages that the load test says, and reading them back without objects: `lt AUDIENCE SEQUENCE TIME`, where the
 * time is when the message was due, in microseconds of the shared clock.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { type Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";

const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const LETTER_L = 0x6c;
const LETTER_T = 0x74;

/** What to say. */
export interface ChatLine {
  readonly channel: Channel;
  readonly audience: number;
  readonly sequence: number;
  readonly dueUs: number;
  /** Of a whisper. */
  readonly recipientName?: string;
}

/** The payload of a CHAT_MESSAGE to the server. */
export function encodeChatLine(line: ChatLine): Uint8Array {
  return toBinary(
    ChatMessageSchema,
    create(ChatMessageSchema, {
      channel: line.channel,
      message: `lt ${line.audience} ${line.sequence} ${Math.round(line.dueUs)}`,
      recipientName: line.recipientName ?? "",
    }),
  );
}

/** The reader; made once and used for every message. */
export class ChatReader {
  messageId = 0;
  audience = 0;
  sequence = 0;
  dueUs = 0;
  #at = 0;

  /**
   * Reads the payload `bytes[start, end)` of a CHAT_MESSAGE.
   *
   * @returns Whether it is a line of the load test.
   * @throws {ProtocolError} when it is no message at all.
   */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.messageId = 0;
    this.#at = start;
    let textStart = 0, textEnd = 0;
    while (this.#at < end) {
      const tag = bytes[this.#at++];
      if ((tag & 7) === 0) {
        const value = this.#varint(bytes, end);
        if (tag === 0x48) this.messageId = value;
      } else {
        const length = this.#varint(bytes, end);
        if ((tag & 7) !== 2 || this.#at + length > end) malformed();
        if (tag === 0x22) {
          textStart = this.#at;
          textEnd = this.#at + length;
        }
        this.#at += length;
      }
    }
    return this.#readText(bytes, textStart, textEnd);
  }

  #readText(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < 8 || bytes[start] !== LETTER_L || bytes[start + 1] !== LETTER_T) return false;
    this.#at = start + 2;
    this.audience = this.#number(bytes, end);
    this.sequence = this.#number(bytes, end);
    this.dueUs = this.#number(bytes, end);
    return this.audience >= 0 && this.sequence >= 0 && this.dueUs >= 0 && this.#at === end;
  }

  /** A space and a number; -1 when it is none. */
  #number(bytes: Uint8Array, end: number): number {
    if (this.#at >= end || bytes[this.#at++] !== SPACE) return -1;
    let value = 0;
    const first = this.#at;
    while (this.#at < end && bytes[this.#at] >= DIGIT_0 && bytes[this.#at] <= DIGIT_9) {
      value = value * 10 + bytes[this.#at++] - DIGIT_0;
    }
    return this.#at > first ? value : -1;
  }

  #varint(bytes: Uint8Array, end: number): number {
    let value = 0;
    for (let factor = 1; this.#at < end; factor *= 128) {
      const byte = bytes[this.#at++];
      value += (byte & 0x7f) * factor;
      if (byte < 128) return value;
    }
    malformed();
  }
}

function malformed(): never {
  throw new ProtocolError(DisconnectReason.MALFORMED_PACKET, "Cannot read CHAT_MESSAGE");
}
