/** A connection to NATS, in our terms. @module */

import { connect, errors, type NatsConnection as Connection, type Status } from "@nats-io/transport-node";
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

/** Hears and says; once it was up it comes back by itself, for as long as that takes. */
export class NatsConnection {
  readonly #connection: Connection;
  #isUp = true;

  private constructor(connection: Connection, { subjects, onMessage, onState }: NatsConnectionOptions) {
    this.#connection = connection;
    for (const subject of subjects) {
      connection.subscribe(subject, {
        callback: (error, { data }) => {
          if (error === null) onMessage(data);
        },
      });
    }
    void this.#watch(onState);
  }

  /**
   * Connects.
   *
   * @throws {ConfigError} where the server does not take who asks, its certificate is not good, or it takes too little.
   * @throws {DependencyError} `unavailable` where it cannot be reached.
   */
  static async open(options: NatsConnectionOptions): Promise<NatsConnection> {
    const { target, ca, random } = options;
    const { host, port, user, password, isTls } = target;
    // An address that is a number is held against the certificate as well.
    const tls = { host, ...parseIpAddress(host) === null ? { servername: host } : {}, ...ca === "" ? {} : { ca } };
    let attempts = 0;
    let connection: Connection;
    try {
      connection = await connect({
        servers: [`${host.includes(":") ? `[${host}]` : host}:${port}`],
        name: "drawbridge",
        ...user === "" ? {} : { user, pass: password },
        ...isTls ? { tls } : {},
        noEcho: true,
        // Others of its own cluster may not be spoken to: this process may connect to one address alone.
        ignoreClusterUpdates: true,
        timeout: BUS_CONNECT_TIMEOUT_MS,
        pingInterval: BUS_PING_INTERVAL_MS,
        maxPingOut: PINGS_MAX,
        maxReconnectAttempts: -1,
        // Whoever mends a password does not want to start every server again.
        ignoreAuthErrorAbort: true,
        reconnectDelayHandler: () => {
          const pauseMs = Math.min(BUS_RETRY_MS_MAX, BUS_RETRY_MS * 2 ** Math.min(attempts++, 10));
          return pauseMs * (1 + random());
        },
      });
    } catch (error) {
      throw problemOf(target, error);
    }
    const bytesMax = connection.info?.max_payload ?? 0;
    if (bytesMax < BUS_MESSAGE_BYTES_MAX) {
      await connection.close();
      throw new ConfigError([
        `${describeNats(target)} takes messages of ${bytesMax} bytes: ` +
        `let it take ${BUS_MESSAGE_BYTES_MAX} with max_payload`,
      ]);
    }
    const opened = new NatsConnection(connection, {
      ...options,
      onState: (isUp, reason) => {
        if (isUp) attempts = 0;
        options.onState(isUp, reason);
      },
    });
    // What is subscribed to has arrived there when this is answered.
    await connection.flush();
    return opened;
  }

  /** Says something; nothing where it is down. */
  publish(subject: string, bytes: Uint8Array): void {
    if (this.#isUp) this.#connection.publish(subject, bytes);
  }

  /** Resolves when all that was said so far has reached the server, or the connection is lost. */
  async flush(): Promise<void> {
    await this.#connection.flush().catch(() => {});
  }

  /** Ends it. */
  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #watch(onState: NatsConnectionOptions["onState"]): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === "disconnect" || status.type === "staleConnection") this.#set(false, "disconnected", onState);
      else if (status.type === "reconnect") this.#set(true, "", onState);
      else if (status.type === "error") this.#refused(status, onState);
    }
  }

  #refused(status: Extract<Status, { type: "error" }>, onState: NatsConnectionOptions["onState"]): void {
    // A subject that the user may not use: nothing would ever come.
    if (status.error instanceof errors.PermissionViolationError) onState(false, String(status.error.message));
  }

  #set(isUp: boolean, reason: string, onState: NatsConnectionOptions["onState"]): void {
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    onState(isUp, reason);
  }
}

/** What the operator needs to know. */
function problemOf(target: NatsTarget, error: unknown): Error {
  const name = describeNats(target);
  if (error instanceof errors.AuthorizationError) {
    const isAnonymous = target.user === "";
    const what = isAnonymous ? "asks for a user and a password, and the address has none" : "refuses user or password";
    return new ConfigError([`${name} ${what}`]);
  }
  const text = error instanceof Error ? error.message : String(error);
  if (/does not support 'tls'/.test(text)) return new ConfigError([`${name} does not speak TLS`]);
  if (/certificate|unknown ?issuer|self.signed|not valid for name/i.test(text)) {
    return new ConfigError([`${name} shows a certificate that is not good: ${text}`]);
  }
  const reason = error instanceof errors.TimeoutError ? "it does not answer" : text;
  return new DependencyError("unavailable", `${name} cannot be reached: ${reason}`, { cause: error });
}
