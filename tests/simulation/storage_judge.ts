/**
 * Judges what is saved: nothing is acknowledged before it is on disk, nobody comes back elsewhere than where it was saved,
 * no kill counts twice, and what logic believes of guilds is what the storage has.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import type { CharacterSaver } from "../../server/session/character_saver.ts";
import type { NumberedRequest } from "../../server/storage/storage_messages.ts";
import type { CharacterState, SavedCharacter } from "../../server/storage/storage.ts";
import type { Kill, PlayerTie } from "../../games/parts/guilds/guild_store.ts";
import type { StorageOutcome } from "../../server/storage/operations.ts";
import { EnterWorldResponseSchema } from "../../shared/gen/world_pb.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { hpIn } from "../support/health.ts";
import type { SessionLedger } from "./session_ledger.ts";
import type { SimulatedDisk } from "./simulated_disk.ts";
import type { LogicLife } from "./simulated_server.ts";
import type { Verdict } from "./verdict.ts";

/** A player left the world in this state. */
interface Departure {
  readonly life: number;
  readonly state: CharacterState;
}

/** What a success is called that a client can be told of: by the type of its request. */
const ACKNOWLEDGED: Readonly<Record<number, readonly string[]>> = {
  [PacketType.GUILD_CREATE_REQUEST]: ["guilds.create"],
  [PacketType.GUILD_INVITE_REQUEST]: ["guilds.invite"],
  [PacketType.GUILD_JOIN_REQUEST]: ["guilds.join", "guilds.decline"],
  [PacketType.GUILD_LEAVE_REQUEST]: ["guilds.leave"],
  [PacketType.GUILD_KICK_REQUEST]: ["guilds.kick"],
  [PacketType.GUILD_WAR_START]: ["guilds.declareWar"],
  [PacketType.FRIEND_REQUEST]: ["social.requestFriend"],
  [PacketType.FRIEND_ANSWER]: ["social.answerFriend"],
  [PacketType.FRIEND_REMOVE]: ["social.removeFriend"],
  [PacketType.IGNORE_ADD]: ["social.addIgnored"],
  [PacketType.IGNORE_REMOVE]: ["social.removeIgnored"],
};

/** So long a logout waits for its character to be saved; of docs/protocol.md. */
const LOGOUT_WAIT_MS = 2_000;

/** Watches commits, and what clients are told. */
export class StorageJudge {
  readonly #verdict: Verdict;
  readonly #accounts = new Set<number>();
  readonly #saved = new Map<number, CharacterState>();
  readonly #departures = new Map<number, Departure>();
  /** What is to be saved and was not committed yet, by character. */
  readonly #toSave = new Map<number, CharacterState>();
  /** The entities of characters in the world, by character; of one life of logic. */
  readonly #entities = new Map<number, number>();
  /**
   * When each character's player, who asked to be logged out, has waited long enough for its save. It is the sum that a
   * timer makes, to the last bit: the difference of the two moments may round to less than the wait.
   */
  readonly #logoutsDueMs = new Map<number, number>();
  /** How often something was done for a player, less how often its client was told so. */
  readonly #credit = new Map<string, number>();
  /** Deaths of players by players that no commit has counted, by their time. */
  readonly #deaths = new Map<number, number>();

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** A character was there before anything began. */
  onPrepared({ characterId, ...state }: SavedCharacter): void {
    this.#saved.set(characterId, state);
  }

  // The disk

  /** A request was done. */
  onCommit({ operation, argument }: NumberedRequest, outcome: StorageOutcome): void {
    if (!("value" in outcome)) return;
    switch (operation) {
      case "accounts.create":
        return this.#onAccount(outcome.value as { kind: string; accountId: number });
      case "characters.saveMany":
        return (argument as SavedCharacter[]).forEach((character) => this.#onSaved(character));
      case "guilds.addKills":
        return this.#onKills(argument as Kill[]);
      default:
        if (isDone(outcome.value)) this.#add(operation, actorOf(argument), 1);
    }
  }

  #onAccount({ kind, accountId }: { kind: string; accountId: number }): void {
    if (kind === "created") this.#accounts.add(accountId);
  }

