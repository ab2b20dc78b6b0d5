import { PacketType } from "../../games/marsh/contract.ts";
import { Channel, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { GUILD_LOOK_INTERVAL_MS, GUILD_WAR_KILLS_LATE_MS } from "../../games/parts/guilds/limits.ts";
import {
  GuildCreateRequestSchema,
  GuildInviteRequestSchema,
  GuildJoinRequestSchema,
  GuildKickRequestSchema,
  GuildRank,
  GuildSetRankRequestSchema,
  GuildWarStartSchema,
} from "../../games/parts/guilds/guilds_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { GUILDS, type GuildStore } from "../../games/parts/guilds/guild_store.ts";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import { BUS_SILENT_MS } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ClusterHarness } from "../support/cluster_harness.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { storageWith } from "../support/storage_with.ts";
import { infoOf, must, rosterOf } from "./guild_scene.ts";

/** Anna leads a guild on the first server; Bert, on the second, is a member. */
async function guildOnTwo(cluster: ClusterHarness): Promise<[HarnessClient, HarnessClient, bigint]> {
  const [one, two] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" }), bert = await two.connect({ name: "Bert" });
  await cluster.settle();
  one.send(anna, GuildCreateRequestSchema, { name: "Red", tag: "RED" });
  await cluster.settle();
  one.send(anna, GuildInviteRequestSchema, { playerName: "Bert" });
  await cluster.settle();
  const [{ guildId, inviterName }] = two.take(bert, PacketType.GUILD_INVITE_NOTICE);
  assertEquals(inviterName, "Anna");
  two.send(bert, GuildJoinRequestSchema, { guildId, accept: true });
  await cluster.settle();
  return [anna, bert, guildId];
}

function heard(node: LogicHarness, client: HarnessClient): string[] {
  return node.take(client, PacketType.CHAT_MESSAGE).map(({ senderName, message }) => `${senderName}: ${message}`);
}

Deno.test("A guild with members on two servers is the same on both: who is in it, who leads it, who is online", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await guildOnTwo(cluster);
  assertEquals(await rosterOf(one, anna), ["Anna LEADER", "Bert MEMBER"]);
  assertEquals(await rosterOf(two, bert), ["Anna LEADER", "Bert MEMBER"]);
  const { members } = await infoOf(one, anna);
  assertEquals(members.map(({ online }) => online), [true, true]);
  one.send(anna, GuildSetRankRequestSchema, { playerName: "Bert", rank: GuildRank.LEADER });
  await cluster.settle();
  assertEquals(await rosterOf(two, bert), ["Anna OFFICER", "Bert LEADER"]);
  two.send(bert, GuildKickRequestSchema, { playerName: "Anna" });
  await cluster.settle();
  assertEquals(one.marsh.guilds.find(anna.playerId), null);
  assertEquals(await rosterOf(two, bert), ["Bert LEADER"]);
});

Deno.test("GUILD chat reaches the members on every server, those who have left no longer, and nobody while the bus is down", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await guildOnTwo(cluster);
  const say = (node: LogicHarness, client: HarnessClient, message: string) =>
    node.send(client, ChatMessageSchema, { channel: Channel.GUILD, message });
  say(one, anna, "hello");
  say(two, bert, "and you");
  await cluster.settle();
  assertEquals([heard(one, anna).toSorted(), heard(two, bert).toSorted()], [
    ["Anna: hello", "Bert: and you"],
    ["Anna: hello", "Bert: and you"],
  ]);
  cluster.network.isUp = false;
  say(one, anna, "nobody hears this");
  await cluster.settle();
  assertEquals(one.take(anna, PacketType.ERROR_RESPONSE).map(({ errorCode }) => errorCode), [ErrorCode.UNAVAILABLE]);
  assertEquals([heard(one, anna), heard(two, bert)], [[], []]);
  cluster.network.isUp = true;
  one.send(anna, GuildKickRequestSchema, { playerName: "Bert" });
  await cluster.settle();
  say(one, anna, "gone");
  await cluster.settle();
  assertEquals(heard(two, bert), []);
});

Deno.test("A war of guilds is fought on all servers: declared, counted, shown and ended everywhere", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert, redId] = await guildOnTwo(cluster);
  const cleo = await two.connect({ name: "Cleo" });
  two.send(cleo, GuildCreateRequestSchema, { name: "Blue", tag: "BLU" });
  await cluster.settle();
  await infoOf(two, cleo, redId);
  assertEquals(two.marsh.guilds.areAtWar(bert.playerId, cleo.playerId), false);
  one.send(anna, GuildWarStartSchema, { enemyName: "Blue" });
  await cluster.settle();
  assertEquals(two.marsh.guilds.areAtWar(bert.playerId, cleo.playerId), true);
  const started = [bert, cleo].map((client) =>
    two.take(client, PacketType.GUILD_WAR_START).map((war) => war.enemyName)
  );
  assertEquals(started, [["Blue"], ["Red"]]);
  const named = (client: HarnessClient) => ({ playerId: client.playerId, name: client.name });
  two.marsh.guilds.onKill(named(bert), named(cleo));
  one.marsh.guilds.onKill(named(anna), named(cleo));
  cluster.advance(2_000);
  await cluster.settle();
  for (const [node, client] of [[one, anna], [two, bert]] as const) {
    assertEquals((await infoOf(node, client)).wars.map(({ ownKills, enemyKills }) => [ownKills, enemyKills]), [[2, 0]]);
  }
  const sweep = async (node: LogicHarness) => {
    node.marsh.guilds.sweep(node.clock.unixMs());
    await cluster.settle();
  };
  const pass = (ms: number) => cluster.nodes.forEach(({ clock }) => clock.advance(ms));
  const endsAtMs = Number((await infoOf(one, anna)).wars[0].endsAt);
  pass(endsAtMs - one.clock.unixMs() - 500);
  two.marsh.guilds.onKill(named(cleo), named(bert));
  pass(1_000);
  await sweep(one);
  assertEquals(one.take(anna, PacketType.GUILD_WAR_END), [], "Another server may have seen who was killed");
  await sweep(two);
  pass(GUILD_WAR_KILLS_LATE_MS);
  await sweep(one);
  const ended = [[one, anna], [two, bert], [two, cleo]].map(([node, client]) =>
    (node as LogicHarness).take(client as HarnessClient, PacketType.GUILD_WAR_END)
      .map(({ winnerGuildId, ownKills, enemyKills }) => [winnerGuildId, ownKills, enemyKills])
  );
  assertEquals(ended, [[[redId, 2, 1]], [[redId, 2, 1]], [[redId, 1, 2]]]);
  assertEquals(two.marsh.guilds.areAtWar(bert.playerId, cleo.playerId), false);
  assertEquals((await infoOf(two, bert)).wars, []);
});

