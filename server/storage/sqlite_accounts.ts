/** Accounts in SQLite. @module */

import type { DatabaseSync } from "node:sqlite";
import { assert } from "../../shared/errors.ts";
import { LOGIN_ADDRESSES_PER_ACCOUNT } from "../../shared/limits.ts";
import { looksOf } from "../names/public_name.ts";
import type { SANCTIONS } from "../moderation/sanction_store.ts";
import type {
  Account,
  ACCOUNTS,
  CHARACTERS,
  CreateAccountResult,
  NewAccount,
  Partings,
  PlayerName,
} from "./storage.ts";
import type { HandlersOf } from "./store.ts";
import { checkId, checkRows } from "./storage_checks.ts";

const ACCOUNT_COLUMNS = `id AS accountId, name, name_key AS nameKey, password_verifier AS passwordVerifier,
  created_at_ms AS createdAtMs, token_epoch AS tokenEpoch, delete_at_ms AS deleteAtMs`;

/** What other stores know of an account. */
export interface AccountTies {
  readonly loadCharacter: HandlersOf<typeof CHARACTERS>["load"];
  readonly standingOf: HandlersOf<typeof SANCTIONS>["ofPlayer"];
  /** Has every store part with an account that is about to be deleted. */
  readonly part: (accountId: number) => Partings;
}

