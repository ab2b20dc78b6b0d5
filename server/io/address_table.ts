/**
 * What is known of the addresses that peers come from, in memory that all io workers share: how many connections each
 * has, how fast it may open more and send packets, and whether it is banned.
 *
 * A fixed number of entries, in sets of a few: an address belongs to one set, and when that is full, the entry that is
 * missed least gives way - never one with connections. An address that finds no place is not limited; the limits of
 * ports and connections hold all the same.
 *
 * @module
 */

import {
  ADDRESS_BAN_DECAY_MS,
  ADDRESS_BAN_MS_FIRST,
  ADDRESS_BAN_MS_MAX,
  ADDRESS_SET_ENTRIES,
  ADDRESSES_MAX,
} from "../../shared/limits.ts";
import type { Clock } from "../base/clock.ts";
import type { BucketRate } from "../base/token_bucket.ts";

/** What one address may do. */
export interface AddressLimits {
  /** Connections at once. */
  readonly connectionsMax: number;
  /** New connections. */
  readonly connects: BucketRate;
  /** Tokens of packets, over all its connections. */
  readonly packets: BucketRate;
  /** Work that is no packet, over all its connections, in microseconds. */
  readonly work: BucketRate;
}

/** Whether an address may have one more connection. */
export interface AddressVerdict {
  readonly kind: "admitted" | "too_many" | "too_fast" | "banned";
  /** Its place in the table while the connection lasts; -1: it is not counted. */
  readonly entry: number;
  /** When it may come again, in milliseconds; 0 for `admitted`. */
  readonly waitMs: number;
}

/** 64-bit floats of an entry, in this order. */
const KEY_HIGH = 0;
const KEY_LOW = 1;
/** When it was used last; 0: the entry is free. All times are Unix milliseconds, as the workers' own clocks differ. */
const USED_MS = 2;
const CONNECTIONS = 3;
const CONNECT_TOKENS = 4;
const CONNECT_FILLED_MS = 5;
const PACKET_TOKENS = 6;
const PACKET_FILLED_MS = 7;
const BANNED_UNTIL_MS = 8;
/** How often it was banned, as far as that is not forgotten. */
const STRIKES = 9;
const WORK_TOKENS = 10;
const WORK_FILLED_MS = 11;
const ENTRY_FLOATS = 12;

/** The lock and the seed, 32-bit integers each. */
const HEADER_BYTES = 8;
const LOCK = 0;
const SEED = 1;
const ENTRIES_BYTES = ADDRESSES_MAX * ENTRY_FLOATS * 8;
/** How often the lock is tried before the thread sleeps a moment: it is held for less than a microsecond. */
const SPINS_MAX = 1_000;
/** How far a time may lie ahead before it counts as one from before the clock was set back, in milliseconds. */
const AHEAD_MS_MAX = 60_000;

/** Makes the shared memory: the entries, then each worker's share of the connections. */
export function createAddressTableBuffer(workerCount: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(HEADER_BYTES + ENTRIES_BYTES + workerCount * ADDRESSES_MAX * 4);
  // Nobody outside can know which addresses share a set.
  new Uint32Array(buffer)[SEED] = crypto.getRandomValues(new Uint32Array(1))[0];
  return buffer;
}

/** The table as one io worker sees it. */
export class AddressTable {
  readonly #words: Int32Array;
  readonly #floats: Float64Array;
  /** Connections of this worker by entry: what a successor takes off. */
  readonly #own: Int32Array;
  readonly #owner: number;
  readonly #limits: AddressLimits;
  /** Added to the worker's monotonic clock. */
  readonly #offsetMs: number;

