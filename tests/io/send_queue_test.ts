import { BufferPool } from "../../server/io/buffer_pool.ts";
import { SendQueue } from "../../server/io/send_queue.ts";
import { PacketType } from "../../games/marsh/contract.ts";
import { POOL_BUFFER_BYTES, WEBSOCKET_FRAME_BYTES_MAX } from "../../shared/limits.ts";
import { encodePong } from "../../gateway/websocket.ts";
import { concatenate, readServerFrames, utf8 } from "../gateway/frames.ts";
import { pattern, sameBytes } from "../shared/frames.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { fc } from "../support/property.ts";
import { FakeSocket, readPackets } from "./io_fixture.ts";

/** A pool that knows who has its buffers, and looks at what it gives and takes. */
class WatchedPool extends BufferPool {
  readonly #out = new Set<Uint8Array>();
  readonly #mustBeZero: boolean;

  constructor(mustBeZero = true) {
    super();
    this.#mustBeZero = mustBeZero;
  }

  /** Buffers taken and not given back. */
  get outCount(): number {
    return this.#out.size;
  }

  override take(bytes: number): Uint8Array {
    const buffer = super.take(bytes);
    assert(buffer.length >= bytes, "A buffer is too small");
    assert(!this.#out.has(buffer), "A buffer is given to two");
    assert(!this.#mustBeZero || isZero(buffer), "A buffer has bytes of someone before");
    this.#out.add(buffer);
    return buffer;
  }

  override grow(buffer: Uint8Array, usedBytes: number, bytes: number): Uint8Array {
    const written = buffer.slice(0, usedBytes);
    const larger = super.grow(buffer, usedBytes, bytes);
    // A buffer that was moved was not given back; it has no bytes any more.
    if (buffer.length === 0) this.#out.delete(buffer);
    this.#out.add(larger);
    assert(larger.length >= bytes, "A buffer is too small");
    assertEquals(larger.subarray(0, usedBytes), written);
    return larger;
  }

  override release(buffer: Uint8Array, usedBytes: number): void {
    assert(this.#out.delete(buffer), "A buffer is given back twice");
    super.release(buffer, usedBytes);
  }
}

function isZero(bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index++) if (bytes[index] !== 0) return false;
  return true;
}

const NOW_MS = 1_700_000_000_000;

/** Appends a chat message with a number for its sequence and a payload that follows from it. */
function appendPacket(queue: SendQueue, number: number, payloadBytes: number): void {
  const payload = pattern(payloadBytes, number);
  queue.appendPacket(PacketType.CHAT_MESSAGE, number, NOW_MS, false, 0, payload, 0, payloadBytes);
}

/** What a peer sees of packets and pongs, in order: their numbers and sizes. */
type Item = { readonly kind: "packet" | "pong"; readonly number: number; readonly bytes: number };

/** Reads a WebSocket's stream with the reference reader; each binary message must hold whole packets. */
function readWebSocket(stream: Uint8Array): Item[] {
  const items: Item[] = [];
  for (const { opcode, payload } of readServerFrames(stream)) {
    if (opcode === 2) items.push(...readStream(payload));
    else items.push({ kind: "pong", number: payload[0], bytes: payload.length });
  }
  return items;
}

function readStream(stream: Uint8Array): Item[] {
  return readPackets(stream).map(({ sequence, payload }) => {
    assert(sameBytes(payload, pattern(payload.length, Number(sequence))), "A payload is not as it was sent");
    return { kind: "packet", number: Number(sequence), bytes: payload.length };
  });
}

Deno.test("SendQueue.flush() writes a burst at once, and what comes meanwhile when that is done", () => {
  const socket = new FakeSocket();
  const queue = new SendQueue(new WatchedPool());
  assert(queue.flush(socket));
  assertEquals(socket.writeCount, 0);
  socket.takesAtOnce = false;
  for (let number = 1; number <= 5; number++) appendPacket(queue, number, 100);
  assertEquals(queue.flush(socket), false);
  for (let number = 6; number <= 200; number++) {
    appendPacket(queue, number, 100);
    assertEquals(queue.flush(socket), false);
  }
  assertEquals(socket.writeCount, 1);
  assert(!queue.idle);
  socket.take();
  queue.onWritten();
  assertEquals(queue.flush(socket), false);
  socket.take();
  queue.onWritten();
  assert(queue.idle && queue.flush(socket));
  assertEquals(socket.writeCount, 2);
  assertEquals(
    readStream(socket.takeSent()).map(({ number }) => number),
    Array.from({ length: 200 }, (_, at) => at + 1),
  );
});

Deno.test("SendQueue.pendingBytes counts what gathers and what is in flight, takeSentBytes() what went out", () => {
  const socket = new FakeSocket();
  socket.takesAtOnce = false;
  const queue = new SendQueue(new WatchedPool());
  appendPacket(queue, 1, 1_000);
  const packetBytes = queue.pendingBytes;
  assert(packetBytes > 1_000 && packetBytes < 1_064);
  queue.flush(socket);
  assertEquals(queue.pendingBytes, packetBytes);
  appendPacket(queue, 2, 1_000);
  assertEquals(queue.pendingBytes, 2 * packetBytes);
  assertEquals([queue.takeSentBytes(), queue.takeSentBytes()], [packetBytes, 0]);
  socket.take();
  queue.onWritten();
  assertEquals(queue.pendingBytes, packetBytes);
  queue.flush(socket);
  socket.take();
  queue.onWritten();
  assertEquals([queue.pendingBytes, queue.takeSentBytes()], [0, packetBytes]);
});

const payloadBytes = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 200 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 5_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 65_300, max: 65_500 }) },
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("packet" as const), bytes: payloadBytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("pong" as const), bytes: fc.integer({ min: 1, max: 125 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("flush" as const, "take" as const), bytes: fc.constant(0) }),
  },
);

