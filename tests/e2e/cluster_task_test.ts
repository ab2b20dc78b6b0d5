/** `deno task cluster`: everything on one machine. @module */

import { connectTcp } from "../../client/tcp_transport.ts";
import { DrawbridgeClient } from "../../client/browser.ts";
import { findPrograms } from "../../tools/cluster/programs.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { programTest } from "../support/programs.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const START_PATIENCE_MS = 120_000;

/** The task, as somebody starts it. */
class ClusterTask {
  readonly #child: Deno.ChildProcess;
  readonly #output: string;

  constructor(folder: string) {
    // Each has a file of its own: what the one before was ready with is not looked at.
    this.#output = `${folder}/output-${crypto.randomUUID()}`;
    const task = ["run", "--no-prompt", "-A", "tools/cluster.ts"];
    const flags = ["--folder", `${folder}/cluster`, "--free-ports", "--monsters", "off"];
    this.#child = new Deno.Command("sh", {
      args: ["-c", `exec "$@" >"$TEST_OUTPUT" 2>&1`, "sh", Deno.execPath(), ...task, ...flags],
      cwd: ROOT,
      env: { TEST_OUTPUT: this.#output, NO_COLOR: "1" },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
  }

  async output(): Promise<string> {
    return await Deno.readTextFile(this.#output).catch(() => "");
  }

  async ready(): Promise<string> {
    let hasEnded = false;
    void this.#child.status.then(() => hasEnded = true);
    await until("the cluster", async () => {
      assert(!hasEnded, await this.output());
      return /^ready$/m.test(await this.output());
    }, START_PATIENCE_MS);
    return await this.output();
  }

  async end(signal: Deno.Signal): Promise<number> {
    this.#child.kill(signal);
    return (await this.#child.status).code;
  }
}

/** The processes whose command line names a folder, or that work in it. */
async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    const command = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    // The children of PostgreSQL name nothing, but work in its folder.
    const place = await Deno.readLink(`/proc/${name}/cwd`).catch(() => "");
    if (command.includes(folder) || place.startsWith(folder)) found.push(command.replaceAll("\0", " "));
  }
  return found;
}

programTest(
  ["postgresql", "nats"],
  "deno task cluster plays on two game servers, keeps what was there, and leaves no process behind",
  async () => {
    await withTempDir(async (folder) => {
      // PostgreSQL runs as another user, where this is root.
      await Deno.chmod(folder, 0o755);
      for (const round of [1, 2]) {
        const task = new ClusterTask(folder);
        const output = await task.ready();
        const login = Number(/^login +ready login=\S+:(\d+)/m.exec(output)![1]);
        const client = new DrawbridgeClient({
          connect: (signal, server) => connectTcp({ port: server?.port ?? login, signal }),
          reconnect: false,
        });
        await client.open();
        if (round === 1) await client.register("Anna", "secret");
        const { gameServers } = await client.login("Anna", "secret");
        assertEquals(gameServers.map(({ serverName }) => serverName).sort(), ["Dragon Server", "Phoenix Server"]);
        assert((await client.enterWorld()).success);
        const flags = /^ +Moderate +deno task admin list (.+)$/m.exec(output)![1].split(" ");
        const { stdout } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "--no-prompt", "-A", "tools/admin.ts", "list", ...flags],
          cwd: ROOT,
          env: { NO_COLOR: "1" },
        }).output();
        assertEquals(/^1 online\n +Anna /.test(new TextDecoder().decode(stdout)), true, output);
        await client.close();
        assertEquals((await processesOf(`${folder}/cluster`)).length >= 5, true);
        assertEquals(await task.end(round === 1 ? "SIGINT" : "SIGTERM"), 0);
        assertEquals(await processesOf(`${folder}/cluster`), []);
        assert(!/has ended with/.test(await task.output()), await task.output());
        for (const name of ["login", "dragon", "phoenix"]) {
          const log = await Deno.readTextFile(`${folder}/cluster/${name}.log`);
          assert(!log.includes('"level":"error"'), log);
        }
      }
      const task = new ClusterTask(folder);
      await task.ready();
      await task.end("SIGKILL");
      await until("the end of everything that was started", async () => {
        // The file goes with the last of PostgreSQL's own processes, which do not name the folder.
        const isUsed = await Deno.stat(`${folder}/cluster/postgres/postmaster.pid`).then(() => true, () => false);
        return !isUsed && (await processesOf(`${folder}/cluster`)).length === 0;
      });
    });
  },
);

Deno.test("findPrograms() says in one line what to install", () => {
  assertEquals(findPrograms([]), "Cannot find postgresql and nats-server: apt-get install postgresql nats-server");
});
