/** Puts logic together: the same for the worker, for tests and for the simulation. @module */

import { PLAYERS_PER_OTHER, WORLD_STEPS_PER_TICK } from "../../shared/limits.ts";
import { SYSTEM_TIMERS, type Timers } from "../base/clock.ts";
import { postgresTarget } from "../config/config.ts";
import type { BusCarrier } from "../bus/bus.ts";
import { NO_BUS } from "../bus/no_bus.ts";
import { NodeBus } from "../bus/node_bus.ts";
import type { ClusterNode } from "../cluster/cluster_node.ts";
import { OWNS_EVERYBODY } from "../cluster/ownerships.ts";
import type { GameModule } from "../game/define_game.ts";
import { ReservedNames } from "../names/reserved_names.ts";
import { Faults } from "../ops/faults.ts";
import { GameMetrics } from "../ops/game_metrics.ts";
import type { SlowPackets } from "../ops/slow_packets.ts";
import type { Stores } from "../storage/storage.ts";
import { Prng } from "../world/prng.ts";
import { World } from "../world/world.ts";
import { CharacterSaver } from "./character_saver.ts";
import type { LogicContext } from "./context.ts";
import { Logic, type Predecessor } from "./logic.ts";
import { SessionManager } from "./session_manager.ts";

/** What logic is built from: all that is another in a test than in a server. */
export interface LogicOptions extends
  Pick<
    LogicContext,
    "config" | "ports" | "clock" | "hasher" | "tokens" | "randomToken" | "wake" | "counters" | "log"
  > {
  readonly game: GameModule;
  readonly storage: LogicContext["storage"] & Pick<Stores, "characters" | "of">;
  /** Where the game's own metrics are written; unless told, nobody reads them. */
  readonly metrics?: GameMetrics;
  /** All chance but tokens. */
  readonly prng: Prng;
  /** Told how long each packet took. */
  readonly watch: Pick<SlowPackets, "check">;
  /** For work that must continue later; those of this thread unless told. */
  readonly timers?: Timers;
  /** What it goes on from; nothing unless told. */
  readonly before?: Predecessor;
  /** This node among others, which it has joined; left out: there are none. */
  readonly cluster?: ClusterNode;
  /** What carries messages between this node and others, and who it is there; left out: nothing does. */
  readonly bus?: {
    readonly carrier: BusCarrier;
    /** Its incarnation. */
    readonly node: string;
    /** Which logic of it this is, from 0. */
    readonly life: number;
  };
  /** Players the world has room for; as many as the configuration lets in unless told. */
  readonly worldCapacity?: number;
}

/** Builds logic with its world, its sessions and its game. */
export function buildLogic(options: LogicOptions): Logic {
  const { config, counters, game, log, prng, storage } = options;
  const worldCapacity = options.worldCapacity ?? config.maxPlayers;
  const othersMax = game.othersMax ?? Math.floor(worldCapacity / PLAYERS_PER_OTHER);
  const faults = new Faults(log, counters);
  const world = new World({
    maps: game.maps(config),
    components: [...game.components ?? [], ...game.contract.components],
    holdReasons: game.holdReasons,
    maxSpeed: config.maxSpeed,
    tickIntervalMs: config.tickMs,
    stepsPerTick: WORLD_STEPS_PER_TICK,
    snapshotBytesMax: config.snapshotBytes,
    templates: game.templates,
    capacity: worldCapacity + othersMax,
    playersMax: worldCapacity,
    prng: new Prng(prng.nextUint32()),
    faults,
  });
  const timers = options.timers ?? SYSTEM_TIMERS;
  const { bus, cluster } = options;
  const context: LogicContext = {
    contract: game.contract,
    config,
    ports: options.ports,
    clock: options.clock,
    reservedNames: new ReservedNames(config.reservedNames),
    storage,
    hasher: options.hasher,
    tokens: options.tokens,
    randomToken: options.randomToken,
    wake: options.wake,
    sessions: new SessionManager(game.contract, faults),
    world,
    worldCapacity,
    saver: new CharacterSaver(storage, log, timers, (batch) => cluster?.onSkipped(batch)),
    isShared: postgresTarget(config) !== undefined,
    incarnation: cluster?.incarnation ?? "",
    ownerships: cluster?.ownerships ?? OWNS_EVERYBODY,
    bus: bus === undefined ? NO_BUS : new NodeBus({ ...bus, clock: options.clock, counters, faults, log }),
    finder: cluster?.finder,
    drain: { isOn: false, target: undefined },
    counters,
    log,
    faults,
  };
  const logic = new Logic(context, options.watch, {
    game,
    metrics: options.metrics ?? new GameMetrics(),
    seed: prng.nextUint32(),
    before: options.before,
    timers,
    cluster,
  });
  cluster?.begin(logic);
  return logic;
}
