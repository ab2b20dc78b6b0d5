/** Why a connection could not be accepted. @module */

/**
 * Whether the peer of a connection had given it up before it was accepted: the next one is there all the same. All else,
 * such as a want of file descriptors, the next one would meet as well.
 */
export function isPeerGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}
