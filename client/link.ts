/**
 * Keeps one client connected: makes connections, notices dead ones, makes new ones after a wait. Knows nothing of
 * sessions; what a connection is used for is its owner's.
 *
 * @module
 */

import type { HeartbeatResponse, ServerInfo } from "../shared/gen/auth_pb.ts";
import {
  CLIENT_FOLLOW_PAUSE_MS,
  CLIENT_FOLLOWED_MAX,
  CLIENT_FOLLOWED_SLOWLY_MAX,
  CLIENT_MOVE_TIMEOUT_MS,
  LINGER_TIMEOUT_MS,
  RETRY_AFTER_MS_MAX,
} from "../shared/limits.ts";
import type { PacketView } from "../shared/packet_codec.ts";
import { Backoff } from "./backoff.ts";
import { changeFor, type StateChange } from "./client_events.ts";
import { type ResolvedClientOptions, TIMER_MS_MAX } from "./client_options.ts";
import { Connection, type ConnectionOwner } from "./connection.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Transport } from "./transport.ts";

/** Takes what one {@linkcode Link} reports. */
export interface LinkOwner {
  /** There is a connection, nothing has been sent over it. */
  handleUp(): void;
  /** The connection is gone; the next attempt follows after `change.retryInMs`. */
  handleDown(change: StateChange): void;
  /** The server that the link was to move to cannot be reached; there is no connection. */
  handleUnreachable(change: StateChange, error: unknown): void;
  /** The connection is gone, or could not be made the first time; there will be no other. */
  handleEnd(change: StateChange, error: unknown): void;
  /** Takes one packet; `view` and `bytes` are valid only during the call. */
  handlePacket(view: PacketView, bytes: Uint8Array): void;
  /** The server broke the contract, or we failed to understand it; the connection is closed. */
  handleFault(error: Error): void;
  /** The server leaves a heartbeat without an answer, or is heard of again. */
  handleAnswering(isAnswering: boolean): void;
  /** Sends a HEARTBEAT_REQUEST. */
  sendHeartbeat(timestamp: bigint, serverTimestampEcho: bigint): void;
}

/** The connection of one client, and the one after it. */
export class Link implements ConnectionOwner {
  /** Whether a lost connection is made again. */
  mayReconnect = true;

  readonly #options: ResolvedClientOptions;
  readonly #owner: LinkOwner;
  readonly #heartbeat: Heartbeat;
  readonly #backoff: Backoff;
  readonly #keepAlive = () => this.#checkHeartbeat();
  #connection: Connection | null = null;
  #connectedMs = 0;
  /** Counts attempts to connect; one that is not the newest any more is discarded. */
  #attempt = 0;
  #isFirstAttempt = false;
  /** The attempt under way is one to another server. */
  #isMoving = false;
  /** Where connections are made to; undefined: to where the first was. */
  #server: ServerInfo | undefined;
  /** Where they may be made to, one after the other. */
  #ways: readonly (ServerInfo | undefined)[];
  /** Servers in a row that could not be reached. */
  #unreachedCount = 0;
  /** How often in a row a server has sent the client to another one, before any took it. */
  #followedCount = 0;
  /** How often in a row one that had taken it has: a connection that lasted ends that row. */
  #movedCount = 0;
  /** The connection's server has taken the client. */
  #isTaken = false;
  /** The server that took it last, by id; undefined: the one that the first connection was made to. */
  #homeId: number | undefined;
  #isRunning = false;
  /** Aborts the attempt under way. */
  #abort: AbortController | null = null;
  /** The wait for a reconnection, a connection or an answer, one after the other. */
  #stageTimer: unknown = null;
  #heartbeatTimer: unknown = null;
  #closed: Promise<void> = Promise.resolve();

