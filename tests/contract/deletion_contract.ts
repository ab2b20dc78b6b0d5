/** What every storage adapter promises of void tokens and of the deletion of accounts. @module */

import { relatedPlayersOf, SOCIAL } from "../../games/parts/friends/social_store.ts";
import { GUILDS, leftGuildOf } from "../../games/parts/guilds/guild_store.ts";
import { SCORES } from "../../games/parts/leaderboards/score_store.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";

type Claim = (text: string, run: (storage: Storage) => Promise<void>) => void;

const NOW_MS = 1_760_000_000_000;

async function createPlayer(storage: Storage, name: string): Promise<number> {
  const result = await storage.accounts.create({
    name,
    nameKey: name.toLowerCase(),
    passwordVerifier: "verifier",
    createdAtMs: NOW_MS,
  });
  assert(result.kind === "created", `${name} must be free`);
  return result.accountId;
}

async function schedule(storage: Storage, accountId: number, deleteAtMs: number): Promise<void> {
  assert(await storage.accounts.revokeTokens({ accountId, tokenEpoch: null, deleteAtMs }) !== undefined);
}

/** Two friends in a guild that the first one leads and that is at war, each with something of the other's. */
async function tie(storage: Storage, first: number, second: number): Promise<void> {
  const guild = (leaderId: number, name: string) =>
    storage.of(GUILDS).create({ leaderId, name, nameKey: name, tag: name, tagKey: name, createdAtMs: NOW_MS });
  const times = { nowMs: NOW_MS, expiresAtMs: NOW_MS + 1_000 };
  const founded = await guild(first, "wolf");
  assert(founded.kind === "created");
  await storage.of(GUILDS).invite({ inviterId: first, nameKey: "second", ...times });
  assertEquals(
    (await storage.of(GUILDS).join({ playerId: second, guildId: founded.guildId, nowMs: NOW_MS })).kind,
    "joined",
  );
  await guild(await createPlayer(storage, "Enemy"), "fox");
  const war = { actorId: first, enemyGuildId: 0, enemyNameKey: "fox", nowMs: NOW_MS, endsAtMs: NOW_MS + 60_000 };
  assertEquals((await storage.of(GUILDS).declareWar(war)).kind, "declared");
  await storage.of(SOCIAL).requestFriend({ playerId: first, otherId: second, atMs: NOW_MS });
  await storage.of(SOCIAL).requestFriend({ playerId: second, otherId: first, atMs: NOW_MS });
  const ignoring = await createPlayer(storage, "Ignoring");
  await storage.of(SOCIAL).addIgnored({ playerId: ignoring, otherId: first });
  for (const [senderId, recipientId] of [[first, second], [second, first]]) {
    await storage.of(SOCIAL).keepWhisper({ senderId, recipientId, message: "psst", sentAtMs: NOW_MS });
  }
  await storage.of(SCORES).add([{ killerId: first, victimId: second, day: 20_000 }]);
  await storage.accounts.noteAddress({ accountId: first, address: "203.0.113.7", atMs: NOW_MS });
}

