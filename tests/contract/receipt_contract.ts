/** What every storage adapter promises of writes that are done once. @module */

import { GUILDS, type NewGuild } from "../../games/parts/guilds/guild_store.ts";
import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import { DOCUMENTS } from "../../server/storage/document_store.ts";
import { isKept, RECEIPTS } from "../../server/storage/receipt_store.ts";
import { DependencyError } from "../../shared/errors.ts";
import { CHANGE_RECEIPTS_PER_PLAYER_MAX, RECEIPTS_PER_PLAYER_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { type Claim, mustCreate, type OpenedStorage } from "./storage_contract.ts";

const NOW_MS = 1_760_000_000_000;

function request(playerId: number, requestKey: number, requestType = 3_000) {
  return { playerId, requestType, requestKey, atMs: NOW_MS };
}

function founding(leaderId: number, name: string): NewGuild {
  const tag = name.slice(0, 4);
  return { leaderId, name, nameKey: name.toLowerCase(), tag, tagKey: tag.toLowerCase(), createdAtMs: NOW_MS };
}

/** Declares the tests. */
export function claimReceipts(claim: Claim): void {
  claim("once() understands receipts of builds that did not mark what they kept", async (storage) => {
    const playerId = await mustCreate(storage, "Mira"), friendId = await mustCreate(storage, "Tomek");
    // Of any type: those builds did not say which, either.
    const keep = (requestKey: number, kept: unknown) =>
      storage.of(DOCUMENTS).commit({
        changes: [],
        receipt: { ...request(playerId, requestKey, 0), reply: new TextEncoder().encode(JSON.stringify(kept)) },
      });
    await keep(1, { kind: "created", guildId: 17 });
    await keep(2, "requested");
    assertEquals(await storage.once(GUILDS, request(playerId, 1)).create(founding(playerId, "Wolves")), {
      isRepeated: true,
      result: { kind: "created", guildId: 17 },
    });
    assertEquals(await storage.of(GUILDS).loadOf({ playerId }), undefined);
    const asking = { playerId, otherId: friendId, atMs: NOW_MS };
    const { isRepeated, result } = await storage.once(SOCIAL, request(playerId, 2)).requestFriend(asking);
    assertEquals([isRepeated, result], [true, "requested"]);
    // Nobody is sent what is no reply.
    const found = await storage.of(RECEIPTS).find(request(playerId, 1));
    assert(found !== undefined && isKept(found));
  });

  claim("once() does a write once, and gives what was kept of it again", async (storage) => {
    const playerId = await mustCreate(storage, "Mira");
    const guilds = storage.once(GUILDS, request(playerId, 2 ** 53 - 1));
    const first = await guilds.create(founding(playerId, "Wolves"));
    assert(!first.isRepeated && first.result.kind === "created");
    const kept = { kind: "created", guildId: first.result.guildId } as const;
    // Whatever it says by now: the name is the request.
    for (const name of ["Wolves", "Ravens"]) {
      assertEquals(await guilds.create(founding(playerId, name)), { isRepeated: true, result: kept });
    }
    assertEquals((await storage.of(GUILDS).loadOf({ playerId }))?.name, "Wolves");
    // Also when what it made is gone.
    await storage.of(GUILDS).leave({ playerId });
    assertEquals((await guilds.create(founding(playerId, "Wolves"))).isRepeated, true);
    assertEquals(await storage.of(GUILDS).loadOf({ playerId }), undefined);
  });

  claim("once() takes the same key of another type for another request", async (storage) => {
    const [playerId, otherId] = [await mustCreate(storage, "Mira"), await mustCreate(storage, "Nora")];
    const created = await storage.once(GUILDS, request(playerId, 7, 1)).create(founding(playerId, "Wolves"));
    const social = storage.once(SOCIAL, request(playerId, 7, 2));
    assertEquals(await social.addIgnored({ playerId, otherId }), { isRepeated: false, result: "added" });
    assertEquals(await social.addIgnored({ playerId, otherId }), { isRepeated: true, result: "added" });
    const again = await storage.once(GUILDS, request(playerId, 7, 1)).create(founding(playerId, "Wolves"));
    assert(created.result.kind === "created");
    assertEquals(again, { isRepeated: true, result: { kind: "created", guildId: created.result.guildId } });
    assertEquals(await storage.of(RECEIPTS).find(request(playerId, 7, 3)), undefined);
  });

  claim("once() keeps nothing of what was refused, failed or has no name", async (storage) => {
    const [mira, nora] = [await mustCreate(storage, "Mira"), await mustCreate(storage, "Nora")];
    await storage.of(GUILDS).create(founding(mira, "Wolves"));
    const named = storage.once(GUILDS, request(nora, 7));
    const refused = { isRepeated: false, result: { kind: "refused", reason: "name_taken" } } as const;
    assertEquals(await named.create(founding(nora, "Wolves")), refused);
    await assertRejects(() => named.create({ ...founding(nora, "Foxes"), createdAtMs: -1 }), RangeError);
    const error = await assertRejects(
      () => storage.once(SOCIAL, request(nora, 7)).addIgnored({ playerId: nora, otherId: 999_999 }),
      DependencyError,
    );
    assertEquals(error.code, "conflict");
    assertEquals(await storage.of(RECEIPTS).find(request(nora, 7)), undefined);
    // The same request again is decided anew.
    await storage.of(GUILDS).leave({ playerId: mira });
    assertEquals((await named.create(founding(nora, "Wolves"))).result.kind, "created");

    const unnamed = storage.once(SOCIAL, request(mira, 0));
    assertEquals(await unnamed.removeIgnored({ playerId: mira, otherId: nora }), { isRepeated: false, result: false });
    for (const result of ["added", "ignored_already"] as const) {
      assertEquals(await unnamed.addIgnored({ playerId: mira, otherId: nora }), { isRepeated: false, result });
    }
    assertEquals(await storage.of(RECEIPTS).find(request(mira, 0)), undefined);
  });

  claim("once() changes something and leaves its receipt together, or neither", async (storage) => {
    const mira = await mustCreate(storage, "Mira");
    // A receipt of nobody is refused; the account is the request's, not the guild's.
    const error = await assertRejects(
      () => storage.once(GUILDS, request(999_999, 1)).create(founding(mira, "Wolves")),
      DependencyError,
    );
    assertEquals(error.code, "conflict");
    assertEquals(await storage.of(GUILDS).loadOf({ playerId: mira }), undefined);
  });

  claim("once() lets one of many do it that ask for the same at once", async (storage) => {
    const mira = await mustCreate(storage, "Mira");
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => storage.once(GUILDS, request(mira, 5)).create(founding(mira, "Wolves"))),
    );
    assertEquals(answers.filter(({ isRepeated }) => !isRepeated).length, 1);
    const guildIds = answers.map(({ result }) => result.kind === "created" ? result.guildId : 0);
    assertEquals([new Set(guildIds).size, guildIds.includes(0)], [1, false]);
  });

  claim(
    "receipts of the game's own changes and of a player's requests make no room for each other",
    async (storage) => {
      const [mira, nora] = [await mustCreate(storage, "Mira"), await mustCreate(storage, "Nora")];
      const keep = (playerId: number, requestType: number, requestKey: number) =>
        storage.of(DOCUMENTS).commit({
          changes: [],
          receipt: { ...request(playerId, requestKey, requestType), reply: new Uint8Array(1) },
        });
      const isKept = async (playerId: number, requestType: number) =>
        await storage.of(RECEIPTS).find(request(playerId, 1, requestType)) !== undefined;
      for (const [playerId, first, more] of [[mira, 0, 3_000], [nora, 3_000, 0]]) {
        await keep(playerId, first, 1);
        for (let key = 2; key <= CHANGE_RECEIPTS_PER_PLAYER_MAX + 2; key++) await keep(playerId, more, key);
        assertEquals(await isKept(playerId, first), true);
        for (let key = 2; key <= CHANGE_RECEIPTS_PER_PLAYER_MAX + 2; key++) await keep(playerId, first, 1_000 + key);
        assertEquals(await isKept(playerId, first), false, "The oldest of its kind makes way");
      }
    },
  );

  claim("once() names requests of players apart, and its receipts count to those of documents", async (storage) => {
    const [mira, nora] = [await mustCreate(storage, "Mira"), await mustCreate(storage, "Nora")];
    const ignore = (playerId: number, otherId: number, key: number) =>
      storage.once(SOCIAL, request(playerId, key)).addIgnored({ playerId, otherId });
    for (const [playerId, otherId] of [[mira, nora], [nora, mira]]) {
      assertEquals((await ignore(playerId, otherId, 1)).isRepeated, false);
    }
    for (let key = 2; key <= RECEIPTS_PER_PLAYER_MAX; key++) {
      await storage.of(DOCUMENTS).commit({ changes: [], receipt: { ...request(mira, key), reply: new Uint8Array(1) } });
    }
    assertEquals((await ignore(mira, nora, 1)).isRepeated, true);
    await storage.once(SOCIAL, request(mira, 9_999)).removeIgnored({ playerId: mira, otherId: nora });
    assertEquals(await storage.of(RECEIPTS).find(request(mira, 1)), undefined, "the oldest makes way");
    assertEquals((await ignore(nora, mira, 1)).isRepeated, true);
  });
}

/** Declares the tests of adapters whose data outlive them. */
export function claimReceiptDurability(claim: Claim): void {
  claim("once() knows after a restart what it has done", async (storage, opened: OpenedStorage) => {
    const playerId = await mustCreate(storage, "Mira");
    const first = await storage.once(GUILDS, request(playerId, 3)).create(founding(playerId, "Wolves"));
    const again = await opened.reopen();
    const repeated = await again.once(GUILDS, request(playerId, 3)).create(founding(playerId, "Wolves"));
    assert(first.result.kind === "created");
    assertEquals(repeated, { isRepeated: true, result: { kind: "created", guildId: first.result.guildId } });
  });
}
