/**
 * The list of rooms as it is sent: put together for all who ask.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { type RoomInfo, RoomListResponseSchema } from "./rooms_pb.ts";
import { ROOM_LISTS_PER_SECOND } from "./limits.ts";
import type { Clock } from "../../../server/game/game.ts";
import { pack, type Packed } from "../../../server/game/kit.ts";
import type { Room, Rooms } from "./rooms.ts";

const LIST_MS = 1_000 / ROOM_LISTS_PER_SECOND;

/** Encoded rooms, in order, and all of them packed. */
interface Listed {
  readonly version: number;
  readonly entries: readonly { readonly creatorId: number; readonly bytes: Uint8Array }[];
  readonly everything: Packed;
}

/** Who may be told of whose rooms. */
export type MayHear = (playerId: number, creatorId: number) => boolean;

/** The list of one server's rooms. */
export class RoomList<Message> {
  readonly #rooms: Pick<Rooms<Message>, "list" | "version">;
  readonly #clock: Clock;
  readonly #infoOf: (room: Room<Message>) => RoomInfo;
  /** When the lists put together so far are paid for, monotonic milliseconds; a second may be owed. */
  #paidAtMs = 0;
  #listed: Listed | null = null;

  constructor(
    rooms: Pick<Rooms<Message>, "list" | "version">,
    { clock, infoOf }: { readonly clock: Clock; readonly infoOf: (room: Room<Message>) => RoomInfo },
  ) {
    this.#rooms = rooms;
    this.#clock = clock;
    this.#infoOf = infoOf;
  }

  /**
   * What a player is shown: the rooms as they are now or, where lists are asked for very often and rooms change all the
   * time, as they were within the last part of a second.
   */
  for(playerId: number, mayHear: MayHear): Packed {
    const { entries, everything } = this.#current();
    const shown = entries.filter(({ creatorId }) => mayHear(playerId, creatorId));
    if (shown.length === entries.length) return everything;
    const payload = joined(shown.map(({ bytes }) => bytes));
    // Compressing takes longer than all the rest.
    return { payload, bytes: payload, isCompressed: false };
  }

  #current(): Listed {
    const { version } = this.#rooms;
    const listed = this.#listed;
    if (listed !== null && listed.version === version) return listed;
    const nowMs = this.#clock.monotonicMs();
    if (listed !== null && this.#paidAtMs + LIST_MS > nowMs + 1_000) return listed;
    this.#paidAtMs = Math.max(this.#paidAtMs, nowMs) + LIST_MS;
    const entries = this.#rooms.list().map((room) => ({
      creatorId: room.creatorId,
      // Messages one behind the other are one message with what both have.
      bytes: toBinary(RoomListResponseSchema, create(RoomListResponseSchema, { rooms: [this.#infoOf(room)] })),
    }));
    return this.#listed = { version, entries, everything: pack(joined(entries.map(({ bytes }) => bytes))) };
  }
}

/** Puts pieces one behind the other. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const piece of pieces) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}
