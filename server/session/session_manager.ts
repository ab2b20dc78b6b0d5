/**
 * All sessions of a node: by connection, by player, by resume token.
 *
 * @module
 */

import type { DescMessage } from "@bufbuild/protobuf";
import { DeliveryClass, DisconnectReason } from "../../shared/gen/enums.ts";
import type { Contract } from "../../shared/contract.ts";
import type { PacketTable } from "../../shared/packet_table.ts";
import type { Ownership } from "../cluster/directory_store.ts";
import { nameKey } from "../auth/names.ts";
import type { Faults } from "../ops/faults.ts";
import type { PlayerName } from "../storage/storage.ts";
import type { OpenInfo } from "../ring/records.ts";
import { compressPayload } from "./compress.ts";
import { type IoOutput, Link } from "./link.ts";
import type { Receipt } from "./outbox.ts";
import type { Packed } from "./packed.ts";
import { Player } from "./player.ts";
import { Session, type SessionImage } from "./session.ts";
import type { Told } from "./told.ts";

/**
 * Told that a player has a session that can play from now on, or that it has none any more; link-death is neither. What
 * was kept for its client is still there.
 */
export type PresenceListener = (player: Player, isOnline: boolean) => void;

/** The session manager. */
export class SessionManager {
  /** Links by io worker and slot. */
  readonly #links: (Link | undefined)[][] = [];
  /** The outputs of the io workers, by worker. */
  readonly #outputs: (IoOutput | undefined)[] = [];
  /** Sessions that have a player, by player; the login port's are not among them: they never play. */
  readonly #byPlayer = new Map<number, Session>();
  /** Sessions on the login port, by player. */
  readonly #loginByPlayer = new Map<number, Session>();
  /** Players of `#byPlayer` by what their name is unique by. */
  readonly #byName = new Map<string, Session>();
  readonly #byResumeToken = new Map<string, Session>();
  readonly #sessions = new Set<Session>();
  /** Sessions whose kept packets could not be sent for want of room in a ring. */
  readonly #behind = new Set<Session>();
  /** Sessions in the world. */
  readonly #inWorld = new Set<Session>();
  readonly #presenceListeners: PresenceListener[] = [];
  readonly #contract: Pick<Contract, "rowOf">;
  readonly #packets: PacketTable;
  readonly #faults: Faults;

  /** @param contract Says how packets are delivered. */
  constructor(contract: Pick<Contract, "packets" | "rowOf">, faults: Faults) {
    this.#contract = contract;
    this.#packets = contract.packets;
    this.#faults = faults;
  }

