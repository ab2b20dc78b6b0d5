/** How the server's process ends, for `--help` and the documentation. @module */

/** One or more exit statuses. */
export interface ExitStatus {
  /** As it is written: `130, 143`. */
  readonly status: string;
  readonly meaning: string;
}

/** Every status that the server's process ends with by itself. */
export const EXIT_STATUSES: readonly ExitStatus[] = [
  { status: "0", meaning: "stopped as asked" },
  {
    status: "1",
    meaning: "could not start (a port in use, a locked database, a full disk), or could not stop cleanly",
  },
  {
    status: "70",
    meaning: "the logic worker hung, or could not be restarted after a crash, so the process ended itself",
  },
  { status: "78", meaning: "the configuration cannot be used; every problem is listed" },
  { status: "130, 143", meaning: "a second SIGINT or SIGTERM" },
];
