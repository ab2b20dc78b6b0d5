/** Nothing that holds a player back, and no fight, ends because the player leaves the world. */

import { SKILL_AREA, SKILL_MELEE, SKILL_RANGED } from "../../games/parts/combat/skills.ts";
import { fightPenaltyEndMs } from "../../games/parts/combat/combat_handlers.ts";
import { Penalties } from "../../server/session/penalties.ts";
import { travelPenaltyEndMs } from "../../server/session/characters.ts";
import { Prng } from "../../server/world/prng.ts";
import {
  AccountDeleteRequestSchema,
  DisconnectReason,
  LoginRequestSchema,
  LogoutRequestSchema,
  ResumeRequestSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { CombatActionSchema, RespawnRequestSchema } from "../../games/parts/combat/combat_pb.ts";
import { LeaveWorldRequestSchema, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { PortalRequestSchema } from "../../games/marsh/marsh_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { LINK_DEAD_MS, PENALTIES_MAX } from "../../shared/limits.ts";
import { ENTRY_CALM_MS, FIGHT_MS, RESPAWN_DELAY_MS, RESPAWN_DELAY_MS_MAX } from "../../games/parts/combat/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { hit, kill, takeErrors } from "./blows.ts";

const SWEEP_MS = 1_000;
const PASSWORD_HASH = "5e".repeat(32);

/** Two players a unit apart who have just been in the world for long enough to strike. */
async function duel() {
  const harness = await LogicHarness.create({ seed: 3 });
  const passwordVerifier = `plain:${PASSWORD_HASH}`;
  const names = ["attacker", "target"];
  await harness.storage.accounts.createMany(
    names.map((name) => ({ name, nameKey: name, passwordVerifier, createdAtMs: harness.clock.unixMs() })),
  );
  const attacker = await harness.connect({ name: "attacker", at: { x: 500, z: 560 } });
  const target = await harness.connect({ name: "target", at: { x: 501, z: 560 } });
  harness.advance(ENTRY_CALM_MS);
  harness.forget();
  return { harness, attacker, target, [Symbol.asyncDispose]: () => harness.close() };
}

type Duel = Awaited<ReturnType<typeof duel>>;

/** Every way in which a client can end its stay in the world. */
const WAYS_OUT: readonly { readonly what: string; readonly leave: (duel: Duel, client: HarnessClient) => unknown }[] = [
  { what: "LEAVE_WORLD", leave: ({ harness }, client) => harness.send(client, LeaveWorldRequestSchema, {}) },
  {
    what: "LOGOUT",
    leave: async ({ harness }, client) => {
      harness.send(client, LogoutRequestSchema, {});
      await harness.until(() => harness.received(client, PacketType.LOGOUT_RESPONSE).length > 0);
    },
  },
  {
    what: "a login elsewhere",
    leave: async ({ harness }, client) => {
      const other = harness.open({ name: client.name });
      const credentials = { username: client.name, passwordHash: PASSWORD_HASH, clientVersion: "1.0.0" };
      harness.send(other, LoginRequestSchema, credentials);
      await harness.until(() => harness.received(other, PacketType.LOGIN_RESPONSE).length > 0);
    },
  },
  {
    what: "ACCOUNT_DELETE_REQUEST",
    leave: async ({ harness }, client) => {
      harness.send(client, AccountDeleteRequestSchema, { passwordHash: PASSWORD_HASH });
      await harness.until(() => client.closedBy !== null);
    },
  },
  { what: "a lost connection", leave: ({ harness }, client) => harness.disconnect(client) },
];

for (const { what, leave } of WAYS_OUT) {
  for (const who of ["attacker", "target"] as const) {
    Deno.test(`World keeps the ${who} of a blow for 10 s after ${what}: it can be hit, and its death counts`, async () => {
      await using scene = await duel();
      const { harness, attacker, target } = scene;
      hit(harness, attacker, target);
      const leaver = scene[who], other = who === "attacker" ? target : attacker;
      await leave(scene, leaver);
      harness.advance(FIGHT_MS - SWEEP_MS);
      assert(harness.world.has(leaver.entityId));
      const kills: (string | undefined)[][] = [];
      harness.marsh.combat.onKill((killer, victim) => kills.push([killer?.name, victim?.name]));
      kill(harness, other, leaver);
      assertEquals(kills, [[other.name, leaver.name]]);
      // What is dead comes back by itself, where nobody plays it: then it goes.
      harness.advance(
        Math.max(RESPAWN_DELAY_MS_MAX, FIGHT_MS, what === "a lost connection" ? LINK_DEAD_MS : 0) + SWEEP_MS,
      );
      assert(!harness.world.has(leaver.entityId));
      assertEquals(harness.logic.world.occupants.stayCount, 0);
    });
  }

  if (what !== "a lost connection") {
    Deno.test(`World lets a player go at once by ${what} that has not fought for 10 s`, async () => {
      await using scene = await duel();
      const { harness, attacker, target } = scene;
      hit(harness, attacker, target);
      harness.advance(FIGHT_MS);
      await leave(scene, target);
      assert(!harness.world.has(target.entityId));
    });

    Deno.test(`World answers ${what} in a fight at once`, async () => {
      await using scene = await duel();
      const { harness, attacker, target } = scene;
      hit(harness, attacker, target);
      await leave(scene, target);
      assertEquals(harness.sessions.inWorld.size, 1);
      harness.forget(attacker, target);
      hit(harness, attacker, target, SKILL_RANGED);
      assertEquals(harness.received(target, PacketType.COMBAT_RESULT), []);
      assertEquals(harness.received(attacker, PacketType.COMBAT_RESULT).length, 1);
    });
  }
}

Deno.test("World lets an entity go that was left, killed, and struck again as it came back", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  hit(harness, attacker, target);
  harness.send(target, LeaveWorldRequestSchema, {});
  kill(harness, attacker, target);
  const { entityId } = target, { health, world } = harness;
  for (let ticks = 0; health.hpOf(entityId) === 0; ticks++) {
    assert(world.has(entityId) && ticks < 1_000);
    harness.tick();
  }
  const { combat } = harness.marsh, nowMs = harness.clock.monotonicMs();
  world.teleport(attacker.entityId, nowMs, { x: world.xOf(entityId) + 1, y: 0, z: world.zOf(entityId), yaw: 0 });
  hit(harness, attacker, target);
  assert(combat.isFighting(entityId));
  harness.advance(SWEEP_MS);
  assert(!world.has(entityId));
});

Deno.test("ENTER_WORLD takes over the entity that was left in a fight: same id, place, hit points and cooldowns", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  hit(harness, attacker, target);
  hit(harness, attacker, target, SKILL_RANGED);
  for (const client of [attacker, target]) {
    const { entityId } = client, hp = harness.health.hpOf(entityId);
    harness.send(client, LeaveWorldRequestSchema, {});
    harness.advance(500);
    harness.forget();
    await harness.enter(client);
    assertEquals([client.entityId, harness.health.hpOf(entityId)], [entityId, hp]);
  }
  assertEquals([harness.world.xOf(attacker.entityId), harness.world.entityCount], [500, 2]);
  hit(harness, attacker, target, SKILL_RANGED);
  assertEquals(takeErrors(harness, attacker), [ErrorCode.ON_COOLDOWN]);
  harness.tick();
  const [snapshot] = harness.received(target, PacketType.WORLD_SNAPSHOT);
  assertEquals(snapshot.updates.map(({ update }) => update.case), ["spawn", "spawn"]);
});

