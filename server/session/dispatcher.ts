/**
 * Finds the handler of a packet, and keeps what goes wrong in it from everything else.
 *
 * @module
 */

import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Contract } from "../../shared/contract.ts";
import { DependencyError } from "../../shared/errors.ts";
import { ErrorCode } from "../../shared/gen/enums.ts";
import { MESSAGE_FIELDS_MAX, REQUEST_ANSWER_MS } from "../../shared/limits.ts";
import { isMessageWithin } from "../../shared/message_scan.ts";
import type { PacketRow } from "../../shared/packet_table.ts";
import { errorResponse, type Refusal, refuseRequest } from "../base/refusal.ts";
import { isNameWithNul, type NulCheck, nulCheckOf } from "./nul_check.ts";
import type { Player } from "./player.ts";
import type { Session } from "./session.ts";
import { explanationOf, textOf, type Told } from "./told.ts";

/** Handles one message of one session. `requestKey`: the client's name for it; 0: it has none. */
export type Handler<Desc extends DescMessage> = (
  session: Session,
  message: MessageShape<Desc>,
  requestKey: number,
) => Handled;

/** How a request is handled: it is done, or will be. */
// deno-lint-ignore no-explicit-any -- whatever its `send` takes
export type Handled = void | Promise<void> | LateReply<any>;

/**
 * A reply, which may still be made, to be sent in its turn. Refusals take no longer than replies: they go out in the order
 * of what was decided.
 */
export class LateReply<Reply> {
  /**
   * @param settle What is to be done before it can be sent.
   * @param answer Sends it; what it throws is the request's failure, as what `settle` rejects with.
   * @param drop What is done instead where it took too long, so that the request was refused.
   */
  constructor(
    readonly reply: Reply | Promise<Reply>,
    readonly answer: (reply: Reply) => void,
    readonly settle: (reply: Reply) => Reply | Promise<Reply> = (reply) => reply,
    readonly drop: (reply: Reply) => void = () => {},
  ) {}
}

/** A request that cannot be met: answered with its code, by the request's own response type where it has one. */
export class RequestError extends Error {
  /** What logs call it. */
  override name = "RequestError";

  /**
   * To be thrown by a handler.
   *
   * @param code What the client is told: an `ErrorCode`, or one of the game's own enum, in the field that its reply has for
   * it. Own codes begin at 1,000, so that they are no others where the reply is an ERROR_RESPONSE.
   * @param told The same in words, or what they are made of.
   */
  constructor(readonly code: number, readonly told: Told) {
    super(textOf(told));
  }
}

/** Where the dispatcher's answers and reports go. */
export interface DispatcherOutput {
  send(session: Session, type: number, payload: Uint8Array): void;
  /** A handler failed: our bug, or a dependency that is down. */
  onHandlerError(session: Session, type: number, error: unknown): void;
  /** A handler that took its time is done: what it sent should not wait for the next tick. */
  onSettled(): void;
  /** Since when the packet that is handled has waited, by a clock that never goes back, in milliseconds. */
  sinceMs(): number;
}

/**
 * Handles a packet by its bytes, which are valid only during the call, in a few microseconds; gives whether it did,
 * otherwise the message is parsed and handled. `nowMs`: monotonic, as it was a few such packets ago.
 */
export type BytesHandler = (
  session: Session,
  bytes: Uint8Array,
  start: number,
  end: number,
  nowMs: number,
) => boolean;

/** A request whose handler has not answered yet. */
export interface PendingRequest {
  readonly session: Session;
  readonly type: number;
  readonly sequence: number;
}

/** The place of a request among those of its type; its answer is null until it is decided. */
interface Turn {
  answer: (() => void) | null;
}

/** A request that is refused when its time is over. */
interface BoundedRequest {
  /** Monotonic milliseconds. */
  readonly untilMs: number;
  readonly refuse: () => void;
}

/** What is registered for one packet type. */
class Entry {
  handle: Handler<DescMessage> | null = null;
  handleBytes: BytesHandler | null = null;

  /** Whether a text of a message has a NUL character. */
  readonly hasNul: NulCheck | undefined;

  /** Requests that are not answered, the oldest first. */
  readonly unanswered = new Map<Session, Turn[]>();

  constructor(readonly row: PacketRow, readonly schema: DescMessage) {
    this.hasNul = nulCheckOf(schema);
  }

  /** Where a request of a session waits for its turn. */
  lineOf(session: Session): Turn[] {
    const { replyType, changesState } = this.row;
    // No reply: refusals name the request. What leads to another state is held up by the io worker.
    if (replyType === 0 || changesState) return [];
    const line = this.unanswered.get(session) ?? [];
    if (line.length === 0) this.unanswered.set(session, line);
    return line;
  }
}

/** The handlers of all packet types that logic handles. */
export class Dispatcher {
  readonly #entries: (Entry | undefined)[];
  readonly #contract: Contract;
  readonly #output: DispatcherOutput;
  readonly #pending = new Set<PendingRequest>();
  /** Those of them that are refused when their time is over, the oldest first. */
  readonly #bounded = new Map<PendingRequest, BoundedRequest>();
  #settledType = 0;

