/**
 * What every storage adapter promises of friends, ignore lists and kept whispers.
 *
 * @module
 */

import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import type { PlayerName, Storage } from "../../server/storage/storage.ts";
import { DependencyError } from "../../shared/errors.ts";
import {
  FRIEND_REQUESTS_WAITING_MAX,
  FRIENDS_MAX,
  IGNORED_PLAYERS_MAX,
  KEPT_WHISPERS_MAX,
  KEPT_WHISPERS_PER_SENDER_MAX,
} from "../../games/parts/friends/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import type { Claim } from "./storage_contract.ts";

const NOW_MS = 1_760_000_000_000;
const NOTHING = { friends: [], incoming: [], outgoing: [], ignored: [] };

async function createPlayers(storage: Storage, names: readonly string[]): Promise<number[]> {
  const accounts = names.map((name) => ({
    name,
    nameKey: name.toLowerCase(),
    passwordVerifier: null,
    createdAtMs: NOW_MS,
  }));
  return (await storage.accounts.createMany(accounts)).map(({ accountId }) => accountId);
}

/** A player's lists as names. */
async function listsOf(storage: Storage, playerId: number): Promise<Record<string, string[]>> {
  const lists = Object.entries<readonly PlayerName[]>({ ...await storage.of(SOCIAL).load(playerId) });
  return Object.fromEntries(lists.map(([key, players]) => [key, players.map(({ name }) => name)]));
}

function request(storage: Storage, playerId: number, otherId: number) {
  return storage.of(SOCIAL).requestFriend({ playerId, otherId, atMs: NOW_MS });
}

function answer(storage: Storage, playerId: number, otherId: number, isAccepted: boolean) {
  return storage.of(SOCIAL).answerFriend({ playerId, otherId, isAccepted, atMs: NOW_MS });
}

async function befriend(storage: Storage, playerId: number, otherId: number): Promise<void> {
  assertEquals(await request(storage, playerId, otherId), "requested");
  assertEquals(await answer(storage, otherId, playerId, true), "accepted");
}

function keep(storage: Storage, recipientId: number, senderId: number, message: string, sentAtMs = NOW_MS) {
  return storage.of(SOCIAL).keepWhisper({ recipientId, senderId, message, sentAtMs });
}

/** What is kept for a player, as texts. */
async function keptFor(storage: Storage, recipientId: number, sentFromMs = 0): Promise<string[]> {
  return (await storage.of(SOCIAL).listWhispers({ recipientId, sentFromMs })).map(({ message }) => message);
}

/** The claims that every adapter is held to. */
export function claimSocial(claim: Claim): void {
  claimFriends(claim);
  claimIgnoreLists(claim);
  claimKeptWhispers(claim);
}

/** The claims for adapters whose data outlive them. */
export function claimSocialDurability(claim: Claim): void {
  claim("reopen() finds friends, requests, ignore lists and kept whispers", async (storage, opened) => {
    const [ann, bob, cid] = await createPlayers(storage, ["Ann", "Bob", "Cid"]);
    await befriend(storage, ann, bob);
    await request(storage, cid, ann);
    await storage.of(SOCIAL).addIgnored({ playerId: ann, otherId: bob });
    await keep(storage, ann, cid, "hello");
    const again = await opened.reopen();
    assertEquals(await listsOf(again, ann), { friends: ["Bob"], incoming: ["Cid"], outgoing: [], ignored: ["Bob"] });
    assertEquals(await listsOf(again, bob), { ...NOTHING, friends: ["Ann"] });
    assertEquals(await keptFor(again, ann), ["hello"]);
  });
}

