/**
 * Which players this node owns. Where it has the database for itself, everybody; where nodes share one, those it has
 * claimed and not given up.
 *
 * @module
 */

import { DependencyError } from "../../shared/errors.ts";
import { OWNERSHIP_ASKED_AGAIN_MS, OWNERSHIP_WAIT_MS, STORAGE_ROWS_MAX } from "../../shared/limits.ts";
import type { Timers } from "../base/clock.ts";
import type { LimitedLogger } from "../ops/rate_limited_log.ts";
import type { Asker } from "../storage/storage.ts";
import { resumeTokenHash } from "../auth/resume_token.ts";
import type {
  Directory,
  NodeId,
  Ownership,
  SessionMark,
  SessionPlace,
  SessionQuery,
  TakenSession,
} from "./directory_store.ts";

/** What became of the attempt to take a session; `lapsed`: this node holds no lease. */
export type Taken = TakenSession | SessionPlace | { readonly kind: "lapsed" };

/** By what a session is resumed. */
export interface ResumeMark {
  /** The character that is played; 0: the account's first. */
  readonly characterId: number;
  readonly resumeToken: string;
  /** The token before, while its client may not have learned the new one; empty: none. */
  readonly previousResumeToken: string;
}

/** Whether a node that has a player may keep it. */
export type Keeps = (owner: NodeId, playerId: number) => Promise<boolean>;

/** A player who is owned. */
export interface Acquired {
  /** What every write of the player's state must name; null: nothing, as there are no other nodes. */
  readonly owner: Ownership | null;
  /** Whether its session is to be resumed by what was asked for: it was claimed with that just now. */
  readonly isMarked: boolean;
}

const NOBODY_ELSE: Acquired = { owner: null, isMarked: true };

/** The players of a node. */
export interface Ownerships {
  /**
   * Owns a player from now on; one that another node has is asked of it, and waited for a while. What this node believes
   * to own it looks up: others may have claimed it while this one was cut off.
   *
   * @param asker Who wants the player to come in: what many ask for takes turns.
   * @param mark By what its session is to be resumed.
   * @param keeps Whether another node that has the player may keep it; left out: it may not.
   * @returns undefined: another node keeps it.
   * @throws {DependencyError} `unavailable` when another node does not give the player up, or this one holds no lease.
   */
  acquire(playerId: number, asker: Asker, mark: ResumeMark, keeps?: Keeps): Promise<Acquired | undefined>;

  /**
   * Says by what a player's session is resumed from now on, on any node.
   *
   * @param options `tokenEpoch`: which tokens of its account held when the session began; `asker`: in whose turn.
   * @returns False: those hold no longer, and nothing is done.
   * @throws {DependencyError} `fenced` when the player is another node's by now.
   */
  mark(
    owner: Ownership,
    mark: ResumeMark,
    options: { readonly tokenEpoch: number; readonly asker: Asker },
  ): Promise<boolean>;

  /** What a write of a player's state must name: null: nothing; undefined: it must not be done, the player is not owned. */
  find(playerId: number): Ownership | null | undefined;

  /** Gives up the players that are not needed any more, and those whom it could not give up before. */
  sweep(isNeeded: (playerId: number) => boolean): void;

  /** What goes on when the game is reloaded. */
  image(): readonly Ownership[];

  /** Goes on with what {@linkcode Ownerships.image} gave. */
  restore(image: readonly Ownership[]): void;

  /** A write of a player was refused as `fenced`: it is looked whose the player is. */
  onFenced(playerId: number): void;

  /** This node has heard of its lease a moment ago. */
  readonly isCurrent: boolean;

  /**
   * Holds that {@linkcode Ownerships.isCurrent}.
   *
   * @throws {DependencyError} `unavailable` otherwise: nothing may be promised that must last.
   */
  checkLease(): void;
}

/** One node has the database for itself. */
export const OWNS_EVERYBODY: Ownerships = {
  acquire: () => Promise.resolve(NOBODY_ELSE),
  mark: () => Promise.resolve(true),
  find: () => null,
  sweep: () => {},
  image: () => [],
  restore: () => {},
  onFenced: () => {},
  isCurrent: true,
  checkLease: () => {},
};

