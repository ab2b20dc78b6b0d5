/**
 * Finds the handler of a packet, and keeps what goes wrong in it from everything else.
 *
 * @module
 */

import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Contract } from "../../shared/contract.ts";
import { DependencyError } from "../../shared/errors.ts";
import { ErrorCode } from "../../shared/gen/enums.ts";
import { MESSAGE_FIELDS_MAX } from "../../shared/limits.ts";
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

/** A reply that is still made. Refusals take no longer than replies: they go out in the order of what was decided. */
export class LateReply<Reply> {
  /** @param send Sends it; what it throws or rejects with is the request's failure. */
  constructor(readonly reply: Promise<Reply>, readonly send: (reply: Reply) => void | Promise<void>) {}
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
}

/**
 * Handles a packet by its bytes, which are valid only during the call; gives whether it did, otherwise the message is
 * parsed and handled.
 */
export type BytesHandler = (session: Session, bytes: Uint8Array, start: number, end: number) => boolean;

/** A request whose handler has not answered yet. */
export interface PendingRequest {
  readonly session: Session;
  readonly type: number;
  readonly sequence: number;
}

/** What is registered for one packet type. */
class Entry {
  handle: Handler<DescMessage> | null = null;
  handleBytes: BytesHandler | null = null;

  /** Whether a text of a message has a NUL character. */
  readonly hasNul: NulCheck | undefined;

  constructor(readonly row: PacketRow, readonly schema: DescMessage) {
    this.hasNul = nulCheckOf(schema);
  }
}

/** The handlers of all packet types that logic handles. */
export class Dispatcher {
  readonly #entries: (Entry | undefined)[];
  readonly #contract: Contract;
  readonly #output: DispatcherOutput;
  readonly #pending = new Set<PendingRequest>();

  constructor(contract: Contract, output: DispatcherOutput) {
    this.#contract = contract;
    this.#output = output;
    this.#entries = new Array(contract.packets.typeMax + 1).fill(undefined);
  }

  /** Requests whose handlers have not answered yet, the oldest first. */
  get pending(): ReadonlySet<PendingRequest> {
    return this.#pending;
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
  tryBytes(session: Session, type: number, bytes: Uint8Array, start: number, end: number): boolean {
    const handleBytes = this.#entries[type]?.handleBytes ?? null;
    return handleBytes !== null && handleBytes(session, bytes, start, end);
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
   * Handles one packet. Whatever the handler throws costs this packet an error, and nobody else anything.
   *
   * @param payload Its own: it may be kept.
   * @param requestKey The client's name for it; 0: it has none.
   */
  dispatch(session: Session, type: number, sequence: number, payload: Uint8Array, requestKey = 0): void {
    const entry = this.#entries[type];
    if (entry === undefined || entry.handle === null) {
      return this.#answer(session, errorResponse(ErrorCode.UNSUPPORTED, "Not supported", type, sequence));
    }
    const { row, schema, handle } = entry;
    // A payload of nothing but small fields would take long to parse.
    if (!isMessageWithin(payload, 0, payload.length, MESSAGE_FIELDS_MAX)) {
      return this.#answer(session, refuseRequest(ErrorCode.INVALID_PACKET, "Cannot be parsed", row, sequence));
    }
    let message: MessageShape<DescMessage>;
    try {
      message = fromBinary(schema, payload, { readUnknownFields: false });
    } catch {
      return this.#answer(session, refuseRequest(ErrorCode.INVALID_PACKET, "Cannot be parsed", row, sequence));
    }
    if (entry.hasNul?.(message) === true) {
      const code = isNameWithNul(message) ? ErrorCode.NAME_INVALID : ErrorCode.INVALID_PACKET;
      return this.#answer(session, refuseRequest(code, "A text has a NUL character", row, sequence));
    }
    try {
      const done = handle(session, message, requestKey);
      if (done === undefined) return;
      const pending = { session, type, sequence };
      this.#pending.add(pending);
      const fail = (error: unknown) => this.#fail(session, row, sequence, error);
      const sent = done instanceof LateReply ? done.reply.then(done.send, fail).catch(fail) : done.catch(fail);
      sent.finally(() => {
        this.#pending.delete(pending);
        this.#output.onSettled();
      });
    } catch (error) {
      this.#fail(session, row, sequence, error);
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

  #fail(session: Session, row: PacketRow, sequence: number, error: unknown): void {
    if (error instanceof RequestError) {
      this.#answer(session, refuseRequest(error.code, error.message, row, sequence, explanationOf(error.told)));
    } else if (error instanceof DependencyError) {
      this.#output.onHandlerError(session, row.type, error);
      this.#answer(session, refuseRequest(ErrorCode.UNAVAILABLE, "Not available now", row, sequence));
    } else {
      this.#output.onHandlerError(session, row.type, error);
      this.#answer(session, errorResponse(ErrorCode.INTERNAL, "Internal error", row.type, sequence));
    }
  }

  #answer(session: Session, { type, payload }: Refusal): void {
    if (!session.ended) this.#output.send(session, type, payload);
  }
}
