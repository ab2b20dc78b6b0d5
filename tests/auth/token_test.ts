import { isTokenOf, SessionTokens, tokenPlayerOf } from "../../server/auth/token.ts";
import { SESSION_TOKEN_CHARS_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertNotEquals, assertRejects } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);
const NOW_S = 1_760_000_000;
const NOW_MS = NOW_S * 1_000;
const DAY_S = 86_400;
const PLAYER = { playerId: 42, name: "Mira", createdAtMs: NOW_MS - 7, tokenEpoch: 3, clientVersion: "1.4.2" };
const INVALID = { ok: false, error: "invalid_token" } as const;
const EXPIRED = { ok: false, error: "token_expired" } as const;

const HEADER = { alg: "HS256", typ: "JWT" };
const CLAIMS = {
  iss: "drawbridge",
  aud: "drawbridge-game",
  sub: "42",
  name: "Mira",
  created: NOW_MS - 7,
  epoch: 3,
  client: "1.4.2",
  sid: "c2lk",
  iat: NOW_S,
  exp: NOW_S + DAY_S,
};

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

function tokens(): Promise<SessionTokens> {
  return SessionTokens.create({ key: KEY });
}

function encode(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return new TextEncoder().encode(text).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Signs whatever it is given: an attacker who knows the format, and here and there the key. */
async function forge(
  header: unknown,
  claims: unknown,
  { key = KEY, hash = "SHA-256" }: { key?: Uint8Array<ArrayBuffer>; hash?: string } = {},
): Promise<string> {
  const signed = `${encode(header)}.${encode(claims)}`;
  const hmacKey = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash }, false, ["sign"]);
  const signature = await crypto.subtle.sign("HMAC", hmacKey, new TextEncoder().encode(signed));
  return `${signed}.${new Uint8Array(signature).toBase64({ alphabet: "base64url", omitPadding: true })}`;
}

function without(claim: keyof typeof CLAIMS): Record<string, unknown> {
  return Object.fromEntries(Object.entries(CLAIMS).filter(([name]) => name !== claim));
}

Deno.test("SessionTokens.verify() knows the player whom sign() was given", async () => {
  const sessionTokens = await tokens();
  const players = [
    PLAYER,
    { ...PLAYER, playerId: 1, name: "a_b-C9", clientVersion: "" },
    { ...PLAYER, playerId: Number.MAX_SAFE_INTEGER, name: "Last", createdAtMs: 0, tokenEpoch: 0, clientVersion: null },
  ];
  for (const player of players) {
    const token = await sessionTokens.sign(player, NOW_MS);
    assert(token.length < 450);
    assertEquals(await sessionTokens.verify(token, NOW_MS), { ok: true, ...player });
  }
});

Deno.test("SessionTokens.verify() takes a token that another implementation made with the key", async () => {
  assertEquals(await (await tokens()).verify(await forge(HEADER, CLAIMS), NOW_MS), { ok: true, ...PLAYER });
});

Deno.test("SessionTokens.sign() carries issuer, audience, session id, and times", async () => {
  const token = await (await tokens()).sign(PLAYER, NOW_MS + 999);
  const [header, payload] = token.split(".").slice(0, 2).map((part) =>
    JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(part, { alphabet: "base64url" })))
  );
  assertEquals(header, HEADER);
  assertEquals({ ...payload, sid: CLAIMS.sid }, CLAIMS);
  assertEquals(payload.sid.length, 22);
});

Deno.test("SessionTokens.sign() never makes the same token twice", async () => {
  const sessionTokens = await tokens();
  assertNotEquals(await sessionTokens.sign(PLAYER, NOW_MS), await sessionTokens.sign(PLAYER, NOW_MS));
});

Deno.test("SessionTokens.verify() tells an expired token from a bad one, to the second", async () => {
  const sessionTokens = await SessionTokens.create({ key: KEY, lifetimeMs: 10_000 });
  const token = await sessionTokens.sign(PLAYER, NOW_MS);
  assertEquals(await sessionTokens.verify(token, NOW_MS + 9_999), { ok: true, ...PLAYER });
  for (const laterMs of [10_000, 10_001, 69_000, 70_000, 71_000, 1e9]) {
    assertEquals(await sessionTokens.verify(token, NOW_MS + laterMs), EXPIRED);
  }
  const other = await SessionTokens.create({ key: OTHER_KEY, lifetimeMs: 10_000 });
  assertEquals(await other.verify(token, NOW_MS + 10_000), INVALID);
});

Deno.test("SessionTokens.verify() bears a minute between two servers' clocks", async () => {
  const sessionTokens = await tokens();
  const verify = async (claims: unknown) => (await sessionTokens.verify(await forge(HEADER, claims), NOW_MS)).ok;
  assertEquals(await verify({ ...CLAIMS, iat: NOW_S + 60 }), true);
  assertEquals(await verify({ ...CLAIMS, iat: NOW_S + 61 }), false);
  assertEquals(await verify({ ...CLAIMS, nbf: NOW_S + 60 }), true);
  assertEquals(await verify({ ...CLAIMS, nbf: NOW_S + 61 }), false);
});

