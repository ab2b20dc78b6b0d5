/** Accounts in a database. @module */

import { assert } from "../../shared/errors.ts";
import { LOGIN_ADDRESSES_PER_ACCOUNT } from "../../shared/limits.ts";
import { looksOf } from "../names/public_name.ts";
import type { SANCTIONS } from "../moderation/sanction_store.ts";
import { listOf, mapSql, rowsOf, type Sql, statement } from "./sql.ts";
import type { Account, ACCOUNTS, CHARACTERS, EnsuredAccount, NewAccount, Partings, PlayerName } from "./storage.ts";
import type { HandlersOf } from "./store.ts";
import { checkId, checkRows } from "./storage_checks.ts";

interface IdRow {
  readonly id: number;
}

const ACCOUNT_COLUMNS = `id AS accountId, name, name_key AS nameKey, password_verifier AS passwordVerifier,
  created_at_ms AS createdAtMs, token_epoch AS tokenEpoch, delete_at_ms AS deleteAtMs`;

const INSERT_ACCOUNT = statement<IdRow>(
  `INSERT INTO accounts (name, name_key, password_verifier, created_at_ms) VALUES (?, ?, ?, ?)
    ON CONFLICT (name_key) DO NOTHING RETURNING id`,
);
const HAS_LOOK = statement("SELECT 1 FROM account_looks WHERE look IN (SELECT value FROM texts(?1)) LIMIT 1");
const INSERT_LOOKS = statement(
  "INSERT INTO account_looks (look, account_id) SELECT value, CAST(?1 AS BIGINT) FROM texts(?2)",
);
const INSERT_CHARACTER = statement("INSERT INTO characters (account_id, name) VALUES (?, ?)");
// SQLite takes `ON CONFLICT` for a join's without a condition before it.
const INSERT_ACCOUNTS = statement<IdRow & Pick<Account, "name" | "nameKey">>(
  `INSERT INTO accounts (name, name_key, password_verifier, created_at_ms)
    SELECT value ->> 0, value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT) FROM rows(?1) WHERE TRUE
    ON CONFLICT (name_key) DO NOTHING RETURNING id, name, name_key AS nameKey`,
);
const INSERT_MANY_LOOKS = statement(
  "INSERT INTO account_looks (look, account_id) SELECT value ->> 0, CAST(value ->> 1 AS BIGINT) FROM rows(?1)",
);
const INSERT_CHARACTERS = statement(
  "INSERT INTO characters (account_id, name) SELECT CAST(value ->> 0 AS BIGINT), value ->> 1 FROM rows(?1)",
);
const SELECT_BY_NAMES = statement<Account>(
  `SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE name_key IN (SELECT value FROM texts(?1))`,
);
const SELECT_BY_ID = statement<Account>(`SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE id = ?`);
const SELECT_BY_NAME = statement<Account>(`SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE name_key = ?`);
const SELECT_ADDRESS = statement<{ readonly seenAtMs: number }>(
  "SELECT seen_at_ms AS seenAtMs FROM login_addresses WHERE account_id = ? AND address = ?",
);
const INSERT_ADDRESS = statement(
  `INSERT INTO login_addresses (account_id, address, seen_at_ms) VALUES (?, ?, ?)
    ON CONFLICT (account_id, address) DO UPDATE SET seen_at_ms = excluded.seen_at_ms`,
);
const DELETE_OLD_ADDRESSES = statement(
  `DELETE FROM login_addresses WHERE account_id = ?1 AND address NOT IN (SELECT address FROM login_addresses
    WHERE account_id = ?1 ORDER BY seen_at_ms DESC, address LIMIT ${LOGIN_ADDRESSES_PER_ACCOUNT})`,
);
const UPDATE = statement<{ readonly tokenEpoch: number }>(
  `UPDATE accounts SET token_epoch = token_epoch + 1, password_verifier = coalesce(?3, password_verifier),
      delete_at_ms = coalesce(?4, delete_at_ms)
    WHERE id = ?1 AND token_epoch = coalesce(?2, token_epoch) RETURNING token_epoch AS tokenEpoch`,
);
/** A session is resumed as before, though the tokens of its account are void. */
const KEEP_SESSION = statement(
  `UPDATE player_owners SET token_epoch = ?3 WHERE player_id = ?1 AND epoch = ?2 AND incarnation IS NOT NULL`,
);
const CLEAR_DELETION = statement(
  "UPDATE accounts SET delete_at_ms = NULL WHERE id = ? AND delete_at_ms IS NOT NULL",
);
const SELECT_DUE = statement<IdRow>(
  `SELECT id FROM accounts WHERE delete_at_ms <= ?1 AND NOT EXISTS
      (SELECT 1 FROM sanctions WHERE player_id = accounts.id AND (ends_at_ms IS NULL OR ends_at_ms > ?1))
    ORDER BY delete_at_ms, id LIMIT ?2`,
);
const DELETE_ACCOUNT = statement("DELETE FROM accounts WHERE id = ?");
const SELECT_NAMES = statement<PlayerName>(
  "SELECT id AS playerId, name FROM accounts WHERE id IN (SELECT value FROM ids(?)) ORDER BY id",
);

