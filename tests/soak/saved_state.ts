/**
 * What is in a database file, read beside the server: by which it is judged, so it shares no query with it.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";

/** Everything of one company of players that was acknowledged, or is on disk: plain values, comparable as JSON. */
export interface CompanyState {
  /** Names of accounts, in order. */
  accounts: string[];
  /** Where characters were saved, by name; in centimetres. */
  places: Record<string, readonly [x: number, z: number]>;
  /** Members with their ranks, by name, of each guild, by name. */
  guilds: Record<string, Record<string, number>>;
  /** `a>b`: a has asked b to be friends. */
  requests: string[];
  /** `a=b`, names in order. */
  friends: string[];
  /** `a!b`: a ignores b. */
  ignored: string[];
  /** Whispers that are kept, by recipient, in order. */
  whispers: Record<string, string[]>;
}

type Row = Record<string, unknown>;

/** A database opened to be read. */
export class SavedState implements Disposable {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  }

  /** What belongs to the players whose names begin with `prefix`; their guilds do too. */
  company(prefix: string): CompanyState {
    const like = `${prefix}%`;
    const pairs = (sql: string) => this.#all(sql, like).map(({ pair }) => String(pair));
    const guilds: CompanyState["guilds"] = {};
    const members = this.#all(
      `SELECT guilds.name AS guild, accounts.name AS player, rank FROM guilds
        LEFT JOIN guild_members ON guild_id = guilds.id LEFT JOIN accounts ON accounts.id = player_id
        WHERE guilds.name LIKE ? ORDER BY guilds.name, accounts.name`,
      like,
    );
    for (const { guild, player, rank } of members) (guilds[String(guild)] ??= {})[String(player)] = Number(rank);
    const whispers: CompanyState["whispers"] = {};
    const kept = this.#all(
      `SELECT accounts.name AS player, message FROM kept_whispers JOIN accounts ON accounts.id = recipient_id
        WHERE accounts.name LIKE ? ORDER BY kept_whispers.id`,
      like,
    );
    for (const { player, message } of kept) (whispers[String(player)] ??= []).push(String(message));
    return {
      accounts: this.#all("SELECT name FROM accounts WHERE name LIKE ? ORDER BY name", like).map(({ name }) =>
        String(name)
      ),
      places: Object.fromEntries(
        this.#all("SELECT name, x, z FROM characters WHERE name LIKE ? AND x IS NOT NULL ORDER BY name", like)
          .map(({ name, x, z }) => [name, [Math.round(Number(x) * 100), Math.round(Number(z) * 100)]]),
      ),
      guilds,
      requests: pairs(
        `SELECT a.name || '>' || b.name AS pair FROM friend_requests
          JOIN accounts a ON a.id = from_id JOIN accounts b ON b.id = to_id WHERE a.name LIKE ? ORDER BY pair`,
      ),
      friends: pairs(
        `SELECT a.name || '=' || b.name AS pair FROM friends
          JOIN accounts a ON a.id = player_id JOIN accounts b ON b.id = friend_id
          WHERE a.name LIKE ? AND a.name < b.name ORDER BY pair`,
      ),
      ignored: pairs(
        `SELECT a.name || '!' || b.name AS pair FROM ignored_players
          JOIN accounts a ON a.id = player_id JOIN accounts b ON b.id = ignored_id WHERE a.name LIKE ? ORDER BY pair`,
      ),
      whispers,
    };
  }

  /** What no moment may show: each a sentence; empty when all is well. */
  damages(): string[] {
    const found = (what: string, sql: string) =>
      this.#all(sql).map((row) =>
        `${what}: ${JSON.stringify(row, (_, value) => String(value) === value ? value : value)}`
      );
    return [
      ...this.#all("PRAGMA integrity_check").map((row) => String(Object.values(row)[0])).filter((text) =>
        text !== "ok"
      ),
      ...found("row without its parent", "PRAGMA foreign_key_check"),
      ...found(
        "account without exactly one character of its name",
        `SELECT accounts.name, count(characters.id) AS count FROM accounts
          LEFT JOIN characters ON account_id = accounts.id AND characters.name = accounts.name
          GROUP BY accounts.id HAVING count <> 1`,
      ),
      ...found(
        "character of an account that is not there",
        "SELECT name FROM characters WHERE account_id NOT IN (SELECT id FROM accounts)",
      ),
      ...found(
        "guild without exactly one leader",
        `SELECT guilds.name, count(guild_members.id) AS count FROM guilds
          LEFT JOIN guild_members ON guild_id = guilds.id AND rank = 2 GROUP BY guilds.id HAVING count <> 1`,
      ),
      ...found(
        "member who is not there, or of a guild that is not",
        `SELECT player_id, guild_id FROM guild_members
          WHERE player_id NOT IN (SELECT id FROM accounts) OR guild_id NOT IN (SELECT id FROM guilds)`,
      ),
      ...found(
        "member who is invited",
        "SELECT guild_invites.player_id FROM guild_invites JOIN guild_members USING (player_id)",
      ),
      ...found(
        "friendship of one side",
        `SELECT player_id, friend_id FROM friends a WHERE NOT EXISTS
          (SELECT 1 FROM friends b WHERE b.player_id = a.friend_id AND b.friend_id = a.player_id)`,
      ),
      ...found(
        "friendship that is still asked for",
        `SELECT from_id, to_id FROM friend_requests
          JOIN friends ON player_id = from_id AND friend_id = to_id`,
      ),
    ];
  }

  /** The guilds that have invited a player, by its name: names and ids. */
  invitesOf(player: string): { readonly guild: string; readonly guildId: number }[] {
    return this.#all(
      `SELECT guilds.name AS guild, guilds.id AS guildId FROM guild_invites
        JOIN guilds ON guilds.id = guild_id JOIN accounts ON accounts.id = player_id WHERE accounts.name = ?`,
      player,
    ).map(({ guild, guildId }) => ({ guild: String(guild), guildId: Number(guildId) }));
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #all(sql: string, ...values: string[]): Row[] {
    return this.#database.prepare(sql).all(...values) as Row[];
  }
}
