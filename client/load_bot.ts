/**
 * What a game's own load test is written against: bots that play, and an account of whether all was right.
 *
 * @example
 * ```ts ignore
 * // games/x/load.ts, run by: deno task loadtest games/x/load.ts --tokens bots.txt --connections 100
 * export default {
 *   contract,
 *   async play({ client, enter, time, check, signal }) {
 *     await enter();
 *     while (!signal.aborted) {
 *       const { count } = await time("count", client.request(CountRequestSchema, { by: 1 }));
 *       check("counts", count > 0);
 *     }
 *   },
 * } satisfies GameLoad<Packets>;
 * ```
 *
 * @module
 */

import type { PacketShapes } from "../shared/contract.ts";
import type { GameClient } from "./client.ts";
import type { GameClientOptions } from "./client_options.ts";
import type { Stay, WorldView } from "./world/world_view.ts";

/** One bot. */
export interface LoadBot<P extends PacketShapes<P>> {
  /** Its connection to the server. */
  readonly client: GameClient<P>;
  /** What it sees of the world. */
  readonly view: WorldView;
  /**
   * Enters the world, once the bot listens to what it wants to hear of it.
   *
   * @param frame Called ten times a second while the bot is in the world: here it walks.
   */
  enter(frame?: (stay: Stay) => void): Promise<void>;
  /** Its player's name. */
  readonly name: string;
  /** From 0. */
  readonly index: number;
  /** Aborts when the measured time is over: what was begun is brought to its end. */
  readonly signal: AbortSignal;
  /** Waits until something is so, looked at ten times a second. @returns `false` when it is not within so many ms. */
  until(isSo: () => boolean, withinMs?: number): Promise<boolean>;
  /** Keeps how long something took, under a name. */
  time<T>(name: string, work: Promise<T>): Promise<T>;
  /** Keeps account, under a name, of whether something was as it should be. */
  check(name: string, isRight: boolean): void;
}

/** A game's load test: the default export of its module. */
export interface GameLoad<P extends PacketShapes<P>> {
  /** What the game's protos say. */
  readonly contract: GameClientOptions<P>["contract"];
  /** Plays until the bot's signal aborts. What it throws fails the run. */
  play(bot: LoadBot<P>): Promise<void>;
}
