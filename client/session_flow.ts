/**
 * What a client's connections are used for: to enter the world, to resume the session after a loss, or to enter anew
 * where the session is over. The rules of docs/protocol.md, "Session flow", from the client's side.
 *
 * @module
 */

import { create, type Message, toBinary } from "@bufbuild/protobuf";
import {
  type DisconnectNotice,
  DisconnectReason,
  type ErrorResponse,
  HeartbeatRequestSchema,
  type HeartbeatResponse,
  type LoginQueueStatus,
  type LoginResponse,
  LogoutRequestSchema,
  type LogoutResponse,
  type PasswordChangeResponse,
  ResumeRequestSchema,
  type ResumeResponse,
  type TokensRevokeResponse,
} from "../shared/gen/auth_pb.ts";
import { ErrorCode } from "../shared/gen/common_pb.ts";
import {
  DespawnReason,
  type EnterWorldRequest,
  EnterWorldRequestSchema,
  type EnterWorldResponse,
  type EntityUpdate,
} from "../shared/gen/world_pb.ts";
import { PacketType } from "../shared/gen/packet_types.ts";
import { ProtocolError } from "../shared/errors.ts";
import { SESSION_TOKEN_CHARS_MAX } from "../shared/limits.ts";
import type { PacketView } from "../shared/packet_codec.ts";
import { STATE_CONNECTED } from "../shared/packet_table.ts";
import { changeFor, type SessionLoss, type StateChange } from "./client_events.ts";
import type { ResolvedClientOptions } from "./client_options.ts";
import { ClientSession } from "./client_session.ts";
import type { Handlers } from "./handlers.ts";
import type { Link } from "./link.ts";
import type { OutgoingPacket } from "./outgoing.ts";
import type { PendingRequests } from "./requests.ts";
import type { Sender } from "./sender.ts";
import { mayEnterElsewhere, ServerRoute } from "./server_route.ts";

/**
 * What the connection is used for. `down`: there is none · `resuming`, `reentering`: the client takes its session up by
 * itself · `entering`: the application's ENTER_WORLD_REQUEST is under way · `ready`: anything may be sent.
 */
type Phase = "down" | "resuming" | "reentering" | "entering" | "ready";

/** Notices after which coming back would be refused or unwelcome. */
const FINAL_REASONS: ReadonlySet<DisconnectReason> = new Set([
  DisconnectReason.LOGGED_IN_ELSEWHERE,
  DisconnectReason.KICKED,
  DisconnectReason.BANNED,
  DisconnectReason.PROTOCOL_VIOLATION,
]);

/** Refusals that pass: the client tries again later instead of giving its session up. */
const PASSING_CODES: ReadonlySet<ErrorCode> = new Set([
  ErrorCode.SERVER_FULL,
  ErrorCode.MAINTENANCE,
  ErrorCode.INTERNAL,
  ErrorCode.TIMEOUT,
  ErrorCode.ALREADY_LOGGED_IN,
  ErrorCode.RATE_LIMITED,
  ErrorCode.SHUTTING_DOWN,
  ErrorCode.UNAVAILABLE,
]);

/** Requests after which a session is over. */
const LEAVING_TYPES: ReadonlySet<number> = new Set([PacketType.LEAVE_WORLD_REQUEST, PacketType.LOGOUT_REQUEST]);

/** Types the client itself acts on, whether or not anyone listens. */
const OWN_TYPES: ReadonlySet<number> = new Set([
  PacketType.HEARTBEAT_RESPONSE,
  PacketType.LOGIN_RESPONSE,
  PacketType.LOGOUT_RESPONSE,
  PacketType.PASSWORD_CHANGE_RESPONSE,
  PacketType.TOKENS_REVOKE_RESPONSE,
  PacketType.RESUME_RESPONSE,
  PacketType.ENTER_WORLD_RESPONSE,
  PacketType.LOGIN_QUEUE_STATUS,
  PacketType.ERROR_RESPONSE,
  PacketType.DISCONNECT_NOTICE,
]);

