import { type NewRoom, type Room, Rooms } from "../../games/parts/rooms/rooms.ts";
import {
  ROOM_HISTORY_MESSAGES,
  ROOM_LIST_ENTRIES_MAX,
  ROOM_MEMBERS_DEFAULT,
  ROOM_MEMBERS_MAX,
  ROOMS_MAX,
  ROOMS_PER_ADDRESS,
  ROOMS_PER_PLAYER,
} from "../../games/parts/rooms/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

function newRooms(): Rooms<string> {
  let count = 0;
  return new Rooms(() => `salt${++count}`);
}

/** Creates a room that must come into being. */
function mustCreate(rooms: Rooms<string>, playerId: number, room: Partial<NewRoom> = {}): Room<string> {
  const created = rooms.create({
    name: `room ${rooms.count}`,
    membersMax: 0,
    password: "",
    playerId,
    source: `of ${playerId}`,
    ...room,
  });
  assert(typeof created !== "string", `Not created: ${created}`);
  return created;
}

/** Joins by id; gives the refusal, or whether the member is new. */
function join(rooms: Rooms<string>, roomId: number, playerId: number, password = ""): string | boolean {
  const joined = rooms.join({ roomId, name: "", password, playerId });
  return typeof joined === "string" ? joined : joined.isNew;
}

Deno.test("Rooms.create() makes the creator the first member", () => {
  const rooms = newRooms();
  const room = mustCreate(rooms, 7, { name: "The Red Lion" });
  assertEquals([...room.members], [7]);
  assertEquals([room.name, room.membersMax, room.hasPassword], ["The Red Lion", ROOM_MEMBERS_DEFAULT, false]);
  assertEquals(rooms.find(room.roomId), room);
  assertEquals(rooms.roomsOf(7), [room]);
});

Deno.test("Rooms.create() caps the number of members", () => {
  const rooms = newRooms();
  const sizes = [1, ROOM_MEMBERS_MAX, ROOM_MEMBERS_MAX + 1, 2 ** 32 - 1];
  const taken = sizes.map((membersMax, index) => mustCreate(rooms, index, { membersMax }).membersMax);
  assertEquals(taken, [1, ROOM_MEMBERS_MAX, ROOM_MEMBERS_MAX, ROOM_MEMBERS_MAX]);
});

Deno.test("Rooms.create() takes a name again only when its room is closed", () => {
  const rooms = newRooms();
  const { roomId } = mustCreate(rooms, 1, { name: "Lion" });
  const again = { name: "LION", membersMax: 0, password: "", playerId: 2, source: "of 2" };
  assertEquals(rooms.create(again), "name_taken");
  assertEquals(rooms.create({ ...again, name: "x" }), "name_invalid");
  rooms.leave(roomId, 1);
  assert(mustCreate(rooms, 2, again).roomId > roomId, "An id is never used again");
});

Deno.test("Rooms.create() and join() let a player be in ROOMS_PER_PLAYER rooms", () => {
  const rooms = newRooms();
  const { roomId } = mustCreate(rooms, 2);
  const own = Array.from({ length: ROOMS_PER_PLAYER }, () => mustCreate(rooms, 1));
  assertEquals(
    rooms.create({ name: "one more", membersMax: 0, password: "", playerId: 1, source: "of 1" }),
    "too_many_of_player",
  );
  assertEquals(join(rooms, roomId, 1), "too_many_of_player");
  assertEquals(join(rooms, own[0].roomId, 1), false);
  rooms.leave(own[0].roomId, 1);
  assertEquals(join(rooms, roomId, 1), true);
});

Deno.test("Rooms.create() stops at ROOMS_MAX", () => {
  const rooms = newRooms();
  for (let index = 0; index < ROOMS_MAX; index++) mustCreate(rooms, index);
  const oneMore = { name: "one more", membersMax: 0, password: "", playerId: ROOMS_MAX, source: "of another" };
  assertEquals(rooms.create(oneMore), "too_many");
  rooms.leave(1, 0);
  mustCreate(rooms, ROOMS_MAX, oneMore);
});

Deno.test("Rooms.join() asks for the password before it says that a room is full", () => {
  const rooms = newRooms();
  const { roomId } = mustCreate(rooms, 1, { name: "Vault", membersMax: 2, password: "sesame" });
  assertEquals(join(rooms, roomId, 2), "wrong_password");
  assertEquals(join(rooms, roomId, 2, "Sesame"), "wrong_password");
  assertEquals(join(rooms, roomId, 2, "sesame"), true);
  assertEquals(join(rooms, roomId, 3, "wrong"), "wrong_password");
  assertEquals(join(rooms, roomId, 3, "sesame"), "full");
  assertEquals(join(rooms, roomId, 2, "wrong"), false);
});

Deno.test("Rooms.join() finds a room by id, else by name without regard to case", () => {
  const rooms = newRooms();
  const { roomId } = mustCreate(rooms, 1, { name: "Lion" });
  const other = mustCreate(rooms, 1, { name: "Tiger" });
  const query = { password: "", playerId: 2 };
  const byName = rooms.join({ roomId: 0, name: "lION", ...query });
  assert(typeof byName !== "string" && byName.room.roomId === roomId);
  const byId = rooms.join({ roomId: other.roomId, name: "Lion", ...query });
  assert(typeof byId !== "string" && byId.room.roomId === other.roomId);
  assertEquals(rooms.join({ roomId: 99, name: "Lion", ...query }), "not_found");
  assertEquals(rooms.join({ roomId: 0, name: "", ...query }), "not_found");
});

