/** Which changes of guilds a server knows of. @module */

import { GUILD_VERSIONS_AHEAD_MAX } from "./limits.ts";

/**
 * Changes are numbered by the database, and each number comes with the news of its change. Whoever made a change may not
 * have been able to tell of it: it died, or the bus was down. So the database is asked for the last number now and then,
 * and a number that has not come by the next time is not waited for any more.
 */
export class GuildVersions {
  /** All changes up to this one are known. */
  #known = -1;
  /** Known beyond that, as the news of different servers come in any order. */
  readonly #ahead = new Set<number>();
  #newest = -1;
  /** The last number when the database was asked before. */
  #awaited = 0;

  /** The highest number that was heard of: what was read before that change may be outdated. */
  get newest(): number {
    return this.#newest;
  }

  /** A change is known: this server has made it, or was told. */
  note(version: number): void {
    this.#newest = Math.max(this.#newest, version);
    if (version <= this.#known) return;
    this.#ahead.add(version);
    this.#advance();
    // What is missing will not come: the next look makes up for it.
    if (this.#ahead.size > GUILD_VERSIONS_AHEAD_MAX) this.#ahead.clear();
  }

  /**
   * Takes the last number in the database.
   *
   * @returns Whether there are changes that should be known by now and are not: from then on they count as known, and
   * everything is to be read again.
   */
  look(version: number): boolean {
    const isBehind = this.#known < this.#awaited;
    if (isBehind) {
      this.#known = version;
      for (const each of this.#ahead) if (each <= version) this.#ahead.delete(each);
      this.#advance();
    }
    this.#newest = Math.max(this.#newest, version);
    this.#awaited = version;
    return isBehind;
  }

  #advance(): void {
    while (this.#ahead.delete(this.#known + 1)) this.#known++;
  }
}
