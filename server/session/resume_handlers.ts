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
import { Cause, ErrorCode } from "../../shared/gen/enums.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { RESUME_AGAIN_MS, RESUME_MARK_MS, RESUME_REPEAT_MS, RESUME_SEQUENCE_MAX } from "../../shared/limits.ts";
import { STATE_IN_WORLD } from "../../shared/packet_table.ts";
import { DependencyError } from "../../shared/errors.ts";
import type { Ownership } from "../cluster/directory_store.ts";
import type { FoundSession } from "../cluster/session_finder.ts";
import type { HookLists } from "../game/hooks.ts";
import type { Entries } from "./entries.ts";
import { serverInfoOf } from "./server_list.ts";
import type { LogicContext } from "./context.ts";
import { type Dispatcher, RequestError } from "./dispatcher.ts";
import type { Link } from "./link.ts";
import type { Session } from "./session.ts";
import { explain } from "./told.ts";
import { checkVersion } from "./version.ts";
import type { WorldService } from "./world_service.ts";

/** A resume that is answered later. */
interface WaitingResume {
  /** What its connection came with. */
  readonly fresh: Session;
  readonly request: ResumeRequest;
  readonly decide: () => void;
}

/** What resumes work with. */
export interface ResumeParts {
  readonly hooks: Pick<HookLists, "resumed">;
  readonly world: Pick<WorldService, "replace"> & { readonly entries: Pick<Entries, "bring" | "checkOpen"> };
}

const OVER = "The session is over, enter the world again";
/** What becomes of a session is known in a moment. Without a time clients would wait as after any failure, ever longer. */
const ON_ITS_WAY = { kind: "later", retryAfterMs: RESUME_AGAIN_MS } as const;

/** Which client resumes which session. */
export class ResumeService {
  readonly #context: LogicContext;
  readonly #hooks: Pick<HookLists, "resumed">;
  /** Second resumes with a token that was spent a moment ago; one a connection at most. */
  #waiting: WaitingResume[] = [];
  /** What is under way with sessions that the database has to know of, by player: resumes, and moves to and from here. */
  readonly #underWay = new Map<number, Promise<void>>();
  /** What the database knows already that sessions are resumed by the next time, and their clients were not told. */
  readonly #marks = new WeakMap<
    Session,
    { readonly token: string; readonly nextToken: string; readonly atMs: number }
  >();
  readonly #entries: Pick<Entries, "bring" | "checkOpen">;
  readonly #world: Pick<WorldService, "replace">;
  /** Sessions on their way here. */
  #bringCount = 0;

  constructor(context: LogicContext, parts: ResumeParts) {
    this.#context = context;
    this.#hooks = parts.hooks;
    this.#entries = parts.world.entries;
    this.#world = parts.world;
  }

