/**
 * How sessions enter the world: ENTER_WORLD_REQUEST.
 *
 * @module
 */

import { create, toBinary } from "@bufbuild/protobuf";
import { DependencyError } from "../../shared/errors.ts";
import type { ResumeRequest } from "../../shared/gen/auth_pb.ts";
import { DisconnectReason, ErrorCode } from "../../shared/gen/enums.ts";
import {
  type EnterWorldRequest,
  EnterWorldRequestSchema,
  EnterWorldResponseSchema,
} from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../shared/gen/packet_types.ts";
import { CHARACTER_SAVE_INTERVAL_MS, REQUEST_ANSWER_MS } from "../../shared/limits.ts";
import { STATE_CONNECTED, STATE_IN_WORLD } from "../../shared/packet_table.ts";
import { isTokenOf, type TokenPlayer } from "../auth/token.ts";
import type { Ownership, TakenSession } from "../cluster/directory_store.ts";
import type { HookLists } from "../game/hooks.ts";
import type { Sanction } from "../moderation/sanction_store.ts";
import type { Sanctions } from "../moderation/sanctions.ts";
import type { Account, Character, Entry, PlayerName } from "../storage/storage.ts";
import type { Characters } from "./characters.ts";
import type { LogicContext } from "./context.ts";
import { type Dispatcher, RequestError } from "./dispatcher.ts";
import type { DuplicateLogins } from "./duplicate_logins.ts";
import { EntryQueue, type QueuePlace } from "./entry_queue.ts";
import { Loads } from "./loads.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Occupants, Stay } from "./occupants.ts";
import { ownedBy, Player } from "./player.ts";
import { Session } from "./session.ts";
import { decodeSession, numbersAfter, type SessionNumbers } from "./session_handover.ts";
import type { TokenEpochs } from "./token_epochs.ts";
import { checkVersion } from "./version.ts";

/** Somebody who may enter the world. */
interface Admission {
  readonly player: PlayerName;
  readonly tokenEpoch: number;
  readonly mute: Sanction | null;
  readonly character: Character;
  /** The player's other session, which makes way. */
  readonly replaced: Session | undefined;
}

/** A session of another node whose client is here. */
export interface BroughtSession {
  readonly playerId: number;
  /** 0: the account's first. */
  readonly characterId: number;
  readonly request: Pick<ResumeRequest, "clientVersion" | "lastSequence" | "resumeToken">;
}

/** What entries work with. */
export interface EntryParts {
  readonly characters: Characters;
  readonly occupants: Occupants;
  readonly hooks: Pick<HookLists, "load" | "appear" | "enter" | "spawn">;
  readonly epochs: TokenEpochs;
  readonly duplicates: Pick<DuplicateLogins, "keeps">;
  readonly maintenance: Pick<Maintenance, "check">;
  readonly sanctions: Pick<Sanctions, "newest">;
  /** Tells a session's client which map it is on, and where. */
  tellMap(session: Session): void;
  /** Ends a session because another takes its place, and tells its client why. */
  replace(session: Session, reason: DisconnectReason, message: string): void;
}

/** Lets sessions into the world, in their turn. */
export class Entries {
  readonly #context: LogicContext;
  readonly #parts: EntryParts;
  readonly #characters: Characters;
  readonly #occupants: Occupants;
  readonly #hooks: EntryParts["hooks"];
  readonly #loads: Loads;
  readonly #queue: EntryQueue;
  /** Requests that are under way, by player. */
  readonly #entering = new Map<number, number>();

  constructor(context: LogicContext, parts: EntryParts) {
    this.#context = context;
    this.#parts = parts;
    this.#characters = parts.characters;
    this.#occupants = parts.occupants;
    this.#hooks = parts.hooks;
    this.#loads = new Loads(context.clock, parts.hooks.load);
    this.#queue = new EntryQueue(context);
  }

