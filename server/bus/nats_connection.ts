/** A connection to NATS, in our terms. @module */

import { connect, errors, type NatsConnection as Connection } from "@nats-io/transport-node";
import { ConfigError, DependencyError } from "../../shared/errors.ts";
import {
  BUS_CONNECT_TIMEOUT_MS,
  BUS_MESSAGE_BYTES_MAX,
  BUS_PING_INTERVAL_MS,
  BUS_RETRY_MS,
  BUS_RETRY_MS_MAX,
} from "../../shared/limits.ts";
import { parseIpAddress } from "../base/ip_address.ts";
import { describeNats, type NatsTarget } from "./nats_target.ts";

/** What a connection is made of. */
export interface NatsConnectionOptions {
  readonly target: NatsTarget;
  /** Certificates in PEM of who may vouch for the server; empty: those the system trusts. */
  readonly ca: string;
  readonly subjects: readonly string[];
  readonly onMessage: (bytes: Uint8Array) => void;
  /** It went down, for this reason, or came back; it is up when {@linkcode NatsConnection.open} resolves. */
  readonly onState: (isUp: boolean, reason: string) => void;
  /** Chance, from 0 to 1. */
  readonly random: () => number;
}

/** Unanswered pings after which the server is taken for gone. */
const PINGS_MAX = 2;

/**
 * Hears and says; once it was up it comes back by itself, for as long as that takes.
 *
 * Pings and coming back are not the library's: it gives up a connection that does not answer only when all that was said
 * has left, which to a server that hangs it never does, and hears no error of its socket meanwhile.
 */
