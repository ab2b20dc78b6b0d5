/**
 * What a login costs a login server above all: one password hash, one after the other.
 *
 * Run: `deno bench --no-prompt bench/password_bench.ts`.
 *
 * @module
 */

import { assert } from "../shared/errors.ts";
import { PasswordHasher } from "../server/auth/password.ts";

const hasher = new PasswordHasher();
const CLIENT_HASH = "0".repeat(64);
const ASKER = "192.0.2.1";
const VERIFIER = await hasher.hash(CLIENT_HASH, ASKER);

async function isRight(clientHash: string): Promise<boolean> {
  return await hasher.verify(clientHash, VERIFIER, ASKER);
}

assert(await isRight(CLIENT_HASH) && !await isRight("1".repeat(64)), "Only the right password is taken");

/** What is measured; a test calls each once. */
export const BENCHES: readonly Deno.BenchDefinition[] = [
  {
    group: "a password",
    name: "is hashed, as at a registration",
    baseline: true,
    fn: async () => void await hasher.hash(CLIENT_HASH, ASKER),
  },
  { group: "a password", name: "is checked, as at a login", fn: async () => void await isRight(CLIENT_HASH) },
];

for (const bench of BENCHES) Deno.bench(bench);
