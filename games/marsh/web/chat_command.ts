/**
 * What a line typed into the chat means.
 *
 * @module
 */

import { Channel } from "../../parts/chat/chat_pb.ts";
import { CHAT_BYTES_MAX } from "../../parts/chat/limits.ts";
import { cleanText, isInvisible, type TextProblem, withoutForbidden } from "../../../shared/player_text.ts";
import { TEXTS } from "./language.ts";

/** A line of chat, understood. */
export type ChatCommand =
  | {
    readonly kind: "say";
    readonly channel: Channel;
    readonly message: string;
    readonly recipientName: string;
    /** 0 where the channel is no room. */
    readonly roomId: bigint;
  }
  | { readonly kind: "help" }
  | { readonly kind: "nothing" }
  | { readonly kind: "mistake"; readonly text: string };

/** What a line without a command goes by. */
export interface ChatDefaults {
  readonly channel: Channel;
  /** Recipient of a whisper. */
  readonly recipientName: string;
  /** Who whispered last, for `/r`. */
  readonly lastWhisperer: string;
  /** The room that is looked at, which its channel goes to; 0: none. */
  readonly roomId: bigint;
}

const PROBLEM_TEXTS: Readonly<Record<TextProblem, string>> = {
  empty: TEXTS.chat.empty,
  forbidden: TEXTS.chat.forbidden,
  marks: TEXTS.chat.tooManyMarks,
};

/** The commands of one letter as a Korean keyboard writes them that was not switched over: W is ㅈ. */
const KOREAN_KEYS: ReadonlyMap<string, string> = new Map([
  ["ㅈ", "w"],
  ["ㄱ", "r"],
  ["ㅁ", "a"],
  ["ㅎ", "g"],
  ["ㅔ", "p"],
]);

const encoder = new TextEncoder();

/** Bytes of `text` in UTF-8. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}

/**
 * Reads a line of chat. `/w`, `/r`, `/a`, `/g`, `/p`, `/all` and `/help` are commands; `//` begins a line that starts with a slash.
 */
export function parseChat(line: string, defaults: ChatDefaults): ChatCommand {
  // Pasted text may have what the server refuses.
  const text = withoutForbidden(line).trim();
  if (isInvisible(text)) return { kind: "nothing" };
  if (!text.startsWith("/")) return say(defaults.channel, text, defaults);
  if (text.startsWith("//")) return say(defaults.channel, text.slice(1), defaults);
  const [word, rest] = splitWord(text.slice(1));
  switch (KOREAN_KEYS.get(word) ?? word.toLowerCase()) {
    case "w":
    case "whisper": {
      const [name, message] = splitWord(rest);
      if (message === "") return mistake(TEXTS.chat.whisperUsage);
      return say(Channel.WHISPER, message, { recipientName: name });
    }
    case "r":
    case "reply":
      if (defaults.lastWhisperer === "") return mistake(TEXTS.chat.noWhisperer);
      return say(Channel.WHISPER, rest, { recipientName: defaults.lastWhisperer });
    case "a":
    case "area":
      return say(Channel.AREA, rest);
    case "g":
    case "guild":
      return say(Channel.GUILD, rest);
    case "p":
    case "party":
      return say(Channel.PARTY, rest);
    case "all":
    case "global":
      return say(Channel.GLOBAL, rest);
    case "help":
    case "도움말":
    case "?":
      return { kind: "help" };
    default:
      return mistake(TEXTS.chat.unknownCommand(word));
  }
}

function say(
  channel: Channel,
  message: string,
  to: { readonly recipientName?: string; readonly roomId?: bigint } = {},
): ChatCommand {
  if (isInvisible(message)) return mistake(TEXTS.chat.empty);
  const recipientName = channel === Channel.WHISPER ? (to.recipientName ?? "").trim() : "";
  if (channel === Channel.WHISPER && recipientName === "") return mistake(TEXTS.chat.noRecipient);
  const clean = cleanText(message);
  if ("problem" in clean) return mistake(PROBLEM_TEXTS[clean.problem]);
  const bytes = utf8Bytes(clean.text);
  if (bytes > CHAT_BYTES_MAX) return mistake(TEXTS.chat.tooLong(bytes, CHAT_BYTES_MAX));
  return {
    kind: "say",
    channel,
    message: clean.text,
    recipientName,
    roomId: channel === Channel.ROOM ? to.roomId ?? 0n : 0n,
  };
}

function mistake(text: string): ChatCommand {
  return { kind: "mistake", text };
}

/**
 * Binds `/r` to the last player who whispered, once it is typed: a whisper that comes in while the answer is being written
 * changes nothing, and the line shows who will read it.
 *
 * @returns The line to go on with.
 */
export function bindReply(line: string, lastWhisperer: string): string {
  return lastWhisperer === "" ? line : line.replace(/^\s*\/(?:r|ㄱ|reply)\s/i, `/w ${lastWhisperer} `);
}

/** The first word, and what follows without the space between. */
function splitWord(text: string): [string, string] {
  const match = /^(\S*)\s*([^]*)$/.exec(text);
  return match === null ? [text, ""] : [match[1], match[2]];
}
