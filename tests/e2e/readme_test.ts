/** The clients that README.md and client/README.md print, run as they stand there. @module */

import { assert, assertEquals } from "../support/assert.ts";
import { ServerProcess } from "../support/server_process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** The TypeScript that a document prints, block by block, for a server on its own ports. */
async function examplesOf(path: string, { gateway, login }: ServerProcess["ports"]): Promise<string[]> {
  const text = await Deno.readTextFile(`${ROOT}${path}`);
  return [...text.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) =>
    code.replaceAll(":8082", `:${gateway}`).replaceAll(/(port: |\?\? )8080/g, `$1${login}`)
  );
}

/** Runs an example until it ends by itself; gives what it prints. */
async function run(code: string, folder: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--ext=ts", "--check", code],
    cwd: `${ROOT}${folder}`,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(success, `${code}\n${out}${errors}`);
  return out.trim();
}

Deno.test("README.md's client registers, enters, says something and ends; client/README.md's do, too", async () => {
  await using server = await ServerProcess.start({});
  const [first, ...others] = await examplesOf("README.md", server.ports);
  assertEquals([await run(first, ""), others.length], ["alice: hi", 0]);
  const [gateway, tcp, ...rest] = await examplesOf("client/README.md", server.ports);
  assertEquals([await run(gateway, "client"), await run(tcp, "client"), rest.length], ["alice: hi", "", 0]);
  await server.stop();
});
