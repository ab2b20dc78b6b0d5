/**
 * A player that walks, talks to others nearby, and judges what it is shown.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import { bucketOf } from "../../server/ops/histogram.ts";
import { Channel } from "../../games/parts/chat/chat_pb.ts";
import {
  type EnterWorldResponse,
  type MovementCorrection,
  MovementCorrectionSchema,
} from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { LOADTEST_POSITIONS } from "../limits.ts";
import { type PacketView, writeVarint } from "../../shared/packet_codec.ts";
import { ChatReader, encodeChatLine } from "./chat_reader.ts";
import { FIGHT_RANGE_CM, Fights } from "./fights.ts";
import { type LoadContext, payloadScratch, payloadView } from "./load_session.ts";
import { PlayerSession } from "./player_session.ts";
import type { Positions } from "./positions.ts";
import { addTotals, type LedgerTotals, NO_TOTALS, SequenceLedger } from "./sequence_ledger.ts";
import { Counter } from "./shared_state.ts";
import { SnapshotReader, type SnapshotSink } from "./snapshot_reader.ts";
import { Walker } from "./walker.ts";

const CM_PER_UNIT = 100;
/** A place that was not sent lately, or was never ours. */
const UNKNOWN = -1;
const YAW_STEPS = 256;

const snapshotReader = new SnapshotReader();
const chatReader = new ChatReader();

/** A player shown where it had not said to be. */
export interface UnknownPlace {
  readonly viewer: WorldSession;
  readonly entityId: number;
  readonly player: number;
  readonly x: number;
  readonly z: number;
  readonly shownUs: number;
}

/** What the sessions of one thread count together. */
export class WorldTotals {
  /** Moves looked at, and those that had been superseded before they were shown. */
  looked = 0;
  superseded = 0;
  /** Shown again where it was already: it stopped, or turned. */
  repeated = 0;
  /** Shown after one that was sent later. */
  outOfOrder = 0;
  /** At a place where the player was not. */
  misplaced = 0;
  /** Moves of an entity that is not shown. */
  unexpected = 0;
  /** Snapshots that did not follow the last one. */
  tickDisorder = 0;
  /** Movements of the dead and the stunned, which the server rightly refuses. */
  fightCorrections = 0;
  deaths = 0;
  /** Blows that were no use: too far, too soon, dead or stunned. */
  refusedBlows = 0;
  /** Places where nobody had said to be when they were shown, to be judged when entries and respawns had time. */
  readonly unknownPlaces: UnknownPlace[] = [];
  /** When anything moved last. */
  lastMoveUs = 0;
}

/**
 * One player in the world.
 *
 * One in so many is a watcher: it reads at once, looks at everything it is shown, and is timed. The others read when
 * they send, and look at what is their own: that their movements are acknowledged, in order, ticks and reliable packets
 * too, and who comes and goes.
 */
export class WorldSession extends PlayerSession implements SnapshotSink {
  readonly readsMoves: boolean;
  /** What it is shown: entity to the number of its newest position, where that is looked at. */
  readonly visible = new Map<number, number>();
  /** What it said and heard of itself. */
  readonly chat = new SequenceLedger();
  snapshotCount = 0;
  /** Movements sent, and acknowledged by `last_movement_sequence`. */
  movementCount = 0;
  acknowledgedCount = 0;
  /** The last movement that a correction has answered. */
  refusedCount = 0;
  /** Movements before its session went on elsewhere: what the server there has of them is not judged. */
  #carriedCount = 0;
  /** The movements of sessions before this one. */
  movementsBefore = NO_TOTALS;
  /** Which server's entities it is shown. */
  #world = 0;
  /** Its session went on: where it stands is told by its own spawn. */
  #isPlaceOpen = false;
  fights: Fights | null = null;
  /** Acknowledgements that went back. */
  backwardCount = 0;
  /** Chat heard that came again or before an earlier one. */
  chatDisorder = 0;
  readonly #walker: Walker;
  readonly #positions: Positions;
  readonly #totals: WorldTotals;
  /** Latencies of others' moves, for this player alone: a row of all sessions' buckets. */
  readonly #buckets: Uint32Array;
  readonly #player: number;
  readonly #dueUs = new Float64Array(LOADTEST_POSITIONS);
  #entityId = 0;
  #tick = 0;
  #messageId = 0;
  #y = 0;
  #isDead = false;
  #map = { width: 0, height: 0, maxSpeed: 0 };

