/**
 * A NATS server of a test's own: Debian's, on a free port, for this machine only.
 *
 * @module
 */

import { freePort } from "./free_port.ts";
import { findProgram } from "./programs.ts";
import { until } from "./wait.ts";

const USER = "drawbridge";
const PASSWORD = "a password: 1/2@3";

/** How a server is run. */
export interface NatsOptions {
  /** Its certificate and key, files in PEM; it wants TLS then. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Largest message, in bytes; its own default unless told. */
  readonly payloadBytesMax?: number;
  /** Where it listens. Default: this machine alone. */
  readonly host?: string;
  /** A command that runs it, which follows it. Default: none. */
  readonly launcher?: readonly string[];
}

/** A running server. */
export class TestNats implements AsyncDisposable {
  readonly port: number;
  readonly #options: NatsOptions;
  readonly #configFile: string;
  #process: Deno.ChildProcess | undefined;

  private constructor(port: number, configFile: string, options: NatsOptions) {
    this.port = port;
    this.#configFile = configFile;
    this.#options = options;
  }

  /** Starts a server. */
  static async start(options: NatsOptions = {}): Promise<TestNats> {
    const server = new TestNats(freePort(), await Deno.makeTempFile({ prefix: "drawbridge-test-" }), options);
    await server.resume();
    return server;
  }

  get #host(): string {
    return this.#options.host ?? "127.0.0.1";
  }

  /** Its address for `--nats-url`, with its password. */
  url({ user = USER, password = PASSWORD }: { readonly user?: string; readonly password?: string } = {}): string {
    const who = user === "" ? "" : `${user}:${encodeURIComponent(password)}@`;
    return `${this.#options.tls === undefined ? "nats" : "tls"}://${who}${this.#host}:${this.port}`;
  }

  /** Starts the server, again on the same port. */
  async resume(): Promise<void> {
    const { launcher = [], payloadBytesMax, tls } = this.#options;
    await Deno.writeTextFile(
      this.#configFile,
      [
        `listen: "${this.#host}:${this.port}"`,
        `authorization: { user: "${USER}", password: "${PASSWORD}" }`,
        ...payloadBytesMax === undefined ? [] : [`max_payload: ${payloadBytesMax}`],
        ...tls === undefined ? [] : [`tls: { cert_file: "${tls.cert}", key_file: "${tls.key}" }`],
      ].join("\n"),
    );
    // It does not outlive a test that is killed.
    const run = [...launcher, "setpriv", "--pdeathsig=KILL", "--", findProgram("nats")!, "-c", this.#configFile];
    this.#process = new Deno.Command(run[0], { args: run.slice(1), stdout: "null", stderr: "null" }).spawn();
    let isEnded = false;
    void this.#process.status.then(() => isEnded = true);
    await until("the NATS server", async () => {
      if (isEnded) throw new Error("Cannot start the NATS server");
      const [program, ...args] = [...launcher, "bash", "-c", `</dev/tcp/${this.#host}/${this.port}`];
      return (await new Deno.Command(program, { args, stdout: "null", stderr: "null" }).output()).success;
    });
  }

  /** Sends it a signal: `SIGSTOP` makes it silent, `SIGCONT` lets it go on. */
  kill(signal: Deno.Signal): void {
    this.#process?.kill(signal);
  }

  /** Ends the server. */
  async stop(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.status;
    this.#process = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#configFile);
  }
}