/** Prepares the statements for accounts. */
export function sqliteAccounts(database: DatabaseSync, ties: AccountTies): HandlersOf<typeof ACCOUNTS> {
  const insertAccount = database.prepare(
    `INSERT INTO accounts (name, name_key, password_verifier, created_at_ms) VALUES (?, ?, ?, ?)
      ON CONFLICT (name_key) DO NOTHING RETURNING id`,
  );
  const hasLook = database.prepare(
    "SELECT 1 FROM account_looks WHERE look IN (SELECT value FROM json_each(?)) LIMIT 1",
  );
  const insertLooks = database.prepare(
    "INSERT INTO account_looks (look, account_id) SELECT value, ?1 FROM json_each(?2)",
  );
  const insertCharacter = database.prepare("INSERT INTO characters (account_id, name) VALUES (?, ?)");
  const selectById = database.prepare(`SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE id = ?`);
  const selectByName = database.prepare(`SELECT ${ACCOUNT_COLUMNS} FROM accounts WHERE name_key = ?`);
  const selectAddress = database.prepare(
    "SELECT seen_at_ms AS seenAtMs FROM login_addresses WHERE account_id = ? AND address = ?",
  );
  const insertAddress = database.prepare("INSERT OR REPLACE INTO login_addresses VALUES (?, ?, ?)");
  const deleteOldAddresses = database.prepare(
    `DELETE FROM login_addresses WHERE account_id = ?1 AND address NOT IN (SELECT address FROM login_addresses
      WHERE account_id = ?1 ORDER BY seen_at_ms DESC, address LIMIT ${LOGIN_ADDRESSES_PER_ACCOUNT})`,
  );
  const update = database.prepare(
    `UPDATE accounts SET token_epoch = token_epoch + 1, password_verifier = coalesce(?3, password_verifier),
        delete_at_ms = coalesce(?4, delete_at_ms)
      WHERE id = ?1 AND token_epoch = coalesce(?2, token_epoch) RETURNING token_epoch AS tokenEpoch`,
  );
  const clearDeletion = database.prepare(
    "UPDATE accounts SET delete_at_ms = NULL WHERE id = ? AND delete_at_ms IS NOT NULL",
  );
  const selectDue = database.prepare(
    `SELECT id FROM accounts WHERE delete_at_ms <= ?1 AND NOT EXISTS
        (SELECT 1 FROM sanctions WHERE player_id = accounts.id AND (ends_at_ms IS NULL OR ends_at_ms > ?1))
      ORDER BY delete_at_ms, id LIMIT ?2`,
  );
  const deleteAccount = database.prepare("DELETE FROM accounts WHERE id = ?");
  const selectNames = database.prepare(
    "SELECT id AS playerId, name FROM accounts WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
  );

  function create(account: NewAccount): CreateAccountResult {
    checkId(account.createdAtMs, "createdAtMs");
    if (account.isLookUnique && hasLook.get(looksJson(account.name)) !== undefined) return { kind: "name_taken" };
    const row = insertAccount.get(account.name, account.nameKey, account.passwordVerifier, account.createdAtMs);
    if (row === undefined) return { kind: "name_taken" };
    insertLooks.run(row.id, looksJson(account.name));
    insertCharacter.run(row.id, account.name);
    return { kind: "created", accountId: Number(row.id) };
  }

  function find(accountId: number): Account | undefined {
    checkId(accountId, "accountId");
    return plainRow<Account>(selectById.get(accountId));
  }

  function findByName(nameKey: string): Account | undefined {
    return plainRow<Account>(selectByName.get(nameKey));
  }

  return {
    create: create,
    createMany: (accounts) => {
      checkRows(accounts.length);
      return accounts.map((account) => {
        const isNew = create(account).kind === "created";
        const ensured = findByName(account.nameKey);
        assert(ensured, "A name that was taken or given belongs to an account");
        return { ...ensured, isNew };
      });
    },
    find: find,
    findEntry: ({ accountId, characterId, nowMs }) => {
      const account = find(accountId);
      return account && {
        account,
        standing: ties.standingOf({ playerId: accountId, nowMs }),
        character: ties.loadCharacter({ accountId, characterId }),
      };
    },
    findByName: findByName,
    findForLogin: ({ nameKey, address }) => {
      const account = findByName(nameKey);
      if (account === undefined) return undefined;
      const seen = address === null ? undefined : selectAddress.get(account.accountId, address);
      return { account, addressSeenAtMs: seen === undefined ? null : Number(seen.seenAtMs) };
    },
    noteAddress: ({ accountId, address, atMs }) => {
      checkId(accountId, "accountId");
      checkId(atMs, "atMs");
      insertAddress.run(accountId, address, atMs);
      deleteOldAddresses.run(accountId);
    },
    revokeTokens: ({ accountId, tokenEpoch, passwordVerifier = null, deleteAtMs = null }) => {
      checkId(accountId, "accountId");
      if (deleteAtMs !== null) checkId(deleteAtMs, "deleteAtMs");
      return update.get(accountId, tokenEpoch, passwordVerifier, deleteAtMs)?.tokenEpoch as number | undefined;
    },
    cancelDeletion: (accountId) => {
      checkId(accountId, "accountId");
      return Number(clearDeletion.run(accountId).changes) > 0;
    },
    findDueDeletions: ({ nowMs, limit }) => {
      checkId(nowMs, "nowMs");
      checkRows(limit);
      return selectDue.all(nowMs, limit).map(({ id }) => Number(id));
    },
    remove: ({ accountId, nowMs, isDue }) => {
      checkId(nowMs, "nowMs");
      const account = find(accountId);
      if (account === undefined) return { kind: "not_found" };
      if (isDue && (account.deleteAtMs === null || account.deleteAtMs > nowMs)) return { kind: "not_due" };
      const { ban, mute } = ties.standingOf({ playerId: accountId, nowMs });
      if (ban !== null || mute !== null) return { kind: "sanctioned" };
      const partings = ties.part(accountId);
      // All that is the account's goes with it.
      deleteAccount.run(accountId);
      return { kind: "removed", name: account.name, partings };
    },
    findNames: (playerIds) => {
      checkRows(playerIds.length);
      for (const playerId of playerIds) checkId(playerId, "playerId");
      return selectNames.all(JSON.stringify(playerIds)).map((row) => ({ ...row }) as unknown as PlayerName);
    },
  };
}

function looksJson(name: string): string {
  return JSON.stringify(looksOf(name));
}

/** Rows come without a prototype; callers and other threads get ordinary objects. */
function plainRow<T>(row: Record<string, unknown> | undefined): T | undefined {
  return row && { ...row } as T;
}
