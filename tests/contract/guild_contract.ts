/** What every storage adapter promises of guilds. @module */

import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import {
  type GuildMember,
  type GuildRefusal,
  GUILDS,
  RANK_LEADER,
  RANK_MEMBER,
  RANK_OFFICER,
} from "../../games/parts/guilds/guild_store.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { STORAGE_ROWS_MAX } from "../../shared/limits.ts";
import {
  GUILD_INVITES_PER_GUILD_MAX,
  GUILD_INVITES_PER_PLAYER_MAX,
  GUILD_MEMBERS_MAX,
  GUILD_PEACE_MS_MAX,
  GUILD_WARS_ENDED_MAX,
  GUILD_WARS_MAX,
  GUILD_WARS_PER_DAY_MAX,
} from "../../games/parts/guilds/limits.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";

type Claim = (text: string, run: (storage: Storage) => Promise<void>) => void;

const NOW_MS = 1_760_000_000_000;
const EXPIRES_AT_MS = NOW_MS + 1_000;
const WAR = { nowMs: NOW_MS, endsAtMs: NOW_MS + 60_000, enemyNameKey: "" };

async function createPlayers(storage: Storage, names: readonly string[]): Promise<number[]> {
  const accounts = names.map((name) => ({
    name,
    nameKey: name.toLowerCase(),
    passwordVerifier: null,
    createdAtMs: NOW_MS,
  }));
  return (await storage.accounts.createMany(accounts)).map(({ accountId }) => accountId);
}

function founding(leaderId: number, name: string, tag = name.slice(0, 5)) {
  return { leaderId, name, nameKey: name.toLowerCase(), tag, tagKey: tag.toLowerCase(), createdAtMs: NOW_MS };
}

async function mustFound(storage: Storage, leaderId: number, name: string, tag?: string): Promise<number> {
  const result = await storage.of(GUILDS).create(founding(leaderId, name, tag));
  assert(result.kind === "created", `${name} must be free`);
  return result.guildId;
}

function invite(storage: Storage, inviterId: number, nameKey: string, nowMs = NOW_MS) {
  return storage.of(GUILDS).invite({ inviterId, nameKey, nowMs, expiresAtMs: nowMs + (EXPIRES_AT_MS - NOW_MS) });
}

/** Lets a player join, invited by `leaderId`. */
async function enlist(storage: Storage, leaderId: number, guildId: number, name: string): Promise<number> {
  const [playerId] = await createPlayers(storage, [name]);
  assertEquals((await invite(storage, leaderId, name.toLowerCase())).kind, "invited");
  assertEquals((await storage.of(GUILDS).join({ playerId, guildId, nowMs: NOW_MS })).kind, "joined");
  return playerId;
}

/** Many guilds of one member each, with their leaders. */
async function foundMany(storage: Storage, count: number): Promise<{ leaderId: number; guildId: number }[]> {
  const names = Array.from({ length: count }, (_, index) => `lord${index}`);
  const leaderIds = await createPlayers(storage, names);
  return await Promise.all(leaderIds.map(async (leaderId, index) => ({
    leaderId,
    guildId: await mustFound(storage, leaderId, `Guild ${index}`, `t${index}`),
  })));
}

/** The leader of one guild kills that of another. */
function kill(killer: { leaderId: number }, victim: { leaderId: number }, atMs = NOW_MS) {
  return { killerId: killer.leaderId, victimId: victim.leaderId, atMs };
}

async function assertRefused(result: Promise<{ kind: string }>, reason: GuildRefusal): Promise<void> {
  assertEquals(await result, { kind: "refused", reason } as { kind: string });
}

async function ranks(storage: Storage, guildId: number): Promise<[string, number][]> {
  const guild = await storage.of(GUILDS).load({ guildId });
  return guild?.members.map(({ name, rank }) => [name, rank]) ?? [];
}

/** What an answer says beside the number of the change. */
function unnumbered(answer: object): unknown {
  return Object.fromEntries(Object.entries(answer).filter(([name]) => name !== "version"));
}

/** Runs the claims. */
export function claimGuilds(claim: Claim): void {
  claimMembers(claim);
  claimInvites(claim);
  claimGrants(claim);
  claimRanks(claim);
  claimWars(claim);
  claimBounds(claim);
}