  /**
   * Begins with no connections of this worker: what a crashed one before it held is taken off, its lock too.
   *
   * @param worker Its index.
   */
  constructor(buffer: SharedArrayBuffer, worker: number, limits: AddressLimits, clock: Clock) {
    this.#words = new Int32Array(buffer, 0, 2);
    this.#floats = new Float64Array(buffer, HEADER_BYTES, ADDRESSES_MAX * ENTRY_FLOATS);
    this.#own = new Int32Array(buffer, HEADER_BYTES + ENTRIES_BYTES + worker * ADDRESSES_MAX * 4, ADDRESSES_MAX);
    this.#owner = worker + 1;
    this.#limits = limits;
    this.#offsetMs = clock.unixMs() - clock.monotonicMs();
    Atomics.compareExchange(this.#words, LOCK, this.#owner, 0);
    this.#lock();
    for (let entry = 0; entry < ADDRESSES_MAX; entry++) {
      if (this.#own[entry] === 0) continue;
      this.#floats[entry * ENTRY_FLOATS + CONNECTIONS] -= this.#own[entry];
      this.#own[entry] = 0;
    }
    this.#unlock();
  }

  /**
   * Counts one more connection of an address, unless that is too many, too fast, or it is banned.
   *
   * @param address 16 bytes. Of an IPv6 address the first 64 bits count.
   * @param nowMs Of this worker's monotonic clock.
   */
  tryAdmit(address: Uint8Array, nowMs: number): AddressVerdict {
    const timeMs = nowMs + this.#offsetMs;
    this.#lock();
    const entry = this.#findOrTake(address, timeMs);
    const verdict = entry < 0 ? NOT_COUNTED : this.#judge(entry, timeMs);
    this.#unlock();
    return verdict;
  }

  #judge(entry: number, timeMs: number): AddressVerdict {
    const floats = this.#floats;
    const at = entry * ENTRY_FLOATS;
    floats[at + USED_MS] = timeMs;
    const bannedMs = this.#banLeftMs(at, timeMs);
    if (bannedMs > 0) return { kind: "banned", entry: -1, waitMs: bannedMs };
    const { connects, connectionsMax } = this.#limits;
    if (floats[at + CONNECTIONS] >= connectionsMax) return { kind: "too_many", entry: -1, waitMs: 1_000 };
    if (!this.#tryTake(at + CONNECT_TOKENS, 1, connects, timeMs)) {
      return { kind: "too_fast", entry: -1, waitMs: Math.ceil(1_000 / connects.perSecond) };
    }
    floats[at + CONNECTIONS]++;
    this.#own[entry]++;
    return { kind: "admitted", entry, waitMs: 0 };
  }

  /** Counts one connection less. */
  release(entry: number): void {
    this.#lock();
    this.#floats[entry * ENTRY_FLOATS + CONNECTIONS]--;
    this.#own[entry]--;
    this.#unlock();
  }

  /** Takes tokens for packets; `false`, and takes nothing, when there are too few. */
  tryTakeTokens(entry: number, count: number, nowMs: number): boolean {
    this.#lock();
    const at = entry * ENTRY_FLOATS + PACKET_TOKENS;
    const taken = this.#tryTake(at, count, this.#limits.packets, nowMs + this.#offsetMs);
    this.#unlock();
    return taken;
  }

  /**
   * Charges work, also what the address has no microseconds left for.
   *
   * @returns In how many milliseconds it will have paid; 0: it has.
   */
  chargeWork(entry: number, us: number, nowMs: number): number {
    const at = entry * ENTRY_FLOATS + WORK_TOKENS;
    const { work } = this.#limits;
    this.#lock();
    this.#fill(at, work, nowMs + this.#offsetMs);
    const left = this.#floats[at] -= us;
    this.#unlock();
    return left >= 0 ? 0 : -left * 1_000 / work.perSecond;
  }

  /** For how long an address with connections is banned, in milliseconds; 0: it is not. */
  bannedMs(entry: number, nowMs: number): number {
    return this.#banLeftMs(entry * ENTRY_FLOATS, nowMs + this.#offsetMs);
  }

  #banLeftMs(at: number, timeMs: number): number {
    const leftMs = Math.min(this.#floats[at + BANNED_UNTIL_MS] - timeMs, ADDRESS_BAN_MS_MAX);
    return leftMs > 0 ? Math.ceil(leftMs) : 0;
  }

  /**
   * Bans an address, longer each time; one that is banned stays so for as long as it was to be.
   *
   * @returns For how long from now, in milliseconds, and whether that is new.
   */
  ban(entry: number, nowMs: number): { readonly banMs: number; readonly isNew: boolean } {
    const timeMs = nowMs + this.#offsetMs;
    const floats = this.#floats;
    const at = entry * ENTRY_FLOATS;
    this.#lock();
    const quietMs = timeMs - floats[at + BANNED_UNTIL_MS];
    const isNew = quietMs >= 0;
    if (isNew) {
      const strikes = Math.max(0, floats[at + STRIKES] - Math.floor(quietMs / ADDRESS_BAN_DECAY_MS));
      const banMs = Math.min(ADDRESS_BAN_MS_MAX, ADDRESS_BAN_MS_FIRST * 2 ** strikes);
      floats[at + STRIKES] = strikes + 1;
      floats[at + BANNED_UNTIL_MS] = timeMs + banMs;
    }
    const banMs = Math.min(ADDRESS_BAN_MS_MAX, floats[at + BANNED_UNTIL_MS] - timeMs);
    this.#unlock();
    return { banMs: Math.ceil(banMs), isNew };
  }

  /** A bucket of two floats: its tokens, and when they were counted. */
  #tryTake(at: number, count: number, rate: BucketRate, timeMs: number): boolean {
    const floats = this.#floats;
    this.#fill(at, rate, timeMs);
    if (floats[at] < count) return false;
    floats[at] -= count;
    return true;
  }

