/**
 * How sessions move in the world: MOVEMENT_UPDATE and its answer.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { MovementCorrectionSchema, type MovementUpdate, MovementUpdateSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import type { Movement } from "../world/movement.ts";
import type { LogicContext } from "./context.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { MovementReader } from "./movement_reader.ts";
import type { Session } from "./session.ts";

/** Moves the entities of sessions, and corrects clients. */
export class Movements {
  readonly #context: Pick<LogicContext, "clock" | "sessions" | "world">;
  readonly #movement = new MovementReader();

  constructor(context: Pick<LogicContext, "clock" | "sessions" | "world">) {
    this.#context = context;
  }

  /** Registers the handlers of MOVEMENT_UPDATE. */
  register(dispatcher: Dispatcher): void {
    dispatcher.onBytes(
      MovementUpdateSchema,
      (session, bytes, start, end, nowMs) => this.tryMove(session, bytes, start, end, nowMs),
    );
    dispatcher.on(MovementUpdateSchema, (session, message) => this.#moveMessage(session, message));
  }

  /**
   * Handles a MOVEMENT_UPDATE straight from the ring.
   *
   * @returns `false` when the payload is unusual: the dispatcher decides then.
   */
  tryMove(session: Session, bytes: Uint8Array, start: number, end: number, nowMs: number): boolean {
    if (!this.#movement.tryRead(bytes, start, end)) return false;
    this.#move(session, this.#movement.entityId, this.#movement, nowMs);
    return true;
  }

  #moveMessage(session: Session, message: MovementUpdate): void {
    const movement = {
      x: message.position?.x ?? 0,
      y: message.position?.y ?? 0,
      z: message.position?.z ?? 0,
      vx: message.velocity?.x ?? 0,
      vy: message.velocity?.y ?? 0,
      vz: message.velocity?.z ?? 0,
      yaw: message.rotation?.y ?? 0,
      sequenceNumber: message.sequenceNumber,
    };
    this.#move(session, Number(message.entityId), movement, this.#context.clock.monotonicMs());
  }

  #move(session: Session, entityId: number, movement: Movement, nowMs: number): void {
    const { world } = this.#context;
    const { presence } = session;
    if (presence === null) return;
    const own = presence.entityId;
    const verdict = entityId !== 0 && entityId !== own ? "not_own_entity" : world.move(own, movement, nowMs);
    if (verdict !== "ok") this.correct(session, { sequenceNumber: movement.sequenceNumber, reason: verdict });
  }

  /**
   * Tells a session where it is: MOVEMENT_CORRECTION.
   *
   * @param cause The movement that was refused, 0: none, the server moved it.
   */
  correct(session: Session, cause: { readonly sequenceNumber: number; readonly reason: string }): void {
    const { sessions, world } = this.#context;
    const { presence } = session;
    if (presence === null) return;
    const { entityId } = presence;
    const correction = create(MovementCorrectionSchema, {
      position: { x: world.xOf(entityId), y: world.yOf(entityId), z: world.zOf(entityId) },
      ...cause,
    });
    sessions.send(session, PacketType.MOVEMENT_CORRECTION, toBinary(MovementCorrectionSchema, correction));
  }
}
