/**
 * Every bound of the engine, with its unit and its reason. Relations between them are checked at the end, when the
 * module loads. Those of a game, of a part of games and of tools stand beside it, in a `limits.ts` of its own.
 *
 * @module
 */

import { assert } from "./errors.ts";

// Wire (docs/protocol.md, "Framing" and "Packet")

/** Bytes of the little-endian length before each frame's body. */
export const FRAME_HEADER_BYTES = 4;
/** Largest frame body, in bytes: the wire contract's MAX_PACKET_SIZE. */
export const FRAME_BYTES_MAX = 65_536;
/** Payloads above this may be compressed, in bytes: below it DEFLATE seldom makes up for its header. */
export const COMPRESSION_THRESHOLD_BYTES = 1_024;
/** Largest payload after decompression, in bytes: inflating stops there. */
export const DECOMPRESSED_BYTES_MAX = 262_144;
/** Largest envelope around a payload, in bytes: header fields at their widest, both tags and lengths. */
export const ENVELOPE_BYTES_MAX = 64;
/**
 * * Fields of a packet's envelope, counting unknown ones, repeated ones and those inside groups; it has 9 of its own. A
 * frame full of fields would take as long to read as a hundred others.
 */
export const ENVELOPE_FIELDS_MAX = 256;

/** Largest payload of an echo, in bytes: its answer, with type and size in the header, must fit a frame as well. */
export const ECHO_PAYLOAD_BYTES_MAX: number = FRAME_BYTES_MAX - 13;

/** Highest number of a packet type: it fits two bytes of a varint, and a table indexed by it stays small. */
export const PACKET_TYPE_MAX = 16_383;

// Connections

/** A connection that has sent nothing valid for this long is closed, in milliseconds. */
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/**
 * * A connection that has not logged in for this long makes room on a port that turns newcomers away, the oldest first,
 * in milliseconds: enough time to type a password.
 */
export const UNAUTHENTICATED_MS = 120_000;
/** How long a node that shares the database counts as alive after it last renewed its lease, in milliseconds. */
export const NODE_LEASE_MS = 6_000;
/** How often a node renews its lease, in milliseconds. */
export const NODE_RENEWAL_INTERVAL_MS = 2_000;
/**
 * Servers that LOGIN_RESPONSE lists, the least loaded of all: with names and addresses of full length they fit into a
 * frame.
 */
export const GAME_SERVERS_LISTED_MAX = 50;
/**
 * How long a player who was sent to a server counts towards its load before that server reports it, in milliseconds:
 * its next report and a slow entry.
 */
export const PLAYER_UNDER_WAY_MS = 2 * NODE_RENEWAL_INTERVAL_MS;
/** Longest name of a server, in characters. */
export const SERVER_NAME_LENGTH_MAX = 64;
/** Longest URL in the configuration, in characters. */
export const URL_LENGTH_MAX = 512;
/**
 * A node that has had no answer for this long acknowledges nothing durable, in milliseconds: others may soon think it
 * dead.
 */
export const NODE_SILENT_MS = 4_000;
/** Pause before another node is asked again for a player it owns, in milliseconds. */
export const OWNERSHIP_ASKED_AGAIN_MS = 500;
/**
 * How long to wait for a player whom another node owns, in milliseconds: that node learns of it when it renews its
 * lease, and then saves.
 */
export const OWNERSHIP_WAIT_MS = 4_000;
/** Longest `--login-queue`: behind so many, waiting is pointless. */
export const LOGIN_QUEUE_MAX = 10_000;
/** Share of the login queue that one address may fill, so that none shuts the others out. */
export const LOGIN_QUEUE_SHARE = 0.25;
/** How often everybody in the login queue is told their place, at least, in milliseconds. */
export const LOGIN_QUEUE_STATUS_MS = 2_000;
/** Players in the login queue that one tick looks at: enough for the longest queue within 2 s. */
export const LOGIN_QUEUE_TOLD_PER_TICK = 256;
/** How long a place in the login queue is kept for a player whose connection is lost, in milliseconds. */
export const LOGIN_QUEUE_KEPT_MS = 30_000;
/** A connection that has sent nothing at all for this long is closed, in milliseconds: three missed heartbeats. */
export const IDLE_TIMEOUT_MS = 45_000;
/**
 * * A request that leads to another state, such as a login, is answered within this, or its connection is closed, in
 * milliseconds: everything sent after it waits for the answer. Whatever the answer waits for has a shorter bound of its
 * own.
 */
export const ANSWER_TIMEOUT_MS = 40_000;
/** How long a closing connection may take to read its DISCONNECT_NOTICE before it is cut, in milliseconds. */
export const LINGER_TIMEOUT_MS = 2_000;
/** Packets of one connection that may be refused unhandled in an interval before it counts as a violation. */
export const REFUSED_PACKETS_MAX = 16;
/** The interval that refused packets are counted in, in milliseconds. */
export const REFUSED_INTERVAL_MS = 60_000;
/** Tokens that come back to a connection each second; the packet table says what each type costs. */
export const PACKET_TOKENS_PER_SECOND = 100;
/** Most tokens of a connection: a burst after a stall must pass. */
export const PACKET_TOKENS_BURST = 500;
/** Packets dropped for lack of tokens in an interval, with one warning a second, before the connection is closed. */
export const FLOOD_DROPS_MAX = 500;
/**
 * The interval in which dropped packets are counted, in milliseconds: a client that is a little too fast is slowed, not
 * closed.
 */
export const FLOOD_INTERVAL_MS = 10_000;
/** Tokens a connection takes from its address at a time, so that the shared table is asked once for all of them. */
export const ADDRESS_TOKENS_BATCH = 50;
/**
 * * Work other than packets that a connection may cause each second, in microseconds of an io worker: a hundredth of a
 * core. A connection that has used more is not read until it has paid for it.
 */
export const WORK_US_PER_SECOND = 10_000;
/** Most work that a connection may cause at once before it is slowed, in microseconds. */
export const WORK_US_BURST = 50_000;
/** Work that comes back to an address for each token it gets for packets, in microseconds. */
export const WORK_US_PER_ADDRESS_TOKEN = 10;
/** Seconds' worth of work that an address may cause at once: twenty addresses together take a core for a second. */
export const ADDRESS_WORK_BURST_SECONDS = 1;
/**
 * Work that a connection causes before it and its address are charged, in microseconds: one look at the shared table
 * for all of it.
 */
export const WORK_US_BATCH = 100;
/** Price of a connection, in microseconds: accepting it, keeping its state, closing it. */
export const WORK_ACCEPT_US = 100;
/** Price of a TLS handshake, in microseconds: a signature with a key of 2,048 bits for RSA. */
export const WORK_HANDSHAKE_US = 900;
/** Price of a TLS record, in microseconds: it is deciphered on its own, be it of a single byte. */
export const WORK_TLS_RECORD_US = 1;
/** Price of a read with epoll, however little it brought, in microseconds: event, system calls, first frame, answer. */
export const WORK_READ_US = 6;
/**
 * Price of a read with Deno's own sockets, in microseconds: a promise and an operation for each read and each write.
 */
