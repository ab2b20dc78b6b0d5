import { JITTER_DELAY_MS_MAX, PLAYBACK_DELAY_MS, PlaybackClock } from "../../../client/world/playback_clock.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { fc } from "../../support/property.ts";

const SERVER_MS = 1_763_900_000_000;
const FRAME_MS = 16;

/** Feeds a snapshot every 50 ms, each `lateMs` late, and gives the playback time after the last. */
function play(clock: PlaybackClock, lateMs: (index: number) => number, count: number): number {
  let playbackMs = NaN;
  for (let index = 0; index < count; index++) {
    clock.observe(SERVER_MS + index * 50, index * 50 + lateMs(index));
    playbackMs = clock.playbackMs(index * 50 + 49);
  }
  return playbackMs;
}

Deno.test("PlaybackClock.playbackMs() is NaN before the first snapshot", () => {
  assert(Number.isNaN(new PlaybackClock().playbackMs(5)));
});

Deno.test("PlaybackClock.playbackMs() is one delay behind the server on an even network", () => {
  const clock = new PlaybackClock();
  const lateMs = 20;
  const playbackMs = play(clock, () => lateMs, 100);
  assertEquals(playbackMs, SERVER_MS + 99 * 50 + 49 - lateMs - PLAYBACK_DELAY_MS);
  assertEquals(clock.delayMs, PLAYBACK_DELAY_MS);
});

Deno.test("PlaybackClock.delayMs grows by the jitter seen, to its bound, and falls again", () => {
  const clock = new PlaybackClock();
  play(clock, (index) => index % 2 === 0 ? 0 : 40, 100);
  assert(clock.delayMs >= PLAYBACK_DELAY_MS + 39, `delay is ${clock.delayMs} ms`);
  const wild = new PlaybackClock();
  play(wild, (index) => index % 2 === 0 ? 0 : 900, 100);
  assertEquals(wild.delayMs, PLAYBACK_DELAY_MS + JITTER_DELAY_MS_MAX);
  play(wild, () => 0, 1_000);
  assert(wild.delayMs < PLAYBACK_DELAY_MS + 1, `delay is ${wild.delayMs} ms`);
});

Deno.test("PlaybackClock.playbackMs() never runs backwards, whatever the network does", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 2, maxLength: 200 }), (lates) => {
    const clock = new PlaybackClock();
    const arrivals = lates.map((lateMs, index) => ({ serverMs: SERVER_MS + index * 50, localMs: index * 50 + lateMs }));
    arrivals.sort((a, b) => a.localMs - b.localMs);
    let before = -Infinity;
    for (let localMs = 0; localMs < lates.length * 50 + 1_000; localMs += FRAME_MS) {
      while (arrivals.length > 0 && arrivals[0].localMs <= localMs) {
        const { serverMs, localMs } = arrivals.shift()!;
        clock.observe(serverMs, localMs);
      }
      const playbackMs = clock.playbackMs(localMs);
      if (Number.isNaN(playbackMs)) continue;
      assert(playbackMs >= before, `${playbackMs} after ${before}`);
      before = playbackMs;
    }
  }));
});

Deno.test("PlaybackClock.playbackMs() runs at most 10 % fast or slow once it runs", () => {
  const clock = new PlaybackClock();
  let before = NaN;
  for (let index = 0; index < 400; index++) {
    // Half way through the network becomes 60 ms slower for good.
    clock.observe(SERVER_MS + index * 50, index * 50 + (index < 200 ? 5 : 65));
    const playbackMs = clock.playbackMs(index * 50 + 70);
    if (!Number.isNaN(before)) {
      const rate = (playbackMs - before) / 50;
      assert(rate > 0.899 && rate < 1.101, `rate is ${rate} at snapshot ${index}`);
    }
    before = playbackMs;
  }
});

Deno.test("PlaybackClock.playbackMs() follows a server clock that was set back by an hour", () => {
  const clock = new PlaybackClock();
  play(clock, () => 10, 50);
  clock.observe(SERVER_MS - 3_600_000, 50 * 50 + 10);
  assertEquals(clock.playbackMs(50 * 50 + 10), SERVER_MS - 3_600_000 - PLAYBACK_DELAY_MS);
});
