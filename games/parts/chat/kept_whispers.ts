/**
 * Whispers that are kept in the storage until their recipients have them: those to players who are offline, or whose
 * connection is lost, or who were gone before they heard them.
 *
 * @module
 */

import { packetTypeOf } from "../../../shared/contract.ts";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { HeardWhispersSchema, WhisperKeptSchema } from "./chat_bus_pb.ts";
import { Channel, type ChatMessage, ChatMessageSchema } from "./chat_pb.ts";
import { KEPT_WHISPER_MS, KEPT_WHISPERS_MAX, WHISPERS_FORGOTTEN_AGAIN_MAX } from "../friends/limits.ts";
import {
  type Asker,
  type Game,
  type OutboxPacket,
  type Player,
  type Receipt,
  SYSTEM,
  type Topic,
  type UnheardPackets,
} from "../../../server/game/game.ts";
import { type KeepWhisperResult, type KeptWhisper, SOCIAL } from "../friends/social_store.ts";
import type { ChatDelivery } from "./chat_delivery.ts";
import type { ContactGate } from "./contact_gate.ts";

const CHAT_MESSAGE = packetTypeOf(ChatMessageSchema);
/** By which the whispers that were heard go along with a session. */
const HEARD = "whispers.heard";

/** A kept whisper that was sent to its recipient, who may not have it yet. */
interface Parcel {
  readonly receipt: Receipt;
  /** Null while it is being stored. */
  whisperId: number | null;
  /** The whisper, until it is stored. */
  readonly message?: ChatMessage;
  /** Its packet had a number. */
  readonly isNumbered: boolean;
  /** It has none, or the numbering is over: any later acknowledgement stands for it. */
  isLoose: boolean;
}

/** A whisper in an outbox that came with its player from another server, or through a reload: it may be kept as well. */
interface Brought {
  readonly message: ChatMessage;
  readonly receipt: Receipt;
  /** It was looked what is kept, and this is not. */
  isOnlyHere: boolean;
}

/** A whisper that is to be kept. */
interface MissedWhisper {
  readonly message: ChatMessage;
  /** What its recipient was here by, where it is in a session that may go on at another server. */
  readonly unlessTaken?: Asker["owner"];
}

/** What a packet must have to be looked at; `unlessTaken` as that of a whisper. */
type MissedPacket = Pick<OutboxPacket, "type" | "payload" | "receipt"> & Pick<MissedWhisper, "unlessTaken">;

/** The whispers that wait for their recipients. */
export class KeptWhispers {
  readonly #game: Game;
  readonly #delivery: ChatDelivery;
  readonly #gate: Pick<ContactGate, "mayHear">;
  /** What is being delivered or deleted, by player: one at a time, so that none is delivered twice. */
  readonly #tasks = new Map<number, Promise<void>>();
  /** What is being kept for players who are gone, or may be. */
  readonly #keeping = new Set<Promise<void>>();
  readonly #keptForOthers: Topic<typeof WhisperKeptSchema>;
  readonly #parcels = new Map<Player, Parcel[]>();
  readonly #brought = new Map<Player, Brought[]>();
  /** Kept whispers that have arrived and are not known to be deleted, by player. */
  readonly #heard = new Map<number, Set<number>>();
  /** Players without a connection whose whispers are safe. */
  readonly #secured = new Set<Player>();

