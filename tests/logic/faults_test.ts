import { SYSTEM_TIMERS } from "../../server/base/clock.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import { GAME_STOP_MS } from "../../shared/limits.ts";
import type { LogicContext } from "../../server/session/context.ts";
import { SKILL_RANGED } from "../../games/parts/combat/skills.ts";
import { Counter } from "../../server/ops/counters.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { CombatActionSchema, RespawnRequestSchema } from "../../games/parts/combat/combat_pb.ts";
import { LeaveWorldRequestSchema, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { GuildCreateRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { defineGame } from "../../server/game/game.ts";
import { ENTRY_CALM_MS, RESPAWN_DELAY_MS } from "../../games/parts/combat/limits.ts";
import { breakableStorage } from "../guild/guild_scene.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { plant, planted } from "../support/planted.ts";

/** What failed since the last look. */
function faults(harness: LogicHarness): unknown[] {
  const lines = harness.log.records.splice(0).filter(({ level }) => level === "error");
  return lines.map(({ properties }) => properties.place);
}

/** Whether both players still hear each other, and see the world. */
function assertAlive(harness: LogicHarness, ann: HarnessClient, bob: HarnessClient): void {
  harness.forget();
  harness.tick();
  harness.send(ann, ChatMessageSchema, { channel: Channel.GLOBAL, message: `alive ${harness.clock.monotonicMs()}` });
  assertEquals(harness.received(bob, PacketType.CHAT_MESSAGE).length, 1);
}

async function pair(): Promise<{ harness: LogicHarness; ann: HarnessClient; bob: HarnessClient }> {
  const harness = await LogicHarness.create({ config: { gameOptions: { monsters: true } } });
  const ann = await harness.connect({ at: { x: 20, z: 20 } });
  const bob = await harness.connect({ at: { x: 22, z: 20 } });
  harness.tick(2);
  harness.log.records.length = 0;
  return { harness, ann, bob };
}

for (const feature of ["resumes", "combat", "world"] as const) {
  const method = feature === "resumes" ? "tick" : "step";
  Deno.test(`Logic.turn() goes on when ${feature} throws in a tick`, async () => {
    const { harness, ann, bob } = await pair();
    await using _ = harness;
    {
      using _planted = plant({ ...harness.logic, ...harness.marsh }[feature], method);
      harness.tick();
    }
    const places = faults(harness);
    assert(places.length > 0 && places.every((place) => place === feature), `${places}`);
    assert(harness.counters.get(Counter.HANDLER_ERRORS) > 0);
    assertAlive(harness, ann, bob);
  });
}

for (const feature of ["world", "moderation", "guilds", "leaderboards", "social"] as const) {
  Deno.test(`Logic.turn() sweeps everything else when the sweep of ${feature} throws`, async () => {
    const { harness, ann, bob } = await pair();
    await using _ = harness;
    {
      using _planted = plant({ ...harness.logic, ...harness.marsh }[feature], "sweep");
      harness.advance(1_100);
    }
    assertEquals(faults(harness), [feature in harness.marsh ? "timer" : "sweep"]);
    assertAlive(harness, ann, bob);
  });
}

Deno.test("What a game says of a character that cannot be saved keeps nobody else from being saved", async () => {
  const { harness, ann, bob } = await pair();
  await using _ = harness;
  const { hooks, context: { saver } } = harness.logic, [savedHp] = hooks.savedHp;
  hooks.savedHp[0] = (entityId) => entityId === ann.entityId ? NaN : savedHp(entityId);
  for (const client of [ann, bob]) harness.send(client, LeaveWorldRequestSchema, {});
  await saver.flush();
  assertEquals([faults(harness), saver.unsavedCount], [["leave"], 0]);
  const saved = await harness.storage.characters.load({ accountId: bob.playerId, characterId: bob.characterId });
  assertEquals(saved?.state?.x, 22);
});

Deno.test("Logic.turn() costs only its sender what a record throws", async () => {
  const { harness, ann, bob } = await pair();
  await using _ = harness;
  {
    using _planted = plant(harness.logic.world.movements, "tryMove");
    harness.send(ann, MovementUpdateSchema, { position: { x: 20, y: 0, z: 20 } });
  }
  assertEquals(faults(harness), ["record"]);
  assertAlive(harness, ann, bob);
});

Deno.test("WorldService.step() closes only whose snapshot cannot be built", async () => {
  const { harness, ann, bob } = await pair();
  await using _ = harness;
  const { world } = (harness.logic as unknown as { context: LogicContext }).context;
  {
    using _planted = plant(world, "buildSnapshot", (id: number) => id === ann.entityId);
    harness.tick(2);
  }
  assert(faults(harness).includes("snapshot"));
  // Ann's snapshots cannot be built: she is closed and may resume, Bob sees on.
  assertEquals(ann.closedBy?.reason, DisconnectReason.SERVER_ERROR);
  harness.forget();
  harness.send(bob, ChatMessageSchema, { channel: Channel.GLOBAL, message: "on" });
  assertEquals([bob.closedBy, harness.received(bob, PacketType.CHAT_MESSAGE).length], [null, 1]);
});

Deno.test("WorldService leaves no ghost when saving, a listener or the world throws on leaving", async () => {
  const { harness, ann, bob } = await pair();
  await using _ = harness;
  const later: string[] = [];
  harness.logic.hooks.leave.push(planted);
  harness.logic.hooks.despawn.push(planted);
  harness.logic.hooks.leave.push(() => later.push("leave"));
  harness.logic.hooks.despawn.push(() => later.push("despawn"));
  {
    using _save = plant(harness.logic.world.characters, "save");
    harness.send(ann, LeaveWorldRequestSchema, {});
  }
  assertEquals([later, faults(harness)], [["leave", "despawn"], ["leave", "leave", "despawn"]]);
  assertEquals([harness.sessions.inWorld.size, harness.world.has(ann.entityId)], [1, false]);
  assertEquals(harness.logic.world.occupants.sessionOf(ann.entityId), undefined);
  assertEquals(bob.closedBy, null);
});

Deno.test("WorldService lets in whoever enters, whatever a listener throws, and tells the other listeners", async () => {
  const { harness, ann, bob } = await pair();
  await using _ = harness;
  const entered: number[] = [];
  harness.logic.hooks.spawn.push(planted);
  harness.logic.hooks.spawn.push((entityId) => void entered.push(entityId));
  const cid = await harness.connect();
  assertEquals([entered, faults(harness)], [[cid.entityId], ["spawn"]]);
  assertAlive(harness, ann, cid);
  assertAlive(harness, cid, bob);
});

Deno.test("CombatService tells every listener of a death, whatever one throws, and the dead can come back", async () => {
  const { harness, ann, bob } = await pair();
  await using _ = harness;
  const killed: (string | undefined)[] = [];
  harness.marsh.combat.onKill(planted);
  harness.marsh.combat.onKill((_killer, victim) => void killed.push(victim?.name));
  harness.advance(ENTRY_CALM_MS);
  harness.health.set(bob.entityId, { hp: 1, hpMax: 100 });
  for (let blow = 0; killed.length === 0 && blow < 100; blow++) {
    harness.send(ann, CombatActionSchema, { skillId: SKILL_RANGED, targetId: BigInt(bob.entityId) });
    harness.advance(2_000);
  }
  assertEquals([killed, faults(harness)], [[bob.name], ["kill"]]);
  assertAlive(harness, ann, bob);
  harness.advance(RESPAWN_DELAY_MS);
  harness.send(bob, RespawnRequestSchema, {});
  assertEquals(harness.health.hpOf(bob.entityId), 100);
});

Deno.test("SessionManager tells every presence listener, whatever one throws", async () => {
  const { harness, bob } = await pair();
  await using _ = harness;
  const heard: boolean[] = [];
  harness.sessions.onPresence(planted);
  harness.sessions.onPresence((_player, isOnline) => heard.push(isOnline));
  const cid = await harness.connect();
  harness.disconnect(cid);
  harness.advance(harness.config.linkDeadMs + 2_000);
  assertEquals([heard, harness.sessions.isPlayerOnline(cid.playerId)], [[true, false], false]);
  assertEquals(faults(harness), ["presence", "presence"]);
  assertEquals(bob.closedBy, null);
});

Deno.test("Faults.run() tells what a promise rejects with: of timers, systems and hooks that are async functions", async () => {
  const fails = async (what: string) => {
    await Promise.resolve();
    throw new Error(`Planted in ${what}`);
  };
  const game = defineGame(
    contract,
    { maps: () => [{ mapId: 0, width: 50, height: 50, interestRadius: 10 }] },
    (game) => {
      game.after(1, () => fails("a timer"));
      game.hooks.linkDead(() => fails("a hook"));
      let hasRun = false;
      game.system("system", () => {
        if (!hasRun) void (hasRun = true);
        else return;
        return fails("a system") as unknown as void;
      });
    },
  );
  await using harness = await LogicHarness.create({ game });
  const ann = await harness.connect();
  harness.tick(2);
  harness.disconnect(ann);
  const told = () =>
    harness.log.records.flatMap(({ properties }) => /Planted in [\w ]+/.exec(String(properties.error)) ?? []);
  await harness.until(() => told().length === 3);
  assertEquals(told().map(String).sort(), ["Planted in a hook", "Planted in a system", "Planted in a timer"]);
});

Deno.test("Logic counts what it refuses because too much is asked for, and takes it for no fault of its own", async () => {
  const { storage, fail } = breakableStorage();
  await using harness = await LogicHarness.create({ storage });
  const ann = await harness.connect();
  for (
    const [code, counter, level, answer] of [
      ["overloaded", Counter.REQUESTS_SHED, "warn", ErrorCode.UNAVAILABLE],
      ["unavailable", Counter.HANDLER_ERRORS, "error", ErrorCode.UNAVAILABLE],
      // Nobody is to try that again.
      ["unusable", Counter.HANDLER_ERRORS, "error", ErrorCode.INVALID_STATE],
    ] as const
  ) {
    fail(code);
    const before = [Counter.HANDLER_ERRORS, Counter.REQUESTS_SHED].map((each) => harness.counters.get(each));
    harness.log.records.length = 0;
    harness.forget();
    harness.send(ann, GuildCreateRequestSchema, { name: `Guild ${code}`, tag: code.slice(0, 4) });
    await harness.until(() => harness.received(ann, PacketType.GUILD_CREATE_RESPONSE).length > 0);
    assertEquals(harness.take(ann, PacketType.GUILD_CREATE_RESPONSE)[0].errorCode, answer);
    const after = [Counter.HANDLER_ERRORS, Counter.REQUESTS_SHED].map((each) => harness.counters.get(each));
    const isRefused = counter === Counter.REQUESTS_SHED;
    assertEquals(after, [before[0] + Number(!isRefused), before[1] + Number(isRefused)]);
    assertEquals(harness.log.records.map((line) => line.level), [level]);
  }
});

Deno.test("Logic.stop() saves everyone and ends, whatever the game does at its end: it throws, rejects, or never ends", async () => {
  const calls: string[] = [];
  const game = defineGame(
    contract,
    { maps: () => [{ mapId: 0, width: 100, height: 100, interestRadius: 20 }] },
    (game) => {
      game.hooks.stop(() => {
        throw new Error("planted throw");
      });
      game.hooks.stop(() => Promise.reject(new Error("planted rejection")));
      game.hooks.stop(() => void calls.push("good"));
      game.hooks.stop(() => new Promise(() => {}));
      game.hooks.stop(() => void calls.push("behind"));
    },
  );
  const waits: number[] = [];
  const timers = {
    ...SYSTEM_TIMERS,
    set: (run: () => void, ms: number) => {
      waits.push(ms);
      return SYSTEM_TIMERS.set(run, 0);
    },
  };
  const storage = new DirectStorage({ path: MEMORY_PATH }, { game: game.name, stores: [] });
  const harness = await LogicHarness.create({ game, timers, storage });
  const ann = await harness.connect({ at: { x: 10, z: 10 } });
  harness.world.teleport(ann.entityId, harness.clock.monotonicMs(), { x: 20, y: 0, z: 20, yaw: 0 });
  await harness.logic.stop();
  assertEquals((await storage.characters.load({ accountId: ann.playerId, characterId: 0 }))?.state?.x, 20);
  assertEquals([calls, waits.includes(GAME_STOP_MS)], [["good"], true]);
  const errors = harness.log.records.filter(({ level }) => level === "error");
  assertEquals(errors.map(({ properties: { place = "the end" } }) => place), ["stop", "stop", "the end"]);
  await storage.close();
});
