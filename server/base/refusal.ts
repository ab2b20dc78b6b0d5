/**
 * What the server answers to a packet it will not handle, and how it says that it closes.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DisconnectNoticeSchema, type DisconnectReason, ErrorResponseSchema } from "../../shared/gen/auth_pb.ts";
import type { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../shared/gen/packet_pb.ts";
import { packetRow } from "../../shared/packet_table.ts";

/** A packet to send. */
export interface Refusal {
  readonly type: PacketType;
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
 * The refusal of a request: its own response type with `success` false where it has one, else an ERROR_RESPONSE.
 *
 * Every response type has `success` and `error_code`, some an `error_message`; those that answer several types have a
 * `request_type`.
 *
 * @see docs/protocol.md, "Answers worth fixing"
 */
export function refuseRequest(
  code: ErrorCode,
  message: string,
  requestType: number,
  requestSequence: number,
): Refusal {
  const responseType = packetRow(requestType)?.responseType ?? PacketType.UNSPECIFIED;
  if (responseType === PacketType.UNSPECIFIED) return errorResponse(code, message, requestType, requestSequence);
  const { schema } = packetRow(responseType)!;
  const fields: Record<string, unknown> = { errorCode: code };
  if (schema.field.errorMessage !== undefined) fields.errorMessage = message;
  if (schema.field.requestType !== undefined) fields.requestType = requestType;
  return { type: responseType, payload: toBinary(schema, create(schema, fields)) };
}

/** The payload of a DISCONNECT_NOTICE. */
export function disconnectNotice(reason: DisconnectReason, message: string, retryAfterMs: number): Uint8Array {
  return toBinary(DisconnectNoticeSchema, create(DisconnectNoticeSchema, { reason, message, retryAfterMs }));
}
