/** A flag that a task does not know is refused before anything is started or written. @module */

import { assert, assertEquals } from "../support/assert.ts";
import { EXIT_CONFIG } from "../../shared/errors.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const FLAG = "--no-such-flag";
/** These hand what they do not know to Deno, whose own commands they are. */
const PASSED_ON = ["test", "doc:lint", "buf:lint"];

const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as {
  readonly tasks: Readonly<Record<string, string | { readonly command: string }>>;
};
const commands = Object.entries(tasks).map(([name, task]) => ({
  name,
  command: typeof task === "string" ? task : task.command,
}));
const own = commands.filter(({ name, command }) => /\bdeno run /.test(command) && !PASSED_ON.includes(name));

Deno.test("deno.json has the tasks that read flags of their own", () => {
  for (const name of ["serve", "cluster", "admin", "fuzz", "simulate", "bench:bus", "soak:world", "generate"]) {
    assert(own.some((task) => task.name === name), name);
  }
});

for (const { name } of own) {
  Deno.test(`deno task ${name} refuses a flag that it does not know, and starts nothing`, async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", name, FLAG],
      cwd: ROOT,
      stdin: "null",
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals(code, EXIT_CONFIG, text);
    assert(text.includes(FLAG) || text.includes("Usage:"), text);
    assert(!/Uncaught|^ +at /m.test(text), text);
  });
}

Deno.test("deno task cluster makes no folder for a flag that its servers refuse", async () => {
  const parent = await Deno.makeTempDir();
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", `${ROOT}tools/cluster.ts`, "--folder", `${parent}/cluster`, "--monsters", "many"],
      stdin: "null",
      stdout: "null",
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 78, text);
    assert(text.includes("--monsters"), text);
    assertEquals(await Array.fromAsync(Deno.readDir(parent)), []);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
});
