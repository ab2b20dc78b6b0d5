import {
  isModerationAct,
  type ModerationAct,
  parseModerationRequest,
} from "../../server/moderation/moderation_request.ts";
import { MODERATION_REASON_CHARS_MAX, MODERATION_SECONDS_MAX, MODERATOR_CHARS_MAX } from "../../shared/limits.ts";
import { CHAT_BYTES_MAX } from "../../games/parts/chat/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const ACTS: readonly ModerationAct[] = ["mute", "unmute", "kick", "ban", "unban", "announce"];

Deno.test("isModerationAct() knows what can be done, and no property of objects", () => {
  assert(ACTS.every(isModerationAct));
  assert(!["", "list", "Mute", "toString", "__proto__", "constructor"].some(isModerationAct));
});

Deno.test("parseModerationRequest() reads what is there and fills in what may be left out", () => {
  assertEquals(parseModerationRequest("mute", { player: "Ann" }), {
    act: "mute",
    target: { player: "Ann" },
    seconds: null,
    reason: "no reason given",
    moderator: "admin",
  });
  assertEquals(
    parseModerationRequest("ban", { address: "203.0.113.9/24", seconds: 60, reason: " spam ", moderator: "eve" }),
    { act: "ban", target: { address: "203.0.113.0/24" }, seconds: 60, reason: "spam", moderator: "eve" },
  );
  assertEquals(parseModerationRequest("announce", { text: "hello" }), {
    act: "announce",
    text: "hello",
    moderator: "admin",
  });
});

const LONG = "x".repeat(1_000);
/** What is refused, and a word of the reason. */
const REFUSED: readonly (readonly [act: ModerationAct, value: unknown, word: string])[] = [
  ["kick", null, "object"],
  ["kick", [], "object"],
  ["kick", "Ann", "object"],
  ["kick", {}, "missing"],
  ["kick", { player: "" }, "player"],
  ["kick", { player: 7 }, "player"],
  ["kick", { player: "A b" }, "player"],
  ["kick", { player: LONG }, "player"],
  ["kick", { player: "Ann", address: "1.2.3.4" }, "Unknown field"],
  ["kick", { player: "Ann", seconds: 5 }, "Unknown field"],
  ["kick", { player: "Ann", reason: 5 }, "reason"],
  ["kick", { player: "Ann", reason: "x".repeat(MODERATION_REASON_CHARS_MAX + 1) }, "reason"],
  ["kick", { player: "Ann", reason: "a\nb" }, "control"],
  ["kick", { player: "Ann", reason: "a\u202eb" }, "control"],
  ["kick", { player: "Ann", moderator: "x".repeat(MODERATOR_CHARS_MAX + 1) }, "moderator"],
  ["kick", { player: "Ann", [LONG]: 1 }, "Unknown field"],
  ["mute", { address: "1.2.3.4" }, "Unknown field"],
  ["ban", { player: "Ann", address: "1.2.3.4" }, "both"],
  ["ban", { address: "somewhere" }, "address"],
  ["ban", { address: 16_909_060 }, "address"],
  ["ban", { address: "1.2.3.4/1" }, "too wide"],
  ["ban", { player: "Ann", seconds: 0 }, "seconds"],
  ["ban", { player: "Ann", seconds: 1.5 }, "seconds"],
  ["ban", { player: "Ann", seconds: "60" }, "seconds"],
  ["ban", { player: "Ann", seconds: MODERATION_SECONDS_MAX + 1 }, "seconds"],
  ["announce", {}, "empty"],
  ["announce", { text: "  " }, "empty"],
  ["announce", { text: "x".repeat(CHAT_BYTES_MAX + 1) }, "text"],
  ["announce", { text: "ä".repeat(CHAT_BYTES_MAX / 2 + 1) }, "bytes"],
  ["announce", { text: "a\u0000" }, "control"],
];

Deno.test("parseModerationRequest() says what is wrong with a request", () => {
  for (const [act, value, word] of REFUSED) {
    const parsed = parseModerationRequest(act, value);
    assert("problems" in parsed, `${act} ${JSON.stringify(value)} must be refused`);
    assert(parsed.problems.some((problem) => problem.includes(word)), `${parsed.problems}: expected "${word}"`);
    assert(parsed.problems.every((problem) => problem.length < 200), "A problem does not repeat what is too long");
  }
});

Deno.test("parseModerationRequest() takes values at their bounds", () => {
  const parsed = parseModerationRequest("ban", {
    player: "x".repeat(20),
    seconds: MODERATION_SECONDS_MAX,
    reason: "x".repeat(MODERATION_REASON_CHARS_MAX),
    moderator: "x".repeat(MODERATOR_CHARS_MAX),
  });
  assert(!("problems" in parsed));
  assert(!("problems" in parseModerationRequest("announce", { text: "x".repeat(CHAT_BYTES_MAX) })));
});

Deno.test("parseModerationRequest() takes any JSON", () => {
  fc.assert(fc.property(fc.constantFrom(...ACTS), fc.jsonValue(), (act, value) => {
    const parsed = parseModerationRequest(act, value);
    assert("problems" in parsed ? parsed.problems.length > 0 : parsed.act === act);
  }));
});
