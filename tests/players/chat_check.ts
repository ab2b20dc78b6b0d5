/** Chat: who hears what, once and in order. @module */

import { Channel, type ChatMessage } from "../../games/parts/chat/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { type Actor, type Board, Contradiction } from "./board.ts";
import type { DeliveryCheck } from "./delivery_check.ts";
import type { DueLedger } from "./due_ledger.ts";
import type { FriendCheck } from "./friend_check.ts";
import type { GuildCheck } from "./guild_check.ts";
import type { RoomCheck } from "./room_check.ts";
import type { SightCheck } from "./sight_check.ts";

const BYTES_MAX = 255;
/** How long whispers may take that there was no room for. */
const LATE_MS = 5_000;
const KEPT_WHISPERS = 50;
const UTF8 = new TextEncoder();

/** Who knows who is where. */
export interface ChatOptions {
  readonly board: Board;
  readonly dues: DueLedger;
  readonly delivery: DeliveryCheck;
  readonly sight: SightCheck;
  readonly friends: FriendCheck;
  readonly rooms: RoomCheck;
  readonly guilds: GuildCheck;
}

/** A whisper that waits for a player. */
interface Kept {
  readonly sender: Actor;
  readonly key: string;
  /** The player may have heard it before, or more than are kept were said after it. */
  readonly isOptional: boolean;
}

/** Follows every message. */
export class ChatCheck {
  readonly #options: ChatOptions;
  /** Whispers to those who are offline, oldest first. */
  readonly #kept = new Map<Actor, Kept[]>();
  /** Whispers that players heard in their session, under which numbers. */
  readonly #heard = new Map<Actor, { readonly sender: Actor; readonly key: string; readonly sequence: number }[]>();
  /** Whispers that the server had no room for in a session, which it must send again once the player is back. */
  readonly #late = new Map<Actor, { readonly sinceMs: number; readonly keys: string[] }>();
  /** Number of the last message heard, by listener and channel. */
  readonly #lastIds = new Map<Actor, Map<Channel, bigint>>();
  /** Until when players may not chat, Unix milliseconds; those long over among them. */
  readonly #mutedUntilMs = new Map<Actor, number>();
  /** Messages that nobody heard, for who said them was muted. */
  silencedCount = 0;

  constructor(options: ChatOptions) {
    this.#options = options;
  }

  /** A player may not chat until a time, Unix milliseconds; 0: it may again. */
  mute(actor: Actor, untilMs: number): void {
    this.#mutedUntilMs.set(actor, untilMs);
  }

  /** Whether a player may not chat. */
  isMuted(actor: Actor): boolean {
    return (this.#mutedUntilMs.get(actor) ?? 0) > this.#options.board.unixMs;
  }

  /** A player says something; gives the code of a refusal, NONE where it is heard. */
  say(actor: Actor, message: ChatMessage): ErrorCode {
    const { message: text, channel } = message;
    if (text.trim() === "" || UTF8.encode(text).length > BYTES_MAX || /\p{Cc}/u.test(text)) {
      return ErrorCode.INVALID_PACKET;
    }
    if (this.isMuted(actor)) {
      this.silencedCount++;
      return ErrorCode.MUTED;
    }
    switch (channel) {
      case Channel.GLOBAL:
        return this.#deliver(actor, message, this.#options.board.actors.filter(({ isOnline }) => isOnline));
      case Channel.AREA:
        return actor.entityId === 0 ? ErrorCode.INVALID_STATE : this.#deliver(actor, message, this.#nearby(actor));
      case Channel.GUILD: {
        const guild = this.#options.guilds.tieOf(actor);
        if (guild === undefined) return ErrorCode.NOT_FOUND;
        return this.#deliver(
          actor,
          message,
          this.#options.board.actors.filter((other) => other.isOnline && this.#options.guilds.tieOf(other) === guild),
        );
      }
      case Channel.WHISPER:
        return this.#whisper(actor, message);
      case Channel.ROOM: {
        const heard = this.#options.rooms.say(actor, message.roomId, text);
        return typeof heard === "number" ? heard : this.#deliver(actor, message, heard);
      }
      default:
        return ErrorCode.UNSUPPORTED;
    }
  }

