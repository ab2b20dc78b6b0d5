/**
 * Who of the players online is in which guild, as the storage has it.
 *
 * @module
 */

import { type Game, type Player, type PlayerName, type Stores, SYSTEM } from "../../../server/game/game.ts";
import { STORAGE_ROWS_MAX } from "../../../shared/limits.ts";
import type { SocialService } from "../friends/social_handlers.ts";
import type { GuildCalls } from "./guild_calls.ts";
import { showGuild } from "./guild_component.ts";
import { GUILDS, type OwnTie } from "./guild_store.ts";
import { GuildTies } from "./guild_ties.ts";
import type { GuildVersions } from "./guild_versions.ts";

/** Knows the guilds of the players online, and shows them in the world. */
export class GuildMembers {
  readonly ties = new GuildTies();
  readonly #game: Game;
  readonly #calls: GuildCalls;
  readonly #social: Pick<SocialService, "delivery">;
  readonly #versions: Pick<GuildVersions, "newest">;
  /** Players whose guild must be asked for again: it could not be learned, or may have changed without our knowing. */
  readonly #doubtful = new Set<number>();
  /** Players who are known and were away when this was last looked at. */
  #absent = new Set<number>();

  constructor(
    game: Game,
    { calls, social, versions }: {
      readonly calls: GuildCalls;
      readonly social: Pick<SocialService, "delivery">;
      readonly versions: Pick<GuildVersions, "newest">;
    },
  ) {
    this.#versions = versions;
    this.#game = game;
    this.#calls = calls;
    this.#social = social;
  }

  /**
   * Learns the guild of a player, unless it is known.
   *
   * @throws {DependencyError} when the storage cannot tell.
   */
  load(playerId: number, stores: Stores): Promise<void> {
    this.#absent.delete(playerId);
    if (this.ties.find(playerId) !== undefined && !this.#doubtful.has(playerId)) return Promise.resolve();
    return this.#loadAll([playerId], stores);
  }

  /** The members of a guild who are online. */
  online(guildId: number): Player[] {
    const members: Player[] = [];
    for (const playerId of this.ties.membersOf(guildId)) {
      const player = this.#game.players.find(playerId);
      if (player !== undefined) members.push(player);
    }
    return members;
  }

  /** The guild of a player could not be learned. */
  doubt(playerId: number): void {
    this.#doubtful.add(playerId);
  }

  /** Anybody's may have changed. */
  doubtAll(): void {
    for (const playerId of this.ties.playerIds) this.#doubtful.add(playerId);
  }

  /** Whether the guild of a player is not known for certain. */
  isDoubtful(playerId: number): boolean {
    return this.#doubtful.has(playerId);
  }

  #loadAll(playerIds: readonly number[], stores: Stores): Promise<void> {
    return this.#calls.run(
      () => stores.of(GUILDS).findTies(playerIds),
      ({ version, ties }) => {
        const byPlayer = new Map(ties.map(({ playerId, ...tie }) => [playerId, tie]));
        // Read before a change that is known by now, which may be these players' own: it is asked for again.
        const isOutdated = version < this.#versions.newest;
        for (const playerId of playerIds) {
          if (isOutdated) this.#doubtful.add(playerId);
          if (!isOutdated || this.ties.find(playerId) === undefined) this.set(playerId, byPlayer.get(playerId) ?? null);
        }
      },
    );
  }

  /** Forgets players who have been away since the last call; one who is about to come is not among them. */
  forgetAbsent(): void {
    const absent = new Set<number>();
    for (const playerId of this.ties.playerIds) {
      if (this.#game.players.isOnline(playerId)) continue;
      if (this.#absent.has(playerId)) this.ties.forget(playerId);
      else absent.add(playerId);
    }
    this.#absent = absent;
  }

  /** Shows the guild of a player at its entity. */
  show(entityId: number, { playerId }: PlayerName): void {
    showGuild(this.#game.world, entityId, this.ties.find(playerId));
  }

  /** Takes what the storage says of a player, and shows it in the world. */
  set(playerId: number, tie: OwnTie | null): void {
    const { players, world } = this.#game;
    const player = players.find(playerId);
    this.#retract(playerId, tie);
    if (!this.ties.set(playerId, tie) || player === undefined || !player.isInWorld) return;
    showGuild(world, player.entityId, tie);
  }

  /** A player who changes guilds, or leaves one, is no longer heard in the old one, even if it logs out at once. */
  #retract(playerId: number, tie: OwnTie | null): void {
    const guildId = this.ties.find(playerId)?.guildId;
    if (guildId === undefined || guildId === tie?.guildId) return;
    this.#social.delivery.fanOut.retract(playerId, guildAudience(guildId));
  }

  /** The account of a player is gone. */
  forget(playerId: number): void {
    this.#retract(playerId, null);
    this.ties.forget(playerId);
  }

  /** Asks the storage again for the guilds of players that are not known for certain. */
  async clearDoubts(): Promise<void> {
    if (this.#doubtful.size === 0) return;
    // What was asked for before may be answered after what is asked for now.
    if (this.#game.bus.isShared) await this.#calls.idle();
    const playerIds = [...this.#doubtful].slice(0, STORAGE_ROWS_MAX);
    if (playerIds.length === 0) return;
    for (const playerId of playerIds) this.#doubtful.delete(playerId);
    try {
      await this.#loadAll(playerIds, this.#game.storage.for(SYSTEM));
    } catch (error) {
      for (const playerId of playerIds) this.#doubtful.add(playerId);
      throw error;
    }
  }
}

/** Who hears what is said in a guild. */
export function guildAudience(guildId: number): string {
  return `guild ${guildId}`;
}
