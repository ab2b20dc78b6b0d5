import { encodePasswordVerifier, parsePasswordVerifier } from "../../server/auth/password_verifier.ts";
import {
  PASSWORD_MEMORY_KIB_MAX,
  PASSWORD_PARALLELISM_MAX,
  PASSWORD_PASSES_MAX,
  PASSWORD_VERIFIER_CHARS_MAX,
} from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const SALT = "c29tZXNhbHQ";
const HASH = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
const GOOD = `$argon2id$v=19$m=256,t=2,p=1$${SALT}$${HASH}`;

Deno.test("parsePasswordVerifier() reads what the reference implementation writes", () => {
  const verifier = parsePasswordVerifier(GOOD);
  assertEquals(verifier?.cost, { memoryKib: 256, passes: 2, parallelism: 1 });
  assertEquals(new TextDecoder().decode(verifier?.salt), "somesalt");
  assertEquals(verifier?.hash.toHex(), "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe");
  assert(verifier);
  assertEquals(encodePasswordVerifier(verifier), GOOD);
});

Deno.test("parsePasswordVerifier() gives undefined for every other form", () => {
  const cost = (text: string) => `$argon2id$v=19$${text}$${SALT}$${HASH}`;
  const bad = [
    "",
    "$",
    GOOD.slice(1),
    ` ${GOOD}`,
    `${GOOD}\n`,
    `${GOOD}$`,
    GOOD.replace("argon2id", "argon2i"),
    GOOD.replace("argon2id", "scrypt"),
    GOOD.replace("v=19", "v=16"),
    GOOD.replace("v=19$", ""),
    cost("m=0,t=2,p=1"),
    cost("m=7,t=2,p=1"),
    cost("m=0256,t=2,p=1"),
    cost("m=-256,t=2,p=1"),
    cost("m=256.0,t=2,p=1"),
    cost("m=2e2,t=2,p=1"),
    cost("t=2,m=256,p=1"),
    cost("m=256,t=2,p=1,keyid=x"),
    cost("m=256,t=0,p=1"),
    cost("m=256,t=2,p=0"),
    cost("m=8,t=2,p=2"),
    cost(`m=${PASSWORD_MEMORY_KIB_MAX + 1},t=2,p=1`),
    cost(`m=256,t=${PASSWORD_PASSES_MAX + 1},p=1`),
    cost(`m=256,t=2,p=${PASSWORD_PARALLELISM_MAX + 1}`),
    cost("m=99999999999999999999,t=2,p=1"),
    // Padding, the URL alphabet, set spare bits, an impossible length; too short, too long.
    GOOD + "=",
    GOOD.replace("/", "_"),
    GOOD.replace(SALT, "c29tZXNhbHR"),
    GOOD.replace(SALT, "c29tZXNhb"),
    GOOD.replace(SALT, "c29tZXM"),
    GOOD.replace(HASH, "nf65EOgLrQMR"),
    GOOD.replace(SALT, "A".repeat(88)),
    GOOD.replace(SALT, "A".repeat(PASSWORD_VERIFIER_CHARS_MAX)),
  ];
  for (const text of bad) assertEquals(parsePasswordVerifier(text), undefined, JSON.stringify(text));
});

Deno.test("parsePasswordVerifier() takes the largest cost allowed", () => {
  const text = GOOD.replace(
    "m=256,t=2,p=1",
    `m=${PASSWORD_MEMORY_KIB_MAX},t=${PASSWORD_PASSES_MAX},p=${PASSWORD_PARALLELISM_MAX}`,
  );
  assert(parsePasswordVerifier(text));
});

Deno.test("parsePasswordVerifier() gives back what encodePasswordVerifier() was given", () => {
  fc.assert(fc.property(
    fc.integer({ min: 32, max: PASSWORD_MEMORY_KIB_MAX }),
    fc.integer({ min: 1, max: PASSWORD_PASSES_MAX }),
    fc.integer({ min: 1, max: PASSWORD_PARALLELISM_MAX }),
    fc.uint8Array({ minLength: 8, maxLength: 64 }),
    fc.uint8Array({ minLength: 16, maxLength: 64 }),
    (memoryKib, passes, parallelism, salt, hash) => {
      const verifier = {
        cost: { memoryKib, passes, parallelism },
        salt: new Uint8Array(salt),
        hash: new Uint8Array(hash),
      };
      assertEquals(parsePasswordVerifier(encodePasswordVerifier(verifier)), verifier);
    },
  ));
});

Deno.test("parsePasswordVerifier() reads nothing that encodePasswordVerifier() would not write", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: GOOD.length - 1 }), fc.string({ maxLength: 2 }), (at, piece) => {
    const text = GOOD.slice(0, at) + piece + GOOD.slice(at + 1);
    const verifier = parsePasswordVerifier(text);
    if (verifier) assertEquals(encodePasswordVerifier(verifier), text);
  }));
});
