/**
 * What a game is written against. A game imports nothing else of the server.
 *
 * ```ts ignore
 * export default defineGame({ name: "counter", maps: () => [{ mapId: 0, width: 100, height: 100, … }] }, (game) => {
 *   let count = 0;
 *   game.on(CountRequestSchema, (player, { by }) => {
 *     if (by > 10) throw new Refused(ErrorCode.OUT_OF_RANGE, "At most 10 at a time");
 *     count += by;
 *     game.players.tell(game.players.inWorld, CountedSchema, { name: player.name, count });
 *     return { count };
 *   });
 * });
 * ```
 *
 * @module
 */

import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { ReplyOf, SchemaOf, SentByClient } from "../../shared/contract.ts";
import type { Clock } from "../base/clock.ts";
import type { Bus } from "../bus/bus.ts";
import type { Sanctions } from "../moderation/sanctions.ts";
import type { LogicContext } from "../session/context.ts";
import { type Dispatcher, LateReply } from "../session/dispatcher.ts";
import { Player } from "../session/player.ts";
import type { Players } from "../session/players.ts";
import type { WorldService } from "../session/world_service.ts";
import { Prng } from "../world/prng.ts";
import type { GameMetrics, GameMetricWriter } from "../ops/game_metrics.ts";
import { Instance, Instances } from "../session/instances.ts";
import type { TickShare, TickShares } from "../session/tick_shares.ts";
import type { GamePart } from "./define_game.ts";
import type { Documents, Transaction } from "./documents.ts";
import { Group, Groups } from "./groups.ts";
import { Persistence } from "./persistence.ts";
import { type Answer, Answers } from "./answers.ts";
import type { Durable, OnceStores } from "./durable.ts";
import { Entities, Entity } from "./entities.ts";
import type { GameOption } from "../config/schema.ts";
import type { GameAction, GameActions } from "./game_actions.ts";
import type { GameKeeps } from "./game_keeps.ts";
import { Matches, type MatchRules } from "./matches.ts";
import { callBeside, callHandler, watched, watchHandler } from "./pending_promises.ts";
import type { GameTimer, GameTimers, TimerOwner } from "./game_timers.ts";
import { type HookLists, type Hooks, hooksInto } from "./hooks.ts";

export type { Clock } from "../base/clock.ts";
export type { BusListener, Question, Topic } from "../bus/bus.ts";
export { Counter } from "../ops/counters.ts";
export type { Faults } from "../ops/faults.ts";
export type { Logger } from "../ops/logging.ts";
export type { OutboxPacket, Receipt } from "../session/outbox.ts";
export type { Once } from "../storage/store.ts";
export { type Asker, type Partings, type PlayerName, type Stores, SYSTEM } from "../storage/storage.ts";
export type { ComponentRow } from "../world/components.ts";
export type { Prng } from "../world/prng.ts";
export type { Place, World } from "../world/world.ts";
export type { MapOptions, WorldMap } from "../world/world_map.ts";
export { RequestError as Refused } from "../session/dispatcher.ts";
export { Penalties } from "../session/penalties.ts";
export {
  defineGame,
  definePart,
  type GameDescription,
  type GameModule,
  type GamePart,
  type OptionValues,
} from "./define_game.ts";
export type { GameOption } from "../config/schema.ts";
export { choice, decimal, integer, type Kind, onOff, text } from "../config/kinds.ts";
export type { Player, UnheardPackets } from "../session/player.ts";
export type { Players } from "../session/players.ts";
export { PackedReply } from "./answers.ts";
export { type Durable, durable, type OnceStores } from "./durable.ts";
export {
  type Collection,
  type CollectionOptions,
  DocumentError,
  type Documents,
  documents,
  type Transaction,
} from "./documents.ts";
export type { Entities, Entity, SpawnOptions } from "./entities.ts";
export type { Instance, Instances } from "../session/instances.ts";
export type { GameMetric, GameMetricWriter } from "../ops/game_metrics.ts";
export type { Group } from "./groups.ts";
export type { Matches, MatchRules } from "./matches.ts";
export type { GameAction } from "./game_actions.ts";
export type { GameTimer, TimerOwner } from "./game_timers.ts";
export type { SavedState } from "../session/characters.ts";
export type { DeletedAccount, HookFunctions, Hooks, LeaveReason } from "./hooks.ts";

