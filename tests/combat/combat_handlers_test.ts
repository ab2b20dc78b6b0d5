import type { MessageInitShape } from "@bufbuild/protobuf";
import { SKILL_AREA, SKILL_MELEE, SKILL_RANGED, SKILLS } from "../../games/parts/combat/skills.ts";
import { EFFECT_STUN } from "../../games/parts/combat/status_effects.ts";
import { DisconnectReason, ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { CombatActionSchema, type CombatResult, RespawnRequestSchema } from "../../games/parts/combat/combat_pb.ts";
import { LeaveWorldRequestSchema, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  AREA_COPIES_MAX,
  AREA_TARGETS_MAX,
  AREA_TARGETS_MIN,
  ENTRY_CALM_MS,
  RESPAWN_DELAY_MS,
  RESPAWN_DELAY_MS_MAX,
  RESPAWN_DISTANCE_MAX,
  RESPAWN_DISTANCE_MIN,
} from "../../games/parts/combat/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { hit, kill, takeErrors } from "./blows.ts";

type ActionInit = MessageInitShape<typeof CombatActionSchema>;

/** Two players a unit apart, and one who sees both. */
async function duel(seed = 1) {
  const harness = await LogicHarness.create({ seed });
  const attacker = await harness.connect({ name: "attacker", at: { x: 500, z: 500 } });
  const target = await harness.connect({ name: "target", at: { x: 501, z: 500 } });
  const watcher = await harness.connect({ name: "watcher", at: { x: 520, z: 500 } });
  harness.advance(ENTRY_CALM_MS);
  harness.forget();
  return { harness, attacker, target, watcher, [Symbol.asyncDispose]: () => harness.close() };
}

type Duel = Awaited<ReturnType<typeof duel>>;

const at = (x: number, y: number, z: number) => ({ x, y, z });

/** What an attacker at (500, 500) sends, `target` at (501, 500), and what it is told. */
const REFUSED: readonly {
  readonly what: string;
  readonly code: ErrorCode;
  readonly action: (duel: Duel) => ActionInit;
  readonly before?: (duel: Duel) => void;
}[] = [
  ...[0, 4, 99, 2 ** 32 - 1].map((skillId) => ({
    what: `skill ${skillId}`,
    code: ErrorCode.INVALID_PACKET,
    action: ({ target }: Duel): ActionInit => ({ skillId, targetId: BigInt(target.entityId) }),
  })),
  ...[NaN, Infinity, -Infinity].flatMap((wrong) =>
    [at(wrong, 0, 0), at(0, wrong, 0), at(0, 0, wrong)].map((targetPosition) => ({
      what: `target position ${targetPosition.x}, ${targetPosition.y}, ${targetPosition.z}`,
      code: ErrorCode.INVALID_PACKET,
      action: (): ActionInit => ({ skillId: SKILL_AREA, targetPosition }),
    }))
  ),
  {
    what: "a melee blow with a position that is not finite",
    code: ErrorCode.INVALID_PACKET,
    action: ({ target }) => ({
      skillId: SKILL_MELEE,
      targetId: BigInt(target.entityId),
      targetPosition: at(NaN, 0, 0),
    }),
  },
  {
    what: "an area without a position",
    code: ErrorCode.INVALID_PACKET,
    action: ({ target }) => ({ skillId: SKILL_AREA, targetId: BigInt(target.entityId) }),
  },
  {
    what: "another's entity as attacker",
    code: ErrorCode.PERMISSION_DENIED,
    action: ({ target, watcher }) => ({
      attackerId: BigInt(watcher.entityId),
      skillId: SKILL_MELEE,
      targetId: BigInt(target.entityId),
    }),
  },
  {
    what: "an attacker that is nobody",
    code: ErrorCode.PERMISSION_DENIED,
    action: ({ target }) => ({
      attackerId: 2n ** 64n - 1n,
      skillId: SKILL_MELEE,
      targetId: BigInt(target.entityId),
    }),
  },
  ...[0n, 77n, 2n ** 53n, 2n ** 64n - 1n].map((targetId) => ({
    what: `target ${targetId}`,
    code: ErrorCode.TARGET_INVALID,
    action: (): ActionInit => ({ skillId: SKILL_MELEE, targetId }),
  })),
  {
    what: "itself as target",
    code: ErrorCode.TARGET_INVALID,
    action: ({ attacker }) => ({ skillId: SKILL_RANGED, targetId: BigInt(attacker.entityId) }),
  },
  {
    what: "a target out of sight",
    code: ErrorCode.TARGET_INVALID,
    before: ({ harness, target }) => {
      harness.world.teleport(target.entityId, harness.clock.monotonicMs(), { ...at(700, 0, 500), yaw: 0 });
      harness.tick();
    },
    action: ({ target }) => ({ skillId: SKILL_RANGED, targetId: BigInt(target.entityId) }),
  },
  {
    what: "a dead target",
    code: ErrorCode.TARGET_INVALID,
    before: ({ harness, target, watcher }) => {
      harness.world.teleport(watcher.entityId, harness.clock.monotonicMs(), { ...at(501, 0, 501), yaw: 0 });
      harness.tick();
      kill(harness, watcher, target);
    },
    action: ({ target }) => ({ skillId: SKILL_MELEE, targetId: BigInt(target.entityId) }),
  },
  {
    what: "a target too far for a melee blow",
    code: ErrorCode.OUT_OF_RANGE,
    action: ({ watcher }) => ({ skillId: SKILL_MELEE, targetId: BigInt(watcher.entityId) }),
  },
  {
    what: "a target too far for a ranged blow",
    code: ErrorCode.OUT_OF_RANGE,
    before: ({ harness, target }) => {
      harness.world.teleport(target.entityId, harness.clock.monotonicMs(), { ...at(525.01, 0, 500), yaw: 0 });
    },
    action: ({ target }) => ({ skillId: SKILL_RANGED, targetId: BigInt(target.entityId) }),
  },
  {
    what: "an area too far away",
    code: ErrorCode.OUT_OF_RANGE,
    action: () => ({ skillId: SKILL_AREA, targetPosition: at(500, 0, 525.1) }),
  },
  {
    what: "an area beyond anything",
    code: ErrorCode.OUT_OF_RANGE,
    action: () => ({ skillId: SKILL_AREA, targetPosition: at(3e38, 3e38, -3e38) }),
  },
  {
    what: "a skill used before",
    code: ErrorCode.ON_COOLDOWN,
    before: ({ harness, attacker, target }) => hit(harness, attacker, target),
    action: ({ target }) => ({ skillId: SKILL_MELEE, targetId: BigInt(target.entityId) }),
  },
  {
    what: "the dead",
    code: ErrorCode.INVALID_STATE,
    before: ({ harness, attacker, target }) => kill(harness, target, attacker),
    action: ({ target }) => ({ skillId: SKILL_MELEE, targetId: BigInt(target.entityId) }),
  },
  {
    what: "the stunned",
    code: ErrorCode.INVALID_STATE,
    before: ({ harness, attacker, target }) => void stun(harness, target, attacker),
    action: ({ target }) => ({ skillId: SKILL_MELEE, targetId: BigInt(target.entityId) }),
  },
];

/** Hits until a blow is critical, without killing. */
function stun(harness: LogicHarness, attacker: HarnessClient, target: HarnessClient): CombatResult {
  for (let round = 0; round < 200; round++) {
    harness.health.set(target.entityId, { hp: 100, hpMax: 100 });
    hit(harness, attacker, target);
    const [result] = harness.take(target, PacketType.COMBAT_RESULT);
    if (result.isCritical) return result;
    harness.advance(500);
  }
  throw new Error("No blow was critical");
}

for (const { what, code, action, before } of REFUSED) {
  Deno.test(`COMBAT_ACTION refuses ${what} with ${ErrorCode[code]}`, async () => {
    await using scene = await duel();
    const { harness, attacker, target, watcher } = scene;
    before?.(scene);
    harness.forget();
    const hpBefore = [attacker, target, watcher].map(({ entityId }) => harness.health.hpOf(entityId));
    harness.send(attacker, CombatActionSchema, action(scene), { sequence: 1 });
    const [{ errorCode, requestType, requestSequence }, ...more] = harness.received(
      attacker,
      PacketType.ERROR_RESPONSE,
    );
    assertEquals(
      { code: ErrorCode[errorCode], requestType, requestSequence, more },
      { code: ErrorCode[code], requestType: PacketType.COMBAT_ACTION, requestSequence: 1n, more: [] },
    );
    for (const client of [attacker, target, watcher]) {
      assertEquals(harness.received(client, PacketType.COMBAT_RESULT), []);
    }
    assertEquals([attacker, target, watcher].map(({ entityId }) => harness.health.hpOf(entityId)), hpBefore);
  });
}

Deno.test("COMBAT_ACTION refuses what cannot be parsed with INVALID_PACKET", async () => {
  await using scene = await duel();
  const { harness, attacker } = scene;
  harness.sendRaw(attacker, PacketType.COMBAT_ACTION, new Uint8Array([0xff, 0xff]));
  assertEquals(takeErrors(harness, attacker), [ErrorCode.INVALID_PACKET]);
});

Deno.test("COMBAT_ACTION does not mind what the client says of its casting time and sequence", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  harness.send(attacker, CombatActionSchema, {
    attackerId: BigInt(attacker.entityId),
    targetId: BigInt(target.entityId),
    skillId: SKILL_MELEE,
    castTime: NaN,
    actionSequence: 2 ** 32 - 1,
  });
  assertEquals(takeErrors(harness, attacker), []);
  assertEquals(harness.received(attacker, PacketType.COMBAT_RESULT).length, 1);
});

