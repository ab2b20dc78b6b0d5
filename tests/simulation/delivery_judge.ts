/**
 * Judges reliable delivery: in both directions every numbered packet is applied once, in order, as it was sent, over all
 * connections of its session.
 *
 * @module
 */

import type { ClientSession } from "../../client/client_session.ts";
import type { OutgoingPacket } from "../../client/outgoing.ts";
import type { Outbox, OutboxPacket } from "../../server/session/outbox.ts";
import type { Session } from "../../server/session/session.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { OUTBOX_BYTES_MAX, OUTBOX_PACKETS_MAX } from "../../shared/limits.ts";
import { isSamePacket, SessionLedger } from "./session_ledger.ts";
import type { Verdict } from "./verdict.ts";

/** Keeps the ledgers. */
export class DeliveryJudge {
  readonly #verdict: Verdict;
  readonly #byOutbox = new Map<Outbox, SessionLedger>();
  /** Every token that was ever given out. */
  readonly #byToken = new Map<string, SessionLedger>();

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** The ledger of a session in the world. */
  of(session: Session): SessionLedger | undefined {
    return session.outbox === null ? undefined : this.#byOutbox.get(session.outbox);
  }

  ofOutbox(outbox: Outbox): SessionLedger | undefined {
    return this.#byOutbox.get(outbox);
  }

  ofToken(token: string): SessionLedger | undefined {
    return this.#byToken.get(token);
  }

  /** Tokens that nobody may resume by any more: the newest two of a live session may be good. */
  spentTokens(): string[] {
    return [...this.#byOutbox.values()].flatMap(({ tokens, isLive }) => isLive ? tokens.slice(0, -2) : tokens);
  }

  // The server

  onToken(session: Session, life: number): void {
    const outbox = session.outbox!;
    let ledger = this.#byOutbox.get(outbox);
    const before = this.#byToken.get(session.resumeToken);
    if (ledger === undefined && before !== undefined) {
      // Its client has brought it here. What its server still does with what it has is nobody's.
      const lostCount = before.sent.length - outbox.lastSequence;
      const isRight = session.adoptsSequence || lostCount <= 0;
      this.#verdict.expect(isRight, "delivery", `The server has not handed over its last ${lostCount} packets`);
      this.#byOutbox.delete(before.outbox);
      before.moveTo(session, outbox, life);
      this.#byOutbox.set(outbox, before);
      return;
    }
    // Among other nodes one that cannot reach the database leaves a session the token by which they know it.
    const isNew = before === undefined || session.owner !== null;
    this.#verdict.expect(isNew, "resume", "A session was given a resume token that it had before");
    if (ledger === undefined) {
      ledger = new SessionLedger(session, outbox, session.player!.playerId, life);
      this.#byOutbox.set(outbox, ledger);
    }
    ledger.tokens.push(session.resumeToken);
    this.#byToken.set(session.resumeToken, ledger);
  }

  onNumbered(outbox: Outbox, { type, payload, isForMany }: OutboxPacket): SessionLedger | undefined {
    const ledger = this.#byOutbox.get(outbox);
    if (ledger === undefined) return undefined;
    ledger.sent.push({ type, payload, isForMany });
    while (ledger.sent.length > outbox.lastSequence && outbox.hasGap) this.#closeUp(ledger, outbox);
    this.#verdict.expect(
      ledger.sent.length === outbox.lastSequence,
      "delivery",
      `The server numbered packet ${ledger.sent.length} as ${outbox.lastSequence}`,
    );
    return ledger;
  }

