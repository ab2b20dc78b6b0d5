import { bindReply, type ChatDefaults, parseChat, utf8Bytes } from "../../games/marsh/web/chat_command.ts";
import { Channel } from "../../games/parts/chat/chat_pb.ts";
import { CHAT_BYTES_MAX } from "../../games/parts/chat/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const DEFAULTS: ChatDefaults = { channel: Channel.GLOBAL, recipientName: "", lastWhisperer: "", roomId: 0n };

function saying(line: string, defaults: Partial<ChatDefaults> = {}) {
  const command = parseChat(line, { ...DEFAULTS, ...defaults });
  assert(command.kind === "say", `"${line}" is ${Deno.inspect(command)}`);
  return [command.channel, command.recipientName, command.message];
}

function mistakeOf(line: string, defaults: Partial<ChatDefaults> = {}): string {
  const command = parseChat(line, { ...DEFAULTS, ...defaults });
  assert(command.kind === "mistake", `"${line}" is ${Deno.inspect(command)}`);
  return command.text;
}

Deno.test("parseChat() says plain text on the chosen channel, trimmed", () => {
  assertEquals(saying("  hello there "), [Channel.GLOBAL, "", "hello there"]);
  assertEquals(saying("hello", { channel: Channel.AREA }), [Channel.AREA, "", "hello"]);
  assertEquals(saying("hello", { channel: Channel.WHISPER, recipientName: " Ada " }), [
    Channel.WHISPER,
    "Ada",
    "hello",
  ]);
});

Deno.test("parseChat() reads commands of one letter from a Korean keyboard that was not switched over", () => {
  assertEquals(saying("/ㅈ 홍길동 안녕"), [Channel.WHISPER, "홍길동", "안녕"]);
  assertEquals(saying("/ㄱ 네", { lastWhisperer: "홍길동" }), [Channel.WHISPER, "홍길동", "네"]);
  assertEquals(["/ㅁ 안녕", "/ㅎ 안녕", "/ㅔ 안녕"].map((line) => saying(line)[0]), [
    Channel.AREA,
    Channel.GUILD,
    Channel.PARTY,
  ]);
  assertEquals(parseChat("/도움말", DEFAULTS), { kind: "help" });
  assertEquals(bindReply("/ㄱ ", "홍길동"), "/w 홍길동 ");
});

Deno.test("parseChat() names nobody where the channel is no whisper", () => {
  assertEquals(saying("hello", { recipientName: "Ada" }), [Channel.GLOBAL, "", "hello"]);
  assertEquals(saying("/a hello", { channel: Channel.WHISPER, recipientName: "Ada" }), [Channel.AREA, "", "hello"]);
});

Deno.test("parseChat() reads /w, /a, /g, /all and their long forms in any case", () => {
  for (const word of ["/w", "/whisper", "/W"]) {
    assertEquals(saying(`${word} Ada  how are you`), [Channel.WHISPER, "Ada", "how are you"]);
  }
  for (const word of ["/a", "/area"]) assertEquals(saying(`${word} here`), [Channel.AREA, "", "here"]);
  for (const word of ["/g", "/guild"]) assertEquals(saying(`${word} hail`), [Channel.GUILD, "", "hail"]);
  for (const word of ["/all", "/global"]) {
    assertEquals(saying(`${word} all`, { channel: Channel.AREA }), [Channel.GLOBAL, "", "all"]);
  }
});

Deno.test("parseChat() says plain text to the room that is looked at, and nothing else", () => {
  const defaults = { ...DEFAULTS, channel: Channel.ROOM, roomId: 7n };
  const roomOf = (line: string) => {
    const command = parseChat(line, defaults);
    assert(command.kind === "say");
    return [command.channel, command.roomId];
  };
  assertEquals(roomOf("cheers"), [Channel.ROOM, 7n]);
  assertEquals(roomOf("/a cheers"), [Channel.AREA, 0n]);
});

