/**
 * Creates accounts in bulk for load tests: with a session token each, so that nobody has to log in, and without
 * passwords, so that nothing is hashed; or with one password for all, for load tests that log in.
 *
 * @module
 */

import { hashPassword } from "../client/password.ts";
import { checkPlayerName, nameKey } from "../server/auth/names.ts";
import { PasswordHasher } from "../server/auth/password.ts";
import { SessionTokens, tokenPlayerOf } from "../server/auth/token.ts";
import { SystemClock } from "../server/base/clock.ts";
import { loadConfig, postgresTarget, type ServerConfig, sqlitePath } from "../server/config/config.ts";
import type { GameOption } from "../server/config/schema.ts";
import { makeDataFolder } from "../server/process/data_folder.ts";
import { loadGameRecords } from "../server/process/game_file.ts";
import { MEMORY_PATH } from "../server/storage/sqlite_database.ts";
import type { Storage } from "../server/storage/storage.ts";
import { ConfigError } from "../shared/errors.ts";
import { openStorage } from "./open_storage.ts";
import { splitArgs } from "./admin_args.ts";
import { PLAYER_NAME_ASCII_MIN, PLAYER_NAME_LENGTH_MAX } from "../shared/limits.ts";
import { BULK_PLAYERS_BATCH, BULK_PLAYERS_MAX } from "./limits.ts";
import { fileReason } from "../server/base/file_error.ts";

/** What `players --help` prints. */
export const PLAYERS_HELP = `Creates accounts, without passwords unless told, and writes a session token for each.

Usage: deno task admin players --count N [--prefix TEXT] [--tokens FILE] [server flags]

  --count N       Accounts, 1 to ${BULK_PLAYERS_MAX}: named PREFIX1 to PREFIXN
  --prefix TEXT   Letters, digits, _ or - [bot]; names have ${PLAYER_NAME_ASCII_MIN} to ${PLAYER_NAME_LENGTH_MAX} characters
  --tokens FILE   Where to write one line "name token" each, readable by you only; - is standard output [-]
  --passwords on  One password for all of them, third on each line: they can log in. None of them may exist yet [off]

Of the server's flags and environment variables --game, --data-dir, --database-url, --session-token-hours and --config
matter; give the same values as to the server, which may be running or not. Accounts that already exist get a token
too, so the command can be repeated. Keep the tokens safe: each lets its holder play as that player.

Exit status: 0 done, 78 the command or the configuration cannot be used, 1 anything else`;

/** What to create. */
export interface PlayersOptions {
  readonly count: number;
  readonly prefix: string;
  /** A path, or `-` for standard output. */
  readonly tokensPath: string;
  readonly hasPasswords: boolean;
  readonly config: ServerConfig;
}

/** A player and what lets a client play as it. */
export interface PlayerToken {
  readonly name: string;
  readonly token: string;
}

/** What {@linkcode createPlayers} did. */
export interface CreatedPlayers {
  readonly tokens: readonly PlayerToken[];
  readonly newCount: number;
}

/**
 * Reads the command line of `players`; flags it does not know are the server's.
 *
 * @throws {ConfigError} with every problem.
 */
