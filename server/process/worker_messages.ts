/**
 * What the main thread and its workers tell each other: start, listen, stop. Packets never travel this way.
 *
 * @module
 */

import type { Asset } from "../../gateway/app.ts";
import type { PacketRow } from "../../shared/packet_table.ts";
import type { ServerConfig } from "../config/config.ts";
import type { MaintenancePlan } from "./maintenance_plan.ts";
import type { NodePorts } from "../session/context.ts";
import type { ModerationOutcome, ModerationRequest } from "../moderation/moderation_request.ts";
import type { LogicImage } from "../session/logic.ts";
import type { StorageChannel } from "../storage/storage_messages.ts";
import type { DrillCommand } from "../ops/hang.ts";
import type { TlsFiles } from "./tls.ts";

/** The rings between one io worker and logic, and the io worker's doorbell. */
export interface IoRings {
  readonly toLogic: SharedArrayBuffer;
  readonly fromLogic: SharedArrayBuffer;
  readonly doorbell: SharedArrayBuffer;
}

/** Starts an io worker. */
export interface IoInit {
  readonly kind: "init";
  readonly index: number;
  readonly config: ServerConfig;
  /** Every packet type of the game and the engine. */
  readonly packets: readonly PacketRow[];
  readonly counters: SharedArrayBuffer;
  readonly rings: IoRings;
  readonly logicDoorbell: SharedArrayBuffer;
  readonly admitted: SharedArrayBuffer;
  /** What is known of peers' addresses. */
  readonly addresses: SharedArrayBuffer;
  /** The file descriptors that it holds; a successor closes what is left of them. */
  readonly descriptors: SharedArrayBuffer;
  /** One 32-bit integer: 1 while the node serves players. */
  readonly ready: SharedArrayBuffer;
  readonly assets: ReadonlyMap<string, Asset>;
}

/** What the main thread tells an io worker. */
export type IoCommand =
  | IoInit
  /** Opens the ports, 0 taking a free one. */
  | { readonly kind: "listen"; readonly ports: NodePorts; readonly tls: TlsFiles | null }
  /** Newcomers meet another certificate, which has been checked. */
  | { readonly kind: "certificate"; readonly tls: TlsFiles }
  /** The game was reloaded, and its packets may be others. */
  | { readonly kind: "packets"; readonly packets: readonly PacketRow[] }
  /** The files of the page are others. */
  | { readonly kind: "assets"; readonly assets: ReadonlyMap<string, Asset> }
  | { readonly kind: "drain" }
  | { readonly kind: "collect" }
  | DrillCommand;

/** What an io worker reports. */
export type IoReport =
  | { readonly kind: "started"; readonly wakeDescriptor: number | null }
  | { readonly kind: "listening"; readonly ports: NodePorts }
  | { readonly kind: "listen_failed"; readonly message: string }
  | { readonly kind: "certificate_shown" }
  | { readonly kind: "packets_taken" }
  | { readonly kind: "drained" };

/** Starts the logic worker. */
export interface LogicInit {
  readonly kind: "init";
  readonly config: ServerConfig;
  readonly ports: NodePorts;
  readonly counters: SharedArrayBuffer;
  readonly gameMetrics: SharedArrayBuffer;
  readonly doorbell: SharedArrayBuffer;
  readonly storage: StorageChannel;
  readonly sessionKey: Uint8Array<ArrayBuffer>;
  /** Of this run of the process, where other servers use the database too. */
  readonly incarnation: string;
  /** The way to the bus, and which logic of this run it is, from 0; null: there is none. */
  readonly bus: { readonly port: MessagePort; readonly life: number } | null;
  readonly maintenance: MaintenancePlan | null;
  /** What it goes on from when the game was reloaded: it does nothing then before it is told to `run`. */
  readonly before?: { readonly image: LogicImage; readonly io: readonly IoStarted[] };
}

/** What logic is told of an io worker that has started. */
export interface IoStarted {
  readonly kind: "io";
  readonly index: number;
  readonly rings: IoRings;
  /** An eventfd that wakes the io worker out of the kernel; `null`: its doorbell does. */
  readonly wakeDescriptor: number | null;
}

/** What the main thread tells the logic worker. */
export type LogicCommand =
  | LogicInit
  | IoStarted
  /** Asks for the game that it has loaded. */
  | { readonly kind: "describe" }
  /** The game is to be reloaded: it stops at the end of a tick, until it is told to `run` again. */
  | { readonly kind: "hand_over"; readonly keptValuesMax?: number }
  | { readonly kind: "run" }
  /** The storage worker was started again. */
  | { readonly kind: "storage"; readonly channel: StorageChannel }
  /** The bus thread has died; or was started again. */
  | { readonly kind: "bus"; readonly port: MessagePort | null }
  /** A moderator's request, answered by {@linkcode LogicReport} `moderated` with the same number. */
  | { readonly kind: "moderate"; readonly id: number; readonly request: ModerationRequest }
  /** The operator has planned maintenance, or ends it. */
  | { readonly kind: "maintenance"; readonly plan: MaintenancePlan | null }
  /** The server is about to stop: instances may end, and sessions go to other servers. */
  | { readonly kind: "drain" }
  /** Instances are not waited for any more. */
  | { readonly kind: "hurry" }
  | { readonly kind: "stop" }
  | { readonly kind: "collect" }
  | DrillCommand;

/** What the logic worker reports. */
export type LogicReport =
  | { readonly kind: "started" }
  /** The game cannot go on from what it was given. */
  | { readonly kind: "start_failed"; readonly message: string }
  | { readonly kind: "described"; readonly game: string; readonly packets: readonly PacketRow[] }
  | { readonly kind: "handed_over"; readonly image: LogicImage }
  | { readonly kind: "not_handed_over"; readonly message: string }
  | { readonly kind: "drained" }
  | { readonly kind: "stopped" }
  | { readonly kind: `moderated ${number}`; readonly outcome: ModerationOutcome };
