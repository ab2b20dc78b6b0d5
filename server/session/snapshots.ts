/**
 * What sessions are shown of the world: WORLD_SNAPSHOT.
 *
 * @module
 */

import { DisconnectReason } from "../../shared/gen/enums.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { Counter } from "../ops/counters.ts";
import type { LogicContext } from "./context.ts";
import type { Session } from "./session.ts";

/** Steps the world and shows it. */
export class Snapshots {
  readonly #context: LogicContext;
  readonly #snapshot: Uint8Array;

  constructor(context: LogicContext) {
    this.#context = context;
    this.#snapshot = new Uint8Array(context.config.snapshotBytes);
  }

  /** One step of the world: sends snapshots to those whose turn it is and who can take one. */
  step(): void {
    const { clock, counters, sessions, world } = this.#context;
    const encodedBefore = world.encodedCount;
    world.step(clock.unixMs());
    const snapshot = this.#snapshot;
    let built = 0;
    let bytes = 0;
    for (const session of sessions.inWorld) {
      const { link, presence } = session;
      if (link === null || link.congested || presence === null || !world.isTurnOf(presence.entityId)) continue;
      // What is shown must not come before what it builds on: the map that was entered, the answer to a resume.
      if (session.isBehind || !link.output.hasRoomFor(snapshot.length)) continue;
      const length = this.#tryBuild(session, presence.entityId);
      if (length === 0) continue;
      session.sendLatest(PacketType.WORLD_SNAPSHOT, snapshot, 0, length);
      built++;
      bytes += length;
    }
    counters.add(Counter.ENCODER_CALLS, world.encodedCount - encodedBefore);
    counters.add(Counter.SNAPSHOTS_BUILT, built);
    counters.add(Counter.SNAPSHOT_BYTES, bytes);
  }

  /** Builds a session's snapshot; gives its length. Whose cannot be built is closed, and shown everything anew if it resumes. */
  #tryBuild(session: Session, entityId: number): number {
    try {
      return this.#context.world.buildSnapshot(entityId, this.#snapshot, 0);
    } catch (error) {
      this.#context.faults.report("snapshot", error, { entityId });
      this.#context.sessions.disconnect(session, DisconnectReason.SERVER_ERROR, "The server cannot show the world");
      return 0;
    }
  }
}
