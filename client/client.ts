/**
 * The Drawbridge client: one class over any {@linkcode Transport}. It sends typed messages, awaits answers, keeps the
 * connection alive, comes back by itself after a loss and takes its session up again, so that no reliable message is
 * lost, doubled or reordered.
 *
 * @example
 * ```ts ignore
 * const client = new GameClient({ contract, connect: () => connectWebSocket("ws://localhost:8082/ws") });
 * client.on(ChatMessageSchema, (chat) => console.log(chat.senderName, chat.message));
 * await client.open();
 * await client.login("alice", "correct horse");
 * await client.enterWorld();
 * client.send(ChatMessageSchema, { channel: Channel.GLOBAL, message: "hi" });
 * ```
 *
 * @see docs/protocol.md, "Session flow"
 * @module
 */

import {
  create,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type { Contract, PacketShapes } from "../shared/contract.ts";
import { ProtocolError } from "../shared/errors.ts";
import {
  AccountDeleteRequestSchema,
  type AccountDeleteResponse,
  type DisconnectNotice,
  DisconnectReason,
  HeartbeatRequestSchema,
  LoginRequestSchema,
  type LoginResponse,
  LogoutRequestSchema,
  type LogoutResponse,
  PasswordChangeRequestSchema,
  type PasswordChangeResponse,
  RegisterRequestSchema,
  type RegisterResponse,
  TokensRevokeRequestSchema,
  type TokensRevokeResponse,
} from "../shared/gen/auth_pb.ts";
import { type EnterWorldRequest, EnterWorldRequestSchema, type EnterWorldResponse } from "../shared/gen/world_pb.ts";
import { PacketType } from "../shared/gen/packet_types.ts";
import { CLIENT_CLOSE_MS } from "../shared/limits.ts";
import type { PacketView } from "../shared/packet_codec.ts";
import type { PacketRow } from "../shared/packet_table.ts";
import { changeFor, type ClientEvents, type ClientState, type StateChange } from "./client_events.ts";
import { type GameClientOptions, resolveClientOptions, type ResolvedClientOptions } from "./client_options.ts";
import type {
  CloseOptions,
  EnterWorldOptions,
  PacketHeader,
  ReceivedMessage,
  ReceiveSchema,
  ReceiveType,
  RequestOptions,
  RequestSchema,
  ResponseOf,
  SendSchema,
} from "./client_types.ts";
import { Handlers, type Unsubscribe } from "./handlers.ts";
import { inflatePayload } from "./inflate.ts";
import { Link } from "./link.ts";
import type { OutgoingPacket } from "./outgoing.ts";
import { type PacketIndex, packetIndexOf } from "./packet_index.ts";
import { hashPassword } from "./password.ts";
import { NEW_REQUEST, type PendingRequest, PendingRequests } from "./requests.ts";
import { Sender, type SendResult } from "./sender.ts";
import { SessionFlow } from "./session_flow.ts";

export type {
  CloseOptions,
  EnterWorldOptions,
  PacketHeader,
  ReceivedMessage,
  ReceiveSchema,
  ReceiveType,
  RequestOptions,
  RequestSchema,
  ResponseOf,
  SendSchema,
} from "./client_types.ts";
export { hashPassword } from "./password.ts";
export { RequestError, type RequestErrorReason } from "./requests.ts";
export type { ClientEvents, ClientState, SessionLoss, StateChange } from "./client_events.ts";
export type { ClientOptions, GameClientOptions, ReconnectOptions, Timers } from "./client_options.ts";
export type { Unsubscribe } from "./handlers.ts";
export { Contract, type PacketShape, type PacketShapes } from "../shared/contract.ts";
export type { OutgoingQueueMax } from "./outgoing.ts";
export type { SendResult } from "./sender.ts";
export type { Connect, Transport, TransportHandler } from "./transport.ts";

/**
 * A client of one server, of any game.
 *
 * `P`: the shapes of the game's packets, which follow from its contract: the compiler knows what may be sent, and what
 * answers it.
 */
export class GameClient<P extends PacketShapes<P>> {
  readonly #contract: Contract<P>;
  readonly #index: PacketIndex;
  readonly #options: ResolvedClientOptions;
  readonly #handlers: Handlers;
  readonly #requests: PendingRequests;
  readonly #sender: Sender;
  readonly #link: Link;
  readonly #flow: SessionFlow;

  #state: ClientState = "idle";
  #opening: PromiseWithResolvers<void> | null = null;
  /** Nothing more is sent: resolves when the session is ended and the client closed; `null` while nobody asked for it. */
  #closing: Promise<void> | null = null;

  /**
   * Makes a client; {@linkcode DrawbridgeClient.open} connects it.
   *
   * @throws {RangeError} when an interval is out of its bounds.
   */
  constructor(options: GameClientOptions<P>) {
    this.#contract = options.contract;
    this.#index = packetIndexOf(options.contract);
    this.#options = resolveClientOptions(options);
    this.#handlers = new Handlers(this.#options.onError);
    this.#requests = new PendingRequests(this.#contract, this.#options, {
      timeout: (request) => this.#timeOut(request),
      repeat: (request) => this.#repeat(request),
    });
    this.#sender = new Sender(this.#options, (packet) => this.#flow.onSent(packet));
    this.#link = new Link(this.#options, {
      handleUp: () => this.#flow.onUp(),
      handleDown: (change) => this.#down(change),
      handleUnreachable: (change, error) => this.#flow.onUnreachable(change, error),
      handleEnd: (change, error) => this.#ended(change, error),
      handlePacket: (view, bytes) => this.#receive(view, bytes),
      handleAnswering: (isAnswering) => this.#handlers.call("answering", isAnswering),
      handleFault: (error) => this.#handlers.report(error, "connection"),
      sendHeartbeat: (timestamp, serverTimestampEcho) => {
        const request = create(HeartbeatRequestSchema, { timestamp, serverTimestampEcho });
        this.#sender.writeOwn(PacketType.HEARTBEAT_REQUEST, toBinary(HeartbeatRequestSchema, request));
      },
    });
    this.#flow = new SessionFlow({
      options: this.#options,
      handlers: this.#handlers,
      requests: this.#requests,
      sender: this.#sender,
      link: this.#link,
      isOpening: () => this.#opening !== null,
      onSettled: () => this.#settled(),
      onMoving: (reason) => this.#setState("connecting", changeFor(reason)),
    });
  }

  /** What the client is doing. */
  get state(): ClientState {
    return this.#state;
  }

  /** Round trip of the last answered heartbeat by the client's clock, in milliseconds; `null` before the first. */
  get rttMs(): number | null {
    return this.#link.rttMs;
  }

  /** The player's own entity while there is a session, else `null`. */
  get entityId(): bigint | null {
    return this.#sender.session?.entityId ?? null;
  }

  /** The token of the last successful login, which ENTER_WORLD_REQUEST takes; else `null`. */
  get sessionToken(): string | null {
    return this.#flow.sessionToken;
  }

  /** Bytes sent that the network has not taken yet. */
  get bufferedBytes(): number {
    return this.#link.connection?.bufferedBytes ?? 0;
  }

  /**
   * Connects.
   *
   * Only this first attempt is the caller's to repeat; a connection lost later is made again by the client.
   *
   * @throws {Error} when the server cannot be reached, or the client is closed meanwhile; it may be opened again.
   * @throws {TypeError} when the client is open already; one that is closing is waited for.
   */
  open(): Promise<void> {
    if (this.#closing !== null) return this.#closing.then(() => this.open());
    if (this.#state !== "idle" && this.#state !== "closed") {
      return Promise.reject(new TypeError(`Cannot open client: it is ${this.#state}`));
    }
    const opening = this.#opening = Promise.withResolvers<void>();
    this.#setState("connecting", changeFor(""));
    this.#link.start();
    return opening.promise;
  }

  /**
   * Ends the session, sends what is written, closes the connection and stays closed. The player leaves the world; the
   * token stays good, so that the client may be opened and the world entered again.
   *
   * @returns Resolves when the transport is closed, or does not close in time.
   */
  close(options: CloseOptions = {}): Promise<void> {
    if (options.linkDead !== true) this.#flow.leaveQueue();
    if (options.linkDead === true || !this.#flow.isReady || this.#sender.session === null) return this.#end();
    if (this.#closing === null) this.#leave(CLIENT_CLOSE_MS).catch(() => {});
    return this.#closing!;
  }

  /** Ends the session and closes, whatever comes of it: without an answer the server's time of grace ends it. */
  #leave(timeoutMs: number): Promise<LogoutResponse> {
    const { response } = this.#request(LogoutRequestSchema, create(LogoutRequestSchema), timeoutMs);
    // It may have ended before, and been opened again since.
    const end = () => this.#closing === closing ? this.#end() : this.#link.closed;
    const closing: Promise<void> = this.#closing = response.then(end, end);
    return response as Promise<Message> as Promise<LogoutResponse>;
  }

  #end(): Promise<void> {
    this.#link.end(changeFor("The application closed the client"));
    return this.#link.closed;
  }

  /**
   * Gives the present connection up, or cuts the wait for the next one short; the session is resumed. For a page
   * that learns that its network changed.
   */
  reconnectNow(): void {
    this.#link.restart();
  }

  /**
   * Listens to the packets that carry a message. Payloads that nobody listens to are not decoded.
   *
   * A handler that throws or rejects is reported to `onError` and disturbs nobody else. `header` is valid only during
   * the call.
   */
  on<D extends ReceiveSchema<P>>(
    schema: D,
    handler: (message: MessageShape<D>, header: PacketHeader) => unknown,
  ): Unsubscribe;
  /** Listens to a packet type by its number. */
  on<T extends ReceiveType<P>>(
    type: T,
    handler: (message: ReceivedMessage<P, T>, header: PacketHeader) => unknown,
  ): Unsubscribe;
  /** Listens to an event. */
  on<E extends keyof ClientEvents>(event: E, handler: (...args: ClientEvents[E]) => unknown): Unsubscribe;
  // deno-lint-ignore no-explicit-any -- the overloads above say what a handler takes
  on(key: DescMessage | keyof P | keyof ClientEvents, handler: (first: any, second: any) => unknown): Unsubscribe {
    return this.#handlers.add(typeof key === "object" ? this.#rowOf(key).type : key as number | string, handler);
  }

  /** Listens to the state: `on("state", handler)`. */
  onState(handler: (state: ClientState, change: StateChange) => unknown): Unsubscribe {
    return this.on("state", handler);
  }

  /**
   * Sends a message. While it cannot be sent, its delivery class decides: RELIABLE ones are kept in order up to
   * `queueMax`, of LATEST ones the newest of each type is kept, DROPPABLE ones are dropped.
   *
   * @throws {RangeError} when the message is too large for a frame.
   */
  send<D extends SendSchema<P>>(schema: D, message: MessageInitShape<D>): SendResult {
    const row = this.#rowOf(schema);
    if (row.type === PacketType.ENTER_WORLD_REQUEST) {
      // It holds everything else back, so its answer is awaited even when the caller does not.
      const { result, response } = this.#request(schema, create(schema, message), this.#options.requestTimeoutMs);
      response.catch(() => {});
      return result;
    }
    return this.#submit(this.#sender.pack(row, toBinary<DescMessage>(schema, create(schema, message))));
  }

  /**
   * Sends a payload that is encoded already, for tools that send the same many times.
   *
   * @throws {TypeError} when the type is not a client's, or needs its answer.
   * @throws {RangeError} when the payload is too large for a frame.
   */
  sendEncoded(type: number, payload: Uint8Array): SendResult {
    const row = this.#contract.packets.row(type);
    if (row === undefined || row.states === 0 || type === PacketType.ENTER_WORLD_REQUEST) {
      throw new TypeError(`Cannot send packet type ${type} encoded`);
    }
    return this.#submit(this.#sender.pack(row, payload));
  }

  /**
   * Sends a request and awaits its response. Several may wait; those of one type are answered in order.
   *
   * A request that was sent in a session survives the loss of its connection: it, or its answer, comes again with the
   * session. One that the server does once, as its message says, survives the loss of its session too where the client
   * enters the world again by itself: it is sent again, and done if it was not. So it is after UNAVAILABLE, which does not
   * say whether it was done, until its time is out; then that is the answer.
   *
   * @returns The response, also when it says `success: false`.
   * @throws {RequestError} when there is no response; see {@linkcode RequestErrorReason}.
   * @throws {RangeError} when the message is too large for a frame.
   */
  request<D extends RequestSchema<P>>(
    schema: D,
    message: MessageInitShape<D>,
    options: RequestOptions = {},
  ): Promise<ResponseOf<P, D>> {
    const timeoutMs = options.timeoutMs ?? this.#options.requestTimeoutMs;
    return this.#request(schema, create(schema, message), timeoutMs).response as Promise<unknown> as Promise<
      ResponseOf<P, D>
    >;
  }

  /**
   * Makes an account.
   *
   * @throws {RequestError} when there is no response.
   */
  async register(name: string, password: string): Promise<RegisterResponse> {
    return await this.#ask(RegisterRequestSchema, { username: name, passwordHash: await hashPassword(password) });
  }

  /**
   * Logs in; the token is remembered for {@linkcode DrawbridgeClient.enterWorld}.
   *
   * @throws {RequestError} when there is no response.
   */
  async login(name: string, password: string): Promise<LoginResponse> {
    const { clientVersion, deviceId } = this.#options;
    const passwordHash = await hashPassword(password);
    return await this.#ask(LoginRequestSchema, { username: name, passwordHash, clientVersion, deviceId });
  }

  /**
   * Changes the player's password. Every other session of the account ends; this one goes on with a new token.
   *
   * @throws {RequestError} when there is no response.
   */
  async changePassword(password: string, newPassword: string): Promise<PasswordChangeResponse> {
    const [passwordHash, newPasswordHash] = await Promise.all([hashPassword(password), hashPassword(newPassword)]);
    return await this.#ask(PasswordChangeRequestSchema, { passwordHash, newPasswordHash });
  }

  /**
   * Ends every other session of the account and makes its tokens void; this session goes on with a new one.
   *
   * @throws {RequestError} when there is no response.
   */
  async revokeTokens(password: string): Promise<TokensRevokeResponse> {
    return await this.#ask(TokensRevokeRequestSchema, { passwordHash: await hashPassword(password) });
  }

  /**
   * Asks for the account to be deleted at the end of the grace period, unless somebody logs in before. The server then
   * ends every session of the account, including this one.
   *
   * @throws {RequestError} when there is no response.
   */
  async deleteAccount(password: string): Promise<AccountDeleteResponse> {
    return await this.#ask(AccountDeleteRequestSchema, { passwordHash: await hashPassword(password) });
  }

  /**
   * Enters the world. Messages sent meanwhile follow when it is done. Where the world is full, LOGIN_QUEUE_STATUS tells
   * the place in the queue, and the request waits for as long as each says; {@linkcode DrawbridgeClient.close} leaves it.
   *
   * After a login where there are several servers, the client first goes to the one that the login lists first, and to
   * the next where that cannot be reached or takes nobody: `connect` is called with it.
   *
   * @throws {RequestError} when there is no response.
   */
  enterWorld(options: EnterWorldOptions = {}): Promise<EnterWorldResponse> {
    const { token, characterId = 0n, channelId = 0 } = options;
    const sessionToken = token ?? this.#flow.entryToken;
    const { clientVersion } = this.#options;
    return this.#ask(EnterWorldRequestSchema, { characterId, channelId, sessionToken, clientVersion });
  }

  /**
   * Logs out, forgets the token and closes.
   *
   * @throws {RequestError} when there is no response; the client is closed all the same.
   */
  async logout(): Promise<LogoutResponse> {
    this.#flow.leaveQueue();
    const answered = this.#leave(this.#options.requestTimeoutMs), closed = this.#closing;
    try {
      return await answered;
    } finally {
      this.#flow.forgetToken();
      await closed;
    }
  }

  // Sending

  /** One of the engine's own requests, whose answer every contract has. */
  #ask<Reply>(schema: DescMessage, message: MessageInitShape<DescMessage>): Promise<Reply> {
    const { response } = this.#request(schema, create(schema, message), this.#options.requestTimeoutMs);
    return response as Promise<unknown> as Promise<Reply>;
  }

  #submit(packet: OutgoingPacket): SendResult {
    return this.#isOpen() ? this.#sender.submit(packet) : "dropped";
  }

  #isOpen(): boolean {
    return this.#state !== "idle" && this.#state !== "closed" && this.#closing === null;
  }

  #request<D extends DescMessage>(
    schema: D,
    message: MessageShape<D>,
    timeoutMs: number,
  ): { result: SendResult; response: Promise<Message> } {
    const packet = this.#sender.pack(this.#rowOf(schema), toBinary<DescMessage>(schema, message));
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const deadlineMs = this.#options.now() + timeoutMs;
    const request: PendingRequest = { message, packet, resolve, reject, deadlineMs, ...NEW_REQUEST };
    const isEntry = packet.row.type === PacketType.ENTER_WORLD_REQUEST;
    if (isEntry && this.#flow.isNowhere) {
      this.#requests.giveUp(request, "not_sent", "no game server takes players");
      return { result: "dropped", response: promise };
    }
    const isHeld = isEntry && this.#flow.tryHoldEntry(message as EnterWorldRequest);
    const result = this.#requests.hasRoomFor(packet) ? this.#submit(packet) : "full";
    if (result === "full" || result === "dropped") {
      if (isHeld) this.#flow.releaseEntry();
      if (!this.#isOpen()) this.#requests.giveUp(request, "closed", `the client is ${this.#state}`);
      else this.#requests.giveUp(request, "not_sent", result === "full" ? "the queue is full" : "it was dropped");
      return { result, response: promise };
    }
    this.#requests.add(request);
    if (isEntry) this.#flow.beginEntry(packet, message as EnterWorldRequest);
    return { result, response: promise };
  }

  #repeat(request: PendingRequest): void {
    const result = this.#submit(request.packet);
    if (result === "full" || result === "dropped") this.#requests.giveUp(request, "not_sent", "it was dropped");
  }

  #timeOut(request: PendingRequest): void {
    const { packet } = request;
    this.#sender.queue.remove(packet);
    if (packet.isSent) this.#requests.giveUp(request, "timeout", "no answer in time");
    else this.#requests.giveUp(request, "not_sent", "no connection in time");
    if (packet.row.type === PacketType.ENTER_WORLD_REQUEST) this.#flow.giveUpEntry(packet);
  }

  // Connection

  #settled(): void {
    this.#setState("connected", changeFor(""));
    this.#opening?.resolve();
    this.#opening = null;
  }

  #down(change: StateChange): void {
    if (this.#flow.tryElsewhere(change.reason)) return;
    this.#flow.onDown(change.reason);
    this.#setState("reconnecting", change);
  }

  #ended(change: StateChange, error: unknown): void {
    this.#flow.onEnd();
    this.#closing = null;
    this.#requests.close(change.reason);
    const opening = this.#opening;
    this.#opening = null;
    this.#setState("closed", change);
    opening?.reject(error ?? new Error(`Cannot open client: ${change.reason}`));
  }

  #setState(state: ClientState, change: StateChange): void {
    this.#state = state;
    this.#handlers.call("state", state, change);
  }

  // Receiving

  #receive(view: PacketView, bytes: Uint8Array): void {
    const { type, sequence } = view;
    if (!this.#flow.accept(view)) return;
    try {
      this.#options.onPacket?.(view, bytes);
    } catch (error) {
      this.#handlers.report(error, "onPacket");
    }
    const row = this.#contract.packets.row(type);
    const isOwn = this.#flow.takes(type);
    if (row === undefined || !(isOwn || this.#handlers.has(type) || this.#requests.awaits(type))) return;
    const message = this.#decode(row, view, bytes);
    if (isOwn && !this.#flow.handle(type, message, sequence)) return;
    this.#requests.answer(type, message);
    this.#handlers.call(type, message, view);
    if (type === PacketType.DISCONNECT_NOTICE) this.#flow.dismissed(message as DisconnectNotice);
  }

  #rowOf(schema: DescMessage): PacketRow {
    return this.#contract.rowOf(schema);
  }

  /** @throws {ProtocolError} when the payload is not what its type says. */
  #decode(row: PacketRow, view: PacketView, bytes: Uint8Array): Message {
    const { isCompressed, payloadStart, payloadEnd } = view;
    const isKept = !isCompressed && this.#index.withBytes.has(row.type);
    const carried = isKept ? bytes.slice(payloadStart, payloadEnd) : bytes.subarray(payloadStart, payloadEnd);
    const payload = isCompressed ? inflatePayload(carried) : carried;
    try {
      return fromBinary(this.#contract.schemaOf(row.type)!, payload, { readUnknownFields: false });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ProtocolError(DisconnectReason.MALFORMED_PACKET, `Cannot decode ${row.name}: ${why}`);
    }
  }
}
