import { LogoutRequestSchema, ResumeRequestSchema } from "../../shared/gen/auth_pb.ts";
import { Channel } from "../../games/parts/chat/chat_pb.ts";
import {
  RoomCreateRequestSchema,
  RoomEventKind,
  RoomJoinRequestSchema,
  RoomLeaveRequestSchema,
  RoomListRequestSchema,
  type RoomResponse,
} from "../../games/parts/rooms/rooms_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { LeaveWorldRequestSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  LINK_DEAD_MS,
  LOGIN_FAILURES_PER_ACCOUNT,
  LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS,
} from "../../shared/limits.ts";
import { ROOM_HISTORY_MESSAGES, ROOM_MEMBERS_DEFAULT, ROOMS_PER_PLAYER } from "../../games/parts/rooms/limits.ts";
import { IgnoreAddSchema } from "../../games/parts/friends/friends_pb.ts";
import { gather, heard, logIn, say, settle } from "../social/company.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { fc } from "../support/property.ts";

interface Creation {
  readonly name?: string;
  readonly maxMembers?: number;
  readonly password?: string;
}

function takeResponse(harness: LogicHarness, client: HarnessClient): RoomResponse {
  const responses = harness.take(client, PacketType.ROOM_RESPONSE);
  assertEquals(responses.length, 1);
  return responses[0];
}

function create(harness: LogicHarness, client: HarnessClient, room: Creation = {}): RoomResponse {
  harness.send(client, RoomCreateRequestSchema, { name: "The Red Lion", ...room });
  return takeResponse(harness, client);
}

/** The id of a room that must come into being. */
function createRoom(harness: LogicHarness, client: HarnessClient, room: Creation = {}): bigint {
  const response = create(harness, client, room);
  assert(response.success);
  return response.room!.roomId;
}

function join(harness: LogicHarness, client: HarnessClient, roomId: bigint, password = ""): RoomResponse {
  harness.send(client, RoomJoinRequestSchema, { roomId, password });
  return takeResponse(harness, client);
}

function leave(harness: LogicHarness, client: HarnessClient, roomId: bigint): RoomResponse {
  harness.send(client, RoomLeaveRequestSchema, { roomId });
  return takeResponse(harness, client);
}

/** The events a client was told of, as `kind name`. */
function events(harness: LogicHarness, client: HarnessClient): string[] {
  return harness.take(client, PacketType.ROOM_EVENT).map((event) => `${RoomEventKind[event.kind]} ${event.playerName}`);
}

function errors(harness: LogicHarness, client: HarnessClient): ErrorCode[] {
  return harness.take(client, PacketType.ERROR_RESPONSE).map(({ errorCode }) => errorCode);
}

function listNames(harness: LogicHarness, client: HarnessClient): string[] {
  harness.send(client, RoomListRequestSchema, {});
  return harness.take(client, PacketType.ROOM_LIST_RESPONSE)[0].rooms.map(({ name }) => name);
}

Deno.test("RoomService: players create, join, talk in and leave a room, which closes with the last of them", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  const created = create(harness, ann, { name: "The Red Lion", password: "sesame" });
  assertEquals(created.requestType, PacketType.ROOM_CREATE_REQUEST);
  const { roomId, ...info } = created.room!;
  assertEquals(
    [info.name, info.memberCount, info.maxMembers, info.hasPassword],
    ["The Red Lion", 1, ROOM_MEMBERS_DEFAULT, true],
  );
  say(harness, ann, Channel.ROOM, "anybody here?", { roomId });
  assertEquals(heard(harness, ann), ["anybody here?"]);

  const joined = join(harness, bob, roomId, "sesame");
  assert(joined.success);
  assertEquals([joined.requestType, joined.room!.memberCount], [PacketType.ROOM_JOIN_REQUEST, 2]);
  assertEquals(joined.history.map(({ senderName, message }) => [senderName, message]), [["ann", "anybody here?"]]);
  assertEquals([events(harness, ann), events(harness, bob)], [["JOINED bob"], []]);

  say(harness, bob, Channel.ROOM, "me", { roomId });
  const [message] = harness.take(ann, PacketType.CHAT_MESSAGE);
  assertEquals(
    [message.channel, message.roomId, message.senderId, message.message],
    [Channel.ROOM, roomId, BigInt(bob.playerId), "me"],
  );
  assertEquals([heard(harness, bob), heard(harness, cid)], [["me"], []]);

  assertEquals(leave(harness, ann, roomId).requestType, PacketType.ROOM_LEAVE_REQUEST);
  assertEquals([events(harness, ann), events(harness, bob)], [[], ["LEFT ann"]]);
  assertEquals(listNames(harness, cid), ["The Red Lion"]);
  assertEquals(leave(harness, bob, roomId).room!.memberCount, 0);
  assertEquals(events(harness, bob), ["CLOSED bob"]);
  assertEquals(listNames(harness, cid), []);
});