Deno.test("ENTER_WORLD gives the dead their bodies back, dead until 3 s are over", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  kill(harness, attacker, target);
  const { entityId } = target;
  harness.send(target, LeaveWorldRequestSchema, {});
  await harness.enter(target);
  assertEquals([target.entityId, harness.health.hpOf(entityId)], [entityId, 0]);
  harness.send(target, RespawnRequestSchema, {});
  assertEquals(takeErrors(harness, target), [ErrorCode.INVALID_STATE]);
  harness.advance(RESPAWN_DELAY_MS);
  harness.send(target, RespawnRequestSchema, {});
  assertEquals([takeErrors(harness, target), harness.health.hpOf(entityId)], [[], 100]);
});

Deno.test("ENTER_WORLD finds the dead who were thrown out dead, until 3 s are over", async () => {
  for (const [waitMs, hp] of [[RESPAWN_DELAY_MS - 600, 0], [RESPAWN_DELAY_MS, 100]]) {
    await using scene = await duel();
    const { harness, attacker, target } = scene;
    kill(harness, attacker, target);
    const { playerId, characterId, name } = target;
    harness.logic.world.expel(harness.sessionOf(target), DisconnectReason.KICKED, "Enough");
    assert(!harness.world.has(target.entityId));
    harness.advance(waitMs);
    const again = Object.assign(harness.open({ name }), { playerId, characterId });
    await harness.enter(again);
    assertEquals(harness.health.hpOf(again.entityId), hp, `${waitMs} ms`);
    harness.advance(RESPAWN_DELAY_MS_MAX);
    assertEquals(harness.health.hpOf(again.entityId), 100);
  }
});

