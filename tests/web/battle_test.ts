import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Battle, type CombatIntent } from "../../games/marsh/web/battle.ts";
import { Camera } from "../../games/marsh/web/camera.ts";
import { OwnMovement } from "../../client/world/own_movement.ts";
import { SKILL_AREA, SKILL_MELEE, SKILL_RANGED } from "../../games/marsh/web/skills.ts";
import { WorldModel } from "../../client/world/world_model.ts";
import { FIGURES } from "../../games/marsh/web/marsh_model.ts";
import { isSafe } from "../../games/marsh/web/map_look.ts";
import { TEXTS } from "../../games/marsh/web/language.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { CombatResultSchema } from "../../games/parts/combat/combat_pb.ts";
import { EntityKind, WorldSnapshotSchema } from "../../shared/gen/world_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";

const SERVER_MS = 1_763_900_000_000;
const OWN_ID = 1;

/** A player at 100, 100, on a screen of 800 by 600, with others around. */
function newBattle(others: { id: number; x: number; kind?: EntityKind; hp?: number }[]) {
  const movement = new OwnMovement({ spawn: { x: 100, y: 0, z: 100 }, maxSpeed: 10, mapWidth: 200, mapHeight: 200 });
  const camera = new Camera();
  Object.assign(camera, { x: 100, z: 100, width: 800, height: 600 });
  const nothing = () => {};
  const model = new WorldModel(OWN_ID, { onAcknowledged: nothing, onPlaced: nothing, onUpdate: nothing }, FIGURES);
  const updates = others.map(({ id, x, kind = EntityKind.MONSTER, hp = 50 }) => ({
    entityId: BigInt(id),
    update: {
      case: "spawn" as const,
      value: {
        name: `n${id}`,
        kind,
        health: { currentHp: hp, maxHp: 50 },
        movement: { position: { x, y: 0, z: 100 } },
      },
    },
  }));
  model.applySnapshot(create(WorldSnapshotSchema, { serverTimestamp: BigInt(SERVER_MS), updates }), 0);
  const intents: CombatIntent[] = [];
  const notes: string[] = [];
  const state = { canAct: true };
  const battle = new Battle({
    ownId: OWN_ID,
    model,
    movement,
    camera,
    canAct: () => state.canAct,
    isSafe: (x, z) => isSafe({ safeAreas: [{ x: 60, z: 100, radius: 5 }] }, x, z),
    pointer: () => null,
    onCast: (intent) => intents.push(intent),
    onNote: (text) => notes.push(text),
  });
  battle.step(0, SERVER_MS);
  const cast = () => intents.map(({ skillId, targetId }) => [skillId, targetId]);
  const press = (x: number) => battle.press(camera.screenX(x), camera.screenY(100) - 12, { isTouch: false });
  return { battle, movement, model, intents, notes, state, cast, press };
}

function result(values: MessageInitShape<typeof CombatResultSchema>) {
  return create(CombatResultSchema, values);
}

Deno.test("Battle.press() attacks whoever is there, and leaves the ground alone", () => {
  const { battle, cast, press } = newBattle([{ id: 2, x: 102 }]);
  assertEquals(press(110), false);
  assertEquals(battle.targetId, null);
  assertEquals(press(102), true);
  battle.step(1_000, SERVER_MS);
  assertEquals(cast(), [[SKILL_MELEE, 2]]);
});

Deno.test("Battle.press() fights a monster on and gives a player one blow", () => {
  for (const [kind, blows] of [[EntityKind.MONSTER, 2], [EntityKind.PLAYER, 1]]) {
    const { battle, cast, press } = newBattle([{ id: 2, x: 102, kind }]);
    press(102);
    battle.step(1_000, SERVER_MS);
    battle.step(2_000, SERVER_MS);
    assertEquals(cast().length, blows);
  }
});

Deno.test("Battle.press() does not find the dead", () => {
  assertEquals(newBattle([{ id: 2, x: 102, hp: 0 }]).press(102), false);
});

Deno.test("Battle.step() walks up to a far target and stops there", () => {
  const { battle, movement, press } = newBattle([{ id: 2, x: 110 }]);
  press(110);
  for (let nowMs = 1_000; nowMs < 3_000; nowMs += 16) {
    battle.step(nowMs, SERVER_MS);
    movement.step(16);
  }
  assert(movement.x > 106 && movement.x < 110, `stands at ${movement.x}`);
  assertEquals([movement.isMoving, battle.isApproaching], [false, false]);
});

