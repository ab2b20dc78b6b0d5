/** docs/simulation.md and the planted faults it lists. @module */

import { CLUSTER_FAULTS } from "../simulation/cluster_faults.ts";
import { PLANTED_FAULTS } from "../simulation/planted_faults.ts";
import { assertEquals } from "../support/assert.ts";
import { MarkdownDocument } from "./markdown.ts";

for (
  const { faults, judges, of } of [
    { of: "of one server", faults: PLANTED_FAULTS, judges: ["Who judges the judges", "What is judged"] },
    { of: "of several", faults: CLUSTER_FAULTS, judges: ["Several servers on one database"] },
  ]
) {
  Deno.test(`docs/simulation.md lists every planted fault ${of} with the rules that find it, and says what they mean`, async () => {
    const document = await MarkdownDocument.read("docs/simulation.md");
    const [listed, ruled = listed] = judges.map((title) => document.section(title));
    const expected = faults.map(({ name, rules }) => ({ "Planted fault": name, "Found by": rules.join(", ") }));
    assertEquals(listed.table("Planted fault"), expected);
    const rules = new Set(ruled.table("Rule").map(({ Rule }) => Rule));
    assertEquals(faults.flatMap(({ rules }) => rules).filter((rule) => !rules.has(rule)), []);
  });
}
