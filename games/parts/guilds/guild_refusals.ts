/**
 * What players are told whose request the storage refused.
 *
 * @module
 */

import { Refused } from "../../../server/game/game.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import type { GuildRefusal, Refused as RefusedByStore } from "./guild_store.ts";

/** What the one who asked is told. */
const REFUSALS: Readonly<Record<GuildRefusal, { readonly code: ErrorCode; readonly message: string }>> = {
  in_guild: { code: ErrorCode.ALREADY_EXISTS, message: "You are in a guild already" },
  name_taken: { code: ErrorCode.NAME_TAKEN, message: "The name or the tag is in use" },
  not_in_guild: { code: ErrorCode.NOT_FOUND, message: "You are not in a guild" },
  no_right: { code: ErrorCode.PERMISSION_DENIED, message: "Your rank does not allow this" },
  unknown_player: { code: ErrorCode.NOT_FOUND, message: "No such player" },
  unknown_member: { code: ErrorCode.NOT_FOUND, message: "Your guild has no such member" },
  target_in_guild: { code: ErrorCode.ALREADY_EXISTS, message: "The player is in a guild already" },
  invited_already: { code: ErrorCode.ALREADY_EXISTS, message: "The player is invited already" },
  none_to_withdraw: { code: ErrorCode.NOT_FOUND, message: "Your guild has not invited this player" },
  not_invited: { code: ErrorCode.NOT_FOUND, message: "This guild has not invited you" },
  guild_full: { code: ErrorCode.SERVER_FULL, message: "The guild is full" },
  invites_full: { code: ErrorCode.OUT_OF_RANGE, message: "Too many invitations are still open" },
  own_rank: { code: ErrorCode.TARGET_INVALID, message: "A leader gives the leadership to another first" },
  unknown_guild: { code: ErrorCode.NOT_FOUND, message: "No such guild" },
  own_guild: { code: ErrorCode.TARGET_INVALID, message: "A guild cannot be at war with itself" },
  at_war: { code: ErrorCode.ALREADY_EXISTS, message: "The guilds are at war already" },
  at_peace: { code: ErrorCode.RATE_LIMITED, message: "After a war, peace lasts as long as the war did" },
  wars_spent: { code: ErrorCode.RATE_LIMITED, message: "Too many wars are declared within a day" },
  wars_full: { code: ErrorCode.OUT_OF_RANGE, message: "One of the guilds has too many wars" },
};

/** Whether an answer of the storage is a refusal. */
export function isRefused(answer: { readonly kind: string }): answer is RefusedByStore {
  return answer.kind === "refused";
}

/** What the one who asked is told. */
export function refusalOf(reason: GuildRefusal): Refused {
  return new Refused(REFUSALS[reason].code, REFUSALS[reason].message);
}
