import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { backends, backendsOf, count, helpText, json, parseOptions, seed } from "./options.ts";

const OPTIONS = { kills: count(100, 1, 1_000, "servers to kill"), seed: seed(), backend: backends(), json: json() };

Deno.test("parseOptions() gives each option as given, or what it is unless given", () => {
  const values = parseOptions(["--kills", "7", "--backend", "deno", "--json", "out.json"], OPTIONS);
  assertEquals(values, { kills: 7, seed: OPTIONS.seed.fallback, backend: "deno", json: "out.json" });
  assertEquals(parseOptions([], OPTIONS).kills, 100);
});

Deno.test("parseOptions() says what is wrong, and what is allowed", () => {
  for (const text of ["0", "1001", "many", "1.5", ""]) {
    const what = `Cannot read --kills: it is ${text}, allowed is an integer from 1 to 1000`;
    assertThrows(() => parseOptions(["--kills", text], OPTIONS), RangeError, what);
  }
  assertThrows(() => parseOptions(["--kill", "7"], OPTIONS), RangeError, "--kill");
  assertThrows(() => parseOptions(["7"], OPTIONS), RangeError);
});

Deno.test("helpText() names every option with its placeholder and what it is unless given", () => {
  const text = helpText("soak:kill", OPTIONS);
  assert(text.startsWith("Usage: deno task soak:kill [options]\n"));
  for (const line of ["--kills N", "servers to kill (100)", "--json FILE"]) assert(text.includes(line), text);
});

Deno.test("backendsOf() gives each backend for both, and one for its name", () => {
  assertEquals(backendsOf("deno"), ["deno"]);
  assert(backendsOf("both").includes("deno"));
});
