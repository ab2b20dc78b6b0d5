import { ClientLibc } from "../../tools/loadtest/client_libc.ts";
import { runSlowSoak } from "../soak/slow_soak.ts";
import { assert, assertEquals } from "../support/assert.ts";

const PLAYERS = 100;
const HARD_BYTES = 393_216;
/** What heaps and garbage may add to the memory of the whole server, in bytes. */
const HEAP_BYTES = 64 * 1_048_576;

// `deno task soak:slow` goes on from here. With Deno.listen the kernel takes megabytes for each before the server notices
// anything; `resume_test.ts` has two slow readers there.
if (ClientLibc.isSupported()) {
  Deno.test("serve (epoll) closes 100 players that do not read as SLOW_READER, and 100 others lose nothing", async () => {
    const result = await runSlowSoak({
      backend: "epoll",
      honest: PLAYERS,
      slow: PLAYERS,
      hardBytes: HARD_BYTES,
      rate: 0,
      warmUpMessages: 200,
      messages: 0,
    });
    assertEquals(result.problems, []);
    assertEquals(result.slowClosed, PLAYERS);
    const { received, ...others } = result.messages;
    assertEquals(others, { sent: received, lost: 0, duplicated: 0, outOfOrder: 0, corrupted: 0 });
    const grownBytes = result.memory.peak - result.memory.before;
    assert(grownBytes <= PLAYERS * HARD_BYTES + HEAP_BYTES, `The server grew by ${grownBytes} bytes`);
  });
}
