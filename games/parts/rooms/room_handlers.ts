/**
 * Chat rooms, as players see them.
 *
 * @module
 */

import { packetTypeOf } from "../../../shared/contract.ts";
import { create, toBinary } from "@bufbuild/protobuf";
import { type ChatMessage, ChatMessageSchema } from "../chat/chat_pb.ts";
import {
  type RoomCreateRequest,
  RoomCreateRequestSchema,
  RoomEventKind,
  RoomEventSchema,
  RoomInfoSchema,
  type RoomJoinRequest,
  RoomJoinRequestSchema,
  type RoomLeaveRequest,
  RoomLeaveRequestSchema,
  RoomListRequestSchema,
  RoomListResponseSchema,
  RoomResponseSchema,
} from "./rooms_pb.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import {
  ROOM_NAME_LENGTH_MAX,
  ROOM_NAME_LENGTH_MIN,
  ROOMS_MAX,
  ROOMS_PER_ADDRESS,
  ROOMS_PER_PLAYER,
} from "./limits.ts";
import { Counter, definePart, type Game, type Player, Refused } from "../../../server/game/game.ts";
import { LoginGuard } from "../../../server/game/kit.ts";
import { roomNameKey } from "./room_name.ts";
import { type CreateRefusal, type JoinRefusal, type Room, type RoomQuery, Rooms } from "./rooms.ts";
import { RoomHistories } from "./room_histories.ts";
import { RoomList } from "./room_list.ts";
import { type Contacts, contactsOf } from "../chat/contacts.ts";

const CHAT_MESSAGE = packetTypeOf(ChatMessageSchema);
const ROOM_CREATE_REQUEST = packetTypeOf(RoomCreateRequestSchema);
const ROOM_EVENT = packetTypeOf(RoomEventSchema);
const ROOM_JOIN_REQUEST = packetTypeOf(RoomJoinRequestSchema);
const ROOM_LEAVE_REQUEST = packetTypeOf(RoomLeaveRequestSchema);
const ROOM_LIST_RESPONSE = packetTypeOf(RoomListResponseSchema);
const ROOM_RESPONSE = packetTypeOf(RoomResponseSchema);

const TOO_MANY_OF_PLAYER = `Nobody can be in more than ${ROOMS_PER_PLAYER} rooms`;

/** What a player is told. */
const REFUSALS: Readonly<
  Record<CreateRefusal | JoinRefusal | "name_reserved", { readonly code: ErrorCode; readonly message: string }>
> = {
  name_invalid: {
    code: ErrorCode.NAME_INVALID,
    message: `Names of rooms have ${ROOM_NAME_LENGTH_MIN} to ${ROOM_NAME_LENGTH_MAX} characters, letters of one script`,
  },
  name_reserved: { code: ErrorCode.ALREADY_EXISTS, message: "The name is reserved" },
  name_taken: { code: ErrorCode.ALREADY_EXISTS, message: "There is a room of that name, or of one that looks like it" },
  too_many_of_player: { code: ErrorCode.OUT_OF_RANGE, message: TOO_MANY_OF_PLAYER },
  too_many_of_source: {
    code: ErrorCode.OUT_OF_RANGE,
    message: `There are ${ROOMS_PER_ADDRESS} rooms of your address already`,
  },
  too_many: { code: ErrorCode.SERVER_FULL, message: `There are ${ROOMS_MAX} rooms already` },
  not_found: { code: ErrorCode.NOT_FOUND, message: "There is no such room" },
  wrong_password: { code: ErrorCode.PERMISSION_DENIED, message: "Wrong password" },
  full: { code: ErrorCode.SERVER_FULL, message: "The room is full" },
};

/** The chat rooms of one server. */
export class RoomService {
  readonly #game: Game;
  readonly #social: Contacts;
  readonly #rooms: Rooms<ChatMessage>;
  readonly #list: RoomList<ChatMessage>;
  readonly #histories = new RoomHistories();
  /** Passwords of rooms are guessed at as those of accounts are. */
  readonly #guard = new LoginGuard();

