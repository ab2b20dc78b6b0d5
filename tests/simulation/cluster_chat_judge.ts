/**
 * Judges what is said on several servers: nobody hears it twice or out of order, and while nothing ails the bus, everybody
 * hears what is said to all, and every whisper is heard by whom it was for, also while servers are restarted.
 *
 * @module
 */

import { Channel, type ChatMessage } from "../../games/parts/chat/chat_pb.ts";
import type { SessionLedger } from "./session_ledger.ts";
import type { SimulatedPlayer } from "./simulated_player.ts";
import type { SimulatedTime } from "./simulated_time.ts";
import type { Verdict } from "./verdict.ts";

/** How long a node may take until it knows who is there, in milliseconds. */
const SETTLED_MS = 1_000;

/** Something that was whispered while nothing was wrong. */
interface Whisper {
  readonly recipientName: string;
  /** The sender has been shown that it was taken. */
  isTaken: boolean;
  /** Or sent to a session that only logs in, whose client acknowledges nothing. */
  isHeard: boolean;
  /** The recipient's session that was told last, and by which number. */
  told: { readonly ledger: SessionLedger; readonly sequence: number } | null;
}

/** Keeps who has heard what. */
export class ClusterChatJudge {
  readonly #verdict: Verdict;
  readonly #time: SimulatedTime;
  readonly #ledgerOf: (id: number) => SessionLedger | null;
  readonly #heard = new WeakMap<SessionLedger, Set<string>>();
  /** Players that have something to do with ignore lists. */
  readonly #exempt = new Set<number>();
  /** Since when nothing goes wrong. */
  #calmSinceMs = Infinity;
  #players: readonly SimulatedPlayer[] = [];
  /** Players whose session has gone on with another server as its own was silent. */
  readonly #adopted = new Set<number>();
  /** By what they are. */
  readonly #whispers = new Map<string, Whisper>();
  /** What was said to all while nothing was wrong. */
  readonly #calm = new Set<string>();
  /** The newest of these of each sender, by listener's session. */
  readonly #newest = new WeakMap<SessionLedger, Map<string, number>>();
  /** When what was said to all was first heard, and who said it, by what it was. */
  readonly #sayings = new Map<string, { readonly atMs: number; readonly senderId: number }>();
  /** Since when the players have the sessions that they have, where they have them. */
  readonly #since = new WeakMap<SessionLedger, { readonly atMs: number; readonly moves: number }>();

  /** @param ledgerOf The session that a player has. */
  constructor(verdict: Verdict, time: SimulatedTime, ledgerOf: (id: number) => SessionLedger | null) {
    this.#verdict = verdict;
    this.#time = time;
    this.#ledgerOf = ledgerOf;
  }

  exempt(playerId: number): void {
    this.#exempt.add(playerId);
  }

  /** Nothing goes wrong from now on. */
  begin(players: readonly SimulatedPlayer[]): void {
    this.#players = players;
    this.#calmSinceMs = this.#time.monotonicMs();
  }