export const WORK_READ_DENO_US = 10;
/** Bytes that are read, unmasked and cut into frames in a microsecond. */
export const WORK_READ_BYTES_PER_US = 1_024;
/** Price of a WebSocket frame behind the first of a read, in microseconds. */
export const WORK_WEBSOCKET_FRAME_US = 1;
/** Price of a ping and its pong, in microseconds. */
export const WORK_PING_US = 3;
/** Price of an echo, which costs no tokens, in microseconds. */
export const WORK_ECHO_US = 3;
/** Price of an HTTP request, in microseconds: an upgrade, or an asset whose answer is ready-made. */
export const WORK_HTTP_REQUEST_US = 150;
/** Price of an HTTP answer that is made for one request, in microseconds. */
export const WORK_HTTP_ANSWER_US = 200;
/** Bytes of a request's head that are read in a microsecond: each is looked at. */
export const WORK_HTTP_HEAD_BYTES_PER_US = 32;
/** Bytes of an HTTP answer that are put together and sent in a microsecond. */
export const WORK_HTTP_BODY_BYTES_PER_US = 1_024;
/** Price of inflating a payload, however small, in microseconds. */
export const WORK_INFLATE_US = 25;
/** Compressed bytes inflated in a microsecond in the worst case: blocks that hold nothing but their Huffman codes. */
export const WORK_INFLATE_BYTES_PER_US = 4;
/** How often connections in debt are checked, in milliseconds. */
export const THROTTLE_CHECK_MS = 10;
/**
 * Work that all connections that were in debt may cause between two checks, in microseconds: from however many
 * addresses they come, most of a thread's time is left for the others.
 */
export const DEBTORS_US_PER_CHECK = 3_000;
/** Longest time that a connection is not read before its debt is counted again, in milliseconds. */
export const THROTTLE_MS_MAX = 1_000;
/** Addresses that are remembered: 1.6 MB that all io workers share. */
export const ADDRESSES_MAX = 16_384;
/** Addresses that compete for the same places. */
export const ADDRESS_SET_ENTRIES = 8;
/** Seconds' worth of connections, and likewise of tokens, that one address may use at once. */
export const ADDRESS_BURST_SECONDS = 5;
/** First ban of an address, in milliseconds; each further one is twice as long. */
export const ADDRESS_BAN_MS_FIRST = 10_000;
/** Longest ban of an address, in milliseconds. */
export const ADDRESS_BAN_MS_MAX = 3_600_000;
/** Time without a ban that makes one ban forgotten, in milliseconds. */
export const ADDRESS_BAN_DECAY_MS = 600_000;
/** Ranges of addresses that one option may name. */
export const ADDRESS_RANGES_MAX = 64;
/** Bytes of a PROXY protocol header: 52 for two IPv6 addresses, the rest for what proxies add. */
export const PROXY_HEADER_BYTES_MAX = 2_048;
/** Bytes of a PROXY protocol header, version 1, including its line end: the bound of its specification. */
export const PROXY_LINE_BYTES_MAX = 107;
/** Hops in X-Forwarded-For or Forwarded that are read at most: chains of proxies have two or three. */
export const FORWARDED_HOPS_MAX = 32;
/** How long a proxy may take to send its header, in milliseconds. */
export const PROXY_HEADER_TIMEOUT_MS = 5_000;
/** Fields of a client's message before it is parsed, those sent twice included: the longest message has 10. */
export const MESSAGE_FIELDS_MAX = 64;
/** A heartbeat echo older than this tells nothing about the round trip, in milliseconds. */
export const RTT_MS_MAX = 10_000;
/** Pending bytes above which a connection counts as slow: droppable packets are dropped, snapshots are not built. */
export const SEND_QUEUE_SOFT_BYTES = 65_536;
/** Pending bytes above which a connection is closed as a slow reader. */
export const SEND_QUEUE_HARD_BYTES = 1_048_576;
/** How long a connection may stay above its soft cap before it is closed as a slow reader, in milliseconds. */
export const SLOW_READER_MS = 15_000;
/** How long a request's head may take to arrive, in milliseconds; an idle HTTP connection is closed as soon. */
export const HTTP_HEAD_TIMEOUT_MS = 5_000;
/** Bytes of an HTTP answer that are sent at a time: what a connection holds of it, however long it is. */
export const HTTP_PIECE_BYTES = 65_536;
/** How long a peer may take to read so many bytes of an answer, in milliseconds: 2 KB a second. */
export const HTTP_TAKE_TIMEOUT_MS = 30_000;
/** Bytes one read takes from a socket at most. */
export const READ_CHUNK_BYTES = 65_536;
/** Bytes given to TLS at once: encrypting them takes the thread some 3 ms. */
export const TLS_WRITE_BYTES_MAX = 262_144;
/** What an idle connection reads into, in bytes, where each needs a buffer of its own. */
export const READ_BUFFER_BYTES = 512;
/** Size of a pooled send buffer, in bytes. */
export const POOL_BUFFER_BYTES = 4_096;
/** Send buffers kept for reuse by one io worker. */
export const POOL_BUFFERS_MAX = 1_000;
/** Size of a large pooled send buffer, in bytes: the answers to one read. */
export const POOL_LARGE_BUFFER_BYTES = 131_072;
/** Large send buffers kept for reuse by one io worker. */
export const POOL_LARGE_BUFFERS_MAX = 16;
/** Connections one io worker may have that were refused and are being told so. */
export const REFUSED_CONNECTIONS_MAX = 256;
/** Largest payload of the server's WebSocket frames, in bytes: what a 16-bit length can express. */
export const WEBSOCKET_FRAME_BYTES_MAX = 65_535;
/** Connections one io worker may hold, in slots. */
export const SLOTS_MAX = 65_536;

/** How often the main thread checks that the others make progress, in milliseconds. */
export const ROUNDS_CHECK_INTERVAL_MS = 100;
/**
 * Share of the memory that V8 gives a thread, of which logic may use as much. V8 collects garbage at the latest halfway
 * between what is live and the limit, so four fifths of the limit are live then.
 */
export const MEMORY_SHARE_MAX = 0.9;
/** How often logic looks at it, in milliseconds. */
export const MEMORY_CHECK_INTERVAL_MS = 200;
/**
 * Share at which a new logic worker goes on for it: at least half of the limit is live then, and there is time to load the
 * game before {@linkcode MEMORY_SHARE_MAX}.
 */
export const MEMORY_RELIEF_SHARE = 0.75;
/** Share that the new one may use at most to go on: with more, players would have been held for little. */
export const MEMORY_RELIEVED_SHARE_MAX = MEMORY_RELIEF_SHARE / 2;
/** Time between two of them at least, in milliseconds. */
export const MEMORY_RELIEF_INTERVAL_MS = 60_000;
/**
 * Values that the game may keep then: they are copied in the memory that is left, while players are held. 64 bytes of a
 * text or a buffer count as one.
 */
export const MEMORY_RELIEF_KEPT_VALUES_MAX = 200_000;
/** A thread that finishes nothing for this long makes the server unready, in milliseconds: visible within 2 s. */
export const THREAD_STALL_MS = 1_500;
/** A thread that finishes nothing for this long counts as hung, and the process ends itself, in milliseconds. */
export const THREAD_HANG_MS = 2_500;
/** How often a thread reports how far behind it was at worst, in milliseconds. */
export const LAG_INTERVAL_MS = 500;
/**
 * How long instances may go on when the server stops, in seconds: with {@linkcode SESSIONS_DRAIN_MS} and
 * {@linkcode STOP_TIMEOUT_MS} it ends within the 30 s that Kubernetes gives unless told.
 */
export const DRAIN_SECONDS = 15;
/** How often a server that waits for instances looks whether one is over, in milliseconds. */
export const DRAIN_LOOK_MS = 100;
/**
 * How long a server that stops hands sessions over to others, in milliseconds: the rest of its time is for those left.
 */
export const SESSIONS_DRAIN_MS = 4_000;
/** Sessions that a server which stops hands over at once: each is a transaction. */
export const SESSIONS_DRAINED_AT_ONCE = 16;
/** How long a session that is handed over waits for answers that it is owed, in milliseconds. */
export const DRAIN_ANSWERS_MS = 1_000;
/**
 * Clients of a server that stops go on at another one after a random time up to this, in milliseconds: not all at once.
 */
