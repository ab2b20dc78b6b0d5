/**
 * What every storage adapter promises of kills and deaths.
 *
 * @module
 */

import { ALL_TIME, type Board, type PlayerKill, SCORES } from "../../games/parts/leaderboards/score_store.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { STORAGE_ROWS_MAX } from "../../shared/limits.ts";
import { LEADERBOARD_ENTRIES_MAX, LEADERBOARD_RANK_MAX } from "../../games/parts/leaderboards/limits.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { type Claim, mustCreate } from "./storage_contract.ts";

const DAY = 20_000;

function kills(count: number, killerId: number, victimId: number | null, day = DAY): PlayerKill[] {
  return Array.from({ length: count }, () => ({ killerId, victimId, day }));
}

/** Does something with all of many, some at a time: a storage answers each call in time. */
async function inBatches<T>(all: readonly T[], run: (batch: readonly T[]) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < all.length; from += 1_000) await run(all.slice(from, from + 1_000));
}

/** Ranks, names and counts of a board, in its order. */
async function topOf(storage: Storage, board: Board, day = ALL_TIME, limit = 100): Promise<string[]> {
  const scores = await storage.of(SCORES).top({ board, day, limit });
  return scores.map((score) => `${score.rank} ${score.name} ${score[board]}`);
}

