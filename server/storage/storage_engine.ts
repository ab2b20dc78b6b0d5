/** What a storage worker drives: a database with the order in which it is asked. @module */

import { Counter, type CounterBlock } from "../ops/counters.ts";
import { DependencyError } from "../../shared/errors.ts";
import type { StorageOutcome } from "./operations.ts";
import type { RequestClaims } from "./request_claims.ts";
import { type NumberedRequest, type NumberedResponse, responseOf, type StoragePort } from "./storage_messages.ts";

/** A way by which requests come. */
export interface Channel {
  readonly port: StoragePort;
  readonly claims: RequestClaims;
}

/** A request with where its answer goes. */
export interface Asked {
  readonly request: NumberedRequest;
  readonly from: Channel;
}

/** A database at work. */
export interface StorageEngine {
  /** There was no database before. */
  readonly isNew: boolean;
  /** What signs session tokens, where the database knows it. */
  readonly sessionKey?: Uint8Array<ArrayBuffer>;
  /** How far this machine's clock is ahead of the database's, in milliseconds, where it has its own. */
  readonly clockAheadMs?: number;
  /** Takes requests. Each is answered once; nothing that was given up is begun. */
  add(asked: readonly Asked[]): void;
  /** Resolves when all that was taken is answered. */
  whenIdle(): Promise<void>;
  close(): void | Promise<void>;
}

/** Answers requests, as many in one message as there are at a time. */
export class Answers {
  /** Undefined: nobody wants to know. */
  counters: CounterBlock | undefined;
  #responses = new Map<StoragePort, NumberedResponse[]>();

  /** A request that was given up: its number can be used again. */
  skip({ from: { port }, request }: Asked): void {
    this.#add(port, { id: request.id });
  }

  /** What became of a request. */
  give({ from: { port }, request }: Asked, outcome: StorageOutcome, isRead: boolean): void {
    this.counters?.add(Counter.ITEMS, 1);
    // Nobody's mistake but the disk's.
    if ("error" in outcome && outcome.error instanceof DependencyError) {
      if (isRead) this.counters?.add(Counter.STORAGE_READ_FAILURES, 1);
      else if (outcome.error.code === "unavailable") this.counters?.add(Counter.STORAGE_WRITE_FAILURES, 1);
    }
    this.#add(port, responseOf(request.id, outcome));
  }

  /** Sends what was answered. */
  flush(): void {
    const responses = this.#responses;
    if (responses.size === 0) return;
    this.#responses = new Map();
    for (const [port, ofPort] of responses) port.postMessage(ofPort);
  }

  #add(port: StoragePort, response: NumberedResponse): void {
    const ofPort = this.#responses.get(port);
    if (ofPort) ofPort.push(response);
    else this.#responses.set(port, [response]);
  }
}
