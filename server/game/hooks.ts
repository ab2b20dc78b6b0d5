/**
 * What the engine asks a game, and tells it, beside the packets of its players.
 *
 * @module
 */

import type { Explanation } from "../../shared/gen/common_pb.ts";
import { Player } from "../session/player.ts";
import type { PlayerName, RemoveAccountResult, Stores } from "../storage/storage.ts";
import { callHandler } from "./pending_promises.ts";
import type { EntryPlace, SavedState } from "../session/characters.ts";

/** What the storage deleted with an account. */
export type DeletedAccount = Extract<RemoveAccountResult, { kind: "removed" }>;

/**
 * Why a player leaves the world: it asked to, it entered or logged in elsewhere or is about to be deleted, it is thrown
 * out, its connection was lost for too long, the server stops.
 */
export type LeaveReason = "left" | "replaced" | "expelled" | "lost" | "stopped";

/** The hooks, each with the shape of a function that is registered for it. */
export interface HookFunctions {
  /**
   * A player asks to enter the world: what must be known of it is loaded now. The entry waits; it is refused when this
   * throws, or takes more than 4.6 s. It is called again when the player tries once more, after it has ended.
   */
  load(playerId: number, stores: Stores): void | Promise<void>;
  /**
   * Where a character enters that has no entity in the world; `undefined` leaves it to the next hook, and at last to where
   * it was saved. Changes nothing: it is asked more than once.
   */
  entryPlace(player: PlayerName, saved: SavedState | null): EntryPlace | undefined;
  /**
   * A player's character has a new entity in the world, before anybody sees it: sets its components.
   *
   * @param saved What was kept of the character, null: nothing yet; "stayed": the player returns to the entity it had left.
   */
  appear(entityId: number, player: PlayerName, saved: SavedState | null | "stayed"): void;
  /** What is saved of the hit points of a character's entity, rounded; where it is no finite number, nothing is saved of it. */
  savedHp(entityId: number): number;
  /**
   * A player can play from now on: it has logged in, or entered without having done so before.
   *
   * @param afterReload It could before: only the game was reloaded, as {@linkcode Game.keep} explains.
   */
  online(player: Player, afterReload: boolean): void;
  /** A player cannot play any more; what it was sent and has not heard is still there. */
  offline(player: Player): void;
  /**
   * A player is in the world, and its client has been told so.
   *
   * @param afterReload It was before: only the game was reloaded, and starts with nothing but what
   * `game.kept` gives.
   */
  enter(player: Player, afterReload: boolean): void | Promise<void>;
  /** A player is about to leave the world: it is still where it was, and all that is said of it holds. */
  leave(player: Player, why: LeaveReason): void;
  /** The connection of a player in the world is lost: it may be back, or leaves after a while. */
  linkDead(player: Player): void;
  /** A player in the world is connected again; what it is told now comes behind all that was kept for it. */
  resumed(player: Player): void;
  /** A character has an entity in the world: a new one, or the one that stayed when its player left. */
  spawn(entityId: number, characterId: number, hasStayed: boolean): void;
  /** The entity of a character is about to leave the world. */
  despawn(entityId: number, characterId: number): void;
  /** Whether an entity stays in the world when its player leaves, and as long as this is so. */
  stays(entityId: number, nowMs: number): boolean;
  /** An account is gone, and the storage has deleted what stood there of it. */
  deleted(player: PlayerName, account: DeletedAccount): void;
  /** A moderator ends whatever mutes a player; says whether the game itself had muted it. */
  forgive(playerId: number): boolean;
  /**
   * The operator, or the server itself, has something to say to everybody who is online; gives how many were told.
   *
   * @param explanation What the text is made of, where the server has made it.
   */
  announce(text: string, explanation: Explanation | undefined): number;
  /** Deletes what is over by a date that can be believed, in Unix milliseconds. */
  expire(dateMs: number): Promise<unknown>;
  /**
   * The engine is about to send what has come of a turn; not called while reliable packets wait for room.
   *
   * @param untilMs When to stop, monotonic milliseconds.
   */
  turn(untilMs: number): void;
  /**
   * The server is about to stop, and sessions go to other servers, where there are some: what is held back is told now,
   * and nothing more is held back.
   */
  closing(): void;
  /** Everybody has left the world, and the server stops: resolves when all is written. Called one after the other. */
  stop(): void | Promise<void>;
}

/** The functions that were registered, in order. */
export type HookLists = { readonly [Name in keyof HookFunctions]: HookFunctions[Name][] };

/** Registers a function for each of the {@linkcode HookFunctions}: `game.hooks.stop(() => …)`. */
export type Hooks = { readonly [Name in keyof HookFunctions]: (hook: HookFunctions[Name]) => void };

/** Hooks that may take their time: what they ask for is done when they are. */
const WAITED_FOR = ["load", "enter", "expire", "stop"] as const satisfies readonly (keyof HookFunctions)[];

/** No hooks yet. */
export function hookLists(): HookLists {
  return {
    ...{
      load: [],
      entryPlace: [],
      appear: [],
      savedHp: [],
      online: [],
      offline: [],
      enter: [],
      leave: [],
      linkDead: [],
      resumed: [],
    },
    ...{
      spawn: [],
      despawn: [],
      stays: [],
      deleted: [],
      forgive: [],
      announce: [],
      expire: [],
      turn: [],
      closing: [],
      stop: [],
    },
  };
}

/** What registers hooks in `lists`. `owner` says whose they are: what may take long is told by name. */
export function hooksInto(lists: HookLists, owner: () => string): Hooks {
  const entries = Object.entries(lists) as [string, unknown[]][];
  return Object.fromEntries(entries.map(([name, list]) => [
    name,
    (hook: (...args: unknown[]) => unknown) => {
      if (!(WAITED_FOR as readonly string[]).includes(name)) return void list.push(hook);
      const call = (...args: unknown[]) => {
        const done = callHandler(`hooks.${name}`, hook, ...args), [player] = args;
        if (player instanceof Player && done instanceof Promise) {
          Player.keepOwner(player, Player.ownerOf(player) ?? undefined, done);
        }
        return done;
      };
      list.push(Object.defineProperty(call, "name", { value: `hooks.${name} of ${owner()}` }));
    },
  ])) as Hooks;
}
