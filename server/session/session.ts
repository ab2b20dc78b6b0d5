/**
 * A session: who is behind a connection, and from the entry into the world on, what has been sent and received
 * reliably, over all connections it has had.
 *
 * @module
 */

import { DisconnectReason } from "../../shared/gen/enums.ts";
import { RESUME_SEQUENCE_MAX } from "../../shared/limits.ts";
import { STATE_AUTHENTICATED, STATE_CONNECTED, STATE_IN_WORLD } from "../../shared/packet_table.ts";
import type { Ownership } from "../cluster/directory_store.ts";
import type { Sanction } from "../moderation/sanction_store.ts";
import { type Asker, ENTRY, ORDINARY, type PlayerName } from "../storage/storage.ts";
import type { Place } from "../world/world.ts";
import type { Link, LinkImage } from "./link.ts";
import { Player } from "./player.ts";
import type { SessionNumbers } from "./session_handover.ts";
import { Outbox, type OutboxImage, type OutboxPacket, type Receipt } from "./outbox.ts";

/** A place on a map that is there from the start: units; `yaw` in radians. */
export interface HomePlace extends Place {
  readonly mapId: number;
}

/** What a session is in the world. */
export interface Presence {
  readonly characterId: number;
  readonly entityId: number;
  /** When the character is to be saved next, monotonic milliseconds. */
  saveAtMs: number;
  /** While it is in an instance: where it goes from there, and is saved; null: it is in none. */
  home: HomePlace | null;
}

/** Whose an entity is: a session's, or one's that has left it. */
export interface Participant {
  readonly player: PlayerName | null;
  readonly presence: Presence | null;
}

/** A session as plain data: identity, state, numbering in both directions, and what its client has not acknowledged. */
export interface SessionImage {
  readonly player: PlayerName | null;
  readonly presence: Presence | null;
  readonly outbox: OutboxImage | null;
  readonly link: LinkImage | null;
  /** The fields of the session that are the same here. */
  readonly fields: SessionFields;
}

/** See {@linkcode SessionImage}. */
export type SessionFields = Pick<
  Session,
  | "clientVersion"
  | "tokenEpoch"
  | "source"
  | "leftCharacterId"
  | "receivedSequence"
  | "adoptsSequence"
  | "ackDue"
  | "repeatedType"
  | "resumeToken"
  | "previousResumeToken"
  | "linkDeadSinceMs"
  | "resumedAtMs"
  | "mute"
>;

/** Of most sessions: they never move. */
const NOTHING_CARRIED: ReadonlyMap<string, Uint8Array> = new Map();

/** One session. */
export class Session {
  /** Its connection; `null` while it is link-dead, or over. */
  link: Link | null = null;
  player: Player | null = null;
  /** What its client said of its version, as a token has it; null: nothing is known of it. */
  clientVersion: string | null = null;
  /** Which tokens of its account held when its player showed one, or its password: see `Account`. */
  tokenEpoch = 0;
  /** On whose behalf it asks the storage: see `Sources`. */
  source = "unknown";
  presence: Presence | null = null;
  /** The character it left the world with last, which may not be saved yet; 0: none. */
  leftCharacterId = 0;
  /** The reliable packets of its life in the world; `null` before. */
  outbox: Outbox | null = null;
  /** Highest sequence received from the client, in order. */
  receivedSequence = 0;
  /** What its client has sent is not known: the next number that comes is the first. */
  adoptsSequence = false;
  /** `receivedSequence` has not been sent to the client yet. */
  ackDue = false;
  /** The type of a packet that came again: it is acknowledged by itself, whatever else acknowledges it; 0: none. */
  repeatedType = 0;
  /** What RESUME_REQUEST must bring; empty before the world. */
  resumeToken = "";
  /** The token before it, while it is unknown whether the client has learned the new one; else empty. */
  previousResumeToken = "";
  /** When its connection was lost, monotonic milliseconds; 0 while it has one. */
  linkDeadSinceMs = 0;
  /** When it was resumed last, monotonic milliseconds. */
  resumedAtMs = 0;
  /** A request that must be answered before the next of its kind: login, entry. */
  busy = false;
  /** Its numbering ends at this moment, as its client has asked: nothing more of its outbox is sent. */
  isLeaving = false;
  /** It is about to go on at another node: what its client sends is left to that one. */
  isMoving = false;
  /** What the game gives along when it goes on at another node, or was given along from there, by name. */
  carried = NOTHING_CARRIED;
  /** It ended: whatever still comes for it is dropped. */
  ended = false;
  /** The mute of its player, which may have ended by now; set by `Sanctions`. */
  mute: Sanction | null = null;

  /** A session as its image has it, without its player and its connection. */
  static of({ presence, outbox, fields }: SessionImage): Session {
    const session = Object.assign(new Session(), fields);
    session.presence = presence;
    session.outbox = outbox === null ? null : Outbox.of(outbox);
    return session;
  }

  /** All of it, but for requests under way. */
  image(): SessionImage {
    const { link, outbox, player, presence } = this;
    return {
      player: player === null ? null : { playerId: player.playerId, name: player.name },
      presence,
      outbox: outbox === null ? null : outbox.image(),
      link: link === null ? null : link.image(),
      fields: {
        clientVersion: this.clientVersion,
        tokenEpoch: this.tokenEpoch,
        source: this.source,
        leftCharacterId: this.leftCharacterId,
        receivedSequence: this.receivedSequence,
        adoptsSequence: this.adoptsSequence,
        ackDue: this.ackDue,
        repeatedType: this.repeatedType,
        resumeToken: this.resumeToken,
        previousResumeToken: this.previousResumeToken,
        linkDeadSinceMs: this.linkDeadSinceMs,
        resumedAtMs: this.resumedAtMs,
        mute: this.mute,
      },
    };
  }