function claimMembers(claim: Claim): void {
  claim("guilds.create() founds a guild that its leader is in", async (storage) => {
    const [anna, bert] = await createPlayers(storage, ["Anna", "Bert"]);
    const guildId = await mustFound(storage, anna, "Iron Wolves", "IW");
    const tie = { guildId, name: "Iron Wolves", tag: "IW" };
    const members: GuildMember[] = [{ playerId: anna, name: "Anna", rank: RANK_LEADER }];
    assertEquals(await storage.of(GUILDS).load({ guildId }), { ...tie, members, wars: [] });
    assertEquals(await storage.of(GUILDS).loadOf({ playerId: anna }), { ...tie, members, wars: [] });
    assertEquals(await storage.of(GUILDS).loadOf({ playerId: bert }), undefined);
    assertEquals(await storage.of(GUILDS).load({ guildId: guildId + 1 }), undefined);
    assertEquals((await storage.of(GUILDS).findTies([bert, anna, 999])).ties, [{ playerId: anna, ...tie, wars: [] }]);
  });

  claim("guilds.version() counts what changes a guild, one after the other, and nothing else", async (storage) => {
    const guilds = storage.of(GUILDS);
    const before = await guilds.version(null);
    const [first, second] = await foundMany(storage, 2);
    const anna = await enlist(storage, first.leaderId, first.guildId, "Anna");
    assertEquals(await guilds.version(null), before + 3);
    await assertRefused(guilds.leave({ playerId: 999 }), "not_in_guild");
    const numbers = [
      await guilds.setRank({ actorId: first.leaderId, nameKey: "anna", rank: RANK_OFFICER }),
      await guilds.declareWar({ ...WAR, actorId: anna, enemyGuildId: second.guildId }),
      await guilds.addKills([kill(first, second)]),
      await guilds.addKills([kill(first, second, WAR.endsAtMs)]),
      await guilds.kick({ actorId: first.leaderId, nameKey: "anna" }),
      await guilds.endDueWars({ nowMs: WAR.endsAtMs }),
      await guilds.endDueWars({ nowMs: WAR.endsAtMs }),
      await guilds.leave({ playerId: first.leaderId }),
      await guilds.findTies([second.leaderId]),
    ].map((answer) => "version" in answer && answer.version !== null ? answer.version - before : null);
    assertEquals(numbers, [4, 5, 6, null, 7, 8, null, 9, 9]);
    assertEquals(await guilds.version(null), before + 9);
  });

  claim("guilds.create() refuses a name, a tag, or a member twice", async (storage) => {
    const [anna, bert] = await createPlayers(storage, ["Anna", "Bert"]);
    await mustFound(storage, anna, "Wolves", "WLF");
    await assertRefused(storage.of(GUILDS).create(founding(bert, "WOLVES", "X1")), "name_taken");
    await assertRefused(storage.of(GUILDS).create(founding(bert, "Foxes", "wlf")), "name_taken");
    await assertRefused(storage.of(GUILDS).create(founding(anna, "Bears")), "in_guild");
    assertEquals(await storage.of(GUILDS).loadOf({ playerId: bert }), undefined);
  });

  claim("guilds.create() lets exactly one of many racing for a name win", async (storage) => {
    const players = await createPlayers(storage, Array.from({ length: 20 }, (_, index) => `racer${index}`));
    const results = await Promise.all(
      players.map((playerId, index) => storage.of(GUILDS).create(founding(playerId, "Wolves", `t${index}`))),
    );
    assertEquals(results.filter(({ kind }) => kind === "created").length, 1);
    assertEquals((await storage.of(GUILDS).findTies(players)).ties.length, 1);
  });

  claim("guilds.leave() passes the leadership to the first officer, then to the first member", async (storage) => {
    const [anna] = await createPlayers(storage, ["Anna"]);
    const guildId = await mustFound(storage, anna, "Wolves");
    for (const name of ["Bert", "Cleo", "Dora"]) await enlist(storage, anna, guildId, name);
    for (const nameKey of ["dora", "cleo"]) {
      await storage.of(GUILDS).setRank({ actorId: anna, nameKey, rank: RANK_OFFICER });
    }
    assertEquals(unnumbered(await storage.of(GUILDS).leave({ playerId: anna })), { kind: "left", guildId });
    assertEquals(await ranks(storage, guildId), [["Bert", 0], ["Cleo", 2], ["Dora", 1]]);
    const [bert, cleo, dora] = await createPlayers(storage, ["Bert", "Cleo", "Dora"]);
    await storage.of(GUILDS).leave({ playerId: cleo });
    await storage.of(GUILDS).leave({ playerId: dora });
    assertEquals(await ranks(storage, guildId), [["Bert", 2]]);
    await storage.of(GUILDS).leave({ playerId: bert });
    assertEquals(await storage.of(GUILDS).load({ guildId }), undefined);
    await assertRefused(storage.of(GUILDS).leave({ playerId: bert }), "not_in_guild");
  });

  claim("guilds.leave() of the last member frees name and tag, never the id", async (storage) => {
    const [anna, bert] = await createPlayers(storage, ["Anna", "Bert"]);
    const guildId = await mustFound(storage, anna, "Wolves");
    await invite(storage, anna, "bert");
    await storage.of(GUILDS).leave({ playerId: anna });
    assertEquals(await storage.of(GUILDS).findInvites({ playerId: bert, nowMs: NOW_MS }), []);
    assert(await mustFound(storage, anna, "Wolves") > guildId);
  });
}

