/**
 * A simulated player: enters the world with its token, numbers and acknowledges reliable packets, logs out.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { mayEnterElsewhere } from "../../client/server_route.ts";
import {
  type DisconnectNotice,
  DisconnectReason,
  LoginRequestSchema,
  type LoginResponse,
  LoginResponseSchema,
  LogoutResponseSchema,
  ResumeRequestSchema,
  type ResumeResponse,
  ResumeResponseSchema,
  type ServerInfo,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import {
  EnterWorldRequestSchema,
  type EnterWorldResponse,
  EnterWorldResponseSchema,
} from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { CLIENT_ACK_PACKETS } from "../../shared/limits.ts";
import type { PacketView } from "../../shared/packet_codec.ts";
import type { Endpoint } from "./engine.ts";
import { type LoadContext, LoadSession } from "./load_session.ts";
import type { LoadPlayer } from "./messages.ts";
import { PlayerWay } from "./player_way.ts";
import { endpointOf, listedEndpointOf } from "./scenario.ts";
import { addTotals, type LedgerTotals, NO_TOTALS, SequenceLedger } from "./sequence_ledger.ts";
import { Phase } from "./shared_state.ts";

/** What a player's connection is used for first. */
type Stage = "login" | "enter" | "resume";

/** A reliable packet that is not acknowledged. */
interface KeptPacket {
  readonly type: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Notices after which coming back would be refused, as the client package has them. */
const FINAL_REASONS: ReadonlySet<DisconnectReason> = new Set([
  DisconnectReason.LOGGED_IN_ELSEWHERE,
  DisconnectReason.KICKED,
  DisconnectReason.BANNED,
  DisconnectReason.PROTOCOL_VIOLATION,
]);
/** Refusals of RESUME_REQUEST and of an entry anew that pass. */
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

/** One player. */
export abstract class PlayerSession extends LoadSession {
  /** The server's reliable packets, as it numbers them. */
  readonly received = new SequenceLedger();
  /** Who plays; nobody on a connection that only sends heartbeats. */
  readonly player: LoadPlayer | undefined;
  /** Where it goes; null: it comes by its token, and stays where it is. */
  protected readonly way: PlayerWay | null;
  /** Reliable packets sent, and those the server has acknowledged. */
  sentSequence = 0;
  acknowledgedSequence = 0;
  /** The same of sessions before this one. */
  #sentBefore = 0;
  #acknowledgedBefore = 0;
  #logoutUs = 0;

  #stage: Stage = "enter";
  #sessionToken: string;
  /** Since it was opened. */
  #hasEntered = false;
  /** Empty: there is no session to resume. */
  #resumeToken = "";
  #isTokenSent = false;
  /** What to send again after a loss; stays empty where nobody comes back. */
  #outbox: KeptPacket[] = [];
  /** Below the server's first number that the ledger has; null: the next one says, as some are gone. */
  #numberBase: number | null = 0;
  /** When to make a connection again; 0: there is one, or there will be none. */
  #retryUs = 0;
  #connectedUs = 0;
  readonly #played = new Set<number>();

  constructor(context: LoadContext, index: number) {
    super(context, index);
    const { players, plan } = context.task;
    this.player = players[index];
    this.way = plan.entry === "login" && this.player !== undefined ? new PlayerWay(Math.random) : null;
    this.#sessionToken = this.player?.token ?? "";
  }

  /** What its sessions before this one had sent, and what of it was acknowledged, and this one's. */
  get sentTotals(): LedgerTotals {
    const sent = this.#sentBefore + this.sentSequence;
    const received = this.#acknowledgedBefore + Math.min(this.sentSequence, this.acknowledgedSequence);
    return { ...NO_TOTALS, sent, received, lost: sent - received };
  }

  override open(endpoint: Endpoint, intendedUs: number): void {
    this.#beginSession();
    this.#hasEntered = false;
    if (this.way !== null) {
      this.way.begin();
      this.#stage = "login";
    }
    super.open(endpoint, intendedUs);
  }