  /** What the writes of its player are done by while it is in the world; null: no other node can have the player. */
  get owner(): Ownership | null {
    return this.player === null ? null : Player.ownerOf(this.player);
  }

  /** Asks the storage for what is done on its behalf; its player asks by itself. */
  get asker(): Asker {
    return { source: this.source, urgency: ORDINARY };
  }

  /** Asks the storage for what a login or an entry needs. */
  get entrant(): Asker {
    return { source: this.source, urgency: ENTRY };
  }

  /** The state of the packet table that it is in. */
  get state(): number {
    if (this.presence !== null) return STATE_IN_WORLD;
    return this.player !== null ? STATE_AUTHENTICATED : STATE_CONNECTED;
  }

  /** Whether reliable packets wait for room on the way to the connection. */
  get isBehind(): boolean {
    return this.outbox !== null && this.outbox.sentSequence < this.outbox.lastSequence;
  }

  /**
   * Takes the sequence of a packet of `type` that came in.
   *
   * @returns `apply`: it is the next one, or not reliable; `repeat`: it was applied before; `skip`: one is missing.
   */
  receive(type: number, sequence: number): "apply" | "repeat" | "skip" {
    if (sequence === 0 || this.outbox === null) return "apply";
    if (sequence <= this.receivedSequence) {
      this.ackDue = true;
      this.repeatedType = type;
      return "repeat";
    }
    const isAdopted = this.adoptsSequence && sequence <= RESUME_SEQUENCE_MAX;
    if (sequence !== this.receivedSequence + 1 && !isAdopted) return "skip";
    this.adoptsSequence = false;
    this.receivedSequence = sequence;
    this.ackDue = true;
    return "apply";
  }

  /** Begins the numbering of reliable packets: the session is entering the world. */
  begin(): void {
    this.outbox = new Outbox();
    this.receivedSequence = 0;
    this.adoptsSequence = false;
    this.ackDue = false;
    this.repeatedType = 0;
  }

  /** Goes on with the numbers of another node. */
  goOnWith({ adoptsSequence, carried, outbox, receivedSequence }: SessionNumbers): void {
    this.carried = carried;
    this.outbox = Outbox.of(outbox);
    this.receivedSequence = receivedSequence;
    this.adoptsSequence = adoptsSequence;
  }

  /** Ends the numbering: the session is out of the world. */
  finish(): void {
    this.outbox = null;
    this.presence = null;
    this.resumeToken = "";
  }

  /** Sends a packet while nothing is numbered: the session has not begun, or is over. */
  sendUnnumbered(type: number, payload: Uint8Array): void {
    const { link } = this;
    if (link !== null && !link.closed) link.output.send(link, type, payload);
  }

  /**
   * Sends a reliable packet of a session that has begun: it is numbered and kept.
   *
   * @param payload Not changed afterwards: it may be kept.
   * @param receipt Told what becomes of it.
   */
  sendReliable(type: number, payload: Uint8Array, isCompressed = false, receipt?: Receipt): void {
    const sequence = this.keep({ type, payload, isCompressed, receipt });
    if (sequence > 0) this.#sendKept(sequence);
  }

  /** Numbers and keeps a reliable packet without sending it; gives its number, or 0 when the session cannot keep up. */
  keep(packet: OutboxPacket): number {
    const { link } = this;
    const reader = link === null || link.closed ? "gone" : link.congested ? "congested" : "taking";
    const sequence = this.outbox!.append(packet, reader);
    if (sequence > 0) return sequence;
    if (link !== null) link.output.close(link, DisconnectReason.SLOW_READER, "Too many packets wait", 0);
    return 0;
  }

  /** Sends a packet that is worth nothing later; dropped when there is no room. */
  sendLatest(type: number, payload: Uint8Array, start: number, end: number): boolean {
    const { link } = this;
    if (link === null || link.closed) return false;
    const sent = link.output.trySend(link, type, 0, this.receivedSequence, false, payload, start, end);
    if (sent) this.ackDue = false;
    return sent;
  }

  /** Sends what was kept and could not be sent; gives whether nothing is left. */
  flushOutbox(): boolean {
    const { outbox, link } = this;
    if (outbox === null || link === null || link.closed) return true;
    while (outbox.sentSequence < outbox.lastSequence) {
      const sequence = Math.max(outbox.sentSequence + 1, outbox.firstSequence);
      if (!this.#trySendKept(link, sequence)) return false;
    }
    return true;
  }

  #sendKept(sequence: number): void {
    const { outbox, link } = this;
    if (link === null || link.closed || outbox!.sentSequence !== sequence - 1) return;
    this.#trySendKept(link, sequence);
  }

  #trySendKept(link: Link, sequence: number): boolean {
    const { type, isCompressed, payload } = this.outbox!.get(sequence)!;
    const ack = this.receivedSequence;
    if (!link.output.trySend(link, type, sequence, ack, isCompressed, payload, 0, payload.length)) return false;
    this.outbox!.markSent(sequence);
    this.ackDue = false;
    return true;
  }
}
