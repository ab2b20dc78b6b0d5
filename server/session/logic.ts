/**
 * Logic: takes the records of the io workers in order, handles them, steps the world.
 *
 * @module
 */

import { DependencyError } from "../../shared/errors.ts";
import { DisconnectReason, EchoRequestSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import {
  GAME_STOP_MS,
  LIGHT_RECORDS_PER_LOOK,
  LOGIC_TURN_MS,
  RECORDS_PER_PORTION_MAX,
  TICKS_BEHIND_MAX,
} from "../../shared/limits.ts";
import type { Timers } from "../base/clock.ts";
import { Counter, Gauge, Histogram } from "../ops/counters.ts";
import type { ClusterNode } from "../cluster/cluster_node.ts";
import type { NodeLoad, Ownership } from "../cluster/directory_store.ts";
import type { GameModule } from "../game/define_game.ts";
import { Game, type GameSystem } from "../game/game.ts";
import { GameActions } from "../game/game_actions.ts";
import { GameKeeps } from "../game/game_keeps.ts";
import { GameTimers } from "../game/game_timers.ts";
import { hookLists } from "../game/hooks.ts";
import type { GameMetrics } from "../ops/game_metrics.ts";
import type { SlowPackets } from "../ops/slow_packets.ts";
import type { RingConsumer } from "../ring/byte_ring.ts";
import {
  ackOf,
  generationOf,
  kindOf,
  type OpenInfo,
  payloadEndOf,
  payloadStartOf,
  RECORD_CLOSED,
  RECORD_CONGESTED,
  RECORD_OPEN,
  RECORD_PACKET,
  RECORD_REFUSED,
  RECORD_REQUEST_KEY,
  RECORD_SEQUENCE,
  requestKeyOf,
  sequenceOf,
  slotOf,
  typeOf,
} from "../ring/records.ts";
import { AccountService } from "./account_service.ts";
import { Drain } from "./drain.ts";
import { AuthService } from "./auth_service.ts";
import type { LogicContext } from "./context.ts";
import { Credentials } from "./credentials.ts";
import { Documents } from "../game/documents.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Expiry } from "./expiry.ts";
import type { IoOutput, Link } from "./link.ts";
import { Maintenance } from "./maintenance.ts";
import { ModerationService } from "../moderation/moderation_service.ts";
import { Player } from "./player.ts";
import { Players } from "./players.ts";
import { Sanctions } from "../moderation/sanctions.ts";
import type { Session, SessionImage } from "./session.ts";
import type { SessionManager } from "./session_manager.ts";
import { Sources } from "./sources.ts";
import { playersMaxOf } from "./server_list.ts";
import { ResumeService } from "./resume_handlers.ts";
import { DuplicateLogins } from "./duplicate_logins.ts";
import { TokenEpochs } from "./token_epochs.ts";
import { Shedding } from "./shedding.ts";
import { type TickShare, TickShares } from "./tick_shares.ts";
import type { SavedCharacter } from "../storage/storage.ts";
import { WorldService, type WorldServiceImage } from "./world_service.ts";

/** How often time-outs and saves are looked at, in milliseconds. */
const SWEEP_INTERVAL_MS = 1_000;
const UTF8 = new TextDecoder();

/**
 * All that goes on in the next logic when the game is reloaded, as plain data that can be sent to another thread. Times
 * are those of the monotonic clock, which goes on from `nowMs`.
 */
export interface LogicImage {
  readonly version: typeof IMAGE_VERSION;
  readonly nowMs: number;
  readonly sessions: readonly SessionImage[];
  readonly world: WorldServiceImage;
  /** Characters that are not known to be saved. */
  readonly unsaved: readonly SavedCharacter[];
  /** Players that this node owns, where it shares the database. */
  readonly owned: readonly Ownership[];
  /** Requests without an answer; `session`: its place among the sessions. */
  readonly pending: readonly { readonly session: number; readonly type: number; readonly sequence: number }[];
  /** What the game keeps, by name. */
  readonly kept: Readonly<Record<string, unknown>>;
}

/** A logic before this one, and the ways to the io workers, which are the same. */
export interface Predecessor {
  readonly image: LogicImage;
  readonly connect: (sessions: SessionManager) => readonly { readonly ring: RingConsumer; readonly output: IoOutput }[];
}

const IMAGE_VERSION = 1;

/** Everything authoritative, in one thread. */
export class Logic {
  readonly context: LogicContext;
  readonly world: WorldService;
  readonly resumes: ResumeService;
  readonly hooks = hookLists();
  /** What operators can ask of the game. */
  readonly actions = new GameActions();
  readonly players: Players;
  readonly sanctions: Sanctions;
  readonly epochs = new TokenEpochs();
  readonly credentials: Credentials;
  readonly accounts: AccountService;
  readonly duplicates: DuplicateLogins;
  readonly moderation: ModerationService;
  readonly maintenance: Maintenance;
  /** What the game keeps. */
  readonly documents: Documents;
  /** What the game works with. */
  readonly game: Game;
  /** What the game gave at its start: its parts, for tests. */
  readonly parts: unknown;
  readonly #expiry: Expiry;
  readonly #timers: GameTimers;
  readonly #systems: GameSystem[] = [];
  readonly #shares: TickShares;
  readonly #dispatcher: Dispatcher;
  readonly #sources: Sources;
  readonly #rings: (RingConsumer | undefined)[] = [];
  /** The ring that is taken from next. */
  #nextRing = 0;
  readonly #watch: Pick<SlowPackets, "check">;
  /** When the clock was last looked at while records are taken, and the packets handled by their bytes since. */
  #lookedMs = 0;
  #lightRecords = 0;
  readonly #shedding: Shedding;
  readonly #keeps: GameKeeps;
  /** This node's membership, where there are others. */
  readonly #cluster: ClusterNode | undefined;
  readonly #drain: Drain;
  /** Of the thread: they run when no turns are made any more, too. */
  readonly #threadTimers: Timers;
  #ackDue: Session[] = [];
  /** Time between steps of the world, in milliseconds. */
  readonly #stepMs: number;
  #nextStepMs: number;
  /** Steps done of the tick in progress, and what they took in milliseconds. */
  #stepCount = 0;
  #tickWorkMs = 0;
  #nextSweepMs: number;

  /** @param options The game, the seed of all its chance, and what it goes on from: nothing unless told. */
  constructor(
    context: LogicContext,
    watch: Pick<SlowPackets, "check">,
    { game, metrics, seed, before, timers, cluster }: {
      readonly game: GameModule;
      readonly metrics: GameMetrics;
      readonly seed: number;
      readonly timers: Timers;
      readonly before?: Predecessor;
      readonly cluster?: ClusterNode;
    },
  ) {
    this.context = context;
    this.#cluster = cluster;
    this.#threadTimers = timers;
    this.#watch = watch;
    this.#shedding = new Shedding(context.contract.packets);
    this.#sources = new Sources(context.config);
    this.#expiry = new Expiry(context, this.hooks);
    this.#timers = new GameTimers(context.faults);
    this.#shares = new TickShares(context);
    this.sanctions = new Sanctions(context);
    this.maintenance = new Maintenance(context, this);
    this.duplicates = new DuplicateLogins(context);
    this.world = new WorldService(context, this);
    this.credentials = new Credentials(context);
    this.accounts = new AccountService(context, this);
    this.resumes = new ResumeService(context, this);
    this.players = new Players(context, this.world.occupants);
    context.sessions.onPresence((player, isOnline) => {
      if (isOnline) context.faults.notify("presence", this.hooks.online, player, false);
      else context.faults.notify("presence", this.hooks.offline, player);
    });
    this.#dispatcher = new Dispatcher(context.contract, {
      send: (session, type, payload) => context.sessions.send(session, type, payload),
      onSettled: () => context.wake(),
      sinceMs: () => context.clock.monotonicMs() - this.#shedding.waitMs,
      onHandlerError: ({ player }, type, error) => {
        const isFenced = error instanceof DependencyError && error.code === "fenced";
        if (isFenced && player !== null) context.ownerships.onFenced(player.playerId);
        if (error instanceof DependencyError && error.code === "overloaded") {
          context.counters.add(Counter.REQUESTS_SHED, 1);
          context.log.warn("Requests are refused because there are too many", {
            type: context.contract.packets.nameOf(type),
            error: String(error),
          });
          return;
        }
        context.counters.add(Counter.HANDLER_ERRORS, 1);
        // Where in the code a dependency was missed tells nothing.
        const isExpected = !(error instanceof Error) || error instanceof DependencyError;
        context.log.error("Cannot handle packet", {
          type: context.contract.packets.nameOf(type),
          error: isExpected ? String(error) : error.stack,
        });
      },
    });
    this.documents = new Documents({ ...context, timers });
    this.moderation = new ModerationService(context, this);
    this.#dispatcher.onBytes(EchoRequestSchema, (session, bytes, start, end) => {
      session.sendLatest(PacketType.ECHO_RESPONSE, bytes, start, end);
      return true;
    });
    new AuthService(context, this).register(this.#dispatcher);
    this.accounts.register(this.#dispatcher);
    this.world.register(this.#dispatcher);
    this.resumes.register(this.#dispatcher);
    metrics.begin();
    for (const [name, metric] of Object.entries(game.metrics ?? {})) metrics.declare(name, metric);
    this.#keeps = new GameKeeps(before?.image.kept);
    if (before !== undefined) this.#restore(before);
    this.game = new Game({
      context,
      dispatcher: this.#dispatcher,
      players: this.players,
      sanctions: this.sanctions,
      world: this.world,
      hooks: this.hooks,
      actions: this.actions,
      timers: this.#timers,
      systems: this.#systems,
      shares: this.#shares,
      dateMs: () => this.#expiry.dateMs,
      documents: this.documents,
      metrics,
      keeps: this.#keeps,
      instancesBefore: before?.image.world.world.instances.map(({ mapId }) => mapId),
      seed,
    });
    this.parts = game.start(this.game);
    this.#drain = new Drain(context, {
      cluster,
      dispatcher: this.#dispatcher,
      game: this.game,
      moderation: this.moderation,
      resumes: this.resumes,
      timers,
      world: this.world,
    });
    this.moderation.sweep();
    this.#stepMs = context.config.tickMs / context.world.stepsPerTick;
    this.#nextStepMs = context.clock.monotonicMs() + this.#stepMs;
    this.#nextSweepMs = context.clock.monotonicMs() + SWEEP_INTERVAL_MS;
  }

  /** Whether a tick is over, every request was answered, and all that the game changed is on disk. */
  get isSettled(): boolean {
    return this.isBetweenTicks && this.#dispatcher.pending.size === 0 && this.game.unsavedCount === 0;
  }

  /** Changes that the game wants made, and that would be lost with it. */
  get unsavedCount(): number {
    return this.game.unsavedCount;
  }

  /** Whether a tick is over and the next has not begun. */
  get isBetweenTicks(): boolean {
    return this.#stepCount === 0;
  }

  /**
   * All that goes on in the next logic; to be asked between ticks.
   *
   * @param keptValuesMax Values that the game may keep.
   * @throws {RangeError} when it keeps more.
   */
  image(keptValuesMax?: number): LogicImage {
    const { clock, faults, ownerships, saver, sessions } = this.context;
    const all = [...sessions.all];
    return {
      version: IMAGE_VERSION,
      nowMs: clock.monotonicMs(),
      sessions: sessions.image(),
      world: this.world.image(),
      unsaved: saver.image(),
      owned: ownerships.image(),
      pending: Array.from(this.#dispatcher.pending, ({ session, type, sequence }) => ({
        session: all.indexOf(session),
        type,
        sequence,
      })),
      kept: this.#keeps.give(faults, keptValuesMax),
    };
  }

  #restore({ image, connect }: Predecessor): void {
    const { ownerships, saver, sessions } = this.context;
    for (const [worker, { ring, output }] of connect(sessions).entries()) this.setIoWorker(worker, ring, output);
    const restored = sessions.restore(image.sessions);
    ownerships.restore(image.owned);
    for (const { player } of sessions.inWorld) Player.setOwner(player!, ownerships.find(player!.playerId) ?? null);
    this.#ackDue = restored.filter(({ ackDue, repeatedType }) => ackDue || repeatedType !== 0);
    this.world.restore(image.world);
    for (const character of image.unsaved) saver.save(character);
    for (const { session, type, sequence } of image.pending) {
      if (session >= 0) this.#dispatcher.giveUp({ session: restored[session], type, sequence });
    }
  }

  /** Lets the game take over the players who were there before it was reloaded; resolves when it has. */
  async takeOver(): Promise<void> {
    const { faults, storage } = this.context;
    await Promise.all(Array.from(this.players.inWorld, async ({ entrant, playerId }) => {
      try {
        for (const load of this.hooks.load) await load(playerId, storage.for(entrant));
      } catch (error) {
        faults.report("enter", error);
      }
    }));
    for (const player of [...this.players.online]) faults.notify("presence", this.hooks.online, player, true);
    this.world.takeOver();
    this.game.instances.endAbandoned();
  }

  /** When the next step of the world is due, monotonic milliseconds. */
  get nextStepMs(): number {
    return this.#nextStepMs;
  }

  /** What other nodes are told of this one. */
  nodeLoad(): NodeLoad {
    const { config, drain, sessions } = this.context;
    return { currentPlayers: sessions.inWorld.size, maxPlayers: playersMaxOf(config), isDraining: drain.isOn };
  }

  /** Takes an io worker, or its successor after a crash: the connections of the one before are lost. */
  setIoWorker(worker: number, ring: RingConsumer, output: IoOutput): void {
    for (const link of this.context.sessions.setOutput(worker, output)) this.world.onLinkClosed(link);
    this.#rings[worker] = ring;
    this.#shedding.onRing(worker);
  }

  /**
   * Takes what the io workers have sent, for {@linkcode LOGIC_TURN_MS} at most, steps the world when it is time, and
   * publishes what is to be sent.
   *
   * @param takes Whether records are taken: what comes in waits in the rings otherwise.
   * @param answersWaitMs For how long answers of the storage have waited, in milliseconds.
   * @returns Whether there is more to do at once.
   */
  turn(takes = true, answersWaitMs = 0): boolean {
    const { bus, clock, faults, sessions } = this.context;
    const startMs = clock.monotonicMs();
    if (takes) this.#shedding.look(this.#rings, startMs, answersWaitMs);
    const more = takes && this.#takeRecords(startMs + LOGIC_TURN_MS);
    if (takes) this.#shedding.onTaken(this.#rings);
    const nowMs = clock.monotonicMs();
    this.#dispatcher.refuseOverdue(nowMs);
    if (this.#shares.isBehind) this.#runInstances(nowMs);
    // After a stall a tick at once, not more: what came in meanwhile is taken first.
    for (let due = this.context.world.stepsPerTick; due > 0 && nowMs >= this.#nextStepMs; due--) this.#step(nowMs);
    if (nowMs >= this.#nextSweepMs) this.#sweep(nowMs);
    this.#timers.run(nowMs);
    const isMoreSaid = !sessions.waitsForRoom && bus.take(clock.monotonicMs() + LOGIC_TURN_MS);
    if (!sessions.waitsForRoom) faults.notify("turn", this.hooks.turn, nowMs + LOGIC_TURN_MS);
    sessions.flushBehind();
    this.#sendAcks();
    sessions.publish();
    bus.flush();
    return more || isMoreSaid || this.#shares.isBehind;
  }

  #step(nowMs: number): void {
    const { clock, config, world } = this.context;
    const startMs = clock.monotonicMs();
    const { faults } = this.context;
    if (this.#stepCount === 0) {
      faults.run("resumes", () => this.resumes.tick());
      faults.run("entries", () => this.world.tick());
      for (const { name, step } of this.#systems) faults.run(name, () => step(nowMs));
      this.#shares.beginTick();
      if (this.#shares.isBehind) this.#shares.run(nowMs, clock.monotonicMs() + LOGIC_TURN_MS);
    }
    faults.run("world", () => this.world.step());
    this.#tickWorkMs += clock.monotonicMs() - startMs;
    if (++this.#stepCount === world.stepsPerTick) this.#endTick();
    this.#nextStepMs += this.#stepMs;
    // After a long stall the world goes on from now instead of racing after the clock.
    if (nowMs - this.#nextStepMs > TICKS_BEHIND_MAX * config.tickMs) this.#nextStepMs = nowMs + this.#stepMs;
  }

  /** Instances whose turn it has not been in the turn that the tick began in. */
  #runInstances(nowMs: number): void {
    const { clock } = this.context;
    this.#shares.run(nowMs, nowMs + LOGIC_TURN_MS);
    this.#tickWorkMs += clock.monotonicMs() - nowMs;
  }

  #endTick(): void {
    const { config, counters } = this.context;
    counters.observe(Histogram.TICK_US, this.#tickWorkMs * 1_000);
    if (this.#tickWorkMs > config.tickMs) counters.add(Counter.TICK_OVERRUNS, 1);
    this.#stepCount = 0;
    this.#tickWorkMs = 0;
  }

  #sweep(nowMs: number): void {
    this.#nextSweepMs = nowMs + SWEEP_INTERVAL_MS;
    const { bus, counters, faults, sessions, world } = this.context;
    bus.sweep(this.nodeLoad());
    this.#shares.sweep();
    this.#shedding.sweep();
    for (const feature of [this.#expiry, this.world, this.moderation, this.maintenance, this.accounts]) {
      faults.run("sweep", () => feature.sweep(this.#expiry.dateMs));
    }
    let linkDead = 0;
    for (const session of sessions.inWorld) if (session.linkDeadSinceMs !== 0) linkDead++;
    counters.set(Gauge.SESSIONS, sessions.sessionCount);
    counters.set(Gauge.PLAYERS_ONLINE, sessions.inWorld.size);
    counters.set(Gauge.LINK_DEAD, linkDead);
    counters.set(Gauge.ENTITIES, world.entityCount);
  }

  /** Acknowledges what came in and was not acknowledged by anything sent since, or came again. */
  #sendAcks(): void {
    const due = this.#ackDue;
    if (due.length === 0) return;
    this.#ackDue = [];
    for (const session of due) {
      const { link, receivedSequence, repeatedType } = session;
      if (!session.ackDue && repeatedType === 0) continue;
      // Without a connection nothing is due: the answer to the resume says what has come.
      if (link === null || link.closed || link.output.tryAck(link, receivedSequence, repeatedType)) {
        session.ackDue = false;
        session.repeatedType = 0;
      } else {
        this.#ackDue.push(session);
      }
    }
  }

  /**
   * Takes records from the rings in turns, a portion from each, until they are empty, the time is over, or reliable
   * packets wait for room in a ring to an io worker. Those wait because of us: nothing is taken that would add to them
   * before the io worker has drained. It does so whatever happens to its own ring to logic, so neither waits for the
   * other.
   *
   * @returns Whether the time was over first.
   */
  #takeRecords(untilMs: number): boolean {
    const { clock, counters, sessions } = this.context;
    const ringCount = this.#rings.length;
    this.#lookedMs = clock.monotonicMs();
    // Rings in a row that had less than a portion.
    for (let spent = 0; spent < ringCount;) {
      sessions.flushBehind();
      if (sessions.waitsForRoom) return false;
      if (this.#lookedMs >= untilMs) return true;
      const worker = this.#nextRing;
      this.#nextRing = (worker + 1) % ringCount;
      const ring = this.#rings[worker];
      let count = 0;
      for (let at = -1; count < RECORDS_PER_PORTION_MAX && ring !== undefined && (at = ring.next()) >= 0;) {
        count++;
        const lightBefore = this.#lightRecords;
        const type = this.#tryTake(worker, ring, at);
        counters.add(Counter.ITEMS, 1);
        if (this.#lightRecords > lightBefore && this.#lightRecords < LIGHT_RECORDS_PER_LOOK) continue;
        this.#lightRecords = 0;
        const nowMs = clock.monotonicMs();
        this.#watch.check(type, nowMs - this.#lookedMs);
        this.#shedding.note(type, nowMs - this.#lookedMs);
        this.#lookedMs = nowMs;
        if (nowMs >= untilMs) break;
      }
      ring?.release();
      if (count < RECORDS_PER_PORTION_MAX && this.#lookedMs < untilMs) {
        spent++;
      } else {
        spent = 0;
        // The io workers send while logic goes on.
        sessions.publish();
      }
    }
    return false;
  }

  /** Takes one record, and gives its packet type; what it throws costs nobody anything but its sender. */
  #tryTake(worker: number, ring: RingConsumer, at: number): number {
    try {
      return this.#take(worker, ring, at);
    } catch (error) {
      this.context.faults.report("record", error);
      return 0;
    }
  }

  /** Takes one record; gives its packet type. */
  #take(worker: number, ring: RingConsumer, at: number): number {
    const kind = kindOf(ring, at), slot = slotOf(ring, at), generation = generationOf(ring, at);
    const type = typeOf(ring, at), start = payloadStartOf(at), end = payloadEndOf(ring, at);
    const { sessions } = this.context;
    if (kind === RECORD_OPEN) {
      const info = JSON.parse(UTF8.decode(ring.bytes.slice(start, end))) as OpenInfo;
      // Whoever had the slot is gone, though that may be told later: the ring was full when it went.
      const before = sessions.at(worker, slot);
      if (before !== undefined) this.#onClosed(before);
      const link = sessions.register(worker, slot, generation, info);
      link.session.source = this.#sources.of(link);
      this.sanctions.turnAway(link);
      return 0;
    }
    const link = sessions.find(worker, slot, generation);
    if (link === undefined) return type;
    if (kind === RECORD_CLOSED) {
      this.#onClosed(link);
      return 0;
    }
    if (kind === RECORD_CONGESTED) {
      link.congested = type === 1;
      return 0;
    }
    if (kind === RECORD_REQUEST_KEY) {
      link.requestKey = requestKeyOf(ring, at);
      return 0;
    }
    // It names this packet alone, whatever becomes of it.
    const { requestKey } = link;
    link.requestKey = 0;
    if (link.closed || link.session.ended || link.session.isMoving) return type;
    const sequence = sequenceOf(ring, at);
    if (this.#receive(link, type, sequence, ackOf(ring, at))) {
      this.#handle(link, kind, type, sequence, requestKey, ring, start, end);
    }
    return type;
  }

  #onClosed(link: Link): void {
    this.context.sessions.unregister(link);
    this.world.onLinkClosed(link);
  }

  /** Takes the numbers of a packet; gives whether it is to be applied. */
  #receive(link: Link, type: number, sequence: number, ack: number): boolean {
    const { session } = link;
    if (session.previousResumeToken !== "") {
      this.context.sessions.confirmResumeToken(session);
      session.outbox?.confirmGap();
    }
    if (session.outbox !== null && ack > 0) session.outbox.acknowledge(Math.min(ack, session.outbox.sentSequence));
    // It is in the list already, however often it repeats packets while there is no room to acknowledge them.
    const wasDue = session.ackDue || session.repeatedType !== 0;
    const verdict = session.receive(type, sequence);
    if (!wasDue && session.ackDue) this.#ackDue.push(session);
    if (verdict === "skip") {
      const message = `Packet ${sequence} came after ${session.receivedSequence}`;
      link.output.close(link, DisconnectReason.PROTOCOL_VIOLATION, message, 0);
    }
    return verdict === "apply";
  }

  #handle(
    link: Link,
    kind: number,
    type: number,
    sequence: number,
    requestKey: number,
    ring: RingConsumer,
    start: number,
    end: number,
  ): void {
    const { session } = link;
    if (kind === RECORD_REFUSED) {
      this.context.sessions.send(session, type, ring.bytes.slice(start, end));
    } else if (kind === RECORD_PACKET) {
      if (this.#dispatcher.tryBytes(session, type, ring.bytes, start, end, this.#lookedMs)) {
        this.#lightRecords++;
        return;
      }
      // A copy: messages are decoded from memory of our own, which may be kept.
      if (this.#shedding.refuses(type)) return this.#shed(session, type, sequence);
      const payload = new Uint8Array(ring.bytes.subarray(start, end));
      const share = this.#shareOf(session);
      if (share === undefined) return this.#dispatcher.dispatch(session, type, sequence, payload, requestKey);
      const { clock } = this.context, startMs = clock.monotonicMs();
      this.#dispatcher.dispatch(session, type, sequence, payload, requestKey);
      share.onPacket(clock.monotonicMs() - startMs);
    } else if (kind !== RECORD_SEQUENCE) {
      this.context.log.error("Cannot process record", { kind });
    }
  }

  /** What the packets of a session count into; undefined: it plays in no instance. */
  #shareOf({ presence }: Session): TickShare | undefined {
    return presence === null ? undefined : this.#shares.find(this.context.world.mapOf(presence.entityId));
  }

  /** Refuses a packet: there is more to do than can be done in time. */
  #shed(session: Session, type: number, sequence: number): void {
    const name = this.context.contract.packets.nameOf(type), { waitMs } = this.#shedding;
    const [waitedMs, workMs] = [waitMs, this.#shedding.workMs(type)].map(Math.round);
    const reason = `Cannot handle ${name}: packets wait for ${waitedMs} ms, and it took ${workMs} ms lately`;
    this.#dispatcher.refuse(session, type, sequence, new DependencyError("overloaded", reason));
  }

  /**
   * Answers of the storage were taken, and handlers have gone on behind them: the time that took counts as that of the
   * packet whose request was settled last.
   */
  onAnswers(count: number, elapsedMs: number): void {
    const type = this.#dispatcher.takeSettledType();
    if (type === 0) return;
    this.#watch.check(type, elapsedMs / count);
    this.#shedding.note(type, elapsedMs);
  }

  /**
   * Holds nothing back any more, lets instances end, and gives sessions to other nodes, where there are some: before it
   * stops.
   */
  async drain(): Promise<void> {
    this.context.faults.notify("closing", this.hooks.closing);
    await this.#drain.run();
  }

  /** Instances that are waited for may go on no longer. */
  hurry(): void {
    this.#drain.hurry();
  }

  /** Lets the game end, as far as it does in its time. */
  async #stopGame(): Promise<void> {
    const { faults, log } = this.context;
    let isOver = false;
    const late = Promise.withResolvers<void>();
    const timer = this.#threadTimers.set(late.resolve, GAME_STOP_MS);
    const stopAll = async () => {
      for (const stop of this.hooks.stop) {
        try {
          await stop();
        } catch (error) {
          faults.report("stop", error);
        }
        if (isOver) return;
      }
      isOver = true;
    };
    await Promise.race([stopAll(), late.promise]);
    this.#threadTimers.clear(timer);
    if (isOver) return;
    isOver = true;
    log.error("The game takes too long to end, so the server stops without it", { unsaved: this.unsavedCount });
  }

  /** Saves everyone; to be called once, when the io workers have stopped sending. */
  async stop(): Promise<void> {
    await this.world.stop();
    await this.#stopGame();
    await this.accounts.stop();
    // Last: until here this node may write what is its players'.
    await this.#cluster?.stop();
    this.context.bus.flush();
  }
}
