import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import {
  type Claim,
  DIRECTORY,
  type Directory,
  type NodeEntry,
  type NodeId,
} from "../../server/cluster/directory_store.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import { SYSTEM } from "../../server/storage/storage.ts";
import { Prng } from "../../server/world/prng.ts";
import { DependencyError } from "../../shared/errors.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";

const LEASE_MS = 6_000;
const LOAD = { currentPlayers: 0, maxPlayers: 100, isDraining: false };

function node(serverId: number, incarnation = `run ${serverId}`): NodeEntry {
  const address = {
    serverName: `Server ${serverId}`,
    host: "192.0.2.1",
    gamePort: 8081,
    gatewayUrl: "ws://192.0.2.1/ws",
  };
  return { serverId, incarnation, ...address, ...LOAD };
}

class Cluster implements AsyncDisposable {
  nowMs = 1_000_000;
  readonly storage = new DirectStorage({ path: MEMORY_PATH, nowMs: () => this.nowMs }, MARSH_RECORDS);
  readonly directory: Directory = this.storage.of(DIRECTORY);

  static async start(...nodes: NodeEntry[]): Promise<Cluster> {
    const cluster = new Cluster();
    for (const each of nodes) assertEquals(await cluster.directory.join({ node: each, leaseMs: LEASE_MS }), "joined");
    return cluster;
  }

  async player(name: string): Promise<number> {
    const account = { name, nameKey: name.toLowerCase(), passwordVerifier: "none", createdAtMs: 1 };
    const result = await this.storage.accounts.create(account);
    assert(result.kind === "created");
    return result.accountId;
  }

  async claim(playerId: number, { serverId, incarnation }: NodeId): Promise<Claim> {
    return await this.directory.claim({ playerId, node: { serverId, incarnation } });
  }

  async renew({ serverId, incarnation }: NodeId): Promise<boolean> {
    return (await this.directory.renew({ node: { serverId, incarnation }, load: LOAD, leaseMs: LEASE_MS })).isHeld;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.storage.close();
  }
}

Deno.test("DIRECTORY.claim() gives a player to one node, and to another once it is given up or the lease has lapsed", async () => {
  const [one, two] = [node(1), node(2)];
  await using cluster = await Cluster.start(one, two);
  const playerId = await cluster.player("Anna");
  assertEquals(await cluster.claim(playerId, one), { kind: "claimed", epoch: 1 });
  assertEquals(await cluster.claim(playerId, two), { kind: "owned", owner: { serverId: 1, incarnation: "run 1" } });
  assertEquals(await cluster.directory.ownerOf(playerId), { serverId: 1, incarnation: "run 1" });
  await cluster.directory.release({ playerId, epoch: 1 });
  assertEquals(await cluster.directory.ownerOf(playerId), undefined);
  assertEquals(await cluster.claim(playerId, two), { kind: "claimed", epoch: 2 });
  cluster.nowMs += LEASE_MS - 1;
  assert(await cluster.renew(one));
  assertEquals((await cluster.claim(playerId, one)).kind, "owned");
  cluster.nowMs += 1;
  assertEquals(await cluster.claim(playerId, one), { kind: "claimed", epoch: 3 });
});

Deno.test("DIRECTORY.claim() is refused to a node without a lease, and its renewal takes nothing back", async () => {
  const [one, two] = [node(1), node(2)];
  await using cluster = await Cluster.start(one, two);
  const playerId = await cluster.player("Anna");
  await cluster.claim(playerId, one);
  cluster.nowMs += LEASE_MS;
  assertEquals(await cluster.claim(playerId, one), { kind: "lapsed" });
  assert(await cluster.renew(two));
  assertEquals(await cluster.claim(playerId, two), { kind: "claimed", epoch: 2 });
  assert(await cluster.renew(one));
  assertEquals((await cluster.claim(playerId, one)).kind, "owned");
  assertEquals(await cluster.directory.lost([{ playerId, epoch: 1 }, { playerId, epoch: 2 }]), [playerId]);
});

Deno.test("DIRECTORY.join() refuses a server id while another node with it holds its lease, and lists who does", async () => {
  await using cluster = await Cluster.start(node(1), node(2));
  const second = node(1, "another run");
  assertEquals(await cluster.directory.join({ node: second, leaseMs: LEASE_MS }), "taken");
  cluster.nowMs += LEASE_MS;
  assert(await cluster.renew(node(2)));
  assertEquals((await cluster.directory.nodes(null)).map(({ serverId }) => serverId), [2]);
  assertEquals(await cluster.directory.join({ node: second, leaseMs: LEASE_MS }), "joined");
  assertEquals(await cluster.renew(node(1)), false, "The one before is out");
  assertEquals((await cluster.directory.nodes(null)).map(({ incarnation }) => incarnation), ["another run", "run 2"]);
  assertEquals((await cluster.directory.nodes(null))[1], node(2));
  await cluster.directory.leave({ serverId: 1, incarnation: "run 1" });
  assertEquals((await cluster.directory.nodes(null)).length, 2, "Nobody takes out another run of itself");
  await cluster.directory.leave({ serverId: 1, incarnation: "another run" });
  assertEquals((await cluster.directory.nodes(null)).length, 1);
});

