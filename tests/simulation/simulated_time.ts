/**
 * Time that passes only when the simulation says so: everything that happens is an event at a moment, and events of one
 * moment happen in the order in which they were asked for.
 *
 * @module
 */

import type { Clock, Timers } from "../../server/base/clock.ts";

/** An event that was asked for. */
export interface Event {
  readonly atMs: number;
  readonly order: number;
  /** Null once it happened or was called off. */
  run: (() => void) | null;
}

const FIRST_MS = 1_000;
const FIRST_UNIX_MS = 1_700_000_000_000;

/** The clock, the timers and the events of one simulation. */
export class SimulatedTime implements Clock, Timers {
  /** How often anything happened. */
  eventCount = 0;
  #nowMs = FIRST_MS;
  #unixOffsetMs = FIRST_UNIX_MS;
  #order = 0;
  /** A binary heap: the next event comes first. */
  readonly #events: Event[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  unixMs(): number {
    return this.#unixOffsetMs + Math.floor(this.#nowMs);
  }

  /** Somebody sets the wall clock. */
  jump(byMs: number): void {
    this.#unixOffsetMs += byMs;
  }

  /** Calls `run` after `delayMs` milliseconds. */
  at(delayMs: number, run: () => void): Event {
    const event = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#push(event);
    return event;
  }

  set(run: () => void, delayMs: number): Event {
    return this.at(delayMs, run);
  }

  clear(handle: unknown): void {
    if (handle !== null && handle !== undefined) (handle as Event).run = null;
  }

  /** Resolves after `ms` milliseconds. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.at(ms, resolve));
  }

  /** Lets `ms` milliseconds pass. What an event causes in promises is done before the next event. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (let event = this.#events[0]; event !== undefined && event.atMs <= untilMs; event = this.#events[0]) {
      this.#pop();
      if (event.run === null) continue;
      this.#nowMs = event.atMs;
      this.eventCount++;
      const { run } = event;
      event.run = null;
      run();
      await turn();
    }
    this.#nowMs = untilMs;
  }

  #push(event: Event): void {
    const events = this.#events;
    let index = events.length;
    events.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, events[parent])) break;
      events[index] = events[parent];
      index = parent;
    }
    events[index] = event;
  }

  #pop(): void {
    const events = this.#events;
    const last = events.pop()!;
    if (events.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1], events[child])) child++;
      if (!isBefore(events[child], last)) break;
      events[index] = events[child];
      index = child;
    }
    events[index] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Resolves when all promises that can go on have gone on: nothing here ever waits for anything real. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** A timer of a {@linkcode ThreadTimers}, with the event that fires it. */
interface ThreadTimer {
  event: Event;
}

/** Timers of one thread: when it dies, they never fire; while it is paused, they wait. */
export class ThreadTimers implements Timers {
  readonly #time: SimulatedTime;
  #isDead = false;
  #pausedUntilMs = 0;

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  set(run: () => void, delayMs: number): ThreadTimer {
    const fire = () => {
      if (this.#isDead) return;
      const pausedMs = this.#pausedUntilMs - this.#time.monotonicMs();
      if (pausedMs > 0) timer.event = this.#time.at(pausedMs, fire);
      else run();
    };
    const timer = { event: this.#time.at(delayMs, fire) };
    return timer;
  }

  clear(handle: unknown): void {
    if (handle !== null && handle !== undefined) this.#time.clear((handle as ThreadTimer).event);
  }

  /** Nothing fires for a while. */
  pause(ms: number): void {
    this.#pausedUntilMs = this.#time.monotonicMs() + ms;
  }

  die(): void {
    this.#isDead = true;
  }
}
