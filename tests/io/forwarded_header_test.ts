import { HttpError } from "../../gateway/http.ts";
import { readForwarded } from "../../server/io/forwarded_header.ts";
import { AddressRanges, formatIpAddress } from "../../server/base/ip_address.ts";
import { FORWARDED_HOPS_MAX } from "../../shared/limits.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const PROXIES = new AddressRanges(["10.0.0.0/8", "fd00::/8"]);

/** Whom the fields name. */
function client(fields: { readonly list?: string; readonly standard?: string }): string | null {
  const headers = new Map<string, string>();
  if (fields.list !== undefined) headers.set("x-forwarded-for", fields.list);
  if (fields.standard !== undefined) headers.set("forwarded", fields.standard);
  return readForwarded(headers, PROXIES);
}

/** How they are refused. */
function refusal(fields: { readonly list?: string; readonly standard?: string }): string {
  const error = assertThrows(() => client(fields), HttpError);
  assertEquals(error.status, 400);
  return error.message.replace("Cannot accept request: ", "");
}

Deno.test("readForwarded() takes the right-most hop of X-Forwarded-For that is no trusted proxy", () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["192.0.2.1", "192.0.2.1"],
    ["198.51.100.9, 192.0.2.1", "192.0.2.1"],
    ["198.51.100.9,192.0.2.1 ,\t10.0.0.1,10.0.0.2", "192.0.2.1"],
    // Left of the client stands what the client wrote.
    ["<script>, 192.0.2.1", "192.0.2.1"],
    [",,, , 192.0.2.1", "192.0.2.1"],
    ["192.0.2.1:50000", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0::1", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:443, fd00::5", "2001:db8::1"],
    // The client is a trusted one.
    ["10.0.0.7, 10.0.0.2", "10.0.0.7"],
    ["10.0.0.7", "10.0.0.7"],
    ["unknown", null],
    ["192.0.2.1, unknown", null],
    ["_hidden, 10.0.0.2", "10.0.0.2"],
    ["", null],
  ];
  assertEquals(cases.map(([list]) => client({ list })), cases.map(([, expected]) => expected));
});

Deno.test("readForwarded() takes the right-most for= of Forwarded that is no trusted proxy", () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["for=192.0.2.1", "192.0.2.1"],
    ["For=192.0.2.1;proto=https;by=10.0.0.1", "192.0.2.1"],
    ['for="192.0.2.1:80" ; host="a, for=198.51.100.9"', "192.0.2.1"],
    ['for=198.51.100.9, proto=http;for="[2001:db8::1]:4711", for=10.0.0.1', "2001:db8::1"],
    ['for="[2001:\\db8::1]"', "2001:db8::1"],
    ["for=198.51.100.9, for=192.0.2.1;;proto=https;, for=10.0.0.9", "192.0.2.1"],
    ["for=unknown", null],
    ["for=192.0.2.1, for=_x-1", null],
    // A proxy that says nothing of the client.
    ["for=192.0.2.1, proto=https", null],
    ["", null],
  ];
  assertEquals(cases.map(([standard]) => client({ standard })), cases.map(([, expected]) => expected));
});

Deno.test("readForwarded() refuses what cannot be read, and fields that disagree", () => {
  const list = "X-Forwarded-For holds no address";
  const standard = "Forwarded is malformed";
  const cases: readonly (readonly [Parameters<typeof client>[0], string])[] = [
    [{ list: "192.0.2.256" }, list],
    [{ list: "192.0.2.1," }, list],
    [{ list: "192.0.2.1, " }, list],
    [{ list: "192.0.2.1 10.0.0.1" }, list],
    [{ list: "garbage, 10.0.0.1" }, list],
    [{ list: "[192.0.2.1]" }, list],
    [{ list: "192.0.2.1:" }, list],
    [{ list: "192.0.2.1:123456" }, list],
    [{ list: "[2001:db8::1" }, list],
    [{ list: "fe80::1%eth0" }, list],
    [{ list: "example.org" }, list],
    [{ standard: "for=" }, standard],
    [{ standard: "for" }, standard],
    [{ standard: "for=192.0.2.1;for=192.0.2.2" }, standard],
    [{ standard: "for=2001:db8::1" }, standard],
    [{ standard: 'for="2001:db8::1"' }, standard],
    [{ standard: 'for="192.0.2.1' }, standard],
    [{ standard: 'for="192.0.2.1"x' }, standard],
    [{ standard: "for =192.0.2.1" }, standard],
    [{ standard: "192.0.2.1" }, standard],
    // The client's own quote does not swallow what the proxy appends to it.
    [{ standard: 'for=198.51.100.9;x=", for=192.0.2.1' }, standard],
    [{ standard: 'for=198.51.100.9;x=", for="[2001:db8::1]"' }, standard],
    [{ list: "192.0.2.1", standard: "for=192.0.2.2" }, "X-Forwarded-For and Forwarded name different clients"],
    [{ list: "192.0.2.1", standard: "" }, "X-Forwarded-For and Forwarded name different clients"],
  ];
  assertEquals(cases.map(([fields]) => refusal(fields)), cases.map(([, expected]) => expected));
  assertEquals(client({ list: "192.0.2.1", standard: 'for="192.0.2.1:80"' }), "192.0.2.1");
});

Deno.test("readForwarded() reads so many hops and no more", () => {
  const hops = (count: number) => new Array<string>(count).fill("10.0.0.1");
  assertEquals(client({ list: hops(FORWARDED_HOPS_MAX).join() }), "10.0.0.1");
  assert(refusal({ list: hops(FORWARDED_HOPS_MAX + 1).join() }).includes(`over ${FORWARDED_HOPS_MAX} hops`));
  const standard = (count: number) => hops(count).map((hop) => `for=${hop}`).join();
  assertEquals(client({ standard: standard(FORWARDED_HOPS_MAX) }), "10.0.0.1");
  assert(refusal({ standard: standard(FORWARDED_HOPS_MAX + 1) }).includes(`over ${FORWARDED_HOPS_MAX} hops`));
  // What the client wrote itself is not read at all.
  assertEquals(client({ list: `${new Array(5_000).fill("x").join()}, 192.0.2.1` }), "192.0.2.1");
});

const address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }).filter(([first]) => first !== 10).map((bytes) => bytes.join(".")),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).filter(([first]) => first > 0 && first !== 0xfd).map(formatIpAddress),
);
const proxies = fc.array(fc.tuple(fc.nat(255), fc.nat(255)).map(([a, b]) => `10.0.${a}.${b}`), { maxLength: 4 });

Deno.test("readForwarded() gives whom the first trusted proxy saw, whatever that peer wrote before", () => {
  const words = fc.string({ maxLength: 40 });
  fc.assert(fc.property(words, address, proxies, (words, seen, more) => {
    assertEquals(client({ list: [words, seen, ...more].join(", ") }), seen);
    const node = (hop: string) => hop.includes(":") ? `for="[${hop}]"` : `for=${hop}`;
    // Malformed words are refused; no words make another client of it.
    const standard = [words, ...[seen, ...more].map(node)].join(", ");
    try {
      assertEquals(client({ standard }), seen);
    } catch (error) {
      assert(error instanceof HttpError, String(error));
    }
  }));
});
