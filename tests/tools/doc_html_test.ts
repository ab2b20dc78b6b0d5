import { assert, assertEquals } from "../support/assert.ts";
import { withTempDir } from "../support/temp_dir.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** All files below a folder, from there. */
async function filesBelow(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) files.push(...(await filesBelow(`${folder}/${name}`)).map((file) => `${name}/${file}`));
    else files.push(name);
  }
  return files;
}

Deno.test("deno task doc:html writes a page for what every public module exports", async () => {
  await withTempDir(async (dir) => {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "doc:html", `${dir}/api`],
      cwd: ROOT,
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    const pages = await filesBelow(`${dir}/api`);
    const symbols = ["defineGame", "documents", "Contract", "GameClient", "simulate", "Player", "Kind"];
    const missing = symbols.filter((symbol) => !pages.some((page) => page.endsWith(`/${symbol}.html`)));
    assertEquals(missing, []);
  });
});
