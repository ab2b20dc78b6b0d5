/**
 * When to send a heartbeat, what it says, when the server counts as silent and when as gone. No clock, no timer.
 *
 * Each interval begins with a probe, and so does each silence of the server. Its answer is followed at once by a second request that carries the server's
 * time-stamp back, so that the server measures the round trip and not our interval.
 *
 * @module
 */

import { CLIENT_ANSWER_MS, CLIENT_SILENCE_MS } from "../shared/limits.ts";

/** What to do now. `silent`: the server has left a probe without an answer for a while; told once. */
export type HeartbeatAction = "wait" | "beat" | "silent" | "dead";

/** The heartbeat of one client. */
export class Heartbeat {
  /** Round trip of the last answered probe, in milliseconds; `null` before. */
  rttMs: number | null = null;

  readonly #intervalMs: number;
  readonly #deadAfterMs: number;
  #nextProbeMs = 0;
  #receivedMs = 0;
  /** Probes sent since anything was received. */
  #silentProbes = 0;
  /** When the probe was sent that has no answer yet; -1: none. */
  #probeMs = -1;
  /** When the first of the silent probes was sent. */
  #askedMs = 0;
  #isSilent = false;

  /**
   * @param intervalMs Time between two probes, in milliseconds.
   * @param deadAfterMs The server counts as gone after this long a silence, in milliseconds.
   */
  constructor(intervalMs: number, deadAfterMs: number) {
    this.#intervalMs = intervalMs;
    this.#deadAfterMs = deadAfterMs;
  }

  /** Begins anew on a new connection; the first probe is due at once. */
  start(nowMs: number): void {
    this.#nextProbeMs = nowMs;
    this.#probeMs = -1;
    this.received(nowMs);
  }

  /**
   * Something was received.
   *
   * @returns Whether it ends a silence that was told of.
   */
  received(nowMs: number): boolean {
    const wasSilent = this.#isSilent;
    this.#receivedMs = nowMs;
    this.#silentProbes = 0;
    this.#isSilent = false;
    return wasSilent;
  }

  /**
   * Says what to do.
   *
   * Silence alone is not enough to give the server up: after a sleep of the machine all time has passed at once, and
   * the server was never asked. So two probes must have gone unanswered.
   */
  action(nowMs: number): HeartbeatAction {
    if (this.#silentProbes >= 2 && nowMs - this.#receivedMs >= this.#deadAfterMs) return "dead";
    if (nowMs >= Math.min(this.#nextProbeMs, this.#askMs)) return "beat";
    if (nowMs < this.#silentMs) return "wait";
    this.#isSilent = true;
    return "silent";
  }

  /** When a silence is to be asked about; never while it has been. */
  get #askMs(): number {
    return this.#silentProbes === 0 ? this.#receivedMs + CLIENT_SILENCE_MS : Infinity;
  }

  /** When the application is to be told of a silence. */
  get #silentMs(): number {
    return this.#silentProbes > 0 && !this.#isSilent ? this.#askedMs + CLIENT_ANSWER_MS : Infinity;
  }

  /** Time until {@linkcode Heartbeat.action} must be asked again, in milliseconds. */
  waitMs(nowMs: number): number {
    const deadMs = this.#silentProbes >= 2 ? this.#receivedMs + this.#deadAfterMs : Infinity;
    return Math.max(0, Math.min(this.#nextProbeMs, this.#askMs, this.#silentMs, deadMs) - nowMs);
  }

  /** A probe is sent; gives its `timestamp`. */
  probe(nowMs: number): bigint {
    this.#probeMs = nowMs;
    this.#nextProbeMs = nowMs + this.#intervalMs;
    if (this.#silentProbes++ === 0) this.#askedMs = nowMs;
    return BigInt(Math.floor(nowMs));
  }

  /**
   * Takes a HEARTBEAT_RESPONSE.
   *
   * @param clientTimestamp Its `client_timestamp`.
   * @returns Whether it answers the probe, and its `server_timestamp` is to be sent back at once.
   */
  answered(clientTimestamp: bigint, nowMs: number): boolean {
    if (this.#probeMs < 0 || clientTimestamp !== BigInt(Math.floor(this.#probeMs))) return false;
    this.rttMs = Math.max(0, nowMs - this.#probeMs);
    this.#probeMs = -1;
    return true;
  }
}
