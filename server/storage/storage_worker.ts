/**
 * The storage worker: a thread that owns the database and may wait for the disk. Everything that has arrived when its
 * turn begins goes into one transaction, so the busier it is, the fewer waits a request costs.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { STORAGE_BATCH_REQUESTS_MAX } from "../../shared/limits.ts";
import { SqliteDatabase } from "./sqlite_database.ts";
import {
  encodeError,
  type NumberedRequest,
  type NumberedResponse,
  type WorkerCommand,
  type WorkerReport,
} from "./storage_messages.ts";

interface Waiting {
  readonly request: NumberedRequest;
  readonly port: MessagePort;
}

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<WorkerCommand>) => void) | null;
  postMessage(report: WorkerReport): void;
};
/** One turn polls every port; the second is for what became ready while the first ran. */
const QUIET_TURNS_TO_STOP = 2;

const ports = new Set<MessagePort>();
let database: SqliteDatabase | undefined;
const waiting: Waiting[] = [];
let isTurnScheduled = false;

scope.onmessage = ({ data: command }) => {
  switch (command.kind) {
    case "open":
      return open(command.options);
    case "connect":
      return connect(command.port);
    case "stop":
      return stop();
  }
};

function open(options: ConstructorParameters<typeof SqliteDatabase>[0]): void {
  try {
    database = new SqliteDatabase(options);
    scope.postMessage({ kind: "opened" });
  } catch (error) {
    scope.postMessage({ kind: "open_failed", error: encodeError(error as Error) });
  }
}

function connect(port: MessagePort): void {
  ports.add(port);
  port.onmessage = ({ data: requests }: MessageEvent<NumberedRequest[]>) => {
    for (const request of requests) waiting.push({ request, port });
    scheduleTurn();
  };
}

/** A turn comes after all messages the event loop has ready have been taken in. */
function scheduleTurn(): void {
  if (isTurnScheduled || waiting.length === 0) return;
  isTurnScheduled = true;
  setImmediate(() => {
    isTurnScheduled = false;
    answerBatch(waiting.splice(0, STORAGE_BATCH_REQUESTS_MAX));
    scheduleTurn();
  });
}

function answerBatch(batch: readonly Waiting[]): void {
  if (!database || batch.length === 0) return;
  const outcomes = database.execute(batch.map(({ request }) => request));
  const responses = new Map<MessagePort, NumberedResponse[]>();
  batch.forEach(({ request: { id }, port }, index) => {
    const outcome = outcomes[index];
    const response = "error" in outcome ? { id, error: encodeError(outcome.error) } : { id, value: outcome.value };
    const ofPort = responses.get(port);
    if (ofPort) ofPort.push(response);
    else responses.set(port, [response]);
  });
  for (const [port, ofPort] of responses) port.postMessage(ofPort);
}

/**
 * Answers everything that was sent before it, then closes. A port and the worker's own channel know no order between
 * them: what was sent first by a port may still wait there, until the event loop comes to it.
 */
async function stop(): Promise<void> {
  for (let quietTurns = 0; quietTurns < QUIET_TURNS_TO_STOP; quietTurns++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (waiting.length > 0) quietTurns = 0;
    while (waiting.length > 0) answerBatch(waiting.splice(0, STORAGE_BATCH_REQUESTS_MAX));
  }
  for (const port of ports) port.close();
  database?.close();
  database = undefined;
  scope.postMessage({ kind: "stopped" });
}
