import { LIBC_PATH, type LibcMachine, libcProblem, openMonotonicClock, THIS_MACHINE } from "../../server/base/libc.ts";
import { assert, assertEquals } from "../support/assert.ts";

const GOOD: LibcMachine = { path: "/lib/libc.so.6", target: "aarch64-linux", isGranted: () => true, open: () => {} };

Deno.test("libcProblem() names what is missing: the kind of machine, the permission, the library itself", () => {
  assertEquals(libcProblem(GOOD), undefined);
  assertEquals(
    libcProblem({ ...GOOD, path: undefined, target: "aarch64-apple-darwin" }),
    "it needs Linux on x86_64 or aarch64, this is aarch64-apple-darwin",
  );
  assertEquals(libcProblem({ ...GOOD, isGranted: () => false }), "start with --allow-ffi=/lib/libc.so.6");
  const open = () => {
    throw new Error("no such file");
  };
  assertEquals(libcProblem({ ...GOOD, open }), "it needs the GNU C library (no such file)");
});

Deno.test({
  name: "libcProblem() finds none on Linux",
  ignore: Deno.build.os !== "linux",
  fn: () => assertEquals([libcProblem(THIS_MACHINE), typeof LIBC_PATH], [undefined, "string"]),
});

Deno.test("openMonotonicClock() gives milliseconds that pass as performance.now() has them, and never go back", () => {
  const { close, readMs } = openMonotonicClock();
  // Between two looks at one clock lies a look at the other, however long the thread is kept waiting.
  const outerStartMs = performance.now();
  const startMs = readMs();
  const innerStartMs = performance.now();
  let lastMs = startMs;
  for (let look = 0; look < 1_000; look++) {
    const nowMs = readMs();
    assert(nowMs >= lastMs, `${nowMs} came after ${lastMs}`);
    lastMs = nowMs;
  }
  const innerEndMs = performance.now();
  const passedMs = readMs() - startMs;
  const outerEndMs = performance.now();
  // Half a millisecond for the rounding of the two.
  assert(passedMs >= innerEndMs - innerStartMs - 0.5, `${passedMs} ms passed`);
  assert(passedMs <= outerEndMs - outerStartMs + 0.5, `${passedMs} ms passed`);
  close();
});
