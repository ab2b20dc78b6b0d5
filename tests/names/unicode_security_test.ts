import {
  hasOneNumberSystem,
  isHighlyRestrictive,
  isIdentifierAllowed,
  skeletonOf,
} from "../../server/names/unicode_security.ts";
import tables from "../../server/names/unicode_security.json" with { type: "json" };
import { unicodeSecurity } from "../../tools/unicode_security.ts";
import { assertEquals } from "../support/assert.ts";

Deno.test("unicodeSecurity() reads Unicode's files", () => {
  const confusables = "# Version: 16.0.0\n0430 ;\t0061 ;\tMA\t# ( а → a )\n00BD ;\t0031 2044 0032 ;\tMA\n";
  const status = "# Version: 16.0.0\n0061..007A    ; Allowed    # 1.1\n00AA ; Restricted\n00B7 ; Allowed\n";
  const { version, allowed, confusables: pairs } = unicodeSecurity(confusables, status);
  assertEquals([version, allowed, pairs], ["16.0.0", "61-7a b7", "430:61 bd:31+2044+32"]);
});

Deno.test("unicode_security.json has as many entries as Unicode 16 has", () => {
  const allowed = tables.allowed.split(" ").reduce((sum, range) => {
    const [from, to = from] = range.split("-").map((code) => parseInt(code, 16));
    return sum + to - from + 1;
  }, 0);
  assertEquals([tables.version, allowed, tables.confusables.split(" ").length], ["16.0.0", 112_778, CONFUSABLES]);
});

/** "total" at the end of confusables.txt. */
const CONFUSABLES = 6_355;

Deno.test("skeletonOf() is UTS 39's skeleton", () => {
  for (
    const [text, skeleton] of [["рауραІ", "paypal"], ["m", "rn"], ["0I1|", "Olll"], ["a\u00adb", "ab"]]
  ) {
    assertEquals(skeletonOf(text).replaceAll("\u2044", "/"), skeleton, text);
  }
});

Deno.test("isHighlyRestrictive() takes one script, or Latin with Japanese, Chinese or Korean", () => {
  for (const text of ["abc", "Иван 1", "東京タワーとTokyo", "민수Kim", "ㄅㄆ漢字a", "123", "👩‍👩‍👧"]) {
    assertEquals(isHighlyRestrictive(text), true, text);
  }
  for (const text of ["aб", "αb", "한かな", "ㄅか", "ابa", "Иα"]) assertEquals(isHighlyRestrictive(text), false, text);
});

Deno.test("isIdentifierAllowed() and hasOneNumberSystem() know letters and digits", () => {
  assertEquals(["aé한", "ａ", "𝐀", "ᚠ", "ㅤ"].map(isIdentifierAllowed), [true, false, false, false, false]);
  assertEquals(["12", "१२", "a1२", "٣۳", "x"].map(hasOneNumberSystem), [true, true, false, false, true]);
});
