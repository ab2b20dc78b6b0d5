/** Whether the ports can be opened and why not, in words for the operator. @module */

import { ConfigError, DependencyError } from "../../shared/errors.ts";
import { type Listener, listenersOf } from "../config/checks.ts";
import type { ServerConfig } from "../config/config.ts";
import { flagOf } from "../config/schema.ts";
import { hostPort } from "../base/host.ts";

/**
 * Names the setting, its value, what is wrong and what to do.
 *
 * @returns `ConfigError` where another start would fail in the same way, else `DependencyError` `unavailable`: an
 * address or a name may only come up later than the server.
 */
export function listenError({ key, host, port }: Listener, cause: unknown): ConfigError | DependencyError {
  const hostSetting = `${flagOf(key === "adminPort" ? "adminHost" : "host")} ${host}`;
  const portSetting = `${flagOf(key)} ${port}`;
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new ConfigError([
      `Cannot use ${portSetting}: ports below 1024 need a privilege; choose another port, or give the process ` +
      "CAP_NET_BIND_SERVICE",
    ]);
  }
  return new DependencyError("unavailable", reasonOf(), { cause });

  function reasonOf(): string {
    if (cause instanceof Deno.errors.AddrInUse) {
      return `${portSetting} is in use: another process listens on ${hostPort(host, port)}; end that one, which ` +
        "ss -ltnp shows, or choose another port";
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (cause instanceof Deno.errors.AddrNotAvailable) {
      return `Cannot use ${hostSetting}: this machine has no such address; give one that the command ip address shows`;
    }
    if (/lookup|resolve/i.test(reason)) {
      return `Cannot use ${hostSetting}: this host name has no known address (${reason}); give an IP address`;
    }
    return `Cannot listen on ${hostPort(host, port)}, which ${hostSetting} and ${portSetting} name: ${reason}`;
  }
}

/**
 * Opens every port for a moment. Workers share their ports, and would share them with another server just as gladly.
 *
 * @throws {ConfigError} or {DependencyError} as {@linkcode listenError} has them, a line for each port.
 */
export function checkPortsFree(config: ServerConfig): void {
  const errors: (ConfigError | DependencyError)[] = [];
  for (const listener of listenersOf(config)) {
    try {
      Deno.listen({ hostname: listener.host, port: listener.port }).close();
    } catch (error) {
      errors.push(listenError(listener, error));
    }
  }
  const unusable = errors.flatMap((error) => error instanceof ConfigError ? error.problems : []);
  if (unusable.length > 0) throw new ConfigError(unusable);
  if (errors.length > 0) {
    const reasons = new Set(errors.map(({ message }) => message));
    throw new DependencyError("unavailable", [...reasons].join("\n"), { cause: errors[0].cause });
  }
}