Deno.test("Rooms.say() keeps the newest ROOM_HISTORY_MESSAGES messages", () => {
  const rooms = newRooms();
  const room = mustCreate(rooms, 1);
  const texts = Array.from({ length: ROOM_HISTORY_MESSAGES + 5 }, (_, index) => `message ${index}`);
  for (const text of texts) rooms.say(room.roomId, text);
  assertEquals(room.history, texts.slice(5));
});

Deno.test("Rooms.list() gives those where something happened last, newest first", () => {
  const rooms = newRooms();
  const ids = Array.from({ length: ROOM_LIST_ENTRIES_MAX + 2 }, (_, index) => mustCreate(rooms, index).roomId);
  const listed = () => rooms.list().map(({ roomId }) => roomId);
  assertEquals(listed(), ids.slice(2).reverse());
  rooms.say(ids[0], "hello");
  join(rooms, ids[1], 999);
  assertEquals(listed(), [ids[1], ids[0], ...ids.slice(4).reverse()]);
});

const PLAYERS = 4;
const NAMES = ["red", "RED", "blue", "green"];
const player = fc.nat(PLAYERS - 1);
const operation = fc.oneof(
  fc.record({
    kind: fc.constant("create" as const),
    by: player,
    name: fc.constantFrom(...NAMES),
    membersMax: fc.constantFrom(0, 1, 2),
    password: fc.constantFrom("", "x"),
  }),
  fc.record({
    kind: fc.constant("join" as const),
    by: player,
    name: fc.constantFrom(...NAMES),
    password: fc.constantFrom("", "x"),
  }),
  fc.record({ kind: fc.constantFrom("leave" as const, "say" as const), by: player, name: fc.constantFrom(...NAMES) }),
);

interface ModelRoom {
  readonly roomId: number;
  readonly membersMax: number;
  readonly password: string;
  members: number[];
  said: number;
}

Deno.test("Rooms is what a plain model of it says, whatever anyone does", () => {
  fc.assert(fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
    const rooms = newRooms();
    const model = new Map<string, ModelRoom>();
    for (const operation of operations) {
      const { by } = operation;
      const key = operation.name.toLowerCase();
      const known = model.get(key);
      if (operation.kind === "create") {
        const { name, membersMax, password } = operation;
        const result = rooms.create({ name, membersMax, password, playerId: by, source: `of ${by}` });
        assertEquals(result === "name_taken", known !== undefined);
        if (typeof result === "string") continue;
        const { roomId } = result;
        model.set(key, { roomId, membersMax: membersMax || ROOM_MEMBERS_DEFAULT, password, members: [by], said: 0 });
      } else if (operation.kind === "join") {
        const { name, password } = operation;
        const result = rooms.join({ roomId: 0, name, password, playerId: by });
        const expected = known === undefined
          ? "not_found"
          : known.members.includes(by)
          ? false
          : known.password !== "" && known.password !== password
          ? "wrong_password"
          : known.members.length >= known.membersMax
          ? "full"
          : true;
        assertEquals(typeof result === "string" ? result : result.isNew, expected);
        if (expected === true) known!.members.push(by);
      } else if (operation.kind === "leave") {
        const left = rooms.leave(known?.roomId ?? 0, by);
        assertEquals(left !== undefined, known?.members.includes(by) ?? false);
        if (left === undefined || known === undefined) continue;
        known.members = known.members.filter((member) => member !== by);
        assertEquals(left.isClosed, known.members.length === 0);
        if (left.isClosed) model.delete(key);
      } else if (known !== undefined) {
        rooms.say(known.roomId, `message ${++known.said}`);
      }
      assertEquals(rooms.count, model.size);
      for (const { roomId, members, said } of model.values()) {
        const room = rooms.find(roomId)!;
        assertEquals([...room.members], members);
        assertEquals(room.history.length, said);
        assert(members.length > 0 && members.length <= room.membersMax);
      }
      for (let playerId = 0; playerId < PLAYERS; playerId++) {
        const expected = [...model.values()].filter(({ members }) => members.includes(playerId));
        assertEquals(
          rooms.roomsOf(playerId).map(({ roomId }) => roomId).sort(),
          expected.map(({ roomId }) => roomId).sort(),
        );
      }
    }
  }));
});

Deno.test("Rooms.create() leaves the rooms of one source at a tenth of all, until one of them is closed", () => {
  const rooms = newRooms();
  const own = Array.from(
    { length: ROOMS_PER_ADDRESS },
    (_, index) => mustCreate(rooms, Math.floor(index / 10), { source: "192.0.2.1" }),
  );
  const another = { name: "another", membersMax: 0, password: "", playerId: 999, source: "192.0.2.1" };
  assertEquals(rooms.create(another), "too_many_of_source");
  mustCreate(rooms, 998, { source: "192.0.2.2" });
  // A room stays its creator's while others are in it.
  rooms.join({ roomId: own[0].roomId, name: "", password: "", playerId: 500 });
  rooms.leave(own[0].roomId, 0);
  assertEquals(rooms.create(another), "too_many_of_source");
  rooms.leave(own[0].roomId, 500);
  mustCreate(rooms, 999, another);
});
