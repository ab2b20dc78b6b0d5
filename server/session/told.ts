/**
 * What a client is told beside a code: a text in English, and where clients may want to say it in another language, what
 * the text is made of.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { Cause, type Explanation, ExplanationSchema } from "../../shared/gen/common_pb.ts";
import { durationText } from "../moderation/duration.ts";

/** A text, or what it is made of. */
export type Told = string | Explanation;

const NOTHING = new Uint8Array(0);

/** Makes an explanation. */
export function explain(
  cause: Cause,
  more: Partial<Pick<Explanation, "reason" | "remainingMs" | "deletesAt">> = {},
): Explanation {
  return create(ExplanationSchema, { cause, ...more });
}

/** The text for players: `You are banned for another 2 h: spam`. */
export function textOf(told: Told): string {
  if (typeof told === "string") return told;
  const { cause, remainingMs } = told;
  const reason = cause === Cause.CHAT_FLOOD ? "too many messages" : told.reason;
  const timeWord = cause === Cause.MAINTENANCE_PLANNED ? "in" : "for another";
  const time = remainingMs === 0n ? "" : ` ${timeWord} ${durationText(Number(remainingMs))}`;
  return `${headOf(told)}${time}${reason === "" ? "" : `: ${reason}`}`;
}

/** The bytes of an explanation; none where there is only a text. */
export function explanationOf(told: Told): Uint8Array {
  return typeof told === "string" ? NOTHING : toBinary(ExplanationSchema, told);
}

function headOf({ cause, deletesAt }: Explanation): string {
  switch (cause) {
    case Cause.BANNED:
      return "You are banned";
    case Cause.MUTED:
    case Cause.CHAT_FLOOD:
      return "You are muted";
    case Cause.KICKED:
      return "You were kicked";
    case Cause.MAINTENANCE:
      return "The server is under maintenance";
    case Cause.MAINTENANCE_PLANNED:
      return "Maintenance begins";
    case Cause.PASSWORD_CHANGED:
      return "The password was changed";
    case Cause.LOGGED_OUT_EVERYWHERE:
      return "You were logged out from another session";
    case Cause.PASSWORD_RESET:
      return "The password was reset";
    case Cause.TOKENS_REVOKED:
      return "Log in again, please";
    case Cause.ACCOUNT_DELETED:
      return "The account is deleted";
    case Cause.ACCOUNT_DELETION: {
      const date = new Date(Number(deletesAt)).toISOString().slice(0, 10);
      return `The account will be deleted on ${date} unless you log in before then`;
    }
    case Cause.UNSPECIFIED:
      return "";
  }
}
