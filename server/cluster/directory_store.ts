/**
 * The directory: which nodes there are, and which of them every player is on. The database's clock decides whether a
 * node still holds its lease, and an epoch that only rises who of two may write a player's state: a lapsed lease permits
 * a claim, the epoch decides.
 *
 * @module
 */

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

/** What became of a renewal. */
export interface Renewal {
  /** False: the server id is another incarnation's, or nobody's. */
  readonly isHeld: boolean;
  /** The lease was over before it was renewed: others may have claimed the node's players. */
  readonly hadLapsed: boolean;
  /** Players of the node whom another one has tried to claim, at most `STORAGE_ROWS_MAX`; each is told until it is given up. */
  readonly wanted: readonly Ownership[];
}

/** Nodes and the players they own. Times are the database's own. */
export const DIRECTORY = defineStore("directory", {
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
  nodes: read<null, readonly NodeEntry[]>(),

  /** Claims a player for a node; again for its own raises the epoch too. One that is owned is wanted from then on. */
  claim: write<{ readonly playerId: number; readonly node: NodeId }, Claim>(),

  /** Gives a player up that is still owned under this epoch; whose it is then is nobody's. */
  release: write<Ownership, void>(),

  /** Hands a player over to another node, which holds its lease, under the next epoch; 0: it was not the owner's to give. */
  handOver: write<Ownership & { readonly to: NodeId }, number>(),

  /** Of some ownerships, the players of those that hold no longer. */
  lost: read<readonly Ownership[], readonly number[]>(),

  /** Whose a player is; undefined: nobody's, or that of a node whose lease has lapsed. */
  ownerOf: read<number, NodeId | undefined>(),
});

/** The store {@linkcode DIRECTORY}, as callers have it. */
export type Directory = StoreOf<typeof DIRECTORY>;
