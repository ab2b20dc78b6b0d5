import { assert as hold, AssertionError, ConfigError, DependencyError, ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("assert() throws an AssertionError when its condition is falsy, and only then", () => {
  hold(1, "One is true");
  assertThrows(() => hold(0, "Zero is false"), AssertionError, "Zero is false");
});

Deno.test("ProtocolError keeps what the peer is told", () => {
  const error = new ProtocolError(DisconnectReason.FLOOD, "Cannot accept packet");
  assertEquals([error.reason, error.name, error.message], [
    DisconnectReason.FLOOD,
    "ProtocolError",
    "Cannot accept packet",
  ]);
});

Deno.test("ConfigError lists every problem", () => {
  const error = new ConfigError(["a is 1", "b is 2"]);
  assertEquals([error.name, error.message], ["ConfigError", "Cannot use configuration: a is 1; b is 2"]);
});

Deno.test("DependencyError keeps its code and its cause", () => {
  const cause = new Error("disk full");
  const error = new DependencyError("unavailable", "Cannot save", { cause });
  assertEquals([error.code, error.cause, error.name], ["unavailable", cause, "DependencyError"]);
});
