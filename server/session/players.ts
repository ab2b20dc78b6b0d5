/** The players of a node, as games and moderation ask for them. @module */

import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ErrorCode } from "../../shared/gen/enums.ts";
import { nameKey } from "../auth/names.ts";
import type { Asker, PlayerName } from "../storage/storage.ts";
import { DIRECTORY } from "../cluster/directory_store.ts";
import type { LogicContext } from "./context.ts";
import { RequestError } from "./dispatcher.ts";
import { Player } from "./player.ts";
import type { Session } from "./session.ts";
import type { Occupants } from "./occupants.ts";

/** Finds players and sends to many of them. */
export class Players {
  /** Everybody who can play: in the world, or logged in on a port that leads there; link-dead players among them. */
  readonly online: Iterable<Player>;
  /** Everybody in the world, link-dead players among them. */
  readonly inWorld: Iterable<Player>;
  readonly #context: Pick<LogicContext, "bus" | "sessions" | "storage">;
  readonly #occupants: Pick<Occupants, "participantOf" | "sessionOf">;

  /** The engine makes it. */
  constructor(
    context: Pick<LogicContext, "bus" | "sessions" | "storage">,
    occupants: Pick<Occupants, "participantOf" | "sessionOf">,
  ) {
    const { sessions } = context;
    this.#context = context;
    this.#occupants = occupants;
    this.online = { [Symbol.iterator]: () => playersOf(sessions.online) };
    this.inWorld = { [Symbol.iterator]: () => playersOf(sessions.inWorld) };
  }

  /** How many are online. */
  get onlineCount(): number {
    return this.#context.sessions.onlineCount;
  }

  /** A player who is online. */
  find(playerId: number): Player | undefined {
    return this.#context.sessions.findPlayer(playerId)?.player ?? undefined;
  }

  /** The same by name. */
  findByName(name: string): Player | undefined {
    return this.#context.sessions.findPlayerByName(nameKey(name))?.player ?? undefined;
  }

  /** Whether a player is online. */
  isOnline(playerId: number): boolean {
    return this.#context.sessions.isPlayerOnline(playerId);
  }

  /** The player who plays an entity. */
  at(entityId: number): Player | undefined {
    return this.#occupants.sessionOf(entityId)?.player ?? undefined;
  }

  /** Whose an entity is: that of a player who left it in a fight is still in the world. */
  ownerOf(entityId: number): PlayerName | undefined {
    return this.#occupants.participantOf(entityId)?.player ?? undefined;
  }

  /**
   * The player of a name, online or not.
   *
   * @throws {RequestError} `NOT_FOUND` when there is none.
   */
  async lookUp(name: string, asker: Asker): Promise<PlayerName> {
    const online = this.findByName(name);
    if (online !== undefined) return online;
    const account = await this.#context.storage.for(asker).accounts.findByName(nameKey(name));
    if (account === undefined) throw new RequestError(ErrorCode.NOT_FOUND, "There is no player with that name");
    return { playerId: account.accountId, name: account.name };
  }

  /** The same by id. */
  async lookUpId(id: bigint, asker: Asker): Promise<PlayerName> {
    const playerId = Number(id);
    const online = this.find(playerId);
    if (online !== undefined) return online;
    const { accounts } = this.#context.storage.for(asker);
    const account = Number.isSafeInteger(playerId) ? await accounts.find(playerId) : undefined;
    if (account === undefined) throw new RequestError(ErrorCode.NOT_FOUND, "There is no such player");
    return { playerId, name: account.name };
  }

  /**
   * The other server on which a player is in the world, by its incarnation; undefined: there is none, or nobody can tell it
   * anything.
   */
  async nodeOf(playerId: number, asker: Asker): Promise<string | undefined> {
    const { bus, storage } = this.#context;
    if (!bus.isShared) return undefined;
    const owner = await storage.for(asker).of(DIRECTORY).ownerOf(playerId);
    return owner?.incarnation === bus.node ? undefined : owner?.incarnation;
  }

  /** Sends one message to many: it is encoded, compressed and kept once. @returns How many it was sent to, or kept for. */
  tell<Desc extends DescMessage>(recipients: Iterable<Player>, schema: Desc, message: MessageInitShape<Desc>): number {
    const type = this.#context.sessions.typeOf(schema);
    return this.send(recipients, type, toBinary(schema, create(schema, message)));
  }

  /**
   * The same with a payload of a packet type.
   *
   * @param isForMany Whether it is given up before what is meant for one, where not all can be kept.
   */
  send(recipients: Iterable<Player>, type: number, payload: Uint8Array, isForMany = true): number {
    const { sessions } = this.#context;
    const hearers = recipients === this.online ? sessions.online : sessionsOf(recipients);
    return sessions.broadcast(hearers, type, payload, isForMany);
  }
}

function* playersOf(sessions: Iterable<Session>): Generator<Player> {
  for (const { player } of sessions) if (player !== null) yield player;
}

/** In an array: a generator would take longer, and blows are told often. */
function sessionsOf(players: Iterable<Player>): Session[] {
  const sessions: Session[] = [];
  for (const player of players) if (!player.isOver) sessions.push(Player.sessionOf(player));
  return sessions;
}
