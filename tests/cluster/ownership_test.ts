import { DIRECTORY } from "../../server/cluster/directory_store.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { IgnoreAddSchema } from "../../games/parts/friends/friends_pb.ts";
import { GuildCreateRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { GUILDS } from "../../games/parts/guilds/guild_store.ts";
import { DependencyError } from "../../shared/errors.ts";
import { ENTRY_CALM_MS, FIGHT_MS } from "../../games/parts/combat/limits.ts";
import {
  DisconnectReason,
  LoginRequestSchema,
  LogoutRequestSchema,
  RegisterRequestSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { EnterWorldRequestSchema, LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import {
  CHARACTER_SAVE_INTERVAL_MS,
  NODE_LEASE_MS,
  NODE_RENEWAL_INTERVAL_MS,
  OWNERSHIP_WAIT_MS,
  REQUEST_ANSWER_MS,
} from "../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { hit } from "../combat/blows.ts";
import { MemoryBus } from "../support/memory_bus.ts";
import { CountRequestSchema } from "../game/counter/contract.ts";
import { SOCIAL } from "../../games/parts/friends/social_store.ts";
import late, { type Late, MARKS } from "../game/late/game.ts";
import { entered, type Node, Pair, STEP_MS } from "./pair.ts";

Deno.test("A player who enters on another node is handed over: saved there, thrown out, and here where it was", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  const again = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS);
  assertEquals([entered(two, again), pair.playersOf(anna.playerId)], ["in", [2]]);
  assertEquals(anna.closedBy?.reason, DisconnectReason.LOGGED_IN_ELSEWHERE);
  const [{ spawnPosition }] = two.harness.received(again, PacketType.ENTER_WORLD_RESPONSE);
  assertEquals(spawnPosition?.x, await pair.savedX(anna));
});

Deno.test("Entering on another node is no way out of a fight: the entity stays and can be hit, and the entry waits until it is over", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 500, z: 560 } });
  const bert = await one.harness.connect({ name: "Bert", at: { x: 501, z: 560 } });
  await pair.pass(ENTRY_CALM_MS);
  hit(one.harness, bert, anna);
  const early = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS + 1_000);
  assertEquals([entered(two, early), anna.closedBy?.reason], ["UNAVAILABLE", DisconnectReason.LOGGED_IN_ELSEWHERE]);
  assert(one.harness.world.has(anna.entityId));
  one.harness.forget(bert);
  hit(one.harness, bert, anna);
  assertEquals(one.harness.received(bert, PacketType.COMBAT_RESULT).length, 1);
  await pair.pass(FIGHT_MS - OWNERSHIP_WAIT_MS);
  assert(one.harness.world.has(anna.entityId));
  const late = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS + 1_000);
  assertEquals([entered(two, late), pair.playersOf(anna.playerId)], ["in", [2]]);
  assert(!one.harness.world.has(anna.entityId));
});

Deno.test("A player in a fight who enters again on its own node plays on there, wanted elsewhere or not", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 500, z: 560 } });
  const bert = await one.harness.connect({ name: "Bert", at: { x: 501, z: 560 } });
  await pair.pass(ENTRY_CALM_MS);
  hit(one.harness, bert, anna);
  const elsewhere = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS + 1_000);
  const back = pair.ask(one, anna);
  await pair.pass(STEP_MS * 2);
  assertEquals([entered(two, elsewhere), entered(one, back)], ["UNAVAILABLE", "in"]);
  await pair.pass(FIGHT_MS);
  assertEquals(pair.playersOf(anna.playerId), [1]);
});