/**
 * What a game says to itself on other servers. There it is heard once and in order, or not at all: what must not be lost
 * is in the database, and what is made of messages is read from there again when some are missed.
 *
 * ```ts ignore
 * const opened = game.bus.topic(GateOpenedSchema);
 * opened.on(({ gateId }) => openGate(gateId));
 * game.on(OpenGateRequestSchema, (_player, { gateId }) => {
 *   openGate(gateId);
 *   opened.publish({ gateId });
 * });
 * ```
 */
export type GameBus = Pick<
  Bus,
  "isShared" | "isUp" | "node" | "nodes" | "topic" | "question" | "onMissed" | "onSilent"
>;

/** Something that a game does once a tick. */
export interface GameSystem {
  /** What faults of it are counted by. */
  readonly name: string;
  /** Called once a tick; `nowMs` is the time of the tick, which may lie a little before the engine's clock. */
  readonly step: (nowMs: number) => void;
}

/** What the engine gives a game to work with. */
export interface GameEngine {
  /** What all of logic works with. */
  readonly context: LogicContext;
  /** Where handlers are registered. */
  readonly dispatcher: Dispatcher;
  /** Everybody who is logged in. */
  readonly players: Players;
  /** Who may not talk. */
  readonly sanctions: Pick<Sanctions, "checkMayChat" | "isSilenced">;
  /** The ways of players in the world. */
  readonly world: Pick<WorldService, "characters" | "clear" | "movements" | "occupants" | "transfers">;
  /** What the game has registered. */
  readonly hooks: HookLists;
  /** What operators can have it do. */
  readonly actions: GameActions;
  /** What waits for its time. */
  readonly timers: GameTimers;
  /** What it does once a tick, in order. */
  readonly systems: GameSystem[];
  /** What it does in instances. */
  readonly shares: TickShares;
  /** The date by which things are over, in Unix milliseconds; 0: not known yet. */
  readonly dateMs: () => number;
  /** What it keeps. */
  readonly documents: Documents;
  /** What it counts for operators. */
  readonly metrics: GameMetrics;
  /** What it hands to itself when it is reloaded. */
  readonly keeps: GameKeeps;
  /** Ids of instances that were open before it was reloaded. */
  readonly instancesBefore?: readonly number[];
  /** Of all the game's chance. */
  readonly seed: number;
}

/**
 * Handles a message of a player, who is in one of the states that the packet may be sent in. What it throws or rejects
 * with costs this request alone: a {@linkcode Refused} is told to the client with its code, all else is logged and
 * answered with INTERNAL. `once`: stores that do what a durable request asks for once.
 */
// deno-lint-ignore no-explicit-any -- as for Game
export type PlayerHandler<Desc extends DescMessage, P = any> = (
  player: Player,
  message: MessageShape<Desc>,
  once: OnceStores,
) => HandlerAnswer<P, MessageShape<Desc>> | Promise<HandlerAnswer<P, MessageShape<Desc>>>;

/** Whether nothing is known of a contract's packets: those of parts, which many games use, and of tests. */
type IsUnknown<P> = 0 extends 1 & P ? true : [keyof P] extends [never] ? true : false;
/** The messages that a game of this contract can handle. */
type HandledSchema<P> = IsUnknown<P> extends true ? DescMessage : SchemaOf<SentByClient<P>>;
/** What the handler of a message may give. */
type HandlerAnswer<P, M> = IsUnknown<P> extends true
  // deno-lint-ignore no-explicit-any -- nothing is known
  ? any
  : [ReplyOf<P, M>] extends [never] ? void
  : MessageInitShape<SchemaOf<ReplyOf<P, M>>> | Durable<MessageInitShape<SchemaOf<ReplyOf<P, M>>>> | void;
