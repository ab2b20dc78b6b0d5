/**
 * Wakes a thread that sleeps in the kernel, through its eventfd.
 *
 * @module
 */

import type { Doorbell, Waker } from "./doorbell.ts";
import { Libc } from "../base/libc.ts";

/** Rings by writing to an eventfd, and only when the thread behind the doorbell sleeps. */
export class EventfdWaker implements Waker {
  readonly #doorbell: Doorbell;
  readonly #descriptor: number;
  readonly #libc = new Libc();
  readonly #one = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

  constructor(doorbell: Doorbell, descriptor: number) {
    this.#doorbell = doorbell;
    this.#descriptor = descriptor;
  }

  ring(): void {
    // A full counter means that it is being woken already.
    if (this.#doorbell.takeSleeping()) this.#libc.calls.write(this.#descriptor, this.#one, 8);
  }
}
