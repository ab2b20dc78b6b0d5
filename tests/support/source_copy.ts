/** Copies of the server's source, which tests change. @module */

import { assert } from "./assert.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Copies everything the server is made of into a folder, which is there. */
export async function copySource(root: string): Promise<void> {
  for (const name of ["server", "games", "gateway", "shared", "deno.json", "deno.lock"]) {
    const { success } = await new Deno.Command("cp", { args: ["-r", `${ROOT}${name}`, `${root}/${name}`] }).output();
    assert(success, name);
  }
}