for (const isWebSocket of [false, true]) {
  const where = isWebSocket ? "a WebSocket" : "TCP";
  Deno.test(`SendQueue sends everything once and in order on ${where}, and gives every buffer back`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: "max" }), fc.boolean(), (steps, takesAtOnce) => {
        const pool = new WatchedPool();
        const socket = new FakeSocket();
        socket.takesAtOnce = takesAtOnce;
        const queue = new SendQueue(pool);
        if (isWebSocket) queue.startWebSocket();
        const expected: Item[] = [];
        const take = () => {
          if (socket.inFlightBytes === 0) return;
          socket.take();
          queue.onWritten();
        };
        for (const [number, { kind, bytes }] of steps.entries()) {
          if (kind === "packet") {
            appendPacket(queue, number + 1, bytes);
            expected.push({ kind, number: number + 1, bytes });
          } else if (kind === "pong" && isWebSocket) {
            queue.appendRaw(encodePong(new Uint8Array(bytes).fill(number), 0, bytes));
            expected.push({ kind, number, bytes });
          } else if (kind === "flush") {
            queue.flush(socket);
          } else if (kind === "take") {
            take();
          }
        }
        for (let turn = 0; turn < 3; turn++) {
          queue.flush(socket);
          take();
        }
        assert(queue.idle);
        assertEquals(queue.pendingBytes, 0);
        assertEquals(pool.outCount, 0);
        const stream = socket.takeSent();
        assertEquals(queue.takeSentBytes(), stream.length);
        assertEquals(isWebSocket ? readWebSocket(stream) : readStream(stream), expected);
      }),
      { numRuns: 150 },
    );
  });
}

