import { assertEquals } from "../support/assert.ts";
import { programTest } from "../support/programs.ts";
import { type ServerOptions, ServerProcess } from "../support/server_process.ts";
import { withTempDir } from "../support/temp_dir.ts";
import { until } from "../support/wait.ts";

const RELOADED = "Nothing to reload: there is no certificate";

interface InTerminal {
  /** Of the program `script`, whose end closes the terminal. */
  readonly server: ServerProcess;
  readonly pid: number;
  readonly log: () => Promise<string>;
  /** The exit status; empty while it runs. */
  readonly status: () => Promise<string>;
}

/** Runs a server in a terminal of its own, started by a shell script that `setup` begins. */
async function inTerminal(
  task: ServerOptions["task"],
  setup: string,
  play: (parts: InTerminal) => Promise<void>,
): Promise<void> {
  await withTempDir(async (dir) => {
    // The kernel tells the shell, which tells its jobs. Whenever it hears a signal it waits no longer, so it waits again.
    await Deno.writeTextFile(
      `${dir}/start`,
      `${setup}\n"$@" 2>${dir}/log & child=$!\necho $child >${dir}/pid\n` +
        `while kill -0 $child 2>/dev/null; do wait $child; ended=$?; done; echo $ended >${dir}/status\n`,
    );
    const read = (name: string) => Deno.readTextFile(`${dir}/${name}`).catch(() => "");
    const launcher = ["sh", "-c", 'exec script -qfc "$*" /dev/null', "sh", "sh", `${dir}/start`];
    await using server = await ServerProcess.start({ launcher, task });
    const pid = Number(await read("pid"));
    try {
      await play({ server, pid, log: () => read("log"), status: async () => (await read("status")).trim() });
    } finally {
      if (await read("status") === "") Deno.kill(pid, "SIGTERM");
      await until("the server's end", async () => await read("status") !== "");
    }
  });
}

function isHealthy({ ports }: ServerProcess): Promise<boolean> {
  return fetch(`http://127.0.0.1:${ports.admin}/healthz`).then(async (response) => {
    await response.body?.cancel();
    return response.ok;
  });
}

for (const task of ["serve", "supervise"] as const) {
  programTest("script", `${task} reloads on SIGHUP in its terminal, and stops in order when that is gone`, async () => {
    await inTerminal(task, "trap 'kill -HUP $child' HUP", async ({ server, pid, log, status }) => {
      Deno.kill(pid, "SIGHUP");
      await until("the reload", async () => (await log()).includes(RELOADED));
      assertEquals(await isHealthy(server), true);
      server.kill("SIGKILL");
      await until("the server's end", async () => await status() !== "");
      assertEquals(await status(), "0");
    });
  });
  programTest("script", `${task} outlives its terminal where SIGHUP was ignored at its start`, async () => {
    await inTerminal(task, "trap '' HUP", async ({ server, pid, log, status }) => {
      server.kill("SIGKILL");
      await until("the terminal's end", () => server.status !== null);
      Deno.kill(pid, "SIGHUP");
      await until("the reload", async () => {
        assertEquals(await status(), "", await log());
        return (await log()).includes(RELOADED);
      });
      assertEquals([await isHealthy(server), await status()], [true, ""]);
    });
  });
}
