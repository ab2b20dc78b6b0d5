/**
 * The histories of rooms as they are sent to those who join.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { type ChatMessage } from "../chat/chat_pb.ts";
import { RoomResponseSchema } from "./rooms_pb.ts";
import { pack, packBehind, type Packed } from "../../../server/game/kit.ts";
import { joined } from "./room_list.ts";
import type { Room } from "./rooms.ts";

/** A history, message by message and all of it packed. */
interface Encoded {
  /** The newest message: with it the history is as it was. */
  readonly newest: ChatMessage | undefined;
  readonly messages: readonly { readonly senderId: number; readonly bytes: Uint8Array }[];
  readonly everything: Packed;
}

/** Encodes and compresses a history once, for as long as nothing is said in its room. */
export class RoomHistories {
  readonly #encoded = new WeakMap<Room<ChatMessage>, Encoded>();

  /**
   * Puts what a player may hear of a room's history behind the rest of the answer to its joining.
   *
   * @param answer A RoomResponse without history.
   */
  packBehind(answer: Uint8Array, room: Room<ChatMessage>, mayHear: (senderId: number) => boolean): Packed {
    const { everything, messages } = this.#current(room);
    const heard = messages.filter(({ senderId }) => mayHear(senderId));
    if (heard.length === messages.length) return packBehind(answer, everything);
    // Compressing takes longer than all the rest.
    const payload = joined([answer, ...heard.map(({ bytes }) => bytes)]);
    return { payload, bytes: payload, isCompressed: false };
  }

  #current(room: Room<ChatMessage>): Encoded {
    const newest = room.history.at(-1);
    const before = this.#encoded.get(room);
    if (before !== undefined && before.newest === newest) return before;
    const messages = room.history.map((message) => ({
      senderId: Number(message.senderId),
      // Messages one behind the other are one message with what both have.
      bytes: toBinary(RoomResponseSchema, create(RoomResponseSchema, { history: [message] })),
    }));
    const encoded = { newest, messages, everything: pack(joined(messages.map(({ bytes }) => bytes))) };
    this.#encoded.set(room, encoded);
    return encoded;
  }
}
