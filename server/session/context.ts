/**
 * What the handlers of logic work with. All of it is handed over by the composition root, so that the same code runs in
 * a simulation.
 *
 * @module
 */

import type { Contract } from "../../shared/contract.ts";
import type { PasswordHasher } from "../auth/password.ts";
import type { SessionTokens } from "../auth/token.ts";
import type { Clock } from "../base/clock.ts";
import type { NodeEntry } from "../cluster/directory_store.ts";
import type { Ownerships } from "../cluster/ownerships.ts";
import type { Bus } from "../bus/bus.ts";
import type { SessionFinder } from "../cluster/session_finder.ts";
import type { ServerConfig } from "../config/config.ts";
import type { CounterBlock } from "../ops/counters.ts";
import type { Faults } from "../ops/faults.ts";
import type { LimitedLogger } from "../ops/rate_limited_log.ts";
import type { Storage } from "../storage/storage.ts";
import type { World } from "../world/world.ts";
import type { CharacterSaver } from "./character_saver.ts";
import type { ReservedNames } from "../names/reserved_names.ts";
import type { SessionManager } from "./session_manager.ts";

/** The real addresses of this node's ports. */
export interface NodePorts {
  readonly login: number;
  readonly game: number;
  readonly gateway: number;
}

/** The parts of logic. */
export interface LogicContext {
  /** What the game's protos and the engine's say. */
  readonly contract: Contract;
  readonly config: ServerConfig;
  readonly ports: NodePorts;
  readonly clock: Clock;
  /** Names that players cannot take. */
  readonly reservedNames: Pick<ReservedNames, "has">;
  /** Each request says whose it is. */
  readonly storage: Pick<Storage, "for">;
  readonly hasher: Pick<PasswordHasher, "hash" | "verify" | "verifyAgainstNobody">;
  readonly tokens: Pick<SessionTokens, "sign" | "verify">;
  /** Makes a token that cannot be guessed. */
  readonly randomToken: () => string;
  /** Asks logic for a turn soon. */
  readonly wake: () => void;
  readonly sessions: SessionManager;
  /** The world, with the maps of the game. */
  readonly world: World;
  /** Players the world has room for. */
  readonly worldCapacity: number;
  readonly saver: CharacterSaver;
  /** Whether other servers use the database too. */
  readonly isShared: boolean;
  /** This run of this node; empty: it has nobody in the directory. */
  readonly incarnation: string;
  /** Which players this node may play. */
  readonly ownerships: Ownerships;
  /** The way to the other servers. */
  readonly bus: Bus;
  /** Finds sessions that are not here; undefined: there are no other nodes. */
  readonly finder: Pick<SessionFinder, "find" | "take" | "forget"> | undefined;
  /** Whether the node stops, and lets nobody in any more; `target`: a node that it has handed a session to. */
  readonly drain: { isOn: boolean; target: NodeEntry | undefined };
  readonly counters: CounterBlock;
  /** Peers cause most lines. */
  readonly log: LimitedLogger;
  /** Where whatever fails in a part of logic is counted and logged. */
  readonly faults: Faults;
}