Deno.test("An entry that is refused takes the player from no other node: a character that is not there, a token that is void", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" });
  const { playerId: accountId } = anna;
  const wrong = two.harness.open({ port: "game" });
  const sessionToken = `plain:${accountId}:Anna`;
  two.harness.send(wrong, EnterWorldRequestSchema, { sessionToken, characterId: 999n });
  await pair.pass(STEP_MS * 4);
  assertEquals(entered(two, wrong), "NOT_FOUND");
  // Its epoch is looked up when the token is verified, which is before it is revoked.
  const stolen = two.harness.open({ port: "game" });
  two.harness.post(stolen, EnterWorldRequestSchema, { sessionToken });
  const { findEntry } = pair.storage.accounts;
  const accounts = pair.storage.accounts as { findEntry: typeof findEntry };
  accounts.findEntry = async (argument) => {
    const entry = await findEntry.call(accounts, argument);
    return entry && { ...entry, account: { ...entry.account, tokenEpoch: entry.account.tokenEpoch + 1 } };
  };
  await pair.pass(OWNERSHIP_WAIT_MS);
  accounts.findEntry = findEntry;
  assertEquals([entered(two, stolen), pair.playersOf(accountId)], ["INVALID_TOKEN", [1]]);
  assertEquals(anna.closedBy, null);
});

Deno.test("An entry into a full world takes the player from the other node when its turn has come, not before", async () => {
  await using pair = await Pair.start({ worldCapacity: 1 });
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" });
  const bert = await two.harness.connect({ name: "Bert" });
  const again = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS);
  assertEquals([pair.playersOf(anna.playerId), anna.closedBy], [[1], null]);
  assertEquals(two.harness.received(again, PacketType.LOGIN_QUEUE_STATUS)[0]?.position, 1);
  two.harness.send(bert, LeaveWorldRequestSchema, {});
  await pair.pass(OWNERSHIP_WAIT_MS);
  assertEquals([entered(two, again), pair.playersOf(anna.playerId)], ["in", [2]]);
});

for (const begins of ["handler", "enter hook"] as const) {
  for (const leaves of ["leaves the world", "logs out"] as const) {
    Deno.test(`What a game's ${begins} began is not written where its player ${leaves}, and is another node's then`, async () => {
      await using pair = await Pair.start({ game: late });
      const [one, two] = pair.nodes, [here, there] = pair.nodes.map(({ harness }) => harness.logic.parts as Late);
      const open = Promise.withResolvers<void>();
      here.open = open.promise;
      if (begins === "enter hook") here.enters = 1;
      const anna = await one.harness.connect({ name: "Anna" });
      if (begins === "handler") one.harness.send(anna, CountRequestSchema, { by: 1 });
      one.harness.send(anna, leaves === "logs out" ? LogoutRequestSchema : LeaveWorldRequestSchema, {});
      const again = pair.ask(two, anna);
      await pair.pass(OWNERSHIP_WAIT_MS);
      assertEquals(entered(two, again), "in");
      two.harness.send(again, CountRequestSchema, { by: 2 });
      await pair.pass(STEP_MS * 4);
      open.resolve();
      await pair.pass(STEP_MS * 4);
      const errors = here.written.map((error) => error instanceof DependencyError ? error.code : error);
      assertEquals([errors, there.written], [["fenced"], [2]]);
      assertEquals((await two.harness.logic.documents.get(MARKS, anna.playerId))?.count, 2);
    });
  }
}

Deno.test("What a load hook writes late is refused once the player it was for is another node's", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await two.harness.connect({ name: "Anna" }), bert = await two.harness.connect({ name: "Bert" });
  two.harness.send(anna, LeaveWorldRequestSchema, {});
  const open = Promise.withResolvers<void>(), outcomes: string[] = [];
  one.harness.logic.hooks.load.push(async (playerId, stores) => {
    await open.promise;
    const writing = stores.of(SOCIAL).addIgnored({ playerId, otherId: bert.playerId });
    outcomes.push(await writing.catch((error) => error.code));
  });
  const early = pair.ask(one, anna);
  await pair.pass(REQUEST_ANSWER_MS + 1_000);
  assertEquals(entered(one, early), "UNAVAILABLE");
  const again = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS);
  assertEquals(entered(two, again), "in");
  open.resolve();
  await pair.pass(STEP_MS * 4);
  assertEquals(outcomes, ["fenced"]);
});

