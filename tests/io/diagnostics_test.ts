import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ECHO_UNUSUAL, heartbeatResponse, parseEcho, parseHeartbeat, scanEcho } from "../../server/io/diagnostics.ts";
import {
  EchoRequestSchema,
  EchoResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { pattern } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

Deno.test("scanEcho() reads the route of what encoders write, for every length of data", () => {
  for (const byteCount of [0, 1, 127, 128, 129, 16_383, 16_384, 65_500]) {
    for (const route of [0, 1, 2, 127]) {
      const payload = toBinary(EchoRequestSchema, create(EchoRequestSchema, { data: pattern(byteCount), route }));
      const padded = new Uint8Array(payload.length + 10).fill(0x10);
      padded.set(payload, 5);
      assertEquals(scanEcho(padded, 5, 5 + payload.length), route, `${byteCount} bytes, route ${route}`);
    }
  }
});

Deno.test("scanEcho() of any bytes gives the route that the generated codec reads, or ECHO_UNUSUAL", () => {
  const usual = fc.record({ data: fc.uint8Array({ maxLength: 20 }), route: fc.nat(300) }).map((fields) =>
    toBinary(EchoRequestSchema, create(EchoRequestSchema, fields))
  );
  const bent = fc.tuple(usual, fc.nat(20), fc.nat(255)).map(([payload, at, byte]) => {
    if (payload.length > 0) payload[at % payload.length] = byte;
    return payload;
  });
  fc.assert(
    fc.property(fc.oneof(usual, bent, fc.uint8Array({ maxLength: 12 })), (payload) => {
      const route = scanEcho(payload, 0, payload.length);
      if (route === ECHO_UNUSUAL) return;
      const request = fromBinary(EchoRequestSchema, payload);
      assertEquals([request.route, request.$unknown], [route, undefined]);
      // Such a payload is sent back as it is: it must be what the response would be.
      assertEquals(fromBinary(EchoResponseSchema, payload).data, request.data);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("parseEcho() drops unknown fields and gives null for what is no message", () => {
  const echo = parseEcho(new Uint8Array([0x78, 0x01, 0x10, 0x03, 0x0a, 0x01, 9]));
  assert(echo !== null);
  assertEquals([echo.route, [...echo.response]], [3, [0x0a, 0x01, 9, 0x10, 0x03]]);
  assertEquals(parseEcho(new Uint8Array([0x0a, 0x05])), null);
});

Deno.test("parseHeartbeat() reads what encoders write, and gives null for what is no message", () => {
  fc.assert(fc.property(uint64, uint64, uint64, (playerId, timestamp, serverTimestampEcho) => {
    const payload = toBinary(
      HeartbeatRequestSchema,
      create(HeartbeatRequestSchema, { playerId, timestamp, serverTimestampEcho }),
    );
    assertEquals(parseHeartbeat(payload), { timestamp, serverTimestampEcho: Number(serverTimestampEcho) });
  }));
  assertEquals(parseHeartbeat(new Uint8Array([0x10])), null);
});

Deno.test("heartbeatResponse() carries both clocks and the round trip", () => {
  const response = fromBinary(HeartbeatResponseSchema, heartbeatResponse(1_700_000_000_123, 45, 2n ** 64n - 1n));
  const { serverTimestamp, latencyMs, clientTimestamp } = response;
  assertEquals([serverTimestamp, latencyMs, clientTimestamp], [1_700_000_000_123n, 45, 2n ** 64n - 1n]);
});
