/**
 * The packet logger, for looking at traffic while something is built or searched for: off unless `--debug-packets`.
 *
 * @module
 */

import { LOG_INTERVAL_MS, PACKET_LOG_LINES_MAX, PACKET_LOG_PAYLOAD_BYTES_MAX } from "../../shared/limits.ts";
import type { PacketRow, PacketTable } from "../../shared/packet_table.ts";
import type { Logger } from "./logging.ts";
import { RateLimitedLog } from "./rate_limited_log.ts";

/** One packet to log. */
export interface LoggedPacket {
  readonly direction: "in" | "out";
  /** Who is at the other end, as the log names connections. */
  readonly connection: string | number;
  /** The number on the wire; it need not be a known one. */
  readonly type: number;
  readonly sequence: number | bigint;
  /** As carried: compressed where the packet says so. Only read during the call. */
  readonly payload: Uint8Array;
}

/** Logs packets: direction, type, size, sequence and the start of the payload in hex; never secrets. */
export class PacketLogger {
  readonly #packets: PacketTable;
  readonly #log: RateLimitedLog;

  constructor(logger: Logger, packets: PacketTable, clock: { readonly nowMs: () => number }) {
    this.#packets = packets;
    this.#log = new RateLimitedLog(logger, {
      linesMax: PACKET_LOG_LINES_MAX,
      intervalMs: LOG_INTERVAL_MS,
      nowMs: clock.nowMs,
    });
  }

  /** Logs `packet`, or counts it as left out when there were too many in this second. */
  log(packet: LoggedPacket): void {
    if (!this.#log.tryTake()) return;
    this.#log.write("info", "Packet", {
      direction: packet.direction,
      connection: packet.connection,
      type: this.#packets.nameOf(packet.type),
      size: packet.payload.length,
      sequence: String(packet.sequence),
      payload: payloadText(this.#packets.row(packet.type), packet.payload),
    });
  }
}

/** The first bytes of a payload in hex, `…` where there are more; `<redacted 12 bytes>` where it carries secrets. */
export function payloadText(row: PacketRow | undefined, payload: Uint8Array): string {
  if (row?.isSecret === true) return `<redacted ${payload.length} bytes>`;
  const shown = payload.subarray(0, PACKET_LOG_PAYLOAD_BYTES_MAX);
  const hex = Array.from(shown, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return payload.length > shown.length ? `${hex} …` : hex;
}
