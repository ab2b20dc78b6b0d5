/**
 * Judges who hears what: everyone who should, nobody else, once, in the order in which it was said.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import type { Clock } from "../../server/base/clock.ts";
import type { OutboxPacket } from "../../server/session/outbox.ts";
import type { Player } from "../../server/session/player.ts";
import { Channel, type ChatMessage, ChatMessageSchema } from "../../games/parts/chat/chat_pb.ts";
import { RoomResponseSchema } from "../../games/parts/rooms/rooms_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import type { DeliveryJudge } from "./delivery_judge.ts";
import type { SessionLedger } from "./session_ledger.ts";
import type { LogicLife } from "./simulated_server.ts";
import type { Verdict } from "./verdict.ts";
import { type Listener, WhisperOrder } from "./whisper_order.ts";

/** Something that was said, and who is to hear it. */
interface Saying {
  readonly senderId: number;
  readonly audience: readonly SessionLedger[];
  /** The sender's guild, if it was said there. */
  readonly guildId: number | undefined;
  readonly atMs: number;
}

/** Something that was whispered. */
interface Whisper {
  readonly senderId: number;
  readonly recipientId: number;
  /** The sender has been shown that it was taken. */
  isTaken: boolean;
  /** Or sent to a session in no world, whose client acknowledges nothing. */
  isHeard: boolean;
  /** The recipient's session that was told last, and by which number. */
  told: { readonly ledger: SessionLedger; readonly sequence: number } | null;
}

/** Keeps who is in which room and who has heard what. */
export class ChatJudge {
  /** Kept whispers may come twice, or never: the storage has failed. */
  isStorageFaulty = false;
  readonly #verdict: Verdict;
  readonly #delivery: DeliveryJudge;
  readonly #clock: Clock;
  /** Members of rooms, by room. */
  readonly #rooms = new Map<bigint, Set<number>>();
  readonly #sayings = new Map<string, Saying>();
  /** By what they are. */
  readonly #whispers = new Map<string, Whisper>();
  /** Players that have something to do with ignore lists. */
  readonly #ignorers = new Set<number>();
  /** The newest message of each sender and channel, by listener. */
  readonly #newest = new Map<string, number>();
  readonly #order: WhisperOrder;
  #lastPayload: Uint8Array | null = null;
  #lastMessage: ChatMessage | null = null;

  constructor(verdict: Verdict, delivery: DeliveryJudge, clock: Clock) {
    this.#clock = clock;
    this.#verdict = verdict;
    this.#delivery = delivery;
    this.#order = new WhisperOrder(verdict, () => !this.isStorageFaulty);
  }