  /**
   * @param options Time-outs, back-off, clock.
   * @param owner Takes what happens.
   */
  constructor(options: ResolvedClientOptions, owner: LinkOwner) {
    this.#options = options;
    this.#ways = [undefined, ...options.servers];
    this.#owner = owner;
    this.#heartbeat = new Heartbeat(options.heartbeatIntervalMs, options.deadAfterMs);
    const { baseMs, capMs } = options.reconnect ?? { baseMs: 0, capMs: 0 };
    this.#backoff = new Backoff({ baseMs, capMs, random: options.random });
  }

  /** The connection, while there is one. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /** Round trip of the last answered heartbeat, in milliseconds; `null` before the first. */
  get rttMs(): number | null {
    return this.#heartbeat.rttMs;
  }

  /** Where connections are made to; undefined: to where the first was. */
  get server(): ServerInfo | undefined {
    return this.#server;
  }

  /** Resolves when the transport of an ended link is closed, or does not close in time. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** Makes the first attempt; if it fails, the link ends. */
  start(): void {
    this.#isRunning = true;
    this.#isFirstAttempt = true;
    this.mayReconnect = true;
    this.#server = this.#homeId = undefined;
    this.#unreachedCount = this.#followedCount = this.#movedCount = 0;
    this.#backoff.reset();
    this.#connect(this.#options.connectTimeoutMs);
  }

  /** Learns where connections may be made to while a server cannot be reached, instead of what it knew. */
  learn(ways: readonly (ServerInfo | undefined)[]): void {
    this.#ways = ways;
  }