  /** What no connection was given makes way where it went to many, and what is behind it moves up. */
  #closeUp(ledger: SessionLedger, outbox: Outbox): void {
    const { sent } = ledger;
    let index = Math.max(outbox.sentSequence, outbox.firstSequence - 1);
    while (sent[index].payload === outbox.get(index + 1)?.payload) index++;
    const [{ type, isForMany }] = sent.splice(index, 1);
    ledger.closedUpAt = Math.min(ledger.closedUpAt, index + 1);
    this.#verdict.expect(isForMany === true, "delivery", `${PacketType[type]} for one made way to others`);
  }

  /** The server handles a packet. */
  onApplied(session: Session, type: number, sequence: number, payload: Uint8Array): void {
    const ledger = this.#take(session, sequence);
    if (ledger === undefined) return;
    ledger.isLeaving ||= type === PacketType.LEAVE_WORLD_REQUEST || type === PacketType.LOGOUT_REQUEST;
    const sent = ledger.clientSent[sequence - 1];
    const isSame = sent !== undefined && isSamePacket(sent, type, payload);
    this.#verdict.expect(isSame, "delivery", `The server applied packet ${sequence}, which is not the one sent`);
  }

  /** The server refuses a packet without a look: its number counts. */
  onShed(session: Session, sequence: number): void {
    this.#take(session, sequence);
  }

  #take(session: Session, sequence: number): SessionLedger | undefined {
    const ledger = this.of(session);
    if (sequence === 0 || ledger === undefined) return undefined;
    if (sequence !== ledger.applied + 1 && !ledger.mayAdopt) {
      this.#verdict.fail("delivery", `The server applied packet ${sequence} of a client after ${ledger.applied}`);
    }
    ledger.mayAdopt = false;
    ledger.applied = sequence;
    return ledger;
  }

  // The client

  onClientNumbered(clientSession: ClientSession, { row, payload, sequence }: OutgoingPacket): void {
    const ledger = this.#byToken.get(clientSession.resumeToken);
    if (ledger === undefined) return this.#verdict.fail("delivery", "A client has a token that was never given out");
    ledger.clientSession = clientSession;
    ledger.clientSent.push({ type: row.type, payload });
    this.#verdict.expect(
      ledger.clientSent.length === sequence,
      "delivery",
      `A client numbered packet ${ledger.clientSent.length} as ${sequence}`,
    );
  }

  /** A client learned its session. */
  onClientEntered(token: string, sequence: number): SessionLedger | null {
    const ledger = this.#byToken.get(token);
    if (ledger === undefined) {
      this.#verdict.fail("delivery", "A client entered with a token that was never given out");
      return null;
    }
    this.#verdict.expect(sequence === 1 && ledger.received === 0, "delivery", `A session began with ${sequence}`);
    ledger.received = 1;
    return ledger;
  }

  /** A client took its session up again. */
  onClientResumed(ledger: SessionLedger, token: string, hasGap: boolean): void {
    this.#verdict.expect(this.#byToken.get(token) === ledger, "resume", "A client resumed the session of another");
    if (!hasGap) return;
    ledger.maySkip = true;
    ledger.closedUpAt = Infinity;
    // The server forgets only when it must: of what a dead one had, all is gone.
    if (ledger.session.adoptsSequence) return;
    const missed = ledger.sent.slice(ledger.received);
    const missedBytes = missed.reduce((bytes, { payload }) => bytes + payload.length + 64, 0);
    const isRight = ledger.outbox.hasGap || missed.length > OUTBOX_PACKETS_MAX || missedBytes > OUTBOX_BYTES_MAX;
    this.#verdict.expect(
      isRight,
      "delivery",
      `The server forgot some of ${missed.length} packets, ${missedBytes} bytes`,
    );
  }

  /** A client applies a packet. */
  onClientApplied(ledger: SessionLedger, type: number, sequence: number, payload: Uint8Array): void {
    if (sequence !== ledger.received + 1 && !(ledger.maySkip && sequence > ledger.received)) {
      const name = PacketType[type];
      this.#verdict.fail("delivery", `A client applied ${name} with number ${sequence} after ${ledger.received}`);
    }
    if (sequence >= ledger.closedUpAt) {
      this.#verdict.fail(
        "delivery",
        `A client applied packet ${sequence} and was not told that some are missing before it`,
      );
    }
    ledger.maySkip = false;
    ledger.received = sequence;
    const sent = ledger.sent[sequence - 1];
    const isSame = sent !== undefined && isSamePacket(sent, type, payload);
    this.#verdict.expect(isSame, "delivery", `A client applied packet ${sequence}, which is not the one sent`);
  }

  /** It is quiet from now on: what there is must get there. */
  beginQuiet(): void {
    for (const ledger of this.#byOutbox.values()) ledger.due = null;
  }

  /**
   * What is still under way in a session whose client is connected, of what there was when it was first asked for in the
   * quiet; null: nothing. Monsters go on, and tell of their blows, so that something newer is always under way.
   */
  unsettled(ledger: SessionLedger): string | null {
    if (!ledger.isLive) return "the client holds a session that is over";
    const { received, applied, outbox, clientSession } = ledger;
    const { sent, clientSent } = ledger.due ??= { sent: ledger.sent.length, clientSent: ledger.clientSent.length };
    if (received < sent) return `the client has ${received} of ${sent} packets`;
    if (applied < clientSent) return `the server has ${applied} of ${clientSent} packets`;
    if (outbox.firstSequence <= sent) return `packet ${outbox.firstSequence} of the server is not acknowledged`;
    const waiting = clientSession?.outbox[0]?.sequence ?? Infinity;
    return waiting <= clientSent ? `packet ${waiting} of the client is not acknowledged` : null;
  }
}
