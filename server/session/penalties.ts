/**
 * What holds players back, kept by character while the character is not in the world.
 *
 * @module
 */

import { MOVEMENT_TOLERANCE_MS, PENALTIES_MAX, RESPAWN_DELAY_MS } from "../../shared/limits.ts";

/** What held a character back when it left the world. Times by the server's clock, in milliseconds; 0: none. */
export interface Penalty {
  readonly leftAtMs: number;
  /** Travel time it had to spend. */
  readonly travelCreditMs: number;
  diedAtMs: number;
  stunnedUntilMs: number;
  fightsUntilMs: number;
  /** Until when it counts as having dealt a blow of late; never beyond `fightsUntilMs`. */
  struckUntilMs: number;
}

/**
 * The penalties of characters that are out of the world, so that leaving and coming back is no way around them.
 *
 * Each is forgotten when it holds nothing back any more, which is after some seconds. Above
 * {@linkcode PENALTIES_MAX} the oldest makes way.
 */
export class Penalties {
  /** In the order in which characters left, as a map keeps it. */
  readonly #byCharacter = new Map<number, Penalty>();

  /** Characters with a penalty. */
  get count(): number {
    return this.#byCharacter.size;
  }

  /** Keeps what held a character back that leaves the world. */
  hold(characterId: number, penalty: Penalty): void {
    this.#byCharacter.delete(characterId);
    if (endOf(penalty) <= penalty.leftAtMs) return;
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
    return penalty !== undefined && nowMs < endOf(penalty) ? penalty : undefined;
  }

  /** Forgets what holds nobody back any more; to be called now and then. */
  sweep(nowMs: number): void {
    for (const [characterId, penalty] of this.#byCharacter) {
      if (nowMs >= endOf(penalty)) this.#byCharacter.delete(characterId);
    }
  }
}

/** When a penalty holds nothing back any more. */
function endOf({ leftAtMs, travelCreditMs, diedAtMs, stunnedUntilMs, fightsUntilMs }: Penalty): number {
  const travelsAtMs = leftAtMs + MOVEMENT_TOLERANCE_MS - travelCreditMs;
  const respawnsAtMs = diedAtMs === 0 ? 0 : diedAtMs + RESPAWN_DELAY_MS;
  return Math.max(travelsAtMs, respawnsAtMs, stunnedUntilMs, fightsUntilMs);
}