  /** Registers the handler of ENTER_WORLD_REQUEST. */
  register(dispatcher: Dispatcher): void {
    dispatcher.on(EnterWorldRequestSchema, (session, request) => this.#enter(session, request));
  }

  /** Lets those in who wait, as far as there is room. */
  tick(): void {
    if (this.#context.drain.isOn) this.#queue.close();
    this.#queue.tick();
    this.#loads.tick();
  }

  /** Gives up the place in the line of a session that logs out; resolves when its request to enter is answered. */
  leaveQueue(session: Session): Promise<void> {
    return this.#queue.leave(session);
  }

  /** The session with which a player waits in the line: by its token alone, it has no player yet. */
  findWaiting(playerId: number): Session | undefined {
    return this.#queue.find(playerId);
  }

  /** Whether a player is about to enter. */
  isEntering(playerId: number): boolean {
    return this.#entering.has(playerId);
  }

  /** @throws {RequestError} SHUTTING_DOWN once the node stops. */
  checkOpen(): void {
    if (this.#context.drain.isOn) throw new RequestError(ErrorCode.SHUTTING_DOWN, "The server is stopping");
  }

  async #enter(session: Session, request: EnterWorldRequest): Promise<void> {
    const { clock, ownerships, randomToken, storage } = this.#context;
    if (session.busy) throw new RequestError(ErrorCode.INVALID_STATE, "Wait for the answer to your last request");
    if (session.presence !== null) throw new RequestError(ErrorCode.INVALID_STATE, "You are in the world already");
    this.checkOpen();
    session.busy = true;
    let loadUntilMs = clock.monotonicMs() + REQUEST_ANSWER_MS;
    let place: QueuePlace | undefined, isAdmitted = false, enteringId = 0;
    try {
      const { accountId, token } = await this.#whoEnters(session, request);
      this.#beginEntering(accountId);
      enteringId = accountId;
      const characterId = Number(request.characterId);
      // What no number can hold names no character.
      if (!Number.isSafeInteger(characterId)) throw new RequestError(ErrorCode.NOT_FOUND, "No such character");
      const mark = { characterId, resumeToken: randomToken(), previousResumeToken: "" };
      let marked: Ownership | null = null;
      while (true) {
        // Nobody is taken from another node for an entry that is refused, or has to wait.
        let admission = ownerships.find(accountId) === undefined
          ? this.#judge(session, token, place, await this.#read(session, accountId, characterId))
          : undefined;
        if (admission === undefined || (admission !== null && this.#hasRoomFor(admission, place, session))) {
          // Owned before it is read: nobody changes it from then on.
          const acquired = await ownerships.acquire(accountId, session.entrant, mark, this.#parts.duplicates.keeps);
          if (acquired === undefined) throw playsElsewhere();
          const { owner, isMarked } = acquired;
          if (isMarked) marked = owner;
          // What a hook is late with is not written once the player is another node's.
          await this.#loads.run(accountId, storage.for(ownedBy(session.entrant, owner)), loadUntilMs);
          // The last thing waited for: a save that is answered after it would be found neither here nor in the saver.
          const entry = await this.#read(session, accountId, characterId);
          admission = this.#judge(session, token, place, entry);
          this.checkOpen();
          if (admission !== null && this.#hasRoomFor(admission, place, session)) {
            if (owner === null || owner === marked) {
              this.#admit(session, admission, { owner, resumeToken: mark.resumeToken });
              return void (isAdmitted = true);
            }
            // Of who is refused the session before is resumed as it was. Nothing but that can refuse: it is read anew.
            if (!await ownerships.mark(owner, mark, { tokenEpoch: admission.tokenEpoch, asker: session.entrant })) {
              throw voidToken();
            }
            marked = owner;
            continue;
          }
        }
        if (admission === null) {
          if (place !== undefined) this.#queue.putBack(place, null);
          return;
        }
        if (place === undefined) place = this.#queue.join(accountId, session);
        else this.#queue.putBack(place, session);
        // Who waits may be wanted on another node meanwhile.
        this.#endEntering(accountId);
        const turn = await this.#queue.turnOf(place);
        loadUntilMs = clock.monotonicMs() + REQUEST_ANSWER_MS;
        this.#beginEntering(accountId);
        if (turn === "gone") return;
        if (turn === "replaced") throw waitsElsewhere();
        if (turn === "left") throw new RequestError(ErrorCode.INVALID_STATE, "You have left the queue");
        this.checkOpen();
        if (turn === "ousted") throw new RequestError(ErrorCode.SERVER_FULL, "The world is full");
      }
    } catch (error) {
      if (error instanceof DependencyError && this.#queue.isGranted(place, session)) this.#queue.putBack(place!, null);
      // A player who waited counted as logged in.
      if (place !== undefined && session.player === null && session.link !== null) {
        session.link.stateDue = STATE_CONNECTED;
      }
      throw error;
    } finally {
      session.busy = false;
      this.#endEntering(enteringId);
      if (place !== undefined) this.#queue.settle(place, session, isAdmitted);
    }
  }

  /** No async function: a save may be answered in the step that one takes more. */
  #read({ entrant }: Session, accountId: number, characterId: number): Promise<Entry | undefined> {
    const { clock, storage } = this.#context;
    return storage.for(entrant).accounts.findEntry({ accountId, characterId, nowMs: clock.unixMs() });
  }

  /** Whether somebody may enter who was read just now, and as what; null: its connection is gone. */
  #judge(
    session: Session,
    token: TokenPlayer | null,
    place: QueuePlace | undefined,
    entry: Entry | undefined,
  ): Admission | null {
    if (place !== undefined && place.session !== session) throw waitsElsewhere();
    const { link } = session;
    if (session.ended || link === null || link.closed) return null;
    // What was read may be long ago for everybody else: this process may have been stopped since.
    this.#context.ownerships.checkLease();
    // All that can refuse comes before all that changes: who is refused is what it was, and so is everybody else.
    const isGood = token === null
      ? ({ tokenEpoch }: Account) => tokenEpoch === session.tokenEpoch
      : (account: Account) => isTokenOf(token, account);
    return this.#check(session, isGood, entry);
  }

  #beginEntering(playerId: number): void {
    this.#entering.set(playerId, (this.#entering.get(playerId) ?? 0) + 1);
  }

  #endEntering(playerId: number): void {
    const count = (this.#entering.get(playerId) ?? 0) - 1;
    if (count > 0) this.#entering.set(playerId, count);
    else this.#entering.delete(playerId);
  }

  /** The account that a request is for, and the token that names it; null if the player has logged in on this connection. */
  async #whoEnters(
    session: Session,
    request: EnterWorldRequest,
  ): Promise<{ readonly accountId: number; readonly token: TokenPlayer | null }> {
    const { clock, config, tokens } = this.#context;
    const { player } = session;
    const { sessionToken, clientVersion } = request;
    if (sessionToken === "") {
      if (player === null) throw new RequestError(ErrorCode.NOT_AUTHENTICATED, "A session token is needed");
      return { accountId: player.playerId, token: null };
    }
    const verdict = await tokens.verify(sessionToken, clock.unixMs());
    if (player !== null) {
      // Not needed here; but nobody enters as somebody else than it asks for.
      if (!verdict.ok || verdict.playerId === player.playerId) return { accountId: player.playerId, token: null };
      throw new RequestError(ErrorCode.INVALID_STATE, "Another player has logged in on this connection");
    }
    if (!verdict.ok) {
      const code = verdict.error === "token_expired" ? ErrorCode.TOKEN_EXPIRED : ErrorCode.INVALID_TOKEN;
      throw new RequestError(code, "The session token is not valid");
    }
    const version = clientVersion === "" ? verdict.clientVersion : clientVersion;
    if (version !== null) checkVersion(version, config.clientVersionMin);
    session.clientVersion = version;
    return { accountId: verdict.playerId, token: verdict };
  }

  /**
   * Whether somebody may enter, and as what; changes nothing.
   *
   * @param isGood Whether what was shown is good for the account as it is now: any server may have made it void.
   */
  #check(session: Session, isGood: (account: Account) => boolean, entry: Entry | undefined): Admission {
    const { config, sessions } = this.#context;
    // What was read may be older than what has become of the account since.
    if (entry === undefined || !this.#parts.epochs.isCurrent(entry.account) || !isGood(entry.account)) {
      throw voidToken();
    }
    const { account: { accountId: playerId, name, tokenEpoch }, character } = entry;
    this.#parts.maintenance.check(name);
    const { mute } = this.#parts.sanctions.newest(playerId, entry.standing);
    if (character === undefined) throw new RequestError(ErrorCode.NOT_FOUND, "No such character");
    const other = sessions.findPlayer(playerId);
    const replaced = other === session ? undefined : other;
    if (replaced !== undefined && replaced.link !== null && config.duplicateLogin === "reject") {
      throw playsElsewhere();
    }
    return { player: { playerId, name }, tokenEpoch, mute, character, replaced };
  }

