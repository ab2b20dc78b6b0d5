/**
 * The part of the admin site that moderators use: JSON in, JSON out, and a line in the log for everything that was
 * asked. Who may ask is decided before.
 *
 * @module
 */

import { DependencyError } from "../../shared/errors.ts";
import { MODERATION_BODY_BYTES_MAX } from "../../shared/limits.ts";
import {
  isModerationAct,
  type ModerationOutcome,
  type ModerationRequest,
  parseModerationRequest,
} from "./moderation_request.ts";
import type { Logger } from "../ops/logging.ts";

/** What moderation needs. */
export interface ModerationOptions {
  /** Asks the running server to do it; may reject with `DependencyError`. */
  readonly run: (request: ModerationRequest) => Promise<ModerationOutcome>;
  /** Where it is written down. */
  readonly audit: Pick<Logger, "info">;
}

const STATUS: Readonly<Record<Exclude<ModerationOutcome["kind"], "list">, number>> = {
  done: 200,
  not_found: 404,
  full: 409,
  conflict: 409,
  unavailable: 503,
};

/**
 * Answers `POST /moderation/ACT`: `{"done": "…"}`, or `{"errors": ["…"]}` with 400, 403, 404, 409, 413, 415 or 503. A
 * page of another site can send neither this content type nor this origin.
 */
export async function moderate(act: string, request: Request, options: ModerationOptions): Promise<Response> {
  if (!isModerationAct(act)) return refuse(404, "There is no such act");
  if (!isOwnOrigin(request)) return refuse(403, "The request comes from a page of another site");
  const contentType = request.headers.get("content-type")?.split(";")[0].trim().toLowerCase();
  if (contentType !== "application/json") return refuse(415, "Expected content-type: application/json");
  const text = await readBody(request);
  if (text === null) return refuse(413, `The body is too long, limit is ${MODERATION_BODY_BYTES_MAX} bytes`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return refuse(400, "The body is not JSON");
  }
  const parsed = parseModerationRequest(act, json);
  if ("problems" in parsed) return refuse(400, ...parsed.problems);
  const outcome = await run(parsed, options);
  const answer = outcome.kind === "list" ? "" : outcome.text;
  options.audit.info("Moderation", { ...fieldsOf(parsed), outcome: outcome.kind, answer });
  if (outcome.kind === "done") return Response.json({ done: outcome.text });
  return refuse(outcome.kind === "list" ? 500 : STATUS[outcome.kind], answer);
}

/** Answers `GET /moderation/list`: who is online, and what stands. */
export async function listForModerators(options: ModerationOptions): Promise<Response> {
  const outcome = await run({ act: "list" }, options);
  return outcome.kind === "list" ? Response.json(outcome.list) : refuse(STATUS[outcome.kind], outcome.text);
}

async function run(request: ModerationRequest, options: ModerationOptions): Promise<ModerationOutcome> {
  try {
    return await options.run(request);
  } catch (error) {
    if (error instanceof DependencyError) return { kind: "unavailable", text: error.message };
    throw error;
  }
}

function refuse(status: number, ...errors: readonly string[]): Response {
  return Response.json({ errors }, { status });
}

/**
 * Browsers say where the page that sends is from; a command line says nothing. What they find themselves holds behind a
 * proxy that changes Host, too.
 */
function isOwnOrigin(request: Request): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin" || site === "none";
  const origin = request.headers.get("origin");
  if (origin === null) return true;
  return URL.canParse(origin) && new URL(origin).host === request.headers.get("host");
}

/** The body as text; `null` where it is longer than allowed. */
async function readBody(request: Request): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let byteCount = 0;
  for await (const chunk of request.body ?? []) {
    byteCount += chunk.length;
    if (byteCount > MODERATION_BODY_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return await new Blob(chunks as BlobPart[]).text();
}

/** A request as a flat record, for the log. */
function fieldsOf(request: ModerationRequest): Record<string, unknown> {
  // As good as the password itself.
  const { passwordHash: _, ...shown } = request as ModerationRequest & { readonly passwordHash?: string };
  if ("plan" in shown) return { act: shown.act, moderator: shown.moderator, ...shown.plan, isOn: shown.plan !== null };
  if (!("target" in shown)) return shown;
  const { target, ...rest } = shown;
  return { ...rest, ...target };
}
