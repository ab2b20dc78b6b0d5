/** Lines for whoever started the process. @module */

/**
 * Writes a line to standard output, or to standard error. Where it takes none any more - its terminal is gone, its disk
 * full - the server goes on without.
 */
export function printLine(line: string, stream: "log" | "error" = "log"): void {
  try {
    console[stream](line);
  } catch {
    // The reader is gone; the players are not.
  }
}
