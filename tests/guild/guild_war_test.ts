import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { SKILL_MELEE } from "../../games/parts/combat/skills.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { CombatActionSchema, RespawnRequestSchema } from "../../games/parts/combat/combat_pb.ts";
import { GuildLeaveRequestSchema, GuildWarStartSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { KILLS_OF_ONE_VICTIM_MAX, RESPAWN_DELAY_MS } from "../../games/parts/combat/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { withTempDir } from "../support/temp_dir.ts";
import {
  ask,
  breakableStorage,
  declareWar,
  found,
  infoOf,
  must,
  type Scene,
  settle,
  twoGuilds,
} from "./guild_scene.ts";

const HOUR_MS = 3_600_000;

/** Hits until the target is dead. */
async function kill(harness: LogicHarness, attacker: HarnessClient, target: HarnessClient): Promise<void> {
  harness.health.set(target.entityId, { hp: 1, hpMax: 100 });
  for (let round = 0; harness.health.hpOf(target.entityId) > 0; round++) {
    assert(round < 100, "Somebody must be hit in a hundred blows");
    harness.send(attacker, CombatActionSchema, { skillId: SKILL_MELEE, targetId: BigInt(target.entityId) });
    harness.advance(500);
  }
  await settle(harness);
}

/** A kill without the fight. */
async function countKill({ harness }: Scene, killer: HarnessClient, victim: HarnessClient): Promise<void> {
  harness.marsh.guilds.onKill(harness.playerOf(killer), harness.playerOf(victim));
  await settle(harness);
}

async function scoresOf(harness: LogicHarness, client: HarnessClient): Promise<number[][]> {
  return (await infoOf(harness, client)).wars.map(({ ownKills, enemyKills }) => [ownKills, enemyKills]);
}

/** What a client heard of the end of wars. */
function endsOf(harness: LogicHarness, client: HarnessClient) {
  return harness.take(client, PacketType.GUILD_WAR_END)
    .map(({ warId, winnerGuildId, ownKills, enemyKills }) => ({ warId, winnerGuildId, ownKills, enemyKills }));
}

/** Lets time pass at once. */
async function pass(harness: LogicHarness, ms: number): Promise<void> {
  harness.clock.advance(ms);
  harness.tick();
  await settle(harness);
}

Deno.test("GUILD_WAR_START goes to everyone of both guilds, each told of its enemy", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, otto, mia, bela, rosa, ines, lena, wolves, foxes } = scene;
  const nowMs = harness.clock.unixMs();
  await must(harness, otto, GuildWarStartSchema, { enemyName: "red FOXES", warId: 77n, endsAt: 5n });
  const notices = (client: HarnessClient) =>
    harness.take(client, PacketType.GUILD_WAR_START)
      .map(({ enemyGuildId, enemyName, warId, endsAt }) => ({ enemyGuildId, enemyName, warId, endsAt }));
  const [{ warId }] = (await infoOf(harness, anna)).wars;
  const endsAt = BigInt(nowMs + HOUR_MS);
  for (const client of [anna, otto, mia]) {
    assertEquals(notices(client), [{ enemyGuildId: foxes, enemyName: "Red Foxes", warId, endsAt }]);
  }
  for (const client of [bela, rosa]) {
    assertEquals(notices(client), [{ enemyGuildId: wolves, enemyName: "Iron Wolves", warId, endsAt }]);
  }
  for (const client of [ines, lena]) assertEquals(notices(client), []);
});

Deno.test("GUILD_WAR_START lasts as long as configured", async () => {
  await using scene = await twoGuilds({ config: { gameOptions: { guildWarMinutes: 2 } } });
  const { harness, anna } = scene;
  await declareWar(scene);
  assertEquals((await infoOf(harness, anna)).wars[0].endsAt, BigInt(harness.clock.unixMs() + 120_000));
});

Deno.test("A kill in a fight counts in a war, for the killer's guild", async () => {
  await using scene = await twoGuilds();
  const { harness, bela, mia, anna } = scene;
  await kill(harness, bela, mia);
  await declareWar(scene);
  await kill(harness, bela, scene.otto);
  assertEquals(await scoresOf(harness, bela), [[1, 0]]);
  assertEquals(await scoresOf(harness, anna), [[0, 1]]);
});

