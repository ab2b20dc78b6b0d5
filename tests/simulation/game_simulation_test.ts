/** Tests of games under simulation, on the smallest game there is. @module */

import { defineGame, documents, type Entity, type Game, type Player } from "../../server/game/game.ts";
import { CharacterSaver } from "../../server/session/character_saver.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { contract, CountedSchema, CountRequestSchema, MarkSchema, type Packets } from "../game/counter/contract.ts";
import { BuyRequestSchema, contract as shopContract } from "../game/shop/contract.ts";
import shop from "../game/shop/game.ts";
import { Documents } from "../../server/game/documents.ts";
import counter from "../game/counter/game.ts";
import { type GameTest, simulate, type SimulateOptions, type TestPlayer } from "./game_simulation.ts";
import { patch } from "./observe.ts";
import { PLANTED_FAULTS } from "./planted_faults.ts";

const countBy = (player: TestPlayer<Packets>, by = 1) => player.request(CountRequestSchema, { by });

const MAP = { mapId: 0, width: 100, height: 100, interestRadius: 20 };
const gameOf = (start: (game: Game) => void) => defineGame(contract, { maps: () => [MAP] }, start);
type Play = (t: GameTest<Packets, unknown>) => Promise<void>;
const rules = async (game: ReturnType<typeof gameOf>, play: Play, faults: SimulateOptions<Packets>["faults"] = []) =>
  await simulate(game, { contract, seeds: 50, faults }, play);

Deno.test("simulate() counts each request once and tells everybody, while connections, threads and disk break", async () => {
  let cutCount = 0;
  await simulate(counter, { contract, seeds: 40, faults: ["network", "threads", "disk"] }, async (t) => {
    const [ann, ben] = await t.join("ann", "ben");
    for (const player of [ann, ben]) player.client.on("state", (state) => cutCount += state === "reconnecting" ? 1 : 0);
    for (let count = 1; count <= 10; count++) {
      t.equal((await countBy(ann)).count, count);
      await t.pass(200);
    }
    await t.settle();
    t.equal(t.parts.count(), 10);
    t.equal(ben.received(CountedSchema).filter(({ name }) => name === "ann").map(({ count }) => count), [
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    ]);
  });
  assert(cutCount > 20, `Only ${cutCount} connections broke`);
});

Deno.test("simulate() has as many faults as it is told to, and not so many that nobody gets on", async () => {
  const cutsOf = async (faultsEveryMs?: number) => {
    let cuts = 0;
    await simulate(counter, { contract, seeds: 20, faults: ["network"], faultsEveryMs }, async (t) => {
      const [ann] = await t.join("ann");
      ann.client.on("state", (state) => cuts += state === "reconnecting" ? 1 : 0);
      for (let count = 1; count <= 10; count++) t.equal((await countBy(ann)).count, count);
      await t.pass(10_000);
    });
    return cuts;
  };
  const [few, many] = [await cutsOf(), await cutsOf(100)];
  assert(many > 1.3 * few, `${many} and ${few}`);
  await assertRejects(() => cutsOf(49), RangeError, "not 50 or more");
});

Deno.test("simulate() brings players back into a server that dies", async () => {
  await simulate(counter, { contract, seeds: 15, faults: "all" }, async (t) => {
    const [ann, ben] = await t.join("ann", "ben");
    for (let index = 0; index < 10; index++) {
      await Promise.allSettled([countBy(ann), t.pass(300)]);
    }
    await t.settle();
    t.equal((await countBy(ben, 0)).success, true);
  });
});

Deno.test("simulate() shows walking players to each other, and saves where they were", async () => {
  await simulate(counter, { contract, seeds: 10, faults: ["network"] }, async (t) => {
    const [ann, ben] = await t.join("ann", "ben");
    await ann.walkTo({ x: 10, z: 10 });
    await ben.walkTo({ x: 15, z: 10 });
    await t.settle();
    t.equal(ann.inSight, [ben.entityId]);
    await ben.walkTo({ x: 90, z: 90 });
    await t.settle();
    t.equal(ann.inSight, []);
  });
});

Deno.test("simulate() repeats a seed, and takes another way with another", async () => {
  const run = async (seed: number) => {
    const times: number[] = [];
    await simulate(counter, { contract, seeds: [seed], faults: "all" }, async (t) => {
      const [ann] = await t.join("ann");
      // A server that restarts may leave the request without an answer: what is compared is the way it took.
      await countBy(ann).catch(() => {});
      times.push(t.time.monotonicMs(), t.random.nextUint32());
    });
    return times;
  };
  const first = await run(3);
  assertEquals(await run(3), first);
  assert((await run(4)).join() !== first.join(), "Two seeds gave the same run");
});

Deno.test("simulate() names the seed of a test that fails, and what it held", async () => {
  const isHeld = () =>
    rules(gameOf(() => {}), async (t) => {
      await t.join("ann");
      t.check(t.seed < 3, "only two seeds are good");
    });
  await assertRejects(isHeld, Error, "Seed 3: only two seeds are good");
});

const count: Play = async (t) => {
  const [ann, ben] = await t.join("ann", "ben");
  for (let index = 0; index < 5; index++) {
    await countBy(ann);
    await t.pass(300);
  }
  await ben.walkTo({ x: 30, z: 30 });
};
const reply = (game: Game) => game.on(CountRequestSchema, () => ({ count: 1 }));

