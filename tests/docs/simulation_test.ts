/** docs/simulation.md and the planted faults it lists. @module */

import { PLANTED_FAULTS } from "../simulation/planted_faults.ts";
import { assertEquals } from "../support/assert.ts";
import { MarkdownDocument } from "./markdown.ts";

Deno.test("docs/simulation.md lists every planted fault with the rules that find it", async () => {
  const document = await MarkdownDocument.read("docs/simulation.md");
  const rows = document.section("Who judges the judges").table("Planted fault");
  const faults = PLANTED_FAULTS.map(({ name, rules }) => ({ "Planted fault": name, "Found by": rules.join(", ") }));
  assertEquals(rows, faults);
});

Deno.test("docs/simulation.md says what every rule means that a planted fault is found by", async () => {
  const document = await MarkdownDocument.read("docs/simulation.md");
  const rules = new Set(document.section("What is judged").table("Rule").map(({ Rule }) => Rule));
  const missing = PLANTED_FAULTS.flatMap(({ rules }) => rules).filter((rule) => !rules.has(rule));
  assertEquals(missing, []);
});