for (const { id, cooldownMs } of SKILLS) {
  Deno.test(`COMBAT_ACTION lets skill ${id} be used again after ${cooldownMs} ms and not 100 ms before`, async () => {
    await using scene = await duel();
    const { harness, attacker, target } = scene;
    const action: ActionInit = { skillId: id, targetId: BigInt(target.entityId), targetPosition: at(501, 0, 500) };
    harness.send(attacker, CombatActionSchema, action);
    harness.advance(cooldownMs - 100);
    harness.send(attacker, CombatActionSchema, action);
    assertEquals(takeErrors(harness, attacker), [ErrorCode.ON_COOLDOWN]);
    harness.advance(100);
    harness.send(attacker, CombatActionSchema, action);
    assertEquals(takeErrors(harness, attacker), []);
  });
}

Deno.test("COMBAT_ACTION keeps cooldowns over leaving and entering the world", async () => {
  await using scene = await duel();
  const { harness, attacker } = scene;
  const area: ActionInit = { skillId: SKILL_AREA, targetPosition: at(500, 0, 500) };
  harness.send(attacker, CombatActionSchema, area);
  harness.send(attacker, LeaveWorldRequestSchema, {});
  await harness.enter(attacker);
  harness.send(attacker, CombatActionSchema, area);
  assertEquals(takeErrors(harness, attacker), [ErrorCode.ON_COOLDOWN]);
});

