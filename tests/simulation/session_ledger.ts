/** What one session has numbered in both directions, written down by the judge. @module */

import type { ClientSession } from "../../client/client_session.ts";
import type { Outbox } from "../../server/session/outbox.ts";
import type { Session } from "../../server/session/session.ts";

/** A numbered packet, as it is carried. */
export interface NumberedPacket {
  readonly type: number;
  readonly payload: Uint8Array;
  /** It went to many. */
  readonly isForMany?: boolean;
}

/** One session, from its entry into the world on, over all its connections. */
export class SessionLedger {
  /** What the server numbered: number 1 comes first. */
  readonly sent: NumberedPacket[] = [];
  /** The highest of these that the client has applied. */
  received = 0;
  /** The server said that some are gone: the next number may skip. */
  maySkip = false;
  /** The first number behind packets that were given up from between others, until the client is told of a gap. */
  closedUpAt = Infinity;
  /** What the client numbered. */
  readonly clientSent: NumberedPacket[] = [];
  /** The highest of these that the server has applied. */
  applied = 0;
  /** How often it has gone on with another server. */
  moves = 0;
  /** It has gone on with another server as its own was silent: what that one had in memory is gone. */
  isAdopted = false;
  /** Its client has asked to leave the world or to log out. */
  isLeaving = false;
  /** The server that applied them is dead: the one that has the session now takes whatever comes first. */
  mayAdopt = false;
  /** The client's end, once it has numbered anything. */
  clientSession: ClientSession | null = null;
  /** How many packets of either side there were when it was first looked at in the quiet: these must get there. */
  due: { readonly sent: number; readonly clientSent: number } | null = null;
  /** Its resume tokens, oldest first. */
  readonly tokens: string[] = [];
  /** Chat messages that the server has sent to this session. */
  readonly heard = new Set<string>();
  /** Chat messages that made way for newer before they could be sent to it. */
  readonly crowdedOut = new Set<string>();

  /** @param life Counts lives of logic. */
  constructor(
    public session: Session,
    public outbox: Outbox,
    readonly playerId: number,
    public life: number,
  ) {}

  /** The session goes on with another server, whose numbers follow on what the client says it has received. */
  moveTo(session: Session, outbox: Outbox, life: number): void {
    Object.assign(this, { session, outbox, life });
    this.moves++;
    this.sent.length = outbox.lastSequence;
    this.mayAdopt = session.adoptsSequence;
    this.isAdopted ||= session.adoptsSequence;
  }

  /**
   * Whether the server believes that the client has heard a packet by this number, which may be wrong: it was sent, and the
   * client acknowledges nothing, or has left in order.
   */
  believesHeard(sequence: number): boolean {
    return sequence <= this.outbox.sentSequence && (this.isLeaving || !this.outbox.isAcknowledged);
  }

  /** Whether the server still keeps this session. */
  get isLive(): boolean {
    return !this.session.ended && this.session.outbox === this.outbox;
  }
}

/** Whether two packets are the same, byte for byte. */
export function isSamePacket(packet: NumberedPacket, type: number, payload: Uint8Array): boolean {
  if (packet.type !== type || packet.payload.length !== payload.length) return false;
  for (let index = 0; index < payload.length; index++) if (packet.payload[index] !== payload[index]) return false;
  return true;
}
