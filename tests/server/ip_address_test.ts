import {
  addressGroup,
  AddressRanges,
  canonicalRange,
  formatIpAddress,
  isIpv4,
  parseIpAddress,
} from "../../server/base/ip_address.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const bytes16 = fc.uint8Array({ minLength: 16, maxLength: 16 });

Deno.test("parseIpAddress() gives back what formatIpAddress() wrote, for every address", () => {
  const mapped = fc.ipV4().map((text) => parseIpAddress(text)!);
  fc.assert(fc.property(fc.oneof(bytes16, mapped), (bytes) => {
    assertEquals([...parseIpAddress(formatIpAddress(bytes))!], [...bytes]);
  }));
});

Deno.test("parseIpAddress() reads every spelling of one address alike", () => {
  for (
    const [text, ...others] of [
      ["127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:FFFF:7F00:0001"],
      ["::1", "0:0:0:0:0:0:0:1", "0000::0001", "::0.0.0.1"],
      ["2001:db8::1", "2001:0DB8:0:0:0:0:0:1", "2001:db8:0::0:1"],
    ]
  ) {
    for (const other of others) assertEquals(formatIpAddress(parseIpAddress(other)!), text, other);
  }
  assert(isIpv4(parseIpAddress("::ffff:192.0.2.1")!) && !isIpv4(parseIpAddress("::192.0.2.1")!));
});

Deno.test("parseIpAddress() gives null for what is no address", () => {
  for (
    const text of [
      ...["", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.-4", " 1.2.3.4", "localhost", "[::1]", "::1%lo"],
      ...["1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", ":::", "1::2::3", "12345::", "::1.2.3", "1.2.3.4::", "::256.0.0.1"],
      "0:".repeat(10_000),
    ]
  ) assertEquals(parseIpAddress(text), null, text.slice(0, 40));
});

Deno.test("parseIpAddress() gives null or 16 bytes for any text", () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."0123456789abcdef:./"), maxLength: 50 }));
  fc.assert(fc.property(text, (text) => [null, 16].includes(parseIpAddress(text)?.length ?? null)));
});

Deno.test("addressGroup() names an IPv4 address, the /64 of an IPv6 address, and leaves what is neither", () => {
  assertEquals(addressGroup("192.0.2.1"), "192.0.2.1");
  assertEquals(addressGroup("::ffff:192.0.2.1"), "192.0.2.1");
  assertEquals(addressGroup("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
  assertEquals(addressGroup("2001:db8:1:2:ffff::"), addressGroup("2001:db8:1:2::1"));
  assert(addressGroup("2001:db8:1:3::1") !== addressGroup("2001:db8:1:2::1"));
  assertEquals(addressGroup(""), "");
});

Deno.test("AddressRanges.contains() agrees with arithmetic on bits, for every range and address", () => {
  const bitsOf = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  fc.assert(fc.property(bytes16, fc.integer({ min: 0, max: 128 }), fc.nat(127), bytes16, (base, bits, flip, other) => {
    const text = bitsOf(base).slice(0, bits).padEnd(128, "0");
    const network = new Uint8Array(16).map((_, at) => parseInt(text.slice(at * 8, at * 8 + 8), 2));
    // Written as IPv4 the bits would be counted from there.
    fc.pre(!isIpv4(network));
    const ranges = new AddressRanges([`${formatIpAddress(network)}/${bits}`]);
    const near = network.slice();
    near[flip >> 3] ^= 0x80 >> (flip & 7);
    for (const address of [base, near, other]) {
      assertEquals(ranges.contains(address), bitsOf(address).startsWith(text.slice(0, bits)));
    }
  }));
});

Deno.test("AddressRanges holds IPv4 addresses however they are written, and nothing of what is none", () => {
  const ranges = new AddressRanges(["127.0.0.0/8", "::1", "10.1.2.3"]);
  for (const text of ["127.0.0.1", "127.255.255.255", "::ffff:127.9.9.9", "::1", "10.1.2.3"]) {
    assert(ranges.containsText(text), text);
  }
  for (const text of ["128.0.0.1", "126.255.255.255", "::2", "10.1.2.4", "", "::ffff:0:1", "x"]) {
    assert(!ranges.containsText(text), text);
  }
  assert(new AddressRanges([]).empty && !new AddressRanges([]).containsText("127.0.0.1"));
  assert(
    new AddressRanges(["0.0.0.0/0"]).containsText("9.9.9.9") && !new AddressRanges(["0.0.0.0/0"]).containsText("::1"),
  );
  assertThrows(() => new AddressRanges(["10.0.0.1/8"]), RangeError);
});

Deno.test("canonicalRange() gives one spelling, and none of what has bits beyond its length", () => {
  assertEquals(canonicalRange("10.0.0.0/8"), "10.0.0.0/8");
  assertEquals(canonicalRange("192.0.2.1/32"), "192.0.2.1");
  assertEquals(canonicalRange("::ffff:10.0.0.0/104"), "10.0.0.0/8");
  assertEquals(canonicalRange("2001:DB8:0::/32"), "2001:db8::/32");
  assertEquals(canonicalRange("::1/128"), "::1");
  assertEquals(canonicalRange("::/0"), "::/0");
  for (
    const text of ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-1", "2001:db8::1/32", "a/8"]
  ) {
    assertEquals(canonicalRange(text), undefined, text);
  }
});
