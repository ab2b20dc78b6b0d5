/** Messages and contracts are what `deno task generate` makes of the protos. @module */

import { assert, assertEquals } from "./support/assert.ts";
import { withTempDir } from "./support/temp_dir.ts";

const ROOT = new URL("../", import.meta.url);

/** Files below a folder that `is` picks, from the project's folder. */
async function filesBelow(folder: string, is: RegExp): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) files.push(...await filesBelow(`${folder}${name}/`, is));
    else if (is.test(name)) files.push(`${folder}${name}`);
  }
  return files.sort();
}

/** Runs a task of a copy of `deno.json` in `dir`. */
async function tryTask(dir: string, task: string): Promise<{ success: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", task],
    cwd: dir,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

/** Runs a task; fails unless it succeeds. */
async function runTask(dir: string, task: string): Promise<void> {
  const { success, text } = await tryTask(dir, task);
  assert(success, `deno task ${task}: ${text}`);
}

/** What `deno task generate` writes. */
const GENERATED = /(?:_pb|^contract|^enums|^field_numbers|^packet_types)\.ts$/;

/** A folder with everything that the tasks read, and nothing that they write. */
async function copySources(dir: string): Promise<void> {
  const files = ["deno.json", "dev.lock", "buf.yaml", "tools/generate.ts"];
  files.push(...await filesBelow("proto/", /\.proto$/), ...await filesBelow("games/", /\.proto$/));
  files.push(...await filesBelow("tests/game/counter/", /\.proto$/));
  for await (const { name } of Deno.readDir(new URL("shared/", ROOT))) {
    if (name.endsWith(".ts")) files.push(`shared/${name}`);
  }
  for (const file of files) {
    await Deno.mkdir(`${dir}/${file}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.copyFile(new URL(file, ROOT), `${dir}/${file}`);
  }
}

Deno.test("deno task generate makes messages and contracts of proto/, byte for byte, and deno task buf:lint finds nothing", async () => {
  await withTempDir(async (dir) => {
    await copySources(dir);
    await Promise.all([runTask(dir, "generate"), runTask(dir, "buf:lint")]);
    const folders = ["shared/gen/", "games/", "tests/game/counter/"];
    const files = (await Promise.all(folders.map((folder) => filesBelow(folder, GENERATED)))).flat();
    for (const file of files) {
      const generated = await Deno.readTextFile(`${dir}/${file}`);
      assert(generated === await Deno.readTextFile(new URL(file, ROOT)), `${file} is not up to date`);
    }
  });
});

Deno.test("deno task generate says what is wrong in a proto, with its path, without a stack trace", async () => {
  await withTempDir(async (dir) => {
    await copySources(dir);
    const path = `${dir}/games/template/game.proto`;
    const proto = await Deno.readTextFile(path);
    const TABLE = [
      [
        "number: 10002",
        "number: 10001",
        "Cannot use packets: template.v1.Waved has number 10001, which template.v1.WaveResponse has already",
      ],
      [
        "number: 10002",
        "number: 999",
        "Cannot use packets: template.v1.Waved has number 999, numbers of games/template/game.proto are 10000-16383",
      ],
      ["message Waved {", "mesage Waved {", /^games\/template\/game\.proto:\d+:\d+:/m],
      [
        "bytes_max: 6",
        "bytes_max: 5",
        "Cannot use components: template.v1.Waves may have 5 bytes, its fields can be 6 bytes",
      ],
    ] as const;
    for (const [right, wrong, problem] of TABLE) {
      await Deno.writeTextFile(path, proto.replace(right, wrong));
      const { success, text } = await tryTask(dir, "generate");
      assertEquals(success, false);
      // The last line: before it, Deno may say that it runs no build scripts.
      if (typeof problem === "string") assertEquals(text.trimEnd().split("\n").at(-1), problem);
      else assert(problem.test(text), text);
    }
  });
});
