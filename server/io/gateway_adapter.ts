/**
 * A gateway connection: HTTP requests one after the other until one becomes a WebSocket, whose bytes then are the same
 * stream of frames that a TCP connection carries.
 *
 * @module
 */

import type { App } from "../../gateway/app.ts";
import { EchoSession } from "../../gateway/echo.ts";
import {
  encodeAnswerHead,
  encodeHttpError,
  encodeResponse,
  type EncodeResponseOptions,
  encodeUpgrade,
  HttpError,
  type HttpHead,
  HttpHeadParser,
  isHostNamed,
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
import { DisconnectReason } from "../../shared/gen/enums.ts";
import {
  HTTP_HEAD_TIMEOUT_MS,
  HTTP_PIECE_BYTES,
  HTTP_TAKE_TIMEOUT_MS,
  WEBSOCKET_FRAMES_PER_SERVICE_MAX,
  WEBSOCKET_MESSAGE_BYTES_MAX,
  WORK_HTTP_ANSWER_US,
  WORK_HTTP_BODY_BYTES_PER_US,
  WORK_HTTP_HEAD_BYTES_PER_US,
  WORK_HTTP_REQUEST_US,
  WORK_PING_US,
  WORK_WEBSOCKET_FRAME_US,
} from "../../shared/limits.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionAdapter } from "./connection_host.ts";
import type { SendQueue } from "./send_queue.ts";

/** What all gateway connections of an io worker share. */
export interface GatewaySite {
  readonly app: App;
  /** Where requests seem to go, such as `http://127.0.0.1:8082`. */
  readonly origin: string;
  readonly allowedOrigins: readonly string[];
  /** Names the gateway goes by, lower case; `null`: any. */
  readonly hostNames: ReadonlySet<string> | null;
  /** `/echo` is served. */
  readonly diagnostics: boolean;
  /** Monotonic, in milliseconds; as of this round. */
  readonly nowMs: number;
  /** Unix milliseconds; as of this round. */
  readonly unixMs: number;
  /** Whether others should have their turn now. */
  isTimeUp(): boolean;
  /** A promise is at work: the loop should look at the event loop soon. */
  promiseStarted(): void;
  promiseEnded(): void;
}

/** Who asks over the gateway. */
export interface GatewayRequests {
  /**
   * A request has come: where its connection is a proxy's, it counts for whom that names.
   *
   * @throws {HttpError} 400 when it cannot be told whom, 429 when that address has too many, or is banned.
   */
  beginRequest(connection: Connection, head: HttpHead): void;
  /** A WebSocket, or any request, is refused for what an operator may have set wrong. */
  onMisplaced(fault: Misplacement, head: HttpHead): void;
  /** The request was answered, and another one may follow. */
  endRequest(connection: Connection): void;
  /** The connection became a WebSocket; it may be refused now that it can be told. */
  onUpgraded(connection: Connection): void;
}

/** What an operator sees in the log, and may mend by an option or at the proxy. */
export type Misplacement = "origin" | "host" | "upgrade";

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

const NOTHING = new Uint8Array(0);

/** A message may hold several frames; what counts is that no peer makes the server wait for a message's end. */
const GAME_DECODER_OPTIONS = { messageBytesMax: WEBSOCKET_MESSAGE_BYTES_MAX, text: "refuse" } as const;

/** An answer on its way: the next piece follows when the one before was taken, so that a peer holds little memory. */
interface AnswerOnItsWay {
  /** Shared with others who ask for the same. */
  readonly body: Uint8Array;
  /** What of it was sent. */
  sentBytes: number;
  readonly keepAlive: boolean;
}

/** The adapter of one gateway connection: a request, or a handful of WebSocket frames, each time it is its turn. */
export class GatewayAdapter implements ConnectionAdapter, WebSocketSink {
  readonly #connection: Connection;
  readonly #site: GatewaySite;
  readonly #requests: GatewayRequests;
  #parser: HttpHeadParser | null = new HttpHeadParser();
  #decoder: WebSocketDecoder | null = null;
  #echo: EchoSession | null = null;
  /** Bytes whose turn it is not yet: at most what one read brings, and one more that was under way. */
  #held: Uint8Array | null = null;
  /** Where what is left of them begins. */
  #heldAt = 0;
  /** A response is being made. */
  #busy = false;
  #answerOnItsWay: AnswerOnItsWay | null = null;
  /** It goes on when what it has sent was taken. */
  #waitsForDrain = false;
  #started = false;
  /** 0 while it is this server's turn: a head is whole, and what is answered was taken or is being made. */
  deadlineMs: number;

  constructor(connection: Connection, site: GatewaySite, requests: GatewayRequests) {
    this.#connection = connection;
    this.#site = site;
    this.#requests = requests;
    this.deadlineMs = site.nowMs + HTTP_HEAD_TIMEOUT_MS;
  }

  get open(): boolean {
    return this.#decoder !== null;
  }

  get uncapped(): boolean {
    return this.#decoder === null;
  }

  get answering(): boolean {
    return this.#isAnswering || (this.#parser !== null && this.#held !== null);
  }

  get #isAnswering(): boolean {
    return this.#busy || this.#answerOnItsWay !== null;
  }

  onBytes(bytes: Uint8Array, start: number, end: number): void {
    const mustWait = this.#isAnswering || this.#held !== null || this.#connection.reader.throttled;
    if (mustWait) return this.#hold(bytes, start, end);
    const at = start + this.#take(bytes, start, end);
    if (at === end || this.#connection.closing) return;
    this.#hold(bytes, at, end);
    this.#waitTurn();
  }

  goOn(): boolean {
    if (this.#isAnswering) return false;
    // What is sent waits nowhere but in its queue, so that must be empty before there is more.
    this.#waitsForDrain = this.#decoder === null && !this.#connection.queue.idle;
    if (this.#waitsForDrain) return false;
    // The time of a head that has begun goes on, however often its connection is in debt.
    if (this.#parser !== null && this.deadlineMs === 0) this.deadlineMs = this.#site.nowMs + HTTP_HEAD_TIMEOUT_MS;
    const held = this.#held;
    if (held !== null) {
      this.#heldAt += this.#take(held, this.#heldAt, held.length);
      if (this.#heldAt === held.length) this.#held = null;
      else this.#waitTurn();
    }
    return this.#held === null && !this.#isAnswering && !this.#waitsForDrain;
  }

  /** Goes on in its turn, unless something else will have it do so. */
  #waitTurn(): void {
    if (!this.#isAnswering && !this.#waitsForDrain && !this.#connection.closing) this.#connection.reader.waitTurn();
  }

  #hold(bytes: Uint8Array, start: number, end: number): void {
    const before = this.#held?.subarray(this.#heldAt) ?? bytes.subarray(0, 0);
    const held = new Uint8Array(before.length + end - start);
    held.set(before);
    held.set(bytes.subarray(start, end), before.length);
    this.#held = held;
    this.#heldAt = 0;
  }

  /** Takes as much as is this connection's due in this round; gives how many bytes that is. */
  #take(bytes: Uint8Array, start: number, end: number): number {
    try {
      if (this.#decoder !== null) return this.#takeFrames(this.#decoder, bytes, start, end);
      if (this.#echo !== null) return this.#takeEcho(this.#echo, bytes, start, end);
      return this.#takeHead(bytes, start, end);
    } catch (error) {
      if (error instanceof WebSocketError) this.#closeWebSocket(error.code, error.message);
      else if (error instanceof HttpError) this.#refuseHttp(error);
      else throw error;
      return end - start;
    }
  }

  #takeFrames(decoder: WebSocketDecoder | EchoSession, bytes: Uint8Array, start: number, end: number): number {
    const connection = this.#connection;
    let at = start;
    do {
      const framesBefore = decoder.frameCount;
      at += decoder.push(bytes, at, end, WEBSOCKET_FRAMES_PER_SERVICE_MAX);
      const frames = decoder.frameCount - framesBefore;
      if (frames > 1) connection.reader.charge((frames - 1) * WORK_WEBSOCKET_FRAME_US);
    } while (at < end && !connection.reader.throttled && !this.#site.isTimeUp());
    return at - start;
  }

  onDeadline(): void {
    if (this.#answerOnItsWay !== null) this.#connection.closeSlowReader();
    else if (this.#started) this.#refuseHttp(new HttpError(408, "Cannot wait for request: its head took too long"));
    else this.#connection.closeQuietly();
  }

  onDrained(): void {
    if (this.#answerOnItsWay !== null) this.#goOnAnswering(this.#answerOnItsWay);
    if (!this.#waitsForDrain) return;
    this.#waitsForDrain = false;
    this.#connection.reader.waitTurn();
  }

  appendClose(queue: SendQueue, reason: DisconnectReason, message: string): void {
    if (this.#decoder === null) return;
    this.#decoder.stop();
    queue.appendRaw(encodeClose(CLOSE_CODES[reason] ?? CloseCode.NORMAL, message));
  }

  // HTTP

  /** Takes bytes up to the end of one head. */
  #takeHead(bytes: Uint8Array, start: number, end: number): number {
    this.#started = true;
    const parser = this.#parser!;
    const taken = parser.push(bytes, start, end);
    this.#connection.reader.charge(taken / WORK_HTTP_HEAD_BYTES_PER_US);
    if (parser.head !== undefined) this.#onHead(parser.head);
    return taken;
  }

  #onHead(head: HttpHead): void {
    this.deadlineMs = 0;
    this.#requests.beginRequest(this.#connection, head);
    this.#connection.reader.charge(WORK_HTTP_REQUEST_US);
    const path = head.target.split("?", 1)[0];
    if (!isHostNamed(head, this.#site.hostNames)) {
      this.#requests.onMisplaced("host", head);
      throw new HttpError(421, "Cannot accept request: its host is not among the gateway's names, see --public-host");
    }
    const isEcho = path === "/echo" && this.#site.diagnostics;
    const decision = path === "/ws" || isEcho ? upgradeDecision(head, this.#site) : { kind: "none" } as const;
    if (decision.kind === "refuse" && decision.status === 403) this.#requests.onMisplaced("origin", head);
    if (decision.kind === "none" && path === "/ws" && head.headers.has("sec-websocket-key")) {
      this.#requests.onMisplaced("upgrade", head);
    }
    if (decision.kind === "refuse") throw new HttpError(decision.status, decision.message);
    if (decision.kind === "none") {
      const asset = this.#site.app.asset(head.path, head.headers.get("if-none-match"), head.headers.get("host"));
      if (asset === undefined) void this.#answer(head);
      else this.#sendAnswer(head, encodeAnswerHead(asset, this.#encoding(head)), asset.body);
      return;
    }
    this.#connection.sendRaw(encodeUpgrade(decision.accept));
    this.#parser = null;
    if (isEcho) {
      this.#connection.startEcho();
      this.#echo = new EchoSession({
        send: (bytes) => this.#connection.sendRaw(bytes),
        close: () => this.#connection.closeQuietly(),
      });
    } else {
      this.#decoder = new WebSocketDecoder(this, GAME_DECODER_OPTIONS);
      this.#connection.startWebSocket();
      this.#requests.onUpgraded(this.#connection);
    }
  }

  async #answer(head: HttpHead): Promise<void> {
    const connection = this.#connection;
    this.#busy = true;
    connection.reader.charge(WORK_HTTP_ANSWER_US);
    connection.pauseReading();
    this.#site.promiseStarted();
    try {
      const response = await this.#site.app.fetch(toRequest(head, this.#site.origin));
      const bytes = await encodeResponse(response, this.#encoding(head));
      this.#busy = false;
      this.#sendAnswer(head, bytes, NOTHING);
    } catch (error) {
      this.#refuseHttp(error instanceof HttpError ? error : new HttpError(500, "Cannot answer request"));
    } finally {
      this.#busy = false;
      this.#site.promiseEnded();
    }
  }

  #encoding({ method, keepAlive }: HttpHead): EncodeResponseOptions {
    return { head: method === "HEAD", keepAlive, nowMs: this.#site.unixMs };
  }

  /**
   * Sends an answer; the next request waits until it was taken, and for its turn.
   *
   * @param bytes What was made for this request: all of the answer, or what stands in front of `body`.
   * @param body What others are sent as well; with HEAD it is left out.
   */
  #sendAnswer({ keepAlive, method }: HttpHead, bytes: Uint8Array, body: Uint8Array): void {
    const connection = this.#connection;
    if (connection.closing) return;
    connection.reader.charge((bytes.length + body.length) / WORK_HTTP_BODY_BYTES_PER_US);
    connection.pauseReading();
    connection.sendRaw(bytes);
    this.#answerOnItsWay = { body: method === "HEAD" ? NOTHING : body, sentBytes: 0, keepAlive };
    this.#sendPiece(this.#answerOnItsWay);
  }

  #sendPiece(answer: AnswerOnItsWay): void {
    const end = Math.min(answer.body.length, answer.sentBytes + HTTP_PIECE_BYTES);
    if (end > answer.sentBytes) this.#connection.sendRaw(answer.body.subarray(answer.sentBytes, end));
    answer.sentBytes = end;
    this.deadlineMs = this.#site.nowMs + HTTP_TAKE_TIMEOUT_MS;
  }

  /** All that was sent of an answer was taken. */
  #goOnAnswering(answer: AnswerOnItsWay): void {
    if (answer.sentBytes < answer.body.length) return this.#sendPiece(answer);
    const connection = this.#connection;
    this.#answerOnItsWay = null;
    this.deadlineMs = 0;
    const isLast = !answer.keepAlive || (connection.peerEnded && this.#held === null);
    if (isLast) return connection.closeQuietly();
    this.#requests.endRequest(connection);
    this.#parser!.next();
    this.#started = false;
    connection.reader.waitTurn();
  }

  #refuseHttp(error: HttpError): void {
    if (this.#connection.closing) return;
    this.#connection.sendRaw(encodeHttpError(error, this.#site.unixMs));
    this.#connection.closeQuietly();
  }

  #takeEcho(echo: EchoSession, bytes: Uint8Array, start: number, end: number): number {
    const taken = this.#takeFrames(echo, bytes, start, end);
    this.#waitsForDrain = !this.#connection.queue.idle;
    if (this.#waitsForDrain) this.#connection.pauseReading();
    return taken;
  }

  // WebSocketSink of /ws; message borders mean nothing there.

  onMessageStart(): void {}

  onMessageEnd(): void {}

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.#connection.reader.push(bytes, start, end);
  }

  onPing(bytes: Uint8Array, start: number, end: number): void {
    this.#connection.reader.charge(WORK_PING_US);
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
