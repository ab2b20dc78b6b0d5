/**
 * Requests that wait for their answers.
 *
 * A server answers the requests of one type in order, so the oldest waiting one takes the answer. One whose time ran
 * out stays in line until its answer has passed; else that answer would be taken for the next one's. Echo and
 * heartbeat may be dropped on the way and are told apart by what they carry.
 *
 * UNAVAILABLE does not say whether a request was done, nor does a lost session. One that has a name is sent under it again,
 * until there is another answer or its time is out; then UNAVAILABLE stands. RATE_LIMITED is no other one: it speaks of the
 * repetition.
 *
 * @module
 */

import type { Message } from "@bufbuild/protobuf";
import type { Contract } from "../shared/contract.ts";
import type { EchoRequest, EchoResponse, HeartbeatRequest, HeartbeatResponse } from "../shared/gen/auth_pb.ts";
import { ErrorCode } from "../shared/gen/common_pb.ts";
import { DeliveryClass } from "../shared/gen/options_pb.ts";
import { CLIENT_REPEAT_MS, CLIENT_REQUESTS_MAX, RECEIPTS_PER_PLAYER_MAX } from "../shared/limits.ts";
import type { PacketTable } from "../shared/packet_table.ts";
import { type ResolvedClientOptions, TIMER_MS_MAX } from "./client_options.ts";
import type { OutgoingPacket } from "./outgoing.ts";
import { type PacketIndex, packetIndexOf } from "./packet_index.ts";
import { plainText } from "./plain_text.ts";

/**
 * Why a request has no answer. `refused`: the server said so, see {@linkcode RequestError.code} · `timeout`: no answer in
 * time · `lost`: the connection or session was lost, it may have been done · `not_sent`: nothing was done, the queue is
 * full, the packet was dropped or the server was not reached in time · `closed`: the client was closed.
 */
export type RequestErrorReason = "refused" | "timeout" | "lost" | "not_sent" | "closed";

/** A request that was not answered with its response. */
export class RequestError extends Error {
  /** Tells it from other errors where classes do not meet, such as across realms. */
  override name = "RequestError";

  /**
   * Makes one.
   *
   * @param reason Why there is no answer.
   * @param code From ERROR_RESPONSE; `TIMEOUT` or `UNAVAILABLE` when the client gave up by itself.
   * @param type The request's packet type.
   * @param message Act, value, limit.
   */
  constructor(
    readonly reason: RequestErrorReason,
    readonly code: ErrorCode,
    readonly type: number,
    message: string,
  ) {
    super(plainText(message));
  }
}

/** One request and those who wait for it. */
export interface PendingRequest {
  readonly message: Message;
  /** What was sent last. */
  packet: OutgoingPacket;
  readonly resolve: (response: Message) => void;
  readonly reject: (error: RequestError) => void;
  /** When it is given up, by the client's clock. */
  deadlineMs: number;
  /** Whether it was answered, or given up and only waits for its late answer to pass. */
  isSettled: boolean;
  /** How often it was put off: answered so that nobody knows whether it was done. */
  putOffCount: number;
  /** The answer UNAVAILABLE, where it came in the request's own reply. */
  unavailable: Message | null;
  /** When it is sent again, by the client's clock; `Infinity`: it waits for an answer. */
  repeatMs: number;
}

/** What a request begins with. */
export const NEW_REQUEST = { isSettled: false, putOffCount: 0, unavailable: null, repeatMs: Infinity };