Deno.test("COMBAT_ACTION strikes nobody within a second of the entry, and after it does", async () => {
  await using harness = await LogicHarness.create();
  const [attacker, target] = [
    await harness.connect({ at: { x: 500, z: 560 } }),
    await harness.connect({ at: { x: 501, z: 560 } }),
  ];
  harness.advance(ENTRY_CALM_MS - harness.config.tickMs);
  hit(harness, attacker, target);
  assertEquals(takeErrors(harness, attacker), [ErrorCode.INVALID_STATE]);
  harness.tick();
  hit(harness, attacker, target);
  assertEquals(takeErrors(harness, attacker), []);
});

Deno.test("Entering, striking and leaving forty times in 20 s deals no blow that cannot be answered", async () => {
  await using scene = await duel();
  const { harness, attacker, target } = scene;
  for (let round = 0; round < 40; round++) {
    hit(harness, attacker, target);
    harness.send(attacker, LeaveWorldRequestSchema, {});
    harness.advance(250);
    assert(harness.world.has(attacker.entityId));
    harness.forget(target);
    hit(harness, target, attacker);
    assertEquals(takeErrors(harness, target).filter((code) => code !== ErrorCode.ON_COOLDOWN), []);
    harness.health.set(attacker.entityId, { hp: 100, hpMax: 100 });
    await harness.enter(attacker);
    harness.advance(250);
  }
  // The one before the first time it left; after that it was never there for a second.
  assert(harness.health.hpOf(target.entityId) >= 100 - 18);
});

Deno.test("PORTAL_REQUEST is refused with INVALID_STATE within 10 s of a blow", async () => {
  await using harness = await LogicHarness.create();
  const attacker = await harness.connect({ at: { x: 500, z: 514 } });
  const target = await harness.connect({ at: { x: 501, z: 514 } });
  harness.advance(ENTRY_CALM_MS);
  const pass = () =>
    [attacker, target].map((client) => {
      harness.send(client, PortalRequestSchema, { portalId: 1 });
      return harness.take(client, PacketType.MAP_ENTERED).map(({ errorCode }) => errorCode);
    });
  hit(harness, attacker, target);
  assertEquals(pass(), [[ErrorCode.INVALID_STATE], [ErrorCode.INVALID_STATE]]);
  harness.advance(FIGHT_MS - harness.config.tickMs);
  assertEquals(pass(), [[ErrorCode.INVALID_STATE], [ErrorCode.INVALID_STATE]]);
  harness.tick();
  assertEquals(pass(), [[ErrorCode.NONE], [ErrorCode.NONE]]);
});

Deno.test("A blow into the air is no fight", async () => {
  await using scene = await duel();
  const { harness, attacker } = scene;
  harness.send(attacker, CombatActionSchema, { skillId: SKILL_AREA, targetPosition: { x: 510, y: 0, z: 560 } });
  harness.send(attacker, LeaveWorldRequestSchema, {});
  assert(!harness.world.has(attacker.entityId));
});