Deno.test("SessionTokens.verify() refuses every attack of the table", async (t) => {
  const sessionTokens = await tokens();
  const good = await forge(HEADER, CLAIMS);
  const [header, payload, signature] = good.split(".");
  const otherKeyJwk = { kty: "oct", k: OTHER_KEY.toBase64({ alphabet: "base64url", omitPadding: true }) };
  const attacks: Record<string, string | Promise<string>> = {
    "algorithm none, no signature": `${encode({ ...HEADER, alg: "none" })}.${payload}.`,
    "algorithm None": `${encode({ ...HEADER, alg: "None" })}.${payload}.`,
    "algorithm NONE with the good signature": `${encode({ ...HEADER, alg: "NONE" })}.${payload}.${signature}`,
    "algorithm none, signed by the key": forge({ ...HEADER, alg: "none" }, CLAIMS),
    "HS384 by the key": forge({ ...HEADER, alg: "HS384" }, CLAIMS, { hash: "SHA-384" }),
    "HS512 by the key": forge({ ...HEADER, alg: "HS512" }, CLAIMS, { hash: "SHA-512" }),
    "RS256 named, signed by the key": forge({ ...HEADER, alg: "RS256" }, CLAIMS),
    "algorithm missing": forge({ typ: "JWT" }, CLAIMS),
    "algorithm a number": forge({ ...HEADER, alg: 256 }, CLAIMS),
    "other key": forge(HEADER, CLAIMS, { key: OTHER_KEY }),
    "zero key": forge(HEADER, CLAIMS, { key: new Uint8Array(32) }),
    "key in its own header": forge({ ...HEADER, jwk: otherKeyJwk }, CLAIMS, { key: OTHER_KEY }),
    "key by path": forge({ ...HEADER, kid: "../../../dev/null" }, CLAIMS, { key: new Uint8Array(1) }),
    "key by address": forge({ ...HEADER, jku: "http://127.0.0.1/keys" }, CLAIMS, { key: OTHER_KEY }),
    "critical extension": forge({ ...HEADER, crit: ["exp"] }, CLAIMS),
    "unencoded payload": forge({ ...HEADER, b64: false, crit: ["b64"] }, CLAIMS),
    "other type": forge({ ...HEADER, typ: "at+jwt" }, CLAIMS),
    "type missing": forge({ alg: "HS256" }, CLAIMS),
    "other issuer": forge(HEADER, { ...CLAIMS, iss: "drawbridge2" }),
    "other audience": forge(HEADER, { ...CLAIMS, aud: "drawbridge-admin" }),
    "no issuer": forge(HEADER, without("iss")),
    "no audience": forge(HEADER, without("aud")),
    "no subject": forge(HEADER, without("sub")),
    "no name": forge(HEADER, without("name")),
    "no moment of creation, as before there was one": forge(HEADER, without("created")),
    "moment of creation a text": forge(HEADER, { ...CLAIMS, created: String(NOW_MS) }),
    "moment of creation with a fraction": forge(HEADER, { ...CLAIMS, created: 1.5 }),
    "no epoch": forge(HEADER, without("epoch")),
    "epoch null": forge(HEADER, { ...CLAIMS, epoch: null }),
    "no client": forge(HEADER, without("client")),
    "client a number": forge(HEADER, { ...CLAIMS, client: 1 }),
    "no session id": forge(HEADER, without("sid")),
    "no time of issue": forge(HEADER, without("iat")),
    "no expiry": forge(HEADER, without("exp")),
    "expiry a text": forge(HEADER, { ...CLAIMS, exp: String(NOW_S + DAY_S) }),
    "expiry null": forge(HEADER, { ...CLAIMS, exp: null }),
    "time of issue a text": forge(HEADER, { ...CLAIMS, iat: String(NOW_S) }),
    "not yet good": forge(HEADER, { ...CLAIMS, nbf: NOW_S + 3_600 }),
    "issued tomorrow": forge(HEADER, { ...CLAIMS, iat: NOW_S + DAY_S }),
    "expired and issued tomorrow, no player": forge(HEADER, { ...CLAIMS, sub: "x", exp: NOW_S - 1 }),
    "subject a number": forge(HEADER, { ...CLAIMS, sub: 42 }),
    "subject an object": forge(HEADER, { ...CLAIMS, sub: { toString: "42" } }),
    ...Object.fromEntries(
      ["", "0", "-1", "1.5", "01", "1e3", " 1", "1 ", "0x1", "NaN", "1\n", "9007199254740992", "99999999999999999999"]
        .map((sub) => [`subject ${JSON.stringify(sub)}`, forge(HEADER, { ...CLAIMS, sub })]),
    ),
    "name no player may have": forge(HEADER, { ...CLAIMS, name: "<script>" }),
    "name a list": forge(HEADER, { ...CLAIMS, name: ["Mira"] }),
    "session id empty": forge(HEADER, { ...CLAIMS, sid: "" }),
    "claims a list": forge(HEADER, [CLAIMS]),
    "claims null": forge(HEADER, "null"),
    "claims no JSON": forge(HEADER, "{"),
    "header no JSON": forge("{", CLAIMS),
    "header null": forge("null", CLAIMS),
    "other claims, old signature": `${header}.${encode({ ...CLAIMS, sub: "1" })}.${signature}`,
    "no signature": `${header}.${payload}.`,
    "two parts": `${header}.${payload}`,
    "four parts": `${good}.${signature}`,
    "encrypted form": `${header}..${payload}.${signature}.${signature}`,
    "only dots": "..",
    "empty": "",
    "not base64": "!!!.???.***",
    "white space around": ` ${good}`,
    "line end behind": `${good}\n`,
    "line end within": `${header}.\n${payload}.${signature}`,
    "padded": `${good}=`,
    "above the length limit": forge(HEADER, { ...CLAIMS, pad: "x".repeat(SESSION_TOKEN_CHARS_MAX) }),
    "a megabyte": "a".repeat(1_048_576),
    "a megabyte of dots": ".".repeat(1_048_576),
  };
  for (const [name, attack] of Object.entries(attacks)) {
    await t.step(name, async () => assertEquals(await sessionTokens.verify(await attack, NOW_MS), INVALID));
  }
});