function claimInvites(claim: Claim): void {
  claim("guilds.invite() stands until answered or expired", async (storage) => {
    const [anna, bert, cleo] = await createPlayers(storage, ["Anna", "Bert", "Cleo"]);
    const guildId = await mustFound(storage, anna, "Wolves");
    const tie = { guildId, name: "Wolves", tag: "Wolve" };
    assertEquals(await invite(storage, anna, "bert"), { kind: "invited", playerId: bert, tie });
    await assertRefused(invite(storage, anna, "bert"), "invited_already");
    const query = { playerId: bert, nowMs: EXPIRES_AT_MS - 1 };
    assertEquals(await storage.of(GUILDS).findInvites(query), [{
      guildId,
      guildName: "Wolves",
      inviterId: anna,
      inviterName: "Anna",
    }]);
    assertEquals(await storage.of(GUILDS).findInvites({ playerId: bert, nowMs: EXPIRES_AT_MS }), []);
    const tooLate = { playerId: bert, guildId, nowMs: EXPIRES_AT_MS };
    await assertRefused(storage.of(GUILDS).join(tooLate), "not_invited");
    await assertRefused(storage.of(GUILDS).decline(tooLate), "not_invited");
    assertEquals((await invite(storage, anna, "bert", EXPIRES_AT_MS)).kind, "invited");
    assertEquals(await storage.of(GUILDS).deleteExpiredInvites({ nowMs: EXPIRES_AT_MS }), 0);
    assertEquals(await storage.of(GUILDS).decline({ ...tooLate }), { kind: "declined" });
    await assertRefused(storage.of(GUILDS).decline({ ...tooLate }), "not_invited");
    await assertRefused(storage.of(GUILDS).join({ playerId: cleo, guildId, nowMs: NOW_MS }), "not_invited");
    await invite(storage, anna, "bert");
    assertEquals(await storage.of(GUILDS).deleteExpiredInvites({ nowMs: EXPIRES_AT_MS - 1 }), 0);
    assertEquals(await storage.of(GUILDS).deleteExpiredInvites({ nowMs: EXPIRES_AT_MS }), 1);
    assertEquals(await storage.of(GUILDS).findInvites(query), []);
  });

  claim("guilds.invite() refuses who may not invite and who cannot be invited", async (storage) => {
    const [anna, bert] = await createPlayers(storage, ["Anna", "Bert"]);
    await assertRefused(invite(storage, anna, "bert"), "not_in_guild");
    const guildId = await mustFound(storage, anna, "Wolves");
    const cleo = await enlist(storage, anna, guildId, "Cleo");
    await assertRefused(invite(storage, cleo, "bert"), "no_right");
    await assertRefused(invite(storage, anna, "nobody"), "unknown_player");
    await assertRefused(invite(storage, anna, "cleo"), "target_in_guild");
    await assertRefused(invite(storage, anna, "anna"), "target_in_guild");
    await mustFound(storage, bert, "Foxes");
    await assertRefused(invite(storage, anna, "bert"), "target_in_guild");
  });

  claim("guilds.join() and guilds.create() drop all other invitations", async (storage) => {
    const [anna, bert, cleo, dora] = await createPlayers(storage, ["Anna", "Bert", "Cleo", "Dora"]);
    const wolves = await mustFound(storage, anna, "Wolves");
    const foxes = await mustFound(storage, bert, "Foxes");
    for (const inviterId of [anna, bert]) {
      for (const nameKey of ["cleo", "dora"]) await invite(storage, inviterId, nameKey);
    }
    const joined = await storage.of(GUILDS).join({ playerId: cleo, guildId: foxes, nowMs: NOW_MS });
    assertEquals(unnumbered(joined), {
      kind: "joined",
      tie: { guildId: foxes, name: "Foxes", tag: "Foxes", wars: [] },
    });
    await assertRefused(storage.of(GUILDS).join({ playerId: cleo, guildId: wolves, nowMs: NOW_MS }), "in_guild");
    await mustFound(storage, dora, "Bears");
    for (const playerId of [cleo, dora]) {
      assertEquals(await storage.of(GUILDS).findInvites({ playerId, nowMs: NOW_MS }), []);
    }
  });
}

