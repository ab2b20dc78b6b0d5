/** Friends, ignore lists and kept whispers in SQLite. @module */

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { EXPIRED_DELETED_MAX, STORAGE_ROWS_MAX } from "../../../shared/limits.ts";
import {
  FRIEND_REQUESTS_WAITING_MAX,
  FRIENDS_MAX,
  IGNORED_PLAYERS_MAX,
  KEPT_WHISPERS_MAX,
  KEPT_WHISPERS_PER_SENDER_MAX,
  KEPT_WHISPERS_TOTAL_MAX,
} from "./limits.ts";
import type { PlayerName } from "../../../server/storage/storage.ts";
import { sqliteStore } from "../../../server/storage/sqlite_store.ts";
import { checkId, checkRows } from "../../../server/storage/storage_checks.ts";
import type { HandlersOf } from "../../../server/storage/store.ts";
import { SOCIAL_SCHEMA } from "./social_schema.ts";
import { type KeptWhisper, type PlayerPair, SOCIAL } from "./social_store.ts";

/** Friends, ignore lists and kept whispers. */
export const SQLITE_SOCIAL = sqliteStore(SOCIAL, {
  schema: SOCIAL_SCHEMA,
  open: (database) => ({
    handlers: { ...lists(database), ...friends(database), ...ignoreLists(database), ...keptWhispers(database) },
    beforeRemoval: relatedQuery(database),
  }),
});

type Operations<Method extends keyof HandlersOf<typeof SOCIAL>> = Pick<HandlersOf<typeof SOCIAL>, Method>;

/** Players on whose lists a player is. */
function relatedQuery(database: DatabaseSync): (playerId: number) => number[] {
  const select = database.prepare(
    `SELECT friend_id AS id FROM friends WHERE player_id = ?1
      UNION SELECT to_id FROM friend_requests WHERE from_id = ?1
      UNION SELECT from_id FROM friend_requests WHERE to_id = ?1
      UNION SELECT player_id FROM ignored_players WHERE ignored_id = ?1 LIMIT ${STORAGE_ROWS_MAX}`,
  );
  return (playerId) => select.all(playerId).map(({ id }) => Number(id));
}

/** Prepares a query that gives players. */
function playersQuery(database: DatabaseSync, sql: string): (...values: SQLInputValue[]) => PlayerName[] {
  const statement = database.prepare(sql);
  return (...values) => statement.all(...values).map((row) => ({ ...row }) as unknown as PlayerName);
}

/** Prepares a query that gives one number. */
function numberQuery(database: DatabaseSync, sql: string): (...values: SQLInputValue[]) => number {
  const statement = database.prepare(sql);
  return (...values) => Number(Object.values(statement.get(...values) ?? {})[0]);
}

/** Prepares a statement that changes rows, and gives how many. */
function change(database: DatabaseSync, sql: string): (...values: SQLInputValue[]) => number {
  const statement = database.prepare(sql);
  return (...values) => Number(statement.run(...values).changes);
}

function checkPair({ playerId, otherId }: PlayerPair): void {
  checkId(playerId, "playerId");
  checkId(otherId, "otherId");
  if (playerId === otherId) throw new RangeError(`Cannot relate player ${playerId} to itself`);
}

function lists(database: DatabaseSync): Operations<"load"> {
  const selectFriends = playersQuery(
    database,
    "SELECT id AS playerId, name FROM friends JOIN accounts ON id = friend_id WHERE player_id = ? ORDER BY name_key",
  );
  // Who is ignored does not appear; where the ignoring ends, the request is still there.
  const selectIncoming = playersQuery(
    database,
    `SELECT id AS playerId, name FROM friend_requests JOIN accounts ON id = from_id
      WHERE to_id = ?1 AND from_id NOT IN (SELECT ignored_id FROM ignored_players WHERE player_id = ?1)
      ORDER BY name_key`,
  );
  const selectOutgoing = playersQuery(
    database,
    "SELECT id AS playerId, name FROM friend_requests JOIN accounts ON id = to_id WHERE from_id = ? ORDER BY name_key",
  );
  const selectIgnored = playersQuery(
    database,
    `SELECT id AS playerId, name FROM ignored_players JOIN accounts ON id = ignored_id
      WHERE player_id = ? ORDER BY name_key`,
  );

  return {
    load: (playerId) => {
      checkId(playerId, "playerId");
      return {
        friends: selectFriends(playerId),
        incoming: selectIncoming(playerId),
        outgoing: selectOutgoing(playerId),
        ignored: selectIgnored(playerId),
      };
    },
  };
}