  constructor(contract: Contract, output: DispatcherOutput) {
    this.#contract = contract;
    this.#output = output;
    this.#entries = new Array(contract.packets.typeMax + 1).fill(undefined);
  }

  /** Requests whose handlers have not answered yet, the oldest first. */
  get pending(): ReadonlySet<PendingRequest> {
    return this.#pending;
  }

  /** The type of the last request that was settled since this was asked; 0: none was. */
  takeSettledType(): number {
    const type = this.#settledType;
    this.#settledType = 0;
    return type;
  }

  /**
   * Refuses requests whose replies are not here {@linkcode REQUEST_ANSWER_MS} after they came, so that those behind them
   * are answered. Their handlers go on: what they do is done, and of a durable one there is a receipt that answers its
   * repetition.
   */
  refuseOverdue(nowMs: number): void {
    for (const { untilMs, refuse } of this.#bounded.values()) {
      if (untilMs > nowMs) return;
      refuse();
    }
  }

  /** Refuses a packet instead of handling it. */
  refuse(session: Session, type: number, sequence: number, error: Error): void {
    const entry = this.#entries[type];
    if (entry === undefined) {
      this.#answer(session, errorResponse(ErrorCode.UNSUPPORTED, "Not supported", type, sequence));
    } else this.#fail(session, entry, sequence, error);
  }

  /**
   * Registers the handler of a type, by the message it carries.
   *
   * @throws {TypeError} when no packet carries it, no client sends it, or it has a handler.
   */
  on<Desc extends DescMessage>(schema: Desc, handle: Handler<Desc>): void {
    const entry = this.#entryOf(schema);
    if (entry.handle !== null) throw new TypeError(`${entry.row.name} has a handler`);
    entry.handle = handle as unknown as Handler<DescMessage>;
  }

  /**
   * Registers the handler of a type that is read without a message being made of it: for what comes in great numbers.
   *
   * @throws {TypeError} as {@linkcode Dispatcher.on}.
   */
  onBytes(schema: DescMessage, handleBytes: BytesHandler): void {
    const entry = this.#entryOf(schema);
    if (entry.handleBytes !== null) throw new TypeError(`${entry.row.name} has a handler of bytes`);
    entry.handleBytes = handleBytes;
  }

