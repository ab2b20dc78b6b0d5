import { fromBinary, type Message } from "@bufbuild/protobuf";
import { disconnectNotice, errorResponse, refuseRequest } from "../../server/base/refusal.ts";
import { DisconnectNoticeSchema, DisconnectReason, ErrorResponseSchema } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { contract, PacketType } from "../../games/marsh/contract.ts";
import { CONTRACT } from "../shared/contract.ts";
import { assert, assertEquals } from "../support/assert.ts";

for (const { type, name, answer } of CONTRACT.filter(({ isFromClient }) => isFromClient)) {
  Deno.test(`refuseRequest() of ${name} is its ${answer}`, () => {
    const refusal = refuseRequest(ErrorCode.RATE_LIMITED, "Wait", contract.packets.row(type)!, 2 ** 53 - 1);
    assertEquals(PacketType[refusal.type], answer);
    const message = fromBinary(contract.schemaOf(refusal.type)!, refusal.payload) as
      & Message
      & Record<string, unknown>;
    assertEquals(message.errorCode, ErrorCode.RATE_LIMITED);
    if (answer === "ERROR_RESPONSE") {
      assertEquals([message.message, message.requestSequence], ["Wait", 2n ** 53n - 1n]);
    } else {
      assertEquals(message.success, false);
      if ("errorMessage" in message) assertEquals(message.errorMessage, "Wait");
    }
    if ("requestType" in message) assertEquals(message.requestType, type);
  });
}

Deno.test("errorResponse() names any type and sequence that came from the wire", () => {
  for (const type of [0, -1, 2 ** 31 - 1, -(2 ** 31), 9_999]) {
    const { payload } = errorResponse(ErrorCode.UNSUPPORTED, "No", type, 2 ** 60);
    const { requestType, requestSequence } = fromBinary(ErrorResponseSchema, payload);
    assertEquals([requestType as number, requestSequence], [type, 2n ** 60n]);
  }
});

Deno.test("disconnectNotice() says reason, message and when to come back", () => {
  const payload = disconnectNotice(DisconnectReason.SERVER_FULL, "Full", 5_000);
  const { reason, message, retryAfterMs } = fromBinary(DisconnectNoticeSchema, payload);
  assertEquals([reason, message, retryAfterMs], [DisconnectReason.SERVER_FULL, "Full", 5_000]);
  assert(payload.length < 64);
});
