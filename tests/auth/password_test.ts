import { type Argon2id, type Argon2idInput, argon2idWebCrypto } from "../../server/auth/argon2id.ts";
import { hashesAtOnce, isClientPasswordHash, PasswordHasher } from "../../server/auth/password.ts";
import { DependencyError } from "../../shared/errors.ts";
import { PASSWORD_HASHES_MAX, PASSWORD_QUEUE_MAX, PASSWORD_WAIT_MS_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertNotEquals, assertRejects } from "../support/assert.ts";

const CLIENT_HASH = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
const OTHER_HASH = "00".repeat(32);

/** Counts hashes instead of computing them; the "hash" depends on secret and salt. */
function countingHasher(): { hasher: PasswordHasher; inputs: Argon2idInput[] } {
  const inputs: Argon2idInput[] = [];
  const argon2id: Argon2id = (input) => {
    inputs.push(input);
    return Promise.resolve(input.secret.map((byte, index) => byte ^ input.salt[index % input.salt.length] ^ 0x5a));
  };
  return { hasher: new PasswordHasher({ argon2id }), inputs };
}

/** Lets each hash end when the test says so. */
function gatedHasher(queueMax: number): { hasher: PasswordHasher; running: (() => void)[] } {
  const running: (() => void)[] = [];
  const argon2id: Argon2id = ({ hashBytes }) =>
    new Promise((resolve) => running.push(() => resolve(new Uint8Array(hashBytes).fill(1))));
  return { hasher: new PasswordHasher({ argon2id, queueMax }), running };
}

Deno.test("argon2idWebCrypto() computes the published test vectors", async () => {
  const vectors: [number, number, string][] = [
    [256, 1, "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"],
    [256, 2, "6d093c501fd5999645e0ea3bf620d7b8be7fd2db59c20d9fff9539da2bf57037"],
  ];
  for (const [memoryKib, parallelism, expected] of vectors) {
    const hash = await argon2idWebCrypto({
      secret: new TextEncoder().encode("password"),
      salt: new TextEncoder().encode("somesalt"),
      cost: { memoryKib, passes: 2, parallelism },
      hashBytes: 32,
    });
    assertEquals(hash.toHex(), expected);
  }
});

Deno.test("PasswordHasher.verify() knows the password that hash() was given, and no other", async () => {
  const hasher = new PasswordHasher();
  const verifier = await hasher.hash(CLIENT_HASH, "asker");
  assert(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/.test(verifier), verifier);
  assertEquals(await hasher.verify(CLIENT_HASH, verifier, "asker"), true);
  assertEquals(await hasher.verify(CLIENT_HASH.toUpperCase(), verifier, "asker"), true);
  assertEquals(await hasher.verify(OTHER_HASH, verifier, "asker"), false);
  assertEquals(await hasher.verifyAgainstNobody(CLIENT_HASH, "asker"), false);
});

Deno.test("PasswordHasher.hash() salts: the same password never gives the same verifier", async () => {
  const { hasher } = countingHasher();
  assertNotEquals(await hasher.hash(CLIENT_HASH, "asker"), await hasher.hash(CLIENT_HASH, "asker"));
});

Deno.test("PasswordHasher.verify() sees a difference in every byte", async () => {
  const { hasher } = countingHasher();
  const verifier = await hasher.hash(CLIENT_HASH, "asker");
  for (let index = 0; index < 32; index++) {
    const bytes = Uint8Array.fromHex(CLIENT_HASH);
    bytes[index] ^= 1;
    assertEquals(await hasher.verify(bytes.toHex(), verifier, "asker"), false);
  }
});

