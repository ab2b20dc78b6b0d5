/**
 * A node that stops gives its sessions up one after the other, each with what was said in both directions and is not known
 * to have arrived, and tells their clients where to go on.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { DisconnectNoticeSchema, DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { DRAIN_ANSWERS_MS, DRAIN_JITTER_MS, SESSIONS_DRAIN_MS, SESSIONS_DRAINED_AT_ONCE } from "../../shared/limits.ts";
import type { ClusterNode } from "../cluster/cluster_node.ts";
import type { NodeEntry } from "../cluster/directory_store.ts";
import type { LogicContext } from "./context.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { serverInfoOf } from "./server_list.ts";
import type { Session } from "./session.ts";
import { encodeSession } from "./session_handover.ts";
import type { WorldService } from "./world_service.ts";

/** How often it is looked whether a session's requests are answered, in milliseconds. */
const LOOK_MS = 10;
const MESSAGE = "The server is stopping, the session goes on at another one";

/** What sessions are handed over by. */
interface DrainParts {
  readonly cluster: Pick<ClusterNode, "announce" | "handOver" | "others" | "pause">;
  readonly dispatcher: Pick<Dispatcher, "pending" | "giveUp">;
  readonly world: Pick<WorldService, "part">;
}

/** Hands over as many sessions as it can. */
export class Drain {
  readonly #context: LogicContext;
  readonly #parts: DrainParts;
  #count = 0;

  constructor(context: LogicContext, parts: DrainParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /**
   * Lets nobody in any more, and hands sessions over for {@linkcode SESSIONS_DRAIN_MS}; those left end when the node
   * stops, saved as ever. Never rejects.
   */
  async run(): Promise<void> {
    const { cluster } = this.#parts, { clock, drain, log, sessions } = this.#context;
    drain.isOn = true;
    try {
      await cluster.announce();
      const targets = await cluster.others();
      if (targets.length === 0) return log.warn("No other server takes the sessions of this one");
      const untilMs = clock.monotonicMs() + SESSIONS_DRAIN_MS;
      const waiting = [...sessions.inWorld];
      await Promise.all(Array.from({ length: SESSIONS_DRAINED_AT_ONCE }, async () => {
        while (waiting.length > 0 && clock.monotonicMs() < untilMs) await this.#move(waiting.pop()!, targets);
      }));
    } catch (error) {
      log.warn("Cannot hand sessions over", { error: String(error) });
    }
    log.info("Handed sessions over", { count: this.#count, left: sessions.inWorld.size });
  }

  async #move(session: Session, targets: readonly NodeEntry[]): Promise<void> {
    // What its client sends from now on is not acknowledged: it sends that again, to another node.
    session.isMoving = true;
    await this.#settle(session);
    const { link, owner, presence } = session, { config, log, saver, sessions } = this.#context;
    if (session.ended || presence === null || owner === null) return;
    this.#parts.world.part(session);
    const character = saver.withdraw(presence.characterId);
    const numbers = encodeSession({ ...session, outbox: session.outbox!.image() });
    sessions.end(session);
    if (character === undefined) return;
    const handOver = { ...owner, character, session: numbers, graceMs: config.linkDeadMs };
    try {
      if (!await this.#parts.cluster.handOver(handOver)) return;
    } catch (error) {
      saver.save(character);
      return log.warn("Cannot hand a session over", { error: String(error) });
    }
    const target = targets[this.#count++ % targets.length];
    if (link === null || link.closed) return;
    const notice = create(DisconnectNoticeSchema, {
      reason: DisconnectReason.SHUTDOWN,
      message: MESSAGE,
      // Not all at once.
      retryAfterMs: this.#count * 7 % DRAIN_JITTER_MS,
      resumeAt: serverInfoOf(target),
    });
    link.output.send(link, PacketType.DISCONNECT_NOTICE, toBinary(DisconnectNoticeSchema, notice));
    link.output.close(link, DisconnectReason.UNSPECIFIED, "", 0);
  }

  /** Waits for the answers that a session is owed; who is not answered soon is refused, and may ask again elsewhere. */
  async #settle(session: Session): Promise<void> {
    const { cluster, dispatcher } = this.#parts;
    const owed = () => [...dispatcher.pending].filter((pending) => pending.session === session);
    for (let waitedMs = 0; waitedMs < DRAIN_ANSWERS_MS && owed().length > 0; waitedMs += LOOK_MS) {
      await cluster.pause(LOOK_MS);
    }
    for (const pending of owed()) dispatcher.giveUp(pending);
  }
}
