/** Bots of load tests that queue for matches. @module */

import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import type { LoadBot } from "../../../client/load_bot.ts";
import {
  type QueueJoinRequest,
  QueueJoinRequestSchema,
  type QueueLeaveRequest,
  QueueLeaveRequestSchema,
  type QueueResponse,
} from "./matchmaking_pb.ts";

/** What is needed of a bot, whatever its game. */
export interface QueueBot extends Pick<LoadBot<object>, "check" | "signal" | "time" | "until"> {
  /** Its connection to the server. */
  readonly client: {
    /** Queues, and stands in line no more. */
    request(
      schema: GenMessage<QueueJoinRequest> | GenMessage<QueueLeaveRequest>,
      message: Record<string, never>,
    ): Promise<Pick<QueueResponse, "success">>;
  };
}

/**
 * Has a bot stand in line until its match begins. `queue` in the account of the run is the answer to joining.
 *
 * @param hasBegun Whether the match that it stands in line for has begun.
 * @returns `false` when it does not play: it may not stand in line, or the measured time was over before, and it has left.
 */
export async function queueForMatch(bot: QueueBot, hasBegun: () => boolean): Promise<boolean> {
  const { check, client, signal, time, until } = bot;
  const { success } = await time("queue", client.request(QueueJoinRequestSchema, {}));
  check("queue", success);
  if (!success) return false;
  await until(() => signal.aborted || hasBegun());
  if (hasBegun()) return true;
  // Refused where the match begins at this moment: then its start has been told before.
  await client.request(QueueLeaveRequestSchema, {});
  return hasBegun();
}