Deno.test("PasswordHasher does the same work for a wrong password, no password and nobody", async () => {
  const { hasher, inputs } = countingHasher();
  const verifier = await hasher.hash(CLIENT_HASH, "asker");
  const work: unknown[] = [];
  const checks = [
    () => hasher.verify(CLIENT_HASH, verifier, "asker"),
    () => hasher.verify(OTHER_HASH, verifier, "asker"),
    () => hasher.verify(OTHER_HASH, null, "asker"),
    () => hasher.verifyAgainstNobody(OTHER_HASH, "asker"),
  ];
  const verdicts: boolean[] = [];
  for (const check of checks) {
    inputs.length = 0;
    verdicts.push(await check());
    work.push(inputs.map(({ secret, salt, cost, hashBytes }) => [secret.length, salt.length, cost, hashBytes]));
  }
  assertEquals(verdicts, [true, false, false, false]);
  assertEquals(work, Array(4).fill([[32, 16, { memoryKib: 19_456, passes: 2, parallelism: 1 }, 32]]));
});

Deno.test("PasswordHasher.verifyAgainstNobody() is false even for a hash that would fit", async () => {
  const hasher = new PasswordHasher({ argon2id: ({ hashBytes }) => Promise.resolve(new Uint8Array(hashBytes)) });
  assertEquals(await hasher.verifyAgainstNobody(CLIENT_HASH, "asker"), false);
  assertEquals(await hasher.verify(CLIENT_HASH, null, "asker"), false);
});

Deno.test("hashesAtOnce() leaves a core to those who play, and is never less than one or more than the bound", () => {
  assertEquals([1, 2, 3, 4, 5, 64].map(hashesAtOnce), [1, 1, 2, 3, PASSWORD_HASHES_MAX, PASSWORD_HASHES_MAX]);
});

Deno.test("PasswordHasher computes a few hashes at once and queues the others in order", async () => {
  const { hasher, running } = gatedHasher(10);
  const done: number[] = [];
  const all = Array.from({ length: 7 }, (_, i) => hasher.hash(CLIENT_HASH, "asker").then(() => done.push(i)));
  await Promise.resolve();
  assertEquals(running.length, PASSWORD_HASHES_MAX);
  assertEquals(hasher.queueLength, 7 - PASSWORD_HASHES_MAX);
  for (let i = 0; i < 7; i++) {
    running[i]();
    await all[i];
    await Promise.resolve();
    assert(running.length - done.length <= PASSWORD_HASHES_MAX);
  }
  assertEquals(done, [0, 1, 2, 3, 4, 5, 6]);
});

Deno.test("PasswordHasher refuses what its queue cannot hold, and goes on", async () => {
  const { hasher, running } = gatedHasher(2);
  const taken = Array.from({ length: PASSWORD_HASHES_MAX + 2 }, () => hasher.verifyAgainstNobody(CLIENT_HASH, "asker"));
  await Promise.resolve();
  const error = await assertRejects(() => hasher.hash(CLIENT_HASH, "asker"), DependencyError, "limit is 2 hashes");
  assertEquals(error.code, "overloaded");
  for (let i = 0; i < taken.length; i++) {
    running[i]();
    await taken[i];
    await Promise.resolve();
  }
  assertEquals(hasher.queueLength, 0);
  const later = hasher.hash(CLIENT_HASH, "asker");
  await Promise.resolve();
  running.at(-1)?.();
  await later;
  assert(PASSWORD_QUEUE_MAX >= PASSWORD_HASHES_MAX);
});

/** Timers that run when the test says so. */
function manualTimers() {
  const due = new Map<number, () => void>();
  let last = 0;
  const timers = {
    set: (run: () => void, ms: number) => {
      assertEquals(ms, PASSWORD_WAIT_MS_MAX);
      due.set(++last, run);
      return last;
    },
    clear: (handle: unknown) => void due.delete(handle as number),
  };
  return { due, timers };
}

