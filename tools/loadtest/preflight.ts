/**
 * Asks a server what it allows before it is loaded.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { DrawbridgeClient } from "../../client/browser.ts";
import { connectTcp, type TcpOptions } from "../../client/tcp_transport.ts";
import type { Transport } from "../../client/transport.ts";
import { connectWebSocket } from "../../client/websocket_transport.ts";
import { FrameDecoder } from "../../shared/frame_decoder.ts";
import { EchoRequestSchema, type ServerInfo } from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { ENVELOPE_BYTES_MAX } from "../../shared/limits.ts";
import { PacketView, writeFrame } from "../../shared/packet_codec.ts";
import type { LoadTarget } from "./load_setup.ts";
import { LoadError } from "./load_thread.ts";
import type { LoadPlayer } from "./messages.ts";
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
  /** The game servers that a login lists, where players log in. */
  readonly servers: readonly ServerInfo[];
}

/**
 * Makes sure that the server does what the run needs. Where no scenario was named and the server answers no echoes,
 * heartbeats take their place, which every server answers.
 *
 * @throws {LoadError} when nobody answers, or the scenario that was named cannot be run there.
 */
export async function preflight(
  options: LoadOptions,
  target: LoadTarget,
  players: readonly LoadPlayer[],
): Promise<Preflight> {
  if (options.enter === "login") {
    return { options, note: "", servers: await listedServers(options, target, players[0]) };
  }
  const servers: readonly ServerInfo[] = [];
  if (options.scenario !== "echo") return { options, note: "", servers };
  if (await answersEcho(options, target)) return { options, note: "", servers };
  const remedy = "start it with: deno task serve --diagnostics on --flood-control off";
  if (options.isScenarioNamed) {
    throw new LoadError(`Cannot run scenario echo: the server answers no echoes; ${remedy}`);
  }
  return {
    options: { ...options, scenario: "idle", rate: HEARTBEATS_PER_S },
    servers,
    note: `The server answers no echoes, so this measures heartbeats; for echoes ${remedy}`,
  };
}

/** What the first player's login lists: where the others will play, or why they cannot. */
async function listedServers(
  options: LoadOptions,
  target: LoadTarget,
  { name, password }: LoadPlayer,
): Promise<readonly ServerInfo[]> {
  const where = hostAndPort(options, target);
  const client = new DrawbridgeClient({
    connect: (signal) => connect(options, target, signal),
    reconnect: false,
    requestTimeoutMs: ANSWER_TIMEOUT_MS,
  });
  try {
    await client.open();
  } catch (error) {
    throw new LoadError(`Cannot reach the server at ${where}: ${messageOf(error)}`);
  }
  try {
    const response = await client.login(name, password);
    if (!response.success) {
      const code = ErrorCode[response.errorCode] ?? response.errorCode;
      throw new LoadError(`Cannot log in at ${where} as ${name}: ${code} ${response.errorMessage}`.trimEnd());
    }
    if (response.serverId === 0 && response.gameServers.length === 0) {
      throw new LoadError(
        `Cannot load ${where}: its login lists no game servers; start one with --role game on the same database`,
      );
    }
    return response.gameServers;
  } catch (error) {
    if (error instanceof LoadError) throw error;
    throw new LoadError(`Cannot log in at ${where} as ${name}: ${messageOf(error)}`);
  } finally {
    await client.close();
  }
}

function hostAndPort(
  { enter, gamePort, gatewayPort, loginPort, transport }: LoadOptions,
  { host }: LoadTarget,
): string {
  const tcpPort = enter === "login" ? loginPort : gamePort;
  return `${host.includes(":") ? `[${host}]` : host}:${transport === "ws" ? gatewayPort : tcpPort}`;
}

/** Connects to where the flags say. */
export function connect(options: LoadOptions, target: LoadTarget, signal: AbortSignal): Promise<Transport> {
  if (options.transport === "ws") return connectWebSocket(`ws://${hostAndPort(options, target)}/ws`, { signal });
  const port = options.enter === "login" ? options.loginPort : options.gamePort;
  return connectTcp({ hostname: target.host, port, signal, ...tlsOf(target) });
}

/** Connects to a server that was listed. */
export function connectListed(
  target: LoadTarget,
  { ipAddress, port }: ServerInfo,
  signal: AbortSignal,
): Promise<Transport> {
  return connectTcp({ hostname: ipAddress, port, signal, ...tlsOf(target) });
}

function tlsOf({ caCerts }: LoadTarget): Pick<TcpOptions, "tls"> {
  return caCerts.length > 0 ? { tls: { caCerts: [...caCerts] } } : {};
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function answersEcho(options: LoadOptions, target: LoadTarget): Promise<boolean> {
  const where = hostAndPort(options, target);
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  let transport: Transport;
  try {
    transport = await connect(options, target, signal);
  } catch (error) {
    throw new LoadError(`Cannot reach the server at ${where}: ${messageOf(error)}`);
  }
  try {
    const type = await firstAnswer(transport, signal);
    if (typeof type === "string") throw new LoadError(`The server at ${where} gave no answer: ${type}`);
    return type === PacketType.ECHO_RESPONSE;
  } finally {
    transport.close();
  }
}

/** Sends one echo; gives the type of what comes back, or why nothing does. */
async function firstAnswer(transport: Transport, signal: AbortSignal): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>();
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
    onClose: resolve,
  });
  signal.addEventListener("abort", () => resolve(`nothing within ${ANSWER_TIMEOUT_MS} ms`));
  const payload = toBinary(EchoRequestSchema, create(EchoRequestSchema, {}));
  const frame = new Uint8Array(payload.length + ENVELOPE_BYTES_MAX + 4);
  const end = writeFrame(frame, 0, PacketType.ECHO_REQUEST, 0, Date.now(), false, 0, payload, 0, payload.length);
  transport.send(frame.subarray(0, end));
  return await promise;
}
