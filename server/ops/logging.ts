/**
 * The log: one small {@linkcode Logger} interface and the only file that knows LogTape. Lines go to standard error,
 * because standard output is kept for the `ready` line. Each worker sets up its own.
 *
 * @module
 */

import {
  configureSync,
  getLogger as getLogTapeLogger,
  type LogLevel as VendorLevel,
  type LogRecord,
} from "@logtape/logtape";
import { getPrettyFormatter } from "@logtape/pretty";
import { LOG_LINE_BYTES_MAX, LOG_PROPERTIES_MAX, LOG_VALUE_CHARS_MAX } from "../../shared/limits.ts";

/** How bad it is, mildest first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Named values that go with a message. */
export type LogProperties = Readonly<Record<string, unknown>>;

/**
 * Writes lines of the log. A message is a constant sentence without a final period; what varies goes into the
 * properties, so that lines of one kind can be counted. Cost: 0.2 µs when the level is off, some 10 µs a line: for
 * control flow, never per packet.
 */
export interface Logger {
  /** For who looks for a fault. */
  debug(message: string, properties?: LogProperties): void;
  /** What operators may want to know. */
  info(message: string, properties?: LogProperties): void;
  /** What may need somebody. */
  warn(message: string, properties?: LogProperties): void;
  /** What is a fault. */
  error(message: string, properties?: LogProperties): void;
}

/** How {@linkcode setupLogging} shall log. */
export interface LoggingOptions {
  /** Least level that is written. */
  readonly level: LogLevel;
  /** `auto`: pretty when standard error is a terminal, else JSON. */
  readonly format: "auto" | "pretty" | "json";
  /** Name of this thread, added to every line: "main", "io-1". */
  readonly thread?: string;
  /** Whether pretty lines are coloured; when left out, on a terminal unless NO_COLOR is set. */
  readonly colors?: boolean;
  /** Takes each line, which ends in a line feed; standard error when left out. */
  readonly write?: (line: Uint8Array) => void;
}

const VENDOR_LEVELS: Readonly<Record<LogLevel, VendorLevel>> = {
  debug: "debug",
  info: "info",
  warn: "warning",
  error: "error",
};
const ROOT_CATEGORY = "drawbridge";

/** Sets up the log of this thread; a second call replaces the first. Before it, nothing is logged. */
export function setupLogging(options: LoggingOptions): void {
  const pretty = options.format === "pretty" || (options.format === "auto" && Deno.stderr.isTerminal());
  const format = pretty ? prettyFormatter(options) : jsonFormatter(options.thread);
  const write = options.write ?? writeToStandardError;
  configureSync({
    reset: true,
    sinks: { lines: (record) => write(format(record)) },
    loggers: [
      { category: ROOT_CATEGORY, sinks: ["lines"], lowestLevel: VENDOR_LEVELS[options.level] },
      // LogTape's word about itself, above all about a sink that throws.
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "error" },
    ],
  });
}

/** The logger of one part of the program. May be asked for before {@linkcode setupLogging}. */
export function getLogger(name: string): Logger {
  const logger = getLogTapeLogger([ROOT_CATEGORY, name]);
  return {
    debug: (message, properties) => logger.debug(plain(message), properties ?? {}),
    info: (message, properties) => logger.info(plain(message), properties ?? {}),
    warn: (message, properties) => logger.warn(plain(message), properties ?? {}),
    error: (message, properties) => logger.error(plain(message), properties ?? {}),
  };
}

/** LogTape fills in what stands in braces; a message is taken as it is. */
function plain(message: string): string {
  return message.includes("{") || message.includes("}") ? message.replace(/[{}]/g, "$&$&") : message;
}

const encoder = new TextEncoder();

function writeToStandardError(line: Uint8Array): void {
  try {
    for (let written = 0; written < line.length;) written += Deno.stderr.writeSync(line.subarray(written));
  } catch {
    // The reader of the log is gone; the players are not.
  }
}

function levelOf(record: LogRecord): LogLevel {
  if (record.level === "warning") return "warn";
  if (record.level === "fatal") return "error";
  return record.level === "trace" ? "debug" : record.level;
}

function messageOf(record: LogRecord): string {
  return record.message.map((part) => typeof part === "string" ? part : String(boundedValue(part))).join("");
}

