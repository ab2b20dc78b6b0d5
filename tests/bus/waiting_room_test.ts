import { SharedWaitingRoom } from "../../server/bus/waiting_room.ts";
import {
  BUS_WAITING_BYTES_MAX,
  BUS_WAITING_BYTES_PER_NODE_MAX,
  BUS_WAITING_MAX,
  BUS_WAITING_PER_NODE_MAX,
} from "../../shared/limits.ts";
import { assertEquals } from "../support/assert.ts";

/** How many messages of these bytes get in, one after the other. */
function enter(room: SharedWaitingRoom, sender: string, bytes: number): number {
  let count = 0;
  while (room.tryEnter(sender, bytes)) count++;
  return count;
}

Deno.test("SharedWaitingRoom leaves places to others when one node speaks without end", () => {
  const room = new SharedWaitingRoom();
  assertEquals(enter(room, "loud", 1), BUS_WAITING_PER_NODE_MAX);
  assertEquals(enter(room, "other", 1), BUS_WAITING_MAX - BUS_WAITING_PER_NODE_MAX);
  assertEquals(enter(room, "third", 1), 0, "All is full");
});

Deno.test("SharedWaitingRoom leaves bytes to others when one node says very much", () => {
  const room = new SharedWaitingRoom(), page = 262_144;
  assertEquals(enter(room, "loud", page), BUS_WAITING_BYTES_PER_NODE_MAX / page);
  assertEquals(enter(room, "other", page), (BUS_WAITING_BYTES_MAX - BUS_WAITING_BYTES_PER_NODE_MAX) / page);
});

Deno.test("SharedWaitingRoom.leave() gives places back to whose they were, in the order in which they were taken", () => {
  const room = new SharedWaitingRoom();
  enter(room, "first", 1);
  enter(room, "second", 1);
  room.leave(10);
  assertEquals([enter(room, "second", 1), enter(room, "first", 1)], [0, 10]);
  room.leave(BUS_WAITING_MAX - 5);
  assertEquals([enter(room, "second", 1), enter(room, "first", 1)], [
    BUS_WAITING_PER_NODE_MAX,
    BUS_WAITING_PER_NODE_MAX - 5,
  ]);
});
