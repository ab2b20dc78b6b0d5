/** Friends, ignore lists and kept whispers in a database. @module */

import { EXPIRED_DELETED_MAX, STORAGE_ROWS_MAX } from "../../../shared/limits.ts";
import {
  FRIEND_REQUESTS_WAITING_MAX,
  FRIENDS_MAX,
  IGNORED_PLAYERS_MAX,
  KEPT_WHISPERS_MAX,
  KEPT_WHISPERS_PER_SENDER_MAX,
  KEPT_WHISPERS_TOTAL_MAX,
} from "./limits.ts";
import {
  checkId,
  checkRows,
  type Count,
  countOf,
  type HandlersOf,
  isTaken,
  listOf,
  type PlayerName,
  Room,
  type Sql,
  sqlStore,
  statement,
} from "../../../server/game/store.ts";
import { SOCIAL_SCHEMA, SOCIAL_SCHEMA_POSTGRES } from "./social_schema.ts";
import { type KeptWhisper, type PlayerPair, SOCIAL } from "./social_store.ts";

type Operations<Method extends keyof HandlersOf<typeof SOCIAL>> = Pick<HandlersOf<typeof SOCIAL>, Method>;

interface IdRow {
  readonly id: number;
}

/** How many whispers of one sender a recipient has. */
interface BoxRow {
  readonly senderId: number;
  readonly count: number;
  readonly oldestId: number;
}

/** Players on whose lists a player is. */
const SELECT_RELATED = statement<IdRow>(
  `SELECT friend_id AS id FROM friends WHERE player_id = ?1
    UNION SELECT to_id FROM friend_requests WHERE from_id = ?1
    UNION SELECT from_id FROM friend_requests WHERE to_id = ?1
    UNION SELECT player_id FROM ignored_players WHERE ignored_id = ?1 LIMIT ${STORAGE_ROWS_MAX}`,
);
const SELECT_FRIENDS = statement<PlayerName>(
  "SELECT id AS playerId, name FROM friends JOIN accounts ON id = friend_id WHERE player_id = ? ORDER BY name_key",
);
// Who is ignored does not appear; where the ignoring ends, the request is still there.
const SELECT_INCOMING = statement<PlayerName>(
  `SELECT id AS playerId, name FROM friend_requests JOIN accounts ON id = from_id
    WHERE to_id = ?1 AND from_id NOT IN (SELECT ignored_id FROM ignored_players WHERE player_id = ?1)
    ORDER BY name_key`,
);
const SELECT_OUTGOING = statement<PlayerName>(
  "SELECT id AS playerId, name FROM friend_requests JOIN accounts ON id = to_id WHERE from_id = ? ORDER BY name_key",
);
const SELECT_IGNORED = statement<PlayerName>(
  `SELECT id AS playerId, name FROM ignored_players JOIN accounts ON id = ignored_id
    WHERE player_id = ? ORDER BY name_key`,
);
// Requests count as well, so that an answer never finds the list of the one who asked full.
const COUNT_FRIENDS: Count = statement(
  `SELECT (SELECT count(*) FROM friends WHERE player_id = ?1) +
    (SELECT count(*) FROM friend_requests WHERE from_id = ?1) AS count`,
);
// Who is ignored is not seen, and keeps nobody out.
const COUNT_INCOMING: Count = statement(
  `SELECT count(*) AS count FROM friend_requests
    WHERE to_id = ?1 AND from_id NOT IN (SELECT ignored_id FROM ignored_players WHERE player_id = ?1)`,
);
const COUNT_IGNORED: Count = statement("SELECT count(*) AS count FROM ignored_players WHERE player_id = ?");
const COUNT_IGNORED_PAIR: Count = statement(
  "SELECT count(*) AS count FROM ignored_players WHERE player_id = ? AND ignored_id = ?",
);
const COUNT_FRIENDSHIP: Count = statement(
  "SELECT count(*) AS count FROM friends WHERE player_id = ? AND friend_id = ?",
);
const COUNT_REQUEST: Count = statement(
  "SELECT count(*) AS count FROM friend_requests WHERE from_id = ? AND to_id = ?",
);
const INSERT_FRIENDSHIP = statement(
  "INSERT INTO friends (player_id, friend_id, since_ms) VALUES (?1, ?2, ?3), (?2, ?1, ?3)",
);
const DELETE_FRIENDSHIP = statement(
  "DELETE FROM friends WHERE (player_id = ?1 AND friend_id = ?2) OR (player_id = ?2 AND friend_id = ?1)",
);
const INSERT_REQUEST = statement("INSERT INTO friend_requests (from_id, to_id, requested_at_ms) VALUES (?, ?, ?)");
const DELETE_REQUEST = statement("DELETE FROM friend_requests WHERE from_id = ? AND to_id = ?");
const INSERT_IGNORED = statement("INSERT INTO ignored_players (player_id, ignored_id) VALUES (?, ?)");
const DELETE_IGNORED = statement("DELETE FROM ignored_players WHERE player_id = ? AND ignored_id = ?");
const INSERT_WHISPER = statement<IdRow>(
  "INSERT INTO kept_whispers (recipient_id, sender_id, message, sent_at_ms) VALUES (?, ?, ?, ?) RETURNING id",
);
const COUNT_WHISPERS: Count = statement("SELECT count(*) AS count FROM kept_whispers");
const COUNT_WHISPERS_OF_SENDER: Count = statement("SELECT count(*) AS count FROM kept_whispers WHERE sender_id = ?");
/** Of each sender that is a friend, or of each that is not; those with most first. */
const SELECT_BOX = statement<BoxRow>(
  `SELECT sender_id AS senderId, count(*) AS count, min(id) AS oldestId FROM kept_whispers
    WHERE recipient_id = ?1 AND
      CASE WHEN sender_id IN (SELECT friend_id FROM friends WHERE player_id = ?1) THEN 1 ELSE 0 END = ?2
    GROUP BY sender_id ORDER BY count DESC, oldestId`,
);
const DELETE_WHISPER = statement("DELETE FROM kept_whispers WHERE id = ?");
const DELETE_OLD_WHISPERS = statement(
  `DELETE FROM kept_whispers WHERE id IN
    (SELECT id FROM kept_whispers WHERE sent_at_ms < ? LIMIT ${EXPIRED_DELETED_MAX})`,
);
const SELECT_WHISPERS = statement<KeptWhisper>(
  `SELECT kept_whispers.id AS whisperId, sender_id AS senderId, name AS senderName, message, sent_at_ms AS sentAtMs
    FROM kept_whispers JOIN accounts ON accounts.id = sender_id
    WHERE recipient_id = ? AND sent_at_ms >= ? ORDER BY whisperId`,
);
const DELETE_WHISPERS = statement(
  "DELETE FROM kept_whispers WHERE recipient_id = ? AND id IN (SELECT value FROM ids(?))",
);