Deno.test("World shows those who cannot move at rest: without a connection, left in a fight", async () => {
  for (const leaves of [false, true]) {
    await using scene = await duel();
    const { harness, attacker, target } = scene;
    hit(harness, attacker, target);
    harness.send(target, MovementUpdateSchema, {
      position: { x: 501.5, y: 0, z: 560 },
      velocity: { x: 10, y: 0, z: 3 },
      sequenceNumber: 1,
    });
    harness.tick();
    if (leaves) harness.send(target, LeaveWorldRequestSchema, {});
    else harness.disconnect(target);
    harness.tick();
    const latecomer = await harness.connect({ at: { x: 505, z: 560 } });
    harness.tick();
    const told = [attacker, latecomer].map((client) => {
      const snapshots = harness.received(client, PacketType.WORLD_SNAPSHOT);
      const spawns = snapshots.flatMap(({ updates }) => updates.map(({ entityId, update }) => ({ entityId, update })));
      const spawn = spawns.findLast(({ entityId, update }) =>
        Number(entityId) === target.entityId && update.case === "spawn"
      );
      const move = snapshots.flatMap(({ moves }) => moves).findLast(({ entityId }) =>
        Number(entityId) === target.entityId
      );
      if (client === attacker) return [move?.vx, move?.vz];
      return spawn?.update.case === "spawn"
        ? [spawn.update.value.movement?.velocity?.x, spawn.update.value.movement?.velocity?.z]
        : [];
    });
    assertEquals(told.map((pair) => pair.map((speed) => speed ?? 0)), [[0, 0], [0, 0]], leaves ? "left" : "lost");
  }
});

/** One player who tries to be faster, or sounder, than it may, by coming and going. */
class Cheat {
  sequence = 0;
  /** Units it went by its own movements. */
  walked = 0;

  constructor(readonly harness: LogicHarness, public client: HarnessClient) {}

  /** As far as it is let, in steps of `step` units. */
  run(step: number): void {
    const { harness, client } = this, { world } = harness;
    for (let tries = 0; tries < 40; tries++) {
      const { entityId } = client, x = world.xOf(entityId), z = world.zOf(entityId);
      const direction = this.sequence % 400 < 200 ? 1 : -1;
      const position = { x: x + step * direction, y: 0, z };
      harness.send(client, MovementUpdateSchema, { position, sequenceNumber: ++this.sequence });
      const moved = Math.abs(world.xOf(entityId) - x);
      if (moved === 0) return;
      this.walked += moved;
    }
  }

  async comeAndGo(way: number): Promise<void> {
    const { harness, client } = this;
    if (way === 0) {
      harness.send(client, LeaveWorldRequestSchema, {});
      await harness.enter(client);
    } else if (way === 1) {
      harness.send(client, LogoutRequestSchema, {});
      const count = harness.received(client, PacketType.LOGOUT_RESPONSE).length;
      await harness.until(() => harness.received(client, PacketType.LOGOUT_RESPONSE).length > count);
      await harness.enter(client);
    } else if (way === 2) {
      await this.#over(harness.open({ name: client.name }));
    } else if (way === 3) {
      harness.disconnect(client);
      await this.#over(harness.open({ name: client.name }));
    } else if (way === 4) {
      harness.disconnect(client);
      const fresh = this.#as(harness.open({ name: client.name }));
      fresh.entityId = client.entityId;
      harness.send(fresh, ResumeRequestSchema, { resumeToken: client.resumeToken, lastSequence: 0n });
      const [{ success, resumeToken }] = harness.take(fresh, PacketType.RESUME_RESPONSE);
      assert(success);
      fresh.resumeToken = resumeToken;
      this.client = fresh;
    } else if (way === 5) {
      harness.send(client, PortalRequestSchema, { portalId: 1 });
      harness.send(client, PortalRequestSchema, { portalId: 101 });
    }
  }

  async #over(fresh: HarnessClient): Promise<void> {
    this.client = this.#as(fresh);
    await this.harness.enter(fresh);
  }

  #as(fresh: HarnessClient): HarnessClient {
    const { playerId, characterId } = this.client;
    return Object.assign(fresh, { playerId, characterId });
  }
}