  constructor(
    context: LoadContext,
    index: number,
    parts: { positions: Positions; totals: WorldTotals; buckets: Uint32Array },
  ) {
    super(context, index);
    this.#positions = parts.positions;
    this.#totals = parts.totals;
    this.#buckets = parts.buckets;
    this.#player = context.task.first + index;
    this.#walker = new Walker(this.#player);
    this.readsMoves = this.#player % context.task.plan.sampleEvery === 0;
  }

  protected onEntered(response: EnterWorldResponse): void {
    const { spawnPosition, mapWidth, mapHeight, maxSpeed } = response;
    this.movementsBefore = movementTotals(this);
    this.movementCount =
      this.acknowledgedCount =
      this.refusedCount =
      this.#carriedCount =
      this.backwardCount =
        0;
    this.#y = spawnPosition?.y ?? 0;
    this.#beginStay(Number(response.entityId));
    this.#map = { width: mapWidth * CM_PER_UNIT, height: mapHeight * CM_PER_UNIT, maxSpeed: maxSpeed * CM_PER_UNIT };
    const x = Math.round((spawnPosition?.x ?? 0) * CM_PER_UNIT), z = Math.round((spawnPosition?.z ?? 0) * CM_PER_UNIT);
    this.#walker.place(this.#map, x, z, this.context.task.plan.ratePerS);
    this.#positions.push(this.#player, x, z, this.context.host.nowUs);
    if (!this.readsMoves) this.setLazy(true);
  }

  protected onResumed(entityId: number): void {
    this.#carriedCount = this.movementCount;
    this.#isPlaceOpen = true;
    this.#beginStay(entityId);
  }

