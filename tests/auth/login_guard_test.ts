import { type Login, LoginGuard } from "../../server/auth/login_guard.ts";
import { Prng } from "../../server/world/prng.ts";
import {
  ACCOUNT_DELAY_MS_MAX,
  ADDRESS_DELAY_MS_MAX,
  LOGIN_DELAY_MS_MAX,
  LOGIN_FAILURE_FADE_MS,
  LOGIN_FAILURES_PER_ACCOUNT,
  LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS,
  LOGIN_FAILURES_PER_ADDRESS,
  LOGIN_GUARD_ENTRIES_MAX,
} from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function at(address: string | null, nameKey = "alice"): Login {
  return { nameKey, address };
}

/** Guesses until the account waits, each time from another address. */
function besiege(guard: LoginGuard, guesses: number, nowMs = 0): void {
  for (let index = 0; index < guesses; index++) guard.begin(at(`10.0.${index >> 8}.${index & 255}`), nowMs);
}

Deno.test("LoginGuard lets an account fail five times from an address, then makes it wait, and longer each time", () => {
  const guard = new LoginGuard();
  const home = at("192.0.2.1");
  for (let failure = 1; failure < LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS; failure++) {
    guard.begin(home, 0);
    assertEquals(guard.waitMs(home, false, 0), 0);
  }
  const waits: number[] = [];
  for (let failure = 0; failure < 12; failure++) {
    guard.begin(home, 0);
    waits.push(guard.waitMs(home, true, 0));
  }
  assertEquals(waits.slice(0, 4), [1_000, 2_000, 4_000, 8_000]);
  assertEquals(waits.at(-1), LOGIN_DELAY_MS_MAX);
  // Neither the account elsewhere nor others there have to wait for that.
  assertEquals(guard.waitMs(at("192.0.2.2"), false, 0), 0);
  assertEquals(guard.waitMs(at("192.0.2.1", "bob"), false, 0), 0);
  assertEquals(guard.waitMs(home, true, LOGIN_DELAY_MS_MAX), 0);
});

Deno.test("LoginGuard makes an account wait elsewhere after fifty failures, half a minute at most, and not where it is known", () => {
  const guard = new LoginGuard();
  besiege(guard, LOGIN_FAILURES_PER_ACCOUNT - 1);
  assertEquals(guard.waitMs(at("192.0.2.1"), false, 0), 0);
  besiege(guard, 1);
  assertEquals(guard.waitMs(at("192.0.2.1"), false, 0), 1_000);
  besiege(guard, 1_000);
  assertEquals(guard.waitMs(at("192.0.2.1"), false, 0), ACCOUNT_DELAY_MS_MAX);
  assertEquals(guard.waitMs(at("192.0.2.1"), true, 0), 0);
  assertEquals(guard.waitMs(at("192.0.2.1", "bob"), false, 0), 0);
});

Deno.test("LoginGuard makes an address wait after two hundred failures, a minute at most, and not who is known there", () => {
  const guard = new LoginGuard();
  for (let index = 1; index < LOGIN_FAILURES_PER_ADDRESS; index++) guard.begin(at("192.0.2.1", `name${index}`), 0);
  assertEquals(guard.waitMs(at("192.0.2.1"), false, 0), 0);
  for (let index = 0; index < 100; index++) guard.begin(at("192.0.2.1", `more${index}`), 0);
  assertEquals(guard.waitMs(at("192.0.2.1"), false, 0), ADDRESS_DELAY_MS_MAX);
  assertEquals(guard.waitMs(at("192.0.2.1"), true, 0), 0);
  assertEquals(guard.waitMs(at("192.0.2.2"), false, 0), 0);
});

Deno.test("LoginGuard counts nothing against an address that is trusted, and never takes an account for known there", () => {
  const guard = new LoginGuard();
  for (let index = 0; index < 1_000; index++) guard.begin(at(null, `name${index}`), 0);
  assertEquals(guard.waitMs(at(null), true, 0), 0);
  for (let index = 0; index < 1_000; index++) guard.begin(at(null), 0);
  assertEquals(guard.waitMs(at(null), true, 0), ACCOUNT_DELAY_MS_MAX);
});

Deno.test("LoginGuard lets failures fade, and a pause as long as the longest wait gives all five of a pair back", () => {
  const guard = new LoginGuard();
  const home = at("192.0.2.1");
  for (let failure = 0; failure < LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS; failure++) guard.begin(home, 0);
  for (let failure = 1; failure < LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS; failure++) {
    guard.begin(home, LOGIN_DELAY_MS_MAX);
    assertEquals(guard.waitMs(home, true, LOGIN_DELAY_MS_MAX), 0);
  }
  besiege(guard, LOGIN_FAILURES_PER_ACCOUNT);
  const laterMs = LOGIN_DELAY_MS_MAX + LOGIN_FAILURES_PER_ACCOUNT * LOGIN_FAILURE_FADE_MS;
  besiege(guard, 1, laterMs);
  assertEquals(guard.waitMs(at("192.0.2.9"), false, laterMs), 0);
});

Deno.test("LoginGuard forgives a pair's own failures with a success, also to account and address, and nobody else's", () => {
  const guard = new LoginGuard();
  const home = at("192.0.2.1");
  besiege(guard, LOGIN_FAILURES_PER_ACCOUNT - 1);
  for (let failure = 0; failure < 8; failure++) guard.begin(home, 0);
  guard.succeeded(home, 0);
  assertEquals(guard.waitMs(home, true, 0), 0);
  assertEquals(guard.waitMs(home, false, 0), 0);
  // The others' failures are there still.
  besiege(guard, 1);
  assertEquals(guard.waitMs(home, false, 0), 1_000);
});

