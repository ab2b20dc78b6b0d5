/**
 * A node that is about to stop takes nobody new. It gives its sessions up one after the other, each with what was said in
 * both directions and is not known to have arrived, and tells their clients where to go on. Who is in an instance may
 * finish there first.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { DisconnectNoticeSchema, DisconnectReason } from "../../shared/gen/auth_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import {
  DRAIN_ANSWERS_MS,
  DRAIN_JITTER_MS,
  DRAIN_LOOK_MS,
  SESSIONS_DRAIN_MS,
  SESSIONS_DRAINED_AT_ONCE,
} from "../../shared/limits.ts";
import type { Timers } from "../base/clock.ts";
import type { ClusterNode } from "../cluster/cluster_node.ts";
import type { NodeEntry } from "../cluster/directory_store.ts";
import type { Game } from "../game/game.ts";
import { durationText } from "../moderation/duration.ts";
import type { ModerationService } from "../moderation/moderation_service.ts";
import type { LogicContext } from "./context.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Link } from "./link.ts";
import { serverInfoOf } from "./server_list.ts";
import type { ResumeService } from "./resume_handlers.ts";
import type { Session } from "./session.ts";
import { encodeSession } from "./session_handover.ts";
import type { WorldService } from "./world_service.ts";

/** How often it is looked whether a session's requests are answered, in milliseconds. */
const LOOK_MS = 10;
/** Pause before other servers are looked for again, where there was none, in milliseconds. */
const TARGETS_RETRY_MS = 1_000;
const MESSAGE = "The server is stopping, the session goes on at another one";

/** What sessions are handed over by. */
export interface DrainParts {
  /** This node among others; undefined: there are none. */
  readonly cluster: Pick<ClusterNode, "announce" | "handOver" | "others"> | undefined;
  readonly dispatcher: Pick<Dispatcher, "pending" | "giveUp">;
  readonly game: Pick<Game, "hasUnsaved">;
  readonly moderation: Pick<ModerationService, "announce">;
  readonly resumes: Pick<ResumeService, "oneByOne" | "isBringing">;
  readonly timers: Pick<Timers, "set">;
  readonly world: Pick<WorldService, "part" | "onParted">;
}

/** Empties a node. */
export class Drain {
  readonly #context: LogicContext;
  readonly #parts: DrainParts;
  #isHurried = false;
  #count = 0;
  /** When other servers are looked for, monotonic milliseconds. */
  #targetsDueMs = 0;

  constructor(context: LogicContext, parts: DrainParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** Waits for no instance any more. */
  hurry(): void {
    this.#isHurried = true;
  }

  /**
   * Lets nobody in any more, and hands sessions over: at once those in no instance, the others when their instance is over,
   * or the time that the operator gives. Those left end when the node stops, saved as ever. Never rejects.
   */
  async run(): Promise<void> {
    const { clock, config, drain, log, sessions } = this.#context, { cluster } = this.#parts;
    drain.isOn = true;
    await cluster?.announce();
    const withinMs = config.drainTimeout * 1_000, untilMs = clock.monotonicMs() + withinMs;
    if (withinMs > 0 && this.#isPlayed()) {
      log.info("Waits for instances that are played", { players: [...sessions.inWorld].filter(isInInstance).length });
      this.#parts.moderation.announce(
        `The server stops within ${durationText(withinMs)}: what you are in the middle of may be finished until then`,
      );
    }
    for (let isOver = false; !isOver;) {
      isOver = this.#isHurried || !this.#isPlayed() || clock.monotonicMs() >= untilMs;
      // Who is on the way here is in the world when this is over, and no round comes behind the last.
      if (isOver) await this.#until(() => !this.#parts.resumes.isBringing);
      await this.#handOver((session) => isOver || !isInInstance(session), isOver);
      if (!isOver) await this.#pause(DRAIN_LOOK_MS);
    }
    if (cluster !== undefined) log.info("Handed sessions over", { count: this.#count, left: sessions.inWorld.size });
  }

  #isPlayed(): boolean {
    return [...this.#context.sessions.inWorld].some(isInInstance);
  }

  /** Hands some sessions over, as many as it can within {@linkcode SESSIONS_DRAIN_MS}. */
  async #handOver(isMoved: (session: Session) => boolean, isLast: boolean): Promise<void> {
    const { cluster, dispatcher } = this.#parts, { clock, log, sessions } = this.#context;
    const owed = new Set([...dispatcher.pending].map(({ session }) => session));
    // The last come first, and behind them those who are owed answers: whoever sees to that holds up nobody else.
    const waiting = [...sessions.inWorld].filter(isMoved).sort((a, b) => Number(owed.has(b)) - Number(owed.has(a)));
    const nowMs = clock.monotonicMs();
    if (cluster === undefined || waiting.length === 0 || !isLast && nowMs < this.#targetsDueMs) return;
    this.#targetsDueMs = nowMs + TARGETS_RETRY_MS;
    try {
      const targets = await cluster.others();
      if (targets.length === 0) return log.warn("No other server can take over the sessions of this one");
      this.#targetsDueMs = 0;
      const untilMs = nowMs + SESSIONS_DRAIN_MS;
      await Promise.all(Array.from({ length: SESSIONS_DRAINED_AT_ONCE }, async () => {
        while (waiting.length > 0 && clock.monotonicMs() < untilMs) await this.#tryMove(waiting.pop()!, targets);
      }));
    } catch (error) {
      log.warn("Cannot hand sessions over", { error: String(error) });
    }
  }

  /** What fails with one costs no other its turn. */
  async #tryMove(session: Session, targets: readonly NodeEntry[]): Promise<void> {
    try {
      // Who was in the world may have left it before it was its turn.
      if (!session.ended && session.presence !== null) await this.#move(session, targets);
    } catch (error) {
      this.#context.faults.report("drain", error);
    }
  }

  async #move(session: Session, targets: readonly NodeEntry[]): Promise<void> {
    const { player } = session;
    // It was found before others were looked for, and handed over.
    if (player === null) return;
    // What its client sends from now on is not acknowledged: it sends that again, to another node.
    session.isMoving = true;
    await this.#untilAnswered(session, player.playerId);
    if (session.ended || session.owner === null) return letGo(session);
    // Its client may come back over another connection meanwhile, and waits until it is known where it goes on.
    await this.#parts.resumes.oneByOne(session.owner.playerId, () => this.#handOverOne(session, targets));
  }

