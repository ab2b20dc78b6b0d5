/** A game that is reloaded while players are there: what goes on in the next logic. @module */

import { fromBinary } from "@bufbuild/protobuf";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { defineGame, type Game, type GameDescription, type GameModule, Refused } from "../../server/game/game.ts";
import { Contract } from "../../shared/contract.ts";
import { ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { ComponentOptions_SeenBy as SeenBy } from "../../shared/gen/options_pb.ts";
import {
  EnterWorldRequestSchema,
  LeaveWorldRequestSchema,
  MovementUpdateSchema,
  WorldSnapshotSchema,
} from "../../shared/gen/world_pb.ts";
import { RespawnRequestSchema } from "../../games/parts/combat/combat_pb.ts";
import { RESPAWN_DELAY_MS, RESPAWN_DELAY_MS_MAX } from "../../games/parts/combat/limits.ts";
import { parseModerationRequest } from "../../server/moderation/moderation_request.ts";
import { kill, takeErrors } from "../combat/blows.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import {
  FriendAnswerSchema,
  FriendListRequestSchema,
  FriendRequestSchema,
} from "../../games/parts/friends/friends_pb.ts";
import { loadGameData } from "../../games/marsh/data/game_data.ts";
import { marshWith } from "../../games/marsh/game.ts";
import { RoomCreateRequestSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { LINK_DEAD_MS } from "../../shared/limits.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { componentFile, messageOf } from "../support/protos.ts";

const FILE = componentFile(
  { name: "Look", fields: ["title string"], option: { id: 1, bytesMax: 16 } },
  { name: "Purse", fields: ["coins uint32"], option: { id: 2, seenBy: SeenBy.OWNER, bytesMax: 8, saved: true } },
);
const LOOK = messageOf(FILE, "Look"), PURSE = messageOf(FILE, "Purse");
const FULL = new Contract("arena", [...contract.files, FILE]);

function gameOf(start: (game: Game) => void = () => {}, more: Partial<GameDescription> = {}, told = FULL): GameModule {
  return defineGame(told, {
    maps: () => [{ mapId: 0, width: 100, height: 100, interestRadius: 20, name: "Lobby" }],
    templates: [{ name: "arena", instancesMax: 2, width: 40, height: 40, interestRadius: 0 }],
    holdReasons: ["waits"],
    ...more,
  }, (game) => {
    start(game);
    return game;
  });
}

/** A harness, and what the game gave that runs now. */
async function begin(start?: (game: Game) => void) {
  const harness = await LogicHarness.create({ game: gameOf(start) });
  return { harness, game: () => harness.logic.parts as Game };
}

/** What a client was shown since the last look: `spawn 3`, `move 3`, `3.1` for a component; and whether ticks went on. */
function takeShown(client: HarnessClient): string[] {
  const shown: string[] = [];
  for (const { type, payload } of client.packets) {
    if (type !== PacketType.WORLD_SNAPSHOT) continue;
    const { updates, moves } = fromBinary(WorldSnapshotSchema, payload);
    for (const { entityId, update, components } of updates) {
      if (update.case !== undefined) shown.push(`${update.case} ${entityId}`);
      for (const { componentId } of components) shown.push(`${entityId}.${componentId}`);
    }
    for (const { entityId } of moves) shown.push(`move ${entityId}`);
  }
  client.packets = [];
  return shown;
}

/** Everything a client was sent reliably: numbers and types. */
function reliable({ packets }: HarnessClient): string[] {
  return packets.filter(({ sequence }) => sequence > 0).map(({ sequence, type }) => `${sequence} ${PacketType[type]}`);
}

Deno.test("Logic.image() goes on with every session: numbers of both sides, what is unheard, tokens, lost connections", async () => {
  const { harness, game } = await begin();
  await using _ = harness;
  const ann = await harness.connect({ at: { x: 10, z: 10 } }), ben = await harness.connect({ at: { x: 12, z: 10 } });
  const guest = harness.open();
  const say = (text: string) => game().players.tell(game().players.inWorld, ChatMessageSchema, { message: text });
  say("one");
  harness.send(ann, LeaveWorldRequestSchema, {}, { sequence: 0 });
  await harness.enter(ann);
  harness.disconnect(ben);
  say("two");
  harness.tick();
  harness.setFull(true);
  say("three");
  const unsent = harness.sessionOf(ann).outbox!.sentSequence;
  const sessions = () => harness.logic.context.sessions.image();
  const before = sessions();

  await harness.reload(gameOf());
  assertEquals(sessions(), before);
  assertEquals(before.length, 3);
  assertEquals(harness.sessionOf(ann).outbox!.sentSequence, unsent);
  harness.setFull(false);
  say("four");
  harness.tick();
  assertEquals(reliable(ann).slice(-3), ["2 CHAT_MESSAGE", "3 CHAT_MESSAGE", "4 CHAT_MESSAGE"]);

  // The one whose connection was lost before comes back to what it has missed.
  const back = harness.open();
  const request = { resumeToken: ben.resumeToken, lastSequence: 2n };
  harness.send(back, ResumeRequestSchema, request);
  const [response] = harness.received(back, PacketType.RESUME_RESPONSE);
  assertEquals([response.success, response.gap, Number(response.entityId)], [true, false, ben.entityId]);
  assertEquals(reliable(back), ["3 CHAT_MESSAGE", "4 CHAT_MESSAGE", "5 CHAT_MESSAGE"]);
  harness.disconnect(guest);
  assertEquals(harness.logic.context.sessions.sessionCount, 2);
  // Who is lost after it leaves when its time is over.
  harness.disconnect(back);
  harness.advance(LINK_DEAD_MS + 2_000);
  assertEquals(game().players.find(ben.playerId), undefined);
  assertEquals(harness.log.records.filter(({ level }) => level === "error"), []);
});

Deno.test("World.restore() shows clients what is there and has them forget what is not; places, components and what holds stay", async () => {
  const { harness, game } = await begin();
  await using _ = harness;
  const ann = await harness.connect({ at: { x: 10, z: 10 } }), ben = await harness.connect({ at: { x: 12, z: 10 } });
  const cid = await harness.connect({ at: { x: 14, z: 10 } }), far = await harness.connect({ at: { x: 90, z: 90 } });
  const item = game().entities.spawn({ kind: 2, name: "boots", x: 11, z: 11 })!.id;
  const of = (client: HarnessClient) => game().entities.of(game().players.find(client.playerId)!);
  of(ann).set(LOOK, { title: "it" });
  of(ann).set(PURSE, { coins: 7 });
  of(ben).hold("waits");
  of(far).setSpeed(3);
  harness.tick();
  harness.send(ann, MovementUpdateSchema, { position: { x: 10.5, y: 0, z: 10 }, sequenceNumber: 41 });
  // One who is told nothing for a while, and whom something leaves meanwhile.
  harness.tick();
  harness.setCongested(ben, true);
  harness.send(cid, LeaveWorldRequestSchema, {});
  harness.tick();
  harness.forget();
  const tick = harness.world.tick;

  const spawned: number[] = [];
  await harness.reload(gameOf((game) => {
    spawned.push(game.entities.spawn({ kind: 2, name: "boots", x: 11, z: 11 })!.id);
  }));
  harness.setCongested(ben, false);
  harness.tick(2);
  assert(harness.world.tick > tick);
  const [boots] = spawned;
  assertEquals(
    takeShown(ann).filter((each) => !each.startsWith("move")).sort(),
    [
      ...[`despawn ${item}`, `spawn ${ann.entityId}`, `spawn ${ben.entityId}`, `spawn ${boots}`],
      ...[`${ann.entityId}.1`, `${ann.entityId}.2`],
    ].sort(),
  );
  assertEquals(
    takeShown(ben).filter((each) => !each.startsWith("move")).sort(),
    [
      ...[`despawn ${item}`, `despawn ${cid.entityId}`, `spawn ${ann.entityId}`, `spawn ${ben.entityId}`],
      ...[`spawn ${boots}`, `${ann.entityId}.1`],
    ].sort(),
  );
  assertEquals(takeShown(far).filter((each) => each.startsWith("despawn")), []);
  assertEquals([harness.world.xOf(ann.entityId), harness.world.xOf(far.entityId)], [10.5, 90]);
  assertEquals([far, ann].map(({ entityId }) => Math.round(harness.world.speedOf(entityId))), [3, 10]);
  assertEquals(of(ann).get(PURSE) as unknown, { $typeName: PURSE.typeName, coins: 7 });
  harness.send(ben, MovementUpdateSchema, { position: { x: 12.1, y: 0, z: 10 }, sequenceNumber: 1 });
  assertEquals(harness.received(ben, PacketType.MOVEMENT_CORRECTION).map(({ reason }) => reason), ["waits"]);
  of(ben).release("waits");
  harness.tick(3);
  takeShown(ann);
  harness.send(ben, MovementUpdateSchema, { position: { x: 12.1, y: 0, z: 10 }, sequenceNumber: 2 });
  harness.tick();
  assertEquals(takeShown(ann), [`move ${ben.entityId}`]);
});

Deno.test("WorldService.restore() keeps what is saved of a component that the game has no more", async () => {
  const { harness, game } = await begin();
  await using _ = harness;
  const ann = await harness.connect();
  game().entities.of(harness.playerOf(ann)).set(PURSE, { coins: 7 });
  await harness.reload(gameOf(undefined, {}, new Contract("arena", contract.files)));
  harness.send(ann, LeaveWorldRequestSchema, {});
  await harness.reload(gameOf());
  await harness.enter(ann);
  assertEquals(game().entities.of(harness.playerOf(ann)).get(PURSE) as unknown, {
    $typeName: PURSE.typeName,
    coins: 7,
  });
});

Deno.test("Game.keep() gives a game what it had, and Instances.find() its instances; what it does not ask for ends", async () => {
  const match = (game: Game, version: number) => {
    const kept = game.kept<{ mapId: number; version: number }>("match") ?? { mapId: 0, version: 0 };
    const arena = game.instances.find(kept.mapId) ?? game.instances.open("arena")!;
    game.keep("match", () => ({ mapId: arena.map.mapId, version }));
    versions.push(kept.version, arena.players.length);
    game.hooks.enter((player, afterReload) => void (afterReload || arena.admit(player)));
  };
  const versions: number[] = [];
  const { harness, game } = await begin((game) => match(game, 1));
  await using _ = harness;
  const ann = await harness.connect(), ben = await harness.connect();
  const { mapId } = harness.world.mapOf(ann.entityId);
  const abandoned = game().instances.open("arena")!;
  game().instances.move(harness.playerOf(ben), abandoned);
  harness.tick();
  harness.forget();
  await harness.reload(gameOf((game) => match(game, 2)));
  assertEquals(versions, [0, 0, 1, 1]);
  assertEquals([harness.world.mapOf(ann.entityId).mapId, harness.world.mapOf(ben.entityId).mapId], [mapId, 0]);
  assertEquals(game().instances.count, 1);
  harness.tick();
  assertEquals(harness.received(ann, PacketType.MAP_ENTERED), []);
  assertEquals(harness.received(ben, PacketType.MAP_ENTERED).map(({ map }) => map!.name), ["Lobby"]);
  // Without its template, nobody can stay there; what cannot be cloned is told and lost.
  await harness.reload(gameOf((game) => void game.keep("match", () => () => {}), { templates: [] }));
  assertEquals(harness.world.mapOf(ann.entityId).mapId, 0);
  assertEquals(harness.received(ann, PacketType.MAP_ENTERED).map(({ map }) => map!.name), ["Lobby"]);
  const kept: unknown[] = [];
  await harness.reload(gameOf((game) => void kept.push(game.kept("match"))));
  assertEquals(kept, [undefined]);
  const [fault] = harness.log.records.filter(({ level }) => level === "error");
  assertEquals([fault.properties.place, fault.properties.name], ["keep", "match"]);
});

Deno.test("Game.matches() knows the match of a player, goes on with all of them after a reload, and forgets those that end", async () => {
  const made: string[] = [];
  const play = (game: Game) => {
    // Told at the start, not when the first match is to begin.
    const rules = { make: () => null, stateOf: () => null };
    assertThrows(() => game.matches("arenas", rules), RangeError, "there is no template arenas");
    const matches = game.matches("arena", {
      make: (arena, state: { round: number; playerIds: number[] }, isResumed) => {
        if (state.round < 0) throw new RangeError("planted");
        const players = state.playerIds.map((id) => game.players.find(id)!);
        if (!isResumed) { for (const player of players) player.moveTo(arena); }
        made.push(`${state.round} ${isResumed} ${arena.players.length}`);
        return { arena, state };
      },
      stateOf: ({ state }) => state,
    });
    return Object.assign(game, { matches });
  };
  type Played = ReturnType<typeof play>;
  const gameOfMatches = () => {
    let played: Played;
    return { module: gameOf((game) => played = play(game)), played: () => played };
  };
  const before = gameOfMatches();
  const harness = await LogicHarness.create({ game: before.module });
  await using _ = harness;
  const [ann, ben] = [await harness.connect(), await harness.connect()];
  const { matches } = before.played();
  assertThrows(() => matches.open({ round: -1, playerIds: [] }), RangeError, "planted");
  const first = matches.open({ round: 1, playerIds: [ann.playerId] })!;
  const second = matches.open({ round: 2, playerIds: [] })!;
  assertEquals([matches.open({ round: 3, playerIds: [] }), before.played().instances.count], [null, 2]);
  assertEquals([matches.of(harness.playerOf(ann)), matches.of(harness.playerOf(ben))], [first, undefined]);
  assertEquals([...matches], [first, second]);
  second.arena.end();
  assertEquals([matches.count, [...matches]], [1, [first]]);
  first.state.round = 5;
  harness.tick();

  const after = gameOfMatches();
  await harness.reload(after.module);
  assertEquals(made, ["1 false 1", "2 false 0", "5 true 1"]);
  const resumed = after.played().matches;
  assertEquals(resumed.of(harness.playerOf(ann))?.state, { round: 5, playerIds: [ann.playerId] });
  [...resumed][0].arena.end();
  assertEquals([resumed.count, resumed.of(harness.playerOf(ann)), after.played().instances.count], [0, undefined, 0]);
});

Deno.test("Logic answers what was asked of the game before it was reloaded, and goes on where the new one cannot start", async () => {
  const asked = Promise.withResolvers<void>();
  const slow = (game: Game) => game.on(RoomCreateRequestSchema, () => asked.promise);
  const { harness, game } = await begin(slow);
  await using _ = harness;
  const ann = await harness.connect();
  harness.send(ann, RoomCreateRequestSchema, {}, { sequence: 1 });
  const before = game();
  await assertRejects(
    () =>
      harness.reload(gameOf(() => {
        throw new Refused(ErrorCode.INTERNAL, "Cannot start");
      })),
    Error,
    "Cannot start",
  );
  assertEquals(game(), before);
  harness.tick();
  assertEquals(harness.logic.isSettled, false);
  harness.forget();
  await harness.reload(gameOf());
  harness.tick();
  const answers = harness.received(ann, PacketType.ROOM_RESPONSE);
  assertEquals(answers.map(({ success, errorCode }) => [success, errorCode]), [[false, ErrorCode.UNAVAILABLE]]);
  assertEquals(harness.sessionOf(ann).receivedSequence, 1);
  asked.resolve();
});

Deno.test("The marsh goes on when it is reloaded: hit points, chat, and no friend is told again who is online", async () => {
  await using harness = await LogicHarness.create();
  const ann = await harness.connect({ at: { x: 10, z: 10 }, hp: 60 }),
    ben = await harness.connect({ at: { x: 12, z: 10 } });
  harness.send(ann, FriendRequestSchema, { playerName: ben.name });
  await harness.until(() => harness.received(ben, PacketType.FRIEND_NOTICE).length > 0);
  harness.send(ben, FriendAnswerSchema, { playerName: ann.name, accept: true });
  await harness.until(() => harness.received(ann, PacketType.FRIEND_NOTICE).length > 0);
  const { maps, monsters } = loadGameData();
  harness.tick();
  harness.forget();
  await harness.reload(marshWith({ maps, monsters }));
  harness.tick(3);
  assertEquals([ann, ben].map(({ entityId }) => harness.health.hpOf(entityId)), [60, 100]);
  harness.send(ann, ChatMessageSchema, { message: "still here", channel: Channel.GLOBAL });
  await harness.until(() => {
    harness.tick();
    return harness.received(ben, PacketType.CHAT_MESSAGE).length > 0;
  });
  harness.send(ann, FriendListRequestSchema, {});
  await harness.until(() => harness.received(ann, PacketType.FRIEND_LIST_RESPONSE).length > 0);
  const [{ friends }] = harness.received(ann, PacketType.FRIEND_LIST_RESPONSE);
  assertEquals(friends.map(({ name, online }) => [name, online]), [[ben.name, true]]);
  assertEquals([ann, ben].map((client) => harness.received(client, PacketType.FRIEND_NOTICE).length), [0, 0]);
  assertEquals(harness.log.records.filter(({ level }) => level === "error"), []);
});

Deno.test("Whoever is dead when the marsh is reloaded waits no longer and no shorter, and whoever is muted stays so", async () => {
  await using harness = await LogicHarness.create();
  const [ann, ben, cid] = [
    await harness.connect({ at: { x: 60, z: 60 } }),
    await harness.connect({ at: { x: 61, z: 61 } }),
    await harness.connect({ at: { x: 61, z: 60 } }),
  ];
  harness.advance(10_000);
  const mute = parseModerationRequest("mute", { player: cid.name, seconds: 600, reason: "spam", moderator: "mo" });
  assert(!("problems" in mute));
  assertEquals((await harness.logic.moderation.run(mute)).kind, "done");
  for (const target of [ben, ann]) kill(harness, cid, target);
  const { maps, monsters } = loadGameData();
  await harness.reload(marshWith({ maps, monsters }));
  harness.forget();
  harness.send(cid, ChatMessageSchema, { message: "still muted", channel: Channel.GLOBAL });
  harness.send(ann, RespawnRequestSchema, {});
  assertEquals(takeErrors(harness, cid), [ErrorCode.MUTED]);
  const [{ message }] = harness.received(ann, PacketType.ERROR_RESPONSE);
  assert(message.startsWith("You can respawn in"), message);
  const hp = () => [ann, ben].map(({ entityId }) => harness.health.hpOf(entityId));
  assertEquals(hp(), [0, 0]);
  harness.advance(RESPAWN_DELAY_MS);
  harness.send(ann, RespawnRequestSchema, {});
  assertEquals(hp(), [100, 0]);
  // Who does not ask comes back by itself.
  harness.advance(RESPAWN_DELAY_MS_MAX);
  assertEquals(hp(), [100, 100]);
});

Deno.test("Whoever waits in the login queue when the game is reloaded is told UNAVAILABLE, and may ask again", async () => {
  const { maps, monsters } = loadGameData();
  await using harness = await LogicHarness.create({ worldCapacity: 1, config: { loginQueue: 8 } });
  await harness.connect({ name: "inside" });
  const account = { name: "late", nameKey: "late", passwordVerifier: "none", createdAtMs: harness.clock.unixMs() };
  const created = await harness.storage.accounts.create(account);
  assert(created.kind === "created");
  const client = harness.open({ port: "game", name: "late" });
  const enter = { sessionToken: `plain:${created.accountId}:late` };
  harness.send(client, EnterWorldRequestSchema, enter);
  await harness.until(() => harness.received(client, PacketType.LOGIN_QUEUE_STATUS).length > 0);
  await harness.reload(marshWith({ maps, monsters }));
  const answers = () => harness.received(client, PacketType.ENTER_WORLD_RESPONSE).map(({ errorCode }) => errorCode);
  assertEquals(answers(), [ErrorCode.UNAVAILABLE]);
  harness.forget();
  harness.send(client, EnterWorldRequestSchema, enter);
  await harness.until(() => harness.received(client, PacketType.LOGIN_QUEUE_STATUS).length > 0);
  assertEquals(answers(), []);
});
