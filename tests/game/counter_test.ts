import { create, type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { defineGame, type Game, type GameModule, Refused } from "../../server/game/game.ts";
import { parseModerationRequest } from "../../server/moderation/moderation_request.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldResponseSchema, LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { ErrorResponseSchema, LogoutRequestSchema, ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { contract, CountedSchema, CountRequestSchema, CountResponseSchema } from "./counter/contract.ts";
import counter, { type Counter } from "./counter/game.ts";

const MAP = { mapId: 0, width: 100, height: 100, interestRadius: 20 };

/** A game of the counter's packets with rules of its own. */
function gameOf(start: (game: Game) => void): GameModule {
  return defineGame(contract, { maps: () => [MAP] }, start);
}

function messagesOf(client: HarnessClient, schema: DescMessage): Record<string, unknown>[] {
  const { type } = contract.rowOf(schema);
  return client.packets.filter((packet) => packet.type === type)
    .map(({ payload }) => fromBinary(schema, payload) as Record<string, unknown>);
}

Deno.test("Game.on() answers with what the handler gives, and tells everybody in the world", async () => {
  await using harness = await LogicHarness.create({ game: counter });
  const ann = await harness.connect({ name: "ann" }), bob = await harness.connect({ name: "bob" });
  harness.send(ann, CountRequestSchema, { by: 3 });
  const [{ success, count }] = messagesOf(ann, CountResponseSchema);
  assertEquals([success, count], [true, 3]);
  assertEquals(messagesOf(bob, CountedSchema).map(({ name, count }) => [name, count]), [["server", 0], ["ann", 3]]);
});

Deno.test("Game.on() tells a client what its request is refused for, by its own response", async () => {
  await using harness = await LogicHarness.create({ game: counter });
  const ann = await harness.connect();
  harness.send(ann, CountRequestSchema, { by: 11 });
  const [{ success, errorCode }] = messagesOf(ann, CountResponseSchema);
  assertEquals([success, errorCode], [false, ErrorCode.OUT_OF_RANGE]);
  assertEquals((harness.logic.parts as Counter).count(), 0);
});

Deno.test("Game.on() lets what a handler throws cost that request alone", async () => {
  await using harness = await LogicHarness.create({ game: counter });
  const ann = await harness.connect();
  harness.send(ann, CountRequestSchema, { by: 13 });
  const [{ errorCode }] = messagesOf(ann, ErrorResponseSchema);
  assertEquals(errorCode, ErrorCode.INTERNAL);
  harness.send(ann, CountRequestSchema, { by: 1 });
  assertEquals(messagesOf(ann, CountResponseSchema).length, 1);
});

Deno.test("Game.on() answers with what a promise resolves to, and refuses with what it rejects with", async () => {
  const game = gameOf((game) =>
    game.on(CountRequestSchema, async (player, { by }) => {
      await Promise.resolve();
      if (by === 0) throw new Refused(ErrorCode.NOT_FOUND, "Nothing to count");
      return { count: by, success: player.isInWorld };
    })
  );
  await using harness = await LogicHarness.create({ game });
  const ann = await harness.connect();
  harness.send(ann, CountRequestSchema, { by: 2 });
  harness.send(ann, CountRequestSchema, { by: 0 });
  await harness.until(() => messagesOf(ann, CountResponseSchema).length === 2);
  const answers = messagesOf(ann, CountResponseSchema).map((
    { success, count, errorCode },
  ) => [success, count, errorCode]);
  assertEquals(answers, [[true, 2, 0], [false, 0, ErrorCode.NOT_FOUND]]);
});

Deno.test("Game.on() refuses a second handler, and a message that is no packet of the game or not a client's", () => {
  const start = (start: (game: Game) => void) => () => void LogicHarness.create({ game: gameOf(start) });
  const handler = () => {};
  const twice = start((game) => [1, 2].forEach(() => game.on(CountRequestSchema, handler)));
  assertThrows(() => twice(), TypeError, "COUNT_REQUEST has a handler");
  assertThrows(
    () => start((game) => game.on(CountedSchema, handler))(),
    TypeError,
    "COUNTED is not for clients to send",
  );
});

Deno.test("Game.hooks tells a game who enters, loses its connection, resumes and leaves, in that order", async () => {
  await using harness = await LogicHarness.create({ game: counter });
  const { log } = harness.logic.parts as Counter;
  const ann = await harness.connect({ name: "ann" });
  const types = ann.packets.map(({ type }) => type);
  assertEquals(types, [contract.rowOf(EnterWorldResponseSchema).type, contract.rowOf(CountedSchema).type]);
  harness.disconnect(ann);
  const back = harness.open({ name: "ann" });
  harness.send(back, ResumeRequestSchema, { resumeToken: ann.resumeToken, lastSequence: 2n });
  harness.send(back, LeaveWorldRequestSchema, {});
  assertEquals(log, ["enter ann", "link-dead ann", "resumed ann", "leave ann left true"]);
});

Deno.test("Player throws when it is asked where it is after it has left, and takes what it is sent", async () => {
  await using harness = await LogicHarness.create({ game: counter });
  const ann = await harness.connect({ name: "ann" });
  const player = harness.playerOf(ann);
  assertEquals([player.entityId, player.isInWorld, player.isOver], [ann.entityId, true, false]);
  harness.send(ann, LeaveWorldRequestSchema, {});
  assertThrows(() => player.entityId, TypeError, "ann is not in the world any more");
  harness.disconnect(ann);
  assertEquals([player.isOver, player.isConnected], [true, false]);
  player.tell(CountedSchema, create(CountedSchema));
});

Deno.test("Game.after() and Game.every() call what is due, once or again, until their owner is over", async () => {
  const calls: string[] = [];
  const owner = { isOver: false };
  const game = gameOf((game) => {
    game.every(200, () => calls.push("every"), owner);
    game.after(500, () => {
      calls.push("after");
      owner.isOver = true;
    });
    game.after(100, () => calls.push("cancelled")).cancel();
    game.after(100, () => {
      throw new Error("planted");
    });
  });
  await using harness = await LogicHarness.create({ game });
  harness.advance(2_000);
  assertEquals(calls, ["every", "every", "after"]);
  assertEquals(harness.log.records.filter(({ properties }) => properties.place === "timer").length, 1);
});

Deno.test("Game.system() is called once a tick, and what it throws costs this tick of it alone", async () => {
  const ticks: number[] = [];
  const game = gameOf((game) => {
    game.system("broken", () => {
      throw new Error("planted");
    });
    game.system("good", (nowMs) => void ticks.push(nowMs));
  });
  await using harness = await LogicHarness.create({ game });
  harness.tick(5);
  assertEquals(ticks.length, 5);
  assert(harness.log.records.every(({ properties }) => properties.place === "broken"));
});

Deno.test("Game.random() gives streams that do not move each other on, and each once", async () => {
  const draws: number[][] = [];
  for (const isOtherDrawn of [false, true]) {
    const game = gameOf((game) => {
      const [one, other] = [game.random("one"), game.random("other")];
      if (isOtherDrawn) other.nextUint32();
      draws.push([one.nextUint32(), one.nextUint32()]);
      assertThrows(() => game.random("one"), TypeError, "twice");
    });
    await using _ = await LogicHarness.create({ game, seed: 5 });
  }
  assertEquals(draws[0], draws[1]);
});

Deno.test("ModerationService says so when a game has no way to announce anything", async () => {
  await using harness = await LogicHarness.create({ game: counter });
  const announced = harness.logic.moderation.run({ act: "announce", text: "Hello", moderator: "root" });
  assertEquals((await announced).kind, "not_found");
});

Deno.test("Game.admin() is done for operators with fields that were checked, and says what became of it", async () => {
  await using harness = await LogicHarness.create({ game: counter });
  const ask = async (action: string, input: Record<string, unknown>) => {
    const request = parseModerationRequest("game", { action, input, moderator: "op" });
    assert(!("problems" in request));
    const outcome = await harness.logic.moderation.run(request);
    assert(outcome.kind !== "list");
    return [outcome.kind, outcome.text];
  };
  const usage = "The actions of this game: set to=N, forget";
  assertEquals(await ask("set", { to: "7" }), ["done", "The count is 7"]);
  assertEquals(await ask("set", {}), ["done", "The count is 0"]);
  assertEquals(await ask("set", { to: 0 }), ["not_found", "It is that already"]);
  assertEquals(await ask("set", { to: 2_000, by: 1 }), [
    "conflict",
    `Unknown field "by"; Cannot use to: expected an integer from 0 to 1000. ${usage}`,
  ]);
  assertEquals(await ask("", {}), [
    "done",
    [
      "The actions of this game, defaults in brackets:",
      "  set",
      "    to=N  What it is then: an integer from 0 to 1000 [0]",
      "  forget",
    ].join("\n"),
  ]);
  assertEquals(await ask("end", {}), ["not_found", `There is no action end. ${usage}`]);
  assertEquals(await ask("set", { to: 13 }), ["conflict", "The game failed to do set; the log says why"]);
  assertEquals((harness.logic.parts as Counter).count(), 0);
});

Deno.test("parseModerationRequest() refuses an action without a name, and fields that are no plain values", () => {
  const problemsOf = (body: Record<string, unknown>) => {
    const request = parseModerationRequest("game", body);
    return "problems" in request ? request.problems.length : 0;
  };
  assertEquals(problemsOf({ action: "set", input: { to: 1, name: "x", on: true } }), 0);
  const fields = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`f${index}`, 1]));
  assertEquals(problemsOf({}), 0, "All actions are listed");
  for (
    const body of [{ action: "set", input: [] }, { action: "set", input: { to: {} } }, {
      action: "s",
      input: fields,
    }]
  ) {
    assertEquals(problemsOf(body), 1, JSON.stringify(body));
  }
});

