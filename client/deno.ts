/**
 * Everything a client is written with, for Deno: as for browsers, and the TCP transport.
 *
 * @module
 */

export * from "./browser.ts";
export * from "./tcp_transport.ts";
