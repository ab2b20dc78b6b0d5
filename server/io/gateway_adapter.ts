/**
 * A gateway connection: HTTP requests one after the other until one becomes a WebSocket, whose bytes then are the same
 * stream of frames that a TCP connection carries.
 *
 * @module
 */

import type { App } from "../../gateway/app.ts";
import { EchoSession } from "../../gateway/echo.ts";
import {
  encodeHttpError,
  encodeResponse,
  encodeUpgrade,
  HttpError,
  type HttpHead,
  HttpHeadParser,
  toRequest,
  upgradeDecision,
} from "../../gateway/http.ts";
import {
  CloseCode,
  encodeClose,
  encodePong,
  WebSocketDecoder,
  WebSocketError,
  type WebSocketSink,
} from "../../gateway/websocket.ts";
import { DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { HTTP_HEAD_TIMEOUT_MS, WEBSOCKET_MESSAGE_BYTES_MAX } from "../../shared/limits.ts";
import type { Connection, ConnectionAdapter } from "./connection.ts";
import type { SendQueue } from "./send_queue.ts";

/** What all gateway connections of an io worker share. */
export interface GatewayHost {
  readonly app: App;
  /** Where requests seem to go, such as `http://127.0.0.1:8082`. */
  readonly origin: string;
  readonly allowedOrigins: readonly string[];
  /** `/echo` is served. */
  readonly diagnostics: boolean;
  /** Monotonic, in milliseconds; as of this round. */
  readonly nowMs: number;
  /** Unix milliseconds; as of this round. */
  readonly unixMs: number;
  /** The connection became a WebSocket; it may be refused now that it can be told. */
  onUpgraded(connection: Connection): void;
  /** A promise is at work: the loop should look at the event loop soon. */
  promiseStarted(): void;
  promiseEnded(): void;
}

const CLOSE_CODES: Readonly<Record<DisconnectReason, number>> = {
  [DisconnectReason.UNSPECIFIED]: CloseCode.NORMAL,
  [DisconnectReason.MALFORMED_FRAME]: CloseCode.PROTOCOL_ERROR,
  [DisconnectReason.MALFORMED_PACKET]: CloseCode.PROTOCOL_ERROR,
  [DisconnectReason.FLOOD]: CloseCode.POLICY_VIOLATION,
  [DisconnectReason.IDLE]: CloseCode.GOING_AWAY,
  [DisconnectReason.SLOW_READER]: CloseCode.POLICY_VIOLATION,
  [DisconnectReason.LOGGED_IN_ELSEWHERE]: CloseCode.NORMAL,
  [DisconnectReason.KICKED]: CloseCode.POLICY_VIOLATION,
  [DisconnectReason.BANNED]: CloseCode.POLICY_VIOLATION,
  [DisconnectReason.SHUTDOWN]: CloseCode.GOING_AWAY,
  [DisconnectReason.SERVER_FULL]: CloseCode.TRY_AGAIN_LATER,
  [DisconnectReason.HANDSHAKE_TIMEOUT]: CloseCode.POLICY_VIOLATION,
  [DisconnectReason.SERVER_ERROR]: CloseCode.INTERNAL_ERROR,
  [DisconnectReason.PROTOCOL_VIOLATION]: CloseCode.PROTOCOL_ERROR,
};

/** A message may hold several frames; what counts is that no peer makes the server wait for a message's end. */
const GAME_DECODER_OPTIONS = { messageBytesMax: WEBSOCKET_MESSAGE_BYTES_MAX, text: "refuse" } as const;

/** The adapter of one gateway connection. */
export class GatewayAdapter implements ConnectionAdapter, WebSocketSink {
  readonly #connection: Connection;
  readonly #host: GatewayHost;
  #parser: HttpHeadParser | null = new HttpHeadParser();
  #decoder: WebSocketDecoder | null = null;
  #echo: EchoSession | null = null;
  /** Bytes that came while a response was being made. */
  #held: Uint8Array | null = null;
  #busy = false;
  #started = false;
  deadlineMs: number;

  constructor(connection: Connection, host: GatewayHost) {
    this.#connection = connection;
    this.#host = host;
    this.deadlineMs = host.nowMs + HTTP_HEAD_TIMEOUT_MS;
  }

  get open(): boolean {
    return this.#decoder !== null;
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    try {
      if (this.#decoder !== null) this.#decoder.push(bytes, start, end);
      else if (this.#echo !== null) this.#pushEcho(this.#echo, bytes, start, end);
      else this.#onHttpBytes(bytes, start, end);
    } catch (error) {
      if (error instanceof WebSocketError) this.#closeWebSocket(error.code, error.message);
      else if (error instanceof HttpError) this.#refuseHttp(error);
      else throw error;
    }
  }

  onDeadline(): void {
    if (this.#started) this.#refuseHttp(new HttpError(408, "Cannot wait for request: its head took too long"));
    else this.#connection.closeQuietly();
  }

  onDrained(): void {
    if (this.#echo !== null) this.#connection.resumeReading();
  }

  appendClose(queue: SendQueue, reason: DisconnectReason, message: string): void {
    if (this.#decoder === null) return;
    this.#decoder.stop();
    queue.appendRaw(encodeClose(CLOSE_CODES[reason] ?? CloseCode.NORMAL, message));
  }

  // HTTP

  #onHttpBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.#busy) {
      const held = this.#held ?? new Uint8Array(0);
      this.#held = new Uint8Array(held.length + end - start);
      this.#held.set(held);
      this.#held.set(bytes.subarray(start, end), held.length);
      return;
    }
    this.#started = true;
    const parser = this.#parser!;
    const taken = parser.push(bytes, start, end);
    if (parser.head === undefined) return;
    this.#onHead(parser.head);
    if (start + taken < end && !this.#connection.closing) this.onBytes(bytes, start + taken, end);
  }

  #onHead(head: HttpHead): void {
    this.deadlineMs = 0;
    const path = head.target.split("?", 1)[0];
    const isEcho = path === "/echo" && this.#host.diagnostics;
    const decision = path === "/ws" || isEcho ? upgradeDecision(head, this.#host) : { kind: "none" } as const;
    if (decision.kind === "refuse") throw new HttpError(decision.status, decision.message);
    if (decision.kind === "none") {
      void this.#answer(head);
      return;
    }
    this.#connection.sendRaw(encodeUpgrade(decision.accept));
    this.#parser = null;
    if (isEcho) {
      this.#connection.uncapped = true;
      this.#connection.proven = true;
      this.#echo = new EchoSession({
        send: (bytes) => this.#connection.sendRaw(bytes),
        close: () => this.#connection.closeQuietly(),
      });
    } else {
      this.#decoder = new WebSocketDecoder(this, GAME_DECODER_OPTIONS);
      this.#connection.startWebSocket();
      this.#host.onUpgraded(this.#connection);
    }
  }

  async #answer(head: HttpHead): Promise<void> {
    const connection = this.#connection;
    this.#busy = true;
    connection.pauseReading();
    this.#host.promiseStarted();
    try {
      const response = await this.#host.app.fetch(toRequest(head, this.#host.origin));
      const bytes = await encodeResponse(response, {
        head: head.method === "HEAD",
        keepAlive: head.keepAlive,
        nowMs: this.#host.unixMs,
      });
      if (connection.closing) return;
      connection.sendRaw(bytes);
      if (!head.keepAlive) connection.closeQuietly();
    } catch (error) {
      this.#refuseHttp(error instanceof HttpError ? error : new HttpError(500, "Cannot answer request"));
    } finally {
      this.#host.promiseEnded();
      this.#busy = false;
    }
    if (connection.closing) return;
    this.#parser!.next();
    this.#started = false;
    this.deadlineMs = this.#host.nowMs + HTTP_HEAD_TIMEOUT_MS;
    connection.resumeReading();
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.onBytes(held, 0, held.length);
  }

  #refuseHttp(error: HttpError): void {
    if (this.#connection.closing) return;
    this.#connection.sendRaw(encodeHttpError(error, this.#host.unixMs));
    this.#connection.closeQuietly();
  }

  #pushEcho(echo: EchoSession, bytes: Uint8Array, start: number, end: number): void {
    echo.push(bytes, start, end);
    if (!this.#connection.queue.idle) this.#connection.pauseReading();
  }

  // WebSocketSink of /ws; message borders mean nothing there.

  onMessageStart(): void {}

  onMessageEnd(): void {}

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.#connection.onStreamBytes(bytes, start, end);
  }

  onPing(bytes: Uint8Array, start: number, end: number): void {
    this.#connection.sendRaw(encodePong(bytes, start, end));
  }

  onPong(): void {}

  onClose(code: number): void {
    this.#closeWebSocket(code === CloseCode.NO_STATUS ? CloseCode.NORMAL : code, "");
  }

  #closeWebSocket(code: number, reason: string): void {
    if (this.#connection.closing) return;
    this.#connection.sendRaw(encodeClose(code, reason));
    this.#connection.closeQuietly();
  }
}