  /** What it was shown before is gone: a full snapshot follows. */
  #beginStay(entityId: number): void {
    this.#entityId = entityId;
    this.#world = this.#positions.worldOf(this.way?.serverId ?? 0);
    this.#positions.enter(this.#world, entityId, this.#player);
    this.fights ??= new Fights(entityId);
    this.fights.goOnAs(entityId);
    this.visible.clear();
    this.#tick = this.#messageId = 0;
    this.#isDead = false;
  }

  /** Where the player takes itself to be, in centimetres. */
  get whereabouts(): { readonly x: number; readonly z: number } {
    return this.#walker;
  }

  // Sending

  readonly #isTaken = (x: number, z: number): boolean => this.#positions.find(this.#player, x, z) !== UNKNOWN;

  /** Takes a step and tells the server. */
  move(dueUs: number): void {
    if (this.#isDead || this.#isPlaceOpen || !this.canSend(dueUs)) return;
    const walker = this.#walker;
    walker.step(this.#isTaken);
    this.#positions.push(this.#player, walker.x, walker.z, dueUs);
    this.#dueUs[this.movementCount % LOADTEST_POSITIONS] = dueUs;
    this.movementCount++;
    this.context.counters.add(Counter.SENT, 1);
    this.sendPayload(PacketType.MOVEMENT_UPDATE, 0, this.#writeMovement());
  }

  #writeMovement(): number {
    const walker = this.#walker;
    let at = writeVector(0, 0x12, walker.x / CM_PER_UNIT, this.#y, walker.z / CM_PER_UNIT);
    at = writeVector(at, 0x1a, walker.vx / CM_PER_UNIT, 0, walker.vz / CM_PER_UNIT);
    const turns = Math.atan2(walker.vx, walker.vz) / (2 * Math.PI);
    at = writeVector(at, 0x22, 0, Math.round((turns < 0 ? turns + 1 : turns) * YAW_STEPS) / YAW_STEPS * 2 * Math.PI, 0);
    payloadScratch[at++] = 0x28;
    at = writeVarint(payloadScratch, at, this.unixMs);
    payloadScratch[at++] = 0x30;
    return writeVarint(payloadScratch, at, this.movementCount);
  }

  /** Says something to players nearby. */
  say(dueUs: number): void {
    if (!this.canSend(dueUs)) return;
    const line = { channel: Channel.AREA, audience: this.#player, sequence: this.chat.send(), dueUs };
    this.sendReliable(PacketType.CHAT_MESSAGE, encodeChatLine(line));
  }

  /** Deals a blow to someone in range. */
  fight(dueUs: number): void {
    if (this.#isDead || this.fights === null || !this.canSend(dueUs)) return;
    const targetId = this.#findTarget();
    if (targetId === 0) return;
    this.fights.deal(this.sendReliable(PacketType.COMBAT_ACTION, this.fights.encode(targetId)), dueUs);
  }

  /** Any player that is shown and near enough; 0: none. */
  #findTarget(): number {
    const { x, z } = this.#walker;
    for (const entityId of this.visible.keys()) {
      const player = this.#positions.playerOf(this.#world, entityId);
      if (player >= 0 && this.#positions.distanceTo(player, x, z) <= FIGHT_RANGE_CM) return entityId;
    }
    return 0;
  }

  protected override onErrorResponse(_type: number, sequence: number): boolean {
    const isBlow = sequence > 0 && this.fights?.refuse(sequence) === true;
    if (isBlow) this.#totals.refusedBlows++;
    return isBlow;
  }

  // Receiving

  protected onWorldPacket(view: PacketView, bytes: Uint8Array): void {
    const { payloadStart, payloadEnd } = view;
    switch (view.type) {
      case PacketType.WORLD_SNAPSHOT:
        return this.#onSnapshot(bytes, payloadStart, payloadEnd);
      case PacketType.ENTITY_UPDATE:
        return snapshotReader.readUpdate(bytes, payloadStart, payloadEnd, this);
      case PacketType.CHAT_MESSAGE:
        return this.#onChat(bytes, payloadStart, payloadEnd);
      case PacketType.MOVEMENT_CORRECTION:
        return this.#onCorrection(fromBinary(MovementCorrectionSchema, bytes.subarray(payloadStart, payloadEnd)));
      case PacketType.COMBAT_RESULT: {
        const dueUs = this.fights?.receive(bytes.subarray(payloadStart, payloadEnd)) ?? -1;
        if (dueUs >= 0) this.record("fight", dueUs, this.context.host.nowUs);
        return;
      }
      default:
        // Guilds and rooms of others are none of its business.
    }
  }

  /** The server has put it somewhere: a refused movement, or a respawn. */
  #onCorrection({ position, reason, sequenceNumber }: MovementCorrection): void {
    const x = Math.round((position?.x ?? 0) * CM_PER_UNIT), z = Math.round((position?.z ?? 0) * CM_PER_UNIT);
    this.refusedCount = Math.max(this.refusedCount, sequenceNumber);
    this.#positions.push(this.#player, x, z, this.context.host.nowUs);
    if (reason === "respawn") {
      this.#isDead = false;
      this.#walker.place(this.#map, x, z, this.context.task.plan.ratePerS);
      return;
    }
    this.#walker.correct(x, z);
    if (reason === "dead" || reason === "stunned") {
      this.#totals.fightCorrections++;
      if (reason === "dead" && !this.#isDead) this.#totals.deaths++;
      this.#isDead ||= reason === "dead";
      return;
    }
    this.context.counters.add(Counter.CORRECTIONS, 1);
    this.fail(`MOVEMENT_CORRECTION ${reason}`);
  }

  #onSnapshot(bytes: Uint8Array, start: number, end: number): void {
    const { counters } = this.context;
    snapshotReader.readSnapshot(bytes, start, end, this);
    this.snapshotCount++;
    counters.add(Counter.SNAPSHOTS, 1);
    counters.add(Counter.MOVES, snapshotReader.moveCount);
    counters.add(Counter.RECEIVED, 1);
    if (snapshotReader.tick <= this.#tick) this.#totals.tickDisorder++;
    this.#tick = snapshotReader.tick;
    this.#acknowledge(snapshotReader.lastMovementSequence);
  }

  #acknowledge(sequence: number): void {
    if (sequence < this.acknowledgedCount) {
      if (sequence >= this.#carriedCount) this.backwardCount++;
      return;
    }
    const { nowUs } = this.context.host;
    for (let number = this.acknowledgedCount; number < Math.min(sequence, this.movementCount); number++) {
      if (number >= this.refusedCount && this.movementCount - number <= LOADTEST_POSITIONS) {
        this.record("ack", this.#dueUs[number % LOADTEST_POSITIONS], nowUs);
      }
    }
    this.acknowledgedCount = sequence;
  }

  onMove(entityId: number, x: number, z: number): void {
    const player = this.#positions.playerOf(this.#world, entityId);
    if (player < 0 || entityId === this.#entityId) return;
    const totals = this.#totals, { nowUs } = this.context.host;
    totals.lastMoveUs = nowUs;
    const before = this.visible.get(entityId);
    if (before === undefined) {
      totals.unexpected++;
      return;
    }
    const number = this.#positions.find(player, x, z);
    totals.looked++;
    if (number === UNKNOWN) totals.unknownPlaces.push({ viewer: this, entityId, player, x, z, shownUs: nowUs });
    else if (number < before) totals.outOfOrder++;
    else if (number === before) totals.repeated++;
    else {
      if (before !== UNKNOWN) totals.superseded += number - before - 1;
      this.visible.set(entityId, number);
      this.#recordMove(this.#positions.sentUsOf(player, number), nowUs);
    }
  }

  #recordMove(sentUs: number, nowUs: number): void {
    if (!this.context.phase.isMeasured(sentUs)) return;
    this.context.latencies.main[this.transportIndex].record(nowUs - sentUs);
    this.waits.record(nowUs - sentUs);
    this.#buckets[bucketOf(nowUs - sentUs)]++;
  }

  onSpawn(entityId: number, x: number, z: number): void {
    if (entityId === this.#entityId) return this.#placeAnew(x, z);
    const player = this.#positions.playerOf(this.#world, entityId);
    const number = player < 0 ? UNKNOWN : this.#positions.find(player, x, z);
    this.visible.set(entityId, number);
    if (number !== UNKNOWN || player < 0 || !this.readsMoves) return;
    const shownUs = this.context.host.nowUs;
    this.#totals.unknownPlaces.push({ viewer: this, entityId, player, x, z, shownUs });
  }

  #placeAnew(x: number, z: number): void {
    if (!this.#isPlaceOpen) return;
    this.#isPlaceOpen = false;
    this.#positions.push(this.#player, x, z, this.context.host.nowUs);
    this.#walker.place(this.#map, x, z, this.context.task.plan.ratePerS);
  }

  onDespawn(entityId: number): void {
    this.visible.delete(entityId);
  }

  #onChat(bytes: Uint8Array, start: number, end: number): void {
    if (!chatReader.read(bytes, start, end)) return;
    const { host } = this.context;
    this.record("chat", chatReader.dueUs, host.nowUs);
    // What others say waits for a newcomer's ignore list, what it says itself does not: each stays in order.
    if (chatReader.audience === this.#player) this.chat.receive(chatReader.sequence);
    else if (chatReader.messageId <= this.#messageId) this.chatDisorder++;
    else this.#messageId = chatReader.messageId;
  }

  /** Entities that are shown elsewhere than their player said it is before that time. */
  staleCount(beforeUs: number): number {
    let count = 0;
    if (!this.readsMoves) return count;
    for (const [entityId, number] of this.visible) {
      const player = this.#positions.playerOf(this.#world, entityId);
      if (player >= 0 && !this.#positions.isNewest(player, number, beforeUs)) count++;
    }
    return count;
  }
}

/** Writes a Vector3 field into {@linkcode payloadScratch}; gives the offset behind it. */
function writeVector(at: number, tag: number, x: number, y: number, z: number): number {
  payloadScratch[at] = tag;
  payloadScratch[at + 1] = 15;
  payloadScratch[at + 2] = 0x0d;
  payloadView.setFloat32(at + 3, x, true);
  payloadScratch[at + 7] = 0x15;
  payloadView.setFloat32(at + 8, y, true);
  payloadScratch[at + 12] = 0x1d;
  payloadView.setFloat32(at + 13, z, true);
  return at + 17;
}

/** Movements that the server has neither taken nor refused. */
export function unansweredMovements(session: WorldSession): number {
  return Math.max(0, session.movementCount - Math.max(session.acknowledgedCount, session.refusedCount));
}

/** Acknowledged means: the server has applied it or a later one. */
export function movementTotals(session: WorldSession): LedgerTotals {
  const lost = unansweredMovements(session);
  return addTotals(session.movementsBefore, {
    sent: session.movementCount,
    received: session.movementCount - lost,
    lost,
    duplicated: 0,
    outOfOrder: session.backwardCount,
    corrupted: Math.max(0, session.acknowledgedCount - session.movementCount),
  });
}
