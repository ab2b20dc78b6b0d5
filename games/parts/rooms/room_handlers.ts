/**
 * Chat rooms, as sessions see them.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import {
  type ChatMessage,
  ChatMessageSchema,
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
  RoomResponseSchema,
} from "../../../shared/gen/chat_pb.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { PacketType } from "../../../shared/gen/packet_pb.ts";
import {
  ROOM_NAME_LENGTH_MAX,
  ROOM_NAME_LENGTH_MIN,
  ROOMS_MAX,
  ROOMS_PER_ADDRESS,
  ROOMS_PER_PLAYER,
} from "../../../shared/limits.ts";
import { LoginGuard } from "../../../server/auth/login_guard.ts";
import { roomNameKey } from "./room_name.ts";
import { Counter } from "../../../server/ops/counters.ts";
import { type CreateRefusal, type JoinRefusal, type Room, type RoomQuery, Rooms } from "./rooms.ts";
import type { LogicContext } from "../../../server/session/context.ts";
import { type Dispatcher, RequestError } from "../../../server/session/dispatcher.ts";
import { RoomList } from "./room_list.ts";
import type { Player, Session } from "../../../server/session/session.ts";
import type { SocialService } from "../friends/social_handlers.ts";

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
  readonly #context: LogicContext;
  readonly #social: SocialService;
  readonly #rooms: Rooms<ChatMessage>;
  readonly #list: RoomList<ChatMessage>;
  /** Passwords of rooms are guessed at as those of accounts are. */
  readonly #guard = new LoginGuard();

  constructor(context: LogicContext, social: SocialService) {
    this.#context = context;
    this.#social = social;
    this.#rooms = new Rooms(context.randomToken);
    this.#list = new RoomList(this.#rooms, { clock: context.clock, infoOf });
    context.sessions.onPresence((player, isOnline) => {
      if (!isOnline) this.#leaveAll(player);
    });
  }

  /** Registers the handlers of this module. */
  register(dispatcher: Dispatcher): void {
    dispatcher.on(RoomCreateRequestSchema, (session, request) => this.#create(session, request));
    dispatcher.on(RoomJoinRequestSchema, (session, request) => this.#join(session, request));
    dispatcher.on(RoomLeaveRequestSchema, (session, request) => this.#onLeaveRequest(session, request));
    dispatcher.on(RoomListRequestSchema, (session) => this.#sendList(session));
  }

  /**
   * Says something in a room, to all its members.
   *
   * @param message Complete but for its room.
   * @throws {RequestError} `NOT_FOUND` without such a room, `PERMISSION_DENIED` when the player is not in it,
   * `RATE_LIMITED` when too much is being said.
   */
  say(player: Player, roomId: bigint, message: ChatMessage): void {
    const room = this.#rooms.find(Number(roomId));
    if (room === undefined) throw refusal("not_found");
    if (!room.members.has(player.playerId)) {
      throw new RequestError(ErrorCode.PERMISSION_DENIED, "Only members of a room can speak in it");
    }
    message.roomId = roomId;
    this.#social.delivery.fanOut.say({
      ...audienceOf(room, player),
      deliver: () => {
        // Whoever was in it may have left meanwhile.
        if (this.#rooms.find(room.roomId) !== room) return 0;
        message.messageId = this.#social.delivery.nextMessageId();
        this.#context.counters.add(Counter.CHAT_MESSAGES, 1);
        this.#rooms.say(room.roomId, message);
        const payload = toBinary(ChatMessageSchema, message);
        const saying = { senderId: player.playerId, type: PacketType.CHAT_MESSAGE, payload };
        return this.#social.delivery.deliver(saying, this.#sessionsOf(room));
      },
    });
  }

  #create(session: Session, { name, maxMembers, password }: RoomCreateRequest): void {
    const { playerId } = playerOf(session);
    const { gate } = this.#social;
    gate.checkMayWrite(session);
    gate.takeNotice(playerId, "");
    if (this.#context.reservedNames.has(name)) throw refusal("name_reserved");
    const { source } = session;
    const room = this.#rooms.create({ name, membersMax: maxMembers, password, playerId, source });
    if (typeof room === "string") throw refusal(room);
    this.#respond(session, PacketType.ROOM_CREATE_REQUEST, room);
  }

  #join(session: Session, request: RoomJoinRequest): void {
    const player = playerOf(session);
    const { playerId } = player;
    const { name, password } = request;
    // Leaving costs nothing: nobody leaves who has not joined.
    this.#social.gate.takeNotice(playerId, `room ${request.roomId === 0n ? roomNameKey(name) : request.roomId}`);
    const joined = this.#tryJoin(session, { roomId: Number(request.roomId), name, password, playerId });
    if (typeof joined === "string") throw refusal(joined);
    const { room, isNew } = joined;
    const history = room.history.filter(({ senderId }) => this.#social.gate.mayHear(playerId, Number(senderId)));
    this.#respond(session, PacketType.ROOM_JOIN_REQUEST, room, history);
    if (isNew) this.#tellOthers(room, player, RoomEventKind.JOINED);
  }

  /** @throws {RequestError} RATE_LIMITED while a guess at the room's password has to wait. */
  #tryJoin({ source }: Session, query: RoomQuery): ReturnType<Rooms<ChatMessage>["join"]> {
    const { clock, config } = this.#context;
    const room = this.#rooms.findFor(query);
    const isGuess = room !== undefined && room.hasPassword && !room.members.has(query.playerId);
    if (!isGuess || !config.floodControl) return this.#rooms.join(query);
    const nowMs = clock.monotonicMs();
    const guess = { nameKey: String(room.roomId), address: source };
    const waitMs = this.#guard.waitMs(guess, false, nowMs);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1_000);
      throw new RequestError(ErrorCode.RATE_LIMITED, `Too many wrong passwords, try again in ${seconds} s`);
    }
    const joined = this.#rooms.join(query);
    if (joined === "wrong_password") this.#guard.begin(guess, nowMs);
    else if (typeof joined !== "string") this.#guard.succeeded(guess, nowMs);
    return joined;
  }

  #onLeaveRequest(session: Session, { roomId }: RoomLeaveRequest): void {
    const player = playerOf(session);
    const left = this.#rooms.leave(Number(roomId), player.playerId);
    if (left === undefined) throw new RequestError(ErrorCode.NOT_FOUND, "You are not in such a room");
    const { room, isClosed } = left;
    this.#respond(session, PacketType.ROOM_LEAVE_REQUEST, room);
    if (isClosed) {
      const payload = eventOf(room, player, RoomEventKind.CLOSED);
      this.#context.sessions.send(session, PacketType.ROOM_EVENT, payload);
    } else {
      this.#tellOthers(room, player, RoomEventKind.LEFT);
    }
  }

  /** A player is not shown the rooms of those it ignores: their names are their words. */
  #sendList(session: Session): void {
    const { playerId } = playerOf(session);
    const list = this.#list.for(playerId, (playerId, creatorId) => this.#social.gate.mayHear(playerId, creatorId));
    this.#context.sessions.sendPacked(session, PacketType.ROOM_LIST_RESPONSE, list);
  }

  #leaveAll(player: Player): void {
    for (const { roomId } of this.#rooms.roomsOf(player.playerId)) {
      const { room, isClosed } = this.#rooms.leave(roomId, player.playerId)!;
      if (!isClosed) this.#tellOthers(room, player, RoomEventKind.LEFT);
    }
  }

  #respond(session: Session, requestType: PacketType, room: Room<ChatMessage>, history: ChatMessage[] = []): void {
    const response = create(RoomResponseSchema, { success: true, requestType, room: infoOf(room), history });
    this.#context.sessions.send(session, PacketType.ROOM_RESPONSE, toBinary(RoomResponseSchema, response));
  }

  /** Tells the members but the player itself. */
  #tellOthers(room: Room<ChatMessage>, player: Player, kind: RoomEventKind): void {
    this.#social.delivery.fanOut.tell({
      ...audienceOf(room, player),
      deliver: () => {
        const others = this.#sessionsOf(room).filter((session) => session.player?.playerId !== player.playerId);
        const event = { senderId: player.playerId, type: PacketType.ROOM_EVENT, payload: eventOf(room, player, kind) };
        return this.#social.delivery.deliver(event, others);
      },
    });
  }

  #sessionsOf(room: Room<ChatMessage>): Session[] {
    const sessions: Session[] = [];
    for (const playerId of room.members) {
      const session = this.#context.sessions.findPlayer(playerId);
      if (session !== undefined) sessions.push(session);
    }
    return sessions;
  }
}

function playerOf(session: Session): Player {
  if (session.player === null) throw new RequestError(ErrorCode.NOT_AUTHENTICATED, "Log in first");
  return session.player;
}

/** Who hears what a player says or does in a room. */
function audienceOf(room: Room<ChatMessage>, { playerId }: Player) {
  return { senderId: playerId, audience: `room ${room.roomId}`, hearerCount: room.members.size };
}

function refusal(reason: keyof typeof REFUSALS): RequestError {
  const { code, message } = REFUSALS[reason];
  return new RequestError(code, message);
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

function eventOf(room: Room<ChatMessage>, player: Player, kind: RoomEventKind): Uint8Array {
  const event = create(RoomEventSchema, {
    roomId: BigInt(room.roomId),
    playerId: BigInt(player.playerId),
    playerName: player.name,
    kind,
  });
  return toBinary(RoomEventSchema, event);
}
