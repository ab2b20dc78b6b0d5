/**
 * What of a world goes on in another one: those who play, where they are, and what their clients were told.
 *
 * @module
 */

/** Somebody who plays. Positions in centimetres, velocities in cm/s, `yaw` in 1/256 turns, as the store has them. */
export interface EntityImage {
  readonly id: number;
  /** Name and kind, encoded. */
  readonly profile: Uint8Array;
  readonly mapId: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly vx: number;
  readonly vz: number;
  readonly yaw: number;
  /** What it is held for. */
  readonly heldFor: readonly string[];
  readonly speedCmPerMs: number;
  readonly movementSequence: number;
  readonly creditMs: number;
  readonly creditAtMs: number;
  readonly components: readonly ComponentImage[];
  /** Ids of entities that its client was shown and not told to forget. */
  readonly known: readonly number[];
}

/** A component of an entity. */
export interface ComponentImage {
  readonly componentId: number;
  readonly content: Uint8Array;
  /** Whether it is kept with the character. */
  readonly isSaved: boolean;
}

/** A world as plain data: what nobody plays is not in it. */
export interface WorldImage {
  readonly step: number;
  readonly nextInstanceId: number;
  readonly instances: readonly { readonly mapId: number; readonly template: string }[];
  readonly entities: readonly EntityImage[];
  /** Ids that no entity has, in the order in which they are to be given. */
  readonly freeIds: Int32Array;
}