Deno.test("COMBAT_RESULT goes once to both and to everyone who sees either, and to nobody else", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  harness.world.teleport(target.entityId, harness.clock.monotonicMs(), { ...at(520, 0, 500), yaw: 0 });
  const seesAttacker = await harness.connect({ at: { x: 455, z: 500 } });
  const seesTarget = await harness.connect({ at: { x: 565, z: 500 } });
  const seesNeither = await harness.connect({ at: { x: 580, z: 500 } });
  harness.tick();
  harness.forget();
  hit(harness, attacker, target, SKILL_RANGED);
  for (const client of [attacker, target, scene.watcher, seesAttacker, seesTarget]) {
    const results = harness.received(client, PacketType.COMBAT_RESULT);
    assertEquals(results.length, 1, client.name);
    assertEquals([results[0].attackerId, results[0].targetId, results[0].skillId], [
      BigInt(attacker.entityId),
      BigInt(target.entityId),
      SKILL_RANGED,
    ]);
  }
  assertEquals(harness.received(seesNeither, PacketType.COMBAT_RESULT), []);
});

Deno.test("COMBAT_RESULT of an area comes once for each entity hit", async () => {
  await using scene = await duel();
  const { harness, attacker, target, watcher } = scene;
  const third = await harness.connect({ at: { x: 503, z: 500 } });
  harness.tick();
  harness.send(attacker, CombatActionSchema, { skillId: SKILL_AREA, targetPosition: at(500, 0, 500) });
  for (const client of [attacker, target, third, watcher]) {
    const results = harness.received(client, PacketType.COMBAT_RESULT);
    assertEquals(results.map(({ targetId }) => Number(targetId)), [target.entityId, third.entityId]);
  }
});

