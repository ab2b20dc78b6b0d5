/**
 * Who is behind the entities in the world.
 *
 * @module
 */

import type { PlayerName } from "../storage/storage.ts";
import { type Participant, type Presence, Session } from "./session.ts";

/** An entity whose player has left it while it fought. */
export interface Stay extends Participant {
  readonly player: PlayerName;
  readonly presence: Presence;
}

/** Sessions by the entities they play, and the entities that their players have left. */
export class Occupants {
  readonly #byEntity = new Map<number, Session | Stay>();
  /** Entities that nobody plays and that are still in the world, by character. */
  readonly #stays = new Map<number, Stay>();

  /** Whoever is behind each entity. */
  get all(): Iterable<readonly [entityId: number, who: Session | Stay]> {
    return this.#byEntity;
  }

  /** Entities that their players have left; one may be removed meanwhile. */
  get stays(): Iterable<Stay> {
    return this.#stays.values();
  }

  /** How many their players have left. */
  get stayCount(): number {
    return this.#stays.size;
  }

  /** The session that plays an entity. */
  sessionOf(entityId: number): Session | undefined {
    const who = this.#byEntity.get(entityId);
    return who instanceof Session ? who : undefined;
  }

  /** Whose an entity is, whether its player still plays it or not. */
  participantOf(entityId: number): Participant | undefined {
    return this.#byEntity.get(entityId);
  }

  /** The entity of a character whose player has left it. */
  stayOf(characterId: number): Stay | undefined {
    return this.#stays.get(characterId);
  }

  /** A session plays its entity, also one that its player had left. */
  play(session: Session): void {
    const { characterId, entityId } = session.presence!;
    this.#byEntity.set(entityId, session);
    this.#stays.delete(characterId);
  }

  /** The player of an entity has left it. */
  stay(stay: Stay): void {
    this.#byEntity.set(stay.presence.entityId, stay);
    this.#stays.set(stay.presence.characterId, stay);
  }

  /** An entity is out of the world. */
  remove({ characterId, entityId }: Presence): void {
    this.#byEntity.delete(entityId);
    this.#stays.delete(characterId);
  }
}