function claimGrants(claim: Claim): void {
  /** Wolves, led by Anna, with Otto as an officer who has invited Cleo, and Anna who has invited Dora. */
  async function scene(storage: Storage) {
    const [anna, cleo, dora] = await createPlayers(storage, ["Anna", "Cleo", "Dora"]);
    const guildId = await mustFound(storage, anna, "Wolves");
    const otto = await enlist(storage, anna, guildId, "Otto");
    await storage.of(GUILDS).setRank({ actorId: anna, nameKey: "otto", rank: RANK_OFFICER });
    await invite(storage, otto, "cleo");
    await invite(storage, anna, "dora");
    const listed = async () => {
      const result = await storage.of(GUILDS).invites({ actorId: anna, nowMs: NOW_MS });
      assert(result.kind === "found");
      return result.invites.map(({ playerName, inviterName }) => `${playerName} by ${inviterName}`);
    };
    return { anna, cleo, dora, otto, guildId, listed };
  }

  const ends: Readonly<Record<string, (storage: Storage, anna: number, otto: number) => Promise<unknown>>> = {
    "is put out": (storage, actorId) => storage.of(GUILDS).kick({ actorId, nameKey: "otto" }),
    "leaves": (storage, _, playerId) => storage.of(GUILDS).leave({ playerId }),
    "loses the rank": (storage, actorId) => storage.of(GUILDS).setRank({ actorId, nameKey: "otto", rank: RANK_MEMBER }),
  };
  for (const [what, end] of Object.entries(ends)) {
    claim(`guilds.invite() ends when who invited ${what}`, async (storage) => {
      const { anna, cleo, dora, otto, guildId, listed } = await scene(storage);
      assertEquals(await listed(), ["Cleo by Otto", "Dora by Anna"]);
      await end(storage, anna, otto);
      assertEquals(await listed(), ["Dora by Anna"]);
      assertEquals(await storage.of(GUILDS).findInvites({ playerId: cleo, nowMs: NOW_MS }), []);
      await assertRefused(storage.of(GUILDS).join({ playerId: cleo, guildId, nowMs: NOW_MS }), "not_invited");
      assertEquals((await storage.of(GUILDS).join({ playerId: dora, guildId, nowMs: NOW_MS })).kind, "joined");
    });
  }

  claim("guilds.invite() outlives who hands the leadership on, or is made leader", async (storage) => {
    const { anna, listed } = await scene(storage);
    await storage.of(GUILDS).setRank({ actorId: anna, nameKey: "otto", rank: RANK_LEADER });
    assertEquals(await listed(), ["Cleo by Otto", "Dora by Anna"]);
  });

  claim("guilds.invites() and withdraw() are for officers, of their own guild", async (storage) => {
    const { anna, cleo, otto, guildId, listed } = await scene(storage);
    const mia = await enlist(storage, anna, guildId, "Mia");
    const [bert] = await createPlayers(storage, ["Bert"]);
    const withdraw = (actorId: number, nameKey: string, nowMs = NOW_MS) =>
      storage.of(GUILDS).withdraw({ actorId, nameKey, nowMs });
    for (const [actorId, reason] of [[mia, "no_right"], [bert, "not_in_guild"]] as const) {
      await assertRefused(storage.of(GUILDS).invites({ actorId, nowMs: NOW_MS }), reason);
      await assertRefused(withdraw(actorId, "cleo"), reason);
    }
    await mustFound(storage, bert, "Foxes");
    await invite(storage, bert, "cleo");
    await assertRefused(withdraw(bert, "dora"), "none_to_withdraw");
    await assertRefused(withdraw(anna, "nobody"), "none_to_withdraw");
    await assertRefused(withdraw(anna, "cleo", EXPIRES_AT_MS), "none_to_withdraw");
    assertEquals(await storage.of(GUILDS).invites({ actorId: otto, nowMs: EXPIRES_AT_MS }), {
      kind: "found",
      invites: [],
    });
    assertEquals(await withdraw(anna, "cleo"), { kind: "withdrawn" });
    assertEquals(await listed(), ["Dora by Anna"]);
    assertEquals(
      (await storage.of(GUILDS).findInvites({ playerId: cleo, nowMs: NOW_MS })).map(({ guildName }) => guildName),
      [
        "Foxes",
      ],
    );
  });

  claim("guilds.invite() by ignored players fills no list, and gives way to others", async (storage) => {
    const guilds = await foundMany(storage, GUILD_INVITES_PER_PLAYER_MAX + 1);
    const [bert, otto] = await createPlayers(storage, ["Bert", "Otto"]);
    const [honest, ...trolls] = guilds;
    for (const { leaderId } of trolls) {
      await storage.of(SOCIAL).addIgnored({ playerId: bert, otherId: leaderId });
      assertEquals((await invite(storage, leaderId, "bert")).kind, "invited");
    }
    assertEquals((await invite(storage, honest.leaderId, "bert")).kind, "invited");
    const seen = async () =>
      (await storage.of(GUILDS).findInvites({ playerId: bert, nowMs: NOW_MS })).map(({ inviterName }) => inviterName);
    assertEquals(await seen(), ["lord0"]);
    // An officer whom nobody ignores invites for the guild of one who is.
    const [{ guildId, leaderId }] = trolls;
    await assertRefused(invite(storage, leaderId, "bert"), "invited_already");
    await invite(storage, leaderId, "otto");
    await storage.of(GUILDS).join({ playerId: otto, guildId, nowMs: NOW_MS });
    await storage.of(GUILDS).setRank({ actorId: leaderId, nameKey: "otto", rank: RANK_OFFICER });
    assertEquals((await invite(storage, otto, "bert")).kind, "invited");
    await assertRefused(invite(storage, otto, "bert"), "invited_already");
    assertEquals(await seen(), ["lord0", "Otto"]);
    // Where the ignoring ends, as many are seen as there may be.
    for (const troll of trolls) await storage.of(SOCIAL).removeIgnored({ playerId: bert, otherId: troll.leaderId });
    assertEquals((await seen()).length, GUILD_INVITES_PER_PLAYER_MAX);
  });
}

