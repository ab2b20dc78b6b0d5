/**
 * Judges in which order whispers are heard: what one player whispers to another is heard in the order in which it was
 * taken, in whichever sessions, and on whichever servers.
 *
 * @module
 */

import type { ChatMessage } from "../../games/parts/chat/chat_pb.ts";
import type { SessionLedger } from "./session_ledger.ts";
import type { Verdict } from "./verdict.ts";

/** Who hears something: a player, the name of its account, and the session that its client has in the world. */
export interface Listener {
  readonly id: number;
  readonly name: string;
  readonly ledger: SessionLedger | null;
}

/** One of a sender; moments are places among all that clients were told, 0: not yet. */
interface Whisper {
  readonly message: string;
  /** Its sender has said so many things before. */
  readonly count: number;
  readonly recipientName: string;
  /** When its sender was shown that it was taken. */
  takenAt: number;
  /** The session of its recipient that was told it first, by a number. */
  toldTo: SessionLedger | null;
  /** It was told from the database, where it was kept. */
  wasKept: boolean;
  /** When each client has heard it first, and in which session. */
  readonly heard: Map<number, { readonly at: number; readonly ledger: SessionLedger | null }>;
}

/** The order of whispers. */
export class WhisperOrder {
  readonly #verdict: Verdict;
  readonly #isSure: (message: string) => boolean;
  /** By the client that sent them, and what they are. */
  readonly #whispers = new Map<number, Map<string, Whisper>>();
  /** When each client was told last that something is missing. */
  readonly #gapAt = new Map<number, number>();
  #now = 0;

  /**
   * @param isSure Whether nothing was wrong when a whisper was sent: of the others, what was kept may come late, as may what
   * was to be heard in one session and comes in another.
   */
  constructor(verdict: Verdict, isSure: (message: string) => boolean) {
    this.#verdict = verdict;
    this.#isSure = isSure;
  }

  /** A server tells somebody a whisper; null: in no world, by no number. */
  onTold(ledger: SessionLedger | null, message: ChatMessage, isKept: boolean): void {
    if (ledger !== null && Number(message.recipientId) !== ledger.playerId) return;
    const whisper = this.#whisperOf(message);
    whisper.toldTo ??= ledger;
    whisper.wasKept ||= isKept;
  }

  /** A client has its session again, and is told that something is missing: that may come later. */
  onClientGap(id: number): void {
    this.#gapAt.set(id, ++this.#now);
  }

  /** A client that plays is told a whisper: as the one that sent it, or that it is for. */
  onClientHeard({ id, name, ledger }: Listener, message: ChatMessage): void {
    const { senderName, recipientName } = message;
    if (senderName === recipientName) return;
    const whisper = this.#whisperOf(message), sender = senderOf(message);
    if (name === recipientName && !whisper.heard.has(id)) whisper.heard.set(id, { at: ++this.#now, ledger });
    else if (id === sender && whisper.takenAt === 0) whisper.takenAt = ++this.#now;
    else return;
    for (const other of this.#whispers.get(sender)!.values()) {
      if (other.recipientName !== recipientName) continue;
      if (other.count < whisper.count) this.#check(other, whisper);
      else if (other.count > whisper.count) this.#check(whisper, other);
    }
  }

  #whisperOf(whispered: ChatMessage): Whisper {
    const { message, recipientName } = whispered, sender = senderOf(whispered), count = Number(message.split(".")[1]);
    const sent = this.#whispers.get(sender) ?? new Map<string, Whisper>();
    this.#whispers.set(sender, sent);
    const whisper = sent.get(message) ??
      { message, count, recipientName, takenAt: 0, toldTo: null, wasKept: false, heard: new Map() };
    sent.set(message, whisper);
    return whisper;
  }

  /** Where the first of two was taken first, it is heard first. */
  #check(first: Whisper, second: Whisper): void {
    const { message, recipientName, takenAt, toldTo, wasKept } = first;
    if (takenAt === 0 || second.takenAt < takenAt) return;
    for (const [id, { at, ledger }] of first.heard) {
      if (at < (second.heard.get(id)?.at ?? Infinity) || (this.#gapAt.get(id) ?? 0) > takenAt) continue;
      const isRescued = wasKept || toldTo !== null && toldTo !== ledger;
      if (isRescued && !this.#isSure(message)) continue;
      const text = `${recipientName} heard the whisper "${second.message}" before "${message}"`;
      this.#verdict.fail("chat", `Client ${id} of ${text}`);
    }
  }
}

function senderOf({ message }: ChatMessage): number {
  return Number(message.split(".")[0]);
}
