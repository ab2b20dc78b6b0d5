import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import {
  LoginRequestSchema,
  type LoginResponse,
  RegisterRequestSchema,
  type RegisterResponse,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import {
  LOGIN_ADDRESS_NOTED_MS,
  LOGIN_FAILURES_PER_ACCOUNT,
  LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS,
  LOGIN_FAILURES_PER_ADDRESS,
  PASSWORDS_PENDING_PER_ADDRESS,
} from "../../shared/limits.ts";
import { DirectStorage } from "../../server/storage/direct_storage.ts";
import { MEMORY_PATH } from "../../server/storage/sqlite_database.ts";
import type { Storage } from "../../server/storage/storage.ts";
import { DependencyError } from "../../shared/errors.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { type HarnessClient, LogicHarness } from "../support/logic_harness.ts";
import { storeWith } from "../support/storage_with.ts";

const HASH = "ab".repeat(32);
const WRONG = "cd".repeat(32);

/** Asks on a connection of its own, from an address. */
async function register(harness: LogicHarness, username: string, address?: string): Promise<RegisterResponse> {
  const client = harness.open({ port: "login", address });
  harness.send(client, RegisterRequestSchema, { username, passwordHash: HASH });
  await harness.until(() => harness.received(client, PacketType.REGISTER_RESPONSE).length > 0);
  return harness.received(client, PacketType.REGISTER_RESPONSE)[0];
}

function startLogin(harness: LogicHarness, username: string, passwordHash: string, address?: string): HarnessClient {
  const client = harness.open({ port: "login", address });
  harness.send(client, LoginRequestSchema, { username, passwordHash });
  return client;
}

async function loginAnswer(harness: LogicHarness, client: HarnessClient): Promise<LoginResponse> {
  await harness.until(() => harness.received(client, PacketType.LOGIN_RESPONSE).length > 0);
  return harness.received(client, PacketType.LOGIN_RESPONSE)[0];
}

async function login(harness: LogicHarness, username: string, hash: string, address?: string): Promise<LoginResponse> {
  return await loginAnswer(harness, startLogin(harness, username, hash, address));
}

/** A storage, some of whose parts are others. */
function storageWith(storage: Storage, parts: Partial<Storage>): Storage {
  const whole: Storage = new Proxy(storage, {
    get: (target, part: keyof Storage) => {
      if (part in parts) return parts[part];
      if (part === "for") return () => whole;
      const value = target[part];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return whole;
}

/** A storage that outlives the harness that uses it. */
function unclosed(storage: Storage): Storage {
  return storageWith(storage, { close: () => Promise.resolve() });
}

function disposable(storage: Storage) {
  return { value: storage, [Symbol.asyncDispose]: () => storage.close() };
}

/** A hasher whose work ends when the test says so. */
function heldHasher() {
  const waiting: (() => void)[] = [];
  const held = <Result>(result: Result) => new Promise<Result>((resolve) => waiting.push(() => resolve(result)));
  return {
    waiting,
    hash: (clientHash: string) => held(`plain:${clientHash}`),
    verify: (clientHash: string, verifier: string | null) => held(verifier === `plain:${clientHash}`),
    verifyAgainstNobody: () => held(false as const),
  };
}

Deno.test("AuthLimits lets an address register so many accounts an hour, and others go on", async () => {
  await using harness = await LogicHarness.create({ config: { addressRegistrationsPerHour: 3 } });
  for (const name of ["one", "two", "three"]) assert((await register(harness, name, "198.51.100.1")).success);
  const refused = await register(harness, "four", "198.51.100.1");
  assertEquals([refused.success, refused.errorCode], [false, ErrorCode.RATE_LIMITED]);
  assert((await register(harness, "four", "198.51.100.2")).success);
  // Names that are taken or bad cost nothing.
  assertEquals((await register(harness, "one", "198.51.100.3")).errorCode, ErrorCode.NAME_TAKEN);
  for (const name of ["five", "six", "seven"]) assert((await register(harness, name, "198.51.100.3")).success);
  harness.clock.advance(20 * 60_000);
  assert((await register(harness, "eight", "198.51.100.1")).success);
  assertEquals((await register(harness, "nine", "198.51.100.1")).errorCode, ErrorCode.RATE_LIMITED);
});

Deno.test("AuthLimits does not count a registration that the server had no time for", async () => {
  await using storage = disposable(new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS));
  let failuresLeft = 2;
  const { accounts } = storage.value;
  const create: typeof accounts.create = (account) => {
    if (failuresLeft-- > 0) return Promise.reject(new DependencyError("unavailable", "no time"));
    return accounts.create(account);
  };
  const busy = storageWith(unclosed(storage.value), { accounts: storeWith(accounts, { create }) });
  await using harness = await LogicHarness.create({ storage: busy, config: { addressRegistrationsPerHour: 1 } });
  for (let failure = 0; failure < 2; failure++) {
    assertEquals((await register(harness, "one", "198.51.100.1")).errorCode, ErrorCode.UNAVAILABLE);
  }
  assert((await register(harness, "one", "198.51.100.1")).success);
  assertEquals((await register(harness, "two", "198.51.100.1")).errorCode, ErrorCode.RATE_LIMITED);
});

Deno.test("AuthLimits counts registrations of one IPv6 network together, and none of a trusted address", async () => {
  await using harness = await LogicHarness.create({ config: { addressRegistrationsPerHour: 1 } });
  assert((await register(harness, "one", "2001:db8:1:2::1")).success);
  assertEquals((await register(harness, "two", "2001:db8:1:2::2")).errorCode, ErrorCode.RATE_LIMITED);
  assert((await register(harness, "two", "2001:db8:1:3::1")).success);
  for (const name of ["three", "four", "five"]) assert((await register(harness, name, "127.0.0.1")).success);
});

Deno.test("AuthLimits makes an account wait after five failures from an address, the right password too", async () => {
  await using harness = await LogicHarness.create();
  for (const name of ["victim", "other"]) await register(harness, name, "198.51.100.1");
  for (let failure = 0; failure < LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS; failure++) {
    const { errorCode } = await login(harness, "victim", WRONG, "2001:db8::1");
    assertEquals(errorCode, ErrorCode.INVALID_CREDENTIALS);
  }
  assertEquals((await login(harness, "Victim", HASH, "2001:db8::2")).errorCode, ErrorCode.RATE_LIMITED);
  assert((await login(harness, "other", HASH, "2001:db8::2")).success);
  assert((await login(harness, "victim", HASH, "192.0.2.1")).success);
  harness.clock.advance(1_001);
  assert((await login(harness, "victim", HASH, "2001:db8::1")).success);
});

Deno.test("AuthLimits delays no login for others' failures where the account has logged in before, a restart later too", async () => {
  await using storage = disposable(new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS));
  {
    await using harness = await LogicHarness.create({ storage: unclosed(storage.value) });
    await register(harness, "victim", "198.51.100.1");
    assert((await login(harness, "victim", HASH, "2001:db8::1")).success);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await using harness = await LogicHarness.create({ storage: unclosed(storage.value) });
  for (let failure = 0; failure < LOGIN_FAILURES_PER_ACCOUNT; failure++) {
    await login(harness, "victim", WRONG, `203.0.113.${failure}`);
  }
  assertEquals((await login(harness, "victim", HASH, "198.51.100.1")).errorCode, ErrorCode.RATE_LIMITED);
  assert((await login(harness, "victim", HASH, "2001:db8::2")).success);
  // Nor where many others have failed.
  for (let failure = 0; failure < LOGIN_FAILURES_PER_ADDRESS; failure++) {
    await login(harness, `name${failure}`, WRONG, "2001:db8::3");
  }
  assertEquals((await login(harness, "another", WRONG, "2001:db8::3")).errorCode, ErrorCode.RATE_LIMITED);
  assert((await login(harness, "victim", HASH, "2001:db8::3")).success);
});

Deno.test("AuthLimits hears everybody behind a trusted address, whatever the others fail", async () => {
  await using harness = await LogicHarness.create();
  await register(harness, "honest", "127.0.0.1");
  for (let failure = 0; failure < LOGIN_FAILURES_PER_ADDRESS + 10; failure++) {
    const { errorCode } = await login(harness, `name${failure}`, WRONG, "127.0.0.1");
    assertEquals(errorCode, ErrorCode.INVALID_CREDENTIALS);
  }
  assert((await login(harness, "honest", HASH, "127.0.0.1")).success);
  // Guesses at one account are slowed there too, and its having logged in there opens no way around that.
  let heard = 0;
  for (let failure = 0; failure < LOGIN_FAILURES_PER_ACCOUNT + 10; failure++) {
    if ((await login(harness, "honest", WRONG, "127.0.0.1")).errorCode === ErrorCode.INVALID_CREDENTIALS) heard++;
  }
  assertEquals(heard, LOGIN_FAILURES_PER_ACCOUNT);
});

Deno.test("LOGIN_REQUEST notes an address when it is new, and once a day", async () => {
  const direct = new DirectStorage({ path: MEMORY_PATH }, MARSH_RECORDS);
  let notes = 0;
  const accounts = new Proxy(direct.accounts, {
    get: (target, method: keyof typeof direct.accounts) => {
      if (method === "noteAddress") notes++;
      return target[method].bind(target);
    },
  });
  await using harness = await LogicHarness.create({ storage: storageWith(direct, { accounts }) });
  await register(harness, "anna");
  const count = async (address: string) => {
    const before = notes;
    assert((await login(harness, "anna", HASH, address)).success);
    await new Promise((resolve) => setImmediate(resolve));
    return notes - before;
  };
  assertEquals([await count("192.0.2.1"), await count("192.0.2.1"), await count("192.0.2.2")], [1, 0, 1]);
  harness.clock.advance(LOGIN_ADDRESS_NOTED_MS);
  assertEquals([await count("192.0.2.1"), await count("127.0.0.1")], [1, 0]);
});

Deno.test("AuthLimits counts the failures of peers that have hung up before they were answered", async () => {
  const hasher = heldHasher();
  await using harness = await LogicHarness.create({ hasher });
  for (let failure = 0; failure < LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS; failure++) {
    const client = startLogin(harness, "victim", WRONG, "198.51.100.1");
    await harness.until(() => hasher.waiting.length === 1);
    harness.disconnect(client);
    hasher.waiting.pop()!();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assertEquals((await login(harness, "victim", WRONG, "198.51.100.1")).errorCode, ErrorCode.RATE_LIMITED);
});

Deno.test("AuthLimits hears only so many guesses at one account at once", async () => {
  const hasher = heldHasher();
  await using harness = await LogicHarness.create({ hasher });
  const clients = Array.from(
    { length: LOGIN_FAILURES_PER_ACCOUNT + 3 },
    (_, index) => startLogin(harness, "victim", WRONG, `203.0.113.${index}`),
  );
  await harness.until(() => hasher.waiting.length === LOGIN_FAILURES_PER_ACCOUNT);
  for (const client of clients.slice(LOGIN_FAILURES_PER_ACCOUNT)) {
    assertEquals((await loginAnswer(harness, client)).errorCode, ErrorCode.RATE_LIMITED);
  }
  for (const finish of hasher.waiting.splice(0)) finish();
  for (const client of clients.slice(0, LOGIN_FAILURES_PER_ACCOUNT)) {
    assertEquals((await loginAnswer(harness, client)).errorCode, ErrorCode.INVALID_CREDENTIALS);
  }
});

Deno.test("AuthLimits counts no failure where no password was looked at", async () => {
  let isOverloaded = true;
  const verify = () => isOverloaded ? Promise.reject(new DependencyError("overloaded", "full")) : Promise.resolve(true);
  const hasher = {
    hash: () => Promise.resolve("plain"),
    verify,
    verifyAgainstNobody: () => Promise.resolve(false as const),
  };
  await using harness = await LogicHarness.create({ hasher });
  await register(harness, "anna");
  for (let attempt = 0; attempt < 2 * LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS; attempt++) {
    assertEquals((await login(harness, "anna", HASH)).errorCode, ErrorCode.UNAVAILABLE);
  }
  isOverloaded = false;
  assert((await login(harness, "anna", HASH)).success);
});

Deno.test("AuthLimits leaves room in the queue of passwords for other addresses, and trusts who is trusted", async () => {
  const hasher = heldHasher();
  await using harness = await LogicHarness.create({ hasher });
  const count = PASSWORDS_PENDING_PER_ADDRESS;
  for (let index = 0; index < count; index++) startLogin(harness, `name${index}`, WRONG, "198.51.100.1");
  await harness.until(() => hasher.waiting.length === count);
  const { errorCode } = await login(harness, "another", WRONG, "198.51.100.1");
  assertEquals(errorCode, ErrorCode.RATE_LIMITED);
  startLogin(harness, "another", WRONG, "198.51.100.2");
  for (let index = 0; index < count + 1; index++) startLogin(harness, `local${index}`, WRONG, "127.0.0.1");
  await harness.until(() => hasher.waiting.length === 2 * count + 2);
  for (const finish of hasher.waiting.splice(0)) finish();
});

Deno.test("AuthLimits has no limits when flood control is off", async () => {
  await using harness = await LogicHarness.create({ config: { floodControl: false, addressRegistrationsPerHour: 1 } });
  for (const name of ["one", "two", "three"]) assert((await register(harness, name)).success);
  for (let failure = 0; failure < 20; failure++) {
    assertEquals((await login(harness, "one", WRONG)).errorCode, ErrorCode.INVALID_CREDENTIALS);
  }
  assert((await login(harness, "one", HASH)).success);
});
