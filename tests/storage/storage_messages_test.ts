import { decodeError, encodeError } from "../../server/storage/storage_messages.ts";
import { ConfigError, DependencyError } from "../../shared/errors.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("decodeError() gives back class, code, message and cause after a structured clone", () => {
  const cause = new Error("database or disk is full");
  const originals = [
    new DependencyError("unavailable", "Cannot run it", { cause }),
    new DependencyError("conflict", "Cannot run it"),
    new ConfigError(["one problem", "another"]),
    new RangeError("out of range"),
    new TypeError("wrong type"),
  ];
  for (const original of originals) {
    const copy = decodeError(structuredClone(encodeError(original)));
    assert(copy instanceof original.constructor, original.name);
    assertEquals(copy.message, original.message);
    if (original instanceof DependencyError) assertEquals((copy as DependencyError).code, original.code);
    if (original instanceof ConfigError) assertEquals((copy as ConfigError).problems, original.problems);
  }
  const copy = decodeError(structuredClone(encodeError(originals[0])));
  assert(copy.cause instanceof Error);
  assertEquals(copy.cause.message, cause.message);
});

Deno.test("decodeError() keeps the name of an unknown error in its message", () => {
  const copy = decodeError(encodeError(new SyntaxError("no such thing")));
  assertEquals(copy.message, "SyntaxError: no such thing");
});
