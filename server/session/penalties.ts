/**
 * What holds players back, kept by character while the character is not in the world.
 *
 * @module
 */

import { PENALTIES_MAX } from "../../shared/limits.ts";

/**
 * The penalties of characters that are out of the world, so that leaving and coming back is no way around them.
 *
 * Each is forgotten when it holds nothing back any more. Above {@linkcode PENALTIES_MAX} the oldest makes way.
 */
export class Penalties<Penalty> {
  /** In the order in which characters left, as a map keeps it. */
  readonly #byCharacter = new Map<number, Penalty>();
  readonly #endOf: (penalty: Penalty) => number;

  /**
   * Nobody is held back yet.
   *
   * @param endOf When a penalty holds nothing back any more, by the clock of the other methods.
   */
  constructor(endOf: (penalty: Penalty) => number) {
    this.#endOf = endOf;
  }

  /** Characters with a penalty. */
  get count(): number {
    return this.#byCharacter.size;
  }

  /** Keeps what holds a character back that leaves the world. */
  hold(characterId: number, penalty: Penalty, nowMs: number): void {
    this.#byCharacter.delete(characterId);
    if (this.#endOf(penalty) <= nowMs) return;
    this.#byCharacter.set(characterId, penalty);
    if (this.#byCharacter.size <= PENALTIES_MAX) return;
    for (const oldest of this.#byCharacter.keys()) return void this.#byCharacter.delete(oldest);
  }

  /** Forgets a character: it is in the world, where its entity keeps what holds it back. */
  forget(characterId: number): void {
    this.#byCharacter.delete(characterId);
  }

  /** What still holds a character back that comes into the world; `undefined`: nothing. */
  find(characterId: number, nowMs: number): Penalty | undefined {
    const penalty = this.#byCharacter.get(characterId);
    return penalty !== undefined && nowMs < this.#endOf(penalty) ? penalty : undefined;
  }

  /** Forgets what holds nobody back any more; to be called now and then. */
  sweep(nowMs: number): void {
    for (const [characterId, penalty] of this.#byCharacter) {
      if (nowMs >= this.#endOf(penalty)) this.#byCharacter.delete(characterId);
    }
  }
}
