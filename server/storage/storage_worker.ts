/**
 * The storage worker: a thread that owns the database, and may wait for its disk where it is embedded.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { STORAGE_PULSE_MS } from "../../shared/limits.ts";
import { Counter, CounterBlock } from "../ops/counters.ts";
import { hang } from "../ops/hang.ts";
import { RequestClaims } from "./request_claims.ts";
import type { GameRecords } from "./sql_store.ts";
import { Answers, type Channel, type StorageEngine } from "./storage_engine.ts";
import {
  type DatabaseOptions,
  encodeError,
  type NumberedRequest,
  type WorkerCommand,
  type WorkerReport,
} from "./storage_messages.ts";

/** Opens the database of a storage worker. */
export type OpenEngine = (
  options: DatabaseOptions,
  records: GameRecords,
  answers: Answers,
) => StorageEngine | Promise<StorageEngine>;

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<WorkerCommand>) => void) | null;
  postMessage(report: WorkerReport): void;
};
/** One turn polls every port; the second is for what became ready while the first ran. */
const QUIET_TURNS_TO_STOP = 2;

const ports = new Map<number, MessagePort>();
const answers = new Answers();
let records: GameRecords;
let openEngine: OpenEngine;
let engine: StorageEngine | undefined;
let hasNews = false;
let pulse: ReturnType<typeof setInterval> | undefined;

/**
 * Runs this thread as the storage worker of a game: to be called once, by the module that a worker was started with.
 * Which database it is, that module imports, and no other.
 */
export function runStorageWorker(ofGame: GameRecords, open: OpenEngine): void {
  records = ofGame;
  openEngine = open;
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

async function open(options: DatabaseOptions): Promise<void> {
  try {
    engine = await openEngine(options, records, answers);
    const { isNew, sessionKey, clockAheadMs } = engine;
    scope.postMessage({ kind: "opened", isNew, sessionKey, clockAheadMs });
  } catch (error) {
    scope.postMessage({ kind: "open_failed", error: encodeError(error as Error) });
  }
}

/** Counts a round, which shows that this thread makes progress, however little it has to do. */
function watch(block: CounterBlock): void {
  answers.counters = block;
  pulse = setInterval(() => block.add(Counter.ITEMS, 1), STORAGE_PULSE_MS);
}

function connect(id: number, { port, claims }: Channel & { readonly port: MessagePort }): void {
  ports.set(id, port);
  port.onmessage = ({ data: requests }: MessageEvent<NumberedRequest[]>) => {
    hasNews = true;
    engine?.add(requests.map((request) => ({ request, from: { port, claims } })));
  };
}

/**
 * Answers everything that was sent before it, then closes. A port and the worker's own channel know no order between
 * them: what was sent first by a port may still wait there, until the event loop comes to it.
 */
async function stop(): Promise<void> {
  for (let quietTurns = 0; quietTurns < QUIET_TURNS_TO_STOP; quietTurns++) {
    hasNews = false;
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (hasNews) quietTurns = 0;
    await engine?.whenIdle();
  }
  clearInterval(pulse);
  for (const port of ports.values()) port.close();
  await engine?.close();
  engine = undefined;
  scope.postMessage({ kind: "stopped" });
}
