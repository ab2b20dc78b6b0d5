import { assert, assertEquals } from "../support/assert.ts";

const ROOT = new URL("../../", import.meta.url);
const LINES_MAX = 500;
/** What has become shorter than this is named for nothing. */
const LINES_MIN = 400;

async function* sourcesBelow(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    // What is generated or bundled is nobody's to split.
    if (isDirectory && !["dist", "gen", "npm"].includes(name)) yield* sourcesBelow(`${folder}${name}/`);
    else if (name.endsWith(".ts") && !name.endsWith("_pb.ts") && name !== "contract.ts") yield folder + name;
  }
}

Deno.test("docs/decisions/long-files.md names every file of more than 500 lines, and none of few", async () => {
  const page = await Deno.readTextFile(new URL("docs/decisions/long-files.md", ROOT));
  const named = [...page.matchAll(/^\| \[`[\w.]+`\]\(\.\.\/\.\.\/(\S+)\)/gm)].map(([, path]) => path);
  const lines = new Map<string, number>();
  for (const folder of ["bench/", "client/", "games/", "gateway/", "server/", "shared/", "tools/"]) {
    for await (const path of sourcesBelow(folder)) {
      lines.set(path, (await Deno.readTextFile(new URL(path, ROOT))).split("\n").length - 1);
    }
  }
  const long = [...lines].filter(([, count]) => count > LINES_MAX).map(([path]) => path);
  assertEquals(long.filter((path) => !named.includes(path)), [], "Not named");
  assertEquals(named.filter((path) => (lines.get(path) ?? 0) < LINES_MIN), [], "Named for nothing");
  assert(named.length > 0);
});
