/**
 * Counts and warns of packets whose handling takes too long.
 *
 * @module
 */

import { LOG_INTERVAL_MS, SLOW_PACKET_LINES_MAX, SLOW_PACKET_MS, SLOW_PACKET_WARNED_MS } from "../../shared/limits.ts";
import type { PacketTable } from "../../shared/packet_table.ts";
import { Counter, type CounterBlock } from "./counters.ts";
import type { Logger } from "./logging.ts";
import { RateLimitedLog } from "./rate_limited_log.ts";

/** The type of what an io worker tells logic beside packets. */
const NO_PACKET = 0;

/**
 * Watches the handling times of one worker.
 *
 * On a healthy server single packets are slow now and then: code is compiled when it is first used, memory is cleared.
 * That is counted; warned of is what players can feel, of a type that was as slow before.
 */
export class SlowPackets {
  readonly #slowBefore = new Set<number>();
  readonly #log: RateLimitedLog;
  readonly #counters: CounterBlock;
  readonly #packets: PacketTable;

  constructor(logger: Logger, counters: CounterBlock, packets: PacketTable, clock: { readonly nowMs: () => number }) {
    this.#counters = counters;
    this.#packets = packets;
    this.#log = new RateLimitedLog(logger, {
      linesMax: SLOW_PACKET_LINES_MAX,
      intervalMs: LOG_INTERVAL_MS,
      nowMs: clock.nowMs,
    });
  }

  /**
   * Takes note that a packet of a known `type`, or what 0 stands for, was handled in `elapsedMs`. Cost: one comparison unless it was slow, so it may
   * stand after every packet.
   */
  check(type: number, elapsedMs: number): void {
    if (elapsedMs > SLOW_PACKET_MS) this.#warn(type, elapsedMs);
  }

  #warn(type: number, elapsedMs: number): void {
    this.#counters.add(Counter.SLOW_PACKETS, 1);
    if (elapsedMs <= SLOW_PACKET_WARNED_MS) return;
    if (!this.#slowBefore.has(type)) return void this.#slowBefore.add(type);
    if (!this.#log.tryTake()) return;
    this.#log.write("warn", "Handling a packet took too long", {
      type: type === NO_PACKET ? "none: a connection began or ended" : this.#packets.nameOf(type),
      elapsedMs: Math.round(elapsedMs * 1_000) / 1_000,
      limitMs: SLOW_PACKET_WARNED_MS,
    });
  }
}