export const DRAIN_JITTER_MS = 500;
/** A thread that is behind by more than this has more to do than it can manage, in milliseconds: players notice. */
export const OVERLOAD_LAG_MS = 250;
/**
 * A thread that stays behind for this long is overloaded, and the server unready, in milliseconds: more than a burst.
 */
export const OVERLOAD_MS = 3_000;
/** First pause before a parent process starts the server again, in milliseconds. */
export const KEEPER_PAUSE_MS = 250;
/** Longest pause before a parent process starts the server again, in milliseconds. */
export const KEEPER_PAUSE_MS_MAX = 30_000;
/** A server that ran for this long counts as healthy: the pause starts at its first length again, in milliseconds. */
export const KEEPER_STABLE_MS = 60_000;
/** How often the storage is asked whether a write reaches the disk, in milliseconds. */
export const STORAGE_CHECK_INTERVAL_MS = 5_000;
/** How often the storage worker shows that it is alive, in milliseconds. */
export const STORAGE_PULSE_MS = 500;
/**
 * * A storage worker that has finished nothing for this long counts as hung, and the process ends itself, in
 * milliseconds. It waits for the disk, and disks that recover can stall for up to half a minute: a network volume, a
 * drive that spins up or remaps a bad sector.
 */
export const STORAGE_HANG_MS = 60_000;
/** Pause before a worker that lived no longer than this is started again, in milliseconds. */
export const WORKER_RESTART_MS = 1_000;
/** Pause before the storage worker is started again after it could not be started, in milliseconds. */
export const STORAGE_RESTART_MS = 1_000;
/**
 * How long what a game does at the end may take, changes that it wants saved among it, in milliseconds: with
 * {@linkcode DRAIN_TIMEOUT_MS} within {@linkcode STOP_TIMEOUT_MS}, so that a game does not keep a server from stopping in
 * order.
 */
export const GAME_STOP_MS = 4_000;
/** How long stopping may take once no instance is waited for, in milliseconds, before the process exits anyway. */
export const STOP_TIMEOUT_MS = 9_000;
/** How long the io workers may take to let everyone go when the server stops, in milliseconds. */
export const DRAIN_TIMEOUT_MS = 3_000;
/** How often time-outs are looked at, in milliseconds. */
export const SWEEP_INTERVAL_MS = 500;
/** A longer step of the clock means that the process did not run, in milliseconds. */
export const CLOCK_STEP_MS_MAX = 2_000;
/** Pause after an accept that failed for lack of file descriptors or memory, in milliseconds. */
export const ACCEPT_PAUSE_MS = 50;
/** Connections one listener accepts in a round, so that a burst does not hold up the others. */
export const ACCEPTS_PER_ROUND_MAX = 64;
/** Connections one listener may accept in a round however little time is left, so that newcomers get in under load. */
export const ACCEPTS_PER_ROUND_MIN = 8;
/** Sockets that the epoll loop asks the kernel for at a time. */
export const EPOLL_EVENTS_PER_ROUND_MAX = 256;
/**
 * * How long one part of a round may take before the next has its turn, in milliseconds: sockets, records from logic,
 * backlogs of connections, sending. The rest is left for the next round.
 */
export const ROUND_PART_MS = 3;
/** Things done before the clock is looked at again: reading it costs as much as a small packet's decoding. */
export const ROUND_ITEMS_PER_LOOK = 64;
/**
 * * How long the epoll loop may run before timers and messages have their turn, in milliseconds: checking for them
 * costs as much as two packets, so it happens fifty times a second.
 */
export const EPOLL_TURN_MS = 20;
/** After work that takes longer than this, the clock is read at once, in microseconds. */
export const WORK_LOOK_US = 20;
/** Frames of one connection that are handled before others have their turn. */
export const FRAMES_PER_SERVICE_MAX = 256;
/** WebSocket frames of one connection that are decoded before its debt and the time are looked at. */
export const WEBSOCKET_FRAMES_PER_SERVICE_MAX = 64;
/** Longest wait of the epoll loop, in milliseconds: connections in debt are checked as often. */
export const EPOLL_WAIT_MS = 10;
/** Up to this many sockets in a round, the epoll backend yields its core before the next round. */
export const EPOLL_YIELD_EVENTS_MAX = 64;
/** File descriptors are below this on the epoll backend. */
export const DESCRIPTORS_MAX = 1_048_576;
/** A peer that acknowledges nothing for this long is gone (TCP_USER_TIMEOUT), in milliseconds. */
export const TCP_USER_TIMEOUT_MS: number = IDLE_TIMEOUT_MS;
/**
 * * Bytes the kernel keeps unsent for one connection on the epoll backend (TCP_NOTSENT_LOWAT): what waits there can no
 * longer be replaced by something newer, and for a slow reader it would be megabytes.
 */
export const SOCKET_UNSENT_BYTES_MAX = 32_768;
/** HTTP connections one io worker serves at a time. */
export const HTTP_CONNECTIONS_MAX = 1_024;

// Rings between threads

/** Size of the ring from an io worker to logic, in bytes: 10,000 movements wait in it. A power of two. */
export const RING_TO_LOGIC_BYTES = 1_048_576;
/** Size of the ring from logic to an io worker, in bytes: a tick writes all its snapshots at once. A power of two. */
export const RING_TO_IO_BYTES = 4 * 1_048_576;
/** Largest record a ring takes, in bytes: a decompressed payload and its header. */
export const RING_RECORD_BYTES_MAX: number = DECOMPRESSED_BYTES_MAX + 1_024;

/** Records that wait for room in one ring to an io worker: answers that are in no outbox. */
export const LINK_OVERFLOW_RECORDS_MAX = 4_096;
/** Recipients one broadcast record names: 16 bytes each, so that the record stays within its bound. */
export const BROADCAST_RECIPIENTS_MAX = 12_288;
/** While a game is reloaded: how long requests under way are waited for before they are refused, in milliseconds. */
export const RELOAD_SETTLE_MS = 500;
/** How long a game that is reloaded may take to load, in milliseconds: what hangs is given up. */
export const RELOAD_LOAD_MS = 15_000;
/** How long it may take to start, while players are held, in milliseconds. */
export const RELOAD_START_MS = 10_000;
/**
 * How long logic takes records before it steps the world, acknowledges and publishes, in milliseconds: a third of a
 * step.
 */
export const LOGIC_TURN_MS = 4;
/**
 * How long packets may wait for logic before it refuses some instead of handling them, in milliseconds: those of the types
 * that take most of its time.
 */
export const LOGIC_LATE_MS = 500;
/** Time that logic has spent on a type lately, so that its packets are refused first, in milliseconds a second or two. */
export const LOGIC_LATE_WORK_MS = 200;
/**
 * How long packets may wait for logic before it refuses all but those that lead to another state, in milliseconds: also
 * what it refuses is answered within 5 s.
 */
export const LOGIC_TOO_LATE_MS = 3_000;
/**
 * A request is answered within this, or refused with UNAVAILABLE, in milliseconds: longer than what it asks of the storage
 * may take, and with its way back within 5 s.
 */
export const REQUEST_ANSWER_MS = 4_600;
/** When another entry of a player no longer waits for what a game has begun to load for one before, in milliseconds. */
export const LOAD_ABANDONED_MS = 60_000;
/** Records logic takes from one ring before it publishes what came of them and takes from the next. */
export const RECORDS_PER_PORTION_MAX = 64;
/**
 * Packets that logic handles by their bytes, a few microseconds each, before it looks at the clock again, which costs a
 * tenth of such a packet; after any other it looks at once.
 */
export const LIGHT_RECORDS_PER_LOOK = 16;
/** Ticks that may be made up for after a stall; older ones are skipped. */
export const TICKS_BEHIND_MAX = 5;
/**
 * * Steps of a world tick, each of which serves an equal part of the viewers. What one step sends is gone before the
 * next, so that nobody's snapshot waits behind everybody else's.
 */
