import {
  AF_INET,
  AF_INET6,
  encodeSocketAddress,
  hostnameOf,
  portOf,
  SOCKET_ADDRESS_BYTES,
} from "../../server/io/socket_address.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const port = fc.integer({ min: 0, max: 65_535 });
/** The eight groups of an IPv6 address, with runs of zeros. */
const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), { minLength: 8, maxLength: 8 })
  // Those that stand for IPv4 addresses are written as such.
  .filter((groups) => groups.slice(0, 6).join() !== "0,0,0,0,0,65535");

/** All ways to write one address: each run of zero groups may be "::", groups may have leading zeros and capitals. */
function spellings(groups: readonly number[]): string[] {
  const texts = [
    groups.map((group) => group.toString(16)).join(":"),
    groups.map((group) => group.toString(16).padStart(4, "0").toUpperCase()).join(":"),
  ];
  for (let from = 0; from < 8; from++) {
    for (let to = from + 1; to <= 8 && groups[to - 1] === 0; to++) {
      const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
      texts.push(`${text(groups.slice(0, from))}::${text(groups.slice(to))}`);
    }
  }
  return texts;
}

Deno.test("encodeSocketAddress() lays an IPv4 address out as struct sockaddr_in", () => {
  const bytes = encodeSocketAddress("192.0.2.33", 8_080);
  assertEquals([...bytes], [AF_INET, 0, 8_080 >> 8, 8_080 & 0xff, 192, 0, 2, 33, 0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(encodeSocketAddress("localhost", 1), encodeSocketAddress("127.0.0.1", 1));
});

Deno.test("encodeSocketAddress() lays an IPv6 address out as struct sockaddr_in6", () => {
  const bytes = encodeSocketAddress("2001:db8::1", 443);
  assertEquals(bytes.length, SOCKET_ADDRESS_BYTES);
  assertEquals([bytes[0], bytes[1], bytes[2], bytes[3]], [AF_INET6, 0, 443 >> 8, 443 & 0xff]);
  assertEquals([...bytes.subarray(8, 24)], [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  assert([...bytes.subarray(4, 8), ...bytes.subarray(24)].every((byte) => byte === 0));
});

Deno.test("hostnameOf() and portOf() give back any IPv4 address and port", () => {
  fc.assert(fc.property(fc.ipV4(), port, (hostname, port) => {
    const bytes = encodeSocketAddress(hostname, port);
    assertEquals([hostnameOf(bytes), portOf(bytes)], [hostname, port]);
  }));
});

Deno.test("encodeSocketAddress() reads every spelling of an IPv6 address, and hostnameOf() gives one that it reads again", () => {
  fc.assert(
    fc.property(groups, port, (groups, port) => {
      const expected = encodeSocketAddress(spellings(groups)[0], port);
      assertEquals([...expected.subarray(8, 24)], groups.flatMap((group) => [group >> 8, group & 0xff]));
      for (const spelling of spellings(groups)) assertEquals(encodeSocketAddress(spelling, port), expected, spelling);
      const hostname = hostnameOf(expected);
      assertEquals(encodeSocketAddress(hostname, port), expected, hostname);
      assertEquals(portOf(expected), port);
    }),
    { numRuns: 500 },
  );
});

Deno.test("hostnameOf() shortens the longest run of zeros as RFC 5952 has it", () => {
  const shortened: Readonly<Record<string, string>> = {
    "0:0:0:0:0:0:0:0": "::",
    "0:0:0:0:0:0:0:1": "::1",
    "1:0:0:0:0:0:0:0": "1::",
    "2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1",
    "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1",
    "2001:0:0:1:0:0:0:1": "2001:0:0:1::1",
    "fe80:0:0:0:a00:27ff:fe4e:66a1": "fe80::a00:27ff:fe4e:66a1",
  };
  for (const [long, short] of Object.entries(shortened)) assertEquals(hostnameOf(encodeSocketAddress(long, 0)), short);
});

Deno.test("encodeSocketAddress() refuses names and what is no address", () => {
  const refused = [
    "example.com",
    "",
    "256.1.1.1",
    "1.2.3",
    "1.2.3.4.5",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    ":::",
    "1:::2",
    ":1:2:3:4:5:6:7",
    "12345::",
    "g::",
    "1:2:3:4:5:6:7::8",
    "[::1]",
    "::ffff:192.0.2.256",
  ];
  for (const hostname of refused) {
    assertThrows(() => encodeSocketAddress(hostname, 1), RangeError, `Cannot listen on ${hostname}`);
  }
});
