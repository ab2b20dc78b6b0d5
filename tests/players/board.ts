/** What the checker knows of players: who is here, as whom, on which connection. @module */

/** Whether a player plays, is logged in, or neither; one whose connection is lost still plays. */
export type Standing = "offline" | "authenticated" | "world";

/** One player. */
export class Actor {
  standing: Standing = "offline";
  /** A connection carries its session; without one it is link-dead, or offline. */
  isConnected = false;
  /** When its connection was lost, by the clock. */
  lostAtMs = 0;
  /** In the world; 0 else. */
  entityId = 0;
  /** The packet under way is one that was sent before, on an earlier connection. */
  isReplaying = false;

  /** Whose entity it is that was left behind in the world; itself unless it is one that nobody plays. */
  readonly owner: Actor;

  constructor(readonly index: number, readonly playerId: number, readonly name: string, owner?: Actor) {
    this.owner = owner ?? this;
  }

  /** Nobody plays it: its player left while it fought. */
  get isLeftBehind(): boolean {
    return this.owner !== this;
  }

  get isOnline(): boolean {
    return this.standing !== "offline";
  }
}

/** All players, and the time. */
export class Board {
  readonly actors: Actor[] = [];
  readonly byPlayerId = new Map<number, Actor>();
  readonly byName = new Map<string, Actor>();
  readonly byEntity = new Map<number, Actor>();
  /** Monotonic and Unix time in milliseconds. */
  nowMs = 0;
  unixMs = 0;

  add(actor: Actor): void {
    this.actors.push(actor);
    this.byPlayerId.set(actor.playerId, actor);
    this.byName.set(actor.name.toLowerCase(), actor);
  }

  find(name: string): Actor | undefined {
    return this.byName.get(name.toLowerCase());
  }
}

/** A run that is not as the contract says. */
export class Contradiction extends Error {
  override name = "Contradiction";
}