function loggerOf(record: LogRecord): string {
  return record.category[0] === ROOT_CATEGORY ? record.category.slice(1).join(".") : record.category.join(".");
}

/** One JSON object a line: time, level, logger, thread, message, properties. */
function jsonFormatter(thread: string | undefined): (record: LogRecord) => Uint8Array {
  return (record) => {
    const line = {
      time: new Date(record.timestamp).toISOString(),
      level: levelOf(record),
      logger: loggerOf(record),
      thread,
      message: truncate(messageOf(record)),
    };
    const properties = boundedProperties(record.properties);
    const full = encoder.encode(`${JSON.stringify({ ...line, properties })}\n`);
    if (full.length <= LOG_LINE_BYTES_MAX) return full;
    // Half the space for what identifies the line, the other half for the first of the properties that fit in it.
    const kept: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(properties ?? {})) {
      const wider = encoder.encode(JSON.stringify({ ...kept, [name]: value }));
      if (wider.length <= LOG_LINE_BYTES_MAX / 2) kept[name] = value;
    }
    const message = truncate(line.message, LOG_VALUE_CHARS_MAX / 8);
    return encoder.encode(`${JSON.stringify({ ...line, message, truncated: true, properties: kept })}\n`);
  };
}

/** Coloured lines for people: time, level, thread and logger, message, `name=value`; stacks below. */
function prettyFormatter({ thread, colors }: LoggingOptions): (record: LogRecord) => Uint8Array {
  const format = getPrettyFormatter({
    timestamp: "time",
    categoryWidth: 18,
    categorySeparator: " ",
    messageStyle: null,
    colors: colors ?? (Deno.stderr.isTerminal() && !Deno.noColor),
    icons: false,
    wordWrap: false,
  });
  return (record) => {
    const message = truncate(messageOf(record)) + prettyProperties(record.properties);
    const category = thread === undefined ? [loggerOf(record)] : [thread, loggerOf(record)];
    const text = format({ ...record, category, message: [withoutControls(message)] });
    return encoder.encode(text.endsWith("\n") ? text : `${text}\n`);
  };
}

function prettyProperties(properties: LogProperties): string {
  let inline = "";
  let below = "";
  for (const [name, value] of Object.entries(boundedProperties(properties) ?? {})) {
    if (value === undefined) continue;
    if (properties[name] instanceof Error) below += `\n${value}`;
    else inline += ` ${name}=${JSON.stringify(value)}`;
  }
  return inline + below;
}

/** At most {@linkcode LOG_PROPERTIES_MAX} properties of bounded size; undefined when there are none. */
function boundedProperties(properties: LogProperties): Record<string, unknown> | undefined {
  const entries = Object.entries(properties);
  if (entries.length === 0) return undefined;
  const bounded = entries.slice(0, LOG_PROPERTIES_MAX).map((
    [name, value],
  ) => [truncate(name, 64), boundedValue(value)]);
  return Object.fromEntries(bounded);
}

/** Makes of any value something JSON can hold and that is not long. */
function boundedValue(value: unknown): unknown {
  switch (typeof value) {
    case "string":
      return truncate(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
    case "undefined":
      return value;
    case "object":
      if (value === null) return null;
      return value instanceof Error ? truncate(errorText(value)) : boundedObject(value);
    default:
      return truncate(String(value));
  }
}

function boundedObject(value: object): unknown {
  // Unlike JSON, this takes cycles and stops in time.
  const text = Deno.inspect(value, { depth: 3, iterableLimit: 32, strAbbreviateSize: 256, breakLength: Infinity });
  return truncate(text.replace(/\s*\n\s*/g, " "));
}

/** The stack, which begins with name and message, and the chain of causes. */
function errorText(error: Error): string {
  let text = error.stack ?? `${error.name}: ${error.message}`;
  let cause = error.cause;
  for (let depth = 0; cause !== undefined && depth < 4; depth++) {
    text += `\nCaused by: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`;
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return text;
}

function truncate(text: string, charsMax = LOG_VALUE_CHARS_MAX): string {
  return text.length > charsMax ? `${text.slice(0, charsMax - 1).toWellFormed()}…` : text;
}

/** Names and texts of peers end up in messages of errors: they shall not steer the operator's terminal. */
function withoutControls(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what it is about
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "\ufffd");
}
