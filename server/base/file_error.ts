/** What a file operation failed with, in words for an operator. @module */

/** The reason, without the number of the system's error and the call: they come after the words and say no more. */
export function fileReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/ \(os error \d+\)(?:: .*)?$/s, "");
}
