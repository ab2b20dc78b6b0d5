/** nginx and Caddy before a server, with the very files that docs/deploy.md gives, but for names of files and ports. @module */

import { makeCertificate } from "./certificate.ts";
import { freePort } from "./free_port.ts";
import { findProgram } from "./programs.ts";
import { RawSocket } from "./raw_socket.ts";
import type { ServerPorts } from "./server_process.ts";
import { until } from "./wait.ts";

const DEPLOY = new URL("../../docs/deploy/", import.meta.url);
/** What the files call the site. */
export const SITE_NAME = "play.example.org";

/** How a proxy differs from what the file says. */
export interface ReverseProxyOptions {
  /** Changes the file's text. Default: as it is. */
  readonly edit?: (text: string) => string;
}

/** A running proxy. */
export interface ReverseProxy extends AsyncDisposable {
  /** Where it listens by TLS: for players, and for the admin site. */
  readonly port: number;
  readonly adminPort: number;
  /** What it writes of requests to the admin site; nothing unless it is nginx. */
  readonly adminLog: string;
}

/** Starts a proxy before a server and resolves when it listens. */
export async function startReverseProxy(
  kind: "nginx" | "caddy",
  ports: ServerPorts,
  { edit = (text) => text }: ReverseProxyOptions = {},
): Promise<ReverseProxy> {
  const dir = await Deno.makeTempDir({ prefix: "drawbridge-proxy-" });
  const { cert, key } = await makeCertificate(dir);
  const [port, adminPort] = [freePort(), freePort()];
  const file = await Deno.readTextFile(new URL(kind === "nginx" ? "nginx.conf" : "Caddyfile", DEPLOY));
  const replaced: readonly (readonly [string, string])[] = [
    [`/etc/ssl/${SITE_NAME}/cert.pem`, cert],
    [`/etc/ssl/${SITE_NAME}/key.pem`, key],
    ["127.0.0.1:8082", `127.0.0.1:${ports.gateway}`],
    ["127.0.0.1:9090", `127.0.0.1:${ports.admin}`],
    ["/var/log/nginx/", `${dir}/`],
    ["listen 443 ", `listen 127.0.0.1:${port} `],
    ["listen 9443 ", `listen 127.0.0.1:${adminPort} `],
    [`https://${SITE_NAME}:443 `, `https://${SITE_NAME}:${port} `],
    [`https://${SITE_NAME}:9443 `, `https://${SITE_NAME}:${adminPort} `],
  ];
  const text = replaced.reduce((text, [from, to]) => text.replaceAll(from, to), edit(file));
  await Deno.writeTextFile(`${dir}/site`, text);
  await Deno.writeTextFile(`${dir}/main`, kind === "nginx" ? nginxMain(dir) : `${CADDY_MAIN}\n${text}`);
  const child = new Deno.Command(findProgram(kind)!, {
    args: kind === "nginx"
      ? ["-p", dir, "-e", "stderr", "-c", `${dir}/main`, "-g", "daemon off;"]
      : ["run", "--config", `${dir}/main`, "--adapter", "caddyfile"],
    env: { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let hasEnded = false;
  void child.status.then(() => hasEnded = true);
  const stop = async () => {
    if (!hasEnded) child.kill("SIGTERM");
    await child.status;
    await Deno.remove(dir, { recursive: true });
  };
  try {
    for (const open of [port, adminPort]) await until(`${kind} on port ${open}`, () => isOpen(open, () => hasEnded));
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, adminPort, adminLog: `${dir}/drawbridge-admin.log`, [Symbol.asyncDispose]: stop };
}

async function isOpen(port: number, hasEnded: () => boolean): Promise<boolean> {
  if (hasEnded()) throw new Error("The proxy ended by itself");
  try {
    await (await RawSocket.connect(port)).close();
    return true;
  } catch {
    return false;
  }
}

const CADDY_MAIN = "{\n  admin off\n  auto_https disable_redirects\n}\n";

function nginxMain(dir: string): string {
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir}/${name};`);
  return `pid ${dir}/pid;\nevents {}\nhttp {\n  access_log off;\n  ${temp.join("\n  ")}\n  include ${dir}/site;\n}\n`;
}
