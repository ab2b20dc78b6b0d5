import { hostPort, isHost, isLoopback, isWildcard } from "../../server/base/host.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("isLoopback() holds for every spelling of this machine and no other host", () => {
  for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.255.0.9", "::1", "0:0:0:0:0:0:0:1"]) {
    assertEquals(isLoopback(host), true, host);
  }
  for (const host of ["0.0.0.0", "::", "128.0.0.1", "127.0.0.1.example.org", "localhost.example.org", "::2", ""]) {
    assertEquals(isLoopback(host), false, host);
  }
});

Deno.test("isWildcard() holds for 0.0.0.0 and every spelling of ::", () => {
  assertEquals(["0.0.0.0", "::", "0:0::0", "127.0.0.1", "::1", "0.0.0"].map(isWildcard), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("isHost() takes no port, brackets or empty labels", () => {
  assertEquals(["a", "a.b", "", ".", "a.", "a:1", "[::1]", "::1%eth0"].map(isHost), [
    true,
    true,
    false,
    false,
    false,
    false,
    false,
    false,
  ]);
});

Deno.test("hostPort() puts brackets around IPv6 addresses only", () => {
  assertEquals([hostPort("::1", 80), hostPort("a.b", 80)], ["[::1]:80", "a.b:80"]);
});
