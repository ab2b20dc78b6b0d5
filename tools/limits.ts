/** Bounds, with unit and reason, as in shared/limits.ts. @module */

import { assert } from "../shared/errors.ts";
import { HEARTBEAT_INTERVAL_MS_MAX, STORAGE_ROWS_MAX } from "../shared/limits.ts";

// Tools

/** Accounts that one run of the account tool creates, at most. */
export const BULK_PLAYERS_MAX = 100_000;
/** Accounts that the account tool creates in one transaction, which a running server has to wait for. */
export const BULK_PLAYERS_BATCH = 500;
/** Connections of one run: what five source addresses have ports for. */
export const LOADTEST_CONNECTIONS_MAX = 100_000;
/** Threads of one run. */
export const LOADTEST_THREADS_MAX = 64;
/** Connections from one address, or to one where none can be chosen: of some 28,000 ports Linux has to give. */
export const LOADTEST_CONNECTIONS_PER_ADDRESS = 20_000;
/** Connections one thread has in the making: more would overflow the server's accept queue and wait a second each. */
export const LOADTEST_CONNECTING_MAX = 256;
/** Newcomers of one thread that may wait for their answer at once; more are not opened, and count as failures. */
export const LOADTEST_NEWCOMERS_MAX = 1_024;
/** Messages one thread sends before it looks for answers again, so that being late does not make it deaf. */
export const LOADTEST_SENDS_PER_ROUND_MAX = 256;
/** How long one connection may take to be ready, its WebSocket upgrade or its entry included, in milliseconds. */
export const LOADTEST_READY_TIMEOUT_MS = 20_000;
/** Bytes a connection may have unsent before its sends fail: a server that stopped reading. */
export const LOADTEST_PENDING_BYTES_MAX = 1_048_576;
/** Highest rate of one connection, in messages/s. */
export const LOADTEST_RATE_MAX = 100_000;
/** Messages a connection may have outstanding in a closed loop. */
export const LOADTEST_OUTSTANDING_MAX = 1_024;
/** Longest phase of a run, in seconds. */
export const LOADTEST_SECONDS_MAX = 86_400;
/** Sequences that may be known beyond a missing one, for one connection, until that one counts as lost. */
export const LOADTEST_GAP_MAX = 4_096;
/** Positions kept of each player, to find when what a snapshot shows was sent: 6 s at 10 Hz. A power of two. */
export const LOADTEST_POSITIONS = 64;
/** Entity ids whose moves can be told apart: ids are small numbers, and this is a table of 4 MiB. */
export const LOADTEST_ENTITY_IDS_MAX = 1_048_576;
/** Messages times recipients one run of the chat scenario may keep account of, a bit each: 125 MB. */
export const LOADTEST_DELIVERIES_MAX = 1_000_000_000;
/** A connection sends a heartbeat this often, in milliseconds, as the wire contract wants it. */
export const LOADTEST_HEARTBEAT_MS = 10_000;
/** A server that is asked and says nothing for this long is lost, as for a client, in milliseconds. */
export const LOADTEST_SILENT_MS: number = 3 * LOADTEST_HEARTBEAT_MS;
/** Points a chart of the report shows at most: more than that no screen has pixels for. */
export const LOADTEST_CHART_POINTS_MAX = 600;

assert(BULK_PLAYERS_BATCH <= STORAGE_ROWS_MAX, "A batch of the account tool must fit a request to the storage");
assert(LOADTEST_HEARTBEAT_MS <= HEARTBEAT_INTERVAL_MS_MAX, "The load test must keep its connections alive");
assert((LOADTEST_POSITIONS & (LOADTEST_POSITIONS - 1)) === 0, "The positions kept must be a power of two");
