/**
 * One connection of the load test: a socket, the transport on it, and the frames in that.
 *
 * @module
 */

import { FrameDecoder, type FrameSink } from "../../shared/frame_decoder.ts";
import { ProtocolError } from "../../shared/errors.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { DECOMPRESSED_BYTES_MAX, FRAME_BYTES_MAX, FRAME_HEADER_BYTES } from "../../shared/limits.ts";
import { LOADTEST_PENDING_BYTES_MAX } from "../limits.ts";
import { PacketView } from "../../shared/packet_codec.ts";
import { inflatePayload } from "../../server/io/inflate.ts";
import type { ClientEngine, ClientSocket, Endpoint, SocketHandler } from "./engine.ts";
import { Counter, type Counters } from "./shared_state.ts";
import {
  MASKED_HEADER_BYTES_MAX,
  UpgradeError,
  upgradeRequest,
  WebSocketReader,
  type WebSocketReaderSink,
  writeMaskedFrame,
} from "./websocket_client.ts";

/** What carries frames. */
export type TransportName = "tcp" | "ws";

/** Takes what happens on a connection. */
export interface ConnectionHandler {
  /** Packets can be sent. */
  onReady(): void;
  /** A packet; `view` and `bytes` are valid only during the call. */
  onPacket(view: PacketView, bytes: Uint8Array): void;
  /** It is closed, and nothing is called after this. */
  onClosed(reason: string): void;
}

/** What all connections of a thread share. */
export class ConnectionHost {
  readonly view = new PacketView();
  /** Packets of one call gather here, so that they become one system call. */
  readonly out = new Uint8Array(2 * (FRAME_HEADER_BYTES + FRAME_BYTES_MAX));
  outEnd = 0;
  /** When the bytes at hand arrived, or else the round began, on the engine's clock: asking it costs a call. */
  nowUs = 0;
  readonly masked = new Uint8Array(this.out.length + MASKED_HEADER_BYTES_MAX);
  readonly maskedView = new DataView(this.masked.buffer);

  constructor(readonly engine: ClientEngine, readonly counters: Counters) {}
}

/** The socket's bytes, with or without WebSocket frames around them. */
export class LoadConnection implements SocketHandler, FrameSink, WebSocketReaderSink {
  /** Bytes received so far. */
  bytesIn = 0;
  readonly #host: ConnectionHost;
  readonly #handler: ConnectionHandler;
  readonly #transport: TransportName;
  readonly #hostHeader: string;
  readonly #path: string;
  readonly #decoder: FrameDecoder;
  readonly #socket: ClientSocket;
  #webSocket: WebSocketReader | null = null;
  #closed = false;
  /** Packets wait in `out` until the bytes at hand have been dealt with. */
  #corked = false;
  /** Why it was closed from here, told when the bytes at hand have been dealt with. */
  #failure = "";

  constructor(host: ConnectionHost, endpoint: Endpoint, transport: TransportName, handler: ConnectionHandler) {
    this.#host = host;
    this.#handler = handler;
    this.#transport = transport;
    const name = endpoint.host ?? endpoint.address;
    this.#hostHeader = `${name.includes(":") ? `[${name}]` : name}:${endpoint.port}`;
    this.#path = endpoint.path ?? "/ws";
    this.#decoder = new FrameDecoder(this);
    this.#socket = host.engine.connect(endpoint, this);
  }

  /** Whether it can take more: the server reads. */
  get writable(): boolean {
    return this.#socket.pendingBytes < LOADTEST_PENDING_BYTES_MAX;
  }

  onOpen(): void {
    if (this.#transport === "tcp") return this.#handler.onReady();
    const { bytes, accept } = upgradeRequest(this.#hostHeader, this.#path);
    this.#webSocket = new WebSocketReader(this, accept);
    this.#sendRaw(bytes, 0, bytes.length);
  }

  onUpgraded(): void {
    this.#handler.onReady();
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    this.#host.nowUs = this.#host.engine.nowUs();
    this.#host.counters.add(Counter.BYTES_IN, end - start);
    this.bytesIn += end - start;
    this.#corked = true;
    try {
      if (this.#webSocket !== null) this.#webSocket.push(bytes, start, end);
      else this.#decoder.push(bytes, start, end);
    } catch (error) {
      if (!(error instanceof UpgradeError) && !(error instanceof ProtocolError)) throw error;
      this.#failure = error instanceof UpgradeError ? error.message : `broken packet (${error.message})`;
    }
    this.#corked = false;
    if (this.#host.outEnd > 0) this.#flush();
    if (this.#failure !== "" && !this.#closed) {
      this.close();
      this.#handler.onClosed(this.#failure);
    }
  }

  onStream(bytes: Uint8Array, start: number, end: number): void {
    this.#decoder.push(bytes, start, end);
  }

  onReply(bytes: Uint8Array): void {
    this.#sendRaw(bytes, 0, bytes.length);
  }

  onCloseFrame(code: number): void {
    this.#failure = `WebSocket closed with ${code}`;
  }

  onFrame(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#closed) return true;
    const { view } = this.#host;
    view.decode(bytes, start, end);
    if (!view.isCompressed) {
      this.#handler.onPacket(view, bytes);
      return true;
    }
    const inflated = inflatePayload(bytes.subarray(view.payloadStart, view.payloadEnd), DECOMPRESSED_BYTES_MAX);
    if (typeof inflated === "string") {
      throw new ProtocolError(DisconnectReason.MALFORMED_PACKET, "Cannot inflate payload");
    }
    view.payloadStart = 0;
    view.payloadEnd = inflated.length;
    this.#handler.onPacket(view, inflated);
    return true;
  }

  onClosed(reason: string): void {
    this.#closed = true;
    this.#handler.onClosed(reason);
  }

  /** Sends frames. */
  send(bytes: Uint8Array, start: number, end: number): void {
    if (this.#closed) return;
    const host = this.#host;
    if (!this.#corked) return this.#sendFrames(bytes, start, end);
    if (host.outEnd + end - start > host.out.length) this.#flush();
    host.out.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), host.outEnd);
    host.outEnd += end - start;
  }

  #flush(): void {
    const { out, outEnd } = this.#host;
    this.#host.outEnd = 0;
    this.#sendFrames(out, 0, outEnd);
  }

  #sendFrames(bytes: Uint8Array, start: number, end: number): void {
    if (this.#transport === "tcp") return this.#sendRaw(bytes, start, end);
    const { masked, maskedView } = this.#host;
    for (let from = start; from < end; from += FRAME_BYTES_MAX) {
      const length = writeMaskedFrame(maskedView, bytes, from, Math.min(end, from + FRAME_BYTES_MAX));
      this.#sendRaw(masked, 0, length);
    }
  }

  #sendRaw(bytes: Uint8Array, start: number, end: number): void {
    this.#host.counters.add(Counter.BYTES_OUT, end - start);
    this.#socket.send(bytes, start, end);
  }

  /** Chooses whether bytes are taken only by {@linkcode LoadConnection.readNow}. */
  setLazy(isLazy: boolean): void {
    this.#socket.setLazy(isLazy);
  }

  /** Takes what has arrived. */
  readNow(): void {
    this.#socket.readNow();
  }

  /** Closes; the handler is not called again. */
  close(): void {
    this.#closed = true;
    this.#socket.close();
  }
}
