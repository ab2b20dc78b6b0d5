/** Accounts in SQLite. @module */

import type { DatabaseSync } from "node:sqlite";
import { assert } from "../../shared/errors.ts";
import { LOGIN_ADDRESSES_PER_ACCOUNT } from "../../shared/limits.ts";
import { looksOf } from "../names/public_name.ts";
import type { Account, CreateAccountResult, NewAccount, PlayerName } from "./storage.ts";
import type { Handlers } from "./storage_operations.ts";
import { checkId, checkRows } from "./storage_checks.ts";

const ACCOUNT_COLUMNS = `id AS accountId, name, name_key AS nameKey, password_verifier AS passwordVerifier,
  created_at_ms AS createdAtMs, token_epoch AS tokenEpoch`;

/** Prepares the statements for accounts. @param others What an entry needs besides the account. */
export function sqliteAccounts(
  database: DatabaseSync,
  others: Handlers<"characters"> & Handlers<"sanctions">,
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