function isAnswer(request: Message, response: Message): boolean {
  switch (request.$typeName) {
    case "drawbridge.v1.EchoRequest": {
      const { data, route } = request as EchoRequest;
      const answer = response as EchoResponse;
      return answer.route === route && isEqual(answer.data, data);
    }
    case "drawbridge.v1.HeartbeatRequest":
      return (request as HeartbeatRequest).timestamp === (response as HeartbeatResponse).clientTimestamp;
    default:
      return true;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Every request of one client that waits, by type, oldest first. */
export class PendingRequests {
  readonly #packets: PacketTable;
  readonly #index: PacketIndex;
  readonly #clock: Pick<ResolvedClientOptions, "now" | "timers">;
  readonly #onTimeout: (request: PendingRequest) => void;
  readonly #onRepeat: (request: PendingRequest) => void;
  readonly #byType: Map<number, PendingRequest[]> = new Map();
  #count = 0;
  /** Those of them that have names. */
  #namedCount = 0;
  /** One timer serves all: setting and clearing one for each would cost more than the rest of a request. */
  #timer: unknown = null;
  /** When the timer fires; not later than the first deadline, or the first that is sent again. */
  #timerMs = Infinity;

  /**
   * @param contract Says what answers what.
   * @param clock The clock and its timers.
   * @param on.timeout Takes each request whose time is out.
   * @param on.repeat Takes each request that is to be sent again.
   */
  constructor(
    contract: Contract,
    clock: Pick<ResolvedClientOptions, "now" | "timers">,
    on: Readonly<Record<"timeout" | "repeat", (request: PendingRequest) => void>>,
  ) {
    this.#packets = contract.packets;
    this.#index = packetIndexOf(contract);
    this.#clock = clock;
    this.#onTimeout = on.timeout;
    this.#onRepeat = on.repeat;
  }

  /** Whether one more request may wait: with a name, only as many as a server keeps receipts of, else the first may be done twice. */
  hasRoomFor({ requestKey }: Pick<OutgoingPacket, "requestKey">): boolean {
    return this.#count < CLIENT_REQUESTS_MAX && (requestKey === 0 || this.#namedCount < RECEIPTS_PER_PLAYER_MAX);
  }

  /** Lets a request wait for its answer. */
  add(request: PendingRequest): void {
    const type = request.packet.row.type;
    const line = this.#byType.get(type);
    if (line === undefined) this.#byType.set(type, [request]);
    else line.push(request);
    this.#count++;
    if (request.packet.requestKey > 0) this.#namedCount++;
    if (request.deadlineMs < this.#timerMs) this.#setTimer(request.deadlineMs);
  }

  /** Gives every request up and stops the timer. */
  close(why: string): void {
    this.giveUpAll(() => true, "closed", why);
    this.#byType.clear();
    this.#count = this.#namedCount = 0;
    this.#setTimer(Infinity);
  }

  /** Whether a packet of `responseType` may answer a waiting request, and is worth decoding. */
  awaits(responseType: number): boolean {
    if (this.#count === 0) return false;
    if (this.#index.sharedReplies.has(responseType)) return true;
    const requestType = this.#index.requestByReply.get(responseType);
    return requestType !== undefined && this.#byType.has(requestType);
  }

  /** Hands a response to the request it answers. */
  answer(responseType: number, response: Message): void {
    const type = this.#index.sharedReplies.has(responseType)
      ? (response as Message & { requestType: number }).requestType
      : this.#index.requestByReply.get(responseType);
    if (type === undefined) return;
    const request = this.#byType.get(type)?.find(({ packet, message }) => packet.isSent && isAnswer(message, response));
    if (request === undefined) return;
    const { errorCode } = response as Message & Partial<Refusal>;
    if (errorCode === ErrorCode.UNAVAILABLE) request.unavailable = response;
    if (this.#isPutOff(request, errorCode)) return;
    if (saysNothing(request, errorCode)) return this.#giveUpRepeated(request);
    this.#remove(request);
    if (settle(request)) request.resolve(response);
  }

  /** Hands an ERROR_RESPONSE to the request it names: by number, or the oldest sent one of its type. */
  refuse(type: number, sequence: number, code: ErrorCode, message: string): void {
    const request = this.#byType.get(type)?.find(({ packet }) =>
      packet.isSent && (sequence === 0 || packet.sequence === sequence)
    );
    if (request === undefined || this.#isPutOff(request, code)) return;
    if (saysNothing(request, code)) return this.#giveUpRepeated(request);
    this.#remove(request);
    if (!settle(request)) return;
    const what = `Cannot complete ${this.#packets.nameOf(type)}: ${ErrorCode[code] ?? code}${
      message === "" ? "" : `, ${message}`
    }`;
    request.reject(new RequestError("refused", code, type, what));
  }

  /** A repetition was refused to the last: nobody knows what became of what was sent before it. */
  #giveUpRepeated(request: PendingRequest): void {
    const { unavailable } = request;
    if (unavailable === null) return this.giveUp(request, "lost", "it may have been done, and may not be repeated now");
    this.#remove(request);
    if (settle(request)) request.resolve(unavailable);
  }

  /** The server has not forgotten the requests of a type: they wait until `deadlineMs`, at least. */
  extend(type: number, deadlineMs: number): void {
    for (const request of this.#byType.get(type) ?? []) {
      request.deadlineMs = Math.max(request.deadlineMs, deadlineMs);
    }
  }

  /** Gives a request up; it stays in line when its answer may still come. */
  giveUp(request: PendingRequest, wanted: RequestErrorReason, why: string): void {
    // Of what is to be sent again nobody can say that nothing was done.
    const reason = wanted === "not_sent" && request.packet.isRepeated === true ? "lost" : wanted;
    const type = request.packet.row.type;
    const mayAnswer = reason === "timeout" && request.packet.isSent &&
      request.packet.row.delivery !== DeliveryClass.DROPPABLE;
    if (!mayAnswer) this.#remove(request);
    if (!settle(request)) return;
    // It was sent again, and the time is out before the answer to that: what it was told stands.
    if (reason === "timeout" && request.unavailable !== null) return request.resolve(request.unavailable);
    const code = reason === "timeout" ? ErrorCode.TIMEOUT : ErrorCode.UNAVAILABLE;
    request.reject(new RequestError(reason, code, type, `Cannot complete ${this.#packets.nameOf(type)}: ${why}`));
  }

  /** Gives up every request that `isLost` names. */
  giveUpAll(isLost: (packet: OutgoingPacket) => boolean, reason: RequestErrorReason, why: string): void {
    for (const line of [...this.#byType.values()]) {
      for (const request of [...line]) if (isLost(request.packet)) this.giveUp(request, reason, why);
    }
  }

  /** The requests of those named by `isLost` that may be sent again, as they are done once; in the order they were sent. */
  repeatable(isLost: (packet: OutgoingPacket) => boolean): OutgoingPacket[] {
    return [...this.#byType.values()].flat()
      .filter(({ isSettled, packet }) => !isSettled && packet.isSent && packet.requestKey > 0 && isLost(packet))
      .map(({ packet }) => packet)
      .sort((a, b) => a.sequence - b.sequence);
  }

  /** Forgets the numbers of a session that is over. */
  forgetSequences(): void {
    for (const line of this.#byType.values()) for (const { packet } of line) packet.sequence = 0;
  }

  #setTimer(deadlineMs: number): void {
    const { now, timers } = this.#clock;
    timers.clear(this.#timer);
    this.#timerMs = deadlineMs;
    if (deadlineMs === Infinity) return;
    const delayMs = Math.min(Math.max(0, deadlineMs - now()), TIMER_MS_MAX);
    this.#timer = timers.set(() => this.#expire(), delayMs);
  }

  #expire(): void {
    const nowMs = this.#clock.now();
    const waiting = [...this.#byType.values()].flat().filter(({ isSettled }) => !isSettled);
    this.#setTimer(
      waiting.reduce((min, request) => dueMs(request) > nowMs ? Math.min(min, dueMs(request)) : min, Infinity),
    );
    for (const request of waiting) {
      if (request.isSettled) continue;
      if (request.deadlineMs <= nowMs) this.#onTimeout(request);
      else if (request.repeatMs <= nowMs) this.#repeat(request);
    }
  }

  /** Whether a request whose answer may say nothing of it is sent again instead. */
  #isPutOff(request: PendingRequest, code: ErrorCode | undefined): boolean {
    const { packet, isSettled } = request;
    const isOpen = code === ErrorCode.UNAVAILABLE || saysNothing(request, code);
    if (!isOpen || packet.requestKey === 0 || isSettled) return false;
    const repeatMs = this.#clock.now() + CLIENT_REPEAT_MS * 2 ** request.putOffCount++;
    if (repeatMs >= request.deadlineMs) return false;
    // The packet that was sent belongs to its session.
    request.packet = { ...packet, sequence: 0, isSent: false, isRepeated: true };
    request.repeatMs = repeatMs;
    if (repeatMs < this.#timerMs) this.#setTimer(repeatMs);
    return true;
  }

  /** Its answer comes behind those of all that were sent meanwhile. */
  #repeat(request: PendingRequest): void {
    request.repeatMs = Infinity;
    this.#remove(request);
    this.add(request);
    this.#onRepeat(request);
  }

  #remove(request: PendingRequest): void {
    const type = request.packet.row.type;
    const line = this.#byType.get(type);
    const index = line?.indexOf(request) ?? -1;
    if (line === undefined || index < 0) return;
    this.#count--;
    if (request.packet.requestKey > 0) this.#namedCount--;
    if (line.length === 1) this.#byType.delete(type);
    else line.splice(index, 1);
  }
}

/** What a reply that refuses says. */
interface Refusal {
  readonly errorCode: ErrorCode;
}

/** Whether an answer speaks of a repetition alone, and not of what was sent before it. */
function saysNothing({ packet: { isRepeated, requestKey } }: PendingRequest, code: ErrorCode | undefined): boolean {
  return code === ErrorCode.RATE_LIMITED && requestKey > 0 && isRepeated === true;
}

function dueMs({ deadlineMs, repeatMs }: PendingRequest): number {
  return Math.min(deadlineMs, repeatMs);
}

/** Marks a request as settled; gives whether it was not yet. */
function settle(request: PendingRequest): boolean {
  if (request.isSettled) return false;
  request.isSettled = true;
  return true;
}