function claimRanks(claim: Claim): void {
  claim("guilds.kick() needs a higher rank than the target's", async (storage) => {
    const [anna, bert] = await createPlayers(storage, ["Anna", "Bert"]);
    await assertRefused(storage.of(GUILDS).kick({ actorId: anna, nameKey: "bert" }), "not_in_guild");
    const guildId = await mustFound(storage, anna, "Wolves");
    const [cleo, dora, ella] = [
      await enlist(storage, anna, guildId, "Cleo"),
      await enlist(storage, anna, guildId, "Dora"),
      await enlist(storage, anna, guildId, "Ella"),
    ];
    for (const nameKey of ["cleo", "dora"]) {
      await storage.of(GUILDS).setRank({ actorId: anna, nameKey, rank: RANK_OFFICER });
    }
    const refusals: [actorId: number, nameKey: string, reason: GuildRefusal][] = [
      [ella, "cleo", "no_right"],
      [ella, "nobody", "no_right"],
      [cleo, "dora", "no_right"],
      [cleo, "anna", "no_right"],
      [cleo, "cleo", "no_right"],
      [anna, "anna", "no_right"],
      [anna, "bert", "unknown_member"],
      [anna, "nobody", "unknown_member"],
    ];
    for (const [actorId, nameKey, reason] of refusals) {
      await assertRefused(storage.of(GUILDS).kick({ actorId, nameKey }), reason);
    }
    assertEquals(unnumbered(await storage.of(GUILDS).kick({ actorId: cleo, nameKey: "ella" })), {
      kind: "kicked",
      playerId: ella,
      guildId,
    });
    assertEquals(unnumbered(await storage.of(GUILDS).kick({ actorId: anna, nameKey: "dora" })), {
      kind: "kicked",
      playerId: dora,
      guildId,
    });
    assertEquals(await ranks(storage, guildId), [["Anna", 2], ["Cleo", 1]]);
    assertEquals((await storage.of(GUILDS).findTies([anna, bert, cleo, dora, ella])).ties.length, 2);
  });

  claim("guilds.setRank() is the leader's alone and leaves exactly one leader", async (storage) => {
    const [anna] = await createPlayers(storage, ["Anna"]);
    const set = (actorId: number, nameKey: string, rank: 0 | 1 | 2) =>
      storage.of(GUILDS).setRank({ actorId, nameKey, rank });
    await assertRefused(set(anna, "anna", RANK_OFFICER), "not_in_guild");
    const guildId = await mustFound(storage, anna, "Wolves");
    const bert = await enlist(storage, anna, guildId, "Bert");
    await assertRefused(set(bert, "bert", RANK_LEADER), "no_right");
    await assertRefused(set(anna, "nobody", RANK_OFFICER), "unknown_member");
    await assertRefused(set(anna, "anna", RANK_MEMBER), "own_rank");
    await assertRefused(set(anna, "anna", RANK_OFFICER), "own_rank");
    assertEquals((await set(anna, "anna", RANK_LEADER)).kind, "set");
    assertEquals(await ranks(storage, guildId), [["Anna", 2], ["Bert", 0]]);
    await set(anna, "bert", RANK_OFFICER);
    await assertRefused(set(bert, "bert", RANK_LEADER), "no_right");
    await set(anna, "bert", RANK_MEMBER);
    const result = await set(anna, "bert", RANK_LEADER);
    assertEquals(await ranks(storage, guildId), [["Anna", 1], ["Bert", 2]]);
    assert(result.kind === "set");
    assertEquals(result.guild, await storage.of(GUILDS).load({ guildId }));
  });
}

