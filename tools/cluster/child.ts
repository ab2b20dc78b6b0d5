/** One program of a cluster, with its output in a file. @module */

/** How long a program may take to stop before it is killed, in milliseconds: a server takes 10 s at most. */
const STOP_MS = 20_000;

/** What is started. */
export interface ChildOptions {
  /** What it is called, and its output: `NAME.log`. */
  readonly name: string;
  readonly command: readonly string[];
  /** Who runs it, as setpriv takes it; default: who runs this. */
  readonly user?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where its output goes. */
  readonly folder: string;
  /** How it is told to stop. */
  readonly signal?: "SIGTERM" | "SIGINT";
  /** Told when it ends before it is told to. */
  readonly onEnd: (child: Child, code: number) => void;
}

/** A program that runs until it is told to stop, or this process is gone. */
export class Child {
  readonly name: string;
  readonly #options: ChildOptions;
  readonly #process: Deno.ChildProcess;
  readonly #ended: Promise<void>;
  #isEnded = false;
  #isStopping = false;

  constructor(options: ChildOptions) {
    this.#options = options;
    this.name = options.name;
    const { command, env, signal = "SIGTERM", user = [] } = options;
    // Of one setpriv: a change of the user afterwards would undo that it ends with this process.
    const privileges = ["setpriv", ...user, `--pdeathsig=${signal.slice(3)}`, "--"];
    // In a process group of its own, as Ctrl+C would otherwise reach the database before the servers have saved.
    this.#process = new Deno.Command("sh", {
      args: ["-c", `exec "$@" >"$CHILD_OUTPUT" 2>&1`, "sh", ...privileges, ...command],
      env: { ...env, CHILD_OUTPUT: this.logFile },
      cwd: "/",
      stdin: "null",
      stdout: "null",
      stderr: "null",
      detached: true,
    }).spawn();
    this.#ended = this.#process.status.then(({ code }) => {
      this.#isEnded = true;
      if (!this.#isStopping) options.onEnd(this, code);
    });
  }

  /** Where its output is. */
  get logFile(): string {
    return `${this.#options.folder}/${this.name}.log`;
  }

  /** Whether it is gone. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** The number of its process. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Everything it has written. */
  async output(): Promise<string> {
    return await Deno.readTextFile(this.logFile).catch(() => "");
  }

  /** Stops it in order, and by force when that takes too long. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#kill(this.#options.signal ?? "SIGTERM");
    const timer = setTimeout(() => this.#kill("SIGKILL"), STOP_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  #kill(signal: Deno.Signal): void {
    try {
      if (!this.#isEnded) this.#process.kill(signal);
    } catch {
      // It has ended in this moment.
    }
  }
}
