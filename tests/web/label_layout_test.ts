import { LabelLayout } from "../../games/marsh/web/label_layout.ts";
import { assert, assertEquals } from "../support/assert.ts";

const BOX = { left: 100, top: 100, width: 60, height: 18 };
const BELOW = { ...BOX, top: 118 };
const ACROSS = { ...BOX, left: 130, top: 108 };

/** Runs frames until labels have come or gone. */
function settle(layout: LabelLayout, frame: (layout: LabelLayout) => number[], fromMs = 0): number[] {
  let shown: number[] = [];
  for (let nowMs = fromMs; nowMs <= fromMs + 1_000; nowMs += 50) {
    layout.begin([], nowMs);
    shown = frame(layout);
  }
  return shown;
}

Deno.test("LabelLayout.place() shows who comes first and whatever lies beside it, and not what would cover it", () => {
  const shown = settle(new LabelLayout(), (layout) => [
    layout.place(1, BOX, false),
    layout.place(2, ACROSS, false),
    layout.place(3, BELOW, false),
    layout.place(4, ACROSS, true),
  ]);
  assertEquals(shown, [1, 0, 1, 1]);
});

Deno.test("LabelLayout.place() covers nothing that is reserved", () => {
  const layout = new LabelLayout();
  layout.begin([ACROSS], 0);
  assertEquals(layout.place(1, BOX, false), 0);
  assertEquals(layout.place(2, BELOW, false), 0);
  assert(!layout.tryTake(BOX));
});

Deno.test("LabelLayout.place() lets a label come and go smoothly, and knows whose was there", () => {
  const layout = new LabelLayout();
  settle(layout, (layout) => [layout.place(1, BOX, false)]);
  assert(layout.wasShown(1) && !layout.wasShown(2));
  layout.begin([], 1_050);
  layout.place(2, BOX, true);
  const going = layout.place(1, BOX, false);
  assert(going > 0 && going < 1, String(going));
  assertEquals(settle(layout, (layout) => [layout.place(2, BOX, true), layout.place(1, BOX, false)], 1_100), [1, 0]);
});

Deno.test("LabelLayout.tryTakeOne() takes the first place that covers nothing, or none", () => {
  const layout = new LabelLayout();
  layout.begin([BOX], 0);
  assertEquals(layout.tryTakeOne([ACROSS, BELOW]), BELOW);
  assertEquals(layout.tryTakeOne([BELOW, ACROSS]), undefined);
  assert(!layout.tryTake(BELOW));
});

Deno.test("LabelLayout.freeTop() moves a label up to where it covers nothing, and not far", () => {
  const layout = new LabelLayout();
  layout.begin([], 0);
  assertEquals(layout.freeTop(BOX), BOX.top);
  layout.take(ACROSS);
  const top = layout.freeTop(BOX);
  assert(top < BOX.top && layout.tryTake({ ...BOX, top }));
  layout.take({ ...BOX, top: BOX.top - 200, height: 400 });
  assertEquals(layout.freeTop(BOX), BOX.top);
});

Deno.test("LabelLayout.take() keeps others from where something is in any case", () => {
  const layout = new LabelLayout();
  layout.begin([], 0);
  layout.take(BOX);
  assertEquals([layout.place(1, ACROSS, false), layout.place(2, ACROSS, true)], [0, 1]);
});