Deno.test("simulate() finds that a game throws, that it looks at the date, and draws chance from outside", async () => {
  const TABLE: readonly [rule: string, act: () => unknown][] = [
    ["errors: .*planted", () => {
      throw new Error("planted");
    }],
    ["errors: .*Cannot call Date.now in a game", () => Date.now()],
    ["errors: .*Cannot call Math.random in a game", () => Math.random()],
  ];
  for (const [rule, act] of TABLE) {
    const game = gameOf((game) =>
      game.on(CountRequestSchema, () => {
        act();
        return { count: 1 };
      })
    );
    const error = await rules(game, count).then(() => null, (error: Error) => error);
    assert(error !== null && new RegExp(`^Seed 1: ${rule}`).test(error.message), `Found ${error?.message}`);
  }
});

Deno.test("simulate() finds that a packet is applied twice, and that a place is not saved", async () => {
  {
    using _fault = PLANTED_FAULTS.find(({ name }) => name === "the client applies repeats")!.plant();
    await assertRejects(() => rules(gameOf(reply), count, ["network"]), Error, "delivery: ");
  }
  using _fault = patch(CharacterSaver.prototype, "save", (original) =>
    function (this: CharacterSaver, character) {
      original.call(this, { ...character, x: character.x + 1 });
    });
  await assertRejects(() => rules(gameOf(reply), count), Error, "saved: ");
});

Deno.test("simulate() finds that a game keeps state in a variable of its module", async () => {
  let total = 0;
  const game = gameOf((game) => game.on(CountRequestSchema, () => ({ count: ++total })));
  await assertRejects(() => rules(game, count), Error, "Seed 1: repeat: a second run took another way");
});

Deno.test("simulate() finds promises that a handler forgets, and says where: in answers, hooks and requests that wait", async () => {
  const notes = documents("notes", CountedSchema, { owner: "player" });
  const forget = (game: Game, { playerId }: Player) =>
    void game.store.transaction(async (transaction) => {
      await transaction.get(notes, playerId);
      transaction.put(notes, playerId, { count: 1 });
    });
  const TABLE: readonly [name: string, start: (game: Game) => void][] = [
    ["COUNT_REQUEST", (game) =>
      game.on(CountRequestSchema, (player) => {
        forget(game, player);
        return { count: 1 };
      })],
    ["COUNT_REQUEST", (game) =>
      game.on(CountRequestSchema, async (player) => {
        await game.store.get(notes, player.playerId);
        forget(game, player);
        return { count: 1 };
      })],
    ["hooks.enter", (game) => {
      reply(game);
      game.hooks.enter((player) => forget(game, player));
    }],
  ];
  for (const [name, start] of TABLE) {
    const game = gameOf((game) => (void game.store.open(notes), start(game)));
    const error = await rules(game, count).then(() => null, (error: Error) => error);
    const line =
      `^Seed 1: errors: .*Cannot end the handler of ${name}: game.store.transaction\\(\\) .*game_simulation_test.ts:\\d+`;
    assert(error !== null && new RegExp(line).test(error.message), `Found ${error?.message}`);
  }
  const game = gameOf((game) => {
    void game.store.open(notes);
    game.on(CountRequestSchema, (player) => {
      game.background("notes", () => Promise.resolve(forget(game, player)));
      return { count: 1 };
    });
  });
  await simulate(game, { contract, seeds: 3 }, count);
});

Deno.test("simulate() finds a handle that a game uses after its player has left, and says whose", async () => {
  const game = gameOf((game) => {
    reply(game);
    const kept: Entity[] = [];
    game.hooks.enter((player) => void kept.push(game.entities.of(player)));
    game.system("kept", () => {
      for (const entity of kept) entity.halt();
    });
  });
  const play: Play = async (t) => {
    const [ann] = await t.join("ann");
    await ann.leave();
    await t.pass(1_000);
  };
  const error = await rules(game, play).then(() => null, (error: Error) => error);
  assert(error !== null && /^Seed 1: errors: .*Entity \d+ has left the world/.test(error.message), `${error?.message}`);
});

Deno.test("simulate() finds that a saved component is lost, and that a durable answer tells of what is not on disk", async () => {
  {
    using _fault = patch(CharacterSaver.prototype, "save", (original) =>
      function (this: CharacterSaver, character) {
        original.call(this, { ...character, components: undefined });
      });
    const keeping = gameOf((game) => {
      reply(game);
      game.hooks.enter((player) => void game.entities.of(player).set(MarkSchema, { count: 3 }));
    });
    await simulate(keeping, { contract, seeds: 1 }, count).then(() => {
      throw new Error("Not found");
    }, (error: Error) => assert(error.message.startsWith("Seed 1: saved: ann has components"), error.message));
  }
  // The shop's contract is made at run time, so the compiler knows no shapes of it.
  const buy = (player: TestPlayer<Packets>) =>
    player.request(BuyRequestSchema as never, {} as never) as unknown as Promise<{ bought: number }>;
  const play: Play = async (t) => {
    const [ann] = await t.join("ann");
    for (const bought of [1, 2, 3]) t.equal((await buy(ann)).bought, bought);
  };
  await simulate(shop, { contract: shopContract, seeds: 10, faults: ["network", "disk"] }, play as never);
  using _fault = patch(Documents.prototype, "run", () =>
    async function (work) {
      return { kind: "done", result: await work({ get: () => {}, put: () => {} } as never) };
    });
  const error = await simulate(shop, { contract: shopContract, seeds: 1 }, play as never)
    .then(() => null, (error: Error) => error);
  assert(error?.message.includes("documents: Player 1 was sent shop.BuyResponse") === true, `${error?.message}`);
});