  #onSaved({ characterId, ...state }: SavedCharacter): void {
    this.#saved.set(characterId, state);
    const wanted = this.#toSave.get(characterId);
    if (wanted !== undefined && isSameState(wanted, state)) this.#toSave.delete(characterId);
  }

  #onKills(kills: readonly Kill[]): void {
    for (const { atMs } of kills) {
      const left = (this.#deaths.get(atMs) ?? 0) - 1;
      this.#deaths.set(atMs, left);
      this.#verdict.expect(left >= 0, "kills", `More kills are counted at ${atMs} than players died`);
    }
  }

  #add(operation: string, playerId: number, count: number): number {
    const key = `${operation} ${playerId}`;
    const credit = (this.#credit.get(key) ?? 0) + count;
    this.#credit.set(key, credit);
    return credit;
  }

  // Logic

  onDeath(atMs: number): void {
    this.#deaths.set(atMs, (this.#deaths.get(atMs) ?? 0) + 1);
  }

  /** A player leaves the world; `characterId` is as good as the player's id: each has one. */
  onDeparture(life: number, characterId: number, state: CharacterState): void {
    this.#departures.set(characterId, { life, state });
    this.#entities.delete(characterId);
  }

  /** Logic wants a character saved as it is now. */
  onToSave({ characterId, ...state }: SavedCharacter): void {
    this.#toSave.set(characterId, state);
  }

  /** A new life of logic has an empty world, and forgot what was to be saved. */
  begin(): void {
    this.#entities.clear();
    this.#toSave.clear();
    this.#logoutsDueMs.clear();
  }

  /** The server tells a client that it entered. */
  onEntered(life: LogicLife, ledger: SessionLedger, payload: Uint8Array): void {
    const { success, spawnPosition, entityId } = fromBinary(EnterWorldResponseSchema, payload);
    if (!success) return;
    const characterId = ledger.session.presence!.characterId;
    const left = this.#entities.get(characterId);
    this.#entities.set(characterId, Number(entityId));
    if (left !== undefined) {
      // It is the entity that it had left behind in a fight, wherever that is now.
      const text = `Player ${ledger.playerId} entered as ${entityId}, it is in the world as ${left}`;
      return this.#verdict.expect(left === Number(entityId), "sessions", text);
    }
    const departure = this.#departures.get(characterId);
    const state = departure?.life === ledger.life ? departure.state : this.#saved.get(characterId);
    if (state === undefined || state.hp <= 0) return;
    const { x, z } = spawnPosition!;
    const hp = hpIn(life.world, Number(entityId));
    const isSame = life.world.mapOf(Number(entityId)).mapId === state.mapId && Math.abs(x - state.x) < 0.01 &&
      Math.abs(z - state.z) < 0.01 && hp === state.hp;
    const was = `${x.toFixed(2)}, ${z.toFixed(2)} with ${hp} hp`;
    const saved = `${state.x.toFixed(2)}, ${state.z.toFixed(2)} with ${state.hp} hp`;
    this.#verdict.expect(isSame, "saved", `Player ${ledger.playerId} entered at ${was}, it had left at ${saved}`);
  }

  /** A client asks to be logged out. */
  onLogoutAsked(characterId: number, nowMs: number): void {
    this.#logoutsDueMs.set(characterId, nowMs + LOGOUT_WAIT_MS);
  }

  /** The server tells a client that it is logged out: saved, or after it has waited for that, and will be. */
  onLoggedOut(characterId: number, { saver }: { readonly saver: Pick<CharacterSaver, "find"> }, nowMs: number): void {
    const wanted = this.#toSave.get(characterId);
    if (wanted === undefined) return;
    const hasWaited = nowMs >= (this.#logoutsDueMs.get(characterId) ?? Infinity);
    this.#verdict.expect(hasWaited, "saved", `Character ${characterId} is logged out and not saved`);
    const kept = saver.find(characterId);
    const isKept = kept !== undefined && isSameState(kept, wanted);
    this.#verdict.expect(isKept, "saved", `Character ${characterId} is logged out and never will be saved`);
  }

  // Clients

  /** A client is told that its account was made. */
  onClientRegistered(playerId: number): void {
    this.#verdict.expect(
      this.#accounts.has(playerId),
      "saved",
      `Account ${playerId} was announced before it was saved`,
    );
  }

  /** A client is told that a request of this type was done. */
  onClientAcknowledged(playerId: number, requestType: PacketType): void {
    const operations = ACKNOWLEDGED[requestType];
    if (operations === undefined) return;
    for (const operation of operations) {
      if ((this.#credit.get(`${operation} ${playerId}`) ?? 0) <= 0) continue;
      this.#add(operation, playerId, -1);
      return;
    }
    this.#verdict.fail(
      "saved",
      `Player ${playerId} was told that ${PacketType[requestType]} was done, which it was not`,
    );
  }

  /** Where logic and storage differ; null: nowhere. */
  difference(life: LogicLife, disk: SimulatedDisk): string | null {
    const playerIds = [...life.sessions.inWorld].map(({ player }) => player!.playerId);
    const ties = new Map(
      (disk.read("guilds.findTies", playerIds) as { ties: PlayerTie[] }).ties.map((tie) => [tie.playerId, tie]),
    );
    for (const playerId of playerIds) {
      const known = life.marsh.guilds.find(playerId)?.guildId, stored = ties.get(playerId)?.guildId;
      if (known !== stored) return `logic has player ${playerId} in guild ${known}, the storage in ${stored}`;
    }
    return null;
  }
}

function isDone(value: unknown): boolean {
  if (value === true) return true;
  if (typeof value === "string") return !["not_found", "own_list_full", "other_list_full", "list_full"].includes(value);
  return typeof value === "object" && value !== null && (value as { kind?: string }).kind !== "refused";
}

function actorOf(argument: unknown): number {
  const { playerId, leaderId, inviterId, actorId } = (argument ?? {}) as Record<string, number | undefined>;
  return playerId ?? leaderId ?? inviterId ?? actorId ?? 0;
}

function isSameState(a: CharacterState, b: CharacterState): boolean {
  return a.mapId === b.mapId && a.x === b.x && a.z === b.z && Math.round(a.hp) === Math.round(b.hp);
}