export const WORLD_STEPS_PER_TICK = 4;
/**
 * The part of every tick that what games do in instances may take, all instances together: the rest is for packets, the
 * world and everything else. An instance that takes more than its share of it skips ticks.
 */
export const INSTANCES_TICK_PART = 0.5;
/** Characters are saved this often while their player is in the world, in milliseconds. */
export const CHARACTER_SAVE_INTERVAL_MS = 60_000;

// Sessions

/** How long a session waits for its player to come back after the connection broke, in milliseconds. */
export const LINK_DEAD_MS = 60_000;
/**
 * How long a resumed connection has to show that it received the answer while another with the same token waits, in
 * milliseconds.
 */
export const RESUME_REPEAT_MS = 500;
/**
 * How long a resume whose connection broke before it was answered spares the next one asking the database, in
 * milliseconds: as long as a client waits between two. What has become of its account meanwhile is not seen.
 */
export const RESUME_MARK_MS = 10_000;
/** After how long a client asks again whose session is on its way from one server to another, in milliseconds. */
export const RESUME_AGAIN_MS = 500;
/**
 * * Highest packet number that a client may claim to have received from a dead server, or to have sent to it: more than any
 * session has, and far below where numbers are no longer exact.
 */
export const RESUME_SEQUENCE_MAX = 2 ** 48;
/** Reliable packets kept until acknowledged, per session. */
export const OUTBOX_PACKETS_MAX = 1_024;
/** Bytes of reliable packets kept until acknowledged, per session. */
export const OUTBOX_BYTES_MAX = 262_144;
/**
 * How many times these bounds may be exceeded by packets that could not be sent for lack of room in a ring: as much as
 * one portion of records can cause. Logic accepts nothing more until there is room.
 */
export const OUTBOX_UNSENT_FACTOR = 4;
/**
 * * Least bound of a send queue: a resume fills it with a whole outbox at once, and a client closed as a slow reader
 * for that would come back to the same for ever.
 */
export const SEND_QUEUE_HARD_BYTES_MIN: number = OUTBOX_BYTES_MAX + FRAME_BYTES_MAX + FRAME_HEADER_BYTES;
/** Characters outside the world whose penalties are kept: at most as many as a world holds. */
export const PENALTIES_MAX = 16_384;

// Login

/** Wrong passwords for one account from one address before the next attempt must wait. */
export const LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS = 5;
/** Wrong passwords for one account from anywhere before an attempt from a new address must wait. */
export const LOGIN_FAILURES_PER_ACCOUNT = 50;
/** Wrong passwords from one address before accounts that are new there must wait: many people may share it. */
export const LOGIN_FAILURES_PER_ADDRESS = 200;
/** How long it takes until one wrong password of an account, or of an address, is forgotten, in milliseconds. */
export const LOGIN_FAILURE_FADE_MS = 60_000;
/** Longest wait after wrong passwords for one account from one address, in milliseconds. */
export const LOGIN_DELAY_MS_MAX = 15 * 60_000;
/**
 * Longest wait because of others' wrong passwords for an account, in milliseconds: 2,880 guesses a day, from wherever.
 */
export const ACCOUNT_DELAY_MS_MAX = 30_000;
/** Longest wait because of others' wrong passwords from an address, in milliseconds. */
export const ADDRESS_DELAY_MS_MAX = 60_000;
/** Accounts, addresses, and pairs of both whose failures are remembered: this many of each. */
export const LOGIN_GUARD_ENTRIES_MAX = 10_000;
/** Accounts whose tokens were revoked recently, as remembered: more than change while a login is under way. */
export const TOKEN_EPOCHS_RECENT_MAX = 10_000;
/**
 * How long an account is kept after its deletion was requested, in milliseconds: a login within that time cancels the
 * deletion.
 */
export const ACCOUNT_DELETION_GRACE_MS = 14 * 24 * 3_600_000;
/** How often the server looks for accounts that are due to be deleted, in milliseconds. */
export const ACCOUNT_DELETION_LOOK_INTERVAL_MS = 10 * 60_000;
/** Accounts deleted at a time: each may have many rows. */
export const ACCOUNTS_DELETED_MAX = 100;
/** Addresses that each account is known to log in from. */
export const LOGIN_ADDRESSES_PER_ACCOUNT = 5;
/** How often the server notes that an account still logs in from an address, in milliseconds. */
export const LOGIN_ADDRESS_NOTED_MS = 24 * 3_600_000;
/** Passwords of one address that are being checked or hashed: a part of the queue that everyone waits in. */
export const PASSWORDS_PENDING_PER_ADDRESS = 32;
/** Addresses whose registrations are remembered. */
export const REGISTRATION_ADDRESSES_MAX = 10_000;

// Names

/** Visible characters of a player's name, at least: names of two syllables, or of two Han characters, are common. */
export const PLAYER_NAME_LENGTH_MIN = 2;
/** The same where names are of ASCII only. */
export const PLAYER_NAME_ASCII_MIN = 3;
/** Visible characters of a player's name, at most. */
export const PLAYER_NAME_LENGTH_MAX = 20;
/** Names and words that are reserved, at most. */
export const RESERVED_NAMES_MAX = 1_000;
/**
 * Combining marks on one letter: UTS 39 treats more as suspicious, and hundreds would cover the lines above and below.
 */
export const MARKS_PER_LETTER_MAX = 4;

// Operation

/** Connections that one port may be configured for: one io worker could hold them all. */
export const CONNECTIONS_MAX = 65_536;
/** Io workers that may be configured: more than any likely machine has cores. */
export const IO_WORKERS_MAX = 64;
/** Characters of a configuration file, so that a wrong path given to `--config` cannot fill the memory. */
export const CONFIG_FILE_CHARS_MAX = 1_048_576;
/** Characters of the name of a game's own action for operators. */
export const GAME_ACTION_CHARS_MAX = 64;
/** Fields that such an action is given at most. */
export const GAME_ACTION_FIELDS_MAX = 16;
/** Bytes of all files of a game's page: every io worker keeps them in memory. */
export const WEB_FILES_BYTES_MAX = 33_554_432;
/** Fewest characters of an admin token if the admin site can be reached from other machines. */
export const ADMIN_TOKEN_LENGTH_MIN = 16;
/** How long open requests may delay the end of the admin site, in milliseconds. */
export const ADMIN_STOP_TIMEOUT_MS = 1_000;
/** Connections to the admin site at once: the one that has waited longest for a request gives way to one more. */
export const ADMIN_CONNECTIONS_MAX = 64;
/** Bytes of a body that the admin site reads: more than any may have, so that the error says what is too long. */
export const ADMIN_BODY_BYTES_MAX = 16_384;
/**
 * How long a connection to the admin site may wait for its next request, in milliseconds: Prometheus asks each minute.
 */
