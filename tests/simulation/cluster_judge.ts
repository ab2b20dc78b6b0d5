/**
 * Judges nodes that share a database, by what is committed there and by whom each of them plays: a player is one node's,
 * nothing is written in an old owner's name, and nobody comes back as it was not saved. It has a directory of its own,
 * made of answers; it does not read the one in the database.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import { MARSH_RECORDS } from "../../games/marsh/records.ts";
import type {
  Claim,
  Directory,
  NodeEntry,
  NodeId,
  Ownership,
  Renewal,
  SessionMark,
  SessionPlace,
  SessionQuery,
  TakenSession,
} from "../../server/cluster/directory_store.ts";
import type { Taken } from "../../server/cluster/ownerships.ts";
import type { Session } from "../../server/session/session.ts";
import { operationsOf, type StorageOutcome } from "../../server/storage/operations.ts";
import type { CharacterState, SavedCharacter } from "../../server/storage/storage.ts";
import type { NumberedRequest } from "../../server/storage/storage_messages.ts";
import { EnterWorldResponseSchema } from "../../shared/gen/world_pb.ts";
import { hpIn } from "../support/health.ts";
import type { LogicLife, SimulatedServer } from "./simulated_server.ts";
import type { SimulatedTime } from "./simulated_time.ts";
import type { Verdict } from "./verdict.ts";

/** How soon a node that nothing ails must have noticed that a player is another's, in milliseconds. */
const NOTICE_MS = 6_000;

/** What a node hands over. */
type HandOver = Parameters<Directory["handOver"]>[0];

const OPERATIONS = operationsOf(MARSH_RECORDS);

/** What is to be known of the nodes. */
export interface ClusterNodes {
  /** Until when something ailed a node, monotonic milliseconds; Infinity: it still does. */
  troubledUntilMs(node: number): number;
  /** Whether an incarnation is a node's present one, and knows that it owns a player. */
  knows(incarnation: string, playerId: number): boolean;
  /** Whether it is this node's. */
  isOf(incarnation: string, node: number): boolean;
  /** Whether it is a node's present life. */
  isRunning(life: LogicLife): boolean;
}

/** Whose a player is. */
interface Owner {
  readonly epoch: number;
  /** Null: nobody's. */
  readonly incarnation: string | null;
}

/** A session that its node has handed over, and that nobody has taken. */
interface HandedOver {
  readonly session: Uint8Array;
  /** Until when it is kept, monotonic milliseconds. */
  readonly untilMs: number;
}

/** How a character left the world. */
interface Departure {
  readonly life: LogicLife;
  readonly playerId: number;
  /** Under which it was played. */
  readonly epoch: number;
  readonly state: CharacterState;
}

/** Keeps the history. */
export class ClusterJudge {
  readonly #verdict: Verdict;
  readonly #time: SimulatedTime;
  readonly #nodes: ClusterNodes;
  /** Until when each incarnation holds its lease, in milliseconds. */
  readonly #leases = new Map<string, number>();
  readonly #owners = new Map<number, Owner>();
  /** By player. */
  readonly #handedOver = new Map<number, HandedOver>();
  /** By what each player's session is resumed. */
  readonly #tokenHashes = new Map<number, readonly (string | null)[]>();
  readonly #saved = new Map<number, CharacterState>();
  readonly #departures = new Map<number, Departure>();
  /** Entities of characters, by life and character. */
  readonly #entities = new WeakMap<LogicLife, Map<number, number>>();
  /** Characters that left a life dead. */
  readonly #dead = new WeakMap<LogicLife, Set<number>>();
  /** Since when a node plays somebody who is another's, by node and player. */
  readonly #wrongSinceMs = new Map<string, number>();
  /** Players whom a server has tried to claim from another. */
  readonly #wanted = new Set<number>();
  /** Since when a player is wanted from a server that does not know that it owns it, by player. */
  readonly #forgottenSinceMs = new Map<number, number>();

  constructor(verdict: Verdict, time: SimulatedTime, nodes: ClusterNodes) {
    this.#verdict = verdict;
    this.#time = time;
    this.#nodes = nodes;
  }

  /** A character was there before anything began. */
  onPrepared({ characterId, ...state }: SavedCharacter): void {
    this.#saved.set(characterId, state);
  }