  /** A new life of logic: rooms live in memory. */
  begin(life: LogicLife): void {
    this.#rooms.clear();
    this.#sayings.clear();
    life.sessions.onPresence(({ playerId }, isOnline) => {
      if (!isOnline) { for (const members of this.#rooms.values()) members.delete(playerId); }
    });
  }

  /** A player ignores, or ignored, somebody: whether it hears others is not judged. */
  exempt(playerId: number): void {
    this.#ignorers.add(playerId);
  }

  /** The server numbered a packet. */
  onNumbered(life: LogicLife, ledger: SessionLedger, packet: OutboxPacket): void {
    if (packet.type !== PacketType.CHAT_MESSAGE) return;
    const message = this.#decode(packet);
    this.#checkListener(this.#sayingOf(life, message), life, ledger, message);
    if (message.channel === Channel.WHISPER) this.#order.onTold(ledger, message, packet.receipt !== undefined);
  }

  /** The server answers a request about rooms. */
  onRoomResponse(playerId: number, payload: Uint8Array): void {
    const { success, requestType, room } = fromBinary(RoomResponseSchema, payload);
    if (!success || room === undefined) return;
    if (requestType === PacketType.ROOM_LEAVE_REQUEST) {
      this.#rooms.get(room.roomId)?.delete(playerId);
      return;
    }
    const members = this.#rooms.get(room.roomId) ?? new Set();
    this.#rooms.set(room.roomId, members.add(playerId));
  }

  /** The server tells something to a session, by no number where that is in no world. */
  onToldOne({ playerId, outbox }: Pick<Player, "playerId" | "outbox">, payload: Uint8Array): void {
    if (outbox !== null) return;
    const message = this.#decode({ payload });
    const isTheirs = message.channel === Channel.WHISPER && Number(message.recipientId) === playerId;
    if (isTheirs) this.#whisperOf(message).isHeard = true;
  }

  /** A player says something: whoever is here now must hear it, however long it waits. */
  onSaid(life: LogicLife, { type, payload }: { readonly type: number; readonly payload: Uint8Array }): void {
    if (type === PacketType.CHAT_MESSAGE) this.#sayingOf(life, this.#decode({ payload }));
  }

  /** A player in the world will not be told something that waited for its ignore list: only what is no whisper may be lost. */
  onMissed({ sessions }: LogicLife, playerId: number, packet: Pick<OutboxPacket, "type" | "payload">): void {
    const session = sessions.findPlayer(playerId);
    if (packet.type !== PacketType.CHAT_MESSAGE || session === undefined) return;
    const { channel, message } = this.#decode(packet);
    if (channel !== Channel.WHISPER) this.#delivery.of(session)?.crowdedOut.add(message);
  }

  /** A client has its session again, and is told that something is missing. */
  onClientGap(id: number): void {
    this.#order.onClientGap(id);
  }

  /** A client of a player applied a chat message; `isLogin`: the one that only logs in. */
  onClientHeard({ id, name, ledger }: Listener, message: ChatMessage, isLogin = false): void {
    const [speaker, count] = message.message.split(".");
    const key = `${id} ${isLogin} ${speaker} ${message.channel}`;
    const newest = this.#newest.get(key) ?? -1;
    const isWhisper = message.channel === Channel.WHISPER;
    if (Number(count) <= newest && !isWhisper) {
      this.#verdict.fail("chat", `${id} heard "${message.message}" after ${speaker}.${newest}`);
    }
    this.#newest.set(key, Number(count));
    if (!isWhisper) return;
    if (!isLogin) this.#order.onClientHeard({ id, name, ledger }, message);
    const whisper = this.#whisperOf(message);
    if (name === message.senderName) whisper.isTaken = true;
    if (name === message.recipientName) whisper.isHeard = true;
  }

  #whisperOf({ message, senderId, recipientId }: ChatMessage): Whisper {
    let whisper = this.#whispers.get(message);
    if (whisper === undefined) {
      const ids = { senderId: Number(senderId), recipientId: Number(recipientId) };
      this.#whispers.set(message, whisper = { ...ids, isTaken: false, isHeard: false, told: null });
    }
    return whisper;
  }

  /** What somebody should have heard by now and has not; null: nothing. */
  unheard({ sessions }: LogicLife): string | null {
    for (const [text, { senderId, audience }] of this.#sayings) {
      for (const ledger of audience) {
        if (!ledger.isLive || this.#ignorers.has(ledger.playerId) || this.#ignorers.has(senderId)) continue;
        if (!ledger.heard.has(text) && !ledger.crowdedOut.has(text)) {
          return `player ${ledger.playerId} has not heard "${text}"`;
        }
      }
    }
    this.#sayings.clear();
    for (const [text, { senderId, recipientId, isTaken, isHeard, told }] of this.#whispers) {
      if (isHeard || !isTaken || this.isStorageFaulty) continue;
      if (told?.ledger.believesHeard(told.sequence)) continue;
      if (this.#ignorers.has(recipientId) || this.#ignorers.has(senderId)) continue;
      const session = sessions.findPlayer(recipientId);
      // It waits for who is away.
      if (session !== undefined && session.link !== null && session.presence !== null) {
        return `player ${recipientId} has not heard the whisper "${text}"`;
      }
    }
    return null;
  }

  /** What was said, as of the moment when it was, or a whisper that was kept is told. */
  #sayingOf(life: LogicLife, message: ChatMessage): Saying {
    const { channel, message: text } = message;
    let saying = this.#sayings.get(text);
    if (saying !== undefined) return saying;
    const senderId = Number(message.senderId);
    const members = channel === Channel.ROOM ? this.#rooms.get(message.roomId) : undefined;
    const audience: SessionLedger[] = [];
    for (const session of life.sessions.inWorld) {
      const listener = this.#delivery.of(session);
      if (listener === undefined) continue;
      if (channel === Channel.GLOBAL || members?.has(listener.playerId)) audience.push(listener);
    }
    const guildId = channel === Channel.GUILD ? life.marsh.guilds.find(senderId)?.guildId : undefined;
    saying = { senderId, audience, guildId, atMs: this.#clock.monotonicMs() };
    this.#sayings.set(text, saying);
    return saying;
  }

  #checkListener(saying: Saying, life: LogicLife, ledger: SessionLedger, message: ChatMessage): void {
    const { channel, message: text } = message;
    const { playerId } = ledger;
    const { senderId } = saying;
    if (ledger.heard.has(text) && !(channel === Channel.WHISPER && this.isStorageFaulty)) {
      this.#verdict.fail("chat", `Player ${playerId} is told "${text}" twice`);
    }
    ledger.heard.add(text);
    // Whoever has just come online is told later, and may be in no room and no guild any more.
    const isHeld = saying.atMs !== this.#clock.monotonicMs();
    if (channel === Channel.ROOM && !isHeld) {
      const isMember = this.#rooms.get(message.roomId)?.has(playerId) ?? false;
      this.#verdict.expect(isMember, "chat", `Player ${playerId} is told "${text}" of a room it is not in`);
    } else if (channel === Channel.WHISPER) {
      if (playerId === Number(message.recipientId)) {
        this.#whisperOf(message).told = { ledger, sequence: ledger.sent.length };
      }
      const isTheirs = playerId === senderId || playerId === Number(message.recipientId);
      this.#verdict.expect(isTheirs, "chat", `Player ${playerId} is told a whisper for another`);
    } else if (channel === Channel.GUILD && !isHeld) {
      const isTheirs = life.marsh.guilds.find(playerId)?.guildId === saying.guildId;
      this.#verdict.expect(isTheirs, "chat", `Player ${playerId} is told "${text}" of another guild`);
    }
  }

  /** A broadcast shares its payload among all its recipients. */
  #decode({ payload }: Pick<OutboxPacket, "payload">): ChatMessage {
    if (this.#lastPayload !== payload) {
      this.#lastPayload = payload;
      this.#lastMessage = fromBinary(ChatMessageSchema, payload);
    }
    return this.#lastMessage!;
  }
}
