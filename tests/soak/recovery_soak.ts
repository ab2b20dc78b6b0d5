/**
 * Faults on a server with a parent process and players on it: how long until it shows, until the server is ready, and
 * until everybody plays again.
 *
 * @module
 */

import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp } from "../../client/tcp_transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { freePortFlags } from "../support/free_port.ts";
import { type IoBackendName, ServerProcess } from "../support/server_process.ts";
import { until } from "../support/wait.ts";

/** How often the readiness is asked for, in milliseconds: what is measured is so exact. */
const LOOK_INTERVAL_MS = 10;
/** Nothing may take longer, in milliseconds. */
const PATIENCE_MS = 60_000;
/** A fault that did not show after this time was too short to be seen, in milliseconds. */
const NOTICE_MS_MAX = 3_000;

/** The faults, by name. */
export const RECOVERY_FAULTS = {
  "an io worker crashes": (soak) => soak.drill("crash-io-worker?index=1"),
  "logic crashes": (soak) => soak.drill("crash-logic-worker"),
  "an io worker hangs": (soak) => soak.drill("hang-io-worker?index=1"),
  "logic hangs": (soak) => soak.drill("hang-logic-worker"),
  "the process is killed": (soak) => soak.killServer(),
} as const satisfies Record<string, (soak: RecoverySoak) => Promise<void>>;

/** What one fault brought about; times in milliseconds from the moment it was caused. */
export interface Recovery {
  /** Until `/readyz` was no 200; `null`: it was too short to be seen. */
  readonly noticedMs: number | null;
  /** Until it was 200 for good. */
  readonly readyMs: number;
  /** Until the last player was back in the world. */
  readonly playersMs: number;
  /** Players whose connection broke. */
  readonly brokenCount: number;
  /** Those of them that entered anew: their session was gone. */
  readonly anewCount: number;
}

interface Player {
  readonly client: DrawbridgeClient;
  /** Whether the connection broke, when it was back, and whether the session was lost. */
  isBroken: boolean;
  backMs: number;
  isAnew: boolean;
}

/** A server with its players, and what is done to it. */
export class RecoverySoak implements AsyncDisposable {
  readonly #server: ServerProcess;
  readonly #players: Player[] = [];

  private constructor(server: ServerProcess) {
    this.#server = server;
  }

  /** Starts a server on fixed ports, with players in its world; half of them over WebSocket. */
  static async start(options: { backend: IoBackendName; players: number }): Promise<RecoverySoak> {
    const ports = freePortFlags();
    const server = await ServerProcess.start({
      task: "supervise",
      backend: options.backend,
      players: options.players,
      flags: ["--diagnostics", "on", "--flood-control", "off", ...ports],
      errorsExpected: true,
    });
    const soak = new RecoverySoak(server);
    for (let index = 0; index < options.players; index++) await soak.#enter(index);
    return soak;
  }

  async #enter(index: number): Promise<void> {
    const { game, gateway } = this.#server.ports;
    const client = new DrawbridgeClient({
      connect: (signal) =>
        index % 2 === 0
          ? connectTcp({ port: game, signal })
          : connectWebSocket(`ws://127.0.0.1:${gateway}/ws`, { signal }),
      onError: (error, source) => console.error(`${source}: ${error}`),
    });
    await client.open();
    const { success, errorCode } = await client.enterWorld({ token: this.#server.takePlayer().token });
    if (!success) throw new Error(`Cannot enter: error ${errorCode}`);
    const player: Player = { client, isBroken: false, backMs: 0, isAnew: false };
    client.onState((state) => {
      if (state === "reconnecting") player.isBroken = true;
      else if (state === "connected") player.backMs = performance.now();
    });
    client.on("sessionLost", () => player.isAnew = true);
    this.#players.push(player);
  }

  /** Causes a fault by the admin site. */
  async drill(name: string): Promise<void> {
    const headers = { "x-drawbridge-drill": "yes" };
    const url = `http://127.0.0.1:${this.#server.ports.admin}/drill/${name}`;
    const response = await fetch(url, { method: "POST", headers });
    await response.body?.cancel();
    if (response.status !== 202) throw new Error(`Cannot cause ${name}: status ${response.status}`);
  }

  /** Kills the child process, which is the server. */
  async killServer(): Promise<void> {
    const { stdout } = await new Deno.Command("ps", { args: ["--ppid", String(this.#server.pid), "-o", "pid="] })
      .output();
    Deno.kill(Number(new TextDecoder().decode(stdout).trim()), "SIGKILL");
  }

  /** Causes a fault and resolves when everything is as before; once for each server, as its parent remembers faults. */
  async cause(fault: (soak: RecoverySoak) => Promise<void>): Promise<Recovery> {
    const startMs = performance.now();
    await fault(this);
    let noticedMs: number | null = null;
    let readyMs = 0;
    await until("everybody to be back", async () => {
      const isReady = await this.#isReady();
      const nowMs = performance.now() - startMs;
      if (!isReady) {
        noticedMs ??= nowMs;
        readyMs = 0;
        return false;
      }
      if (readyMs === 0) readyMs = nowMs;
      const isSeen = noticedMs !== null || nowMs > NOTICE_MS_MAX;
      const isBack = ({ client }: Player) => client.state === "connected" && client.entityId !== null;
      return isSeen && this.#players.every(isBack);
    }, PATIENCE_MS);
    const broken = this.#players.filter(({ isBroken }) => isBroken);
    return {
      noticedMs,
      readyMs,
      playersMs: Math.max(0, ...broken.map(({ backMs }) => backMs - startMs)),
      brokenCount: broken.length,
      anewCount: broken.filter(({ isAnew }) => isAnew).length,
    };
  }

  async #isReady(): Promise<boolean> {
    await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
    try {
      const response = await fetch(`http://127.0.0.1:${this.#server.ports.admin}/readyz`);
      await response.body?.cancel();
      return response.status === 200;
    } catch {
      return false;
    }
  }

  /** Logs everybody out and stops the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#players.map(({ client }) => client.close()));
    await this.#server.stop();
  }
}