for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
  Deno.test(`No way of coming and going moves a player farther than its speed and one tolerance: seed ${seed}`, async () => {
    const prng = new Prng(seed);
    await using harness = await LogicHarness.create({ seed });
    const cheat = new Cheat(harness, await harness.connect({ at: { x: 500, z: 514 } }));
    const startMs = harness.clock.monotonicMs();
    const step = [0.5, 1, 2.8][prng.nextInt(3)];
    let rounds = 0;
    while (harness.clock.monotonicMs() - startMs < 20_000) {
      cheat.run(step);
      await cheat.comeAndGo(prng.nextInt(6));
      cheat.run(step);
      harness.tick(prng.nextInt(4));
      harness.forget();
      rounds++;
    }
    const seconds = (harness.clock.monotonicMs() - startMs + 250) / 1_000;
    const limit = harness.config.maxSpeed * 1.15 * seconds;
    assert(cheat.walked <= limit, `${cheat.walked} units in ${seconds} s, limit is ${limit}, ${rounds} rounds`);
    // It was let do what it may: most of it.
    assert(cheat.walked > limit / 2, `Only ${cheat.walked} of ${limit} units`);
  });

  Deno.test(`No way of coming and going brings hit points back in a fight: seed ${seed}`, async () => {
    const prng = new Prng(seed);
    await using scene = await duel();
    const { harness, attacker, target } = scene;
    const cheat = new Cheat(harness, target);
    let diedAtMs = 0;
    for (let round = 0; round < 200; round++) {
      const before = harness.health.hpOf(cheat.client.entityId);
      hit(harness, attacker, cheat.client, prng.nextInt(2) === 0 ? SKILL_MELEE : SKILL_RANGED);
      await cheat.comeAndGo(prng.nextInt(5));
      const hp = harness.health.hpOf(cheat.client.entityId);
      assert(hp <= before, `${before} hit points became ${hp}`);
      if (hp === 0 && before > 0) diedAtMs = harness.clock.monotonicMs();
      if (hp === 0) harness.send(cheat.client, RespawnRequestSchema, {});
      if (hp === 0 && harness.health.hpOf(cheat.client.entityId) > 0) {
        assert(harness.clock.monotonicMs() - diedAtMs >= RESPAWN_DELAY_MS);
        const place = { x: 501, y: 0, z: 560, yaw: 0 };
        harness.world.teleport(cheat.client.entityId, harness.clock.monotonicMs(), place);
      }
      harness.tick(1 + prng.nextInt(6));
      harness.forget();
    }
    assert(diedAtMs > 0);
  });
}

type Penalty = Parameters<typeof fightPenaltyEndMs>[0] & Parameters<typeof travelPenaltyEndMs>[0];
const endOf = (penalty: Penalty) => Math.max(fightPenaltyEndMs(penalty), travelPenaltyEndMs(penalty));

Deno.test("Penalties.find() gives what still holds back, and forgets what does not any more", () => {
  const penalty = (more: Partial<Penalty>): Penalty => ({
    ...{ leftAtMs: 1_000, travelCreditMs: 250, diedAtMs: 0, stunnedUntilMs: 0, fightsUntilMs: 0, struckUntilMs: 0 },
    ...more,
  });
  const table: [what: string, more: Partial<Penalty>, untilMs: number][] = [
    ["nothing", {}, 0],
    ["travel time", { travelCreditMs: 50 }, 1_200],
    ["death", { diedAtMs: 900 }, 3_900],
    ["a stun", { stunnedUntilMs: 1_700 }, 1_700],
    ["a fight", { fightsUntilMs: 8_000 }, 8_000],
  ];
  for (const [what, more, untilMs] of table) {
    const penalties = new Penalties(endOf);
    penalties.hold(1, penalty(more), 1_000);
    assertEquals(penalties.count, untilMs === 0 ? 0 : 1, what);
    penalties.sweep(untilMs - 1);
    assertEquals(penalties.count, untilMs === 0 ? 0 : 1, what);
    assertEquals(penalties.find(1, untilMs - 1) !== undefined, untilMs > 0, what);
    penalties.forget(1);
    assertEquals(penalties.find(1, untilMs - 1), undefined, what);
    penalties.hold(1, penalty(more), 1_000);
    assertEquals(penalties.find(1, untilMs), undefined, what);
    penalties.hold(1, penalty(more), 1_000);
    penalties.sweep(untilMs);
    assertEquals(penalties.count, 0, what);
  }
});

Deno.test("Penalties.hold() forgets the oldest beyond its bound", () => {
  const penalties = new Penalties(endOf);
  const penalty: Penalty = {
    leftAtMs: 0,
    travelCreditMs: 0,
    diedAtMs: 0,
    stunnedUntilMs: 0,
    fightsUntilMs: 9,
    struckUntilMs: 0,
  };
  for (let character = 0; character <= PENALTIES_MAX; character++) penalties.hold(character, penalty, 0);
  assertEquals(penalties.count, PENALTIES_MAX);
  assertEquals([penalties.find(0, 1), penalties.find(1, 1)], [undefined, penalty]);
});