/** Friends, ignore lists and kept whispers. */
export const STORED_SOCIAL = sqlStore(SOCIAL, {
  schema: SOCIAL_SCHEMA,
  postgresSchema: SOCIAL_SCHEMA_POSTGRES,
  open: () => ({
    handlers: { ...LISTS, ...FRIENDS, ...IGNORE_LISTS, ...keptWhispers() },
    *beforeRemoval(playerId) {
      return (yield* SELECT_RELATED.all(playerId)).map(({ id }) => id);
    },
  }),
});

function checkPair({ playerId, otherId }: PlayerPair): void {
  checkId(playerId, "playerId");
  checkId(otherId, "otherId");
  if (playerId === otherId) throw new RangeError(`Cannot relate player ${playerId} to itself`);
}

function* ignores(playerId: number, otherId: number): Sql<boolean> {
  return (yield* countOf(COUNT_IGNORED_PAIR, playerId, otherId)) > 0;
}

function* areFriends(playerId: number, otherId: number): Sql<boolean> {
  return (yield* countOf(COUNT_FRIENDSHIP, playerId, otherId)) > 0;
}

function* hasAsked(playerId: number, otherId: number): Sql<boolean> {
  return (yield* countOf(COUNT_REQUEST, playerId, otherId)) > 0;
}

const LISTS: Operations<"load"> = {
  *load(playerId) {
    checkId(playerId, "playerId");
    return {
      friends: yield* SELECT_FRIENDS.all(playerId),
      incoming: yield* SELECT_INCOMING.all(playerId),
      outgoing: yield* SELECT_OUTGOING.all(playerId),
      ignored: yield* SELECT_IGNORED.all(playerId),
    };
  },
};

/** Makes the two friends of whom `otherId` has asked. */
function* accept({ playerId, otherId }: PlayerPair, atMs: number): Sql<"accepted" | "own_list_full"> {
  if ((yield* countOf(COUNT_FRIENDS, playerId)) >= FRIENDS_MAX) return "own_list_full";
  yield* DELETE_REQUEST.run(otherId, playerId);
  yield* INSERT_FRIENDSHIP.run(playerId, otherId, atMs);
  return "accepted";
}

