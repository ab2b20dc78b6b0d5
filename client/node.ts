/**
 * Everything a client is written with, for Node: as for browsers, and the TCP transport.
 *
 * @module
 */

export * from "./browser.ts";
export * from "./node_tcp_transport.ts";
