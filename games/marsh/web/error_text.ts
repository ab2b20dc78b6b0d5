/**
 * What went wrong, in words for a player.
 *
 * @module
 */

import { DisconnectReason } from "../../../shared/gen/auth_pb.ts";
import { Channel } from "../../../shared/gen/chat_pb.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { PLAYER_NAME_LENGTH_MAX, PLAYER_NAME_LENGTH_MIN } from "../../../shared/limits.ts";

const ERROR_TEXTS: Readonly<Record<ErrorCode, string>> = {
  [ErrorCode.NONE]: "Something went wrong. Please try again.",
  [ErrorCode.INVALID_CREDENTIALS]: "Name and password don't match.",
  [ErrorCode.SERVER_FULL]: "The castle is full. Try again in a moment.",
  [ErrorCode.VERSION_MISMATCH]: "This page is out of date. Reload it.",
  [ErrorCode.BANNED]: "This account is banned.",
  [ErrorCode.MAINTENANCE]: "The castle is closed for maintenance. Try again later.",
  [ErrorCode.INTERNAL]: "Something broke on our side. Please try again.",
  [ErrorCode.TIMEOUT]: "The server took too long to answer. Please try again.",
  [ErrorCode.ALREADY_LOGGED_IN]: "This account is already playing somewhere else.",
  [ErrorCode.INVALID_PACKET]: "The server could not read that.",
  [ErrorCode.RATE_LIMITED]: "That was too fast. Wait a moment and try again.",
  [ErrorCode.NOT_AUTHENTICATED]: "You are not logged in any more.",
  [ErrorCode.INVALID_STATE]: "That can't be done right now.",
  [ErrorCode.INVALID_TOKEN]: "Your login is no longer valid. Please log in again.",
  [ErrorCode.TOKEN_EXPIRED]: "Your login has expired. Please log in again.",
  [ErrorCode.NAME_TAKEN]: "This name is taken, or looks like one that is. Choose another one.",
  [ErrorCode.NAME_INVALID]:
    `A name has ${PLAYER_NAME_LENGTH_MIN} to ${PLAYER_NAME_LENGTH_MAX} letters of one script, digits, "_" or "-".`,
  [ErrorCode.NOT_FOUND]: "There is nothing by that name.",
  [ErrorCode.PERMISSION_DENIED]: "You are not allowed to do that.",
  [ErrorCode.ALREADY_EXISTS]: "That exists already.",
  [ErrorCode.OUT_OF_RANGE]: "That is too far away.",
  [ErrorCode.ON_COOLDOWN]: "Not yet. Wait a moment.",
  [ErrorCode.TARGET_INVALID]: "That is no valid target.",
  [ErrorCode.MUTED]: "You are muted and cannot chat.",
  [ErrorCode.RESUME_EXPIRED]: "You were away for too long.",
  [ErrorCode.SHUTTING_DOWN]: "The server is shutting down.",
  [ErrorCode.UNSUPPORTED]: "The server does not offer that.",
  [ErrorCode.UNAVAILABLE]: "The castle's records can't be reached right now. Nothing was changed; try again.",
};

const DISCONNECT_TEXTS: Readonly<Record<DisconnectReason, string>> = {
  [DisconnectReason.UNSPECIFIED]: "The connection was closed.",
  [DisconnectReason.MALFORMED_FRAME]: "The connection was closed because of garbled data.",
  [DisconnectReason.MALFORMED_PACKET]: "The connection was closed because of garbled data.",
  [DisconnectReason.FLOOD]: "You were sending too much at once.",
  [DisconnectReason.IDLE]: "You were away for too long.",
  [DisconnectReason.SLOW_READER]: "Your connection could not keep up.",
  [DisconnectReason.LOGGED_IN_ELSEWHERE]: "You are playing in another window.",
  [DisconnectReason.KICKED]: "You were sent out of the castle.",
  [DisconnectReason.BANNED]: "This account is banned.",
  [DisconnectReason.SHUTDOWN]: "The server is shutting down.",
  [DisconnectReason.SERVER_FULL]: "The castle is full. Try again in a moment.",
  [DisconnectReason.HANDSHAKE_TIMEOUT]: "Entering took too long. Please try again.",
  [DisconnectReason.SERVER_ERROR]: "Something broke on our side. Please try again.",
  [DisconnectReason.PROTOCOL_VIOLATION]: "The server did not understand this page. Reload it.",
};

/** Why a request was refused. Codes of later versions get a general text. */
export function errorText(code: ErrorCode): string {
  return ERROR_TEXTS[code] ?? ERROR_TEXTS[ErrorCode.NONE];
}

/**
 * Why a line of chat was refused.
 *
 * @param line What is known of it; `undefined`: nothing.
 */
export function chatErrorText(
  code: ErrorCode,
  line?: { readonly channel: Channel; readonly recipientName: string },
): string {
  if (code === ErrorCode.RATE_LIMITED) return "You are writing too fast. Wait a moment.";
  if (code === ErrorCode.NOT_FOUND || code === ErrorCode.PERMISSION_DENIED) {
    if (line?.channel === Channel.WHISPER) return `There is nobody called ${line.recipientName}.`;
    if (line?.channel === Channel.GUILD) return "You are in no guild.";
    if (line?.channel === Channel.ROOM) return "You are not in that room any more.";
  }
  return errorText(code);
}

/** Why a blow was refused, in few words: they are read in the middle of a fight. */
export function combatErrorText(code: ErrorCode): string {
  switch (code) {
    case ErrorCode.OUT_OF_RANGE:
      return "Too far away.";
    case ErrorCode.ON_COOLDOWN:
      return "Not ready yet.";
    case ErrorCode.TARGET_INVALID:
      return "Nobody there to hit.";
    case ErrorCode.INVALID_STATE:
      return "You can't do that now.";
    default:
      return errorText(code);
  }
}

/** Why the server closed the connection. */
export function disconnectText(reason: DisconnectReason): string {
  return DISCONNECT_TEXTS[reason] ?? DISCONNECT_TEXTS[DisconnectReason.UNSPECIFIED];
}

/** What the server says, as a sentence; where it says nothing, a text of our own. */
export function sentenceOr(message: string, fallback: string): string {
  if (message === "") return fallback;
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