type KeysOf<T> = T extends unknown ? keyof T : never;
/** The fields that an answer has: of each that a handler may give. */
type FieldsOf<Given> = Given extends Promise<infer Late> ? FieldsOf<Late>
  : Given extends Durable<infer Fields> ? KeysOf<Fields>
  : Given extends object ? KeysOf<Given>
  : never;
/**
 * Refuses an answer with fields that the reply does not have: the compiler looks for those in an object that is passed on,
 * but not in what a function returns.
 */
type WithoutOthers<Given, Allowed> = 0 extends 1 & Allowed ? unknown
  : [Exclude<FieldsOf<Given>, FieldsOf<Allowed>>] extends [never] ? unknown
  : { readonly "the reply has no field": Exclude<FieldsOf<Given>, FieldsOf<Allowed>> };

/**
 * A game that runs: what its rules are written against.
 *
 * `P`: the shapes of its packets, which follow from its contract: the compiler knows what can be handled, and what
 * answers it.
 */
// deno-lint-ignore no-explicit-any -- parts are of no game in particular
export class Game<P = any> {
  /** Registers what is to be called beside the handlers of packets. */
  readonly hooks: Hooks;
  /** What the game keeps in the database. */
  readonly store: Documents;
  /** Everybody who is logged in, and the ways to tell them something. */
  readonly players: Players;
  /** The way to the other servers that share the database. */
  readonly bus: GameBus;
  /** Maps and everything on them. */
  readonly world: LogicContext["world"];
  /** Entities as handles, with their components by message. */
  readonly entities: Entities;
  /** Maps made while the server runs, and the ways of players between maps. */
  readonly instances: Instances;
  /** Players the world has room for. */
  readonly worldCapacity: number;
  /** The engine's clock: the date, and time that never goes back. */
  readonly clock: Clock;
  /** The server's configuration. */
  readonly config: LogicContext["config"];
  /** The server's metrics. */
  readonly counters: LogicContext["counters"];
  /** Where whatever fails in a part of the game is counted and logged. */
  readonly faults: LogicContext["faults"];
  /** The log; of what players can cause, only some lines a second are written. */
  readonly log: LogicContext["log"];
  /** Names that nobody can take. */
  readonly reservedNames: LogicContext["reservedNames"];
  /** Makes a token that cannot be guessed. */
  readonly randomToken: () => string;
  /** Each request says whose it is: `storage.for(player.asker)`. */
  readonly storage: LogicContext["storage"];
  /** Asks for a turn soon: for what was done outside of handlers, and should not wait for the next tick. */
  readonly wake: () => void;
  readonly #engine: GameEngine;
  readonly #persistence: Persistence;
  readonly #groups: Groups;
  readonly #watchers: Int32Array;
  /** What is being written of players in the background, by player. */
  readonly #writing = new Map<number, Set<Promise<unknown>>>();
  readonly #parts = new Set<string>();
  /** The part that is being started, or the game itself. */
  #owner: string;
  readonly #streams = new Set<string>();

