import type { Link } from "../../server/session/link.ts";
import { Sources } from "../../server/session/sources.ts";
import { assertEquals } from "../support/assert.ts";

function linkOf(address: string, slot: number): Link {
  return { info: { address }, worker: 0, slot, generation: 1 } as unknown as Link;
}

/** How many sources connections from these addresses are. */
function countSources(addresses: string[], floodControl = true): number {
  const sources = new Sources({ floodControl, trustedAddresses: ["10.0.0.0/8"] });
  return new Set(addresses.map((address, slot) => sources.of(linkOf(address, slot)))).size;
}

Deno.test("Sources.of() makes one source of an address, and of an IPv6 network, and one of each trusted connection", () => {
  assertEquals(countSources(["192.0.2.1", "192.0.2.1", "192.0.2.2"]), 2);
  assertEquals(countSources(["2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"]), 2);
  assertEquals(countSources(["10.0.0.1", "10.0.0.1", "10.0.0.2"]), 3);
  assertEquals(countSources(["192.0.2.1", "192.0.2.1"], false), 2);
});