function claimFriends(claim: Claim): void {
  claim("social.load() gives empty lists for a new player, and for nobody", async (storage) => {
    const [ann] = await createPlayers(storage, ["Ann"]);
    assertEquals(await listsOf(storage, ann), NOTHING);
    assertEquals(await listsOf(storage, 999_999), NOTHING);
  });

  claim("social.requestFriend() is seen by both until it is answered", async (storage) => {
    const [ann, bob] = await createPlayers(storage, ["Ann", "Bob"]);
    assertEquals(await request(storage, ann, bob), "requested");
    assertEquals(await request(storage, ann, bob), "requested_already");
    assertEquals(await storage.of(SOCIAL).load(ann), { ...NOTHING, outgoing: [{ playerId: bob, name: "Bob" }] });
    assertEquals(await storage.of(SOCIAL).load(bob), { ...NOTHING, incoming: [{ playerId: ann, name: "Ann" }] });
    assertEquals(await answer(storage, ann, bob, true), "not_found");
    assertEquals(await answer(storage, bob, ann, true), "accepted");
    assertEquals(await answer(storage, bob, ann, true), "not_found");
    assertEquals(await storage.of(SOCIAL).load(ann), { ...NOTHING, friends: [{ playerId: bob, name: "Bob" }] });
    assertEquals(await storage.of(SOCIAL).load(bob), { ...NOTHING, friends: [{ playerId: ann, name: "Ann" }] });
    assertEquals(await request(storage, ann, bob), "friends_already");
    assertEquals(await request(storage, bob, ann), "friends_already");
  });

  claim("social.requestFriend() accepts where the other has asked, also when both ask at once", async (storage) => {
    const [ann, bob] = await createPlayers(storage, ["Ann", "Bob"]);
    const results = await Promise.all([request(storage, ann, bob), request(storage, bob, ann)]);
    assertEquals(results.sort(), ["accepted", "requested"]);
    assertEquals(await listsOf(storage, ann), { ...NOTHING, friends: ["Bob"] });
    assertEquals(await listsOf(storage, bob), { ...NOTHING, friends: ["Ann"] });
  });

  claim("social.answerFriend() declines, and the player can ask again", async (storage) => {
    const [ann, bob] = await createPlayers(storage, ["Ann", "Bob"]);
    await request(storage, ann, bob);
    assertEquals(await answer(storage, bob, ann, false), "declined");
    assertEquals([await listsOf(storage, ann), await listsOf(storage, bob)], [NOTHING, NOTHING]);
    assertEquals(await request(storage, ann, bob), "requested");
  });

  claim("social.removeFriend() ends a friendship for both, or takes back a request", async (storage) => {
    const [ann, bob] = await createPlayers(storage, ["Ann", "Bob"]);
    await befriend(storage, ann, bob);
    assertEquals(await storage.of(SOCIAL).removeFriend({ playerId: bob, otherId: ann }), "removed");
    assertEquals([await listsOf(storage, ann), await listsOf(storage, bob)], [NOTHING, NOTHING]);
    await request(storage, ann, bob);
    assertEquals(await storage.of(SOCIAL).removeFriend({ playerId: bob, otherId: ann }), "not_found");
    assertEquals(await storage.of(SOCIAL).removeFriend({ playerId: ann, otherId: bob }), "withdrawn");
    assertEquals(await storage.of(SOCIAL).removeFriend({ playerId: ann, otherId: bob }), "not_found");
    assertEquals(await listsOf(storage, bob), NOTHING);
  });

  claim("social.requestFriend() and answerFriend() keep lists at FRIENDS_MAX", async (storage) => {
    const names = Array.from({ length: FRIENDS_MAX + 2 }, (_, i) => `p${i}`);
    const [ann, ...others] = await createPlayers(storage, ["Ann", ...names]);
    const last = others[FRIENDS_MAX], beyond = others[FRIENDS_MAX + 1];
    await request(storage, beyond, ann);
    for (const other of others.slice(0, FRIENDS_MAX - 1)) await befriend(storage, ann, other);
    assertEquals(await request(storage, ann, last), "requested");
    // A request counts as well: the other may accept at any time.
    assertEquals(await request(storage, ann, others[FRIENDS_MAX - 1]), "own_list_full");
    assertEquals(await answer(storage, ann, beyond, true), "own_list_full");
    assertEquals(await request(storage, ann, beyond), "own_list_full");
    assertEquals(await answer(storage, last, ann, true), "accepted");
    const { friends, incoming } = await storage.of(SOCIAL).load(ann);
    assertEquals([friends.length, incoming.length], [FRIENDS_MAX, 1]);
    assertEquals(await answer(storage, ann, beyond, false), "declined");
  });

  claim("social.requestFriend() lets FRIEND_REQUESTS_WAITING_MAX players wait for one", async (storage) => {
    const names = Array.from({ length: FRIEND_REQUESTS_WAITING_MAX + 1 }, (_, i) => `p${i}`);
    const [ann, ...others] = await createPlayers(storage, ["Ann", ...names]);
    const results = await Promise.all(others.map((other) => request(storage, other, ann)));
    assertEquals(results.filter((result) => result === "requested").length, FRIEND_REQUESTS_WAITING_MAX);
    assertEquals(results.at(-1), "other_list_full");
  });

  claim("social.requestFriend() counts nobody among those who wait whom the other ignores", async (storage) => {
    const names = Array.from({ length: FRIEND_REQUESTS_WAITING_MAX }, (_, i) => `p${i}`);
    const [ann, bob, ...trolls] = await createPlayers(storage, ["Ann", "Bob", ...names]);
    for (const troll of trolls.slice(0, IGNORED_PLAYERS_MAX)) {
      await storage.of(SOCIAL).addIgnored({ playerId: ann, otherId: troll });
    }
    for (const troll of trolls) assertEquals(await request(storage, troll, ann), "requested");
    assertEquals(await request(storage, bob, ann), "requested");
    assertEquals((await listsOf(storage, ann)).incoming, ["Bob"]);
  });

  claim("social.load() gives names in their order, whatever their case", async (storage) => {
    const [ann, ...others] = await createPlayers(storage, ["Ann", "zoe", "Bob", "ada", "Xen"]);
    for (const other of others) await request(storage, ann, other);
    assertEquals((await listsOf(storage, ann)).outgoing, ["ada", "Bob", "Xen", "zoe"]);
  });

  claim("social refuses players that are the same, unknown, or no ids", async (storage) => {
    const [ann] = await createPlayers(storage, ["Ann"]);
    const self = { playerId: ann, otherId: ann };
    await assertRejects(() => storage.of(SOCIAL).requestFriend({ ...self, atMs: NOW_MS }), RangeError, "itself");
    await assertRejects(() => storage.of(SOCIAL).addIgnored(self), RangeError, "itself");
    const nobody = { playerId: ann, otherId: 999_999 };
    const calls = [
      () => storage.of(SOCIAL).requestFriend({ ...nobody, atMs: NOW_MS }),
      () => storage.of(SOCIAL).addIgnored(nobody),
      () => keep(storage, nobody.otherId, ann, "hello"),
    ];
    for (const call of calls) assertEquals((await assertRejects(call, DependencyError)).code, "conflict");
    assertEquals(await storage.of(SOCIAL).removeFriend(nobody), "not_found");
    assertEquals(await storage.of(SOCIAL).removeIgnored(nobody), false);
    for (const id of [-1, 1.5, NaN, 2 ** 53]) {
      await assertRejects(() => storage.of(SOCIAL).load(id), RangeError, "playerId");
      await assertRejects(() => request(storage, ann, id), RangeError, "otherId");
      await assertRejects(
        () => storage.of(SOCIAL).removeIgnored({ playerId: ann, otherId: id }),
        RangeError,
        "otherId",
      );
      await assertRejects(() => storage.of(SOCIAL).listWhispers({ recipientId: id, sentFromMs: 0 }), RangeError);
    }
    assertEquals(await listsOf(storage, ann), NOTHING);
  });
}

