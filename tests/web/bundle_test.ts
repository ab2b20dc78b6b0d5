import { assert, assertEquals } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

const { tasks } = JSON.parse(await Deno.readTextFile("deno.json"));
const COMMANDS = (tasks["build:web"].command as string).split(" && ").map((command) => command.split(" ").slice(1));

for (const args of COMMANDS) {
  const place = args.indexOf("-o") + 1, built = args[place];
  Deno.test(`${built} is what \`deno task build:web\` makes of the page`, async () => {
    await withTempDir(async (dir) => {
      const to = args.with(place, `${dir}/page.js`);
      const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: to }).output();
      assert(success, new TextDecoder().decode(stderr));
      const [fresh, kept] = [await Deno.readTextFile(`${dir}/page.js`), await Deno.readTextFile(built)];
      assert(fresh === kept, `${built} is ${kept.length} bytes, a fresh one ${fresh.length}: run deno task build:web`);
    });
  });
}

Deno.test("deno task build:web bundles the page of each game that has one", async () => {
  const pages: string[] = [];
  for await (const { name } of Deno.readDir("games")) {
    // `deno task new` copies it and bundles the copy.
    if (name === "template") continue;
    const page = `games/${name}/web/page.ts`;
    if (await Deno.stat(page).then(({ isFile }) => isFile, () => false)) pages.push(page);
  }
  assertEquals(COMMANDS.map((args) => args.at(-1)!).sort(), pages.sort());
});
