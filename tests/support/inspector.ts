/** A debugger that speaks to Deno's inspector by hand. @module */

import { until } from "./wait.ts";

/** How long a thread may take to answer: it may be compiling on a machine that does much else. */
const ANSWER_PATIENCE_MS = 120_000;

/** What the inspector says: the answer to a command, or an event of a thread. */
interface Said {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  // deno-lint-ignore no-explicit-any -- as each command and event has it
  readonly params?: any;
  // deno-lint-ignore no-explicit-any -- the same
  readonly result?: any;
  readonly error?: { readonly message: string };
}

/** A connection to the inspector of a process, and to all of its threads. */
export class Inspector implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #said: Said[] = [];
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }) => void this.#said.push(JSON.parse(data));
  }

  /** Connects, and attaches to every thread. @param url What Deno prints: `ws://…`. */
  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = () => reject(new Error(`Cannot connect to ${url}`));
    });
    const inspector = new Inspector(socket);
    await inspector.ask("Target.setAutoAttach", { autoAttach: true, waitForDebuggerOnStart: false, flatten: true });
    return inspector;
  }

  /** Asks a thread for something; without a session the main thread. */
  // deno-lint-ignore no-explicit-any -- as each command has it
  async ask(method: string, params: object = {}, sessionId?: string): Promise<any> {
    const id = ++this.#lastId;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    let answer: Said | undefined;
    const isAnswered = () => (answer = this.#said.find((said) => said.id === id)) !== undefined;
    await until(`${method} is answered`, isAnswered, ANSWER_PATIENCE_MS);
    if (answer!.error !== undefined) throw new Error(`${method}: ${answer!.error.message}`);
    return answer!.result;
  }

  /** Waits for an event, and gives the session it is of with what it says. */
  async event<Params>(
    method: string,
    isIt: (params: Params) => boolean = () => true,
  ): Promise<{ readonly sessionId: string | undefined; readonly params: Params }> {
    let found: Said | undefined;
    const isSaid = () => (found = this.#said.find((said) => said.method === method && isIt(said.params))) !== undefined;
    await until(`${method} is said`, isSaid, ANSWER_PATIENCE_MS);
    return { sessionId: found!.sessionId, params: found!.params };
  }

  /** The thread that has loaded a file, and the file as V8 has it: without types, so that its lines are others. */
  async scriptOf(fileUrl: string): Promise<{ readonly thread: string; readonly lines: readonly string[] }> {
    const asked = new Set<string>();
    let parsed: Said | undefined;
    await until(`a thread has loaded ${fileUrl}`, async () => {
      for (const { method, params } of [...this.#said]) {
        if (method !== "Target.attachedToTarget" || asked.has(params.sessionId)) continue;
        asked.add(params.sessionId);
        await this.ask("Debugger.enable", {}, params.sessionId);
      }
      parsed = this.#said.find(({ method, params }) => method === "Debugger.scriptParsed" && params.url === fileUrl);
      return parsed !== undefined;
    }, ANSWER_PATIENCE_MS);
    const { sessionId: thread, params: { scriptId } } = parsed!;
    const { scriptSource } = await this.ask("Debugger.getScriptSource", { scriptId }, thread);
    return { thread: thread!, lines: scriptSource.split("\n") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.close();
    await closed;
  }
}
