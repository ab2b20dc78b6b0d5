import { ChatGuard } from "../../games/parts/chat/chat_guard.ts";
import {
  CHAT_BURST,
  CHAT_MUTE_FORGIVEN_MS,
  CHAT_MUTE_MS,
  CHAT_MUTE_MS_MAX,
  CHAT_PER_SECOND,
  CHAT_REPEAT_WINDOW_MS,
  CHAT_REPEATS_MAX,
  CHAT_SPEAKERS_MAX,
  CHAT_STRIKES_MAX,
} from "../../games/parts/chat/limits.ts";
import { assertEquals } from "../support/assert.ts";

const START_MS = 1_000;

/** Says the same until the player is muted. */
function provoke(guard: ChatGuard, playerId: number, nowMs: number): number {
  for (let index = 0; index < CHAT_REPEATS_MAX + CHAT_STRIKES_MAX + 1; index++) guard.judge(playerId, "buy", nowMs);
  return guard.mutedForMs(playerId, nowMs);
}

Deno.test("ChatGuard.judge() lets a burst of different messages pass, and then so many a second", () => {
  const guard = new ChatGuard();
  let nowMs = START_MS;
  for (let index = 0; index < CHAT_BURST; index++) assertEquals(guard.judge(1, `message ${index}`, nowMs), "ok");
  assertEquals(guard.judge(1, "one too many", nowMs), "too_fast");
  for (let index = 0; index < 100; index++) {
    nowMs += 1_000 / CHAT_PER_SECOND;
    assertEquals(guard.judge(1, `later ${index}`, nowMs), "ok");
  }
  assertEquals(guard.judge(2, "another player", nowMs), "ok");
});

Deno.test("ChatGuard.judge() lets a text be said so often in its window, and again after it", () => {
  const guard = new ChatGuard();
  for (let index = 0; index < CHAT_REPEATS_MAX; index++) assertEquals(guard.judge(1, "gg", START_MS), "ok");
  assertEquals(guard.judge(1, "gg", START_MS + CHAT_REPEAT_WINDOW_MS - 1), "repeated");
  assertEquals(guard.judge(1, "something else", START_MS + CHAT_REPEAT_WINDOW_MS - 1), "ok");
  assertEquals(guard.judge(1, "gg", START_MS + CHAT_REPEAT_WINDOW_MS), "ok");
});

Deno.test("ChatGuard.judge() takes texts for the same that a reader does, and others not", () => {
  const guard = new ChatGuard();
  const alike = ["Buy gold!", "BUY  GOLD", "b.u.y g-o-l-d", "buuuy gooold", "ｂｕｙ　ｇｏｌｄ", "buy\u200b gold"];
  for (let index = 0; index < CHAT_REPEATS_MAX; index++) guard.judge(1, alike[index % alike.length], START_MS);
  for (const text of alike) assertEquals(guard.judge(1, text, START_MS), "repeated", text);
  const different = ["buy gold 1", "buy gold 11", "buy silver", "…", "???", "🙂", "🙃"];
  for (let round = 0; round < CHAT_REPEATS_MAX; round++) {
    for (const text of different) assertEquals(guard.judge(2, text, START_MS + round * 500), "ok", text);
  }
});

Deno.test("ChatGuard.judge() mutes who goes on after being refused, and forgives one refusal a second", () => {
  const guard = new ChatGuard();
  let nowMs = START_MS;
  for (let index = 0; index < CHAT_REPEATS_MAX; index++) guard.judge(1, "gg", nowMs);
  for (let index = 0; index < CHAT_STRIKES_MAX; index++) assertEquals(guard.judge(1, "gg", nowMs), "repeated");
  nowMs += 1_000;
  assertEquals(guard.judge(1, "gg", nowMs), "repeated");
  assertEquals(guard.judge(1, "gg", nowMs), "mute");
  assertEquals(guard.judge(1, "sorry", nowMs), "muted");
  assertEquals(guard.mutedForMs(1, nowMs), CHAT_MUTE_MS);
  assertEquals(guard.judge(1, "sorry", nowMs + CHAT_MUTE_MS - 1), "muted");
  assertEquals(guard.judge(1, "sorry", nowMs + CHAT_MUTE_MS), "ok");
});

Deno.test("ChatGuard.judge() mutes twice as long each time, up to a bound, and half as long after a good while", () => {
  const guard = new ChatGuard();
  let nowMs = START_MS;
  for (let expectedMs = CHAT_MUTE_MS; expectedMs < CHAT_MUTE_MS_MAX; expectedMs *= 2) {
    assertEquals(provoke(guard, 1, nowMs), expectedMs);
    nowMs += expectedMs;
  }
  const mutedMs = provoke(guard, 1, nowMs);
  assertEquals(mutedMs, CHAT_MUTE_MS_MAX);
  nowMs += mutedMs + 3 * CHAT_MUTE_FORGIVEN_MS;
  assertEquals(provoke(guard, 1, nowMs), CHAT_MUTE_MS * 2 ** 5);
  nowMs += CHAT_MUTE_MS_MAX + 100 * CHAT_MUTE_FORGIVEN_MS;
  assertEquals(provoke(guard, 1, nowMs), CHAT_MUTE_MS);
});

Deno.test("ChatGuard.forgive() ends a mute and forgets what led to it", () => {
  const guard = new ChatGuard();
  provoke(guard, 1, START_MS);
  guard.forgive(1);
  assertEquals(guard.mutedForMs(1, START_MS), 0);
  assertEquals(guard.judge(1, "buy", START_MS), "ok");
  assertEquals(provoke(guard, 1, START_MS), CHAT_MUTE_MS);
});

Deno.test(`ChatGuard.judge() watches ${CHAT_SPEAKERS_MAX} players, and forgets who was silent longest`, () => {
  const guard = new ChatGuard();
  provoke(guard, 1, START_MS);
  provoke(guard, 2, START_MS);
  for (let playerId = 3; playerId <= CHAT_SPEAKERS_MAX; playerId++) guard.judge(playerId, "hello", START_MS);
  assertEquals(guard.judge(1, "still muted", START_MS), "muted");
  guard.judge(CHAT_SPEAKERS_MAX + 1, "hello", START_MS);
  assertEquals([guard.judge(1, "a", START_MS), guard.judge(2, "a", START_MS)], ["muted", "ok"]);
});
