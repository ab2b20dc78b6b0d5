/** `shared/gen` is what `deno task generate` makes of `proto/`. @module */

import { assert, assertEquals } from "./support/assert.ts";
import { withTempDir } from "./support/temp_dir.ts";

const ROOT = new URL("../", import.meta.url);

async function fileNames(folder: string | URL): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.sort();
}

/** Runs a task of a copy of `deno.json` in `dir`; fails unless it succeeds. */
async function runTask(dir: string, task: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", task],
    cwd: dir,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  assert(success, `deno task ${task}: ${text.decode(stdout)}${text.decode(stderr)}`);
}

/** A folder with everything that the tasks read, and nothing that they write. */
async function copySources(dir: string): Promise<void> {
  for (const name of ["deno.json", "dev.lock", "buf.yaml", "buf.gen.yaml"]) {
    await Deno.copyFile(new URL(name, ROOT), `${dir}/${name}`);
  }
  await Deno.mkdir(`${dir}/proto`);
  for (const name of await fileNames(new URL("proto/", ROOT))) {
    await Deno.copyFile(new URL(`proto/${name}`, ROOT), `${dir}/proto/${name}`);
  }
}

Deno.test("deno task generate makes shared/gen of proto/, byte for byte, and deno task buf:lint finds nothing", async () => {
  await withTempDir(async (dir) => {
    await copySources(dir);
    await Promise.all([runTask(dir, "generate"), runTask(dir, "buf:lint")]);
    const names = await fileNames(`${dir}/shared/gen`);
    assertEquals(await fileNames(new URL("shared/gen/", ROOT)), names);
    for (const name of names) {
      const generated = await Deno.readTextFile(`${dir}/shared/gen/${name}`);
      assert(
        generated === await Deno.readTextFile(new URL(`shared/gen/${name}`, ROOT)),
        `shared/gen/${name} is not up to date`,
      );
    }
  });
});
