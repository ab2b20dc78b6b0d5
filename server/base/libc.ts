/**
 * The calls of Linux's C library: those of the epoll backend, the clock, and what became of a signal. The only file that
 * names it.
 *
 * @module
 */

/** Where the library lies, by processor; `--allow-ffi` names the same paths. */
const LIBRARY_PATHS: Readonly<Record<string, string>> = {
  x86_64: "/lib/x86_64-linux-gnu/libc.so.6",
  aarch64: "/lib/aarch64-linux-gnu/libc.so.6",
};

/** The library on this machine; `undefined` where it is not known. */
export const LIBC_PATH: string | undefined = Deno.build.os === "linux" ? LIBRARY_PATHS[Deno.build.arch] : undefined;

/** What decides whether the library can be called. */
export interface LibcMachine {
  /** Where it lies; `undefined` where that is not known. */
  readonly path: string | undefined;
  /** As `Deno.build.target` has it. */
  readonly target: string;
  readonly isGranted: (path: string) => boolean;
  /** Opens it; throws where it cannot be opened. */
  readonly open: (path: string) => void;
}

/** This machine, and what the process may do on it. */
export const THIS_MACHINE: LibcMachine = {
  path: LIBC_PATH,
  target: Deno.build.target,
  isGranted: (path) => Deno.permissions.querySync({ name: "ffi", path }).state === "granted",
  open: (path) => Deno.dlopen(path, {}).close(),
};

/** Why the library cannot be called, in words for the operator; `undefined` when it can. */
export function libcProblem({ isGranted, open, path, target }: LibcMachine): string | undefined {
  if (path === undefined) return `it needs Linux on x86_64 or aarch64, this is ${target}`;
  if (!isGranted(path)) return `start with --allow-ffi=${path}`;
  try {
    open(path);
  } catch (error) {
    return `it needs the GNU C library (${error instanceof Error ? error.message : error})`;
  }
}

/** Bytes of glibc's `struct sigaction`, which begins with the handler; 1 is SIG_IGN. */
const SIGACTION_BYTES = 152;
const SIG_IGN = 1n;

/** Whether the process ignores a signal; false where the library cannot be asked. */
export function isSignalIgnored(signal: number): boolean {
  if (LIBC_PATH === undefined || libcProblem(THIS_MACHINE) !== undefined) return false;
  const library = Deno.dlopen(LIBC_PATH, { sigaction: { parameters: ["i32", "pointer", "buffer"], result: "i32" } });
  const before = new BigUint64Array(SIGACTION_BYTES / 8);
  const isKnown = library.symbols.sigaction(signal, null, before) === 0;
  library.close();
  return isKnown && before[0] === SIG_IGN;
}

/**
 * Whether a descriptor is the terminal whose end the kernel tells this process by SIGHUP: that of its session. `true`
 * where it cannot be asked.
 */
export function isControllingTerminal(descriptor: number): boolean {
  if (LIBC_PATH === undefined || libcProblem(THIS_MACHINE) !== undefined) return true;
  const library = Deno.dlopen(LIBC_PATH, { tcgetpgrp: { parameters: ["i32"], result: "i32" } });
  const group = library.symbols.tcgetpgrp(descriptor);
  library.close();
  return group >= 0;
}

const CLOCK_MONOTONIC = 1;

/**
 * Opens the monotonic clock, in milliseconds: a look at it costs a third of `performance.now()`, which costs as much as a
 * small packet. Where the library cannot be called, it is `performance.now` itself.
 */
export function openMonotonicClock(): { readonly readMs: () => number; close(): void } {
  if (LIBC_PATH === undefined || libcProblem(THIS_MACHINE) !== undefined) {
    return { readMs: () => performance.now(), close: () => {} };
  }
  const library = Deno.dlopen(LIBC_PATH, { clock_gettime: { parameters: ["i32", "buffer"], result: "i32" } });
  const { clock_gettime } = library.symbols;
  // `struct timespec`: seconds and nanoseconds of 64 bits, of which the lower halves say everything for 68 years.
  const time = new Int32Array(4);
  const readMs = () => {
    clock_gettime(CLOCK_MONOTONIC, time);
    return time[0] * 1_000 + time[2] / 1_000_000;
  };
  return { readMs, close: () => library.close() };
}

const SYMBOLS = {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
  // These take size_t and give ssize_t, never above 2^31 here: 32 bits say it all, and are faster than a bigint.
  recv: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  sched_yield: { parameters: [], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  __errno_location: { parameters: [], result: "pointer" },
  // Reading memory by `Deno.UnsafePointerView` needs permission for all of FFI, not only for this library.
  memcpy: { parameters: ["buffer", "pointer", "u32"], result: "void" },
} as const;

/** Error numbers that are the same on every Linux that Deno runs on. */
export const Errno = {
  EINTR: 4,
  EBADF: 9,
  EAGAIN: 11,
  ENFILE: 23,
  EMFILE: 24,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  ENOMEM: 12,
} as const;

/** The calls, as functions. A result of -1 means that {@linkcode Libc.errno} tells why. */
export type LibcCalls = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** The C library of this thread. */
export class Libc {
  readonly calls: LibcCalls;
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #errno = new Int32Array(1);
  readonly #errnoLocation: Deno.PointerValue;

  /** @throws {Error} when it cannot be opened: no permission, or not this kind of Linux. */
  constructor() {
    if (LIBC_PATH === undefined) {
      throw new Error(`Cannot use epoll: it needs Linux on x86_64 or aarch64, this is ${Deno.build.target}`);
    }
    this.#library = Deno.dlopen(LIBC_PATH, SYMBOLS);
    this.calls = this.#library.symbols;
    this.#errnoLocation = this.calls.__errno_location();
  }

  /** Why the call before failed. */
  get errno(): number {
    this.calls.memcpy(this.#errno, this.#errnoLocation, 4);
    return this.#errno[0];
  }

  /** Lets the library go; no call may follow. */
  close(): void {
    this.#library.close();
  }
}