Deno.test("Kills count only between guilds at war", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, mia, bela, rosa, lena } = scene;
  await declareWar(scene);
  await countKill(scene, anna, mia);
  await countKill(scene, anna, lena);
  await countKill(scene, lena, anna);
  harness.marsh.guilds.onKill(null, harness.playerOf(anna));
  harness.marsh.guilds.onKill(harness.playerOf(anna), null);
  await countKill(scene, anna, bela);
  await countKill(scene, mia, rosa);
  await countKill(scene, rosa, anna);
  assertEquals(await scoresOf(harness, anna), [[2, 1]]);
});

Deno.test("GUILD_WAR_END tells both sides the result as each sees it", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, mia, bela, rosa, lena } = scene;
  const warId = await declareWar(scene);
  await countKill(scene, rosa, anna);
  await pass(harness, HOUR_MS - 2_000);
  assertEquals(endsOf(harness, anna), []);
  await pass(harness, 2_000);
  const winnerGuildId = scene.foxes;
  for (const client of [anna, mia]) {
    assertEquals(endsOf(harness, client), [{ warId, winnerGuildId, ownKills: 0, enemyKills: 1 }]);
  }
  for (const client of [bela, rosa]) {
    assertEquals(endsOf(harness, client), [{ warId, winnerGuildId, ownKills: 1, enemyKills: 0 }]);
  }
  assertEquals(endsOf(harness, lena), []);
  assertEquals(await scoresOf(harness, anna), []);
  assertEquals((await ask(harness, bela, GuildWarStartSchema, { enemyGuildId: scene.wolves })).code, "RATE_LIMITED");
  await pass(harness, HOUR_MS);
  const next = await declareWar(scene);
  assert(next > warId);
});

Deno.test("GUILD_WAR_END names no winner of a draw", async () => {
  await using scene = await twoGuilds();
  const { harness, bela } = scene;
  const warId = await declareWar(scene);
  await pass(harness, HOUR_MS);
  assertEquals(endsOf(harness, bela), [{ warId, winnerGuildId: 0n, ownKills: 0, enemyKills: 0 }]);
});

Deno.test("Leaving the guild in a fight spares no kill, and changes nothing for those who killed", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, mia, bela, rosa } = scene;
  const warId = await declareWar(scene);
  // One blow before the end everybody leaves, the Foxes' last one too.
  for (const player of [rosa, bela, mia]) await must(harness, player, GuildLeaveRequestSchema, {});
  await kill(harness, anna, rosa);
  await kill(harness, bela, anna);
  await kill(harness, mia, bela);
  assertEquals(await scoresOf(harness, anna), [[2, 1]]);
  assertEquals((await infoOf(harness, anna)).wars[0].enemyName, "Red Foxes");
  harness.forget();
  await pass(harness, HOUR_MS);
  assertEquals(endsOf(harness, anna), [{ warId, winnerGuildId: scene.wolves, ownKills: 2, enemyKills: 1 }]);
  for (const client of [bela, rosa, mia]) assertEquals(endsOf(harness, client), []);
});

Deno.test("A guild that declares war and is gone makes no winner of its enemy, and cannot do it again at once", async () => {
  await using scene = await twoGuilds();
  const { harness, anna, otto, lena, wolves } = scene;
  const declareAndLeave = async (name: string) => {
    await found(harness, lena, name, "TR");
    const { code } = await ask(harness, lena, GuildWarStartSchema, { enemyGuildId: wolves });
    await must(harness, lena, GuildLeaveRequestSchema, {});
    return code;
  };
  assertEquals(await declareAndLeave("Trolls"), "NONE");
  assertEquals(endsOf(harness, anna), []);
  for (const name of ["Trolls", "Trolls again", "Trolls"]) assertEquals(await declareAndLeave(name), "RATE_LIMITED");
  assertEquals(harness.take(otto, PacketType.GUILD_WAR_START).length, 1);
  await pass(harness, HOUR_MS);
  const [{ winnerGuildId, ownKills, enemyKills }, ...more] = endsOf(harness, otto);
  assertEquals([winnerGuildId, ownKills, enemyKills, more.length], [0n, 0, 0, 0]);
});