Deno.test("COMBAT_RESULT of an area with nobody in it names no target, to the attacker and who sees it", async () => {
  await using scene = await duel();
  const { harness, attacker, watcher } = scene;
  harness.send(attacker, CombatActionSchema, { skillId: SKILL_AREA, targetPosition: at(500, 0, 475) });
  for (const client of [attacker, watcher]) {
    const [{ attackerId, targetId, damage, skillId }] = harness.received(client, PacketType.COMBAT_RESULT);
    assertEquals({ attackerId, targetId, damage, skillId }, {
      attackerId: BigInt(attacker.entityId),
      targetId: 0n,
      damage: 0,
      skillId: SKILL_AREA,
    });
  }
});

Deno.test("COMBAT_RESULT says what the next snapshot's health shows", async () => {
  await using scene = await duel();
  const { harness, attacker, target, watcher } = scene;
  let hp = 100;
  for (let round = 0; round < 4; round++) {
    hit(harness, attacker, target, SKILL_RANGED);
    const [{ damage }] = harness.take(watcher, PacketType.COMBAT_RESULT);
    hp = Math.max(0, hp - damage);
    harness.forget(watcher, target);
    harness.tick();
    for (const client of [watcher, target]) {
      const healths = harness.received(client, PacketType.WORLD_SNAPSHOT).flatMap(({ updates }) => updates)
        .filter(({ entityId }) => Number(entityId) === target.entityId)
        .map(({ update }) => update.case === "health" ? update.value.currentHp : undefined);
      assertEquals(healths, damage === 0 ? [] : [hp], client.name);
    }
    harness.advance(1_500);
  }
});

Deno.test("COMBAT_RESULT of a critical melee blow names the stun, and snapshots show it begin and end", async () => {
  await using scene = await duel();
  const { harness, attacker, target, watcher } = scene;
  const { appliedEffects } = stun(harness, attacker, target);
  assertEquals(appliedEffects.map(({ effectId, duration, value }) => ({ effectId, duration, value })), [
    { effectId: EFFECT_STUN, duration: 1, value: 0 },
  ]);
  harness.forget();
  const statuses = () =>
    harness.take(watcher, PacketType.WORLD_SNAPSHOT).flatMap(({ updates }) => updates)
      .flatMap(({ update }) => update.case === "status" ? [update.value] : [])
      .map(({ debuffIds, isStunned }) => ({ debuffIds, isStunned }));
  harness.tick();
  assertEquals(statuses(), [{ debuffIds: [EFFECT_STUN], isStunned: true }]);
  harness.advance(1_000);
  assertEquals(statuses(), [{ debuffIds: [], isStunned: false }]);
});

