import { Outbox, type OutboxPacket } from "../../server/session/outbox.ts";
import { OUTBOX_BYTES_MAX, OUTBOX_PACKETS_MAX, OUTBOX_UNSENT_FACTOR } from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";

const BYTES = new Uint8Array(40_000);

function packet(payloadBytes: number, type = 2006): OutboxPacket {
  return { type, isCompressed: false, payload: BYTES.subarray(0, payloadBytes) };
}

Deno.test("Outbox.append() numbers packets from 1 and get() gives them until they are acknowledged", () => {
  const outbox = new Outbox();
  assertEquals([outbox.firstSequence, outbox.lastSequence, outbox.count, outbox.bytes], [1, 0, 0, 0]);
  const packets = [packet(10), packet(20), packet(0)];
  assertEquals(packets.map((one) => outbox.append(one, "taking")), [1, 2, 3]);
  assert([1, 2, 3].every((sequence) => outbox.get(sequence) === packets[sequence - 1]));
  outbox.acknowledge(2);
  assertEquals([outbox.firstSequence, outbox.lastSequence, outbox.count], [3, 3, 1]);
  assertEquals([outbox.get(2), outbox.get(4)], [undefined, undefined]);
  outbox.acknowledge(3);
  assertEquals([outbox.firstSequence, outbox.lastSequence, outbox.count, outbox.bytes], [4, 3, 0, 0]);
  assertEquals(outbox.append(packet(1), "taking"), 4);
});

Deno.test("Outbox.acknowledge() ignores what is acknowledged already and what was never sent", () => {
  const outbox = new Outbox();
  for (let count = 0; count < 5; count++) outbox.append(packet(1), "taking");
  outbox.acknowledge(3);
  outbox.acknowledge(1);
  outbox.acknowledge(0);
  assertEquals([outbox.firstSequence, outbox.count], [4, 2]);
  outbox.acknowledge(2 ** 53);
  assertEquals([outbox.firstSequence, outbox.lastSequence], [6, 5]);
});

Deno.test("Outbox.unheard() gives what is not acknowledged, or, of who acknowledges nothing, what was never sent; kept() gives all", () => {
  const outbox = new Outbox();
  const packets = [packet(1), packet(2), packet(3), packet(4)];
  for (const one of packets) outbox.append(one, "taking");
  outbox.markSent(3);
  assertEquals(outbox.unheard(), [packets[3]]);
  outbox.acknowledge(0);
  assertEquals([outbox.unheard(), outbox.kept()], [[packets[3]], packets]);
  outbox.acknowledge(1);
  assertEquals([outbox.unheard(), outbox.kept()], [packets.slice(1), packets.slice(1)]);
  outbox.acknowledge(4);
  assertEquals(outbox.unheard(), []);
});

Deno.test("Outbox.append() forgets the oldest above OUTBOX_PACKETS_MAX while nobody is connected", () => {
  const outbox = new Outbox();
  for (let count = 0; count < OUTBOX_PACKETS_MAX; count++) outbox.append(packet(1), "gone");
  assertEquals([outbox.firstSequence, outbox.count], [1, OUTBOX_PACKETS_MAX]);
  assertEquals(outbox.append(packet(1), "gone"), OUTBOX_PACKETS_MAX + 1);
  assertEquals([outbox.firstSequence, outbox.count], [2, OUTBOX_PACKETS_MAX]);
});

for (const [reader, unsentMax] of [["congested", 1], ["taking", OUTBOX_UNSENT_FACTOR]] as const) {
  Deno.test(`Outbox.append() forgets nothing that a connection was never given, ${reader}, and gives -1 in the end`, () => {
    const outbox = new Outbox();
    for (let count = 0; count < OUTBOX_PACKETS_MAX; count++) outbox.append(packet(1), reader);
    outbox.markSent(1);
    assertEquals(outbox.append(packet(1), reader), OUTBOX_PACKETS_MAX + 1);
    assertEquals(outbox.firstSequence, 2);
    while (outbox.count < unsentMax * OUTBOX_PACKETS_MAX) assert(outbox.append(packet(1), reader) > 0);
    assertEquals(outbox.append(packet(1), reader), -1);
    assertEquals(outbox.firstSequence, 2);
  });
}

