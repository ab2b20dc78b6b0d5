/** A log to look at. @module */

import { CounterBlock, createCounterBlock } from "../../server/ops/counters.ts";
import { Faults } from "../../server/ops/faults.ts";
import type { Logger, LogLevel, LogProperties } from "../../server/ops/logging.ts";

/** Keeps what is logged. */
export class RecordingLogger implements Logger {
  readonly records: { level: LogLevel; message: string; properties: LogProperties }[] = [];

  debug(message: string, properties: LogProperties = {}): void {
    this.records.push({ level: "debug", message, properties });
  }

  info(message: string, properties: LogProperties = {}): void {
    this.records.push({ level: "info", message, properties });
  }

  warn(message: string, properties: LogProperties = {}): void {
    this.records.push({ level: "warn", message, properties });
  }

  error(message: string, properties: LogProperties = {}): void {
    this.records.push({ level: "error", message, properties });
  }
}

/** Faults that are logged to `log`. */
export function recordingFaults(log: RecordingLogger = new RecordingLogger()): Faults {
  return new Faults(log, new CounterBlock(createCounterBlock()));
}
