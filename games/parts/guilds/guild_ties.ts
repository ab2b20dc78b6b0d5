/** Who of the players online is in which guild. @module */

import type { GuildTie } from "./guild_store.ts";

const NOBODY: ReadonlySet<number> = new Set();

/**
 * The guilds of the players who are online, as the storage has them: what chat, kills and the world look up. Players are
 * known from the time they come until they are forgotten; the storage alone knows everybody else.
 */
export class GuildTies {
  readonly #byPlayer = new Map<number, GuildTie | null>();
  readonly #byGuild = new Map<number, Set<number>>();

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
    return this.#byGuild.get(guildId) ?? NOBODY;
  }

  /**
   * Takes what the storage says of a player.
   *
   * @returns Whether the guild is another than before.
   */
  set(playerId: number, tie: GuildTie | null): boolean {
    const before = this.#byPlayer.get(playerId) ?? null;
    this.forget(playerId);
    this.#byPlayer.set(playerId, tie);
    if (tie !== null) {
      const members = this.#byGuild.get(tie.guildId);
      if (members === undefined) this.#byGuild.set(tie.guildId, new Set([playerId]));
      else members.add(playerId);
    }
    return before?.guildId !== tie?.guildId;
  }

  /** Forgets a player. */
  forget(playerId: number): void {
    const tie = this.#byPlayer.get(playerId);
    this.#byPlayer.delete(playerId);
    if (tie == null) return;
    const members = this.#byGuild.get(tie.guildId)!;
    members.delete(playerId);
    if (members.size === 0) this.#byGuild.delete(tie.guildId);
  }
}
