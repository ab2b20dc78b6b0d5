import { RenderScale } from "../../games/marsh/web/render_scale.ts";
import { assert, assertEquals } from "../support/assert.ts";

const DESK = { width: 1_920, height: 1_080 };
const PHONE = { width: 375, height: 667 };
const WINDOW_FRAMES = 20;

/** A screen on which a frame takes so long for each pixel painted. */
class Machine {
  readonly scale = new RenderScale();
  nowMs = 0;

  constructor(readonly size: { width: number; height: number }, readonly deviceRatio: number, public frameMs: number) {}

  get ratio(): number {
    return this.scale.ratioFor(this.size, this.deviceRatio);
  }

  /** Runs frames, each as long as its pixels take; `frameMs` is that of all the device's pixels. */
  run(frameCount: number): number {
    let changes = 0;
    for (let frame = 0; frame < frameCount; frame++) {
      const part = (this.ratio / Math.min(2, this.deviceRatio)) ** 2;
      this.nowMs += Math.max(17, this.frameMs * part);
      if (this.scale.frame(this.nowMs)) changes++;
    }
    return changes;
  }
}

Deno.test("RenderScale.ratioFor() gives the device's pixels, 2 to a CSS pixel at most, while frames are fast", () => {
  for (const [deviceRatio, ratio] of [[1, 1], [1.5, 1.5], [2, 2], [3, 2], [0.5, 1]]) {
    const machine = new Machine(DESK, deviceRatio, 17);
    assertEquals([machine.ratio, machine.run(1_000), machine.ratio], [ratio, 0, ratio]);
  }
});

Deno.test("RenderScale.frame() halves the pixels while frames are slow, and stops where they are not", () => {
  const machine = new Machine(DESK, 2, 60);
  machine.run(10 * WINDOW_FRAMES);
  assertEquals(machine.ratio, Math.SQRT2);
  const slower = new Machine(DESK, 2, 900);
  slower.run(10 * WINDOW_FRAMES);
  assertEquals(slower.ratio, 1);
});

Deno.test("RenderScale.frame() leaves small pictures as they are, and keeps names readable on large ones", () => {
  const phone = new Machine(PHONE, 2, 200);
  assertEquals([phone.run(100), phone.ratio], [0, 2]);
  const wall = new Machine({ width: 7_680, height: 4_320 }, 1, 900);
  wall.run(200);
  assertEquals(wall.ratio, 0.75);
});

Deno.test("RenderScale.frame() judges by the median, and takes a gap for no frame", () => {
  const { scale } = new Machine(DESK, 2, 17);
  let nowMs = 0, changes = 0;
  for (let frame = 0; frame < 500; frame++) {
    // Nine slow ones of twenty, and now and then a hidden page.
    nowMs += frame % 100 === 99 ? 60_000 : frame % 20 < 9 ? 300 : 17;
    if (scale.frame(nowMs)) changes++;
  }
  assertEquals(changes, 0);
});

Deno.test("RenderScale.frame() makes nothing coarser for a browser that saves power: 30 frames a second", () => {
  const { scale } = new Machine(DESK, 2, 17);
  for (let frame = 1; frame <= 500; frame++) assert(!scale.frame(frame * 1_000 / 30));
});

Deno.test("RenderScale.frame() gives the pixels back once the machine is fast, step by step", () => {
  const machine = new Machine(DESK, 2, 120);
  machine.run(200);
  assertEquals(machine.ratio, 1);
  machine.frameMs = 17;
  machine.run(20_000);
  assertEquals(machine.ratio, 2);
});

Deno.test("RenderScale.frame() tries a finer picture ever more rarely where it is always too slow", () => {
  const machine = new Machine(DESK, 2, 120);
  machine.run(200);
  const tries = Array.from({ length: 6 }, () => {
    const untilMs = machine.nowMs + 600_000;
    let changes = 0;
    while (machine.nowMs < untilMs) changes += machine.run(1);
    return changes;
  });
  assert(tries[0] > 4 && tries[5] <= 2, tries.join(" "));
});