Deno.test("A stun refuses movements with a correction until it is over", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  stun(harness, attacker, target);
  harness.forget();
  const position = at(501.1, 0, 500);
  harness.send(target, MovementUpdateSchema, { position, sequenceNumber: 5 });
  const [{ reason, sequenceNumber }] = harness.take(target, PacketType.MOVEMENT_CORRECTION);
  assertEquals([reason, sequenceNumber], ["stunned", 5]);
  harness.advance(1_000);
  harness.send(target, MovementUpdateSchema, { position, sequenceNumber: 6 });
  assertEquals(harness.take(target, PacketType.MOVEMENT_CORRECTION), []);
  assertEquals(harness.world.xOf(target.entityId), 501.1);
});

Deno.test("The dead neither move nor act, and lie there with no health", async () => {
  await using scene = await duel();
  const { harness, attacker, target, watcher } = scene;
  harness.forget();
  kill(harness, attacker, target);
  const results = harness.received(watcher, PacketType.COMBAT_RESULT);
  assertEquals(results.map(({ targetDied }) => targetDied), [...results.slice(1).map(() => false), true]);
  const healths = harness.received(watcher, PacketType.WORLD_SNAPSHOT).flatMap(({ updates }) => updates)
    .flatMap(({ update }) => update.case === "health" ? [update.value.currentHp] : []);
  assertEquals(healths.at(-1), 0);
  harness.forget();
  harness.send(target, MovementUpdateSchema, { position: at(501.1, 0, 500), sequenceNumber: 1 });
  assertEquals(harness.received(target, PacketType.MOVEMENT_CORRECTION).map(({ reason }) => reason), ["dead"]);
  hit(harness, target, attacker);
  assertEquals(takeErrors(harness, target), [ErrorCode.INVALID_STATE]);
});

Deno.test("RESPAWN_REQUEST refuses the living and, before the delay is over, the dead", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  harness.send(target, RespawnRequestSchema, {});
  assertEquals(takeErrors(harness, target), [ErrorCode.INVALID_STATE]);
  kill(harness, attacker, target);
  harness.send(target, RespawnRequestSchema, {});
  assertEquals(takeErrors(harness, target), [ErrorCode.INVALID_STATE]);
  assertEquals(harness.health.hpOf(target.entityId), 0);
});

/** Fails unless the player came back sound, and its client was told everything. */
function assertRespawned(harness: LogicHarness, client: HarnessClient): void {
  const { world } = harness;
  assertEquals(harness.health.hpOf(client.entityId), 100);
  const x = world.xOf(client.entityId), z = world.zOf(client.entityId);
  const [{ reason, sequenceNumber, position }, ...more] = harness.received(client, PacketType.MOVEMENT_CORRECTION);
  assertEquals([reason, sequenceNumber, more], ["respawn", 0, []]);
  assertEquals([position?.x, position?.z], [Math.fround(x), Math.fround(z)]);
  harness.tick();
  const healths = harness.received(client, PacketType.WORLD_SNAPSHOT).flatMap(({ updates }) => updates)
    .filter(({ entityId }) => Number(entityId) === client.entityId)
    .flatMap(({ update }) => update.case === "health" ? [update.value.currentHp] : []);
  assertEquals(healths, [100]);
  harness.send(client, MovementUpdateSchema, { position: at(x, 0, z), sequenceNumber: 9 });
  assertEquals(harness.received(client, PacketType.MOVEMENT_CORRECTION).length, 1);
}

Deno.test("RESPAWN_REQUEST brings the dead back elsewhere, sound, once the delay is over", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  kill(harness, attacker, target);
  harness.advance(RESPAWN_DELAY_MS);
  harness.forget();
  harness.send(target, RespawnRequestSchema, {});
  assertEquals(takeErrors(harness, target), []);
  // A unit from the attacker it died.
  const distance = harness.world.distanceBetween(target.entityId, attacker.entityId);
  assert(distance >= RESPAWN_DISTANCE_MIN - 1.01 && distance <= RESPAWN_DISTANCE_MAX + 1.01, `${distance} units`);
  assertRespawned(harness, target);
});