  /**
   * Gives the connection up for one to another server, as this one has said; `delayMs` milliseconds from now, as others are
   * not sent there at the same moment. Who is sent from one to the next pauses, and at last waits as after any loss; time
   * that it was connected counts towards the pause, as servers that restart one after the other are no circle.
   */
  follow(change: StateChange, server: ServerInfo, delayMs: number): void {
    this.#endRow();
    this.#server = server;
    this.#unreachedCount = 0;
    if (this.#isTaken) this.#movedCount++;
    else this.#followedCount++;
    const count = this.#movedCount + this.#followedCount;
    if (count > CLIENT_FOLLOWED_MAX + CLIENT_FOLLOWED_SLOWLY_MAX) return this.#lose(change, { retryAfterMs: delayMs });
    // A dead server is named until it has been silent for a while.
    const pauseMs = CLIENT_FOLLOW_PAUSE_MS - this.#lastedMs;
    if (count > CLIENT_FOLLOWED_MAX && pauseMs > 0) return this.waitFor(change, Math.max(delayMs, pauseMs));
    this.#lose(change, { retryInMs: Math.min(delayMs, RETRY_AFTER_MS_MAX) });
  }

  /** Gives the connection up and makes another when the server has said, give or take what parts clients. */
  waitFor(change: StateChange, delayMs: number): void {
    const { random, reconnect } = this.#options;
    const retryInMs = Math.min(delayMs, RETRY_AFTER_MS_MAX) + random() * (reconnect?.baseMs ?? 0);
    this.#lose(change, { retryInMs });
    // An attempt like any other: a server that asks for ever does not keep a client for ever.
    if (delayMs > 0) this.#backoff.count();
  }

  /**
   * Gives the connection up for one to another server, as later ones are.
   *
   * @param isLast Whether no other may be tried, so that there is time for this one.
   */
  moveTo(server: ServerInfo | undefined, isLast: boolean): void {
    this.#disconnect();
    this.#server = server;
    this.#isMoving = true;
    const { connectTimeoutMs } = this.#options;
    this.#connect(isLast ? connectTimeoutMs : Math.min(connectTimeoutMs, CLIENT_MOVE_TIMEOUT_MS));
  }

  /** Cuts the wait for the next attempt short, or gives the present connection up for a new one. */
  restart(): void {
    if (!this.#isRunning || this.#abort !== null) return;
    if (this.#connection === null) this.#connect(this.#patienceMs);
    else this.#lose(changeFor("The application asked for a new connection"), { retryInMs: 0 });
  }

  /** Gives the connection up and makes another after a wait of at least `retryAfterMs`. */
  lose(change: StateChange, retryAfterMs = 0): void {
    this.#lose(change, { retryAfterMs });
  }

  /** Closes for good after what is written is out. */
  end(change: StateChange, error?: unknown): void {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    const connection = this.#connection;
    this.#disconnect();
    if (connection !== null) this.#closed = this.#untilClosed(connection);
    this.#owner.handleEnd(change, error);
  }

  /** Gives the connection up unless {@linkcode Link.answered} is called in time. */
  awaitAnswer(name: string, patienceMs: number = this.#options.requestTimeoutMs): void {
    this.#setStageTimer(
      patienceMs,
      () => this.lose(changeFor(`Server did not answer ${name} within ${patienceMs} ms`)),
    );
  }

  /** What {@linkcode Link.awaitAnswer} waits for has come. */
  answered(): void {
    this.#clearStageTimer();
    this.#isTaken = true;
    this.#followedCount = 0;
    const id = this.#server?.serverId;
    if (id === this.#homeId) return;
    this.#homeId = id;
    // The row of losses was that of another server, which is gone; it goes on where servers send the client to and fro.
    if (this.#movedCount === 0) this.#backoff.reset();
  }

  /** Takes a HEARTBEAT_RESPONSE; sends its time-stamp back at once when it answers the probe. */
  heartbeatAnswered({ clientTimestamp, serverTimestamp }: HeartbeatResponse): void {
    const nowMs = this.#options.now();
    if (!this.#heartbeat.answered(clientTimestamp, nowMs)) return;
    this.#owner.sendHeartbeat(BigInt(Math.floor(nowMs)), serverTimestamp);
  }

  /** Takes note that the server lives. */
  handleBytes(): void {
    if (!this.#heartbeat.received(this.#options.now())) return;
    // While it was silent nothing was due before the next probe; the next silence may begin now.
    this.#options.timers.clear(this.#heartbeatTimer);
    this.#checkHeartbeat();
    this.#owner.handleAnswering(true);
  }

  /** Passes a packet on. */
  handlePacket(view: PacketView, bytes: Uint8Array): void {
    this.#owner.handlePacket(view, bytes);
  }

  /** Takes the end of the connection. */
  handleEnd(reason: string, error: Error | null): void {
    if (error !== null) this.#owner.handleFault(error);
    this.lose(changeFor(reason));
  }

  async #connect(timeoutMs: number): Promise<void> {
    const attempt = ++this.#attempt;
    const abort = this.#abort = new AbortController();
    this.#setStageTimer(timeoutMs, () => {
      this.#connectFailed(new Error(`Cannot connect: no connection within ${timeoutMs} ms`));
    });
    let transport: Transport;
    try {
      transport = await this.#options.connect(abort.signal, this.#server);
    } catch (error) {
      if (attempt === this.#attempt) this.#connectFailed(error);
      return;
    }
    if (attempt === this.#attempt) return this.#connected(transport);
    transport.start({ onBytes() {}, onClose() {} });
    transport.close();
  }

  #connectFailed(error: unknown): void {
    const change = changeFor(error instanceof Error ? error.message : String(error));
    if (this.#isFirstAttempt) return this.end(change, error);
    if (!this.#isMoving) return this.#tryNext(change);
    this.#disconnect();
    this.#owner.handleUnreachable(change, error);
  }

  /** Goes on with the next server; once none of them can be reached, it waits for longer. */
  #tryNext(change: StateChange): void {
    const ways = this.#ways;
    const id = this.#server?.serverId;
    this.#server = ways[(ways.findIndex((server) => server?.serverId === id) + 1) % ways.length];
    if (++this.#unreachedCount % ways.length === 0) this.lose(change);
    else this.waitFor(change, 0);
  }

  /** How long a connection may take, in milliseconds: less where there is another server to try. */
  get #patienceMs(): number {
    const { connectTimeoutMs } = this.#options;
    return this.#ways.length === 1 ? connectTimeoutMs : Math.min(connectTimeoutMs, CLIENT_MOVE_TIMEOUT_MS);
  }

  #connected(transport: Transport): void {
    this.#unreachedCount = 0;
    this.#clearStageTimer();
    this.#abort = null;
    this.#isFirstAttempt = false;
    this.#isMoving = false;
    this.#isTaken = false;
    this.#connectedMs = this.#options.now();
    const connection = this.#connection = new Connection(transport, this);
    this.#heartbeat.start(this.#connectedMs);
    try {
      connection.start();
      this.#owner.handleUp();
    } catch (error) {
      // Nobody waits for this attempt, so nobody would catch what it throws: it would end the process.
      const fault = error instanceof Error ? error : new Error(String(error));
      this.#owner.handleFault(fault);
      if (this.#connection === connection) this.lose(changeFor(fault.message));
    }
    if (this.#connection === connection) this.#checkHeartbeat();
  }

  #lose(change: StateChange, options: { readonly retryAfterMs?: number; readonly retryInMs?: number }): void {
    const { reconnect } = this.#options;
    if (!this.#isRunning) return;
    if (reconnect === null || !this.mayReconnect) return this.end(change);
    this.#endRow();
    if (this.#backoff.attemptCount >= reconnect.attemptsMax) return this.end(change);
    this.#disconnect();
    const { retryAfterMs = 0 } = options;
    const retryInMs = options.retryInMs ?? this.#backoff.next(Math.min(retryAfterMs, RETRY_AFTER_MS_MAX));
    this.#setStageTimer(retryInMs, () => this.#connect(this.#patienceMs));
    this.#owner.handleDown({ ...change, retryInMs });
  }

  /** How long there has been a connection, in milliseconds; 0: there is none. */
  get #lastedMs(): number {
    return this.#connection === null ? 0 : this.#options.now() - this.#connectedMs;
  }

  /** A connection that lasted ends a row of losses; one that was merely made and answered does not. */
  #endRow(): void {
    const { reconnect } = this.#options;
    if (reconnect === null || this.#connection === null || this.#lastedMs < reconnect.stableMs) return;
    this.#backoff.reset();
    this.#followedCount = this.#movedCount = 0;
  }

  /** Lets go of the connection, made or in the making, and of the timers that served it. */
  #disconnect(): void {
    this.#attempt++;
    this.#isMoving = false;
    this.#abort?.abort();
    this.#abort = null;
    this.#connection?.close();
    this.#connection = null;
    this.#clearStageTimer();
    this.#options.timers.clear(this.#heartbeatTimer);
    // What is told of the next connection begins anew.
    if (this.#heartbeat.received(this.#options.now())) this.#owner.handleAnswering(true);
  }

  #untilClosed(connection: Connection): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.timers.set(resolve, LINGER_TIMEOUT_MS);
      connection.whenClosed(() => {
        this.#options.timers.clear(timer);
        resolve();
      });
    });
  }

  #checkHeartbeat(): void {
    const { now, timers, deadAfterMs } = this.#options;
    const nowMs = now();
    const action = this.#heartbeat.action(nowMs);
    if (action === "dead") return this.lose(changeFor(`Server sent nothing for ${deadAfterMs} ms`));
    if (action === "silent") this.#owner.handleAnswering(false);
    if (action === "beat") this.#owner.sendHeartbeat(this.#heartbeat.probe(nowMs), 0n);
    this.#heartbeatTimer = timers.set(this.#keepAlive, this.#heartbeat.waitMs(nowMs));
  }

  #setStageTimer(delayMs: number, run: () => void): void {
    this.#clearStageTimer();
    this.#stageTimer = this.#options.timers.set(run, Math.min(delayMs, TIMER_MS_MAX));
  }

  #clearStageTimer(): void {
    this.#options.timers.clear(this.#stageTimer);
  }
}
