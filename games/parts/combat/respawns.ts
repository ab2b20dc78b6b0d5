/**
 * The dead who come back.
 *
 * @module
 */

import { RESPAWN_DELAY_MS, RESPAWN_DELAY_MS_MAX } from "./limits.ts";

/** Who died when, by the clock, in milliseconds. */
export class Respawns {
  /** In the order of their deaths, as a map keeps it. */
  readonly #diedAtMs = new Map<number, number>();

  /** The dead. */
  get count(): number {
    return this.#diedAtMs.size;
  }

  /** Notes a death; one that is noted late, because its player was away, takes its place among the others. */
  add(entityId: number, diedAtMs: number): void {
    this.#diedAtMs.delete(entityId);
    const later = [...this.#diedAtMs].filter(([, atMs]) => atMs > diedAtMs);
    for (const [id] of later) this.#diedAtMs.delete(id);
    this.#diedAtMs.set(entityId, diedAtMs);
    for (const [id, atMs] of later) this.#diedAtMs.set(id, atMs);
  }

  /** When a dead entity died, in milliseconds; 0: it is not dead. */
  diedAtMs(entityId: number): number {
    return this.#diedAtMs.get(entityId) ?? 0;
  }

  /** Forgets an entity that came back or leaves the world. */
  remove(entityId: number): void {
    this.#diedAtMs.delete(entityId);
  }

  /** Whether a dead entity may come back now, and how long it has to wait if not. */
  ask(entityId: number, nowMs: number): { readonly may: "yes" | "not_dead" | "too_soon"; readonly waitMs: number } {
    const diedAtMs = this.#diedAtMs.get(entityId);
    if (diedAtMs === undefined) return { may: "not_dead", waitMs: 0 };
    const waitMs = Math.max(0, diedAtMs + RESPAWN_DELAY_MS - nowMs);
    return { may: waitMs === 0 ? "yes" : "too_soon", waitMs };
  }

  /** An entity that comes back by itself now, 0: none. Cost: O(1). */
  due(nowMs: number): number {
    for (const [entityId, diedAtMs] of this.#diedAtMs) return nowMs - diedAtMs >= RESPAWN_DELAY_MS_MAX ? entityId : 0;
    return 0;
  }
}