  /** Numbers begin anew. */
  #beginSession(): void {
    this.#sentBefore += this.sentSequence;
    this.#acknowledgedBefore += Math.min(this.sentSequence, this.acknowledgedSequence);
    this.sentSequence =
      this.acknowledgedSequence =
      this.ack =
      this.ackSent =
        0;
    this.#outbox = [];
    this.#numberBase = 0;
    this.received.restart();
    this.#resumeToken = "";
    this.#stage = "enter";
  }

  protected onConnected(): void {
    this.#connectedUs = this.context.host.engine.nowUs();
    this.way?.reached();
    if (this.#stage === "login") this.#logIn();
    else if (this.#stage === "resume") this.#resume();
    else this.#enter();
  }

  #logIn(): void {
    const { name, passwordHash } = this.player!;
    const request = create(LoginRequestSchema, { username: name, passwordHash });
    this.sendPacket(PacketType.LOGIN_REQUEST, 0, toBinary(LoginRequestSchema, request));
  }

  #enter(): void {
    const request = create(EnterWorldRequestSchema, { sessionToken: this.#sessionToken });
    this.sendPacket(PacketType.ENTER_WORLD_REQUEST, 0, toBinary(EnterWorldRequestSchema, request));
  }

  #resume(): void {
    const request = create(ResumeRequestSchema, {
      resumeToken: this.#resumeToken,
      lastSequence: BigInt(this.ack),
      isRepeat: this.#isTokenSent,
    });
    this.#isTokenSent = true;
    this.sendPacket(PacketType.RESUME_REQUEST, 0, toBinary(ResumeRequestSchema, request));
  }

  // Losses

  override get isGone(): boolean {
    return super.isGone && this.#retryUs === 0;
  }

  override isOpening(nowUs: number): boolean {
    if (this.#retryUs > 0 && nowUs >= this.#retryUs) this.#connectAgain();
    return super.isOpening(nowUs);
  }

  override close(): void {
    this.#retryUs = 0;
    super.close();
  }

  protected override abandon(words: string): void {
    this.#retryUs = 0;
    super.abandon(words);
  }

  protected override goesOn(notice: DisconnectNotice | null): boolean {
    const { way } = this;
    const { phase } = this.context;
    if (way === null || this.#stage === "login" || phase.phase >= Phase.LEAVE) return false;
    if (!this.#hasEntered) return this.#enterElsewhere();
    if (notice !== null && FINAL_REASONS.has(notice.reason)) return false;
    this.#stage = this.#resumeToken === "" ? "enter" : "resume";
    const isMade = this.#connectedUs > 0;
    if (isMade) way.lasted(this.#connectedMs);
    if (notice?.resumeAt !== undefined) this.#retryIn(way.follow(notice.resumeAt, notice.retryAfterMs));
    else this.#retryIn(isMade ? way.lose(notice?.retryAfterMs) : way.unreached());
    return true;
  }

  get #connectedMs(): number {
    return (this.context.host.engine.nowUs() - this.#connectedUs) / 1_000;
  }

  /** Gives the connection up for another one, so many milliseconds from now. */
  #retryIn(delayMs: number): void {
    this.dropConnection();
    this.#connectedUs = 0;
    this.#retryUs = this.context.host.engine.nowUs() + delayMs * 1_000;
  }

  #connectAgain(): void {
    this.#retryUs = 0;
    this.#connectTo(this.way!.server);
  }

  #connectTo(server: ServerInfo | undefined): void {
    const { context } = this;
    this.#connectedUs = 0;
    const endpoint = server === undefined ? endpointOf(context, this) : listedEndpointOf(context, this, server);
    if (endpoint === undefined) this.abandon("the address of a listed server is not known");
    else this.connect(endpoint);
  }

  /** The server did not take the entry: the next one is asked, at once. */
  #enterElsewhere(): boolean {
    if (this.way === null || !this.way.tryNext()) return false;
    this.#stage = "enter";
    this.#connectTo(this.way.server);
    return true;
  }

  override onPacket(view: PacketView, bytes: Uint8Array): void {
    if (view.ack > this.acknowledgedSequence) this.#acknowledge(view.ack);
    if (view.sequence > 0) {
      this.#numberBase ??= view.sequence - 1;
      if (!this.received.receiveNumbered(view.sequence - 1 - this.#numberBase)) return;
      if (view.sequence > this.ack) this.ack = view.sequence;
      // Sent by itself only where nothing else carries it: the server keeps what is not acknowledged.
      if (this.ack - this.ackSent >= CLIENT_ACK_PACKETS) this.sendHeartbeat(this.context.host.nowUs);
    }
    super.onPacket(view, bytes);
  }

  #acknowledge(sequence: number): void {
    this.acknowledgedSequence = sequence;
    const first = this.#outbox.findIndex((packet) => packet.sequence > sequence);
    this.#outbox.splice(0, first < 0 ? this.#outbox.length : first);
  }

  protected onScenarioPacket(view: PacketView, bytes: Uint8Array): void {
    const payload = () => bytes.subarray(view.payloadStart, view.payloadEnd);
    switch (view.type) {
      case PacketType.LOGIN_RESPONSE:
        return this.#onLogin(fromBinary(LoginResponseSchema, payload()));
      case PacketType.ENTER_WORLD_RESPONSE:
        return this.#onEnter(fromBinary(EnterWorldResponseSchema, payload()));
      case PacketType.RESUME_RESPONSE:
        return this.#onResume(fromBinary(ResumeResponseSchema, payload()));
      case PacketType.LOGIN_QUEUE_STATUS:
        // Whoever is let in elsewhere need not wait here.
        if (this.#stage === "enter" && this.way?.route.hasRoomElsewhere) this.#enterElsewhere();
        return;
      case PacketType.LOGOUT_RESPONSE:
        return this.#onLogout(fromBinary(LogoutResponseSchema, payload()).success);
      default:
        this.onWorldPacket(view, bytes);
    }
  }

  #onLogin(response: LoginResponse): void {
    const { way } = this;
    if (way === null || this.#stage !== "login") return;
    if (!response.success) return this.refuse(`LOGIN_REQUEST refused: ${codeName(response.errorCode)}`);
    this.record("login", this.intendedUs, this.context.host.nowUs, true);
    way.learn(response);
    if (way.route.isNowhere) return this.refuse("the login server lists no game servers");
    this.#sessionToken = response.sessionToken;
    this.#stage = "enter";
    if (way.server === undefined) this.#enter();
    else this.#connectTo(way.server);
  }

  #onEnter(response: EnterWorldResponse): void {
    if (this.#stage !== "enter" || this.ready) return;
    if (!response.success) return this.#onEntryRefused(response.errorCode);
    const isFirst = !this.#hasEntered;
    this.#hasEntered = true;
    if (isFirst) this.record("enter", this.intendedUs, this.context.host.nowUs, true);
    else this.context.servers.reentries++;
    this.way?.route.end();
    this.#resumeToken = response.resumeToken;
    this.#isTokenSent = false;
    this.#arrive(!isFirst);
    this.onEntered(response);
  }

  #onEntryRefused(code: ErrorCode): void {
    const words = `ENTER_WORLD_REQUEST refused: ${codeName(code)}`;
    if (this.way === null) return this.refuse(words);
    // An entry anew has no list to go along: the way is that of a lost connection.
    if (this.#hasEntered) {
      if (PASSING_CODES.has(code)) this.#retryIn(this.way.lose());
      else this.refuse(words);
    } else if (!mayEnterElsewhere(code) || !this.#enterElsewhere()) this.refuse(words);
  }

  #onResume(response: ResumeResponse): void {
    if (this.#stage !== "resume" || this.ready) return;
    if (!response.success) return this.#onResumeRefused(response);
    const { gap } = response;
    this.#resumeToken = response.resumeToken;
    this.#isTokenSent = false;
    this.#acknowledge(Math.max(this.acknowledgedSequence, Number(response.lastSequence)));
    if (gap) {
      this.context.servers.gaps++;
      this.received.restart();
      this.#numberBase = null;
    }
    this.#arrive(true);
    for (const { payload, sequence, type } of this.#outbox) this.sendPacket(type, sequence, payload);
    // Shows that the answer was heard.
    if (this.#outbox.length === 0) this.sendHeartbeat(this.context.host.nowUs);
    this.onResumed(Number(response.entityId));
  }

  #onResumeRefused({ errorCode, resumeAt, retryAfterMs }: Partial<ResumeResponse> & { errorCode: ErrorCode }): void {
    const way = this.way!;
    if (!PASSING_CODES.has(errorCode)) {
      // The session is over, and the player enters anew over this connection.
      this.#beginSession();
      return this.#enter();
    }
    way.lasted(this.#connectedMs);
    if (resumeAt !== undefined) this.#retryIn(way.follow(resumeAt, 0));
    else this.#retryIn((retryAfterMs ?? 0) > 0 ? way.waitFor(retryAfterMs!) : way.lose());
  }

  protected override onErrorResponse(type: number, _sequence: number, code: ErrorCode): boolean {
    if (this.way === null || this.ready) return false;
    if (type === PacketType.RESUME_REQUEST) this.#onResumeRefused({ errorCode: code });
    else if (type === PacketType.ENTER_WORLD_REQUEST) this.#onEntryRefused(code);
    else return false;
    return true;
  }

  /** The player is in a world: for the first time, or again. */
  #arrive(isReturn: boolean): void {
    const { players } = this.context.servers;
    this.becomeReady();
    if (this.way === null) return;
    if (isReturn) this.context.servers.returns++;
    const { serverId, serverName } = this.way;
    if (this.#played.has(serverId)) return;
    this.#played.add(serverId);
    players.set(serverName, (players.get(serverName) ?? 0) + 1);
  }

  /** The server said no, and nothing more can be done with this connection. */
  protected refuse(words: string): void {
    this.abandon(words);
  }

  /** The player is in the world: by a new session. */
  protected abstract onEntered(response: EnterWorldResponse): void;

  /** Its session goes on, maybe on another server, and a full snapshot follows. */
  protected abstract onResumed(entityId: number): void;

  /** A packet of the world. */
  protected abstract onWorldPacket(view: PacketView, bytes: Uint8Array): void;

  /** Sends a reliable packet; gives its number. */
  protected sendReliable(type: number, payload: Uint8Array): number {
    this.sentSequence++;
    // Encoders may use their memory again.
    if (this.way !== null) this.#outbox.push({ type, sequence: this.sentSequence, payload: payload.slice() });
    this.sendPacket(type, this.sentSequence, payload);
    return this.sentSequence;
  }

  /** Leaves the world in order, so that no entity stays behind, and closes the connection when that is confirmed. */
  logOut(): void {
    if (this.#hasEntered && !this.ready && !this.isGone) return this.abandon("it was not back at the end");
    if (!this.ready || this.player === undefined) return this.close();
    this.#logoutUs = this.context.host.engine.nowUs();
    this.sendReliable(PacketType.LOGOUT_REQUEST, new Uint8Array(0));
  }

  #onLogout(success: boolean): void {
    if (!success) return this.refuse("LOGOUT_REQUEST refused");
    this.record("logout", this.#logoutUs, this.context.host.nowUs, true);
    this.close();
    this.onLoggedOut();
  }

  /** The player has left. */
  protected onLoggedOut(): void {}
}

/** The account of reliable delivery: what the server numbered, and what it acknowledged of ours. */
export function reliableLedgers(sessions: readonly PlayerSession[]): Record<string, LedgerTotals> {
  let down = NO_TOTALS, up = NO_TOTALS;
  for (const { received, sentTotals } of sessions) {
    down = addTotals(down, received.totals());
    up = addTotals(up, sentTotals);
  }
  return { reliable_down: down, reliable_up: up };
}

function codeName(code: ErrorCode): string {
  return ErrorCode[code] ?? String(code);
}
