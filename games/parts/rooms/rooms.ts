/**
 * The chat rooms of a server: who is in which, and what was said last. They live in memory; a room without members does
 * not exist.
 *
 * @module
 */

import { assert } from "../../../shared/errors.ts";
import {
  ROOM_HISTORY_MESSAGES,
  ROOM_LIST_ENTRIES_MAX,
  ROOM_MEMBERS_DEFAULT,
  ROOM_MEMBERS_MAX,
  ROOMS_MAX,
  ROOMS_PER_ADDRESS,
  ROOMS_PER_PLAYER,
} from "./limits.ts";
import { looksOf } from "../../../server/game/kit.ts";
import { readRoomName, roomNameKey } from "./room_name.ts";
import { RoomPassword } from "./room_password.ts";

/** One room; `Message` is what its history keeps. */
export interface Room<Message> {
  readonly roomId: number;
  readonly name: string;
  readonly membersMax: number;
  readonly hasPassword: boolean;
  /** The player who gave it its name. */
  readonly creatorId: number;
  /** Ids of players. */
  readonly members: ReadonlySet<number>;
  /** Oldest first. */
  readonly history: readonly Message[];
}

/** A room to be created. */
export interface NewRoom {
  readonly name: string;
  /** 0: the default; above `ROOM_MEMBERS_MAX`: that. */
  readonly membersMax: number;
  /** Empty: none. */
  readonly password: string;
  /** The creator, its first member. */
  readonly playerId: number;
  /** What counts as one address; {@linkcode ROOMS_PER_ADDRESS} rooms of one may be there at once. */
  readonly source: string;
}

/** Which room a player wants to join; `roomId` 0: the one of that name. */
export interface RoomQuery {
  readonly roomId: number;
  readonly name: string;
  readonly password: string;
  readonly playerId: number;
}

/** Why a room cannot be created. */
export type CreateRefusal = "name_invalid" | "name_taken" | "too_many_of_player" | "too_many_of_source" | "too_many";
/** Why a room cannot be joined. */
export type JoinRefusal = "not_found" | "wrong_password" | "full" | "too_many_of_player";

interface MutableRoom<Message> extends Room<Message> {
  readonly members: Set<number>;
  readonly history: Message[];
  readonly nameKey: string;
  readonly looks: readonly string[];
  readonly password: RoomPassword | null;
  readonly source: string;
}

/** Rooms whose histories keep `Message`. */
export class Rooms<Message> {
  /** By id, and in the order of their last activity: the oldest comes first. */
  readonly #rooms = new Map<number, MutableRoom<Message>>();
  readonly #byName = new Map<string, MutableRoom<Message>>();
  /** What the names of all rooms look like; no two rooms have one in common. */
  readonly #looks = new Set<string>();
  /** Rooms of each player that is in any. */
  readonly #byPlayer = new Map<number, Set<MutableRoom<Message>>>();
  /** How many rooms were created from each source. */
  readonly #countBySource = new Map<string, number>();
  readonly #newSalt: () => string;
  #lastRoomId = 0;
  #version = 0;

  /** @param newSalt Makes a text that differs with every call. */
  constructor(newSalt: () => string) {
    this.#newSalt = newSalt;
  }

  /** How many rooms there are. */
  get count(): number {
    return this.#rooms.size;
  }

  /** Grows with every change that {@linkcode list} shows. */
  get version(): number {
    return this.#version;
  }

  find(roomId: number): Room<Message> | undefined {
    return this.#rooms.get(roomId);
  }

  /** The room that a query means. */
  findFor(query: Pick<RoomQuery, "roomId" | "name">): Room<Message> | undefined {
    return this.#findFor(query.roomId, query.name);
  }

