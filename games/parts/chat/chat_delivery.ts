/**
 * Brings what one player says or does to others, but not to those who ignore that player.
 *
 * @module
 */

import { CHAT_HELD_MESSAGES_MAX } from "./limits.ts";
import type { OnlineLists } from "../friends/online_lists.ts";
import type { ContactGate } from "./contact_gate.ts";
import { Elsewhere } from "./elsewhere.ts";
import { FanOut } from "./fan_out.ts";
import type { Game, Player, Players } from "../../../server/game/game.ts";

/** How often audiences that nobody speaks to are forgotten, in milliseconds. */
const SWEEP_INTERVAL_MS = 1_000;

/** Something a player says or asks, or that others are told of it. */
export interface Saying {
  readonly senderId: number;
  /** The packet's type. */
  readonly type: number;
  readonly payload: Uint8Array;
}

/** Takes something that waited for a player and made way for newer: there was too much of it. */
export type CrowdedOut = (playerId: number, saying: Saying) => void;

/**
 * What players say to each other and are told of each other, with ignore lists applied. What comes for a player whose list is still being read
 * waits until it is here: the newest {@linkcode CHAT_HELD_MESSAGES_MAX}, as if the player had come later.
 */
export class ChatDelivery {
  /** What many hear goes this way first. */
  readonly fanOut: FanOut;
  /** Those of other servers hear it this way. */
  readonly elsewhere: Elsewhere;
  readonly #players: Players;
  readonly #lists: OnlineLists;
  readonly #gate: Pick<ContactGate, "mayHear">;
  readonly #crowdedOut: CrowdedOut;
  /** What waits, by player. */
  readonly #held = new Map<number, Saying[]>();
  #lastMessageId = 0n;

  constructor(
    game: Game,
    { lists, gate, crowdedOut }: {
      readonly lists: OnlineLists;
      readonly gate: Pick<ContactGate, "mayHear" | "mayBeHeard">;
      readonly crowdedOut: CrowdedOut;
    },
  ) {
    const { clock, config, faults, players } = game;
    this.#players = players;
    const mayBeHeard = (senderId: number) => gate.mayBeHeard(senderId);
    this.fanOut = new FanOut(clock, faults, { isPaced: config.floodControl, mayBeHeard });
    this.#lists = lists;
    this.#gate = gate;
    this.#crowdedOut = crowdedOut;
    this.elsewhere = new Elsewhere(game, this);
    game.hooks.turn((untilMs) => this.fanOut.deliverDue(untilMs));
    game.hooks.closing(() => this.fanOut.letGo());
    game.every(SWEEP_INTERVAL_MS, () => this.fanOut.sweep());
  }

  /** The number of the next message: each has one of its own as long as the server runs. */
  nextMessageId(): bigint {
    return ++this.#lastMessageId;
  }

  /**
   * To those of `recipients` who do not ignore the sender; the sender itself may be among them.
   *
   * @returns How many it was sent to, or kept for.
   */
  deliver(saying: Saying, recipients: Iterable<Player>): number {
    const { senderId, type, payload } = saying;
    const isForMany = !(Array.isArray(recipients) && recipients.length === 1);
    // Nearly always: nobody ignores the sender, and nobody has just come online.
    const everybody = this.#held.size === 0 && !this.#lists.isIgnoredByAny(senderId);
    const hearers = everybody ? recipients : this.#hearers(saying, recipients);
    return this.#players.send(hearers, type, payload, isForMany);
  }

  /** To everybody who is online. */
  deliverToAll(saying: Saying): number {
    return this.deliver(saying, this.#players.online);
  }

  /** Holds back what comes for a player, whose ignore list is being read. */
  hold(playerId: number): void {
    this.#held.set(playerId, []);
  }

  /** Delivers what was held back, now that the list is here. */
  release(playerId: number): void {
    const held = this.#held.get(playerId) ?? [];
    this.#held.delete(playerId);
    for (const { senderId, type, payload } of held) {
      if (this.#gate.mayHear(playerId, senderId)) this.#players.find(playerId)?.send(type, payload);
    }
  }

  /** Gives what was held back, and forgets it: the player is gone. */
  drop(playerId: number): readonly Saying[] {
    const held = this.#held.get(playerId) ?? [];
    this.#held.delete(playerId);
    return held;
  }

  *#hearers(saying: Saying, recipients: Iterable<Player>): Generator<Player> {
    const { senderId } = saying;
    for (const recipient of recipients) {
      const { playerId } = recipient;
      if (playerId === senderId) {
        yield recipient;
        continue;
      }
      const held = this.#held.get(playerId);
      if (held === undefined) {
        if (this.#gate.mayHear(playerId, senderId)) yield recipient;
      } else {
        held.push(saying);
        if (held.length > CHAT_HELD_MESSAGES_MAX) this.#crowdedOut(playerId, held.shift()!);
      }
    }
  }
}
