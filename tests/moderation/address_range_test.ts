import { AddressMap, addressNumber, parseAddressRange } from "../../server/moderation/address_range.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

/** The range of a text that must be one. */
function rangeOf(text: string) {
  const range = parseAddressRange(text);
  assert(!("problem" in range), `${text}: ${"problem" in range ? range.problem : ""}`);
  return range;
}

Deno.test("parseAddressRange() has one spelling for each range", () => {
  const cases = [
    ["203.0.113.7", "203.0.113.7/32"],
    ["203.0.113.7/24", "203.0.113.0/24"],
    ["10.255.0.1/8", "10.0.0.0/8"],
    ["::ffff:203.0.113.7", "203.0.113.7/32"],
    ["::ffff:203.0.113.7/120", "203.0.113.0/24"],
    ["2001:DB8:0:0::1", "2001:db8::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8::1/128", "2001:db8::1/128"],
    ["2001:db8:ffff::/32", "2001:db8::/32"],
    ["::1", "::1/128"],
    ["fe80::/16", "fe80::/16"],
  ];
  for (const [text, expected] of cases) {
    assertEquals(rangeOf(text).text, expected);
    assertEquals(rangeOf(expected), rangeOf(text));
  }
});

Deno.test("parseAddressRange() refuses what is no range, and ranges too wide", () => {
  const texts = [
    ..."|localhost|1.2.3|1.2.3.256|1.2.3.4/|1.2.3.4/33|1.2.3.4/-1|1.2.3.4/08|1.2.3.4/8/8|1.2.3.4 ".split("|"),
    ...["2001:db8::/129", "2001:db8:::1", ":", "1::2::3", "[::1]", "fe80::1%eth0", "1.2.3.4/7", "0.0.0.0/0", "::/0"],
    ...["2001:db8::/15", "::ffff:1.2.3.4/103", "g::1", "1.2.3.4/0x8"],
  ];
  for (const text of texts) assert("problem" in parseAddressRange(text), `${JSON.stringify(text)} must be refused`);
});

Deno.test("addressNumber() is the same for both spellings of an IPv4 address, and leaves zones out", () => {
  assertEquals(addressNumber("203.0.113.7"), addressNumber("::ffff:cb00:7107"));
  assertEquals(addressNumber("fe80::1%eth0"), addressNumber("fe80:0:0:0:0:0:0:1"));
  assertEquals([addressNumber("unix"), addressNumber(""), addressNumber("::1")], [null, null, 1n]);
});

Deno.test("AddressMap.find() finds a banned IPv6 address again wherever in its /64 it moves, and no neighbour", () => {
  const map = new AddressMap<string>();
  map.set(rangeOf("2001:db8:1:2:aaaa::1"), "banned");
  const find = (address: string) => map.find(address, () => true);
  assertEquals([find("2001:db8:1:2::"), find("2001:db8:1:2:ffff:ffff:ffff:ffff")], ["banned", "banned"]);
  assertEquals([find("2001:db8:1:1::1"), find("2001:db8:1:3::1")], [undefined, undefined]);
});

Deno.test("AddressMap.find() finds no IPv4 address in a range of IPv6 that begins with zeros", () => {
  const map = new AddressMap<string>();
  for (const text of ["::/64", "::/16", "::1"]) map.set(rangeOf(text), text);
  const find = (address: string) => map.find(address, () => true);
  assertEquals([find("203.0.113.7"), find("::ffff:203.0.113.7")], [undefined, undefined]);
  assertEquals([find("::1") !== undefined, find("::2")], [true, "::/64"]);
});

Deno.test("AddressMap.find() finds what holds an address, and only that", () => {
  const map = new AddressMap<string>();
  for (const text of ["203.0.113.0/24", "203.0.113.7", "2001:db8::/32"]) map.set(rangeOf(text), text);
  const find = (address: string) => map.find(address, () => true);
  assertEquals(find("203.0.113.255"), "203.0.113.0/24");
  assertEquals(find("::ffff:203.0.113.1"), "203.0.113.0/24");
  assertEquals(find("2001:db8:1:2::3"), "2001:db8::/32");
  for (const address of ["203.0.112.255", "203.0.114.0", "2001:db9::1", "::1", "nowhere"]) {
    assertEquals(find(address), undefined, address);
  }
  assertEquals(map.find("203.0.113.7", (text) => !text.includes("/")), "203.0.113.7");
  assertEquals(map.find("203.0.113.7", () => false), undefined);
  map.clear();
  assertEquals(find("203.0.113.7"), undefined);
});

Deno.test("AddressMap.find() agrees with comparing bit by bit", () => {
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.ipV4(), fc.integer({ min: 8, max: 32 })), { maxLength: 20 }),
    fc.ipV4(),
    fc.nat(19),
    fc.nat(255),
    (ranges, stranger, index, low) => {
      const map = new AddressMap<string>();
      for (const [address, length] of ranges) map.set(rangeOf(`${address}/${length}`), "held");
      const bits = (address: string) =>
        address.split(".").map((part) => Number(part).toString(2).padStart(8, "0")).join("");
      const neighbour = ranges[index]?.[0].replace(/\d+$/, String(low)) ?? stranger;
      for (const address of [stranger, neighbour]) {
        const isHeld = ranges.some(([other, length]) =>
          bits(other).slice(0, length) === bits(address).slice(0, length)
        );
        assertEquals(map.find(address, () => true), isHeld ? "held" : undefined);
      }
    },
  ));
});

Deno.test("parseAddressRange() takes any text, and its own spelling again", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.ipV6(),
        fc.tuple(fc.ipV6(), fc.nat(140)).map((parts) => parts.join("/")),
      ),
      (text) => {
        const range = parseAddressRange(text);
        if (!("problem" in range)) assertEquals(rangeOf(range.text), range);
      },
    ),
  );
});
