/**
 * Logic: takes the records of the io workers in order, handles them, steps the world.
 *
 * @module
 */

import { DependencyError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../shared/gen/packet_pb.ts";
import { LOGIC_TURN_MS, RECORDS_PER_PORTION_MAX, TICKS_BEHIND_MAX } from "../../shared/limits.ts";
import { Counter, Gauge, Histogram } from "../ops/counters.ts";
import { loadGameData } from "../../games/marsh/data/game_data.ts";
import { type MonsterData, NO_MONSTERS } from "../../games/marsh/monsters/monster_data.ts";
import type { SlowPackets } from "../ops/slow_packets.ts";
import type { RingConsumer } from "../ring/byte_ring.ts";
import {
  KIND_MASK,
  type OpenInfo,
  RECORD_CLOSED,
  RECORD_CONGESTED,
  RECORD_HEADER_BYTES,
  RECORD_OPEN,
  RECORD_PACKET,
  RECORD_REFUSED,
  RECORD_SEQUENCE,
} from "../ring/records.ts";
import { KillCredit } from "../../games/parts/combat/kill_credit.ts";
import { ChatGuard } from "../../games/parts/chat/chat_guard.ts";
import { Prng } from "../world/prng.ts";
import { AccountService } from "./account_service.ts";
import { registerAuthHandlers } from "./auth_handlers.ts";
import { registerChatHandlers } from "../../games/parts/chat/chat_handlers.ts";
import { CombatService } from "../../games/marsh/combat_handlers.ts";
import type { LogicContext } from "./context.ts";
import { Credentials } from "./credentials.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Expiry } from "./expiry.ts";
import { GuildService } from "../../games/parts/guilds/guild_handlers.ts";
import { LeaderboardService } from "../../games/parts/leaderboards/leaderboard_handlers.ts";
import type { IoOutput, Link } from "./link.ts";
import { registerMapHandlers } from "../../games/marsh/map_handlers.ts";
import { Maintenance } from "./maintenance.ts";
import { ModerationService } from "../moderation/moderation_service.ts";
import { RoomService } from "../../games/parts/rooms/room_handlers.ts";
import { Sanctions } from "../moderation/sanctions.ts";
import type { Participant, Session } from "./session.ts";
import { Sources } from "./sources.ts";
import { SocialService } from "../../games/parts/friends/social_handlers.ts";
import { ResumeService } from "./resume_handlers.ts";
import { TokenEpochs } from "./token_epochs.ts";
import { WorldService } from "./world_service.ts";

/** How often time-outs and saves are looked at, in milliseconds. */
const SWEEP_INTERVAL_MS = 1_000;
const UTF8 = new TextDecoder();

/** What {@linkcode Logic} can be given of the game itself. */
export interface GameOptions {
  /** All chance but tokens and spawn points; if left out, seeded by a token of the context. */
  readonly prng?: Prng;
  /** Who lives in the world beside players; if left out, the monsters of this build, or none, as configured. */
  readonly monsters?: MonsterData;
}

/** Everything authoritative, in one thread. */
export class Logic {
  readonly context: LogicContext;
  readonly world: WorldService;
  readonly resumes: ResumeService;
  readonly combat: CombatService;
  readonly guilds: GuildService;
  readonly rooms: RoomService;
  readonly social: SocialService;
  readonly sanctions: Sanctions;
  readonly epochs = new TokenEpochs();
  readonly credentials: Credentials;
  readonly accounts: AccountService;
  readonly guard = new ChatGuard();
  readonly moderation: ModerationService;
  readonly maintenance: Maintenance;
  readonly leaderboards: LeaderboardService;
  readonly #expiry: Expiry;
  readonly #credit = new KillCredit();
  readonly #dispatcher: Dispatcher;
  readonly #sources: Sources;
  readonly #rings: (RingConsumer | undefined)[] = [];
  /** The ring that is taken from next. */
  #nextRing = 0;
  readonly #watch: Pick<SlowPackets, "check">;
  #ackDue: Session[] = [];
  /** Time between steps of the world, in milliseconds. */
  readonly #stepMs: number;
  #nextStepMs: number;
  /** Steps done of the tick in progress, and what they took in milliseconds. */
  #stepCount = 0;
  #tickWorkMs = 0;
  #nextSweepMs: number;

  constructor(context: LogicContext, watch: Pick<SlowPackets, "check">, game: GameOptions = {}) {
    this.context = context;
    this.#watch = watch;
    this.#sources = new Sources(context.config);
    this.#expiry = new Expiry(context);
    this.sanctions = new Sanctions(context);
    this.social = new SocialService(context, this);
    this.rooms = new RoomService(context, this.social);
    this.guilds = new GuildService(context, this.social);
    this.leaderboards = new LeaderboardService(context);
    this.maintenance = new Maintenance(context, this);
    this.world = new WorldService(context, this);
    this.credentials = new Credentials(context);
    this.accounts = new AccountService(context, this);
    this.resumes = new ResumeService(context);
    const prng = game.prng ?? new Prng(seedOf(context.randomToken()));
    this.combat = new CombatService(context, this.world, {
      prng,
      monsters: game.monsters ?? (context.config.monsters ? loadGameData().monsters : NO_MONSTERS),
    });
    this.#dispatcher = new Dispatcher({
      send: (session, type, payload) => context.sessions.send(session, type, payload),
      onSettled: () => context.wake(),
      onHandlerError: (type, error) => {
        context.counters.add(Counter.HANDLER_ERRORS, 1);
        // Where in the code a dependency was missed tells nothing.
        const isExpected = !(error instanceof Error) || error instanceof DependencyError;
        context.log.error("Cannot handle packet", {
          type: PacketType[type],
          error: isExpected ? String(error) : error.stack,
        });
      },
    });
    this.moderation = new ModerationService(context, this);
    registerAuthHandlers(this.#dispatcher, context, this);
    this.accounts.register(this.#dispatcher);
    this.world.register(this.#dispatcher);
    this.resumes.register(this.#dispatcher);
    registerChatHandlers(this.#dispatcher, context, this);
    this.rooms.register(this.#dispatcher);
    this.social.register(this.#dispatcher);
    this.combat.register(this.#dispatcher);
    registerMapHandlers(this.#dispatcher, context, { ...this, prng: new Prng(prng.nextUint32()) });
    this.combat.onKill((killer, victim) => this.#onKill(killer, victim));
    this.guilds.register(this.#dispatcher);
    this.leaderboards.register(this.#dispatcher);
    this.moderation.sweep();
    this.#stepMs = context.config.tickMs / context.world.stepsPerTick;
    this.#nextStepMs = context.clock.monotonicMs() + this.#stepMs;
    this.#nextSweepMs = context.clock.monotonicMs() + SWEEP_INTERVAL_MS;
  }

  /** Counts a kill, unless the victim has been killed by the same player too often. */
  #onKill(killer: Participant | null, victim: Participant | null): void {
    const killerId = killer?.player?.playerId, victimId = victim?.player?.playerId;
    const isPair = killerId !== undefined && victimId !== undefined;
    if (isPair && !this.#credit.tryCount(killerId, victimId, this.context.clock.monotonicMs())) return;
    this.guilds.onKill(killer, victim);
    this.leaderboards.onKill(killer, victim);
  }

  /** When the next step of the world is due, monotonic milliseconds. */
  get nextStepMs(): number {
    return this.#nextStepMs;
  }

  /** Takes an io worker, or its successor after a crash: the connections of the one before are lost. */
  setIoWorker(worker: number, ring: RingConsumer, output: IoOutput): void {
    for (const link of this.context.sessions.setOutput(worker, output)) this.world.onLinkClosed(link);
    this.#rings[worker] = ring;
  }

  /**
   * Takes what the io workers have sent, for {@linkcode LOGIC_TURN_MS} at most, steps the world when it is time, and
   * publishes what is to be sent.
   *
   * @returns Whether there is more to do at once.
   */
  turn(): boolean {
    const { clock, sessions } = this.context;
    const more = this.#takeRecords(clock.monotonicMs() + LOGIC_TURN_MS);
    const nowMs = clock.monotonicMs();
    // After a stall a tick at once, not more: what came in meanwhile is taken first.
    for (let due = this.context.world.stepsPerTick; due > 0 && nowMs >= this.#nextStepMs; due--) this.#step(nowMs);
    if (nowMs >= this.#nextSweepMs) this.#sweep(nowMs);
    if (!sessions.waitsForRoom) this.social.delivery.fanOut.deliverDue(nowMs + LOGIC_TURN_MS);
    sessions.flushBehind();
    this.#sendAcks();
    sessions.publish();
    return more;
  }

  #step(nowMs: number): void {
    const { clock, config, world } = this.context;
    const startMs = clock.monotonicMs();
    const { faults } = this.context;
    if (this.#stepCount === 0) {
      faults.run("resumes", () => this.resumes.tick());
      faults.run("combat", () => this.combat.step(nowMs));
    }
    faults.run("world", () => this.world.step());
    this.#tickWorkMs += clock.monotonicMs() - startMs;
    if (++this.#stepCount === world.stepsPerTick) this.#endTick();
    this.#nextStepMs += this.#stepMs;
    // After a long stall the world goes on from now instead of racing after the clock.
    if (nowMs - this.#nextStepMs > TICKS_BEHIND_MAX * config.tickMs) this.#nextStepMs = nowMs + this.#stepMs;
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
    const { counters, faults, sessions, world } = this.context;
    const { accounts, guilds, leaderboards, maintenance, moderation, social } = this;
    const { fanOut } = social.delivery;
    const features: readonly { sweep(dateMs: number): void }[] = [
      this.#expiry,
      this.world,
      moderation,
      maintenance,
      guilds,
      leaderboards,
      social,
      accounts,
      fanOut,
    ];
    for (const feature of features) faults.run("sweep", () => feature.sweep(this.#expiry.dateMs));
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
    let nowMs = clock.monotonicMs();
    // Rings in a row that had less than a portion.
    for (let spent = 0; spent < ringCount;) {
      sessions.flushBehind();
      if (sessions.waitsForRoom) return false;
      if (nowMs >= untilMs) return true;
      const worker = this.#nextRing;
      this.#nextRing = (worker + 1) % ringCount;
      const ring = this.#rings[worker];
      let count = 0;
      for (let at = -1; count < RECORDS_PER_PORTION_MAX && ring !== undefined && (at = ring.next()) >= 0;) {
        count++;
        const type = this.#tryTake(worker, ring, at);
        counters.add(Counter.ITEMS, 1);
        const endMs = clock.monotonicMs();
        this.#watch.check(type, endMs - nowMs);
        nowMs = endMs;
        if (endMs >= untilMs) break;
      }
      ring?.release();
      if (count < RECORDS_PER_PORTION_MAX && nowMs < untilMs) {
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
    const word = at >>> 2;
    const kind = ring.words[word + 1] & KIND_MASK;
    const slot = ring.words[word + 2];
    const generation = ring.words[word + 3];
    const type = ring.words[word + 4];
    const start = at + RECORD_HEADER_BYTES;
    const end = start + ring.words[word + 5];
    const { sessions } = this.context;
    if (kind === RECORD_OPEN) {
      const info = JSON.parse(UTF8.decode(ring.bytes.slice(start, end))) as OpenInfo;
      const link = sessions.register(worker, slot, generation, info);
      link.session.source = this.#sources.of(link);
      this.sanctions.turnAway(link);
      return 0;
    }
    const link = sessions.find(worker, slot, generation);
    if (link === undefined) return type;
    if (kind === RECORD_CLOSED) {
      sessions.unregister(link);
      this.world.onLinkClosed(link);
      return 0;
    }
    if (kind === RECORD_CONGESTED) {
      link.congested = type === 1;
      return 0;
    }
    if (link.closed || link.session.ended) return type;
    if (kind === RECORD_PACKET && type === PacketType.ECHO_REQUEST && link.session.outbox === null) {
      link.output.trySend(link, PacketType.ECHO_RESPONSE, 0, 0, false, ring.bytes, start, end);
      return type;
    }
    const sequence = ring.doubles[(at >>> 3) + 3];
    if (this.#receive(link, type, sequence, ring.doubles[(at >>> 3) + 4])) {
      this.#handle(link, kind, type, sequence, ring, start, end);
    }
    return type;
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
    ring: RingConsumer,
    start: number,
    end: number,
  ): void {
    const { session } = link;
    if (kind === RECORD_REFUSED) {
      this.context.sessions.send(session, type, ring.bytes.slice(start, end));
    } else if (kind === RECORD_PACKET) {
      if (type === PacketType.MOVEMENT_UPDATE && this.world.tryMove(session, ring.bytes, start, end)) return;
      if (type === PacketType.ECHO_REQUEST) {
        const ack = session.receivedSequence;
        link.output.trySend(link, PacketType.ECHO_RESPONSE, 0, ack, false, ring.bytes, start, end);
        return;
      }
      // A copy: messages are decoded from memory of our own, which may be kept.
      this.#dispatcher.dispatch(session, type, sequence, new Uint8Array(ring.bytes.subarray(start, end)));
    } else if (kind !== RECORD_SEQUENCE) {
      this.context.log.error("Cannot take record", { kind });
    }
  }

  /** Saves everyone; to be called once, when the io workers have stopped sending. */
  async stop(): Promise<void> {
    await this.world.stop();
    await this.social.whispers.stop();
    await this.guilds.stop();
    await this.leaderboards.stop();
    await this.accounts.stop();
  }
}

/** A seed that depends on every character of a text. */
function seedOf(text: string): number {
  let seed = 0;
  for (const character of text) seed = (Math.imul(seed, 31) + character.codePointAt(0)!) | 0;
  return seed;
}
