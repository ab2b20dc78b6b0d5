import { PacketType } from "../../games/marsh/contract.ts";
import { LoginRequestSchema, LogoutRequestSchema, RegisterRequestSchema } from "../../shared/gen/auth_pb.ts";
import { EnterWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { BUS_SILENT_MS } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";
import { ClusterHarness } from "../support/cluster_harness.ts";

const PASSWORD_HASH = "0".repeat(64);

Deno.test("LOGIN_RESPONSE lists servers as they say they are, and none that is silent", async () => {
  await using cluster = await ClusterHarness.start(3);
  const [one, two, three] = cluster.nodes;
  one.send(one.open(), RegisterRequestSchema, { username: "Anna", passwordHash: PASSWORD_HASH });
  await cluster.settle();
  const listed = async () => {
    const client = one.open();
    one.send(client, LoginRequestSchema, { username: "Anna", passwordHash: PASSWORD_HASH, clientVersion: "1.0" });
    await cluster.until(() => one.received(client, PacketType.LOGIN_RESPONSE).length > 0);
    const [{ gameServers }] = one.take(client, PacketType.LOGIN_RESPONSE);
    return gameServers.map(({ serverId, currentPlayers }) => `${serverId}: ${currentPlayers}`).sort();
  };
  await two.connect({ name: "Bert" });
  await three.connect({ name: "Cleo" });
  await three.connect({ name: "Dora" });
  cluster.advance(1_000);
  await cluster.settle();
  // Their leases are renewed every 2 s, and here not at all.
  assertEquals(await listed(), ["1: 0", "2: 1", "3: 2"]);
  cluster.advance(BUS_SILENT_MS + 1_000, [one, two]);
  await cluster.settle();
  assertEquals(await listed(), ["1: 0", "2: 1"]);
  cluster.network.isUp = false;
  await cluster.settle();
  assertEquals((await listed()).length, 3, "While nobody can be heard, leases count");
  cluster.network.isUp = true;
  cluster.advance(1_000);
  await cluster.settle();
  assertEquals(await listed(), ["1: 0", "2: 1", "3: 2"]);
});

Deno.test("LOGIN_RESPONSE lists first the server where the player still is, until it has left", async () => {
  await using cluster = await ClusterHarness.start(3);
  const [one, , three] = cluster.nodes;
  const registered = one.open();
  one.send(registered, RegisterRequestSchema, { username: "Anna", passwordHash: PASSWORD_HASH });
  await cluster.until(() => one.received(registered, PacketType.REGISTER_RESPONSE).length > 0);
  const [{ playerId }] = one.take(registered, PacketType.REGISTER_RESPONSE);
  const first = async () => {
    const client = one.open();
    one.send(client, LoginRequestSchema, { username: "Anna", passwordHash: PASSWORD_HASH, clientVersion: "1.0" });
    await cluster.until(() => one.received(client, PacketType.LOGIN_RESPONSE).length > 0);
    return one.take(client, PacketType.LOGIN_RESPONSE)[0].gameServers[0].serverId;
  };
  const anna = three.open({ port: "game" });
  three.send(anna, EnterWorldRequestSchema, { sessionToken: `plain:${playerId}:Anna` });
  await cluster.until(() => three.received(anna, PacketType.ENTER_WORLD_RESPONSE).length > 0);
  cluster.advance(1_000);
  await cluster.settle();
  assertEquals(await first(), 3);
  three.disconnect(anna);
  await cluster.settle();
  assertEquals(await first(), 3, "Its entity waits there for it");
  const again = three.open({ port: "game" });
  three.send(again, EnterWorldRequestSchema, { sessionToken: `plain:${playerId}:Anna` });
  await cluster.until(() => three.received(again, PacketType.ENTER_WORLD_RESPONSE).length > 0);
  three.send(again, LogoutRequestSchema, {});
  await cluster.until(() => three.received(again, PacketType.LOGOUT_RESPONSE).length > 0);
  cluster.advance(1_000);
  await cluster.settle();
  assertEquals(await first(), 1);
});