  /** Registers the handler of this module. */
  register(dispatcher: Dispatcher): void {
    dispatcher.on(ResumeRequestSchema, (session, request) => this.#resume(session, request));
  }

  /** Whether sessions are on their way here. Once the node stops no more are. */
  get isBringing(): boolean {
    return this.#bringCount > 0;
  }

  /** Answers the resumes that need not wait any more. */
  tick(): void {
    if (this.#waiting.length > 0) this.#decide();
  }

  #resume(fresh: Session, request: ResumeRequest): void | Promise<void> {
    if (fresh.busy) throw new RequestError(ErrorCode.INVALID_STATE, "Wait for the answer to your last request");
    // What its connection came with is given up: nobody may be behind it.
    if (fresh.player !== null) throw new RequestError(ErrorCode.INVALID_STATE, "You are logged in already");
    // Who does not tell its version was looked at when the session began.
    if (request.clientVersion !== "") {
      checkVersion(request.clientVersion, this.#context.config.clientVersionMin);
    }
    // Elsewhere the database has to be asked, which others may do meanwhile.
    if (this.#context.finder !== undefined) return this.#exclusively(fresh, () => this.#resumeShared(fresh, request));
    const session = this.#resumable(request);
    if (this.#isUndecided(session, request)) return this.#exclusively(fresh, () => this.#resumeLater(fresh, request));
    this.#takeUp(fresh, session, request, this.#context.randomToken());
  }

  async #exclusively(fresh: Session, work: () => Promise<void>): Promise<void> {
    fresh.busy = true;
    try {
      await work();
    } finally {
      fresh.busy = false;
    }
  }

  /** The session that a resume is for. */
  #resumable({ resumeToken }: ResumeRequest): Session {
    const session = this.#context.sessions.findByResumeToken(resumeToken);
    if (session !== undefined && session.presence !== null) return session;
    throw new RequestError(ErrorCode.RESUME_EXPIRED, OVER);
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
    await this.#untilDecided(fresh, request);
    if (isGone(fresh)) return;
    this.#takeUp(fresh, this.#resumable(request), request, this.#context.randomToken());
  }

  #untilDecided(fresh: Session, request: ResumeRequest): Promise<void> {
    return new Promise((decide) => this.#waiting.push({ fresh, request, decide }));
  }

  /** Resumes a session where there are other nodes: what is done here must be known to them before it is answered. */
  async #resumeShared(fresh: Session, request: ResumeRequest): Promise<void> {
    const { drain, finder, ownerships, randomToken, sessions } = this.#context, { resumeToken } = request;
    while (!isGone(fresh)) {
      const session = sessions.findByResumeToken(resumeToken);
      if (session === undefined || session.presence === null) {
        const found = await finder!.find(resumeToken, fresh.entrant);
        // It may have come meanwhile.
        if (sessions.findByResumeToken(resumeToken) !== undefined) continue;
        const underWay = found.kind === "here" ? this.#underWay.get(found.playerId) : undefined;
        // It is brought here for another connection, or handed over: where it is then is asked again.
        if (underWay !== undefined) {
          await underWay;
          continue;
        }
        if (found.kind === "over" || found.kind === "here") throw new RequestError(ErrorCode.RESUME_EXPIRED, OVER);
        if (found.kind !== "free") return this.#sendAway(fresh, found);
        // Who stops takes nobody in, and knows who does.
        if (drain.target !== undefined) return this.#sendAway(fresh, { kind: "elsewhere", owner: drain.target });
        const { playerId } = found;
        this.#entries.checkOpen();
        if (await this.oneByOne(playerId, () => this.#bring(fresh, found, request))) continue;
        return this.#sendAway(fresh, ON_ITS_WAY);
      }
      if (this.#isUndecided(session, request)) {
        await this.#untilDecided(fresh, request);
        continue;
      }
      const { owner, presence: { characterId } } = session;
      const marked = this.#markOf(session);
      if (marked !== undefined || owner === null || resumeToken === session.previousResumeToken) {
        return this.#takeUp(fresh, session, request, marked ?? randomToken());
      }
      const { playerId } = owner;
      if (this.#underWay.has(playerId)) {
        await this.#underWay.get(playerId);
        continue;
      }
      this.#check(session, request);
      const outcome = await this.oneByOne(playerId, () => this.#mark(session, { owner, characterId, fresh }));
      if (outcome === "lost") return this.#sendAway(fresh, ON_ITS_WAY);
      if (outcome === "marked") {
        // It may be long ago for everybody else: this process may have been stopped since.
        ownerships.checkLease();
        continue;
      }
      if (isGone(fresh) || session.ended || session.resumeToken !== resumeToken) continue;
      // Who plays here plays on without the database; with another token nobody else would know the session.
      return this.#takeUp(fresh, session, request, resumeToken);
    }
  }

  /**
   * Tells the database what a session is resumed by the next time. A connection that breaks before it is answered leaves
   * that to the one after it.
   *
   * @returns `unreachable`: it may not know; `lost`: the player is another node's.
   */
  async #mark(
    session: Session,
    { owner, characterId, fresh: { entrant } }: {
      readonly owner: Ownership;
      readonly characterId: number;
      readonly fresh: Session;
    },
  ): Promise<"marked" | "unreachable" | "lost"> {
    const { ownerships, randomToken } = this.#context, { resumeToken, tokenEpoch } = session;
    const nextToken = randomToken();
    const mark = { characterId, resumeToken: nextToken, previousResumeToken: resumeToken };
    try {
      if (!await ownerships.mark(owner, mark, { tokenEpoch, asker: entrant })) {
        // It may have left the world meanwhile, and be there anew by another token.
        if (session.resumeToken === resumeToken) this.#void(session);
        throw new RequestError(ErrorCode.RESUME_EXPIRED, OVER);
      }
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      if (error.code !== "fenced") return "unreachable";
      ownerships.onFenced(owner.playerId);
      return "lost";
    }
    this.#keepMark(session, resumeToken, nextToken);
    return "marked";
  }

  /** @param token By which the session was resumed before: with another one it is known by another one. */
  #keepMark(session: Session, token: string, nextToken: string): void {
    this.#marks.set(session, { token, nextToken, atMs: this.#context.clock.monotonicMs() });
  }

  /** What a session is resumed by the next time, unless others may have seen to that since. */
  #markOf(session: Session): string | undefined {
    const { clock, ownerships } = this.#context, mark = this.#marks.get(session);
    if (mark === undefined || mark.token !== session.resumeToken || !ownerships.isCurrent) return undefined;
    return clock.monotonicMs() - mark.atMs <= RESUME_MARK_MS ? mark.nextToken : undefined;
  }

  /** Nothing else is done with the session of a player until this is: resumes of it wait. */
  async oneByOne<Result>(playerId: number, work: () => Promise<Result>): Promise<Result> {
    while (this.#underWay.has(playerId)) await this.#underWay.get(playerId);
    const done = Promise.withResolvers<void>();
    this.#underWay.set(playerId, done.promise);
    try {
      return await work();
    } finally {
      this.#underWay.delete(playerId);
      done.resolve();
    }
  }

  /**
   * Brings a session here that is on no node, unless somebody else has while this one waited.
   *
   * @returns Whether it is here; else another node was faster, or this one holds no lease.
   */
  async #bring(
    fresh: Session,
    found: Extract<FoundSession, { kind: "free" }>,
    request: ResumeRequest,
  ): Promise<boolean> {
    const { finder, randomToken, sessions } = this.#context, { resumeToken } = request;
    if (sessions.findByResumeToken(resumeToken) !== undefined) return true;
    if (request.lastSequence > BigInt(RESUME_SEQUENCE_MAX)) {
      throw new RequestError(ErrorCode.INVALID_PACKET, "The client cannot have received that many packets");
    }
    const nextToken = randomToken();
    this.#bringCount++;
    try {
      const isTaken = await this.#entries.bring(fresh, { ...found, request }, () => {
        // It may have begun to stop meanwhile; who is left where it is goes on at another node.
        this.#entries.checkOpen();
        return finder!.take(found.playerId, fresh.entrant, { token: resumeToken, nextToken });
      });
      const session = sessions.findByResumeToken(resumeToken);
      if (session !== undefined) this.#keepMark(session, resumeToken, nextToken);
      return isTaken;
    } finally {
      this.#bringCount--;
    }
  }

  /** The tokens of a session's account were made void, and nobody could tell this server. */
  #void(session: Session): void {
    // Its player may have done it: that is no way out of a fight.
    this.#world.replace(session, DisconnectReason.KICKED, explain(Cause.TOKENS_REVOKED));
  }

  /** Tells a client where to go with its token, or when to come again. */
  #sendAway(fresh: Session, found: Extract<FoundSession, { kind: "elsewhere" | "later" }>): void {
    if (isGone(fresh)) return;
    this.#answerResume(fresh.link!, {
      errorCode: ErrorCode.UNAVAILABLE,
      ...found.kind === "later" ? { retryAfterMs: found.retryAfterMs } : { resumeAt: serverInfoOf(found.owner) },
    });
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

  /**
   * Whether a session may be resumed so.
   *
   * @throws {RequestError} RESUME_EXPIRED, INVALID_PACKET
   */
  #check(session: Session, request: ResumeRequest): void {
    const isSpent = request.resumeToken === session.previousResumeToken;
    // Of two that use a token, the first wins, unless the second is the same client and the first a dead connection.
    if (isSpent && !request.isRepeat && session.link !== null && !session.link.closed) {
      throw new RequestError(ErrorCode.RESUME_EXPIRED, "The resume token is spent");
    }
    if (Number(request.lastSequence) > session.outbox!.lastSequence) {
      throw new RequestError(ErrorCode.INVALID_PACKET, "The client cannot have received that many packets");
    }
  }

  /** @param nextToken What the session is resumed by the next time; the same as now: it stays. */
  #takeUp(fresh: Session, session: Session, request: ResumeRequest, nextToken: string): void {
    const { clock, faults, sessions, world } = this.#context;
    const link = fresh.link!;
    const isSpent = request.resumeToken === session.previousResumeToken;
    this.#check(session, request);
    const outbox = session.outbox!;
    const { entityId } = session.presence!;
    const lastSequence = Number(request.lastSequence);
    // A client that repeats itself was told nothing there; if it was, it must come back with what it learned.
    this.#giveUpLink(session, isSpent ? DisconnectReason.UNSPECIFIED : DisconnectReason.LOGGED_IN_ELSEWHERE);
    sessions.adopt(session, link);
    session.linkDeadSinceMs = 0;
    session.resumedAtMs = clock.monotonicMs();
    outbox.acknowledge(lastSequence);
    // Who does not know what the client has sent says so until it does: "0" alone would deny what is acknowledged.
    const gap = outbox.hasGap || session.adoptsSequence || lastSequence + 1 < outbox.firstSequence;
    outbox.markSent(Math.max(lastSequence, outbox.firstSequence - 1));
    // A repeated request gets the same token again: whichever answer arrives, it is the one that counts.
    if (!isSpent) {
      this.#marks.delete(session);
      if (nextToken === session.resumeToken) sessions.confirmResumeToken(session);
      else sessions.setResumeToken(session, nextToken);
    }
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

function isGone({ ended, link }: Session): boolean {
  return ended || link === null || link.closed;
}