export const ADMIN_IDLE_TIMEOUT_MS = 75_000;
/** How long an answer of the admin site may take to be made and read, in milliseconds. */
export const ADMIN_ANSWER_TIMEOUT_MS = 30_000;
/** Bytes of one log line: a pipe takes PIPE_BUF bytes whole, so lines of several threads never mix. */
export const LOG_LINE_BYTES_MAX = 4_096;
/** Characters of one value in a log line. */
export const LOG_VALUE_CHARS_MAX = 1_024;
/** Properties of one log line. */
export const LOG_PROPERTIES_MAX = 32;
/** Handling one packet may take this long before it is counted as slow, in milliseconds. */
export const SLOW_PACKET_MS = 1;
/** Handling one packet may take this long before a warning is logged, in milliseconds: a fifth of a tick. */
export const SLOW_PACKET_WARNED_MS = 10;
/** Warnings of slow packets, at most, from one worker in one interval of {@linkcode LOG_INTERVAL_MS}. */
export const SLOW_PACKET_LINES_MAX = 5;
/** Lines of one kind, at most, from one part of the program in one interval of {@linkcode LOG_INTERVAL_MS}. */
export const LOG_KIND_LINES_MAX = 5;
/** Kinds of lines that one part of the program distinguishes: its messages, and the packet types they are about. */
export const LOG_KINDS_MAX = 512;
/** Lines of the packet logger, at most, from one worker in one interval of {@linkcode LOG_INTERVAL_MS}. */
export const PACKET_LOG_LINES_MAX = 200;
/** The interval of rate-limited logs, in milliseconds. */
export const LOG_INTERVAL_MS = 1_000;
/** Payload bytes that the packet logger shows in hex. */
export const PACKET_LOG_PAYLOAD_BYTES_MAX = 64;
/** How often the monitor takes a sample, in milliseconds. */
export const MONITOR_INTERVAL_MS = 1_000;
/** Samples the monitor keeps: one minute for the sparklines of the status page. */
export const MONITOR_SAMPLES_MAX = 60;
/** Samples the round trip is taken over: two heartbeats of every client, as one second may hold none. */
export const MONITOR_RTT_SAMPLES = 30;
/** Series of a game's own metrics, one for each value of a label: all of them are some 20 KB. */
export const GAME_METRIC_SERIES_MAX = 256;
/** Bytes of a series' name, label and value. */
export const GAME_METRIC_SERIES_BYTES = 320;
/** Values of a metric's label, at most; those that come later are counted under one. */
export const GAME_METRIC_LABEL_VALUES_MAX = 32;

// Gateway: HTTP and WebSocket

/** Bytes of an HTTP request head, with every line end: cookies of other services on the same host come along. */
export const HTTP_HEAD_BYTES_MAX = 16_384;
/** Field lines of an HTTP request head: browsers send some 20. */
export const HTTP_FIELDS_MAX = 100;
/** Requests served on one HTTP connection before it is closed. */
export const HTTP_REQUESTS_PER_CONNECTION_MAX = 100;
/** Largest HTTP response body that is made for one request, in bytes: files of a page may be larger. */
export const HTTP_BODY_BYTES_MAX = 4 * 1_048_576;
/** Largest payload of a WebSocket control frame, in bytes (RFC 6455, section 5.5). */
export const WEBSOCKET_CONTROL_BYTES_MAX = 125;
/** Largest reason in a WebSocket close frame, in bytes of UTF-8: a control payload less its code. */
export const WEBSOCKET_REASON_BYTES_MAX: number = WEBSOCKET_CONTROL_BYTES_MAX - 2;
/** Largest message on `/ws`, over all its fragments, in bytes: 64 KiB of frame body and its length. */
export const WEBSOCKET_MESSAGE_BYTES_MAX: number = FRAME_HEADER_BYTES + FRAME_BYTES_MAX;
/**
 * Largest message on `/echo`, in bytes: twice what the Autobahn test suite sends. Kept until its last frame is here.
 */
export const ECHO_MESSAGE_BYTES_MAX = 32 * 1_048_576;

// Storage

/** Requests one thread may have waiting at the storage: three for each of 5,000 players. */
export const STORAGE_PENDING_MAX = 16_384;
/**
 * How long a logout waits for its character to be saved, in milliseconds: a storage that takes no writes does not hold
 * up leaving players, and saves later.
 */
export const LOGOUT_SAVE_WAIT_MS = 2_000;
/** Of those, requests of one address: enough for many players behind one address who all do something at once. */
export const STORAGE_PENDING_PER_SOURCE_MAX = 1_024;
/**
 * Logins and entries that are done before another request of a player has its turn: a ninth of the work is left for
 * those.
 */
export const STORAGE_ENTRIES_IN_A_ROW_MAX = 8;
/** Requests on their way to the storage worker: enough for its next turn, few enough for urgent ones to be next. */
export const STORAGE_IN_FLIGHT_MAX = 128;
/**
 * Of how many of those one is kept for what keeps the server whole: its lease does not lapse behind entries that wait
 * for each other.
 */
export const STORAGE_IN_FLIGHT_PER_RESERVED = 8;
/**
 * A request that keeps the database to itself for longer is slow, in milliseconds: what is quick takes less than a tenth of
 * it.
 */
export const STORAGE_SLOW_MS = 2;
/**
 * Of those, what players ask while they play, after a pause, or while requests or the handlers behind their answers are
 * slow: an entry or a save may have to wait for so many. While all is quick, they grow to all of them.
 */
export const STORAGE_WINDOW_MIN = 8;
/**
 * What a client asks of the storage is answered or given up within this, in milliseconds: with the way there and back,
 * and the interval at which waiting requests are looked at, its request is answered within 5 s.
 */
export const STORAGE_TIMEOUT_MS = 4_000;
/** How often waiting storage requests are looked at, in milliseconds. */
export const STORAGE_SWEEP_INTERVAL_MS = 250;
/** How long a tool waits for another process that writes the same database, in milliseconds. */
export const STORAGE_BUSY_TIMEOUT_MS = 2_000;
/** How long the storage worker waits for another process that writes, in milliseconds: reads wait with it. */
export const STORAGE_LOCK_WAIT_MS = 20;
/** Pause before writes are tried again that another process keeps from being done, in milliseconds; reads go on. */
export const STORAGE_LOCK_PAUSE_MS = 25;
/**
 * How long the storage worker does requests before it answers them and looks at what came meanwhile, in milliseconds.
 */
export const STORAGE_BATCH_MS = 5;
/** How long logic takes answers of the storage before it goes on with packets and ticks, in milliseconds. */
export const STORAGE_ANSWERS_MS = 3;
/**
 * Bytes of the write-ahead log that are kept when it starts over: growth caused by a long read is returned to the disk.
 */
export const STORAGE_LOG_BYTES_KEPT: number = 16 * 1_048_576;
/** How often the write-ahead log is brought into the database when no request waits, in milliseconds. */
export const STORAGE_CHECKPOINT_INTERVAL_MS = 5_000;
/**
 * Bytes of the write-ahead log that are warned of, and again whenever they have doubled: something keeps it from
 * ending.
 */
export const STORAGE_LOG_BYTES_WARNED: number = 64 * 1_048_576;
/** Rows one bulk request may carry: some 100 ms during which no other process writes. */
export const STORAGE_ROWS_MAX = 10_000;
/** Bytes of one document of a game: enough for what a player owns, not for a world. */
export const DOCUMENT_BYTES_MAX = 65_536;
/** Characters of a document's key. */
export const DOCUMENT_KEY_LENGTH_MAX = 64;
/** Documents that one transaction of a game reads and changes. */
export const DOCUMENTS_PER_TRANSACTION_MAX = 32;
/** Documents of one collection that belong to no player: some 6 GB if all are as large as can be. */
export const DOCUMENTS_PER_COLLECTION_MAX = 100_000;
/** Numbers that one document is found by. */
export const DOCUMENT_INDEXES_MAX = 8;
/** Documents that one query gives. */
export const DOCUMENT_ROWS_MAX = 100;
/** Bytes of the documents that one query gives, at least those of one: logic parses them in one go, in some 5 ms. */
export const DOCUMENT_ROWS_BYTES_MAX = 262_144;
/** Documents that are counted for a rank; one behind more has no rank. */
export const DOCUMENT_RANK_MAX = 10_000;
/** How often a transaction of a game is tried when others get in its way. */
export const DOCUMENT_TRIES_MAX = 8;
/**
 * How long a transaction keeps its turn at a document that others want to change too, in milliseconds: a hundred times what
 * one takes that waits for nothing but the storage.
 */
export const DOCUMENT_TURN_MS = 500;
/** Receipts kept for one player: the requests that may be under way at once, with room for late repeats. */
export const RECEIPTS_PER_PLAYER_MAX = 64;
/**
 * Receipts kept for one player of changes that the game made by itself: more than wait to be tried again, as their answers
 * were lost.
 */
