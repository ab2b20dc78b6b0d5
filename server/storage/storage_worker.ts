/**
 * The storage worker: a thread that owns the database and may wait for the disk. What has arrived when its turn begins
 * goes into one transaction, so the busier it is, the fewer waits a request costs; those who ask bound how much that is.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { DependencyError } from "../../shared/errors.ts";
import {
  STORAGE_BATCH_MS,
  STORAGE_CHECKPOINT_INTERVAL_MS,
  STORAGE_LOCK_WAIT_MS,
  STORAGE_PULSE_MS,
} from "../../shared/limits.ts";
import { Counter, CounterBlock, Gauge } from "../ops/counters.ts";
import { hang } from "../ops/hang.ts";
import type { StorageOutcome } from "./operations.ts";
import { SqliteDatabase, type SqliteOptions } from "./sqlite_database.ts";
import { RequestClaims } from "./request_claims.ts";
import {
  encodeError,
  type NumberedRequest,
  type NumberedResponse,
  responseOf,
  type WorkerCommand,
  type WorkerReport,
} from "./storage_messages.ts";
import type { GameRecords } from "./sql_store.ts";

interface Waiting {
  readonly request: NumberedRequest;
  readonly from: Channel;
}

interface Channel {
  readonly port: MessagePort;
  readonly claims: RequestClaims;
}

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<WorkerCommand>) => void) | null;
  postMessage(report: WorkerReport): void;
};
/** One turn polls every port; the second is for what became ready while the first ran. */
const QUIET_TURNS_TO_STOP = 2;

const ports = new Map<number, MessagePort>();
let records: GameRecords;
let database: SqliteDatabase | undefined;
const waiting: Waiting[] = [];
let isTurnScheduled = false;
let counters: CounterBlock | undefined;
let pulse: ReturnType<typeof setInterval> | undefined;
let checkpoints: ReturnType<typeof setInterval> | undefined;

/** Runs this thread as the storage worker of a game: to be called once, by the module that a worker was started with. */
export function runStorageWorker(ofGame: GameRecords): void {
  records = ofGame;
  scope.onmessage = obey;
}

function obey({ data: command }: MessageEvent<WorkerCommand>): void | Promise<void> {
  switch (command.kind) {
    case "open":
      if (command.counters !== undefined) watch(new CounterBlock(command.counters));
      return open(command.options);
    case "connect":
      return connect(command.id, { port: command.port, claims: new RequestClaims(command.claims) });
    case "disconnect":
      ports.get(command.id)?.close();
      return void ports.delete(command.id);
    case "stop":
      return stop();
    case "crash":
      throw new Error("Crashed by a drill");
    case "hang":
      return hang(command.ms);
  }
}

function open(options: SqliteOptions): void {
  try {
    // Reads behind a write that cannot be done would wait with it: their callers ask again.
    database = new SqliteDatabase({ lockWaitMs: STORAGE_LOCK_WAIT_MS, ...options }, records);
    checkpoints = setInterval(shortenLog, STORAGE_CHECKPOINT_INTERVAL_MS);
    scope.postMessage({ kind: "opened", isNew: database.isNew });
  } catch (error) {
    scope.postMessage({ kind: "open_failed", error: encodeError(error as Error) });
  }
}

/** Counts a round, which shows that this thread makes progress, however little it has to do. */
function watch(block: CounterBlock): void {
  counters = block;
  pulse = setInterval(() => block.add(Counter.ITEMS, 1), STORAGE_PULSE_MS);
}

/** While requests wait, SQLite does this itself, after every thousand pages. */
function shortenLog(): void {
  if (waiting.length > 0) return;
  const bytes = database?.shortenLog();
  if (bytes !== undefined) counters?.set(Gauge.STORAGE_LOG_BYTES, bytes);
}

function connect(id: number, channel: Channel): void {
  const { port } = channel;
  ports.set(id, port);
  port.onmessage = ({ data: requests }: MessageEvent<NumberedRequest[]>) => {
    for (const request of requests) waiting.push({ request, from: channel });
    scheduleTurn();
  };
}

/** A turn comes after all messages the event loop has ready have been taken in. */
function scheduleTurn(): void {
  if (isTurnScheduled || waiting.length === 0) return;
  isTurnScheduled = true;
  setImmediate(() => {
    isTurnScheduled = false;
    answerBatch();
    scheduleTurn();
  });
}

/** Does what waits, for as long as one turn may take; nothing that was given up is begun. */
function answerBatch(): void {
  if (!database) return;
  const responses = new Map<MessagePort, NumberedResponse[]>();
  const answer = ({ port }: Channel, response: NumberedResponse) => {
    const ofPort = responses.get(port);
    if (ofPort) ofPort.push(response);
    else responses.set(port, [response]);
  };
  const batch: Waiting[] = [];
  for (const each of waiting.splice(0)) {
    if (each.from.claims.tryBegin(each.request.id)) batch.push(each);
    else answer(each.from, { id: each.request.id });
  }
  const outcomes = batch.length === 0 ? [] : database.execute(batch.map(({ request }) => request), STORAGE_BATCH_MS);
  counters?.add(Counter.ITEMS, outcomes.length);
  outcomes.forEach((outcome, index) => {
    const { from, request } = batch[index];
    answer(from, responseOf(request.id, outcome));
    if (isFailedRead(request, outcome)) counters?.add(Counter.STORAGE_READ_FAILURES, 1);
  });
  const left = batch.slice(outcomes.length);
  for (const { from, request } of left) from.claims.release(request.id);
  waiting.unshift(...left);
  for (const [port, ofPort] of responses) port.postMessage(ofPort);
}

/** A read that the file could not answer: nobody's mistake but the disk's. */
function isFailedRead(request: NumberedRequest, outcome: StorageOutcome): boolean {
  return "error" in outcome && database!.isRead(request) && outcome.error instanceof DependencyError;
}

/**
 * Answers everything that was sent before it, then closes. A port and the worker's own channel know no order between
 * them: what was sent first by a port may still wait there, until the event loop comes to it.
 */
async function stop(): Promise<void> {
  for (let quietTurns = 0; quietTurns < QUIET_TURNS_TO_STOP; quietTurns++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (waiting.length > 0) quietTurns = 0;
    while (waiting.length > 0) answerBatch();
  }
  clearInterval(pulse);
  clearInterval(checkpoints);
  for (const port of ports.values()) port.close();
  database?.close();
  database = undefined;
  scope.postMessage({ kind: "stopped" });
}