Deno.test("SessionTokens.verify() takes a token of the limit's length, and none longer", async () => {
  const sessionTokens = await tokens();
  const padded = async (chars: number) => {
    const bare = { ...CLAIMS, pad: "" };
    const otherChars = (await forge(HEADER, bare)).length - encode(bare).length;
    const payloadBytes = Math.floor((chars - otherChars) * 3 / 4);
    const token = await forge(HEADER, { ...bare, pad: "x".repeat(payloadBytes - JSON.stringify(bare).length) });
    assertEquals(token.length, chars);
    return token;
  };
  assertEquals(await sessionTokens.verify(await padded(SESSION_TOKEN_CHARS_MAX), NOW_MS), { ok: true, ...PLAYER });
  assertEquals(await sessionTokens.verify(await padded(SESSION_TOKEN_CHARS_MAX + 1), NOW_MS), INVALID);
});

Deno.test("SessionTokens.verify() refuses a token with any one character changed", async () => {
  const sessionTokens = await tokens();
  const token = await sessionTokens.sign(PLAYER, NOW_MS);
  for (let at = 0; at < token.length; at++) {
    // The next character of the alphabet: at the end it differs only in bits that carry nothing.
    const next = token[at] === "." ? "-" : ALPHABET[(ALPHABET.indexOf(token[at]) + 1) % ALPHABET.length];
    const changed = token.slice(0, at) + next + token.slice(at + 1);
    assertEquals(await sessionTokens.verify(changed, NOW_MS), INVALID, `at ${at}`);
  }
});

Deno.test("SessionTokens.verify() never throws, whatever it is given", async () => {
  const sessionTokens = await tokens();
  const part = fc.oneof(fc.base64String(), fc.json().map(encode), fc.string());
  const input = fc.oneof(fc.string(), fc.array(part, { maxLength: 6 }).map((parts) => parts.join(".")));
  await fc.assert(fc.asyncProperty(input, async (text) => {
    assertEquals(await sessionTokens.verify(text, NOW_MS), INVALID);
  }));
});

Deno.test("SessionTokens.create() refuses a short key", async () => {
  await assertRejects(() => SessionTokens.create({ key: new Uint8Array(31) }), RangeError, "least is 32 bytes");
});

Deno.test("isTokenOf() knows the account again, and no other that has its id, nor the same of another epoch", () => {
  const account = { accountId: 42, name: "Mira", createdAtMs: 1_000, tokenEpoch: 0 };
  const player = tokenPlayerOf(account, "1.0");
  assertEquals(isTokenOf(player, account), true);
  for (const other of [{ accountId: 43 }, { createdAtMs: 1_001 }, { tokenEpoch: 1 }]) {
    assertEquals(isTokenOf(player, { ...account, ...other }), false);
  }
});

Deno.test("SessionTokens.verify() knows a token that was signed at the beginning of Unix time", async () => {
  const sessionTokens = await tokens();
  const player = { ...PLAYER, createdAtMs: 0 };
  assertEquals(await sessionTokens.verify(await sessionTokens.sign(player, 0), 0), { ok: true, ...player });
});
