/**
 * Who may use the admin site: the Host header is checked against DNS rebinding, and the token where one is set.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import { isLoopback } from "../base/host.ts";

/**
 * Tells whether a request with this Host header may be answered by a site that listens on `listenHost`. A page of a
 * foreign site can make a browser send requests to 127.0.0.1 under a name of its own; that name gives it away. Where the
 * site listens for other machines, its names are unknown and the token protects it.
 */
export function isHostAllowed(hostHeader: string | undefined, listenHost: string): boolean {
  if (!isLoopback(listenHost)) return true;
  if (hostHeader === undefined) return false;
  const name = hostHeader.toLowerCase().replace(/:\d*$/, "");
  const own = listenHost.includes(":") ? `[${listenHost.toLowerCase()}]` : listenHost.toLowerCase();
  return ["localhost", "127.0.0.1", "[::1]", own].includes(name);
}

/** Compares secrets in a time that tells nothing of where they differ or how long they are. */
export function isSameSecret(left: string, right: string): boolean {
  return timingSafeEqual(digest(left), digest(right));
}

/** The token of an `Authorization: Bearer` header. */
export function bearerToken(header: string | undefined): string | undefined {
  return header?.match(/^Bearer +([\x21-\x7e]+) *$/i)?.[1];
}

/** The value of `name` in a Cookie header. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(";") ?? []) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
