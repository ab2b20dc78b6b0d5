/** Makes system calls of a running process fail, by strace. @module */

import { assert } from "./assert.ts";
import { until } from "./wait.ts";

/** Which calls fail, and how. */
export interface SyscallFault {
  /** The call's name as the kernel has it. */
  readonly call: string;
  /** Such as `EINTR`. */
  readonly error: string;
  /** Which of the calls, of each thread: `1`, `1..2`, `1+2` (every second from the first). */
  readonly when: string;
}

/** Faults in the workers of a process, until they are stopped; the main thread and the runtime's own are spared. */
export class SyscallFaults {
  readonly #child: Deno.ChildProcess;
  readonly #dir: string;

  private constructor(child: Deno.ChildProcess, dir: string) {
    this.#child = child;
    this.#dir = dir;
  }

  /** Attaches; rejects with strace's own words where it cannot. */
  static async inject(pid: number, { call, error, when }: SyscallFault): Promise<SyscallFaults> {
    const threads = workerThreads(pid);
    assert(threads.length > 0, `Process ${pid} has no worker threads`);
    const dir = await Deno.makeTempDir({ prefix: "drawbridge-strace-" });
    for (const name of ["trace", "words"]) await Deno.writeTextFile(`${dir}/${name}`, "");
    // Its words go to a file: a pipe would have a read pending.
    const args = ["-c", 'exec strace "$@" 2>"$STRACE_DIR/words"', "sh", "-o", `${dir}/trace`];
    args.push("-e", `trace=${call}`, "-e", `inject=${call}:error=${error}:when=${when}`);
    for (const thread of threads) args.push("-p", String(thread));
    const child = new Deno.Command("sh", { args, env: { STRACE_DIR: dir }, stdout: "null", stderr: "null" }).spawn();
    const faults = new SyscallFaults(child, dir);
    let hasEnded = false;
    void child.status.then(() => hasEnded = true);
    try {
      await until("strace to attach", () => {
        const words = Deno.readTextFileSync(`${dir}/words`);
        if (hasEnded) throw new Error(`Cannot inject faults: strace (package strace, needs ptrace) says: ${words}`);
        return threads.every((thread) => words.includes(`Process ${thread} attached`));
      });
    } catch (error) {
      await faults.stop();
      throw error;
    }
    return faults;
  }

  /** How many calls have failed so far. */
  get count(): number {
    return Deno.readTextFileSync(`${this.#dir}/trace`).split("(INJECTED)").length - 1;
  }

  /** Detaches. */
  async stop(): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#child.status;
    await Deno.remove(this.#dir, { recursive: true });
  }

  /** As {@linkcode stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** The threads of Deno's workers. */
function workerThreads(pid: number): number[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => Number(name)).filter((thread) =>
    Deno.readTextFileSync(`/proc/${pid}/task/${thread}/comm`).startsWith("worker-")
  );
}
