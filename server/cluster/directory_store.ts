/**
 * The directory: which nodes there are, and which of them every player is on. The database's clock decides whether a
 * node still holds its lease, and an epoch that only rises who of two may write a player's state: a lapsed lease permits
 * a claim, the epoch decides.
 *
 * @module
 */

import type { SavedCharacter } from "../storage/storage.ts";
import { defineStore, read, type StoreOf, write } from "../storage/store.ts";

/** One run of a node: a server id may be used again, an incarnation is not. */
export interface NodeId {
  /** `--server-id`: one among the nodes that run. */
  readonly serverId: number;
  /** Random, made at each start. */
  readonly incarnation: string;
}

/** What the others are told of a node. */
export interface NodeLoad {
  readonly currentPlayers: number;
  readonly maxPlayers: number;
  /** It takes nobody any more. */
  readonly isDraining: boolean;
}

/** How clients reach a node. */
export interface NodeAddress {
  readonly serverName: string;
  readonly host: string;
  readonly gamePort: number;
  readonly gatewayUrl: string;
}

/** A node with everything that is known of it. */
export interface NodeEntry extends NodeId, NodeLoad, NodeAddress {}

/** A player's state may be written by one node alone, under its epoch. */
export interface Ownership {
  /** The account's id. */
  readonly playerId: number;
  /** At least 1; 0 stands for no epoch at all, where one node has the database for itself. */
  readonly epoch: number;
}

/**
 * What became of a claim. `claimed`: the player is the node's, under this epoch · `owned`: another node that holds its
 * lease has it · `lapsed`: the node itself holds no lease.
 */
export type Claim =
  | { readonly kind: "claimed"; readonly epoch: number }
  | { readonly kind: "owned"; readonly owner: NodeId }
  | { readonly kind: "lapsed" };

/** By what the session of a player in the world is resumed. */
export interface SessionMark {
  /** The character that is played; 0: the account's first. */
  readonly characterId: number;
  /** SHA-256 of the resume token in base64url: nobody resumes by what is in the database. */
  readonly tokenHash: string;
  /** The same of the token before, which a client brings that was not told the new one; null: none. */
  readonly previousTokenHash: string | null;
}

/** A client that comes with a resume token. */
export interface SessionQuery {
  readonly tokenHash: string;
  /** How long a session without a connection, or without a node, is kept for its client, in milliseconds. */
  readonly graceMs: number;
}

/**
 * Where a session is. `owned`: on a node that holds its lease, for `leaseLeftMs` unless it is renewed · `free`: nowhere,
 * any node may take it · `over`: no session has such a token, or its time is over.
 */
export type SessionPlace =
  | {
    readonly kind: "owned";
    readonly playerId: number;
    readonly characterId: number;
    readonly owner: NodeEntry;
    readonly leaseLeftMs: number;
  }
  | { readonly kind: "free"; readonly playerId: number; readonly characterId: number }
  | { readonly kind: "over" };

/** What a session that was taken goes on from. */
export interface TakenSession extends Ownership {
  readonly kind: "taken";
  readonly characterId: number;
  /** What its node handed over; null: that node is dead, and took everything else with it. */
  readonly session: Uint8Array | null;
}

/** What became of a renewal. */
export interface Renewal {
  /** False: the server id is another incarnation's, or nobody's. */
  readonly isHeld: boolean;
  /** The lease was over before it was renewed: others may have claimed the node's players. */
  readonly hadLapsed: boolean;
  /** What the node owns and another one has tried to claim, at most `STORAGE_ROWS_MAX`; told until it is given up. */
  readonly wanted: readonly Ownership[];
}

/**
 * Which nodes there are. Times are the database's own. Its own store: however many claims wait for each other, no lease
 * lapses behind them.
 */
export const NODES = defineStore("nodes", {
  /**
   * Enters a node; `taken` where another one with its server id holds its lease.
   *
   * @param argument `leaseMs` in milliseconds from now.
   */
  join: write<{ readonly node: NodeEntry; readonly leaseMs: number }, "joined" | "taken">(),

  /** Renews a node's lease, lapsed or not, says how the node is, and tells it who is wanted from it. */
  renew: write<{ readonly node: NodeId; readonly load: NodeLoad; readonly leaseMs: number }, Renewal>(),

  /** Takes a node out: what it owned may be claimed at once. */
  leave: write<NodeId, void>(),

  /** The nodes that hold their leases, by server id. */
  list: read<null, readonly NodeEntry[]>(),
});

/** The store {@linkcode NODES}, as callers have it. */
export type Nodes = StoreOf<typeof NODES>;

/** The players that nodes own. Times are the database's own. */
export const DIRECTORY = defineStore("directory", {
  /**
   * Claims a player for a node; again for its own raises the epoch too.
   *
   * @param argument `asks`: one that another node owns is wanted from it from then on. Default: true.
   */
  claim: write<
    { readonly playerId: number; readonly node: NodeId; readonly mark: SessionMark; readonly asks?: boolean },
    Claim
  >(),

  /**
   * Says by what a player's session is resumed from now on. It is wanted by nobody else then, until it is asked for again.
   *
   * @param argument `tokenEpoch`: which tokens of its account held when the session began.
   * @returns `fenced` where the player is not owned under this epoch, `void` where those tokens hold no longer.
   */
  mark: write<
    Ownership & { readonly mark: SessionMark; readonly tokenEpoch: number },
    "marked" | "fenced" | "void"
  >(),

  /** Gives a player up that is still owned under this epoch; whose it is then is nobody's. */
  release: write<Ownership, void>(),

  /**
   * Saves a character and gives its player up, with all that any node needs to go on with the session.
   *
   * @param argument `character`: left out where nothing is to be saved. `mark`: by what it is resumed: its client may have shown by now that it has the newest token.
   * `session` is an `HandedOverSession`, kept for `graceMs`.
   * @returns False where the player is not owned under this epoch: nothing is done then.
   */
  handOver: write<
    Ownership & {
      readonly character?: SavedCharacter;
      readonly mark: SessionMark;
      readonly session: Uint8Array;
      readonly graceMs: number;
    },
    boolean
  >(),

  /** Where the session of a token is. */
  findSession: read<SessionQuery, SessionPlace>(),

  /** Claims a player whose session is `free`, or was on this node, for whoever brings its token; `next` replaces that. */
  takeSession: write<
    SessionQuery & { readonly node: NodeId; readonly nextTokenHash: string },
    TakenSession | SessionPlace | { readonly kind: "lapsed" }
  >(),

  /**
   * Is done once all claims are that were under way: they may not have seen a lease that was renewed meanwhile, those that
   * come later do.
   */
  settle: write<null, void>(),

  /** Of some ownerships, the players of those that hold no longer. */
  lost: read<readonly Ownership[], readonly number[]>(),

  /** Whose a player is; undefined: nobody's, or that of a node whose lease has lapsed. */
  ownerOf: read<number, NodeId | undefined>(),
});

/** The store {@linkcode DIRECTORY}, as callers have it. */
export type Directory = StoreOf<typeof DIRECTORY>;