const FRIENDS: Operations<"requestFriend" | "answerFriend" | "removeFriend"> = {
  *requestFriend({ atMs, ...pair }) {
    checkPair(pair);
    checkId(atMs, "atMs");
    const { playerId, otherId } = pair;
    if (yield* areFriends(playerId, otherId)) return "friends_already";
    if (yield* hasAsked(playerId, otherId)) return "requested_already";
    if (yield* hasAsked(otherId, playerId)) return yield* accept(pair, atMs);
    if ((yield* countOf(COUNT_FRIENDS, playerId)) >= FRIENDS_MAX) return "own_list_full";
    const isHidden = yield* ignores(otherId, playerId);
    if (!isHidden && (yield* countOf(COUNT_INCOMING, otherId)) >= FRIEND_REQUESTS_WAITING_MAX) {
      return "other_list_full";
    }
    yield* INSERT_REQUEST.run(playerId, otherId, atMs);
    return "requested";
  },
  *answerFriend({ atMs, isAccepted, ...pair }) {
    checkPair(pair);
    checkId(atMs, "atMs");
    const { playerId, otherId } = pair;
    if (!(yield* hasAsked(otherId, playerId))) return "not_found";
    if (isAccepted) return yield* accept(pair, atMs);
    yield* DELETE_REQUEST.run(otherId, playerId);
    return "declined";
  },
  *removeFriend(pair) {
    checkPair(pair);
    const { playerId, otherId } = pair;
    if ((yield* DELETE_FRIENDSHIP.run(playerId, otherId)) > 0) return "removed";
    return (yield* DELETE_REQUEST.run(playerId, otherId)) > 0 ? "withdrawn" : "not_found";
  },
};

const IGNORE_LISTS: Operations<"addIgnored" | "removeIgnored"> = {
  *addIgnored(pair) {
    checkPair(pair);
    const { playerId, otherId } = pair;
    if (yield* ignores(playerId, otherId)) return "ignored_already";
    if ((yield* countOf(COUNT_IGNORED, playerId)) >= IGNORED_PLAYERS_MAX) return "list_full";
    yield* INSERT_IGNORED.run(playerId, otherId);
    return "added";
  },
  *removeIgnored(pair) {
    checkPair(pair);
    return (yield* DELETE_IGNORED.run(pair.playerId, pair.otherId)) > 0;
  },
};

/** Makes room for one more of a sender; gives whether there is. Nobody loses what others whispered but once. */
function* makeRoom(recipientId: number, senderId: number): Sql<boolean> {
  const box = yield* SELECT_BOX.all(recipientId, (yield* areFriends(recipientId, senderId)) ? 1 : 0);
  if (box.reduce((sum, { count }) => sum + count, 0) < KEPT_WHISPERS_MAX) return true;
  // The one to be kept counts as well.
  const own = box.find((each) => each.senderId === senderId);
  const most = own !== undefined && own.count + 1 > box[0].count ? own : box[0];
  if (most !== own && most.count < 2) return false;
  yield* DELETE_WHISPER.run(most.oldestId);
  return true;
}

function keptWhispers(): Operations<"keepWhisper" | "listWhispers" | "deleteWhispers" | "deleteOldWhispers"> {
  const room = new Room();
  const all = { key: "", max: KEPT_WHISPERS_TOTAL_MAX, pending: 0 };

  return {
    *keepWhisper({ recipientId, senderId, message, sentAtMs, unlessTaken }) {
      checkPair({ playerId: recipientId, otherId: senderId });
      checkId(sentAtMs, "sentAtMs");
      if (unlessTaken !== undefined && (yield* isTaken(unlessTaken))) return { kind: "taken" };
      if (yield* ignores(recipientId, senderId)) return { kind: "ignored" };
      const hasRoom = (yield* countOf(COUNT_WHISPERS_OF_SENDER, senderId)) < KEPT_WHISPERS_PER_SENDER_MAX &&
        (yield* room.tryTake(all, () => countOf(COUNT_WHISPERS))) && (yield* makeRoom(recipientId, senderId));
      if (!hasRoom) return { kind: "full" };
      const { id: whisperId } = (yield* INSERT_WHISPER.get(recipientId, senderId, message, sentAtMs))!;
      return { kind: "kept", whisperId };
    },
    *listWhispers({ recipientId, sentFromMs }) {
      checkId(recipientId, "recipientId");
      checkId(sentFromMs, "sentFromMs");
      return yield* SELECT_WHISPERS.all(recipientId, sentFromMs);
    },
    *deleteWhispers({ recipientId, whisperIds }) {
      checkId(recipientId, "recipientId");
      checkRows(whisperIds.length);
      for (const whisperId of whisperIds) checkId(whisperId, "whisperId");
      return yield* DELETE_WHISPERS.run(recipientId, listOf(whisperIds));
    },
    *deleteOldWhispers({ sentBeforeMs }) {
      checkId(sentBeforeMs, "sentBeforeMs");
      return yield* DELETE_OLD_WHISPERS.run(sentBeforeMs);
    },
  };
}
