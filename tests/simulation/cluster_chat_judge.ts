/** Judges what is said to all on several servers: nobody hears it twice, and while nothing ails the bus, everybody does. @module */

import { Channel, type ChatMessage } from "../../games/parts/chat/chat_pb.ts";
import type { SessionLedger } from "./session_ledger.ts";
import type { SimulatedPlayer } from "./simulated_player.ts";
import type { SimulatedTime } from "./simulated_time.ts";
import type { Verdict } from "./verdict.ts";

/** How long a node may take until it knows who is there, in milliseconds. */
const SETTLED_MS = 1_000;

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
  /** Players whose session has gone on with another server. */
  readonly #movers = new Set<number>();
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

  onClientHeard(id: number, { channel, message, senderId }: ChatMessage): void {
    const ledger = this.#ledgerOf(id);
    if (channel !== Channel.GLOBAL || ledger === null) return;
    const nowMs = this.#time.monotonicMs();
    const heard = this.#heardBy(ledger);
    // What a server had taken is sent again once it is silent, and it may only have been stopped.
    const sender = Number(message.split(".")[0]);
    for (const each of [id, sender]) if ((this.#ledgerOf(each)?.moves ?? 0) > 0) this.#movers.add(each);
    const isOnce = !heard.has(message) || this.#movers.has(sender);
    this.#verdict.expect(isOnce, "chat", `Player ${ledger.playerId} is told "${message}" twice`);
    heard.add(message);
    if (!this.#sayings.has(message)) this.#sayings.set(message, { atMs: nowMs, senderId: Number(senderId) });
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
    return null;
  }
}