export const CHANGE_RECEIPTS_PER_PLAYER_MAX = 256;
/** Bytes of an answer that is kept with a receipt. */
export const RECEIPT_BYTES_MAX = 4_096;
/** How long a receipt is good, in milliseconds: no client repeats a request for longer. */
export const RECEIPT_MS: number = 24 * 3_600_000;
/** Changes that a game has asked for and that are not on disk yet. */
export const PERSISTED_CHANGES_MAX = 10_000;
/** Pause before such a change, or a migration of documents, is first tried again, in milliseconds. */
export const PERSIST_RETRY_MS_MIN = 500;
/** The longest wait between two tries, in milliseconds. */
export const PERSIST_RETRY_MS_MAX = 30_000;
/** How long it is tried, in milliseconds: well below the age of receipts, which make sure that it is done once. */
export const PERSIST_MS_MAX: number = RECEIPT_MS / 2;
/**
 * * What has expired is deleted once the clock has said so for this long, in milliseconds: wrong clocks are corrected
 * within minutes.
 */
export const EXPIRY_CONFIRM_MS = 600_000;
/** How often what has expired is deleted, in milliseconds. */
export const EXPIRY_INTERVAL_MS = 60_000;
/** Expired rows of a kind that are deleted at a time: some 10 ms, and 1.4 million a day. */
export const EXPIRED_DELETED_MAX = 1_024;
/** Connections of a server to PostgreSQL: each is a process there, and PostgreSQL allows a hundred by default. */
export const POSTGRES_CONNECTIONS_MAX = 8;
/** How long a connection to PostgreSQL may take to be made, in milliseconds. */
export const POSTGRES_CONNECT_TIMEOUT_MS = 3_000;
/** How soon the next attempt to connect is made, in milliseconds. */
export const POSTGRES_RETRY_MS = 250;
/** How far the clock of a server may be from its database's when it starts, in milliseconds: bans and wars end by it. */
export const CLOCK_OFF_MS_MAX = 60_000;
/** How often a server that starts tries to reach its database, in milliseconds. */
export const POSTGRES_START_RETRY_MS = 1_000;
/** How long a statement may take, or a transaction may wait for the next one, in milliseconds. */
export const POSTGRES_STATEMENT_TIMEOUT_MS = 10_000;
/**
 * How long a transaction waits for one of another server on the same store, in milliseconds; then it is tried again.
 */
export const POSTGRES_LOCK_WAIT_MS = 1_000;
/** Requests of one transaction: with more, PostgreSQL handles the savepoints of a transaction less well. */
export const POSTGRES_GROUP_MAX = 60;
/**
 * How long a transaction takes up more requests, in milliseconds: other servers wait for its stores, and the rest of
 * its group does in the next one.
 */
export const POSTGRES_GROUP_MS = 100;
/** How often requests are tried whose connection was lost before anything was committed. */
export const POSTGRES_TRIES_MAX = 3;
/** How long to wait for a new connection before requests are given up, in milliseconds. */
export const POSTGRES_RECONNECT_MS = 1_000;

// Between nodes

/** How often a node tells the others how full it is, in milliseconds. */
export const NODE_BEAT_INTERVAL_MS = 1_000;
/** A node that has not been heard for this long is not offered to players, in milliseconds: a few beats may be lost. */
export const BUS_SILENT_MS = 4_000;
/**
 * Largest payload of one message between nodes, in bytes: a page of players, and below half of what NATS accepts by
 * default.
 */
export const BUS_PAYLOAD_BYTES_MAX = 393_216;
/** The same with its envelope. */
export const BUS_MESSAGE_BYTES_MAX = 524_288;
/** Fields of an envelope that came over the bus, which anybody there may have written: servers write two. */
export const BUS_ENVELOPE_FIELDS_MAX = 16;
/** Messages between nodes that wait for one thread; beyond that they are dropped, and the receiver notices. */
export const BUS_WAITING_MAX = 8_192;
/** Bytes of them. */
export const BUS_WAITING_BYTES_MAX = 33_554_432;
/** How long one node waits for the answer of another, in milliseconds: a player waits for it. */
export const BUS_ANSWER_MS = 1_500;
/** Those of one other node: one that speaks without end leaves half of the places to the others. */
export const BUS_WAITING_PER_NODE_MAX = 4_096;
/** Bytes of them. */
export const BUS_WAITING_BYTES_PER_NODE_MAX = 16_777_216;
/** Questions of a node that wait for answers. */
export const BUS_QUESTIONS_MAX = 4_096;
/** Those to one other node, which may leave all of them without an answer: the others can still be asked. */
export const BUS_QUESTIONS_PER_NODE_MAX = 1_024;
/**
 * How far the time at which a message was sent may be from this node's clock, in milliseconds: two clocks may each be a
 * minute from the database's, and a message is under way for seconds. Older ones were kept by somebody, and said again.
 */
export const BUS_AGE_MS_MAX = 150_000;
/** Other nodes that are remembered: silent ones are forgotten first. */
export const BUS_PEERS_MAX = 1_024;
/** Messages of one run of the logic thread: their numbers stay exact for 130,000 runs. */
export const BUS_NUMBERS_PER_LIFE: number = 2 ** 36;
/** How often the bus thread shows that it is alive, in milliseconds. */
export const BUS_PULSE_MS = 500;
/** How often the bus is pinged, in milliseconds; after two pings without an answer it counts as down. */
export const BUS_PING_INTERVAL_MS = 500;
/** How long a connection to the bus may take to be made, in milliseconds. */
export const BUS_CONNECT_TIMEOUT_MS = 2_000;
/** Pause before the bus is tried again, in milliseconds; up to as much again is added by chance. */
export const BUS_RETRY_MS = 250;
/** Longest pause between attempts, in milliseconds. */
export const BUS_RETRY_MS_MAX = 2_000;
/** How long the storage worker may take to stop, in milliseconds: half of what a shutdown has. */
export const STORAGE_STOP_TIMEOUT_MS = 5_000;

// Passwords and session tokens

/** Memory of one password hash, in KiB: the least OWASP advises for Argon2id with two passes. */
export const PASSWORD_MEMORY_KIB = 19_456;
/** Passes over that memory. */
export const PASSWORD_PASSES = 2;
/** Lanes of one password hash: each hash has one thread. */
export const PASSWORD_PARALLELISM = 1;
/** Most memory a stored verifier may ask for, in KiB. */
export const PASSWORD_MEMORY_KIB_MAX = 65_536;
/** Most passes a stored verifier may ask for. */
export const PASSWORD_PASSES_MAX = 10;
/** Most lanes a stored verifier may ask for. */
export const PASSWORD_PARALLELISM_MAX = 4;
/** Characters of a stored verifier: prefix, parameters, 64 bytes of salt and 64 of hash. */
export const PASSWORD_VERIFIER_CHARS_MAX = 256;
/** Password hashes computed at once, at most, and fewer than there are cores: each takes a core for some 50 ms. */
export const PASSWORD_HASHES_MAX = 4;
/** Password hashes that may wait: what two cores compute in the 5 s that players are willing to wait. */
export const PASSWORD_QUEUE_MAX = 256;
/** How long a password hash may wait for its turn, and again how long it may take, in milliseconds. */
export const PASSWORD_WAIT_MS_MAX = 10_000;
/** Characters of a session token: ours have some 300. */
export const SESSION_TOKEN_CHARS_MAX = 2_048;
/** How long a session token is good for, in milliseconds, if not configured. */
export const SESSION_TOKEN_LIFETIME_MS = 24 * 3_600_000;
/** How far the clocks of two servers may differ, in seconds. */
export const SESSION_TOKEN_LEEWAY_S = 60;

// World

