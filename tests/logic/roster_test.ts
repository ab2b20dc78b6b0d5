import { inflateRawSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Roster } from "../../games/parts/common/roster.ts";
import { pack, packBehind } from "../../server/session/packed.ts";
import { FriendListResponseSchema } from "../../games/parts/friends/friends_pb.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

function rosterOf(names: readonly string[]): Roster {
  const part = (name: string, playerId: number, online: boolean) =>
    toBinary(
      FriendListResponseSchema,
      create(FriendListResponseSchema, { friends: [{ playerId: BigInt(playerId), name, online }] }),
    );
  const rest = { incoming: [{ playerId: 99n, name: "asker" }] };
  return new Roster({
    head: toBinary(FriendListResponseSchema, create(FriendListResponseSchema, { success: true })),
    players: names.map((name, index) => ({
      playerId: index,
      offline: part(name, index, false),
      online: part(name, index, true),
    })),
    tail: toBinary(FriendListResponseSchema, create(FriendListResponseSchema, rest)),
  });
}

Deno.test("Roster.pack() is one message with everybody in order, and who is online", () => {
  const run = fc.record({ names: fc.array(fc.string({ maxLength: 20 }), { maxLength: 30 }), seed: fc.nat() });
  fc.assert(fc.property(run, ({ names, seed }) => {
    const isOnline = (playerId: number) => ((seed >> (playerId % 31)) & 1) === 1;
    const { payload } = rosterOf(names).pack(isOnline);
    const { success, friends, incoming } = fromBinary(FriendListResponseSchema, payload);
    assertEquals([success, incoming.map(({ name }) => name)], [true, ["asker"]]);
    assertEquals(
      friends.map(({ playerId, name, online }) => [Number(playerId), name, online]),
      names.map((name, index) => [index, name, isOnline(index)]),
    );
  }));
});

Deno.test("Roster.pack() puts it together anew only when somebody came or went", () => {
  const roster = rosterOf(["ann", "bob"]);
  const online = new Set([1]);
  const first = roster.pack((playerId) => online.has(playerId));
  assert(roster.pack((playerId) => online.has(playerId)) === first);
  online.add(0);
  const second = roster.pack((playerId) => online.has(playerId));
  assert(second !== first);
  assertEquals(fromBinary(FriendListResponseSchema, second.payload).friends.map(({ online }) => online), [true, true]);
  assert(roster.packOffline() === roster.packOffline());
  assert(roster.has(1) && !roster.has(2));
});

Deno.test("packBehind() is the head and what was packed, both ways, whether that was compressed or not", () => {
  const run = fc.record({
    head: fc.uint8Array({ maxLength: 2_000 }),
    tail: fc.oneof(fc.uint8Array({ maxLength: 3_000 }), fc.string({ minLength: 1, maxLength: 3 }).map(repeated)),
  });
  fc.assert(fc.property(run, ({ head, tail }) => {
    const packed = pack(tail);
    const { bytes, isCompressed, payload } = packBehind(head, packed);
    assertEquals(payload, new Uint8Array([...head, ...tail]));
    assertEquals(isCompressed, packed.isCompressed);
    assertEquals(isCompressed ? new Uint8Array(inflateRawSync(bytes)) : bytes, payload);
  }));
});

/** Enough of the same to be compressed. */
function repeated(text: string): Uint8Array {
  return new TextEncoder().encode(text.repeat(1_500));
}