export function parsePlayersOptions(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  gameOptions: Readonly<Record<string, GameOption>> = {},
): PlayersOptions {
  const { positionals, own, others, problems } = splitArgs(args, OWN_FLAGS);
  const count = own.get("--count");
  const prefix = own.get("--prefix") ?? "bot";
  const isCount = count !== undefined && /^\d{1,9}$/.test(count) && Number(count) >= 1 &&
    Number(count) <= BULK_PLAYERS_MAX;
  if (count === undefined) problems.push(`Cannot create players without --count: expected 1 to ${BULK_PLAYERS_MAX}`);
  else if (!isCount) problems.push(`Cannot use --count ${JSON.stringify(count)}: expected 1 to ${BULK_PLAYERS_MAX}`);
  else problems.push(...checkNames(prefix, Number(count)));
  const passwords = own.get("--passwords") ?? "off";
  if (passwords !== "on" && passwords !== "off") {
    problems.push(`Cannot use --passwords ${JSON.stringify(passwords.slice(0, 64))}: expected on or off`);
  }
  let config: ServerConfig | undefined;
  try {
    config = loadConfig({ args: [...positionals, ...others], env, gameOptions });
    if (postgresTarget(config) === undefined && sqlitePath(config) === MEMORY_PATH) {
      problems.push("Cannot create players in memory: --database-url must name a file");
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  if (config === undefined || problems.length > 0) throw new ConfigError(problems);
  return {
    count: Number(count),
    prefix,
    tokensPath: own.get("--tokens") ?? "-",
    hasPasswords: passwords === "on",
    config,
  };
}

/**
 * Creates the accounts `${prefix}1` to `${prefix}${count}`, keeps those that exist, and signs a token for each.
 *
 * @throws {DependencyError} when the storage fails; accounts of earlier batches are there then.
 */
export async function createPlayers(
  options: { readonly count: number; readonly prefix: string; readonly passwordVerifier?: string },
  parts: { readonly storage: Storage; readonly tokens: SessionTokens; readonly nowMs: () => number },
): Promise<CreatedPlayers> {
  const made: PlayerToken[] = [];
  let newCount = 0;
  // A running server waits for its turn to write, so no batch may take long.
  for (let first = 1; first <= options.count; first += BULK_PLAYERS_BATCH) {
    const last = Math.min(options.count, first + BULK_PLAYERS_BATCH - 1);
    const names = namesOf(options.prefix, first, last);
    const accounts = await parts.storage.accounts.createMany(names.map((name) => ({
      name,
      nameKey: nameKey(name),
      passwordVerifier: options.passwordVerifier ?? null,
      createdAtMs: parts.nowMs(),
    })));
    for (const account of accounts) {
      if (account.isNew) newCount += 1;
      // Not the name that was asked for: it may be written in other cases.
      made.push({ name: account.name, token: await parts.tokens.sign(tokenPlayerOf(account, null), parts.nowMs()) });
    }
  }
  return { tokens: made, newCount };
}

/**
 * Runs the command.
 *
 * @returns A sentence about what was done.
 * @throws {ConfigError} when the data folder, the key, the database or the tokens' file cannot be used.
 * @throws {DependencyError} when the storage fails.
 */
export async function runPlayers(options: PlayersOptions): Promise<string> {
  const { config } = options;
  const records = await loadGameRecords(config.game);
  await makeDataFolder(config.dataDir);
  // Opened first: better no accounts than accounts whose tokens are nowhere.
  using output = await openOutput(options.tokensPath);
  const { storage, sessionKey: key } = await openStorage(config, records);
  try {
    if (options.hasPasswords) await refuseKnown(options, storage);
    const tokens = await SessionTokens.create({ key, lifetimeMs: config.sessionTokenHours * 3_600_000 });
    const clock = new SystemClock();
    const password = options.hasPasswords ? crypto.getRandomValues(new Uint8Array(PASSWORD_BYTES)).toHex() : "";
    const created = await createPlayers({
      ...options,
      // One hash for all: they are one operator's, and ten thousand would take minutes.
      passwordVerifier: password === "" ? undefined : await verifierOf(password),
    }, { storage, tokens, nowMs: () => clock.unixMs() });
    const end = password === "" ? "\n" : ` ${password}\n`;
    await output.write(created.tokens.map(({ name, token }) => `${name} ${token}${end}`).join(""));
    const where = options.tokensPath === "-" ? "standard output" : options.tokensPath;
    const oldCount = created.tokens.length - created.newCount;
    return `${created.newCount} players created, ${oldCount} were there; ${created.tokens.length} tokens, ` +
      `good for ${config.sessionTokenHours} hours, written to ${where}`;
  } finally {
    await storage.close();
  }
}

const OWN_FLAGS: ReadonlySet<string> = new Set(["--count", "--prefix", "--tokens", "--passwords"]);
const PASSWORD_BYTES = 12;

function namesOf(prefix: string, first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `${prefix}${first + index}`);
}

async function verifierOf(password: string): Promise<string> {
  return await new PasswordHasher().hash(await hashPassword(password), "operator");
}

/**
 * Nobody's password is replaced.
 *
 * @throws {ConfigError} when one of the accounts exists.
 */
async function refuseKnown({ count, prefix }: PlayersOptions, { accounts }: Storage): Promise<void> {
  for (const name of namesOf(prefix, 1, count)) {
    if (await accounts.findByName(nameKey(name)) === undefined) continue;
    throw new ConfigError([`Cannot give ${name} a password: the account exists; choose another --prefix`]);
  }
}

/** The first name is the shortest and the last one the longest. */
function checkNames(prefix: string, count: number): string[] {
  const wrong = [`${prefix}1`, `${prefix}${count}`].find((name) => checkPlayerName(name, "ascii") !== "ok");
  if (wrong === undefined) return [];
  return [
    `Cannot use --prefix ${JSON.stringify(prefix.slice(0, 64))}: ${JSON.stringify(wrong.slice(0, 80))} is no name of ` +
    `${PLAYER_NAME_ASCII_MIN} to ${PLAYER_NAME_LENGTH_MAX} letters, digits, _ or -`,
  ];
}

interface Output extends Disposable {
  write(text: string): Promise<void>;
}

async function openOutput(path: string): Promise<Output> {
  if (path === "-") return { write: (text) => writeAll(Deno.stdout, text), [Symbol.dispose]: () => {} };
  try {
    const file = await Deno.open(path, { write: true, create: true, mode: 0o600 });
    // A file that was there keeps its mode, which may let others read.
    const { isFile, mode } = await file.stat();
    if (isFile && mode !== null) await Deno.chmod(path, 0o600);
    const write = async (text: string) => {
      // What an earlier run wrote stays until there is something to put in its place.
      if (isFile) await file.truncate();
      await writeAll(file, text);
    };
    return { write, [Symbol.dispose]: () => file.close() };
  } catch (error) {
    throw new ConfigError([`Cannot write --tokens ${path}: ${fileReason(error)}`]);
  }
}

async function writeAll(target: { write(bytes: Uint8Array): Promise<number> }, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let written = 0; written < bytes.length;) written += await target.write(bytes.subarray(written));
}