function claimWars(claim: Claim): void {
  claim("guilds.declareWar() is seen from both sides and counts their kills", async (storage) => {
    const [first, second, third] = await foundMany(storage, 3);
    const declared = await storage.of(GUILDS).declareWar({
      ...WAR,
      actorId: second.leaderId,
      enemyGuildId: first.guildId,
    });
    assert(declared.kind === "declared");
    const { warId } = declared.war;
    assertEquals(declared.war.sides.map(({ guildId }) => guildId), [second.guildId, first.guildId]);
    const { ties } = await storage.of(GUILDS).findTies([first.leaderId, second.leaderId, third.leaderId]);
    const { endsAtMs } = WAR;
    assertEquals(ties.map(({ wars }) => wars), [
      [{ enemyGuildId: second.guildId, endsAtMs }],
      [{ enemyGuildId: first.guildId, endsAtMs }],
      [],
    ]);
    const { guildIds: counted } = await storage.of(GUILDS).addKills([
      kill(first, second),
      kill(second, first),
      kill(second, first, WAR.endsAtMs - 1),
      kill(second, first, NOW_MS - 1),
      kill(second, first, WAR.endsAtMs),
      kill(third, first),
      kill(first, third),
    ]);
    assertEquals(counted, [1, 2, 3].flatMap(() => [first.guildId, second.guildId]));
    const warsOf = async ({ guildId }: { guildId: number }) => (await storage.of(GUILDS).load({ guildId }))?.wars;
    assertEquals(await warsOf(first), [
      { warId, enemyGuildId: second.guildId, enemyName: "Guild 1", ownKills: 1, enemyKills: 2, endsAtMs },
    ]);
    assertEquals(await warsOf(second), [
      { warId, enemyGuildId: first.guildId, enemyName: "Guild 0", ownKills: 2, enemyKills: 1, endsAtMs },
    ]);
    assertEquals(await warsOf(third), []);
  });

  claim("guilds.declareWar() refuses without right, an enemy, or peace", async (storage) => {
    const [first, second] = await foundMany(storage, 2);
    const member = await enlist(storage, first.leaderId, first.guildId, "Anna");
    const [outsider] = await createPlayers(storage, ["Out"]);
    const declare = (actorId: number, enemyGuildId: number, enemyNameKey = "") =>
      storage.of(GUILDS).declareWar({ ...WAR, actorId, enemyGuildId, enemyNameKey });
    await assertRefused(declare(outsider, second.guildId), "not_in_guild");
    await assertRefused(declare(member, second.guildId), "no_right");
    await assertRefused(declare(first.leaderId, 999), "unknown_guild");
    await assertRefused(declare(first.leaderId, 0, "nobody"), "unknown_guild");
    await assertRefused(declare(first.leaderId, first.guildId), "own_guild");
    await assertRefused(declare(first.leaderId, 0, "guild 0"), "own_guild");
    assertEquals((await declare(first.leaderId, 0, "guild 1")).kind, "declared");
    await assertRefused(declare(first.leaderId, second.guildId), "at_war");
    await assertRefused(declare(second.leaderId, first.guildId), "at_war");
  });

  claim("guilds.endDueWars() ends what is due and tells when to ask again", async (storage) => {
    const [first, second, third] = await foundMany(storage, 3);
    assertEquals(unnumbered(await storage.of(GUILDS).endDueWars({ nowMs: NOW_MS })), {
      endedWars: [],
      nextEndsAtMs: null,
    });
    const declare = async (enemyGuildId: number, endsAtMs: number, nowMs = NOW_MS) => {
      const war = { ...WAR, nowMs, endsAtMs, actorId: first.leaderId, enemyGuildId };
      const result = await storage.of(GUILDS).declareWar(war);
      assert(result.kind === "declared");
      return result.war.warId;
    };
    const early = await declare(second.guildId, NOW_MS + 10);
    const late = await declare(third.guildId, NOW_MS + 20);
    await storage.of(GUILDS).addKills([kill(third, first)]);
    assertEquals(unnumbered(await storage.of(GUILDS).endDueWars({ nowMs: NOW_MS + 9 })), {
      endedWars: [],
      nextEndsAtMs: NOW_MS + 10,
    });
    assertEquals(unnumbered(await storage.of(GUILDS).endDueWars({ nowMs: NOW_MS + 10 })), {
      endedWars: [{
        warId: early,
        declarerId: first.leaderId,
        winnerGuildId: 0,
        sides: [{ guildId: first.guildId, kills: 0 }, { guildId: second.guildId, kills: 0 }],
      }],
      nextEndsAtMs: NOW_MS + 20,
    });
    assertEquals(unnumbered(await storage.of(GUILDS).endDueWars({ nowMs: NOW_MS + 99 })), {
      endedWars: [{
        warId: late,
        declarerId: first.leaderId,
        winnerGuildId: third.guildId,
        sides: [{ guildId: first.guildId, kills: 0 }, { guildId: third.guildId, kills: 1 }],
      }],
      nextEndsAtMs: null,
    });
    assert(await declare(second.guildId, NOW_MS + 90, NOW_MS + 20) > late);
  });

  claim(
    "guilds.addKills() counts for those who were members when the war began, wherever they are now",
    async (storage) => {
      const [first, second, third] = await foundMany(storage, 3);
      const [anna, bert] = [
        await enlist(storage, first.leaderId, first.guildId, "Anna"),
        await enlist(storage, second.leaderId, second.guildId, "Bert"),
      ];
      await storage.of(GUILDS).declareWar({ ...WAR, actorId: first.leaderId, enemyGuildId: second.guildId });
      const late = await enlist(storage, first.leaderId, first.guildId, "Late");
      await storage.of(GUILDS).leave({ playerId: bert });
      await storage.of(GUILDS).kick({ actorId: first.leaderId, nameKey: "anna" });
      await invite(storage, third.leaderId, "anna");
      await storage.of(GUILDS).join({ playerId: anna, guildId: third.guildId, nowMs: NOW_MS });
      const killOf = (killerId: number, victimId: number) => ({ killerId, victimId, atMs: NOW_MS });
      const { guildIds: counted } = await storage.of(GUILDS).addKills([
        killOf(first.leaderId, bert),
        killOf(anna, second.leaderId),
        killOf(bert, anna),
        killOf(late, bert),
        killOf(bert, late),
        killOf(anna, first.leaderId),
      ]);
      assertEquals(counted.length, 2 * 3);
      const [war] = (await storage.of(GUILDS).load({ guildId: first.guildId }))?.wars ?? [];
      assertEquals([war.ownKills, war.enemyKills], [2, 1]);
    },
  );

  claim(
    "guilds.leave() of the last member spares no kill and gives the enemy nothing it has not won",
    async (storage) => {
      // Who has killed whom when the second guild is gone, and whether the first has won.
      const cases = [
        { kills: [0, 0], isWon: false },
        { kills: [1, 0], isWon: true },
        { kills: [1, 1], isWon: false },
        { kills: [0, 1], isWon: false },
      ];
      const guilds = await foundMany(storage, 2 * cases.length);
      for (const [index, { kills, isWon }] of cases.entries()) {
        const [first, second] = guilds.slice(2 * index);
        await storage.of(GUILDS).declareWar({ ...WAR, actorId: second.leaderId, enemyGuildId: first.guildId });
        await storage.of(GUILDS).addKills(kills[1] > 0 ? [kill(second, first)] : []);
        assertEquals(unnumbered(await storage.of(GUILDS).leave({ playerId: second.leaderId })), {
          kind: "left",
          guildId: second.guildId,
        });
        assertEquals(await storage.of(GUILDS).load({ guildId: second.guildId }), undefined);
        await storage.of(GUILDS).addKills(kills[0] > 0 ? [kill(first, second)] : []);
        const [war] = (await storage.of(GUILDS).load({ guildId: first.guildId }))?.wars ?? [];
        const enemyName = `Guild ${2 * index + 1}`;
        assertEquals([war.enemyName, war.ownKills, war.enemyKills], [enemyName, kills[0], kills[1]]);
        const { endedWars } = await storage.of(GUILDS).endDueWars({ nowMs: WAR.endsAtMs });
        assertEquals(endedWars.map(({ winnerGuildId }) => winnerGuildId), [isWon ? first.guildId : 0]);
      }
    },
  );

  claim("guilds.declareWar() leaves peace after a war, whoever declares and for whichever guild", async (storage) => {
    const [first, second, third] = await foundMany(storage, 3);
    const declare = (actorId: number, enemy: { guildId: number }, nowMs: number, lastsMs = 60_000) =>
      storage.of(GUILDS).declareWar({ ...WAR, actorId, enemyGuildId: enemy.guildId, nowMs, endsAtMs: nowMs + lastsMs });
    await declare(first.leaderId, second, NOW_MS);
    await storage.of(GUILDS).endDueWars({ nowMs: NOW_MS + 60_000 });
    const peaceUntilMs = NOW_MS + 120_000;
    await assertRefused(declare(first.leaderId, second, peaceUntilMs - 1), "at_peace");
    await assertRefused(declare(second.leaderId, first, peaceUntilMs - 1), "at_peace");
    await storage.of(GUILDS).leave({ playerId: first.leaderId });
    const next = await mustFound(storage, first.leaderId, "Guild 0", "t0");
    await assertRefused(declare(first.leaderId, second, peaceUntilMs - 1), "at_peace");
    assertEquals((await declare(third.leaderId, second, peaceUntilMs - 1)).kind, "declared");
    assertEquals((await declare(second.leaderId, { guildId: next }, peaceUntilMs - 1)).kind, "declared");

    // A long war is followed by no longer peace than GUILD_PEACE_MS_MAX.
    const lastsMs = 3 * GUILD_PEACE_MS_MAX, endsAtMs = peaceUntilMs + lastsMs;
    assertEquals((await declare(third.leaderId, { guildId: next }, peaceUntilMs, lastsMs)).kind, "declared");
    await storage.of(GUILDS).endDueWars({ nowMs: endsAtMs });
    const again = (nowMs: number) => declare(third.leaderId, { guildId: next }, nowMs);
    await assertRefused(again(endsAtMs + GUILD_PEACE_MS_MAX - 1), "at_peace");
    assertEquals((await again(endsAtMs + GUILD_PEACE_MS_MAX)).kind, "declared");
  });

  claim(`guilds.declareWar() takes ${GUILD_WARS_PER_DAY_MAX} a day, of a guild and of a player`, async (storage) => {
    const [first, ...enemies] = await foundMany(storage, GUILD_WARS_PER_DAY_MAX + 2);
    const declare = async (actorId: number, enemy: { guildId: number }, nowMs: number) => {
      const war = { ...WAR, actorId, enemyGuildId: enemy.guildId, nowMs, endsAtMs: nowMs + 1 };
      const { kind } = await storage.of(GUILDS).declareWar(war).then((answer) =>
        answer.kind === "refused" ? { kind: answer.reason } : answer
      );
      await storage.of(GUILDS).endDueWars({ nowMs: nowMs + 1 });
      return kind;
    };
    const officer = await enlist(storage, first.leaderId, first.guildId, "Otto");
    await storage.of(GUILDS).setRank({ actorId: first.leaderId, nameKey: "otto", rank: RANK_OFFICER });
    const [last, spare, ...others] = enemies;
    for (const [index, enemy] of others.entries()) {
      assertEquals(await declare(index === 0 ? officer : first.leaderId, enemy, NOW_MS + index), "declared");
    }
    assertEquals(await declare(first.leaderId, last, NOW_MS + 1_000), "declared");
    assertEquals(await declare(first.leaderId, spare, NOW_MS + 1_000), "wars_spent");
    assertEquals(await declare(officer, spare, NOW_MS + 1_000), "wars_spent");
    // For another guild the officer has declared but one, the leader all the others.
    await storage.of(GUILDS).leave({ playerId: officer });
    await mustFound(storage, officer, "New", "new");
    assertEquals(await declare(officer, spare, NOW_MS + 1_000), "declared");
    await storage.of(GUILDS).leave({ playerId: first.leaderId });
    await mustFound(storage, first.leaderId, "Newer", "newer");
    const dayMs = 24 * 3_600_000;
    assertEquals(await declare(first.leaderId, spare, NOW_MS + 1_000), "declared");
    assertEquals(await declare(first.leaderId, last, NOW_MS + 1_002), "wars_spent");
    assertEquals(await declare(first.leaderId, last, NOW_MS + dayMs), "wars_spent");
    assertEquals(await declare(first.leaderId, last, NOW_MS + dayMs + 1), "declared");
  });
}