Deno.test("The dead come back by themselves after ten seconds and not before", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  kill(harness, attacker, target);
  harness.forget();
  // Half a second passed with the last blow.
  harness.advance(RESPAWN_DELAY_MS_MAX - 500 - harness.config.tickMs);
  assertEquals(harness.health.hpOf(target.entityId), 0);
  harness.forget();
  harness.tick();
  assertRespawned(harness, target);
});

Deno.test("The wounded who leave the world come back as wounded, where they were", async () => {
  await using scene = await duel();
  const { harness, target } = scene;
  harness.health.set(target.entityId, { hp: 37, hpMax: 100 });
  harness.send(target, LeaveWorldRequestSchema, {});
  await harness.enter(target);
  assertEquals([harness.health.hpOf(target.entityId), harness.world.xOf(target.entityId)], [37, 501]);
});

Deno.test("Whoever lost the connection can be killed, comes back, and hears of it on resuming", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  harness.disconnect(target);
  kill(harness, attacker, target);
  harness.advance(RESPAWN_DELAY_MS_MAX);
  assertEquals(harness.health.hpOf(target.entityId), 100);
  const again = harness.open({ name: "target" });
  harness.send(again, ResumeRequestSchema, { resumeToken: target.resumeToken, lastSequence: 1n });
  const types = again.packets.map(({ type }) => type);
  assertEquals(types[0], PacketType.RESUME_RESPONSE);
  assert(harness.received(again, PacketType.COMBAT_RESULT).some(({ targetDied }) => targetDied));
  assertEquals(harness.received(again, PacketType.MOVEMENT_CORRECTION).map(({ reason }) => reason), ["respawn"]);
});

Deno.test("A session that leaves while stunned is still stunned when it is back, until the stun is over", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  stun(harness, attacker, target);
  harness.send(target, LeaveWorldRequestSchema, {});
  await harness.enter(target);
  hit(harness, target, attacker);
  assertEquals(takeErrors(harness, target), [ErrorCode.INVALID_STATE]);
  harness.advance(2_000);
  hit(harness, target, attacker);
  assertEquals(takeErrors(harness, target), []);
});

Deno.test("CombatService.onKill() tells who killed whom, once", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  const kills: (string | undefined)[][] = [];
  harness.marsh.combat.onKill((killer, victim) => kills.push([killer?.name, victim?.name]));
  kill(harness, attacker, target);
  assertEquals(kills, [["attacker", "target"]]);
  harness.advance(RESPAWN_DELAY_MS_MAX);
  assertEquals(kills.length, 1);
});

Deno.test("CombatService.onKill() may take the victim out of the world", async () => {
  await using scene = await duel();
  const { harness, attacker, target, watcher } = scene;
  harness.marsh.combat.onKill((_killer, victim) => {
    const session = harness.sessions.findPlayer(victim!.playerId)!;
    harness.logic.world.expel(session, DisconnectReason.KICKED, "Lost");
  });
  harness.world.teleport(watcher.entityId, harness.clock.monotonicMs(), { ...at(502, 0, 500), yaw: 0 });
  harness.tick();
  harness.forget();
  for (let round = 0; harness.world.has(target.entityId) && round < 100; round++) {
    harness.health.set(target.entityId, { hp: 1, hpMax: 100 });
    harness.send(attacker, CombatActionSchema, { skillId: SKILL_AREA, targetPosition: at(500, 0, 500) });
    harness.advance(4_000);
  }
  assert(!harness.world.has(target.entityId));
  assertEquals(harness.log.records.filter(({ level }) => level === "error"), []);
});