Deno.test("parseChat() answers the last whisper with /r", () => {
  assertEquals(saying("/r yes", { lastWhisperer: "Bob" }), [Channel.WHISPER, "Bob", "yes"]);
  assert(mistakeOf("/r yes").includes("Nobody"));
});

Deno.test("parseChat() lets // begin a text with a slash", () => {
  assertEquals(saying("//w is a command"), [Channel.GLOBAL, "", "/w is a command"]);
});

Deno.test("parseChat() gives nothing for nothing and help for /help", () => {
  assertEquals(parseChat("   ", DEFAULTS), { kind: "nothing" });
  assertEquals(parseChat("/help", DEFAULTS), { kind: "help" });
  assertEquals(parseChat("/?", DEFAULTS), { kind: "help" });
});

Deno.test("parseChat() tells what is missing or unknown", () => {
  assert(mistakeOf("/w").includes("/w name text"));
  assert(mistakeOf("/w Ada").includes("/w name text"));
  assert(mistakeOf("/a ").includes("Type a message"));
  assert(mistakeOf("/dance now").includes("/dance"));
  assert(mistakeOf("hi", { channel: Channel.WHISPER, recipientName: " " }).includes("name of the player"));
});

Deno.test("parseChat() takes as many bytes as the limit and not one more", () => {
  const most = "é".repeat(Math.floor(CHAT_BYTES_MAX / 2)) + "x";
  assertEquals(utf8Bytes(most), CHAT_BYTES_MAX);
  assertEquals(saying(most), [Channel.GLOBAL, "", most]);
  assert(mistakeOf(most + "x").includes(`${CHAT_BYTES_MAX + 1} bytes`));
  // The command itself does not count.
  assertEquals(saying(`/w Ada ${most}`), [Channel.WHISPER, "Ada", most]);
});

Deno.test("parseChat() never sends an empty, untrimmed or too long text, whatever is typed", () => {
  const channel = fc.constantFrom(Channel.GLOBAL, Channel.AREA, Channel.WHISPER);
  const line = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 300 }),
    fc.tuple(fc.constantFrom("/w ", "/a ", "/", "//", "/r "), fc.string({ maxLength: 300 })).map((parts) =>
      parts.join("")
    ),
  );
  fc.assert(fc.property(line, channel, fc.string(), (line, channel, name) => {
    const command = parseChat(line, { channel, recipientName: name, lastWhisperer: name, roomId: 0n });
    if (command.kind !== "say") return;
    assert(command.message.trim() !== "");
    assert(utf8Bytes(command.message) <= CHAT_BYTES_MAX);
    assertEquals(command.recipientName !== "", command.channel === Channel.WHISPER);
  }));
});

Deno.test("parseChat() cleans pasted text of what a server refuses", () => {
  assertEquals(saying("one\ttwo\r\nthree"), [Channel.GLOBAL, "", "one two three"]);
  assertEquals(saying("a\u202eb\u2066c\ufeffd\u00ade"), [Channel.GLOBAL, "", "abcde"]);
  assertEquals(saying("wide \u3000\u2003 apart"), [Channel.GLOBAL, "", "wide apart"]);
  for (const nothing of ["\u0007\u200e", "\u3164", "\u2800 \u200b"]) {
    assertEquals(parseChat(nothing, DEFAULTS), { kind: "nothing" }, nothing);
  }
  assert(mistakeOf("a" + "\u0301".repeat(120)).includes("marks"));
});

Deno.test("bindReply() names who whispered last as soon as /r is typed", () => {
  assertEquals(bindReply("/r ", "Bob"), "/w Bob ");
  assertEquals(bindReply("/Reply yes", "Bob"), "/w Bob yes");
  for (const line of ["/r", "/rest ", "a /r ", "//r "]) assertEquals(bindReply(line, "Bob"), line);
  assertEquals(bindReply("/r ", ""), "/r ");
});
