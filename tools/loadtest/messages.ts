/**
 * What the main thread and the workers of a run tell each other: the task at the start, the report at the end.
 *
 * @module
 */

import type { EngineName } from "./engine.ts";
import type { LedgerTotals } from "./sequence_ledger.ts";

/** What load to make. */
export const SCENARIO_NAMES = ["echo", "login", "world", "chat", "idle"] as const;
/** One of {@linkcode SCENARIO_NAMES}. */
export type ScenarioName = typeof SCENARIO_NAMES[number];
/** What carries the connections. */
export const TRANSPORT_CHOICES = ["tcp", "ws", "both"] as const;
/** One of {@linkcode TRANSPORT_CHOICES}. */
export type TransportChoice = typeof TRANSPORT_CHOICES[number];
/** Who hears what is said in the chat scenario. */
export const CHAT_CHANNELS = ["global", "whisper"] as const;
/** One of {@linkcode CHAT_CHANNELS}. */
export type ChatChannel = typeof CHAT_CHANNELS[number];

/** How players get into the world: by a token at the server that is named, or logged in, where the list sends them. */
export const ENTRY_CHOICES = ["token", "login"] as const;
/** One of {@linkcode ENTRY_CHOICES}. */
export type EntryChoice = typeof ENTRY_CHOICES[number];

/** Who plays. */
export interface LoadPlayer {
  readonly name: string;
  readonly token: string;
  /** Empty: it does not log in. */
  readonly password: string;
  /** 64 hex digits, as LOGIN_REQUEST has them. */
  readonly passwordHash: string;
}

/** The load of a run, the same for every thread. */
export interface LoadPlan {
  readonly scenario: ScenarioName;
  readonly transport: TransportChoice;
  readonly engine: EngineName;
  /** An IP address. */
  readonly address: string;
  readonly gamePort: number;
  readonly gatewayPort: number;
  readonly entry: EntryChoice;
  /** Where players over TCP log in. */
  readonly loginPort: number;
  /** The name of `address`, as its certificate has it. */
  readonly host: string;
  /** The addresses of game servers that are listed by name. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Certificates that TLS trusts, in PEM; none: no TLS. */
  readonly caCerts: readonly string[];
  /** Connections of all threads. */
  readonly connectionCount: number;
  readonly threadCount: number;
  /** Messages of each connection, a second; 0 in the echo scenario: a closed loop. */
  readonly ratePerS: number;
  /** Of a closed loop: messages a connection has under way. */
  readonly outstanding: number;
  readonly rampS: number;
  /** Bytes of an ECHO_REQUEST's frame. */
  readonly frameBytes: number;
  /** ECHO_REQUEST's route: 0 the io worker, 1 the logic worker. */
  readonly route: number;
  readonly chatRatePerS: number;
  readonly fightRatePerS: number;
  readonly chatChannel: ChatChannel;
  /** Connections of all threads, a second, that come while is measured, ask for a heartbeat, and hang up. */
  readonly newcomersPerS: number;
  /** One in so many players of the world watches: it reads at once, is timed, and looks at every move it is shown. */
  readonly sampleEvery: number;
  /** The shared clock's base. */
  readonly baseUnixMs: number;
}

/** One thread's part. */
export interface WorkerTask {
  readonly plan: LoadPlan;
  readonly threadIndex: number;
  /** The connections of this thread: `first`, and `count` of them. */
  readonly first: number;
  readonly count: number;
  /** Who plays on them; none in the echo scenario. */
  readonly players: readonly LoadPlayer[];
  readonly phase: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  /** Where everyone was, for the world scenario. */
  readonly positions: SharedArrayBuffer | null;
  /** Messages sent so far in each group of the chat scenario. */
  readonly groups: SharedArrayBuffer | null;
}

/** What each client of the measured time got; index by connection of the thread. */
export interface ClientStats {
  /** WORLD_SNAPSHOT a second. */
  readonly snapshotsPerS: Float32Array<ArrayBuffer>;
  readonly bytesPerS: Float32Array<ArrayBuffer>;
  /** The mean and the longest wait for what the scenario is about, in milliseconds. */
  readonly waitMsMean: Float32Array<ArrayBuffer>;
  readonly waitMsMax: Float32Array<ArrayBuffer>;
  readonly visible: Float32Array<ArrayBuffer>;
  /** 95th percentile of others' movements, in milliseconds. */
  readonly movementMsP95: Float32Array<ArrayBuffer>;
}

/** Where the players of one thread played, counted while they do. */
export interface ServersReport {
  /** Players by server; who played at two counts at both. */
  readonly players: Map<string, number>;
  /** Connections that were lost and made again, and how many of them brought news of a gap, or a new session. */
  returns: number;
  gaps: number;
  reentries: number;
}

/** One thread's account. */
export interface WorkerReport {
  readonly servers: ServersReport;
  /** By what was counted: `echo`, `chat`, `movements`, … */
  readonly ledgers: Readonly<Record<string, LedgerTotals>>;
  /** What went wrong, in words, and how often. */
  readonly failures: ReadonlyMap<string, number>;
  /** Numbers that only some scenarios have. */
  readonly details: Readonly<Record<string, number>>;
  readonly clients: ClientStats;
}

/** What a worker posts. */
export type WorkerMessage =
  | { readonly kind: "report"; readonly report: WorkerReport }
  | { readonly kind: "failed"; readonly message: string };
