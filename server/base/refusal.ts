/**
 * What the server answers to a packet it will not handle, and how it says that it closes.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { DisconnectNoticeSchema, type DisconnectReason, ErrorResponseSchema } from "../../shared/gen/auth_pb.ts";
import type { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import type { PacketRow } from "../../shared/packet_table.ts";

/** A packet to send. */
export interface Refusal {
  readonly type: number;
  readonly payload: Uint8Array;
}

/** An ERROR_RESPONSE to a packet of type `requestType`. */
export function errorResponse(
  code: ErrorCode,
  message: string,
  requestType: number,
  requestSequence: number,
): Refusal {
  const response = create(ErrorResponseSchema, {
    errorCode: code,
    message,
    requestType: requestType as PacketType,
    requestSequence: BigInt(requestSequence),
  });
  return { type: PacketType.ERROR_RESPONSE, payload: toBinary(ErrorResponseSchema, response) };
}

/** Whether the payload of an ERROR_RESPONSE, one of our own, is the answer to a packet of this type and sequence. */
export function isErrorFor(requestType: number, requestSequence: number, payload: Uint8Array): boolean {
  const response = fromBinary(ErrorResponseSchema, payload);
  return response.requestType === requestType && Number(response.requestSequence) === requestSequence;
}

/**
 * The refusal of a request: its own reply with `success` false where it has one that can say so, else an
 * ERROR_RESPONSE.
 *
 * @see docs/protocol.md, "Answers worth fixing"
 */
export function refuseRequest(
  code: ErrorCode,
  message: string,
  request: PacketRow,
  requestSequence: number,
): Refusal {
  const { refusal } = request;
  if (refusal === null) return errorResponse(code, message, request.type, requestSequence);
  const writer = new BinaryWriter().tag(refusal.errorCode, WireType.Varint).int32(code);
  if (refusal.errorMessage !== 0 && message !== "") {
    writer.tag(refusal.errorMessage, WireType.LengthDelimited).string(message);
  }
  if (refusal.requestType !== 0) writer.tag(refusal.requestType, WireType.Varint).int32(request.type);
  return { type: refusal.type, payload: writer.finish() };
}

/** The payload of a DISCONNECT_NOTICE. */
export function disconnectNotice(reason: DisconnectReason, message: string, retryAfterMs: number): Uint8Array {
  return toBinary(DisconnectNoticeSchema, create(DisconnectNoticeSchema, { reason, message, retryAfterMs }));
}
