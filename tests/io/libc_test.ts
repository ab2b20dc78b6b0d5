import { LIBC_PATH, type LibcMachine, libcProblem, THIS_MACHINE } from "../../server/base/libc.ts";
import { assertEquals } from "../support/assert.ts";

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
