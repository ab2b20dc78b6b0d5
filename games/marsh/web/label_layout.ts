/**
 * Which labels are shown where there is not room for all: none covers another.
 *
 * @module
 */

/** A rectangle on the screen. */
export interface LabelBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** How long a label takes to come or go, in milliseconds. */
const FADE_MS = 180;
/** Part of a label that others may cover. */
const SLACK_PX = 2;

/** The labels of one canvas, frame by frame. Those placed first get the room. */
export class LabelLayout {
  readonly #taken: LabelBox[] = [];
  /** How much of each label is seen, 0 to 1. */
  #shown: Map<number, number> = new Map();
  #next: Map<number, number> = new Map();
  #elapsedMs = 0;
  #frameMs = NaN;

  /**
   * Begins a frame.
   *
   * @param reserved What no label may cover.
   * @param localMs Now.
   */
  begin(reserved: readonly LabelBox[], localMs: number): void {
    this.#taken.length = 0;
    this.#taken.push(...reserved);
    this.#elapsedMs = Number.isNaN(this.#frameMs) ? FADE_MS : Math.max(0, localMs - this.#frameMs);
    this.#frameMs = localMs;
    const before = this.#shown;
    this.#shown = this.#next;
    this.#next = before;
    this.#next.clear();
  }

  /** Whether the label of an entity was seen in the frame before: it keeps its room, so that labels do not flicker. */
  wasShown(id: number): boolean {
    return (this.#shown.get(id) ?? 0) > 0.5;
  }

  /**
   * Places the label of an entity.
   *
   * @param mustShow It is shown whatever it covers.
   * @returns How much of it is seen, 0 to 1: it comes and goes smoothly.
   */
  place(id: number, box: LabelBox, mustShow: boolean): number {
    const isFree = mustShow || this.#taken.every((taken) => !overlaps(taken, box));
    if (isFree) this.#taken.push(box);
    const step = this.#elapsedMs / FADE_MS;
    const before = this.#shown.get(id) ?? 0;
    const shown = isFree ? Math.min(1, before + step) : Math.max(0, before - step);
    if (shown > 0) this.#next.set(id, shown);
    return shown;
  }

  /** Takes room for something that is there or not, without fading; gives whether there was room. */
  tryTake(box: LabelBox): boolean {
    return this.tryTakeOne([box]) !== undefined;
  }

  /** Takes the first of some places that is free; gives which, or `undefined` where none is. */
  tryTakeOne<Box extends LabelBox>(boxes: readonly Box[]): Box | undefined {
    const free = boxes.find((box) => this.#taken.every((taken) => !overlaps(taken, box)));
    if (free !== undefined) this.#taken.push(free);
    return free;
  }

  /** How high a label has to begin to cover nothing; where it is, if there is no room a little above. */
  freeTop(box: LabelBox): number {
    const tops = [0, 1, 2, 3].map((step) => box.top - step * (box.height - 2 * SLACK_PX));
    return tops.find((top) => this.#taken.every((taken) => !overlaps(taken, { ...box, top }))) ?? box.top;
  }

  /** Takes room for what is there in any case. */
  take(box: LabelBox): void {
    this.#taken.push(box);
  }
}

function overlaps(a: LabelBox, b: LabelBox): boolean {
  return a.left + a.width - SLACK_PX > b.left && b.left + b.width - SLACK_PX > a.left &&
    a.top + a.height - SLACK_PX > b.top && b.top + b.height - SLACK_PX > a.top;
}