/** What the flow works with: parts of one client. */
export interface SessionFlowParts {
  readonly options: ResolvedClientOptions;
  readonly handlers: Handlers;
  readonly requests: PendingRequests;
  readonly sender: Sender;
  readonly link: Link;
  /** Whether the application still waits for the first connection. */
  isOpening(): boolean;
  /** Told when the connection may be used. */
  onSettled(): void;
  /** Told when the connection was given up for one to another server, and why. */
  onMoving(reason: string): void;
}

/** The way of one client's session over its connections. */
export class SessionFlow {
  readonly #parts: SessionFlowParts;
  readonly #options: ResolvedClientOptions;
  readonly #handlers: Handlers;
  readonly #requests: PendingRequests;
  readonly #sender: Sender;
  readonly #link: Link;
  readonly #route: ServerRoute = new ServerRoute();

  #phase: Phase = "down";
  #sessionToken: string | null = null;
  /** Whether this connection is logged in, so that entering needs no token. */
  #isLoggedIn = false;
  /** The last ENTER_WORLD_REQUEST, to repeat it. */
  #entry: Pick<EnterWorldRequest, "characterId" | "channelId"> | null = null;
  /** Whether the next connection has to enter the world anew. */
  #mustReenter = false;
  /** Whether the entry waits in the login queue. */
  #isQueued = false;

  /** @param parts Those of one client. */
  constructor(parts: SessionFlowParts) {
    this.#parts = parts;
    this.#options = parts.options;
    this.#handlers = parts.handlers;
    this.#requests = parts.requests;
    this.#sender = parts.sender;
    this.#link = parts.link;
  }

  /** Whether the application may send anything. */
  get isReady(): boolean {
    return this.#phase === "ready";
  }

  /** The token of the last successful login; else `null`. */
  get sessionToken(): string | null {
    return this.#sessionToken;
  }

  /** The token that an entry over this connection has to bring; empty: it is logged in, or there is none. */
  get entryToken(): string {
    return this.#isLoggedIn && !this.#route.isKnown ? "" : this.#sessionToken ?? "";
  }

  /** The token is not used any more. */
  forgetToken(): void {
    this.#sessionToken = null;
  }

  // Sending

  /** Whether the login said that there is no server to enter. */
  get isNowhere(): boolean {
    return this.#route.isNowhere;
  }

