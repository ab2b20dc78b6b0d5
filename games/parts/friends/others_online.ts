/**
 * Who is online on other servers. Each server tells the others when a player comes or goes, and every few seconds in
 * short who is there; where that does not agree with what is known, they ask it. So it is right a few seconds after
 * whatever was lost, and nothing that must be right is made of it.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { DependencyError } from "../../../shared/errors.ts";
import type { Game, PlayerName, Question, Topic } from "../../../server/game/game.ts";
import {
  type OnlinePlayer,
  OnlinePlayerSchema,
  PresenceAskedSchema,
  type PresenceChanged,
  PresenceChangedSchema,
  PresenceDigestSchema,
  PresencePageSchema,
} from "./friends_bus_pb.ts";
import { PRESENCE_DIGEST_INTERVAL_MS, PRESENCE_PAGE_PLAYERS_MAX } from "./limits.ts";

/** A player of this server, as others know it. */
export interface OwnPlayer extends PlayerName {
  /** Players whom it ignores: they may not know that it is online. */
  readonly ignoredIds: readonly number[];
}

/** A player of another server. */
interface Other {
  readonly name: string;
  readonly node: string;
  readonly ignored: ReadonlySet<bigint>;
  readonly digest: number;
}

/** The players of another server, until it is silent. */
interface OtherNode {
  readonly playerIds: Set<number>;
  sum: number;
  /** What it said while it is being asked; null: it is not. */
  waiting: PresenceChanged[] | null;
}

/** What presence asks of the game. */
type PresenceGame = Pick<Game, "background" | "bus"> & {
  readonly log: Pick<Game["log"], "info">;
  readonly players: Pick<Game["players"], "isOnline">;
};

/** Who is told of changes: friends who are online here. */
export interface PresenceListener {
  /** A player came or went: those of these friends who are here are told. */
  onChange(player: PlayerName, isOnline: boolean, friendIds: readonly number[]): void;
  /** Many came or went without anybody's being told. */
  onChanges(changes: ReadonlyMap<number, { readonly name: string; readonly isOnline: boolean }>): void;
}

/** The players of all other servers. */
export class OthersOnline {
  readonly #game: PresenceGame;
  readonly #listener: PresenceListener;
  readonly #changed: Topic<typeof PresenceChangedSchema>;
  readonly #asked: Question<typeof PresenceAskedSchema, typeof PresencePageSchema>;
  /** The players of this server that others know of. */
  readonly #own = new Map<number, OnlinePlayer>();
  #ownSum = 0;
  readonly #players = new Map<number, Other>();
  readonly #nodes = new Map<string, OtherNode>();

