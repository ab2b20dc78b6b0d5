import { isOlderVersion } from "../../server/session/version.ts";
import { assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

Deno.test("isOlderVersion() compares number by number", () => {
  const older: [string, string][] = [
    ["1.2.3", "1.2.4"],
    ["1.9", "1.10"],
    ["0.9.9.9", "1"],
    ["1", "1.0.0.1"],
    ["2.0", "10"],
  ];
  for (const [version, least] of older) {
    assertEquals(isOlderVersion(version, least), true, `${version} < ${least}`);
    assertEquals(isOlderVersion(least, version), false, `${least} > ${version}`);
  }
});

Deno.test("isOlderVersion() counts missing numbers as 0", () => {
  for (const [left, right] of [["1", "1.0"], ["1.2", "1.2.0.0"], ["01.2", "1.02"], ["0", "0.0.0.0"]]) {
    assertEquals([isOlderVersion(left, right), isOlderVersion(right, left)], [false, false]);
  }
});

Deno.test("isOlderVersion() counts what is no version as older, unless every version will do", () => {
  const strange = ["", "v1.2", "1.", ".1", "1..2", "1.2.3.4.5", "1.2-beta", "-1", " 1", "1e9", "9999999999", "1.2\n"];
  for (const version of strange) {
    assertEquals(isOlderVersion(version, "0"), true, version);
    assertEquals(isOlderVersion(version, ""), false, version);
  }
});

Deno.test("isOlderVersion() is an order", () => {
  const version = fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }).map((numbers) => numbers.join("."));
  fc.assert(fc.property(version, version, version, (a, b, c) => {
    assertEquals(isOlderVersion(a, a), false);
    assertEquals(isOlderVersion(a, b) && isOlderVersion(b, a), false);
    if (isOlderVersion(a, b) && isOlderVersion(b, c)) assertEquals(isOlderVersion(a, c), true);
  }));
});