  /** Every session, in an order that {@linkcode SessionManager.restore} keeps. */
  image(): SessionImage[] {
    return Array.from(this.#sessions, (session) => session.image());
  }

  /**
   * Goes on with the sessions of another manager. The io workers that hold their connections are known already; nobody
   * is told that players are online.
   *
   * @returns The sessions, in the order of their images.
   */
  restore(images: readonly SessionImage[]): Session[] {
    return images.map((image) => {
      const session = Session.of(image), { link } = image;
      this.#sessions.add(session);
      if (link !== null) {
        session.link = this.#links[link.worker][link.slot] = Link.of(link, this.#outputs[link.worker]!, session);
      }
      if (image.player !== null) this.bindPlayer(session, image.player);
      if (session.presence !== null) this.enterWorld(session);
      for (const token of [session.resumeToken, session.previousResumeToken]) {
        if (token !== "") this.#byResumeToken.set(token, session);
      }
      if (session.link !== null && session.isBehind) this.#behind.add(session);
      return session;
    });
  }

  /** How many sessions there are, those without a player among them. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Every session, those without a player among them. */
  get all(): ReadonlySet<Session> {
    return this.#sessions;
  }

  /** Sessions in the world, link-dead ones among them. */
  get inWorld(): ReadonlySet<Session> {
    return this.#inWorld;
  }

  /** Takes an io worker, or its successor after a crash; gives the connections that the one before held. */
  setOutput(worker: number, output: IoOutput): Link[] {
    const lost = (this.#links[worker] ?? []).filter((link) => link !== undefined);
    for (const link of lost) link.closed = true;
    this.#links[worker] = [];
    this.#outputs[worker] = output;
    return lost;
  }

  /** Publishes what was sent since the last call, to all io workers. */
  publish(): void {
    for (const output of this.#outputs) output?.publish();
  }

  /** Asks for every connection that has not sent anything to logic to be announced; returns whether all io workers were told. */
  tryCallRoll(): boolean {
    return this.#outputs.every((output) => output === undefined || output.tryCallRoll());
  }

  /** Registers a connection, with a session of its own. */
  register(worker: number, slot: number, generation: number, info: OpenInfo): Link {
    const session = new Session();
    const link = new Link(this.#outputs[worker]!, worker, slot, generation, info, session);
    session.link = link;
    this.#links[worker][slot] = link;
    this.#sessions.add(session);
    return link;
  }

  /** Registers a session that has no connection yet. */
  add(session: Session): void {
    this.#sessions.add(session);
  }

  /** The connection of an io worker's record, or `undefined` when it is gone. */
  find(worker: number, slot: number, generation: number): Link | undefined {
    const link = this.#links[worker]?.[slot];
    return link !== undefined && link.generation === generation ? link : undefined;
  }

  /** The connection in a slot of an io worker, as far as logic knows. */
  at(worker: number, slot: number): Link | undefined {
    return this.#links[worker]?.[slot];
  }

  /** Forgets a connection that is gone. */
  unregister(link: Link): void {
    link.closed = true;
    const links = this.#links[link.worker];
    if (links?.[link.slot] === link) links[link.slot] = undefined;
  }

  /** The sessions of all players on the game port and the gateway, link-dead ones among them. */
  get online(): Iterable<Session> {
    return this.#byPlayer.values();
  }

  /** How many those are. */
  get onlineCount(): number {
    return this.#byPlayer.size;
  }

  /** Adds a listener for every player that comes online or goes offline. */
  onPresence(listener: PresenceListener): void {
    this.#presenceListeners.push(listener);
  }

  /** Says who is behind a session. @param owner What its writes are done by, where it enters the world. */
  bindPlayer(session: Session, who: PlayerName, owner: Ownership | null = null): void {
    const player = new Player(who, session, this, owner);
    session.player = player;
    if (session.link?.info.port === "login") {
      this.#loginByPlayer.set(player.playerId, session);
    } else {
      this.#byPlayer.set(player.playerId, session);
      this.#byName.set(nameKey(player.name), session);
      this.#faults.notify("presence", this.#presenceListeners, player, true);
    }
  }

  /** Says that nobody is behind a session any more; its connection stays. */
  unbindPlayer(session: Session): void {
    const { player } = session;
    if (player === null) return;
    session.player = null;
    const wasOnline = this.#byPlayer.get(player.playerId) === session;
    for (const byPlayer of [this.#byPlayer, this.#loginByPlayer]) {
      if (byPlayer.get(player.playerId) === session) byPlayer.delete(player.playerId);
    }
    const key = nameKey(player.name);
    if (this.#byName.get(key) === session) this.#byName.delete(key);
    if (!wasOnline) return;
    this.#faults.notify("presence", this.#presenceListeners, player, false);
  }

  /** Says that a session is in the world. */
  enterWorld(session: Session): void {
    this.#inWorld.add(session);
  }

  /** Says that a session is out of the world. */
  leaveWorld(session: Session): void {
    this.#inWorld.delete(session);
    this.confirmResumeToken(session);
    this.#byResumeToken.delete(session.resumeToken);
    session.resumeToken = "";
  }

  /**
   * Gives a session a new resume token. The one before stays good until the client shows that it has learned the new
   * one: the connection may break before it does.
   */
  setResumeToken(session: Session, token: string): void {
    this.confirmResumeToken(session);
    session.previousResumeToken = session.resumeToken;
    session.resumeToken = token;
    this.#byResumeToken.set(token, session);
  }

  /** The client has the present resume token: the one before is spent. */
  confirmResumeToken(session: Session): void {
    if (session.previousResumeToken === "") return;
    this.#byResumeToken.delete(session.previousResumeToken);
    session.previousResumeToken = "";
  }

  /** The session that a resume token is for. */
  findByResumeToken(token: string): Session | undefined {
    return this.#byResumeToken.get(token);
  }

  /** Moves a connection from the session it came with to one that lost its own. */
  adopt(session: Session, link: Link): void {
    const fresh = link.session;
    this.#sessions.delete(fresh);
    fresh.ended = true;
    fresh.link = null;
    session.link = link;
    session.source = fresh.source;
    link.session = session;
  }

  /** Forgets a session. */
  end(session: Session): void {
    session.ended = true;
    this.leaveWorld(session);
    this.unbindPlayer(session);
    session.finish();
    this.#behind.delete(session);
    this.#sessions.delete(session);
  }

  /** The session of a player on the game port or the gateway. */
  findPlayer(playerId: number): Session | undefined {
    return this.#byPlayer.get(playerId);
  }

  /** The same by what {@linkcode nameKey} makes of a name. */
  findPlayerByName(key: string): Session | undefined {
    return this.#byName.get(key);
  }

  /** The session of a player on the login port. */
  findLoginSession(playerId: number): Session | undefined {
    return this.#loginByPlayer.get(playerId);
  }

  /** Whether a player has a session that can play, link-dead or not. */
  isPlayerOnline(playerId: number): boolean {
    return this.#byPlayer.has(playerId);
  }

  /** Sends a packet to a player; `false` where the player is offline. */
  sendToPlayer(playerId: number, type: number, payload: Uint8Array): boolean {
    const session = this.#byPlayer.get(playerId);
    if (session === undefined) return false;
    this.send(session, type, payload);
    return true;
  }

  /**
   * The packet type that carries a message.
   *
   * @throws {TypeError} when none does.
   */
  typeOf(schema: DescMessage): number {
    return this.#contract.rowOf(schema).type;
  }

  /** Sends one packet, compressed where that makes it smaller. */
  send(session: Session, type: number, payload: Uint8Array, receipt?: Receipt): void {
    if (session.outbox === null) {
      session.sendUnnumbered(type, payload);
    } else if (this.#isReliable(type)) {
      const { bytes, isCompressed } = compressPayload(payload);
      this.#sendReliable(session, type, bytes, isCompressed, receipt);
    } else {
      session.sendLatest(type, payload, 0, payload.length);
    }
  }

  /**
   * Sends the last packet of a session's numbering, which the caller ends then: what waits for room is not sent any more,
   * and a number behind it would not be either.
   */
  sendLast(session: Session, type: number, payload: Uint8Array): void {
    if (!session.isBehind) this.send(session, type, payload);
    if (session.isBehind) session.sendUnnumbered(type, payload);
  }

  /** Sends a payload that was packed before. */
  sendPacked(session: Session, type: number, { payload, bytes, isCompressed }: Packed): void {
    if (session.outbox === null) session.sendUnnumbered(type, payload);
    else if (this.#isReliable(type)) this.#sendReliable(session, type, bytes, isCompressed);
    else session.sendLatest(type, payload, 0, payload.length);
  }

  #isReliable(type: number): boolean {
    return this.#packets.row(type)?.delivery === DeliveryClass.RELIABLE;
  }

  #sendReliable(session: Session, type: number, bytes: Uint8Array, isCompressed: boolean, receipt?: Receipt): void {
    session.sendReliable(type, bytes, isCompressed, receipt);
    if (session.link !== null && session.isBehind) this.#behind.add(session);
  }

  /**
   * Sends one reliable packet to many: it is compressed once, kept once and crosses each ring once.
   *
   * @param isForMany Whether it is given up before what is meant for one, where not all can be kept.
   * @returns How many it was sent to, or kept for.
   */
  broadcast(recipients: Iterable<Session>, type: number, payload: Uint8Array, isForMany = true): number {
    const { bytes, isCompressed } = compressPayload(payload);
    const packet = { type, payload: bytes, isCompressed, isForMany };
    let count = 0;
    for (const session of recipients) {
      count++;
      const { link, outbox } = session;
      if (outbox === null) {
        if (link !== null && !link.closed) link.output.addRecipient(link, 0);
        continue;
      }
      const sequence = session.keep(packet);
      if (sequence === 0 || link === null || link.closed) continue;
      if (outbox.sentSequence === sequence - 1) {
        outbox.markSent(sequence);
        link.output.addRecipient(link, sequence);
      } else {
        this.#behind.add(session);
      }
    }
    for (const output of this.#outputs) output?.flushBroadcast(type, isCompressed, bytes);
    return count;
  }

  /** Sends one packet to everyone who can play: in the world, or logged in on a port that leads there. */
  broadcastToAll(type: number, payload: Uint8Array): number {
    return this.broadcast(this.#byPlayer.values(), type, payload);
  }

  /** A broadcast found no room for this link: its packet is sent from the outbox later. */
  onBroadcastFull(link: Link, sequence: number): void {
    const { session } = link;
    if (sequence === 0 || session.outbox === null) return;
    session.outbox.markSent(Math.min(session.outbox.sentSequence, sequence - 1));
    this.#behind.add(session);
  }

  /** Sends what a session has kept and not sent yet; what does not fit follows later. */
  flushOutbox(session: Session): void {
    if (!session.flushOutbox()) this.#behind.add(session);
  }

  /** Whether reliable packets wait for room in a ring. */
  get waitsForRoom(): boolean {
    return this.#behind.size > 0;
  }

  /** Sends what could not be sent before for want of room. */
  flushBehind(): void {
    for (const session of this.#behind) {
      if (session.flushOutbox()) this.#behind.delete(session);
    }
  }

  /** Closes the connection of a session with a reason. */
  disconnect(session: Session, reason: DisconnectReason, told: Told, retryAfterMs = 0): void {
    const { link } = session;
    if (link !== null) link.output.close(link, reason, told, retryAfterMs);
  }
}
