import { contract, PacketType } from "../../games/marsh/contract.ts";
import { RECORD_OPEN, RECORD_PACKET, RECORD_REFUSED, RECORD_REQUEST_KEY } from "../../server/ring/records.ts";
import { GuildCreateRequestSchema, GuildInfoRequestSchema } from "../../games/parts/guilds/guilds_pb.ts";
import { assertEquals } from "../support/assert.ts";
import { IoFixture } from "./io_fixture.ts";

assertEquals([GuildCreateRequestSchema, GuildInfoRequestSchema].map((schema) => contract.rowOf(schema).isDurable), [
  true,
  false,
]);

const LAST = Number.MAX_SAFE_INTEGER;

function recordsOf(...packets: { type: number; requestKey?: number; sequence?: number }[]): [number, number][] {
  const peer = new IoFixture().connectIn("W");
  for (const packet of packets) peer.send(packet);
  return peer.fixture.takeRecords().map(({ kind, sequence }) => [kind, sequence]);
}

Deno.test("The name of a durable request reaches logic right before it, and before it only", () => {
  const type = PacketType.GUILD_CREATE_REQUEST;
  const records = recordsOf({ type, requestKey: LAST, sequence: 1 }, { type, sequence: 2 }, { type, requestKey: 7 });
  assertEquals(records, [
    [RECORD_OPEN, 0],
    [RECORD_REQUEST_KEY, LAST],
    [RECORD_PACKET, 1],
    [RECORD_PACKET, 2],
    [RECORD_REQUEST_KEY, 7],
    [RECORD_PACKET, 0],
  ]);
});

Deno.test("Names on other packets do not reach logic, and one that is not exact is refused", () => {
  const type = PacketType.GUILD_INFO_REQUEST;
  assertEquals(recordsOf({ type, requestKey: 7 }), [[RECORD_OPEN, 0], [RECORD_PACKET, 0]]);
  for (const each of [type, PacketType.GUILD_CREATE_REQUEST]) {
    assertEquals(recordsOf({ type: each, requestKey: LAST + 1 }).map(([kind]) => kind), [RECORD_OPEN, RECORD_REFUSED]);
  }
});
