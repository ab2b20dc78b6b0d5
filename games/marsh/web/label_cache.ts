/**
 * Text on the canvas, drawn once and copied after: outlined text costs much, and a crowd has many names.
 *
 * @module
 */

import type { Pen } from "./brush.ts";
import type { LabelBox } from "./label_layout.ts";
import { COLORS } from "./palette.ts";

/** Texts kept; beyond that all are drawn anew, which a frame can bear. */
const LABELS_MAX = 512;
/** Characters of a line of a speech bubble, and lines of it. */
const BUBBLE_LINE_CHARS = 26;
const BUBBLE_LINES_MAX = 3;
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';

/** A drawn text, and its size in pixels. */
interface Label {
  readonly canvas: HTMLCanvasElement;
  readonly width: number;
  readonly height: number;
}

/** Names and speech bubbles as pictures. */
export class LabelCache {
  readonly #labels: Map<string, Label> = new Map();
  #pixelRatio = 1;

  /** Forgets everything when the device's pixel ratio changed. */
  setPixelRatio(pixelRatio: number): void {
    if (pixelRatio === this.#pixelRatio) return;
    this.#pixelRatio = pixelRatio;
    this.#labels.clear();
  }

  /** Draws a name with its middle at `x` and its foot at `y`. */
  drawName(pen: Pen, text: string, color: string, x: number, y: number): void {
    this.#draw(pen, this.#name(text, color), x, y);
  }

  /** Where {@linkcode LabelCache.drawName} would draw it. */
  boxOfName(text: string, color: string, x: number, y: number): LabelBox {
    return boxOf(this.#name(text, color), x, y);
  }

  #name(text: string, color: string): Label {
    return this.#get(`name ${color} ${text}`, () => this.#makeOutlined(text, color, `600 13px ${FONT}`, 13));
  }

  /** Draws the number of a blow with its middle at `x` and its foot at `y`. */
  drawNumber(
    pen: Pen,
    { text, color, isLarge }: { readonly text: string; readonly color: string; readonly isLarge: boolean },
    x: number,
    y: number,
  ): void {
    const sizePx = isLarge ? 23 : 16;
    const label = this.#get(
      `${sizePx} ${color} ${text}`,
      () => this.#makeOutlined(text, color, `700 ${sizePx}px ${FONT}`, sizePx),
    );
    this.#draw(pen, label, x, y);
  }

  /** Draws a speech bubble with its tip at `x`, `y`. */
  drawBubble(pen: Pen, text: string, x: number, y: number): void {
    this.#draw(pen, this.#bubble(text), x, y);
  }

  /** Where {@linkcode LabelCache.drawBubble} would draw it. */
  boxOfBubble(text: string, x: number, y: number): LabelBox {
    return boxOf(this.#bubble(text), x, y);
  }

  #bubble(text: string): Label {
    return this.#get(`bubble ${text}`, () => this.#makeBubble(text));
  }

  #draw(pen: Pen, label: Label, x: number, y: number): void {
    // At whole device pixels a copy costs least, and letters stay sharp.
    const ratio = this.#pixelRatio;
    const left = Math.round((x - label.width / 2) * ratio) / ratio,
      top = Math.round((y - label.height) * ratio) / ratio;
    pen.drawImage(label.canvas, left, top, label.width, label.height);
  }

  #get(key: string, make: () => Label): Label {
    let label = this.#labels.get(key);
    if (label === undefined) {
      if (this.#labels.size >= LABELS_MAX) this.#labels.clear();
      this.#labels.set(key, label = make());
    }
    return label;
  }

  #makeOutlined(text: string, color: string, font: string, sizePx: number): Label {
    const baseline = Math.round(sizePx * 1.08);
    return this.#make(measure(font, text) + 8, Math.round(sizePx * 1.46), (pen, width) => {
      pen.font = font;
      pen.textAlign = "center";
      pen.lineJoin = "round";
      pen.lineWidth = 4;
      pen.strokeStyle = COLORS.outline;
      pen.strokeText(text, width / 2, baseline);
      pen.fillStyle = color;
      pen.fillText(text, width / 2, baseline);
    });
  }

  #makeBubble(text: string): Label {
    const font = `13px ${FONT}`;
    const lines = wrapText(text, { lineChars: BUBBLE_LINE_CHARS, linesMax: BUBBLE_LINES_MAX });
    const textWidth = Math.max(...lines.map((line) => measure(font, line)));
    const bodyHeight = lines.length * 17 + 10;
    return this.#make(textWidth + 22, bodyHeight + 8, (pen, width) => {
      pen.fillStyle = COLORS.text;
      pen.beginPath();
      pen.roundRect(1, 1, width - 2, bodyHeight, 9);
      pen.moveTo(width / 2 - 6, bodyHeight);
      pen.lineTo(width / 2, bodyHeight + 7);
      pen.lineTo(width / 2 + 6, bodyHeight);
      pen.fill();
      pen.font = font;
      pen.textAlign = "center";
      pen.fillStyle = COLORS.ink;
      lines.forEach((line, index) => pen.fillText(line, width / 2, 19 + index * 17));
    });
  }

  #make(width: number, height: number, paint: (pen: Pen, width: number) => void): Label {
    const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(width * this.#pixelRatio);
    canvas.height = Math.ceil(height * this.#pixelRatio);
    const pen = canvas.getContext("2d");
    if (pen !== null) {
      pen.scale(this.#pixelRatio, this.#pixelRatio);
      paint(pen, width);
    }
    return { canvas, width: canvas.width / this.#pixelRatio, height: canvas.height / this.#pixelRatio };
  }
}

function boxOf({ width, height }: Label, x: number, y: number): LabelBox {
  return { left: x - width / 2, top: y - height, width, height };
}

let measuringPen: Pen | null = null;

function measure(font: string, text: string): number {
  measuringPen ??= document.createElement("canvas").getContext("2d");
  if (measuringPen === null) return text.length * 8;
  measuringPen.font = font;
  return Math.ceil(measuringPen.measureText(text).width);
}

/**
 * Breaks a text into lines, at spaces where it can; what does not fit ends in "…".
 *
 * @returns At least one line.
 */
export function wrapText(
  text: string,
  limits: { readonly lineChars: number; readonly linesMax: number },
): string[] {
  const lines: string[] = [];
  let rest = [...text.trim()];
  while (rest.length > limits.lineChars && lines.length < limits.linesMax - 1) {
    const space = rest.slice(0, limits.lineChars + 1).lastIndexOf(" ");
    const end = space > 0 ? space : limits.lineChars;
    lines.push(rest.slice(0, end).join(""));
    rest = rest.slice(space > 0 ? end + 1 : end);
  }
  lines.push(
    rest.length > limits.lineChars ? rest.slice(0, limits.lineChars - 1).join("").trimEnd() + "…" : rest.join(""),
  );
  return lines;
}