/** The claims that every adapter is held to. */
export function claimScores(claim: Claim): void {
  claim("scores.add() counts kills, deaths and monsters, for the day and for all time", async (storage) => {
    const [ann, bob] = [await mustCreate(storage, "Ann"), await mustCreate(storage, "Bob")];
    await storage.of(SCORES).add([...kills(2, ann, bob), ...kills(1, bob, ann), ...kills(3, bob, null)]);
    await storage.of(SCORES).add(kills(1, ann, bob, DAY + 1));
    const annAlways = { rank: 1, playerId: ann, name: "Ann", kills: 3, deaths: 1, monsterKills: 0 };
    const bobAlways = { rank: 2, playerId: bob, name: "Bob", kills: 1, deaths: 3, monsterKills: 3 };
    assertEquals(await storage.of(SCORES).top({ board: "kills", day: ALL_TIME, limit: 100 }), [annAlways, bobAlways]);
    assertEquals(await storage.of(SCORES).of({ board: "kills", day: ALL_TIME, playerId: ann }), annAlways);
    assertEquals(await storage.of(SCORES).of({ board: "deaths", day: ALL_TIME, playerId: bob }), {
      ...bobAlways,
      rank: 1,
    });
    assertEquals(await topOf(storage, "deaths"), ["1 Bob 3", "2 Ann 1"]);
    assertEquals(await topOf(storage, "monsterKills"), ["1 Bob 3"]);
    assertEquals(await topOf(storage, "kills", DAY + 1), ["1 Ann 1"]);
  });

  claim("scores.deleteOld() deletes the days before one, and nothing of all time", async (storage) => {
    const [ann, bob] = [await mustCreate(storage, "Ann"), await mustCreate(storage, "Bob")];
    await storage.of(SCORES).add(kills(2, ann, bob));
    assertEquals(await topOf(storage, "kills", DAY), ["1 Ann 2"]);
    await storage.of(SCORES).add(kills(1, bob, ann, DAY + 1));
    assertEquals(await storage.of(SCORES).deleteOld({ beforeDay: DAY }), 0);
    assertEquals(await topOf(storage, "kills", DAY), ["1 Ann 2"]);
    assertEquals(await storage.of(SCORES).deleteOld({ beforeDay: DAY + 1 }), 2);
    assertEquals([await topOf(storage, "kills", DAY), await topOf(storage, "kills", DAY + 1)], [[], ["1 Bob 1"]]);
    assertEquals(await topOf(storage, "kills"), ["1 Ann 2", "2 Bob 1"]);
  });

  claim("scores.add() skips players who do not exist", async (storage) => {
    const ann = await mustCreate(storage, "Ann");
    await storage.of(SCORES).add([...kills(1, 999_999, ann), ...kills(1, ann, 999_999)]);
    assertEquals(await topOf(storage, "kills"), ["1 Ann 1"]);
    assertEquals(await topOf(storage, "deaths"), ["1 Ann 1"]);
  });

  claim("scores.top() gives equal counts one rank, in the order of ids, and leaves the next out", async (storage) => {
    const ids = await Promise.all(["Ann", "Bob", "Cid", "Dan", "Eve"].map((name) => mustCreate(storage, name)));
    const [ann, bob, cid, dan, eve] = ids.toSorted((left, right) => left - right);
    await storage.of(SCORES).add([
      ...kills(1, dan, eve),
      ...kills(2, cid, eve),
      ...kills(2, bob, eve),
      ...kills(3, ann, eve),
    ]);
    const scores = await storage.of(SCORES).top({ board: "kills", day: ALL_TIME, limit: 100 });
    assertEquals(scores.map(({ rank, playerId }) => [rank, playerId]), [[1, ann], [2, bob], [2, cid], [4, dan]]);
    for (const { rank, playerId } of scores) {
      assertEquals((await storage.of(SCORES).of({ board: "kills", day: ALL_TIME, playerId }))?.rank, rank);
    }
    assertEquals((await storage.of(SCORES).of({ board: "kills", day: ALL_TIME, playerId: eve }))?.rank, 0);
    assertEquals((await storage.of(SCORES).top({ board: "kills", day: ALL_TIME, limit: 2 })).length, 2);
  });

  claim("scores.of() counts ranks as far as it promises, and no farther", async (storage) => {
    const names = Array.from({ length: LEADERBOARD_RANK_MAX + 1 }, (_, index) => `p${index}`);
    const accounts = names.map((name) => ({ name, nameKey: name, passwordVerifier: null, createdAtMs: 0 }));
    const ids: number[] = [];
    await inBatches(accounts, async (batch) => {
      for (const { accountId } of await storage.accounts.createMany(batch)) ids.push(accountId);
    });
    const [last, beforeLast] = ids;
    const ahead = ids.slice(2).flatMap((id) => kills(1, id, null));
    await inBatches([...ahead, ...ahead, ...kills(1, beforeLast, null)], (batch) => storage.of(SCORES).add(batch));
    const rankOf = async (playerId: number) =>
      (await storage.of(SCORES).of({ board: "monsterKills", day: DAY, playerId }))?.rank;
    assertEquals(await rankOf(beforeLast), LEADERBOARD_RANK_MAX);
    await storage.of(SCORES).add([...kills(1, beforeLast, null), ...kills(1, last, null)]);
    assertEquals(await rankOf(last), 0);
  });

  claim("scores refuses what is out of its range, and gives undefined for nobody", async (storage) => {
    const ann = await mustCreate(storage, "Ann");
    assertEquals(await storage.of(SCORES).of({ board: "kills", day: DAY, playerId: 999_999 }), undefined);
    const wrong = [
      () => storage.of(SCORES).add(kills(1, -1, ann)),
      () => storage.of(SCORES).add(kills(1, ann, 1.5)),
      () => storage.of(SCORES).add(kills(1, ann, null, ALL_TIME)),
      () => storage.of(SCORES).add(kills(STORAGE_ROWS_MAX + 1, ann, null)),
      () => storage.of(SCORES).top({ board: "kills", day: -1, limit: 1 }),
      () => storage.of(SCORES).top({ board: "kills", day: DAY, limit: LEADERBOARD_ENTRIES_MAX + 1 }),
      () => storage.of(SCORES).of({ board: "kills", day: Number.NaN, playerId: ann }),
    ];
    for (const run of wrong) await assertRejects(run, RangeError);
    assertEquals(await topOf(storage, "kills"), []);
  });
}

/** The claims for adapters whose data outlive them. */
export function claimScoreDurability(claim: Claim): void {
  claim("reopen() finds the scores", async (storage, opened) => {
    const [ann, bob] = [await mustCreate(storage, "Ann"), await mustCreate(storage, "Bob")];
    await storage.of(SCORES).add(kills(2, ann, bob));
    const again = await opened.reopen();
    assertEquals(await topOf(again, "kills", DAY), ["1 Ann 2"]);
    assertEquals(await topOf(again, "deaths"), ["1 Bob 2"]);
  });
}
