import { assert } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

Deno.test("games/marsh/web/dist/page.js is what `deno task build:web` makes of the page", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile("deno.json"));
  await withTempDir(async (dir) => {
    const args = (tasks["build:web"].command as string).split(" ").slice(1);
    const place = args.indexOf("-o") + 1;
    const built = args[place];
    args[place] = `${dir}/page.js`;
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert(success, new TextDecoder().decode(stderr));
    const [fresh, kept] = [await Deno.readTextFile(`${dir}/page.js`), await Deno.readTextFile(built)];
    assert(fresh === kept, `${built} is ${kept.length} bytes, a fresh one ${fresh.length}: run deno task build:web`);
  });
});
