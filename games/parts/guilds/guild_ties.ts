/** Who of the players online is in which guild. @module */

import type { GuildTie, OwnTie } from "./guild_store.ts";

const NOBODY: ReadonlySet<number> = new Set();

/** A guild of whom members are known. */
interface KnownGuild {
  readonly members: Set<number>;
  /** When its wars end, Unix milliseconds, by the enemy's id. */
  wars: Map<number, number>;
}

/**
 * The guilds of the players who are online, as the storage has them: what chat, kills, fights and the world look up.
 * Players are known from the time they come until they are forgotten; the storage alone knows everybody else.
 */
export class GuildTies {
  readonly #byPlayer = new Map<number, GuildTie | null>();
  readonly #byGuild = new Map<number, KnownGuild>();

  /** Players that are known. */
  get playerIds(): Iterable<number> {
    return this.#byPlayer.keys();
  }

  /** The guild of a player; `null` for one in none, `undefined` for one who is not known. */
  find(playerId: number): GuildTie | null | undefined {
    return this.#byPlayer.get(playerId);
  }

  /** The known members of a guild. */
  membersOf(guildId: number): ReadonlySet<number> {
    return this.#byGuild.get(guildId)?.members ?? NOBODY;
  }

  /**
   * Whether the guilds of two players are at war; any numbers may be asked.
   *
   * @param nowMs Unix time in milliseconds.
   */
  areAtWar(playerId: number, otherId: number, nowMs: number): boolean {
    const own = this.#byPlayer.get(playerId), other = this.#byPlayer.get(otherId);
    if (own == null || other == null) return false;
    return nowMs < (this.#byGuild.get(own.guildId)?.wars.get(other.guildId) ?? 0);
  }

  /** Two guilds are at war from now on, until `endsAtMs`. */
  beginWar(guildId: number, enemyGuildId: number, endsAtMs: number): void {
    this.#byGuild.get(guildId)?.wars.set(enemyGuildId, endsAtMs);
    this.#byGuild.get(enemyGuildId)?.wars.set(guildId, endsAtMs);
  }

  /** A war of two guilds is ended. */
  endWar(guildId: number, enemyGuildId: number): void {
    this.#byGuild.get(guildId)?.wars.delete(enemyGuildId);
    this.#byGuild.get(enemyGuildId)?.wars.delete(guildId);
  }

  /**
   * Takes what the storage says of a player.
   *
   * @returns Whether the guild is another than before.
   */
  set(playerId: number, tie: OwnTie | null): boolean {
    const before = this.#byPlayer.get(playerId) ?? null;
    this.forget(playerId);
    this.#byPlayer.set(playerId, tie);
    if (tie !== null) {
      const wars = new Map(tie.wars.map(({ enemyGuildId, endsAtMs }) => [enemyGuildId, endsAtMs]));
      const guild = this.#byGuild.get(tie.guildId);
      if (guild === undefined) this.#byGuild.set(tie.guildId, { members: new Set([playerId]), wars });
      else {
        guild.members.add(playerId);
        guild.wars = wars;
      }
    }
    return before?.guildId !== tie?.guildId;
  }

  /** Forgets a player. */
  forget(playerId: number): void {
    const tie = this.#byPlayer.get(playerId);
    this.#byPlayer.delete(playerId);
    if (tie == null) return;
    const { members } = this.#byGuild.get(tie.guildId)!;
    members.delete(playerId);
    if (members.size === 0) this.#byGuild.delete(tie.guildId);
  }
}