/** {@linkcode Ownerships} where nodes share a database. */
export class ClaimedOwnerships implements Ownerships {
  readonly #directory: Directory;
  readonly #directoryFor: (asker: Asker) => Directory;
  readonly #nowMs: () => number;
  readonly #node: NodeId;
  readonly #timers: Timers;
  readonly #owned = new Map<number, Ownership>();
  /** Given up here, and not known to be given up in the database, by player. */
  readonly #unreleased = new Map<number, { readonly ownership: Ownership; isUnderWay: boolean }>();
  /** Claims under way: of one player, one. */
  readonly #claims = new Map<number, Promise<Ownership | undefined>>();
  readonly #onLost: (playerId: number) => void;
  readonly #isCurrent: () => boolean;
  readonly #log: Pick<LimitedLogger, "warn">;

  /**
   * @param options `directoryFor` asks the directory on somebody's behalf; `nowMs` is monotonic. `onLost` is told of players that turned out to be another node's; `isCurrent` says whether the node has
   * heard of its lease a moment ago.
   */
  constructor(
    { directory, directoryFor, node, nowMs, timers, log, onLost, isCurrent }: {
      readonly directory: Directory;
      readonly directoryFor: (asker: Asker) => Directory;
      readonly nowMs: () => number;
      readonly node: NodeId;
      readonly timers: Timers;
      readonly log: Pick<LimitedLogger, "warn">;
      readonly onLost: (playerId: number) => void;
      readonly isCurrent: () => boolean;
    },
  ) {
    this.#directory = directory;
    this.#directoryFor = directoryFor;
    this.#nowMs = nowMs;
    this.#node = { serverId: node.serverId, incarnation: node.incarnation };
    this.#timers = timers;
    this.#log = log;
    this.#onLost = onLost;
    this.#isCurrent = isCurrent;
  }

  /** How many there are. */
  get count(): number {
    return this.#owned.size;
  }

