/** What the bus thread, those who use it and the thread that started it say to each other. @module */

import type { DrillCommand } from "../ops/hang.ts";
import type { ErrorRecord } from "../storage/storage_messages.ts";
import type { BusMessage } from "./bus.ts";
import type { NatsTarget } from "./nats_target.ts";

/** Whom a node speaks through, and as who. */
export interface BusOptions {
  readonly target: NatsTarget;
  /** Certificates in PEM; empty: those the system trusts. */
  readonly ca: string;
  /** The key that the nodes of the cluster share. */
  readonly clusterKey: Uint8Array<ArrayBuffer>;
  /** This node's incarnation. */
  readonly node: string;
}

/** What a user of the bus sends through its port. */
export interface ToBus {
  readonly messages: readonly BusMessage[];
  /** Of what came, in its order: how many messages it has taken since it last said so. */
  readonly taken: number;
}

/** What it gets. */
export interface FromBus {
  readonly messages: readonly BusMessage[];
  readonly isUp: boolean;
  /** Of what it sent: how many messages have left since this was last told, and their bytes. */
  readonly sent: number;
  readonly sentBytes: number;
}

/** What the starting thread tells the bus thread. */
export type BusCommand =
  | { readonly kind: "open"; readonly options: BusOptions; readonly counters: SharedArrayBuffer }
  | { readonly kind: "connect"; readonly id: number; readonly port: MessagePort }
  | { readonly kind: "disconnect"; readonly id: number }
  | { readonly kind: "stop" }
  | DrillCommand;

/** What the bus thread tells the thread that started it. */
export type BusReport =
  | { readonly kind: "opened" }
  | { readonly kind: "open_failed"; readonly error: ErrorRecord }
  | { readonly kind: "state"; readonly isUp: boolean; readonly reason: string }
  | { readonly kind: "stopped" };
