/**
 * Chat rooms, as the page knows them: which the player is in, and what is unread there.
 *
 * @module
 */

import { type RoomEvent, RoomEventKind, type RoomInfo } from "../../parts/rooms/rooms_pb.ts";
import { TEXTS } from "./language.ts";

/** What the server lists of a room. */
export type RoomEntry = Omit<RoomInfo, "$typeName" | "$unknown">;

/** A room the player is in. */
export interface JoinedRoom {
  readonly id: bigint;
  readonly name: string;
  memberCount: number;
  readonly maxMembers: number;
  unread: number;
}

/** The rooms of one player. */
export class RoomModel {
  /** By id, in the order of joining. */
  readonly joined: Map<bigint, JoinedRoom> = new Map();
  /** All rooms, as they were listed last. */
  list: readonly RoomEntry[] = [];

  /** The player is in a room from now on, or still. */
  join(room: RoomEntry): JoinedRoom {
    const known = this.joined.get(room.roomId);
    const { roomId: id, name, memberCount, maxMembers } = room;
    const joined = { id, name, memberCount, maxMembers, unread: known?.unread ?? 0 };
    this.joined.set(id, joined);
    return joined;
  }

  /** The player is out of a room. */
  leave(roomId: bigint): JoinedRoom | undefined {
    const room = this.joined.get(roomId);
    this.joined.delete(roomId);
    return room;
  }

  /** Takes a new list of all rooms. */
  setList(rooms: readonly RoomEntry[]): void {
    this.list = rooms;
    for (const { roomId, memberCount } of rooms) {
      const room = this.joined.get(roomId);
      if (room !== undefined) room.memberCount = memberCount;
    }
  }

  /**
   * Takes a ROOM_EVENT.
   *
   * @param ownName The player's.
   * @returns What to say of it in the room; `null` for a room the player is not in.
   */
  apply(event: Omit<RoomEvent, "$typeName" | "$unknown">, ownName: string): { text: string; isOver: boolean } | null {
    const room = this.joined.get(event.roomId);
    if (room === undefined) return null;
    const isOwn = event.playerName.toLowerCase() === ownName.toLowerCase();
    switch (event.kind) {
      case RoomEventKind.JOINED:
        // Of its own joining the player knows by the answer, which counted it in.
        if (isOwn) return null;
        room.memberCount++;
        return { text: TEXTS.rooms.joined(event.playerName), isOver: false };
      case RoomEventKind.LEFT:
        if (isOwn) return { text: TEXTS.rooms.leftSelf(room.name), isOver: true };
        room.memberCount = Math.max(1, room.memberCount - 1);
        return { text: TEXTS.rooms.left(event.playerName), isOver: false };
      case RoomEventKind.CLOSED:
        return { text: TEXTS.rooms.closed(room.name), isOver: true };
      default:
        return null;
    }
  }

  /** Rooms that can be joined. */
  get others(): RoomEntry[] {
    return this.list.filter(({ roomId }) => !this.joined.has(roomId));
  }

  /** Lines unread in all rooms. */
  get unread(): number {
    let unread = 0;
    for (const room of this.joined.values()) unread += room.unread;
    return unread;
  }

  /** Forgets everything, for another player. */
  clear(): void {
    this.joined.clear();
    this.list = [];
  }
}

/** How full a room is, and whether it asks for a password. */
export function roomText(
  { memberCount, maxMembers, hasPassword }: Pick<RoomEntry, "memberCount" | "maxMembers" | "hasPassword">,
): string {
  const count = TEXTS.rooms.inside(memberCount, maxMembers);
  return hasPassword ? `${count} · ${TEXTS.rooms.hasPassword}` : count;
}