  async acquire(playerId: number, asker: Asker, mark: ResumeMark, keeps?: Keeps): Promise<Acquired | undefined> {
    const directory = this.#directoryFor(asker);
    if (this.#owned.has(playerId)) await this.check([playerId], directory);
    const before = this.#owned.get(playerId) ?? await this.#claims.get(playerId);
    if (before !== undefined) return { owner: before, isMarked: false };
    const owner = await this.#during(playerId, this.#claim(playerId, directory, { mark: markOf(mark), keeps }));
    return owner === undefined ? undefined : { owner, isMarked: true };
  }

  async mark(
    { playerId, epoch }: Ownership,
    mark: ResumeMark,
    { tokenEpoch, asker }: { readonly tokenEpoch: number; readonly asker: Asker },
  ): Promise<boolean> {
    const marked = await this.#directoryFor(asker).mark({ playerId, epoch, mark: markOf(mark), tokenEpoch });
    if (marked !== "fenced") return marked === "marked";
    throw new DependencyError("fenced", `Cannot mark player ${playerId}: it is another node's by now`);
  }

  /**
   * Claims a player for whoever brings the token of a session that is on no other node. A player whom this node has, or is
   * about to have, is not claimed so: its session is here, or over.
   */
  async take(
    playerId: number,
    asker: Asker,
    query: SessionQuery & { readonly nextTokenHash: string },
  ): Promise<Taken> {
    if (this.#owned.has(playerId) || this.#claims.has(playerId)) return { kind: "over" };
    let taken: Taken | undefined;
    const claim = this.#directoryFor(asker).takeSession({ ...query, node: this.#node }).then((answer) => {
      taken = answer;
      if (answer.kind !== "taken") throw unavailable(playerId, `its session is ${answer.kind}`);
      return this.#hold(answer);
    });
    await this.#during(playerId, claim).catch((error) => {
      if (taken === undefined) throw error;
    });
    return taken!;
  }

  /** Forgets a player who was taken and could not be brought into the world: it is still this node's to take. */
  forget(playerId: number): void {
    this.#owned.delete(playerId);
  }

  /** A player is wanted whom this node has in the directory: true where it does not know of that. */
  isStray(playerId: number): boolean {
    return !this.#owned.has(playerId) && !this.#claims.has(playerId);
  }

  /** Others who want the player wait for a claim that is under way. */
  async #during<Claimed extends Ownership | undefined>(playerId: number, claim: Promise<Claimed>): Promise<Claimed> {
    this.#claims.set(playerId, claim);
    try {
      return await claim;
    } finally {
      this.#claims.delete(playerId);
    }
  }

  #hold({ playerId, epoch }: Ownership): Ownership {
    const ownership = { playerId, epoch };
    this.#owned.set(playerId, ownership);
    this.#unreleased.delete(playerId);
    return ownership;
  }

  find(playerId: number): Ownership | undefined {
    return this.#owned.get(playerId);
  }

  sweep(isNeeded: (playerId: number) => boolean): void {
    for (const [playerId, ownership] of this.#owned) {
      if (isNeeded(playerId) || this.#claims.has(playerId)) continue;
      this.#owned.delete(playerId);
      this.#unreleased.set(playerId, { ownership, isUnderWay: false });
    }
    // Others wait for who is not given up in the database for as long as this node lives.
    for (const each of this.#unreleased.values()) if (!each.isUnderWay) void this.#release(each);
  }

  image(): Ownership[] {
    return [...this.#owned.values(), ...Array.from(this.#unreleased.values(), ({ ownership }) => ownership)];
  }

  restore(image: readonly Ownership[]): void {
    for (const ownership of image) this.#owned.set(ownership.playerId, ownership);
  }

  onFenced(playerId: number): void {
    this.checkSoon([playerId]);
  }

  get isCurrent(): boolean {
    return this.#isCurrent();
  }

  checkLease(): void {
    if (this.isCurrent) return;
    throw new DependencyError(
      "unavailable",
      "Cannot promise anything: this node has not heard of its lease for too long",
    );
  }

  /** {@linkcode ClaimedOwnerships.check} of some players, whose answer nobody waits for. */
  checkSoon(playerIds: readonly number[]): void {
    this.check(playerIds).catch((error) =>
      this.#log.warn("Cannot check which servers the players are on", { error: String(error) })
    );
  }

  /** Looks which of some players - all unless told - are owned still. Rejects as the directory does. */
  async check(playerIds: Iterable<number> = this.#owned.keys(), directory = this.#directory): Promise<void> {
    const owned = [...playerIds].map((playerId) => this.#owned.get(playerId)).filter((each) => each !== undefined);
    for (let from = 0; from < owned.length; from += STORAGE_ROWS_MAX) {
      const asked = owned.slice(from, from + STORAGE_ROWS_MAX);
      for (const playerId of await directory.lost(asked)) {
        const ownership = asked.find((each) => each.playerId === playerId);
        // It may have been claimed anew meanwhile.
        if (this.#owned.get(playerId) !== ownership) continue;
        this.#owned.delete(playerId);
        this.#onLost(playerId);
      }
    }
  }

  /**
   * Gives up those of some ownerships that this node does not know of: it claimed them, and was not told. Done by the next
   * {@linkcode ClaimedOwnerships.sweep}.
   */
  giveBackUnknown(ownerships: readonly Ownership[]): void {
    for (const ownership of ownerships) {
      const { playerId } = ownership;
      if (this.#owned.has(playerId) || this.#claims.has(playerId) || this.#unreleased.has(playerId)) continue;
      this.#unreleased.set(playerId, { ownership, isUnderWay: false });
    }
  }

  async #release(release: { readonly ownership: Ownership; isUnderWay: boolean }): Promise<void> {
    const { ownership } = release, { playerId } = ownership;
    release.isUnderWay = true;
    try {
      // A claim since has raised the epoch: then it changes nothing.
      await this.#directory.release(ownership);
      if (this.#unreleased.get(playerId) === release) this.#unreleased.delete(playerId);
    } catch {
      release.isUnderWay = false;
    }
  }

  async #claim(
    playerId: number,
    directory: Directory,
    { mark, keeps }: { readonly mark: SessionMark; readonly keeps: Keeps | undefined },
  ): Promise<Ownership | undefined> {
    const untilMs = this.#nowMs() + OWNERSHIP_WAIT_MS;
    let asks = keeps === undefined;
    while (true) {
      const claim = await directory.claim({ playerId, node: this.#node, mark, asks });
      if (claim.kind === "claimed") return this.#hold({ playerId, epoch: claim.epoch });
      if (claim.kind === "lapsed") throw unavailable(playerId, "this node holds no lease");
      if (!asks) {
        if (await keeps!(claim.owner, playerId)) return undefined;
        asks = true;
        continue;
      }
      if (this.#nowMs() >= untilMs) {
        throw unavailable(playerId, `server ${claim.owner.serverId} keeps the player`);
      }
      await new Promise<void>((resolve) => this.#timers.set(resolve, OWNERSHIP_ASKED_AGAIN_MS));
    }
  }
}

function unavailable(playerId: number, reason: string): DependencyError {
  return new DependencyError("unavailable", `Cannot own player ${playerId}: ${reason}`);
}

/** The same as the directory keeps it. */
export function markOf({ characterId, resumeToken, previousResumeToken }: ResumeMark): SessionMark {
  return {
    characterId,
    tokenHash: resumeTokenHash(resumeToken),
    previousTokenHash: previousResumeToken === "" ? null : resumeTokenHash(previousResumeToken),
  };
}
