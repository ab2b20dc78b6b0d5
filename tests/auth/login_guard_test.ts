import { LoginGuard } from "../../server/auth/login_guard.ts";
import {
  LOGIN_DELAY_MS_MAX,
  LOGIN_FAILURES_PER_ACCOUNT,
  LOGIN_FAILURES_PER_ADDRESS,
  LOGIN_GUARD_ENTRIES_MAX,
} from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("LoginGuard lets an account fail five times, then makes it wait, and longer each time", () => {
  const guard = new LoginGuard();
  for (let failure = 1; failure < LOGIN_FAILURES_PER_ACCOUNT; failure++) {
    guard.failed("alice", `10.0.0.${failure}`, 0);
    assertEquals(guard.waitMs("alice", "10.0.0.99", 0), 0);
  }
  const waits: number[] = [];
  for (let failure = 0; failure < 4; failure++) {
    guard.failed("alice", `10.0.1.${failure}`, 0);
    waits.push(guard.waitMs("alice", "10.0.0.99", 0));
  }
  assertEquals(waits, [1_000, 2_000, 4_000, 8_000]);
  assertEquals(guard.waitMs("alice", "10.0.0.99", 8_000), 0);
  assertEquals(guard.waitMs("bob", "10.0.0.99", 0), 0);
});

Deno.test("LoginGuard makes an address wait that fails for many accounts", () => {
  const guard = new LoginGuard();
  for (let failure = 0; failure < LOGIN_FAILURES_PER_ADDRESS; failure++) guard.failed(`name${failure}`, "10.0.0.1", 0);
  assertEquals(guard.waitMs("another", "10.0.0.1", 0), 1_000);
  assertEquals(guard.waitMs("another", "10.0.0.2", 0), 0);
});

Deno.test("LoginGuard never waits longer than its bound, and forgives after it", () => {
  const guard = new LoginGuard();
  for (let failure = 0; failure < 100; failure++) guard.failed("alice", `10.0.0.${failure}`, 0);
  assertEquals(guard.waitMs("alice", "10.9.9.9", 0), LOGIN_DELAY_MS_MAX);
  const laterMs = 2 * LOGIN_DELAY_MS_MAX + 1;
  guard.failed("alice", "10.0.0.1", laterMs);
  assertEquals(guard.waitMs("alice", "10.9.9.9", laterMs), 0);
});

Deno.test("LoginGuard forgets an account's failures when it logs in", () => {
  const guard = new LoginGuard();
  for (let failure = 0; failure < 8; failure++) guard.failed("alice", `10.0.0.${failure}`, 0);
  assert(guard.waitMs("alice", "10.9.9.9", 0) > 0);
  guard.succeeded("alice");
  assertEquals(guard.waitMs("alice", "10.9.9.9", 0), 0);
});

Deno.test("LoginGuard remembers a bounded number, and forgets the oldest", () => {
  const guard = new LoginGuard();
  for (let failure = 0; failure < 6; failure++) guard.failed("first", "10.0.0.1", 0);
  for (let index = 0; index < LOGIN_GUARD_ENTRIES_MAX; index++) guard.failed(`name${index}`, "10.0.0.2", 0);
  assertEquals(guard.waitMs("first", "10.9.9.9", 0), 0);
});