Deno.test("DIRECTORY.renew() tells a node whom others want from it, until it gives them up", async () => {
  const [one, two] = [node(1), node(2)];
  await using cluster = await Cluster.start(one, two);
  const [anna, bert] = [await cluster.player("Anna"), await cluster.player("Bert")];
  for (const playerId of [anna, bert]) await cluster.claim(playerId, one);
  await cluster.claim(bert, two);
  const wanted = async ({ serverId, incarnation }: NodeId) =>
    (await cluster.directory.renew({ node: { serverId, incarnation }, load: LOAD, leaseMs: LEASE_MS })).wanted;
  const wantedBert = [{ playerId: bert, epoch: 1 }];
  assertEquals([await wanted(one), await wanted(one), await wanted(two)], [wantedBert, wantedBert, []]);
  await cluster.directory.release({ playerId: bert, epoch: 1 });
  await cluster.claim(bert, two);
  assertEquals([await wanted(one), await wanted(two)], [[], []]);
});

Deno.test("DIRECTORY.handOver() passes a player on under the next epoch, and only by its owner to a live node", async () => {
  const [one, two] = [node(1), node(2)];
  await using cluster = await Cluster.start(one, two);
  const playerId = await cluster.player("Anna");
  await cluster.claim(playerId, one);
  assertEquals(await cluster.directory.handOver({ playerId, epoch: 7, to: two }), 0);
  assertEquals(await cluster.directory.handOver({ playerId, epoch: 1, to: node(3) }), 0);
  assertEquals(await cluster.directory.handOver({ playerId, epoch: 1, to: two }), 2);
  assertEquals(await cluster.directory.handOver({ playerId, epoch: 1, to: one }), 0, "Once");
  assertEquals((await cluster.directory.ownerOf(playerId))?.serverId, 2);
});

Deno.test("A write in the name of an ownership that holds no longer is refused as fenced and changes nothing", async () => {
  const [one, two] = [node(1), node(2)];
  await using cluster = await Cluster.start(one, two);
  const playerId = await cluster.player("Anna");
  await cluster.claim(playerId, one);
  const { characterId } = (await cluster.storage.characters.load({ accountId: playerId, characterId: 0 }))!;
  const character = { characterId, mapId: 0, x: 1, y: 0, z: 1, yaw: 0, hp: 50 };
  const before = { playerId, epoch: 1 };
  const stores = cluster.storage.for({ ...SYSTEM, owner: before });
  assertEquals(await stores.characters.save(character), true);
  assertEquals(await cluster.storage.characters.saveMany([{ ...character, x: 2, owner: before }]), 1);
  await cluster.directory.handOver({ ...before, to: two });
  const error = await assertRejects(() => stores.characters.save({ ...character, x: 3 }), DependencyError);
  assertEquals(error.code, "fenced");
  await assertRejects(() => stores.accounts.revokeTokens({ accountId: playerId, tokenEpoch: null }), DependencyError);
  assertEquals((await stores.accounts.find(playerId))?.tokenEpoch, 0, "Reads need no ownership");
  const after = { playerId, epoch: 2 };
  const other = await cluster.player("Bert");
  const batch = [{ ...character, x: 4, owner: before }, { ...character, x: 5, owner: { playerId: other, epoch: 2 } }];
  assertEquals(await cluster.storage.characters.saveMany(batch), 0, "Neither by an old epoch nor by another player's");
  assertEquals((await cluster.storage.characters.load({ accountId: playerId, characterId }))!.state!.x, 2);
  assertEquals(await cluster.storage.characters.saveMany([{ ...character, x: 6, owner: after }]), 1);
});

Deno.test("10,000 races of nodes that pause, restart and claim leave no player with two owners, and no epoch used twice", async () => {
  const random = new Prng(20_261_130), nodes = [1, 2, 3, 4].map((serverId) => node(serverId));
  await using cluster = await Cluster.start(...nodes);
  const players: number[] = [];
  for (let index = 0; index < 5; index++) players.push(await cluster.player(`Player${index}`));
  /** What each node believes it owns; a pause lets it believe what is no longer true. */
  const believed = nodes.map(() => new Map<number, number>());
  const lastEpoch = new Map<number, number>();
  let claims = 0;

  function take(playerId: number, epoch: number, index: number): void {
    assert(epoch > (lastEpoch.get(playerId) ?? 0), `Epoch ${epoch} of player ${playerId} is not new`);
    lastEpoch.set(playerId, epoch);
    believed[index].set(playerId, epoch);
    claims++;
  }

  for (let race = 0; race < 10_000; race++) {
    cluster.nowMs += random.nextInt(1_500);
    const index = random.nextInt(nodes.length), playerId = players[random.nextInt(players.length)];
    const own = believed[index], epoch = own.get(playerId);
    switch (random.nextInt(6)) {
      case 0:
        await cluster.renew(nodes[index]);
        break;
      case 1:
        if (epoch !== undefined) await cluster.directory.release({ playerId, epoch });
        own.delete(playerId);
        break;
      case 2: {
        const to = random.nextInt(nodes.length);
        const next = epoch === undefined ? 0 : await cluster.directory.handOver({ playerId, epoch, to: nodes[to] });
        own.delete(playerId);
        if (next > 0) take(playerId, next, to);
        break;
      }
      default: {
        // Two ask at one moment.
        const askers = [index, random.nextInt(nodes.length)];
        const answers = await Promise.all(askers.map((each) => cluster.claim(playerId, nodes[each])));
        for (const [place, answer] of answers.entries()) {
          if (answer.kind === "claimed") take(playerId, answer.epoch, askers[place]);
        }
      }
    }
    // Of all who believe that they own the player, the database lets one write at most.
    let writers = 0;
    for (const each of believed) {
      const epochOf = each.get(playerId);
      if (epochOf === undefined) continue;
      if ((await cluster.directory.lost([{ playerId, epoch: epochOf }])).length === 0) writers++;
    }
    assert(writers <= 1, `Race ${race}: ${writers} owners`);
  }
  assert(claims > 2_000, `${claims} claims`);
});
