import { assertEquals } from "../support/assert.ts";
import { type Deed, type OwnerSample, problemsOf } from "./partition_history.ts";

const DEED: Deed = {
  ...{ player: "anna", serverId: 1, kind: "found", guild: "Foxes" },
  ...{ askedAtMs: 10_000, answeredAtMs: 10_100, outcome: "done" },
};
const SAMPLE: OwnerSample = { atMs: 10_000, player: "anna", epoch: 1, serverId: 1, incarnation: "run 1" };
const FOXES = new Map([["anna", "Foxes"]]);
const NONE = new Map<string, string>();

Deno.test("problemsOf() has nothing to say of a history in which all is well", () => {
  const samples = [SAMPLE, { ...SAMPLE, atMs: 20_000, serverId: null, incarnation: null }, {
    ...{ ...SAMPLE, atMs: 21_000, epoch: 2, serverId: 2, incarnation: "run 2" },
  }];
  assertEquals(problemsOf([DEED], samples, FOXES), []);
  const left: Deed = { ...DEED, kind: "leave", serverId: 2, askedAtMs: 21_000, answeredAtMs: 21_100 };
  assertEquals(problemsOf([DEED, left], samples, NONE), []);
  assertEquals(problemsOf([DEED, { ...left, outcome: "refused" }], samples, FOXES), []);
});

Deno.test("problemsOf() finds an epoch that falls, and one that two servers have", () => {
  const fallen = [{ ...SAMPLE, epoch: 3 }, SAMPLE];
  assertEquals(problemsOf([], fallen, NONE), ["anna had epoch 1 after 3"]);
  const shared = [SAMPLE, { ...SAMPLE, incarnation: "run 2", serverId: 2 }];
  assertEquals(problemsOf([], shared, NONE), ["anna had two owners in epoch 1: run 1 and run 2"]);
});

Deno.test("problemsOf() finds what a server did for a player who was on another one all the time", () => {
  const samples = [{ ...SAMPLE, serverId: 2 }, { ...SAMPLE, serverId: 2, atMs: 11_000 }];
  assertEquals(problemsOf([DEED], samples, FOXES), ["Server 1 did something for anna (Foxes), who was on 2"]);
  assertEquals(problemsOf([{ ...DEED, outcome: "unknown" }], samples, FOXES), []);
  const unseen = { ...SAMPLE, epoch: 2, serverId: null, incarnation: null, atMs: 11_000 };
  assertEquals(problemsOf([DEED], [...samples.slice(0, 1), unseen], FOXES), [], "Its owner was there for a moment");
});

Deno.test("problemsOf() finds what was answered and is not there, where nothing later explains it", () => {
  const lost = ["anna is in no guild and was told of Foxes"];
  assertEquals(problemsOf([DEED], [SAMPLE], NONE), lost);
  const maybe: Deed = { ...DEED, kind: "leave", outcome: "unknown", askedAtMs: 11_000 };
  assertEquals(problemsOf([DEED, maybe], [SAMPLE], NONE), []);
  const longAgo = { ...DEED, askedAtMs: 60_000, answeredAtMs: 60_100 };
  assertEquals(problemsOf([maybe, longAgo], [SAMPLE], NONE), lost);
});

Deno.test("problemsOf() finds what was lost or done twice in between, whatever came of it later", () => {
  const leave: Deed = { ...DEED, kind: "leave", askedAtMs: 30_000, answeredAtMs: 30_100 };
  const again: Deed = { ...DEED, guild: "Hares", askedAtMs: 31_000, answeredAtMs: 31_100 };
  const refused: Deed = { ...leave, outcome: "refused", isInGuild: false };
  const hares = new Map([["anna", "Hares"]]);
  assertEquals(problemsOf([DEED, refused, again], [], hares), [
    "anna heard that it is in no guild, and was in Foxes",
    "anna founded Hares, and was in Foxes",
  ]);
  assertEquals(problemsOf([DEED, leave, leave], [], NONE), ["anna left Foxes, and was in no guild"]);
  assertEquals(problemsOf([DEED, leave, { ...again, outcome: "refused", isInGuild: true }], [], NONE), [
    "anna heard that it is in a guild, and was in no guild",
  ]);
  assertEquals(problemsOf([DEED, leave, again], [], hares), []);
});

Deno.test("problemsOf() takes what had no answer for done or not, until it is too late for it", () => {
  const founded: Deed = { ...DEED, outcome: "unknown" }, refusedAtMs = 20_000;
  const refused: Deed = { ...DEED, guild: "Hares", askedAtMs: refusedAtMs, outcome: "refused" };
  for (const isInGuild of [true, false]) assertEquals(problemsOf([founded, { ...refused, isInGuild }], [], FOXES), []);
  const late: Deed = { ...refused, askedAtMs: 60_000, isInGuild: false };
  assertEquals(problemsOf([founded, late], [], FOXES), ["anna is in Foxes and was told of no guild"]);
  const left: Deed = { ...DEED, kind: "leave", outcome: "unknown", askedAtMs: 30_000 };
  assertEquals(
    problemsOf([DEED, left, { ...DEED, askedAtMs: 31_000 }], [], FOXES),
    [],
    "It was left, and founded anew",
  );
});