Deno.test("Game: everybody, whoever sees an entity, and groups are told; who goes offline is in no group", async () => {
  let game!: Game;
  await using harness = await LogicHarness.create({ game: gameOf((started) => void (game = started)) });
  const at = (x: number) => ({ x, z: 50 });
  const [ann, bob, cid] = [
    await harness.connect({ name: "ann", at: at(50) }),
    await harness.connect({ name: "bob", at: at(55) }),
    await harness.connect({ name: "cid", at: at(95) }),
  ];
  harness.tick(3);
  const told = () => [ann, bob, cid].map((client) => messagesOf(client, CountedSchema).map(({ count }) => count));
  assertEquals(game.broadcast(CountedSchema, { count: 1 } as never), 3);
  const entity = game.entities.find(ann.entityId)!;
  assertEquals(game.tellAround(entity, CountedSchema, { count: 2 } as never), 2);
  const [annPlayer, cidPlayer] = [game.players.findByName("ann")!, game.players.findByName("cid")!];
  const group = game.group("match 1");
  for (const player of [annPlayer, cidPlayer, annPlayer]) group.add(player);
  assertEquals([game.group("match 1").tell(CountedSchema, { count: 3 } as never), group.size], [2, 2]);
  assertEquals(told(), [[1, 2, 3], [1, 2], [1, 3]]);

  harness.send(ann, LogoutRequestSchema, {});
  let turns = 0;
  await harness.until(() => ++turns > 5);
  assertEquals([[...group].map(({ name }) => name), group.has(annPlayer)], [["cid"], false]);
  group.add(annPlayer);
  assertEquals([group.size, group.remove(cidPlayer), group.remove(cidPlayer), group.size], [1, true, false, 0]);
  assertThrows(() => game.tellAround(entity, CountedSchema, { count: 4 } as never), TypeError, "has left the world");
});

Deno.test("Refused has codes of the game's own, too", async () => {
  enum CountError {
    UNLUCKY = 1_013,
  }
  const game = gameOf((game) =>
    game.on(CountRequestSchema, () => {
      throw new Refused(CountError.UNLUCKY, "Not that number");
    })
  );
  await using harness = await LogicHarness.create({ game });
  const ann = await harness.connect();
  harness.send(ann, CountRequestSchema, { by: 13 });
  const [{ success, errorCode }] = messagesOf(ann, CountResponseSchema);
  assertEquals([success, errorCode], [false, CountError.UNLUCKY]);
});