  /** Whether there is a place in the world, where whoever is replaced leaves its own, and others wait for none. */
  #hasRoomFor({ player, character, replaced }: Admission, place: QueuePlace | undefined, session: Session): boolean {
    const { saver, world } = this.#context;
    const { characterId } = character;
    // It takes the place that its character has.
    if (replaced?.presence?.characterId === characterId || this.#occupants.stayOf(characterId) !== undefined) {
      return true;
    }
    if (!this.#queue.isOpen && !this.#queue.isGranted(place, session)) return false;
    const saved = saver.find(character.characterId) ?? character.state;
    return !world.isFull && !this.#characters.placeOf(player, saved).map.isFull;
  }

  #admit(
    session: Session,
    admission: Admission,
    { owner, resumeToken }: { readonly owner: Ownership | null; readonly resumeToken: string },
  ): void {
    const { config, faults, sessions, world } = this.#context;
    const link = session.link!;
    const entityId = this.#begin(session, admission, { owner });
    const map = world.mapOf(entityId);
    sessions.setResumeToken(session, resumeToken);
    link.stateDue = STATE_IN_WORLD;
    const response = create(EnterWorldResponseSchema, {
      success: true,
      spawnPosition: { x: world.xOf(entityId), y: world.yOf(entityId), z: world.zOf(entityId) },
      mapId: map.mapId,
      entityId: BigInt(entityId),
      resumeToken: session.resumeToken,
      tickIntervalMs: config.tickMs,
      interestRadius: map.interestRadius,
      maxSpeed: world.speedOf(entityId),
      mapWidth: map.width,
      mapHeight: map.height,
    });
    sessions.send(session, PacketType.ENTER_WORLD_RESPONSE, toBinary(EnterWorldResponseSchema, response));
    faults.notify("enter", this.#hooks.enter, session.player!, false);
  }

  /**
   * A session is in the world from now on; gives its entity's id.
   *
   * @param parts What its player's writes are done by. `numbers`: those it had on another node. They hold before the game
   * is told of anything: what it answers comes behind what was said there.
   */
  #begin(
    session: Session,
    { player, tokenEpoch, mute, character, replaced }: Admission,
    { owner, numbers }: { readonly owner: Ownership | null; readonly numbers?: SessionNumbers },
  ): number {
    const { clock, faults, log, sessions, world } = this.#context;
    if (replaced !== undefined) {
      this.#parts.replace(replaced, DisconnectReason.LOGGED_IN_ELSEWHERE, "The player entered elsewhere");
    }
    const { characterId } = character;
    const nowMs = clock.monotonicMs();
    const stay = this.#occupants.stayOf(characterId);
    const entityId = stay?.presence.entityId ?? this.#characters.appear(player, character);
    // Looked at before; still nobody is bound to a session that could not join.
    if (entityId === 0) throw new RequestError(ErrorCode.SERVER_FULL, "The world is full");
    if (numbers !== undefined) session.goOnWith(numbers);
    if (session.player === null) {
      session.mute = mute;
      sessions.bindPlayer(session, player, owner);
    } else Player.setOwner(session.player, owner);
    session.tokenEpoch = tokenEpoch;
    if (numbers === undefined) session.begin();
    session.presence = {
      characterId,
      entityId,
      saveAtMs: nowMs + CHARACTER_SAVE_INTERVAL_MS,
      home: stay?.presence.home ?? null,
    };
    this.#occupants.play(session);
    if (stay !== undefined) this.#returnTo(stay);
    faults.notify("spawn", this.#hooks.spawn, entityId, characterId, stay !== undefined);
    sessions.enterWorld(session);
    log.debug("Player entered", { ...player, mapId: world.mapOf(entityId).mapId });
    return entityId;
  }

  /**
   * Brings a session into the world that was on another node, as one whose connection is lost: its client is about to
   * resume it, by the token that it has brought.
   *
   * @param fresh What the client's connection came with.
   * @param take Claims the player for this node; undefined: somebody else was faster, or this node holds no lease.
   * @returns Whether it was claimed.
   */
  async bring(
    fresh: Session,
    { playerId: accountId, characterId, request }: BroughtSession,
    take: () => Promise<TakenSession | undefined>,
  ): Promise<boolean> {
    const { clock, finder, ownerships, sessions, storage } = this.#context;
    this.#beginEntering(accountId);
    const loadUntilMs = clock.monotonicMs() + REQUEST_ANSWER_MS;
    let isBrought = false;
    try {
      // Who would be refused leaves the session where it is. Its token is good at the moment in which it is taken.
      const before = this.#check(fresh, () => true, await this.#read(fresh, accountId, characterId));
      this.#checkRoom(before);
      const taken = await take();
      if (taken === undefined) return false;
      try {
        const owner = { playerId: accountId, epoch: taken.epoch };
        // Nobody but this node changes it any more.
        await this.#loads.run(accountId, storage.for(ownedBy(fresh.entrant, owner)), loadUntilMs);
        const isGood = ({ tokenEpoch }: Account) => tokenEpoch === before.tokenEpoch;
        const admission = this.#check(fresh, isGood, await this.#read(fresh, accountId, characterId));
        ownerships.checkLease();
        this.#checkRoom(admission);
        const lastSequence = Number(request.lastSequence);
        const numbers = taken.session === null ? numbersAfter(lastSequence) : decodeSession(taken.session);
        const session = new Session();
        session.source = fresh.source;
        session.clientVersion = request.clientVersion === "" ? numbers.clientVersion : request.clientVersion;
        session.linkDeadSinceMs = clock.monotonicMs();
        sessions.add(session);
        try {
          this.#begin(session, admission, { owner, numbers });
          isBrought = true;
        } finally {
          if (!isBrought) sessions.end(session);
        }
        sessions.setResumeToken(session, request.resumeToken);
        this.#parts.tellMap(session);
        if (session.player !== null) this.#context.faults.notify("enter", this.#hooks.enter, session.player, false);
      } finally {
        if (!isBrought) finder!.forget(accountId);
      }
      return true;
    } finally {
      this.#endEntering(accountId);
    }
  }

  /** Whether a session of another node has a place here: nobody waits for one that it had. */
  #checkRoom({ player, character }: Admission): void {
    const { world } = this.#context;
    if (this.#occupants.stayOf(character.characterId) !== undefined) return;
    if (!world.isFull && !this.#characters.placeOf(player, character.state).map.isFull) return;
    throw new RequestError(ErrorCode.SERVER_FULL, "The world is full");
  }

  /** Gives a player the entity back that it has left: where it is, as it is. */
  #returnTo({ player, presence: { entityId } }: Stay): void {
    const { world } = this.#context;
    this.#context.faults.notify("enter", this.#hooks.appear, entityId, player, "stayed");
    world.requestFullSnapshot(entityId);
  }
}

function playsElsewhere(): RequestError {
  return new RequestError(ErrorCode.ALREADY_LOGGED_IN, "The player is in the world already");
}

function voidToken(): RequestError {
  return new RequestError(ErrorCode.INVALID_TOKEN, "The session token is no longer valid, log in again");
}

function waitsElsewhere(): RequestError {
  return new RequestError(ErrorCode.ALREADY_LOGGED_IN, "You wait on another connection");
}
