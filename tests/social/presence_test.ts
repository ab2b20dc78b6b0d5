import { PacketType } from "../../games/marsh/contract.ts";
import {
  FriendAnswerSchema,
  FriendListRequestSchema,
  FriendNoticeKind,
  FriendRemoveSchema,
  FriendRequestSchema,
  IgnoreAddSchema,
  IgnoreRemoveSchema,
} from "../../games/parts/friends/friends_pb.ts";
import { PRESENCE_PAGE_PLAYERS_MAX } from "../../games/parts/friends/limits.ts";
import { Counter } from "../../server/ops/counters.ts";
import { LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { assertEquals } from "../support/assert.ts";
import { ClusterHarness } from "../support/cluster_harness.ts";
import type { HarnessClient, LogicHarness } from "../support/logic_harness.ts";

/** What a player was told of others since it was last asked. */
function notices(node: LogicHarness, client: HarnessClient): string[] {
  return node.take(client, PacketType.FRIEND_NOTICE).map(({ kind, player }) =>
    `${player!.name} ${FriendNoticeKind[kind]}`
  );
}

/** The friends of a player, those online with a star. */
async function friends(cluster: ClusterHarness, node: LogicHarness, client: HarnessClient): Promise<string[]> {
  node.take(client, PacketType.FRIEND_LIST_RESPONSE);
  node.send(client, FriendListRequestSchema, {});
  await cluster.until(() => node.received(client, PacketType.FRIEND_LIST_RESPONSE).length > 0);
  const [{ friends }] = node.take(client, PacketType.FRIEND_LIST_RESPONSE);
  return friends.map(({ name, online }) => online ? `${name} *` : name);
}

async function leave(cluster: ClusterHarness, node: LogicHarness, client: HarnessClient): Promise<void> {
  node.send(client, LeaveWorldRequestSchema, {});
  node.disconnect(client);
  await cluster.settle();
  cluster.advance(1_000);
  await cluster.settle();
}

/** Anna on the first server and Bert on the second are friends. */
async function friendsOnTwo(cluster: ClusterHarness): Promise<[HarnessClient, HarnessClient]> {
  const [one, two] = cluster.nodes;
  const anna = await one.connect({ name: "Anna" }), bert = await two.connect({ name: "Bert" });
  await cluster.settle();
  one.send(anna, FriendRequestSchema, { playerName: "Bert" });
  await cluster.settle();
  two.send(bert, FriendAnswerSchema, { playerName: "Anna", accept: true });
  await cluster.settle();
  return [anna, bert];
}

Deno.test("Friends on two servers hear of requests, answers and ends of friendships, and their lists are as in the database", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await friendsOnTwo(cluster);
  assertEquals([notices(one, anna), notices(two, bert)], [["Bert ACCEPTED"], ["Anna REQUESTED"]]);
  assertEquals([await friends(cluster, one, anna), await friends(cluster, two, bert)], [["Bert *"], ["Anna *"]]);
  one.send(anna, FriendRemoveSchema, { playerName: "Bert" });
  await cluster.settle();
  assertEquals([notices(two, bert), await friends(cluster, two, bert)], [["Anna REMOVED"], []]);
});

Deno.test("A player who goes before it is answered that it ignores somebody is offline on the other servers", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await friendsOnTwo(cluster);
  await two.connect({ name: "Carl" });
  await cluster.settle();
  two.send(bert, IgnoreAddSchema, { playerName: "Carl" });
  two.send(bert, LeaveWorldRequestSchema, {});
  two.disconnect(bert);
  await cluster.settle();
  assertEquals(two.sessions.isPlayerOnline(bert.playerId), false);
  assertEquals(await friends(cluster, one, anna), ["Bert"]);
});