  constructor(game: Game, delivery: ChatDelivery, gate: Pick<ContactGate, "mayHear">) {
    this.#game = game;
    this.#delivery = delivery;
    this.#gate = gate;
    this.#keptForOthers = game.bus.topic(WhisperKeptSchema);
    this.#keptForOthers.on(({ recipientId }) => {
      const playerId = Number(recipientId);
      if (game.players.isOnline(playerId)) this.#beside(() => this.deliver(playerId, SYSTEM));
    });
  }

  // Keeping

  /** Keeps a whisper, and resolves when that is certain. A recipient who ignores the sender never gets it. */
  keep(message: ChatMessage, asker: Asker): Promise<KeepWhisperResult> {
    return this.#keep({ message }, asker);
  }

  async #keep(whisper: MissedWhisper, asker: Asker): Promise<KeepWhisperResult> {
    const { players } = this.#game, { message } = whisper;
    const recipientId = Number(message.recipientId);
    const result = await this.#store(whisper, asker);
    if (result.kind !== "kept") return result;
    // Who came online meanwhile may have been given what was kept before this.
    if (players.isOnline(recipientId)) this.#beside(() => this.deliver(recipientId, asker));
    else this.#keptForOthers.publish({ recipientId: message.recipientId });
    return result;
  }

  /**
   * Keeps the whispers among packets that a player did not hear, as its session is over or too much waited for it: the
   * newest {@linkcode KEPT_WHISPERS_MAX}. One that was heard and not acknowledged is heard twice.
   */
  keepMissed(playerId: number, packets: readonly MissedPacket[]): void {
    const whispers = whispersOf(playerId, packets).slice(-KEPT_WHISPERS_MAX);
    if (whispers.length === 0) return;
    this.#track(
      playerId,
      () => this.#keepInOrder(whispers.map(({ message, packet: { unlessTaken } }) => ({ message, unlessTaken }))),
    );
  }

  /** Keeps what a player was whispered whose connection is lost: its outbox may not hold it until it is back. */
  secureNewest(player: Player): void {
    const { outbox } = player;
    if (!player.isLinkDead || outbox === null || !this.#secured.has(player)) return;
    const packet = outbox.newest();
    if (packet !== undefined) this.#secure(player, [packet]);
  }

  /** Keeps whispers that are in an outbox as well, until they are acknowledged. */
  #secure(player: Player, packets: readonly OutboxPacket[]): void {
    const { playerId, asker: { owner } } = player;
    const whispers = whispersOf(playerId, packets.map((packet) => this.#asNew(player, packet)));
    for (const [index, { packet, message }] of whispers.entries()) {
      const receipt: Receipt = { isHeard: false, isKept: true };
      packet.receipt = receipt;
      // Of more than are kept, the older ones are in the outbox only.
      if (whispers.length - index > KEPT_WHISPERS_MAX) continue;
      const parcel: Parcel = { receipt, whisperId: null, message, isNumbered: true, isLoose: false };
      this.#add(player, parcel);
      const secure = () =>
        this.#store({ message, unlessTaken: owner }, SYSTEM).then((result) => {
          if (result.kind !== "kept") return this.#drop(player, parcel);
          parcel.whisperId = result.whisperId;
          const isOver = this.#parcels.get(player)?.includes(parcel) !== true;
          if (isOver && parcel.receipt.isHeard) this.#forget(playerId, [result.whisperId]);
        }, (error) => {
          // If the recipient has not heard it when its session ends, it is kept then.
          packet.receipt = undefined;
          this.#drop(player, parcel);
          throw error;
        });
      this.#track(playerId, secure);
    }
  }

  /** A packet that was brought and is kept nowhere else is one like any other. */
  #asNew(player: Player, packet: OutboxPacket): OutboxPacket {
    const brought = this.#brought.get(player);
    const index = brought?.findIndex(({ isOnlyHere, receipt }) => isOnlyHere && receipt === packet.receipt) ?? -1;
    if (index >= 0) {
      brought!.splice(index, 1);
      packet.receipt = undefined;
    }
    return packet;
  }

  async #keepInOrder(whispers: readonly MissedWhisper[]): Promise<void> {
    for (const whisper of whispers) await this.#keep(whisper, SYSTEM);
  }

  #store({ message, unlessTaken }: MissedWhisper, asker: Asker): Promise<KeepWhisperResult> {
    return this.#game.storage.for(asker).of(SOCIAL).keepWhisper({
      recipientId: Number(message.recipientId),
      senderId: Number(message.senderId),
      message: message.message,
      sentAtMs: Number(message.timestamp),
      ...unlessTaken === undefined ? {} : { unlessTaken },
    });
  }

  #track(playerId: number, work: () => Promise<void>): void {
    this.#beside(() => {
      const keeping = work()
        .catch((error) => this.#game.log.error("Cannot keep whispers", { playerId, error: String(error) }))
        .finally(() => this.#keeping.delete(keeping));
      this.#keeping.add(keeping);
      return keeping;
    }, playerId);
  }

  /**
   * Begins what whoever is the cause of it does not wait for.
   *
   * @param playerId Whose whispers it changes: the next server that has the player looks what is kept.
   */
  #beside(act: () => Promise<void>, playerId?: number): void {
    this.#game.background("whispers", act, playerId);
  }

  /** Resolves when everything that is being kept is kept, and what was heard is forgotten: the server stops. */
  async stop(): Promise<void> {
    await Promise.all(this.#keeping);
    await Promise.all(this.#tasks.values());
  }

  // Delivering

  /**
   * Delivers what is kept for a player, in order. It is forgotten once it has arrived.
   *
   * @returns When that is done, or cannot be done now: then it is done when the player comes back.
   */
  deliver(playerId: number, asker: Asker): Promise<void> {
    return this.#enqueue(playerId, () => this.#deliver(playerId, asker));
  }

  async #deliver(playerId: number, asker: Asker): Promise<void> {
    const { clock, players, storage, wake } = this.#game;
    const sentFromMs = Math.max(0, clock.unixMs() - KEPT_WHISPER_MS);
    const whispers = await storage.for(asker).of(SOCIAL).listWhispers({ recipientId: playerId, sentFromMs });
    const recipient = players.find(playerId);
    if (recipient === undefined) return;
    const onTheWay = new Set(this.#parcels.get(recipient)?.map(({ whisperId }) => whisperId));
    const heard = this.#heard.get(playerId);
    for (const whisper of whispers) {
      const isTold = onTheWay.has(whisper.whisperId) || heard?.has(whisper.whisperId) === true;
      if (isTold || !this.#gate.mayHear(playerId, whisper.senderId)) continue;
      const brought = this.#takeBrought(recipient, whisper);
      if (brought !== undefined) {
        this.#add(recipient, { receipt: brought, whisperId: whisper.whisperId, isNumbered: true, isLoose: false });
        continue;
      }
      const message = this.#messageOf(whisper, playerId, recipient.name);
      const receipt: Receipt = { isHeard: false, isKept: true };
      const isNumbered = recipient.outbox !== null;
      this.#add(recipient, { receipt, whisperId: whisper.whisperId, isNumbered, isLoose: !isNumbered });
      recipient.tell(ChatMessageSchema, message, receipt);
    }
    for (const brought of this.#brought.get(recipient) ?? []) brought.isOnlyHere = true;
    wake();
  }

  /** A player is in the world: what it has heard elsewhere is not told again, nor what is in an outbox that it has brought. */
  onEnter(player: Player): void {
    const { outbox, playerId } = player, carried = player.takeCarried(HEARD);
    const { whisperIds, whispers } = carried === undefined
      ? create(HeardWhispersSchema)
      : fromBinary(HeardWhispersSchema, carried);
    if (whisperIds.length > 0) this.#forget(playerId, whisperIds.map(Number));
    const brought = whispersOf(playerId, outbox?.kept() ?? []).map(({ packet, message }): Brought => ({
      message,
      receipt: packet.receipt = { isHeard: false, isKept: true },
      isOnlyHere: false,
    }));
    for (const message of whispers) {
      brought.push({ message, receipt: { isHeard: true, isKept: true }, isOnlyHere: false });
    }
    if (brought.length > 0) this.#brought.set(player, brought);
  }

  /** Where deleting what was heard takes longer, the server that goes on with the session would find and tell it. */
  #carryHeard(player: Player, parcels: readonly Parcel[]): void {
    const whisperIds = [...this.#heard.get(player.playerId) ?? []].map(BigInt);
    const whispers = parcels.flatMap(({ message, receipt, whisperId }) =>
      message !== undefined && receipt.isHeard && whisperId === null ? [message] : []
    );
    if (whisperIds.length + whispers.length === 0) return;
    player.carry(HEARD, toBinary(HeardWhispersSchema, create(HeardWhispersSchema, { whisperIds, whispers })));
  }

  /** What becomes of the packet that a kept whisper came with, if it came with one. */
  #takeBrought(player: Player, { message, senderId, sentAtMs }: KeptWhisper): Receipt | undefined {
    const brought = this.#brought.get(player) ?? [];
    const index = brought.findIndex(({ message: each }) =>
      each.message === message && Number(each.senderId) === senderId && Number(each.timestamp) === sentAtMs
    );
    return index < 0 ? undefined : brought.splice(index, 1)[0].receipt;
  }

  /** Deletes what has arrived; while the storage fails, again with each {@linkcode KeptWhispers.sweep}. */
  #forget(playerId: number, whisperIds: readonly number[]): void {
    const heard = this.#heard.get(playerId) ?? new Set();
    for (const whisperId of whisperIds) heard.add(whisperId);
    this.#heard.set(playerId, heard);
    this.#beside(() => this.#enqueue(playerId, () => this.#deleteHeard(playerId)), playerId);
  }

  async #deleteHeard(playerId: number): Promise<void> {
    const whisperIds = [...this.#heard.get(playerId) ?? []];
    if (whisperIds.length === 0) return;
    await this.#game.storage.for(SYSTEM).of(SOCIAL).deleteWhispers({ recipientId: playerId, whisperIds });
    const heard = this.#heard.get(playerId)!;
    for (const whisperId of whisperIds) heard.delete(whisperId);
    if (heard.size === 0) this.#heard.delete(playerId);
  }

  #enqueue(playerId: number, work: () => Promise<void>): Promise<void> {
    const task = (this.#tasks.get(playerId) ?? Promise.resolve())
      .then(work)
      .catch((error) => this.#game.log.error("Cannot deliver kept whispers", { playerId, error: String(error) }))
      .finally(() => {
        if (this.#tasks.get(playerId) === task) this.#tasks.delete(playerId);
      });
    this.#tasks.set(playerId, task);
    return task;
  }

  // What has arrived

  /** Forgets what has arrived, and keeps what those might miss whose connection is lost; every second or so. */
  sweep(): void {
    for (const player of this.#secured) if (!player.isLinkDead) this.#secured.delete(player);
    for (const player of this.#game.players.inWorld) {
      if (!player.isLinkDead || player.outbox === null || this.#secured.has(player)) continue;
      this.#secured.add(player);
      this.#secure(player, player.outbox.unheard());
    }
    for (const [player, parcels] of this.#parcels) this.#settle(player, parcels);
    const unforgotten = [...this.#heard.keys()].filter((playerId) => !this.#tasks.has(playerId));
    for (const playerId of unforgotten.slice(0, WHISPERS_FORGOTTEN_AGAIN_MAX)) this.#forget(playerId, []);
  }

  /** A player leaves the world. */
  onLeave(player: Player): void {
    const { isLeaving, outbox, playerId } = player;
    if (isLeaving && outbox !== null) this.keepMissed(playerId, this.#endInOrder(player, outbox));
  }

  /**
   * A player goes offline: what it has not heard waits for it.
   *
   * @param held What it was not sent yet.
   */
  onOffline(player: Player, held: readonly MissedPacket[]): void {
    const { asker, isLeaving, isMoving, outbox, playerId } = player;
    this.#secured.delete(player);
    const parcels = this.#parcels.get(player) ?? [];
    for (const { receipt, isLoose, isNumbered } of parcels) {
      const isConfirmed = outbox?.isAcknowledged === true || (isLeaving && !isNumbered);
      if (isLoose && receipt.isKept && isConfirmed) receipt.isHeard = true;
    }
    const missed = isLeaving && outbox !== null
      ? this.#endInOrder(player, outbox)
      : (outbox?.unheard() ?? []).map((packet) => this.#asNew(player, packet));
    this.#brought.delete(player);
    this.#parcels.delete(player);
    const arrived: number[] = [];
    for (const { receipt, whisperId } of parcels) if (receipt.isHeard && whisperId !== null) arrived.push(whisperId);
    if (arrived.length > 0) this.#forget(playerId, arrived);
    if (isMoving) this.#carryHeard(player, parcels);
    // Those in its outbox the server tells that takes it, and keeps what is not heard there.
    const unlessTaken = isMoving ? asker.owner : undefined;
    this.keepMissed(playerId, [...missed.map((packet) => ({ ...packet, unlessTaken })), ...held]);
  }

  /** The numbering of a player ends in order: what it was sent has arrived. Gives what it was not sent, nor will be. */
  #endInOrder(player: Player, outbox: UnheardPackets): OutboxPacket[] {
    const unsent = outbox.unsent();
    for (const { receipt } of unsent) if (receipt !== undefined) receipt.isKept = false;
    for (const parcel of this.#parcels.get(player) ?? []) {
      const { receipt } = parcel;
      // A client that acknowledges says what has arrived with its next packet.
      if (receipt.isKept && (parcel.isLoose || !outbox.isAcknowledged)) receipt.isHeard = true;
      parcel.isLoose = true;
    }
    return unsent.map((packet) => this.#asNew(player, packet));
  }

  #settle(player: Player, parcels: readonly Parcel[]): void {
    const { isConnected, outbox } = player;
    const arrived: number[] = [], left: Parcel[] = [];
    let isAnyLost = false;
    for (const parcel of parcels) {
      const { receipt, whisperId, isLoose } = parcel;
      if (isLoose && receipt.isKept && outbox?.isAcknowledged === true) receipt.isHeard = true;
      if (whisperId === null) left.push(parcel);
      else if (receipt.isHeard) arrived.push(whisperId);
      // It was crowded out of the outbox: it is sent again to a player who is there.
      else if (!receipt.isKept && isConnected) isAnyLost = true;
      else left.push(parcel);
    }
    if (left.length === parcels.length) return;
    if (left.length > 0) this.#parcels.set(player, left);
    else this.#parcels.delete(player);
    if (arrived.length > 0) this.#forget(player.playerId, arrived);
    if (isAnyLost) this.#beside(() => this.deliver(player.playerId, SYSTEM));
  }

  #add(player: Player, parcel: Parcel): void {
    const parcels = this.#parcels.get(player);
    if (parcels === undefined) this.#parcels.set(player, [parcel]);
    else parcels.push(parcel);
  }

  #drop(player: Player, parcel: Parcel): void {
    const left = this.#parcels.get(player)?.filter((other) => other !== parcel) ?? [];
    if (left.length > 0) this.#parcels.set(player, left);
    else this.#parcels.delete(player);
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
}

/** The whispers to a player among packets that are kept nowhere else. */
function whispersOf<Packet extends MissedPacket>(
  playerId: number,
  packets: readonly Packet[],
): { readonly packet: Packet; readonly message: ChatMessage }[] {
  return packets.filter(({ type, receipt }) => type === CHAT_MESSAGE && receipt === undefined)
    .map((packet) => ({ packet, message: fromBinary(ChatMessageSchema, packet.payload) }))
    .filter(({ message: { channel, senderId } }) => channel === Channel.WHISPER && senderId !== BigInt(playerId));
}
