/**
 * Who is behind a session, as games and the rest of the engine know it.
 *
 * @module
 */

import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Ownership } from "../cluster/directory_store.ts";
import type { Asker, PlayerName } from "../storage/storage.ts";
import type { Instance } from "./instances.ts";
import type { OutboxPacket, Receipt } from "./outbox.ts";
import type { Packed } from "./packed.ts";
import type { Session } from "./session.ts";
import type { SessionManager } from "./session_manager.ts";

/** What a player was sent reliably and has not acknowledged. */
export interface UnheardPackets {
  /** Whether the client has acknowledged anything: it need not. */
  readonly isAcknowledged: boolean;
  /** The packet that was sent last, if it is kept. */
  newest(): OutboxPacket | undefined;
  /** The packets that the client has not heard, as far as can be told, oldest first. */
  unheard(): OutboxPacket[];
  /** All packets that are kept, oldest first. */
  kept(): OutboxPacket[];
  /** The packets that were handed to no connection, oldest first. */
  unsent(): OutboxPacket[];
}

/**
 * A player who has logged in: from then until it logs out or its session ends. It outlives its connections, and is the
 * same in and out of the world. Sending to one that is gone is harmless; asking where it is in the world throws.
 */
export class Player implements PlayerName {
  /** The account's id. */
  readonly playerId: number;
  /** As the player wrote it when the account was made. */
  readonly name: string;
  readonly #session: Session;
  readonly #sessions: SessionManager;
  #owner: Ownership | null;
  /** Requests under way that began while it was in the world, and what they are done by; null: there are none. */
  #begun: { readonly owner: Ownership; count: number } | null = null;

  /**
   * The engine makes one at each login.
   *
   * @param owner What its writes are done by, where it enters the world with it.
   */
  constructor(
    { playerId, name }: PlayerName,
    session: Session,
    sessions: SessionManager,
    owner: Ownership | null = null,
  ) {
    this.playerId = playerId;
    this.name = name;
    this.#session = session;
    this.#sessions = sessions;
    this.#owner = owner;
  }

  /** What the writes of a player are done by; for the engine. One whose session has ended keeps what it had last. */
  static ownerOf(player: Player): Ownership | null {
    return player.#owner;
  }

  /** A player enters the world, or has left it: null; for the engine. */
  static setOwner(player: Player, owner: Ownership | null): void {
    player.#owner = owner;
  }