  async #handOverOne(session: Session, targets: readonly NodeEntry[]): Promise<void> {
    const { link, owner, presence } = session, { config, drain, log, saver, sessions } = this.#context;
    if (session.ended || presence === null || owner === null) return letGo(session);
    const { playerId } = owner, { characterId } = presence, { previousResumeToken, resumeToken } = session;
    this.#parts.world.part(session);
    // Where the game has failed there is none: what was saved before stays, and the session goes on all the same.
    const character = saver.withdraw(characterId);
    const { adoptsSequence, clientVersion, receivedSequence } = session, outbox = session.outbox!.image();
    sessions.end(session);
    try {
      // What the game made of the end is read by the next node.
      await this.#until(() => !this.#parts.game.hasUnsaved(playerId));
      const mark = { characterId, resumeToken, previousResumeToken }, { carried } = session;
      const numbers = { adoptsSequence, carried, clientVersion, outbox, receivedSequence };
      const handOver = { ...owner, character, mark, session: encodeSession(numbers), graceMs: config.linkDeadMs };
      if (!await this.#parts.cluster!.handOver(handOver)) {
        return dismiss(link, { reason: DisconnectReason.LOGGED_IN_ELSEWHERE });
      }
    } catch (error) {
      if (character !== undefined) saver.save(character);
      log.warn("Cannot hand a session over", { error: String(error) });
      return dismiss(link, { reason: DisconnectReason.SHUTDOWN });
    } finally {
      this.#parts.world.onParted(playerId);
    }
    const target = drain.target = targets[this.#count++ % targets.length];
    dismiss(link, { reason: DisconnectReason.SHUTDOWN, target, retryAfterMs: this.#count * 7 % DRAIN_JITTER_MS });
  }

  /** Waits for the answers that a session is owed; who is not answered soon is refused, and may ask again elsewhere. */
  async #untilAnswered(session: Session, playerId: number): Promise<void> {
    const { dispatcher, game } = this.#parts;
    const owed = () => [...dispatcher.pending].filter((pending) => pending.session === session);
    await this.#until(() => session.ended || owed().length === 0 && !game.hasUnsaved(playerId));
    for (const pending of owed()) dispatcher.giveUp(pending);
  }

  /** Waits until something is so, for {@linkcode DRAIN_ANSWERS_MS} at most. */
  async #until(isSo: () => boolean): Promise<void> {
    const { clock } = this.#context, untilMs = clock.monotonicMs() + DRAIN_ANSWERS_MS;
    while (!isSo() && clock.monotonicMs() < untilMs) await this.#pause(LOOK_MS);
  }

  async #pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => this.#parts.timers.set(resolve, ms));
  }
}

function isInInstance({ presence }: Session): boolean {
  return presence !== null && presence.home !== null;
}

/** A session has left the world before it was its turn: what its client has sent since was not taken, nor will be here. */
function letGo(session: Session): void {
  session.isMoving = false;
  if (!session.ended) dismiss(session.link, { reason: DisconnectReason.SHUTDOWN });
}

/** Lets a client go; not all that go on at another node at once. */
function dismiss(
  link: Link | null,
  { reason, target, retryAfterMs = 0 }: {
    readonly reason: DisconnectReason;
    readonly target?: NodeEntry;
    readonly retryAfterMs?: number;
  },
): void {
  if (link === null || link.closed) return;
  if (target === undefined) return link.output.close(link, reason, MESSAGE, retryAfterMs);
  const notice = create(DisconnectNoticeSchema, {
    ...{ reason, message: MESSAGE, retryAfterMs, resumeAt: serverInfoOf(target) },
  });
  link.output.send(link, PacketType.DISCONNECT_NOTICE, toBinary(DisconnectNoticeSchema, notice));
  link.output.close(link, DisconnectReason.UNSPECIFIED, "", 0);
}
