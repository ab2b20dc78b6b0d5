/**
 * One connection to PostgreSQL. The only file that names the library.
 *
 * @module
 */

import { connect, type Socket } from "node:net";
import process from "node:process";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import postgres from "postgres";
import {
  POSTGRES_CONNECT_TIMEOUT_MS,
  POSTGRES_LOCK_WAIT_MS,
  POSTGRES_STATEMENT_TIMEOUT_MS,
} from "../../shared/limits.ts";
import type { PostgresTarget } from "./postgres_target.ts";
import type { Row, SqlValue } from "./sql.ts";

/** What a statement gave. */
export interface PostgresResult {
  readonly rows: readonly Row[];
  /** How many rows it changed or found. */
  readonly count: number;
  /** What the server calls it: `SELECT`, `COMMIT`. */
  readonly command: string;
}

/** The number of a type in PostgreSQL. */
const BIGINT = 20, BYTEA = 17;

/** After the connection is lost, nothing reaches the database by it: it is never made again behind its user's back. */
export class PostgresConnection {
  readonly #sql: postgres.Sql;
  readonly #onLost: () => void;
  #ended: Promise<void> | undefined;

  private constructor(target: PostgresTarget, onLost: () => void) {
    this.#onLost = onLost;
    let isUsed = false;
    const socket = () => {
      // The library would go on with a new one, outside of the transaction that was lost.
      if (isUsed) throw new Error("the connection is lost");
      isUsed = true;
      return openSocket(target);
    };
    this.#sql = withoutEnvironment(() =>
      postgres(optionsOf(target, {
        socket,
        onclose: () => this.#lose(),
      }))
    );
  }

  /**
   * Connects.
   *
   * @param onLost Called once, when it is lost or closed.
   * @throws what the platform or the server has against it; {@linkcode codeOf} tells.
   */
  static async open(target: PostgresTarget, onLost: () => void): Promise<PostgresConnection> {
    let isOpen = false;
    const connection = new PostgresConnection(target, () => isOpen && onLost());
    try {
      await connection.query("SELECT 1", []);
    } catch (error) {
      await connection.close();
      throw error;
    }
    isOpen = true;
    return connection;
  }

  /** Nothing can be asked any more. */
  get isLost(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Runs one statement, with `$1` and so on for values. Statements are run in the order of the calls, and need not wait
   * for each other's results.
   */
  async query(text: string, values: readonly SqlValue[]): Promise<PostgresResult> {
    if (this.isLost) throw new Error("the connection is lost");
    const result = await this.#sql.unsafe(text, [...values], { prepare: values.length > 0 });
    return { rows: [...result] as Row[], count: result.count, command: result.command };
  }

  /** Closes it at once; statements under way fail. @returns When all is given back. */
  close(): Promise<void> {
    this.#lose();
    return this.#ended!;
  }

  #lose(): void {
    if (this.#ended !== undefined) return;
    // What still waits in the library fails.
    this.#ended = this.#sql.end({ timeout: 0 }).catch(() => {});
    this.#onLost();
  }
}

/** The state that PostgreSQL gives with an error, or the library's name for what happened to the connection. */
export function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === "string" ? code : "";
}

function optionsOf(
  { host, port, database, user, password, tls, ca }: PostgresTarget,
  own: { readonly socket: () => Promise<Socket>; readonly onclose: () => void },
): postgres.Options<Record<string, never>> {
  return {
    ...own,
    ...{ host, port, database, username: user, password, max: 1 },
    ssl: tls === "disable" ? false : tls === "verify-full"
      ? {
        rejectUnauthorized: true,
        ca,
        // An address has no name that it could be asked for by; it is to be in the certificate all the same.
        checkServerIdentity: (_: string, certificate: PeerCertificate) => checkServerIdentity(host, certificate),
      }
      : tls,
    fetch_types: false,
    idle_timeout: undefined,
    max_lifetime: null,
    connect_timeout: POSTGRES_CONNECT_TIMEOUT_MS / 1_000,
    // A standby reads only, and answers with what was.
    target_session_attrs: "read-write",
    onnotice: () => {},
    connection: {
      application_name: "drawbridge",
      lock_timeout: POSTGRES_LOCK_WAIT_MS,
      statement_timeout: POSTGRES_STATEMENT_TIMEOUT_MS,
      // A node that is stopped in the middle of a transaction keeps nobody waiting.
      idle_in_transaction_session_timeout: POSTGRES_STATEMENT_TIMEOUT_MS,
    },
    types: {
      // The schema keeps integers exact as numbers.
      bigint: { to: BIGINT, from: [BIGINT], serialize: String, parse: Number },
      bytea: {
        to: BYTEA,
        from: [BYTEA],
        serialize: (bytes: Uint8Array) => `\\x${bytes.toHex()}`,
        parse: (text: string) => Uint8Array.fromHex(text.slice("\\x".length)),
      },
    } as never,
  };
}

function openSocket({ host, port }: PostgresTarget): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ host, port });
  socket.setNoDelay(true);
  const timer = setTimeout(
    () => socket.destroy(new Error(`no answer within ${POSTGRES_CONNECT_TIMEOUT_MS} ms`)),
    POSTGRES_CONNECT_TIMEOUT_MS,
  );
  socket.once("connect", () => {
    clearTimeout(timer);
    socket.removeListener("error", reject);
    // The library names the host of a certificate by it.
    resolve(Object.assign(socket, { host }));
  });
  socket.once("error", (error: Error) => {
    clearTimeout(timer);
    reject(error);
  });
  return promise;
}

/** The library looks for its options there, which no thread may but the first. All of them are given. */
function withoutEnvironment<T>(make: () => T): T {
  const { env } = process;
  Object.defineProperty(process, "env", { value: {}, configurable: true, writable: true });
  try {
    return make();
  } finally {
    Object.defineProperty(process, "env", { value: env, configurable: true, writable: true });
  }
}