  /** The server says something to everybody; `key` is its name and the text. */
  announce(key: string): void {
    for (const actor of this.#options.board.actors) if (actor.isOnline) this.#expect(actor, Channel.SYSTEM, key);
  }

  /** A player came online: what was whispered meanwhile comes. */
  onOnline(actor: Actor): void {
    for (const { key, isOptional } of this.#kept.get(actor) ?? []) {
      this.#expect(actor, Channel.WHISPER, key, isOptional);
    }
    this.#kept.delete(actor);
    this.#lastIds.delete(actor);
  }

  /** The server says that some of what is due to a player is gone: whispers are not. */
  acceptGap(actor: Actor): void {
    const { board, dues } = this.#options;
    const left = dues.leftOf(actor, `chat ${Channel[Channel.WHISPER]}`).filter(({ isOptional }) => !isOptional);
    const keys = left.map(({ keys: [key] }) => key).filter((key) => !key.startsWith(`${actor.name}: `));
    if (keys.length > 0) this.#late.set(actor, { sinceMs: board.nowMs, keys: keys.slice(-KEPT_WHISPERS) });
  }

  /** Whispers that were late have come by now. */
  checkLate(): void {
    for (const [actor, { keys, sinceMs }] of this.#late) {
      if (!actor.isConnected || this.#options.board.nowMs - sinceMs < LATE_MS) continue;
      if (keys.length > 0) throw new Contradiction(`${actor.name} was not sent in "chat WHISPER": ${keys[0]}`);
      this.#late.delete(actor);
    }
  }

  /** A player leaves the world: what it has heard and not acknowledged may come again when it is back. */
  onLeave(actor: Actor): void {
    this.#keep(actor, this.#unacknowledged(actor));
    this.#heard.delete(actor);
  }

  #unacknowledged(actor: Actor): Kept[] {
    const acknowledged = this.#options.delivery.acknowledgedBy(actor);
    const heard = (this.#heard.get(actor) ?? []).filter(({ sequence }) => sequence > acknowledged);
    return heard.map(({ key, sender }) => ({ key, sender, isOptional: true }));
  }

  /** A player's session has nothing to be heard again any more: it begins. */
  forgetHeard(actor: Actor): void {
    this.#heard.delete(actor);
  }

  /** A player goes offline: whispers it has not acknowledged wait for it, those that it heard perhaps. */
  onOffline(actor: Actor): void {
    const { board, dues, friends } = this.#options;
    const mayBeForgotten = dues.mayForget(actor);
    const unheard = dues.leftOf(actor, `chat ${Channel[Channel.WHISPER]}`).map(({ keys: [key], isOptional }) => ({
      ...{ key, sender: board.find(key.slice(0, key.indexOf(":")))! },
      isOptional: isOptional || mayBeForgotten,
    }));
    const late = (this.#late.get(actor)?.keys ?? []).map((key) => ({
      ...{ key, sender: board.find(key.slice(0, key.indexOf(":")))! },
      isOptional: true,
    }));
    this.#late.delete(actor);
    const missed = [...late, ...this.#unacknowledged(actor), ...unheard];
    this.#heard.delete(actor);
    this.#keep(actor, missed.filter(({ sender }) => sender !== actor && !friends.ignores(actor, sender)));
  }

  #keep(actor: Actor, whispers: readonly Kept[]): void {
    const kept = [...this.#kept.get(actor) ?? [], ...whispers];
    // Of those that may not be there it is unknown which make others be too many.
    const surplus = kept.length - KEPT_WHISPERS;
    const isAnyDoubtful = kept.some(({ isOptional }) => isOptional);
    this.#kept.set(
      actor,
      isAnyDoubtful
        ? kept.map((whisper, index) => index < surplus ? { ...whisper, isOptional: true } : whisper)
        : kept.slice(-KEPT_WHISPERS),
    );
  }

  /** A message came. */
  onMessage(actor: Actor, { channel, senderName, message, messageId }: ChatMessage): void {
    const key = `${senderName}: ${message}`;
    const late = channel === Channel.WHISPER ? this.#late.get(actor)?.keys : undefined;
    const lateIndex = late?.indexOf(key) ?? -1;
    if (lateIndex >= 0) late!.splice(lateIndex, 1);
    const isDue = this.#options.dues.tryTake(actor, `chat ${Channel[channel]}`, key);
    if (!isDue && lateIndex < 0) this.#options.dues.take(actor, `chat ${Channel[channel]}`, key);
    if (channel === Channel.WHISPER && actor.standing === "world") this.#noteHeard(actor, senderName, key);
    if (actor.isReplaying || channel === Channel.WHISPER) return;
    const lastIds = this.#lastIds.get(actor) ?? new Map<Channel, bigint>();
    this.#lastIds.set(actor, lastIds);
    const lastId = lastIds.get(channel) ?? 0n;
    if (messageId <= lastId) throw new Contradiction(`${actor.name} heard message ${messageId} after ${lastId}`);
    lastIds.set(channel, messageId);
  }

  #noteHeard(actor: Actor, senderName: string, key: string): void {
    const { board, delivery } = this.#options;
    const heard = this.#heard.get(actor) ?? [];
    heard.push({ sender: board.find(senderName)!, key, sequence: delivery.lastSequence(actor) });
    this.#heard.set(actor, heard);
  }

  #whisper(actor: Actor, message: ChatMessage): ErrorCode {
    const { board, friends } = this.#options;
    const { recipientId, recipientName } = message;
    const recipient = recipientId !== 0n ? board.byPlayerId.get(Number(recipientId)) : board.find(recipientName);
    if (recipient === undefined) return ErrorCode.NOT_FOUND;
    const key = `${actor.name}: ${message.message}`;
    if (recipient !== actor) this.#expect(actor, Channel.WHISPER, key);
    if (friends.ignores(recipient, actor)) return ErrorCode.NONE;
    if (recipient.isOnline) {
      this.#expect(recipient, Channel.WHISPER, key);
      return ErrorCode.NONE;
    }
    this.#keep(recipient, [{ sender: actor, key, isOptional: false }]);
    return ErrorCode.NONE;
  }

  #nearby(actor: Actor): Actor[] {
    const { sight } = this.#options;
    const own = sight.bodies.get(actor.entityId)!;
    const nearby: Actor[] = [];
    for (const body of sight.bodies.values()) {
      if (body.actor === null || body.map !== own.map) continue;
      if (!body.isExact || sight.distanceCm(own, body) <= own.map.radius) nearby.push(body.actor);
    }
    return nearby;
  }

  #deliver(actor: Actor, { channel, message }: ChatMessage, listeners: readonly Actor[]): ErrorCode {
    const { friends, sight } = this.#options;
    const key = `${actor.name}: ${message}`;
    for (const listener of listeners) {
      if (friends.ignores(listener, actor)) continue;
      // Whoever stands nobody knows where hears of it, or not.
      const isOptional = channel === Channel.AREA && sight.bodies.get(listener.entityId)?.isExact === false;
      this.#expect(listener, channel, key, isOptional);
    }
    return ErrorCode.NONE;
  }

  #expect(actor: Actor, channel: Channel, key: string, isOptional = false): void {
    this.#options.dues.expect(actor, `chat ${Channel[channel]}`, key, { isOptional });
  }
}