Deno.test("PasswordHasher tells who has waited too long so, and computes nothing for them", async () => {
  const { due, timers } = manualTimers();
  const running: (() => void)[] = [];
  const argon2id: Argon2id = ({ hashBytes }) =>
    new Promise((resolve) => running.push(() => resolve(new Uint8Array(hashBytes))));
  const hasher = new PasswordHasher({ argon2id, hashesMax: 1, timers });
  const [first, late, next] = ["a", "b", "c"].map((asker) => hasher.verifyAgainstNobody(CLIENT_HASH, asker));
  while (due.size < 3) await null;
  // Of the first it is its hash that has time, which began after the others had asked.
  [...due.values()][0]();
  await assertRejects(() => late, DependencyError, "too many others are before it");
  running[0]();
  await first;
  while (running.length < 2) await null;
  running[1]();
  await next;
  assertEquals([due.size, hasher.queueLength], [0, 0]);
});

Deno.test("PasswordHasher gives up a hash that takes too long, and gives its turn on", async () => {
  const { due, timers } = manualTimers();
  let count = 0;
  const argon2id: Argon2id = ({ hashBytes }) =>
    ++count === 1 ? new Promise(() => {}) : Promise.resolve(new Uint8Array(hashBytes));
  const hasher = new PasswordHasher({ argon2id, hashesMax: 1, timers });
  const [stuck, next] = ["a", "b"].map((asker) => hasher.verifyAgainstNobody(CLIENT_HASH, asker));
  while (due.size < 2) await null;
  [...due.values()][1]();
  await assertRejects(() => stuck, DependencyError, "it takes too long");
  assertEquals(await next, false);
  assertEquals(due.size, 0);
});

Deno.test("PasswordHasher gives its turn on when a hash fails", async () => {
  let count = 0;
  const argon2id: Argon2id = ({ hashBytes }) =>
    count++ === 0 ? Promise.reject(new Error("no memory")) : Promise.resolve(new Uint8Array(hashBytes));
  const hasher = new PasswordHasher({ argon2id, hashesMax: 1 });
  const failed = hasher.hash(CLIENT_HASH, "asker");
  const next = hasher.hash(CLIENT_HASH, "asker");
  await assertRejects(() => failed, Error, "no memory");
  assert((await next).startsWith("$argon2id$"));
});

Deno.test("PasswordHasher takes only what isClientPasswordHash() lets pass", async () => {
  const { hasher, inputs } = countingHasher();
  for (
    const text of ["", "ab", OTHER_HASH.slice(1), `${OTHER_HASH}0`, `${OTHER_HASH}\n`, "g".repeat(64), "é".repeat(64)]
  ) {
    assertEquals(isClientPasswordHash(text), false, JSON.stringify(text));
    await assertRejects(() => hasher.hash(text, "asker"), TypeError, "64 hex digits");
    await assertRejects(() => hasher.verifyAgainstNobody(text, "asker"), TypeError);
  }
  assertEquals(inputs.length, 0);
  assertEquals(isClientPasswordHash(CLIENT_HASH.toUpperCase()), true);
});

Deno.test("PasswordHasher.verify() reports a malformed verifier as unavailable", async () => {
  const { hasher } = countingHasher();
  const error = await assertRejects(
    () => hasher.verify(CLIENT_HASH, "plain text", "asker"),
    DependencyError,
    "malformed",
  );
  assertEquals(error.code, "unavailable");
});

Deno.test("PasswordHasher computes the hashes of those who ask in turns, however many somebody asks for", async () => {
  const { hasher, running } = gatedHasher(10);
  const done: string[] = [];
  const ask = (asker: string) =>
    hasher.hash(CLIENT_HASH, asker).then(() => done.push(asker), () => done.push("refused"));
  const all = Array.from({ length: PASSWORD_HASHES_MAX + 10 }, () => ask("many"));
  // The queue is full of one asker's; another one's has a place, and the next turn but one.
  all.push(ask("one"));
  for (let next = 0; done.length < all.length; next++) {
    await new Promise((resolve) => setImmediate(resolve));
    running[next]?.();
  }
  assertEquals(done.indexOf("one"), PASSWORD_HASHES_MAX + 2);
  assertEquals(done.filter((what) => what === "refused").length, 1);
});