  constructor(game: Game, social: Contacts) {
    this.#game = game;
    this.#social = social;
    this.#rooms = new Rooms(game.randomToken);
    this.#list = new RoomList(this.#rooms, { clock: game.clock, infoOf });
    game.hooks.offline((player) => this.#leaveAll(player));
    game.on(RoomCreateRequestSchema, (player, request) => this.#create(player, request));
    game.on(RoomJoinRequestSchema, (player, request) => this.#join(player, request));
    game.on(RoomLeaveRequestSchema, (player, request) => this.#onLeaveRequest(player, request));
    game.on(RoomListRequestSchema, (player) => this.#sendList(player));
  }

  /**
   * Says something in a room, to all its members.
   *
   * @param message Complete but for its room.
   * @throws {Refused} `NOT_FOUND` without such a room, `PERMISSION_DENIED` when the player is not in it,
   * `RATE_LIMITED` when too much is being said.
   */
  say(player: Player, roomId: bigint, message: ChatMessage): void {
    const room = this.#rooms.find(Number(roomId));
    if (room === undefined) throw refusal("not_found");
    if (!room.members.has(player.playerId)) {
      throw new Refused(ErrorCode.PERMISSION_DENIED, "Only members of a room can speak in it");
    }
    message.roomId = roomId;
    this.#social.delivery.fanOut.say({
      ...audienceOf(room, player),
      deliver: () => {
        // Its members may have left in the meantime.
        if (this.#rooms.find(room.roomId) !== room) return 0;
        message.messageId = this.#social.delivery.nextMessageId();
        this.#game.counters.add(Counter.CHAT_MESSAGES, 1);
        this.#rooms.say(room.roomId, message);
        const payload = toBinary(ChatMessageSchema, message);
        const saying = { senderId: player.playerId, type: CHAT_MESSAGE, payload };
        return this.#social.delivery.deliver(saying, this.#membersOf(room));
      },
    });
  }

  #create(player: Player, { name, maxMembers, password }: RoomCreateRequest): void {
    const { playerId } = player;
    const { gate } = this.#social;
    gate.checkMayWrite(player);
    gate.takeNotice(playerId, "");
    if (this.#game.reservedNames.has(name)) throw refusal("name_reserved");
    const { source } = player;
    const room = this.#rooms.create({ name, membersMax: maxMembers, password, playerId, source });
    if (typeof room === "string") throw refusal(room);
    this.#respond(player, ROOM_CREATE_REQUEST, room);
  }

  #join(player: Player, request: RoomJoinRequest): void {
    const { playerId } = player;
    const { name, password } = request;
    // Leaving costs nothing: nobody leaves who has not joined.
    this.#social.gate.takeNotice(playerId, `room ${request.roomId === 0n ? roomNameKey(name) : request.roomId}`);
    const joined = this.#tryJoin(player, { roomId: Number(request.roomId), name, password, playerId });
    if (typeof joined === "string") throw refusal(joined);
    const { room, isNew } = joined;
    const answer = this.#histories.packBehind(
      answerOf(ROOM_JOIN_REQUEST, room),
      room,
      (senderId) => this.#social.gate.mayHear(playerId, senderId),
    );
    player.sendPacked(ROOM_RESPONSE, answer);
    if (isNew) this.#tellOthers(room, player, RoomEventKind.JOINED);
  }

  /** @throws {Refused} RATE_LIMITED while a guess at the room's password has to wait. */
  #tryJoin({ source }: Player, query: RoomQuery): ReturnType<Rooms<ChatMessage>["join"]> {
    const { clock, config } = this.#game;
    const room = this.#rooms.findFor(query);
    const isGuess = room !== undefined && room.hasPassword && !room.members.has(query.playerId);
    if (!isGuess || !config.floodControl) return this.#rooms.join(query);
    const nowMs = clock.monotonicMs();
    const guess = { nameKey: String(room.roomId), address: source };
    const waitMs = this.#guard.waitMs(guess, false, nowMs);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1_000);
      throw new Refused(ErrorCode.RATE_LIMITED, `Too many wrong passwords, try again in ${seconds} s`);
    }
    const joined = this.#rooms.join(query);
    if (joined === "wrong_password") this.#guard.begin(guess, nowMs);
    else if (typeof joined !== "string") this.#guard.succeeded(guess, nowMs);
    return joined;
  }