  /** Holds back an entry that is about to be asked for, where it goes to another server; gives whether it does. */
  tryHoldEntry({ sessionToken }: EnterWorldRequest): boolean {
    const isElsewhere = this.#route.isKnown && this.#route.server !== this.#link.server && sessionToken !== "";
    if (!isElsewhere || this.#phase !== "ready" || this.#sender.session !== null) return false;
    this.#phase = "entering";
    this.#sender.pause();
    return true;
  }

  /** The entry that was held back could not be asked for. */
  releaseEntry(): void {
    this.#makeReady();
  }

  /** The application has asked to enter the world. */
  beginEntry(packet: OutgoingPacket, { characterId, channelId, sessionToken }: EnterWorldRequest): void {
    this.#entry = { characterId, channelId };
    if (sessionToken === "") return;
    this.#sessionToken = sessionToken;
    if (this.#sender.session !== null) return;
    this.#route.begin(packet);
    if (this.#phase === "entering" && !packet.isSent) this.#move("the client goes to the server that it was told of");
  }

  /** The application waits no longer for the answer to an ENTER_WORLD_REQUEST. */
  giveUpEntry(packet: OutgoingPacket): void {
    if (packet === this.#route.entry) this.#route.end();
    if (packet.isSent && this.#phase === "entering") this.#makeReady();
  }

  /** A packet of the application is written. */
  onSent({ row: { type } }: OutgoingPacket): void {
    if (type === PacketType.ENTER_WORLD_REQUEST) {
      this.#phase = "entering";
      this.#sender.pause();
    } else if (LEAVING_TYPES.has(type)) {
      this.#markLeaving(true);
    }
  }

  /** Gives up the place in the login queue, if there is one. The answer is not waited for: nothing hangs on it. */
  leaveQueue(): void {
    if (!this.#isQueued) return;
    this.#isQueued = false;
    this.#sender.writeOwn(PacketType.LOGOUT_REQUEST, toBinary(LogoutRequestSchema, create(LogoutRequestSchema)));
  }

  // Connection

  /** There is a connection: it resumes the session, enters anew, or may be used at once. */
  onUp(): void {
    this.#sender.attach(this.#link.connection!);
    if (this.#sender.session !== null) this.#resume(this.#sender.session);
    else if (this.#mustReenter) this.#reenter();
    else this.#settle();
  }

  /** The connection is gone; there may be another. */
  onDown(reason: string): void {
    this.#detach();
    // What has a number comes again with the session, or its answer does.
    this.#requests.giveUpAll(({ isSent, sequence }) => isSent && sequence === 0, "lost", reason);
  }

  /** The connection is gone for good, and the session with it. */
  onEnd(): void {
    this.#detach();
    this.#sender.session = null;
    this.#sender.queue.drop(() => false);
    this.#mustReenter = false;
    this.#route.clear();
  }

  #detach(): void {
    this.#phase = "down";
    this.#isLoggedIn = false;
    this.#isQueued = false;
    this.#sender.detach();
  }

  /** The connection may be used: the session is resumed, or there is none. */
  #settle(): void {
    const connection = this.#link.connection;
    this.#link.answered();
    const isOver = !this.#parts.isOpening() && this.#sender.session === null && this.#route.entry === null;
    if (isOver) this.#dropQueue();
    this.#phase = "ready";
    this.#parts.onSettled();
    if (this.#link.connection === connection && this.#phase === "ready") this.#sender.resume();
  }

  #makeReady(): void {
    this.#phase = "ready";
    this.#sender.resume();
  }

  /** Drops what waits but is not allowed on a connection that is not logged in. */
  #dropQueue(): void {
    const isAllowed = ({ row }: OutgoingPacket) => (row.states & STATE_CONNECTED) !== 0;
    const isDropped = (packet: OutgoingPacket) => !packet.isSent && !isAllowed(packet);
    this.#sender.queue.drop(isAllowed);
    this.#requests.giveUpAll(isDropped, "not_sent", "the session is over");
  }

  // Another server

  /** Gives the connection up for one to the server of the route; the entry waits for it. */
  #move(reason: string): void {
    const { now, connectTimeoutMs, requestTimeoutMs } = this.#options;
    this.onDown(reason);
    this.#requests.extend(PacketType.ENTER_WORLD_REQUEST, now() + connectTimeoutMs + requestTimeoutMs);
    this.#link.moveTo(this.#route.server, this.#route.isAtLast);
    this.#parts.onMoving(reason);
  }

  /** Goes on to the next server with the entry that this one did not take; gives whether there is one. */
  tryElsewhere(reason: string): boolean {
    const { entry } = this.#route;
    if (entry === null || !this.#route.tryNext()) return false;
    if (entry.isSent) this.#sender.repeat([entry]);
    this.#move(reason);
    return true;
  }

  /** The server of the route cannot be reached, and there is no connection: the next is tried, or the client ends. */
  onUnreachable(change: StateChange, error: unknown): void {
    if (this.tryElsewhere(change.reason)) return;
    this.#requests.giveUpAll((packet) => packet === this.#route.entry, "not_sent", change.reason);
    this.#link.end(change, error);
  }

  /** The server refuses the entry; gives whether the next one is asked instead. */
  #isEntryMoved(code: ErrorCode): boolean {
    if (mayEnterElsewhere(code) && this.tryElsewhere(`the server refused: ${codeName(code)}`)) return true;
    this.#route.end();
    return false;
  }

  // Session

  #resume(session: ClientSession): void {
    if (session.resumeToken === "") return this.#loseSession(session, ErrorCode.RESUME_EXPIRED);
    this.#phase = "resuming";
    const request = create(ResumeRequestSchema, {
      resumeToken: session.resumeToken,
      lastSequence: BigInt(session.received),
      isRepeat: session.isTokenSent,
      clientVersion: this.#options.clientVersion,
    });
    session.isTokenSent = true;
    this.#sender.writeOwn(PacketType.RESUME_REQUEST, toBinary(ResumeRequestSchema, request));
    this.#link.awaitAnswer("RESUME_REQUEST");
  }

  #resumed(session: ClientSession, response: ResumeResponse): void {
    if (!response.success) return this.#resumeRefused(session, response.errorCode, response);
    session.resumeToken = tokenOf(response.resumeToken);
    session.isTokenSent = false;
    session.entityId = response.entityId;
    try {
      session.resume(Number(response.lastSequence), response.gap);
    } catch (error) {
      this.#handlers.report(error, "resume");
      return this.#loseSession(session, ErrorCode.INTERNAL);
    }
    this.#sender.bind(session);
    // A server that does not know what the one before it has had may do it again.
    if (response.gap) { for (const packet of session.outbox) packet.isRepeated = true; }
    this.#sender.replay(session);
    // Tells the server that the answer was heard: until then it takes the spent token too.
    if (session.outbox.length === 0) this.#sendAcknowledgement();
    if (response.gap) {
      // The answers to what the server has may be among what is gone.
      const { acknowledged } = session;
      const isAnswered = ({ sequence }: OutgoingPacket) => sequence > 0 && sequence <= acknowledged;
      this.#sender.repeat(this.#requests.repeatable(isAnswered));
      this.#requests.giveUpAll(isAnswered, "lost", "the server's answers are gone");
      this.#handlers.call("gap");
    }
    if (this.#phase === "resuming") this.#settle();
  }

  #resumeRefused(
    session: ClientSession,
    code: ErrorCode,
    { resumeAt, retryAfterMs = 0 }: Partial<Pick<ResumeResponse, "resumeAt" | "retryAfterMs">> = {},
  ): void {
    if (!PASSING_CODES.has(code)) return this.#loseSession(session, code);
    if (resumeAt !== undefined) {
      return this.#link.follow(changeFor("Server sends the client to another one, which has the session"), resumeAt, 0);
    }
    const change = changeFor(`Server cannot resume the session now: ${codeName(code)}`);
    if (retryAfterMs > 0) this.#link.waitFor(change, retryAfterMs);
    else this.#link.lose(change);
  }

  #loseSession(session: ClientSession, code: ErrorCode): void {
    const mayReenter = this.#options.reenter && !session.isLeaving;
    this.#mustReenter = mayReenter && this.#sessionToken !== null && this.#entry !== null;
    const repeated = this.#mustReenter ? this.#requests.repeatable(({ sequence }) => sequence > 0) : [];
    this.#forgetSession();
    this.#sender.queue.takeLatest();
    this.#sender.repeat(repeated);
    this.#requests.giveUpAll(({ isSent }) => isSent, "lost", "the session is over");
    const unacknowledgedCount = session.outbox.length;
    if (!this.#announceLoss({ code, unacknowledgedCount, isReentering: this.#mustReenter })) return;
    if (this.#mustReenter) this.#reenter();
    else this.#settle();
  }

  /** Tells the application; gives whether the connection is still the same afterwards. */
  #announceLoss(loss: SessionLoss): boolean {
    const connection = this.#link.connection;
    this.#handlers.call("sessionLost", loss);
    return this.#link.connection === connection;
  }

  #reenter(): void {
    this.#phase = "reentering";
    const { clientVersion } = this.#options;
    const request = create(EnterWorldRequestSchema, {
      ...this.#entry!,
      sessionToken: this.#sessionToken!,
      clientVersion,
    });
    this.#sender.writeOwn(PacketType.ENTER_WORLD_REQUEST, toBinary(EnterWorldRequestSchema, request));
    this.#link.awaitAnswer("ENTER_WORLD_REQUEST");
  }

  #reenterRefused(code: ErrorCode): void {
    if (PASSING_CODES.has(code)) {
      return this.#link.lose(changeFor(`Server cannot let the player in now: ${codeName(code)}`));
    }
    this.#mustReenter = false;
    if (this.#announceLoss({ code, unacknowledgedCount: 0, isReentering: false })) this.#settle();
  }

  #entered(response: EnterWorldResponse, sequence: number): void {
    const isReentering = this.#phase === "reentering";
    if (!response.success) return isReentering ? this.#reenterRefused(response.errorCode) : this.#makeReady();
    this.#route.end();
    this.#forgetSession();
    this.#sender.bind(new ClientSession(tokenOf(response.resumeToken), response.entityId, sequence));
    this.#mustReenter = false;
    if (isReentering) this.#settle();
    else this.#makeReady();
  }

