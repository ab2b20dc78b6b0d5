/**
 * What the engine asks a game, and tells it, beside the packets of its players.
 *
 * @module
 */

import type { PlayerName, RemoveAccountResult, Stores } from "../storage/storage.ts";
import type { EntityOptions } from "../world/world.ts";

/** What the storage deleted with an account. */
export type DeletedAccount = Extract<RemoveAccountResult, { kind: "removed" }>;

/** The hooks, each with the shape of a function that is registered for it. */
export interface HookFunctions {
  /**
   * A player asks to enter the world: what must be known of it is loaded now. The entry waits; it is refused when this
   * throws.
   */
  load(playerId: number, stores: Stores): void | Promise<void>;
  /** What a player's entity shows beside its name, and whenever its player returns to it. */
  profile(playerId: number): Pick<EntityOptions, "guildId" | "guildTag">;
  /** An account is gone, and the storage has deleted what stood there of it. */
  deleted(player: PlayerName, account: DeletedAccount): void;
  /** A moderator ends whatever mutes a player; says whether the game itself had muted it. */
  forgive(playerId: number): boolean;
  /** The operator has something to say to everybody who is online; gives how many were told. */
  announce(text: string): number;
  /** Deletes what is over by a date that can be believed, in Unix milliseconds. */
  expire(dateMs: number): Promise<unknown>;
  /**
   * The engine is about to send what has come of a turn; not called while reliable packets wait for room.
   *
   * @param untilMs When to stop, monotonic milliseconds.
   */
  turn(untilMs: number): void;
  /** Everybody has left the world, and the server stops: resolves when all is written. Called one after the other. */
  stop(): void | Promise<void>;
}

/** The functions that were registered, in order. */
export type HookLists = { readonly [Name in keyof HookFunctions]: HookFunctions[Name][] };

/** Registers a function for each of the {@linkcode HookFunctions}: `game.hooks.stop(() => …)`. */
export type Hooks = { readonly [Name in keyof HookFunctions]: (hook: HookFunctions[Name]) => void };

/** No hooks yet. */
export function hookLists(): HookLists {
  return { load: [], profile: [], deleted: [], forgive: [], announce: [], expire: [], turn: [], stop: [] };
}

/** What registers hooks in `lists`. */
export function hooksInto(lists: HookLists): Hooks {
  const entries = Object.entries(lists) as [string, unknown[]][];
  return Object.fromEntries(entries.map(([name, list]) => [name, (hook: unknown) => void list.push(hook)])) as Hooks;
}
