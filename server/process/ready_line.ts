/**
 * What `serve` prints when everything listens.
 *
 * @module
 */

import { opensPort } from "../config/checks.ts";
import type { ServerConfig } from "../config/config.ts";
import type { NodePorts } from "../session/context.ts";

function hostPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The real addresses of what listens, by the names of the `ready` line. */
export function addressesOf(config: ServerConfig, ports: NodePorts, adminAddress: string): Record<string, string> {
  const scheme = config.tlsCert === "" ? "http" : "https";
  return {
    ...(opensPort(config.role, "loginPort") ? { login: hostPort(config.host, ports.login) } : {}),
    ...(opensPort(config.role, "gamePort") ? { game: hostPort(config.host, ports.game) } : {}),
    ...(opensPort(config.role, "gatewayPort")
      ? { gateway: `${scheme}://${hostPort(config.host, ports.gateway)}` }
      : {}),
    admin: adminAddress,
  };
}

/** The one line for programs: `ready login=0.0.0.0:8080 …`. */
export function readyLine(addresses: Record<string, string>): string {
  return `ready ${Object.entries(addresses).map(([name, address]) => `${name}=${address}`).join(" ")}`;
}

/** What a person at a terminal may want to open. */
export function terminalGuide(config: ServerConfig, ports: NodePorts, adminAddress: string): string {
  const scheme = config.tlsCert === "" ? "http" : "https";
  const host = config.host === "0.0.0.0" || config.host === "::" ? "localhost" : config.host;
  const native = [
    ...(opensPort(config.role, "loginPort") ? [`login ${hostPort(host, ports.login)}`] : []),
    ...(opensPort(config.role, "gamePort") ? [`game ${hostPort(host, ports.game)}`] : []),
  ];
  return [
    "",
    ...(opensPort(config.role, "gatewayPort")
      ? [`  Play in a browser    ${scheme}://${hostPort(host, ports.gateway)}/`]
      : []),
    `  Watch the server     ${adminAddress}/`,
    `  Native clients       ${native.join(", ")}`,
    `  Stop                 Ctrl+C`,
    "",
  ].join("\n");
}