/** What is refused, after ann has created "Lion" (password, two places), and bob has joined it. */
const REFUSED: readonly {
  readonly what: string;
  readonly code: ErrorCode;
  readonly ask: (
    harness: LogicHarness,
    clients: Record<"ann" | "bob" | "cid", HarnessClient>,
    lion: bigint,
  ) => RoomResponse;
}[] = [
  {
    what: "a name that is too short",
    code: ErrorCode.NAME_INVALID,
    ask: (h, { cid }) => create(h, cid, { name: "ab" }),
  },
  {
    what: "a name that is too long",
    code: ErrorCode.NAME_INVALID,
    ask: (h, { cid }) => create(h, cid, { name: "a".repeat(33) }),
  },
  {
    what: "a name with a control character",
    code: ErrorCode.NAME_INVALID,
    ask: (h, { cid }) => create(h, cid, { name: "Li\non" }),
  },
  {
    what: "a name in use, in other case",
    code: ErrorCode.ALREADY_EXISTS,
    ask: (h, { cid }) => create(h, cid, { name: "LION" }),
  },
  { what: "joining an unknown id", code: ErrorCode.NOT_FOUND, ask: (h, { cid }) => join(h, cid, 99n) },
  {
    what: "joining an id beyond all numbers",
    code: ErrorCode.NOT_FOUND,
    ask: (h, { cid }) => join(h, cid, 2n ** 64n - 1n),
  },
  { what: "joining nothing at all", code: ErrorCode.NOT_FOUND, ask: (h, { cid }) => join(h, cid, 0n) },
  {
    what: "a wrong password",
    code: ErrorCode.PERMISSION_DENIED,
    ask: (h, { cid }, lion) => join(h, cid, lion, "open"),
  },
  { what: "no password", code: ErrorCode.PERMISSION_DENIED, ask: (h, { cid }, lion) => join(h, cid, lion) },
  { what: "a full room", code: ErrorCode.SERVER_FULL, ask: (h, { cid }, lion) => join(h, cid, lion, "sesame") },
  { what: "leaving another's room", code: ErrorCode.NOT_FOUND, ask: (h, { cid }, lion) => leave(h, cid, lion) },
  { what: "leaving an unknown room", code: ErrorCode.NOT_FOUND, ask: (h, { ann }) => leave(h, ann, 99n) },
];

for (const { what, code, ask } of REFUSED) {
  Deno.test(`RoomService refuses ${what} with ${ErrorCode[code]} and changes nothing`, async () => {
    await using harness = await LogicHarness.create();
    const clients = await gather(harness, "ann", "bob", "cid");
    const { ann, bob, cid } = clients;
    const lion = createRoom(harness, ann, { name: "Lion", maxMembers: 2, password: "sesame" });
    join(harness, bob, lion, "sesame");
    harness.forget();
    const response = ask(harness, clients, lion);
    assertEquals([response.success, response.errorCode], [false, code]);
    assert(response.requestType !== PacketType.UNSPECIFIED);
    assertEquals([events(harness, ann), events(harness, bob), events(harness, cid)], [[], [], []]);
    assertEquals(listNames(harness, cid), ["Lion"]);
  });
}

Deno.test("RoomService refuses chat in unknown rooms with NOT_FOUND and in others' with PERMISSION_DENIED", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const roomId = createRoom(harness, ann);
  for (
    const [room, code] of [[0n, ErrorCode.NOT_FOUND], [99n, ErrorCode.NOT_FOUND], [
      roomId,
      ErrorCode.PERMISSION_DENIED,
    ]] as const
  ) {
    say(harness, bob, Channel.ROOM, "hello", { roomId: room });
    assertEquals([errors(harness, bob), heard(harness, bob), heard(harness, ann)], [[code], [], []]);
  }
});

Deno.test("RoomService answers a second join with success and tells nobody", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const roomId = createRoom(harness, ann, { password: "sesame" });
  join(harness, bob, roomId, "sesame");
  harness.forget();
  const again = join(harness, bob, roomId);
  assertEquals([again.success, again.room!.memberCount], [true, 2]);
  assertEquals(events(harness, ann), []);
});

Deno.test("RoomService refuses a player's rooms beyond ROOMS_PER_PLAYER with OUT_OF_RANGE", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const other = createRoom(harness, bob, { name: "Bob's" });
  for (let index = 0; index < ROOMS_PER_PLAYER; index++) createRoom(harness, ann, { name: `room ${index}` });
  assertEquals(create(harness, ann, { name: "one more" }).errorCode, ErrorCode.OUT_OF_RANGE);
  assertEquals(join(harness, ann, other).errorCode, ErrorCode.OUT_OF_RANGE);
});

