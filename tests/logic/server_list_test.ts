import { NO_BUS } from "../../server/bus/no_bus.ts";
import type { NodeEntry, NodeId } from "../../server/cluster/directory_store.ts";
import type { LogicContext } from "../../server/session/context.ts";
import { ServerList } from "../../server/session/server_list.ts";
import type { Session } from "../../server/session/session.ts";
import { GAME_SERVERS_LISTED_MAX, PLAYER_UNDER_WAY_MS } from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";

/** A login server among nodes that say what a test sets. */
class Fixture {
  nodes: NodeEntry[] = [];
  /** The node where the player is who logs in. */
  owner: NodeId | undefined;
  nowMs = 0;
  readonly #list: ServerList;
  readonly #port: "login" | "gateway";

  constructor(
    { serverId = 1, port = "login" }: { readonly serverId?: number; readonly port?: "login" | "gateway" } = {},
  ) {
    this.#port = port;
    const stores = {
      of: () => ({ list: () => Promise.resolve(this.nodes), ownerOf: () => Promise.resolve(this.owner) }),
    };
    const context = {
      bus: NO_BUS,
      config: { serverId },
      storage: { for: () => stores },
      clock: { monotonicMs: () => this.nowMs },
    };
    this.#list = new ServerList(context as unknown as LogicContext);
  }

  node(serverId: number, currentPlayers: number, more: Partial<NodeEntry> = {}): void {
    const address = { serverName: `Server ${serverId}`, host: "127.0.0.1", gamePort: 8081, gatewayUrl: "" };
    const load = { currentPlayers, maxPlayers: 100, isDraining: false };
    const entry = { serverId, incarnation: `run ${serverId}`, ...address, ...load, ...more };
    this.nodes = [...this.nodes.filter((node) => node.serverId !== serverId), entry]
      .sort((a, b) => a.serverId - b.serverId);
  }

  /** The servers that one login lists. */
  async login(): Promise<number[]> {
    const session = { entrant: 0, link: { info: { port: this.#port } } } as unknown as Session;
    return (await this.#list.read(session, 7)).map(({ serverId }) => serverId);
  }
}

Deno.test("ServerList.read() lists the nodes that take players, the least loaded by their share first", async () => {
  const fixture = new Fixture();
  fixture.node(2, 50);
  fixture.node(3, 20);
  fixture.node(4, 0, { isDraining: true });
  fixture.node(5, 30, { maxPlayers: 1_000 });
  assertEquals(await fixture.login(), [5, 3, 2]);
});

Deno.test("ServerList.read() counts whom it sent to a node until the node tells of them, or they do not come", async () => {
  const fixture = new Fixture();
  fixture.node(2, 0);
  fixture.node(3, 2);
  const first = async () => (await fixture.login())[0];
  assertEquals([await first(), await first(), await first(), await first()], [2, 2, 2, 3]);
  // Two have come; the third is still on the way, as is the one that went to the other.
  fixture.node(2, 2);
  assertEquals([await first(), await first(), await first()], [2, 3, 2]);
  fixture.nowMs += PLAYER_UNDER_WAY_MS;
  assertEquals([await first(), await first(), await first()], [2, 3, 2], "Nobody is waited for any longer");
});

Deno.test("ServerList.read() lists first the node where the player still is, and counts nobody as sent there", async () => {
  const fixture = new Fixture();
  fixture.node(2, 99);
  fixture.node(3, 20);
  fixture.owner = { serverId: 2, incarnation: "run 2" };
  assertEquals([await fixture.login(), await fixture.login()], [[2, 3], [2, 3]]);
  // Had the two counted, the node would be the fuller one.
  fixture.node(3, 100);
  fixture.owner = undefined;
  assertEquals(await fixture.login(), [2, 3]);
  fixture.owner = { serverId: 2, incarnation: "a run before" };
  fixture.node(3, 20);
  assertEquals(await fixture.login(), [3, 2]);
  fixture.owner = { serverId: 2, incarnation: "run 2" };
  fixture.node(2, 99, { isDraining: true });
  assertEquals(await fixture.login(), [3]);
});

Deno.test("ServerList.read() lists the node of the login first among equals", async () => {
  const fixture = new Fixture({ serverId: 3, port: "gateway" });
  for (const serverId of [2, 3, 4]) fixture.node(serverId, 7);
  assertEquals(await fixture.login(), [3, 2, 4]);
});

Deno.test("ServerList.read() lists no more nodes than fit into a frame", async () => {
  const fixture = new Fixture();
  for (let serverId = 1; serverId <= GAME_SERVERS_LISTED_MAX + 1; serverId++) fixture.node(serverId, 99 - serverId);
  const listed = await fixture.login();
  assertEquals([listed.length, listed[0]], [GAME_SERVERS_LISTED_MAX, GAME_SERVERS_LISTED_MAX + 1]);
});
