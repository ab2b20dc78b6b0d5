/** Connections to PostgreSQL, a bounded number of them, each lent to one at a time. @module */

import { POSTGRES_CONNECTIONS_MAX, POSTGRES_RETRY_MS } from "../../shared/limits.ts";
import { PostgresConnection } from "./postgres_connection.ts";
import type { PostgresTarget } from "./postgres_target.ts";

/**
 * Lends connections to whoever waited longest. Where none can be made, it tries again until there is one: whoever must
 * not wait so long says until when.
 */
export class PostgresPool {
  readonly #target: PostgresTarget;
  readonly #free: PostgresConnection[] = [];
  #waiting: ((connection: PostgresConnection | undefined) => void)[] = [];
  #opening: Promise<void> | undefined;
  #isClosed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  readonly #all = new Set<PostgresConnection>();
  /** Connections that are not wholly given back yet. */
  readonly #closing = new Set<Promise<void>>();

  constructor(target: PostgresTarget) {
    this.#target = target;
  }

  /** Makes one more connection. @throws what {@linkcode PostgresConnection.open} does. */
  async connect(): Promise<void> {
    const connection: PostgresConnection = await PostgresConnection.open(this.#target, () => {
      this.#all.delete(connection);
      const ended = connection.close().finally(() => this.#closing.delete(ended));
      this.#closing.add(ended);
      const index = this.#free.indexOf(connection);
      if (index >= 0) this.#free.splice(index, 1);
      this.#grow();
    });
    this.#all.add(connection);
    if (this.#isClosed) return await connection.close();
    this.give(connection);
  }

  /**
   * Lends a connection as soon as there is one.
   *
   * @param untilMs By `performance.now()`; later it gives `undefined`, as it does once all are closed.
   */
  take(untilMs = Infinity): Promise<PostgresConnection | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined);
    const free = this.#free.pop();
    if (free !== undefined) return Promise.resolve(free);
    const { promise, resolve } = Promise.withResolvers<PostgresConnection | undefined>();
    this.#waiting.push(resolve);
    this.#grow();
    if (untilMs === Infinity) return promise;
    const timer = setTimeout(() => {
      this.#waiting = this.#waiting.filter((each) => each !== resolve);
      resolve(undefined);
    }, Math.max(0, untilMs - performance.now()));
    return promise.finally(() => clearTimeout(timer));
  }

  /** Gives a connection back; one that is lost is let go. */
  give(connection: PostgresConnection): void {
    if (connection.isLost) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#free.push(connection);
    else waiting(connection);
  }

  /** Closes all connections, lent ones too. Nobody is lent one any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
    for (const connection of this.#all) void connection.close();
    await Promise.all([this.#opening, ...this.#closing]);
  }

  /** Makes connections as long as somebody waits for one. */
  #grow(): void {
    const isEnough = this.#waiting.length === 0 || this.#all.size >= POSTGRES_CONNECTIONS_MAX;
    if (isEnough || this.#opening !== undefined || this.#isClosed || this.#retry !== undefined) return;
    this.#opening = this.connect().then(() => true, () => false).then((isOpen) => {
      this.#opening = undefined;
      if (isOpen) return this.#grow();
      if (this.#isClosed) return;
      this.#retry = setTimeout(() => {
        this.#retry = undefined;
        this.#grow();
      }, POSTGRES_RETRY_MS);
    });
  }
}
