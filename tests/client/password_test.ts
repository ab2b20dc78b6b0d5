import { hashPassword } from "../../client/password.ts";
import { sha256 } from "../../client/sha256.ts";
import { assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

Deno.test("sha256() gives what WebCrypto gives, for every length around a block", async () => {
  for (let length = 0; length <= 200; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => 7 * i + length);
    assertEquals(sha256(bytes), new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)), `${length} bytes`);
  }
});

Deno.test("hashPassword() gives the SHA-256 of the UTF-8 password in hex, with WebCrypto and without", async () => {
  assertEquals(await hashPassword("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const withSubtle = Object.getOwnPropertyDescriptor(Crypto.prototype, "subtle")!;
  await fc.assert(fc.asyncProperty(fc.string({ unit: "binary" }), async (password) => {
    const expected = await hashPassword(password);
    Object.defineProperty(Crypto.prototype, "subtle", { ...withSubtle, get: () => undefined });
    try {
      assertEquals(await hashPassword(password), expected);
    } finally {
      Object.defineProperty(Crypto.prototype, "subtle", withSubtle);
    }
  }));
});