Deno.test("Battle.halt() ends the walk's purpose, not the choice", () => {
  const { battle, press } = newBattle([{ id: 2, x: 140 }]);
  battle.selectNext();
  battle.step(500, SERVER_MS);
  assertEquals([battle.targetId, battle.isApproaching], [2, false]);
  press(140);
  battle.step(1_000, SERVER_MS);
  assertEquals(battle.isApproaching, true);
  battle.halt();
  battle.step(1_016, SERVER_MS);
  assertEquals([battle.targetId, battle.isApproaching], [2, false]);
});

Deno.test("Battle.useSkill() finds a target by itself, monsters first", () => {
  const { battle, cast } = newBattle([{ id: 2, x: 105, kind: EntityKind.PLAYER }, { id: 3, x: 112 }]);
  battle.useSkill(SKILL_RANGED, 1_000);
  assertEquals([cast(), battle.targetId], [[[SKILL_RANGED, 3]], 3]);
  // It cools down.
  battle.useSkill(SKILL_RANGED, 1_100);
  assertEquals(cast().length, 1);
});

Deno.test("Battle.useSkill() says so when nobody is near", () => {
  const { battle, cast, notes } = newBattle([{ id: 2, x: 160 }]);
  battle.useSkill(SKILL_MELEE, 1_000);
  assertEquals([cast(), notes.length], [[], 1]);
});

Deno.test("Battle.useSkill() aims an area at the target, and needs none", () => {
  const { battle, intents } = newBattle([{ id: 2, x: 112 }]);
  battle.selectNext();
  battle.useSkill(SKILL_AREA, 1_000);
  assertEquals([intents[0].targetId, intents[0].targetPosition], [0, { x: 112, y: 0, z: 100 }]);
  const alone = newBattle([]);
  alone.battle.useSkill(SKILL_AREA, 1_000);
  assertEquals(alone.intents.length, 1);
});

Deno.test("Battle does nothing while the player cannot act", () => {
  const { battle, cast, press, state } = newBattle([{ id: 2, x: 102 }]);
  press(102);
  state.canAct = false;
  battle.step(1_000, SERVER_MS);
  battle.useSkill(SKILL_RANGED, 1_000);
  assertEquals(cast(), []);
});

Deno.test("Battle.refused() gives the skill back and tells why, unless it tries again by itself", () => {
  const { battle, notes, press } = newBattle([{ id: 2, x: 102 }]);
  battle.selectNext();
  battle.useSkill(SKILL_RANGED, 1_000);
  battle.refused(ErrorCode.OUT_OF_RANGE, 1_050);
  assertEquals([battle.cooldowns.remainingMs(SKILL_RANGED, 1_050), notes], [0, ["Too far away."]]);
  press(102);
  battle.step(2_000, SERVER_MS);
  battle.refused(ErrorCode.OUT_OF_RANGE, 2_050);
  assertEquals([notes.length, battle.targetId], [1, 2]);
  battle.step(3_000, SERVER_MS);
  battle.refused(ErrorCode.TARGET_INVALID, 3_050);
  assertEquals([notes.length, battle.targetId], [2, null]);
});

Deno.test("Battle.refused() tells that the target stands in a safe area", () => {
  const { battle, notes } = newBattle([{ id: 2, x: 60, kind: EntityKind.PLAYER }]);
  battle.selectNext();
  battle.refused(ErrorCode.TARGET_INVALID, 1_050);
  assertEquals([notes, battle.targetId], [[TEXTS.combat.sheltered], null]);
});

Deno.test("Battle.applyResult() chooses whoever hit the player first", () => {
  const { battle } = newBattle([{ id: 2, x: 102 }, { id: 3, x: 104 }]);
  battle.applyResult(result({ attackerId: 2n, targetId: BigInt(OWN_ID), damage: 5 }), 1_000);
  battle.applyResult(result({ attackerId: 3n, targetId: BigInt(OWN_ID), damage: 5 }), 1_010);
  assertEquals(battle.targetId, 2);
  assertEquals(battle.effects.texts.map(({ text, isOnOwn }) => [text, isOnOwn]), [["5", true], ["5", true]]);
});
