import { readProxyHeader } from "../../server/io/proxy_header.ts";
import { formatIpAddress } from "../../server/base/ip_address.ts";
import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { PROXY_HEADER_BYTES_MAX, PROXY_LINE_BYTES_MAX } from "../../shared/limits.ts";
import { concatenate, utf8 } from "../gateway/frames.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { PROXY_SIGNATURE, proxyHeader } from "../support/proxy_header.ts";

/** How a header is refused. */
function refusal(bytes: Uint8Array): string {
  const error = assertThrows(() => readProxyHeader(bytes), ProtocolError);
  assertEquals(error.reason, DisconnectReason.MALFORMED_FRAME);
  return error.message;
}

const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
const ports = fc.uint8Array({ minLength: 4, maxLength: 4 });
const extensions = fc.array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 300 })), { maxLength: 5 })
  .map((list) =>
    concatenate(...list.map(([type, value]) => new Uint8Array([type, value.length >> 8, value.length & 255, ...value])))
  );
const header = fc.oneof(
  fc.record({ family: fc.constant(0x11), source: v4, target: v4, ports, extensions }),
  fc.record({ family: fc.constant(0x21), source: v6, target: v6, ports, extensions }),
);

Deno.test("readProxyHeader() reads who connected to whom, whatever extensions follow, and nothing behind it", () => {
  fc.assert(fc.property(header, fc.uint8Array(), ({ family, source, target, ports, extensions }, rest) => {
    const bytes = proxyHeader({ family, body: concatenate(source, target, ports, extensions) });
    const text = (address: Uint8Array) => address.length === 4 ? address.join(".") : formatIpAddress(address);
    assertEquals(readProxyHeader(concatenate(bytes, rest)), {
      headerBytes: bytes.length,
      addresses: { remoteAddress: text(source), localAddress: text(target) },
    });
  }));
});

Deno.test("readProxyHeader() waits for the rest of a header that is cut anywhere", () => {
  fc.assert(fc.property(header, fc.nat(), ({ family, source, target, ports, extensions }, cut) => {
    const bytes = proxyHeader({ family, body: concatenate(source, target, ports, extensions) });
    assertEquals(readProxyHeader(bytes.subarray(0, cut % bytes.length)), null);
  }));
});

Deno.test("readProxyHeader() leaves the address to the socket for health checks and for what is no IP", () => {
  for (
    const bytes of [
      proxyHeader({ command: 0x20, family: 0x00 }),
      proxyHeader({ command: 0x20, family: 0x11, body: new Uint8Array(12) }),
      proxyHeader({ command: 0x20, family: 0x77, body: new Uint8Array(5) }),
      proxyHeader({ command: 0x20, family: 0x11, body: new Uint8Array(3) }),
      proxyHeader({ family: 0x00 }),
      proxyHeader({ family: 0x31, body: new Uint8Array(216) }),
    ]
  ) assertEquals(readProxyHeader(bytes), { headerBytes: bytes.length, addresses: null });
});

Deno.test("readProxyHeader() refuses each malformed header at the first byte that is wrong", () => {
  for (let at = 0; at < PROXY_SIGNATURE.length; at++) {
    const bytes = proxyHeader({ family: 0x11, body: new Uint8Array(12) });
    bytes[at] ^= 0x40;
    assert(refusal(bytes.subarray(0, at + 1)).includes("does not begin with it"), String(at));
  }
  const word = (bytes: Uint8Array) => refusal(bytes).split(": ")[1];
  assertEquals(word(utf8("GET / HTTP/1.1\r\n")), "the connection does not begin with it");
  for (const command of [0x00, 0x11, 0x22, 0x2f, 0x31, 0xff]) {
    assert(word(proxyHeader({ command, family: 0x11, body: new Uint8Array(12) })).startsWith("version and command"));
  }
  for (const family of [0x12, 0x22, 0x32, 0x01, 0x10, 0x41, 0xff]) {
    assert(word(proxyHeader({ family, body: new Uint8Array(216) })).startsWith("family and protocol"));
  }
  assertEquals(word(proxyHeader({ family: 0x11, body: new Uint8Array(11) })), "it is too short for its addresses");
  assertEquals(word(proxyHeader({ family: 0x21, body: new Uint8Array(35) })), "it is too short for its addresses");
  for (const extension of [[1], [1, 0], [1, 0, 1], [1, 0, 1, 5, 9], [3, 0xff, 0xff, 1]]) {
    const body = new Uint8Array([...new Uint8Array(12), ...extension]);
    assertEquals(word(proxyHeader({ family: 0x11, body })), "its extensions do not fit its length");
  }
});