  /**
   * A request of a player is under way; for the engine. What it decides by what this node knows of the player must not be
   * written once that is another node's, also where the player has left the world meanwhile.
   *
   * @param owner What it is done by; undefined: it began outside of the world.
   */
  static keepOwner(player: Player, owner: Ownership | undefined, handling: Promise<unknown>): void {
    if (owner === undefined) return;
    // Those of a stay in the world before are done by the epoch of this one: nothing here tells them apart.
    const begun = player.#begun?.owner === owner ? player.#begun : player.#begun = { owner, count: 0 };
    begun.count++;
    const done = () => {
      if (--begun.count === 0 && player.#begun === begun) player.#begun = null;
    };
    handling.then(done, done);
  }

  /** Asks the storage for what a request wants that begins at this moment; for the engine. */
  static askerOf(player: Player): Asker {
    return ownedBy(player.#session.asker, player.#owner);
  }

  /** The session of a player; for the engine. */
  static sessionOf(player: Player): Session {
    return player.#session;
  }

  /** Whether it has logged out, or its session has ended. */
  get isOver(): boolean {
    return this.#session.ended || this.#session.player !== this;
  }

  /** Whether it is in the world, its connection lost or not. */
  get isInWorld(): boolean {
    return !this.isOver && this.#session.presence !== null;
  }

  /** Whether it is in the world and its connection is lost. */
  get isLinkDead(): boolean {
    return this.#session.linkDeadSinceMs !== 0;
  }

  /** Whether it has a connection. */
  get isConnected(): boolean {
    return !this.isOver && this.#session.link !== null;
  }

  /**
   * Whether it leaves the world or logs out at this moment, as its client has asked: what its connection was given
   * arrives, and the rest of its outbox is not sent any more.
   */
  get isLeaving(): boolean {
    return this.#session.isLeaving;
  }

  /** Whether its session is about to go on at another server, with its outbox. */
  get isMoving(): boolean {
    return this.#session.isMoving;
  }

  /**
   * Gives something along with its session, where that goes on at another server: what must be known there and may not be
   * on disk yet. To be called when the player goes offline and {@linkcode Player.isMoving}.
   *
   * @param bytes A few KiB at most: they lie in the database until the session is taken.
   */
  carry(name: string, bytes: Uint8Array): void {
    this.#session.carried = new Map([...this.#session.carried, [name, bytes]]);
  }

  /** What was given along with its session, once: to be called when the player enters; undefined: nothing. */
  takeCarried(name: string): Uint8Array | undefined {
    const carried = new Map(this.#session.carried), bytes = carried.get(name);
    carried.delete(name);
    this.#session.carried = carried;
    return bytes;
  }

  /**
   * The id of its entity.
   *
   * @throws {TypeError} when it is not in the world.
   */
  get entityId(): number {
    return this.#presence().entityId;
  }

  /**
   * The id of the character it plays.
   *
   * @throws {TypeError} when it is not in the world.
   */
  get characterId(): number {
    return this.#presence().characterId;
  }

  /** What it was sent and has not acknowledged; null: nothing it is sent is numbered, as it is not in the world. */
  get outbox(): UnheardPackets | null {
    return this.#session.outbox;
  }

  /** Names where its requests come from, for limits: all of an address that is not trusted have one. */
  get source(): string {
    return this.#session.source;
  }

  /**
   * Asks the storage for what it wants. While it is in the world its writes are rejected with `fenced` once it is another
   * server's, and after that for as long as a request of then is handled.
   */
  get asker(): Asker {
    return ownedBy(this.#session.asker, this.#lastOwner);
  }

  /** The same for what its login or its entry needs. */
  get entrant(): Asker {
    return ownedBy(this.#session.entrant, this.#lastOwner);
  }

  get #lastOwner(): Ownership | null {
    return this.#owner ?? this.#begun?.owner ?? null;
  }

  /**
   * Sends it a message: by the packet's delivery class, kept over a lost connection where that is reliable.
   *
   * @param receipt Told what becomes of a reliable packet.
   */
  tell<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>, receipt?: Receipt): void {
    this.send(this.#sessions.typeOf(schema), toBinary(schema, create(schema, message)), receipt);
  }

  /**
   * Takes it to an instance. Its client is told by MAP_ENTERED, before it is shown anything there.
   *
   * @param place Units; unless told, the world chooses one.
   * @returns `false` when the instance is full; nothing was done then.
   * @throws {TypeError} when it is not in the world, or the instance is over.
   */
  moveTo(instance: Instance, place?: { readonly x: number; readonly z: number }): boolean {
    return instance.admit(this, place);
  }

  /** Sends it a payload of a packet type. */
  send(type: number, payload: Uint8Array, receipt?: Receipt): void {
    if (this.#mayBeSent) this.#sessions.send(this.#session, type, payload, receipt);
  }

  /** Sends it a payload that was packed for many. */
  sendPacked(type: number, packed: Packed): void {
    if (this.#mayBeSent) this.#sessions.sendPacked(this.#session, type, packed);
  }

  /** Who has logged out still gets the answers to what it asked, unless somebody else has logged in since. */
  get #mayBeSent(): boolean {
    const { ended, player } = this.#session;
    return !ended && (player === null || player === this);
  }

  #presence() {
    const { presence } = this.#session;
    if (presence === null || this.isOver) throw new TypeError(`${this.name} is not in the world any more`);
    return presence;
  }
}

/** Somebody whose writes are done by an ownership; null: no other node can have the player. */
export function ownedBy(asker: Asker, owner: Ownership | null): Asker {
  return owner === null ? asker : { ...asker, owner };
}