Deno.test("RoomService gives the newest ROOM_HISTORY_MESSAGES messages on joining", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const roomId = createRoom(harness, ann);
  const texts = Array.from({ length: ROOM_HISTORY_MESSAGES + 2 }, (_, index) => `message ${index}`);
  for (const text of texts) say(harness, ann, Channel.ROOM, text, { roomId });
  assertEquals(join(harness, bob, roomId).history.map(({ message }) => message), texts.slice(2));
});

Deno.test("RoomService keeps players in their rooms without a connection, until their session ends", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  const roomId = createRoom(harness, ann);
  join(harness, bob, roomId);
  join(harness, cid, roomId);
  harness.forget();
  harness.disconnect(bob);
  harness.disconnect(cid);
  say(harness, ann, Channel.ROOM, "still there?", { roomId });
  harness.advance(LINK_DEAD_MS / 2);
  assertEquals(events(harness, ann), []);

  const back = harness.open({ name: "bob" });
  harness.send(back, ResumeRequestSchema, { resumeToken: bob.resumeToken, lastSequence: 0n });
  assert(heard(harness, back).includes("still there?"));
  // Everything it had not acknowledged came again.
  harness.forget(back);
  harness.advance(LINK_DEAD_MS);
  assertEquals(events(harness, ann), ["LEFT cid"]);
  assertEquals(leave(harness, back, roomId).success, true);
});

Deno.test("RoomService serves players who are not in the world, and takes out who logs out", async () => {
  await using harness = await LogicHarness.create();
  const { ann } = await gather(harness, "ann");
  const dora = await logIn(harness, "dora");
  const roomId = createRoom(harness, dora, { name: "Dora's" });
  join(harness, ann, roomId);
  assertEquals(events(harness, dora), ["JOINED ann"]);
  say(harness, ann, Channel.ROOM, "hello", { roomId });
  assertEquals(heard(harness, dora), ["hello"]);

  harness.send(ann, LeaveWorldRequestSchema, {});
  say(harness, dora, Channel.ROOM, "left the world?", { roomId });
  assert(heard(harness, ann).includes("left the world?"), "Whoever leaves the world stays in its rooms");
  harness.send(dora, LogoutRequestSchema, {});
  await settle(harness);
  assertEquals(events(harness, ann), ["LEFT dora"]);
  harness.disconnect(ann);
  const { bob } = await gather(harness, "bob");
  assertEquals(listNames(harness, bob), []);
});

Deno.test("RoomService takes out a player who enters the world elsewhere", async () => {
  await using harness = await LogicHarness.create();
  const { ann, bob } = await gather(harness, "ann", "bob");
  const roomId = createRoom(harness, ann);
  join(harness, bob, roomId);
  harness.forget();
  const again = await harness.connect({ name: "bob" });
  assertEquals(events(harness, ann), ["LEFT bob"]);
  say(harness, again, Channel.ROOM, "me again", { roomId });
  assertEquals(errors(harness, again), [ErrorCode.PERMISSION_DENIED]);
});

const NAMES = ["red", "blue"] as const;
const deed = fc.record({
  kind: fc.constantFrom("create", "join", "leave", "say", "logout"),
  by: fc.nat(2),
  room: fc.constantFrom(...NAMES),
});