function claimIgnoreLists(claim: Claim): void {
  claim("social.addIgnored() is one-sided, and removeIgnored() ends it", async (storage) => {
    const [ann, bob] = await createPlayers(storage, ["Ann", "Bob"]);
    const pair = { playerId: ann, otherId: bob };
    assertEquals(await storage.of(SOCIAL).addIgnored(pair), "added");
    assertEquals(await storage.of(SOCIAL).addIgnored(pair), "ignored_already");
    assertEquals(await listsOf(storage, ann), { ...NOTHING, ignored: ["Bob"] });
    assertEquals(await listsOf(storage, bob), NOTHING);
    assertEquals(await storage.of(SOCIAL).removeIgnored(pair), true);
    assertEquals(await storage.of(SOCIAL).removeIgnored(pair), false);
    assertEquals(await listsOf(storage, ann), NOTHING);
  });

  claim("social.addIgnored() takes IGNORED_PLAYERS_MAX players", async (storage) => {
    const names = Array.from({ length: IGNORED_PLAYERS_MAX + 1 }, (_, i) => `p${i}`);
    const [ann, ...others] = await createPlayers(storage, ["Ann", ...names]);
    const results = await Promise.all(
      others.map((otherId) => storage.of(SOCIAL).addIgnored({ playerId: ann, otherId })),
    );
    assertEquals(results.filter((result) => result === "added").length, IGNORED_PLAYERS_MAX);
    assertEquals(results.at(-1), "list_full");
    assertEquals(await storage.of(SOCIAL).addIgnored({ playerId: ann, otherId: others[0] }), "ignored_already");
  });

  claim(
    "social.load() hides the requests of ignored players from who ignores them, and nobody else",
    async (storage) => {
      const [ann, bob] = await createPlayers(storage, ["Ann", "Bob"]);
      await storage.of(SOCIAL).addIgnored({ playerId: bob, otherId: ann });
      assertEquals(await request(storage, ann, bob), "requested");
      assertEquals((await listsOf(storage, bob)).incoming, []);
      assertEquals((await listsOf(storage, ann)).outgoing, ["Bob"]);
      await storage.of(SOCIAL).removeIgnored({ playerId: bob, otherId: ann });
      assertEquals((await listsOf(storage, bob)).incoming, ["Ann"]);
    },
  );
}

