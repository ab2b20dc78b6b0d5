/**
 * The calls of Linux's C library that the load test makes as a client, through FFI. The server's own are in
 * `server/base/libc.ts`: it never connects.
 *
 * @module
 */

/** Where the library lies, by processor. */
const LIBRARY_PATHS: Readonly<Record<string, string>> = {
  x86_64: "/lib/x86_64-linux-gnu/libc.so.6",
  aarch64: "/lib/aarch64-linux-gnu/libc.so.6",
};

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  // glibc 2.35: waits in nanoseconds.
  epoll_pwait2: { parameters: ["i32", "buffer", "i32", "buffer", "pointer"], result: "i32", optional: true },
  // These take size_t and give ssize_t, never above 2^31 here: 32 bits say it all, and are faster than a bigint.
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
} as const;

/** Error numbers that are the same on every Linux that Deno runs on. */
export const Errno = { EINTR: 4, EAGAIN: 11, EINPROGRESS: 115 } as const;

/** What the other error numbers mean, in the words of the result. */
const ERROR_WORDS: Readonly<Record<number, string>> = {
  12: "out of memory",
  13: "permission denied",
  22: "invalid address",
  24: "out of file descriptors (ulimit -n)",
  32: "broken pipe",
  97: "address family not supported",
  98: "address in use",
  99: "out of ports on this address",
  101: "network unreachable",
  103: "connection aborted",
  104: "connection reset",
  105: "out of buffers",
  110: "connection timed out",
  111: "connection refused",
  113: "host unreachable",
};

/** A few words about an error number. */
export function errnoWords(errno: number): string {
  return ERROR_WORDS[errno] ?? `error ${errno}`;
}

/** The calls, as functions. A result of -1 means that {@linkcode ClientLibc.errno} tells why. */
export type ClientLibcCalls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The C library of this thread. */
export class ClientLibc {
  readonly calls: ClientLibcCalls;
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #errno: Deno.UnsafePointerView;

  /** @throws {Error} when it cannot be opened: no permission, or not this kind of Linux. */
  constructor() {
    const path = LIBRARY_PATHS[Deno.build.arch];
    if (!ClientLibc.isSupported()) {
      throw new Error(`Cannot use epoll: it needs Linux on x86_64 or aarch64, this is ${Deno.build.target}`);
    }
    this.#library = Deno.dlopen(path, SYMBOLS);
    this.calls = this.#library.symbols;
    this.#errno = new Deno.UnsafePointerView(this.calls.__errno_location()!);
  }

  /** Whether this kind of machine has it. */
  static isSupported(): boolean {
    return Deno.build.os === "linux" && LIBRARY_PATHS[Deno.build.arch] !== undefined;
  }

  /** Why the call before failed. */
  get errno(): number {
    return this.#errno.getInt32(0);
  }

  /** Lets the library go; no call may follow. */
  close(): void {
    this.#library.close();
  }
}