  #markLeaving(isLeaving: boolean): void {
    if (this.#sender.session !== null) this.#sender.session.isLeaving = isLeaving;
  }

  /** The own entity's end is the answer to LEAVE_WORLD_REQUEST. */
  #onEntity({ entityId, update }: EntityUpdate): void {
    if (update.case !== "despawn" || update.value.reason !== DespawnReason.LEFT_WORLD) return;
    if (entityId === this.#sender.session?.entityId) this.#forgetSession();
  }

  #forgetSession(): void {
    this.#sender.session = null;
    this.#requests.forgetSequences();
  }

  // Receiving

  /** Takes a packet's numbers; gives whether it is to be applied. */
  accept({ type, sequence, ack, payloadStart, payloadEnd }: PacketView): boolean {
    const session = this.#sender.boundSession;
    const isEntry = type === PacketType.ENTER_WORLD_RESPONSE && this.#isEntering();
    if (session === null || isEntry) return true;
    if (ack > 0 && session.acknowledge(ack) && this.#sender.queue.reliableCount > 0) this.#sender.flush();
    if (sequence === 0) return true;
    if (!session.accept(sequence)) return false;
    if (this.#sender.countReceived(payloadEnd - payloadStart)) this.#sendAcknowledgement();
    return true;
  }

  /** Whether the flow acts on packets of a type, whether or not anyone listens. */
  takes(type: number): boolean {
    return OWN_TYPES.has(type) || (type === PacketType.ENTITY_UPDATE && this.#sender.session?.isLeaving === true);
  }

  /** Acts on a packet that it {@linkcode takes}; gives whether anybody else is to hear of it. */
  handle(type: number, message: Message, sequence: number): boolean {
    if (this.#isEntryRefused(type, message)) return false;
    this.#act(type, message, sequence);
    return true;
  }

  /** The server did not take the entry, and the next one is asked. */
  #isEntryRefused(type: number, message: Message): boolean {
    if (this.#phase !== "entering" || this.#route.entry === null) return false;
    if (type === PacketType.ENTER_WORLD_RESPONSE) {
      const { success, errorCode } = message as EnterWorldResponse;
      return !success && this.#isEntryMoved(errorCode);
    }
    // Who is let in there need not wait here.
    if (type === PacketType.LOGIN_QUEUE_STATUS) {
      return this.#route.hasRoomElsewhere && this.tryElsewhere("the server is full");
    }
    if (type !== PacketType.ERROR_RESPONSE) return false;
    const { requestType, errorCode } = message as ErrorResponse;
    return requestType === PacketType.ENTER_WORLD_REQUEST && this.#isEntryMoved(errorCode);
  }

  #act(type: number, message: Message, sequence: number): void {
    switch (type) {
      case PacketType.HEARTBEAT_RESPONSE:
        return this.#link.heartbeatAnswered(message as HeartbeatResponse);
      case PacketType.LOGIN_RESPONSE:
        return this.#loggedIn(message as LoginResponse);
      case PacketType.LOGOUT_RESPONSE:
        return this.#loggedOut(message as LogoutResponse);
      case PacketType.PASSWORD_CHANGE_RESPONSE:
      case PacketType.TOKENS_REVOKE_RESPONSE:
        return this.#tokenRenewed(message as PasswordChangeResponse | TokensRevokeResponse);
      case PacketType.RESUME_RESPONSE:
        if (this.#phase === "resuming") this.#resumed(this.#sender.session!, message as ResumeResponse);
        return;
      case PacketType.ENTER_WORLD_RESPONSE:
        this.#isQueued = false;
        if (this.#isEntering()) this.#entered(message as EnterWorldResponse, sequence);
        return;
      case PacketType.LOGIN_QUEUE_STATUS:
        return this.#queued(message as LoginQueueStatus);
      case PacketType.ENTITY_UPDATE:
        return this.#onEntity(message as EntityUpdate);
      case PacketType.ERROR_RESPONSE:
        return this.#refused(message as ErrorResponse);
    }
  }

  #loggedIn(response: LoginResponse): void {
    if (!response.success) return;
    this.#sessionToken = tokenOf(response.sessionToken);
    const servers = this.#route.learn(response, this.#link.server);
    if (servers.length > 0) this.#link.learn(servers);
    this.#isLoggedIn = true;
    this.#link.mayReconnect = true;
  }

  /** The world is full: the entry waits for as long as the server says, and then some. */
  #queued({ etaMs }: LoginQueueStatus): void {
    const { now, requestTimeoutMs } = this.#options;
    this.#isQueued = this.#isEntering();
    if (this.#phase === "reentering") return this.#link.awaitAnswer("ENTER_WORLD_REQUEST", etaMs + requestTimeoutMs);
    this.#requests.extend(PacketType.ENTER_WORLD_REQUEST, now() + etaMs + requestTimeoutMs);
  }

  /** The one before is void. */
  #tokenRenewed({ success, sessionToken }: PasswordChangeResponse | TokensRevokeResponse): void {
    if (success) this.#sessionToken = tokenOf(sessionToken);
  }

  #loggedOut({ success }: LogoutResponse): void {
    if (!success) return this.#markLeaving(false);
    this.#forgetSession();
    this.#isLoggedIn = false;
    this.#link.mayReconnect = false;
  }

  #refused({ requestType, requestSequence, errorCode, message }: ErrorResponse): void {
    if (requestType === PacketType.ENTER_WORLD_REQUEST) this.#isQueued = false;
    if (requestType === PacketType.RESUME_REQUEST && this.#phase === "resuming") {
      this.#resumeRefused(this.#sender.session!, errorCode);
    } else if (requestType === PacketType.ENTER_WORLD_REQUEST && this.#phase === "reentering") {
      this.#reenterRefused(errorCode);
    } else {
      this.#requests.refuse(requestType, Number(requestSequence), errorCode, message);
      if (LEAVING_TYPES.has(requestType)) this.#markLeaving(false);
      if (requestType === PacketType.ENTER_WORLD_REQUEST && this.#phase === "entering") this.#makeReady();
    }
  }

  /** Ends the connection as the server said, once everybody has heard it. */
  dismissed(notice: DisconnectNotice): void {
    if (this.#link.connection === null) return;
    const name = DisconnectReason[notice.reason] ?? String(notice.reason);
    const reason = `Server closed the connection: ${name}${notice.message === "" ? "" : `, ${notice.message}`}`;
    const { resumeAt, retryAfterMs } = notice;
    if (FINAL_REASONS.has(notice.reason)) this.#link.end(changeFor(reason, notice));
    else if (resumeAt !== undefined) this.#link.follow(changeFor(reason, notice), resumeAt, retryAfterMs);
    else this.#link.lose(changeFor(reason, notice), retryAfterMs);
  }

  /** A heartbeat is the one packet that may be sent at any time and costs the server next to nothing. */
  #sendAcknowledgement(): void {
    const request = create(HeartbeatRequestSchema, { timestamp: BigInt(Math.floor(this.#options.now())) });
    this.#sender.writeOwn(PacketType.HEARTBEAT_REQUEST, toBinary(HeartbeatRequestSchema, request));
  }

  #isEntering(): boolean {
    return this.#phase === "entering" || this.#phase === "reentering";
  }
}

function codeName(code: ErrorCode): string {
  return ErrorCode[code] ?? String(code);
}

/**
 * A token as it may be said again, to whatever server this one names: nothing that another protocol would take for a
 * line of its own.
 *
 * @throws {ProtocolError} `PROTOCOL_VIOLATION` when it is longer than a token can be, or holds more than visible ASCII.
 */
function tokenOf(token: string): string {
  if (token.length <= SESSION_TOKEN_CHARS_MAX && /^[!-~]*$/.test(token)) return token;
  const why = token.length > SESSION_TOKEN_CHARS_MAX
    ? `it has ${token.length} characters, limit is ${SESSION_TOKEN_CHARS_MAX}`
    : "it is not visible ASCII";
  throw new ProtocolError(DisconnectReason.PROTOCOL_VIOLATION, `Cannot accept token: ${why}`);
}