  /** A client says something. */
  onSaid({ channel, message, recipientName }: ChatMessage): void {
    if (this.#time.monotonicMs() < this.#calmSinceMs + SETTLED_MS) return;
    if (channel === Channel.GLOBAL) this.#calm.add(message);
    else if (channel === Channel.WHISPER) {
      this.#whispers.set(message, { recipientName, isTaken: false, isHeard: false, told: null });
    }
  }

  /** A server tells something to a session in no world, by no number. */
  onToldOutside(playerId: number, { channel, message, recipientId }: ChatMessage): void {
    const whisper = channel === Channel.WHISPER ? this.#whispers.get(message) : undefined;
    if (whisper !== undefined && Number(recipientId) === playerId) whisper.isHeard = true;
  }

  /** A server tells something to a session. */
  onTold(ledger: SessionLedger, { channel, message, recipientId }: ChatMessage): void {
    const whisper = channel === Channel.WHISPER ? this.#whispers.get(message) : undefined;
    if (whisper !== undefined && Number(recipientId) === ledger.playerId) {
      whisper.told = { ledger, sequence: ledger.sent.length };
    }
  }

  /**
   * A client is told something.
   *
   * @param isLogin It only logs in, with a session of its own that is in no world: where another server has the player's in
   * the world, what is said to all is told to both.
   */
  onClientHeard(id: number, { channel, message, senderId, recipientId }: ChatMessage, isLogin = false): void {
    const ledger = isLogin ? null : this.#ledgerOf(id);
    if (channel === Channel.WHISPER) return this.#onWhisper(id, ledger, { message, senderId, recipientId });
    if (channel !== Channel.GLOBAL || ledger === null) return;
    const nowMs = this.#time.monotonicMs();
    const heard = this.#heardBy(ledger);
    // What a server had taken is sent again once it is silent, and it may only have been stopped.
    const [speaker, count] = message.split(".");
    const sender = Number(speaker);
    for (const each of [id, sender]) if (this.#ledgerOf(each)?.isAdopted) this.#adopted.add(each);
    const isCalm = this.#calm.has(message);
    const isOnce = !heard.has(message) || !isCalm && this.#adopted.has(sender);
    this.#verdict.expect(isOnce, "chat", `Player ${ledger.playerId} is told "${message}" twice`);
    if (isCalm) {
      const newest = this.#newest.get(ledger) ?? new Map<string, number>();
      const before = newest.get(speaker) ?? -1;
      const text = `Player ${ledger.playerId} is told "${message}" after ${speaker}.${before}`;
      this.#verdict.expect(Number(count) >= before, "chat", text);
      this.#newest.set(ledger, newest.set(speaker, Number(count)));
    }
    heard.add(message);
    if (!this.#sayings.has(message)) this.#sayings.set(message, { atMs: nowMs, senderId: Number(senderId) });
  }

  #onWhisper(
    id: number,
    ledger: SessionLedger | null,
    { message, senderId, recipientId }: Pick<ChatMessage, "message" | "senderId" | "recipientId">,
  ): void {
    const whisper = this.#whispers.get(message);
    if (whisper === undefined || senderId === recipientId) return;
    if (this.#players[id].playerId === Number(senderId)) {
      whisper.isTaken = true;
      return;
    }
    whisper.isHeard = true;
    if (ledger === null) return;
    const heard = this.#heardBy(ledger);
    this.#verdict.expect(!heard.has(message), "chat", `Player ${ledger.playerId} is whispered "${message}" twice`);
    heard.add(message);
  }

  #heardBy(ledger: SessionLedger): Set<string> {
    let heard = this.#heard.get(ledger);
    if (heard === undefined) this.#heard.set(ledger, heard = new Set());
    const { moves } = ledger;
    if (this.#since.get(ledger)?.moves !== moves) this.#since.set(ledger, { atMs: this.#time.monotonicMs(), moves });
    return heard;
  }

  /** Who was there before something was said, is there still, and has not heard it; null: nobody. */
  unheard(): string | null {
    for (const { ledger, client } of this.#players) {
      if (ledger === null || !ledger.isLive || client.state !== "connected") continue;
      const heard = this.#heardBy(ledger), sinceMs = this.#since.get(ledger)!.atMs;
      for (const [message, { atMs, senderId }] of this.#sayings) {
        if (atMs < this.#calmSinceMs + SETTLED_MS || sinceMs > atMs - SETTLED_MS || heard.has(message)) continue;
        if (this.#exempt.has(ledger.playerId) || this.#exempt.has(senderId)) continue;
        return `player ${ledger.playerId} has not heard "${message}"`;
      }
    }
    for (const [message, { recipientName, isTaken, isHeard, told }] of this.#whispers) {
      if (!isTaken || isHeard || !this.#isThere(recipientName)) continue;
      if (told?.ledger.believesHeard(told.sequence)) continue;
      const sender = this.#players[Number(message.split(".")[0])];
      if (sender.name === recipientName || this.#exempt.has(sender.playerId)) continue;
      return `${recipientName} has not heard "${message}"`;
    }
    return null;
  }

  /** Whether a player has been in the world for a while, and hears whatever it is whispered. */
  #isThere(name: string): boolean {
    return this.#players.some(({ client, ledger, name: each, playerId }) => {
      if (each !== name || ledger === null || !ledger.isLive || client.state !== "connected") return false;
      this.#heardBy(ledger);
      return this.#since.get(ledger)!.atMs <= this.#time.monotonicMs() - SETTLED_MS && !this.#exempt.has(playerId);
    });
  }
}
