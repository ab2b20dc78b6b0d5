/**
 * Asks a server what it allows before it is loaded.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { connectTcp } from "../../client/tcp_transport.ts";
import type { Transport } from "../../client/transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { FrameDecoder } from "../../shared/frame_decoder.ts";
import { EchoRequestSchema } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { ENVELOPE_BYTES_MAX } from "../../shared/limits.ts";
import { PacketView, writeFrame } from "../../shared/packet_codec.ts";
import { LoadError } from "./load_thread.ts";
import type { LoadOptions } from "./options.ts";

/** How long the server may take to answer one echo, in milliseconds. */
const ANSWER_TIMEOUT_MS = 5_000;
/** Heartbeats of each connection, a second, where there is nothing else to send. */
const HEARTBEATS_PER_S = 1;

/** What to run, and what to say about it. */
export interface Preflight {
  readonly options: LoadOptions;
  /** A line for the user, or "". */
  readonly note: string;
}

/**
 * Makes sure that the server does what the run needs. Where no scenario was named and the server answers no echoes,
 * heartbeats take their place, which every server answers.
 *
 * @throws {LoadError} when nobody answers, or the scenario that was named cannot be run there.
 */
export async function preflight(options: LoadOptions, address: string): Promise<Preflight> {
  if (options.scenario !== "echo") return { options, note: "" };
  if (await answersEcho(options, address)) return { options, note: "" };
  const remedy = "start it with: deno task serve --diagnostics on --flood-control off";
  if (options.isScenarioNamed) {
    throw new LoadError(`Cannot run scenario echo: the server answers no echoes; ${remedy}`);
  }
  return {
    options: { ...options, scenario: "idle", rate: HEARTBEATS_PER_S },
    note: `The server answers no echoes, so this measures heartbeats; for echoes ${remedy}`,
  };
}

async function answersEcho(options: LoadOptions, address: string): Promise<boolean> {
  const host = address.includes(":") ? `[${address}]` : address;
  const port = options.transport === "ws" ? options.gatewayPort : options.gamePort;
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  let transport: Transport;
  try {
    transport = options.transport === "ws"
      ? await connectWebSocket(`ws://${host}:${port}/ws`, { signal })
      : await connectTcp({ hostname: address, port, signal });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LoadError(`Cannot reach the server at ${host}:${port}: ${reason}`);
  }
  try {
    const type = await firstAnswer(transport, signal);
    if (type === 0) throw new LoadError(`The server at ${host}:${port} gave no answer`);
    return type === PacketType.ECHO_RESPONSE;
  } finally {
    transport.close();
  }
}

/** Sends one echo; gives the type of what comes back, or 0 when nothing does. */
async function firstAnswer(transport: Transport, signal: AbortSignal): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const view = new PacketView();
  const decoder = new FrameDecoder({
    onFrame: (bytes, start, end) => {
      view.decode(bytes, start, end);
      resolve(view.type);
      return true;
    },
  });
  transport.start({
    onBytes: (bytes) => decoder.push(bytes, 0, bytes.length),
    onClose: () => resolve(0),
  });
  signal.addEventListener("abort", () => resolve(0));
  const payload = toBinary(EchoRequestSchema, create(EchoRequestSchema, {}));
  const frame = new Uint8Array(payload.length + ENVELOPE_BYTES_MAX + 4);
  const end = writeFrame(frame, 0, PacketType.ECHO_REQUEST, 0, Date.now(), false, 0, payload, 0, payload.length);
  transport.send(frame.subarray(0, end));
  return await promise;
}