Deno.test("Friends on two servers are told when one comes and goes, but not by who ignores the other", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await friendsOnTwo(cluster);
  notices(one, anna);
  await leave(cluster, two, bert);
  assertEquals([notices(one, anna), await friends(cluster, one, anna)], [["Bert OFFLINE"], ["Bert"]]);
  const back = await two.connect({ name: "Bert" });
  await cluster.settle();
  assertEquals([notices(one, anna), await friends(cluster, one, anna)], [["Bert ONLINE"], ["Bert *"]]);
  two.send(back, IgnoreAddSchema, { playerName: "Anna" });
  await cluster.settle();
  assertEquals([notices(one, anna), await friends(cluster, one, anna)], [["Bert OFFLINE"], ["Bert"]]);
  await leave(cluster, two, back);
  assertEquals(notices(one, anna), []);
  const again = await two.connect({ name: "Bert" });
  await cluster.settle();
  assertEquals([notices(one, anna), await friends(cluster, one, anna)], [[], ["Bert"]]);
  two.send(again, IgnoreRemoveSchema, { playerName: "Anna" });
  await cluster.settle();
  assertEquals(await friends(cluster, one, anna), ["Bert *"]);
});

Deno.test("A player who enters on another server stays online for its friends", async () => {
  await using cluster = await ClusterHarness.start(3);
  const [one, two, three] = cluster.nodes;
  const [anna, bert] = await friendsOnTwo(cluster);
  notices(one, anna);
  await leave(cluster, two, bert);
  await three.connect({ name: "Bert" });
  await cluster.settle();
  assertEquals([notices(one, anna), await friends(cluster, one, anna)], [["Bert OFFLINE", "Bert ONLINE"], ["Bert *"]]);
});

Deno.test("Presence is right again some seconds after messages were lost, however many players that concerns", async () => {
  await using cluster = await ClusterHarness.start();
  const [one, two] = cluster.nodes;
  const [anna, bert] = await friendsOnTwo(cluster);
  notices(one, anna);
  const lost = ["drawbridge.v1.PresenceChanged", "drawbridge.v1.PresenceAsked"];
  cluster.network.reaches = ({ topic }) => !lost.includes(topic);
  await leave(cluster, two, bert);
  let last = bert;
  for (let index = 0; index < PRESENCE_PAGE_PLAYERS_MAX + 10; index++) {
    last = await two.connect({ name: `Extra${index}` });
  }
  await cluster.settle();
  assertEquals(await friends(cluster, one, anna), ["Bert *"]);
  cluster.network.reaches = () => true;
  for (let second = 0; second < 6; second++) {
    cluster.advance(1_000);
    await cluster.settle();
  }
  assertEquals([notices(one, anna), await friends(cluster, one, anna)], [["Bert OFFLINE"], ["Bert"]]);
  one.send(anna, FriendRequestSchema, { playerName: `Extra${PRESENCE_PAGE_PLAYERS_MAX + 9}` });
  await cluster.settle();
  two.send(last, FriendAnswerSchema, { playerName: "Anna", accept: true });
  await cluster.settle();
  assertEquals(await friends(cluster, one, anna), ["Bert", `${last.name} *`]);
  for (const { counters } of cluster.nodes) assertEquals(counters.get(Counter.HANDLER_ERRORS), 0);
});

Deno.test("The players of a server that says nothing any more are offline for their friends, until it is heard again", async () => {
  await using cluster = await ClusterHarness.start();
  const [one] = cluster.nodes;
  const [anna] = await friendsOnTwo(cluster);
  notices(one, anna);
  for (let second = 0; second < 6; second++) {
    cluster.advance(1_000, [one]);
    await cluster.settle();
  }
  assertEquals([notices(one, anna), await friends(cluster, one, anna)], [["Bert OFFLINE"], ["Bert"]]);
  for (let second = 0; second < 2; second++) {
    cluster.advance(1_000);
    await cluster.settle();
  }
  assertEquals([notices(one, anna), await friends(cluster, one, anna)], [["Bert ONLINE"], ["Bert *"]]);
});
