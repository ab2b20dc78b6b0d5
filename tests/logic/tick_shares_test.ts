import { contract } from "../../games/marsh/contract.ts";
import { RoomCreateRequestSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { defineGame, type Game, type GameModule } from "../../server/game/game.ts";
import { Counter } from "../../server/ops/counters.ts";
import { INSTANCES_TICK_PART } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";

const INSTANCES = 20;

const arenas: GameModule<Game> = defineGame(contract, {
  maps: () => [{ mapId: 0, width: 100, height: 100, interestRadius: 20 }],
  templates: [{ name: "arena", instancesMax: INSTANCES, width: 40, height: 40, interestRadius: 0 }],
}, (game) => game);

/** Goes on until `ms` have passed, also within turns; a turn that has nothing left to do is followed by a pause. */
function pass(harness: LogicHarness, ms: number): void {
  const { clock } = harness, untilMs = clock.monotonicMs() + ms;
  while (clock.monotonicMs() < untilMs) if (!harness.turn()) clock.advance(1);
}

/** Ticks of {@linkcode INSTANCES} instances in 10 s, whose systems take `workMs` each. */
async function ticksOf(workMs: readonly number[]) {
  await using harness = await LogicHarness.create({ game: arenas });
  const { clock } = harness, game = harness.logic.parts as Game;
  const ticks = workMs.map(() => 0);
  let worldTicks = 0;
  game.system("world", () => void worldTicks++);
  for (const [index, ms] of workMs.entries()) {
    game.system("work", () => {
      ticks[index]++;
      clock.advance(ms);
    }, game.instances.open("arena")!);
  }
  pass(harness, 10_000);
  return { ticks, worldTicks, harness };
}

const workOf = (slowCount: number, slowMs: number, otherMs = 0) =>
  Array.from({ length: INSTANCES }, (_, index) => index < slowCount ? slowMs : otherMs);

Deno.test("TickShares: 19 instances miss no tick beside one whose tick takes 30 ms, and it is the one that skips some", async () => {
  const { ticks: [slow, ...others], worldTicks, harness } = await ticksOf(workOf(1, 30, 0.1));
  assert(worldTicks >= 199, `${worldTicks} ticks of the world`);
  assertEquals(others, others.map(() => worldTicks));
  const most = 10_000 * INSTANCES_TICK_PART / 30;
  assert(slow >= 0.8 * most && slow <= most + 2, `${slow} ticks of 30 ms`);
  assertEquals(harness.counters.get(Counter.INSTANCE_TICKS_SKIPPED), worldTicks - slow);
  const lines = harness.log.records.filter(({ message }) => message.startsWith("An instance takes more"));
  assert(lines.length >= 1 && lines.length <= 10, `${lines.length} lines`);
  const { level, properties: { type, systems, tickMs } } = lines[0];
  assertEquals([level, type, systems, tickMs], ["warn", "arena", "work", 30]);
});

Deno.test("TickShares: ten instances that are slow share what is left, one in a turn, and the others go on", async () => {
  const { ticks, worldTicks } = await ticksOf(workOf(10, 30, 0.1));
  const slow = ticks.slice(0, 10), others = ticks.slice(10);
  assert(worldTicks >= 196, `${worldTicks} ticks of the world`);
  // What an instance takes is known once it has been seen: the first time the others wait for all of them.
  assert(others.every((count) => count >= worldTicks - 6), `${others} of ${worldTicks}`);
  assert(Math.max(...slow) - Math.min(...slow) <= 2, `${slow}`);
  const spentMs = slow.reduce((sum, count) => sum + 30 * count, 0);
  assert(spentMs <= 10_000 * INSTANCES_TICK_PART + 10 * 30, `${spentMs} ms in 10 s`);
  assert(spentMs >= 0.8 * 10_000 * INSTANCES_TICK_PART, `${spentMs} ms in 10 s`);
});

Deno.test("TickShares: where all together take too much, all skip the same, and the world keeps its ticks", async () => {
  const { ticks, worldTicks } = await ticksOf(workOf(INSTANCES, 3));
  assert(worldTicks >= 199, `${worldTicks} ticks of the world`);
  assert(Math.max(...ticks) - Math.min(...ticks) <= 2, `${ticks}`);
  assert(ticks[0] < 0.5 * worldTicks && ticks[0] > 0.35 * worldTicks, `${ticks[0]} of ${worldTicks}`);
});

Deno.test("TickShares: nothing is skipped where time stands still in a tick, and all go in the order of their opening", async () => {
  await using harness = await LogicHarness.create({ game: arenas });
  const game = harness.logic.parts as Game, calls: number[] = [];
  for (let index = 0; index < 3; index++) {
    game.system("work", () => void calls.push(index), game.instances.open("arena")!);
  }
  harness.tick(4);
  assertEquals(calls, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
});

Deno.test("TickShares: one slow tick is forgiven to who needs little else", async () => {
  await using harness = await LogicHarness.create({ game: arenas });
  const game = harness.logic.parts as Game;
  let ticks = 0, worldTicks = 0;
  game.system("world", () => void worldTicks++);
  game.system("work", () => ++ticks % 50 === 0 && harness.clock.advance(45), game.instances.open("arena")!);
  pass(harness, 10_000);
  assertEquals(ticks, worldTicks);
});

Deno.test("Game.every() and Game.after() of an instance that took too much wait, those of others do not", async () => {
  await using harness = await LogicHarness.create({ game: arenas });
  const { clock } = harness, game = harness.logic.parts as Game;
  const slow = game.instances.open("arena")!, quick = game.instances.open("arena")!;
  const item = game.entities.spawn({ kind: 2, name: "", map: slow.map, x: 1, z: 1 })!;
  const calls = { slow: 0, item: 0, quick: 0, own: 0 };
  game.every(50, () => {
    calls.slow++;
    clock.advance(40);
  }, slow);
  game.every(50, () => void calls.item++, item);
  game.every(50, () => void calls.quick++, quick);
  game.every(50, () => void calls.own++);
  pass(harness, 10_000);
  assert(calls.slow <= 10_000 * INSTANCES_TICK_PART / 40 + 2 && calls.slow > 90, `${calls.slow} of the slow one`);
  assert(calls.item < 180, `${calls.item} of what is on it`);
  assert(calls.quick >= 190, `${calls.quick} of the other`);
  assertEquals(calls.quick, calls.own);
  slow.end();
  const before = { ...calls };
  pass(harness, 1_000);
  assertEquals([calls.slow, calls.item], [before.slow, before.item]);
});

Deno.test("Game.system() of an instance is over with it, also when it ends it by itself", async () => {
  await using harness = await LogicHarness.create({ game: arenas });
  const game = harness.logic.parts as Game, calls: string[] = [];
  const [first, second] = [game.instances.open("arena")!, game.instances.open("arena")!];
  game.system("ends", () => first.end(), first);
  game.system("never", () => void calls.push("never"), first);
  game.system("throws", () => {
    throw new Error("planted");
  }, second);
  game.system("good", () => void calls.push("good"), second);
  harness.tick(2);
  second.end();
  harness.tick(2);
  assertEquals(calls, ["good", "good"]);
  assertEquals(harness.log.records.map(({ properties }) => properties.place), ["throws", "throws"]);
});

Deno.test("TickShares: the handlers of packets of those who play in an instance take of its share, and of no other's", async () => {
  const handling: GameModule<Game> = defineGame(contract, {
    maps: () => [{ mapId: 0, width: 100, height: 100, interestRadius: 20 }],
    templates: [{ name: "arena", instancesMax: INSTANCES, width: 40, height: 40, interestRadius: 0 }],
  }, (game) => {
    game.on(RoomCreateRequestSchema, () => void harness.clock.advance(60));
    return game;
  });
  await using harness = await LogicHarness.create({ game: handling });
  const game = harness.logic.parts as Game, ticks = { slow: 0, quick: 0, world: 0 };
  const slow = game.instances.open("arena")!, quick = game.instances.open("arena")!;
  game.system("world", () => void ticks.world++);
  game.system("slow", () => void ticks.slow++, slow);
  game.system("quick", () => void ticks.quick++, quick);
  const [ann, ben] = [await harness.connect(), await harness.connect()];
  const play = (client: HarnessClient) => {
    for (const name of Object.keys(ticks) as (keyof typeof ticks)[]) ticks[name] = 0;
    for (let count = 0; count < 50; count++) {
      harness.send(client, RoomCreateRequestSchema, {});
      pass(harness, 60);
    }
  };
  // On the map that everybody enters, nobody's.
  play(ben);
  assertEquals([ticks.slow, ticks.quick], [ticks.world, ticks.world]);
  harness.playerOf(ann).moveTo(slow);
  play(ann);
  assertEquals(ticks.quick, ticks.world);
  assert(ticks.slow < 0.7 * ticks.world, `${ticks.slow} of ${ticks.world}`);
  const line = harness.log.records.find(({ message }) => message.startsWith("An instance takes more"))!;
  assertEquals([line.properties.systems, line.properties.tickMs], ["slow", 0]);
  assert(Number(line.properties.packetsMs) >= 60, `${line.properties.packetsMs}`);
});