/** The payload that makes a packet of exactly `packetBytes` bytes on the wire. */
function payloadFor(packetBytes: number): number {
  for (let payloadBytes = packetBytes - 40; payloadBytes < packetBytes; payloadBytes++) {
    const queue = new SendQueue(new BufferPool());
    appendPacket(queue, 1, payloadBytes);
    if (queue.pendingBytes === packetBytes) return payloadBytes;
  }
  throw new Error(`No packet has ${packetBytes} bytes`);
}

Deno.test("SendQueue writes WebSocket headers in their shortest form on both sides of every border", () => {
  for (const frameBytes of [124, 125, 126, 127, 65_534, 65_535, 65_536, 65_537]) {
    for (const pongs of ["", "before", "behind", "both"]) {
      const queue = new SendQueue(new WatchedPool());
      const socket = new FakeSocket();
      queue.startWebSocket();
      const expected: [number, number][] = [];
      const pong = () => {
        queue.appendRaw(encodePong(utf8("ping"), 0, 4));
        expected.push([10, 4]);
      };
      if (pongs === "before" || pongs === "both") pong();
      appendPacket(queue, 1, payloadFor(frameBytes));
      expected.push([2, frameBytes]);
      if (pongs === "behind" || pongs === "both") pong();
      queue.flush(socket);
      // The reader fails on a length that is not minimal.
      const frames = readServerFrames(socket.takeSent());
      assertEquals(frames.map(({ opcode, payload }) => [opcode, payload.length]), expected, `${frameBytes} ${pongs}`);
    }
  }
});

Deno.test("SendQueue puts small packets into one WebSocket message, and begins another before 16 bits are too few", () => {
  const queue = new SendQueue(new WatchedPool());
  const socket = new FakeSocket();
  queue.startWebSocket();
  for (let number = 1; number <= 300; number++) appendPacket(queue, number, 1_000);
  queue.flush(socket);
  const frames = readServerFrames(socket.takeSent());
  assertEquals(frames.length, 5);
  for (const { payload } of frames) assert(payload.length <= WEBSOCKET_FRAME_BYTES_MAX);
  assertEquals(frames.flatMap(({ payload }) => readStream(payload)).length, 300);
});

Deno.test("SendQueue.clear() drops everything; a buffer that the kernel still reads is left to it", () => {
  for (const socketClosed of [false, true]) {
    const pool = new WatchedPool();
    const socket = new FakeSocket();
    socket.takesAtOnce = false;
    const queue = new SendQueue(pool);
    appendPacket(queue, 1, 10);
    queue.flush(socket);
    appendPacket(queue, 2, 10);
    queue.clear(socketClosed);
    assert(queue.idle);
    assertEquals([queue.pendingBytes, pool.outCount], [0, socketClosed ? 0 : 1]);
    queue.onWritten();
    assertEquals(pool.outCount, socketClosed ? 0 : 1);
  }
});

Deno.test("SendQueue does not touch bytes in flight", () => {
  const socket = new FakeSocket();
  socket.takesAtOnce = false;
  const queue = new SendQueue(new WatchedPool());
  appendPacket(queue, 1, 1_000);
  queue.flush(socket);
  for (let number = 2; number <= 20; number++) appendPacket(queue, number, POOL_BUFFER_BYTES);
  socket.take();
  queue.onWritten();
  assertEquals(readStream(socket.takeSent()), [{ kind: "packet", number: 1, bytes: 1_000 }]);
});

Deno.test("SendQueue is an HTTP connection's until startWebSocket()", () => {
  const queue = new SendQueue(new WatchedPool());
  const socket = new FakeSocket();
  const head = utf8("HTTP/1.1 101 Switching Protocols\r\n\r\n");
  queue.appendRaw(head);
  queue.startWebSocket();
  appendPacket(queue, 1, 20);
  appendPacket(queue, 2, 0);
  queue.flush(socket);
  const sent = socket.takeSent();
  assertEquals(sent.slice(0, head.length), concatenate(head));
  assertEquals(readWebSocket(sent.subarray(head.length)).map(({ number }) => number), [1, 2]);
});
