import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { ECHO_UNUSUAL, heartbeatResponse, parseEcho, parseHeartbeat, scanEcho } from "../../server/io/diagnostics.ts";
import {
  EchoRequestSchema,
  EchoResponseSchema,
  HeartbeatRequestSchema,
  HeartbeatResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { MESSAGE_FIELDS_MAX } from "../../shared/limits.ts";
import { isMessageWithin } from "../../shared/message_scan.ts";
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

/** What the generated codec makes of bytes; null: they are no message. */
function generated<Desc extends DescMessage>(schema: Desc, payload: Uint8Array): MessageShape<Desc> | null {
  if (!isMessageWithin(payload, 0, payload.length, MESSAGE_FIELDS_MAX)) return null;
  try {
    return fromBinary(schema, payload, { readUnknownFields: false });
  } catch {
    return null;
  }
}

Deno.test("parseEcho() and parseHeartbeat() of any bytes give what the generated codec reads", () => {
  const fields = fc.array(
    fc.record({ no: fc.nat(5), type: fc.constantFrom(0, 1, 2, 5), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
    { maxLength: 6 },
  ).map((list) => {
    const writer = new BinaryWriter();
    for (const { no, type, value } of list) {
      writer.tag(no + 1, type);
      if (type === 0) writer.uint64(value);
      else if (type === 1) writer.fixed64(value);
      else if (type === 5) writer.fixed32(Number(value % 2n ** 32n));
      else writer.bytes(pattern(Number(value % 9n)));
    }
    return writer.finish();
  });
  fc.assert(
    fc.property(fc.oneof(fields, fc.uint8Array({ maxLength: 24 })), (payload) => {
      const echo = generated(EchoRequestSchema, payload);
      const { data, route } = echo ?? {};
      const response = toBinary(EchoResponseSchema, create(EchoResponseSchema, { data, route }));
      assertEquals(parseEcho(payload), echo === null ? null : { route: echo.route, response });
      const heartbeat = generated(HeartbeatRequestSchema, payload);
      assertEquals(
        parseHeartbeat(payload),
        heartbeat === null
          ? null
          : { timestamp: heartbeat.timestamp, serverTimestampEcho: Number(heartbeat.serverTimestampEcho) },
      );
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("heartbeatResponse() is what the generated codec writes", () => {
  const time = fc.oneof(fc.constant(0), fc.nat({ max: Number.MAX_SAFE_INTEGER }));
  fc.assert(fc.property(time, fc.nat(), fc.oneof(fc.constant(0n), uint64), (serverMs, latencyMs, clientTimestamp) => {
    const message = create(HeartbeatResponseSchema, { serverTimestamp: BigInt(serverMs), latencyMs, clientTimestamp });
    assertEquals(heartbeatResponse(serverMs, latencyMs, clientTimestamp), toBinary(HeartbeatResponseSchema, message));
  }));
});

Deno.test("heartbeatResponse() carries both clocks and the round trip", () => {
  const response = fromBinary(HeartbeatResponseSchema, heartbeatResponse(1_700_000_000_123, 45, 2n ** 64n - 1n));
  const { serverTimestamp, latencyMs, clientTimestamp } = response;
  assertEquals([serverTimestamp, latencyMs, clientTimestamp], [1_700_000_000_123n, 45, 2n ** 64n - 1n]);
});
