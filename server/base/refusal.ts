/**
 * What the server answers to a packet it will not handle, and how it says that it closes. Written field by field, as io
 * workers are without the generated messages.
 *
 * @see proto/auth.proto
 * @module
 */

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { DisconnectReason } from "../../shared/gen/enums.ts";
import { DISCONNECT_NOTICE, ERROR_RESPONSE } from "../../shared/gen/field_numbers.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import type { PacketRow } from "../../shared/packet_table.ts";

const NOTHING = new Uint8Array(0);

/** A packet to send. */
export interface Refusal {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** An ERROR_RESPONSE to a packet of type `requestType`. */
export function errorResponse(
  code: number,
  message: string,
  requestType: number,
  requestSequence: number,
  explanation: Uint8Array = NOTHING,
): Refusal {
  const writer = new BinaryWriter();
  if (code !== 0) writer.tag(ERROR_RESPONSE.errorCode, WireType.Varint).int32(code);
  if (message !== "") writer.tag(ERROR_RESPONSE.message, WireType.LengthDelimited).string(message);
  if (requestType !== 0) writer.tag(ERROR_RESPONSE.requestType, WireType.Varint).int32(requestType);
  if (requestSequence !== 0) writer.tag(ERROR_RESPONSE.requestSequence, WireType.Varint).uint64(requestSequence);
  if (explanation.length > 0) writer.tag(ERROR_RESPONSE.explanation, WireType.LengthDelimited).bytes(explanation);
  return { type: PacketType.ERROR_RESPONSE, payload: writer.finish() };
}

/** Whether the payload of an ERROR_RESPONSE, one of our own, is the answer to a packet of this type and sequence. */
export function isErrorFor(requestType: number, requestSequence: number, payload: Uint8Array): boolean {
  let type = 0, sequence = 0;
  const reader = new BinaryReader(payload);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === ERROR_RESPONSE.requestType) type = reader.int32();
    else if (field === ERROR_RESPONSE.requestSequence) sequence = Number(reader.uint64());
    else reader.skip(wireType, field);
  }
  return type === requestType && sequence === requestSequence;
}

/**
 * The refusal of a request: its own reply with `success` false where it has one that can say so, else an
 * ERROR_RESPONSE.
 *
 * @param explanation The bytes of an `Explanation`; empty: none.
 * @see docs/protocol.md, "Answers worth fixing"
 */
export function refuseRequest(
  code: number,
  message: string,
  request: PacketRow,
  requestSequence: number,
  explanation: Uint8Array = NOTHING,
): Refusal {
  const { refusal } = request;
  if (refusal === null) return errorResponse(code, message, request.type, requestSequence, explanation);
  const writer = new BinaryWriter().tag(refusal.errorCode, WireType.Varint).int32(code);
  if (refusal.errorMessage !== 0 && message !== "") {
    writer.tag(refusal.errorMessage, WireType.LengthDelimited).string(message);
  }
  if (refusal.requestType !== 0) writer.tag(refusal.requestType, WireType.Varint).int32(request.type);
  if (refusal.explanation !== 0 && explanation.length > 0) {
    writer.tag(refusal.explanation, WireType.LengthDelimited).bytes(explanation);
  }
  return { type: refusal.type, payload: writer.finish() };
}

/** The payload of a DISCONNECT_NOTICE. */
export function disconnectNotice(
  reason: DisconnectReason,
  message: string,
  retryAfterMs: number,
  explanation: Uint8Array = NOTHING,
): Uint8Array {
  const writer = new BinaryWriter();
  if (reason !== 0) writer.tag(DISCONNECT_NOTICE.reason, WireType.Varint).int32(reason);
  if (message !== "") writer.tag(DISCONNECT_NOTICE.message, WireType.LengthDelimited).string(message);
  if (retryAfterMs !== 0) writer.tag(DISCONNECT_NOTICE.retryAfterMs, WireType.Varint).uint32(retryAfterMs);
  if (explanation.length > 0) writer.tag(DISCONNECT_NOTICE.explanation, WireType.LengthDelimited).bytes(explanation);
  return writer.finish();
}