  /** The engine makes it. */
  constructor(engine: GameEngine) {
    const { context } = engine;
    this.#engine = engine;
    this.#owner = context.contract.name;
    this.hooks = hooksInto(engine.hooks, () => this.#owner);
    this.store = watched("game.store", engine.documents);
    this.players = engine.players;
    this.bus = watched("game.bus", context.bus);
    this.world = context.world;
    this.entities = new Entities({
      world: context.world,
      nowMs: () => this.nowMs,
      components: context.contract.components,
      faults: context.faults,
    });
    this.instances = new Instances(context, {
      ...{ service: engine.world, players: engine.players, before: engine.instancesBefore },
    });
    this.worldCapacity = context.worldCapacity;
    this.clock = context.clock;
    this.config = context.config;
    this.counters = context.counters;
    this.faults = context.faults;
    this.log = context.log;
    this.reservedNames = context.reservedNames;
    this.randomToken = context.randomToken;
    this.storage = watched("game.storage", context.storage);
    this.wake = context.wake;
    this.#persistence = new Persistence({
      ...{ clock: this.clock, log: this.log, storage: context.storage, documents: engine.documents },
      ...{ timers: engine.timers, prng: this.random("persist") },
    });
    this.hooks.stop(() => this.#persistence.stop());
    this.#groups = new Groups(this.players);
    this.#watchers = new Int32Array(this.world.slotCount);
    this.hooks.offline((player) => this.#groups.leave(player));
  }

  /**
   * Starts a part.
   *
   * @returns What the part offers.
   * @throws {TypeError} when the game uses it already.
   */
  use<Options, Api>(
    part: GamePart<Options, Api>,
    ...[options]: undefined extends Options ? [options?: Options] : [options: Options]
  ): Api {
    if (this.#parts.has(part.name)) throw new TypeError(`Cannot use part ${part.name} twice`);
    this.#parts.add(part.name);
    for (const [name, metric] of Object.entries(part.metrics)) this.#engine.metrics.declare(name, metric);
    const user = this.#owner;
    this.#owner = part.name;
    try {
      return part.start(this, options as Options);
    } finally {
      this.#owner = user;
    }
  }

  /**
   * Registers the handler of a packet, by the message it carries. What the handler returns, or its promise resolves to,
   * is sent as the packet's reply; that of {@linkcode durable} once all it tells of is on disk. A reply that the handler
   * sends itself would also be sent where the request took too long and was refused.
   *
   * @throws {TypeError} when no packet carries it, or it has a handler.
   */
  on<Desc extends DescMessage & HandledSchema<P>, Given extends ReturnType<PlayerHandler<Desc, P>>>(
    schema: Desc,
    handle: (
      ...asked: Parameters<PlayerHandler<Desc, P>>
    ) => Given & WithoutOthers<Given, HandlerAnswer<P, MessageShape<Desc>>>,
  ): void {
    const { context, dispatcher } = this.#engine;
    const { row, replySchema } = dispatcher.onPlayer(schema, (player, message, requestKey) => {
      const call = watchHandler(row.name);
      const request = answers.begin(player, requestKey);
      const reply = request.ask(() =>
        call === undefined ? handle(player, message, request.once) : call.run(handle, player, message, request.once)
      );
      const settle = (reply: Answer) => {
        call?.end();
        return request.settle(reply);
      };
      if (reply !== undefined) {
        return new LateReply<Answer>(reply, (settled) => request.send(settled), settle, (late) => request.drop(late));
      }
      call?.end();
    });
    const answers: Answers = new Answers({ row, replySchema }, {
      context,
      documents: this.store,
      storage: this.storage,
    });
  }

  /**
   * Registers what operators can have the game do: `deno task admin game end-match match=3`. It passes the admin site's
   * authorization, and what was done by whom is in the log.
   *
   * @param input The fields it takes, each with what it is where it is not given.
   * @throws {TypeError} when the game has an action of that name.
   */
  admin<Input extends Readonly<Record<string, GameOption>>>(name: string, input: Input, act: GameAction<Input>): void {
    this.#engine.actions.add(name, input, (input, moderator) => callHandler(name, act, input, moderator));
  }

  /**
   * Changes documents by the game's own will, such as at the end of a match: once, and surely. While the storage cannot be
   * reached it is tried again, for half a day at most, and the server's stop waits for a last try; a receipt keeps a change
   * whose answer was lost from being made twice. A crash of the process loses what was not on disk yet.
   *
   * @param player Whose change it is; it may be gone.
   * @param schema Of what `work` gives.
   * @param work Runs again as that of `store.transaction` does. The player may be another server's by then: all that is
   * put must follow from what it reads.
   * @returns What `work` gave, as it is on disk.
   * @throws What `work` throws; {@linkcode DocumentError} as `store.transaction` does; {@linkcode DependencyError} when it
   * was given up, or `PERSISTED_CHANGES_MAX` changes wait.
   */
  persist<Desc extends DescMessage>(
    player: Pick<Player, "playerId">,
    schema: Desc,
    work: (transaction: Transaction) => MessageInitShape<Desc> | Promise<MessageInitShape<Desc>>,
  ): Promise<MessageShape<Desc>> {
    return this.#persistence.run(player.playerId, schema, work);
  }

  /** Changes by {@linkcode Game.persist} that are not on disk yet. */
  get unsavedCount(): number {
    return this.#persistence.count;
  }

  /** Whether there are such changes of a player's, or others of it are being made in the background. */
  hasUnsaved(playerId: number): boolean {
    return this.#persistence.has(playerId) || this.isWriting(playerId);
  }

  /** Whether something of a player's is being written in the background. */
  isWriting(playerId: number): boolean {
    return this.#writing.has(playerId);
  }

  /**
   * Does something that need not be done before the handler that begins it is; what fails is counted and logged.
   *
   * @param place What it is, in the log.
   * @param playerId Whose it is, if the next server that has the player reads what this writes: it is waited for.
   */
  background(place: string, act: () => Promise<unknown>, playerId?: number): void {
    const done = callBeside(async () => await act()).catch((error) => this.faults.report(place, error));
    if (playerId === undefined) return;
    const writing = this.#writing.get(playerId) ?? new Set();
    this.#writing.set(playerId, writing.add(done));
    void done.then(() => {
      writing.delete(done);
      if (writing.size === 0) this.#writing.delete(playerId);
    });
  }

  /**
   * One of the metrics that the game or a part declares.
   *
   * ```ts ignore
   * game.metric("matches_total").add(1, "time_over");
   * ```
   *
   * @throws {TypeError} when none is declared with that name.
   */
  metric(name: string): GameMetricWriter {
    return this.#engine.metrics.writer(name);
  }

  /**
   * Keeps something when the game is reloaded: while it is developed, and when its memory is nearly used up:
   *
   * ```ts ignore
   * let count = game.kept<number>("count") ?? 0;
   * game.keep("count", () => count);
   * ```
   *
   * Players and maps are there already when the game comes back; timers, and entities that nobody plays, are not.
   *
   * @param give Called when the game is about to be reloaded, at the end of a tick. Gives plain data, as `structuredClone`
   * takes it: ids instead of players and entities.
   * @throws {TypeError} when the game keeps something of that name already.
   */
  keep(name: string, give: () => unknown): void {
    this.#engine.keeps.keep(name, give);
  }

  /**
   * Plays something on instances of a template: matches, dungeons. It goes on when the game is reloaded.
   *
   * ```ts ignore
   * const matches = game.matches("arena", {
   *   make: (arena, state: MatchState) => new Match(game, arena, state),
   *   stateOf: (match) => match.state,
   * });
   * matches.open({ endsMs: game.nowMs + 60_000, points: [] });
   * game.hooks.leave((player) => matches.of(player)?.leave(player));
   * ```
   *
   * @throws {TypeError} when the template has its matches already.
   * @throws {RangeError} when the game has no such template.
   */
  matches<State, Match>(template: string, rules: MatchRules<State, Match>): Matches<State, Match> {
    this.world.checkTemplate(template);
    return new Matches(template, { instances: this.instances, keeps: this.#engine.keeps, rules });
  }

  /** What {@linkcode keep} gave before the game was reloaded, as that version of it had it; `undefined` where it was not. */
  kept<T>(name: string): T | undefined {
    return this.#engine.keeps.kept(name) as T | undefined;
  }

  /** Sends one message to everybody who is online. @returns How many it was sent to, or kept for. */
  broadcast<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): number {
    return this.players.tell(this.players.online, schema, message);
  }

  /**
   * Sends one message to everybody who sees an entity, as of the world's last step, and to its own player.
   *
   * @returns How many it was sent to, or kept for.
   * @throws {TypeError} when it has left the world.
   */
  tellAround<Desc extends DescMessage>(entity: Entity, schema: Desc, message: MessageInitShape<Desc>): number {
    if (entity.isOver) throw new TypeError(`Entity ${entity.id} has left the world`);
    const count = this.world.watchersOf(entity.id, this.#watchers);
    const ids = [entity.id, ...this.#watchers.subarray(0, count)];
    return this.players.tell(ids.flatMap((id) => this.players.at(id) ?? []), schema, message);
  }

  /**
   * The players of a group. It is there as long as somebody is in it; who goes offline leaves it.
   *
   * @param name Of the game's choice: whoever names it has the same one.
   */
  group(name: string): Group {
    return new Group(name, this.#groups);
  }

  /**
   * Does something once a tick, before the world's step; what throws costs that system this tick.
   *
   * ```ts ignore
   * game.system("touch", (nowMs) => match.step(nowMs), arena);
   * ```
   *
   * @param instance Whose rules these are: they are over with it, and the time they take is its own. An instance that takes
   * more than its share skips ticks, and all others go on: `nowMs` tells how much time has passed.
   */
  system(name: string, step: (nowMs: number) => void, instance?: Instance): void {
    const systems = instance === undefined ? this.#engine.systems : this.#engine.shares.of(instance.map).systems;
    systems.push({ name, step });
  }

  /**
   * Calls something once, some time from now, unless its owner is over by then. What an instance owns, or an entity on one,
   * waits while that has taken more than its share of time.
   *
   * @param ms By the engine's clock, as exactly as a step of the world.
   */
  after(ms: number, act: () => void, owner?: TimerOwner): GameTimer {
    return this.#engine.timers.set(act, { dueMs: this.nowMs + ms, owner, share: this.#shareOf(owner) });
  }

  /** Calls something again and again, until its owner is over; see {@linkcode after}. */
  every(ms: number, act: () => void, owner?: TimerOwner): GameTimer {
    return this.#engine.timers.set(act, {
      dueMs: this.nowMs + ms,
      intervalMs: ms,
      owner,
      share: this.#shareOf(owner),
    });
  }

  /** The share of the instance that an owner is, or is on now. */
  #shareOf(owner: TimerOwner | undefined): TickShare | null {
    const map = owner instanceof Instance || owner instanceof Entity && !owner.isOver ? owner.map : undefined;
    return map === undefined || map.template === null || map.isOver ? null : this.#engine.shares.of(map);
  }

  /** The engine's clock: never goes back; milliseconds. */
  get nowMs(): number {
    return this.clock.monotonicMs();
  }

  /** The date by which things are over: one that can be believed, in Unix milliseconds; 0: not known yet. */
  get dateMs(): number {
    return this.#engine.dateMs();
  }

  /**
   * A stream of chance of its own, which no other stream moves on.
   *
   * @throws {TypeError} when the game has it already: two that share one would not be told apart.
   */
  random(name: string): Prng {
    if (this.#streams.has(name)) throw new TypeError(`Cannot open stream of chance ${name} twice`);
    this.#streams.add(name);
    let seed = this.#engine.seed;
    for (const character of name) seed = (Math.imul(seed, 31) + character.codePointAt(0)!) | 0;
    return new Prng(seed);
  }

  /**
   * Holds that no moderator has muted a player: it may write what others read.
   *
   * @throws {Refused} `MUTED`, with how long it lasts and why.
   */
  checkNotMuted(player: Player): void {
    this.#engine.sanctions.checkMayChat(Player.sessionOf(player));
  }

  /** Whether a player, who may be gone, was muted or banned by a moderator a moment ago. */
  isSilenced(playerId: number): boolean {
    return this.#engine.sanctions.isSilenced(playerId);
  }

  /** Tells a player where it is, as the server has moved it. */
  correct(player: Player, reason: string): void {
    this.#engine.world.movements.correct(Player.sessionOf(player), { sequenceNumber: 0, reason });
  }

  /** Saves the character whose entity this is, as it is now. */
  save(entityId: number): void {
    const owner = this.#engine.world.occupants.participantOf(entityId);
    if (owner !== undefined) this.#engine.world.characters.save(owner);
  }
}
