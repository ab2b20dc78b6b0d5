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
import { type Listener, WhisperOrder } from "./whisper_order.ts";

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

/** Something that was said to all, or to a guild. */
interface Saying {
  readonly channel: Channel;
  readonly senderId: number;
  /** When it was first heard. */
  readonly atMs: number;
}

/** What of one speaker a session has heard last. */
interface Newest {
  readonly count: number;
  /** The session in which it was said. */
  readonly spokenIn: SessionLedger | null;
}

/** Who knows in which guild a player is; undefined: that is not known. */
export type GuildOf = (playerId: number) => number | null | undefined;

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
  readonly #order: WhisperOrder;
  readonly #guildOf: GuildOf;
  /** What was said to all or to a guild while nothing was wrong. */
  readonly #calm = new Set<string>();
  /** In which session each of these was said, if in any. */
  readonly #spokenIn = new Map<string, SessionLedger | null>();
  /** The newest that a session has heard, by speaker and channel. */
  readonly #newest = new WeakMap<SessionLedger, Map<string, Newest>>();
  /** By what they are. */
  readonly #sayings = new Map<string, Saying>();
  /** Since when the players have the sessions that they have, where they have them. */
  readonly #since = new WeakMap<SessionLedger, { readonly atMs: number; readonly moves: number }>();

  /** @param who The session that a player has, and its guild. */
  constructor(
    verdict: Verdict,
    time: SimulatedTime,
    who: { readonly ledgerOf: (id: number) => SessionLedger | null; readonly guildOf: GuildOf },
  ) {
    this.#verdict = verdict;
    this.#time = time;
    this.#ledgerOf = who.ledgerOf;
    this.#guildOf = who.guildOf;
    this.#order = new WhisperOrder(verdict, (message) => this.#whispers.has(message));
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
    const isForMany = channel === Channel.GLOBAL || channel === Channel.GUILD;
    if (isForMany) this.#spokenIn.set(message, this.#ledgerOf(Number(message.split(".")[0])));
    if (this.#time.monotonicMs() < this.#calmSinceMs + SETTLED_MS) return;
    if (isForMany) this.#calm.add(message);
    else if (channel === Channel.WHISPER) {
      this.#whispers.set(message, { recipientName, isTaken: false, isHeard: false, told: null });
    }
  }

  /** A server tells something to a session in no world, by no number. */
  onToldOutside(playerId: number, told: ChatMessage, isKept: boolean): void {
    const { channel, message, recipientId } = told;
    if (channel !== Channel.WHISPER) return;
    if (isKept) return this.#order.onTold(null, told, isKept);
    const whisper = this.#whispers.get(message);
    if (whisper !== undefined && Number(recipientId) === playerId) whisper.isHeard = true;
  }

  /** A server tells something to a session. */
  onTold(ledger: SessionLedger, told: ChatMessage, isKept: boolean): void {
    const { channel, message, recipientId } = told;
    if (channel !== Channel.WHISPER) return;
    this.#order.onTold(ledger, told, isKept);
    const whisper = this.#whispers.get(message);
    if (whisper !== undefined && Number(recipientId) === ledger.playerId) {
      whisper.told = { ledger, sequence: ledger.sent.length };
    }
  }

  /** A client has its session again, and is told that something is missing. */
  onClientGap(id: number): void {
    this.#order.onClientGap(id);
  }

  /**
   * A client is told something.
   *
   * @param isLogin It only logs in, with a session of its own that is in no world: where another server has the player's in
   * the world, what is said to all is told to both.
   */
  onClientHeard({ id, name }: Listener, heard: ChatMessage, isLogin = false): void {
    const ledger = isLogin ? null : this.#ledgerOf(id), { channel } = heard;
    if (channel === Channel.WHISPER) {
      if (!isLogin) this.#order.onClientHeard({ id, name, ledger }, heard);
      return this.#onWhisper(id, ledger, heard);
    }
    if (channel !== Channel.GLOBAL && channel !== Channel.GUILD || ledger === null) return;
    const { message } = heard, sender = Number(message.split(".")[0]), texts = this.#heardBy(ledger);
    // What a server had taken is sent again once it is silent, and it may only have been stopped.
    for (const each of [id, sender]) if (this.#ledgerOf(each)?.isAdopted) this.#adopted.add(each);
    const isSure = this.#calm.has(message) || !this.#adopted.has(sender);
    this.#verdict.expect(
      !texts.has(message) || !isSure,
      "chat",
      `Player ${ledger.playerId} is told "${message}" twice`,
    );
    if (isSure && !texts.has(message)) this.#checkOrder(ledger, heard);
    texts.add(message);
    if (this.#sayings.has(message)) return;
    this.#sayings.set(message, { channel, senderId: Number(heard.senderId), atMs: this.#time.monotonicMs() });
  }

  /**
   * Of what a player has said in one session, or while nothing was wrong, nothing is heard behind what was said later. What a
   * client says that only logs in is in none: each of its connections may have a server of its own.
   */
  #checkOrder(ledger: SessionLedger, { channel, message }: ChatMessage): void {
    const [speaker, count] = message.split("."), key = `${speaker} ${channel}`;
    const newestOf = this.#newest.get(ledger) ?? new Map<string, Newest>(), newest = newestOf.get(key);
    const spokenIn = this.#spokenIn.get(message) ?? null;
    this.#newest.set(ledger, newestOf);
    if (newest === undefined || Number(count) > newest.count) {
      return void newestOf.set(key, { count: Number(count), spokenIn });
    }
    if ((spokenIn === null || newest.spokenIn !== spokenIn) && !this.#calm.has(message)) return;
    const text = `Player ${ledger.playerId} is told "${message}" after ${speaker}.${newest.count}`;
    this.#verdict.fail("chat", text);
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
      for (const [message, { atMs, channel, senderId }] of this.#sayings) {
        if (channel === Channel.GUILD && !this.#isInGuildOf(senderId, ledger.playerId)) continue;
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

  #isInGuildOf(senderId: number, playerId: number): boolean {
    const guild = this.#guildOf(playerId);
    return guild != null && guild === this.#guildOf(senderId);
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
