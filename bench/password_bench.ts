/**
 * What a login costs a login server above all: one password hash, one after the other.
 *
 * Run: `deno bench --no-prompt bench/password_bench.ts`.
 *
 * @module
 */

import { PasswordHasher } from "../server/auth/password.ts";

const hasher = new PasswordHasher();
const CLIENT_HASH = "0".repeat(64);

Deno.bench("a password hash", async () => void await hasher.hash(CLIENT_HASH, "192.0.2.1"));