  #entryOf(schema: DescMessage): Entry {
    const row = this.#contract.rowOf(schema);
    if (row.states === 0) throw new TypeError(`${row.name} is not for clients to send`);
    return this.#entries[row.type] ??= new Entry(row, schema);
  }

  /** Handles a packet by its bytes, in `[start, end)`; returns whether it did, otherwise it is to be dispatched. */
  tryBytes(
    session: Session,
    type: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    nowMs: number,
  ): boolean {
    const handleBytes = this.#entries[type]?.handleBytes ?? null;
    return handleBytes !== null && handleBytes(session, bytes, start, end, nowMs);
  }

  /**
   * Registers the handler of a type that comes from players: who is not in a state that the type may be sent in is
   * refused, as it may have left it while the packet was on its way.
   *
   * @returns Its row, and the message that answers it, if any does.
   * @throws {TypeError} as {@linkcode Dispatcher.on}.
   */
  onPlayer<Desc extends DescMessage>(
    schema: Desc,
    handle: (player: Player, message: MessageShape<Desc>, requestKey: number) => Handled,
  ): { readonly row: PacketRow; readonly replySchema: DescMessage | undefined } {
    const row = this.#contract.rowOf(schema), { states, replyType } = row;
    this.on(schema, (session, message, requestKey) => {
      const { player } = session;
      if (player === null) throw new RequestError(ErrorCode.NOT_AUTHENTICATED, "Log in first");
      if ((session.state & states) === 0) throw new RequestError(ErrorCode.INVALID_STATE, "Enter the world first");
      return handle(player, message, requestKey);
    });
    return { row, replySchema: this.#contract.schemaOf(replyType) };
  }

  /**
   * Handles one packet. Whatever the handler throws costs this packet an error, and nobody else anything. Requests of one
   * type are answered in the order in which their session has sent them: nothing else tells a client which one was refused.
   *
   * @param payload Its own: it may be kept.
   * @param requestKey The client's name for it; 0: it has none.
   */
  dispatch(session: Session, type: number, sequence: number, payload: Uint8Array, requestKey = 0): void {
    const entry = this.#entries[type];
    if (entry === undefined || entry.handle === null) {
      return this.#answer(session, errorResponse(ErrorCode.UNSUPPORTED, "Not supported", type, sequence));
    }
    const { schema, handle } = entry;
    // A payload of nothing but small fields would take long to parse.
    if (!isMessageWithin(payload, 0, payload.length, MESSAGE_FIELDS_MAX)) {
      return this.#fail(session, entry, sequence, new RequestError(ErrorCode.INVALID_PACKET, "Cannot be parsed"));
    }
    let message: MessageShape<DescMessage>;
    try {
      message = fromBinary(schema, payload, { readUnknownFields: false });
    } catch {
      return this.#fail(session, entry, sequence, new RequestError(ErrorCode.INVALID_PACKET, "Cannot be parsed"));
    }
    if (entry.hasNul?.(message) === true) {
      const code = isNameWithNul(message) ? ErrorCode.NAME_INVALID : ErrorCode.INVALID_PACKET;
      return this.#fail(session, entry, sequence, new RequestError(code, "A text has a NUL character"));
    }
    try {
      const done = handle(session, message, requestKey);
      if (done === undefined) return;
      if (!(done instanceof LateReply) || done.reply instanceof Promise) {
        return this.#await(session, entry, sequence, done);
      }
      const settled = done.settle(done.reply);
      if (settled instanceof Promise || entry.unanswered.has(session)) {
        return this.#await(session, entry, sequence, new LateReply(settled, done.answer, undefined, done.drop));
      }
      done.answer(settled);
    } catch (error) {
      this.#fail(session, entry, sequence, error);
    }
  }

  /** Tells the sender of a request, whose handler was never heard of again, that it was not met. */
  giveUp({ session, type, sequence }: PendingRequest): void {
    const row = this.#contract.packets.row(type);
    const [code, message] = [ErrorCode.UNAVAILABLE, "Not available now"] as const;
    this.#answer(
      session,
      row === undefined ? errorResponse(code, message, type, sequence) : refuseRequest(code, message, row, sequence),
    );
  }

  /** A request is under way, or waits for its turn; a reply that is here is settled. */
  #await(session: Session, entry: Entry, sequence: number, done: Promise<void> | LateReply<unknown>): void {
    const { row } = entry, pending = { session, type: row.type, sequence };
    this.#pending.add(pending);
    const line = entry.lineOf(session), turn: Turn = { answer: null };
    line.push(turn);
    let isOverdue = false;
    const decide = (answer: () => void) => {
      this.#bounded.delete(pending);
      turn.answer = () => {
        try {
          answer();
        } catch (error) {
          this.#refuse(session, row, sequence, error);
        }
        this.#pending.delete(pending);
        this.#output.onSettled();
      };
      while (line[0]?.answer != null) line.shift()!.answer!();
      if (line.length === 0) entry.unanswered.delete(session);
    };
    const settle = (answer: () => void, drop: () => void) => {
      this.#settledType = row.type;
      if (isOverdue) drop();
      else decide(answer);
    };
    const fail = (error: unknown) =>
      settle(() => this.#refuse(session, row, sequence, error), () => this.#report(session, row, error));
    // What the engine handles itself has bounds of its own.
    if (done instanceof LateReply) {
      const refuse = () => {
        isOverdue = true;
        const reason = `Cannot answer ${row.name} within ${REQUEST_ANSWER_MS} ms`;
        decide(() => this.#refuse(session, row, sequence, new DependencyError("timeout", reason)));
      };
      this.#bounded.set(pending, { untilMs: this.#output.sinceMs() + REQUEST_ANSWER_MS, refuse });
    }
    // Directly, as whoever decides in an order has the answers go out in it.
    if (!(done instanceof LateReply)) done.then(() => settle(() => {}, () => {}), fail);
    else if (!(done.reply instanceof Promise)) settle(() => done.answer(done.reply), () => {});
    else done.reply.then((reply) => this.#settle(done, reply, settle), fail).catch(fail);
  }

  /** A reply is here, and may have to be settled first. */
  #settle<Reply>(
    { settle, answer, drop }: LateReply<Reply>,
    reply: Reply,
    take: (act: () => void, drop: () => void) => void,
  ): Promise<void> | undefined {
    const settled = settle(reply);
    if (settled instanceof Promise) return settled.then((reply) => take(() => answer(reply), () => drop(reply)));
    take(() => answer(settled), () => drop(settled));
  }

  #fail(session: Session, entry: Entry, sequence: number, error: unknown): void {
    if (entry.unanswered.has(session)) this.#await(session, entry, sequence, Promise.reject(error));
    else this.#refuse(session, entry.row, sequence, error);
  }

  #report(session: Session, row: PacketRow, error: unknown): void {
    if (!(error instanceof RequestError)) this.#output.onHandlerError(session, row.type, error);
  }

  #refuse(session: Session, row: PacketRow, sequence: number, error: unknown): void {
    this.#report(session, row, error);
    if (error instanceof RequestError) {
      this.#answer(session, refuseRequest(error.code, error.message, row, sequence, explanationOf(error.told)));
    } else if (error instanceof DependencyError) {
      // UNAVAILABLE would have clients ask again, in vain; nothing was done.
      const [code, text] = error.code === "unusable"
        ? [ErrorCode.INVALID_STATE, "What is saved cannot be used; the operator has been told"] as const
        : [ErrorCode.UNAVAILABLE, "Not available now"] as const;
      this.#answer(session, refuseRequest(code, text, row, sequence));
    } else {
      this.#answer(session, errorResponse(ErrorCode.INTERNAL, "Internal error", row.type, sequence));
    }
  }

  #answer(session: Session, { type, payload }: Refusal): void {
    if (!session.ended) this.#output.send(session, type, payload);
  }
}
