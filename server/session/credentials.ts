/**
 * Who shows a name and a password: looked at in the turn of its address, and slowed down after failures.
 *
 * @module
 */

import { ErrorCode } from "../../shared/gen/enums.ts";
import { nameKey } from "../auth/names.ts";
import { isClientPasswordHash } from "../auth/password.ts";
import type { Login } from "../auth/login_guard.ts";
import { Counter } from "../ops/counters.ts";
import type { Account } from "../storage/storage.ts";
import { AuthLimits } from "./auth_limits.ts";
import type { LogicContext } from "./context.ts";
import { RequestError } from "./dispatcher.ts";
import type { Session } from "./session.ts";

/** An account whose password was right. */
export interface ProvenAccount {
  readonly account: Account;
  /** Where it was shown. */
  readonly login: Login;
  /** When the account was last noted to log in from there, Unix time in milliseconds; null: never. */
  readonly addressSeenAtMs: number | null;
}

/** Checks names and passwords, and makes the verifiers of new ones. */
export class Credentials {
  readonly limits: AuthLimits;
  readonly #context: LogicContext;

  constructor(context: LogicContext) {
    this.#context = context;
    this.limits = new AuthLimits(context.config, context.clock);
  }

  /** Where limits count what a session asks for in the name of an account. */
  loginOf({ link }: Session, key: string): Login {
    // Its session may have lost its connection once a request is answered.
    return { nameKey: key, address: this.limits.groupOf(link?.info.address ?? "") };
  }

  /**
   * The account of a name and a password.
   *
   * @throws {RequestError} INVALID_CREDENTIALS when they do not belong together, RATE_LIMITED when it must wait.
   * @throws {DependencyError} when the storage cannot tell, or too many passwords are being looked at.
   */
  async check(
    session: Session,
    { username, passwordHash }: { readonly username: string; readonly passwordHash: string },
  ): Promise<ProvenAccount> {
    const { counters, hasher, storage } = this.#context;
    if (username === "" || !isClientPasswordHash(passwordHash)) {
      counters.add(Counter.LOGINS_FAILED, 1);
      throw wrong();
    }
    const login = this.loginOf(session, nameKey(username));
    // A login that is delayed by its own failures is not even looked up.
    this.limits.checkLogin(login, true);
    const found = await storage.for(session.entrant).accounts.findForLogin(login);
    const addressSeenAtMs = found?.addressSeenAtMs ?? null;
    this.limits.checkLogin(login, addressSeenAtMs !== null);
    const account = found?.account;
    // Unknown names cost the same work, so that neither answer nor time tells them apart.
    const correct = await this.limits.verifying(
      login,
      (asker) =>
        account === undefined
          ? hasher.verifyAgainstNobody(passwordHash, asker)
          : hasher.verify(passwordHash, account.passwordVerifier, asker),
    );
    if (account === undefined || !correct) {
      counters.add(Counter.LOGINS_FAILED, 1);
      throw wrong();
    }
    return { account, login, addressSeenAtMs };
  }

  /**
   * Makes the verifier of a new password.
   *
   * @throws {RequestError} RATE_LIMITED when too many of the same address are under way.
   */
  hash(login: Login, passwordHash: string): Promise<string> {
    return this.limits.hashing(login, (asker) => this.#context.hasher.hash(passwordHash, asker));
  }
}

function wrong(): RequestError {
  return new RequestError(ErrorCode.INVALID_CREDENTIALS, "Wrong name or password");
}

/** Runs one request of its kind at a time: a session that asks again before the answer is refused. */
export async function exclusively(session: Session, run: () => Promise<void>): Promise<void> {
  if (session.busy) throw new RequestError(ErrorCode.INVALID_STATE, "Wait for the answer to your last request");
  session.busy = true;
  try {
    await run();
  } finally {
    session.busy = false;
  }
}
