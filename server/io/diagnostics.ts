/**
 * HEARTBEAT and ECHO, which the io worker answers itself.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  EchoRequestSchema,
  EchoResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { MESSAGE_FIELDS_MAX } from "../../shared/limits.ts";
import { isMessageWithin } from "../../shared/message_scan.ts";

/** The payload of an echo is not in the usual form; see {@linkcode scanEcho}. */
export const ECHO_UNUSUAL = -1;

/**
 * Reads the `route` of an ECHO_REQUEST without parsing its data. EchoRequest and EchoResponse have the same fields, so
 * a payload in the usual form - `data`, then `route`, each at most once - can be sent back as it is.
 *
 * @returns The route, or {@linkcode ECHO_UNUSUAL} when the payload is not in that form.
 */
export function scanEcho(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  if (at < end && bytes[at] === 0x0a) {
    at++;
    let length = 0;
    for (let shift = 0;; shift += 7) {
      if (at >= end || shift > 14) return ECHO_UNUSUAL;
      const byte = bytes[at++];
      length |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    at += length;
  }
  if (at === end) return 0;
  if (at + 2 === end && bytes[at] === 0x10 && bytes[at + 1] < 0x80) return bytes[at + 1];
  return ECHO_UNUSUAL;
}

/**
 * An ECHO_REQUEST in any other form.
 *
 * @returns Its route and the response's payload, or `null` when it cannot be parsed.
 */
export function parseEcho(payload: Uint8Array): { route: number; response: Uint8Array } | null {
  if (!isMessageWithin(payload, 0, payload.length, MESSAGE_FIELDS_MAX)) return null;
  try {
    const { data, route } = fromBinary(EchoRequestSchema, payload, { readUnknownFields: false });
    return { route, response: toBinary(EchoResponseSchema, create(EchoResponseSchema, { data, route })) };
  } catch {
    return null;
  }
}

/** What a HEARTBEAT_REQUEST says, or `null` when it cannot be parsed. */
export function parseHeartbeat(payload: Uint8Array): { timestamp: bigint; serverTimestampEcho: number } | null {
  if (!isMessageWithin(payload, 0, payload.length, MESSAGE_FIELDS_MAX)) return null;
  try {
    const request = fromBinary(HeartbeatRequestSchema, payload, { readUnknownFields: false });
    return { timestamp: request.timestamp, serverTimestampEcho: Number(request.serverTimestampEcho) };
  } catch {
    return null;
  }
}

/** The payload of a HEARTBEAT_RESPONSE. */
export function heartbeatResponse(serverTimestampMs: number, latencyMs: number, clientTimestamp: bigint): Uint8Array {
  return toBinary(
    HeartbeatResponseSchema,
    create(HeartbeatResponseSchema, { serverTimestamp: BigInt(serverTimestampMs), latencyMs, clientTimestamp }),
  );
}
