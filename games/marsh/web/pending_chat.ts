/**
 * What was said and not answered yet, so that a refusal can name whom it was for.
 *
 * @module
 */

import { Channel } from "../../parts/chat/chat_pb.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";

/** One line on its way. */
export interface PendingLine {
  readonly channel: Channel;
  readonly message: string;
  /** Recipient of a whisper; else empty. */
  readonly recipientName: string;
}

/** Lines kept; a server that does not answer is not waited for any longer. */
export const PENDING_LINES_MAX = 32;

/** Channels that lead to somebody in particular, and the codes that can only be about them. */
const ADDRESSED: ReadonlySet<Channel> = new Set([Channel.WHISPER, Channel.GUILD, Channel.ROOM]);
const ADDRESSED_CODES: ReadonlySet<ErrorCode> = new Set([ErrorCode.NOT_FOUND, ErrorCode.PERMISSION_DENIED]);

/** Lines on their way, oldest first. Every line is answered: by itself when it is said, or by a refusal. */
export class PendingChat {
  #lines: PendingLine[] = [];

  /** A line was sent. */
  add(line: PendingLine): void {
    this.#lines.push(line);
    if (this.#lines.length > PENDING_LINES_MAX) this.#lines.shift();
  }

  /** A line of our own came back. */
  answered(channel: Channel, message: string): void {
    this.#take((line) => line.channel === channel && line.message === message);
  }

  /**
   * A line was refused: the oldest that the code can be about.
   *
   * @returns `undefined` when none is known.
   */
  refused(code: ErrorCode): PendingLine | undefined {
    return this.#take(({ channel }) => !ADDRESSED_CODES.has(code) || ADDRESSED.has(channel));
  }

  /** The session is over; what was not answered will not be. */
  clear(): void {
    this.#lines = [];
  }

  #take(matches: (line: PendingLine) => boolean): PendingLine | undefined {
    const index = this.#lines.findIndex(matches);
    return index < 0 ? undefined : this.#lines.splice(index, 1)[0];
  }
}
