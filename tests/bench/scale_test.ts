/** How far a cluster goes, by simulation. @module */

import { COSTS, HABITS, SCALE_COUNTS, SCALE_OPTIONS, scaleTable, simulate } from "../../bench/scale.ts";
import { assert, assertEquals } from "../support/assert.ts";

const OPTIONS = { seconds: 300, seed: 7, onNode: 2_000 };

Deno.test("simulate() gives the same again from the same seed, and something else from another", () => {
  assertEquals(simulate(10_000, OPTIONS), simulate(10_000, OPTIONS));
  assert(simulate(10_000, OPTIONS).mean.postgresCores !== simulate(10_000, { ...OPTIONS, seed: 8 }).mean.postgresCores);
});

Deno.test("simulate() asks nothing of a bus for one server, and the square of several for what all hear", () => {
  const { mean, knownMb, nodes } = simulate(2_000, OPTIONS);
  assertEquals([nodes, mean.natsDeliveries, mean.nodeBusShare, knownMb], [1, 0, 0, 0]);
  const [some, more] = [20_000, 200_000].map((players) => simulate(players, OPTIONS).mean.natsDeliveries);
  assert(more / some > 60 && more / some < 130, `${more / some}`);
});

Deno.test("simulate() comes to what the habits say, on average, and to more at its worst", () => {
  const { mean, worst } = simulate(100_000, OPTIONS);
  const entries = 100_000 / HABITS.sessionSeconds;
  const us = entries * (COSTS.entryUs + COSTS.exitUs) + 100_000 / HABITS.savedEverySeconds * COSTS.saveUs +
    100_000 / HABITS.durableSeconds * COSTS.durableUs;
  const expected = us / 1e6;
  assert(Math.abs(mean.postgresCores / expected - 1) < 0.05, `${mean.postgresCores} for ${expected}`);
  for (const key of ["postgresCores", "lockShare", "natsDeliveries"] as const) assert(worst[key] > mean[key], key);
});

Deno.test("docs/scale.md has the table that the simulation gives", () => {
  const document = Deno.readTextFileSync(new URL("../../docs/scale.md", import.meta.url));
  const plain = (text: string) => text.replace(/ +/g, " ").replace(/-+/g, "-");
  assert(
    plain(document).includes(plain(scaleTable(SCALE_COUNTS, SCALE_OPTIONS)).split("\n").slice(2).join("\n").trim()),
  );
});
