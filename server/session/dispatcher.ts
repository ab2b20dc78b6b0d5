/**
 * Finds the handler of a packet, and keeps what goes wrong in it from everything else.
 *
 * @module
 */

import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { DependencyError } from "../../shared/errors.ts";
import { ErrorCode } from "../../shared/gen/common_pb.ts";
import type { PacketType } from "../../shared/gen/packet_pb.ts";
import { MESSAGE_FIELDS_MAX } from "../../shared/limits.ts";
import { isMessageWithin } from "../../shared/message_scan.ts";
import { PACKET_TABLE } from "../../shared/packet_table.ts";
import { errorResponse, refuseRequest } from "../base/refusal.ts";
import type { Session } from "./session.ts";

/** Handles one message of one session. */
export type Handler<Desc extends DescMessage> = (
  session: Session,
  message: MessageShape<Desc>,
) => void | Promise<void>;

/** A request that cannot be met: answered with its code, by the request's own response type where it has one. */
export class RequestError extends Error {
  override name = "RequestError";

  /** @param code What the client is told. */
  constructor(readonly code: ErrorCode, message: string) {
    super(message);
  }
}

/** Where the dispatcher's answers and reports go. */
export interface DispatcherOutput {
  send(session: Session, type: number, payload: Uint8Array): void;
  /** A handler failed: our bug, or a dependency that is down. */
  onHandlerError(type: PacketType, error: unknown): void;
  /** A handler that took its time is done: what it sent should not wait for the next tick. */
  onSettled(): void;
}

interface Entry {
  readonly schema: DescMessage;
  readonly handle: Handler<DescMessage>;
}

/** The handlers of all packet types that logic handles. */
export class Dispatcher {
  readonly #entries = new Map<number, Entry>();
  readonly #output: DispatcherOutput;

  constructor(output: DispatcherOutput) {
    this.#output = output;
  }

  /**
   * Registers the handler of a type, by the message it carries.
   *
   * @throws {TypeError} when no packet carries it, or it has a handler.
   */
  on<Desc extends DescMessage>(schema: Desc, handle: Handler<Desc>): void {
    const row = PACKET_TABLE.find((row) => row.schema.typeName === schema.typeName);
    if (row === undefined) throw new TypeError(`${schema.typeName} is no packet's message`);
    if (this.#entries.has(row.type)) throw new TypeError(`${row.name} has a handler`);
    this.#entries.set(row.type, { schema, handle: handle as unknown as Handler<DescMessage> });
  }

  /**
   * Handles one packet. Whatever the handler throws costs this packet an error, and nobody else anything.
   *
   * @param payload Its own: it may be kept.
   */
  dispatch(session: Session, type: PacketType, sequence: number, payload: Uint8Array): void {
    const entry = this.#entries.get(type);
    if (entry === undefined) {
      return this.#answer(session, errorResponse(ErrorCode.UNSUPPORTED, "Not supported", type, sequence));
    }
    // A payload of nothing but small fields would take long to parse.
    if (!isMessageWithin(payload, 0, payload.length, MESSAGE_FIELDS_MAX)) {
      return this.#answer(session, refuseRequest(ErrorCode.INVALID_PACKET, "Cannot be parsed", type, sequence));
    }
    let message: MessageShape<DescMessage>;
    try {
      message = fromBinary(entry.schema, payload, { readUnknownFields: false });
    } catch {
      return this.#answer(session, refuseRequest(ErrorCode.INVALID_PACKET, "Cannot be parsed", type, sequence));
    }
    try {
      const done = entry.handle(session, message);
      if (done === undefined) return;
      done
        .catch((error) => this.#fail(session, type, sequence, error))
        .finally(() => this.#output.onSettled());
    } catch (error) {
      this.#fail(session, type, sequence, error);
    }
  }

  #fail(session: Session, type: PacketType, sequence: number, error: unknown): void {
    if (error instanceof RequestError) {
      this.#answer(session, refuseRequest(error.code, error.message, type, sequence));
    } else if (error instanceof DependencyError) {
      this.#output.onHandlerError(type, error);
      this.#answer(session, refuseRequest(ErrorCode.UNAVAILABLE, "Not available now", type, sequence));
    } else {
      this.#output.onHandlerError(type, error);
      this.#answer(session, errorResponse(ErrorCode.INTERNAL, "Internal error", type, sequence));
    }
  }

  #answer(session: Session, { type, payload }: { type: PacketType; payload: Uint8Array }): void {
    if (!session.ended) this.#output.send(session, type, payload);
  }
}
