/**
 * Requests of the page's panels: what came of one, as a text for the player where it was nothing.
 *
 * @module
 */

import { RequestError } from "../../../client/browser.ts";
import { ErrorCode } from "../../../shared/gen/common_pb.ts";
import { errorText } from "./error_text.ts";

/** What every response says. */
export interface Answer {
  readonly success: boolean;
  readonly errorCode: ErrorCode;
}

/** A response, or why there is none. */
export type Outcome<R> =
  | { readonly response: R; readonly code: ErrorCode.NONE; readonly text: "" }
  | { readonly response: null; readonly code: ErrorCode; readonly text: string };

/** Texts for codes that mean something particular to one request. */
export type CodeTexts = Readonly<Partial<Record<ErrorCode, string>>>;

/** Why a request was refused, in the words for it where there are any. */
export function refusalText(code: ErrorCode, texts: CodeTexts): string {
  return texts[code] ?? errorText(code);
}

/** Awaits a request; never rejects. A response without `success` is one that says yes. */
export async function outcomeOf<R extends object>(
  request: Promise<R>,
  texts: CodeTexts,
): Promise<Outcome<R>> {
  let code: ErrorCode;
  try {
    const response = await request;
    const { success = true, errorCode = ErrorCode.NONE } = response as Partial<Answer>;
    if (success) return { response, code: ErrorCode.NONE, text: "" };
    code = errorCode;
  } catch (error) {
    code = error instanceof RequestError ? error.code : ErrorCode.INTERNAL;
  }
  return { response: null, code, text: refusalText(code, texts) };
}
