/**
 * What a client tells its application beside packets.
 *
 * @module
 */

import { plainText } from "./plain_text.ts";
import type { DisconnectNotice } from "../shared/gen/auth_pb.ts";
import type { ErrorCode } from "../shared/gen/common_pb.ts";

/** What a client is doing. `connected`: ready to use, a session that could be resumed has been. */
export type ClientState = "idle" | "connecting" | "connected" | "reconnecting" | "closed";

/** Why the state changed. */
export interface StateChange {
  /** In words; empty when there is nothing to say. */
  readonly reason: string;
  /** What the server said before it closed the connection; else `null`. */
  readonly notice: DisconnectNotice | null;
  /** When `reconnecting`: how long the client waits before the next attempt, in milliseconds; else `null`. */
  readonly retryInMs: number | null;
}

/** A session that could not be resumed. */
export interface SessionLoss {
  /** The server's reason. */
  readonly code: ErrorCode;
  /** Messages sent and never acknowledged: whether the server applied them is not known, they are not sent again. */
  readonly unacknowledgedCount: number;
  /** Whether the client now enters the world anew by itself. */
  readonly isReentering: boolean;
}

/** The events, and the arguments of their handlers. */
export interface ClientEvents {
  /** The state changed. */
  state: [state: ClientState, change: StateChange];
  /**
   * The server has left a heartbeat without an answer for a second (`false`), or is heard of again (`true`). The
   * connection is kept, and so is the state: everything goes on when the server answers.
   */
  answering: [isAnswering: boolean];
  /** The session was resumed, but some packets of the server are gone; a full snapshot follows. */
  gap: [];
  /** The session is over: what was known of the world is void. Comes again if entering anew is refused, too. */
  sessionLost: [loss: SessionLoss];
}

/** A change with nothing but its reason, in which a server may have a word. */
export function changeFor(reason: string, notice: DisconnectNotice | null = null): StateChange {
  return { reason: plainText(reason), notice, retryInMs: null };
}
