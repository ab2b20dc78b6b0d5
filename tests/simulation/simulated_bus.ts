/** A bus that can be late, lose what is said, and be out of reach without anybody knowing. @module */

import type { BusCarrier, BusMessage } from "../../server/bus/bus.ts";
import type { Prng } from "../../server/world/prng.ts";
import type { SimulatedTime } from "./simulated_time.ts";

/** How a node reaches the bus: wholly; without being heard, or hearing, which it notices late or never; or not at all. */
export type BusReach = "whole" | "mute" | "deaf" | "cut";

/** How soon a node notices that it cannot reach the bus at all, in milliseconds. */
const NOTICE_MS = 1_000;
const LATENCY_MS = 8;

/** The bus of all nodes. */
export class SimulatedBus {
  readonly #time: SimulatedTime;
  readonly #prng: Prng;
  readonly #carriers = new Set<SimulatedCarrier>();

  constructor(time: SimulatedTime, prng: Prng) {
    this.#time = time;
    this.#prng = prng;
  }

  /** Connects the logic of a node; `wake` is called when something comes. */
  connect(reachOf: () => BusReach, wake: () => void): SimulatedCarrier {
    const carrier = new SimulatedCarrier(this.#time, reachOf, {
      carry: (message) => this.#carry(message),
      wake,
      leave: () => void this.#carriers.delete(carrier),
    });
    this.#carriers.add(carrier);
    return carrier;
  }

  #carry(message: BusMessage): void {
    const delayMs = LATENCY_MS * this.#prng.nextFloat();
    for (const carrier of this.#carriers) carrier.receive(message, delayMs);
  }
}

/** What leads from a node's end to the others, and to its logic. */
interface CarrierWays {
  readonly carry: (message: BusMessage) => void;
  readonly wake: () => void;
  readonly leave: () => void;
}

/** One node's end. */
export class SimulatedCarrier implements BusCarrier {
  readonly #time: SimulatedTime;
  readonly #reachOf: () => BusReach;
  readonly #ways: CarrierWays;
  #said: BusMessage[] = [];
  #heard: BusMessage[] = [];
  #lastMs = 0;
  #cutSinceMs = -1;

  constructor(time: SimulatedTime, reachOf: () => BusReach, ways: CarrierWays) {
    this.#time = time;
    this.#reachOf = reachOf;
    this.#ways = ways;
  }

  get isUp(): boolean {
    const nowMs = this.#time.monotonicMs();
    if (this.#reachOf() !== "cut") this.#cutSinceMs = -1;
    else if (this.#cutSinceMs < 0) this.#cutSinceMs = nowMs;
    return this.#cutSinceMs < 0 || nowMs - this.#cutSinceMs < NOTICE_MS;
  }

  trySend(message: BusMessage): boolean {
    if (!this.isUp) return false;
    this.#said.push(message);
    return true;
  }

  take(): BusMessage | undefined {
    return this.#heard.shift();
  }

  flush(): void {
    const said = this.#said, reach = this.#reachOf();
    this.#said = [];
    if (reach !== "whole" && reach !== "deaf") return;
    for (const message of said) this.#ways.carry(message);
  }

  /** Something was said: it comes in its order. */
  receive(message: BusMessage, delayMs: number): void {
    const reach = this.#reachOf();
    if (reach !== "whole" && reach !== "mute") return;
    const nowMs = this.#time.monotonicMs();
    this.#lastMs = Math.max(this.#lastMs, nowMs + delayMs);
    this.#time.at(this.#lastMs - nowMs, () => {
      this.#heard.push({ ...message, payload: message.payload.slice() });
      this.#ways.wake();
    });
  }

  /** The node is gone. */
  close(): void {
    this.#ways.leave();
  }
}
