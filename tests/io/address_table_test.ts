import { type AddressLimits, AddressTable, createAddressTableBuffer } from "../../server/io/address_table.ts";
import { parseIpAddress } from "../../server/base/ip_address.ts";
import {
  ADDRESS_BAN_DECAY_MS,
  ADDRESS_BAN_MS_FIRST,
  ADDRESS_BAN_MS_MAX,
  ADDRESS_SET_ENTRIES,
  ADDRESSES_MAX,
} from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { ManualClock } from "./io_fixture.ts";

const LIMITS: AddressLimits = {
  connectionsMax: 3,
  connects: { perSecond: 10, burst: 20 },
  packets: { perSecond: 100, burst: 500 },
  work: { perSecond: 1_000, burst: 5_000 },
};

function address(text: string): Uint8Array {
  return parseIpAddress(text)!;
}

/** A table of one worker, or of several that share it. */
class Tables {
  readonly clock = new ManualClock();
  readonly buffer = createAddressTableBuffer(2);
  readonly table: AddressTable;

  constructor(readonly limits: AddressLimits = LIMITS) {
    this.table = this.open(0);
  }

  open(worker: number): AddressTable {
    return new AddressTable(this.buffer, worker, this.limits, this.clock);
  }

  admit(text: string, table = this.table) {
    return table.tryAdmit(address(text), this.clock.monotonicMs());
  }
}

Deno.test("AddressTable.tryAdmit() admits an address up to its connections, over all workers", () => {
  const tables = new Tables();
  const other = tables.open(1);
  const entries = [tables.admit("192.0.2.1"), tables.admit("192.0.2.1", other), tables.admit("192.0.2.1")];
  assertEquals(entries.map(({ kind }) => kind), ["admitted", "admitted", "admitted"]);
  assertEquals(new Set(entries.map(({ entry }) => entry)).size, 1);
  for (const table of [tables.table, other]) {
    const { kind, entry, waitMs } = tables.admit("192.0.2.1", table);
    assertEquals([kind, entry, waitMs > 0], ["too_many", -1, true]);
  }
  assertEquals(tables.admit("192.0.2.2").kind, "admitted");
  other.release(entries[0].entry);
  assertEquals(tables.admit("192.0.2.1").kind, "admitted");
});

Deno.test("AddressTable.tryAdmit() counts the addresses of one IPv6 network together, and every spelling of IPv4", () => {
  const tables = new Tables();
  for (const text of ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "2001:db8:1:2::3"]) tables.admit(text);
  assertEquals(tables.admit("2001:db8:1:2::4").kind, "too_many");
  assertEquals(tables.admit("2001:db8:1:3::4").kind, "admitted");
  for (const text of ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"]) tables.admit(text);
  assertEquals(tables.admit("192.0.2.1").kind, "too_many");
});

Deno.test("AddressTable.tryAdmit() lets an address connect at its rate, and others at theirs", () => {
  const tables = new Tables({ ...LIMITS, connectionsMax: 1_000 });
  let count = 0;
  while (tables.admit("192.0.2.1").kind === "admitted") count++;
  assertEquals(count, LIMITS.connects.burst);
  assertEquals(tables.admit("192.0.2.1").kind, "too_fast");
  assertEquals(tables.admit("192.0.2.2").kind, "admitted");
  tables.clock.advance(500);
  for (let index = 0; index < 5; index++) assertEquals(tables.admit("192.0.2.1").kind, "admitted");
  assertEquals(tables.admit("192.0.2.1").kind, "too_fast");
});

Deno.test("AddressTable.tryTakeTokens() gives all connections of an address one bucket", () => {
  const tables = new Tables();
  const other = tables.open(1);
  const { entry } = tables.admit("192.0.2.1");
  const nowMs = tables.clock.monotonicMs();
  for (let taken = 0; taken < 500; taken += 50) {
    assert((taken % 100 === 0 ? other : tables.table).tryTakeTokens(entry, 50, nowMs));
  }
  assert(!tables.table.tryTakeTokens(entry, 1, nowMs) && !other.tryTakeTokens(entry, 1, nowMs));
  assert(tables.table.tryTakeTokens(entry, 50, nowMs + 500) && !other.tryTakeTokens(entry, 1, nowMs + 500));
});

