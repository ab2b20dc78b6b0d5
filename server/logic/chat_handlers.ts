/**
 * Chat: GLOBAL, AREA, WHISPER.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { Channel, type ChatMessage, ChatMessageSchema } from "../../shared/gen/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../shared/gen/packet_pb.ts";
import { CHAT_BYTES_MAX } from "../../shared/limits.ts";
import { nameKey } from "../auth/names.ts";
import { Counter } from "../ops/counters.ts";
import type { LogicContext } from "./context.ts";
import { type Dispatcher, RequestError } from "./dispatcher.ts";
import type { Player, Session } from "./session.ts";
import type { WorldService } from "./world_service.ts";

/** Control characters, and what reorders or hides text around it. */
const FORBIDDEN = /[\p{Cc}\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const UTF8 = new TextEncoder();

/**
 * Checks the text of a chat message.
 *
 * @throws {RequestError} `INVALID_PACKET` when it is empty, over {@linkcode CHAT_BYTES_MAX} bytes of UTF-8, or has
 * control characters.
 */
export function checkChatText(text: string): void {
  if (text.trim() === "") throw new RequestError(ErrorCode.INVALID_PACKET, "The message is empty");
  const byteCount = UTF8.encode(text).length;
  if (byteCount > CHAT_BYTES_MAX) {
    throw new RequestError(
      ErrorCode.INVALID_PACKET,
      `The message is ${byteCount} bytes, limit is ${CHAT_BYTES_MAX} bytes`,
    );
  }
  if (FORBIDDEN.test(text)) throw new RequestError(ErrorCode.INVALID_PACKET, "The message has control characters");
}

/** Registers the handlers of this module. */
export function registerChatHandlers(dispatcher: Dispatcher, context: LogicContext, world: WorldService): void {
  let lastMessageId = 0n;
  const nearby = new Int32Array(context.world.slotCount);

  dispatcher.on(ChatMessageSchema, (session, request) => {
    const player = session.player;
    if (player === null) throw new RequestError(ErrorCode.NOT_AUTHENTICATED, "Log in first");
    checkChatText(request.message);
    const message = create(ChatMessageSchema, {
      senderId: BigInt(player.playerId),
      senderName: player.name,
      channel: request.channel,
      message: request.message,
      timestamp: BigInt(context.clock.unixMs()),
      messageId: ++lastMessageId,
    });
    switch (request.channel) {
      case Channel.GLOBAL:
        context.sessions.broadcastToAll(PacketType.CHAT_MESSAGE, toBinary(ChatMessageSchema, message));
        break;
      case Channel.AREA:
        sayNearby(session, message);
        break;
      case Channel.WHISPER:
        whisper(session, player, request, message);
        break;
      default:
        throw new RequestError(ErrorCode.UNSUPPORTED, "This channel is not supported");
    }
    context.counters.add(Counter.CHAT_MESSAGES, 1);
  });

  /** To everyone within the interest radius, the sender among them. */
  function sayNearby(session: Session, message: ChatMessage): void {
    if (session.presence === null) throw new RequestError(ErrorCode.INVALID_STATE, "Enter the world first");
    const { entityId } = session.presence;
    const area = {
      x: context.world.xOf(entityId),
      z: context.world.zOf(entityId),
      radius: context.world.interestRadius,
    };
    const count = context.world.entitiesInRadius(area, nearby);
    const recipients: Session[] = [];
    for (let index = 0; index < count; index++) {
      const recipient = world.sessionOf(nearby[index]);
      if (recipient !== undefined) recipients.push(recipient);
    }
    context.sessions.broadcast(recipients, PacketType.CHAT_MESSAGE, toBinary(ChatMessageSchema, message));
  }

  /** To one player by id or, without one, by name; the sender gets a copy that shows it was delivered. */
  function whisper(session: Session, player: Player, request: ChatMessage, message: ChatMessage): void {
    const recipient = request.recipientId !== 0n
      ? context.sessions.findPlayer(Number(request.recipientId))
      : context.sessions.findPlayerByName(nameKey(request.recipientName));
    if (recipient?.player == null) throw new RequestError(ErrorCode.NOT_FOUND, "Nobody of that name is online");
    message.recipientId = BigInt(recipient.player.playerId);
    message.recipientName = recipient.player.name;
    const payload = toBinary(ChatMessageSchema, message);
    context.sessions.send(recipient, PacketType.CHAT_MESSAGE, payload);
    if (recipient.player.playerId !== player.playerId) {
      context.sessions.send(session, PacketType.CHAT_MESSAGE, payload);
    }
  }
}