const SELECT_EPOCHS = statement<Pick<Account, "accountId" | "tokenEpoch">>(
  `SELECT id AS accountId, token_epoch AS tokenEpoch FROM accounts WHERE id IN (SELECT value FROM ids(?)) ORDER BY id`,
);

/** What other stores know of an account. */
export interface AccountTies {
  readonly loadCharacter: HandlersOf<typeof CHARACTERS>["load"];
  readonly standingOf: HandlersOf<typeof SANCTIONS>["ofPlayer"];
  /** Lets every store part with an account that is about to be deleted. */
  readonly part: (accountId: number) => Sql<Partings>;
}

/** Accounts, each with a character. */
export function storedAccounts(ties: AccountTies): HandlersOf<typeof ACCOUNTS> {
  const accounts: HandlersOf<typeof ACCOUNTS> = {
    *create(account) {
      checkId(account.createdAtMs, "createdAtMs");
      if (account.isLookUnique && (yield* HAS_LOOK.get(looksList(account.name))) !== undefined) {
        return { kind: "name_taken" };
      }
      const row = yield* INSERT_ACCOUNT.get(
        account.name,
        account.nameKey,
        account.passwordVerifier,
        account.createdAtMs,
      );
      if (row === undefined) return { kind: "name_taken" };
      yield* INSERT_LOOKS.run(row.id, looksList(account.name));
      yield* INSERT_CHARACTER.run(row.id, account.name);
      return { kind: "created", accountId: row.id };
    },
    *createMany(newAccounts) {
      checkRows(newAccounts.length);
      if (newAccounts.every(({ isLookUnique }) => !isLookUnique)) return yield* createAll(newAccounts);
      return yield* mapSql(newAccounts, function* (account) {
        const isNew = (yield* accounts.create(account)).kind === "created";
        const ensured = yield* SELECT_BY_NAME.get(account.nameKey);
        assert(ensured, "A name that was taken or given belongs to an account");
        return { ...ensured, isNew };
      });
    },
    *find(accountId) {
      checkId(accountId, "accountId");
      return yield* SELECT_BY_ID.get(accountId);
    },
    *findEntry({ accountId, characterId, nowMs }) {
      const account = yield* accounts.find(accountId);
      return account && {
        account,
        standing: yield* ties.standingOf({ playerId: accountId, nowMs }),
        character: yield* ties.loadCharacter({ accountId, characterId }),
      };
    },
    *findByName(nameKey) {
      return yield* SELECT_BY_NAME.get(nameKey);
    },
    *findForLogin({ nameKey, address }) {
      const account = yield* SELECT_BY_NAME.get(nameKey);
      if (account === undefined) return undefined;
      const seen = address === null ? undefined : yield* SELECT_ADDRESS.get(account.accountId, address);
      return { account, addressSeenAtMs: seen?.seenAtMs ?? null };
    },
    *noteAddress({ accountId, address, atMs }) {
      checkId(accountId, "accountId");
      checkId(atMs, "atMs");
      yield* INSERT_ADDRESS.run(accountId, address, atMs);
      yield* DELETE_OLD_ADDRESSES.run(accountId);
    },
    *revokeTokens({ accountId, tokenEpoch, passwordVerifier = null, deleteAtMs = null, keptEpoch }) {
      checkId(accountId, "accountId");
      if (deleteAtMs !== null) checkId(deleteAtMs, "deleteAtMs");
      const changed = yield* UPDATE.get(accountId, tokenEpoch, passwordVerifier, deleteAtMs);
      if (changed !== undefined && keptEpoch !== undefined) {
        yield* KEEP_SESSION.run(accountId, keptEpoch, changed.tokenEpoch);
      }
      return changed?.tokenEpoch;
    },
    *cancelDeletion(accountId) {
      checkId(accountId, "accountId");
      return (yield* CLEAR_DELETION.run(accountId)) > 0;
    },
    *findDueDeletions({ nowMs, limit }) {
      checkId(nowMs, "nowMs");
      checkRows(limit);
      return (yield* SELECT_DUE.all(nowMs, limit)).map(({ id }) => id);
    },
    *remove({ accountId, nowMs, isDue }) {
      checkId(nowMs, "nowMs");
      const account = yield* accounts.find(accountId);
      if (account === undefined) return { kind: "not_found" };
      if (isDue && (account.deleteAtMs === null || account.deleteAtMs > nowMs)) return { kind: "not_due" };
      const { ban, mute } = yield* ties.standingOf({ playerId: accountId, nowMs });
      if (ban !== null || mute !== null) return { kind: "sanctioned" };
      const partings = yield* ties.part(accountId);
      // All that is the account's goes with it.
      yield* DELETE_ACCOUNT.run(accountId);
      return { kind: "removed", name: account.name, partings };
    },
    *findNames(playerIds) {
      checkRows(playerIds.length);
      for (const playerId of playerIds) checkId(playerId, "playerId");
      return yield* SELECT_NAMES.all(listOf(playerIds));
    },
    *findTokenEpochs(accountIds) {
      checkRows(accountIds.length);
      for (const accountId of accountIds) checkId(accountId, "accountId");
      return yield* SELECT_EPOCHS.all(listOf(accountIds));
    },
  };
  return accounts;
}