  #onLeaveRequest(player: Player, { roomId }: RoomLeaveRequest): void {
    const left = this.#rooms.leave(Number(roomId), player.playerId);
    if (left === undefined) throw new Refused(ErrorCode.NOT_FOUND, "You are not in that room");
    const { room, isClosed } = left;
    this.#social.delivery.fanOut.retract(player.playerId, audienceOf(room, player).audience);
    this.#respond(player, ROOM_LEAVE_REQUEST, room);
    if (isClosed) {
      const payload = eventOf(room, player, RoomEventKind.CLOSED);
      player.send(ROOM_EVENT, payload);
    } else {
      this.#tellOthers(room, player, RoomEventKind.LEFT);
    }
  }

  /** A player is not shown the rooms of those it ignores: their names are their words. */
  #sendList(player: Player): void {
    const { playerId } = player;
    const list = this.#list.for(playerId, (playerId, creatorId) => this.#social.gate.mayHear(playerId, creatorId));
    player.sendPacked(ROOM_LIST_RESPONSE, list);
  }

  #leaveAll(player: Player): void {
    for (const { roomId } of this.#rooms.roomsOf(player.playerId)) {
      const { room, isClosed } = this.#rooms.leave(roomId, player.playerId)!;
      if (!isClosed) this.#tellOthers(room, player, RoomEventKind.LEFT);
    }
  }

  #respond(player: Player, requestType: number, room: Room<ChatMessage>): void {
    player.tell(RoomResponseSchema, { success: true, requestType, room: infoOf(room) });
  }

  /** Tells the members but the player itself. */
  #tellOthers(room: Room<ChatMessage>, player: Player, kind: RoomEventKind): void {
    this.#social.delivery.fanOut.tell({
      ...audienceOf(room, player),
      deliver: () => {
        const others = this.#membersOf(room).filter(({ playerId }) => playerId !== player.playerId);
        const event = { senderId: player.playerId, type: ROOM_EVENT, payload: eventOf(room, player, kind) };
        return this.#social.delivery.deliver(event, others);
      },
    });
  }

  #membersOf(room: Room<ChatMessage>): Player[] {
    const members: Player[] = [];
    for (const playerId of room.members) {
      const player = this.#game.players.find(playerId);
      if (player !== undefined) members.push(player);
    }
    return members;
  }
}

/** Who hears what a player says or does in a room. */
function audienceOf(room: Room<ChatMessage>, { playerId }: Player) {
  return { senderId: playerId, audience: `room ${room.roomId}`, hearerCount: room.members.size };
}

function refusal(reason: keyof typeof REFUSALS): Refused {
  const { code, message } = REFUSALS[reason];
  return new Refused(code, message);
}

function infoOf(room: Room<ChatMessage>) {
  return create(RoomInfoSchema, {
    roomId: BigInt(room.roomId),
    name: room.name,
    memberCount: room.members.size,
    maxMembers: room.membersMax,
    hasPassword: room.hasPassword,
  });
}

function answerOf(requestType: number, room: Room<ChatMessage>): Uint8Array {
  return toBinary(RoomResponseSchema, create(RoomResponseSchema, { success: true, requestType, room: infoOf(room) }));
}

function eventOf(room: Room<ChatMessage>, player: Player, kind: RoomEventKind): Uint8Array {
  const event = create(RoomEventSchema, {
    roomId: BigInt(room.roomId),
    playerId: BigInt(player.playerId),
    playerName: player.name,
    kind,
  });
  return toBinary(RoomEventSchema, event);
}

/** What a game says of its rooms. */
export interface RoomOptions {
  /** Who may be told what by whom; left out in games without friends. */
  readonly friends?: Contacts;
}

/** Chat rooms that players make. */
export const rooms = definePart<RoomOptions | undefined, RoomService>(
  "rooms",
  (game, { friends } = {}) => new RoomService(game, contactsOf(game, friends)),
);
