/**
 * Session tokens: what a login gives and a game server believes. JSON Web Tokens (RFC 7519), signed with HMAC SHA-256 by
 * a key that only the servers share.
 *
 * @module
 */

import { errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { SESSION_TOKEN_CHARS_MAX, SESSION_TOKEN_LEEWAY_S, SESSION_TOKEN_LIFETIME_MS } from "../../shared/limits.ts";
import type { Account } from "../storage/storage.ts";
import { checkPlayerName } from "./names.ts";

const ALGORITHM = "HS256";
const ISSUER = "drawbridge";
const AUDIENCE = "drawbridge-game";
const SESSION_ID_BYTES = 16;
/** Three parts of base64url; 32 bytes of signature leave two bits of the last character unused, which must be zero. */
const TOKEN_PATTERN = /^[\w-]+\.[\w-]+\.[\w-]{42}[AEIMQUYcgkosw048]$/;
const PLAYER_ID_PATTERN = /^[1-9]\d{0,15}$/;

/** The player a token names, and when it was issued. */
export interface TokenPlayer {
  readonly playerId: number;
  readonly name: string;
  /** When the account was made, Unix time in milliseconds: an id that is given again is another account's. */
  readonly createdAtMs: number;
  /** The account's, when the token was signed. */
  readonly tokenEpoch: number;
  /** Of the client that logged in, empty where it named none; null: the operator made the token. */
  readonly clientVersion: string | null;
}

/** What a token says of an account and the client that logged in. */
export function tokenPlayerOf(
  { accountId, name, createdAtMs, tokenEpoch }: TokenAccount,
  clientVersion: string | null,
): TokenPlayer {
  return { playerId: accountId, name, createdAtMs, tokenEpoch, clientVersion };
}

/** Whether an account is the one that a token was signed for, and still takes it. */
export function isTokenOf(player: TokenPlayer, account: TokenAccount): boolean {
  return player.playerId === account.accountId && player.createdAtMs === account.createdAtMs &&
    player.tokenEpoch === account.tokenEpoch;
}

type TokenAccount = Pick<Account, "accountId" | "name" | "createdAtMs" | "tokenEpoch">;

/** What a token is worth. */
export type TokenVerdict =
  | { readonly ok: true } & TokenPlayer
  | { readonly ok: false; readonly error: "invalid_token" | "token_expired" };

/** What {@linkcode SessionTokens} are made with. */
export interface SessionTokensOptions {
  /** 32 random bytes, as `loadSessionKey()` gives them. */
  readonly key: Uint8Array<ArrayBuffer>;
  /** How long a token is good for, in milliseconds. */
  readonly lifetimeMs?: number;
  readonly randomBytes?: (count: number) => Uint8Array<ArrayBuffer>;
}

/** Signs and verifies session tokens. The time is an argument: Unix milliseconds. */
export class SessionTokens {
  readonly #key: CryptoKey;
  readonly #lifetimeMs: number;
  readonly #randomBytes: (count: number) => Uint8Array<ArrayBuffer>;

  private constructor(key: CryptoKey, options: SessionTokensOptions) {
    this.#key = key;
    this.#lifetimeMs = options.lifetimeMs ?? SESSION_TOKEN_LIFETIME_MS;
    this.#randomBytes = options.randomBytes ?? ((count) => crypto.getRandomValues(new Uint8Array(count)));
  }

  /** @throws {RangeError} when the key has less than 32 bytes. */
  static async create(options: SessionTokensOptions): Promise<SessionTokens> {
    const { key } = options;
    if (key.length < 32) throw new RangeError(`Cannot use session key: it has ${key.length} bytes, least is 32 bytes`);
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    return new SessionTokens(await crypto.subtle.importKey("raw", key, algorithm, false, ["sign", "verify"]), options);
  }

  /** Makes a token for a player: three base64url parts, some 300 characters. */
  sign(player: TokenPlayer, nowMs: number): Promise<string> {
    const claims = {
      name: player.name,
      created: player.createdAtMs,
      epoch: player.tokenEpoch,
      client: player.clientVersion,
      sid: this.#randomBytes(SESSION_ID_BYTES).toBase64({ alphabet: "base64url", omitPadding: true }),
    };
    return new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(String(player.playerId))
      .setIssuedAt(Math.floor(nowMs / 1_000))
      .setExpirationTime(Math.floor((nowMs + this.#lifetimeMs) / 1_000))
      .sign(this.#key);
  }

  /**
   * Tells whom a token names, if it is one of ours and of this time. Never throws: a token is whatever a peer sends.
   *
   * A token counts as expired only when everything else about it is right.
   */
  async verify(token: string, nowMs: number): Promise<TokenVerdict> {
    // The library also reads white space and padding: then one token would have many spellings.
    if (token.length > SESSION_TOKEN_CHARS_MAX || !TOKEN_PATTERN.test(token)) return INVALID;
    try {
      const { payload } = await jwtVerify(token, this.#key, {
        algorithms: [ALGORITHM],
        typ: "JWT",
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ["sub", "name", "created", "epoch", "client", "sid", "iat", "exp"],
        currentDate: new Date(nowMs),
        clockTolerance: SESSION_TOKEN_LEEWAY_S,
      });
      return checkClaims(payload, nowMs / 1_000);
    } catch (error) {
      if (error instanceof errors.JWTExpired) return playerOf(error.payload) ? EXPIRED : INVALID;
      return INVALID;
    }
  }
}

const INVALID: TokenVerdict = { ok: false, error: "invalid_token" };
const EXPIRED: TokenVerdict = { ok: false, error: "token_expired" };

/** The leeway is for clocks that lag behind the signer's; an expired token is not good for a minute more. */
function checkClaims(payload: JWTPayload, nowS: number): TokenVerdict {
  const player = playerOf(payload);
  const { iat, exp } = payload;
  if (!player || typeof iat !== "number" || typeof exp !== "number") return INVALID;
  if (iat > nowS + SESSION_TOKEN_LEEWAY_S) return INVALID;
  return exp <= nowS ? EXPIRED : { ok: true, ...player };
}

function playerOf({ sub, name, created, epoch, client, sid }: JWTPayload): TokenPlayer | undefined {
  if (typeof sub !== "string" || !PLAYER_ID_PATTERN.test(sub)) return undefined;
  if (typeof name !== "string" || checkPlayerName(name) !== "ok") return undefined;
  if (typeof sid !== "string" || sid === "") return undefined;
  if (!Number.isSafeInteger(created) || !Number.isSafeInteger(epoch)) return undefined;
  if (typeof client !== "string" && client !== null) return undefined;
  const playerId = Number(sub);
  if (!Number.isSafeInteger(playerId)) return undefined;
  return { playerId, name, createdAtMs: created as number, tokenEpoch: epoch as number, clientVersion: client };
}
