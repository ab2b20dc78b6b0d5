/**
 * RESUME_REQUEST: a session in the world goes on over another connection.
 *
 * @see docs/protocol.md, "Resume"
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import {
  DisconnectReason,
  type ResumeRequest,
  ResumeRequestSchema,
  type ResumeResponse,
  ResumeResponseSchema,
} from "../../shared/gen/auth_pb.ts";
import { ErrorCode } from "../../shared/gen/enums.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { RESUME_REPEAT_MS } from "../../shared/limits.ts";
import { STATE_IN_WORLD } from "../../shared/packet_table.ts";
import type { HookLists } from "../game/hooks.ts";
import type { LogicContext } from "./context.ts";
import { type Dispatcher, RequestError } from "./dispatcher.ts";
import type { Link } from "./link.ts";
import type { Session } from "./session.ts";
import { checkVersion } from "./version.ts";

/** A resume that is answered later. */
interface WaitingResume {
  /** What its connection came with. */
  readonly fresh: Session;
  readonly request: ResumeRequest;
  readonly decide: () => void;
}

/** Which client resumes which session. */
export class ResumeService {
  readonly #context: LogicContext;
  readonly #hooks: Pick<HookLists, "resumed">;
  /** Second resumes with a token that was spent a moment ago; one a connection at most. */
  #waiting: WaitingResume[] = [];

  constructor(context: LogicContext, hooks: Pick<HookLists, "resumed">) {
    this.#context = context;
    this.#hooks = hooks;
  }

  /** Registers the handler of this module. */
  register(dispatcher: Dispatcher): void {
    dispatcher.on(ResumeRequestSchema, (session, request) => this.#resume(session, request));
  }

  /** Answers the resumes that need not wait any more. */
  tick(): void {
    if (this.#waiting.length > 0) this.#decide();
  }

  #resume(fresh: Session, request: ResumeRequest): void | Promise<void> {
    if (fresh.busy) throw new RequestError(ErrorCode.INVALID_STATE, "Wait for the answer to your last request");
    // Who does not tell its version was looked at when the session began.
    if (request.clientVersion !== "") {
      checkVersion(request.clientVersion, this.#context.config.clientVersionMin);
    }
    const session = this.#resumable(request);
    if (this.#isUndecided(session, request)) return this.#resumeLater(fresh, request);
    this.#takeUp(fresh, session, request);
  }

  /** The session that a resume is for. */
  #resumable({ resumeToken }: ResumeRequest): Session {
    const session = this.#context.sessions.findByResumeToken(resumeToken);
    if (session !== undefined && session.presence !== null) return session;
    throw new RequestError(ErrorCode.RESUME_EXPIRED, "The session is over, enter the world again");
  }

  /**
   * Whether a resume brings a token that was spent a moment ago, on a connection that may or may not have heard the
   * answer: it did when it says a word, it did not when it is gone.
   */
  #isUndecided({ previousResumeToken, link, resumedAtMs }: Session, { resumeToken }: ResumeRequest): boolean {
    if (resumeToken !== previousResumeToken || link === null || link.closed) return false;
    return this.#context.clock.monotonicMs() - resumedAtMs <= RESUME_REPEAT_MS;
  }

  /** Answers a resume once it is known whether the one before it was heard. */
  async #resumeLater(fresh: Session, request: ResumeRequest): Promise<void> {
    fresh.busy = true;
    await new Promise<void>((decide) => this.#waiting.push({ fresh, request, decide }));
    fresh.busy = false;
    if (fresh.ended || fresh.link === null || fresh.link.closed) return;
    this.#takeUp(fresh, this.#resumable(request), request);
  }

  /** Lets the resumes go on that need not wait any more. */
  #decide(): void {
    this.#waiting = this.#waiting.filter(({ fresh, request, decide }) => {
      const session = this.#context.sessions.findByResumeToken(request.resumeToken);
      if (!fresh.ended && session !== undefined && this.#isUndecided(session, request)) return true;
      decide();
      return false;
    });
  }

  #takeUp(fresh: Session, session: Session, request: ResumeRequest): void {
    const { clock, faults, randomToken, sessions, world } = this.#context;
    const link = fresh.link!;
    const isSpent = request.resumeToken === session.previousResumeToken;
    // Of two that use a token, the first wins, unless the second is the same client and the first a dead connection.
    if (isSpent && !request.isRepeat && session.link !== null && !session.link.closed) {
      throw new RequestError(ErrorCode.RESUME_EXPIRED, "The resume token is spent");
    }
    const outbox = session.outbox!;
    const { entityId } = session.presence!;
    const lastSequence = Number(request.lastSequence);
    if (lastSequence > outbox.lastSequence) {
      throw new RequestError(ErrorCode.INVALID_PACKET, "The client cannot have received that many packets");
    }
    // A client that repeats itself was told nothing there; if it was, it must come back with what it learned.
    this.#giveUpLink(session, isSpent ? DisconnectReason.UNSPECIFIED : DisconnectReason.LOGGED_IN_ELSEWHERE);
    sessions.adopt(session, link);
    session.linkDeadSinceMs = 0;
    session.resumedAtMs = clock.monotonicMs();
    outbox.acknowledge(lastSequence);
    const gap = outbox.hasGap || lastSequence + 1 < outbox.firstSequence;
    outbox.markSent(Math.max(lastSequence, outbox.firstSequence - 1));
    // A repeated request gets the same token again: whichever answer arrives, it is the one that counts.
    if (!isSpent) sessions.setResumeToken(session, randomToken());
    link.stateDue = STATE_IN_WORLD;
    this.#answerResume(link, {
      success: true,
      lastSequence: BigInt(session.receivedSequence),
      resumeToken: session.resumeToken,
      gap,
      entityId: BigInt(entityId),
    });
    sessions.flushOutbox(session);
    world.requestFullSnapshot(entityId);
    // What is told now comes behind all that was kept.
    faults.notify("resumed", this.#hooks.resumed, session.player!);
  }

  /** Closes the connection before, which may be dead without our knowing. */
  #giveUpLink({ link }: Session, reason: DisconnectReason): void {
    if (link === null) return;
    link.output.close(link, reason, "The session was resumed elsewhere", 0);
    this.#context.sessions.unregister(link);
  }

  /** RESUME_RESPONSE carries no sequence: what it announces comes after it under numbers given before. */
  #answerResume(link: Link, response: Partial<Omit<ResumeResponse, "$typeName" | "$unknown">>): void {
    const payload = toBinary(ResumeResponseSchema, create(ResumeResponseSchema, response));
    link.output.send(link, PacketType.RESUME_RESPONSE, payload);
  }
}
