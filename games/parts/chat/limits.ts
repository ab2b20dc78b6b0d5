/** Bounds, with unit and reason, as in shared/limits.ts. @module */

import { assert } from "../../../shared/errors.ts";
import { OUTBOX_PACKETS_MAX, PLAYER_NAME_LENGTH_MAX, SEND_QUEUE_SOFT_BYTES } from "../../../shared/limits.ts";

// Chat, and what else of one player appears at others

/**
 * * Copies of what players say that are delivered each second, to all hearers together: half of what two io workers
 * write, so that everything else has its share.
 */
export const FAN_OUT_COPIES_PER_SECOND = 100_000;
/**
 * Messages delivered each second to one audience (everybody, a room, a guild, a place, one player): more than anybody
 * can read, and a fifth of an outbox, so that a client that acknowledges every second or two keeps up.
 */
export const AUDIENCE_MESSAGES_PER_SECOND = 200;
/** How much may be delivered ahead of these rates, in milliseconds: a burst of half a send queue's soft cap. */
export const FAN_OUT_BURST_MS = 500;
/** Longest time that something said waits until it is delivered, in milliseconds; beyond it, its sender is refused. */
export const FAN_OUT_DELAY_MS_MAX = 2_000;
/** The part of that time reserved for senders with nothing waiting yet, in milliseconds. */
export const FAN_OUT_RESERVE_MS = 500;
/** How often waiting messages are delivered, in milliseconds: messages that come together are written together. */
export const FAN_OUT_INTERVAL_MS = 25;
/** Bytes of a chat message in UTF-8. */
export const CHAT_BYTES_MAX = 255;
/** Chat messages that wait for a player whose ignore list is being read: the newest; whispers before them are kept. */
export const CHAT_HELD_MESSAGES_MAX = 256;
/** Messages a player may say at once. */
export const CHAT_BURST = 100;
/** Messages a player may say in the long run, in messages/s. */
export const CHAT_PER_SECOND = 10;
/** How often one text may be said within {@linkcode CHAT_REPEAT_WINDOW_MS}. */
export const CHAT_REPEATS_MAX = 10;
/** How long a repetition is remembered, in milliseconds. */
export const CHAT_REPEAT_WINDOW_MS = 10_000;
/** Texts of one player that are watched for repetition; the token bucket stops more than this many at once. */
export const CHAT_TEXTS_WATCHED = 32;
/** Refused messages, one forgiven each second, until a player is muted. */
export const CHAT_STRIKES_MAX = 10;
/** First automatic mute, in milliseconds; each further one is twice as long. */
export const CHAT_MUTE_MS = 30_000;
/** Longest automatic mute, in milliseconds. */
export const CHAT_MUTE_MS_MAX = 3_600_000;
/** How long a player must not be muted until its next automatic mute is half as long, in milliseconds. */
export const CHAT_MUTE_FORGIVEN_MS = 600_000;
/** Players whose chat is tracked while anything still counts; the one silent for longest is dropped first. */
export const CHAT_SPEAKERS_MAX = 16_384;
/** Requests, invitations, arrivals in rooms and declarations that one player may cause at once. */
export const NOTICES_BURST = 40;
/** How soon one of them comes back, in milliseconds. */
export const NOTICES_INTERVAL_MS = 2_000;
/** The same to one player, or in one room, at once. */
export const NOTICES_TO_ONE_BURST = 5;
/** How soon one of them comes back, in milliseconds: a player who is asked again and again is told twice a minute. */
export const NOTICES_TO_ONE_INTERVAL_MS = 30_000;
/** Budgets that are remembered, of players and likewise of pairs; the least recently used has refilled most. */
export const NOTICE_BUDGETS_MAX = 16_384;

assert(
  2 * AUDIENCE_MESSAGES_PER_SECOND * (1_000 + FAN_OUT_BURST_MS) <= 1_000 * OUTBOX_PACKETS_MAX,
  "A client that acknowledges every second must be able to hear two audiences at their full pace",
);
assert(
  AUDIENCE_MESSAGES_PER_SECOND * (FAN_OUT_BURST_MS / 1_000) * (CHAT_BYTES_MAX + PLAYER_NAME_LENGTH_MAX + 64) <=
    SEND_QUEUE_SOFT_BYTES,
  "What an audience hears at once must not congest its connections",
);