/** Time passes on one server alone, which does what is due. */
async function pass(cluster: ClusterHarness, node: LogicHarness, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    cluster.advance(1_000, [node]);
    await cluster.settle();
  }
}

Deno.test("What a server changed in a guild and died before it told is read again once it is silent", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await guildOnTwo(cluster);
  const dora = await two.connect({ name: "Dora" });
  await cluster.settle();
  const [{ guildId }] = [await infoOf(two, dora, (await infoOf(two, bert)).guildId)];
  // It commits, and nothing is heard of it from then on.
  cluster.network.reaches = ({ sender }) => sender !== "run 1";
  one.send(anna, GuildKickRequestSchema, { playerName: "Bert" });
  await cluster.settle();
  assertEquals((await infoOf(two, dora, guildId)).members.length, 2, "Nobody has told");
  await pass(cluster, two, BUS_SILENT_MS / 1_000 + 1);
  assertEquals((await infoOf(two, dora, guildId)).members.length, 1);
  assertEquals(two.marsh.guilds.find(bert.playerId), null);
});

Deno.test("GuildVersions: what no server could tell, as the bus is down, is read again within two looks", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await guildOnTwo(cluster);
  await rosterOf(two, bert);
  await pass(cluster, two, GUILD_LOOK_INTERVAL_MS / 1_000);
  cluster.network.isUp = false;
  one.send(anna, GuildKickRequestSchema, { playerName: "Bert" });
  await cluster.settle();
  assertEquals(two.marsh.guilds.find(bert.playerId)?.name, "Red");
  await pass(cluster, two, 2 * GUILD_LOOK_INTERVAL_MS / 1_000);
  assertEquals(two.marsh.guilds.find(bert.playerId), null);
});

Deno.test("GuildVersions: a bus that is down for a moment, on the side of who changes a guild alone, leaves a hole", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await guildOnTwo(cluster);
  await rosterOf(two, bert);
  const missed: string[] = [];
  two.logic.context.bus.onMissed((from) => missed.push(from));
  cluster.network.isDownFor = "run 1";
  one.send(anna, GuildKickRequestSchema, { playerName: "Bert" });
  await cluster.settle();
  cluster.network.isDownFor = "";
  cluster.advance(1_000, [one]);
  await cluster.settle();
  assertEquals(missed, ["run 1"]);
  await pass(cluster, two, 1);
  assertEquals(two.marsh.guilds.find(bert.playerId), null);
});

Deno.test("What is read of a player's guild before it was put out, and answered after that, does not count", async () => {
  const direct = new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS);
  let held: Promise<void> | undefined, askedCount = 0;
  const guilds = new Proxy(direct.of(GUILDS), {
    get: (target, method: keyof GuildStore) => async (argument: never) => {
      const result: unknown = await target[method](argument);
      if (method !== "findTies" || held === undefined) return result;
      askedCount++;
      await held;
      return result;
    },
  });
  const harness = await LogicHarness.create({ storage: storageWith(direct, {}, { guilds }) });
  const anna = await harness.connect({ name: "Anna" });
  const account = { name: "Bert", nameKey: "bert", passwordVerifier: "", createdAtMs: 0 };
  const created = await direct.accounts.create(account);
  assert(created.kind === "created");
  const { accountId: playerId } = created;
  await must(harness, anna, GuildCreateRequestSchema, { name: "Red", tag: "RED" });
  await must(harness, anna, GuildInviteRequestSchema, { playerName: "Bert" });
  await direct.of(GUILDS).join({ playerId, guildId: 1, nowMs: harness.clock.unixMs() });
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  const coming = harness.connect({ name: "Bert" });
  await harness.until(() => askedCount > 0);
  await must(harness, anna, GuildKickRequestSchema, { playerName: "Bert" });
  held = undefined;
  resolve();
  await coming;
  assertEquals(harness.marsh.guilds.find(playerId), null);
  await harness.logic.stop();
  await direct.close();
});

Deno.test("What was missed of a guild is read again when that is noticed", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await guildOnTwo(cluster);
  await rosterOf(two, bert);
  cluster.network.reaches = () => false;
  one.send(anna, GuildKickRequestSchema, { playerName: "Bert" });
  await cluster.settle();
  assertEquals(two.marsh.guilds.find(bert.playerId)?.name, "Red");
  cluster.network.reaches = () => true;
  for (let second = 0; second < 3; second++) {
    cluster.advance(1_000);
    await cluster.settle();
  }
  assertEquals(two.marsh.guilds.find(bert.playerId), null);
});