Deno.test("RoomService tells every member but the one who did it of each change, once, whatever anyone does", async () => {
  const property = fc.asyncProperty(fc.array(deed, { maxLength: 30 }), async (deeds) => {
    await using harness = await LogicHarness.create();
    const players = ["ann", "bob", "cid"];
    const company = await gather(harness, ...players);
    const members = new Map<string, { roomId: bigint; players: Set<string> }>();
    for (const { kind, by, room } of deeds) {
      const name = players[by], client = company[name], known = members.get(room);
      const expected = new Map<string, string[]>(players.map((player) => [player, []]));
      const tell = (who: Iterable<string>, event: string) =>
        [...who].forEach((player) => expected.get(player)!.push(event));
      if (kind === "create") {
        const response = create(harness, client, { name: room });
        assertEquals(response.success, known === undefined);
        if (response.success) members.set(room, { roomId: response.room!.roomId, players: new Set([name]) });
      } else if (kind === "join") {
        const response = join(harness, client, known?.roomId ?? 99n);
        assertEquals(response.success, known !== undefined);
        if (known !== undefined && !known.players.has(name)) {
          tell(known.players, `JOINED ${name}`);
          known.players.add(name);
        }
        if (known !== undefined) assertEquals(response.room!.memberCount, known.players.size);
      } else if (kind === "leave") {
        const response = leave(harness, client, known?.roomId ?? 99n);
        const wasIn = known?.players.delete(name) ?? false;
        assertEquals(response.success, wasIn);
        if (wasIn && known!.players.size > 0) tell(known!.players, `LEFT ${name}`);
        else if (wasIn && members.delete(room)) tell([name], `CLOSED ${name}`);
      } else if (kind === "say") {
        say(harness, client, Channel.ROOM, "hello", { roomId: known?.roomId ?? 99n });
        const hearers = known?.players.has(name) ? known.players : new Set<string>();
        for (const player of players) assertEquals(heard(harness, company[player]).length, hearers.has(player) ? 1 : 0);
      } else {
        harness.send(client, LogoutRequestSchema, {});
        await settle(harness);
        for (const [key, { players: inside }] of members) {
          if (!inside.delete(name)) continue;
          tell(inside, `LEFT ${name}`);
          if (inside.size === 0) members.delete(key);
        }
        company[name] = await harness.connect({ name });
      }
      for (const player of players) assertEquals(events(harness, company[player]).sort(), expected.get(player)!.sort());
      assertEquals(listNames(harness, company.ann).sort(), [...members.keys()].sort());
    }
  });
  await fc.assert(property, { numRuns: 25 });
});

Deno.test("ROOM_JOIN_REQUEST makes who guesses a password wait, its address with it, and nobody elsewhere", async () => {
  await using harness = await LogicHarness.create();
  const connect = (name: string, address: string) => harness.connect({ name, address });
  const owner = await connect("Owner", "198.51.100.1");
  const [guesser, other] = [await connect("Guesser", "192.0.2.1"), await connect("Other", "192.0.2.1")];
  const friend = await connect("Friend", "192.0.2.2");
  const roomId = createRoom(harness, owner, { password: "secret" });
  const guess = (client: HarnessClient, password: string) => join(harness, client, roomId, password).errorCode;
  for (let failure = 0; failure < LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS; failure++) {
    assertEquals(guess(guesser, `guess ${failure}`), ErrorCode.PERMISSION_DENIED);
  }
  for (const client of [guesser, other]) assertEquals(guess(client, "secret"), ErrorCode.RATE_LIMITED);
  assertEquals(guess(friend, "secret"), ErrorCode.NONE);
  // Who is in it has nothing to guess.
  assertEquals(guess(owner, ""), ErrorCode.NONE);
  harness.clock.advance(1_000);
  assertEquals(guess(other, "secret"), ErrorCode.NONE);
});

Deno.test("ROOM_JOIN_REQUEST hears so many guesses at a room from everywhere, then one every half minute", async () => {
  await using harness = await LogicHarness.create();
  const roomId = createRoom(harness, await harness.connect({ address: "198.51.100.1" }), { password: "secret" });
  let heard = 0;
  for (let index = 0; index < LOGIN_FAILURES_PER_ACCOUNT + 10; index++) {
    const client = await harness.connect({ address: `192.0.2.${index}` });
    if (join(harness, client, roomId, "guess").errorCode === ErrorCode.PERMISSION_DENIED) heard++;
  }
  assertEquals(heard, LOGIN_FAILURES_PER_ACCOUNT);
});

Deno.test("The history that a room sends is as it is when somebody joins: longer, moved on, without those one ignores", async () => {
  await using harness = await LogicHarness.create({ config: { floodControl: false } });
  const { ann, bob, cid } = await gather(harness, "ann", "bob", "cid");
  const roomId = createRoom(harness, ann);
  join(harness, cid, roomId);
  const said: string[] = [];
  const sayAll = (client: HarnessClient, count: number) => {
    for (let index = 0; index < count; index++) {
      // Long enough for all of them to be compressed together.
      const text = `${client.name} ${said.length} ${"and so on ".repeat(10)}`.trim();
      said.push(text);
      say(harness, client, Channel.ROOM, text, { roomId });
    }
  };
  const history = () => {
    const { history, room } = join(harness, bob, roomId);
    assertEquals(room!.memberCount, 3);
    return history.map(({ message }) => message);
  };
  sayAll(ann, 20);
  assertEquals([history(), history()], [said, said]);
  sayAll(cid, 1);
  assertEquals(history(), said);
  sayAll(ann, ROOM_HISTORY_MESSAGES);
  sayAll(cid, 1);
  assertEquals(history(), said.slice(-ROOM_HISTORY_MESSAGES));
  harness.send(bob, IgnoreAddSchema, { playerName: "cid" });
  await settle(harness);
  assertEquals(history(), said.slice(-ROOM_HISTORY_MESSAGES).filter((message) => !message.startsWith("cid")));
});
