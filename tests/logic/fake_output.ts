/** The way to an io worker that takes only so much. @module */

import { contract } from "../../games/marsh/contract.ts";
import { recordingFaults } from "../support/recording_logger.ts";
import type { IoOutput, Link } from "../../server/session/link.ts";
import { SessionManager } from "../../server/session/session_manager.ts";
import { textOf, type Told } from "../../server/session/told.ts";
import type { OpenInfo } from "../../server/ring/records.ts";
import type { DisconnectReason } from "../../shared/gen/auth_pb.ts";

/** One packet that was sent. */
export interface FakeSent {
  readonly link: Link;
  readonly type: number;
  readonly sequence: number;
  readonly ack: number;
  readonly isCompressed: boolean;
  readonly payload: Uint8Array;
}

/** Keeps what it is told to send. */
export class FakeOutput implements IoOutput {
  sent: FakeSent[] = [];
  closed: { readonly link: Link; readonly reason: DisconnectReason; readonly message: string }[] = [];
  acks: number[] = [];
  publishCount = 0;
  broadcastCount = 0;
  /** Records that there is room for. */
  room = Infinity;
  onBroadcastFull: (link: Link, sequence: number) => void = () => {};
  #recipients: { readonly link: Link; readonly sequence: number }[] = [];

  trySend(
    link: Link,
    type: number,
    sequence: number,
    ack: number,
    isCompressed: boolean,
    payload: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (this.room <= 0) return false;
    this.room--;
    this.sent.push({ link, type, sequence, ack, isCompressed, payload: payload.slice(start, end) });
    return true;
  }

  send(link: Link, type: number, payload: Uint8Array): void {
    this.sent.push({ link, type, sequence: 0, ack: 0, isCompressed: false, payload: payload.slice() });
  }

  tryAck(_link: Link, ack: number): boolean {
    if (this.room <= 0) return false;
    this.acks.push(ack);
    return true;
  }

  addRecipient(link: Link, sequence: number): void {
    this.#recipients.push({ link, sequence });
  }

  flushBroadcast(type: number, isCompressed: boolean, payload: Uint8Array): void {
    const recipients = this.#recipients;
    this.#recipients = [];
    if (recipients.length === 0) return;
    this.broadcastCount++;
    for (const { link, sequence } of recipients) {
      if (this.room <= 0) this.onBroadcastFull(link, sequence);
      else this.sent.push({ link, type, sequence, ack: 0, isCompressed, payload: payload.slice() });
    }
    if (this.room > 0) this.room--;
  }

  close(link: Link, reason: DisconnectReason, told: Told): void {
    if (link.closed) return;
    link.closed = true;
    this.closed.push({ link, reason, message: textOf(told) });
  }

  tryCallRoll(): boolean {
    return this.room > 0;
  }

  hasRoomFor(): boolean {
    return this.room > 0;
  }

  publish(): void {
    this.publishCount++;
  }

  /** What was sent since this was asked last. */
  takeSent(): FakeSent[] {
    const { sent } = this;
    this.sent = [];
    return sent;
  }
}

/** Where a connection came in, unless the test says otherwise. */
export const OPEN_INFO: OpenInfo = {
  transport: "tcp",
  port: "game",
  address: "192.0.2.7",
  localAddress: "198.51.100.1",
};

/** A session manager with some io workers. */
export function openSessions(workerCount = 1): { sessions: SessionManager; outputs: FakeOutput[] } {
  const sessions = new SessionManager(contract, recordingFaults());
  const outputs = Array.from({ length: workerCount }, () => new FakeOutput());
  for (const [worker, output] of outputs.entries()) {
    output.onBroadcastFull = (link, sequence) => sessions.onBroadcastFull(link, sequence);
    sessions.setOutput(worker, output);
  }
  return { sessions, outputs };
}
