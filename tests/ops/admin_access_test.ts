import { bearerToken, cookieValue, isHostAllowed, isSameSecret } from "../../server/ops/admin_access.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("isHostAllowed() takes the names of this machine with any port while listening on loopback", () => {
  for (const host of ["localhost", "LOCALHOST:9090", "127.0.0.1:1", "[::1]:9090", "[::1]", "127.0.0.2:80"]) {
    assertEquals(isHostAllowed(host, "127.0.0.2"), true, host);
  }
});

Deno.test("isHostAllowed() takes no other name while listening on loopback", () => {
  const names = [
    undefined,
    "",
    "evil.example",
    "evil.example:9090",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
  ];
  for (const host of [...names, "127.0.0.1@evil.example", "::1", "localhost:80:90", "192.168.0.1", "0.0.0.0"]) {
    assertEquals(isHostAllowed(host, "127.0.0.1"), false, host);
  }
});

Deno.test("isHostAllowed() takes any name where the site listens for other machines", () => {
  assertEquals(["game.example.org", undefined].map((host) => isHostAllowed(host, "0.0.0.0")), [true, true]);
});

Deno.test("isSameSecret() compares secrets of any length", () => {
  assertEquals([isSameSecret("a", "a"), isSameSecret("a", "b"), isSameSecret("a", "aa"), isSameSecret("", "a")], [
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("bearerToken() reads the token in any spelling of the scheme and nothing else", () => {
  assertEquals(["Bearer t", "bearer  t ", "BEARER t"].map(bearerToken), ["t", "t", "t"]);
  assertEquals([undefined, "", "t", "Basic t", "Bearer", "Bearer a b"].map(bearerToken), Array(6).fill(undefined));
});

Deno.test("cookieValue() finds a cookie among others", () => {
  assertEquals(cookieValue("a=1; b=2=3;c=4", "b"), "2=3");
  assertEquals(
    [cookieValue("ab=1", "b"), cookieValue("b", "b"), cookieValue(undefined, "b")],
    Array(3).fill(undefined),
  );
});
