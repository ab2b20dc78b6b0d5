/**
 * What was said and not answered yet, so that a refusal can name whom it was for.
 *
 * @module
 */

import { Channel } from "../../shared/gen/chat_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";

/** One line on its way. */
export interface PendingLine {
  readonly channel: Channel;
  readonly message: string;
  /** Whom a whisper is for; else empty. */
  readonly recipientName: string;
}

/** Lines kept; a server that does not answer is not waited for any longer. */
export const PENDING_LINES_MAX = 32;

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
    return this.#take((line) => code !== ErrorCode.NOT_FOUND || line.channel === Channel.WHISPER);
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
