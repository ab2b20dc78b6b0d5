/**
 * What a scenario is to the loop that runs it: sessions, and what is due.
 *
 * @module
 */

import { isIP } from "node:net";
import type { ServerInfo } from "../../shared/gen/auth_pb.ts";
import { LOADTEST_CONNECTIONS_PER_ADDRESS, LOADTEST_HEARTBEAT_MS } from "../limits.ts";
import type { Endpoint } from "./engine.ts";
import type { LoadContext, LoadSession } from "./load_session.ts";
import type { ClientStats, WorkerReport } from "./messages.ts";
import { Pacer } from "./pacer.ts";

/** Everyone's turn at `ratePerS`, begun now and shifted so that threads do not send at once. */
export function pacerOf({ host, task }: LoadContext, ratePerS: number): Pacer {
  return new Pacer({
    connectionCount: task.count,
    ratePerS,
    startUs: host.engine.nowUs(),
    offset: task.threadIndex / task.plan.threadCount,
  });
}

/** Sessions that read only when they send do so this often a second at least. */
const LAZY_READS_PER_S = 5;

/** Everyone's turn to read, where `ratePerS` messages a second are too few for those that read when they send. */
export function readPacerOf(context: LoadContext, ratePerS: number): Pacer {
  return pacerOf(context, ratePerS < LAZY_READS_PER_S ? LAZY_READS_PER_S : 0);
}

/**
 * Where a session connects.
 *
 * One address has some 28,000 ports to connect from. Above {@linkcode LOADTEST_CONNECTIONS_PER_ADDRESS} connections to
 * this machine, they come from 127.0.0.1, 127.0.0.2 and so on; or, where the engine cannot choose that, go there: a
 * server that listens on every address hears both.
 */
export function endpointOf(context: LoadContext, session: LoadSession): Endpoint {
  const { plan } = context.task;
  const tcpPort = plan.entry === "login" ? plan.loginPort : plan.gamePort;
  const port = session.transport === "tcp" ? tcpPort : plan.gatewayPort;
  return spreadEndpoint(context, session, { address: plan.address, host: plan.host, port });
}

/** Where a session connects to a server that it was told of; undefined: its address is not known. */
export function listedEndpointOf(
  context: LoadContext,
  session: LoadSession,
  server: ServerInfo,
): Endpoint | undefined {
  const { addresses } = context.task.plan;
  const url = session.transport === "tcp" ? undefined : URL.parse(server.gatewayUrl);
  if (url === null) return undefined;
  const host = url?.hostname.replace(/^\[|\]$/g, "") ?? server.ipAddress;
  const address = isIP(host) !== 0 ? host : addresses[host];
  if (address === undefined) return undefined;
  const port = url === undefined ? server.port : Number(url.port) || (url.protocol === "wss:" ? 443 : 80);
  return spreadEndpoint(context, session, {
    address,
    host,
    port,
    ...(url === undefined ? {} : { path: url.pathname }),
  });
}

function spreadEndpoint(context: LoadContext, session: LoadSession, endpoint: Endpoint): Endpoint {
  const group = Math.floor((context.task.first + session.index) / LOADTEST_CONNECTIONS_PER_ADDRESS);
  if (group === 0 || endpoint.address !== "127.0.0.1") return endpoint;
  const other = `127.0.0.${1 + group}`;
  return { ...endpoint, ...(context.host.engine.bindsSource ? { source: other } : { address: other }) };
}

/** One thread's sessions and their load. */
export abstract class Scenario {
  protected readonly context: LoadContext;
  abstract readonly sessions: readonly LoadSession[];
  /** Whether its connections are opened once, at the beginning, and all of them before anything is measured. */
  readonly hasRamp: boolean = true;
  #opened = 0;
  readonly #startUs: number;
  #bytesAtStart: Float64Array = new Float64Array(0);
  /** When the measured time began and ended here. */
  protected measuredFromUs = 0;
  protected measuredToUs = 0;
  #bytesPerS: Float32Array<ArrayBuffer> = new Float32Array(0);

  constructor(context: LoadContext) {
    this.context = context;
    this.#startUs = context.host.engine.nowUs();
  }

  /** Heartbeats of each connection, a second. */
  get heartbeatsPerS(): number {
    return 1_000 / LOADTEST_HEARTBEAT_MS;
  }

  /**
   * Opens one more connection, if its time has come.
   *
   * @returns When the next one is due: `nowUs` or before when it is late, infinite when there is none.
   */
  openDue(nowUs: number): number {
    if (this.#opened < this.sessions.length && this.#openUs(this.#opened) <= nowUs) {
      const session = this.sessions[this.#opened];
      session.open(endpointOf(this.context, session), this.#openUs(this.#opened));
      this.#opened++;
    }
    return this.#opened < this.sessions.length ? this.#openUs(this.#opened) : Infinity;
  }

  #openUs(index: number): number {
    const { plan, first } = this.context.task;
    return this.#startUs + plan.rampS * 1e6 * (first + index) / plan.connectionCount;
  }

  /** What is due when; in the order of importance. */
  protected abstract readonly pacers: readonly Pacer[];

  /**
   * Sends what is due.
   *
   * @param untilUs Now; or, when the measured time is over, its end: what was due in it is still sent.
   * @returns When something is due next; infinite when nothing is.
   */
  abstract sendDue(untilUs: number): number;

  /** What was due before a time and not sent. */
  unsentCount(beforeUs: number): number {
    return this.pacers.reduce((sum, pacer) => sum + pacer.countDue(beforeUs), 0);
  }

  /** What was sent and may still be answered. */
  abstract outstandingCount(nowUs: number): number;

  /** The measured time begins; what was late in the ramp, when thousands of connections were made, is let go. */
  startMeasuring(nowUs: number): void {
    for (const pacer of this.pacers) pacer.skipTo(nowUs);
    this.measuredFromUs = nowUs;
    this.#bytesAtStart = Float64Array.from(this.sessions, ({ bytesIn }) => bytesIn);
  }

  /** The measured time is over. */
  endMeasuring(nowUs: number): void {
    this.measuredToUs = nowUs;
    // From here on what is missing is waited for.
    for (const session of this.sessions) session.setLazy(false);
    this.#bytesPerS = Float32Array.from(this.sessions, ({ bytesIn, connection }, index) => {
      const bytes = bytesIn - (this.#bytesAtStart[index] ?? 0);
      return connection === null ? NaN : bytes / this.measuredS;
    });
  }

  /** Length of the measured time, in seconds. */
  protected get measuredS(): number {
    return Math.max(1e-3, (this.measuredToUs - this.measuredFromUs) / 1e6);
  }

  /** Begins to close everything. */
  leave(): void {
    for (const session of this.sessions) session.close();
  }

  /** The account. */
  abstract report(): Pick<WorkerReport, "ledgers" | "details">;

  /** What each client got; NaN: it was not there. */
  clientStats(): ClientStats {
    const none = new Float32Array(0);
    return {
      bytesPerS: this.#bytesPerS,
      waitMsMean: Float32Array.from(this.sessions, ({ waits }) => waits.meanMs),
      waitMsMax: Float32Array.from(this.sessions, ({ waits }) => waits.maxMs),
      snapshotsPerS: none,
      visible: none,
      movementMsP95: none,
    };
  }
}
