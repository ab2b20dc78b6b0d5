import { assertEquals } from "../support/assert.ts";

const ROOT = new URL("../../", import.meta.url);
const LINES_MAX = 500;

async function* sourcesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    // What is generated or bundled is nobody's to split.
    if (isDirectory && !["dist", "gen", "npm"].includes(name)) yield* sourcesBelow(`${folder}${name}/`);
    else if (name.endsWith(".ts") && !name.endsWith("_pb.ts") && name !== "contract.ts") yield folder + name;
  }
}

Deno.test("docs/decisions/long-files.md names the files of more than 500 lines, and no others", async () => {
  const page = await Deno.readTextFile(new URL("docs/decisions/long-files.md", ROOT));
  const named = [...page.matchAll(/^\| \[`[\w.]+`\]\(\.\.\/\.\.\/(\S+)\)/gm)].map(([, path]) => path);
  const long: string[] = [];
  for (const folder of ["bench/", "client/", "games/", "gateway/", "server/", "shared/", "tools/"]) {
    for await (const path of sourcesBelow(folder)) {
      const lines = (await Deno.readTextFile(new URL(path, ROOT))).split("\n").length - 1;
      if (lines > LINES_MAX) long.push(path);
    }
  }
  assertEquals(named.sort(), long.sort());
});