Deno.test("AddressTable.ban() bans for 10 s, twice as long each time, an hour at most", () => {
  const tables = new Tables();
  const { entry } = tables.admit("192.0.2.1");
  let expectedMs = ADDRESS_BAN_MS_FIRST;
  for (let round = 0; round < 12; round++) {
    assertEquals(tables.table.ban(entry, tables.clock.monotonicMs()), { banMs: expectedMs, isNew: true });
    assertEquals(tables.admit("192.0.2.1"), { kind: "banned", entry: -1, waitMs: expectedMs });
    tables.clock.advance(expectedMs - 1);
    assertEquals(tables.admit("192.0.2.1").waitMs, 1);
    tables.clock.advance(1);
    const verdict = tables.admit("192.0.2.1");
    assertEquals(verdict.kind, "admitted");
    tables.table.release(verdict.entry);
    expectedMs = Math.min(ADDRESS_BAN_MS_MAX, expectedMs * 2);
  }
  assertEquals(expectedMs, ADDRESS_BAN_MS_MAX);
});

Deno.test("AddressTable.ban() does not lengthen a ban that runs, and forgets one for each quiet time", () => {
  const tables = new Tables();
  const { entry } = tables.admit("192.0.2.1");
  const ban = () => tables.table.ban(entry, tables.clock.monotonicMs());
  ban();
  tables.clock.advance(4_000);
  assertEquals(ban(), { banMs: 6_000, isNew: false });
  tables.clock.advance(6_000);
  assertEquals(ban().banMs, 20_000);
  tables.clock.advance(20_000);
  assertEquals(ban().banMs, 40_000);
  tables.clock.advance(40_000 + 2 * ADDRESS_BAN_DECAY_MS);
  assertEquals(ban().banMs, 20_000);
});

Deno.test("AddressTable of a worker that takes over takes off what the crashed one held, its lock too, and keeps bans", () => {
  const tables = new Tables();
  const crashed = tables.open(1);
  const { entry } = tables.admit("192.0.2.1");
  tables.admit("192.0.2.1", crashed);
  tables.admit("192.0.2.1", crashed);
  assertEquals(tables.admit("192.0.2.1").kind, "too_many");
  const banned = tables.admit("192.0.2.9", crashed);
  crashed.ban(banned.entry, tables.clock.monotonicMs());
  // It died with the lock in its hand.
  new Int32Array(tables.buffer)[0] = 2;
  const successor = tables.open(1);
  assertEquals(tables.admit("192.0.2.1", successor).kind, "admitted");
  assertEquals(tables.admit("192.0.2.1").kind, "admitted");
  assertEquals(tables.admit("192.0.2.1").kind, "too_many");
  assertEquals(tables.admit("192.0.2.9", successor).kind, "banned");
  tables.table.release(entry);
});

Deno.test("AddressTable forgets unused addresses first, and never one with connections", () => {
  const tables = new Tables({ ...LIMITS, connects: { perSecond: 1, burst: 1 } });
  const kept = tables.admit("203.0.113.1");
  assertEquals(kept.kind, "admitted");
  tables.table.ban(tables.admit("203.0.113.2").entry, tables.clock.monotonicMs());
  const banned = tables.admit("203.0.113.2");
  assertEquals(banned.kind, "banned");
  // Ten times as many as there are places come and go.
  for (let index = 0; index < 10 * ADDRESSES_MAX; index++) {
    const { kind, entry } = tables.admit(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
    assertEquals(kind, "admitted");
    if (entry >= 0) tables.table.release(entry);
  }
  // The entry is still there: its only token is spent.
  assertEquals(tables.admit("203.0.113.1").kind, "too_fast");
});

Deno.test("AddressTable with no place left admits without counting", () => {
  const tables = new Tables();
  let uncounted = 0;
  for (let index = 0; index < 2 * ADDRESSES_MAX; index++) {
    const { kind, entry } = tables.admit(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`);
    assertEquals(kind, "admitted");
    if (entry < 0) uncounted++;
  }
  assert(uncounted >= ADDRESSES_MAX && uncounted < 2 * ADDRESSES_MAX, String(uncounted));
  assertEquals(ADDRESSES_MAX % ADDRESS_SET_ENTRIES, 0);
});

Deno.test("AddressTable outlives a clock that was set back by days", () => {
  const tables = new Tables();
  const { entry } = tables.admit("192.0.2.1");
  tables.table.ban(entry, tables.clock.monotonicMs());
  const behind = {
    monotonicMs: () => tables.clock.monotonicMs(),
    unixMs: () => tables.clock.unixMs() - 3 * 86_400_000,
  };
  const successor = new AddressTable(tables.buffer, 1, LIMITS, behind);
  const nowMs = tables.clock.monotonicMs();
  assertEquals(successor.tryAdmit(address("192.0.2.1"), nowMs), {
    kind: "banned",
    entry: -1,
    waitMs: ADDRESS_BAN_MS_MAX,
  });
  assert(successor.tryTakeTokens(entry, 500, nowMs));
  assert(!successor.tryTakeTokens(entry, 100, nowMs));
  assert(successor.tryTakeTokens(entry, 100, nowMs + 1_000));
});