/** Entities one world may hold at most: ids take three bytes on the wire and leave a bit in 16 to mark them with. */
export const WORLD_ENTITIES_MAX = 24_576;
/** Players one world may hold at most: other entities have room of their own. */
export const WORLD_PLAYERS_MAX = 16_384;
/** The world has room for one entity that nobody plays for each this many players, unless the game says otherwise. */
export const PLAYERS_PER_OTHER = 10;
/** Entity ids handed out before an id is used again: longer than any packet is under way. */
export const ENTITY_ID_QUARANTINE = 1_024;
/** Longest side of a map, in units: a coordinate in centimetres stays a varint of three bytes. */
export const MAP_SIZE_MAX = 10_000;
/** Highest id of a map that exists from the start; those of instances begin above it. */
export const MAP_ID_MAX = 255;
/** Instances of all templates that one world may have at once: an entity's map is kept in 16 bits. */
export const INSTANCES_MAX = 4_096;
/** Cells of the grids of all maps and instances at once: 8 bytes each. */
export const GRID_CELLS_MAX = 4_194_304;
/** Farthest an entity may be above or below the ground, in units. */
export const ALTITUDE_MAX = 1_000;
/** Highest configurable speed, in units/s: a velocity in cm/s stays a varint of three bytes. */
export const SPEED_MAX = 1_000;
/** An entity seen stays seen until this many times the interest radius away, so that borders do not flicker. */
export const INTEREST_HYSTERESIS = 1.1;
/** How much faster than the map's speed a player may move: clocks and rounding of honest clients. */
export const MOVEMENT_SPEED_TOLERANCE = 1.15;
/** Travel time a player has to spare when it enters or is moved by the server, in milliseconds. */
export const MOVEMENT_TOLERANCE_MS = 250;
/** Travel time a player may save up, in milliseconds: one second of silence (a stalled network) and the tolerance. */
export const MOVEMENT_CREDIT_MS_MAX: number = 1_000 + MOVEMENT_TOLERANCE_MS;
/** Bytes of one WORLD_SNAPSHOT payload at most, if not configured; the rest waits a tick. */
export const SNAPSHOT_BYTES_MAX = 8_192;
/** Least that may be configured: the head, the viewer's own news and one spawn, at their widest. */
export const SNAPSHOT_BYTES_CONFIG_MIN = 1_024;
/** Most that may be configured: at 20 snapshots a second it is 5 Mbit/s for each player. */
export const SNAPSHOT_BYTES_CONFIG_MAX = 32_768;
/** Highest kind of an entity: its slot has a byte for it. */
export const ENTITY_KIND_MAX = 127;
/** Highest id of a component: it takes a byte on the wire. */
export const COMPONENT_ID_MAX = 127;
/** Components of a game: each has a bit in a word, the sign aside. */
export const COMPONENTS_MAX = 31;
/** Bytes of one component of one entity, at most: a few dozen are usual, and all entities have room for it. */
export const COMPONENT_BYTES_MAX = 512;
/** Reasons for which a game may hold entities: each has a bit in a byte. */
export const HOLD_REASONS_MAX = 8;
/** Bytes of an entity's name in UTF-8. */
export const ENTITY_NAME_BYTES_MAX = 80;

// Moderation

/** Ranges of addresses that can be banned at once: they are kept in memory and listed in one answer. */
export const ADDRESS_BANS_MAX = 1_000;
/** How often banned addresses are read again, in milliseconds: another server may share the database. */
export const ADDRESS_BANS_READ_INTERVAL_MS = 30_000;
/** Players whose sanctions changed last, kept for logins that had asked the storage just before. */
export const SANCTIONS_RECENT_MAX = 1_024;
/** How long that counts instead of what the storage has, in milliseconds: as long as a login may take. */
export const SANCTIONS_RECENT_MS = 15_000;
/** How often servers look what others have decided of the players who are here, in milliseconds: the bus may be down. */
export const DECISIONS_READ_INTERVAL_MS = 10_000;
/** Characters of the reason of a mute, a kick or a ban. */
export const MODERATION_REASON_CHARS_MAX = 200;
/** Characters of a moderator's name. */
export const MODERATOR_CHARS_MAX = 64;
/** Longest mute or ban that ends by itself, in seconds: ten years. */
export const MODERATION_SECONDS_MAX: number = 3_650 * 86_400;
/** Bytes of the body of a request to moderate. */
export const MODERATION_BODY_BYTES_MAX = 4_096;
/** Names of players who may play during maintenance: as many as fit into the body of a request. */
export const MAINTENANCE_ALLOWED_MAX = 40;
/** Longest time before maintenance begins, in seconds: a week. */
export const MAINTENANCE_DELAY_SECONDS_MAX: number = 7 * 86_400;
/** Sessions that maintenance ends in a second: saving them holds nobody up. */
export const MAINTENANCE_LET_GO_MAX = 500;
/** Bytes of what an operator tells everybody, in UTF-8. */
export const ANNOUNCEMENT_BYTES_MAX = 255;
/** Requests to moderate that are under way at once. */
export const MODERATION_PENDING_MAX = 64;
/** Players that one list of those online names. */
export const MODERATION_PLAYERS_MAX = 1_000;
/** Mutes and bans that one list names. */
export const MODERATION_SANCTIONS_MAX = 1_000;

// Client

/** How often a client sends a heartbeat unless told otherwise, in milliseconds: three fit into a short outage. */
export const HEARTBEAT_INTERVAL_MS = 5_000;
/**
 * Silence of the server after which a client asks whether it is still there, in milliseconds: a world at rest sends
 * nothing.
 */
export const CLIENT_SILENCE_MS = 1_500;
/**
 * How long that heartbeat may be unanswered before the application is told, in milliseconds: a slow round trip is not a
 * fault.
 */
export const CLIENT_ANSWER_MS = 1_000;
/**
 * How long a client waits for one of several servers to accept its connection before it tries the next, in
 * milliseconds.
 */
export const CLIENT_MOVE_TIMEOUT_MS = 3_000;
/** How long a client that is closed waits for the answer to its LOGOUT_REQUEST, in milliseconds. */
export const CLIENT_CLOSE_MS = 2_000;
/** Longest interval of heartbeats the wire contract allows, in milliseconds. */
export const HEARTBEAT_INTERVAL_MS_MAX = 15_000;
/** How long a client waits for a connection to be made, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** How long a client waits for the answer to a request, in milliseconds. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** Requests one client may have waiting for their answers. */
export const CLIENT_REQUESTS_MAX = 1_024;
/** Reliable packets a client keeps while it cannot send them. */
export const CLIENT_QUEUE_PACKETS_MAX = 256;
/** Bytes of reliable packets a client keeps while it cannot send them. */
export const CLIENT_QUEUE_BYTES_MAX = 262_144;
/** Bytes its transport may hold before a client keeps packets back instead. */
export const CLIENT_BUFFERED_BYTES_MAX = 262_144;
/**
 * How often in a row a client follows a server's direction at once: to its session's server, and once more if that has
 * moved.
 */
export const CLIENT_FOLLOWED_MAX = 2;
/** How often in a row a client goes where it is sent after a short pause, before it waits as after a lost connection. */
export const CLIENT_FOLLOWED_SLOWLY_MAX = 8;
/** That pause from one connection to the next, in milliseconds: a dead server is named for 3 s. */
export const CLIENT_FOLLOW_PAUSE_MS = 500;
/** How often a client looks whether its transport has drained, in milliseconds: nothing announces it on a WebSocket. */
export const CLIENT_DRAIN_POLL_MS = 10;
/**
 * How long a client waits before it sends a durable request again that was answered with UNAVAILABLE, in milliseconds; each
 * time twice as long. A disk that was slow has caught up, and an outage is not asked often.
 */