  /** Logic of a node begins a life. */
  begin(life: LogicLife): void {
    const entities = new Map<number, number>();
    this.#entities.set(life, entities);
    const dead = new Set<number>();
    this.#dead.set(life, dead);
    life.logic.hooks.despawn.push((entityId, characterId) => {
      entities.delete(characterId);
      if (hpIn(life.world, entityId) <= 0) dead.add(characterId);
      const { world } = life;
      const { playerId } = life.logic.world.occupants.participantOf(entityId)!.player!;
      const owner = life.logic.context.ownerships.find(playerId);
      // A session that a node had kept while it was cut off: what its owner's entity left with counts still.
      if (!owner || !this.#isOwner(owner)) return;
      this.#departures.set(characterId, {
        life,
        playerId,
        epoch: owner.epoch,
        state: {
          mapId: world.mapOf(entityId).mapId,
          x: world.xOf(entityId),
          y: world.yOf(entityId),
          z: world.zOf(entityId),
          yaw: world.yawOf(entityId),
          hp: Math.round(hpIn(world, entityId)),
        },
      });
    });
  }

  /** The database has done something. */
  onCommit({ operation, argument, fence }: NumberedRequest, outcome: StorageOutcome): void {
    if (!("value" in outcome)) return;
    const { value } = outcome;
    switch (operation) {
      case "nodes.join": {
        const { node, leaseMs } = argument as { node: NodeEntry; leaseMs: number };
        if (value === "joined") this.#leases.set(node.incarnation, this.#time.monotonicMs() + leaseMs);
        return;
      }
      case "nodes.renew": {
        const { node, leaseMs } = argument as { node: NodeId; leaseMs: number };
        if ((value as Renewal).isHeld) this.#leases.set(node.incarnation, this.#time.monotonicMs() + leaseMs);
        return;
      }
      case "nodes.leave":
        return void this.#leases.delete((argument as NodeId).incarnation);
      case "directory.claim": {
        const { playerId, node, mark } = argument as { playerId: number; node: NodeId; mark: SessionMark };
        const claim = value as Claim;
        if (claim.kind === "owned") this.#wanted.add(playerId);
        if (claim.kind !== "claimed") return;
        this.#onClaimed(playerId, node, claim.epoch);
        this.#handedOver.delete(playerId);
        return void this.#tokenHashes.set(playerId, [mark.tokenHash, mark.previousTokenHash]);
      }
      case "directory.mark": {
        const { playerId, mark } = argument as { playerId: number; mark: SessionMark };
        if (value === "marked") this.#tokenHashes.set(playerId, [mark.tokenHash, mark.previousTokenHash]);
        return;
      }
      case "directory.handOver":
        return this.#onHandedOver(argument as HandOver, value as boolean);
      case "directory.findSession": {
        const { tokenHash } = argument as SessionQuery;
        return this.#onFound(tokenHash, value as SessionPlace);
      }
      case "directory.takeSession": {
        const { node, nextTokenHash, tokenHash } = argument as SessionQuery & { node: NodeId; nextTokenHash: string };
        const taken = value as Taken;
        if (taken.kind !== "taken") return taken.kind === "lapsed" ? undefined : this.#onFound(tokenHash, taken);
        this.#onTaken(taken);
        this.#tokenHashes.set(taken.playerId, [nextTokenHash, tokenHash]);
        return this.#onClaimed(taken.playerId, node, taken.epoch);
      }
      case "directory.release": {
        const { playerId, epoch } = argument as Ownership;
        if (this.#owners.get(playerId)?.epoch !== epoch) return;
        this.#forgottenSinceMs.delete(playerId);
        this.#owners.set(playerId, { epoch, incarnation: null });
        return;
      }
      case "characters.saveMany":
        return this.#onSaved(argument as SavedCharacter[], value as number);
    }
    if (fence !== undefined && OPERATIONS.get(operation)?.kind === "write") {
      this.#verdict.expect(this.#isOwner(fence), "fence", `${operation} was done under ${describe(fence)}`);
    }
  }

  #onHandedOver({ playerId, epoch, character, mark, session, graceMs }: HandOver, isDone: boolean): void {
    const owner = this.#owners.get(playerId), isOwner = this.#isOwner({ playerId, epoch });
    const text = `Player ${playerId} was handed over under epoch ${epoch}: ${isDone}`;
    this.#verdict.expect(isDone === isOwner, "handover", text);
    // Nobody else has it: its own node has given it up meanwhile.
    const isForsaken = owner?.epoch === epoch && owner.incarnation === null;
    this.#verdict.expect(!isForsaken, "handover", `Player ${playerId} was given up while it was handed over`);
    if (!isDone) return;
    if (character !== undefined) {
      const { characterId, owner: _owner, ...state } = character;
      this.#saved.set(characterId, state);
    }
    this.#forgottenSinceMs.delete(playerId);
    this.#owners.set(playerId, { epoch: epoch + 1, incarnation: null });
    this.#tokenHashes.set(playerId, [mark.tokenHash, mark.previousTokenHash]);
    this.#handedOver.set(playerId, { session, untilMs: this.#time.monotonicMs() + graceMs });
  }

  /** A session is looked for: one that was handed over is found as long as it is kept. */
  #onFound(tokenHash: string, { kind }: SessionPlace): void {
    if (kind === "free") return;
    for (const [playerId, { untilMs }] of this.#handedOver) {
      if (untilMs <= this.#time.monotonicMs() + 1 || !this.#tokenHashes.get(playerId)!.includes(tokenHash)) continue;
      this.#verdict.fail("handover", `The session of player ${playerId} was handed over and is found ${kind}`);
    }
  }

  #onTaken({ playerId, session }: TakenSession): void {
    const kept = this.#handedOver.get(playerId);
    this.#handedOver.delete(playerId);
    const isRight = kept === undefined ? session === null : session !== null && areEqual(kept.session, session);
    const what = session === null ? "nothing" : "something else, or again";
    this.#verdict.expect(isRight, "handover", `Of player ${playerId}, who was handed over, ${what} was taken`);
  }

  #onClaimed(playerId: number, { incarnation }: NodeId, epoch: number): void {
    const before = this.#owners.get(playerId);
    this.#owners.set(playerId, { epoch, incarnation });
    this.#forgottenSinceMs.delete(playerId);
    this.#wanted.delete(playerId);
    this.#verdict.expect(this.#holdsLease(incarnation), "owners", `${incarnation} claims without a lease`);
    const isNext = epoch === (before?.epoch ?? 0) + 1;
    this.#verdict.expect(isNext, "owners", `Player ${playerId} has epoch ${epoch} after ${before?.epoch}`);
    if (before === undefined || before.incarnation === null || before.incarnation === incarnation) return;
    // The database counts in whole milliseconds.
    const isFree = (this.#leases.get(before.incarnation) ?? 0) <= this.#time.monotonicMs() + 1;
    // What the one before had not saved is lost with its lease.
    for (const [characterId, departure] of this.#departures) {
      if (departure.playerId === playerId) this.#departures.delete(characterId);
    }
    this.#verdict.expect(isFree, "owners", `${incarnation} took player ${playerId} from ${before.incarnation}`);
  }

  #onSaved(characters: readonly SavedCharacter[], count: number): void {
    let allowed = 0;
    for (const { characterId, owner, ...state } of characters) {
      if (owner === undefined) return this.#verdict.fail("fence", `Character ${characterId} was saved under no epoch`);
      if (!this.#isOwner(owner)) continue;
      allowed++;
      this.#saved.set(characterId, state);
    }
    const text = `${count} characters were saved, ${allowed} of ${characters.length} by their owners`;
    this.#verdict.expect(count === allowed, "fence", text);
  }

  #isOwner({ playerId, epoch }: Ownership): boolean {
    const owner = this.#owners.get(playerId);
    return owner !== undefined && owner.epoch === epoch && owner.incarnation !== null;
  }

  #holdsLease(incarnation: string): boolean {
    return (this.#leases.get(incarnation) ?? 0) > this.#time.monotonicMs();
  }

  /** A server tells a client where it is, which it may not have entered there: its session was brought. */
  onPlaced(life: LogicLife, { presence }: Session): void {
    const { characterId, entityId } = presence!;
    this.#entities.get(life)!.set(characterId, entityId);
  }

  /** A server tells a client that it is in the world. */
  onEntered(life: LogicLife, session: Session, payload: Uint8Array): void {
    const { success, spawnPosition, entityId } = fromBinary(EnterWorldResponseSchema, payload);
    if (!success) return;
    const { playerId } = session.player!, { characterId } = session.presence!;
    const entities = this.#entities.get(life)!, left = entities.get(characterId);
    entities.set(characterId, Number(entityId));
    if (left !== undefined) {
      // It is the entity that it had left behind in a fight.
      const text = `Player ${playerId} entered as ${entityId}, it is in the world as ${left}`;
      return this.#verdict.expect(left === Number(entityId), "sessions", text);
    }
    const epoch = life.logic.context.ownerships.find(playerId)?.epoch;
    const departure = this.#departures.get(characterId);
    const isSame = departure?.life === life && departure.epoch === epoch;
    const state = isSame ? departure.state : this.#saved.get(characterId);
    const hp = hpIn(life.world, Number(entityId));
    // Who died here is dead here for a while, whatever became of it elsewhere.
    if (state === undefined || state.hp <= 0 || hp === 0 && this.#dead.get(life)!.has(characterId)) return;
    const { x, z } = spawnPosition!;
    if (Math.abs(x - state.x) < 0.01 && Math.abs(z - state.z) < 0.01 && hp === Math.round(state.hp)) return;
    const was = `${x.toFixed(2)}, ${z.toFixed(2)} with ${hp} hp`;
    const saved = `${state.x.toFixed(2)}, ${state.z.toFixed(2)} with ${state.hp} hp`;
    this.#verdict.fail("saved", `Player ${playerId} entered at ${was}, it is saved at ${saved}`);
  }

  /** Logic of a node has made a turn. */
  afterTurn({ life }: SimulatedServer, node: number): void {
    const nowMs = this.#time.monotonicMs();
    for (const session of life.sessions.inWorld) {
      const { playerId } = session.player!, { owner } = session;
      const key = `${node} ${playerId}`;
      if (owner !== null && this.#isOwner(owner)) {
        this.#wrongSinceMs.delete(key);
        continue;
      }
      const sinceMs = this.#wrongSinceMs.get(key) ?? nowMs;
      this.#wrongSinceMs.set(key, sinceMs);
      const quietMs = nowMs - Math.max(sinceMs, this.#nodes.troubledUntilMs(node));
      if (quietMs <= NOTICE_MS) continue;
      this.#verdict.fail("sessions", `Node ${node + 1} plays player ${playerId}, who is another's for ${sinceMs}`);
    }
    this.#checkForgotten(life, node);
    for (const key of this.#wrongSinceMs.keys()) {
      const [of, playerId] = key.split(" ").map(Number);
      if (of === node && life.sessions.findPlayer(playerId)?.presence == null) this.#wrongSinceMs.delete(key);
    }
  }

  /** A server that owns a player and does not know it, as its claim was answered to nobody, gives it up when it is wanted. */
  #checkForgotten({ logic }: LogicLife, node: number): void {
    const nowMs = this.#time.monotonicMs();
    for (const [playerId, { epoch, incarnation }] of this.#owners) {
      if (incarnation === null || !this.#nodes.isOf(incarnation, node)) continue;
      if (!this.#wanted.has(playerId) || logic.context.ownerships.find(playerId)?.epoch === epoch) {
        this.#forgottenSinceMs.delete(playerId);
        continue;
      }
      const sinceMs = this.#forgottenSinceMs.get(playerId) ?? nowMs;
      this.#forgottenSinceMs.set(playerId, sinceMs);
      const quietMs = nowMs - Math.max(sinceMs, this.#nodes.troubledUntilMs(node));
      if (quietMs <= NOTICE_MS) continue;
      this.#verdict.fail("ghosts", `Node ${node + 1} owns player ${playerId}, and does not know it, since ${sinceMs}`);
    }
  }

  /** What is not as it must be once everybody has gone; null: nothing. */
  leftover(): string | null {
    for (const [playerId, { incarnation }] of this.#owners) {
      // Who is owned by a server that was not told so is given up when it is wanted.
      if (incarnation !== null && this.#nodes.knows(incarnation, playerId)) {
        return `${incarnation} owns player ${playerId}`;
      }
    }
    for (const [characterId, { life, epoch, state }] of this.#departures) {
      if (epoch === undefined || !this.#nodes.isRunning(life)) continue;
      const saved = this.#saved.get(characterId);
      const isSaved = saved !== undefined && Math.abs(saved.x - state.x) < 0.01 && Math.abs(saved.z - state.z) < 0.01;
      if (!isSaved) return `character ${characterId} left at ${state.x}, ${state.z}, and is saved at ${saved?.x}`;
    }
    return null;
  }
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function describe({ playerId, epoch }: Ownership): string {
  return `epoch ${epoch} of player ${playerId}`;
}