export class NatsConnection {
  readonly #options: NatsConnectionOptions;
  #connection!: Connection;
  #isUp = true;
  #isClosed = false;
  /** Of the next ping, or of the next attempt. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unansweredPings = 0;

  private constructor(options: NatsConnectionOptions) {
    this.#options = options;
  }

  /**
   * Connects.
   *
   * @throws {ConfigError} where the server does not take who asks, its certificate is not good, or it takes too little.
   * @throws {DependencyError} `unavailable` where it cannot be reached.
   */
  static async open(options: NatsConnectionOptions): Promise<NatsConnection> {
    const opened = new NatsConnection(options);
    const connection = await opened.#connect(false).catch((error) => {
      throw problemOf(options.target, error);
    });
    const problem = smallnessOf(connection, options.target);
    if (problem !== null) {
      await connection.close();
      throw new ConfigError([problem]);
    }
    await opened.#use(connection);
    return opened;
  }

  /** Says something; nothing where it is down. */
  publish(subject: string, bytes: Uint8Array): void {
    if (this.#isUp && !this.#connection.isClosed()) this.#connection.publish(subject, bytes);
  }

  /** Resolves when all that was said so far has reached the server, or the connection is lost. */
  async flush(): Promise<void> {
    // A flush that fails is of a connection that is lost.
    await Promise.race([this.#connection.flush().catch(() => {}), this.#connection.closed()]);
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#connection.close();
  }

  /** @param again Tries until it is there, or this is closed: then it throws. */
  #connect(again: boolean): Promise<Connection> {
    const { target: { host, port, user, password, isTls }, ca } = this.#options;
    // An address that is a number is held against the certificate as well.
    const tls = { host, ...parseIpAddress(host) === null ? { servername: host } : {}, ...ca === "" ? {} : { ca } };
    let attempts = 0;
    return connect({
      servers: [`${host.includes(":") ? `[${host}]` : host}:${port}`],
      name: "drawbridge",
      ...user === "" ? {} : { user, pass: password },
      ...isTls ? { tls } : {},
      noEcho: true,
      // Others of its own cluster may not be spoken to: this process may connect to one address alone.
      ignoreClusterUpdates: true,
      timeout: BUS_CONNECT_TIMEOUT_MS,
      reconnect: false,
      waitOnFirstConnect: again,
      // Whoever mends a password does not want to start every server again.
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: () => {
        if (this.#isClosed) throw new Error("It was closed");
        return this.#pauseMs(attempts++);
      },
    });
  }

  #pauseMs(attempts: number): number {
    const pauseMs = Math.min(BUS_RETRY_MS_MAX, BUS_RETRY_MS * 2 ** Math.min(attempts, 10));
    return pauseMs * (1 + this.#options.random());
  }

  /** Hears through it from now on; resolves when that is so, or the connection is lost. */
  async #use(connection: Connection): Promise<void> {
    this.#connection = connection;
    for (const subject of this.#options.subjects) {
      connection.subscribe(subject, {
        callback: (error, { data }) => {
          if (error === null) this.#options.onMessage(data);
        },
      });
    }
    this.#unansweredPings = 0;
    this.#timer = setInterval(() => this.#ping(), BUS_PING_INTERVAL_MS);
    void this.#watch(connection);
    void connection.closed().then(() => this.#comeBack());
    await this.flush();
  }

  #ping(): void {
    if (this.#unansweredPings === PINGS_MAX) return void this.#connection.close();
    this.#unansweredPings++;
    // What is lost with the connection has no answer.
    this.#connection.flush().then(() => this.#unansweredPings = 0, () => {});
  }

  async #comeBack(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#isClosed) return;
    this.#set(false, "disconnected");
    await new Promise((resolve) => this.#timer = setTimeout(resolve, this.#pauseMs(0)));
    let connection: Connection;
    try {
      connection = await this.#connect(true);
    } catch {
      // It was closed meanwhile: all else is tried again.
      return;
    }
    if (this.#isClosed) return await connection.close();
    const problem = smallnessOf(connection, this.#options.target);
    if (problem !== null) {
      await connection.close();
      this.#options.onState(false, problem);
      return await this.#comeBack();
    }
    await this.#use(connection);
    if (!connection.isClosed()) this.#set(true, "");
  }

  async #watch(connection: Connection): Promise<void> {
    for await (const status of connection.status()) {
      // A subject that the user may not use: nothing would ever come.
      if (status.type === "error" && status.error instanceof errors.PermissionViolationError) {
        this.#options.onState(false, String(status.error.message));
      }
    }
  }

  #set(isUp: boolean, reason: string): void {
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    this.#options.onState(isUp, reason);
  }
}

/** What the operator needs to know. */
function problemOf(target: NatsTarget, error: unknown): Error {
  const name = describeNats(target);
  if (error instanceof errors.AuthorizationError) {
    const isAnonymous = target.user === "";
    const what = isAnonymous
      ? "asks for a user and a password: write them before the host, as in nats://USER:PASSWORD@HOST"
      : "refuses user or password: give those that its configuration names";
    return new ConfigError([`${name} ${what}`]);
  }
  const text = error instanceof Error ? error.message : String(error);
  if (/does not support 'tls'/.test(text)) {
    return new ConfigError([
      `${name} does not speak TLS: have it do so, or write nats:// where nobody listens in between`,
    ]);
  }
  if (/certificate|unknown ?issuer|self.signed|not valid for name/i.test(text)) {
    return new ConfigError([
      `${name} shows an invalid certificate: ${text}; give the certificate that vouches for it as --nats-ca`,
    ]);
  }
  const reason = error instanceof errors.TimeoutError ? "it does not answer" : text;
  return new DependencyError("unavailable", `${name} cannot be reached: ${reason}`, { cause: error });
}

/** What is wrong with a server that takes smaller messages than servers send; `null` where nothing is. */
function smallnessOf({ info }: Connection, target: NatsTarget): string | null {
  const bytesMax = info?.max_payload ?? 0;
  if (bytesMax >= BUS_MESSAGE_BYTES_MAX) return null;
  return `${describeNats(target)} takes messages of ${bytesMax} bytes: ` +
    `let it take ${BUS_MESSAGE_BYTES_MAX} with max_payload`;
}
