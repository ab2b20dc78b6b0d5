/**
 * Whispers to players who are offline, or who were gone before they heard them: kept in the storage, delivered when they
 * come back.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Channel, type ChatMessage, ChatMessageSchema } from "../../shared/gen/chat_pb.ts";
import { PacketType } from "../../shared/gen/packet_pb.ts";
import { KEPT_WHISPER_MS, KEPT_WHISPERS_MAX } from "../../shared/limits.ts";
import { type Asker, type KeptWhisper, SYSTEM } from "../storage/storage.ts";
import type { ChatDelivery } from "./chat_delivery.ts";
import type { LogicContext } from "./context.ts";

/** The whispers that wait for their recipients. */
export class KeptWhispers {
  readonly #context: LogicContext;
  readonly #delivery: ChatDelivery;
  /** The deliveries that are under way, by player: one at a time, so that none is delivered twice. */
  readonly #deliveries = new Map<number, Promise<void>>();
  /** What is being kept for players who have just gone. */
  readonly #keeping = new Set<Promise<void>>();

  constructor(context: LogicContext, delivery: ChatDelivery) {
    this.#context = context;
    this.#delivery = delivery;
  }

  /** Keeps a whisper, and resolves when that is certain. A recipient who ignores the sender never gets it. */
  async keep(message: ChatMessage, asker: Asker): Promise<void> {
    const { clock, sessions, storage } = this.#context;
    const recipientId = Number(message.recipientId);
    await storage.for(asker).social.keepWhisper({
      recipientId,
      senderId: Number(message.senderId),
      message: message.message,
      sentAtMs: Number(message.timestamp),
      forgetBeforeMs: this.#forgetBeforeMs(clock.unixMs()),
    });
    // Who came online meanwhile may have been given what was kept before this.
    if (sessions.isPlayerOnline(recipientId)) void this.deliver(recipientId, asker);
  }

  /**
   * Keeps the whispers among packets that a player did not hear, as its session is over or too much waited for it: the
   * newest {@linkcode KEPT_WHISPERS_MAX}. One that was heard and not acknowledged is heard twice.
   */
  keepMissed(playerId: number, packets: readonly { readonly type: number; readonly payload: Uint8Array }[]): void {
    const whispers = packets.filter(({ type }) => type === PacketType.CHAT_MESSAGE)
      .map(({ payload }) => fromBinary(ChatMessageSchema, payload))
      .filter(({ channel, senderId }) => channel === Channel.WHISPER && senderId !== BigInt(playerId))
      .slice(-KEPT_WHISPERS_MAX);
    if (whispers.length === 0) return;
    const keeping = this.#keepInOrder(whispers)
      .catch((error) => this.#context.log.error("Cannot keep whispers", { playerId, error: String(error) }))
      .finally(() => this.#keeping.delete(keeping));
    this.#keeping.add(keeping);
  }

  async #keepInOrder(whispers: readonly ChatMessage[]): Promise<void> {
    for (const whisper of whispers) await this.keep(whisper, SYSTEM);
  }

  /** Resolves when everything that is being kept is kept: the server stops. */
  async stop(): Promise<void> {
    await Promise.all(this.#keeping);
  }

  /**
   * Delivers what is kept for a player, in order, and forgets it.
   *
   * @returns When that is done, or cannot be done now: then it is done when the player comes back.
   */
  deliver(playerId: number, asker: Asker): Promise<void> {
    const delivery = (this.#deliveries.get(playerId) ?? Promise.resolve())
      .then(() => this.#deliver(playerId, asker))
      .catch((error) => this.#context.log.error("Cannot deliver kept whispers", { playerId, error: String(error) }))
      .finally(() => {
        if (this.#deliveries.get(playerId) === delivery) this.#deliveries.delete(playerId);
      });
    this.#deliveries.set(playerId, delivery);
    return delivery;
  }

  async #deliver(playerId: number, asker: Asker): Promise<void> {
    const { clock, sessions, storage, wake } = this.#context;
    const sentFromMs = this.#forgetBeforeMs(clock.unixMs());
    const whispers = await storage.for(asker).social.listWhispers({ recipientId: playerId, sentFromMs });
    const player = sessions.findPlayer(playerId)?.player;
    const last = whispers.at(-1);
    if (player == null || last === undefined) return;
    for (const whisper of whispers) {
      const message = this.#messageOf(whisper, playerId, player.name);
      sessions.sendToPlayer(playerId, PacketType.CHAT_MESSAGE, toBinary(ChatMessageSchema, message));
    }
    wake();
    // Only now: a whisper is delivered twice, after a crash right here, rather than never.
    await storage.for(SYSTEM).social.deleteWhispers({ recipientId: playerId, upToWhisperId: last.whisperId });
  }

  #messageOf(whisper: KeptWhisper, recipientId: number, recipientName: string): ChatMessage {
    return create(ChatMessageSchema, {
      senderId: BigInt(whisper.senderId),
      senderName: whisper.senderName,
      channel: Channel.WHISPER,
      message: whisper.message,
      timestamp: BigInt(whisper.sentAtMs),
      recipientId: BigInt(recipientId),
      recipientName,
      messageId: this.#delivery.nextMessageId(),
    });
  }

  #forgetBeforeMs(nowMs: number): number {
    return Math.max(0, nowMs - KEPT_WHISPER_MS);
  }
}