Deno.test("What a player does is done by its epoch in the world, and until what it began there is handled; then by none", async () => {
  await using pair = await Pair.start({ game: late });
  const [one] = pair.nodes, parts = one.harness.logic.parts as Late, open = Promise.withResolvers<void>();
  const anna = await one.harness.connect({ name: "Anna" }), player = one.harness.logic.players.find(anna.playerId)!;
  const epoch = () => player.asker.owner?.epoch;
  parts.open = open.promise;
  one.harness.send(anna, CountRequestSchema, { by: 1 });
  one.harness.send(anna, LeaveWorldRequestSchema, {});
  assertEquals(epoch(), 1);
  open.resolve();
  await pair.pass(STEP_MS * 4);
  assertEquals([parts.written, epoch()], [[1], undefined]);
  await one.harness.enter(anna);
  assertEquals(epoch(), 1);
  one.harness.send(anna, LeaveWorldRequestSchema, {});
  assertEquals(epoch(), undefined, "Nothing was begun");
});

Deno.test("A player who leaves in order may enter on another node at once", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  one.harness.send(anna, LeaveWorldRequestSchema, {});
  await pair.pass(1_500);
  const again = pair.ask(two, anna);
  await pair.pass(STEP_MS * 2);
  assertEquals(entered(two, again), "in");
});

Deno.test("The players of a node that is paused are others' once its lease has lapsed; awake, it is told and saves nothing", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  const bert = await one.harness.connect({ name: "Bert", at: { x: 310, z: 300 } });
  const early = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS + 1_000, one);
  assertEquals(entered(two, early), "UNAVAILABLE", "Its owner may still live");
  await pair.pass(NODE_LEASE_MS, one);
  const late = pair.ask(two, anna);
  await pair.pass(STEP_MS * 2, one);
  assertEquals(entered(two, late), "in");
  const before = await pair.savedX(anna);
  // Awake: both believe that they play Anna, until the first write or the first renewal.
  await pair.storage.characters.save({
    ...{ characterId: anna.characterId, mapId: 0, x: 500, y: 0, z: 500, yaw: 0, hp: 100 },
    owner: two.harness.logic.context.ownerships.find(anna.playerId)!,
  });
  one.harness.logic.world.characters.save(one.harness.sessionOf(anna));
  await pair.pass(STEP_MS * 2);
  assertEquals([await pair.savedX(anna), before === 500], [500, false]);
  await pair.pass(3_000);
  assertEquals([pair.playersOf(anna.playerId), pair.playersOf(bert.playerId)], [[2], [1]]);
  assertEquals(anna.closedBy?.reason, DisconnectReason.LOGGED_IN_ELSEWHERE);
  assertEquals(await pair.savedX(anna), 500);
});

Deno.test("A node that has not heard of its lease for 4 s promises nothing that must last, and does again when it has", async () => {
  await using pair = await Pair.start();
  const [one] = pair.nodes, { ownerships } = one.harness.logic.context;
  const { directory } = pair;
  await pair.pass(3_000);
  ownerships.checkLease();
  directory.isDown = true;
  await pair.pass(2_000);
  ownerships.checkLease();
  await pair.pass(2_000);
  assertThrows(() => ownerships.checkLease(), DependencyError, "has not heard of its lease");
  directory.isDown = false;
  await pair.pass(3_000);
  ownerships.checkLease();
});

Deno.test("A write that is refused as fenced ends the session on the node that asked for it", async () => {
  await using pair = await Pair.start();
  const [one] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  const owner = one.harness.logic.context.ownerships.find(anna.playerId)!;
  await pair.storage.of(DIRECTORY).release(owner);
  one.harness.send(anna, GuildCreateRequestSchema, { name: "Foxes", tag: "FOX" });
  await one.harness.until(() => anna.closedBy !== null);
  assertEquals([anna.closedBy?.reason, pair.playersOf(anna.playerId)], [DisconnectReason.LOGGED_IN_ELSEWHERE, []]);
  assertEquals(await pair.storage.of(GUILDS).loadOf({ playerId: anna.playerId }), undefined);
});

