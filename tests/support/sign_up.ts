/** Players who come to servers that other work keeps from answering in time. @module */

import { DrawbridgeClient } from "../../client/browser.ts";
import type { Connect } from "../../client/transport.ts";
import type { LoginResponse } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import type { EnterWorldResponse } from "../../shared/gen/world_pb.ts";
import { until } from "./wait.ts";

/** How long a machine that others keep busy may take for each step, in milliseconds. */
const STEP_PATIENCE_MS = 120_000;

/**
 * Makes an account, unless there is one, and logs in. What a busy server has no time for, and refuses, is asked again.
 *
 * @param connect Connects to where logins are served.
 * @throws {Error} when the login is refused for another reason.
 */
export async function signUp(connect: Connect, name: string, password: string): Promise<LoginResponse> {
  const client = new DrawbridgeClient({ connect, requestTimeoutMs: STEP_PATIENCE_MS });
  try {
    await client.open();
    await answered(`${name} to be registered`, () => client.register(name, password));
    const login = await answered(`${name} to be logged in`, () => client.login(name, password));
    if (!login.success) throw new Error(`${name} cannot log in: ${ErrorCode[login.errorCode]}`);
    return login;
  } finally {
    await client.close();
  }
}

/**
 * Enters the world. What a busy server has no time for, and refuses, is asked again.
 *
 * @param name Who it is, for errors.
 * @throws {Error} when the entry is refused for another reason.
 */
export async function enterPatiently(
  client: DrawbridgeClient,
  name: string,
  token: string,
): Promise<EnterWorldResponse> {
  const entered = await answered(`${name} to be let in`, () => client.enterWorld({ token }));
  if (!entered.success) throw new Error(`${name} cannot enter: ${ErrorCode[entered.errorCode]}`);
  return entered;
}

/** Asks until there is another answer than UNAVAILABLE. */
async function answered<T extends { readonly errorCode: ErrorCode }>(what: string, ask: () => Promise<T>): Promise<T> {
  return await until(what, async () => {
    const answer = await ask();
    return answer.errorCode !== ErrorCode.UNAVAILABLE && answer;
  }, STEP_PATIENCE_MS);
}
