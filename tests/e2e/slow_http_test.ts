/** slowhttptest, a tool that holds HTTP connections open, against the gateway while somebody plays. @module */

import { assert, assertEquals } from "../support/assert.ts";
import { programTest } from "../support/programs.ts";
import { IO_BACKENDS, type IoBackendName, ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";
import { WirePlayer } from "../support/wire_session.ts";

const CONNECTIONS = 300;
/** How long one attack lasts, in seconds. */
const ATTACK_SECONDS = 12;
/** Slow heads, and heads whose bodies never come. */
const MODES = ["-H", "-B"] as const;

async function attack(mode: typeof MODES[number], port: number): Promise<string> {
  const { stdout, success } = await new Deno.Command("slowhttptest", {
    args: [
      ...[mode, "-c", String(CONNECTIONS), "-r", "150", "-i", "2", "-x", "24", "-p", "3", "-l", String(ATTACK_SECONDS)],
      ...["-u", `http://127.0.0.1:${port}/`],
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  // deno-lint-ignore no-control-regex -- the tool colours its report with escape sequences
  const text = new TextDecoder().decode(stdout).replaceAll(/\x1b\[[0-9;]*m/g, "");
  assert(success, text);
  return text;
}

async function playDuring(backend: IoBackendName): Promise<void> {
  await using server = await ServerProcess.start({ backend, players: 2 });
  await using player = await WirePlayer.enter(server, "tcp");
  await using browser = await WirePlayer.enter(server, "websocket");
  for (const mode of MODES) {
    let isOver = false;
    let httpMax = 0;
    const attacking = attack(mode, server.ports.gateway).finally(() => isOver = true);
    while (!isOver) {
      await Promise.all([player.settle(), browser.settle()]);
      const response = await fetch(`http://127.0.0.1:${server.ports.gateway}/healthz`);
      assertEquals([response.status, (await response.text()).trim()], [200, "ok"]);
      httpMax = Math.max(httpMax, await server.metric("drawbridge_connections", { transport: "http" }));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const report = await attacking;
    assert(/service available:\s+YES/.test(report), report);
    // A head that announces a body is refused at once: only slow heads can hold anything.
    if (mode === "-H") assert(httpMax > CONNECTIONS / 4, `Only ${httpMax} connections were seen (${backend})`);
    await until(
      "the attack's connections to be gone",
      async () => await server.metric("drawbridge_connections", { transport: "http" }) === 0,
    );
  }
  await server.stop();
}

programTest(
  "slowhttptest",
  `gateway is open to players while ${CONNECTIONS} HTTP connections are held by slowhttptest, on every backend`,
  async () => {
    await Promise.all(IO_BACKENDS.map(playDuring));
  },
);
