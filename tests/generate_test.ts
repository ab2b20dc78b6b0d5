/** Messages and contracts are what `deno task generate` makes of the protos. @module */

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

/** What the tasks write, besides `shared/gen`. */
const CONTRACT = "games/marsh/contract.ts";

/** A folder with everything that the tasks read, and nothing that they write. */
async function copySources(dir: string): Promise<void> {
  const files = ["deno.json", "dev.lock", "buf.yaml", "buf.gen.yaml", "tools/generate.ts"];
  for (const folder of ["proto", "shared"]) {
    for (const name of await fileNames(new URL(`${folder}/`, ROOT))) {
      if (/\.(?:proto|ts)$/.test(name)) files.push(`${folder}/${name}`);
    }
  }
  for (const file of files) {
    await Deno.mkdir(`${dir}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(new URL(file, ROOT), `${dir}/${file}`);
  }
  await Deno.mkdir(`${dir}/${CONTRACT}`.replace(/\/[^/]*$/, ""), { recursive: true });
}

Deno.test("deno task generate makes messages and contracts of proto/, byte for byte, and deno task buf:lint finds nothing", async () => {
  await withTempDir(async (dir) => {
    await copySources(dir);
    await Promise.all([runTask(dir, "generate"), runTask(dir, "buf:lint")]);
    const names = await fileNames(`${dir}/shared/gen`);
    assertEquals(await fileNames(new URL("shared/gen/", ROOT)), names);
    for (const file of [...names.map((name) => `shared/gen/${name}`), CONTRACT]) {
      const generated = await Deno.readTextFile(`${dir}/${file}`);
      assert(generated === await Deno.readTextFile(new URL(file, ROOT)), `${file} is not up to date`);
    }
  });
});