export const CLIENT_REPEAT_MS = 500;
/** A client acknowledges after this many reliable packets at the latest, well before the sender's outbox is full. */
export const CLIENT_ACK_PACKETS = 128;
/** A client acknowledges after this many bytes of reliable packets at the latest. */
export const CLIENT_ACK_BYTES = 32_768;
/** First ceiling of the wait before a reconnection, in milliseconds. */
export const RECONNECT_BASE_MS = 250;
/** Highest ceiling of the wait before a reconnection, in milliseconds: several attempts within LINK_DEAD_MS. */
export const RECONNECT_CAP_MS = 10_000;
/**
 * A connection that lasted this long counts as good: the next reconnection begins at the base again, in milliseconds.
 */
export const RECONNECT_STABLE_MS = 5_000;
/** Longest wait a server may ask a client for, in milliseconds; it also keeps timers below their 31 bits. */
export const RETRY_AFTER_MS_MAX = 3_600_000;
/** Compressed bytes inflated in one step, so that inflating stops within 1,032 times as many of its bound. */
export const INFLATE_SLICE_BYTES = 512;

assert(SEND_QUEUE_HARD_BYTES_MIN <= SEND_QUEUE_HARD_BYTES, "A send queue must hold an outbox and the largest frame");
assert(SEND_QUEUE_SOFT_BYTES < SEND_QUEUE_HARD_BYTES, "A send queue sheds before it closes");
assert(
  GAME_SERVERS_LISTED_MAX * (3 * SERVER_NAME_LENGTH_MAX + 253 + URL_LENGTH_MAX + 64) < FRAME_BYTES_MAX - 8_192,
  "The longest list of servers, each with a host name of full length, must fit into a frame",
);
assert(ADDRESSES_MAX % ADDRESS_SET_ENTRIES === 0, "Addresses must fill whole sets");
assert(ADDRESS_BAN_MS_FIRST < ADDRESS_BAN_MS_MAX, "Bans must be able to grow");
assert(
  LOGIN_FAILURES_PER_ACCOUNT_AND_ADDRESS < LOGIN_FAILURES_PER_ACCOUNT &&
    LOGIN_FAILURES_PER_ACCOUNT < LOGIN_FAILURES_PER_ADDRESS,
  "What concerns more people must delay later",
);
assert(ACCOUNT_DELAY_MS_MAX < LOGIN_FAILURE_FADE_MS, "Guesses at an account must not fade faster than they are heard");
assert(
  2 * PASSWORD_WAIT_MS_MAX + 4 * (STORAGE_TIMEOUT_MS + 2 * STORAGE_SWEEP_INTERVAL_MS) < ANSWER_TIMEOUT_MS,
  "A login must be answered before its connection is given up",
);
assert(ANSWER_TIMEOUT_MS < IDLE_TIMEOUT_MS, "Whose request is not answered is not read, and must not count as idle");
assert(PASSWORDS_PENDING_PER_ADDRESS < PASSWORD_QUEUE_MAX, "An address must leave the queue room for others");
assert((RING_TO_IO_BYTES & (RING_TO_IO_BYTES - 1)) === 0, "A ring's size must be a power of two");
assert(EPOLL_WAIT_MS <= THROTTLE_CHECK_MS, "The epoll loop must look at those in debt as often as it has to");
assert(
  STORAGE_TIMEOUT_MS + 2 * STORAGE_SWEEP_INTERVAL_MS < REQUEST_ANSWER_MS,
  "What the storage says of a request comes before it is given up",
);
assert(DRAIN_TIMEOUT_MS + GAME_STOP_MS < STOP_TIMEOUT_MS, "A game's end is part of the server's");
assert(LOGIC_TOO_LATE_MS < REQUEST_ANSWER_MS, "Who waits is refused in time");
assert(SANCTIONS_RECENT_MS > 3 * STORAGE_TIMEOUT_MS, "A login reads that often after what stands against its player");
assert(BUS_SILENT_MS > 3 * NODE_BEAT_INTERVAL_MS, "A node that is late is not silent");
assert(BUS_PAYLOAD_BYTES_MAX + 1_024 <= BUS_MESSAGE_BYTES_MAX, "A message between nodes must have room for its header");
assert(THREAD_STALL_MS > 2 * BUS_PULSE_MS, "A bus thread with nothing to do shows that it is alive");
assert(THREAD_STALL_MS > 2 * SWEEP_INTERVAL_MS, "A thread with nothing to do makes a round once in a sweep");
assert(OVERLOAD_MS > 2 * LAG_INTERVAL_MS, "One bad interval is no overload");
assert(THREAD_STALL_MS + 2 * ROUNDS_CHECK_INTERVAL_MS <= 2_000, "A thread that hangs must show within 2 s");
assert(
  THREAD_HANG_MS > CLOCK_STEP_MS_MAX + 2 * ROUNDS_CHECK_INTERVAL_MS,
  "A server that was stopped for a while must not take its threads for hanging",
);
assert(CLOCK_STEP_MS_MAX >= 2 * SWEEP_INTERVAL_MS, "The clock must be asked more often than its longest step");
assert(
  BROADCAST_RECIPIENTS_MAX * 16 + FRAME_BYTES_MAX <= RING_RECORD_BYTES_MAX,
  "A broadcast to the most recipients must fit a record",
);
assert(RING_TO_IO_BYTES >= 4 * RING_RECORD_BYTES_MAX, "A ring must hold several of its largest records");
assert(COMPRESSION_THRESHOLD_BYTES < DECOMPRESSED_BYTES_MAX, "Compression must fit its bound");
assert(MONITOR_RTT_SAMPLES < MONITOR_SAMPLES_MAX, "The round trip is taken over samples that are kept");
assert(LOG_VALUE_CHARS_MAX < LOG_LINE_BYTES_MAX, "A log line must hold one of its largest values");
assert(WEBSOCKET_MESSAGE_BYTES_MAX >= FRAME_HEADER_BYTES + FRAME_BYTES_MAX, "A WebSocket message must hold a frame");
assert(STORAGE_LOCK_WAIT_MS + STORAGE_LOCK_PAUSE_MS < STORAGE_TIMEOUT_MS / 10, "A locked database is tried often");
assert(STORAGE_PENDING_PER_SOURCE_MAX * 4 <= STORAGE_PENDING_MAX, "One address must leave the storage room for others");
assert(PASSWORD_MEMORY_KIB <= PASSWORD_MEMORY_KIB_MAX, "Password hashes of our own must be within their bounds");
assert(PASSWORD_PASSES <= PASSWORD_PASSES_MAX, "Password hashes of our own must be within their bounds");
assert(SNAPSHOT_BYTES_CONFIG_MAX <= FRAME_BYTES_MAX - ENVELOPE_BYTES_MAX, "A snapshot must fit a frame");
assert(PLAYER_NAME_LENGTH_MAX * 4 <= ENTITY_NAME_BYTES_MAX, "An entity's name must hold a player's name");
assert(INTEREST_HYSTERESIS > 1, "An entity must be lost farther away than it is found");
assert(MOVEMENT_TOLERANCE_MS <= MOVEMENT_CREDIT_MS_MAX, "The tolerance must fit what may be saved up");
assert(3 * HEARTBEAT_INTERVAL_MS_MAX <= IDLE_TIMEOUT_MS, "Two lost heartbeats must not close a connection");
assert(4 * CLIENT_ACK_PACKETS <= OUTBOX_PACKETS_MAX, "A client must acknowledge before the server's outbox is full");
assert(4 * CLIENT_ACK_BYTES <= OUTBOX_BYTES_MAX, "A client must acknowledge before the server's outbox is full");
assert(3 * RECONNECT_CAP_MS < LINK_DEAD_MS, "A client must come back in time to resume");
assert(CONNECTIONS_MAX <= SLOTS_MAX, "An io worker must have a slot for every connection of a port");