/** Creates accounts that may look as they like: so all can be made at once. */
function* createAll(newAccounts: readonly NewAccount[]): Sql<EnsuredAccount[]> {
  for (const { createdAtMs } of newAccounts) checkId(createdAtMs, "createdAtMs");
  const created = yield* INSERT_ACCOUNTS.all(
    rowsOf(newAccounts.map((each) => [each.name, each.nameKey, each.passwordVerifier, each.createdAtMs])),
  );
  yield* INSERT_MANY_LOOKS.run(rowsOf(created.flatMap(({ id, name }) => looksOf(name).map((look) => [look, id]))));
  yield* INSERT_CHARACTERS.run(rowsOf(created.map(({ id, name }) => [id, name])));
  const found = yield* SELECT_BY_NAMES.all(listOf(newAccounts.map(({ nameKey }) => nameKey)));
  const accounts = new Map(found.map((account) => [account.nameKey, account]));
  const newKeys = new Set(created.map(({ nameKey }) => nameKey));
  return newAccounts.map(({ nameKey }) => {
    const account = accounts.get(nameKey);
    assert(account, "A name that was taken or given belongs to an account");
    // The first of several that have it.
    return { ...account, isNew: newKeys.delete(nameKey) };
  });
}

function looksList(name: string): string {
  return listOf(looksOf(name));
}