  #fill(at: number, rate: BucketRate, timeMs: number): void {
    const floats = this.#floats;
    const sinceMs = timeMs - floats[at + 1];
    if (sinceMs > 0) {
      floats[at] = Math.min(rate.burst, floats[at] + sinceMs * rate.perSecond / 1_000);
      floats[at + 1] = timeMs;
    } else if (sinceMs < -AHEAD_MS_MAX) {
      floats[at + 1] = timeMs;
    }
  }

  /** The entry of an address, a new one when it has none; -1 when all in its set have connections. */
  #findOrTake(address: Uint8Array, timeMs: number): number {
    const floats = this.#floats;
    const isV4 = isMappedIpv4(address);
    const high = isV4 ? 0xffff : wordAt(address, 0);
    const low = wordAt(address, isV4 ? 12 : 4);
    const first = setOf(high, low, this.#words[SEED]) * ADDRESS_SET_ENTRIES;
    let victim = -1;
    let victimWorth = Infinity;
    for (let entry = first; entry < first + ADDRESS_SET_ENTRIES; entry++) {
      const at = entry * ENTRY_FLOATS;
      if (floats[at + USED_MS] !== 0 && floats[at + KEY_HIGH] === high && floats[at + KEY_LOW] === low) return entry;
      const worth = this.#worth(at, timeMs);
      if (worth < victimWorth) {
        victim = entry;
        victimWorth = worth;
      }
    }
    if (victim < 0) return -1;
    const at = victim * ENTRY_FLOATS;
    floats.fill(0, at, at + ENTRY_FLOATS);
    floats[at + KEY_HIGH] = high;
    floats[at + KEY_LOW] = low;
    floats[at + CONNECT_TOKENS] = this.#limits.connects.burst;
    floats[at + PACKET_TOKENS] = this.#limits.packets.burst;
    floats[at + WORK_TOKENS] = this.#limits.work.burst;
    floats[at + CONNECT_FILLED_MS] = floats[at + PACKET_FILLED_MS] = floats[at + WORK_FILLED_MS] = timeMs;
    return victim;
  }

  /** What forgetting an entry would cost: nothing, an old address, an address with a record, a ban; all when in use. */
  #worth(at: number, timeMs: number): number {
    const floats = this.#floats;
    if (floats[at + USED_MS] === 0) return 0;
    if (floats[at + CONNECTIONS] > 0) return Infinity;
    if (floats[at + BANNED_UNTIL_MS] > timeMs) return 3e15 + floats[at + BANNED_UNTIL_MS];
    return (floats[at + STRIKES] > 0 ? 1e14 : 0) + floats[at + USED_MS];
  }

  #lock(): void {
    for (let spins = 0; Atomics.compareExchange(this.#words, LOCK, 0, this.#owner) !== 0; spins++) {
      // Its holder is not running: nobody rings, the time-out ends the wait.
      if (spins >= SPINS_MAX) Atomics.wait(this.#words, SEED, this.#words[SEED], 1);
    }
  }

  #unlock(): void {
    Atomics.store(this.#words, LOCK, 0);
  }
}

const NOT_COUNTED: AddressVerdict = { kind: "admitted", entry: -1, waitMs: 0 };

function isMappedIpv4(address: Uint8Array): boolean {
  for (let at = 0; at < 10; at++) if (address[at] !== 0) return false;
  return address[10] === 0xff && address[11] === 0xff;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** Which set a key belongs to. */
function setOf(high: number, low: number, seed: number): number {
  let hash = Math.imul(low ^ seed, 0x85ebca6b) ^ Math.imul(high + seed, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return ((hash ^ (hash >>> 15)) >>> 0) % (ADDRESSES_MAX / ADDRESS_SET_ENTRIES);
}