function friends(database: DatabaseSync): Operations<"requestFriend" | "answerFriend" | "removeFriend"> {
  // Requests count as well, so that an answer never finds the list of the one who asked full.
  const countFriends = numberQuery(
    database,
    `SELECT (SELECT count(*) FROM friends WHERE player_id = ?1) +
      (SELECT count(*) FROM friend_requests WHERE from_id = ?1)`,
  );
  // Who is ignored is not seen, and keeps nobody out.
  const countIncoming = numberQuery(
    database,
    `SELECT count(*) FROM friend_requests
      WHERE to_id = ?1 AND from_id NOT IN (SELECT ignored_id FROM ignored_players WHERE player_id = ?1)`,
  );
  const countIgnored = numberQuery(
    database,
    "SELECT count(*) FROM ignored_players WHERE player_id = ? AND ignored_id = ?",
  );
  const countFriendship = numberQuery(database, "SELECT count(*) FROM friends WHERE player_id = ? AND friend_id = ?");
  const countRequest = numberQuery(database, "SELECT count(*) FROM friend_requests WHERE from_id = ? AND to_id = ?");
  const insertFriendship = change(
    database,
    "INSERT INTO friends (player_id, friend_id, since_ms) VALUES (?1, ?2, ?3), (?2, ?1, ?3)",
  );
  const deleteFriendship = change(
    database,
    "DELETE FROM friends WHERE (player_id = ?1 AND friend_id = ?2) OR (player_id = ?2 AND friend_id = ?1)",
  );
  const insertRequest = change(
    database,
    "INSERT INTO friend_requests (from_id, to_id, requested_at_ms) VALUES (?, ?, ?)",
  );
  const deleteRequest = change(database, "DELETE FROM friend_requests WHERE from_id = ? AND to_id = ?");

  /** Makes the two friends of whom `otherId` has asked. */
  function accept({ playerId, otherId }: PlayerPair, atMs: number): "accepted" | "own_list_full" {
    if (countFriends(playerId) >= FRIENDS_MAX) return "own_list_full";
    deleteRequest(otherId, playerId);
    insertFriendship(playerId, otherId, atMs);
    return "accepted";
  }

  return {
    requestFriend: ({ atMs, ...pair }) => {
      checkPair(pair);
      checkId(atMs, "atMs");
      const { playerId, otherId } = pair;
      if (countFriendship(playerId, otherId) > 0) return "friends_already";
      if (countRequest(playerId, otherId) > 0) return "requested_already";
      if (countRequest(otherId, playerId) > 0) return accept(pair, atMs);
      if (countFriends(playerId) >= FRIENDS_MAX) return "own_list_full";
      const isHidden = countIgnored(otherId, playerId) > 0;
      if (!isHidden && countIncoming(otherId) >= FRIEND_REQUESTS_WAITING_MAX) return "other_list_full";
      insertRequest(playerId, otherId, atMs);
      return "requested";
    },
    answerFriend: ({ atMs, isAccepted, ...pair }) => {
      checkPair(pair);
      checkId(atMs, "atMs");
      const { playerId, otherId } = pair;
      if (countRequest(otherId, playerId) === 0) return "not_found";
      if (isAccepted) return accept(pair, atMs);
      deleteRequest(otherId, playerId);
      return "declined";
    },
    removeFriend: (pair) => {
      checkPair(pair);
      const { playerId, otherId } = pair;
      if (deleteFriendship(playerId, otherId) > 0) return "removed";
      return deleteRequest(playerId, otherId) > 0 ? "withdrawn" : "not_found";
    },
  };
}

function ignoreLists(database: DatabaseSync): Operations<"addIgnored" | "removeIgnored"> {
  const count = numberQuery(database, "SELECT count(*) FROM ignored_players WHERE player_id = ?");
  const countPair = numberQuery(
    database,
    "SELECT count(*) FROM ignored_players WHERE player_id = ? AND ignored_id = ?",
  );
  const insert = change(database, "INSERT INTO ignored_players (player_id, ignored_id) VALUES (?, ?)");
  const remove = change(database, "DELETE FROM ignored_players WHERE player_id = ? AND ignored_id = ?");

  return {
    addIgnored: (pair) => {
      checkPair(pair);
      const { playerId, otherId } = pair;
      if (countPair(playerId, otherId) > 0) return "ignored_already";
      if (count(playerId) >= IGNORED_PLAYERS_MAX) return "list_full";
      insert(playerId, otherId);
      return "added";
    },
    removeIgnored: (pair) => {
      checkPair(pair);
      return remove(pair.playerId, pair.otherId) > 0;
    },
  };
}

