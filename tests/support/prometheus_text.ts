/**
 * A reader of Prometheus' text format that is stricter than Prometheus: what it takes, Prometheus takes.
 *
 * @module
 */

import { assert } from "./assert.ts";

/** One line with a value. */
export interface PrometheusSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const COMMENT_LINE = new RegExp(`^# (?:HELP (${NAME}) \\S.*|TYPE (${NAME}) (counter|gauge|histogram))$`);
const SAMPLE_LINE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (\\S+)$`);

/** Reads all samples; fails on a malformed line, a doubled sample, one without HELP and TYPE, and a falling histogram. */
export function parsePrometheusText(text: string): PrometheusSample[] {
  assert(text.endsWith("\n"), "The text must end in a line feed");
  const helped = new Set<string>();
  const types = new Map<string, string>();
  const seen = new Set<string>();
  const samples: PrometheusSample[] = [];
  for (const line of text.split("\n").filter((part) => part !== "")) {
    const comment = COMMENT_LINE.exec(line);
    if (comment !== null) {
      if (comment[1] !== undefined) helped.add(comment[1]);
      else types.set(comment[2], comment[3]);
      continue;
    }
    const match = SAMPLE_LINE.exec(line);
    assert(match !== null, `Malformed line: ${line}`);
    const [, name, labelText = "", valueText] = match;
    assert(!seen.has(name + labelText), `Doubled sample: ${line}`);
    seen.add(name + labelText);
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    assert(types.has(family) && helped.has(family), `No HELP or TYPE before: ${line}`);
    if (types.get(family) === "counter") assert(name.endsWith("_total"), `A counter must end in _total: ${line}`);
    const value = Number(valueText);
    assert(Number.isFinite(value), `Not a number: ${line}`);
    samples.push({ name, labels: parseLabels(labelText), value });
  }
  checkHistograms(samples);
  return samples;
}

function parseLabels(text: string): Record<string, string> {
  const pairs = text.match(new RegExp(LABEL, "g")) ?? [];
  return Object.fromEntries(pairs.map((pair) => {
    const equals = pair.indexOf("=");
    return [pair.slice(0, equals), pair.slice(equals + 2, -1)];
  }));
}

function checkHistograms(samples: readonly PrometheusSample[]): void {
  const last = new Map<string, PrometheusSample>();
  for (const sample of samples.filter(({ name }) => name.endsWith("_bucket"))) {
    const before = last.get(sample.name);
    assert(before === undefined || boundOf(before) < boundOf(sample), `Bounds of ${sample.name} must grow`);
    assert(before === undefined || before.value <= sample.value, `Buckets of ${sample.name} must not fall`);
    last.set(sample.name, sample);
  }
  for (const [name, sample] of last) {
    assert(boundOf(sample) === Infinity, `${name} must end with +Inf`);
    const count = samples.find((other) => other.name === name.replace("_bucket", "_count"))?.value;
    assert(count === sample.value, `${name} must end with its count`);
  }
}

function boundOf({ labels: { le } }: PrometheusSample): number {
  return le === "+Inf" ? Infinity : Number(le);
}