  constructor(game: PresenceGame & Pick<Game, "every">, listener: PresenceListener) {
    const { bus } = game;
    this.#game = game;
    this.#listener = listener;
    this.#changed = bus.topic(PresenceChangedSchema);
    this.#asked = bus.question(PresenceAskedSchema, PresencePageSchema);
    const digest = bus.topic(PresenceDigestSchema);
    if (!bus.isShared) return;
    this.#changed.on((change, from) => this.#hear(from, change));
    this.#asked.answer(({ afterId }) => this.#pageAfter(afterId));
    digest.on(({ count, sum }, from) => {
      const { playerIds, sum: known } = this.#nodeOf(from);
      if (count !== playerIds.size || sum !== known >>> 0) this.#ask(from);
    });
    bus.onMissed((from) => {
      // One that is silent has nobody online.
      if ([...bus.nodes].includes(from)) this.#ask(from);
    });
    bus.onSilent((node) => {
      this.#replace(node, []);
      // Each start of a server is another node: what is kept of those that are gone would only grow.
      this.#nodes.delete(node);
    });
    game.every(PRESENCE_DIGEST_INTERVAL_MS, () => digest.publish({ count: this.#own.size, sum: this.#ownSum >>> 0 }));
  }

  /** Other servers of which anything is kept. */
  get nodeCount(): number {
    return this.#nodes.size;
  }

  /** Whether a player of another server is online, as far as a viewer may know it. */
  isOnlineFor(viewerId: number, playerId: number): boolean {
    const other = this.#players.get(playerId);
    return other !== undefined && !other.ignored.has(BigInt(viewerId));
  }

  /** A player of this server is online, or ignores others than before. @param friendIds Those who are to be told. */
  set({ playerId, name, ignoredIds }: OwnPlayer, friendIds: readonly number[]): void {
    if (!this.#game.bus.isShared) return;
    const player = playerOf({ playerId, name, ignoredIds }), before = this.#own.get(playerId);
    if (friendIds.length === 0 && before !== undefined && digestOf(before) === digestOf(player)) return;
    this.#forgetOwn(playerId);
    this.#own.set(playerId, player);
    this.#ownSum = this.#ownSum + digestOf(player) | 0;
    this.#changed.publish({ player, isOnline: true, toldIds: friendIds.map(BigInt) });
  }

  /** A player of this server has gone offline. */
  remove({ playerId, name }: PlayerName, friendIds: readonly number[]): void {
    if (!this.#game.bus.isShared || !this.#forgetOwn(playerId)) return;
    const player = playerOf({ playerId, name, ignoredIds: [] });
    this.#changed.publish({ player, isOnline: false, toldIds: friendIds.map(BigInt) });
  }

  #forgetOwn(playerId: number): boolean {
    const before = this.#own.get(playerId);
    if (before === undefined) return false;
    this.#own.delete(playerId);
    this.#ownSum = this.#ownSum - digestOf(before) | 0;
    return true;
  }

  #pageAfter(afterId: bigint): { players: OnlinePlayer[]; isLast: boolean } {
    const ids = [...this.#own.keys()].filter((id) => BigInt(id) > afterId).sort((a, b) => a - b);
    const players = ids.slice(0, PRESENCE_PAGE_PLAYERS_MAX).map((id) => this.#own.get(id)!);
    return { players, isLast: ids.length <= PRESENCE_PAGE_PLAYERS_MAX };
  }

  // Hearing

  #hear(from: string, change: PresenceChanged): void {
    const { waiting } = this.#nodeOf(from);
    if (waiting !== null) waiting.push(change);
    else this.#apply(from, change);
  }

  #apply(node: string, { player, isOnline, toldIds }: PresenceChanged): void {
    if (player === undefined) return;
    const playerId = Number(player.playerId);
    if (isOnline) {
      this.#put(node, player);
    } else {
      // It may be on a third server by now, or here.
      if (this.#players.get(playerId)?.node !== node) return;
      this.#drop(playerId);
      if (this.#game.players.isOnline(playerId)) return;
    }
    this.#listener.onChange({ playerId, name: player.name }, isOnline, toldIds.map(Number));
  }

  #ask(node: string): void {
    const known = this.#nodeOf(node);
    if (known.waiting !== null) return;
    known.waiting = [];
    this.#game.background("presence", async () => {
      try {
        const players = await this.#askAll(node);
        if (this.#nodes.get(node) === known) this.#replace(node, players);
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error;
        // The next digest says whether it must be asked again.
        this.#game.log.info("Cannot ask who is online on another server", { node, error: error.message });
      } finally {
        const waiting = known.waiting ?? [];
        known.waiting = null;
        // What was said before the answer as well: the newest of each player stands last.
        if (this.#nodes.get(node) === known) { for (const change of waiting) this.#apply(node, change); }
      }
    });
  }

  async #askAll(node: string): Promise<OnlinePlayer[]> {
    const players: OnlinePlayer[] = [];
    for (let afterId = 0n;;) {
      const page = await this.#asked.ask(node, { afterId });
      players.push(...page.players);
      const lastId = page.players.at(-1)?.playerId ?? 0n;
      if (page.isLast || lastId <= afterId) return players;
      afterId = lastId;
    }
  }

  /** These are all the players of a node. */
  #replace(node: string, players: readonly OnlinePlayer[]): void {
    const changes = new Map<number, { readonly name: string; readonly isOnline: boolean }>();
    const gone = new Set(this.#nodeOf(node).playerIds);
    for (const player of players) {
      const playerId = Number(player.playerId);
      gone.delete(playerId);
      if (!this.#players.has(playerId)) changes.set(playerId, { name: player.name, isOnline: true });
      this.#put(node, player);
    }
    for (const playerId of gone) {
      changes.set(playerId, { name: this.#players.get(playerId)!.name, isOnline: false });
      this.#drop(playerId);
    }
    for (const playerId of changes.keys()) if (this.#game.players.isOnline(playerId)) changes.delete(playerId);
    if (changes.size > 0) this.#listener.onChanges(changes);
  }

  #put(node: string, player: OnlinePlayer): void {
    const playerId = Number(player.playerId), digest = digestOf(player);
    this.#drop(playerId);
    this.#players.set(playerId, { name: player.name, node, ignored: new Set(player.ignoredIds), digest });
    const known = this.#nodeOf(node);
    known.playerIds.add(playerId);
    known.sum = known.sum + digest | 0;
  }

  #drop(playerId: number): void {
    const other = this.#players.get(playerId);
    if (other === undefined) return;
    this.#players.delete(playerId);
    const known = this.#nodeOf(other.node);
    known.playerIds.delete(playerId);
    known.sum = known.sum - other.digest | 0;
  }

  #nodeOf(node: string): OtherNode {
    let known = this.#nodes.get(node);
    if (known === undefined) this.#nodes.set(node, known = { playerIds: new Set(), sum: 0, waiting: null });
    return known;
  }
}

function playerOf({ playerId, name, ignoredIds }: OwnPlayer): OnlinePlayer {
  return create(OnlinePlayerSchema, { playerId: BigInt(playerId), name, ignoredIds: ignoredIds.map(BigInt) });
}

/** What is known of a player, in 32 bits. */
function digestOf({ playerId, ignoredIds }: OnlinePlayer): number {
  let digest = 0x811c9dc5;
  for (const id of [playerId, ...ignoredIds]) {
    for (let rest = Number(id); rest > 0; rest = Math.floor(rest / 0x10000)) {
      digest = Math.imul(digest ^ (rest & 0xffff), 0x01000193);
    }
    digest = Math.imul(digest ^ 0x2c, 0x01000193);
  }
  return digest;
}
