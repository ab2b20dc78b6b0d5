/** Accounts in SQLite. @module */

import type { DatabaseSync } from "node:sqlite";
import { assert } from "../../shared/errors.ts";
import { LOGIN_ADDRESSES_PER_ACCOUNT, STORAGE_ROWS_MAX } from "../../shared/limits.ts";
import { looksOf } from "../names/public_name.ts";
import type { Account, CreateAccountResult, NewAccount, PlayerName } from "./storage.ts";
import type { Handlers } from "./storage_operations.ts";
import { checkId, checkRows } from "./storage_checks.ts";

const ACCOUNT_COLUMNS = `id AS accountId, name, name_key AS nameKey, password_verifier AS passwordVerifier,
  created_at_ms AS createdAtMs, token_epoch AS tokenEpoch, delete_at_ms AS deleteAtMs`;

/** Prepares the statements for accounts. @param others What an entry needs besides the account, and a deletion. */
export function sqliteAccounts(
  database: DatabaseSync,
  others: Handlers<"characters"> & Handlers<"sanctions"> & Pick<Handlers<"guilds">, "guilds.leave">,
): Handlers<"accounts"> {
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
  const selectRelated = database.prepare(
    `SELECT friend_id AS id FROM friends WHERE player_id = ?1
      UNION SELECT to_id FROM friend_requests WHERE from_id = ?1
      UNION SELECT from_id FROM friend_requests WHERE to_id = ?1
      UNION SELECT player_id FROM ignored_players WHERE ignored_id = ?1 LIMIT ${STORAGE_ROWS_MAX}`,
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
    "accounts.create": create,
    "accounts.createMany": (accounts) => {
      checkRows(accounts.length);
      return accounts.map((account) => {
        const isNew = create(account).kind === "created";
        const ensured = findByName(account.nameKey);
        assert(ensured, "A name that was taken or given belongs to an account");
        return { ...ensured, isNew };
      });
    },
    "accounts.find": find,
    "accounts.findEntry": ({ accountId, characterId, nowMs }) => {
      const account = find(accountId);
      return account && {
        account,
        standing: others["sanctions.ofPlayer"]({ playerId: accountId, nowMs }),
        character: others["characters.load"]({ accountId, characterId }),
      };
    },
    "accounts.findByName": findByName,
    "accounts.findForLogin": ({ nameKey, address }) => {
      const account = findByName(nameKey);
      if (account === undefined) return undefined;
      const seen = address === null ? undefined : selectAddress.get(account.accountId, address);
      return { account, addressSeenAtMs: seen === undefined ? null : Number(seen.seenAtMs) };
    },
    "accounts.noteAddress": ({ accountId, address, atMs }) => {
      checkId(accountId, "accountId");
      checkId(atMs, "atMs");
      insertAddress.run(accountId, address, atMs);
      deleteOldAddresses.run(accountId);
    },
    "accounts.revokeTokens": ({ accountId, tokenEpoch, passwordVerifier = null, deleteAtMs = null }) => {
      checkId(accountId, "accountId");
      if (deleteAtMs !== null) checkId(deleteAtMs, "deleteAtMs");
      return update.get(accountId, tokenEpoch, passwordVerifier, deleteAtMs)?.tokenEpoch as number | undefined;
    },
    "accounts.cancelDeletion": (accountId) => {
      checkId(accountId, "accountId");
      return Number(clearDeletion.run(accountId).changes) > 0;
    },
    "accounts.findDueDeletions": ({ nowMs, limit }) => {
      checkId(nowMs, "nowMs");
      checkRows(limit);
      return selectDue.all(nowMs, limit).map(({ id }) => Number(id));
    },
    "accounts.remove": ({ accountId, nowMs, isDue }) => {
      checkId(nowMs, "nowMs");
      const account = find(accountId);
      if (account === undefined) return { kind: "not_found" };
      if (isDue && (account.deleteAtMs === null || account.deleteAtMs > nowMs)) return { kind: "not_due" };
      const { ban, mute } = others["sanctions.ofPlayer"]({ playerId: accountId, nowMs });
      if (ban !== null || mute !== null) return { kind: "sanctioned" };
      const relatedIds = selectRelated.all(accountId).map(({ id }) => Number(id));
      const left = others["guilds.leave"]({ playerId: accountId });
      // All that is the account's goes with it.
      deleteAccount.run(accountId);
      return {
        kind: "removed",
        name: account.name,
        relatedIds,
        leftGuildId: left.kind === "left" ? left.guildId : null,
      };
    },
    "accounts.findNames": (playerIds) => {
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
