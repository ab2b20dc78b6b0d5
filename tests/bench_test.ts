/** Keeps the benchmarks alive: loading one checks that all it compares do the same, and each body runs once. @module */

import { BENCHES as codecBenches } from "../bench/codec_bench.ts";
import { BENCHES as passwordBenches } from "../bench/password_bench.ts";
import { BENCHES as ringBenches } from "../bench/ring_bench.ts";
import { BENCHES as tokenBucketBenches } from "../bench/token_bucket_bench.ts";
import { BENCHES as websocketBenches } from "../bench/websocket_bench.ts";
import { assert, assertEquals } from "./support/assert.ts";

const FILES: Readonly<Record<string, readonly Deno.BenchDefinition[]>> = {
  "codec_bench.ts": codecBenches,
  "password_bench.ts": passwordBenches,
  "ring_bench.ts": ringBenches,
  "token_bucket_bench.ts": tokenBucketBenches,
  "websocket_bench.ts": websocketBenches,
};
/** Too long to be run in full: its test runs it in small. */
const TESTED_ELSEWHERE = ["world_bench.ts"];

/** What a benchmark may do with its clock. */
const BENCH_CONTEXT: Deno.BenchContext = { name: "", origin: "", start: () => {}, end: () => {} };

for (const [file, benches] of Object.entries(FILES)) {
  for (const { group, name, fn } of benches) {
    Deno.test(`bench/${file} runs ${group}: ${name}`, async () => {
      await fn(BENCH_CONTEXT);
    });
  }

  Deno.test(`bench/${file} compares: each group has one baseline and something else`, () => {
    for (const [group, members] of Map.groupBy(benches, ({ group }) => group)) {
      assertEquals(members.filter(({ baseline }) => baseline === true).length, 1, group);
      assert(members.length > 1, group);
    }
  });
}

Deno.test("bench/ has no benchmark without a test", async () => {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(new URL("../bench/", import.meta.url))) {
    if (name.endsWith("_bench.ts")) files.push(name);
  }
  assertEquals(files.sort(), [...Object.keys(FILES), ...TESTED_ELSEWHERE].sort());
});
