import { assertEquals } from "../support/assert.ts";
import { kindsOf } from "./problem_kinds.ts";

Deno.test("kindsOf() puts problems together whatever they name, the most frequent kind first", () => {
  const lost = "founder4 lost its session";
  const refused = [
    "founder4 was refused to found founder4 1a: FULL",
    "founder9 was refused to found founder9 zz: FULL",
  ];
  assertEquals(kindsOf([lost, ...refused]), [["was refused to found", refused], ["lost its session", [lost]]]);
});
