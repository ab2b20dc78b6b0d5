import { loadSessionKey } from "../../server/auth/key_file.ts";
import { SessionTokens } from "../../server/auth/token.ts";
import { ConfigError } from "../../shared/errors.ts";
import { assert, assertEquals, assertNotEquals, assertRejects } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

const GOOD = new Uint8Array(32).fill(1).toBase64();

const PLAYER = { playerId: 7, name: "Mira", createdAtMs: 500, tokenEpoch: 0, clientVersion: null };

Deno.test("loadSessionKey() makes a key that only its owner reads, and keeps it", async () => {
  await withTempDir(async (dir) => {
    const key = await loadSessionKey(dir);
    assertEquals(key.length, 32);
    assertEquals(((await Deno.stat(`${dir}/session.key`)).mode ?? 0) & 0o777, 0o600);
    assertEquals(await loadSessionKey(dir), key);
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["session.key"]);
    await withTempDir(async (other) => assertNotEquals(await loadSessionKey(other), key));
  });
});

Deno.test("loadSessionKey() gives all that start at once the same key", async () => {
  await withTempDir(async (dir) => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => loadSessionKey(dir)));
    for (const key of keys) assertEquals(key, keys[0]);
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["session.key"]);
  });
});

Deno.test("loadSessionKey() makes tokens of one process good in another", async () => {
  await withTempDir(async (dir) => {
    const signer = await SessionTokens.create({ key: await loadSessionKey(dir) });
    const verifier = await SessionTokens.create({ key: await loadSessionKey(dir) });
    assert((await verifier.verify(await signer.sign(PLAYER, 1_000), 1_000)).ok);
  });
});

Deno.test("loadSessionKey() refuses a key that others can read or write", async () => {
  for (const mode of [0o640, 0o604, 0o620, 0o644, 0o666, 0o777]) {
    await withTempDir(async (dir) => {
      await Deno.writeTextFile(`${dir}/session.key`, GOOD, { mode: 0o600 });
      await Deno.chmod(`${dir}/session.key`, mode);
      await assertRejects(() => loadSessionKey(dir), ConfigError, `its mode is ${mode.toString(8)}`);
    });
  }
});

Deno.test("loadSessionKey() takes a key with a line end or without", async () => {
  for (const end of ["", "\n", "\r\n"]) {
    await withTempDir(async (dir) => {
      await Deno.writeTextFile(`${dir}/session.key`, GOOD + end, { mode: 0o600 });
      assertEquals(await loadSessionKey(dir), new Uint8Array(32).fill(1));
    });
  }
});

Deno.test("loadSessionKey() refuses a malformed key and leaves it as it is", async () => {
  const texts = ["", "\n", "secret", GOOD.slice(1), GOOD.replace("=", ""), `${GOOD}${GOOD}`, ` ${GOOD}`, `${GOOD}\n\n`];
  for (const text of [...texts, "A".repeat(100_000), "é".repeat(22)]) {
    await withTempDir(async (dir) => {
      await Deno.writeTextFile(`${dir}/session.key`, text, { mode: 0o600 });
      await assertRejects(() => loadSessionKey(dir), ConfigError, "not 32 bytes in base64");
      assertEquals(await Deno.readTextFile(`${dir}/session.key`), text);
    });
  }
});

Deno.test("loadSessionKey() says which file it cannot use", async () => {
  await withTempDir(async (dir) => {
    await assertRejects(() => loadSessionKey(`${dir}/missing`), ConfigError, `${dir}/missing/session.key`);
    await Deno.mkdir(`${dir}/session.key`, { mode: 0o700 });
    await assertRejects(() => loadSessionKey(dir), ConfigError, "session.key");
  });
});
