/** One server at a time on a data folder. @module */

import { runAdmin } from "../../tools/admin.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { runServerToEnd, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";

const FREE_PORTS = ["--login-port", "0", "--game-port", "0", "--gateway-port", "0", "--admin-port", "0"];

Deno.test("serve refuses a data folder that another server uses, by status 1 and in one line, and takes it once that one is killed", async () => {
  await withTempDir(async (dir) => {
    const dataDir = `${dir}/data`;
    await using first = await ServerProcess.start({ dataDir });
    const { code, stdout, stderr } = await runServerToEnd(["--data-dir", dataDir, ...FREE_PORTS]);
    assertEquals([code, stdout], [1, ""], stderr);
    assert(/^Cannot start: \S+ is used by another server \(.+\): .+\n$/.test(stderr), stderr);
    assert(stderr.includes(`(process ${first.pid}`), stderr);
    // Commands for operators need no lock.
    const status = await runAdmin(["players", "--count", "1", "--prefix", "Mia", "--data-dir", dataDir], {}, {
      print: () => {},
      report: () => {},
    });
    assertEquals(status, 0);
    first.kill("SIGKILL");
    await first.exitCode();
    await using second = await ServerProcess.start({ dataDir });
    await second.stop();
  });
});

/** Whether processes of these roles can have a data folder at once. */
async function canShare(dataDir: string, ...roles: string[]): Promise<boolean> {
  const url = new URL("../../server/process/data_lock.ts", import.meta.url).href;
  // In one process, too, each lock is of its own: the kernel asks for the opened file.
  const source = `import { lockDataFolder } from "${url}";
    for (const role of ${JSON.stringify(roles)}) lockDataFolder({ dataDir: "${dataDir}", role }, "a test");`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--config", new URL("../../deno.json", import.meta.url).pathname, source],
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}

Deno.test("lockDataFolder() lets one server of each role share a folder", async () => {
  await withTempDir(async (dataDir) => {
    assertEquals(await canShare(dataDir, "login", "game"), true);
    for (const roles of [["login", "login"], ["game", "game"], ["all", "login"], ["game", "all"], ["all", "all"]]) {
      assertEquals(await canShare(dataDir, ...roles), false, roles.join());
    }
  });
});