Deno.test(`A kill of the same victim by the same player counts ${KILLS_OF_ONE_VICTIM_MAX} times an hour in a war`, async () => {
  await using scene = await twoGuilds();
  const { harness, anna, otto, bela } = scene;
  await declareWar(scene);
  for (let count = 0; count < KILLS_OF_ONE_VICTIM_MAX + 2; count++) {
    await kill(harness, anna, bela);
    harness.advance(RESPAWN_DELAY_MS);
    harness.send(bela, RespawnRequestSchema, {});
    harness.world.teleport(bela.entityId, harness.clock.monotonicMs(), { x: 500, y: 0, z: 500, yaw: 0 });
    harness.advance(1_000);
  }
  assertEquals(await scoresOf(harness, anna), [[KILLS_OF_ONE_VICTIM_MAX, 0]]);
  await kill(harness, otto, bela);
  assertEquals(await scoresOf(harness, anna), [[KILLS_OF_ONE_VICTIM_MAX + 1, 0]]);
});

Deno.test("A war goes on after a restart with its score, and ends in its time", async () => {
  await withTempDir(async (dir) => {
    const open = () => new DirectStorage({ path: `${dir}/storage.db` }, MARSH_RECORDS);
    const scene = await twoGuilds({ storage: open() });
    const warId = await declareWar(scene);
    await countKill(scene, scene.anna, scene.bela);
    scene.harness.marsh.guilds.onKill(scene.harness.playerOf(scene.anna), scene.harness.playerOf(scene.rosa));
    const winnerGuildId = scene.wolves;
    await scene.harness.close();

    await using harness = await LogicHarness.create({ storage: open() });
    // Its clock begins where the other's did.
    harness.clock.advance(60_000);
    const [anna, rosa] = [await harness.connect({ name: "Anna" }), await harness.connect({ name: "Rosa" })];
    assertEquals(await scoresOf(harness, anna), [[2, 0]]);
    harness.marsh.guilds.onKill(harness.playerOf(rosa), harness.playerOf(anna));
    await settle(harness);
    assertEquals(await scoresOf(harness, anna), [[2, 1]]);
    await pass(harness, HOUR_MS);
    assertEquals(endsOf(harness, rosa), [{ warId, winnerGuildId, ownKills: 1, enemyKills: 2 }]);
  });
});

Deno.test("A war that was due while the server was down ends when it starts", async () => {
  await withTempDir(async (dir) => {
    const open = () => new DirectStorage({ path: `${dir}/storage.db` }, MARSH_RECORDS);
    const scene = await twoGuilds({ storage: open() });
    await declareWar(scene);
    await scene.harness.close();
    await using harness = await LogicHarness.create({ storage: open() });
    harness.clock.advance(HOUR_MS);
    harness.tick();
    await settle(harness);
    const anna = await harness.connect({ name: "Anna" });
    assertEquals(await scoresOf(harness, anna), []);
  });
});

Deno.test("Kills and ends of wars wait for a storage that is down, and the kills count", async () => {
  const { storage, fail } = breakableStorage();
  await using scene = await twoGuilds({ storage });
  const { harness, anna, bela } = scene;
  const warId = await declareWar(scene);
  fail("unavailable");
  await countKill(scene, anna, bela);
  await countKill(scene, anna, bela);
  await pass(harness, HOUR_MS);
  assertEquals(endsOf(harness, bela), []);
  fail(null);
  await pass(harness, 1_000);
  assertEquals(endsOf(harness, bela), [{ warId, winnerGuildId: scene.wolves, ownKills: 0, enemyKills: 2 }]);
});

Deno.test("A blow into the safe area at the gate falls only while the guilds of the two are at war", async () => {
  await using scene = await twoGuilds();
  const { harness, bela, lena, mia } = scene;
  for (const [client, x] of [[bela, 500], [mia, 501], [lena, 502]] as const) {
    harness.world.teleport(client.entityId, harness.clock.monotonicMs(), { x, y: 0, z: 985, yaw: 0 });
  }
  harness.tick(2);
  const hit = (attacker: HarnessClient) => {
    harness.take(attacker, PacketType.ERROR_RESPONSE);
    harness.advance(1_000);
    harness.send(attacker, CombatActionSchema, { skillId: SKILL_MELEE, targetId: BigInt(mia.entityId) });
    return harness.take(attacker, PacketType.ERROR_RESPONSE).map(({ errorCode }) => ErrorCode[errorCode]);
  };
  assertEquals([hit(bela), hit(lena)], [["TARGET_INVALID"], ["TARGET_INVALID"]]);
  await declareWar(scene);
  assertEquals([hit(bela), hit(lena)], [[], ["TARGET_INVALID"]]);
  await pass(harness, HOUR_MS);
  assertEquals([hit(bela), hit(lena)], [["TARGET_INVALID"], ["TARGET_INVALID"]]);
});