/** Declares the tests. */
export function claimDeletions(claim: Claim): void {
  claim("accounts.revokeTokens() raises the epoch, and changes only what is given", async (storage) => {
    const accountId = await createPlayer(storage, "Mira");
    const before = (await storage.accounts.find(accountId))!;
    assertEquals(await storage.accounts.revokeTokens({ accountId, tokenEpoch: null }), 1);
    assertEquals(await storage.accounts.find(accountId), { ...before, tokenEpoch: 1 });
    const passwordVerifier = "newer";
    assertEquals(await storage.accounts.revokeTokens({ accountId, tokenEpoch: 1, passwordVerifier }), 2);
    assertEquals(await storage.accounts.find(accountId), { ...before, tokenEpoch: 2, passwordVerifier });
    await schedule(storage, accountId, NOW_MS);
    const scheduled = { ...before, tokenEpoch: 3, passwordVerifier, deleteAtMs: NOW_MS };
    assertEquals(await storage.accounts.find(accountId), scheduled);
  });

  claim("accounts.revokeTokens() changes nothing of another epoch, and nobody", async (storage) => {
    const accountId = await createPlayer(storage, "Mira");
    const before = await storage.accounts.find(accountId);
    const change = { passwordVerifier: "stolen", deleteAtMs: NOW_MS };
    assertEquals(await storage.accounts.revokeTokens({ accountId, tokenEpoch: 1, ...change }), undefined);
    assertEquals(await storage.accounts.revokeTokens({ accountId: 999_999, tokenEpoch: null, ...change }), undefined);
    assertEquals(await storage.accounts.find(accountId), before);
    await assertRejects(
      () => storage.accounts.revokeTokens({ accountId, tokenEpoch: null, deleteAtMs: NaN }),
      RangeError,
      "deleteAtMs",
    );
  });

  claim("accounts.findDueDeletions() gives those due, first due first, but no one with a sanction", async (storage) => {
    const [late, early, banned, future] = [
      await createPlayer(storage, "Late"),
      await createPlayer(storage, "Early"),
      await createPlayer(storage, "Banned"),
      await createPlayer(storage, "Future"),
    ];
    await createPlayer(storage, "Staying");
    await schedule(storage, late, NOW_MS);
    await schedule(storage, early, NOW_MS - 1);
    await schedule(storage, banned, NOW_MS - 2);
    await schedule(storage, future, NOW_MS + 1);
    const ban = { kind: "ban", playerId: banned, address: null, reason: "cheating", moderator: "op" } as const;
    await storage.sanctions.set({ ...ban, createdAtMs: NOW_MS - 5, endsAtMs: NOW_MS + 10 });
    const due = (nowMs: number, limit = 10) => storage.accounts.findDueDeletions({ nowMs, limit });
    assertEquals(await due(NOW_MS), [early, late]);
    assertEquals(await due(NOW_MS, 1), [early]);
    assertEquals(await due(NOW_MS + 10), [banned, early, late, future]);
  });

  claim("accounts.cancelDeletion() keeps an account that was to be deleted", async (storage) => {
    const accountId = await createPlayer(storage, "Mira");
    assertEquals(await storage.accounts.cancelDeletion(accountId), false);
    await schedule(storage, accountId, NOW_MS);
    assertEquals(await storage.accounts.cancelDeletion(accountId), true);
    assertEquals(await storage.accounts.cancelDeletion(accountId), false);
    assertEquals(await storage.accounts.cancelDeletion(999_999), false);
    assertEquals(await storage.accounts.findDueDeletions({ nowMs: NOW_MS, limit: 10 }), []);
    assertEquals((await storage.accounts.remove({ accountId, nowMs: NOW_MS, isDue: true })).kind, "not_due");
  });

  claim("accounts.remove() takes everything of an account along, and gives its guild to the next", async (storage) => {
    const [first, second] = [await createPlayer(storage, "First"), await createPlayer(storage, "Second")];
    await tie(storage, first, second);
    const { characterId } = (await storage.characters.load({ accountId: first, characterId: 0 }))!;
    const ignoring = (await storage.accounts.findByName("ignoring"))!.accountId;
    const guildId = (await storage.of(GUILDS).loadOf({ playerId: first }))?.guildId;
    assert(guildId !== undefined);
    await schedule(storage, first, NOW_MS);
    const early = await storage.accounts.remove({ accountId: first, nowMs: NOW_MS - 1, isDue: true });
    assertEquals(early, { kind: "not_due" });
    const result = await storage.accounts.remove({ accountId: first, nowMs: NOW_MS, isDue: true });
    assert(result.kind === "removed");
    assertEquals([result.name, [...relatedPlayersOf(result.partings)].sort()], ["First", [second, ignoring].sort()]);
    assertEquals(leftGuildOf(result.partings)?.guildId, guildId);

    assertEquals(await storage.accounts.find(first), undefined);
    assertEquals(await storage.characters.load({ accountId: first, characterId }), undefined);
    const none = { friends: [], incoming: [], outgoing: [], ignored: [] };
    assertEquals(await storage.of(SOCIAL).load(second), none);
    assertEquals(await storage.of(SOCIAL).load(ignoring), none);
    assertEquals(await storage.of(SOCIAL).listWhispers({ recipientId: second, sentFromMs: 0 }), []);
    const top = await storage.of(SCORES).top({ board: "kills", day: 0, limit: 10 });
    assertEquals(top, []);
    const guild = await storage.of(GUILDS).loadOf({ playerId: second });
    assertEquals(guild?.members.map(({ name, rank }) => `${name} ${rank}`), ["Second 2"]);
    assertEquals(guild?.wars.length, 1);
    assertEquals(await storage.accounts.remove({ accountId: first, nowMs: NOW_MS, isDue: true }), {
      kind: "not_found",
    });
    assert(await createPlayer(storage, "First") > second, "the name is free, and the id is another");
  });

  claim("accounts.remove() disbands the guild of which the account was the last member", async (storage) => {
    const [first, second] = [await createPlayer(storage, "First"), await createPlayer(storage, "Second")];
    await tie(storage, first, second);
    for (const accountId of [second, first]) {
      const result = await storage.accounts.remove({ accountId, nowMs: NOW_MS, isDue: false });
      assert(result.kind === "removed");
      const left = leftGuildOf(result.partings);
      assert(left !== null);
      if (accountId === first) assertEquals(await storage.of(GUILDS).load(left), undefined);
    }
    // Its war goes on to its end.
    const enemy = (await storage.accounts.findByName("enemy"))!.accountId;
    assertEquals((await storage.of(GUILDS).loadOf({ playerId: enemy }))?.wars.length, 1);
  });

  claim("accounts.remove() leaves whom a sanction stands against, whoever asks", async (storage) => {
    const accountId = await createPlayer(storage, "Mira");
    await schedule(storage, accountId, NOW_MS);
    for (const kind of ["ban", "mute"] as const) {
      const sanction = { kind, playerId: accountId, address: null, reason: "spam", moderator: "op" };
      await storage.sanctions.set({ ...sanction, createdAtMs: NOW_MS, endsAtMs: null });
      for (const isDue of [true, false]) {
        assertEquals((await storage.accounts.remove({ accountId, nowMs: NOW_MS, isDue })).kind, "sanctioned");
      }
      await storage.sanctions.lift({ kind, playerId: accountId, address: null, nowMs: NOW_MS });
    }
    assertEquals((await storage.accounts.remove({ accountId, nowMs: NOW_MS, isDue: true })).kind, "removed");
  });
}
