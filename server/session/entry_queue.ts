/** Players who wait for room in a full world. @module */

import { create, toBinary } from "@bufbuild/protobuf";
import { LoginQueueStatusSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import {
  LOGIN_QUEUE_KEPT_MS,
  LOGIN_QUEUE_SHARE,
  LOGIN_QUEUE_STATUS_MS,
  LOGIN_QUEUE_TOLD_PER_TICK,
} from "../../shared/limits.ts";
import { STATE_AUTHENTICATED } from "../../shared/packet_table.ts";
import { Gauge } from "../ops/counters.ts";
import type { LogicContext } from "./context.ts";
import { RequestError } from "./dispatcher.ts";
import type { Session } from "./session.ts";

/** Admissions that the time until one's turn is told by. */
const ADMISSIONS_REMEMBERED = 32;
/** Time between two admissions while none has been seen, in milliseconds. */
const FIRST_ESTIMATE_MS = 30_000;
const ETA_MS_MAX = 2 ** 32 - 1;

/**
 * Why somebody waits no longer. `gone`: the connection is closed · `replaced`: the player waits on another one · `ousted`:
 * the line is full, and most of it of the same source · `left`: the player logged out.
 */
type Turn = "granted" | "gone" | "replaced" | "ousted" | "left";

/** A player's place in the line. */
export interface QueuePlace {
  readonly playerId: number;
  /** On whose behalf it waits: see `Sources`. */
  readonly source: string;
  /** Who waits; `null` while the player has no connection. */
  session: Session | null;
  decide: (turn: Turn) => void;
  /** The request to enter is answered. */
  onSettled: () => void;
  /** Without a connection, the place is given up then; monotonic milliseconds. */
  keptUntilMs: number;
  /** What was told last: 0: nothing yet. */
  toldPosition: number;
  toldAtMs: number;
}

/**
 * The line before a full world: first come, first served. Its length is bounded, and so is one source's share of it. A
 * player has one place, which is kept for a while after the connection is lost, and given up at once by a logout.
 */
export class EntryQueue {
  readonly #context: Pick<LogicContext, "clock" | "config" | "counters" | "sessions" | "world">;
  readonly #line: QueuePlace[] = [];
  readonly #byPlayer = new Map<number, QueuePlace>();
  readonly #countBySource = new Map<string, number>();
  /** Those whose turn it is and who are not in the world yet, by player. */
  readonly #granted = new Map<number, QueuePlace>();
  /** When the last ones were admitted, or the line began; monotonic milliseconds. */
  #admittedAtMs: number[] = [];
  /** Where telling goes on. */
  #cursor = 0;

  constructor(context: Pick<LogicContext, "clock" | "config" | "counters" | "sessions" | "world">) {
    this.#context = context;
  }

  /** How many wait. */
  get length(): number {
    return this.#line.length;
  }

  /** Whether somebody may enter now who has no place in the line. */
  get isOpen(): boolean {
    return this.#line.length === 0 && this.#context.world.freePlaces > this.#granted.size;
  }

  /** The session with which a player waits, or whose turn it is. */
  find(playerId: number): Session | undefined {
    return (this.#byPlayer.get(playerId) ?? this.#granted.get(playerId))?.session ?? undefined;
  }

  /** Whether a session has a place whose turn it is. */
  isGranted(place: QueuePlace | undefined, session: Session): boolean {
    return place !== undefined && place.session === session && this.#granted.get(place.playerId) === place;
  }

  /**
   * Takes a place at the end of the line, or the player's place again, whose turn it may be.
   *
   * @throws {RequestError} `SERVER_FULL` when the line, or the source's share of it, is full.
   */
  join(playerId: number, session: Session): QueuePlace {
    const known = this.#byPlayer.get(playerId) ?? this.#granted.get(playerId);
    const place = known ?? this.#append(playerId, session.source);
    known?.decide("replaced");
    place.session = session;
    place.toldPosition = 0;
    const position = this.#line.indexOf(place) + 1;
    if (position > 0) this.#tell(place, position);
    return place;
  }

  /**
   * Gives the first place back to somebody for whom there was no room after all, or who could not use it: the connection
   * was lost, or the storage had no answer.
   */
  putBack(place: QueuePlace, session: Session | null): void {
    this.#granted.delete(place.playerId);
    // The line may have been empty since, and begins anew.
    if (this.#admittedAtMs.length === 0) this.#admittedAtMs = [this.#context.clock.monotonicMs()];
    this.#line.unshift(place);
    this.#byPlayer.set(place.playerId, place);
    this.#count(place.source, 1);
    place.session = session;
    if (session === null) this.#keep(place);
  }

  /** Resolves when it is a place's turn, or will never be. */
  async turnOf(place: QueuePlace): Promise<Turn> {
    if (this.#granted.get(place.playerId) === place) return "granted";
    return await new Promise<Turn>((decide) => place.decide = decide);
  }

  /** Gives up the place of a session that waits, if there is one; resolves when its request to enter is answered. */
  async leave(session: Session): Promise<void> {
    const index = this.#line.findIndex((place) => place.session === session);
    if (index < 0) return;
    const place = this.#line[index];
    this.#remove(index);
    await new Promise<void>((resolve) => {
      place.onSettled = resolve;
      place.decide("left");
    });
  }

  /** A session whose turn it was is in the world now, or was refused; if it has handed its place on, nothing is settled. */
  settle(place: QueuePlace, session: Session, isAdmitted: boolean): void {
    place.onSettled();
    if (!this.isGranted(place, session)) return;
    this.#granted.delete(place.playerId);
    if (!isAdmitted) return;
    this.#admittedAtMs.push(this.#context.clock.monotonicMs());
    if (this.#admittedAtMs.length > ADMISSIONS_REMEMBERED) this.#admittedAtMs.shift();
  }

  /** Lets in those there is room for, and tells some of the others where they stand. */
  tick(): void {
    const { counters, world } = this.#context;
    counters.set(Gauge.LOGIN_QUEUE, this.#line.length);
    if (this.#line.length === 0) return void (this.#admittedAtMs = []);
    // Where everybody finds a place in the end is full.
    if (!world.maps[0].isFull) this.#admit(world.freePlaces - this.#granted.size);
    this.#tellSome();
  }

  /** Turns everybody out: nobody is let in any more. */
  close(): void {
    for (const { decide } of this.#line) decide("ousted");
    while (this.#line.length > 0) this.#remove(0);
  }

  #append(playerId: number, source: string): QueuePlace {
    const { clock, config } = this.#context;
    const ofSource = this.#countBySource.get(source) ?? 0;
    const hasShare = ofSource < Math.ceil(config.loginQueue * LOGIN_QUEUE_SHARE);
    const hasRoom = hasShare && (this.#line.length < config.loginQueue || this.#tryOust(ofSource));
    if (!hasRoom) throw new RequestError(ErrorCode.SERVER_FULL, "The world is full");
    if (this.#line.length === 0) this.#admittedAtMs = [clock.monotonicMs()];
    const callbacks = { decide: () => {}, onSettled: () => {} };
    const place = { playerId, source, session: null, ...callbacks, keptUntilMs: 0, toldPosition: 0, toldAtMs: 0 };
    this.#line.push(place);
    this.#byPlayer.set(playerId, place);
    this.#count(source, 1);
    return place;
  }

  /**
   * Takes the last place of the source that has the most, and at least twice as many as the newcomer's will have: else a
   * few sources could fill the line.
   */
  #tryOust(ofSource: number): boolean {
    let most = "", mostCount = 2 * ofSource + 1;
    for (const [source, count] of this.#countBySource) {
      if (count <= mostCount) continue;
      most = source;
      mostCount = count;
    }
    const index = most === "" ? -1 : this.#line.findLastIndex(({ source }) => source === most);
    if (index < 0) return false;
    const { decide } = this.#line[index];
    this.#remove(index);
    decide("ousted");
    return true;
  }

  #count(source: string, change: number): void {
    const count = (this.#countBySource.get(source) ?? 0) + change;
    if (count > 0) this.#countBySource.set(source, count);
    else this.#countBySource.delete(source);
  }

  #remove(index: number): void {
    const [place] = this.#line.splice(index, 1);
    this.#byPlayer.delete(place.playerId);
    this.#count(place.source, -1);
  }

  #admit(free: number): void {
    for (let index = 0; index < this.#line.length && free > 0;) {
      const place = this.#line[index];
      this.#lookAfter(place);
      if (place.session === null) {
        // Passed by, not passed over: its turn is when it is back.
        if (this.#isGivenUp(place)) this.#remove(index);
        else index++;
        continue;
      }
      this.#remove(index);
      this.#granted.set(place.playerId, place);
      place.decide("granted");
      free--;
    }
  }

  /** Notices that a connection is gone. */
  #lookAfter(place: QueuePlace): void {
    const { session } = place;
    if (session === null || (!session.ended && session.link !== null && !session.link.closed)) return;
    place.session = null;
    this.#keep(place);
    place.decide("gone");
  }

  #keep(place: QueuePlace): void {
    place.keptUntilMs = this.#context.clock.monotonicMs() + LOGIN_QUEUE_KEPT_MS;
  }

  #isGivenUp({ session, keptUntilMs }: QueuePlace): boolean {
    return session === null && this.#context.clock.monotonicMs() >= keptUntilMs;
  }

  #tellSome(): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (let left = Math.min(LOGIN_QUEUE_TOLD_PER_TICK, this.#line.length); left > 0; left--) {
      if (this.#cursor >= this.#line.length) this.#cursor = 0;
      const place = this.#line[this.#cursor];
      if (place === undefined) return;
      this.#lookAfter(place);
      if (this.#isGivenUp(place)) {
        this.#remove(this.#cursor);
        continue;
      }
      const position = ++this.#cursor;
      if (place.toldPosition !== position || nowMs - place.toldAtMs >= LOGIN_QUEUE_STATUS_MS) {
        this.#tell(place, position);
      }
    }
  }

  #tell(place: QueuePlace, position: number): void {
    const { clock, sessions } = this.#context;
    const { session } = place;
    if (session === null) return;
    // Who they are is known: what follows on the connection need not wait for the entry, nor the connection be closed
    // for want of a login.
    if (place.toldPosition === 0 && session.link !== null) session.link.stateDue = STATE_AUTHENTICATED;
    place.toldPosition = position;
    place.toldAtMs = clock.monotonicMs();
    const status = create(LoginQueueStatusSchema, { position, etaMs: this.#etaMs(position) });
    sessions.send(session, PacketType.LOGIN_QUEUE_STATUS, toBinary(LoginQueueStatusSchema, status));
  }

  /** By how fast the last ones were admitted. */
  #etaMs(position: number): number {
    const times = this.#admittedAtMs;
    const passedMs = this.#context.clock.monotonicMs() - times[0];
    const eachMs = times.length > 1 ? passedMs / (times.length - 1) : Math.max(FIRST_ESTIMATE_MS, passedMs);
    return Math.min(ETA_MS_MAX, Math.round(position * eachMs));
  }
}
