/** Chat rooms, as the contract has them. @module */

import {
  type RoomCreateRequest,
  type RoomEvent,
  RoomEventKind,
  type RoomInfo,
  type RoomJoinRequest,
  type RoomListResponse,
  type RoomResponse,
} from "../../games/parts/rooms/rooms_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { type Actor, Contradiction } from "./board.ts";
import type { DueLedger } from "./due_ledger.ts";
import type { FriendCheck } from "./friend_check.ts";

interface ModelRoom {
  /** 0 until the server has said. */
  roomId: number;
  readonly name: string;
  readonly membersMax: number;
  readonly password: string;
  readonly creator: Actor;
  readonly members: Set<Actor>;
  /** Who said what, oldest first. */
  readonly history: { readonly sender: Actor; readonly text: string }[];
  /** The rooms where something happened last come first. */
  touched: number;
}

const MEMBERS = 50;
const MEMBERS_MAX = 500;
const ROOMS_OF_PLAYER = 20;
const ROOMS = 1_000;
const HISTORY = 50;
const LISTED = 200;

/** Follows rooms, their members and what was said in them. */
export class RoomCheck {
  readonly #dues: DueLedger;
  readonly #friends: FriendCheck;
  readonly #rooms = new Set<ModelRoom>();
  /** Rooms whose number the server is about to say, by who created them. */
  readonly #unnumbered = new Map<Actor, ModelRoom>();
  #touchCount = 0;

  readonly #isMuted: (actor: Actor) => boolean;

  constructor(options: { dues: DueLedger; friends: FriendCheck; isMuted: (actor: Actor) => boolean }) {
    this.#dues = options.dues;
    this.#friends = options.friends;
    this.#isMuted = options.isMuted;
  }