Deno.test("A player who has left the world and is given up still does what takes no world, and so does who logs in behind it", async () => {
  await using pair = await Pair.start();
  const [{ harness }] = pair.nodes, passwordHash = "ab".repeat(32);
  await harness.connect({ name: "Bert" });
  const client = harness.open({ port: "gateway" });
  for (const [username, playerName] of [["Anna", "Bert"], ["Carl", "Bert"]]) {
    harness.send(client, RegisterRequestSchema, { username, passwordHash });
    await pair.pass(STEP_MS * 2);
    harness.send(client, LoginRequestSchema, { username, passwordHash });
    await pair.pass(STEP_MS * 2);
    const isFirst = username === "Anna";
    if (isFirst) {
      harness.send(client, EnterWorldRequestSchema, {});
      await pair.pass(STEP_MS * 2);
      harness.send(client, LeaveWorldRequestSchema, {});
      // Its character is saved, and it is given up.
      await pair.pass(3_000);
    }
    harness.send(client, IgnoreAddSchema, { playerName });
    await pair.pass(STEP_MS * 2);
    assertEquals(harness.take(client, PacketType.IGNORE_RESPONSE).map(({ success }) => success), [true], username);
    harness.send(client, LogoutRequestSchema, {});
    await pair.pass(STEP_MS * 2);
  }
});

Deno.test("A player who leaves while the directory is out of reach is given up when it is back", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  pair.directory.isDown = true;
  one.harness.send(anna, LeaveWorldRequestSchema, {});
  await pair.pass(2_500);
  pair.directory.isDown = false;
  await pair.pass(2_500);
  const again = pair.ask(two, anna);
  await pair.pass(STEP_MS * 2);
  assertEquals(entered(two, again), "in");
});

Deno.test("A node that has not heard of its lease for 4 s lets nobody in", async () => {
  await using pair = await Pair.start();
  const [one] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  one.harness.send(anna, LeaveWorldRequestSchema, {});
  pair.directory.isDown = true;
  await pair.pass(5_000);
  const again = pair.ask(one, anna);
  await pair.pass(STEP_MS * 2);
  assertEquals(entered(one, again), "UNAVAILABLE");
});

Deno.test("A player whose claim was answered to nobody is given up when another node wants it", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  one.harness.send(anna, LeaveWorldRequestSchema, {});
  await pair.pass(2_000);
  pair.directory.isDeaf = true;
  const unheard = pair.ask(one, anna);
  await pair.pass(STEP_MS * 2);
  pair.directory.isDeaf = false;
  assertEquals(entered(one, unheard), "UNAVAILABLE");
  const again = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS);
  assertEquals(entered(two, again), "in");
});

Deno.test("A node whose lease had lapsed looks whose its players are, though the answer that says so is lost", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  await pair.pass(NODE_LEASE_MS + 1_000, one);
  const again = pair.ask(two, anna);
  await pair.pass(STEP_MS * 2, one);
  assertEquals(entered(two, again), "in");
  pair.directory.isDeaf = true;
  await pair.pass(2_500, two);
  pair.directory.isDeaf = false;
  await pair.pass(4_000);
  assertEquals(pair.playersOf(anna.playerId), [2]);
});

Deno.test("A node that does not know yet that its lease has lapsed lets nobody in as it knew them", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  await pair.pass(NODE_LEASE_MS + 1_000, one);
  const elsewhere = pair.ask(two, anna);
  await pair.pass(STEP_MS * 2, one);
  assertEquals(entered(two, elsewhere), "in");
  pair.directory.isDown = true;
  const again = pair.ask(one, anna);
  await pair.pass(STEP_MS * 4);
  assertEquals([entered(one, again), pair.playersOf(anna.playerId)], ["UNAVAILABLE", [2]]);
});

