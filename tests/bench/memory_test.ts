import { parseMemoryOptions } from "../../bench/memory.ts";
import { ConfigError } from "../../shared/errors.ts";
import { assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("parseMemoryOptions() takes backends and transports by name and names every problem", () => {
  const options = parseMemoryOptions(["--sessions=500", "--backends", "epoll", "--transports", "ws,tcp,ws"]);
  assertEquals(options, {
    sessions: 500,
    backends: ["epoll"],
    transports: ["ws", "tcp"],
    hold: 20,
    storm: 60,
    calm: 20,
  });
  const { problems } = assertThrows(
    () => parseMemoryOptions(["--transports", "udp", "--sesions", "--storm=-1"]),
    ConfigError,
  );
  assertEquals(problems, [
    'Cannot use --transports "udp": expected some of tcp, ws, split by commas',
    "Unknown flag --sesions",
    'Cannot use --storm "-1": expected a number from 0 to 3600',
  ]);
});
