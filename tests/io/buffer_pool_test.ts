import { BufferPool } from "../../server/io/buffer_pool.ts";
import {
  POOL_BUFFER_BYTES,
  POOL_BUFFERS_MAX,
  POOL_LARGE_BUFFER_BYTES,
  POOL_LARGE_BUFFERS_MAX,
} from "../../shared/limits.ts";
import { assert, assertEquals } from "../support/assert.ts";

Deno.test("BufferPool.take() gives the smallest size that fits", () => {
  const pool = new BufferPool();
  const sizes = [0, 1, POOL_BUFFER_BYTES, POOL_BUFFER_BYTES + 1, POOL_LARGE_BUFFER_BYTES, POOL_LARGE_BUFFER_BYTES + 1];
  assertEquals(sizes.map((bytes) => pool.take(bytes).length), [
    POOL_BUFFER_BYTES,
    POOL_BUFFER_BYTES,
    POOL_BUFFER_BYTES,
    POOL_LARGE_BUFFER_BYTES,
    POOL_LARGE_BUFFER_BYTES,
    2 * POOL_LARGE_BUFFER_BYTES,
  ]);
});

Deno.test("BufferPool.release() zeroes what was used and gives the buffer out again, the last one first", () => {
  for (const bytes of [POOL_BUFFER_BYTES, POOL_LARGE_BUFFER_BYTES]) {
    const pool = new BufferPool();
    const [first, second] = [pool.take(bytes), pool.take(bytes)];
    for (const buffer of [first, second]) {
      buffer.fill(0xaa, 0, 1_000);
      pool.release(buffer, 1_000);
    }
    assertEquals(pool.keptCount, 2);
    assert(pool.take(bytes) === second && pool.take(bytes) === first);
    assert(first.every((byte) => byte === 0) && second.every((byte) => byte === 0));
    assertEquals(pool.keptCount, 0);
  }
});

Deno.test("BufferPool.trim() lets go of what a burst took, half of it at a time, and of nothing that is in use", () => {
  for (const bytes of [POOL_BUFFER_BYTES, POOL_LARGE_BUFFER_BYTES]) {
    const pool = new BufferPool();
    const burst = Array.from({ length: 16 }, () => pool.take(bytes));
    for (const buffer of burst) pool.release(buffer, 0);
    pool.trim();
    assertEquals(pool.keptCount, 16, "all of them were needed since the start");
    const busy = Array.from({ length: 6 }, () => pool.take(bytes));
    for (const buffer of busy) pool.release(buffer, 0);
    pool.trim();
    assertEquals(pool.keptCount, 11, "10 were not needed");
    for (let count = 0; count < 8; count++) pool.trim();
    assertEquals(pool.keptCount, 0);
  }
});

Deno.test("BufferPool.release() keeps a bounded number of buffers, and none of the sizes made for an occasion", () => {
  const pool = new BufferPool();
  for (let count = 0; count < POOL_BUFFERS_MAX + 10; count++) pool.release(new Uint8Array(POOL_BUFFER_BYTES), 0);
  assertEquals(pool.keptCount, POOL_BUFFERS_MAX);
  for (let count = 0; count < POOL_LARGE_BUFFERS_MAX + 5; count++) {
    pool.release(new Uint8Array(POOL_LARGE_BUFFER_BYTES), 0);
  }
  pool.release(pool.take(POOL_LARGE_BUFFER_BYTES + 1), 10);
  assertEquals(pool.keptCount, POOL_BUFFERS_MAX + POOL_LARGE_BUFFERS_MAX);
});

Deno.test("BufferPool.grow() keeps what was written, zeroes the rest, and gives the smaller buffer back or frees it", () => {
  const pool = new BufferPool();
  let buffer = pool.take(1);
  let usedBytes = 0;
  for (const bytes of [POOL_BUFFER_BYTES, POOL_LARGE_BUFFER_BYTES, 3 * POOL_LARGE_BUFFER_BYTES, 2 ** 20]) {
    buffer.fill(0xaa, usedBytes, usedBytes + 1_000);
    usedBytes += 1_000;
    const grown = pool.grow(buffer, usedBytes, bytes);
    assert(grown.length >= bytes && grown.length <= Math.max(2 * bytes, bytes + POOL_LARGE_BUFFER_BYTES));
    assert(grown.subarray(0, usedBytes).every((byte) => byte === 0xaa), "What was written is gone");
    assert(grown.subarray(usedBytes).every((byte) => byte === 0), "What was not written is not zero");
    assert(buffer.length === 0 || buffer.every((byte) => byte === 0), "The smaller buffer still has the bytes");
    buffer = grown;
  }
  const kept = pool.keptCount;
  pool.release(buffer, usedBytes);
  assertEquals([buffer.length, pool.keptCount], [0, kept], "One made for an occasion is freed");
});
