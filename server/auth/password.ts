/**
 * Passwords. A client sends the SHA-256 of the password; to a thief that is as good as the password itself, so
 * only its Argon2id hash is stored.
 *
 * @module
 */

import { DependencyError } from "../../shared/errors.ts";
import {
  PASSWORD_HASHES_MAX,
  PASSWORD_MEMORY_KIB,
  PASSWORD_PARALLELISM,
  PASSWORD_PASSES,
  PASSWORD_QUEUE_MAX,
  PASSWORD_WAIT_MS_MAX,
} from "../../shared/limits.ts";
import { SYSTEM_TIMERS, type Timers } from "../base/clock.ts";
import { type Argon2id, argon2idWebCrypto } from "./argon2id.ts";
import { TurnQueue } from "./turn_queue.ts";
import { encodePasswordVerifier, parsePasswordVerifier, type PasswordVerifier } from "./password_verifier.ts";

const SALT_BYTES = 16;
const HASH_BYTES = 32;
const COST = { memoryKib: PASSWORD_MEMORY_KIB, passes: PASSWORD_PASSES, parallelism: PASSWORD_PARALLELISM };
const CLIENT_HASH_PATTERN = /^[0-9A-Fa-f]{64}$/;
/** The verifier of nobody: the same work as any other, and no password fits. */
const NOBODY: PasswordVerifier = { cost: COST, salt: new Uint8Array(SALT_BYTES), hash: new Uint8Array(HASH_BYTES) };

/** Tells whether `text` is what LOGIN_REQUEST carries as `password_hash`: 64 hex digits, in any case. */
export function isClientPasswordHash(text: string): boolean {
  return CLIENT_HASH_PATTERN.test(text);
}

/** How many hashes a machine may compute at once: one core is left to everyone who plays. */
export function hashesAtOnce(cores: number): number {
  return Math.max(1, Math.min(PASSWORD_HASHES_MAX, cores - 1));
}

/** What a {@linkcode PasswordHasher} is made of; everything has a default. */
export interface PasswordHasherOptions {
  readonly argon2id?: Argon2id;
  readonly randomBytes?: (count: number) => Uint8Array<ArrayBuffer>;
  /** Hashes computed at once. */
  readonly hashesMax?: number;
  /** Hashes that may wait. */
  readonly queueMax?: number;
  readonly timers?: Timers;
}

/** One that waits for its turn. */
interface Turn extends PromiseWithResolvers<void> {
  /** It has waited too long, and its asker was told. */
  isOver: boolean;
}

/**
 * Makes and checks password verifiers, a few at once; the others wait in a bounded queue, in which askers take
 * turns: `asker` is an address, or anything else that is to have turns of its own.
 *
 * Every method takes the client's hash ({@linkcode isClientPasswordHash}; upper and lower case are the same) and throws
 * a `TypeError` for anything else, and a `DependencyError` `overloaded` when the queue is full and nobody has more in it,
 * or it waits too long in it, and `timeout` when the hash itself takes too long.
 */
export class PasswordHasher {
  readonly #argon2id: Argon2id;
  readonly #randomBytes: (count: number) => Uint8Array<ArrayBuffer>;
  readonly #hashesMax: number;
  readonly #queueMax: number;
  readonly #queue: TurnQueue<Turn>;
  readonly #timers: Timers;
  #runningCount = 0;

  constructor(options: PasswordHasherOptions = {}) {
    this.#argon2id = options.argon2id ?? argon2idWebCrypto;
    this.#randomBytes = options.randomBytes ?? ((count) => crypto.getRandomValues(new Uint8Array(count)));
    this.#hashesMax = options.hashesMax ?? PASSWORD_HASHES_MAX;
    this.#queueMax = options.queueMax ?? PASSWORD_QUEUE_MAX;
    this.#queue = new TurnQueue(this.#queueMax);
    this.#timers = options.timers ?? SYSTEM_TIMERS;
  }

  /** Hashes that wait for their turn. */
  get queueLength(): number {
    return this.#queue.length;
  }

  /** Makes a new verifier, a PHC string of some 100 characters. */
  async hash(clientHash: string, asker: string): Promise<string> {
    const salt = this.#randomBytes(SALT_BYTES);
    const hash = await this.#compute(clientHash, { cost: COST, salt, hash: NOBODY.hash }, asker);
    return encodePasswordVerifier({ cost: COST, salt, hash });
  }

  /**
   * Checks a password, in the same time wherever the first difference is.
   *
   * @param verifier Null for an account without a password: no password fits, after the same work.
   * @throws {DependencyError} `unavailable` when the stored verifier is malformed.
   */
  async verify(clientHash: string, verifier: string | null, asker: string): Promise<boolean> {
    if (verifier === null) return this.verifyAgainstNobody(clientHash, asker);
    const expected = parsePasswordVerifier(verifier);
    if (!expected) throw new DependencyError("unavailable", "Cannot read password verifier: it is malformed");
    return isEqual(await this.#compute(clientHash, expected, asker), expected.hash);
  }

  /** Does the work of {@linkcode PasswordHasher.verify} for a player who does not exist, so that time tells nothing. */
  async verifyAgainstNobody(clientHash: string, asker: string): Promise<false> {
    isEqual(await this.#compute(clientHash, NOBODY, asker), NOBODY.hash);
    return false;
  }

  async #compute(
    clientHash: string,
    { cost, salt, hash }: PasswordVerifier,
    asker: string,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (!isClientPasswordHash(clientHash)) throw new TypeError("Cannot hash password: it is not 64 hex digits");
    await this.#takeTurn(asker);
    try {
      const secret = Uint8Array.fromHex(clientHash);
      return await this.#inTime(
        this.#argon2id({ secret, salt, cost, hashBytes: hash.length }),
        () => new DependencyError("timeout", "Cannot hash password: it takes too long"),
      );
    } finally {
      this.#passTurn();
    }
  }

  async #takeTurn(asker: string): Promise<void> {
    if (this.#runningCount < this.#hashesMax) {
      this.#runningCount++;
      return;
    }
    const turn: Turn = { ...Promise.withResolvers<void>(), isOver: false };
    const ousted = this.#queue.push(asker, turn);
    if (ousted !== undefined) {
      const reason = `${this.#queue.length} hashes wait, limit is ${this.#queueMax} hashes`;
      ousted.reject(new DependencyError("overloaded", `Cannot hash password: ${reason}`));
    }
    await this.#inTime(turn.promise, () => {
      turn.isOver = true;
      return new DependencyError("overloaded", "Cannot hash password: too many others are before it");
    });
  }

  /** The turn goes from hand to hand, so nobody can come in between. What nobody waits for any more is not computed. */
  #passTurn(): void {
    let next = this.#queue.shift();
    while (next?.isOver === true) next = this.#queue.shift();
    if (next !== undefined) next.resolve();
    else this.#runningCount--;
  }

  /** What a promise resolves to, if that is in time. */
  async #inTime<Result>(promise: Promise<Result>, late: () => Error): Promise<Result> {
    const { promise: end, reject } = Promise.withResolvers<never>();
    const timer = this.#timers.set(() => reject(late()), PASSWORD_WAIT_MS_MAX);
    try {
      return await Promise.race([promise, end]);
    } finally {
      this.#timers.clear(timer);
    }
  }
}

/** Looks at every byte, whatever the ones before it were. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < b.length; index++) difference |= a[index] ^ b[index];
  return difference === 0;
}