  /** The rooms that a player is in. */
  roomsOf(playerId: number): readonly Room<Message>[] {
    return [...this.#byPlayer.get(playerId) ?? []];
  }

  /** The rooms where something happened last, newest first; at most {@linkcode ROOM_LIST_ENTRIES_MAX}. */
  list(): readonly Room<Message>[] {
    return [...this.#rooms.values()].slice(-ROOM_LIST_ENTRIES_MAX).reverse();
  }

  /** Creates a room with one member. */
  create({ name: rawName, membersMax, password, playerId, source }: NewRoom): Room<Message> | CreateRefusal {
    const name = readRoomName(rawName);
    if (name === undefined) return "name_invalid";
    const nameKey = roomNameKey(name);
    const looks = looksOf(name);
    if (this.#byName.has(nameKey) || looks.some((look) => this.#looks.has(look))) return "name_taken";
    if (!this.#mayJoinAnother(playerId)) return "too_many_of_player";
    const sourceCount = this.#countBySource.get(source) ?? 0;
    if (sourceCount >= ROOMS_PER_ADDRESS) return "too_many_of_source";
    if (this.#rooms.size >= ROOMS_MAX) return "too_many";
    const room: MutableRoom<Message> = {
      roomId: ++this.#lastRoomId,
      name,
      nameKey,
      looks,
      membersMax: membersMax === 0 ? ROOM_MEMBERS_DEFAULT : Math.min(membersMax, ROOM_MEMBERS_MAX),
      password: password === "" ? null : new RoomPassword(password, this.#newSalt()),
      hasPassword: password !== "",
      creatorId: playerId,
      source,
      members: new Set(),
      history: [],
    };
    this.#rooms.set(room.roomId, room);
    this.#byName.set(nameKey, room);
    this.#countBySource.set(source, sourceCount + 1);
    for (const look of looks) this.#looks.add(look);
    this.#add(room, playerId);
    return room;
  }

  /** Adds a player to a room; `isNew` is false if it was there already. */
  join({ roomId, name, password, playerId }: RoomQuery): { room: Room<Message>; isNew: boolean } | JoinRefusal {
    const room = this.#findFor(roomId, name);
    if (room === undefined) return "not_found";
    if (room.members.has(playerId)) return { room, isNew: false };
    if (room.password !== null && !room.password.matches(password)) return "wrong_password";
    if (room.members.size >= room.membersMax) return "full";
    if (!this.#mayJoinAnother(playerId)) return "too_many_of_player";
    this.#add(room, playerId);
    this.#touch(room);
    return { room, isNew: true };
  }

  /** Takes a player out of a room, which is closed with its last member; `undefined` where the player is not in it. */
  leave(roomId: number, playerId: number): { room: Room<Message>; isClosed: boolean } | undefined {
    const room = this.#rooms.get(roomId);
    if (room === undefined || !room.members.delete(playerId)) return undefined;
    this.#version++;
    const own = this.#byPlayer.get(playerId);
    assert(own !== undefined, "A member's rooms are known");
    own.delete(room);
    if (own.size === 0) this.#byPlayer.delete(playerId);
    if (room.members.size > 0) return { room, isClosed: false };
    this.#rooms.delete(roomId);
    this.#byName.delete(room.nameKey);
    const sourceCount = this.#countBySource.get(room.source)! - 1;
    if (sourceCount === 0) this.#countBySource.delete(room.source);
    else this.#countBySource.set(room.source, sourceCount);
    for (const look of room.looks) this.#looks.delete(look);
    return { room, isClosed: true };
  }

  /** Keeps what a member said. */
  say(roomId: number, message: Message): void {
    const room = this.#rooms.get(roomId);
    assert(room !== undefined, "Only in a room that exists can something be said");
    room.history.push(message);
    if (room.history.length > ROOM_HISTORY_MESSAGES) room.history.shift();
    this.#touch(room);
  }

  #findFor(roomId: number, name: string): MutableRoom<Message> | undefined {
    return roomId !== 0 ? this.#rooms.get(roomId) : this.#byName.get(roomNameKey(name));
  }

  #mayJoinAnother(playerId: number): boolean {
    return (this.#byPlayer.get(playerId)?.size ?? 0) < ROOMS_PER_PLAYER;
  }

  #add(room: MutableRoom<Message>, playerId: number): void {
    room.members.add(playerId);
    this.#version++;
    const own = this.#byPlayer.get(playerId);
    if (own !== undefined) own.add(room);
    else this.#byPlayer.set(playerId, new Set([room]));
  }

  /** Something happened in a room: it comes first in the list. */
  #touch(room: MutableRoom<Message>): void {
    this.#version++;
    this.#rooms.delete(room.roomId);
    this.#rooms.set(room.roomId, room);
  }
}