const line = fc.oneof(
  fc.record({ family: fc.constant("TCP4"), source: v4, target: v4, ports: fc.tuple(fc.nat(65_535), fc.nat(65_535)) }),
  fc.record({ family: fc.constant("TCP6"), source: v6, target: v6, ports: fc.tuple(fc.nat(65_535), fc.nat(65_535)) }),
).map(({ family, source, target, ports }) => {
  const text = (bytes: Uint8Array) =>
    bytes.length === 4
      ? bytes.join(".")
      : Array.from({ length: 8 }, (_, at) => (bytes[2 * at] << 8 | bytes[2 * at + 1]).toString(16)).join(":");
  return {
    bytes: utf8(`PROXY ${family} ${text(source)} ${text(target)} ${ports.join(" ")}\r\n`),
    remoteAddress: source.length === 4 ? source.join(".") : formatIpAddress(source),
    localAddress: target.length === 4 ? target.join(".") : formatIpAddress(target),
  };
});

Deno.test("readProxyHeader() reads lines of version 1, nothing behind them, and waits for the rest of one that is cut", () => {
  fc.assert(fc.property(line, fc.uint8Array(), fc.nat(), ({ bytes, ...addresses }, rest, cut) => {
    assertEquals(readProxyHeader(concatenate(bytes, rest)), { headerBytes: bytes.length, addresses });
    assertEquals(readProxyHeader(bytes.subarray(0, cut % bytes.length)), null);
  }));
  for (const text of ["PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 what ever\r\n"]) {
    assertEquals(readProxyHeader(utf8(text)), { headerBytes: text.length, addresses: null });
  }
});

Deno.test("readProxyHeader() refuses each malformed line of version 1", () => {
  const fields = "its line is not family, two addresses and two ports";
  const cases: readonly (readonly [string, string])[] = [
    ["PROXX", "the connection does not begin with it"],
    ["POST / HTTP/1.1\r\n", "the connection does not begin with it"],
    ["PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "its line holds what is no text"],
    ["PROXY TCP4\t192.0.2.1", "its line holds what is no text"],
    ["PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx", "a carriage return ends no line"],
    ["PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", fields],
    ["PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", fields],
    ["PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n", fields],
    ["PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", fields],
    ["PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n", fields],
    ["PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", fields],
    ["PROXY UNKNOWNS\r\n", fields],
    ["PROXY \r\n", fields],
    ["PROXY TCP4 ::1 192.0.2.2 1 2\r\n", "an address is not of TCP4"],
    ["PROXY TCP6 ::1 192.0.2.2 1 2\r\n", "an address is not of TCP6"],
    ["PROXY TCP4 192.0.2.1 192.0.2.256 1 2\r\n", "an address is not of TCP4"],
    ["PROXY TCP4 192.0.02.1 192.0.2.2 1 2\r\n", "a number begins with 0"],
    ["PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", "a port is over 65535"],
  ];
  assertEquals(cases.map(([text]) => refusal(utf8(text)).split(": ")[1]), cases.map(([, why]) => why));
  const longest = `PROXY UNKNOWN ${"x".repeat(PROXY_LINE_BYTES_MAX - 16)}\r\n`;
  assertEquals(readProxyHeader(utf8(longest))?.headerBytes, PROXY_LINE_BYTES_MAX);
  const over = `PROXY UNKNOWN ${"x".repeat(PROXY_LINE_BYTES_MAX - 14)}`;
  assert(refusal(utf8(over)).includes(`over ${PROXY_LINE_BYTES_MAX} bytes`));
  assert(refusal(utf8(longest.replace("\r\n", "x\r\n"))).includes(`over ${PROXY_LINE_BYTES_MAX} bytes`));
});

Deno.test("readProxyHeader() takes a header of the limit's length and refuses one more before it has come", () => {
  const body = new Uint8Array(PROXY_HEADER_BYTES_MAX - 16);
  body.set([0x04, (body.length - 15) >> 8, (body.length - 15) & 255], 12);
  const bytes = proxyHeader({ family: 0x11, body });
  assertEquals(readProxyHeader(bytes)?.headerBytes, PROXY_HEADER_BYTES_MAX);
  const longer = proxyHeader({ family: 0x11, body: new Uint8Array(body.length + 1) });
  assert(refusal(longer.subarray(0, 16)).includes("limit is"));
  const longest = proxyHeader({ family: 0x11, body: new Uint8Array(65_535) });
  assert(refusal(longest.subarray(0, 16)).includes("65551 bytes"));
});

Deno.test("readProxyHeader() throws nothing but ProtocolError on fuzzed headers, and reads none beyond its bytes", () => {
  const near = fc.tuple(header, fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 4 }), fc.nat(400)).map(
    ([{ family, source, target, ports, extensions }, changes, cut]) => {
      const bytes = proxyHeader({ family, body: concatenate(source, target, ports, extensions) });
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      return bytes.subarray(0, cut);
    },
  );
  const nearLine = fc.tuple(line, fc.nat(120), fc.nat(255), fc.nat(120)).map(([{ bytes }, at, value, cut]) => {
    if (at < bytes.length) bytes[at] = value;
    return bytes.subarray(0, cut);
  });
  fc.assert(
    fc.property(fc.oneof(near, nearLine, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      try {
        const read = readProxyHeader(bytes);
        if (read !== null) assert(read.headerBytes >= 15 && read.headerBytes <= bytes.length);
      } catch (error) {
        assert(error instanceof ProtocolError, String(error));
      }
    }),
    { numRuns: 20_000 },
  );
});