  /** Rooms that a player could ask for. */
  get rooms(): readonly { readonly roomId: number; readonly name: string; readonly password: string }[] {
    return [...this.#rooms];
  }

  /** Numbers of the rooms a player is in. */
  roomsOf(actor: Actor): number[] {
    return [...this.#rooms].filter(({ members }) => members.has(actor)).map(({ roomId }) => roomId);
  }

  create(actor: Actor, { name, maxMembers, password }: RoomCreateRequest): void {
    const length = [...name].length;
    const isBad = length < 3 || length > 32 || name.trim() !== name;
    const isTaken = [...this.#rooms].some((room) => room.name.toLowerCase() === name.toLowerCase());
    const code = this.#isMuted(actor)
      ? ErrorCode.MUTED
      : isBad
      ? ErrorCode.NAME_INVALID
      : isTaken
      ? ErrorCode.ALREADY_EXISTS
      : this.roomsOf(actor).length >= ROOMS_OF_PLAYER
      ? ErrorCode.OUT_OF_RANGE
      : this.#rooms.size >= ROOMS
      ? ErrorCode.SERVER_FULL
      : ErrorCode.NONE;
    if (code !== ErrorCode.NONE) return this.#refuse(actor, PacketType.ROOM_CREATE_REQUEST, code);
    const membersMax = maxMembers === 0 ? MEMBERS : Math.min(MEMBERS_MAX, maxMembers);
    const room: ModelRoom = {
      ...{ roomId: 0, name, membersMax, password, creator: actor, members: new Set([actor]), history: [] },
      touched: ++this.#touchCount,
    };
    this.#rooms.add(room);
    this.#unnumbered.set(actor, room);
    this.#dues.expect(actor, "rooms", `${PacketType.ROOM_CREATE_REQUEST} done ${shortOf(room)}`);
  }

  join(actor: Actor, request: RoomJoinRequest): void {
    const { roomId, name, password } = request;
    const room = roomId !== 0n ? this.#find(roomId) : this.#findByName(name);
    if (room === undefined) return this.#refuse(actor, PacketType.ROOM_JOIN_REQUEST, ErrorCode.NOT_FOUND);
    const isNew = !room.members.has(actor);
    const code = !isNew
      ? ErrorCode.NONE
      : room.password !== "" && room.password !== password
      ? ErrorCode.PERMISSION_DENIED
      : room.members.size >= room.membersMax
      ? ErrorCode.SERVER_FULL
      : this.roomsOf(actor).length >= ROOMS_OF_PLAYER
      ? ErrorCode.OUT_OF_RANGE
      : ErrorCode.NONE;
    if (code !== ErrorCode.NONE) return this.#refuse(actor, PacketType.ROOM_JOIN_REQUEST, code);
    if (isNew) {
      room.members.add(actor);
      room.touched = ++this.#touchCount;
    }
    const heard = room.history.filter(({ sender }) => !this.#friends.ignores(actor, sender)).map(({ text }) => text);
    this.#dues.expect(actor, "rooms", `${PacketType.ROOM_JOIN_REQUEST} done ${shortOf(room)}${historyOf(heard)}`);
    if (isNew) this.#tellOthers(room, actor, RoomEventKind.JOINED);
  }

  leave(actor: Actor, roomId: bigint): void {
    const room = this.#find(roomId);
    if (room === undefined || !room.members.delete(actor)) {
      return this.#refuse(actor, PacketType.ROOM_LEAVE_REQUEST, ErrorCode.NOT_FOUND);
    }
    this.#dues.expect(actor, "rooms", `${PacketType.ROOM_LEAVE_REQUEST} done ${shortOf(room)}`);
    if (room.members.size === 0) {
      this.#dues.expect(actor, streamOf(roomId, actor.name), RoomEventKind[RoomEventKind.CLOSED]);
    }
    this.#endLeaving(room, actor);
  }

  /** A player's session is over: it leaves every room. */
  leaveAll(actor: Actor): void {
    for (const room of this.#rooms) if (room.members.delete(actor)) this.#endLeaving(room, actor);
  }

  list(actor: Actor): void {
    const newest = [...this.#rooms].sort((a, b) => b.touched - a.touched).slice(0, LISTED);
    const shown = newest.filter(({ creator }) => !this.#friends.ignores(actor, creator));
    this.#dues.expect(actor, "room list", shown.map((room) => `${room.roomId} ${shortOf(room)}`).join(", "));
  }

  /** Something is said in a room; gives who hears it, or the code of the refusal. */
  say(actor: Actor, roomId: bigint, text: string): readonly Actor[] | ErrorCode {
    const room = this.#find(roomId);
    if (room === undefined) return ErrorCode.NOT_FOUND;
    if (!room.members.has(actor)) return ErrorCode.PERMISSION_DENIED;
    room.history.push({ sender: actor, text });
    if (room.history.length > HISTORY) room.history.shift();
    room.touched = ++this.#touchCount;
    return [...room.members];
  }

  onResponse(actor: Actor, { success, errorCode, requestType, room, history }: RoomResponse): void {
    if (!success) return this.#dues.take(actor, "rooms", `${requestType} ${ErrorCode[errorCode]}`);
    if (room === undefined) throw new Contradiction(`${actor.name} was sent ROOM_RESPONSE without a room`);
    if (requestType === PacketType.ROOM_CREATE_REQUEST) this.#number(actor, Number(room.roomId));
    const heard = requestType === PacketType.ROOM_JOIN_REQUEST ? historyOf(history.map(({ message }) => message)) : "";
    this.#dues.take(actor, "rooms", `${requestType} done ${infoOf(room)}${heard}`);
  }

  onList(actor: Actor, { rooms }: RoomListResponse): void {
    this.#dues.take(actor, "room list", rooms.map((room) => `${room.roomId} ${infoOf(room)}`).join(", "));
  }

  onEvent(actor: Actor, { roomId, playerName, kind }: RoomEvent): void {
    this.#dues.take(actor, streamOf(roomId, playerName), RoomEventKind[kind]);
  }

  #number(actor: Actor, roomId: number): void {
    const room = this.#unnumbered.get(actor);
    this.#unnumbered.delete(actor);
    if (room === undefined || this.#find(BigInt(roomId)) !== undefined) {
      throw new Contradiction(
        `${actor.name} was sent the number ${roomId} of a room, which is in use or was not asked for`,
      );
    }
    room.roomId = roomId;
  }

  #find(roomId: bigint): ModelRoom | undefined {
    for (const room of this.#rooms) if (BigInt(room.roomId) === roomId && roomId !== 0n) return room;
  }

  #findByName(name: string): ModelRoom | undefined {
    for (const room of this.#rooms) if (room.name.toLowerCase() === name.toLowerCase()) return room;
  }

  #endLeaving(room: ModelRoom, actor: Actor): void {
    if (room.members.size === 0) this.#rooms.delete(room);
    else this.#tellOthers(room, actor, RoomEventKind.LEFT);
  }

  #tellOthers(room: ModelRoom, actor: Actor, kind: RoomEventKind): void {
    const stream = streamOf(BigInt(room.roomId), actor.name);
    for (const member of room.members) {
      if (member === actor || this.#friends.ignores(member, actor)) continue;
      this.#dues.expect(member, stream, RoomEventKind[kind]);
    }
  }

  #refuse(actor: Actor, requestType: PacketType, code: ErrorCode): void {
    this.#dues.expect(actor, "rooms", `${requestType} ${ErrorCode[code]}`);
  }
}

/** Of two players who go in the same instant, either may be told of first. */
function streamOf(roomId: bigint, playerName: string): string {
  return `${playerName} in room ${roomId}`;
}

function shortOf({ name, members, membersMax, password }: ModelRoom): string {
  return `${name} ${members.size}/${membersMax}${password === "" ? "" : " locked"}`;
}

function infoOf({ name, memberCount, maxMembers, hasPassword }: RoomInfo): string {
  return `${name} ${memberCount}/${maxMembers}${hasPassword ? " locked" : ""}`;
}

function historyOf(texts: readonly string[]): string {
  return `: ${texts.join(" ")}`;
}