function claimKeptWhispers(claim: Claim): void {
  claim("social.listWhispers() gives what was kept, in order, with who said it when", async (storage) => {
    const [ann, bob, cid] = await createPlayers(storage, ["Ann", "Bob", "Cid"]);
    await Promise.all([keep(storage, ann, bob, "one", NOW_MS), keep(storage, ann, cid, "two", NOW_MS - 5)]);
    await keep(storage, bob, ann, "not for Ann");
    const whispers = await storage.of(SOCIAL).listWhispers({ recipientId: ann, sentFromMs: 0 });
    assertEquals(whispers.map(({ whisperId: _, ...whisper }) => whisper), [
      { senderId: bob, senderName: "Bob", message: "one", sentAtMs: NOW_MS },
      { senderId: cid, senderName: "Cid", message: "two", sentAtMs: NOW_MS - 5 },
    ]);
    assertEquals(whispers[0].whisperId < whispers[1].whisperId, true);
    assertEquals(await keptFor(storage, ann, NOW_MS), ["one"]);
    assertEquals(await keptFor(storage, cid), []);
  });

  claim("social.keepWhisper() lets nobody push out what others have whispered", async (storage) => {
    const [ann, bob, cid, dan] = await createPlayers(storage, ["Ann", "Bob", "Cid", "Dan"]);
    await keep(storage, ann, cid, "from Cid");
    for (let index = 0; index < KEPT_WHISPERS_MAX + 5; index++) await keep(storage, ann, bob, `spam ${index}`);
    await keep(storage, ann, dan, "from Dan");
    const kept = await keptFor(storage, ann);
    assertEquals([kept.length, kept[0], kept[1], kept.at(-1)], [KEPT_WHISPERS_MAX, "from Cid", "spam 7", "from Dan"]);
  });

  claim("social.keepWhisper() keeps the newest KEPT_WHISPERS_MAX for each player", async (storage) => {
    const [ann, bob] = await createPlayers(storage, ["Ann", "Bob"]);
    await keep(storage, bob, ann, "for Bob");
    const texts = Array.from({ length: KEPT_WHISPERS_MAX + 3 }, (_, i) => `message ${i}`);
    await Promise.all(texts.map((text) => keep(storage, ann, bob, text)));
    assertEquals(await keptFor(storage, ann), texts.slice(3));
    assertEquals(await keptFor(storage, bob), ["for Bob"]);
  });

  claim("social.deleteOldWhispers() deletes what was sent earlier, whoever it is for", async (storage) => {
    const [ann, bob] = await createPlayers(storage, ["Ann", "Bob"]);
    await keep(storage, ann, bob, "old", NOW_MS - 1);
    await keep(storage, bob, ann, "older", NOW_MS - 2);
    await keep(storage, bob, ann, "new");
    assertEquals(await storage.of(SOCIAL).deleteOldWhispers({ sentBeforeMs: NOW_MS }), 2);
    assertEquals([await keptFor(storage, ann), await keptFor(storage, bob)], [[], ["new"]]);
    assertEquals(await storage.of(SOCIAL).deleteOldWhispers({ sentBeforeMs: NOW_MS }), 0);
  });

  claim("social.keepWhisper() keeps nothing of an ignored sender", async (storage) => {
    const [ann, bob, cid] = await createPlayers(storage, ["Ann", "Bob", "Cid"]);
    await storage.of(SOCIAL).addIgnored({ playerId: ann, otherId: bob });
    assertEquals(await keep(storage, ann, bob, "ignored"), { kind: "ignored" });
    await keep(storage, ann, cid, "heard");
    assertEquals(await keptFor(storage, ann), ["heard"]);
  });

  claim("social.keepWhisper() refuses one of many who whisper once rather than lose another's", async (storage) => {
    const names = Array.from({ length: KEPT_WHISPERS_MAX }, (_, i) => `p${i}`);
    const [ann, honest, late, pal, ...strangers] = await createPlayers(storage, [
      "Ann",
      "Bob",
      "Late",
      "Pal",
      ...names,
    ]);
    await befriend(storage, ann, pal);
    await keep(storage, ann, honest, "from Bob");
    const results: string[] = [];
    for (const stranger of strangers) results.push((await keep(storage, ann, stranger, "spam")).kind);
    assertEquals(results, [...new Array(KEPT_WHISPERS_MAX - 1).fill("kept"), "full"]);
    // Who whispers a second time pushes out itself, and friends have room of their own.
    assertEquals((await keep(storage, ann, strangers[0], "spam again")).kind, "kept");
    assertEquals((await keep(storage, ann, late, "late")).kind, "full");
    for (let index = 0; index < KEPT_WHISPERS_MAX; index++) await keep(storage, ann, pal, `from Pal ${index}`);
    const kept = await keptFor(storage, ann);
    assertEquals([kept.length, kept[0], kept.at(-1)], [2 * KEPT_WHISPERS_MAX, "from Bob", "from Pal 49"]);
    assertEquals([kept.includes("spam again"), kept.filter((text) => text === "spam").length], [true, 48]);
  });

  claim("social.keepWhisper() keeps KEPT_WHISPERS_PER_SENDER_MAX of a sender, for whomever", async (storage) => {
    const names = Array.from({ length: KEPT_WHISPERS_PER_SENDER_MAX + 1 }, (_, i) => `p${i}`);
    const [ann, bob, ...others] = await createPlayers(storage, ["Ann", "Bob", ...names]);
    const results = await Promise.all(others.map((other) => keep(storage, other, ann, "spam")));
    assertEquals(results.filter(({ kind }) => kind === "kept").length, KEPT_WHISPERS_PER_SENDER_MAX);
    assertEquals(results.at(-1), { kind: "full" });
    assertEquals((await keep(storage, others.at(-1)!, bob, "hello")).kind, "kept");
    const [{ whisperId }] = await storage.of(SOCIAL).listWhispers({ recipientId: others[0], sentFromMs: 0 });
    await storage.of(SOCIAL).deleteWhispers({ recipientId: others[0], whisperIds: [whisperId] });
    assertEquals((await keep(storage, others.at(-1)!, ann, "spam")).kind, "kept");
  });

  claim("social.deleteWhispers() deletes those named, of one player", async (storage) => {
    const [ann, bob] = await createPlayers(storage, ["Ann", "Bob"]);
    const ids: number[] = [];
    for (const text of ["one", "two", "three"]) {
      const result = await keep(storage, ann, bob, text);
      assert(result.kind === "kept");
      ids.push(result.whisperId);
    }
    await keep(storage, bob, ann, "for Bob");
    const whisperIds = [ids[0], ids[2], 999];
    assertEquals(await storage.of(SOCIAL).deleteWhispers({ recipientId: bob, whisperIds }), 0);
    assertEquals(await storage.of(SOCIAL).deleteWhispers({ recipientId: ann, whisperIds }), 2);
    assertEquals([await keptFor(storage, ann), await keptFor(storage, bob)], [["two"], ["for Bob"]]);
  });
}