function keptWhispers(
  database: DatabaseSync,
): Operations<"keepWhisper" | "listWhispers" | "deleteWhispers" | "deleteOldWhispers"> {
  const countIgnored = numberQuery(
    database,
    "SELECT count(*) FROM ignored_players WHERE player_id = ? AND ignored_id = ?",
  );
  const insert = database.prepare(
    "INSERT INTO kept_whispers (recipient_id, sender_id, message, sent_at_ms) VALUES (?, ?, ?, ?)",
  );
  const countAll = numberQuery(database, "SELECT count(*) FROM kept_whispers");
  const countOfSender = numberQuery(database, "SELECT count(*) FROM kept_whispers WHERE sender_id = ?");
  const countFriendship = numberQuery(database, "SELECT count(*) FROM friends WHERE player_id = ? AND friend_id = ?");
  /** How many a recipient has of each sender that is a friend, or of each that is not; those with most first. */
  const selectBox = database.prepare(
    `SELECT sender_id AS senderId, count(*) AS count, min(id) AS oldestId FROM kept_whispers
      WHERE recipient_id = ?1 AND
        (sender_id IN (SELECT friend_id FROM friends WHERE player_id = ?1)) = ?2
      GROUP BY sender_id ORDER BY count DESC, oldestId`,
  );
  const deleteOne = change(database, "DELETE FROM kept_whispers WHERE id = ?");
  const deleteOld = change(
    database,
    `DELETE FROM kept_whispers WHERE id IN
      (SELECT id FROM kept_whispers WHERE sent_at_ms < ? LIMIT ${EXPIRED_DELETED_MAX})`,
  );
  const select = database.prepare(
    `SELECT kept_whispers.id AS whisperId, sender_id AS senderId, name AS senderName, message, sent_at_ms AS sentAtMs
      FROM kept_whispers JOIN accounts ON accounts.id = sender_id
      WHERE recipient_id = ? AND sent_at_ms >= ? ORDER BY whisperId`,
  );
  const deleteSome = change(
    database,
    "DELETE FROM kept_whispers WHERE recipient_id = ? AND id IN (SELECT value FROM json_each(?))",
  );
  /** At least as many as there are: counting them all takes time, so it is done only where they may be too many. */
  let countMost = Infinity;

  function isTableFull(): boolean {
    if (countMost >= KEPT_WHISPERS_TOTAL_MAX) countMost = countAll();
    return countMost >= KEPT_WHISPERS_TOTAL_MAX;
  }

  /** Makes room for one more of a sender; gives whether there is. Nobody loses what others whispered but once. */
  function makeRoom(recipientId: number, senderId: number): boolean {
    const box = selectBox.all(recipientId, countFriendship(recipientId, senderId) > 0 ? 1 : 0) as unknown as {
      readonly senderId: number;
      readonly count: number;
      readonly oldestId: number;
    }[];
    if (box.reduce((sum, { count }) => sum + count, 0) < KEPT_WHISPERS_MAX) return true;
    // The one to be kept counts as well.
    const own = box.find((each) => each.senderId === senderId);
    const most = own !== undefined && own.count + 1 > box[0].count ? own : box[0];
    if (most !== own && most.count < 2) return false;
    deleteOne(most.oldestId);
    return true;
  }

  return {
    keepWhisper: ({ recipientId, senderId, message, sentAtMs }) => {
      checkPair({ playerId: recipientId, otherId: senderId });
      checkId(sentAtMs, "sentAtMs");
      if (countIgnored(recipientId, senderId) > 0) return { kind: "ignored" };
      const isFull = countOfSender(senderId) >= KEPT_WHISPERS_PER_SENDER_MAX || isTableFull();
      if (isFull || !makeRoom(recipientId, senderId)) return { kind: "full" };
      const { lastInsertRowid } = insert.run(recipientId, senderId, message, sentAtMs);
      countMost++;
      return { kind: "kept", whisperId: Number(lastInsertRowid) };
    },
    listWhispers: ({ recipientId, sentFromMs }) => {
      checkId(recipientId, "recipientId");
      checkId(sentFromMs, "sentFromMs");
      return select.all(recipientId, sentFromMs).map((row) => ({ ...row }) as unknown as KeptWhisper);
    },
    deleteWhispers: ({ recipientId, whisperIds }) => {
      checkId(recipientId, "recipientId");
      checkRows(whisperIds.length);
      for (const whisperId of whisperIds) checkId(whisperId, "whisperId");
      return deleteSome(recipientId, JSON.stringify(whisperIds));
    },
    deleteOldWhispers: ({ sentBeforeMs }) => {
      checkId(sentBeforeMs, "sentBeforeMs");
      return deleteOld(sentBeforeMs);
    },
  };
}