Deno.test("LoginGuard hears no more of guesses made at once than of guesses in a row", () => {
  const guard = new LoginGuard();
  let heard = 0;
  for (let guess = 0; guess < 1_000; guess++) {
    const login = at(`10.0.${guess >> 8}.${guess & 255}`);
    if (guard.waitMs(login, false, 0) > 0) continue;
    guard.begin(login, 0);
    heard++;
  }
  assertEquals(heard, LOGIN_FAILURES_PER_ACCOUNT);
});

Deno.test("LoginGuard makes who was wrong wait from when that was found, however long it took", () => {
  const guard = new LoginGuard();
  const home = at("192.0.2.1");
  for (let failure = 0; failure < LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS; failure++) guard.begin(home, 0);
  guard.failed(home, 5_000);
  assertEquals(guard.waitMs(home, true, 5_000), 1_000);
});

Deno.test("LoginGuard takes back what was not looked at", () => {
  const guard = new LoginGuard();
  const home = at("192.0.2.1");
  for (let attempt = 0; attempt < 1_000; attempt++) {
    guard.begin(home, 0);
    guard.withdrawn(home, 0);
  }
  assertEquals([guard.waitMs(home, false, 0), guard.entryCount], [0, 0]);
});

Deno.test("LoginGuard remembers a bounded number of each kind, and forgets first who failed seldom and long ago", () => {
  const guard = new LoginGuard();
  for (let failure = 0; failure < 6; failure++) guard.begin(at("192.0.2.1", "first"), 0);
  const count = LOGIN_GUARD_ENTRIES_MAX;
  for (let index = 0; index < 2 * count; index++) {
    guard.begin(at(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`, `name${index}`), 0);
  }
  assertEquals(guard.entryCount, 3 * count);
  assert(guard.waitMs(at("192.0.2.1", "first"), true, 0) > 0);
});

const HONEST_DAYS = [
  { perHour: 200, isStubborn: true },
  { perHour: 200, isStubborn: false },
  { perHour: 1_000, isStubborn: true },
  { perHour: 1_000, isStubborn: false },
  { perHour: 5_000, isStubborn: true },
];

for (const { perHour, isStubborn } of HONEST_DAYS) {
  const what = `${perHour} an hour by players who ${isStubborn ? "try until they are in" : "give up after one typo"}`;
  Deno.test(`LoginGuard refuses none of a day of honest logins behind one new address, ${what}`, () => {
    const guard = new LoginGuard();
    const prng = new Prng(7);
    let logins = 0;
    let refused = 0;
    for (let nowMs = 0; nowMs < DAY_MS; nowMs += HOUR_MS / perHour) {
      const login = at("192.0.2.1", `player${prng.nextUint32() % perHour}`);
      for (let attemptMs = nowMs;; attemptMs += 5_000) {
        logins++;
        if (guard.waitMs(login, false, attemptMs) > 0) {
          refused++;
          break;
        }
        guard.begin(login, attemptMs);
        if (prng.nextFloat() >= 0.05) {
          guard.succeeded(login, attemptMs);
          break;
        }
        if (!isStubborn) break;
      }
    }
    assert(logins >= 24 * perHour);
    assertEquals(refused, 0);
  });
}

Deno.test("LoginGuard hears under 500 of a day's guesses at one account from one address", () => {
  const guard = new LoginGuard();
  const login = at("192.0.2.1");
  let heard = 0;
  for (let nowMs = 0; nowMs < DAY_MS; nowMs += Math.max(1, guard.waitMs(login, true, nowMs))) {
    if (guard.waitMs(login, true, nowMs) > 0) continue;
    guard.begin(login, nowMs);
    heard++;
  }
  assert(heard > 400 && heard < 500, `${heard} guesses were heard`);
});

Deno.test("LoginGuard hears under 5,000 of a day's guesses at one account from 10,000 addresses, and delays its own place never", () => {
  const guard = new LoginGuard();
  const prng = new Prng(11);
  let heard = 0;
  let openMs = 0;
  // At each moment the account opens somebody is there at once; beside them, addresses knock at random.
  for (let nowMs = 0; nowMs < DAY_MS; nowMs = Math.min(openMs, nowMs + 1_000)) {
    for (let knock = 0; knock < 4; knock++) {
      const index = prng.nextUint32() % 10_000;
      const login = at(`10.0.${index >> 8}.${index & 255}`);
      const waitMs = guard.waitMs(login, false, nowMs);
      if (waitMs === 0) {
        guard.begin(login, nowMs);
        heard++;
      }
      openMs = nowMs + Math.max(1, guard.waitMs(at("192.0.2.99"), false, nowMs));
    }
    assertEquals(guard.waitMs(at("192.0.2.1"), true, nowMs), 0);
    assert(guard.waitMs(at("192.0.2.1"), false, nowMs) <= ACCOUNT_DELAY_MS_MAX);
  }
  assert(heard > 2_000 && heard < 5_000, `${heard} guesses were heard`);
  assert(guard.entryCount <= 3 * LOGIN_GUARD_ENTRIES_MAX);
});

Deno.test("LoginGuard remembers what was guessed at an account, however many names a guesser makes up in between", () => {
  const guard = new LoginGuard();
  besiege(guard, LOGIN_FAILURES_PER_ACCOUNT + 3);
  const somewhere = at("192.0.2.1");
  const waitMs = guard.waitMs(somewhere, false, 0);
  assert(waitMs > 0);
  for (let index = 0; index < 3 * LOGIN_GUARD_ENTRIES_MAX; index++) {
    guard.begin(at(`172.16.${(index >> 8) & 255}.${index & 255}`, `made-up${index}`), 0);
  }
  assertEquals(guard.waitMs(somewhere, false, 0), waitMs);
  assert(guard.entryCount <= 3 * LOGIN_GUARD_ENTRIES_MAX);
});
