/// <reference lib="deno.worker" />
/**
 * Runs an io backend in a thread of its own, as a server does, and does with its sockets what the test says.
 *
 * @module
 */

import type { IoBackend, Listener, ListenOptions, Socket, SocketHandler } from "../../server/io/backend.ts";
import { DenoBackend } from "../../server/io/deno_backend.ts";
import { createDescriptorBuffer, DescriptorSet } from "../../server/io/descriptor_set.ts";
import { EpollBackend } from "../../server/io/epoll_backend.ts";

/** What the test wants. `id` names an accepted socket, in order from 0. */
export type BackendCommand =
  /** `itemsPerRound`: how often a part of a round is told that there is time; if left out, always. */
  | { readonly kind: "start"; readonly backend: "deno" | "epoll"; readonly itemsPerRound?: number }
  | { readonly kind: "listen"; readonly options: ListenOptions; readonly takes: boolean }
  | { readonly kind: "unlisten" }
  /** The thread stands still from "held" on, until the gate's first number is not 0. */
  | { readonly kind: "hold"; readonly gate: Int32Array<SharedArrayBuffer> }
  | { readonly kind: "write"; readonly id: number; readonly bytes: Uint8Array; readonly offset: number }
  | { readonly kind: "pause" | "resume" | "end" | "close" | "abort"; readonly id: number }
  | { readonly kind: "stop" };

/** What happened. */
export type BackendEvent =
  | { readonly kind: "started" | "unlistened" | "held" | "stopped" }
  | { readonly kind: "listening"; readonly port: number }
  /** A round in which sockets were served has ended. */
  | { readonly kind: "round"; readonly served: number; readonly more: boolean }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "accepted"; readonly id: number; readonly remoteAddress: string; readonly localAddress: string }
  | { readonly kind: "bytes"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: "write"; readonly id: number; readonly taken: boolean }
  | { readonly kind: "written" | "ended" | "broken" | "done"; readonly id: number };

const report = (event: BackendEvent) => self.postMessage(event);
const sockets: Socket[] = [];
const listeners: Listener[] = [];
let backend: IoBackend | null = null;
/** Sockets whose bytes came since a round ended. */
let served = 0;

/** Reports everything. The bytes are overwritten, as a handler may do. */
function handlerOf(id: number): SocketHandler {
  return {
    onBytes: (bytes, start, end) => {
      served++;
      report({ kind: "bytes", id, bytes: bytes.slice(start, end) });
      bytes.fill(0xee, start, end);
    },
    onHandshake: () => {},
    onRecords: () => {},
    onWritten: () => report({ kind: "written", id }),
    onEnd: () => report({ kind: "ended", id }),
    onBroken: () => report({ kind: "broken", id }),
  };
}

function listen(options: ListenOptions, takes: boolean): void {
  const listener = backend!.listen(options, (socket) => {
    if (!takes) return null;
    const id = sockets.push(socket) - 1;
    report({ kind: "accepted", id, remoteAddress: socket.remoteAddress, localAddress: socket.localAddress });
    return handlerOf(id);
  });
  listeners.push(listener);
  report({ kind: "listening", port: listener.port });
}

function startLoop(backend: IoBackend, itemsPerRound: number): void {
  let items = 0;
  backend.start({
    get nowMs() {
      return performance.now();
    },
    pendingPromises: 0,
    onWake: () => void (items = 0),
    isTimeUp: () => ++items > itemsPerRound,
    onAcceptError: () => {},
    onRound: (more) => {
      if (served > 0) report({ kind: "round", served, more });
      served = 0;
    },
    beforeSleep: () => true,
    afterSleep: () => {},
  });
}

function handle(command: BackendCommand): void {
  switch (command.kind) {
    case "start":
      backend = command.backend === "epoll"
        ? new EpollBackend(new DescriptorSet(createDescriptorBuffer()))
        : new DenoBackend();
      startLoop(backend, command.itemsPerRound ?? Infinity);
      return report({ kind: "started" });
    case "listen":
      return listen(command.options, command.takes);
    case "unlisten":
      for (const listener of listeners.splice(0)) listener.close();
      return report({ kind: "unlistened" });
    case "hold":
      report({ kind: "held" });
      return void Atomics.wait(command.gate, 0, 0);
    case "write": {
      const { id, bytes, offset } = command;
      return report({ kind: "write", id, taken: sockets[id].write(bytes, offset, bytes.length) });
    }
    case "pause":
      sockets[command.id].pauseReading();
      break;
    case "resume":
      sockets[command.id].resumeReading();
      break;
    case "end":
      sockets[command.id].endWriting();
      break;
    case "close":
      sockets[command.id].close();
      break;
    case "abort":
      sockets[command.id].abort();
      break;
    case "stop":
      for (const listener of listeners.splice(0)) listener.close();
      for (const socket of sockets) socket.close();
      backend?.stop();
      return report({ kind: "stopped" });
  }
  report({ kind: "done", id: command.id });
}

self.onmessage = ({ data }: MessageEvent<BackendCommand>) => {
  try {
    handle(data);
  } catch (error) {
    report({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};