function claimBounds(claim: Claim): void {
  claim(
    `guilds have at most ${GUILD_MEMBERS_MAX} members and ${GUILD_INVITES_PER_GUILD_MAX} invitations`,
    async (storage) => {
      const [anna] = await createPlayers(storage, ["Anna"]);
      const guildId = await mustFound(storage, anna, "Wolves");
      const names = Array.from({ length: GUILD_INVITES_PER_GUILD_MAX + 1 }, (_, index) => `bot${index}`);
      const playerIds = await createPlayers(storage, names);
      const invited = await Promise.all(names.map((name) => invite(storage, anna, name)));
      assertEquals(invited.filter(({ kind }) => kind === "invited").length, GUILD_INVITES_PER_GUILD_MAX);
      assertEquals(invited.at(-1), { kind: "refused", reason: "invites_full" });
      const joined = await Promise.all(
        playerIds.slice(0, -1).map((playerId) => storage.of(GUILDS).join({ playerId, guildId, nowMs: NOW_MS })),
      );
      assertEquals(joined.filter(({ kind }) => kind === "joined").length, GUILD_MEMBERS_MAX - 1);
      assertEquals(joined.at(-1), { kind: "refused", reason: "guild_full" });
      await assertRefused(invite(storage, anna, names.at(-1)!), "guild_full");
      assertEquals((await storage.of(GUILDS).load({ guildId }))?.members.length, GUILD_MEMBERS_MAX);
    },
  );

  claim(`players have at most ${GUILD_INVITES_PER_PLAYER_MAX} invitations, those expired left out`, async (storage) => {
    const guilds = await foundMany(storage, GUILD_INVITES_PER_PLAYER_MAX + 1);
    const [bert] = await createPlayers(storage, ["Bert"]);
    const results = await Promise.all(guilds.map(({ leaderId }) => invite(storage, leaderId, "bert")));
    assertEquals(results.at(-1), { kind: "refused", reason: "invites_full" });
    const standing = await storage.of(GUILDS).findInvites({ playerId: bert, nowMs: NOW_MS });
    assertEquals(standing.length, GUILD_INVITES_PER_PLAYER_MAX);
    assertEquals((await invite(storage, guilds.at(-1)!.leaderId, "bert", EXPIRES_AT_MS)).kind, "invited");
  });

  claim(
    `guilds declare at most ${GUILD_WARS_MAX} wars, and none of those that others declare counts`,
    async (storage) => {
      const [first, ...others] = await foundMany(storage, 2 * GUILD_WARS_MAX + 2);
      const declare = (actor: { leaderId: number }, enemy: { guildId: number }) =>
        storage.of(GUILDS).declareWar({ ...WAR, actorId: actor.leaderId, enemyGuildId: enemy.guildId });
      const trolls = others.slice(0, GUILD_WARS_MAX), enemies = others.slice(GUILD_WARS_MAX);
      for (const troll of trolls) assertEquals((await declare(troll, first)).kind, "declared");
      for (const enemy of enemies.slice(1)) assertEquals((await declare(first, enemy)).kind, "declared");
      await assertRefused(declare(first, enemies[0]), "wars_full");
      assertEquals((await declare(enemies[0], first)).kind, "declared");
      await assertRefused(declare(first, trolls[0]), "at_war");
    },
  );

  claim(
    `guilds.endDueWars() ends ${GUILD_WARS_ENDED_MAX} wars at once, and the others when asked again`,
    async (storage) => {
      const guilds = await foundMany(storage, 24);
      const pairs = guilds.flatMap((guild, index) => guilds.slice(index + 1).map((enemy) => [guild, enemy]));
      for (const [{ leaderId }, { guildId }] of pairs.slice(0, GUILD_WARS_ENDED_MAX + 3)) {
        await storage.of(GUILDS).declareWar({ ...WAR, actorId: leaderId, enemyGuildId: guildId });
      }
      const first = await storage.of(GUILDS).endDueWars({ nowMs: WAR.endsAtMs });
      assertEquals([first.endedWars.length, first.nextEndsAtMs], [GUILD_WARS_ENDED_MAX, WAR.endsAtMs]);
      const second = await storage.of(GUILDS).endDueWars({ nowMs: WAR.endsAtMs });
      assertEquals([second.endedWars.length, second.nextEndsAtMs], [3, null]);
    },
  );

  claim("guilds refuse ids that are not exact as numbers, and more rows than a request has", async (storage) => {
    for (const id of [2 ** 53, -1, 1.5, NaN, Infinity]) {
      await assertRejects(() => storage.of(GUILDS).load({ guildId: id }), RangeError, "guildId");
      await assertRejects(() => storage.of(GUILDS).loadOf({ playerId: id }), RangeError, "playerId");
      await assertRejects(() => storage.of(GUILDS).leave({ playerId: id }), RangeError, "playerId");
      await assertRejects(() => storage.of(GUILDS).findTies([id]), RangeError, "playerId");
      const answer = { playerId: 1, guildId: id, nowMs: NOW_MS };
      await assertRejects(() => storage.of(GUILDS).join(answer), RangeError, "guildId");
      await assertRejects(() => storage.of(GUILDS).decline(answer), RangeError, "guildId");
    }
    const ids = Array.from({ length: STORAGE_ROWS_MAX + 1 }, (_, index) => index);
    await assertRejects(() => storage.of(GUILDS).findTies(ids), RangeError, `${STORAGE_ROWS_MAX} rows`);
    const kills = ids.map(() => ({ killerId: 1, victimId: 2, atMs: NOW_MS }));
    await assertRejects(() => storage.of(GUILDS).addKills(kills), RangeError, `${STORAGE_ROWS_MAX} rows`);
  });
}
