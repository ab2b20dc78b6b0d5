/**
 * What went wrong, in words for a player.
 *
 * @module
 */

import { DisconnectReason } from "../../../shared/gen/auth_pb.ts";
import { Channel } from "../../parts/chat/chat_pb.ts";
import { Cause, ErrorCode, type Explanation } from "../../../shared/gen/common_pb.ts";
import { TEXTS } from "./language.ts";

/** Why a request was refused. Codes of later versions get a general text. */
export function errorText(code: ErrorCode): string {
  return TEXTS.errors[code] ?? TEXTS.errors[ErrorCode.NONE];
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
  if (code === ErrorCode.RATE_LIMITED) return TEXTS.chat.tooFast;
  if (code === ErrorCode.NOT_FOUND || code === ErrorCode.PERMISSION_DENIED) {
    if (line?.channel === Channel.WHISPER) return TEXTS.chat.nobodyCalled(line.recipientName);
    if (line?.channel === Channel.GUILD) return TEXTS.chat.noGuild;
    if (line?.channel === Channel.PARTY) return TEXTS.chat.noParty;
    if (line?.channel === Channel.ROOM) return TEXTS.chat.noRoom;
  }
  return errorText(code);
}

/** Why a blow was refused, in few words: they are read in the middle of a fight. */
export function combatErrorText(code: ErrorCode): string {
  switch (code) {
    case ErrorCode.OUT_OF_RANGE:
      return TEXTS.combat.tooFar;
    case ErrorCode.ON_COOLDOWN:
      return TEXTS.combat.notReady;
    case ErrorCode.TARGET_INVALID:
      return TEXTS.combat.noTarget;
    case ErrorCode.INVALID_STATE:
      return TEXTS.combat.notNow;
    default:
      return errorText(code);
  }
}

/** Why the server closed the connection. */
export function disconnectText(reason: DisconnectReason): string {
  return TEXTS.disconnects[reason] ?? TEXTS.disconnects[DisconnectReason.UNSPECIFIED];
}

/** A decision of a moderator, of the operator or of the player elsewhere; a text of our own where nothing is told of it. */
export function explainedOr(explanation: Explanation | undefined, fallback: string): string {
  if (explanation === undefined) return fallback;
  const { cause, reason, remainingMs, deletesAt } = explanation;
  const { head, parts } = TEXTS.explained;
  const begin = cause === Cause.ACCOUNT_DELETION ? TEXTS.explained.deletion(Number(deletesAt)) : head[cause];
  // A later version may have causes that this one does not know.
  if (begin === undefined) return fallback;
  return parts(begin, remainingMs === 0n ? "" : TEXTS.duration(Number(remainingMs)), reason, cause);
}
