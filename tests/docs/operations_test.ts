import { drillsOf } from "../../server/process/drills.ts";
import { EXIT_STATUSES } from "../../server/process/exit_statuses.ts";
import { createCounterBlock } from "../../server/ops/counters.ts";
import { METRICS_CONTENT_TYPE, renderMetrics } from "../../server/ops/metrics.ts";
import { Monitor } from "../../server/ops/monitor.ts";
import { EXIT_HANG, type Supervisor } from "../../server/process/supervisor.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { sourceFiles } from "../support/source_files.ts";
import { MarkdownDocument, ROOT } from "./markdown.ts";
import { EXIT_CONFIG } from "../../shared/errors.ts";

const DOCUMENT = await MarkdownDocument.read("docs/operations.md");

function plain(cell: string): string {
  return cell.replaceAll("`", "");
}

Deno.test("docs/operations.md explains every metric with its labels", async () => {
  let nowMs = 0;
  const monitor = new Monitor({ nowMs: () => nowMs++ });
  monitor.attach("logic", createCounterBlock());
  for (let sample = 0; sample < 2; sample++) monitor.sample();
  const text = await renderMetrics(monitor);
  assert(METRICS_CONTENT_TYPE.startsWith("text/plain"));
  const labels = new Map<string, Set<string>>();
  for (const [, name] of text.matchAll(/^# TYPE (\w+)/gm)) labels.set(name, new Set());
  for (const [, name, list] of text.matchAll(/^(\w+)\{(.*)\}/gm)) {
    for (const [, label] of list.matchAll(/(\w+)="/g)) labels.get(name)?.add(label);
  }
  const expected = [...labels].map(([name, set]) => set.size === 0 ? name : `${name}{${[...set].join(",")}}`);
  const documented = DOCUMENT.section("Metrics").table("Metric").map((row) => plain(row.Metric));
  assertEquals(documented.sort(), expected.sort());
});

Deno.test("docs/operations.md explains every drill, and shows the call of each", () => {
  const drills = [...drillsOf({} as Supervisor).keys()];
  const section = DOCUMENT.section("Drills");
  assertEquals(section.table("Drill").map((row) => plain(row.Drill)), drills);
  for (const drill of drills) assert(section.codeBlocks("sh")[0].includes(`/drill/${drill}`), drill);
});

Deno.test("docs/operations.md's exit statuses are the server's", () => {
  const documented = DOCUMENT.section("Starting and stopping").table("Exit status");
  assertEquals(
    documented.map((row) => ({ status: row["Exit status"], meaning: row.Meaning })),
    EXIT_STATUSES,
  );
  for (const status of [EXIT_HANG, EXIT_CONFIG]) assert(EXIT_STATUSES.some((row) => row.status === String(status)));
});

Deno.test("docs/operations.md's log messages are those of the server", async () => {
  const sources: string[] = [];
  for (const folder of ["server", "games"]) {
    for (const file of await sourceFiles(folder)) sources.push(await Deno.readTextFile(new URL(file, ROOT)));
  }
  for (const { Message: message, Level: level } of DOCUMENT.section("Logs").table("Message")) {
    const quoted = `"${plain(message)}"`;
    const found = sources.map((source) => source.slice(0, source.indexOf(quoted))).find((before, index) =>
      sources[index].includes(quoted) && before.slice(-80).includes(level)
    );
    assert(found !== undefined, `No ${level} of the server says ${message}`);
  }
});
