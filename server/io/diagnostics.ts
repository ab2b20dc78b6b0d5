/**
 * HEARTBEAT and ECHO, which the io worker answers itself. They are read and written field by field: a thread that loads
 * the generated messages is some MB larger, and io workers need no other.
 *
 * @see proto/auth.proto
 * @module
 */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { ECHO_REQUEST, HEARTBEAT_REQUEST, HEARTBEAT_RESPONSE } from "../../shared/gen/field_numbers.ts";
import { MESSAGE_FIELDS_MAX } from "../../shared/limits.ts";
import { isMessageWithin } from "../../shared/message_scan.ts";

const NOTHING = new Uint8Array(0);
/** What stands before the fields of an echo: numbers and wire types. */
const DATA_TAG = ECHO_REQUEST.data << 3 | WireType.LengthDelimited;
const ROUTE_TAG = ECHO_REQUEST.route << 3 | WireType.Varint;

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
  if (at < end && bytes[at] === DATA_TAG) {
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
  if (at + 2 === end && bytes[at] === ROUTE_TAG && bytes[at + 1] < 0x80) return bytes[at + 1];
  return ECHO_UNUSUAL;
}

/**
 * An ECHO_REQUEST in any other form.
 *
 * @returns Its route and the response's payload, or `null` when it cannot be parsed.
 */
export function parseEcho(payload: Uint8Array): { route: number; response: Uint8Array } | null {
  if (!isMessageWithin(payload, 0, payload.length, MESSAGE_FIELDS_MAX)) return null;
  let data: Uint8Array = NOTHING, route = 0;
  try {
    const reader = new BinaryReader(payload);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === ECHO_REQUEST.data) data = reader.bytes();
      else if (field === ECHO_REQUEST.route) route = reader.uint32();
      else reader.skip(wireType, field);
    }
  } catch {
    return null;
  }
  const writer = new BinaryWriter();
  if (data.length > 0) writer.tag(ECHO_REQUEST.data, WireType.LengthDelimited).bytes(data);
  if (route !== 0) writer.tag(ECHO_REQUEST.route, WireType.Varint).uint32(route);
  return { route, response: writer.finish() };
}

/** What a HEARTBEAT_REQUEST says, or `null` when it cannot be parsed. */
export function parseHeartbeat(payload: Uint8Array): { timestamp: bigint; serverTimestampEcho: number } | null {
  if (!isMessageWithin(payload, 0, payload.length, MESSAGE_FIELDS_MAX)) return null;
  let timestamp = 0n, serverTimestampEcho = 0n;
  try {
    const reader = new BinaryReader(payload);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === HEARTBEAT_REQUEST.playerId) reader.uint64();
      else if (field === HEARTBEAT_REQUEST.timestamp) timestamp = BigInt(reader.uint64());
      else if (field === HEARTBEAT_REQUEST.serverTimestampEcho) serverTimestampEcho = BigInt(reader.uint64());
      else reader.skip(wireType, field);
    }
  } catch {
    return null;
  }
  return { timestamp, serverTimestampEcho: Number(serverTimestampEcho) };
}

/** The payload of a HEARTBEAT_RESPONSE. */
export function heartbeatResponse(serverTimestampMs: number, latencyMs: number, clientTimestamp: bigint): Uint8Array {
  const writer = new BinaryWriter();
  if (serverTimestampMs !== 0) {
    writer.tag(HEARTBEAT_RESPONSE.serverTimestamp, WireType.Varint).uint64(serverTimestampMs);
  }
  if (latencyMs !== 0) writer.tag(HEARTBEAT_RESPONSE.latencyMs, WireType.Varint).uint32(latencyMs);
  if (clientTimestamp !== 0n) writer.tag(HEARTBEAT_RESPONSE.clientTimestamp, WireType.Varint).uint64(clientTimestamp);
  return writer.finish();
}
