/**
 * What every storage adapter promises of mutes and bans.
 *
 * @module
 */

import type { NewSanction, Sanction, SanctionKind } from "../../server/moderation/sanction_store.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { DependencyError } from "../../shared/errors.ts";
import { ADDRESS_BANS_MAX } from "../../shared/limits.ts";
import { assertEquals, assertRejects } from "../support/assert.ts";
import { type Claim, mustCreate } from "./storage_contract.ts";

const NOW_MS = 1_760_000_000_000;
const NOTHING = { ban: null, mute: null };

function sanction(kind: SanctionKind, target: Partial<NewSanction>, endsAtMs: number | null = null): NewSanction {
  const rest = { reason: "spam", moderator: "mod", createdAtMs: NOW_MS, endsAtMs };
  return { kind, playerId: null, address: null, ...rest, ...target };
}

function stored(sanction: NewSanction, playerName: string | null): Sanction {
  return { ...sanction, playerName };
}

function ofPlayer(storage: Storage, playerId: number, nowMs = NOW_MS) {
  return storage.sanctions.ofPlayer({ playerId, nowMs });
}

/** The claims that every adapter is held to. */
export function claimSanctions(claim: Claim): void {
  claim("sanctions.set() stands until its end, to the millisecond", async (storage) => {
    const ann = await mustCreate(storage, "Ann");
    const mute = sanction("mute", { playerId: ann }, NOW_MS + 1_000);
    const ban = sanction("ban", { playerId: ann });
    assertEquals(await storage.sanctions.set(mute), "set");
    assertEquals(await storage.sanctions.set(ban), "set");
    assertEquals(await ofPlayer(storage, ann, NOW_MS + 999), { ban: stored(ban, "Ann"), mute: stored(mute, "Ann") });
    assertEquals(await ofPlayer(storage, ann, NOW_MS + 1_000), { ban: stored(ban, "Ann"), mute: null });
    assertEquals(await ofPlayer(storage, 999_999), NOTHING);
  });

  claim("sanctions.set() takes the place of the one before", async (storage) => {
    const ann = await mustCreate(storage, "Ann");
    await storage.sanctions.set(sanction("ban", { playerId: ann }));
    const shorter = sanction("ban", { playerId: ann, reason: "less bad" }, NOW_MS + 5_000);
    await storage.sanctions.set(shorter);
    assertEquals(await storage.sanctions.list({ nowMs: NOW_MS, limit: 10 }), [stored(shorter, "Ann")]);
  });

  claim("sanctions.lift() lifts the kind it is told, once", async (storage) => {
    const ann = await mustCreate(storage, "Ann");
    const mute = sanction("mute", { playerId: ann });
    await storage.sanctions.set(mute);
    await storage.sanctions.set(sanction("ban", { playerId: ann }));
    const target = { kind: "ban", playerId: ann, address: null, nowMs: NOW_MS } as const;
    assertEquals(await storage.sanctions.lift(target), true);
    assertEquals(await storage.sanctions.lift(target), false);
    assertEquals(await ofPlayer(storage, ann), { ban: null, mute: stored(mute, "Ann") });
  });

  claim("sanctions.lift() finds nothing to lift in what has ended", async (storage) => {
    const ann = await mustCreate(storage, "Ann");
    await storage.sanctions.set(sanction("mute", { playerId: ann }, NOW_MS + 1_000));
    const target = { kind: "mute", playerId: ann, address: null, nowMs: NOW_MS + 1_000 } as const;
    assertEquals(await storage.sanctions.lift(target), false);
  });

  claim("sanctions.list() gives what stands, newest first; ofAddresses() the banned ranges", async (storage) => {
    const ann = await mustCreate(storage, "Ann");
    const range = sanction("ban", { address: "203.0.113.0/24" });
    const ended = sanction("ban", { address: "198.51.100.7/32" }, NOW_MS + 1_000);
    const mute = sanction("mute", { playerId: ann });
    for (const each of [range, ended, mute]) await storage.sanctions.set(each);
    const nowMs = NOW_MS + 1_000;
    assertEquals(await storage.sanctions.list({ nowMs, limit: 10 }), [stored(mute, "Ann"), stored(range, null)]);
    assertEquals(await storage.sanctions.list({ nowMs, limit: 1 }), [stored(mute, "Ann")]);
    assertEquals(await storage.sanctions.ofAddresses({ nowMs }), [stored(range, null)]);
    assertEquals(await storage.sanctions.ofPlayers({ playerIds: [999, ann], nowMs }), [stored(mute, "Ann")]);
    assertEquals(await storage.sanctions.ofPlayers({ playerIds: [999], nowMs }), []);
    const lifted = { kind: "ban", playerId: null, address: "203.0.113.0/24", nowMs } as const;
    assertEquals(await storage.sanctions.lift(lifted), true);
    assertEquals(await storage.sanctions.ofAddresses({ nowMs }), []);
  });

  claim("sanctions.deleteEnded() deletes what has ended, and nothing that stands", async (storage) => {
    const ann = await mustCreate(storage, "Ann");
    for (
      const each of [sanction("mute", { playerId: ann }, NOW_MS + 1), sanction("ban", { playerId: ann }, NOW_MS + 2)]
    ) {
      await storage.sanctions.set(each);
    }
    assertEquals(await storage.sanctions.deleteEnded({ nowMs: NOW_MS + 1 }), 1);
    const { ban, mute } = await ofPlayer(storage, ann, NOW_MS);
    assertEquals([ban?.endsAtMs, mute], [NOW_MS + 2, null]);
    assertEquals(await storage.sanctions.deleteEnded({ nowMs: NOW_MS + 1 }), 0);
  });

  claim("sanctions.set() refuses one range more than there is room for, and no change of one", async (storage) => {
    const range = (index: number) => sanction("ban", { address: `10.${index >> 8}.${index & 255}.0/24` }, NOW_MS + 9);
    const results = await Promise.all(
      Array.from({ length: ADDRESS_BANS_MAX }, (_, i) => storage.sanctions.set(range(i))),
    );
    assertEquals(new Set(results), new Set(["set"]));
    assertEquals(await storage.sanctions.set(range(ADDRESS_BANS_MAX)), "full");
    assertEquals(await storage.sanctions.set(range(0)), "set");
    const later = { ...range(ADDRESS_BANS_MAX), createdAtMs: NOW_MS + 9, endsAtMs: null };
    assertEquals(await storage.sanctions.set(later), "set", "those that ended make room");
  });

  claim("sanctions refuses targets that are none, two or nobody, and times out of range", async (storage) => {
    const ann = await mustCreate(storage, "Ann");
    const wrong = [
      sanction("ban", {}),
      sanction("ban", { playerId: ann, address: "192.0.2.1/32" }),
      sanction("ban", { playerId: -1 }),
      sanction("ban", { playerId: ann }, 1.5),
    ];
    for (const each of wrong) await assertRejects(() => storage.sanctions.set(each), RangeError);
    for (const each of [sanction("mute", { playerId: 999_999 }), sanction("mute", { address: "192.0.2.1/32" })]) {
      await assertRejects(() => storage.sanctions.set(each), DependencyError, "constraint");
    }
    assertEquals(await storage.sanctions.list({ nowMs: NOW_MS, limit: 10 }), []);
  });
}

/** The claims for adapters whose data outlive them. */
export function claimSanctionDurability(claim: Claim): void {
  claim("reopen() finds mutes and bans", async (storage, opened) => {
    const ann = await mustCreate(storage, "Ann");
    const ban = sanction("ban", { playerId: ann });
    await storage.sanctions.set(ban);
    await storage.sanctions.set(sanction("ban", { address: "2001:db8::/32" }));
    const again = await opened.reopen();
    assertEquals(await ofPlayer(again, ann), { ban: stored(ban, "Ann"), mute: null });
    assertEquals((await again.sanctions.ofAddresses({ nowMs: NOW_MS })).length, 1);
  });
}
