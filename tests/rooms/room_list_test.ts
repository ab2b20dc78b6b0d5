import { create } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { RoomList } from "../../games/parts/rooms/room_list.ts";
import type { Room } from "../../games/parts/rooms/rooms.ts";
import { RoomInfoSchema, RoomListResponseSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { ROOM_LISTS_PER_SECOND } from "../../games/parts/rooms/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ManualClock } from "../support/logic_harness.ts";

Deno.test("RoomList.for() puts the list together when rooms changed, ROOM_LISTS_PER_SECOND times a second at most", () => {
  const clock = new ManualClock();
  let built = 0;
  const rooms = {
    version: 0,
    list: () => {
      built++;
      return [1, 2, 3].map((roomId) => ({ roomId, creatorId: roomId, name: `Room ${roomId}` }) as Room<string>);
    },
  };
  const infoOf = ({ roomId, name }: Room<string>) => create(RoomInfoSchema, { roomId: BigInt(roomId), name });
  const list = new RoomList<string>(rooms, { clock, infoOf });
  const namesFor = (mayHear: (creatorId: number) => boolean) => {
    const { payload } = list.for(9, (_playerId, creatorId) => mayHear(creatorId));
    return fromBinary(RoomListResponseSchema, payload).rooms.map(({ name }) => name);
  };
  for (let count = 0; count < 100; count++) assertEquals(namesFor(() => true), ["Room 1", "Room 2", "Room 3"]);
  assertEquals(built, 1);
  // Whoever may not hear of one is not shown it, at no cost of building.
  assertEquals([namesFor((creatorId) => creatorId !== 2), built], [["Room 1", "Room 3"], 1]);
  for (rooms.version = 1; rooms.version < 500; rooms.version++) namesFor(() => true);
  assert(built <= ROOM_LISTS_PER_SECOND, `${built} times`);
  clock.advance(1_000);
  const before = built;
  namesFor(() => true);
  assertEquals(built, before + 1);
});
