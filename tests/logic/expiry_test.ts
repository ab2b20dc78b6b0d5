import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import { GUILDS } from "../../games/parts/guilds/guild_store.ts";
import { BelievedDate } from "../../server/session/expiry.ts";
import { ALL_TIME, SCORES } from "../../games/parts/leaderboards/score_store.ts";
import { EXPIRY_CONFIRM_MS } from "../../shared/limits.ts";
import { KEPT_WHISPER_MS } from "../../games/parts/friends/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { settle } from "../social/company.ts";
import { LogicHarness, ManualClock } from "../support/logic_harness.ts";

const DAY_MS = 86_400_000;
const SWEEP_MS = 10_000;
/** What moments of a wrong clock last, in milliseconds. */
const WRONG_MS = EXPIRY_CONFIRM_MS / 2;

Deno.test("BelievedDate.look() believes a date when looks at the clock for EXPIRY_CONFIRM_MS were as far ahead", () => {
  const clock = new ManualClock();
  const date = new BelievedDate(clock);
  /** How far behind the clock the date is that is believed. */
  const lookAfter = (ms: number) => {
    clock.advance(ms);
    return clock.unixMs() - date.look();
  };
  assertEquals(date.look(), 0, "not at the first look");
  assertEquals(lookAfter(EXPIRY_CONFIRM_MS - 1), clock.unixMs());
  assertEquals([lookAfter(1), lookAfter(1), lookAfter(DAY_MS)], [0, 0, 0], "then at once");
  // A clock that is wrong for a moment.
  clock.jump(40 * DAY_MS);
  assertEquals([lookAfter(1), lookAfter(EXPIRY_CONFIRM_MS - 2)], [40 * DAY_MS, 40 * DAY_MS]);
  clock.jump(-40 * DAY_MS);
  assertEquals([lookAfter(1), lookAfter(EXPIRY_CONFIRM_MS)], [0, 0]);
  // One that stays is right.
  clock.jump(40 * DAY_MS);
  assertEquals([lookAfter(1), lookAfter(EXPIRY_CONFIRM_MS)], [40 * DAY_MS, 40 * DAY_MS]);
  assertEquals(lookAfter(EXPIRY_CONFIRM_MS), 0);
  clock.jump(-1);
  assertEquals(lookAfter(1), 0, "never later than the clock");
});

/** Whispers, a ban, an invitation, a war and scores of a day; gives how much of each there is in the storage. */
async function fill(harness: LogicHarness): Promise<() => Promise<Record<string, number>>> {
  const { accounts, sanctions } = harness.storage;
  const guilds = harness.storage.of(GUILDS), scores = harness.storage.of(SCORES), social = harness.storage.of(SOCIAL);
  const nowMs = harness.clock.unixMs();
  const names = ["ann", "bob", "cid"];
  const ids = (await accounts.createMany(
    names.map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: nowMs })),
  )).map(({ accountId }) => accountId);
  const [ann, bob, cid] = ids;
  await social.keepWhisper({ recipientId: ann, senderId: bob, message: "hello", sentAtMs: nowMs });
  const ban = { kind: "ban", playerId: ann, address: null, reason: "spam", moderator: "eve" } as const;
  const endsAtMs = nowMs + KEPT_WHISPER_MS;
  await sanctions.set({ ...ban, createdAtMs: nowMs, endsAtMs });
  for (const [leaderId, name] of [[ann, "one"], [bob, "two"]] as const) {
    await guilds.create({ leaderId, name, nameKey: name, tag: name, tagKey: name, createdAtMs: nowMs });
  }
  await guilds.invite({ inviterId: ann, nameKey: "cid", nowMs, expiresAtMs: endsAtMs });
  await guilds.declareWar({ actorId: ann, enemyGuildId: 0, enemyNameKey: "two", nowMs, endsAtMs });
  const day = Math.floor(nowMs / DAY_MS);
  await scores.add([{ killerId: ann, victimId: bob, day }]);
  return async () => ({
    whispers: (await social.listWhispers({ recipientId: ann, sentFromMs: 0 })).length,
    bans: (await sanctions.list({ nowMs, limit: 9 })).length,
    invitations: (await guilds.findInvites({ playerId: cid, nowMs })).length,
    wars: (await guilds.loadOf({ playerId: ann }))!.wars.length,
    scores: (await scores.top({ board: "kills", day, limit: 9 })).length,
    always: (await scores.top({ board: "kills", day: ALL_TIME, limit: 9 })).length,
  });
}

Deno.test("Expiry.sweep() deletes nothing for a clock that is 40 days ahead for a moment, and what is over without a write", async () => {
  await using harness = await LogicHarness.create();
  const counts = await fill(harness);
  const all = { whispers: 1, bans: 1, invitations: 1, wars: 1, scores: 1, always: 1 };
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += SWEEP_MS) {
      harness.clock.advance(SWEEP_MS - harness.config.tickMs);
      harness.tick();
      await settle(harness);
    }
  };
  // At the start, and later.
  for (const beforeMs of [SWEEP_MS, 3 * EXPIRY_CONFIRM_MS]) {
    await pass(beforeMs);
    harness.clock.jump(40 * DAY_MS);
    await pass(WRONG_MS);
    assertEquals(await counts(), all);
    harness.clock.jump(-40 * DAY_MS);
  }
  await pass(2 * EXPIRY_CONFIRM_MS);
  assertEquals(await counts(), all);
  harness.clock.advance(40 * DAY_MS);
  await pass(EXPIRY_CONFIRM_MS);
  assertEquals(await counts(), { ...all, whispers: 0, bans: 0, invitations: 0, wars: 0, scores: 0 });
});