Deno.test("A node keeps players that nobody claimed while it was paused, and goes on saving them", async () => {
  await using pair = await Pair.start();
  const [one] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  await pair.pass(NODE_LEASE_MS * 2, one);
  await pair.pass(3_000);
  assertEquals(pair.playersOf(anna.playerId), [1]);
  await pair.storage.characters.save({
    ...{ characterId: anna.characterId, mapId: 0, x: 7, y: 0, z: 7, yaw: 0, hp: 100 },
  });
  await pair.pass(CHARACTER_SAVE_INTERVAL_MS + 2_000);
  assertEquals(await pair.savedX(anna), 300);
});

Deno.test("A node that stops gives its players up at once, all saved", async () => {
  await using pair = await Pair.start();
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna", at: { x: 300, z: 300 } });
  await one.harness.logic.stop();
  const again = pair.ask(two, anna);
  await pair.pass(STEP_MS * 2, one);
  assertEquals([entered(two, again), await pair.savedX(anna)], ["in", 300]);
});

Deno.test("--duplicate-login reject lets nobody in who has a connection to another server, whichever was asked", async () => {
  await using pair = await Pair.start({ bus: new MemoryBus(), config: { duplicateLogin: "reject" } });
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" });
  const again = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS);
  assertEquals(entered(two, again), "ALREADY_LOGGED_IN");
  assertEquals([pair.playersOf(anna.playerId), anna.closedBy], [[1], null]);
  // It was not asked for either.
  await pair.pass(2 * NODE_RENEWAL_INTERVAL_MS);
  assertEquals([pair.playersOf(anna.playerId), anna.closedBy], [[1], null]);
  one.harness.disconnect(anna);
  const back = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS);
  assertEquals([entered(two, back), pair.playersOf(anna.playerId)], ["in", [2]], "Whose connection is lost may");
});

Deno.test("--duplicate-login reject leaves a player to a server that lives and cannot be asked", async () => {
  await using pair = await Pair.start({ config: { duplicateLogin: "reject" } });
  const [one, two] = pair.nodes;
  const anna = await one.harness.connect({ name: "Anna" });
  one.harness.disconnect(anna);
  const again = pair.ask(two, anna);
  await pair.pass(OWNERSHIP_WAIT_MS);
  assertEquals(entered(two, again), "ALREADY_LOGGED_IN");
  pair.kill(one);
  await pair.pass(NODE_LEASE_MS);
  const later = pair.ask(two, anna);
  await pair.pass(STEP_MS);
  assertEquals(entered(two, later), "in");
});

Deno.test("LOGIN_REQUEST with --duplicate-login reject is refused to who has a connection to another server", async () => {
  await using pair = await Pair.start({ bus: new MemoryBus(), config: { duplicateLogin: "reject" } });
  const [one, two] = pair.nodes;
  const passwordHash = "a".repeat(64);
  const logIn = async (node: Node) => {
    const client = node.harness.open({ port: "login" });
    node.harness.send(client, LoginRequestSchema, { username: "Mira", passwordHash });
    for (let tries = 0; tries < 40 && node.harness.received(client, PacketType.LOGIN_RESPONSE).length === 0; tries++) {
      await pair.pass(STEP_MS);
    }
    return ErrorCode[node.harness.received(client, PacketType.LOGIN_RESPONSE)[0].errorCode];
  };
  one.harness.send(one.harness.open(), RegisterRequestSchema, { username: "Mira", passwordHash });
  await pair.pass(STEP_MS);
  const mira = await one.harness.connect({ name: "Mira" });
  assertEquals([await logIn(one), await logIn(two)], ["ALREADY_LOGGED_IN", "ALREADY_LOGGED_IN"]);
  one.harness.disconnect(mira);
  assertEquals(await logIn(two), "NONE");
});
