import { readChatText } from "../../games/parts/chat/chat_handlers.ts";
import { RequestError } from "../../server/session/dispatcher.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { CHAT_BYTES_MAX } from "../../games/parts/chat/limits.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("readChatText() takes text of any script up to CHAT_BYTES_MAX bytes", () => {
  const taken = [
    "hi",
    " two  words ",
    "안녕하세요",
    "👩‍🚀 é ﷽",
    "x".repeat(CHAT_BYTES_MAX),
    "가".repeat(CHAT_BYTES_MAX / 3),
    "<b>&amp;",
    "\u00a0.",
  ];
  for (const text of taken) assertEquals(readChatText(text), text.replace("  ", " ").trim());
});

Deno.test("readChatText() refuses text that is too long in UTF-8", () => {
  for (const text of ["x".repeat(CHAT_BYTES_MAX + 1), "가".repeat(CHAT_BYTES_MAX / 3) + "x", "😀".repeat(64)]) {
    const { code } = assertThrows(() => readChatText(text), RequestError, "limit is 255 bytes");
    assertEquals(code, ErrorCode.INVALID_PACKET);
  }
});

Deno.test("readChatText() refuses text without anything to see", () => {
  for (const text of ["", " ", "\u3000\u2003", "\t\n", "\ufeff", "\u3164", "\u2800", "\u{e0041}", "\u0301"]) {
    assertEquals(assertThrows(() => readChatText(text), RequestError, "empty").code, ErrorCode.INVALID_PACKET);
  }
});

Deno.test("readChatText() refuses control characters and what turns or hides the text around it", () => {
  const forbidden = [0x00, 0x07, 0x09, 0x0a, 0x0d, 0x1b, 0x7f, 0x85, 0x9f];
  forbidden.push(0x2028, 0x2029, 0x202a, 0x202d, 0x202e, 0x2066, 0x2069);
  forbidden.push(0x061c, 0x206a, 0xfff9, 0x00ad, 0x200b, 0xe000, 0xe0041);
  for (const codePoint of forbidden) {
    const text = `a${String.fromCodePoint(codePoint)}b`;
    const { code } = assertThrows(() => readChatText(text), RequestError, "control characters");
    assertEquals(code, ErrorCode.INVALID_PACKET, codePoint.toString(16));
  }
});