Deno.test("Outbox.append() gives up what was said to many before what was said to one, and keeps the order", () => {
  const outbox = new Outbox();
  const forMany = (id: number) => ({ ...packet(1, id), isForMany: true });
  outbox.append(packet(1, 1), "taking");
  outbox.append(forMany(2), "taking");
  outbox.markSent(2);
  outbox.acknowledge(1);
  outbox.append(packet(1, 3), "gone");
  for (let id = 4; outbox.count < OUTBOX_PACKETS_MAX; id++) outbox.append(forMany(id), "gone");
  assertEquals(outbox.hasGap, false);
  const last = outbox.lastSequence;
  assertEquals(outbox.append(packet(1, 5_000), "gone"), last);
  assertEquals([outbox.hasGap, outbox.firstSequence, outbox.count], [true, 2, OUTBOX_PACKETS_MAX]);
  // What was given to a connection keeps its number; the oldest line for many behind it is gone.
  assertEquals([2, 3, 4, last].map((sequence) => outbox.get(sequence)?.type), [2, 3, 5, 5_000]);
});

Deno.test("Outbox.append() gives up nothing for what was heard by a client that acknowledges nothing", () => {
  const outbox = new Outbox();
  for (let count = 0; count < OUTBOX_PACKETS_MAX; count++) outbox.append(packet(1), "taking");
  outbox.markSent(OUTBOX_PACKETS_MAX);
  for (let count = 0; count < 10; count++) outbox.append({ ...packet(1), isForMany: true }, "gone");
  assertEquals([outbox.firstSequence, outbox.count, outbox.hasGap], [11, OUTBOX_PACKETS_MAX, false]);
});

Deno.test("Outbox.append() bounds the bytes with what a packet costs beside its payload", () => {
  const outbox = new Outbox();
  while (outbox.bytes + 40_064 <= OUTBOX_BYTES_MAX) outbox.append(packet(40_000), "gone");
  const { count } = outbox;
  assertEquals(outbox.bytes, count * 40_064);
  outbox.append(packet(40_000), "gone");
  assert(outbox.bytes <= OUTBOX_BYTES_MAX && outbox.firstSequence === 2);
});

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("append" as const), value: fc.integer({ min: 0, max: 9_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("many" as const), value: fc.integer({ min: 1, max: 500 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("acknowledge" as const), value: fc.nat(80) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("sent" as const), value: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("connect" as const), value: fc.nat(1) }) },
);

/** An outbox as one would write it without a thought for cost. */
class PlainOutbox {
  packets = new Map<number, OutboxPacket>();
  last = 0;
  sent = 0;
  bytes = 0;

  get first(): number {
    return this.last - this.packets.size + 1;
  }

  deleteFirst(): void {
    this.bytes -= this.packets.get(this.first)!.payload.length + 64;
    this.packets.delete(this.first);
  }

  append(packet: OutboxPacket, connected: boolean): number {
    this.packets.set(++this.last, packet);
    this.bytes += packet.payload.length + 64;
    while (this.packets.size > OUTBOX_PACKETS_MAX || this.bytes > OUTBOX_BYTES_MAX) {
      if (connected && this.first > this.sent) return -1;
      this.deleteFirst();
    }
    return this.last;
  }
}

Deno.test("Outbox does what a plain list would do, for any steps", () => {
  let refusedCount = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const outbox = new Outbox();
      const plain = new PlainOutbox();
      let connected = true;
      const append = (payloadBytes: number) => {
        const one = packet(payloadBytes, plain.last);
        const sequence = outbox.append(one, connected ? "congested" : "gone");
        assertEquals(sequence, plain.append(one, connected));
        // The session closes the connection then.
        if (sequence === -1) {
          connected = false;
          refusedCount++;
        }
      };
      for (const { kind, value } of steps) {
        if (kind === "append") append(value);
        else if (kind === "many") { for (let count = 0; count < value; count++) append(count & 63); }
        else if (kind === "connect") connected = value === 1;
        else if (kind === "sent") {
          const sequence = Math.min(plain.last, plain.sent + value);
          outbox.markSent(sequence);
          plain.sent = sequence;
        } else {
          const sequence = plain.first - 10 + value;
          outbox.acknowledge(sequence);
          while (plain.first <= Math.min(sequence, plain.last)) plain.deleteFirst();
        }
        assertEquals(
          [outbox.firstSequence, outbox.lastSequence, outbox.count, outbox.bytes, outbox.sentSequence],
          [plain.first, plain.last, plain.packets.size, plain.bytes, plain.sent],
        );
        for (const sequence of [plain.first - 1, plain.first, plain.last, plain.last + 1]) {
          assert(outbox.get(sequence) === plain.packets.get(sequence));
        }
      }
      for (let sequence = plain.first; sequence <= plain.last; sequence++) {
        assert(outbox.get(sequence) === plain.packets.get(sequence));
      }
    }),
    { numRuns: 200 },
  );
  assert(refusedCount > 3, `Only ${refusedCount} packets were refused`);
});
