/**
 * Ports for whoever cannot be told to choose one itself.
 *
 * @module
 */

/** Below what the kernel gives to those who ask for any: nobody else comes by one between the look and its use. */
const FIRST_PORT = 10_000;
const PORT_COUNT = 20_000;

/** Those this process was given: whoever asked for one may not listen on it yet. */
const given = new Set<number>();

/** Where nobody listens: the port of TCPMUX. */
export const CLOSED_PORT = 1;

/** A port of this machine that nobody listens on now, another each time. */
export function freePort(): number {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORT_COUNT);
    if (given.has(port)) continue;
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      given.add(port);
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}

/**
 * Flags of a server that comes back on its ports: while it is gone, any process could be given those that the kernel
 * chooses.
 */
export function freePortFlags(): string[] {
  return ["login", "game", "gateway", "admin"].flatMap((name) => [`--${name}-port`, String(freePort())]);
}
