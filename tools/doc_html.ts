/**
 * Writes the reference of the public modules as pages: those that `exports` of deno.json names.
 *
 * Usage: deno task doc:html [FOLDER]
 *
 * @module
 */

import { EXIT_CONFIG } from "../shared/errors.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const { exports } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as {
  readonly exports: Readonly<Record<string, string>>;
};
if (Deno.args.length > 1 || Deno.args.some((arg) => arg.startsWith("-"))) {
  console.log("Usage: deno task doc:html [FOLDER]");
  Deno.exit(Deno.args[0] === "--help" ? 0 : EXIT_CONFIG);
}
const folder = Deno.args[0] ?? `${ROOT}docs/api`;
const command = new Deno.Command(Deno.execPath(), {
  args: ["doc", "--html", "--name=Drawbridge", `--output=${await absolute(folder)}`, ...Object.values(exports)],
  cwd: ROOT,
  env: { NO_COLOR: "1" },
});
const { success, stderr } = await command.output();
console.error(success ? `Written to ${folder}` : new TextDecoder().decode(stderr));
Deno.exit(success ? 0 : 1);

async function absolute(path: string): Promise<string> {
  return path.startsWith("/") ? path : `${await Deno.realPath(".")}/${path}`;
}
