import { parseMemoryOptions } from "../../bench/memory.ts";
import { SERVE_ENVIRONMENT, SERVE_V8_FLAGS } from "../../bench/peer_contenders.ts";
import { ConfigError } from "../../shared/errors.ts";
import { assert, assertEquals, assertThrows } from "../support/assert.ts";

Deno.test("SERVE_V8_FLAGS and SERVE_ENVIRONMENT are those of the serve task", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const [[name, value]] = Object.entries(SERVE_ENVIRONMENT);
  assert(tasks.serve.command.startsWith(`${name}=${value} deno `), tasks.serve.command);
  assert(tasks.serve.command.includes(` --v8-flags=${SERVE_V8_FLAGS} `), tasks.serve.command);
});

Deno.test("parseMemoryOptions() takes backends and transports by name and names every problem", () => {
  const options = parseMemoryOptions([
    "--sessions=500",
    "--backends",
    "epoll",
    "--transports",
    "ws,tcp,ws",
    "--v8",
    "none",
  ]);
  assertEquals(options, {
    v8Flags: "none",
    sessions: 500,
    backends: ["epoll"],
    transports: ["ws", "tcp"],
    hold: 20,
    storm: 60,
    calm: 20,
  });
  const { problems } = assertThrows(
    () => parseMemoryOptions(["--transports", "udp", "--sesions", "--storm=-1", "--v8=rm -rf"]),
    ConfigError,
  );
  assertEquals(problems, [
    'Cannot use --transports "udp": expected some of tcp, ws, separated by commas',
    "Unknown flag --sesions",
    'Cannot use --storm "-1": expected a number from 0 to 3600',
    'Cannot use --v8 "rm -rf": expected flags',
  ]);
});