Deno.test("COMBAT_ACTION reckons height: from 150 units above nobody is hit, and from 3 above by a melee blow", async () => {
  for (
    const [height, skillId, codes] of [
      [150, SKILL_MELEE, [ErrorCode.OUT_OF_RANGE]],
      [150, SKILL_RANGED, [ErrorCode.OUT_OF_RANGE]],
      [150, SKILL_AREA, [ErrorCode.OUT_OF_RANGE]],
      [3, SKILL_MELEE, [ErrorCode.OUT_OF_RANGE]],
      [2.8, SKILL_MELEE, []],
      [24.9, SKILL_RANGED, []],
    ] as const
  ) {
    await using scene = await duel();
    const { harness, attacker, target } = scene;
    harness.world.teleport(attacker.entityId, harness.clock.monotonicMs(), { ...at(500, height, 500), yaw: 0 });
    harness.tick();
    const action = { skillId, targetId: BigInt(target.entityId), targetPosition: at(501, 0, 500) };
    harness.send(attacker, CombatActionSchema, action);
    assertEquals(takeErrors(harness, attacker), [...codes], `skill ${skillId} from ${height}`);
  }
});

Deno.test("COMBAT_ACTION hits nobody by an area that is above or below its radius", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  harness.world.teleport(target.entityId, harness.clock.monotonicMs(), { ...at(501, 5.01, 500), yaw: 0 });
  harness.tick();
  harness.send(attacker, CombatActionSchema, { skillId: SKILL_AREA, targetPosition: at(501, 0, 500) });
  assertEquals(harness.received(attacker, PacketType.COMBAT_RESULT).map(({ targetId }) => targetId), [0n]);
});

/** Players in rows from (x, 500), half a unit apart, who do not die soon and may strike. */
async function crowdAt(harness: LogicHarness, x: number, count: number): Promise<HarnessClient[]> {
  const crowd: HarnessClient[] = [];
  for (let index = 0; index < count; index++) {
    crowd.push(await harness.connect({ at: { x: x + index % 8 * 0.5, z: 500 + Math.floor(index / 8) * 0.5 } }));
  }
  harness.advance(ENTRY_CALM_MS);
  for (const { entityId } of crowd) harness.health.set(entityId, { hp: 10_000, hpMax: 10_000 });
  return crowd;
}

/** How many each of a crowd hits, one after the other, around the middle of its rows. */
function strikeAll(harness: LogicHarness, crowd: readonly HarnessClient[], x: number): number[] {
  return crowd.map((fighter) => {
    for (const { outbox } of harness.sessions.inWorld) outbox?.acknowledge(outbox.sentSequence);
    harness.forget();
    harness.send(fighter, CombatActionSchema, { skillId: SKILL_AREA, targetPosition: at(x + 2, 0, 502) });
    assertEquals(takeErrors(harness, fighter), []);
    return harness.received(fighter, PacketType.COMBAT_RESULT).length;
  });
}

for (
  const [count, hits] of [
    [AREA_TARGETS_MAX + 1, Math.floor(AREA_COPIES_MAX / (AREA_TARGETS_MAX + 1))],
    [60, Math.floor(AREA_COPIES_MAX / 60)],
    [AREA_COPIES_MAX / AREA_TARGETS_MIN + 10, AREA_TARGETS_MIN],
  ]
) {
  Deno.test(`An area skill that ${count} see hits ${hits}, whoever else uses it`, async () => {
    await using harness = await LogicHarness.create();
    const crowd = await crowdAt(harness, 500, count);
    assertEquals(strikeAll(harness, crowd.slice(0, 60), 500), Array<number>(Math.min(60, count)).fill(hits));
  });
}

Deno.test("A crowd that fights takes nothing from a fight elsewhere on the map", async () => {
  await using harness = await LogicHarness.create();
  const duellists = await crowdAt(harness, 700, 20);
  const crowd = await crowdAt(harness, 500, 100);
  for (let round = 0; round < 3; round++) {
    assertEquals(strikeAll(harness, crowd, 500), Array<number>(100).fill(AREA_COPIES_MAX / 100));
    assertEquals(strikeAll(harness, duellists, 700), Array<number>(20).fill(19));
    harness.advance(SKILLS[SKILL_AREA - 1].cooldownMs);
  }
});
